//! What every program expects to be mounted: what is missing of it, and nothing twice.

use super::console;
use crate::fail::{Fail, Stage};
use crate::sys::{self, Errno, Fd, MS_NODEV, MS_NOEXEC, ZStr};
use crate::z;

/// Where, what, with which flags and options. All are without set-id files. In this order: some lie in others.
const MOUNTS: [(ZStr<'static>, ZStr<'static>, u32, Option<ZStr<'static>>); 7] = [
    (z!("/dev"), z!("devtmpfs"), 0, Some(z!("mode=0755"))),
    (z!("/proc"), z!("proc"), MS_NODEV | MS_NOEXEC, None),
    (z!("/sys"), z!("sysfs"), MS_NODEV | MS_NOEXEC, None),
    (z!("/run"), z!("tmpfs"), MS_NODEV, Some(z!("mode=0755"))),
    (z!("/dev/pts"), z!("devpts"), MS_NOEXEC, Some(z!("gid=5,mode=620,ptmxmode=666"))),
    (z!("/dev/shm"), z!("tmpfs"), MS_NODEV, Some(z!("mode=1777"))),
    (z!("/sys/fs/cgroup"), z!("cgroup2"), MS_NODEV | MS_NOEXEC, Some(z!("nsdelegate,memory_recursiveprot"))),
];

const LINKS: [(ZStr<'static>, ZStr<'static>); 4] = [
    (z!("/proc/self/fd"), z!("/dev/fd")),
    (z!("/proc/self/fd/0"), z!("/dev/stdin")),
    (z!("/proc/self/fd/1"), z!("/dev/stdout")),
    (z!("/proc/self/fd/2"), z!("/dev/stderr")),
];

/// Mounts it; what fails is told, and all the rest is done.
pub(super) fn mount_missing() {
    let umask = sys::umask(0);
    for &(path, kind, flags, options) in &MOUNTS {
        match mount(path, kind, flags, options) {
            // Another has mounted it meanwhile, or the kernel was built without it: nobody here can want it.
            Ok(()) | Err(Errno::EBUSY | Errno::ENODEV) => {}
            // Then sysfs has no place for it either.
            Err(Errno::ENOENT) if path.value_of(b"/sys/").is_some() => {}
            Err(e) => console::fail(&Fail::new(Stage::Mount, path, e), None),
        }
    }
    // These are there in most: who needs them will say what he misses.
    for &(target, path) in &LINKS {
        let _ = sys::symlinkat(target, Fd::CWD, path);
    }
    let _ = sys::mkdirat(Fd::CWD, z!("/tmp"), 0o1777);
    let _ = sys::loopback_up();
    sys::umask(umask);
}

fn mount(path: ZStr<'_>, kind: ZStr<'_>, flags: u32, options: Option<ZStr<'_>>) -> sys::Result<()> {
    // If it can't be made, it can't be looked at.
    let _ = sys::mkdirat(Fd::CWD, path, 0o755);
    if sys::statx(Fd::CWD, path)?.mount_root { Ok(()) } else { sys::mount(path, kind, flags, options) }
}
