//! ROOTFS as a mount of its own.

use super::World;
use super::root::Rootfs;
use crate::fail::Stage;
#[cfg(feature = "root")]
use crate::plan::Step;
use crate::sys::{self, Errno, Fd};
use crate::z;

/// Takes ROOTFS as a mount of its own, upon the present root: so no path is looked up a second time, and a root that must
/// stay (an initramfs) is covered.
pub(super) fn take(world: &mut World<'_, '_>) -> sys::Result<()> {
    let path = world.plan.rootfs;
    let root = sys::clone_tree(Fd::CWD, path, true)?;
    // It may be a file: only now it is known.
    sys::fchdir(root)?;
    world.root = Rootfs(root);
    #[cfg(feature = "root")]
    read_only_below(world)?;
    world.doing.now(Stage::Root, path);
    sys::move_mount(root, Fd::CWD, z!("/"))
}

/// The working directory becomes the root.
pub(super) fn pivot() -> sys::Result<()> {
    match sys::pivot_root(z!("."), z!(".")) {
        // The old root is mounted upon the new one now.
        Ok(()) => sys::umount2(z!("/"), sys::MNT_DETACH),
        // The initramfs can't be pivoted before Linux 7.0: "absolute root" in fs/namespace.c. Any other root that
        // is a mount can; a chroot is none.
        Err(Errno::EINVAL) if sys::statx(Fd::CWD, z!("/")).is_ok_and(|s| s.mount_root) => {
            sys::chroot(z!("."))
        }
        failed => failed,
    }
}

/// Everything mounted below ROOTFS read-only, where that is asked for, but ROOTFS itself not yet: mount points may have to
/// be made in it.
#[cfg(feature = "root")]
pub(super) fn read_only_below(world: &mut World<'_, '_>) -> sys::Result<()> {
    if !world.plan.steps.has(Step::ReadOnly) {
        return Ok(());
    }
    world.doing.now(Stage::ReadOnly, world.plan.rootfs);
    let root = world.root.0;
    let was = sys::mount_flags(root)? & sys::ST_RDONLY != 0;
    sys::mount_setattr(root, true, sys::MOUNT_ATTR_RDONLY, 0)?;
    if was { Ok(()) } else { sys::mount_setattr(root, false, 0, sys::MOUNT_ATTR_RDONLY) }
}

/// ROOTFS itself read-only; what was mounted in it by our options is as they say.
#[cfg(feature = "root")]
pub(super) fn read_only(world: &World<'_, '_>) -> sys::Result<()> {
    sys::mount_setattr(world.root.0, false, sys::MOUNT_ATTR_RDONLY, 0)
}
