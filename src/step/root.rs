//! The root of the container: how it is entered, its proc, its working directory.

use super::World;
use crate::cli::Opt;
use crate::fail::Stage;
use crate::plan::{Root, Step};
use crate::sys::{self, Errno, Fd, ZStr};
use crate::z;

/// A path below the root: no symbolic link leads out of it, and none of /proc's magic ones is followed.
const INSIDE: u32 = sys::RESOLVE_IN_ROOT | sys::RESOLVE_NO_MAGICLINKS;

/// ROOTFS, below which paths are resolved.
#[derive(Clone, Copy)]
pub struct Rootfs(pub Fd);

impl Rootfs {
    /// Opens a path below the root, as a place only (O_PATH).
    pub(super) fn open(self, path: ZStr<'_>, flags: u32, resolve: u32) -> sys::Result<Fd> {
        sys::openat2(self.0, path, sys::O_PATH | flags, INSIDE | resolve)
    }
}

/// Takes what later steps need of the host, while its tree is as it was.
pub(super) fn sources(world: &mut World<'_, '_>) -> sys::Result<()> {
    if world.plan.shared_proc && world.plan.steps.has(Step::Proc) {
        world.doing.subject = Some(z!("/proc"));
        world.proc = Some(sys::clone_tree(Fd::CWD, z!("/proc"), true)?);
    }
    #[cfg(feature = "fs")]
    super::fs::take(world)?;
    Ok(())
}

/// Takes ROOTFS: as a mount of its own, upon the present root, or (`chroot`, or `/` itself) as it is.
///
/// Upon the present root: so no path is looked up a second time, and a root that must stay (an initramfs) is covered.
pub(super) fn take(world: &mut World<'_, '_>) -> sys::Result<()> {
    let path = world.plan.rootfs;
    world.doing.subject = Some(path);
    let mounted = !matches!(world.plan.how, Root::Same | Root::Chroot);
    let root = if mounted {
        sys::clone_tree(Fd::CWD, path, true)
    } else {
        sys::open(path, sys::O_PATH | sys::O_DIRECTORY)
    }?;
    if mounted {
        // It may be a file: only now it is known.
        sys::fchdir(root)?;
    }
    world.root = Rootfs(root);
    #[cfg(feature = "root")]
    if world.plan.steps.has(Step::ReadOnly) {
        world.doing.now(Stage::ReadOnly, path);
        read_only_below(root)?;
    }
    if mounted {
        world.doing.now(Stage::Root, path);
        sys::move_mount(root, Fd::CWD, z!("/"))?;
    }
    Ok(())
}

/// ROOTFS becomes the root and the working directory. All mounts are made by now: with the old root still upon the new
/// one, `..` at the root would lead to it.
pub(super) fn enter(world: &mut World<'_, '_>) -> sys::Result<()> {
    world.doing.subject = Some(world.plan.rootfs);
    sys::fchdir(world.root.0)?;
    match world.plan.how {
        Root::Same => Ok(()),
        Root::Pivot => match sys::pivot_root(z!("."), z!(".")) {
            // The old root is mounted upon the new one now.
            Ok(()) => sys::umount2(z!("/"), sys::MNT_DETACH),
            // The initramfs can't be pivoted before Linux 7.0: "absolute root" in fs/namespace.c. Any other root that
            // is a mount can; a chroot is none.
            Err(Errno::EINVAL) if sys::statx(Fd::CWD, z!("/")).is_ok_and(|s| s.mount_root) => {
                sys::chroot(z!("."))
            }
            failed => failed,
        },
        _ => sys::chroot(z!(".")),
    }
}

/// Everything mounted below ROOTFS read-only, but ROOTFS itself not yet: mount points may have to be made in it.
#[cfg(feature = "root")]
fn read_only_below(root: Fd) -> sys::Result<()> {
    let was = sys::mount_flags(root)? & sys::ST_RDONLY != 0;
    sys::mount_setattr(root, true, sys::MOUNT_ATTR_RDONLY, 0)?;
    if was { Ok(()) } else { sys::mount_setattr(root, false, 0, sys::MOUNT_ATTR_RDONLY) }
}

/// ROOTFS itself read-only; what was mounted in it by our options is as they say.
#[cfg(feature = "root")]
pub(super) fn read_only(world: &World<'_, '_>) -> sys::Result<()> {
    sys::mount_setattr(world.root.0, false, sys::MOUNT_ATTR_RDONLY, 0)
}

/// proc on a directory that is no symbolic link: an image could lead it elsewhere.
pub(super) fn proc(world: &mut World<'_, '_>) -> sys::Result<()> {
    #[cfg(feature = "root")]
    let (elsewhere, options) = (world.plan.text(Opt::Proc), world.plan.text(Opt::ProcOpts));
    #[cfg(not(feature = "root"))]
    let (elsewhere, options) = (None, None);
    let dest = elsewhere.unwrap_or(z!("/proc"));
    world.doing.subject = Some(dest);
    #[cfg(feature = "root")]
    if elsewhere.is_some() {
        world.root.directory(dest)?;
    }
    let place = world.root.open(dest, sys::O_DIRECTORY, sys::RESOLVE_NO_SYMLINKS)?;
    if let Some(tree) = world.proc {
        return sys::move_mount(tree, place, z!(""));
    }
    sys::mount_on(place, z!("proc"), sys::MS_NODEV | sys::MS_NOEXEC, options)
}

/// The working directory: a directory below the root.
pub(super) fn chdir(world: &mut World<'_, '_>) -> sys::Result<()> {
    world.doing.subject = world.plan.text(Opt::Chdir);
    let Some(dir) = world.doing.subject else { return Ok(()) };
    sys::fchdir(world.root.open(dir, sys::O_DIRECTORY, 0)?)
}
