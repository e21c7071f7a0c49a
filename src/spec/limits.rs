//! What stands in the values of the limits. Pure.

use super::{Given, Spec};
use crate::cli::Opt;
use crate::sys::MAX_CPUS;
use crate::text::{bytes, decimal, fields};

/// The resources of setrlimit(2), by their names in prlimit(1), in the order of their numbers: RLIMIT_* of
/// include/uapi/asm-generic/resource.h, which both CPUs have.
const RESOURCES: &[u8] =
    b"cpu fsize data stack core rss nproc nofile memlock as locks sigpending msgqueue nice rtprio rttime";

/// Those that are counted in bytes, a bit each: fsize, data, stack, core, rss, memlock, as, msgqueue.
const IN_BYTES: u16 = 0b0001_0011_0011_1110;

/// No limit: RLIM_INFINITY.
const UNLIMITED: u64 = u64::MAX;

/// A limit of a resource.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub struct Rlimit {
    /// Its number.
    pub resource: u8,
    #[allow(missing_docs)]
    pub soft: u64,
    #[allow(missing_docs)]
    pub hard: u64,
}

/// `NAME=SOFT[:HARD]`; SOFT alone is both, as for prlimit(1).
#[inline(never)]
pub fn rlimit(value: &[u8]) -> Option<Rlimit> {
    let mut parts = fields(value, b'=');
    let (name, limits) = (parts.next()?, parts.next()?);
    // The bit that small letters have and large ones have not: all names are small letters.
    let mut known = fields(RESOURCES, b' ');
    let resource = known.position(|known| known.iter().copied().eq(name.iter().map(|b| b | 0x20)))?;
    let mut limits = fields(limits, b':').map(|text| {
        if text == b"unlimited" {
            return Some(UNLIMITED);
        }
        let number = if IN_BYTES >> (resource & 15) & 1 != 0 { bytes } else { decimal };
        number(text).filter(|n| *n != UNLIMITED)
    });
    let soft = limits.next()??;
    let hard = limits.next().unwrap_or(Some(soft))?;
    let whole = limits.next().is_none() && parts.next().is_none() && soft <= hard;
    whole.then_some(Rlimit { resource: resource as u8, soft, hard })
}

/// Calls `each` for the limit of every resource that --rlimit names: the last one of each.
#[inline(never)]
pub fn each_rlimit<E>(
    spec: &Spec<'_>,
    each: &mut dyn FnMut(&Given, Rlimit) -> Result<(), E>,
) -> Result<(), E> {
    let mut seen = 0u16;
    for given in spec.given.iter().rev().filter(|given| given.opt == Opt::Rlimit) {
        if let Some(limit) = rlimit(given.a.bytes())
            && seen >> (limit.resource & 15) & 1 == 0
        {
            seen |= 1 << (limit.resource & 15);
            each(given, limit)?;
        }
    }
    Ok(())
}

/// A whole number from `least` to `most`, perhaps negative.
#[inline(never)]
pub fn integer(text: &[u8], least: i64, most: i64) -> Option<i64> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        _ => (1, text),
    };
    let n = i64::try_from(decimal(digits)?).ok()?.wrapping_mul(sign);
    (least <= n && n <= most).then_some(n)
}

/// A list of CPUs, as cpuset(7) has it: numbers and ranges with commas between them. Calls `each` for every one.
#[inline(never)]
pub fn cpus(list: &[u8], each: &mut dyn FnMut(usize)) -> Option<()> {
    for range in fields(list, b',') {
        let mut ends = fields(range, b'-').map(|n| decimal(n).filter(|n| *n < MAX_CPUS as u64));
        let first = ends.next()??;
        let last = ends.next().unwrap_or(Some(first))?;
        if first > last || ends.next().is_some() {
            return None;
        }
        (first as usize..=last as usize).for_each(&mut *each);
    }
    Some(())
}

