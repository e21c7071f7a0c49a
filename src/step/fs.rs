//! Binds, tmpfs, sysfs and links.

use super::dest::{Kind, PATH_MAX};
use super::{Doing, Rootfs, World, dev};
use crate::fail::Stage;
use crate::plan::{Do, Operation};
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::Text;
use crate::z;

/// Takes the sources of all operations.
pub(super) fn take(world: &mut World<'_, '_>) -> sys::Result<()> {
    let World { plan, doing, files, .. } = world;
    for operation in plan.lists.operations.iter_mut() {
        match operation.what {
            Do::Bind => operation.taken = bind_source(operation, doing, files)?,
            Do::Dev => {
                doing.now(Stage::Source, z!("/dev"));
                operation.taken = Some(sys::open(z!("/dev"), sys::O_PATH | sys::O_DIRECTORY)?);
                operation.console = dev::console();
            }
            _ => {}
        }
    }
    Ok(())
}

/// Does all of them.
pub(super) fn operations(world: &mut World<'_, '_>) -> sys::Result<()> {
    let World { plan, doing, root, .. } = world;
    for operation in plan.lists.operations.iter() {
        doing.now(Stage::Mount, operation.dest);
        match operation.what {
            Do::Bind => bind(operation, *root),
            Do::Tmpfs => tmpfs(operation, *root),
            Do::Dev => dev::mount(operation, *root, doing),
            Do::Sysfs => sysfs(operation.dest, *root),
            Do::Dir => {
                doing.stage = Stage::Create;
                root.place(operation.dest, Kind::Directory(operation.mode)).map(drop)
            }
            Do::Symlink => {
                doing.stage = Stage::Create;
                symlink(operation.source, operation.dest, *root)
            }
        }?;
    }
    Ok(())
}

/// A detached copy of the mount at the source, with all below it and with the attributes asked for; none where the
/// source is missing and may be.
fn bind_source(operation: &Operation, doing: &mut Doing, files: &mut Option<u32>) -> sys::Result<Option<Fd>> {
    let Operation { source, dest, mode: attributes, optional, .. } = *operation;
    doing.now(Stage::Source, source);
    let tree = loop {
        match sys::clone_tree(Fd::CWD, source, true) {
            Err(Errno::ENOENT) if optional => return Ok(None),
            // A source is held open until it is attached: more of them than the caller's soft limit.
            Err(Errno::EMFILE) if files.is_none() => *files = Some(sys::open_files_limit(None)?),
            taken => break taken?,
        }
    };
    if attributes != 0 {
        doing.now(Stage::Mount, dest);
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
fn bind(operation: &Operation, root: Rootfs) -> sys::Result<()> {
    let Some(tree) = operation.taken else { return Ok(()) };
    let kind = if sys::stat(tree)?.is_dir() { Kind::Directory(0o755) } else { Kind::File };
    attach(tree, root.place(operation.dest, kind)?)
}

/// Attaches `tree` at `place` and closes both: there may be more of them than descriptors.
#[inline(never)]
pub(super) fn attach(tree: Fd, place: Fd) -> sys::Result<()> {
    sys::move_mount(tree, place, z!(""))?;
    sys::close(tree);
    sys::close(place);
    Ok(())
}

/// A new tmpfs.
fn tmpfs(operation: &Operation, root: Rootfs) -> sys::Result<()> {
    let Operation { dest, mode, number: size, .. } = *operation;
    let mut room = [0; 48];
    let mut options = Text::on(&mut room);
    options.push(b"mode=").octal(mode);
    if size != 0 {
        options.push(b",size=").number(size);
    }
    let place = root.directory(dest)?;
    sys::mount_on(place, z!("tmpfs"), sys::MS_NODEV, options.zstr())
}

/// sysfs, read-only; of the network namespace that we are in.
fn sysfs(dest: ZStr<'static>, root: Rootfs) -> sys::Result<()> {
    root.directory(dest)?;
    let place = root.open(dest, sys::O_DIRECTORY, sys::RESOLVE_NO_SYMLINKS)?;
    sys::mount_on(place, z!("sysfs"), sys::MS_NODEV | sys::MS_NOEXEC | sys::MS_RDONLY, None)
}

/// A symbolic link at `dest`; the same one, if it is there already, will do.
#[inline(never)]
fn symlink(target: ZStr<'static>, dest: ZStr<'static>, root: Rootfs) -> sys::Result<()> {
    let mut room = [0; PATH_MAX];
    let mut text = Text::on(&mut room);
    let (parent, name) = root.parent(dest, &mut text)?;
    let made = sys::symlinkat(target, parent, name);
    if made != Err(Errno::EEXIST) {
        return made;
    }
    let there = sys::openat(parent, name, sys::O_PATH | sys::O_NOFOLLOW, 0)?;
    if sys::readlinkat(there, z!(""), &mut room) == Some(target) { Ok(()) } else { made }
}
