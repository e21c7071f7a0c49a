//! PID[:NS,...] of `--template`: a process id, and which of its namespaces are joined.

use crate::sys::{NAMESPACES, NS_KIND};
use crate::text::{decimal, fields};

/// The process id in the low half, above 0, and the CLONE_NEW* in the high one.
pub(super) fn number(value: &[u8]) -> Option<u64> {
    let mut parts = fields(value, b':');
    // 0 and negative numbers would mean groups, and ourselves.
    let pid = decimal(parts.next()?).filter(|pid| (1..=i32::MAX as u64).contains(pid))?;
    let mut kinds = 0;
    for name in fields(parts.next().unwrap_or(b"mnt,net"), b',') {
        // lsns(8) says mnt, unshare(1) says mount.
        let name = if name == b"mount" { b"mnt" } else { name };
        let kind = u64::from(NAMESPACES.iter().find(|(_, file)| file.skip(NS_KIND).is(name))?.0);
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
    use crate::sys::{
        CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER,
        CLONE_NEWUTS,
    };

    #[test]
    fn kinds_have_the_names_of_lsns_and_unshare() {
        let kinds = |text: &str| number(text.as_bytes()).map(|n| (n as u32, (n >> 32) as u32));
        assert_eq!(kinds("7"), Some((7, CLONE_NEWNS | CLONE_NEWNET)));
        assert_eq!(kinds("2147483647:net"), Some((i32::MAX as u32, CLONE_NEWNET)));
        assert_eq!(kinds("7:mount,net"), kinds("7"));
        assert_eq!(
            kinds("1:mnt,net,user,pid,uts,ipc,cgroup,time"),
            Some((1, NEW_ALL | CLONE_NEWTIME | CLONE_NEWUSER))
        );
    }

    const NEW_ALL: u32 =
        CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
}
