//! The root of the container: how it is entered, its proc, its working directory.

use super::World;
use crate::fail::Stage;
use crate::plan::Root;
use crate::sys::{self, AtFd, Errno, Fd, ZStr};
use crate::z;

/// A path below the root: no symbolic link leads out of it, and none of /proc's magic ones is followed.
const INSIDE: u32 = sys::RESOLVE_IN_ROOT | sys::RESOLVE_NO_MAGICLINKS;

impl World<'_> {
    /// The root, for the calls that take a directory.
    pub fn root(&self) -> AtFd<'_> {
        self.root.as_ref().map_or(AtFd::CWD, Fd::at)
    }

    /// Opens a path below the root, as a place only (O_PATH).
    pub(super) fn open(&self, path: ZStr<'_>, flags: u32, resolve: u32) -> sys::Result<Fd> {
        sys::openat2(self.root(), path, sys::O_PATH | flags, INSIDE | resolve)
    }
}

/// Takes ROOTFS: as a mount of its own, upon the present root, or (`chroot`, or `/` itself) as it is.
///
/// Upon the present root: so no path is looked up a second time, and a root that must stay (an initramfs) is covered.
pub(super) fn take(
    how: Root,
    path: ZStr<'static>,
    read_only: bool,
    world: &mut World<'_>,
) -> sys::Result<()> {
    let mounted = !matches!(how, Root::Same | Root::Chroot);
    let root = if mounted {
        sys::clone_tree(AtFd::CWD, path, true)
    } else {
        sys::openat(AtFd::CWD, path, sys::O_PATH | sys::O_DIRECTORY, 0)
    }?;
    if mounted {
        // It may be a file: only now it is known.
        sys::fchdir(root.at())?;
    }
    #[cfg(feature = "root")]
    if read_only {
        world.now(Stage::ReadOnly, Some(path));
        read_only_below(&root)?;
    }
    let _ = read_only;
    if mounted {
        sys::move_mount(root.at(), AtFd::CWD, z!("/"))?;
    }
    world.root = Some(root);
    Ok(())
}

/// ROOTFS becomes the root and the working directory. All mounts are made by now: with the old root still upon the new
/// one, `..` at the root would lead to it.
pub(super) fn enter(how: Root, world: &World<'_>) -> sys::Result<()> {
    sys::fchdir(world.root())?;
    match how {
        Root::Same => Ok(()),
        Root::Pivot => match sys::pivot_root(z!("."), z!(".")) {
            // The old root is mounted upon the new one now.
            Ok(()) => sys::umount2(z!("/"), sys::MNT_DETACH),
            // The initramfs can't be pivoted before Linux 7.0: "absolute root" in fs/namespace.c. Any other root that
            // is a mount can; a chroot is none.
            Err(Errno::EINVAL) if sys::statx(AtFd::CWD, z!("/")).is_ok_and(|s| s.mount_root) => {
                sys::chroot(z!("."))
            }
            failed => failed,
        },
        _ => sys::chroot(z!(".")),
    }
}

/// Everything mounted below ROOTFS read-only, but ROOTFS itself not yet: mount points may have to be made in it.
#[cfg(feature = "root")]
fn read_only_below(root: &Fd) -> sys::Result<()> {
    let was = sys::is_read_only(root.at())?;
    sys::mount_setattr(root.at(), true, sys::MOUNT_ATTR_RDONLY, 0)?;
    if was { Ok(()) } else { sys::mount_setattr(root.at(), false, 0, sys::MOUNT_ATTR_RDONLY) }
}

/// ROOTFS itself read-only; what was mounted in it by our options is as they say.
#[cfg(feature = "root")]
pub(super) fn read_only(world: &World<'_>) -> sys::Result<()> {
    sys::mount_setattr(world.root(), false, sys::MOUNT_ATTR_RDONLY, 0)
}

/// proc on `dest`, which must be a directory and no symbolic link: an image could lead it elsewhere.
pub(super) fn proc(
    dest: ZStr<'static>,
    options: Option<ZStr<'static>>,
    make: bool,
    tree: &Option<Fd>,
    world: &World<'_>,
) -> sys::Result<()> {
    #[cfg(feature = "root")]
    if make {
        world.directory(dest, 0o755)?;
    }
    let _ = make;
    let place = world.open(dest, sys::O_DIRECTORY, sys::RESOLVE_NO_SYMLINKS)?;
    if let Some(tree) = tree {
        return sys::move_mount(tree.at(), place.at(), z!(""));
    }
    sys::fchdir(place.at())?;
    place.leak();
    let flags = sys::MS_NOSUID | sys::MS_NODEV | sys::MS_NOEXEC;
    sys::mount(z!("proc"), z!("."), flags, options)
}

/// The working directory: a directory below the root.
pub(super) fn chdir(dir: ZStr<'static>, world: &World<'_>) -> sys::Result<()> {
    sys::fchdir(world.open(dir, sys::O_DIRECTORY, 0)?.at())
}
