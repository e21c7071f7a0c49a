//! What is known of containers, and the verbs that start none: with directories of state made by hand, and processes that
//! only sleep in the place of containers.
#![cfg(feature = "oci")]
#![allow(unsafe_code)]

mod common;

use common::bundle::{PATIENCE, is_one_line, oci};
use common::skip;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// A process that sleeps until it is killed, at the end of the test at the latest.
struct Sleeper(Child);

impl Sleeper {
    fn new() -> Sleeper {
        Sleeper(Command::new("sleep").arg("1000").spawn().expect("sleep"))
    }

    fn pid(&self) -> i32 {
        self.0.id() as i32
    }

    fn lives(&mut self) -> bool {
        self.0.try_wait().expect("wait").is_none()
    }

    /// The signal that ends it.
    fn end(&mut self) -> i32 {
        use std::os::unix::process::ExitStatusExt;
        self.0.wait().expect("wait").signal().expect("a signal")
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The state of a process, and when it began.
fn begun(pid: i32) -> (char, u64) {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).expect("its stat");
    let fields: Vec<&str> = text.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    (fields[0].chars().next().expect("its state"), fields[19].parse().expect("a number"))
}

/// A directory for `--root`.
struct Store(tempfile::TempDir);

impl Store {
    fn new() -> Store {
        Store(tempfile::tempdir().expect("a directory"))
    }

    fn dir(&self, id: &str) -> PathBuf {
        self.0.path().join(id)
    }

    fn put_state(&self, id: &str, pid: i32, start: u64, cgroup: &str) {
        let state = json!({
            "ociVersion": "1.2.0", "id": id, "pid": pid, "start": start, "bundle": "/the \"bundle\"",
            "rootfs": "/the/rootfs", "created": "2026-11-30T01:45:36.123456789Z", "cgroup": cgroup,
            "annotations": { "a.b": "c\nd" },
        });
        let _ = fs::create_dir(self.dir(id));
        fs::write(self.dir(id).join("lock"), "").expect("a lock");
        fs::write(self.dir(id).join("state.json"), state.to_string()).expect("a state");
    }

    /// A container whose first process is that; it was started, or waits for it.
    fn put(&self, id: &str, pid: i32, started: bool) {
        self.put_state(id, pid, begun(pid).1, "");
        if !started {
            mkfifo(&self.dir(id).join("exec.fifo"), Mode::from_bits_truncate(0o600)).expect("a FIFO");
        }
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(oci());
        command.arg("--root").arg(self.0.path()).args(words.split_whitespace()).stdin(Stdio::null());
        command
    }

    fn go(&self, words: &str) -> Output {
        self.command(words).output().expect("vesicle-oci")
    }

    fn good(&self, words: &str) -> String {
        let out = self.go(words);
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(0) && error.is_empty(), "{words}: {:?} {error}", out.status);
        String::from_utf8(out.stdout).expect("UTF-8")
    }

    /// It fails with exit code 1, one line and these words in it, and says nothing on stdout.
    fn bad(&self, words: &str, said: &str) {
        let out = self.go(words);
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{words}: {error}");
        assert!(error.contains(said) && is_one_line(&error), "{words}: {error}");
        assert!(out.stdout.is_empty(), "{words}");
    }

    fn state(&self, id: &str) -> Value {
        serde_json::from_str(&self.good(&format!("state {id}"))).expect("JSON")
    }

    fn status(&self, id: &str) -> String {
        self.state(id)["status"].as_str().expect("a status").into()
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(self.0.path()).expect("the root").next().is_none()
    }
}

/// A cgroup of version 2 that goes with the test, with all below it.
struct Cgroup {
    dir: PathBuf,
    /// From the root of the hierarchy on.
    path: String,
}

impl Cgroup {
    fn new(name: &str) -> Option<Cgroup> {
        static N: AtomicUsize = AtomicUsize::new(0);
        let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
        let root = roots.into_iter().find(|root| root.join("cgroup.controllers").exists());
        let path = format!("/vesicle-oci-{}-{}", std::process::id(), N.fetch_add(1, Ordering::Relaxed));
        let made = root.map(|root| root.join(&path[1..])).filter(|dir| fs::create_dir(dir).is_ok());
        if made.is_none() {
            skip(name, "no cgroup2 to write to");
        }
        made.map(|dir| Cgroup { dir, path })
    }

