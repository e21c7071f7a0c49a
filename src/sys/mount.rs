//! Mounts.

use super::{Fd, Result, ZStr, done, opened};
use core::mem::size_of;
use linux_raw_sys::general as c;
#[cfg(any(feature = "boot", feature = "fs"))]
use linux_raw_sys::general::fsconfig_command as set;
pub use linux_raw_sys::general::{
    AT_RECURSIVE, MNT_DETACH, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY,
    MS_NODEV, MS_NOEXEC, MS_PRIVATE, MS_RDONLY, MS_REC, MS_SLAVE, OPEN_TREE_CLONE,
};

#[cfg(feature = "oci")]
pub use linux_raw_sys::general::{
    MOUNT_ATTR__ATIME as MOUNT_ATTR_ATIME, MOUNT_ATTR_IDMAP, MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_STRICTATIME,
    MS_SHARED, MS_UNBINDABLE,
};
#[cfg(all(feature = "oci", not(feature = "boot")))]
pub use linux_raw_sys::general::{MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODIRATIME};

/// fchdir(2), then mount(2) of a new file system there: on that very directory and not on whatever its name leads to.
/// `data` are the file system's own options; none is set-id in it.
#[inline(never)]
pub fn mount_on(place: Fd, kind: ZStr<'_>, flags: u32, data: Option<ZStr<'_>>) -> Result<()> {
    match super::fchdir(place) {
        Ok(()) => mount(crate::z!("."), kind, flags, data),
        #[cfg(feature = "fs")]
        Err(super::Errno::EACCES) => mount_upon(place, kind, flags, data),
        Err(e) => Err(e),
    }
}

/// The same for a directory that we may not enter: upon the root, to whose top `..` leads, and moved from there. Linux 5.2.
#[cfg(feature = "fs")]
#[cold]
fn mount_upon(place: Fd, kind: ZStr<'_>, flags: u32, data: Option<ZStr<'_>>) -> Result<()> {
    mount(crate::z!("/"), kind, flags, data)?;
    let tree = super::open(crate::z!("/.."), super::O_PATH | super::O_DIRECTORY)?;
    move_mount(tree, place, crate::z!(""))?;
    super::close(tree);
    Ok(())
}

/// mount(2) of a new file system at a path of our own: nobody else's links are in it.
#[cfg_attr(feature = "fs", inline(never))]
pub fn mount(path: ZStr<'_>, kind: ZStr<'_>, flags: u32, data: Option<ZStr<'_>>) -> Result<()> {
    let flags = flags | c::MS_NOSUID;
    let data = data.map_or(core::ptr::null(), ZStr::as_ptr);
    // SAFETY: the kernel reads NUL-terminated strings; null data is none.
    unsafe { done!(mount, kind.as_ptr(), path.as_ptr(), kind.as_ptr(), flags, data) }
}

/// mount(2), MS_PRIVATE or MS_SLAVE, and MS_REC: what is mounted at `path` and below does not send mounts any more, and (if
/// private) receives none.
pub fn set_propagation(path: ZStr<'_>, how: u32) -> Result<()> {
    // SAFETY: the kernel reads one NUL-terminated string; a change of propagation looks at no other.
    unsafe { done!(mount, 0, path.as_ptr(), 0, MS_REC | how, 0) }
}

/// mount(2), MS_BIND: what is at `source` at `path` too, with the flags of its mount, and without what is mounted below.
#[cfg(feature = "safe")]
pub fn bind(source: ZStr<'_>, path: ZStr<'_>) -> Result<()> {
    // SAFETY: the kernel reads two NUL-terminated strings.
    unsafe { done!(mount, source.as_ptr(), path.as_ptr(), 0, c::MS_BIND, 0) }
}

/// mount(2), MS_REMOUNT and MS_BIND: the mount that the working directory is the root of gets `flags`, and no program
/// and no device works in it.
#[cfg(feature = "safe")]
pub fn remount_here(flags: u32) -> Result<()> {
    let flags = flags | c::MS_REMOUNT | c::MS_BIND | c::MS_NOSUID | MS_NODEV | MS_NOEXEC;
    // SAFETY: the kernel reads one NUL-terminated string.
    unsafe { done!(mount, 0, crate::z!(".").as_ptr(), 0, flags, 0) }
}

/// umount2(2).
pub fn umount2(path: ZStr<'_>, flags: u32) -> Result<()> {
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { done!(umount2, path.as_ptr(), flags) }
}

/// pivot_root(2).
pub fn pivot_root(new: ZStr<'_>, old: ZStr<'_>) -> Result<()> {
    // SAFETY: the kernel reads two NUL-terminated strings.
    unsafe { done!(pivot_root, new.as_ptr(), old.as_ptr()) }
}

/// chroot(2).
pub fn chroot(path: ZStr<'_>) -> Result<()> {
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { done!(chroot, path.as_ptr()) }
}

