//! A payload that wants something of whoever comes to where it is.

use super::{UID, Who, children, is_root, kill, kill_marked, libc, rootfs, run, say, vesicle};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What those who come have in their environment, and shall not show.
pub const SECRET: &str = "VESICLE_SECRET=of-the-host";

/// Looks at every process that comes, and tries to get hold of it; of what is vesicle's, it tells.
pub fn hostile(_: &[&str]) -> i32 {
    use std::sync::atomic::{AtomicBool, Ordering};
    static STOP: AtomicBool = AtomicBool::new(false);
    extern "C" fn stop(_: libc::c_int) {
        STOP.store(true, Ordering::Relaxed);
    }
    // SAFETY: the handler stores to an atomic.
    unsafe { libc::signal(libc::SIGUSR1, stop as *const () as libc::sighandler_t) };
    let me = std::process::id() as i32;
    let mut seen = BTreeSet::new();
    let mut told = BTreeSet::new();
    println!("up");
    while !STOP.load(Ordering::Relaxed) {
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else { continue };
            // With a shared PID namespace there are those of the host too: of our process group are those that enter.
            if pid <= me || group(pid) != group(me) {
                continue;
            }
            seen.insert(pid);
            for what in loot(pid) {
                if told.insert(what.clone()) {
                    println!("got {what}");
                }
            }
        }
    }
    println!("seen {} processes", seen.len());
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// The process group of a process, proc_pid_stat(5).
fn group(pid: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(") ")?.1.split(' ').nth(2)?.to_string())
}

/// What can be had of a process that is still vesicle.
fn loot(pid: i32) -> Vec<String> {
    let path = |name: &str| format!("/proc/{pid}/{name}");
    let mut list = Vec::new();
    let is_theirs = || fs::read_link(path("exe")).is_ok_and(|exe| exe.to_string_lossy().contains("vesicle"));
    if is_theirs() {
        list.push("a look at its file".to_string());
    }
    if fs::read(path("environ")).is_ok_and(|e| e.windows(SECRET.len()).any(|w| w == SECRET.as_bytes())) {
        list.push("its environment".into());
    }
    for name in ["cwd", "root"] {
        // Inside of COMMAND's both are /.
        if let Ok(to) = fs::read_link(path(name))
            && to != Path::new("/")
        {
            list.push(format!("its {name}"));
        }
        if fs::metadata(path(name).as_str()).is_ok()
            && fs::metadata(format!("{}/home/..", path(name))).is_ok()
            && !Path::new("/home").exists()
        {
            list.push(format!("a way through its {name}"));
        }
    }
    for fd in fs::read_dir(path("fd")).into_iter().flatten().flatten() {
        if fd.file_name().to_string_lossy().parse::<i32>().is_ok_and(|n| n > 2) {
            // Root sees of root's that there is one; what it is and leads to is another matter.
            if let Ok(to) = fs::read_link(fd.path()) {
                list.push(format!("a descriptor of {}", to.display()));
            } else if fs::metadata(fd.path()).is_ok() || File::open(fd.path()).is_ok() {
                list.push("a descriptor".into());
            }
        }
    }
    if File::options().read(true).write(true).open(path("mem")).is_ok() && is_theirs() {
        list.push("its memory".into());
    }
    if File::options().write(true).open(path("exe")).is_ok() && is_theirs() {
        list.push("its file, to write".into());
    }
    // SAFETY: no memory of ours is involved; what was attached is let go.
    unsafe {
        if libc::ptrace(libc::PTRACE_ATTACH, pid, 0usize, 0usize) == 0 {
            let mut status = 0;
            libc::waitpid(pid, &mut status, libc::__WALL);
            if is_theirs() {
                list.push("its registers".into());
            }
            while libc::ptrace(libc::PTRACE_DETACH, pid, 0usize, 0usize) != 0
                && libc::waitpid(pid, &mut status, libc::__WALL) == pid
                && !libc::WIFEXITED(status)
                && !libc::WIFSIGNALED(status)
            {}
            // The stop that the attaching sent may still be on its way.
            libc::kill(pid, libc::SIGCONT);
        }
    }
    list
}

/// A hostile container of `options`, its process 1, and `visits` visitors, who run with `words` of what the number of the
/// visit and its process id make; none of them may be seen with anything of the host's.
pub fn be_visited(who: Who, options: &str, visits: usize, words: &dyn Fn(usize, i32) -> Vec<String>) {
    let Some(root) = rootfs(who) else { return };
    let payload = super::payload::as_payload([""; 0]);
    fs::copy(&payload[0], root.join("bin/hostile")).expect("copy");
    // What it is linked with.
    fs::create_dir(root.join("usr")).expect("mkdir");
    for lib in ["lib", "lib64"] {
        std::os::unix::fs::symlink(format!("usr/{lib}"), root.join(lib)).expect("symlink");
    }
    let launch = run(who).words(options).words("--ro-bind /usr /usr").arg(&root).arg("/bin/hostile");
    // A process group of its own, by which it knows those who visit it.
    let group = || Ok(nix::unistd::setpgid(Pid::from_raw(0), Pid::from_raw(0))?);
    let mut hostile = launch.args(&payload[1..]).before(group).limit(300).spawn();
    hostile.until_says("up");
    let pid = children(hostile.pid())[0];
    for n in 0..visits {
        let mut command = Command::new(vesicle());
        let (name, value) = SECRET.split_once('=').expect("a variable");
        command.args(words(n, pid)).env(name, value).stdin(Stdio::null()).stdout(Stdio::null());
        command.process_group(hostile.pid());
        if who == Who::User && is_root() {
            command.uid(UID).gid(UID);
        }
        let status = command.status().expect("vesicle");
        // A command that it has ended is its own affair.
        assert!(status.code().is_some_and(|c| c == 0 || c > 128), "{status:?}");
    }
    // It tells how many it saw, and what it has got of them.
    kill(pid, Signal::SIGUSR1);
    hostile.until_says("seen");
    let text = hostile.stdout();
    say(&format!("{visits} visits as {who:?} ({options}): {}", text.lines().last().unwrap_or_default()));
    assert!(!text.contains("got"), "{who:?} {options}: {text}");
    kill_marked(&hostile.mark.clone());
}
