//! Each system call of each verb fails in turn, and each is the last one that is made, by KILL: of the runtime, of its child, and of
//! what is run for them. The calls are found by tracing a good run.
#![cfg(feature = "oci")]

mod common;

use common::bundle::*;
use common::faults::*;
use common::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Output;

/// What may fail without harm, and why that is right.
const RUNTIME: &Optional = &[
    ("rt_sigprocmask", "", "the mask of whoever ends next"),
    ("wait4", "", "the end can be waited for without it"),
    ("fstatfs", "_MAGIC", "cgroup2 is not here; and a container without limits does without"),
    ("ppoll", "POLLIN", "what waits for its start ends: it has stopped, and was created all the same"),
    ("openat", "\"config.json\"", "hooks behind the start and behind the end that can't be run are told of"),
    ("write", "\"{\\\"ociVersion", "a hook that is not told the state has no use for it"),
    ("close_range", "", "all that is open would be closed by the exec too"),
    ("unlinkat", "AT_REMOVEDIR", "a cgroup that can't be removed is told of"),
    ("kill", "", "who has ended can't be killed"),
    ("read", ", 1)", "whose user namespace is taken for a mount may have ended"),
    ("read", ") Z ", "who has ended need not be looked at"),
];

/// Verbs, one behind the other.
type Verbs = &'static [&'static str];

/// What is called, and what there has to be before.
struct Scene {
    bundle: Bundle,
    before: Verbs,
    words: Vec<String>,
    /// What is executed in the end, and is not ours.
    payload: String,
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
    fn new(config: &Value, before: Verbs, words: &str) -> Scene {
        let bundle = Bundle::of(config);
        // Where there are no controllers there is this.
        let resources = json!({ "unified": { "cgroup.max.depth": "7" } });
        fs::write(bundle.dir.join("resources"), resources.to_string()).expect("a file");
        let mapped = config["linux"]["uidMappings"].is_array();
        let payload = match words {
            PS => find("ps").expect("ps").to_string_lossy().into_owned(),
            _ => "/bin/pause".into(),
        };
        let mut scene =
            Scene { bundle, before, words: Vec::new(), payload, console: None, mapped, _other: None };
        if config["process"]["terminal"] == true {
            let path = scene.bundle.dir.join("console");
            let listener = UnixListener::bind(&path).expect("a socket");
            // Whoever connects is taken in and not read, so that what it sends stays open until the next one comes.
            std::thread::spawn(move || {
                let mut last = None;
                for peer in listener.incoming() {
                    last = peer.ok();
                }
                drop(last);
            });
            scene.console = Some(path);
        }
        scene.words = scene.words_of(words);
        scene
    }

    /// A verb and its words, and the socket that takes its terminal.
    fn words_of(&self, line: &str) -> Vec<String> {
        let mut words: Vec<String> = line.split_whitespace().map(String::from).collect();
        if let Some(path) = self.console.as_ref().filter(|_| ["create", "exec"].contains(&words[0].as_str()))
        {
            let socket = ["--console-socket".into(), path.to_string_lossy().into_owned()];
            let tty = (words[0] == "exec").then(|| "--tty".into());
            words.splice(1..1, tty.into_iter().chain(socket));
        }
        words
    }

    /// What there has to be before.
    fn prepare(&self) {
        for line in self.before {
            let words = self.words_of(line);
            self.bundle.good(&words.iter().map(String::as_str).collect::<Vec<_>>());
            if words[0] == "kill" {
                until("its end", || self.bundle.status_of("a") == "stopped");
            }
        }
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
    fn go(&self, strace: &[String], look: impl FnOnce(&Output)) -> End {
        self.prepare();
        let log = self.bundle.dir.join("log");
        let (ended, held) = pipe();
        // The tracer is nobody's child, and has this end until all whom it traces have ended.
        nix::fcntl::fcntl(&held, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty())).expect("fcntl");
        let path = log.to_string_lossy().into_owned();
        let mut all = vec!["timeout", "-s", "KILL", "60", "strace", "-D", "-f", "-q", "-o", &path];
        all.extend(strace.iter().map(String::as_str));
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
            End { out, calls: calls(&log, &self.payload), was_injected: text().contains("(INJECTED)"), left };
        let _ = fs::remove_file(&log);
        let _ = fs::remove_file(self.bundle.dir.join("pid"));
        end
    }