    fn add(&self, below: &str, pid: i32) {
        let dir = self.dir.join(below);
        fs::create_dir_all(&dir).expect("a cgroup");
        fs::write(dir.join("cgroup.procs"), pid.to_string()).expect("into it");
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::write(self.dir.join("cgroup.freeze"), "0");
        let _ = fs::write(self.dir.join("cgroup.kill"), "1");
        let end = Instant::now() + PATIENCE;
        while self.dir.exists() && Instant::now() < end {
            for below in ["a/b", "a", ""] {
                let _ = fs::remove_dir(self.dir.join(below));
            }
            std::thread::yield_now();
        }
    }
}

#[test]
fn status_is_what_the_kernel_says_and_not_what_was_written() {
    let store = Store::new();
    let (mut first, mut other) = (Sleeper::new(), Sleeper::new());
    store.put("running", first.pid(), true);
    store.put("created", other.pid(), false);
    store.put_state("creating", 0, 0, "");
    store.put_state("recycled", other.pid(), begun(other.pid()).1 + 1, "");
    store.put_state("no-such-process", i32::MAX, 1, "");
    for (id, status) in [
        ("running", "running"),
        ("created", "created"),
        ("creating", "creating"),
        ("recycled", "stopped"),
        ("no-such-process", "stopped"),
    ] {
        assert_eq!(store.status(id), status, "{id}");
    }
    let state = store.state("running");
    let want = json!({
        "ociVersion": "1.2.0", "id": "running", "pid": first.pid(), "status": "running",
        "bundle": "/the \"bundle\"", "rootfs": "/the/rootfs", "created": "2026-11-30T01:45:36.123456789Z",
        "owner": "root", "annotations": { "a.b": "c\nd" },
    });
    let owner = state["owner"].clone();
    let mut seen = state;
    if owner != "root" {
        seen["owner"] = "root".into();
    }
    assert_eq!(seen, want);
    kill(Pid::from_raw(first.pid()), Signal::SIGKILL).expect("kill");
    // A zombie, as nobody has waited for it.
    let end = Instant::now() + PATIENCE;
    while begun(first.pid()).0 != 'Z' {
        assert!(Instant::now() < end);
    }
    assert_eq!((store.status("running").as_str(), &store.state("running")["pid"]), ("stopped", &json!(0)));
    assert_eq!(first.end(), 9);
    assert_eq!(store.status("running"), "stopped");
    assert!(other.lives());
}

#[test]
fn a_recycled_process_id_is_never_signalled() {
    let store = Store::new();
    let mut stranger = Sleeper::new();
    let start = begun(stranger.pid()).1;
    for (n, start) in [start + 1, start - 1, 0, u64::MAX].into_iter().enumerate() {
        let id = format!("c{n}");
        store.put_state(&id, stranger.pid(), start, "");
        store.bad(&format!("kill {id} KILL"), "container not running");
        store.bad(&format!("start {id}"), "cannot start a container that has stopped");
        assert_eq!(store.good(&format!("kill --all {id} KILL")), "");
        assert_eq!(store.good(&format!("delete --force {id}")), "");
        assert!(!store.dir(&id).exists() && stranger.lives());
    }
    assert_eq!(begun(stranger.pid()).0, 'S');
}

#[test]
fn each_verb_has_its_time_and_else_no_effect() {
    let store = Store::new();
    let mut sleeper = Sleeper::new();
    let put = |status: &str| match status {
        "creating" => store.put_state("c", 0, 0, ""),
        "created" => store.put("c", sleeper.pid(), false),
        "running" => store.put("c", sleeper.pid(), true),
        _ => store.put_state("c", sleeper.pid(), 1, ""),
    };
    for (status, words, said) in [
        ("creating", "start c", "cannot start a container in the creating state"),
        ("running", "start c", "cannot start a container in the running state"),
        ("stopped", "start c", "cannot start a container that has stopped"),
        ("creating", "kill c 9", "container not running"),
        ("stopped", "kill c 9", "container not running"),
        ("created", "delete c", "cannot delete a container that is not stopped"),
        ("running", "delete c", "cannot delete a container that is not stopped"),
        ("creating", "pause c", "container not running"),
        ("stopped", "pause c", "container not running"),
        ("running", "pause c", "it has none of version 2 that is its own"),
        ("running", "resume c", "container not paused"),
        ("created", "resume c", "container not paused"),
        ("stopped", "resume c", "container not paused"),
        ("running", "kill c NOPE", "not a signal"),
        ("running", "kill c 65", "not a signal"),
        ("running", "create c", "already exists"),
    ] {
        put(status);
        let before = fs::read(store.dir("c").join("state.json")).expect("a state");
        store.bad(words, said);
        assert_eq!(fs::read(store.dir("c").join("state.json")).expect("a state"), before);
        assert_eq!(store.status("c"), status, "{words}");
        fs::remove_dir_all(store.dir("c")).expect("remove");
    }
    assert!(sleeper.lives());
}

