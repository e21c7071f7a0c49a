//! PID[:NS,...] of `--template`: a process id, and which of its namespaces are joined.

use crate::sys::{
    CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER,
    CLONE_NEWUTS,
};
use crate::text::{decimal, fields};

/// The kinds by their names in lsns(8).
const NAMES: &[u8] = b"mnt mount net user pid uts ipc cgroup time";

/// The CLONE_NEW* of each, by the number of its bit.
const BITS: [u8; 9] = [
    bit(CLONE_NEWNS),
    bit(CLONE_NEWNS),
    bit(CLONE_NEWNET),
    bit(CLONE_NEWUSER),
    bit(CLONE_NEWPID),
    bit(CLONE_NEWUTS),
    bit(CLONE_NEWIPC),
    bit(CLONE_NEWCGROUP),
    bit(CLONE_NEWTIME),
];

const fn bit(kind: u32) -> u8 {
    kind.trailing_zeros() as u8
}

/// The process id in the low half, above 0, and the CLONE_NEW* in the high one.
pub(super) fn number(value: &[u8]) -> Option<u64> {
    let mut parts = fields(value, b':');
    // 0 and negative numbers would mean groups, and ourselves.
    let pid = decimal(parts.next()?).filter(|pid| (1..=i32::MAX as u64).contains(pid))?;
    let mut kinds = 0;
    for name in fields(parts.next().unwrap_or(b"mnt,net"), b',') {
        let kind = 1 << fields(NAMES, b' ').zip(BITS).find(|(known, _)| *known == name)?.1;
        if kinds & kind != 0 {
            return None;
        }
        kinds |= kind;
    }
    if parts.next().is_none() { Some(kinds << 32 | pid) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_strictly() {
        let kinds = |text: &str| number(text.as_bytes()).map(|n| (n as u32, (n >> 32) as u32));
        assert_eq!(kinds("7"), Some((7, CLONE_NEWNS | CLONE_NEWNET)));
        assert_eq!(kinds("2147483647:net"), Some((i32::MAX as u32, CLONE_NEWNET)));
        assert_eq!(kinds("7:mount,net"), kinds("7"));
        assert_eq!(
            kinds("1:mnt,net,user,pid,uts,ipc,cgroup,time"),
            Some((1, NEW_ALL | CLONE_NEWTIME | CLONE_NEWUSER))
        );
        for bad in [
            "",
            "0",
            "00",
            "-1",
            "+1",
            " 1",
            "1 ",
            "0x1",
            "1e3",
            "2147483648",
            "4294967297",
            "18446744073709551617",
            "self",
            ":",
            ":net",
            "1:",
            "1:,",
            "1:net,",
            "1:,net",
            "1:net:",
            "1:net:uts",
            "1:nets",
            "1:NET",
            "1: net",
            "1:net,net",
            "1:mnt,mount",
        ] {
            assert_eq!(kinds(bad), None, "{bad:?}");
        }
    }

    const NEW_ALL: u32 =
        CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
}
