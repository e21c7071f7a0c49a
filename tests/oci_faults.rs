//! Each system call of `create`, `start`, `run` and `exec` fails in turn, and each is the last one that is made, by KILL: of
//! the runtime, of its child, and of what is run for them. The calls are found by tracing a good run.
#![cfg(feature = "oci")]

mod common;

use common::bundle::*;
use common::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::Output;
use std::sync::{Mutex, MutexGuard};

/// Two at once would see each other's mounts and processes, and have no more of the machine.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(|e| e.into_inner())
}

/// What may fail without harm, and why that is right: by name, and by what stands in the log.
const OPTIONAL: &[(&str, &str, &str)] = &[
    ("munmap", "", "memory that nobody uses any more"),
    ("rt_sigaction", "", "a signal that we put back to what it was already"),
    ("rt_sigprocmask", "", "the mask of whoever ends next"),
    ("rt_sigtimedwait", "", "the end can be waited for without it"),
    ("wait4", "", "the end can be waited for without it"),
    ("clone3", "", "clone(2) does the same where clone3 is missing or filtered"),
    ("openat", "\"/sys/fs/cgroup", "cgroup2 is looked for in two places"),
    ("fstatfs", "_MAGIC", "the same: here it is not; and a container without limits does without"),
    ("clock_gettime", "", "a time that is told is wrong"),
    ("ppoll", "POLLIN", "what waits for its start ends: it has stopped, and was created all the same"),
    (
        "open_tree",
        "0x2",
        "where no mount namespace of the root alone is made, the caller's mounts are copied",
    ),
    ("mknodat", "S_IFCHR", "where mknod(2) is refused, the host's device is bound"),
    ("faccessat", "", "what a mask is made of is taken from another place"),
    ("openat", "\"config.json\"", "hooks behind the start and behind the end that can't be run are told of"),
    ("ioctl", "TIOCGWINSZ", "what is no terminal is no console"),
    ("setgroups", "", "an id map denies it"),
    ("write", "\"{\\\"ociVersion", "a hook that is not told the state has no use for it"),
    ("close_range", "", "all that is open would be closed by the exec too"),
    ("unlinkat", "AT_REMOVEDIR", "a cgroup that can't be removed is told of"),
    ("kill", "", "who has ended can't be killed"),
    ("read", ", 1)", "whose user namespace is taken for a mount may have ended"),
];

/// Calls that never return, or always succeed.
const NEVER: &[&str] = &[
    "exit",
    "exit_group",
    "rt_sigreturn",
    "restart_syscall",
    "umask",
    "getppid",
    "getuid",
    "getpid",
    "gettid",
];

/// What is called, and what there has to be before.
struct Scene {
    bundle: Bundle,
    before: &'static [&'static [&'static str]],
    words: Vec<String>,
    /// Where the master of a terminal goes to.
    console: Option<PathBuf>,
    /// Whether ids are mapped.
    mapped: bool,
    /// Somebody whose namespaces are joined.
    _other: Option<Running>,
}

/// What came of it.
struct End {
    out: Output,
    calls: Vec<Call>,
    was_injected: bool,
    /// What could not be cleaned.
    left: Option<String>,
}

impl Scene {
    fn new(config: &Value, before: &'static [&'static [&'static str]], words: &str) -> Scene {
        let bundle = Bundle::of(config);
        let words = words.split_whitespace().map(String::from).collect();
        let mapped = config["linux"]["uidMappings"].is_array();
        let mut scene = Scene { bundle, before, words, console: None, mapped, _other: None };
        if config["process"]["terminal"] == true {
            let path = scene.bundle.dir.join("console");
            let listener = UnixListener::bind(&path).expect("a socket");
            // Whoever connects is taken in and let go.
            std::thread::spawn(move || {
                listener.incoming().for_each(|peer| {
                    if let Ok(mut peer) = peer {
                        let _ = peer.read(&mut [0; 64]);
                    }
                })
            });
            scene.words.splice(1..1, ["--console-socket".into(), path.to_string_lossy().into_owned()]);
            scene.console = Some(path);
        }
        scene
    }

    /// What stands against a `delete --force`, and what is left behind it.
    fn clean(&self) -> Option<String> {
        let out = self.bundle.call(&["delete", "--force", "a"]);
        let left = self.bundle.left();
        for dir in self.bundle.cgroups() {
            let _ = fs::remove_dir(dir);
        }
        let is_clean = out.status.success() && out.stderr.is_empty() && left.is_empty();
        (!is_clean).then(|| format!("delete --force: {out:?}, left {left:?}"))
    }

    /// One run under strace, and behind it `look`; then all is cleaned, and everybody has to have ended.
    fn go(&self, strace: &[&str], look: impl FnOnce(&Output)) -> End {
        for words in self.before {
            self.bundle.good(words);
        }
        let log = self.bundle.dir.join("log");
        let (ended, held) = pipe();
        // The tracer is nobody's child, and has this end until all whom it traces have ended.
        nix::fcntl::fcntl(&held, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty())).expect("fcntl");
        let path = log.to_string_lossy().into_owned();
        let mut all = vec!["timeout", "-s", "KILL", "60", "strace", "-D", "-f", "-q", "-o", &path];
        all.extend(strace);
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let out = self.bundle.under(&all, &words);
        drop(held);
        look(&out);
        let left = self.clean();
        let mut poll =
            [nix::poll::PollFd::new(std::os::fd::AsFd::as_fd(&ended), nix::poll::PollFlags::POLLIN)];
        let polled = nix::poll::poll(&mut poll, 60_000u16).expect("poll");
        let text = || String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
        assert!(polled == 1, "{words:?} {strace:?}: somebody is left; {}", text());
        let end =
            End { out, calls: calls(&log, "/bin/pause"), was_injected: text().contains("(INJECTED)"), left };
        let _ = fs::remove_file(&log);
        let _ = fs::remove_file(self.bundle.dir.join("pid"));
        end
    }

