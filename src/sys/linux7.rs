//! What Linux 7 has brought.

use super::{Fd, Pid, Result, ZStr, opened};
use linux_raw_sys::general as c;

// What linux-raw-sys does not have yet.
/// linux/mount.h
const OPEN_TREE_NAMESPACE: u32 = 1 << 1;
/// linux/sched.h
const CLONE_NNP: u64 = 1 << 35;
/// linux/nsfs.h
pub const USER_NS_INIT_INO: u64 = 0xeffffffd;

/// open_tree(2) with OPEN_TREE_NAMESPACE: a mount namespace, owned by the user namespace that we are in, of the mount at `path`
/// and what is mounted below. Whoever does not own the mounts that are copied can't take apart what comes of them. Linux 7.0;
/// before that it is EINVAL.
#[inline(never)]
pub fn mount_namespace(path: ZStr<'_>) -> Result<Fd> {
    let flags = OPEN_TREE_NAMESPACE | c::AT_RECURSIVE | c::O_CLOEXEC;
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { opened!(open_tree, c::AT_FDCWD, path.as_ptr(), flags) }
}

/// open_tree_attr(2): a detached copy as [`super::clone_tree`] makes it, that neither sends mounts to the one that it is of nor
/// receives them. Linux 6.15.
pub fn clone_private(dir: Fd, path: ZStr<'_>, recursive: bool) -> Result<Fd> {
    let flags = c::OPEN_TREE_CLONE | c::O_CLOEXEC | if recursive { c::AT_RECURSIVE } else { 0 };
    let attr = c::mount_attr { attr_set: 0, attr_clr: 0, propagation: c::MS_PRIVATE.into(), userns_fd: 0 };
    // SAFETY: the kernel reads a NUL-terminated string and the struct, whose size it is given.
    unsafe {
        opened!(
            open_tree_attr,
            dir.0,
            path.as_ptr(),
            flags,
            &raw const attr,
            core::mem::size_of::<c::mount_attr>()
        )
    }
}

/// clone3(2), CLONE_NNP: as [`super::clone`], perhaps in a cgroup, with a child that has no_new_privs. Linux 7.1; before that it
/// is EINVAL.
pub fn clone_no_new_privs<T>(
    flags: u32,
    cgroup: Option<Fd>,
    life: extern "C" fn(&mut T) -> !,
    arg: &mut T,
) -> Result<Pid> {
    super::process::clone3(u64::from(flags) | CLONE_NNP, cgroup, life, arg)
}
