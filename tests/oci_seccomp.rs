//! Filters of vesicle-oci that notify an agent of calls: it gets their listener, with the state of the process, and decides.
#![cfg(feature = "oci")]
#![allow(unsafe_code)]

mod common;

use common::bundle::*;
use common::*;
use nix::libc;
use serde_json::{Value, json};
use std::fs;
use std::io::Read;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

/// struct seccomp_notif of linux/seccomp.h.
#[repr(C)]
#[derive(Clone, Copy)]
struct Call {
    id: u64,
    pid: u32,
    flags: u32,
    nr: i32,
    arch: u32,
    instruction: u64,
    args: [u64; 6],
}

/// struct seccomp_notif_resp.
#[repr(C)]
struct Answer {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

const RECV: u64 = 0xc050_2100;
const SEND: u64 = 0xc018_2101;
const CONTINUE: u32 = 1;

/// What becomes of a call.
enum Verdict {
    Goes,
    Is(i64),
    Fails(i32),
}

/// Whoever connects hands over one listener and a state; all that is notified by it is decided by one function.
struct Agent {
    path: PathBuf,
    /// What was said by whom connected, and all calls that were notified until nobody was left that could make one.
    heard: Receiver<(Value, JoinHandle<Vec<Call>>)>,
}

impl Agent {
    fn on(bundle: &Bundle, decide: fn(&Call) -> Verdict) -> Agent {
        let path = bundle.dir.join("agent");
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path).expect("a socket");
        let (told, heard) = channel();
        std::thread::spawn(move || {
            for peer in listener.incoming().flatten() {
                let (state, filter) = receive(peer);
                let serves = std::thread::spawn(move || serve(&filter, decide));
                if told.send((state, serves)).is_err() {
                    return;
                }
            }
        });
        Agent { path, heard }
    }

    /// The next state that was told, and the calls.
    fn hears(&self) -> (Value, JoinHandle<Vec<Call>>) {
        self.heard.recv_timeout(PATIENCE).expect("a state")
    }
}

/// One message with one descriptor, and then the end.
fn receive(mut peer: UnixStream) -> (Value, OwnedFd) {
    let mut room = vec![0u8; 1 << 20];
    let mut control = [0u64; 16];
    // SAFETY: the kernel writes at most as many bytes as it is told of each place; all zeros are a header of nothing.
    let (len, filter) = unsafe {
        let mut part = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
        let mut header: libc::msghdr = zeroed();
        (header.msg_iov, header.msg_iovlen) = (&raw mut part, 1);
        (header.msg_control, header.msg_controllen) = (control.as_mut_ptr().cast(), size_of_val(&control));
        let len = libc::recvmsg(peer.as_raw_fd(), &raw mut header, libc::MSG_CMSG_CLOEXEC);
        let first = libc::CMSG_FIRSTHDR(&raw const header);
        assert!(len > 0 && !first.is_null(), "{len}");
        assert_eq!(((*first).cmsg_type, (*first).cmsg_len), (libc::SCM_RIGHTS, libc::CMSG_LEN(4) as usize));
        assert!(libc::CMSG_NXTHDR(&raw const header, first).is_null());
        (len as usize, OwnedFd::from_raw_fd(libc::CMSG_DATA(first).cast::<i32>().read_unaligned()))
    };
    let mut rest = vec![];
    peer.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    peer.read_to_end(&mut rest).expect("the end: nobody holds the connection open");
    assert_eq!(rest, b"");
    (serde_json::from_slice(&room[..len]).expect("JSON"), filter)
}

/// Decides until nobody lives under the filter any more.
fn serve(filter: &OwnedFd, decide: fn(&Call) -> Verdict) -> Vec<Call> {
    let mut calls = vec![];
    loop {
        let mut poll = libc::pollfd { fd: filter.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: the kernel reads and writes one pollfd, one notification, which must be all zeros, and one answer.
        unsafe {
            libc::poll(&raw mut poll, 1, -1);
            if poll.revents & libc::POLLIN == 0 {
                return calls;
            }
            let mut call: Call = zeroed();
            if libc::ioctl(filter.as_raw_fd(), RECV as _, &raw mut call) != 0 {
                continue;
            }
            let mut answer = Answer { id: call.id, value: 0, error: 0, flags: 0 };
            match decide(&call) {
                Verdict::Goes => answer.flags = CONTINUE,
                Verdict::Is(value) => answer.value = value,
                Verdict::Fails(errno) => answer.error = -errno,
            }
            libc::ioctl(filter.as_raw_fd(), SEND as _, &raw mut answer);
            calls.push(call);
        }
    }
}

/// A bundle whose command is this script, and which notifies of calls.
fn bundle(name: &str, script: &str, calls: &[&str]) -> Option<(Bundle, Value)> {
    let Some(root) = rootfs(Who::Root).filter(|_| is_root()) else {
        skip(name, "not root");
        return None;
    };
    let mut config = plain(&root);
    config["process"]["args"] = json!(["/bin/sh", "-c", script]);
    config["process"]["noNewPrivileges"] = json!(true);
    let bundle = Bundle::of(&config);
    config["annotations"] = json!({ "a.b": "c" });
    config["linux"]["seccomp"] = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": bundle.dir.join("agent"),
        "listenerMetadata": "who=\"me\"\n",
        "syscalls": [{ "names": calls, "action": "SCMP_ACT_NOTIFY" }],
    });
    bundle.set(&config);
    Some((bundle, config))
}

