//! The root of the container: how it is entered, its proc, its working directory.

use super::World;
#[cfg(any(feature = "process", feature = "root"))]
use crate::cli::Opt;
#[cfg(feature = "options")]
use crate::fail::Stage;
#[cfg(feature = "options")]
use crate::plan::{Root, Step};
use crate::sys::{self, Fd, ZStr};
use crate::z;

/// A path below the root: no symbolic link leads out of it, and none of /proc's magic ones is followed.
pub(super) const INSIDE: u32 = sys::RESOLVE_IN_ROOT | sys::RESOLVE_NO_MAGICLINKS;

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
#[cfg(feature = "options")]
pub(super) fn sources(world: &mut World<'_, '_>) -> sys::Result<()> {
    if world.plan.shared_proc && world.plan.steps.has(Step::Proc) {
        world.doing.now(Stage::Source, z!("/proc"));
        world.proc = Some(world.mounts.copy(Fd::CWD, z!("/proc"), true)?);
    }
    #[cfg(feature = "bwrap")]
    if world.plan.spec.bwrap {
        super::bwrap::take(world)?;
    }
    #[cfg(feature = "fs")]
    super::fs::take(world)?;
    Ok(())
}

/// Takes ROOTFS: as a mount of its own, or (`chroot`, or `/` itself) as it is.
pub(super) fn take(world: &mut World<'_, '_>) -> sys::Result<()> {
    #[cfg(feature = "bwrap")]
    if world.plan.how == Root::Made {
        return super::bwrap::make_root(world);
    }
    #[cfg(feature = "linux7")]
    if world.mounts.alone {
        return super::mounts::take(world);
    }
    world.doing.subject = Some(world.plan.rootfs);
    #[cfg(feature = "pivot")]
    if !matches!(world.plan.how, Root::Same | Root::Chroot) {
        return super::pivot::take(world);
    }
    let flags = sys::O_PATH | sys::O_DIRECTORY;
    #[cfg(feature = "template")]
    if world.plan.enters(sys::CLONE_NEWNS) && !world.plan.spec.is_enter() {
        // A link of the template's must not lead to what we have open, or to another process's root.
        let root = sys::openat2(Fd::CWD, world.plan.rootfs, flags, sys::RESOLVE_NO_MAGICLINKS)?;
        world.root = Rootfs(root);
        #[cfg(feature = "root")]
        super::pivot::read_only_below(world)?;
        return Ok(());
    }
    world.root = Rootfs(sys::open(world.plan.rootfs, flags)?);
    #[cfg(feature = "root")]
    super::pivot::read_only_below(world)?;
    Ok(())
}

/// ROOTFS becomes the root and the working directory. All mounts are made by now: with the old root still upon the new
/// one, `..` at the root would lead to it.
pub(super) fn enter(world: &mut World<'_, '_>) -> sys::Result<()> {
    world.doing.subject = Some(world.plan.rootfs);
    #[cfg(feature = "linux7")]
    if world.mounts.alone {
        return super::mounts::enter(world);
    }
    sys::fchdir(world.root.0)?;
    #[cfg(feature = "options")]
    match world.plan.how {
        Root::Same => return Ok(()),
        #[cfg(feature = "pivot")]
        Root::Pivot => return super::pivot::pivot(),
        #[cfg(feature = "bwrap")]
        Root::Made => return super::bwrap::pivot(world),
        _ => {}
    }
    sys::chroot(z!("."))
}

/// proc on a directory that is no symbolic link: an image could lead it elsewhere.
pub(super) fn proc(world: &mut World<'_, '_>) -> sys::Result<()> {
    #[cfg(feature = "root")]
    let (elsewhere, options) = (world.plan.text(Opt::Proc), world.plan.text(Opt::ProcOpts));
    #[cfg(not(feature = "root"))]
    let (elsewhere, options) = (None, None);
    let dest = elsewhere.unwrap_or(z!("/proc"));
    world.doing.subject = Some(dest);
    #[cfg(feature = "safe")]
    if world.plan.steps.has(Step::Masks) {
        super::hide::make_proc(world, options)?;
        world.doing.now(Stage::Proc, dest);
    }
    #[cfg(feature = "root")]
    if elsewhere.is_some() {
        world.root.directory(dest)?;
    }
    #[cfg(feature = "safe")]
    if world.plan.steps.has(Step::Masks) {
        let place = world.root.open(dest, sys::O_DIRECTORY, sys::RESOLVE_NO_SYMLINKS)?;
        return sys::move_mount(Fd::CWD, place, z!(""));
    }
    #[cfg(feature = "options")]
    let tree = world.proc;
    #[cfg(not(feature = "options"))]
    let tree = None;
    mount_proc(dest, tree, options, world.root)
}

/// That of `tree`, or a new one.
#[cfg_attr(feature = "bwrap", inline(never))]
pub(super) fn mount_proc(
    dest: ZStr<'_>,
    tree: Option<Fd>,
    options: Option<ZStr<'_>>,
    root: Rootfs,
) -> sys::Result<()> {
    let place = root.open(dest, sys::O_DIRECTORY, sys::RESOLVE_NO_SYMLINKS)?;
    if let Some(tree) = tree {
        return sys::move_mount(tree, place, z!(""));
    }
    sys::mount_on(place, z!("proc"), sys::MS_NODEV | sys::MS_NOEXEC, options)
}

/// The working directory: a directory below the root.
#[cfg(feature = "process")]
pub(super) fn chdir(world: &mut World<'_, '_>) -> sys::Result<()> {
    world.doing.subject = world.plan.text(Opt::Chdir);
    let Some(dir) = world.doing.subject else { return Ok(()) };
    sys::fchdir(world.root.open(dir, sys::O_DIRECTORY, 0)?)
}
