//! Binds, tmpfs, sysfs and links.

use super::dest::PATH_MAX;
use super::{World, dev};
use crate::fail::Stage;
use crate::plan::{Do, Operation};
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::Text;
use crate::z;

/// Takes the sources of all operations.
pub(super) fn take(world: &mut World<'_, '_>) -> sys::Result<()> {
    let mut next = 0;
    while let Some(mut operation) = world.plan.lists.operations.get(next).copied() {
        world.now(Stage::Source, operation.source);
        match operation.what {
            Do::Bind => operation.taken = bind_source(&operation, world)?,
            Do::Dev => {
                world.subject = Some(z!("/dev"));
                operation.taken = Some(sys::openat(Fd::CWD, z!("/dev"), sys::O_PATH | sys::O_DIRECTORY, 0)?);
                operation.console = dev::console();
            }
            _ => {}
        }
        if let Some(slot) = world.plan.lists.operations.get_mut(next) {
            *slot = operation;
        }
        next += 1;
    }
    Ok(())
}

/// Does all of them.
pub(super) fn operations(world: &mut World<'_, '_>) -> sys::Result<()> {
    let mut next = 0;
    while let Some(operation) = world.plan.lists.operations.get(next).copied() {
        let dest = operation.dest;
        world.now(Stage::Mount, dest);
        match operation.what {
            Do::Bind => attach(&operation, world),
            Do::Tmpfs => tmpfs(dest, operation.mode, operation.number, world),
            Do::Dev => dev::mount(&operation, world),
            Do::Sysfs => sysfs(dest, world),
            Do::Dir => {
                world.stage = Stage::Create;
                world.directory(dest, operation.mode).map(drop)
            }
            Do::Symlink => {
                world.stage = Stage::Create;
                symlink(operation.source, dest, world)
            }
        }?;
        next += 1;
    }
    Ok(())
}

/// A detached copy of the mount at the source, with all below it and with the attributes asked for; none where the
/// source is missing and may be.
fn bind_source(operation: &Operation, world: &mut World<'_, '_>) -> sys::Result<Option<Fd>> {
    let Operation { source, dest, mode: attributes, optional, .. } = *operation;
    let tree = match sys::clone_tree(Fd::CWD, source, true) {
        Err(Errno::ENOENT) if optional => return Ok(None),
        // A source is held open until it is attached: more of them than the caller's soft limit.
        Err(Errno::EMFILE) if world.files.is_none() => {
            world.files = Some(sys::open_files_limit(None)?);
            sys::clone_tree(Fd::CWD, source, true)
        }
        taken => taken,
    }?;
    if attributes != 0 {
        world.now(Stage::Mount, dest);
        match sys::mount_setattr(tree, true, attributes, 0) {
            // Before Linux 5.12 devices and set-id files of a bind stay what they are at its source; what is asked to
            // be read-only has to be.
            Err(Errno::ENOSYS) if attributes & sys::MOUNT_ATTR_RDONLY == 0 => {}
            done => done?,
        }
    }
    Ok(Some(tree))
}

/// Mounts what was taken.
fn attach(operation: &Operation, world: &World<'_, '_>) -> sys::Result<()> {
    let Some(tree) = operation.taken else { return Ok(()) };
    let is_dir = sys::stat(tree)?.is_dir();
    let place = if is_dir { world.directory(operation.dest, 0o755) } else { world.file(operation.dest) }?;
    sys::move_mount(tree, place, z!(""))?;
    // There may be more of them than descriptors.
    sys::close(tree);
    sys::close(place);
    Ok(())
}

/// A new tmpfs on `dest`.
fn tmpfs(dest: ZStr<'static>, mode: u32, size: u64, world: &World<'_, '_>) -> sys::Result<()> {
    let mut room = [0; 64];
    let mut options = Text::on(&mut room);
    options.push(b"mode=").octal(mode);
    if size != 0 {
        options.push(b",size=").number(size);
    }
    let place = world.directory(dest, 0o755)?;
    sys::mount_on(place, z!("tmpfs"), sys::MS_NODEV, options.zstr())
}

/// sysfs, read-only; of the network namespace that we are in.
fn sysfs(dest: ZStr<'static>, world: &World<'_, '_>) -> sys::Result<()> {
    world.directory(dest, 0o755)?;
    let place = world.open(dest, sys::O_DIRECTORY, sys::RESOLVE_NO_SYMLINKS)?;
    sys::mount_on(place, z!("sysfs"), sys::MS_NODEV | sys::MS_NOEXEC | sys::MS_RDONLY, None)
}

/// A symbolic link at `dest`; the same one, if it is there already, will do.
#[inline(never)]
fn symlink(target: ZStr<'static>, dest: ZStr<'static>, world: &World<'_, '_>) -> sys::Result<()> {
    let mut buf = [0; PATH_MAX];
    let (parent, name) = world.parent(dest, &mut buf)?;
    match sys::symlinkat(target, parent, name) {
        Err(Errno::EEXIST) if is_link(parent, name, target) => Ok(()),
        made => made,
    }
}

#[inline(never)]
fn is_link(dir: Fd, name: ZStr<'_>, target: ZStr<'_>) -> bool {
    let mut buf = [0; PATH_MAX];
    sys::readlinkat(dir, name, &mut buf).is_ok_and(|old| old == target)
}
