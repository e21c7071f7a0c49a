//! Processes, namespaces and ids.

use super::{Errno, Fd, Result, Strings, ZStr, call, done, opened};
use crate::arch;
use core::mem::MaybeUninit;
pub use linux_raw_sys::general::{
    CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID,
    CLONE_NEWTIME, CLONE_NEWUSER, CLONE_NEWUTS, CLONE_VFORK, CLONE_VM,
};
use linux_raw_sys::{general as c, net, prctl as p};

/// The kinds of namespaces, namespaces(7): CLONE_NEW*, and the file of the caller's own in /proc. Behind [`NS_SELF`] bytes of it
/// there stands that of a process in its folder, behind [`NS_KIND`] the name of the kind alone. Of the last two nobody is told.
#[cfg(any(feature = "enter", feature = "report", feature = "template"))]
pub const NAMESPACES: &[(u32, ZStr<'static>)] = &[
    (CLONE_NEWCGROUP, crate::z!("self/ns/cgroup")),
    (CLONE_NEWIPC, crate::z!("self/ns/ipc")),
    (CLONE_NEWNS, crate::z!("self/ns/mnt")),
    (CLONE_NEWNET, crate::z!("self/ns/net")),
    (CLONE_NEWPID, crate::z!("self/ns/pid")),
    (CLONE_NEWUTS, crate::z!("self/ns/uts")),
    (CLONE_NEWUSER, crate::z!("self/ns/user")),
    (CLONE_NEWTIME, crate::z!("self/ns/time")),
];
#[allow(missing_docs)]
pub const NS_SELF: usize = b"self/".len();
#[allow(missing_docs)]
pub const NS_KIND: usize = b"self/ns/".len();

/// A process id, in our own PID namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pid(pub i32);

/// _exit(2) of the whole process.
pub fn exit(code: u8) -> ! {
    loop {
        // SAFETY: no memory is involved, and it does not return.
        let _ = unsafe { call!(exit_group, code) };
        // A filter of system calls may refuse even that.
        #[cfg(feature = "oci")]
        arch::fault();
    }
}

/// clone(2): a child in new namespaces that calls `life(arg)`; it ends in execve or exit. With CLONE_VM|CLONE_VFORK
/// in `flags` it borrows our memory, and we sleep until it is done with it.
pub fn clone<T>(flags: u32, life: extern "C" fn(&mut T) -> !, arg: &mut T) -> Result<Pid> {
    // What is borrowed is given back: CLONE_VM goes with CLONE_VFORK only.
    let flags = if flags & CLONE_VFORK == 0 { flags & !CLONE_VM } else { flags };
    // SAFETY: a `&mut T` is passed as the pointer that it is; `life` never returns, and `arg` outlives the child's use
    // of our memory, as the line above sees to.
    let raw = unsafe {
        let life =
            core::mem::transmute::<extern "C" fn(&mut T) -> !, unsafe extern "C" fn(*mut u8) -> !>(life);
        arch::clone_with((flags | c::SIGCHLD) as usize, life, (&raw mut *arg).cast())
    };
    super::result(raw as usize).map(|pid| Pid(pid as i32))
}

/// clone3(2): the same, with flags that clone(2) has no room for (Linux 5.3), or in a cgroup, CLONE_INTO_CGROUP (Linux 5.7).
#[cfg(any(feature = "cgroup", feature = "linux7"))]
#[inline(never)]
pub(super) fn clone3<T>(
    flags: u64,
    cgroup: Option<Fd>,
    life: extern "C" fn(&mut T) -> !,
    arg: &mut T,
) -> Result<Pid> {
    // What is borrowed is given back: CLONE_VM goes with CLONE_VFORK only.
    let flags = if flags & u64::from(CLONE_VFORK) == 0 { flags & !u64::from(CLONE_VM) } else { flags };
    let (into, cgroup) = cgroup.map_or((0, 0), |cgroup| (c::CLONE_INTO_CGROUP, cgroup.0));
    let args = c::clone_args {
        flags: flags | into,
        pidfd: 0,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: c::SIGCHLD.into(),
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: cgroup.into(),
    };
    // SAFETY: the kernel reads `args`, whose size it is given; a `&mut T` is passed as the pointer that it is; `life` never
    // returns, and `arg` outlives the child's use of our memory, as the line above sees to.
    let raw = unsafe {
        let life =
            core::mem::transmute::<extern "C" fn(&mut T) -> !, unsafe extern "C" fn(*mut u8) -> !>(life);
        arch::clone3_with(
            &raw const args,
            core::mem::size_of::<c::clone_args>(),
            life,
            (&raw mut *arg).cast(),
        )
    };
    super::result(raw as usize).map(|pid| Pid(pid as i32))
}

/// execve(2): comes back only with the reason why it failed.
pub fn execve(path: ZStr<'_>, argv: Strings<'_>, envp: Strings<'_>) -> Errno {
    // SAFETY: a `Strings` is a null-terminated array of NUL-terminated strings.
    match unsafe { call!(execve, path.as_ptr(), argv.as_ptr(), envp.as_ptr()) } {
        Err(e) => e,
        Ok(_) => Errno::EINVAL,
    }
}

/// What [`wait`] saw.
pub enum Waited {
    /// A child ended, or was stopped; its wait status.
    Child(Pid, u32),
    /// There are children, and nothing new of them.
    Nothing,
    /// There is no child at all.
    None,
}

/// wait4(2) for any child, without blocking; with `stops` those that were stopped are reported too.
pub fn wait(stops: bool) -> Waited {
    let options = if stops { c::WNOHANG | c::WUNTRACED } else { c::WNOHANG };
    let mut status = MaybeUninit::<u32>::uninit();
    loop {
        // SAFETY: the kernel writes the status when it returns a pid, and only then it is read.
        unsafe {
            match call!(wait4, -1isize, status.as_mut_ptr(), options, 0) {
                Ok(0) => return Waited::Nothing,
                Ok(pid) => return Waited::Child(Pid(pid as i32), status.assume_init()),
                Err(Errno::EINTR) => {}
                Err(_) => return Waited::None,
            }
        }
    }
}

/// wait4(2) for one child without blocking: its wait status, once it has ended.
#[cfg(not(feature = "jobs"))]
pub fn status(pid: Pid) -> Option<u32> {
    let mut status = 0u32;
    // SAFETY: the kernel writes an int.
    unsafe { call!(wait4, pid.0, &raw mut status, c::WNOHANG, 0) }.is_ok_and(|pid| pid != 0).then_some(status)
}

/// wait4(2) for one child, until it ends; its wait status.
pub fn wait_for(pid: Pid) -> Result<u32> {
    let mut status = 0u32;
    loop {
        // SAFETY: the kernel writes an int.
        match unsafe { call!(wait4, pid.0, &raw mut status, 0, 0) } {
            Err(Errno::EINTR) => {}
            r => return r.map(|_| status),
        }
    }
}

/// kill(2). A child of ours can't be mistaken for another: its id is free only after we have waited for it.
#[inline(never)]
pub fn kill(pid: Pid, signal: u8) {
    // 0 and negative ids would mean whole groups.
    if pid.0 > 0 {
        // SAFETY: no memory is involved.
        let _ = unsafe { call!(kill, pid.0, signal) };
    }
}

/// kill(2) of a process group, by the id of the process that made it; whether there was one. Signal 0 only asks.
#[cfg(feature = "init")]
pub fn kill_group(leader: Pid, signal: u8) -> bool {
    // -1 would be everybody, 0 our own group.
    // SAFETY: no memory is involved.
    leader.0 > 1 && unsafe { call!(kill, -leader.0, signal) }.is_ok()
}

/// kill(2) of every process that we may signal, but ourselves: as process 1, of the whole container.
#[cfg(any(feature = "init", feature = "boot"))]
pub fn kill_all(signal: u8) {
    // SAFETY: no memory is involved.
    let _ = unsafe { call!(kill, -1isize, signal) };
}

/// getpid(2): in our own PID namespace.
pub fn me() -> Result<Pid> {
    // SAFETY: no memory is involved.
    unsafe { call!(getpid) }.map(|pid| Pid(pid as i32))
}

/// kill(2) of ourselves.
pub fn raise(signal: u8) {
    if let Ok(me) = me() {
        kill(me, signal);
    }
}

/// getpgid(2) of `pid`, or (with `None`) of ourselves; 0 where the group lies outside of our PID namespace.
pub fn process_group(pid: Option<Pid>) -> Result<Pid> {
    // SAFETY: no memory is involved.
    unsafe { call!(getpgid, pid.map_or(0, |p| p.0)) }.map(|g| Pid(g as i32))
}

/// setpgid(2): a process group of our own.
#[cfg(feature = "init")]
pub fn own_process_group() -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { done!(setpgid, 0, 0) }
}