/// open_tree(2) with OPEN_TREE_CLONE: a detached copy of the mount at `path`, with what is mounted below when
/// `recursive`. Linux 5.2.
pub fn clone_tree(dir: Fd, path: ZStr<'_>, recursive: bool) -> Result<Fd> {
    let rec = if recursive { AT_RECURSIVE } else { 0 };
    let flags = OPEN_TREE_CLONE | c::O_CLOEXEC | rec;
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { opened!(open_tree, dir.0, path.as_ptr(), flags) }
}

/// The same of what a descriptor has open, which must lie on a mount of our mount namespace; without what is mounted
/// below.
#[cfg(feature = "fs")]
pub fn clone_opened(fd: Fd) -> Result<Fd> {
    let flags = OPEN_TREE_CLONE | c::O_CLOEXEC | c::AT_EMPTY_PATH;
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { opened!(open_tree, fd.0, crate::z!("").as_ptr(), flags) }
}

/// move_mount(2): attaches the mount `tree` at `path` below `dir` (an empty path: at `dir` itself). Linux 5.2.
#[inline(never)]
pub fn move_mount(tree: Fd, dir: Fd, path: ZStr<'_>) -> Result<()> {
    let flags = c::MOVE_MOUNT_F_EMPTY_PATH | c::MOVE_MOUNT_T_EMPTY_PATH;
    // SAFETY: the kernel reads two NUL-terminated strings.
    unsafe { done!(move_mount, tree.0, crate::z!("").as_ptr(), dir.0, path.as_ptr(), flags) }
}

/// mount_setattr(2) on the mount `tree`, and on all below it when `recursive`. Linux 5.12.
pub fn mount_setattr(tree: Fd, recursive: bool, set: u32, clear: u32) -> Result<()> {
    let attr =
        c::mount_attr { attr_set: u64::from(set), attr_clr: u64::from(clear), propagation: 0, userns_fd: 0 };
    let flags = c::AT_EMPTY_PATH | if recursive { AT_RECURSIVE } else { 0 };
    // SAFETY: the kernel reads the string and the struct, whose size it is given.
    unsafe {
        done!(
            mount_setattr,
            tree.0,
            crate::z!("").as_ptr(),
            flags,
            &raw const attr,
            size_of::<c::mount_attr>()
        )
    }
}

/// The same, and a change of propagation (MS_*, or 0 for none). With MOUNT_ATTR_IDMAP whose the files are is told by the maps of
/// the user namespace `users`. EPERM: the file system is another's, or they are mapped already; EINVAL: it can't have it.
#[cfg(feature = "oci")]
pub fn mount_attributes(
    tree: Fd,
    recursive: bool,
    set: u32,
    clear: u32,
    propagation: u32,
    users: Fd,
) -> Result<()> {
    let attr = c::mount_attr {
        attr_set: u64::from(set),
        attr_clr: u64::from(clear),
        propagation: u64::from(propagation),
        userns_fd: users.0.into(),
    };
    let flags = c::AT_EMPTY_PATH | if recursive { AT_RECURSIVE } else { 0 };
    // SAFETY: the kernel reads the string and the struct, whose size it is given.
    unsafe {
        let (path, size) = (crate::z!("").as_ptr(), size_of::<c::mount_attr>());
        done!(mount_setattr, tree.0, path, flags, &raw const attr, size)
    }
}

/// open_tree(2) with OPEN_TREE_CLONE of what a descriptor has open, with all that is mounted below.
#[cfg(feature = "oci")]
pub fn clone_below(fd: Fd) -> Result<Fd> {
    let flags = OPEN_TREE_CLONE | c::O_CLOEXEC | c::AT_EMPTY_PATH | AT_RECURSIVE;
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { opened!(open_tree, fd.0, crate::z!("").as_ptr(), flags) }
}

/// A file system that is being configured: fsopen(2). Linux 5.2.
#[cfg(any(feature = "boot", feature = "fs"))]
pub fn fsopen(kind: ZStr<'_>) -> Result<Fd> {
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { opened!(fsopen, kind.as_ptr(), c::FSOPEN_CLOEXEC) }
}

/// fsconfig(2): an option with its value, or a flag that has none.
#[cfg(any(feature = "boot", feature = "fs"))]
#[inline(never)]
pub fn fsconfig(fs: Fd, key: ZStr<'_>, value: Option<ZStr<'_>>) -> Result<()> {
    let command = if value.is_some() { set::FSCONFIG_SET_STRING } else { set::FSCONFIG_SET_FLAG };
    let value = value.map_or(core::ptr::null(), ZStr::as_ptr);
    // SAFETY: the kernel reads NUL-terminated strings; a flag's value is null.
    unsafe { done!(fsconfig, fs.0, command as u32, key.as_ptr(), value, 0) }
}

/// fsconfig(2), FSCONFIG_CMD_CREATE, and fsmount(2): the mount that it makes, attached nowhere.
#[cfg(any(feature = "boot", feature = "fs"))]
pub fn fsmount(fs: Fd, attributes: u32) -> Result<Fd> {
    // SAFETY: no memory is involved: this command takes no key and no value.
    unsafe {
        done!(fsconfig, fs.0, set::FSCONFIG_CMD_CREATE as u32, 0, 0, 0)?;
        opened!(fsmount, fs.0, c::FSMOUNT_CLOEXEC, attributes)
    }
}