/// What io.bfq.weight is told, `[MAJOR:MINOR ]WEIGHT`, for io.weight: the disk, and 10 to 1000 become 1 to 10000, as runc and crun
/// have it.
#[cfg(feature = "oci")]
pub fn io_weight(value: &[u8]) -> Option<(&[u8], u64)> {
    let start = value.iter().rposition(|byte| *byte == b' ').map_or(0, |at| at.wrapping_add(1));
    let (disk, weight) = value.split_at_checked(start)?;
    Some((disk, 1 + (decimal(weight)?.clamp(10, 1000) - 10) * 9999 / 990))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "oci")]
    #[test]
    fn weights_of_disks_are_converted_as_by_runc_and_crun() {
        for (value, want) in [
            ("10", Some(("", 1))),
            ("500", Some(("", 4950))),
            ("1000", Some(("", 10_000))),
            ("1", Some(("", 1))),
            ("18446744073709551615", Some(("", 10_000))),
            ("8:16 300", Some(("8:16 ", 2930))),
            ("8:16 default", None),
            ("", None),
        ] {
            let want = want.map(|(disk, weight)| (disk.as_bytes(), weight));
            assert_eq!(io_weight(value.as_bytes()), want, "{value}");
        }
    }

    #[test]
    fn rlimits_have_the_names_and_numbers_of_the_kernel() {
        use linux_raw_sys::general as c;
        let numbers = [
            ("as", c::RLIMIT_AS),
            ("core", c::RLIMIT_CORE),
            ("cpu", c::RLIMIT_CPU),
            ("data", c::RLIMIT_DATA),
            ("fsize", c::RLIMIT_FSIZE),
            ("locks", c::RLIMIT_LOCKS),
            ("memlock", c::RLIMIT_MEMLOCK),
            ("msgqueue", c::RLIMIT_MSGQUEUE),
            ("nice", c::RLIMIT_NICE),
            ("nofile", c::RLIMIT_NOFILE),
            ("nproc", c::RLIMIT_NPROC),
            ("rss", c::RLIMIT_RSS),
            ("rtprio", c::RLIMIT_RTPRIO),
            ("rttime", c::RLIMIT_RTTIME),
            ("sigpending", c::RLIMIT_SIGPENDING),
            ("stack", c::RLIMIT_STACK),
        ];
        assert_eq!(
            (numbers.len() as u32, fields(RESOURCES, b' ').count() as u32),
            (c::RLIM_NLIMITS, c::RLIM_NLIMITS)
        );
        let bytes = ["as", "core", "data", "fsize", "memlock", "msgqueue", "rss", "stack"];
        for (name, number) in numbers {
            let at = |text: String| rlimit(text.as_bytes()).map(|r| (u32::from(r.resource), r.soft, r.hard));
            assert_eq!(at(format!("{name}=7")), Some((number, 7, 7)));
            assert_eq!(at(format!("{}=0:9", name.to_uppercase())), Some((number, 0, 9)));
            assert_eq!(at(format!("{name}=unlimited")), Some((number, !0, !0)));
            assert_eq!(at(format!("{name}=5:unlimited")), Some((number, 5, !0)));
            let kib = bytes.contains(&name).then_some((number, 1 << 10, 2 << 20));
            assert_eq!(at(format!("{name}=1K:2M")), kib, "{name}");
        }
    }

    #[test]
    fn rlimits_that_make_no_sense_are_refused() {
        for bad in [
            "",
            "nofile",
            "nofile=",
            "=5",
            "nofile=5:",
            "nofile=:5",
            "nofile=:",
            "nofile=6:5",
            "nofile=unlimited:5",
            "nofile=-1",
            "nofile=+5",
            "nofile= 5",
            "nofile=5 ",
            "nofile=0x5",
            "nofile=5:6:7",
            "nofile=5=6",
            "nofile=5K",
            "files=5",
            "nofile =5",
            " nofile=5",
            "RLIMIT_NOFILE=5",
            "nofile:5",
            "nofile=18446744073709551615",
            "nofile=18446744073709551616",
            "as=16777216T",
            "as=1k",
            "as=1KK",
            "as=K",
            "as=1.5G",
            "as=infinity",
            "cpu fsize=5",
            "nofile=Unlimited",
        ] {
            assert_eq!(rlimit(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn whole_numbers_have_a_sign_and_stay_in_their_range() {
        for (text, want) in
            [("-20", Some(-20)), ("0", Some(0)), ("-0", Some(0)), ("19", Some(19)), ("007", Some(7))]
        {
            assert_eq!(integer(text.as_bytes(), -20, 19), want, "{text}");
        }
        for bad in
            ["", "-", "--5", "+5", "5 ", " 5", "0x5", "20", "-21", "4294967296", "9223372036854775808", "5.0"]
        {
            assert_eq!(integer(bad.as_bytes(), -20, 19), None, "{bad:?}");
        }
    }

    #[test]
    fn lists_of_cpus_are_numbers_and_ranges_and_nothing_else() {
        let read = |text: &str| {
            let mut list = Vec::new();
            cpus(text.as_bytes(), &mut |cpu| list.push(cpu)).map(|()| list)
        };
        assert_eq!(read("0-3,7"), Some(vec![0, 1, 2, 3, 7]));
        assert_eq!(read("7,0-1,1"), Some(vec![7, 0, 1, 1]));
        assert_eq!(read("8191"), Some(vec![8191]));
        assert_eq!(read("0-8191").map(|list| list.len()), Some(8192));
        for bad in [
            "",
            ",",
            "0,",
            ",0",
            "0,,1",
            "3-0",
            "-",
            "0-",
            "-3",
            "0-1-2",
            " 0",
            "0 ",
            "0, 1",
            "0 -1",
            "a",
            "0x1",
            "+1",
            "8192",
            "0-8192",
            "4294967296",
            "18446744073709551616",
            "0-3:2",
            "all",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