const IDS: [&str; 2] = ["getuid", "geteuid"];

fn is_4711(_: &Call) -> Verdict {
    Verdict::Is(4711)
}

/// What is told of a container `a`.
fn state(bundle: &Bundle, status: &str, process: &Value, first: &Value) -> Value {
    json!({
        "ociVersion": "1.2.0", "fds": ["seccompFd"], "pid": process, "metadata": "who=\"me\"\n",
        "state": {
            "ociVersion": "1.2.0", "id": "a", "pid": first, "status": status,
            "bundle": bundle.dir.canonicalize().expect("a path"), "annotations": { "a.b": "c" },
        },
    })
}

#[test]
fn an_agent_says_who_somebody_is() {
    let Some((bundle, mut config)) = bundle("an_agent_says_who_somebody_is", "id -u", &IDS) else { return };
    let agent = Agent::on(&bundle, is_4711);
    // Without no_new_privs the filter is there before much else is done, and capabilities are dropped.
    for late in [true, false] {
        config["process"]["noNewPrivileges"] = json!(late);
        for flags in [json!([]), json!(["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"])] {
            config["linux"]["seccomp"]["flags"] = flags;
            bundle.set(&config);
            assert_eq!(bundle.good(&["run", "a"]), "4711\n");
            let (told, calls) = agent.hears();
            assert_eq!(told, state(&bundle, "creating", &told["pid"], &told["pid"]));
            let calls = calls.join().expect("calls");
            assert!(!calls.is_empty() && calls.iter().all(|call| told["pid"] == call.pid), "{told}");
            assert!(bundle.left().is_empty(), "{:?}", bundle.left());
        }
    }
}

#[test]
fn who_is_created_has_its_agent_before_it_is_started_and_others_have_it_too() {
    let name = "who_is_created_has_its_agent_before_it_is_started_and_others_have_it_too";
    let Some((bundle, mut config)) = bundle(name, "id -u > /proc/1/cwd/tmp/who; exec sleep 1000", &IDS)
    else {
        return;
    };
    config["mounts"] = json!([
        { "destination": "/proc", "type": "proc", "source": "proc" },
        { "destination": "/tmp", "type": "bind", "source": bundle.dir, "options": ["bind"] },
    ]);
    bundle.set(&config);
    let agent = Agent::on(&bundle, is_4711);
    bundle.good(&["create", "a"]);
    let (told, _) = agent.hears();
    let first = json!(bundle.pid_of("a"));
    assert_eq!(told, state(&bundle, "creating", &first, &first));
    // No descriptor of it is left: 0 to 2, and the FIFO of its start.
    let open = fs::read_dir(format!("/proc/{first}/fd")).expect("descriptors").count();
    assert_eq!(open, 4);
    assert_eq!(fs::read_dir(format!("/proc/{first}/task")).expect("threads").count(), 1);
    bundle.good(&["start", "a"]);
    let who = bundle.dir.join("who");
    until("it says who it is", || fs::read_to_string(&who).is_ok_and(|text| text == "4711\n"));
    assert_eq!(bundle.good(&["exec", "a", "/bin/id", "-u"]), "4711\n");
    let (told, calls) = agent.hears();
    assert_eq!(told, state(&bundle, "running", &told["pid"], &first));
    let calls = calls.join().expect("calls");
    assert!(told["pid"] != first && calls.iter().all(|call| told["pid"] == call.pid), "{told}");
    // Of one that could not be executed nothing is left.
    bundle.bad(&["exec", "a", "/bin/nothing"], "no such file or directory");
    agent.hears().1.join().expect("calls");
    // Nobody listens any more.
    fs::remove_file(&agent.path).expect("remove");
    bundle.bad(&["exec", "a", "/bin/id"], "agent: no such file or directory");
    bundle.good(&["delete", "--force", "a"]);
    assert!(bundle.left().is_empty(), "{:?}", bundle.left());
}

