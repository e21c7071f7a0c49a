//! The floor: the system calls that vesicle makes for the same, and nothing else. No argument, no check, no message; what
//! it makes is fixed when it is compiled. FLOOR_NAMESPACES are the flags of clone(2), FLOOR_ROOT and FLOOR_COMMAND two
//! paths. What vesicle asks the kernel for its own sake only is left out: memory for lists, whether a directory is one,
//! its own process id, whether there is a terminal, whether there are more children.
//!
//! It is the bare mechanism, as --privileged is; but for the sandbox.
//!
//! `cfg(root)`: `pivot` as vesicle does by default, `chroot`, `template`, or neither. `cfg(user)`: the maps of a user namespace.
//! `cfg(init)`: an init that is given COMMAND alone. `cfg(inside)`: the child is the init, COMMAND is its child.
//! `cfg(sandbox)`: what sandbox.rs has. `cfg(cgroup)`: what cgroup.rs has; with `cfg(moved)` the child moves there
//! itself.
//! `cfg(root = "template")`: the mounts are a copy of those of process FLOOR_UID, and its network is joined.
//! `cfg(pin)`: what placement.rs has.
//! `cfg(plain)`: a clone(2) and an execve(2), and no signal.
#![no_std]
#![no_main]

#[cfg(cgroup)]
mod cgroup;
#[cfg(pin)]
mod placement;
mod raw;
#[cfg(sandbox)]
mod sandbox;
use raw::{AT_FDCWD, CLONE_VFORK, CLONE_VM, SIGCHLD, call, child, exit, new, nr, wait};

const NAMESPACES: usize = number(env!("FLOOR_NAMESPACES"));
const ROOT: &str = concat!(env!("FLOOR_ROOT"), "\0");
const COMMAND: &str = concat!(env!("FLOOR_COMMAND"), "\0");

const O_PATH: usize = 0o10000000;
const O_DIRECTORY: usize = if cfg!(target_arch = "x86_64") { 0o200000 } else { 0o40000 };
const CLONE_NEWNET: usize = 0x4000_0000;
const CLONE_NEWNS: usize = 0x2_0000;

const fn number(digits: &str) -> usize {
    let (digits, mut n, mut i) = (digits.as_bytes(), 0, 0);
    while i < digits.len() {
        n = n * 10 + (digits[i] - b'0') as usize;
        i += 1;
    }
    n
}

extern "C" fn main() -> ! {
    if !cfg!(plain) {
        mask(u64::MAX);
        // SIGCHLD as it is by default: SIG_DFL is 0. On x86_64 four words, elsewhere three.
        let (new, mut old) = ([0usize; 4], [0usize; 4]);
        must(nr::RT_SIGACTION, &[SIGCHLD, new.as_ptr() as usize, old.as_mut_ptr() as usize, 8]);
    }
    // An init that is not process 1 adopts what its COMMAND leaves: PR_SET_CHILD_SUBREAPER.
    if cfg!(init) {
        must(nr::PRCTL, &[36, 1]);
    }
    #[cfg(pin)]
    let own = placement::pin();
    let borrow = if cfg!(inside) { 0 } else { CLONE_VM | CLONE_VFORK };
    let mut namespaces = NAMESPACES;
    if cfg!(root = "template") {
        let template = must(new::PIDFD_OPEN, &[number(env!("FLOOR_UID")), 0]);
        must(nr::SETNS, &[template, CLONE_NEWNS | CLONE_NEWNET]);
        namespaces &= !CLONE_NEWNET;
    }
    #[cfg(cgroup)]
    let pid = cgroup::child(namespaces | borrow);
    // SAFETY: `live` never returns.
    #[cfg(not(cgroup))]
    let pid = unsafe { child(namespaces | borrow | SIGCHLD, live) };
    #[cfg(pin)]
    placement::unpin(&own);
    if cfg!(init) {
        let_go();
    }
    finish(pid)
}

/// The signal mask.
fn mask(new: u64) {
    let mut old = 0u64;
    // SIG_SETMASK
    must(nr::RT_SIGPROCMASK, &[2, &raw const new as usize, &raw mut old as usize, 8]);
}

/// What an init holds on to without need: a working directory, descriptors.
fn let_go() {
    must(nr::CHDIR, &[at("/\0")]);
    must(new::CLOSE_RANGE, &[3, i32::MAX as usize, 0]);
}

/// Ends as that child does.
fn finish(pid: isize) -> ! {
    if !cfg!(plain) {
        let (all, mut info) = (u64::MAX, [0u64; 16]);
        must(nr::RT_SIGTIMEDWAIT, &[&raw const all as usize, info.as_mut_ptr() as usize, 0, 8]);
    }
    let status = wait(pid, core::ptr::null_mut());
    #[cfg(cgroup)]
    cgroup::remove();
    exit(if status & 0x7f == 0 { (status >> 8) as usize } else { 128 | (status & 0x7f) as usize })
}

