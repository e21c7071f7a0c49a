//! The names of capabilities, capabilities(7).

#[cfg(feature = "oci")]
use crate::text::{Joined, join, joined_len};
use crate::text::{Text, decimal};
#[cfg(not(feature = "oci"))]
use crate::text::{pack, packed_len};

/// In the order of their numbers, include/uapi/linux/capability.h.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore",
];
#[cfg(not(feature = "oci"))]
static PACKED: [u8; packed_len(NAMES)] = pack(NAMES);
/// A config.json names dozens, and each is looked for among all: to unpack them took a twentieth of a run.
#[cfg(feature = "oci")]
static JOINED: [u8; joined_len(NAMES)] = join(NAMES);

/// The set that a word names: of one capability, by its name in any case, with its CAP_ or without, or by its number; or
/// of ALL.
#[inline(never)]
pub fn set(word: &[u8]) -> Option<u64> {
    if let Some(number) = decimal(word) {
        return if number < 64 { Some(1 << number) } else { None };
    }
    if is(word, b"all") {
        return Some(u64::MAX);
    }
    let name = match word.split_at_checked(4) {
        Some((prefix, name)) if is(prefix, b"cap_") => name,
        _ => word,
    };
    #[cfg(feature = "oci")]
    return Joined(&JOINED).position(|known| is(name, known)).map(|n| 1 << n);
    #[cfg(not(feature = "oci"))]
    (0..NAMES.len()).find(|n| is(name, Text::on(&mut [0; 24]).say_nth(&PACKED, *n).get())).map(|n| 1 << n)
}

/// How many have names.
#[cfg(feature = "oci")]
pub(crate) const COUNT: usize = NAMES.len();

/// Appends the name of number `n`, in lower case and without its CAP_.
#[cfg(feature = "oci")]
pub(crate) fn name<'l, 'b>(n: usize, line: &'l mut Text<'b>) -> &'l mut Text<'b> {
    line.push(Joined(&JOINED).nth(n).unwrap_or_default())
}

/// Whether it is that `name`, in any case.
#[inline(never)]
fn is(word: &[u8], name: &[u8]) -> bool {
    word.len() == name.len() && word.iter().zip(name).all(|(a, b)| a.to_ascii_lowercase() == *b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use linux_raw_sys::general as c;

    #[test]
    fn capabilities_are_known_by_the_numbers_that_the_kernel_gives_them() {
        for (name, number) in [
            ("chown", c::CAP_CHOWN),
            ("kill", c::CAP_KILL),
            ("SETPCAP", c::CAP_SETPCAP),
            ("CAP_SYS_ADMIN", c::CAP_SYS_ADMIN),
            ("Cap_Sys_Resource", c::CAP_SYS_RESOURCE),
            ("cap_mknod", c::CAP_MKNOD),
            ("setfcap", c::CAP_SETFCAP),
            ("syslog", c::CAP_SYSLOG),
            ("audit_read", c::CAP_AUDIT_READ),
            ("checkpoint_restore", c::CAP_CHECKPOINT_RESTORE),
            ("0", 0),
            ("63", 63),
        ] {
            assert_eq!(set(name.as_bytes()), Some(1 << number), "{name}");
        }
        assert_eq!(NAMES.len() as u32, c::CAP_LAST_CAP + 1);
        for (number, name) in NAMES.iter().enumerate() {
            assert_eq!(set(name.as_bytes()), Some(1 << number), "{name}");
        }
        assert_eq!((set(b"ALL"), set(b"all")), (Some(u64::MAX), Some(u64::MAX)));
    }

    #[test]
    fn what_is_no_capability_is_none() {
        for no in [
            "",
            "cap",
            "cap_",
            "cap_all",
            "cap_cap_kill",
            "kil",
            "killx",
            "kill ",
            "64",
            "-1",
            "0x1",
            "sys admin",
            "~kill",
        ] {
            assert_eq!(set(no.as_bytes()), None, "{no:?}");
        }
    }
}