/// prctl(2) of an option that takes a number.
#[inline(never)]
pub(super) fn prctl(option: u32, value: u32) -> Result<()> {
    // SAFETY: no memory is involved; callers name options that take a number.
    unsafe { done!(prctl, option, value, 0, 0, 0) }
}

/// prctl(2), PR_SET_DUMPABLE: off, until the next execve: nobody traces us or reaches through our /proc files, except
/// with CAP_SYS_PTRACE over the user namespace that we came from.
#[cfg(any(feature = "join", feature = "template"))]
pub fn dumpable(is: bool) -> Result<()> {
    prctl(p::PR_SET_DUMPABLE, is.into())
}

/// prctl(2), PR_SET_CHILD_SUBREAPER: orphans below us become our children, as they do for process 1.
pub fn become_subreaper() -> Result<()> {
    prctl(p::PR_SET_CHILD_SUBREAPER, 1)
}

/// prctl(2), PR_GET_CHILD_SUBREAPER: whether we are one.
#[cfg(feature = "drop-in")]
pub fn is_subreaper() -> bool {
    let mut is = 0u32;
    // SAFETY: the kernel writes an int.
    let done = unsafe { done!(prctl, p::PR_GET_CHILD_SUBREAPER, &raw mut is, 0, 0, 0) };
    done.is_ok() && is != 0
}