    /// All calls of ours, each once, that were not hit before.
    fn targets(&self, known: &mut Known) -> Vec<Target> {
        // The directory of all containers is made once.
        let _ = fs::create_dir(&self.bundle.state);
        let end = self.go(&[], |out| assert!(out.status.success() && out.stderr.is_empty(), "{out:?}"));
        assert_eq!(end.left, None);
        let mut targets = targets(&end.calls, |call| !call.payload);
        known.sift(&mut targets);
        targets
    }

    /// Each call is made to fail.
    fn every_call_fails(&self, known: &mut Known) {
        let mut targets = self.targets(known);
        // A close(2) that fails has closed all the same, and one that is made to fail has not: that would be another thing.
        targets.retain(|target| target.name != "close");
        let files = self.files();
        let verb = self.words[0].as_str();
        let mut may = BTreeSet::new();
        let go = |target: &Target, words: &[String]| {
            let mut left = Vec::new();
            let mut end = self.go(words, |out| {
                // What did not come to be has left nothing, before anybody cleans.
                let cleans = ["unlinkat", "getdents64"].contains(&target.name.as_str());
                if !out.status.success() && verb == "create" && !cleans {
                    left = self.bundle.left();
                }
            });
            if !left.is_empty() {
                end.left = Some(format!("left {left:?}"));
            }
            end
        };
        let hows = |target: &Target| errors(target).into_iter().filter(|how| how != "error=EINTR").collect();
        let report = Report::of(&targets, hows, go, |target, _, end| {
            let error = String::from_utf8_lossy(&end.out.stderr).into_owned();
            // Who has ids of its own may have no right to programs of devices.
            let optional = target.may_fail(RUNTIME) || target.name == "bpf" && self.mapped;
            let verdict = match end.out.status.code() {
                _ if end.left.is_some() && target.name != "unlinkat" => end.left,
                Some(0) if !end.was_injected => None,
                // What fails behind the start and behind the end is told, and no more; of many one is left out.
                Some(0) if is_one_line(&error) && verb != "create" => None,
                Some(0) if optional => {
                    may.insert(target.name.clone());
                    None
                }
                // A figure that can't be read is 0.
                Some(0) if verb == "events" && ["openat", "pread64"].contains(&target.name.as_str()) => None,
                Some(0) => Some("it went on as if nothing had happened".into()),
                // It may be hit twice: the runtime, and its child, which has no other way to say why.
                Some(1 | 255) if target.name == "write" && error.is_empty() => None,
                Some(1 | 255) if error.starts_with("vesicle") && error.lines().count() <= 2 => None,
                // It would have taken a SIGPIPE of a hook that does not read; it never fails so.
                None if target.name == "rt_sigtimedwait" && end.out.status.signal() == Some(13) => None,
                _ => Some(format!("{:?}: {error}", end.out.status)),
            };
            let now = self.files();
            let verdict = match verdict {
                None if now != files => Some(format!("the files changed: {:?}", now.difference(&files))),
                verdict => verdict,
            };
            verdict.map(|verdict| format!("{verdict}\n    {error:?}"))
        });
        report.conclude(&self.words.join(" "), &may);
    }

    /// At each call whoever makes it is killed.
    fn power_cut_at_every_call(&self, known: &mut Known) {
        let targets = self.targets(known);
        let mut statuses = BTreeMap::<String, usize>::new();
        let go = |_: &Target, words: &[String]| {
            let mut wrong = Vec::new();
            let end = self.go(words, |out| {
                let status = self.bundle.status_of("a");
                let list = self.bundle.call(&["list", "-q"]);
                let shown = list.stdout == b"a\n";
                if !list.status.success() || !list.stderr.is_empty() || shown != (status != "none") {
                    wrong.push(format!("{status} and {list:?}"));
                }
                // It never runs while its FIFO is there.
                if self.words[0] == "start" && status == "created" {
                    let comm = fs::read_to_string(format!("/proc/{}/comm", self.bundle.pid_of("a")));
                    if comm.as_ref().is_ok_and(|comm| comm == "pause\n") {
                        wrong.push("it runs, and was not started".into());
                    }
                }
                let error = String::from_utf8_lossy(&out.stderr).into_owned();
                // The runtime was killed, or says that its child was; or all was over.
                let told = match out.status.code() {
                    // Or its child says that it was, where nobody hears it any more.
                    None | Some(0) => {
                        error.is_empty() || error.starts_with("vesicle") && error.lines().count() == 1
                    }
                    Some(1 | 255) => is_one_line(&error),
                    // Of a run: what its command was killed by.
                    Some(137) => true,
                    _ => false,
                };
                if !told {
                    wrong.push(format!("{out:?}"));
                }
                *statuses.entry(status).or_default() += 1;
            });
            wrong.extend(end.left);
            wrong
        };
        let cut = |_: &Target| vec!["signal=KILL".to_string()];
        let report = Report::of(&targets, cut, go, |_, _, wrong: Vec<String>| {
            (!wrong.is_empty()).then(|| wrong.join("\n    "))
        });
        report
            .conclude(&format!("{}; behind them it is {statuses:?}", self.words.join(" ")), &BTreeSet::new());
    }