#[test]
fn whatever_is_notified_the_agent_has_the_listener_before_it_is_called() {
    let all = [
        "write",
        "writev",
        "read",
        "close",
        "close_range",
        "sendmsg",
        "sendto",
        "recvmsg",
        "ppoll",
        "futex",
        "sched_yield",
        "wait4",
        "waitid",
        "execve",
        "access",
        "faccessat",
        "faccessat2",
        "openat",
        "exit",
        "exit_group",
        "mmap",
        "munmap",
        "rt_sigprocmask",
        "rt_sigaction",
        "prctl",
        "capset",
        "setresuid",
        "setresgid",
        "setgroups",
        "umask",
        "nanosleep",
        "clone",
        "clone3",
        "fcntl",
        "newfstatat",
        "statx",
    ];
    let name = "whatever_is_notified_the_agent_has_the_listener_before_it_is_called";
    let Some((bundle, mut config)) = bundle(name, "exit 7", &all) else { return };
    let agent = Agent::on(&bundle, |_| Verdict::Goes);
    for late in [true, false] {
        config["process"]["noNewPrivileges"] = json!(late);
        bundle.set(&config);
        assert_eq!(bundle.call(&["run", "a"]).status.code(), Some(7));
        assert!(!agent.hears().1.join().expect("calls").is_empty());
        bundle.good(&["create", "a"]);
        bundle.good(&["start", "a"]);
        until("it has ended", || bundle.status_of("a") == "stopped");
        bundle.good(&["delete", "a"]);
        assert!(!agent.hears().1.join().expect("calls").is_empty());
    }
    // The same of calls that are refused: it makes none but execve.
    config["process"]["noNewPrivileges"] = json!(true);
    let refused: Vec<_> = all.iter().filter(|name| **name != "execve").collect();
    config["linux"]["seccomp"]["syscalls"] = json!([
        { "names": refused, "action": "SCMP_ACT_KILL_PROCESS" },
        { "names": ["execve"], "action": "SCMP_ACT_NOTIFY" },
    ]);
    bundle.set(&config);
    // 128 + SIGSYS, of the command itself.
    assert_eq!(bundle.call(&["run", "a"]).status.code(), Some(159));
    let calls = agent.hears().1.join().expect("calls");
    assert_eq!(calls.iter().map(|call| i64::from(call.nr)).collect::<Vec<_>>(), [libc::SYS_execve]);
    assert!(bundle.left().is_empty(), "{:?}", bundle.left());
}

/// A text of somebody's memory.
fn text_at(pid: u32, at: u64) -> String {
    let mut bytes = vec![0; 64];
    let memory = fs::File::open(format!("/proc/{pid}/mem")).expect("memory");
    let len = std::os::unix::fs::FileExt::read_at(&memory, &mut bytes, at).expect("a text");
    let end = bytes[..len].iter().position(|byte| *byte == 0).expect("its end");
    String::from_utf8(bytes[..end].to_vec()).expect("UTF-8")
}

#[test]
fn an_agent_makes_a_device_for_who_may_not() {
    let name = "an_agent_makes_a_device_for_who_may_not";
    let script = "mknod /tmp/null c 1 3 && mknod /tmp/other c 1 8 || echo $?";
    let Some((bundle, mut config)) = bundle(name, script, &["mknod", "mknodat"]) else { return };
    config["mounts"]
        .as_array_mut()
        .expect("mounts")
        .push(json!({ "destination": "/tmp", "type": "bind", "source": bundle.dir, "options": ["bind"] }));
    bundle.set(&config);
    let agent = Agent::on(&bundle, |call| {
        let at = if i64::from(call.nr) == libc::SYS_mknodat { &call.args[1..] } else { &call.args[..] };
        if at[2] != 0x103 {
            return Verdict::Fails(libc::EACCES);
        }
        let path = text_at(call.pid, at[0]);
        let path = Path::new(&format!("/proc/{}/root", call.pid)).join(path.trim_start_matches('/'));
        let device = nix::sys::stat::makedev(1, 3);
        nix::sys::stat::mknod(&path, nix::sys::stat::SFlag::S_IFCHR, nix::sys::stat::Mode::S_IRUSR, device)
            .expect("mknod");
        Verdict::Is(0)
    });
    let out = bundle.call(&["run", "a"]);
    assert_eq!(String::from_utf8_lossy(&out.stdout), "1\n", "{out:?}");
    assert!(String::from_utf8_lossy(&out.stderr).contains("Permission denied"), "{out:?}");
    assert_eq!(agent.hears().1.join().expect("calls").len(), 2);
    let made = fs::metadata(bundle.dir.join("null")).expect("a device");
    assert!(made.file_type().is_char_device() && made.rdev() == nix::sys::stat::makedev(1, 3));
    assert!(!bundle.dir.join("other").exists());
}