#[test]
fn who_is_not_there_does_not_exist() {
    let store = Store::new();
    for verb in ["state", "start", "kill", "delete", "ps", "pause", "resume"] {
        store.bad(&format!("{verb} nope"), "container does not exist");
    }
    assert_eq!(store.good("delete --force nope"), "");
    assert!(store.is_empty(), "nothing was made");
    // Where there never was one, there isn't even a directory for them.
    let out = Command::new(oci())
        .args(["--root", "/nonexistent/root", "state", "x"])
        .output()
        .expect("vesicle-oci");
    assert!(String::from_utf8_lossy(&out.stderr).contains("does not exist"));
    let out = Command::new(oci()).args(["--root", "/nonexistent/root", "delete", "-f", "x"]).output();
    assert_eq!(out.expect("vesicle-oci").status.code(), Some(0));
    assert!(!Path::new("/nonexistent").exists());
}

#[test]
fn failures_are_logged_where_asked() {
    let store = Store::new();
    let log = store.0.path().join("log");
    for format in ["json", "text", "json"] {
        let out = store
            .command("")
            .args(["--log".as_ref(), log.as_os_str()])
            .args(["--log-format", format, "state", "nope"])
            .output()
            .expect("vesicle-oci");
        assert_eq!(out.status.code(), Some(1));
        assert!(is_one_line(&String::from_utf8_lossy(&out.stderr)));
    }
    let text = fs::read_to_string(&log).expect("a log");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    for line in [lines[0], lines[2]] {
        let line: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(line["msg"], "container nope: container does not exist");
        assert_eq!(line["level"], "error");
        assert_eq!(line.as_object().expect("an object").len(), 3);
    }
    assert!(lines[1].contains(" level=error msg=\"container nope: container does not exist\""), "{text}");
}

#[test]
fn signals_reach_the_first_process() {
    let store = Store::new();
    for (signal, number) in [("", 15), ("9", 9), ("SIGKILL", 9), ("int", 2), ("RTMIN+1", 35), ("64", 64)] {
        for started in [true, false] {
            let mut sleeper = Sleeper::new();
            store.put("c", sleeper.pid(), started);
            store.good("kill c 0");
            assert!(sleeper.lives());
            assert_eq!(store.good(&format!("kill c {signal}")), "");
            assert_eq!(sleeper.end(), number, "{signal}");
            assert_eq!(store.status("c"), "stopped");
            store.bad("kill c 0", "container not running");
            assert_eq!(store.good("delete c"), "");
            assert!(store.is_empty());
        }
    }
}

#[test]
fn delete_removes_what_has_stopped_and_force_ends_the_rest() {
    let store = Store::new();
    store.put_state("stopped", i32::MAX, 1, "");
    assert_eq!(store.good("delete stopped"), "");
    for started in [true, false] {
        let mut sleeper = Sleeper::new();
        store.put("c", sleeper.pid(), started);
        store.bad("delete c", "cannot delete a container that is not stopped");
        assert!(sleeper.lives());
        assert_eq!(store.good("delete --force c"), "");
        assert_eq!(sleeper.end(), 9);
    }
    assert!(store.is_empty());
}

