//! Properties of a unit, systemd.resource-control(5): those of every scope of ours, and what the files of its cgroup say in
//! systemd's words.

use super::Writes;
use crate::oci::dbus::Message;
use crate::spec::limits::io_weight;
use crate::sys::{Pid, ZStr};
use crate::text::{decimal, fields};

/// Begins one: its value, of this type, comes next.
pub(super) fn property(message: &mut Message, name: &[u8], signature: &[u8]) {
    message.align(8);
    message.text(name);
    message.signature(signature);
}

fn text(message: &mut Message, name: &[u8], value: &[u8]) {
    property(message, name, b"s");
    message.text(value);
}

fn number(message: &mut Message, name: &[u8], value: u64) {
    property(message, name, b"t");
    message.number(value, 8);
}

/// What a container's scope is: delegated to us, of no slice's defaults, and gone when nobody is in it, whatever became of him.
#[inline(never)]
pub(super) fn scope(message: &mut Message, id: ZStr<'_>, slice: &[u8], keeper: Pid) {
    text(message, b"Slice", slice);
    text(message, b"CollectMode", b"inactive-or-failed");
    property(message, b"Description", b"s");
    let description: [&[u8]; 2] = [b"vesicle-oci container ", id.bytes()];
    message.number32(description.iter().map(|part| part.len() as u32).sum());
    for part in description {
        message.bytes(part);
    }
    message.byte(0);
    for (name, is) in [
        (&b"Delegate"[..], 1),
        (b"DefaultDependencies", 0),
        (b"MemoryAccounting", 1),
        (b"CPUAccounting", 1),
        (b"IOAccounting", 1),
        (b"TasksAccounting", 1),
    ] {
        property(message, name, b"b");
        message.number32(is);
    }
    property(message, b"PIDs", b"au");
    let list = message.open(4);
    message.number32(keeper.0 as u32);
    message.close(list);
}

/// Files whose value is a number, or `max`.
const NUMBERS: [(&[u8], &[u8]); 8] = [
    (b"memory.max", b"MemoryMax"),
    (b"memory.high", b"MemoryHigh"),
    (b"memory.low", b"MemoryLow"),
    (b"memory.min", b"MemoryMin"),
    (b"memory.swap.max", b"MemorySwapMax"),
    (b"cpu.weight", b"CPUWeight"),
    (b"io.weight", b"IOWeight"),
    (b"pids.max", b"TasksMax"),
];

/// What systemd knows of what is written to these files. The rest is ours alone.
#[inline(never)]
pub(super) fn resources(message: &mut Message, writes: &Writes) {
    for (file, value) in writes {
        let value = value.bytes();
        if let Some((_, name)) = NUMBERS.iter().find(|(known, _)| file.is(known)) {
            if let Some(value) = limit(value) {
                number(message, name, value);
            }
        } else if file.is(b"io.bfq.weight") {
            if let Some((b"", weight)) = io_weight(value) {
                number(message, b"IOWeight", weight);
            }
        } else if file.is(b"cpu.max") {
            quota(message, value);
        } else if file.is(b"cpuset.cpus") {
            set(message, b"AllowedCPUs", value);
        } else if file.is(b"cpuset.mems") {
            set(message, b"AllowedMemoryNodes", value);
        }
    }
}

fn limit(value: &[u8]) -> Option<u64> {
    if value == b"max" { Some(u64::MAX) } else { decimal(value) }
}

/// Microseconds in a second, of a period that may be another one.
fn quota(message: &mut Message, value: &[u8]) {
    const SECOND: u64 = 1_000_000;
    /// systemd counts in hundredths.
    const STEP: u64 = SECOND / 100;
    let mut parts = fields(value, b' ');
    let Some(quota) = parts.next().and_then(limit) else { return };
    let period = parts.next().and_then(decimal).filter(|period| *period != 0).unwrap_or(100_000);
    let per_second = if quota == u64::MAX {
        quota
    } else {
        let per_second = quota.saturating_mul(SECOND).checked_div(period).unwrap_or(u64::MAX);
        per_second.div_ceil(STEP).saturating_mul(STEP)
    };
    number(message, b"CPUQuotaPeriodUSec", period);
    number(message, b"CPUQuotaPerSecUSec", per_second);
}

/// A list such as `0-2,7` as bits, the first one lowest; nothing where it is none, which the kernel will say.
fn set(message: &mut Message, name: &[u8], list: &[u8]) {
    let mut bits = [0u8; 1024];
    let mut len = 0;
    for range in fields(list.trim_ascii(), b',') {
        let mut ends = fields(range, b'-').map(decimal);
        let (Some(Some(first)), last) = (ends.next(), ends.next()) else { return };
        let Some(last) = last.unwrap_or(Some(first)) else { return };
        for n in first..=last {
            let Some(byte) = bits.get_mut((n / 8) as usize) else { return };
            *byte |= 1 << (n % 8);
            len = len.max((n / 8) as usize);
        }
    }
    property(message, name, b"ay");
    let array = message.open(1);
    message.bytes(bits.get(..=len).unwrap_or_default());
    message.close(array);
}
