//! A mount namespace that begins with ROOTFS alone: nothing of the caller's mounts is copied, so nothing has to go.

use super::{Rootfs, World};
#[cfg(feature = "root")]
use crate::cli::Opt;
use crate::fail::Stage;
use crate::plan::Step;
use crate::sys::{self, CLONE_NEWNS, Fd, ZStr};
use crate::z;

/// Where the mount namespace comes from.
#[derive(Clone, Copy, Default)]
pub struct Mounts {
    /// It is none of clone(2), with a copy of the caller's mounts, but begins with ROOTFS alone.
    pub alone: bool,
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
#[inline(never)]
pub(super) fn take(world: &mut World<'_, '_>) -> sys::Result<()> {
    let path = world.plan.rootfs;
    world.doing.subject = Some(path);
    let namespace = match world.plan.made {
        Some(made) => made,
        None => sys::mount_namespace(path)?,
    };
    if world.mounts.proc_first && world.plan.steps.has(Step::Proc) {
        proc(world)?;
    }
    world.doing.now(Stage::Rootfs, path);
    join(namespace)?;
    if world.plan.looks_below_rootfs() {
        world.root = Rootfs(sys::open(z!("/"), sys::O_PATH | sys::O_DIRECTORY)?);
    }
    #[cfg(feature = "root")]
    super::pivot::read_only_below(world)?;
    Ok(())
}

/// Nothing that is mounted in it goes to where its mounts are from, and nothing comes from there.
#[inline(never)]
fn join(namespace: Fd) -> sys::Result<()> {
    sys::setns(namespace, CLONE_NEWNS)?;
    sys::set_propagation(z!("/"), sys::MS_PRIVATE)
}

/// A proc of our own PID namespace, attached nowhere. The caller's mounts may not be ours to add one to; but a copy of its /proc
/// is, and there it is seen what may be seen of a proc.
#[inline(never)]
fn proc(world: &mut World<'_, '_>) -> sys::Result<()> {
    let (path, root) = (z!("/proc"), z!("/"));
    world.doing.now(Stage::Proc, path);
    // Where there is none, all is looked through.
    let seen = sys::mount_namespace(path).or_else(|_| sys::mount_namespace(root))?;
    join(seen)?;
    #[cfg(feature = "root")]
    let options = world.plan.text(Opt::ProcOpts);
    #[cfg(not(feature = "root"))]
    let options = None;
    sys::mount(root, z!("proc"), sys::MS_NODEV | sys::MS_NOEXEC, options)?;
    // `..` of the root leads to what lies upon it.
    world.proc = Some(world.mounts.copy(Fd::CWD, z!("/.."), false)?);
    Ok(())
}

/// ROOTFS is the root already; it is the working directory again.
pub(super) fn enter(world: &World<'_, '_>) -> sys::Result<()> {
    match world.root {
        Rootfs(Fd::CWD) => sys::chdir(z!("/")),
        Rootfs(root) => sys::fchdir(root),
    }
}