#[test]
fn what_a_crash_left_is_cleaned() {
    let store = Store::new();
    for left in
        [&[][..], &["lock"], &["state.json.new"], &["exec.fifo", "lock"], &["lock", "state.json.new", "x"]]
    {
        for force in ["--force", ""] {
            fs::create_dir(store.dir("c")).expect("mkdir");
            for name in left {
                fs::write(store.dir("c").join(name), "{").expect("write");
            }
            store.bad("state c", "container does not exist");
            assert_eq!(store.good("list -q"), "");
            if force.is_empty() {
                store.bad("delete c", "container does not exist");
            } else {
                assert_eq!(store.good("delete --force c"), "");
            }
            assert!(store.is_empty(), "{left:?}");
        }
    }
    // A state that can't be read tells nothing of who runs: that takes force.
    for damage in ["", "{", "[]", "{}", "null", "{\"pid\":1}"] {
        fs::create_dir(store.dir("c")).expect("mkdir");
        fs::write(store.dir("c").join("state.json"), damage).expect("write");
        for verb in ["state", "kill", "delete", "start", "ps"] {
            store.bad(&format!("{verb} c"), "state.json is damaged");
        }
        // The others are listed all the same.
        store.put_state("d", i32::MAX, 1, "");
        let out = store.go("list -q");
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!((out.stdout.as_slice(), out.status.code()), (b"d\n".as_slice(), Some(0)));
        assert!(error.contains("state.json is damaged") && is_one_line(&error), "{error}");
        assert_eq!(store.good("delete d"), "");
        assert_eq!(store.good("delete --force c"), "");
        assert!(store.is_empty(), "{damage}");
    }
    // A create that has written its state, and no process yet.
    store.put_state("c", 0, 0, "");
    assert_eq!(store.good("delete c"), "");
    assert!(store.is_empty());
}

/// The end that a container's first process has.
fn reader(store: &Store, id: &str) -> File {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    options.open(store.dir(id).join("exec.fifo")).expect("the FIFO")
}

#[test]
fn start_gives_one_byte_to_whoever_waits() {
    let store = Store::new();
    let sleeper = Sleeper::new();
    store.put("c", sleeper.pid(), false);
    let mut end = reader(&store, "c");
    assert_eq!(store.good("start c"), "");
    let mut bytes = Vec::new();
    end.read_to_end(&mut bytes).expect("a byte");
    assert_eq!(bytes, b"0");
    assert!(!store.dir("c").join("exec.fifo").exists());
    assert_eq!(store.status("c"), "running");
    store.bad("start c", "cannot start a container in the running state");
    // One that lives and has gone past its FIFO, or never came to it, can't be started.
    store.put("d", sleeper.pid(), false);
    store.bad("start d", "cannot start a container that has stopped");
    assert_eq!(store.status("d"), "created");
}

#[test]
fn one_of_many_starts_succeeds() {
    let store = Store::new();
    let sleeper = Sleeper::new();
    store.put("c", sleeper.pid(), false);
    let mut end = reader(&store, "c");
    let children: Vec<Child> = (0..10)
        .map(|_| store.command("start c").stderr(Stdio::piped()).spawn().expect("vesicle-oci"))
        .collect();
    let mut good = 0;
    for child in children {
        let out = child.wait_with_output().expect("wait");
        good += usize::from(out.status.success());
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success() || error.contains("in the running state"), "{error}");
    }
    let mut bytes = Vec::new();
    end.read_to_end(&mut bytes).expect("a byte");
    assert_eq!((good, bytes.len()), (1, 1));
}