/// A call that has to work.
#[inline(always)]
fn must(nr: usize, args: &[usize]) -> usize {
    // SAFETY: each call of this file gets what it asks for.
    let done = unsafe { call(nr, args) };
    if done < 0 { exit(125) } else { done as usize }
}

fn at(text: &'static str) -> usize {
    text.as_ptr() as usize
}

extern "C" fn live() -> ! {
    #[cfg(cgroup)]
    cgroup::join();
    if cfg!(user) {
        map("/proc/self/setgroups\0", "deny");
        map("/proc/self/uid_map\0", concat!("0 ", env!("FLOOR_UID"), " 1"));
        map("/proc/self/gid_map\0", concat!("0 ", env!("FLOOR_UID"), " 1"));
    }
    if NAMESPACES & CLONE_NEWNET != 0 && !cfg!(root = "template") {
        loopback();
    }
    if cfg!(root = "template") {
        // MS_REC | MS_PRIVATE, then MS_NOSUID | MS_NODEV | MS_NOEXEC
        must(nr::MOUNT, &[0, at("/\0"), 0, 0x4000 | 0x40000, 0]);
        must(nr::MOUNT, &[at("proc\0"), at("/proc\0"), at("proc\0"), 2 | 4 | 8, 0]);
    }
    if cfg!(root = "pivot") {
        pivot();
    }
    if cfg!(root = "chroot") {
        let root = must(nr::OPENAT, &[AT_FDCWD, at(ROOT), O_PATH | O_DIRECTORY | 0o2000000]);
        must(nr::FCHDIR, &[root]);
        must(nr::CHROOT, &[at(".\0")]);
    }
    #[cfg(pin)]
    placement::unpin_child();
    if cfg!(inside) {
        must(new::CLOSE_RANGE, &[3, u32::MAX as usize, 0]);
        // SAFETY: `become_command` never returns.
        let pid = unsafe { child(CLONE_VM | CLONE_VFORK | SIGCHLD, become_command) };
        let_go();
        finish(pid)
    }
    become_command()
}

fn map(file: &'static str, text: &'static str) {
    let fd = must(nr::OPENAT, &[AT_FDCWD, at(file), 1]);
    must(nr::WRITE, &[fd, at(text), text.len()]);
    must(nr::CLOSE, &[fd]);
}

/// `lo` up, netdevice(7): SIOCSIFFLAGS with IFF_UP.
fn loopback() {
    let mut request = [0u8; 40];
    request[..2].copy_from_slice(b"lo");
    request[16] = 1;
    let socket = must(nr::SOCKET, &[1, 2 | 0o2000000, 0]);
    must(nr::IOCTL, &[socket, 0x8914, request.as_ptr() as usize]);
}

/// ROOT, with what is mounted in it, upon the root; a proc; and the old root away.
fn pivot() {
    // MS_REC | MS_PRIVATE
    must(nr::MOUNT, &[0, at("/\0"), 0, 0x4000 | 0x40000, 0]);
    #[cfg(sandbox)]
    let sources = sandbox::sources();
    // OPEN_TREE_CLONE | AT_RECURSIVE | O_CLOEXEC
    let tree = must(new::OPEN_TREE, &[AT_FDCWD, at(ROOT), 1 | 0x8000 | 0o2000000]);
    // MOVE_MOUNT_F_EMPTY_PATH
    must(new::MOVE_MOUNT, &[tree, at("\0"), AT_FDCWD, at("/\0"), 4]);
    must(nr::FCHDIR, &[tree]);
    // MS_NOSUID | MS_NODEV | MS_NOEXEC
    must(nr::MOUNT, &[at("proc\0"), at("proc\0"), at("proc\0"), 2 | 4 | 8, 0]);
    #[cfg(sandbox)]
    {
        let umask = must(nr::UMASK, &[0]);
        sandbox::mounts(tree, sources);
        must(nr::UMASK, &[umask]);
        must(nr::FCHDIR, &[tree]);
    }
    must(nr::PIVOT_ROOT, &[at(".\0"), at(".\0")]);
    // MNT_DETACH
    must(nr::UMOUNT2, &[at(".\0"), 2]);
}

extern "C" fn become_command() -> ! {
    if cfg!(init) {
        must(nr::SETPGID, &[0, 0]);
    } else if !cfg!(plain) {
        if cfg!(sandbox) {
            // PR_SET_NO_NEW_PRIVS
            must(nr::PRCTL, &[38, 1, 0, 0, 0]);
        }
        must(new::CLOSE_RANGE, &[3, u32::MAX as usize, 0]);
    }
    if !cfg!(plain) {
        mask(0);
    }
    #[cfg(sandbox)]
    sandbox::filter();
    let argv = [at(COMMAND), 0];
    let none = 0usize;
    must(nr::EXECVE, &[at(COMMAND), argv.as_ptr() as usize, &raw const none as usize]);
    exit(125)
}
