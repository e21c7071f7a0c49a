//! Filesystem operations: binds, tmpfs, file systems of the kernel's, links, modes.

#[cfg(feature = "oci")]
use super::bundle;
#[cfg(feature = "bwrap")]
use super::bwrap;
#[cfg(feature = "oci")]
use super::console;
use super::data;
use super::dest::{Kind, PATH_MAX};
#[cfg(feature = "safe")]
use super::hide;
use super::mask::Masks;
#[cfg(feature = "overlay")]
use super::overlay;
use super::{Doing, Mounts, Rootfs, World, dev};
use crate::fail::Stage;
#[cfg(feature = "safe")]
use crate::plan::Step;
use crate::plan::{Do, Operation};
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::{Text, descriptor_path};
use crate::z;

/// Takes the sources of all operations.
pub(super) fn take(world: &mut World<'_, '_>) -> sys::Result<()> {
    #[cfg(feature = "template")]
    let proc = world.plan.template.proc;
    #[cfg(not(feature = "template"))]
    let proc = None;
    let World { plan, doing, files, mounts, .. } = world;
    let mut masked = false;
    for operation in plan.lists.operations.iter_mut() {
        // By the launcher.
        #[cfg(feature = "oci")]
        if operation.taken.is_some() {
            continue;
        }
        // What has no source has that of its descriptors' names.
        operation.taken = proc;
        match operation.what {
            #[cfg(feature = "oci")]
            _ if !crate::plan::does(operation.what) => {}
            Do::Bind | Do::BindFd => operation.taken = bind_source(operation, *mounts, doing, files)?,
            // One serves all.
            Do::Mask if !masked => {
                masked = true;
                let null = z!("/dev/null");
                doing.now(Stage::Source, null);
                operation.taken = Some(dev::device(*mounts, Fd::CWD, null, (1, 3))?);
            }
            #[cfg(feature = "overlay")]
            Do::Layer => {
                doing.now(Stage::Source, operation.source);
                operation.taken = Some(sys::open(operation.source, sys::O_PATH | sys::O_DIRECTORY)?);
            }
            Do::Dev => {
                doing.now(Stage::Source, z!("/dev"));
                operation.taken = Some(mounts.dev()?);
                operation.console = dev::console(*mounts, proc);
            }
            #[cfg(feature = "oci")]
            Do::Attach | Do::Mount => {
                doing.now(Stage::Source, operation.source);
                let own_cgroups = plan.namespaces & sys::CLONE_NEWCGROUP != 0;
                operation.taken = bundle::take(operation, &plan.lists.bundle, own_cgroups)?;
            }
            #[cfg(feature = "oci")]
            Do::Devices => {
                doing.now(Stage::Source, z!("/dev"));
                operation.taken = Some(sys::open(z!("/dev"), sys::O_PATH | sys::O_DIRECTORY)?);
            }
            #[cfg(feature = "bwrap")]
            Do::Proc if plan.shared_proc => {
                doing.now(Stage::Source, z!("/proc"));
                let tree = sys::clone_tree(Fd::CWD, z!("/proc"), true)?;
                sys::mount_setattr(tree, true, sys::MOUNT_ATTR_NOSUID | sys::MOUNT_ATTR_NODEV, 0)?;
                operation.taken = Some(tree);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Does all of them.
pub(super) fn operations(world: &mut World<'_, '_>) -> sys::Result<()> {
    data::make(world)?;
    #[cfg(feature = "bwrap")]
    let own = &mut world.own;
    let World { plan, doing, mounts, root: rootfs, .. } = world;
    #[cfg(feature = "safe")]
    let hides = plan.steps.has(Step::Masks);
    let mut masks = Masks::default();
    #[cfg_attr(not(feature = "overlay"), allow(unused_variables))]
    for (at, operation) in plan.lists.operations.iter().enumerate() {
        let Operation { what, dest, mode, number, .. } = *operation;
        doing.now(Stage::Mount, dest);
        #[cfg(feature = "bwrap")]
        if plan.spec.bwrap && crate::plan::is_root(dest) && own.upon_root(at, plan, rootfs)? {
            continue;
        }
        let root = *rootfs;
        match what {
            #[cfg(feature = "oci")]
            _ if !crate::plan::does(what) => Err(Errno::EOPNOTSUPP),
            Do::Bind | Do::BindFd | Do::Data | Do::RoData => bind(operation, root),
            Do::Tmpfs => root.place(dest, Kind::Directory(mode)).and_then(|place| tmpfs(operation, place)),
            Do::Dev => dev::mount(operation, *mounts, root, doing),
            #[cfg(feature = "safe")]
            Do::Sysfs if hides => hide::sysfs(special_place(dest, root)?, doing),
            Do::Sysfs => special(dest, z!("sysfs"), sys::MS_RDONLY, root),
            Do::Cgroup => special(dest, z!("cgroup2"), mode, root),
            Do::Mqueue => special(dest, z!("mqueue"), 0, root),
            Do::Dir => {
                doing.stage = Stage::Create;
                match root.place(dest, Kind::Directory(mode)) {
                    // The root is there.
                    Err(Errno::EBUSY) => Ok(()),
                    made => made.map(drop),
                }
            }
            Do::Symlink => {
                doing.stage = Stage::Create;
                let made = symlink(operation.source, dest, root);
                #[cfg(feature = "bwrap")]
                if plan.spec.bwrap && made == Err(Errno::EEXIST) {
                    doing.stage = Stage::Link;
                    doing.subject = bwrap::existing(dest, root);
                }
                made
            }
            Do::File => data::file(operation, root, doing),
            Do::Chmod => {
                doing.stage = Stage::Chmod;
                chmod(operation, number as u32, root)
            }
            Do::RemountRo => {
                doing.stage = Stage::ReadOnly;
                sys::mount_setattr(root.open(dest, 0, 0)?, false, sys::MOUNT_ATTR_RDONLY, 0)
            }
            Do::Mask => masks.cover(operation, root),
            #[cfg(feature = "overlay")]
            Do::Layer => Ok(()),
            // Mounted already.
            #[cfg(feature = "overlay")]
            Do::TmpOverlay => bind(operation, root),
            #[cfg(feature = "overlay")]
            Do::Overlay | Do::RoOverlay => {
                doing.stage = Stage::Overlay;
                root.directory(dest).and_then(|place| overlay::mount(at, plan, place))
            }
            #[cfg(feature = "bwrap")]
            Do::Proc => {
                doing.stage = Stage::Proc;
                bwrap::proc(operation, plan.caller.uid == 0, root)
            }
            // When there is an init.
            #[cfg(feature = "bwrap")]
            Do::Lock => Ok(()),
            #[cfg(feature = "oci")]
            Do::Attach => operation.taken.map_or(Ok(()), |tree| bundle::attach(operation, tree, root)),
            #[cfg(feature = "oci")]
            Do::Mount => bundle::mount(operation, &plan.lists.bundle, root, doing),
            #[cfg(feature = "oci")]
            Do::Devices => bundle::devices(operation, plan, root, doing),
            #[cfg(feature = "oci")]
            Do::Console => {
                doing.stage = Stage::Device;
                console::make(plan, root, true)
            }
            #[cfg(feature = "oci")]
            Do::ReadOnly => {
                doing.stage = Stage::ReadOnly;
                bundle::read_only(operation, root)
            }
        }?;
    }
    #[cfg(feature = "oci")]
    bundle::finish(plan, *rootfs, doing)?;
    Ok(())
}

/// A detached copy of the mount at the source, with all below it and with the attributes asked for; none where the
/// source is missing and may be.
fn bind_source(
    operation: &Operation,
    mounts: Mounts,
    doing: &mut Doing,
    files: &mut Option<u32>,
) -> sys::Result<Option<Fd>> {
    let Operation { source, dest, mode: attributes, optional, .. } = *operation;
    doing.now(Stage::Source, source);
    let tree = loop {
        match tree_of(operation, mounts) {
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

/// A path in /proc/self: below the caller's, where that was taken as it is out of sight.
pub(super) fn own(proc: Option<Fd>, path: ZStr<'_>) -> (Fd, ZStr<'_>) {
    proc.map_or((Fd::CWD, path), |proc| (proc, path.skip(b"/proc/self/".len())))
}

/// Of a path, or of the name of what a descriptor has open. A descriptor itself is of the caller's mount namespace, of
/// whose mounts nothing can be copied; that the copy has the same inode is seen before it is mounted.
#[inline(never)]
fn tree_of(operation: &Operation, mounts: Mounts) -> sys::Result<Fd> {
    if operation.what == Do::Bind {
        return mounts.copy(Fd::CWD, operation.source, true);
    }
    let fd = Fd::inherited(operation.number as u32);
    let mut room = [0; PATH_MAX];
    let link = &mut [0; 32];
    let (dir, link) = own(operation.taken, descriptor_path(fd, link));
    let path = sys::readlinkat(dir, link, &mut room).ok_or(Errno::ENOENT)?;
    let tree = mounts.copy(Fd::CWD, path, true)?;
    let (there, here) = (sys::stat(tree)?, sys::stat(fd)?);
    if (there.dev, there.ino) == (here.dev, here.ino) { Ok(tree) } else { Err(Errno::ESTALE) }
}

/// Mounts what was taken.
fn bind(operation: &Operation, root: Rootfs) -> sys::Result<()> {
    let Some(tree) = operation.taken else { return Ok(()) };
    let kind = match operation.what {
        Do::Data | Do::RoData => Kind::File(operation.mode),
        _ if sys::stat(tree)?.is_dir() => Kind::Directory(0o755),
        _ => Kind::File(0o444),
    };
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
#[cfg_attr(feature = "bwrap", inline(never))]
pub(super) fn tmpfs(operation: &Operation, place: Fd) -> sys::Result<()> {
    let Operation { mode, number: size, .. } = *operation;
    let mut room = [0; 48];
    let mut options = Text::on(&mut room);
    options.push(b"mode=").octal(mode);
    if size != 0 {
        options.push(b",size=").number(size);
    }
    sys::mount_on(place, z!("tmpfs"), sys::MS_NODEV, options.zstr())
}

/// A file system of the kernel's, of the namespaces that we are in.
fn special(dest: ZStr<'static>, kind: ZStr<'_>, flags: u32, root: Rootfs) -> sys::Result<()> {
    sys::mount_on(special_place(dest, root)?, kind, sys::MS_NODEV | sys::MS_NOEXEC | flags, None)
}

/// A directory that is no symbolic link, and reached by none.
#[inline(never)]
fn special_place(dest: ZStr<'static>, root: Rootfs) -> sys::Result<Fd> {
    root.directory(dest)?;
    root.open(dest, sys::O_DIRECTORY, sys::RESOLVE_NO_SYMLINKS)
}

/// The mode of what is there. By its descriptor: fchmodat(2) would follow a link that is put in its place meanwhile.
fn chmod(operation: &Operation, mode: u32, root: Rootfs) -> sys::Result<()> {
    let room = &mut [0; 32];
    let (dir, path) = own(operation.taken, descriptor_path(root.open(operation.dest, 0, 0)?, room));
    sys::chmod(dir, path, mode)
}

/// A symbolic link at `dest`; the same one, if it is there already, will do.
#[inline(never)]
fn symlink(target: ZStr<'static>, dest: ZStr<'static>, root: Rootfs) -> sys::Result<()> {
    let mut room = [0; PATH_MAX];
    let mut text = Text::on(&mut room);
    let (parent, name) = root.parent(dest, 0o755, &mut text)?;
    let made = sys::symlinkat(target, parent, name);
    if made != Err(Errno::EEXIST) {
        return made;
    }
    let there = sys::openat(parent, name, sys::O_PATH | sys::O_NOFOLLOW, 0)?;
    if sys::readlinkat(there, z!(""), &mut room) == Some(target) { Ok(()) } else { made }
}
