//! The minimal /dev: the six devices that every program expects, terminals, shared memory, and the links to its own
//! descriptors; as bubblewrap(1) describes it.

use super::fs::{attach, own};
use super::{Doing, Mounts, Rootfs};
use crate::fail::Stage;
use crate::plan::Operation;
use crate::sys::{self, Errno, Fd, ZStr};
use crate::z;

/// Devices by minor number of major 1, mem(4), and tty(4), which is 5:0.
const DEVICES: [(u32, u32, ZStr<'static>); 6] = [
    (1, 3, z!("null")),
    (1, 5, z!("zero")),
    (1, 7, z!("full")),
    (1, 8, z!("random")),
    (1, 9, z!("urandom")),
    (5, 0, z!("tty")),
];

pub(super) const LINKS: [(ZStr<'static>, ZStr<'static>); 6] = [
    (z!("/proc/self/fd"), z!("fd")),
    (z!("/proc/self/fd/0"), z!("stdin")),
    (z!("/proc/self/fd/1"), z!("stdout")),
    (z!("/proc/self/fd/2"), z!("stderr")),
    (z!("/proc/kcore"), z!("core")),
    (z!("pts/ptmx"), z!("ptmx")),
];

/// The terminal on stdout, when there is one and its name leads to it.
#[inline(never)]
pub(super) fn console(mounts: Mounts, proc: Option<Fd>) -> Option<Fd> {
    if !sys::is_tty(Fd::STDOUT) {
        return None;
    }
    let mut buf = [0; 256];
    let (dir, link) = own(proc, z!("/proc/self/fd/1"));
    let name = sys::readlinkat(dir, link, &mut buf)?;
    let tree = mounts.copy(Fd::CWD, name, false).ok()?;
    let (there, here) = (sys::stat(tree).ok()?, sys::stat(Fd::STDOUT).ok()?);
    // The same device: a name can be another's by now, or of another devpts.
    (there.rdev == here.rdev && there.ino == here.ino).then_some(tree)
}

/// Mounts it. Devices are made, and where mknod(2) is refused bound from the host's /dev.
pub(super) fn mount(
    operation: &Operation,
    mounts: Mounts,
    root: Rootfs,
    doing: &mut Doing,
) -> sys::Result<()> {
    let Operation { dest, taken, console, .. } = *operation;
    let host = taken.unwrap_or(Fd::CWD);
    let place = root.directory(dest)?;
    sys::mount_on(place, z!("tmpfs"), 0, Some(z!("mode=0755")))?;
    // The tmpfs now stands on `place`, so it is looked up again.
    let dev = root.open(dest, sys::O_DIRECTORY, 0)?;
    let (mut made, mut shown) = (Ok(()), false);
    for &(major, minor, name) in &DEVICES {
        doing.now(Stage::Device, name);
        // Who may not make one may make none.
        if made.is_ok() {
            made = sys::mknod_char(dev, name, 0o666, major, minor);
            if made == Err(Errno::EPERM) {
                shown = mounts.show(host)?;
            }
        }
        match made {
            Err(Errno::EPERM) => bind(dev, name, device(mounts, host, name, (major, minor))?)?,
            made => made?,
        }
    }
    if shown {
        sys::umount2(z!("/"), sys::MNT_DETACH)?;
    }
    for &(target, name) in &LINKS {
        doing.now(Stage::Device, name);
        sys::symlinkat(target, dev, name)?;
    }
    sys::mkdirat(dev, z!("shm"), 0o1777)?;
    if let Some(console) = console {
        let name = z!("console");
        doing.now(Stage::Device, name);
        bind(dev, name, console)?;
    }
    let name = z!("pts");
    doing.now(Stage::Device, name);
    sys::mkdirat(dev, name, 0o755)?;
    let place = sys::openat(dev, name, sys::O_PATH | sys::O_DIRECTORY | sys::O_NOFOLLOW, 0)?;
    let options = z!("newinstance,ptmxmode=0666,mode=0620");
    sys::mount_on(place, z!("devpts"), sys::MS_NOEXEC, Some(options))
}

/// The host's device of this name; that it is that device is not taken on trust.
pub(super) fn device(mounts: Mounts, host: Fd, name: ZStr<'_>, rdev: (u32, u32)) -> sys::Result<Fd> {
    let tree = mounts.copy(host, name, false)?;
    let found = sys::stat(tree)?;
    if found.is_char_device() && found.rdev == rdev { Ok(tree) } else { Err(Errno::ENXIO) }
}

/// Mounts a file on a new one.
fn bind(dev: Fd, name: ZStr<'_>, tree: Fd) -> sys::Result<()> {
    let flags = sys::O_CREAT | sys::O_EXCL | sys::O_WRONLY;
    attach(tree, sys::openat(dev, name, flags, 0o666)?)
}
