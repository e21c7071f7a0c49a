//! Values of the limits of a cgroup: as a number in the unit of the file that they go to; `max` is the largest one.

use super::options;
use crate::text;

/// What the kernel calls no limit.
pub const MAX: u64 = u64::MAX;

/// The period of cpu.max, in microseconds: the kernel's own default.
pub const PERIOD: u64 = 100_000;

/// The value of an option of this kind.
#[inline(never)]
pub(super) fn number(kind: u8, value: &[u8]) -> Option<u64> {
    if value == b"max" && kind != options::WEIGHT {
        return Some(MAX);
    }
    let (n, least, most) = match kind {
        options::SWAP if value == b"0" => return Some(0),
        options::MEMORY | options::SWAP => (text::size(value)?, 1, MAX),
        // PID_MAX_LIMIT of include/linux/threads.h.
        options::PIDS => (text::decimal(value)?, 1, 1 << 22),
        options::CPU_TIME => {
            // As many microseconds of a period, without a rest.
            const PART: u64 = 1_000_000_000 / PERIOD;
            let nanoseconds = u64::try_from(text::nanoseconds(value)?).ok()?;
            if nanoseconds % PART != 0 {
                return None;
            }
            // max_bw_quota_period_us of kernel/sched/core.c, and the 44 bits of its MAX_BW.
            (nanoseconds / PART, 1_000, (1 << 44) - 1)
        }
        _ => (text::decimal(value)?, 1, 10_000),
    };
    (least..=most).contains(&n).then_some(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_exact_and_never_wrap() {
        for (kind, text, want) in [
            (options::MEMORY, "64M", Some(64 << 20)),
            (options::MEMORY, "1", Some(1)),
            (options::MEMORY, "max", Some(MAX)),
            (options::MEMORY, "0", None),
            (options::MEMORY, "16777216T", None),
            (options::MEMORY, "1.5G", None),
            (options::SWAP, "0", Some(0)),
            (options::SWAP, "00", None),
            (options::SWAP, "1K", Some(1024)),
            (options::PIDS, "1", Some(1)),
            (options::PIDS, "0", None),
            (options::PIDS, "4194304", Some(1 << 22)),
            (options::PIDS, "4194305", None),
            (options::PIDS, "max", Some(MAX)),
            (options::PIDS, "MAX", None),
            (options::CPU_TIME, "1", Some(100_000)),
            (options::CPU_TIME, "1.5", Some(150_000)),
            (options::CPU_TIME, "0.01", Some(1_000)),
            (options::CPU_TIME, "0.33333", Some(33_333)),
            (options::CPU_TIME, "0.333333", None),
            (options::CPU_TIME, "0.330000000", Some(33_000)),
            (options::CPU_TIME, "0.00999", None),
            (options::CPU_TIME, "0", None),
            (options::CPU_TIME, "-1", None),
            (options::CPU_TIME, ".5", None),
            (options::CPU_TIME, "175921860", Some(17_592_186_000_000)),
            (options::CPU_TIME, "175921861", None),
            (options::CPU_TIME, "9223372037", None),
            (options::WEIGHT, "1", Some(1)),
            (options::WEIGHT, "10000", Some(10_000)),
            (options::WEIGHT, "10001", None),
            (options::WEIGHT, "0", None),
            (options::WEIGHT, "max", None),
            (options::WEIGHT, " 1", None),
            (options::WEIGHT, "", None),
        ] {
            assert_eq!(number(kind, text.as_bytes()), want, "{kind} {text}");
        }
    }
}
