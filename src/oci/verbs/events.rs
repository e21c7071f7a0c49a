//! `events`: what a container has used so far, again and again or once, and that somebody in it was killed for want of memory;
//! in the words of runc, whose readers there are.

use super::{Done, written};
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::oci::cgroup;
use crate::oci::cli::{Opt, Request};
use crate::oci::out::{Out, PACKED};
use crate::oci::state::Found;
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::{Text, decimal, fields, texts};
use crate::z;

texts! {
    /// Between two of `@` stands where a number comes from: a file of the cgroup, which may have it behind a key; a `*` makes
    /// nanoseconds of it. What is not there is 0.
    Stats {
        Begin = r#"{"cpu":{"usage":{"total":@cpu.stat usage_usec*@,"kernel":@cpu.stat system_usec*@,"user":@cpu.stat user_usec*@},"throttling":{"periods":@cpu.stat nr_periods@,"throttledPeriods":@cpu.stat nr_throttled@,"throttledTime":@cpu.stat throttled_usec*@}},"cpuset":{},"memory":{"cache":@memory.stat file@,"usage":{"limit":@memory.max@,"usage":@memory.current@,"max":@memory.peak@,"failcnt":@memory.events max@},"swap":{"limit":@memory.swap.max@,"usage":@memory.swap.current@,"failcnt":@memory.swap.events max@},"kernel":{"failcnt":0},"kernelTCP":{"failcnt":0},"raw":{"#
        Pids = r#"}},"pids":{"current":@pids.current@,"limit":@pids.max@},"blkio":{"#
        End = r#"},"hugetlb":{},"intel_rdt":{},"network_interfaces":null}"#
    }
}

/// Lists of disks, and what io.stat says for reading and for writing.
const DISKS: [(&[u8], [&[u8]; 2]); 2] =
    [(b"ioServiceBytesRecursive", [b"rbytes=", b"wbytes="]), (b"ioServicedRecursive", [b"rios=", b"wios="])];
const OPERATIONS: [&[u8]; 2] = [b"Read", b"Write"];

/// Room for the longest of the files.
const ROOM: usize = 16384;

#[inline(never)]
pub(super) fn events(request: &Request) -> Done {
    let interval = match request.text(Opt::Interval) {
        None => 5 * SECOND,
        Some(word) => match duration(word.bytes()) {
            Some(interval) => interval,
            None => return fail(Stage::Option, word, Why::Number),
        },
    };
    let Found { entry, state, process, .. } = Found::by(request, false)?;
    let Some(process) = process else { return fail(Stage::Container, entry.id, Why::NotRunning) };
    let dir = cgroup::open(state.cgroup).at(Stage::Cgroup, entry.id)?;
    let Some(dir) = dir else { return fail(Stage::Cgroup, entry.id, Why::NoCgroup) };
    if request.has(Opt::Stats) {
        return stats(entry.id, dir);
    }
    // Where there is no such controller it never changes for that.
    let watched = match sys::openat(dir, z!("memory.events"), sys::O_RDONLY, 0) {
        Err(Errno::ENOENT) => sys::openat(dir, z!("cgroup.events"), sys::O_RDONLY, 0),
        file => file,
    };
    let watched = watched.at(Stage::Cgroup, entry.id)?;
    let mut kills = number(dir, b"memory.events oom_kill");
    loop {
        let ended = process.ends_or_changes(watched, interval).at(Stage::Cgroup, entry.id)?;
        // It tells of a change until it has been read; what changes behind that it tells again.
        let _ = sys::read_again(watched, &mut [0; 16]);
        let now = number(dir, b"memory.events oom_kill");
        if now > kills {
            tell(&mut begin(b"oom", entry.id))?;
        }
        kills = now;
        if ended {
            return Ok(0);
        }
        stats(entry.id, dir)?;
    }
}

const SECOND: u64 = 1_000_000_000;

/// A number and a unit, as Go has it: `500ms`, `5s`, `1m`, `1h`; none of them is 0.
fn duration(word: &[u8]) -> Option<u64> {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = word.split_at_checked(digits)?;
    let unit = match unit {
        b"ms" => SECOND / 1000,
        b"s" => SECOND,
        b"m" => 60 * SECOND,
        b"h" => 3600 * SECOND,
        _ => return None,
    };
    decimal(number)?.checked_mul(unit).filter(|time| *time > 0)
}

