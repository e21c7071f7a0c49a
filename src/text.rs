//! Texts without pointers, numbers without a formatter.

#[cfg(any(feature = "jobs", feature = "options", feature = "path"))]
mod fields;
#[cfg(feature = "veth")]
mod ip;
mod pack;

#[cfg(any(feature = "jobs", feature = "options", feature = "path"))]
pub(crate) use fields::*;
#[cfg(feature = "veth")]
pub use ip::Ip;
#[cfg(feature = "veth")]
pub(crate) use ip::small;
pub(crate) use pack::*;

#[cfg(feature = "fs")]
use crate::sys::Fd;
#[cfg(any(
    feature = "jobs",
    feature = "users",
    feature = "report",
    all(feature = "limits", feature = "veth")
))]
use crate::sys::Pid;
#[cfg(any(test, feature = "options", feature = "boot"))]
use crate::sys::ZStr;

/// A text in the making, on memory of its user's; what doesn't fit makes the whole of it void instead of being cut.
pub(crate) struct Text<'b> {
    room: &'b mut [u8],
    /// How long it would be.
    len: usize,
}

impl<'b> Text<'b> {
    /// An empty one. One byte of `room` is for the NUL of [`Text::zstr`].
    #[inline(never)]
    pub(crate) fn on(room: &'b mut [u8]) -> Self {
        Text { room, len: 0 }
    }

    /// Empty again.
    #[cfg(any(test, feature = "cgroup", feature = "path", feature = "timings"))]
    pub(crate) fn clear(&mut self) -> &mut Self {
        self.len = 0;
        self
    }

    /// How long it is, as far as it fits.
    #[cfg(any(feature = "cgroup", feature = "fs", feature = "root", feature = "help", feature = "timings"))]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends bytes.
    #[inline(never)]
    pub(crate) fn push(&mut self, bytes: &[u8]) -> &mut Self {
        for b in bytes {
            self.put(*b);
        }
        self
    }

    /// Appends one byte.
    #[inline(never)]
    pub(crate) fn put(&mut self, byte: u8) -> &mut Self {
        if let Some(slot) = self.room.get_mut(self.len) {
            *slot = byte;
        }
        // As many bytes as there can be numbers are never put.
        self.len = self.len.wrapping_add(1);
        self
    }

    /// Appends a number in decimal.
    pub(crate) fn number(&mut self, n: u64) -> &mut Self {
        self.digits(n, 10)
    }

    /// Appends a number in octal.
    #[cfg(feature = "fs")]
    pub(crate) fn octal(&mut self, n: u32) -> &mut Self {
        self.digits(n.into(), 8)
    }

    /// Appends the path of a descriptor.
    #[cfg(feature = "fs")]
    pub(crate) fn descriptor(&mut self, fd: Fd) -> &mut Self {
        self.push(b"/proc/self/fd/").number(fd.number().into())
    }

    #[inline(never)]
    fn digits(&mut self, n: u64, base: u64) -> &mut Self {
        // The last digit is made first, by the same division.
        let (rest, last) = (n / base, b'0' + (n % base) as u8);
        if rest > 0 {
            self.digits(rest, base);
        }
        self.put(last)
    }

    /// What was appended; empty when something did not fit.
    #[inline(never)]
    pub(crate) fn get(&self) -> &[u8] {
        self.room.get(..self.len).unwrap_or_default()
    }

    /// What was appended, as a C string; `None` when something did not fit.
    #[cfg(any(test, feature = "cgroup", feature = "fs", feature = "root", feature = "boot"))]
    #[inline(never)]
    pub(crate) fn zstr(&mut self) -> Option<ZStr<'_>> {
        *self.room.get_mut(self.len)? = 0;
        ZStr::until_nul(self.room)
    }
}

/// Takes the first of the words that stand one behind the other, each with its NUL.
#[cfg(any(feature = "boot", feature = "env", feature = "safe", feature = "users"))]
pub(crate) fn word<'t>(rest: &mut &'t [u8]) -> Option<ZStr<'t>> {
    let word = ZStr::until_nul(rest)?;
    *rest = rest.get(word.bytes_with_nul().len()..).unwrap_or_default();
    Some(word)
}

/// `/proc/PID/FILE`, with zeros behind it.
#[cfg(any(
    feature = "jobs",
    feature = "users",
    feature = "report",
    all(feature = "limits", feature = "veth")
))]
pub(crate) fn process_path(pid: Pid, file: &[u8]) -> [u8; 40] {
    let mut room = [0; 40];
    Text::on(&mut room).push(b"/proc/").number(pid.0 as u64).put(b'/').push(file);
    room
}

/// `/proc/self/fd/N`: what a descriptor has open, whatever became of its name.
#[cfg(feature = "fs")]
#[inline(never)]
pub(crate) fn descriptor_path(fd: Fd, room: &mut [u8; 32]) -> ZStr<'_> {
    Text::on(room).descriptor(fd);
    ZStr::until_nul(room).unwrap_or(crate::z!(""))
}

/// A number in decimal: digits only, no sign, no space, no overflow. A number that wraps to root is somebody's CVE.
#[cfg(any(feature = "jobs", feature = "options"))]
pub(crate) fn decimal(s: &[u8]) -> Option<u64> {
    radix(s, 10)
}

