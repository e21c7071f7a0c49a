//! What the floor of a container in a cgroup of its own has more. The calls are those of vesicle, one by one.
//!
//! Descriptors are known by their numbers: the first that are free. `cfg(limits)`: of memory and of processes.

use super::raw::{AT_FDCWD, SIGCHLD, child_of, new, nr};
use super::{O_DIRECTORY, O_PATH, at, live, must};

const CLOEXEC: usize = 0o2000000;
const NOFOLLOW: usize = if cfg!(target_arch = "x86_64") { 0o400000 } else { 0o100000 };
const NEWCGROUP: usize = 0x0200_0000;
const INTO_CGROUP: u64 = 2 << 32;
const OWN: usize = 3;
const CGROUP: usize = 4;
const PROCS: usize = 5;
const NAME: &str = "bench-floor\0";

/// A child in it.
pub fn child(flags: usize) -> isize {
    let mut text = [0u8; 4096];
    let file = must(nr::OPENAT, &[AT_FDCWD, at("/proc/self/cgroup\0"), CLOEXEC]);
    must(nr::READ, &[file, text.as_mut_ptr() as usize, text.len()]);
    must(nr::CLOSE, &[file]);
    let flags = flags & !NEWCGROUP;
    let dir = O_PATH | O_DIRECTORY | NOFOLLOW | CLOEXEC;
    must(nr::OPENAT, &[AT_FDCWD, at("/sys/fs/cgroup/\0"), dir]);
    let mut system = [0u64; 15];
    must(nr::FSTATFS, &[OWN, system.as_mut_ptr() as usize]);
    must(nr::MKDIRAT, &[OWN, at(NAME), 0o755]);
    // RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV
    let how = [dir as u64, 0, 0x08 | 0x04 | 0x01];
    let cgroup = must(new::OPENAT2, &[OWN, at(NAME), how.as_ptr() as usize, size_of_val(&how)]);
    if cfg!(limits) {
        limit(cgroup, at("memory.max\0"), "67108864", how[2]);
        limit(cgroup, at("pids.max\0"), "99", how[2]);
    }
    if cfg!(moved) {
        must(nr::OPENAT, &[cgroup, at("cgroup.procs\0"), 1 | CLOEXEC]);
        // SAFETY: `live` never returns.
        let pid = unsafe { super::child(flags | SIGCHLD, live) };
        must(nr::CLOSE, &[PROCS]);
        return pid;
    }
    let args = [flags as u64 | INTO_CGROUP, 0, 0, 0, SIGCHLD as u64, 0, 0, 0, 0, 0, cgroup as u64];
    // SAFETY: `live` never returns.
    unsafe { child_of(&args, size_of_val(&args), live) }
}

fn limit(cgroup: usize, file: usize, text: &str, resolve: u64) {
    let how = [(1 | CLOEXEC) as u64, 0, resolve];
    let file = must(new::OPENAT2, &[cgroup, file, how.as_ptr() as usize, size_of_val(&how)]);
    must(nr::WRITE, &[file, text.as_ptr() as usize, text.len()]);
    must(nr::CLOSE, &[file]);
}

/// What the child does first.
pub fn join() {
    if cfg!(moved) {
        must(nr::WRITE, &[PROCS, at("0"), 1]);
    }
    must(nr::UNSHARE, &[NEWCGROUP]);
}

/// The end of it.
pub fn remove() {
    if cfg!(limits) {
        let mut text = [0u8; 512];
        let file = must(nr::OPENAT, &[CGROUP, at("memory.events\0"), CLOEXEC]);
        must(nr::READ, &[file, text.as_mut_ptr() as usize, text.len()]);
        must(nr::CLOSE, &[file]);
    }
    // AT_REMOVEDIR
    must(nr::UNLINKAT, &[OWN, at(NAME), 0x200]);
}
