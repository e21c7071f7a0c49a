//! Landlock, landlock(7).

use super::{Errno, Fd, Result, call, done, opened};
use core::mem::size_of;
use linux_raw_sys::landlock as l;
pub use linux_raw_sys::landlock::{
    LANDLOCK_ACCESS_FS_EXECUTE, LANDLOCK_ACCESS_FS_IOCTL_DEV, LANDLOCK_ACCESS_FS_READ_DIR,
    LANDLOCK_ACCESS_FS_READ_FILE, LANDLOCK_ACCESS_FS_TRUNCATE, LANDLOCK_ACCESS_FS_WRITE_FILE,
};
#[cfg(feature = "deny-net")]
pub use linux_raw_sys::landlock::{LANDLOCK_ACCESS_NET_CONNECT_TCP, LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET};

// From include/uapi/linux/landlock.h.
/// The last right to files, of ABI 9: local sockets by their paths.
pub const LANDLOCK_ACCESS_FS_RESOLVE_UNIX: u32 = 1 << 16;
/// The last right to ports, of ABI 10.
#[cfg(feature = "deny-net")]
pub const LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP: u32 = 1 << 3;
/// The kind of a rule: an `enum` there.
const LANDLOCK_RULE_PATH_BENEATH: u32 = 1;

/// landlock_create_ruleset(2), LANDLOCK_CREATE_RULESET_VERSION: the version of the kernel's ABI. ENOSYS before Linux 5.13;
/// EOPNOTSUPP where it is off.
pub fn landlock_abi() -> Result<u32> {
    // SAFETY: no memory is involved.
    unsafe { call!(landlock_create_ruleset, 0, 0, l::LANDLOCK_CREATE_RULESET_VERSION) }
}

/// landlock_create_ruleset(2): what is denied but for the rules that follow, and which scopes end with the domain. An older
/// kernel takes the whole struct as long as what it doesn't know of is 0.
pub fn landlock_ruleset(fs: u32, net: u32, scoped: u32) -> Result<Fd> {
    let attr = l::landlock_ruleset_attr {
        handled_access_fs: fs.into(),
        handled_access_net: net.into(),
        scoped: scoped.into(),
    };
    // SAFETY: the kernel reads the struct, whose size it is given.
    unsafe { opened!(landlock_create_ruleset, &raw const attr, size_of::<l::landlock_ruleset_attr>(), 0) }
}

/// landlock_add_rule(2), LANDLOCK_RULE_PATH_BENEATH: allows this at `place` and below; of a file those rights that a file has.
pub fn landlock_allow(ruleset: Fd, place: Fd, access: u32) -> Result<()> {
    const OF_FILES: u32 = LANDLOCK_ACCESS_FS_EXECUTE
        | LANDLOCK_ACCESS_FS_WRITE_FILE
        | LANDLOCK_ACCESS_FS_READ_FILE
        | LANDLOCK_ACCESS_FS_TRUNCATE
        | LANDLOCK_ACCESS_FS_IOCTL_DEV
        | LANDLOCK_ACCESS_FS_RESOLVE_UNIX;
    let add = |access: u32| {
        let attr = l::landlock_path_beneath_attr { allowed_access: access.into(), parent_fd: place.0 as i32 };
        // SAFETY: the kernel reads the struct.
        unsafe { done!(landlock_add_rule, ruleset.0, LANDLOCK_RULE_PATH_BENEATH, &raw const attr, 0) }
    };
    match add(access) {
        // It is no directory.
        Err(Errno::EINVAL) => add(access & OF_FILES),
        added => added,
    }
}

/// landlock_restrict_self(2): from here on, for this process and all that come of it.
pub fn landlock_restrict_self(ruleset: Fd) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { done!(landlock_restrict_self, ruleset.0, 0) }
}
