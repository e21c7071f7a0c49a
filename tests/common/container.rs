//! A container that runs, for tests of who enters it or begins in it.

use super::*;

/// The kinds of namespaces, as /proc/PID/ns has them.
pub const KINDS: [&str; 8] = ["user", "pid", "net", "uts", "ipc", "cgroup", "time", "mnt"];
/// What tells the namespaces, a line each.
pub const TELL: &str =
    "cd /proc/self/ns; for n in user pid net uts ipc cgroup time mnt; do readlink $n; done";

/// A container that runs, and the process id of its command.
pub struct Container {
    pub running: Running,
    pub pid: i32,
}

/// `vesicle run OPTIONS` of a command that does nothing.
pub fn container(who: Who, options: &str) -> Option<Container> {
    container_of(who, options, &rootfs(who)?, "echo up; exec sleep 1000")
}

/// The same of a script that says `up`.
pub fn container_of(who: Who, options: &str, root: &Path, script: &str) -> Option<Container> {
    let mut running = run(who).words(options).sh(root, script).limit(120).spawn();
    running.until_says("up");
    let mut pid = *children(running.pid()).first().expect("a child");
    if options.contains("--init") {
        pid = *children(pid).first().expect("a child of init");
    }
    Some(Container { running, pid })
}

impl Container {
    /// The end of all that lives in it.
    pub fn end(&mut self) {
        self.running.signal(Signal::SIGKILL);
        kill_marked(&self.running.mark);
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.end();
    }
}

/// The namespaces of a process, seen from outside.
pub fn namespaces(pid: i32) -> Vec<String> {
    let link = |kind| fs::read_link(format!("/proc/{pid}/ns/{kind}")).expect("a namespace");
    KINDS.map(|kind| link(kind).to_string_lossy().into_owned()).to_vec()
}
