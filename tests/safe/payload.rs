//! What the tests' own program does when it is run as a hostile payload. It says of each thing that it tried whether it was `done`, or the errno.

use crate::common::libc;
use crate::common::payload::{as_payload, exit};
use std::ffi::{CString, OsString};

/// The words that make it a payload.
pub fn payload(mode: &str) -> Vec<OsString> {
    as_payload(mode.split_whitespace())
}

crate::payload_lives!(live);

fn live(words: &[&str]) -> i32 {
    match words {
        ["open"] => open_all(),
        ["attack"] => attack(),
        ["nest"] => nest(),
        ["trace", pid] => trace(pid.parse().expect("a number")),
        _ => return 99,
    }
    0
}

/// Says how it ended: what the call returned is negative where it failed.
fn say(what: &str, returned: i64) -> bool {
    let e = nix::errno::Errno::last();
    let how = if returned < 0 { format!("{e:?}") } else { "done".into() };
    let line = format!("{what} {how}\n");
    // SAFETY: pointer and length come from one slice.
    unsafe { libc::write(1, line.as_ptr().cast(), line.len()) };
    returned >= 0
}

fn c(text: &str) -> CString {
    CString::new(text).expect("no NUL")
}

/// Opens, and reads one byte where that is what it was opened for. Nothing is ever written.
fn open(path: &str, flags: i32) -> i64 {
    // SAFETY: a NUL-terminated string, a buffer of one byte.
    unsafe {
        let fd = libc::open(c(path).as_ptr(), flags | libc::O_CLOEXEC);
        if fd < 0 || flags & libc::O_ACCMODE != libc::O_RDONLY {
            return fd.into();
        }
        libc::read(fd, [0u8].as_mut_ptr().cast(), 1) as i64
    }
}

fn open_all() {
    for name in ["core_pattern", "modprobe", "hostname"] {
        say(&format!("write-{name}"), open(&format!("/proc/sys/kernel/{name}"), libc::O_WRONLY));
    }
    say("write-sysrq-trigger", open("/proc/sysrq-trigger", libc::O_WRONLY));
    say("write-smp_affinity", open("/proc/irq/default_smp_affinity", libc::O_WRONLY));
    for name in ["kcore", "keys", "latency_stats", "sched_debug", "timer_list"] {
        say(&format!("read-{name}"), open(&format!("/proc/{name}"), libc::O_RDONLY));
    }
    // /dev/mem, by another name.
    let path = c(&format!("/tmp/vesicle-payload-{}", std::process::id()));
    // SAFETY: NUL-terminated strings.
    unsafe {
        say("mknod", libc::mknod(path.as_ptr(), libc::S_IFCHR | 0o600, libc::makedev(1, 1)).into());
        libc::unlink(path.as_ptr());
    }
}

fn mount(source: &str, path: &str, kind: &str, flags: u64) -> i64 {
    let (source, path, kind) = (c(source), c(path), c(kind));
    // SAFETY: NUL-terminated strings, and no data.
    unsafe { libc::mount(source.as_ptr(), path.as_ptr(), kind.as_ptr(), flags, std::ptr::null()).into() }
}

fn attack() {
    open_all();
    say("remount-sys", mount("", "/proc/sys", "", libc::MS_REMOUNT | libc::MS_BIND));
    say("remount-proc-whole", mount("", "/proc", "", libc::MS_REMOUNT));
    say("mount-proc", mount("proc", "/proc", "proc", 0));
    say("bind", mount("/proc/version", "/proc/sys", "", libc::MS_BIND));
    // SAFETY: NUL-terminated strings and numbers; what reads memory gets null and fails before it does.
    unsafe {
        for name in ["keys", "sys", "timer_list"] {
            say(
                &format!("umount-{name}"),
                libc::umount2(c(&format!("/proc/{name}")).as_ptr(), libc::MNT_DETACH).into(),
            );
        }
        say("raw-socket", libc::socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP).into());
        say("packet-socket", libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0).into());
        say("load-module", libc::syscall(libc::SYS_init_module, 0, 0, c("").as_ptr()));
        say("new-mount-namespace", libc::unshare(libc::CLONE_NEWNS).into());
        say("new-network-namespace", libc::unshare(libc::CLONE_NEWNET).into());
        say("set-host-name", libc::sethostname(c("other").as_ptr(), 5).into());
        say("swap-off", libc::swapoff(c("/nowhere").as_ptr()).into());
        say("handle", libc::syscall(libc::SYS_open_by_handle_at, libc::AT_FDCWD, [0u32; 8].as_ptr(), 0));
        say("raise-priority", libc::setpriority(libc::PRIO_PROCESS, 0, -20).into());
        say("enter-a-namespace", libc::setns(libc::open(c("/proc/self/ns/uts").as_ptr(), 0), 0).into());
    }
}

/// The same from a user namespace of its own, where it has every capability.
fn nest() {
    // SAFETY: numbers; there is one thread.
    unsafe {
        let flags = libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWPID;
        if !say("new-user-namespace", libc::unshare(flags).into()) {
            return;
        }
        // Its own id to itself: user 0 is still the host's.
        for (file, text) in [("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1")] {
            if std::fs::write(format!("/proc/self/{file}"), text).is_err() {
                exit(98);
            }
        }
        let child = libc::fork();
        if child != 0 {
            libc::waitpid(child, std::ptr::null_mut(), 0);
            return;
        }
        open_all();
        say("mount-proc", mount("proc", "/tmp", "proc", 0));
        say("mount-sysfs", mount("sysfs", "/tmp", "sysfs", 0));
        say("remount-sys", mount("", "/proc/sys", "", libc::MS_REMOUNT | libc::MS_BIND));
        say("bind-proc-alone", mount("/proc", "/tmp", "", libc::MS_BIND));
        for name in ["keys", "sys"] {
            say(
                &format!("umount-{name}"),
                libc::umount2(c(&format!("/proc/{name}")).as_ptr(), libc::MNT_DETACH).into(),
            );
        }
        exit(0);
    }
}

/// At a process of the host, which is root as we are.
fn trace(pid: i32) {
    // SAFETY: numbers, and an iovec of nothing.
    unsafe {
        if say("attach", libc::ptrace(libc::PTRACE_ATTACH, pid, 0, 0)) {
            libc::ptrace(libc::PTRACE_DETACH, pid, 0, 0);
        }
        let mut byte = 0u8;
        let own = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
        let its = libc::iovec { iov_base: 0x1000 as *mut libc::c_void, iov_len: 1 };
        say("read-memory", libc::process_vm_readv(pid, &own, 1, &its, 1, 0) as i64);
    }
    say("open-memory", open(&format!("/proc/{pid}/mem"), libc::O_WRONLY));
    say("open-root", open(&format!("/proc/{pid}/root/"), libc::O_PATH | libc::O_WRONLY));
}
