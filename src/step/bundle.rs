//! What the operations of a bundle do: mounts with all their options, devices, what is made read-only.

use super::copy;
use super::dest::{Kind, PATH_MAX};
use super::dev::{LINKS, device as device_of};
use super::fs::attach as put;
use super::{Doing, Mounts, Rootfs, World};
use crate::cli::Opt;
use crate::fail::Stage;
use crate::plan::{Attributes, Bundle, Device, Do, Lists, Mount, Operation, Plan};
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::{Text, before};
use crate::z;

/// The devices that are in every container: mem(4), tty(4).
const ALWAYS: [(u32, u32, ZStr<'static>); 6] = [
    (1, 3, z!("/dev/null")),
    (1, 5, z!("/dev/zero")),
    (1, 7, z!("/dev/full")),
    (1, 8, z!("/dev/random")),
    (1, 9, z!("/dev/urandom")),
    (5, 0, z!("/dev/tty")),
];

/// Joins the mount namespace that was named, in which all is done as in one of our own: its mounts go out of the sight of whoever
/// lives in it. So not the one of our caller, or of process 1.
pub(super) fn join_mounts(world: &mut World<'_, '_>) -> sys::Result<()> {
    world.doing.subject = world.plan.text(Opt::Mntns);
    let Some(path) = world.doing.subject else { return Ok(()) };
    let namespace = sys::open(path, sys::O_RDONLY)?;
    let there = sys::stat(namespace)?;
    for others in [z!("/proc/self/ns/mnt"), z!("/proc/1/ns/mnt")] {
        if sys::statx(Fd::CWD, others).is_ok_and(|own| (own.dev, own.ino) == (there.dev, there.ino)) {
            return Err(Errno::EINVAL);
        }
    }
    // What has no slash before it is still meant from the bundle on.
    let bundle = sys::enter_directory(z!("."))?;
    sys::setns(namespace, sys::CLONE_NEWNS)?;
    sys::close(namespace);
    world.doing.now(Stage::Chdir, bundle);
    sys::chdir(bundle)
}

/// Takes what an operation needs of the host: the source of a bind, the host's cgroups, its devices.
pub(super) fn take(operation: &Operation, bundle: &Bundle, own_cgroups: bool) -> sys::Result<Option<Fd>> {
    let Some(mount) = bundle.mounts.get(operation.number as usize) else { return Ok(None) };
    if !mount.bind && (own_cgroups || !is_cgroup(operation.source)) {
        return Ok(None);
    }
    bind(operation, mount, Fd::CWD).map(Some)
}

/// A copy of what is to be bound, with the attributes that the bundle gives it; where ids are mapped, by the maps of the user
/// namespace `users`.
#[inline(never)]
pub(crate) fn bind(operation: &Operation, mount: &Mount, users: Fd) -> sys::Result<Fd> {
    let tree = if mount.bind {
        sys::clone_tree(Fd::CWD, operation.source, mount.all)?
    } else {
        sys::clone_tree(Fd::CWD, z!("/sys/fs/cgroup"), true)?
    };
    for (attributes, below) in [(&mount.below, true), (&mount.own, false)] {
        let Attributes { set, clear, propagation } = *attributes;
        if set | clear | propagation != 0 {
            sys::mount_attributes(tree, below, set, clear, propagation, users)?;
        }
    }
    Ok(tree)
}

/// Their files have labels of their own.
const NO_LABEL: [&[u8]; 4] = [b"proc", b"sysfs", b"mqueue", b"cgroup"];

fn is_cgroup(kind: ZStr<'_>) -> bool {
    kind.value_of(b"cgroup").is_some()
}

/// Mounts what was taken.
pub(super) fn attach(operation: &Operation, tree: Fd, root: Rootfs) -> sys::Result<()> {
    attach_at(tree, operation.dest, root)
}

/// Mounts `tree` at a place that is made where it is missing.
pub(super) fn attach_at(tree: Fd, dest: ZStr<'_>, root: Rootfs) -> sys::Result<()> {
    let kind = if sys::stat(tree)?.is_dir() { Kind::Directory(0o755) } else { Kind::File(0o644) };
    put(tree, root.place(dest, kind)?)
}

/// Mounts a file system.
#[inline(never)]
pub(super) fn mount(
    operation: &Operation,
    bundle: &Bundle,
    root: Rootfs,
    doing: &mut Doing,
) -> sys::Result<()> {
    let Operation { dest, source: kind, number, .. } = *operation;
    if let Some(tree) = operation.taken {
        return attach(operation, tree, root);
    }
    let Some(mount) = bundle.mounts.get(number as usize) else { return Ok(()) };
    let options = bundle.options.get(mount.first.into()..mount.last.into()).unwrap_or_default();
    let is_tmpfs = kind.is(b"tmpfs");
    // It looks like the directory that it covers, unless another mode was asked for.
    let mut mode = None;
    if is_tmpfs && !options.iter().any(|option| option.value_of(b"mode=").is_some()) {
        match root.open(dest, sys::O_DIRECTORY, 0) {
            Err(Errno::ENOENT) => {}
            there => {
                let there = there?;
                mode = Some(sys::node(there)?.mode & 0o7777);
                sys::close(there);
            }
        }
    }
    let place = root.directory(dest)?;
    let fs = sys::fsopen(if is_cgroup(kind) { z!("cgroup2") } else { kind })?;
    configure(fs, mount, options, doing)?;
    if let Some(label) = bundle.mount_label.filter(|_| !NO_LABEL.iter().any(|without| kind.is(without))) {
        doing.subject = Some(label);
        sys::fsconfig(fs, z!("context"), Some(label))?;
    }
    doing.subject = Some(dest);
    // What others are mounted in is made read-only behind them.
    let later = if is_tmpfs { sys::MOUNT_ATTR_RDONLY } else { 0 };
    let tree = sys::fsmount(fs, mount.own.set & !later);
    sys::close(fs);
    let tree = tree?;
    if let Some(mode) = mode {
        sys::chmodat(tree, z!("."), mode)?;
    }
    if mount.copy_up {
        doing.stage = Stage::Copy;
        copy::all(place, tree)?;
        doing.stage = Stage::Mount;
    }
    if mount.own.propagation != 0 {
        sys::mount_attributes(tree, false, 0, 0, mount.own.propagation, Fd::CWD)?;
    }
    put(tree, place)
}

/// Behind all of them: those that were to be read-only, and had others in them.
#[inline(never)]
pub(super) fn finish(plan: &Plan<'_>, root: Rootfs, doing: &mut Doing) -> sys::Result<()> {
    let Lists { operations, bundle, .. } = &*plan.lists;
    for operation in
        operations.iter().filter(|operation| operation.what == Do::Mount && operation.source.is(b"tmpfs"))
    {
        let Some(mount) = bundle.mounts.get(operation.number as usize) else { continue };
        if mount.own.set & sys::MOUNT_ATTR_RDONLY == 0 {
            continue;
        }
        doing.now(Stage::ReadOnly, operation.dest);
        let place = root.open(operation.dest, sys::O_DIRECTORY, 0)?;
        sys::mount_setattr(place, false, sys::MOUNT_ATTR_RDONLY, 0)?;
        sys::close(place);
    }
    Ok(())
}

/// Says to it what the options are.
#[inline(never)]
fn configure(fs: Fd, mount: &Mount, options: &[ZStr<'static>], doing: &mut Doing) -> sys::Result<()> {
    if let Some(source) = mount.source {
        sys::fsconfig(fs, z!("source"), Some(source))?;
    }
    for option in options {
        doing.subject = Some(*option);
        let mut room = [0; 64];
        let name = before(option.bytes(), b'=');
        let rest = option.skip(name.len());
        let name = Text::on(&mut room).push(name).zstr().map(ZStr::as_ptr);
        let Some(name) = name.and_then(|_| ZStr::until_nul(&room)) else { return Err(Errno::EINVAL) };
        sys::fsconfig(fs, name, (rest.first() != 0).then(|| rest.skip(1)))?;
    }
    Ok(())
}

/// Makes the devices, and the links to a process's own descriptors.
#[inline(never)]
pub(super) fn devices(
    operation: &Operation,
    plan: &Plan<'_>,
    root: Rootfs,
    doing: &mut Doing,
) -> sys::Result<()> {
    let host = operation.taken.unwrap_or(Fd::CWD);
    for &(major, minor, path) in &ALWAYS {
        let device = Device { path, kind: b'c', major, minor, ..Device::default() };
        make(&device, host, root, doing)?;
    }
    for device in plan.lists.bundle.devices.iter() {
        make(device, host, root, doing)?;
    }
    let dev = root.open(z!("/dev"), sys::O_DIRECTORY, 0)?;
    for &(target, name) in &LINKS {
        doing.now(Stage::Device, name);
        match sys::symlinkat(target, dev, name) {
            Err(Errno::EEXIST) => {}
            made => made?,
        }
    }
    sys::close(dev);
    Ok(())
}

/// Makes one; where mknod(2) is refused the host's is bound.
// With what Linux 7 has it is none.
#[allow(clippy::default_constructed_unit_structs)]
#[inline(never)]
fn make(device: &Device, host: Fd, root: Rootfs, doing: &mut Doing) -> sys::Result<()> {
    let Device { path, kind, major, minor, mode, uid, gid } = *device;
    doing.now(Stage::Device, path);
    let mut room = [0; PATH_MAX];
    let mut text = Text::on(&mut room);
    let (parent, name) = root.parent(path, 0o755, &mut text)?;
    match sys::mknod_device(parent, name, kind, mode, major, minor) {
        Ok(()) => {}
        Err(Errno::EEXIST) => {
            let there = sys::openat(parent, name, sys::O_PATH | sys::O_NOFOLLOW, 0)?;
            let found = sys::stat(there)?;
            sys::close(there);
            return if found.is_device(kind) && (kind == b'p' || found.rdev == (major, minor)) {
                Ok(())
            } else {
                Err(Errno::EEXIST)
            };
        }
        Err(Errno::EPERM) if kind == b'c' => {
            let Some(below) = path.value_of(b"/dev/") else { return Err(Errno::EPERM) };
            let tree = device_of(Mounts::default(), host, below, (major, minor))?;
            let flags = sys::O_CREAT | sys::O_EXCL | sys::O_WRONLY;
            return put(tree, sys::openat(parent, name, flags, 0o666)?);
        }
        Err(e) => return Err(e),
    }
    if (uid, gid) != (0, 0) { sys::lchown(parent, name, uid, gid) } else { Ok(()) }
}

/// Covers what is there by itself, read-only; what is not there needs none.
pub(super) fn read_only(operation: &Operation, root: Rootfs) -> sys::Result<()> {
    let place = match root.open(operation.dest, 0, 0) {
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(()),
        place => place?,
    };
    let tree = sys::clone_below(place)?;
    sys::mount_setattr(tree, true, sys::MOUNT_ATTR_RDONLY, 0)?;
    put(tree, place)
}

/// Writes the variables. A name has dots for slashes; slashes are themselves, for names with dots in them.
pub(super) fn sysctls(world: &mut World<'_, '_>) -> sys::Result<()> {
    let World { plan, doing, .. } = world;
    let dir = sys::open(z!("/proc/sys"), sys::O_PATH | sys::O_DIRECTORY)?;
    for (name, value) in plan.lists.bundle.sysctls.iter() {
        doing.now(Stage::Sysctl, *name);
        let mut room = [0; 256];
        let mut path = Text::on(&mut room);
        let dots = !name.has(b'/');
        for byte in name.bytes() {
            path.put(if dots && *byte == b'.' { b'/' } else { *byte });
        }
        let path = path.zstr().ok_or(Errno::ENAMETOOLONG)?;
        let file = sys::openat2(dir, path, sys::O_WRONLY, sys::RESOLVE_BENEATH | sys::RESOLVE_NO_SYMLINKS)?;
        let done = sys::write(file, value.bytes());
        sys::close(file);
        done?;
    }
    sys::close(dir);
    Ok(())
}