    /// All calls of ours, each once.
    fn targets(&self) -> Vec<(String, usize, String)> {
        let mut seen = BTreeSet::new();
        // The directory of all containers is made once.
        let _ = fs::create_dir(&self.bundle.state);
        let end = self.go(&[], |out| assert!(out.status.success() && out.stderr.is_empty(), "{out:?}"));
        assert_eq!(end.left, None);
        let ours = end.calls.into_iter().filter(|call| !call.payload && !NEVER.contains(&call.name.as_str()));
        ours.filter(|call| seen.insert((call.name.clone(), call.nth)))
            .map(|call| (call.name, call.nth, call.text))
            .collect()
    }

    /// Each call is made to fail.
    fn every_call_fails(&self) {
        let targets = self.targets();
        let (mut wrong, mut may, mut runs) = (Vec::new(), BTreeMap::<String, usize>::new(), 0);
        let files = self.files();
        // A close(2) that fails has closed all the same, and one that is made to fail has not: that would be another thing.
        for (name, nth, text) in targets.iter().filter(|(name, ..)| name != "close") {
            for errno in ["EPERM", "ENOMEM"].into_iter().take(if is_thorough() { 2 } else { 1 }) {
                let inject = format!("--inject={name}:error={errno}:when={nth}");
                let mut left = Vec::new();
                let end = self.go(&[&format!("--trace={name},execve"), &inject], |out| {
                    // What did not come to be has left nothing, before anybody cleans.
                    let cleans = ["unlinkat", "getdents64"].contains(&name.as_str());
                    if !out.status.success() && self.words[0] == "create" && !cleans {
                        left = self.bundle.left();
                    }
                });
                runs += 1;
                let error = String::from_utf8_lossy(&end.out.stderr).into_owned();
                // Who has ids of its own may have no right to programs of devices.
                let mapped = name == "bpf" && self.mapped;
                let optional = || mapped || OPTIONAL.iter().any(|o| o.0 == name && text.contains(o.1));
                let verdict = match end.out.status.code() {
                    _ if !left.is_empty() => Some(format!("left {left:?}")),
                    _ if end.left.is_some() && name != "unlinkat" => end.left,
                    Some(0) if !end.was_injected => None,
                    // What fails behind the start and behind the end is told, and no more.
                    Some(0) if is_one_line(&error) && self.words[0] != "create" => None,
                    Some(0) if optional() => {
                        *may.entry(name.clone()).or_default() += 1;
                        None
                    }
                    Some(0) => Some("it went on as if nothing had happened".into()),
                    // It may be hit twice: the runtime, and its child, which has no other way to say why.
                    Some(1 | 255) if name == "write" && error.is_empty() => None,
                    Some(1 | 255) if error.starts_with("vesicle") && error.lines().count() <= 2 => None,
                    other => Some(format!("{other:?}: {error}")),
                };
                let now = self.files();
                if now != files {
                    wrong.push(format!("{inject}: the files changed: {:?}", now.difference(&files)));
                }
                if let Some(verdict) = verdict {
                    wrong.push(format!("{inject}: {verdict}\n    {text}\n    {error:?}"));
                }
            }
        }
        say(&format!("{runs} runs of {:?} with one failed call, of which may fail {may:?}", self.words));
        assert!(wrong.is_empty(), "{} of {runs} wrong:\n{}", wrong.len(), wrong.join("\n"));
    }