/// setns(2) with the kind of namespace that it must be.
#[inline(never)]
pub fn setns(ns: Fd, kind: u32) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { done!(setns, ns.0, kind) }
}

/// unshare(2).
pub fn unshare(kinds: u32) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { done!(unshare, kinds) }
}

/// pidfd_open(2) of ourselves. Linux 5.3.
pub fn pidfd_self() -> Result<Fd> {
    // SAFETY: no memory is involved.
    unsafe { call!(getpid).and_then(|me| opened!(pidfd_open, me, 0)) }
}

/// pidfd_open(2) of a process. Linux 5.3.
#[cfg(any(feature = "enter", feature = "template"))]
pub fn pidfd_open(pid: Pid) -> Result<Fd> {
    // SAFETY: no memory is involved.
    unsafe { opened!(pidfd_open, pid.0, 0) }
}

/// getppid(2): 0 when the parent is outside of our PID namespace.
pub fn parent() -> Pid {
    // SAFETY: no memory is involved; it never fails.
    Pid(unsafe { call!(getppid) }.unwrap_or(0) as i32)
}

/// Whether the process behind a pidfd has ended: ppoll(2) without waiting.
pub fn has_ended(pidfd: Fd) -> Result<bool> {
    let mut fds = c::pollfd { fd: pidfd.0 as i32, events: c::POLLIN as i16, revents: 0 };
    let now = timespec(0);
    // SAFETY: the kernel reads one pollfd and a timespec, and writes the pollfd's revents.
    unsafe { call!(ppoll, &raw mut fds, 1, &raw const now, 0, 0) }.map(|ready| ready > 0)
}

/// So many nanoseconds, as the kernel takes them.
pub(super) fn timespec(nanoseconds: u64) -> c::__kernel_timespec {
    const SECOND: u64 = 1_000_000_000;
    c::__kernel_timespec { tv_sec: (nanoseconds / SECOND) as i64, tv_nsec: (nanoseconds % SECOND) as i64 }
}