/// A lock as `create` holds it.
fn lock(path: &Path) -> File {
    let file = OpenOptions::new().write(true).open(path).expect("the lock");
    let lock = libc::flock {
        l_type: libc::F_WRLCK as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(&file, FcntlArg::F_SETLK(&lock)).expect("a lock");
    file
}

#[test]
fn verbs_wait_for_each_other_and_readers_for_nobody() {
    let store = Store::new();
    let mut sleeper = Sleeper::new();
    store.put("c", sleeper.pid(), true);
    let held = lock(&store.dir("c").join("lock"));
    let mut waiting: Vec<Child> = ["kill c 9", "delete --force c", "pause c", "start c"]
        .map(|words| store.command(words).stderr(Stdio::null()).spawn().expect("vesicle-oci"))
        .into();
    // They are, once the kernel says so.
    let end = Instant::now() + PATIENCE;
    for child in &waiting {
        let at =
            |child: &Child| fs::read_to_string(format!("/proc/{}/syscall", child.id())).unwrap_or_default();
        let fcntl = format!("{} ", libc::SYS_fcntl);
        while !at(child).starts_with(&fcntl) {
            assert!(Instant::now() < end, "{}", at(child));
            std::thread::yield_now();
        }
    }
    assert_eq!(store.status("c"), "running");
    assert_eq!(store.good("list -q"), "c\n");
    assert_eq!(store.good("ps --format json c"), format!("[{}]\n", sleeper.pid()));
    assert!(sleeper.lives() && waiting.iter_mut().all(|child| child.try_wait().expect("wait").is_none()));
    drop(held);
    for mut child in waiting {
        child.wait().expect("wait");
    }
    assert_eq!(sleeper.end(), 9);
    assert!(store.is_empty());
}

#[test]
fn many_deletes_and_kills_at_once_leave_nothing() {
    let store = Store::new();
    for round in 0..10 {
        let mut sleeper = Sleeper::new();
        store.put("c", sleeper.pid(), round % 2 == 0);
        let verbs = ["delete --force c", "kill c 9", "delete c", "state c", "delete --force c", "list"];
        let children: Vec<(&str, Child)> = verbs
            .into_iter()
            .cycle()
            .take(18)
            .map(|words| {
                let mut command = store.command(words);
                (words, command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("vesicle-oci"))
            })
            .collect();
        for (words, child) in children {
            let out = child.wait_with_output().expect("wait");
            let error = String::from_utf8_lossy(&out.stderr).into_owned();
            let fine = ["does not exist", "not running", "not stopped"].iter().any(|w| error.contains(w));
            assert!(out.status.success() || fine, "{words}: {error}");
            assert!(out.status.success() || !words.contains("--force"), "{words}: {error}");
        }
        assert_eq!(sleeper.end(), 9);
        assert!(store.is_empty());
    }
}

#[test]
fn list_shows_all_by_name() {
    let store = Store::new();
    assert_eq!(store.good("list"), "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n");
    assert_eq!((store.good("list -f json"), store.good("list -q")), ("[]\n".into(), String::new()));
    let sleeper = Sleeper::new();
    let long = "a-very-long-name-of-a-container";
    for (id, started) in [("b", true), (long, false)] {
        store.put(id, sleeper.pid(), started);
    }
    store.put_state("Z", i32::MAX, 1, "");
    fs::create_dir(store.dir("half-made")).expect("mkdir");
    fs::write(store.dir("a-file"), "").expect("write");
    assert_eq!(store.good("list -q"), format!("Z\n{long}\nb\n"));
    let list: Value = serde_json::from_str(&store.good("list --format json")).expect("JSON");
    let want: Vec<Value> = ["Z", long, "b"].map(|id| store.state(id)).into();
    assert_eq!(list, Value::Array(want));
    let text = store.good("list");
    let lines: Vec<&str> = text.lines().collect();
    let heads = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];
    let starts = heads.map(|head| lines[0].find(head).expect("its head"));
    for (line, cells) in lines[1..].iter().zip([
        ["Z", "0", "stopped"],
        [long, &sleeper.pid().to_string(), "created"],
        ["b", &sleeper.pid().to_string(), "running"],
    ]) {
        for (at, cell) in starts.iter().zip(cells.into_iter().chain(["/the \"bundle\"", "2026-11-30T01"])) {
            assert!(line[*at..].starts_with(cell), "{text}");
        }
    }
}

#[test]
fn pause_and_resume_freeze_the_cgroup() {
    let Some(cgroup) = Cgroup::new("pause_and_resume_freeze_the_cgroup") else { return };
    let store = Store::new();
    let mut sleeper = Sleeper::new();
    cgroup.add("", sleeper.pid());
    store.put_state("c", sleeper.pid(), begun(sleeper.pid()).1, &cgroup.path);
    for _ in 0..3 {
        assert_eq!(store.good("pause c"), "");
        assert_eq!(store.status("c"), "paused");
        store.bad("pause c", "container not running");
        store.bad("start c", "cannot start a container in the paused state");
        store.bad("delete c", "cannot delete a container that is not stopped");
        assert_eq!(store.good("resume c"), "");
        assert_eq!(store.status("c"), "running");
        store.bad("resume c", "container not paused");
    }
    // What is frozen dies all the same.
    assert_eq!(store.good("pause c"), "");
    assert_eq!(store.good("delete --force c"), "");
    assert_eq!(sleeper.end(), 9);
    assert!(store.is_empty() && !cgroup.dir.exists());
}