    /// At each call whoever makes it is killed.
    fn power_cut_at_every_call(&self) {
        let targets = self.targets();
        let mut wrong = Vec::new();
        let (mut runs, mut known) = (0, BTreeMap::<String, usize>::new());
        for (name, nth, text) in &targets {
            let inject = format!("--inject={name}:signal=KILL:when={nth}");
            let look = |out: &Output| {
                let status = self.bundle.status_of("a");
                let list = self.bundle.call(&["list", "-q"]);
                if !list.status.success() || !list.stderr.is_empty() {
                    wrong.push(format!("{inject}: {list:?}\n    {text}"));
                }
                let shown = list.stdout == b"a\n";
                if shown != (status != "none") {
                    wrong.push(format!("{inject}: {status} and {list:?}\n    {text}"));
                }
                let error = String::from_utf8_lossy(&out.stderr).into_owned();
                // The runtime was killed, or says that its child was; or all was over.
                let told = match out.status.code() {
                    None | Some(0) => error.is_empty() || is_one_line(&error),
                    Some(1 | 255) => is_one_line(&error),
                    // Of a run: what its command was killed by.
                    Some(137) => true,
                    _ => false,
                };
                if !told {
                    wrong.push(format!("{inject}: {out:?}\n    {text}"));
                }
                *known.entry(status).or_default() += 1;
            };
            if let Some(left) = self.go(&[&format!("--trace={name},execve"), &inject], look).left {
                wrong.push(format!("{inject}: {left}\n    {text}"));
            }
            runs += 1;
        }
        say(&format!("{runs} runs of {:?} with a power cut, behind which it is {known:?}", self.words));
        assert!(wrong.is_empty(), "{} of {runs} wrong:\n{}", wrong.len(), wrong.join("\n"));
    }