/// clock_gettime(2), CLOCK_MONOTONIC, in nanoseconds.
pub fn now() -> u64 {
    let mut time = timespec(0);
    // SAFETY: the kernel writes a timespec.
    let _ = unsafe { done!(clock_gettime, CLOCK_MONOTONIC, &raw mut time) };
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

/// nanosleep(2).
#[cfg(any(feature = "jobs", feature = "veth"))]
pub fn sleep_a_millisecond() {
    let time = timespec(1_000_000);
    // SAFETY: the kernel reads a timespec.
    let _ = unsafe { done!(nanosleep, &raw const time, 0) };
}

/// prctl(2), PR_SET_PDEATHSIG: a signal for us when the thread that made us ends.
pub fn parent_death(signal: u8) -> Result<()> {
    prctl(p::PR_SET_PDEATHSIG, signal.into())
}

/// prctl(2), PR_SET_NO_NEW_PRIVS: from here on execve grants nothing.
pub fn no_new_privs() -> Result<()> {
    prctl(p::PR_SET_NO_NEW_PRIVS, 1)
}

/// setsid(2).
pub fn setsid() -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { call!(setsid) }.map(drop)
}

/// setgroups(2) to none.
pub fn setgroups_none() -> Result<()> {
    // SAFETY: an empty list is not read.
    unsafe { done!(setgroups, 0, 0) }
}

/// setgroups(2).
#[cfg(feature = "enter")]
pub fn setgroups(groups: &[u32]) -> Result<()> {
    // SAFETY: the kernel reads `len` ids at the pointer; both come from one slice.
    unsafe { done!(setgroups, groups.len(), groups.as_ptr()) }
}

/// setresgid(2), all three.
pub fn setresgid(gid: u32) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { done!(setresgid, gid, gid, gid) }
}

/// setresuid(2), all three.
pub fn setresuid(uid: u32) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { done!(setresuid, uid, uid, uid) }
}

/// sethostname(2).
pub fn sethostname(name: &[u8]) -> Result<()> {
    // SAFETY: the kernel reads `len` bytes at the pointer; both come from one slice.
    unsafe { done!(sethostname, name.as_ptr(), name.len()) }
}

/// setdomainname(2).
pub fn setdomainname(name: &[u8]) -> Result<()> {
    // SAFETY: the kernel reads `len` bytes at the pointer; both come from one slice.
    unsafe { done!(setdomainname, name.as_ptr(), name.len()) }
}

/// netdevice(7), SIOCSIFFLAGS: `lo` of this network namespace goes up. Any socket will do for the request, so it is
/// a local one: a kernel without IPv4 has that too.
pub fn loopback_up() -> Result<()> {
    /// struct ifreq, 40 bytes, as far as SIOCSIFFLAGS reads it.
    #[repr(C)]
    struct IfReq {
        name: [u8; 16],
        flags: u16,
        rest: [u8; 22],
    }
    static REQ: IfReq = IfReq {
        name: *b"lo\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        flags: net::net_device_flags::IFF_UP as u16 | net::net_device_flags::IFF_RUNNING as u16,
        rest: [0; 22],
    };
    // SAFETY: no memory is involved.
    let s = unsafe { opened!(socket, net::AF_UNIX, net::SOCK_DGRAM | c::O_CLOEXEC, 0) }?;
    // SAFETY: the kernel reads one ifreq.
    unsafe { done!(ioctl, s.0, linux_raw_sys::ioctl::SIOCSIFFLAGS, &raw const REQ) }
}

/// prlimit(2), RLIMIT_NOFILE of this process: sets the soft limit (`None`: to the hard one) and gives the old one. It is
/// an int: fs.nr_open, proc_sys_fs(5), bounds it.
#[cfg(feature = "fs")]
pub fn open_files_limit(soft: Option<u32>) -> Result<u32> {
    let mut limit = c::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes one rlimit64.
    unsafe { done!(prlimit64, 0, c::RLIMIT_NOFILE, 0, &raw mut limit) }?;
    let old = limit.rlim_cur as u32;
    limit.rlim_cur = soft.map_or(limit.rlim_max, u64::from);
    // SAFETY: the kernel reads one rlimit64.
    unsafe { done!(prlimit64, 0, c::RLIMIT_NOFILE, &raw const limit, 0) }?;
    Ok(old)
}