/// An event of this kind, up to its data.
fn begin(kind: &[u8], id: ZStr<'_>) -> Out {
    let mut out = Out::to(Fd::STDOUT, b"");
    out.json(b"{").key(b"type").text(kind).field(b"id", id);
    out
}

/// The end of it, on a line of its own.
fn tell(out: &mut Out) -> Result<(), Fail<'static>> {
    written(out.json(b"}").plain(b"\n")).map(|_| ())
}

fn stats(id: ZStr<'_>, dir: Fd) -> Done {
    let mut out = begin(b"stats", id);
    out.key(b"data");
    fill(&mut out, dir, Stats::Begin);
    let mut room = [0; ROOM];
    for line in fields(read(dir, z!("memory.stat"), &mut room), b'\n') {
        let mut words = fields(line, b' ');
        if let (Some(key), Some(Some(value))) = (words.next(), words.next().map(decimal)) {
            out.key(key).number(value);
        }
    }
    fill(&mut out, dir, Stats::Pids);
    let io = read(dir, z!("io.stat"), &mut room);
    for (list, keys) in DISKS {
        out.key(list).json(b"[");
        for line in fields(io, b'\n') {
            disk(&mut out, line, keys);
        }
        out.json(b"]");
    }
    fill(&mut out, dir, Stats::End);
    tell(&mut out).map(|()| 0)
}

/// What a line of io.stat says of a disk.
fn disk(out: &mut Out, line: &[u8], keys: [&[u8]; 2]) {
    let mut numbers = fields(fields(line, b' ').next().unwrap_or_default(), b':').map(decimal);
    let (Some(Some(major)), Some(Some(minor))) = (numbers.next(), numbers.next()) else { return };
    for (key, operation) in keys.into_iter().zip(OPERATIONS) {
        let value = fields(line, b' ').find_map(|word| word.strip_prefix(key)).and_then(decimal);
        out.item().json(b"{").key(b"major").number(major).key(b"minor").number(minor);
        out.key(b"op").text(operation).key(b"value").number(value.unwrap_or(0)).json(b"}");
    }
}

/// A text with the numbers that it names.
fn fill(out: &mut Out, dir: Fd, part: Stats) {
    let mut room = [0; PACKED];
    let mut text = Text::on(&mut room);
    Stats::say(part as usize, &mut text);
    for (n, part) in fields(text.get(), b'@').enumerate() {
        if n & 1 == 0 {
            out.json(part);
        } else {
            out.number(number(dir, part));
        }
    }
}

/// The number that stands there; no limit is the largest of all, as runc has it.
#[inline(never)]
fn number(dir: Fd, place: &[u8]) -> u64 {
    let (place, unit) = place.strip_suffix(b"*").map_or((place, 1), |place| (place, 1000));
    let mut words = fields(place, b' ');
    let (mut name, mut room) = ([0; 32], [0; ROOM]);
    let mut text = Text::on(&mut name);
    let Some(name) = text.push(words.next().unwrap_or_default()).zstr() else { return 0 };
    let mut lines = fields(read(dir, name, &mut room), b'\n');
    let value = match words.next() {
        None => lines.next(),
        Some(key) => lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(b" ")),
    };
    match value {
        Some(b"max") => u64::MAX,
        value => value.and_then(decimal).unwrap_or(0).wrapping_mul(unit),
    }
}

/// What a file of it says; nothing where there is none.
fn read<'r>(dir: Fd, name: ZStr<'_>, room: &'r mut [u8]) -> &'r [u8] {
    let Ok(file) = sys::openat(dir, name, sys::O_RDONLY, 0) else { return b"" };
    let said = sys::read_again(file, room).unwrap_or_default();
    sys::close(file);
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_a_unit_and_are_not_0() {
        let of = |word: &str| duration(word.as_bytes());
        assert_eq!(
            (of("5s"), of("500ms"), of("1m")),
            (Some(5 * SECOND), Some(SECOND / 2), Some(60 * SECOND))
        );
        for bad in ["", "5", "s", "0s", "-1s", "1.5s", "1 s", "18446744073709551615s", "1d"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