    /// All but what is written by the way.
    fn files(&self) -> BTreeSet<String> {
        tree(&self.bundle.dir).into_iter().filter(|f| !f.contains("/log ")).collect()
    }
}

/// Everything that there is in one: with it each call that the runtime can make is made.
fn everything(root: &std::path::Path) -> Value {
    let mut config = plain(root);
    let hook =
        json!([{ "path": root.join("bin/true"), "args": ["true", "x"], "env": ["A=b"], "timeout": 60 }]);
    let inside = json!([{ "path": "/bin/true" }]);
    config["hostname"] = json!("h");
    config["domainname"] = json!("d");
    config["hooks"] = json!({
        "prestart": hook, "createRuntime": hook, "createContainer": hook, "startContainer": inside, "poststart": hook,
        "poststop": hook,
    });
    config["process"]["user"]["additionalGids"] = json!([5, 6]);
    config["process"]["user"]["umask"] = json!(0o27);
    config["process"]["noNewPrivileges"] = json!(true);
    config["process"]["oomScoreAdj"] = json!(7);
    config["process"]["rlimits"] = json!([{ "type": "RLIMIT_CORE", "soft": 0, "hard": 0 }]);
    let caps = json!(["CAP_KILL", "CAP_CHOWN"]);
    config["process"]["capabilities"] = json!({ "bounding": caps, "effective": caps, "permitted": caps });
    config["mounts"] = json!([
        { "destination": "/proc", "type": "proc", "source": "proc" },
        { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"] },
        { "destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"] },
        { "destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"] },
        { "destination": "/data", "type": "bind", "source": root.join("etc"), "options": ["rbind", "ro"] },
        { "destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["ro", "tmpcopyup"] },
        { "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"] },
    ]);
    let linux = &mut config["linux"];
    linux["sysctl"] = json!({ "net.ipv4.ip_forward": "1" });
    linux["maskedPaths"] = json!(["/proc/kcore", "/sys/firmware", "/etc"]);
    linux["readonlyPaths"] = json!(["/proc/sys"]);
    linux["rootfsPropagation"] = json!("slave");
    linux["devices"] =
        json!([{ "path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o600, "uid": 1 }]);
    linux["resources"] =
        json!({ "devices": [{ "allow": false, "access": "rwm" }, { "allow": true, "type": "c" }] });
    linux["seccomp"] = json!({
        "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{ "names": ["swapon"], "action": "SCMP_ACT_ERRNO" }],
    });
    config
}

/// With ids of its own.
fn mapped(root: &std::path::Path) -> Value {
    let mut config = plain(root);
    config["linux"]["namespaces"].as_array_mut().expect("a list").push(json!({ "type": "user" }));
    // Where it may make devices.
    let dev = json!({ "destination": "/dev", "type": "tmpfs", "source": "tmpfs" });
    let data = json!({
        "destination": "/data", "type": "bind", "source": root.join("etc"), "options": ["bind", "idmap"],
    });
    config["mounts"].as_array_mut().expect("a list").extend([dev, data]);
    config["linux"]["uidMappings"] = json!([{ "containerID": 0, "hostID": 100_000, "size": 65_536 }]);
    config["linux"]["gidMappings"] = config["linux"]["uidMappings"].clone();
    config
}

fn with_terminal(root: &std::path::Path) -> Value {
    let mut config = everything(root);
    config["process"]["terminal"] = json!(true);
    config["process"]["consoleSize"] = json!({ "height": 24, "width": 80 });
    config
}

/// The bundles of the tests, by their names; one that ends by itself where `run` waits for it.
fn scene(name: &str, before: &'static [&'static [&'static str]], words: &str) -> Scene {
    let root = tiny_root(Who::Root);
    if words.starts_with("run") {
        // What is to be executed ends; the log knows it by the name of the other one.
        fs::remove_file(root.join("bin/pause")).expect("remove");
        fs::hard_link(root.join("bin/true"), root.join("bin/pause")).expect("link");
    }
    for dir in ["proc", "sys", "dev", "dev/pts"] {
        let _ = fs::create_dir(root.join(dir));
    }
    let mut other = None;
    let mut config = match name {
        "plain" => plain(&root),
        "everything" => everything(&root),
        "mapped" => mapped(&root),
        "terminal" => with_terminal(&root),
        _ => {
            let inside = run(Who::Root)
                .words("--unshare-user")
                .arg(tiny_root(Who::Root))
                .arg("/bin/pause")
                .limit(600)
                .spawn();
            let mut config = plain(&root);
            until("its command", || !children(inside.pid()).is_empty());
            let pid = children(inside.pid())[0];
            until("its command", || {
                fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c.trim() == "pause")
            });
            for namespace in config["linux"]["namespaces"].as_array_mut().expect("a list") {
                let file = match namespace["type"].as_str().expect("a type") {
                    "network" => "net",
                    "uts" => "uts",
                    "ipc" => "ipc",
                    "pid" => "pid",
                    _ => continue,
                };
                namespace["path"] = json!(format!("/proc/{pid}/ns/{file}"));
            }
            other = Some(inside);
            config
        }
    };
    if words.starts_with("exec") {
        config["process"]["args"] = json!(["/bin/pause"]);
    }
    Scene { _other: other, ..Scene::new(&config, before, words) }
}

fn possible(name: &str) -> bool {
    if !is_root() {
        skip(name, "not root");
        return false;
    }
    find("strace").is_some() || {
        skip(name, "strace is not installed");
        false
    }
}

const CREATED: &[&[&str]] = &[&["create", "a"]];
const RUNNING: &[&[&str]] = &[&["create", "a"], &["start", "a"]];
const BUNDLES: [&str; 3] = ["plain", "everything", "mapped"];

macro_rules! scenes {
    ($($test:ident: $method:ident of $words:literal behind $before:expr, in $bundles:expr;)*) => { $(
        #[test]
        fn $test() {
            if !possible(stringify!($test)) {
                return;
            }
            let _alone = alone();
            let before = mounts();
            for name in $bundles {
                scene(name, $before, $words).$method();
            }
            assert_eq!(new_mounts(&before), Vec::<String>::new());
        }
    )* };
}

scenes! {
    create_survives_the_failure_of_each_call: every_call_fails of "create --pid-file pid a" behind &[], in BUNDLES;
    run_survives_the_failure_of_each_call: every_call_fails of "run a" behind &[], in ["plain", "everything"];
    start_survives_the_failure_of_each_call: every_call_fails of "start a" behind CREATED, in ["everything"];
    exec_survives_the_failure_of_each_call: every_call_fails of "exec a /bin/true" behind RUNNING, in ["everything", "mapped"];
    create_is_cut_short_at_each_call: power_cut_at_every_call of "create --pid-file pid a" behind &[], in BUNDLES;
    run_is_cut_short_at_each_call: power_cut_at_every_call of "run a" behind &[], in ["plain", "everything"];
    start_is_cut_short_at_each_call: power_cut_at_every_call of "start a" behind CREATED, in ["everything"];
    exec_is_cut_short_at_each_call: power_cut_at_every_call of "exec a /bin/true" behind RUNNING, in ["everything"];
    delete_is_cut_short_at_each_call: power_cut_at_every_call of "delete --force a" behind RUNNING, in ["everything"];
    kill_is_cut_short_at_each_call: power_cut_at_every_call of "kill a KILL" behind RUNNING, in ["everything"];
}
