//! A mount namespace that begins with ROOTFS alone: nothing of the caller's mounts is copied, so nothing has to go.

use super::{Rootfs, World};
use crate::fail::Stage;
use crate::plan::Step;
use crate::sys::{self, CLONE_NEWNS, Fd, ZStr};
use crate::z;

/// Where the mount namespace comes from.
#[derive(Clone, Copy, Default)]
pub struct Mounts {
    /// It is none of clone(2), with a copy of the caller's mounts, but begins with ROOTFS alone.
    pub alone: bool,
    /// It was made already; else the child makes it, in its own user namespace.
    pub made: Option<Fd>,
    /// A proc can be mounted only where another one is seen: that is, before it is entered.
    pub proc_first: bool,
}

impl Mounts {
    /// A detached copy of the mount at `path`, with what is mounted below when `recursive`. As long as the caller's mounts are
    /// ours, it could be one that sends on to them what is mounted in it later.
    pub(super) fn copy(self, dir: Fd, path: ZStr<'_>, recursive: bool) -> sys::Result<Fd> {
        if self.alone {
            sys::clone_private(dir, path, recursive)
        } else {
            sys::clone_tree(dir, path, recursive)
        }
    }

    /// The host's /dev: as it is, or a copy of it.
    #[cfg(feature = "fs")]
    pub(super) fn dev(self) -> sys::Result<Fd> {
        let path = z!("/dev");
        if self.alone {
            self.copy(Fd::CWD, path, true)
        } else {
            sys::open(path, sys::O_PATH | sys::O_DIRECTORY)
        }
    }

    /// Nothing of a copy can be bound before it is a mount of ours: that upon the root, where nobody reaches it by a name. Whether
    /// it has to be taken away again.
    #[cfg(feature = "fs")]
    pub(super) fn show(self, dev: Fd) -> sys::Result<bool> {
        if self.alone {
            sys::move_mount(dev, Fd::CWD, z!("/"))?;
        }
        Ok(self.alone)
    }
}

/// Enters it, with ROOTFS as its root and the working directory.
pub(super) fn take(world: &mut World<'_, '_>) -> sys::Result<()> {
    let path = world.plan.rootfs;
    world.doing.subject = Some(path);
    let namespace = match world.mounts.made {
        Some(made) => made,
        None => sys::mount_namespace(path)?,
    };
    if world.mounts.proc_first && world.plan.steps.has(Step::Proc) {
        proc(world)?;
    }
    world.doing.now(Stage::Rootfs, path);
    sys::setns(namespace, CLONE_NEWNS)?;
    world.doing.now(Stage::Propagation, None);
    sys::set_propagation(z!("/"), sys::MS_PRIVATE)?;
    if world.plan.looks_below_rootfs() {
        world.doing.now(Stage::Rootfs, path);
        world.root = Rootfs(sys::open(z!("/"), sys::O_PATH | sys::O_DIRECTORY)?);
    }
    #[cfg(feature = "root")]
    super::pivot::read_only_below(world)?;
    Ok(())
}

/// A proc of our own PID namespace, attached nowhere. The caller's mounts may not be ours to add one to; but a copy of its /proc
/// is, and there it is seen what may be seen of a proc.
fn proc(world: &mut World<'_, '_>) -> sys::Result<()> {
    let path = z!("/proc");
    world.doing.now(Stage::Proc, path);
    // Where there is none, it is asked of the caller's own.
    if let Ok(seen) = sys::mount_namespace(path) {
        sys::setns(seen, CLONE_NEWNS)?;
    }
    let attributes = sys::MOUNT_ATTR_NOSUID | sys::MOUNT_ATTR_NODEV | sys::MOUNT_ATTR_NOEXEC;
    world.proc = Some(sys::fsmount(sys::fsopen(z!("proc"))?, attributes)?);
    Ok(())
}

/// ROOTFS is the root already; it is the working directory again.
pub(super) fn enter(world: &World<'_, '_>) -> sys::Result<()> {
    match world.root {
        Rootfs(Fd::CWD) => sys::chdir(z!("/")),
        Rootfs(root) => sys::fchdir(root),
    }
}