    /// All but what is written by the way.
    fn files(&self) -> BTreeSet<String> {
        tree(&self.bundle.dir).into_iter().filter(|f| !f.contains("/log ")).collect()
    }
}

/// Everything that there is in one: with it each call that the runtime can make is made.
fn everything(root: &Path) -> Value {
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
fn mapped(root: &Path) -> Value {
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

fn with_terminal(root: &Path) -> Value {
    let mut config = everything(root);
    config["process"]["terminal"] = json!(true);
    config["process"]["consoleSize"] = json!({ "height": 24, "width": 80 });
    config
}

/// The bundles of the tests, by their names; one that ends by itself where `run` waits for it.
fn scene(name: &str, before: Verbs, words: &str) -> Scene {
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

const CREATED: Verbs = &["create a"];
const RUNNING: Verbs = &["create a", "start a"];
const PAUSED: Verbs = &["create a", "start a", "pause a"];
const STOPPED: Verbs = &["create a", "start a", "kill a KILL"];

/// With little to read for ps(1) itself: it makes calls of the same names.
const PS: &str = "ps a -p 1";

/// What is done with a container that there is: where it has to be before, and how.
const LATER: &[(Verbs, &str)] = &[
    (CREATED, "start a"),
    (RUNNING, "kill a KILL"),
    (RUNNING, "kill --all a TERM"),
    (RUNNING, "kill --all a KILL"),
    (RUNNING, "pause a"),
    (PAUSED, "resume a"),
    (RUNNING, "update --resources resources a"),
    (RUNNING, "delete --force a"),
    (PAUSED, "delete --force a"),
    (STOPPED, "delete a"),
    (CREATED, "state a"),
    (PAUSED, "list"),
    (RUNNING, "list --format json"),
    (RUNNING, PS),
    (RUNNING, "ps --format json a"),
    (RUNNING, "events --stats a"),
];

/// All of these, the largest bundle first: what is hit in one need not be hit in another.
fn scenes(test: &str, bundles: &[&str], verbs: &[(Verbs, &str)], hit: fn(&Scene, &mut Known)) {
    if !possible(test) {
        return;
    }
    let before = mounts();
    let mut known = Known::default();
    for name in bundles {
        for (before, words) in verbs {
            hit(&scene(name, before, words), &mut known);
        }
    }
    assert_eq!(new_mounts(&before), Vec::<String>::new());
}

macro_rules! scenes {
    ($($fails:ident, $cut:ident: $verbs:expr, in $bundles:expr;)*) => { $(
        #[test]
        fn $fails() {
            scenes(stringify!($fails), &$bundles, $verbs, Scene::every_call_fails);
        }

        #[test]
        fn $cut() {
            scenes(stringify!($cut), &$bundles, $verbs, Scene::power_cut_at_every_call);
        }
    )* };
}

scenes! {
    create_survives_the_failure_of_each_call, create_is_cut_short_at_each_call:
        &[(&[], "create --pid-file pid a")], in ["everything", "plain", "mapped", "terminal", "joins"];
    run_survives_the_failure_of_each_call, run_is_cut_short_at_each_call: &[(&[], "run a")], in ["everything", "plain", "joins"];
    exec_survives_the_failure_of_each_call, exec_is_cut_short_at_each_call:
        &[(RUNNING, "exec a /bin/true")], in ["everything", "mapped", "terminal"];
    later_verbs_survive_the_failure_of_each_call, later_verbs_are_cut_short_at_each_call: LATER, in ["everything"];
}