#[test]
fn without_an_agent_there_is_no_container() {
    let Some((bundle, mut config)) = bundle("without_an_agent_there_is_no_container", "echo ran", &IDS)
    else {
        return;
    };
    let path = bundle.dir.join("agent");
    let said = |why: &str| format!("hand seccomp listener to agent {}: {why}", path.display());
    let fails = |why: &str| {
        for words in [["run", "a"], ["create", "a"]] {
            bundle.bad(&words, why);
            assert!(bundle.left().is_empty(), "{:?}", bundle.left());
        }
    };
    fails(&said("no such file or directory"));
    fs::write(&path, "").expect("a file");
    fails(&said("connection refused"));
    fs::remove_file(&path).expect("remove");
    let datagrams = UnixDatagram::bind(&path).expect("a socket");
    fails(&said("protocol wrong type"));
    fs::remove_file(&path).expect("remove");
    drop(datagrams);
    // It was there when it was looked for, and is gone when it is needed: hooks are run between the two.
    let gone = bundle.dir.join("gone");
    let wait = format!("until [ -e {} ]; do sleep 0.01; done", gone.display());
    config["hooks"] =
        json!({ "createRuntime": [{ "path": "/bin/sh", "args": ["sh", "-c", wait], "timeout": 60 }] });
    for late in [true, false] {
        config["process"]["noNewPrivileges"] = json!(late);
        bundle.set(&config);
        let listener = UnixListener::bind(&path).expect("a socket");
        let closes = std::thread::spawn({
            let gone = gone.clone();
            move || {
                for peer in listener.incoming().take(2) {
                    drop(peer);
                    fs::write(&gone, "").expect("a file");
                }
            }
        });
        fails(&said("broken pipe"));
        closes.join().expect("an agent");
        for file in [&path, &gone] {
            fs::remove_file(file).expect("remove");
        }
    }
    let mut change = |name: &str, value: Value, why: &str| {
        let before = config["linux"]["seccomp"][name].take();
        config["linux"]["seccomp"][name] = value;
        bundle.set(&config);
        fails(why);
        config["linux"]["seccomp"][name] = before;
    };
    change("listenerPath", json!(null), "listenerPath: is missing");
    change("listenerPath", json!(""), "linux.seccomp.listenerPath: not an absolute path");
    change("listenerPath", json!("agent"), "linux.seccomp.listenerPath: not an absolute path");
    change("listenerPath", json!(format!("/{}", "x".repeat(107))), "file name too long");
    change("defaultAction", json!("SCMP_ACT_NOTIFY"), "defaultAction: SCMP_ACT_NOTIFY can't be the default");
    // Without such an action nobody is asked.
    change("listenerMetadata", json!(1), "listenerMetadata: not a text");
    config["hooks"] = json!({});
    config["linux"]["seccomp"]["syscalls"] = json!([]);
    bundle.set(&config);
    assert_eq!(bundle.good(&["run", "a"]), "ran\n");
}

/// In real time a process that waits by looking must let others run.
#[test]
fn in_real_time_on_one_cpu_it_is_handed_over_too() {
    let name = "in_real_time_on_one_cpu_it_is_handed_over_too";
    let Some((bundle, mut config)) = bundle(name, "id -u", &IDS) else { return };
    let agent = Agent::on(&bundle, is_4711);
    config["process"]["scheduler"] = json!({ "policy": "SCHED_FIFO", "priority": 1 });
    bundle.set(&config);
    let out = bundle.under(&["timeout", "-s", "KILL", "60", "taskset", "-c", "0"], &["run", "a"]);
    if String::from_utf8_lossy(&out.stderr).contains("set scheduler") {
        return skip(name, "no real time here");
    }
    assert!(out.status.success() && out.stdout == b"4711\n", "{out:?}");
    agent.hears().1.join().expect("calls");
}

#[test]
fn features_have_the_action_and_the_flags_that_the_kernel_has() {
    if !is_root() {
        return skip("features_have_the_action_and_the_flags_that_the_kernel_has", "not root");
    }
    let bundle = Bundle::plain();
    let features: Value = serde_json::from_str(&bundle.good(&["features"])).expect("JSON");
    let seccomp = &features["linux"]["seccomp"];
    assert!(seccomp["actions"].as_array().expect("actions").contains(&json!("SCMP_ACT_NOTIFY")));
    let flags =
        ["TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV"].map(|f| format!("SECCOMP_FILTER_FLAG_{f}"));
    assert_eq!(seccomp["knownFlags"], json!(flags));
    let release = nix::sys::utsname::uname().expect("uname").release().to_string_lossy().into_owned();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|n| n.parse::<u32>().ok());
    let version = (numbers.next(), numbers.next());
    let there = if version >= (Some(5), Some(19)) { &flags[..] } else { &flags[..3] };
    assert_eq!(seccomp["supportedFlags"], json!(there), "{release}");
}