#[test]
fn all_means_everybody_in_the_cgroup_and_below() {
    let Some(cgroup) = Cgroup::new("all_means_everybody_in_the_cgroup_and_below") else { return };
    let store = Store::new();
    let mut stranger = Sleeper::new();
    for (words, number) in [("kill --all c TERM", 15), ("kill -a c", 15), ("kill --all c 9", 9)] {
        let mut all: Vec<Sleeper> = (0..4).map(|_| Sleeper::new()).collect();
        for (sleeper, below) in all.iter().zip(["", "a", "a/b", "a/b"]) {
            cgroup.add(below, sleeper.pid());
        }
        store.put_state("c", all[0].pid(), begun(all[0].pid()).1, &cgroup.path);
        let mut pids: Vec<i32> = serde_json::from_str(&store.good("ps -f json c")).expect("JSON");
        pids.sort();
        let mut want: Vec<i32> = all.iter().map(Sleeper::pid).collect();
        want.sort();
        assert_eq!(pids, want);
        let table = store.good("ps c");
        assert_eq!(table.lines().filter(|line| line.contains("sleep 1000")).count(), 4, "{table}");
        assert!(table.lines().next().is_some_and(|head| head.contains("PID")), "{table}");
        let table = store.good("ps c -o pid,comm");
        assert_eq!(table.lines().count(), 5, "{table}");
        store.bad("ps c -o comm", "invalid argument");
        assert_eq!(store.good(words), "");
        for sleeper in &mut all {
            assert_eq!(sleeper.end(), number, "{words}");
        }
        assert_eq!(store.status("c"), "stopped");
        assert_eq!(store.good("ps -f json c"), "[]\n");
    }
    // Its first process is gone, and another one has stayed.
    let mut rest = Sleeper::new();
    cgroup.add("a", rest.pid());
    store.bad("kill c 9", "container not running");
    assert!(rest.lives());
    assert_eq!(store.good("delete c"), "");
    assert_eq!(rest.end(), 9);
    assert!(!cgroup.dir.exists() && stranger.lives());
}

#[test]
fn the_state_of_a_user_is_below_his_run_time_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store(tempfile::Builder::new().prefix("x").tempdir_in(dir.path()).expect("a directory"));
    let sleeper = Sleeper::new();
    store.put("c", sleeper.pid(), true);
    let run_time = store.0.path().parent().expect("above it").join("run");
    fs::create_dir(&run_time).expect("mkdir");
    fs::rename(store.0.path(), run_time.join("vesicle-oci")).expect("rename");
    fs::create_dir(store.0.path()).expect("mkdir");
    let list = |user: &str, run_time: &Path, wrap: &[&str]| {
        let mut words: Vec<&str> = wrap.into();
        words.extend([oci().to_str().expect("UTF-8"), "list", "-q"]);
        let out = Command::new(words[0])
            .args(&words[1..])
            .env("XDG_RUNTIME_DIR", run_time)
            .env("USER", user)
            .output()
            .expect("vesicle-oci");
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    if nix::unistd::geteuid().is_root() {
        assert_eq!(list("root", &run_time, &[]), "", "root has his own");
    }
    let unshare = ["unshare", "--user", "--map-root-user"];
    if Command::new("unshare").args(["-Ur", "true"]).status().is_ok_and(|s| s.success()) {
        assert_eq!(list("somebody", &run_time, &unshare), "c\n");
        assert_eq!(list("somebody", Path::new("relative"), &unshare), "");
    } else {
        skip("the_state_of_a_user_is_below_his_run_time_directory", "no user namespaces");
    }
}

#[test]
fn features_spec_and_version_are_told() {
    let store = Store::new();
    assert_eq!(store.good("--version"), "vesicle-oci version 0.1.0\nspec: 1.2.0\n");
    let features: Value = serde_json::from_str(&store.good("features")).expect("JSON");
    assert_eq!(features["ociVersionMax"], "1.2.0");
    assert_eq!(features["linux"]["capabilities"].as_array().map(Vec::len), Some(41));
    assert!(features["linux"]["capabilities"].as_array().expect("a list").contains(&"CAP_SYS_ADMIN".into()));
    assert_eq!(features["hooks"].as_array().map(Vec::len), Some(6));
    for how in ["", "--rootless"] {
        let bundle = tempfile::tempdir().expect("a directory");
        let words = format!("spec {how} --bundle {}", bundle.path().display());
        assert_eq!(store.good(&words), "");
        let text = fs::read(bundle.path().join("config.json")).expect("a config");
        let config: Value = serde_json::from_slice(&text).expect("JSON");
        assert_eq!((&config["ociVersion"], &config["process"]["args"]), (&json!("1.2.0"), &json!(["sh"])));
        let is_rootless = config["linux"]["uidMappings"][0]["size"] == 1;
        assert_eq!(is_rootless, how == "--rootless");
        store.bad(&words, "it is there already");
        assert_eq!(fs::read(bundle.path().join("config.json")).expect("a config"), text);
    }
}