/// A user or group id, or how many of them.
#[cfg(feature = "users")]
#[inline(never)]
pub(crate) fn id(s: &[u8]) -> Option<u32> {
    decimal(s).and_then(|n| u32::try_from(n).ok())
}

/// Seconds, perhaps negative, perhaps with a fraction of up to nine digits: nanoseconds, up to 292 years of them.
#[cfg(any(feature = "host", feature = "cgroup", feature = "init", feature = "boot", feature = "timeout"))]
#[cfg_attr(feature = "timeout", inline(never))]
pub(crate) fn nanoseconds(s: &[u8]) -> Option<i64> {
    let (negative, s) = match s {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, s),
    };
    let mut parts = fields(s, b'.');
    let mut n = i64::try_from(decimal(parts.next()?)?).ok()?.checked_mul(1_000_000_000)?;
    if let Some(fraction) = parts.next() {
        let mut part = decimal(fraction)? as i64;
        for _ in fraction.len()..9 {
            part = part.wrapping_mul(10);
        }
        n = n.checked_add(part)?;
        if fraction.len() > 9 || parts.next().is_some() {
            return None;
        }
    }
    Some(if negative { n.wrapping_neg() } else { n })
}

/// BYTES: digits, then K, M, G or T for powers of 1024; at least one.
#[cfg(any(feature = "cgroup", feature = "fs"))]
pub(crate) fn size(text: &[u8]) -> Option<u64> {
    bytes(text).filter(|n| *n > 0)
}

/// The same, or none.
#[cfg(any(feature = "cgroup", feature = "fs", feature = "limits"))]
#[cfg_attr(feature = "limits", inline(never))]
pub(crate) fn bytes(text: &[u8]) -> Option<u64> {
    let (digits, shift) = match text {
        [digits @ .., b'K'] => (digits, 10),
        [digits @ .., b'M'] => (digits, 20),
        [digits @ .., b'G'] => (digits, 30),
        [digits @ .., b'T'] => (digits, 40),
        _ => (text, 0),
    };
    decimal(digits)?.checked_mul(1 << shift)
}

/// A number in octal, for modes.
#[cfg(feature = "options")]
pub(crate) fn octal(s: &[u8]) -> Option<u32> {
    radix(s, 8).filter(|n| *n <= 0o7777).map(|n| n as u32)
}

#[cfg(any(feature = "jobs", feature = "options"))]
#[inline(never)]
fn radix(s: &[u8], base: u64) -> Option<u64> {
    if s.is_empty() {
        return None;
    }
    let mut n: u64 = 0;
    for b in s {
        let d = u64::from(b.wrapping_sub(b'0'));
        if d >= base {
            return None;
        }
        n = n.checked_mul(base)?.checked_add(d)?;
    }
    Some(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "options")]
    fn numbers_that_other_tools_misread_are_refused() {
        for bad in ["", " 0", "0 ", "-1", "+1", "0x0", "1000:", "1e3", "18446744073709551616"] {
            assert_eq!(decimal(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!((octal(b"755"), octal(b"8"), octal(b"17777")), (Some(0o755), None, None));
    }

    #[test]
    #[cfg(any(feature = "host", feature = "init"))]
    fn seconds_have_a_sign_and_a_fraction() {
        let cases = [
            ("0", Some(0)),
            ("86400", Some(86_400_000_000_000)),
            ("-5", Some(-5_000_000_000)),
            ("1.5", Some(1_500_000_000)),
            ("-1.5", Some(-1_500_000_000)),
            ("0.000000001", Some(1)),
            ("1.", None),
            (".5", None),
            ("1.0000000001", None),
            ("1.2.3", None),
            ("--1", None),
            ("1e3", None),
            ("", None),
            ("9223372036", Some(9_223_372_036_000_000_000)),
            ("9223372037", None),
        ];
        for (text, want) in cases {
            assert_eq!(nanoseconds(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    #[cfg(feature = "fs")]
    fn sizes_have_a_unit_and_never_wrap() {
        for (text, want) in
            [("1", Some(1)), ("64K", Some(65536)), ("3G", Some(3 << 30)), ("16777215T", Some(16777215 << 40))]
        {
            assert_eq!(size(text.as_bytes()), want, "{text}");
        }
        for bad in ["", "0", "K", "1k", "1KK", "1.5M", "-1", "16777216T"] {
            assert_eq!(size(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn numbers_are_written_as_std_writes_them() {
        for n in [0, 7, 10, 65534, u64::MAX] {
            assert_eq!(Text::on(&mut [0; 20]).number(n).get(), n.to_string().as_bytes());
        }
        assert_eq!(Text::on(&mut [0; 8]).digits(0o1777, 8).get(), b"1777");
    }

    #[test]
    fn what_does_not_fit_is_void_and_not_cut() {
        let mut room = [0; 3];
        let mut text = Text::on(&mut room);
        assert_eq!(text.push(b"abc").get(), b"abc");
        assert!(text.zstr().is_none(), "there is no room for the NUL");
        assert_eq!(text.push(b"d").get(), b"");
        assert_eq!(text.clear().push(b"e").get(), b"e");
    }
}
