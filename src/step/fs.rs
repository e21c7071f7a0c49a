//! Binds, tmpfs, sysfs and links.

use super::World;
use super::dest::PATH_MAX;
use crate::sys::{self, AtFd, Errno, Fd, ZStr};
use crate::text::Text;
use crate::z;

/// A detached copy of the mount at `source`, with all below it and with these attributes; none where `source` is
/// missing and may be.
pub(super) fn take(
    source: ZStr<'static>,
    attributes: u32,
    optional: bool,
    world: &mut World<'_>,
) -> sys::Result<Option<Fd>> {
    let tree = match sys::clone_tree(AtFd::CWD, source, true) {
        Err(Errno::ENOENT) if optional => return Ok(None),
        // A source is held open until it is attached: more of them than the caller's soft limit.
        Err(Errno::EMFILE) if world.files.is_none() => {
            world.files = Some(sys::open_files_limit(None)?);
            sys::clone_tree(AtFd::CWD, source, true)
        }
        taken => taken,
    }?;
    if attributes != 0 {
        match sys::mount_setattr(tree.at(), true, attributes, 0) {
            // Before Linux 5.12 devices and set-id files of a bind stay what they are at its source; what is asked to
            // be read-only has to be.
            Err(Errno::ENOSYS) if attributes & sys::MOUNT_ATTR_RDONLY == 0 => {}
            done => done?,
        }
    }
    Ok(Some(tree))
}

/// Mounts what was taken on `dest`.
pub(super) fn attach(dest: ZStr<'static>, tree: &Option<Fd>, world: &World<'_>) -> sys::Result<()> {
    let Some(tree) = tree else { return Ok(()) };
    let is_dir = sys::statx(tree.at(), z!(""))?.is_dir();
    let place = if is_dir { world.directory(dest, 0o755) } else { world.file(dest) }?;
    sys::move_mount(tree.at(), place.at(), z!(""))
}

/// A new tmpfs on `dest`.
pub(super) fn tmpfs(dest: ZStr<'static>, mode: u32, size: u64, world: &World<'_>) -> sys::Result<()> {
    let mut room = [0; 64];
    let mut options = Text::on(&mut room);
    options.push(b"mode=").octal(mode);
    if size != 0 {
        options.push(b",size=").number(size);
    }
    let place = world.directory(dest, 0o755)?;
    sys::fchdir(place.at())?;
    sys::mount(z!("tmpfs"), z!("."), sys::MS_NOSUID | sys::MS_NODEV, options.zstr())
}

/// sysfs, read-only; of the network namespace that we are in.
pub(super) fn sysfs(dest: ZStr<'static>, world: &World<'_>) -> sys::Result<()> {
    world.directory(dest, 0o755)?;
    let place = world.open(dest, sys::O_DIRECTORY, sys::RESOLVE_NO_SYMLINKS)?;
    sys::fchdir(place.at())?;
    let flags = sys::MS_NOSUID | sys::MS_NODEV | sys::MS_NOEXEC | sys::MS_RDONLY;
    sys::mount(z!("sysfs"), z!("."), flags, None)
}

/// A symbolic link at `dest`; the same one, if it is there already, will do.
#[inline(never)]
pub(super) fn symlink(target: ZStr<'static>, dest: ZStr<'static>, world: &World<'_>) -> sys::Result<()> {
    let mut buf = [0; PATH_MAX];
    let (parent, name) = world.parent(dest, &mut buf)?;
    let dir = world.below(&parent);
    match sys::symlinkat(target, dir, name) {
        Err(Errno::EEXIST) if is_link(dir, name, target) => Ok(()),
        made => made,
    }
}

#[inline(never)]
fn is_link(dir: AtFd<'_>, name: ZStr<'_>, target: ZStr<'_>) -> bool {
    let mut buf = [0; PATH_MAX];
    sys::readlinkat(dir, name, &mut buf).is_ok_and(|old| old == target)
}
