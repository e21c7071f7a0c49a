//! `--timings`: one line of JSON that says when each step of a launch began and ended, whatever kind of launch it is.

mod common;

use common::*;
use serde_json::Value;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// CLOCK_MONOTONIC in nanoseconds.
fn now() -> u64 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).expect("the time");
    time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
}

/// The line, taken apart and checked for what is true of each.
struct Line {
    all: Value,
    entry: u64,
    exec: Option<u64>,
    exit: u64,
}

/// A step: who, what, to what, from when to when.
#[derive(Clone, Debug, PartialEq)]
struct Done {
    by: String,
    step: String,
    subject: Option<String>,
    begin: u64,
    end: u64,
}

impl Line {
    #[track_caller]
    fn of(text: &str) -> Line {
        assert!(text.ends_with('\n') && text.lines().count() == 1, "not one line: {text:?}");
        assert!(text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')), "not ASCII: {text:?}");
        let all: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!((&all["clock"], &all["unit"]), (&"CLOCK_MONOTONIC".into(), &"ns".into()), "{text}");
        let number = |name: &str| all[name].as_u64().unwrap_or_else(|| panic!("no {name}: {text}"));
        let exec = (!all["exec"].is_null()).then(|| number("exec"));
        let line = Line { entry: number("entry"), exec, exit: number("exit"), all };
        assert_eq!(line.number("omitted"), 0, "{text}");
        let steps = line.steps();
        assert!(steps.windows(2).all(|two| two[0].begin <= two[1].begin), "not in order: {text}");
        for done in &steps {
            assert!(
                line.entry <= done.begin && done.begin <= done.end && done.end <= line.exit,
                "{done:?}: {text}"
            );
            assert!(
                ["launcher", "child", "init"].contains(&done.by.as_str()) && !done.step.is_empty(),
                "{done:?}"
            );
        }
        // Who does a step has done the one before.
        for by in ["launcher", "child", "init"] {
            let own: Vec<_> = steps.iter().filter(|done| done.by == by).collect();
            assert!(own.windows(2).all(|two| two[0].end <= two[1].begin), "{by} does two at once: {text}");
        }
        if let Some(exec) = line.exec {
            let last = steps.iter().rfind(|done| done.by == "child").expect("a child");
            assert_eq!((last.step.as_str(), last.end), ("exec", exec), "{text}");
        }
        line
    }

    fn number(&self, name: &str) -> u64 {
        self.all[name].as_u64().unwrap_or_else(|| panic!("no {name}: {}", self.all))
    }

    fn steps(&self) -> Vec<Done> {
        let word = |step: &Value, name: &str| step[name].as_str().map(String::from);
        let steps = self.all["steps"].as_array().expect("steps").iter();
        steps
            .map(|step| Done {
                by: word(step, "by").expect("by"),
                step: word(step, "step").expect("step"),
                subject: word(step, "subject"),
                begin: step["begin"].as_u64().expect("begin"),
                end: step["end"].as_u64().expect("end"),
            })
            .collect()
    }

    /// The one step of that kind.
    #[track_caller]
    fn step(&self, by: &str, step: &str) -> Done {
        let all: Vec<_> = self.steps().into_iter().filter(|d| d.by == by && d.step == step).collect();
        assert_eq!(all.len(), 1, "{step} by {by}: {}", self.all);
        all[0].clone()
    }

    fn has(&self, by: &str, step: &str) -> bool {
        self.steps().iter().any(|d| d.by == by && d.step == step)
    }
}

/// Runs it with the line on a file of its own; that and the outcome.
#[track_caller]
fn timed(launch: Launch, code: i32) -> (Line, Outcome) {
    let mut file = tempfile::tempfile().expect("a file");
    let before = now();
    let end = launch.fd(33, file.try_clone().expect("dup")).go();
    let after = now();
    end.code(code);
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).expect("the line");
    let line = Line::of(&text);
    assert_eq!(line.number("status"), code as u64, "{text}");
    assert!(before <= line.entry && line.exit <= after, "{before} to {after}: {text}");
    (line, end)
}

/// `vesicle run --timings=33`.
fn run_timed(who: Who) -> Launch {
    run(who).arg("--timings=33")
}

const SLEEP: &str = "sleep 0.25; exit 7";
/// So long it sleeps at least after its execve was seen, if the machine is not too busy to see it.
const SLEPT: u64 = 150_000_000;

/// Every kind of launch: its options, and who becomes COMMAND.
const KINDS: &[(&str, &str)] = &[
    ("", "child"),
    ("--chroot", "child"),
    ("--unshare-user", "child"),
    ("--unshare-user --uid 7 --gid 8", "child"),
    ("--share-net --share-pid --share-ipc --share-uts --share-cgroup", "child"),
    ("--new-session --die-with-parent --umask 077", "child"),
    (
        "--dev /dev --tmpfs /tmp --dir /tmp/d --symlink x /tmp/l --bind /usr /tmp/u --ro-bind /usr /tmp/r",
        "child",
    ),
    ("--hostname h --domainname d --chdir /bin --argv0 sh --setenv A b", "child"),
    ("--pid-file DIR/pid", "child"),
    ("--info-fd 20", "child"),
    ("--sync-fd 20 --keep-fd 20", "child"),
    ("--block-fd 21", "child"),
    ("--unshare-time --boottime-offset 1000 --monotonic-offset 100000", "child"),
    ("--unshare-time --monotonic-offset 0.000000001", "child"),
    ("--unshare-time --monotonic-offset=-1.5", "child"),
    ("--init", "init"),
    ("--init --share-pid", "init"),
    ("--init --wait-all --die-with-parent", "init"),
    ("--init --pid-file DIR/pid", "init"),
    ("--init --block-fd 21", "init"),
    ("--init --unshare-time --monotonic-offset 100000.5", "init"),
];

/// An end of file for --block-fd 21, and somewhere to write for 20.
fn with_descriptors(launch: Launch) -> Launch {
    let null = || File::options().read(true).write(true).open("/dev/null").expect("/dev/null");
    launch.fd(20, null()).fd(21, null())
}

#[test]
fn every_kind_of_launch_says_when_its_steps_began_and_ended() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for (options, made) in KINDS {
            let options = options.replace("DIR", &folder(who).to_string_lossy());
            let launch = with_descriptors(run_timed(who).words(&options)).sh(&root, SLEEP);
            let (line, end) = timed(launch, 7);
            assert_eq!((end.stdout.as_str(), end.stderr.as_str()), ("", ""), "{options}");
            let exec = line.exec.unwrap_or_else(|| panic!("{options}: no exec: {}", line.all));
            assert!(line.exit - exec >= SLEPT, "{options}: {}", line.all);
            assert!(exec - line.entry < 15_000_000_000, "{options}: {}", line.all);
            for step in ["parse", "plan", "block signals", "clone", "wait for COMMAND"] {
                line.step("launcher", step);
            }
            let clone = line.step(made, "clone");
            assert_eq!(clone.begin, line.step("launcher", "clone").begin, "{options}: {}", line.all);
            for step in ["make mounts private", "open rootfs", "mount", "set no_new_privs"] {
                assert!(line.has(made, step), "{options}: no {step}: {}", line.all);
            }
            for step in ["close descriptors", "restore the signal mask", "exec"] {
                line.step("child", step);
            }
            assert_eq!(line.step("child", "exec").subject.as_deref(), Some("/bin/sh"));
            assert_eq!(line.has("init", "close descriptors"), *made == "init", "{options}: {}", line.all);
            assert_eq!(line.has("child", "start COMMAND"), *made == "init", "{options}: {}", line.all);
            // Every step with its option is there.
            for (option, step) in [
                ("--new-session", "new session"),
                ("--hostname", "set host name"),
                ("--domainname", "set domain name"),
                ("--unshare-time", "set clock offsets"),
                ("--chdir", "change directory to"),
                ("--uid", "write id map"),
                ("--dev ", "make device"),
                ("--dir", "create"),
                ("--ro-bind", "open source"),
                ("--umask", "set umask"),
                ("--init --share-pid", "become a subreaper"),
            ] {
                assert!(
                    !options.contains(option) || line.has(made, step),
                    "{options}: no {step}: {}",
                    line.all
                );
            }
        }
    }
}

#[test]
fn each_operation_is_a_step_with_its_subject() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let launch =
            run_timed(who).words("--tmpfs /tmp --bind /usr /tmp/a --bind-try /nowhere /tmp/b --dir /tmp/c");
        let (line, _) = timed(launch.sh(&root, "true"), 0);
        let of = |step: &str| -> Vec<String> {
            let steps = line.steps().into_iter().filter(|d| d.by == "child" && d.step == step);
            steps.map(|d| d.subject.unwrap_or_default()).collect()
        };
        assert_eq!(of("open source"), ["/usr", "/nowhere"]);
        // The attributes of a bind are set where it was taken.
        // And what is masked of a proc is masked before that comes to its place.
        let mut mounts = of("mount");
        mounts.dedup();
        assert_eq!(mounts, ["/tmp/a", "/proc", "/tmp", "/tmp/a", "/tmp/b"]);
        assert_eq!(of("mask").contains(&"sys".to_string()), who == Who::Root);
        assert_eq!(of("create"), ["/tmp/c"]);
    }
}

#[test]
fn ranges_are_written_by_the_launcher() {
    if !is_root() {
        return say("SKIP ranges_are_written_by_the_launcher: not root");
    }
    let root = tiny_root(Who::Root);
    for (how, who) in [("", "child"), ("--init", "init")] {
        let options = "--unshare-user --map-users 0:100000:65536 --map-groups 0:100000:65536";
        let (line, _) = timed(run_timed(Who::Root).words(how).words(options).arg(&root).arg("/bin/true"), 0);
        let maps: Vec<_> = line.steps().into_iter().filter(|d| d.step == "write id map").collect();
        assert_eq!(
            maps.iter().map(|d| d.subject.as_deref()).collect::<Vec<_>>(),
            [Some("uid_map"), Some("gid_map")]
        );
        assert!(maps.iter().all(|d| d.by == "launcher"), "{}", line.all);
        // It waits for them.
        assert!(line.step(who, "wait for the launcher").end >= maps[1].end, "{}", line.all);
        assert!(line.exec.is_some(), "{}", line.all);
    }
}

#[test]
fn joined_namespaces_are_steps_and_a_joined_clock_is_corrected() {
    if !is_root() {
        return say("SKIP joined_namespaces_are_steps_and_a_joined_clock_is_corrected: not root");
    }
    let (root, dir) = (tiny_root(Who::Root), folder(Who::Root));
    let mut first = run(Who::Root)
        .words("--unshare-user --unshare-time --monotonic-offset 50000.25 --pid-file")
        .arg(dir.join("pid"))
        .arg(&root)
        .arg("/bin/pause")
        .spawn();
    let pid = || fs::read_to_string(dir.join("pid")).unwrap_or_default().trim().to_string();
    first.until("its payload", |_| {
        fs::read_to_string(format!("/proc/{}/comm", pid())).is_ok_and(|c| c.trim() == "pause")
    });
    let ns = |kind: &str| format!("/proc/{}/ns/{kind}", pid());
    for (kinds, how) in [
        (&["user", "net", "uts", "ipc", "cgroup", "pid"][..], ""),
        (&["user", "pid"], "--init"),
        (&["time"], ""),
        (&["user", "time"], "--init"),
        // In a new one, its offsets are counted from the host's clock again.
        (&["time"], "--unshare-time --monotonic-offset 7"),
    ] {
        let mut launch = run_timed(Who::Root).words(how);
        for kind in kinds {
            launch = launch.arg(format!("--{kind}ns")).arg(ns(kind));
        }
        let (line, _) = timed(launch.arg(&root).arg("/bin/true"), 0);
        let joins: Vec<_> = line.steps().into_iter().filter(|d| d.step == "join namespace").collect();
        assert_eq!(joins.len(), kinds.len(), "{kinds:?}: {}", line.all);
        assert!(joins.iter().all(|d| d.by == "launcher" && d.subject.is_some()), "{kinds:?}: {}", line.all);
        let exec = line.exec.unwrap_or_else(|| panic!("{kinds:?} {how}: {}", line.all));
        assert!(exec - line.entry < 15_000_000_000, "{kinds:?} {how}: {}", line.all);
    }
    first.signal(Signal::SIGTERM);
    first.wait().code(143);
}

#[test]
fn wait_at_the_gate_is_seen_and_signals_are_forwarded_meanwhile() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            let ((read, write), mut file) = (pipe(), tempfile::tempfile().expect("a file"));
            let launch = run_timed(who).words(how).words("--block-fd 20").fd(20, read);
            let launch = launch.fd(33, file.try_clone().expect("dup"));
            let mut running =
                launch.sh(&root, "trap 'exit 9' TERM; echo ready; while :; do sleep 0.02; done").spawn();
            std::thread::sleep(Duration::from_millis(800));
            File::from(write).write_all(b"x").expect("write");
            running.until_says("ready");
            // The launcher still forwards what it is sent, a SIGIO of somebody else's too.
            running.signal(Signal::SIGTERM);
            running.wait().code(9);
            let mut text = String::new();
            file.rewind().and_then(|()| file.read_to_string(&mut text)).expect("the line");
            let line = Line::of(&text);
            let gate = line.step("child", "read block-fd");
            assert!(gate.end - gate.begin >= 100_000_000, "{how}: {text}");
            assert!(
                line.exec.is_some_and(|exec| exec >= gate.end && exec - gate.end < 10_000_000_000),
                "{how}: {text}"
            );

            // One that ends at the gate.
            let (read, _write) = pipe();
            let mut file = tempfile::tempfile().expect("a file");
            let launch = run_timed(who).words(how).words("--block-fd 20").fd(20, read);
            let running = launch.fd(33, file.try_clone().expect("dup")).sh(&root, "echo ran").spawn();
            std::thread::sleep(Duration::from_millis(500));
            running.signal(Signal::SIGTERM);
            running.wait().code(143);
            let mut text = String::new();
            file.rewind().and_then(|()| file.read_to_string(&mut text)).expect("the line");
            let line = Line::of(&text);
            assert_eq!((line.exec, line.number("status")), (None, 143), "{how}: {text}");
        }
    }
}

#[test]
fn sigio_of_somebody_else_reaches_the_payload() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["--block-fd 21", "--init --block-fd 21"] {
            let mut running = with_descriptors(run_timed(who).words(how))
                .fd(33, tempfile::tempfile().expect("a file"))
                .sh(&root, "trap 'exit 9' IO; echo ready; while :; do sleep 0.02; done")
                .spawn();
            running.until_says("ready");
            running.signal(Signal::SIGIO);
            running.wait().code(9);
        }
    }
}

#[test]
fn line_goes_to_stderr_when_no_descriptor_is_named() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for (option, word) in [("--timings", "--timings"), ("--timings=2", "--timings=2")] {
            let end = run(who).arg(option).sh(&root, "echo out").go();
            end.says("out");
            assert!(Line::of(&end.stderr).exec.is_some(), "{word}");
        }
        // The next word is never its value; the last of several counts.
        let end = run(who).args(["--timings=1", "--timings"]).sh(&root, "echo out").go();
        end.says("out");
        Line::of(&end.stderr);
        let end = run(who).args(["--timings", "--timings=1"]).arg(&root).arg("/bin/true").go();
        end.code(0);
        assert_eq!(end.stderr, "");
        Line::of(&end.stdout);
    }
}

#[test]
fn command_gets_neither_the_descriptor_nor_one_of_ours() {
    let look = "for n in $(seq 3 80); do [ -L /proc/self/fd/$n ] && echo $n; done; true";
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in
            ["", "--init", "--block-fd 21", "--init --block-fd 21", "--pid-file DIR/pid", "--unshare-time"]
        {
            let how = how.replace("DIR", &folder(who).to_string_lossy());
            let (_, end) = timed(with_descriptors(run_timed(who).words(&how)).sh(&root, look), 0);
            end.says("");
            // An init holds none either.
            if how.contains("--init") {
                let script = "ls -l /proc/1/fd | grep -c -- '->'";
                let (_, end) = timed(with_descriptors(run_timed(who).words(&how)).sh(&root, script), 0);
                end.says("3");
            }
        }
        // One that is asked for is kept.
        let (_, end) = timed(run_timed(who).words("--keep-fd 33").sh(&root, look), 0);
        end.says("33");
    }
}

#[test]
fn init_shares_no_memory_with_the_launcher_while_command_runs() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["--init", "--init --block-fd 21"] {
            let script = "sleep 0.2; grep -c ' rw-s ' /proc/1/maps; true";
            let (_, end) = timed(with_descriptors(run_timed(who).words(how)).sh(&root, script), 0);
            end.says("0");
        }
    }
}

#[test]
fn descriptor_that_is_not_open_is_refused() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            let end = run(who).words(how).arg("--timings=77").sh(&root, "echo ran").go();
            end.refuses(125, &["use descriptor 77", "EBADF"]);
        }
    }
}

#[test]
fn another_option_may_use_the_same_descriptor() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let mut file = tempfile::tempfile().expect("a file");
        let launch = run_timed(who).words("--info-fd 33 --sync-fd 33");
        launch.fd(33, file.try_clone().expect("dup")).sh(&root, "true").go().code(0);
        let mut text = String::new();
        file.rewind().and_then(|()| file.read_to_string(&mut text)).expect("both");
        let (info, line) = text.split_once("}\n").expect("the information");
        assert!(info.contains("child-pid"), "{text}");
        Line::of(line);
    }
}

#[test]
fn failure_has_its_line_without_an_exec() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init", "--pid-file DIR/pid", "--init --block-fd 21", "--unshare-time"] {
            let how = how.replace("DIR", &folder(who).to_string_lossy());
            for (options, command, code, by, step, subject) in [
                ("", "/bin/nowhere", 127, "child", "exec", "/bin/nowhere"),
                ("", "nowhere", 127, "child", "exec", "nowhere"),
                ("", "/etc", 126, "child", "exec", "/etc"),
                ("--chdir /nowhere", "/bin/sh", 125, "?", "change directory to", "/nowhere"),
                ("--bind /nowhere /tmp", "/bin/sh", 125, "?", "open source", "/nowhere"),
                ("--netns /nowhere", "/bin/sh", 125, "launcher", "join namespace", "/nowhere"),
            ] {
                let launch =
                    with_descriptors(run_timed(who).words(&how).words(options)).arg(&root).arg(command);
                let (line, end) = timed(launch, code);
                end.one_line();
                assert_eq!(line.exec, None, "{how} {options} {command}: {}", line.all);
                let by = if by == "?" { if how.contains("--init") { "init" } else { "child" } } else { by };
                let steps = line.steps();
                let last = steps.iter().rfind(|d| d.by == by).expect("a step");
                assert_eq!(
                    (last.step.as_str(), last.subject.as_deref()),
                    (step, Some(subject)),
                    "{how}: {}",
                    line.all
                );
            }
        }
        // On stderr, the message is the line before.
        let end = run(who).arg("--timings").arg(&root).arg("/bin/nowhere").go();
        end.code(127);
        let (message, line) = end.stderr.split_once('\n').expect("two lines");
        assert!(message.starts_with("vesicle: exec /bin/nowhere: "), "{message}");
        assert_eq!(Line::of(line).exec, None);
        let end = run(who).args(["--timings", "--netns", "/nowhere"]).arg(&root).arg("/bin/sh").go();
        end.code(125);
        let (message, line) = end.stderr.split_once('\n').expect("two lines");
        assert!(message.starts_with("vesicle: join namespace /nowhere: "), "{message}");
        assert_eq!(Line::of(line).exec, None);
        // A usage error has none.
        run(who).args(["--timings", "--wait-all"]).arg(&root).arg("/bin/sh").go().refuses(125, &["--init"]);
    }
}

#[test]
fn command_that_a_signal_ends_has_its_exec_and_its_status() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["--share-pid", "--init"] {
            let (line, _) = timed(run_timed(who).words(how).sh(&root, "kill -9 $$"), 137);
            assert!(line.exec.is_some(), "{how}: {}", line.all);
        }
    }
}

#[test]
fn subject_of_any_bytes_is_valid_json_and_nothing_is_lost() {
    let all: Vec<u8> = (1..=255).filter(|b| *b != b'/').collect();
    for &who in everyone() {
        let root = tiny_root(who);
        let dest = os(&[b"/tmp/", all.as_slice()].concat());
        let words: Vec<OsString> = vec!["--tmpfs".into(), "/tmp".into(), "--tmpfs".into(), dest];
        let (line, _) = timed(run_timed(who).args(words).arg(&root).arg("/bin/true"), 0);
        let subjects: Vec<_> = line.steps().into_iter().filter_map(|d| d.subject).collect();
        let want: String = b"/tmp/".iter().chain(&all).map(|b| char::from(*b)).collect();
        assert!(subjects.contains(&want), "{subjects:?}");
        // As COMMAND too.
        let launch = run_timed(who).arg(&root).arg(os(&[b"/", all.as_slice()].concat()));
        let (line, _) = timed(launch, 127);
        let want: String = b"/".iter().chain(&all).map(|b| char::from(*b)).collect();
        assert_eq!(line.step("child", "exec").subject, Some(want));
    }
}

#[test]
fn two_thousand_binds_have_their_times() {
    for &who in everyone() {
        let root = tiny_root(who);
        let source = folder(who);
        let long = "d".repeat(200);
        let mut words: Vec<OsString> = vec!["--tmpfs".into(), "/tmp".into()];
        for n in 0..2046 {
            words.extend(["--bind".into(), source.clone().into(), format!("/tmp/{long}{}", n % 7).into()]);
        }
        let (line, _) = timed(run_timed(who).args(words).arg(&root).arg("/bin/true").limit(120), 0);
        let binds = line.steps().into_iter().filter(|d| d.step == "open source").count();
        assert_eq!(binds, 2046);
        assert!(line.exec.is_some());
    }
}

#[test]
fn descriptor_that_takes_nothing_changes_no_status() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let launch = |how: &str| run_timed(who).words(how).limit(10);
        for how in ["", "--init", "--chdir /nowhere", "--netns /nowhere"] {
            let code = if how.contains("nowhere") { 125 } else { 7 };
            // A closed pipe, a full disk, a descriptor to read from.
            let (read, write) = pipe();
            drop(read);
            launch(how).fd(33, write).sh(&root, "exit 7").go().code(code);
            let full = File::options().write(true).open("/dev/full").expect("/dev/full");
            launch(how).fd(33, full).sh(&root, "exit 7").go().code(code);
            launch(how).fd(33, File::open("/dev/null").expect("open")).sh(&root, "exit 7").go().code(code);
            // A full pipe that says so: what fits is written, or nothing.
            let (read, write) = pipe();
            let flags = nix::fcntl::OFlag::O_NONBLOCK;
            nix::fcntl::fcntl(&write, nix::fcntl::FcntlArg::F_SETFL(flags)).expect("fcntl");
            while nix::unistd::write(&write, &[0; 4096]).is_ok() {}
            launch(how).fd(33, write).sh(&root, "exit 7").go().code(code);
            drop(read);
        }
        // One that is read in the end.
        let (read, write) = pipe();
        let flags = nix::fcntl::OFlag::O_NONBLOCK;
        nix::fcntl::fcntl(&write, nix::fcntl::FcntlArg::F_SETFL(flags)).expect("fcntl");
        let mut filled = 0;
        while let Ok(n) = nix::unistd::write(&write, &[b'\n'; 4096]) {
            filled += n;
        }
        nix::fcntl::fcntl(&write, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::empty())).expect("fcntl");
        let running = launch("").fd(33, write).sh(&root, "exit 7").spawn();
        std::thread::sleep(Duration::from_millis(300));
        let mut text = String::new();
        File::from(read).read_to_string(&mut text).expect("all");
        running.wait().code(7);
        Line::of(&text[filled..]);
    }
}

#[test]
fn in_an_argument_file_it_begins_when_the_options_were_read() {
    for &who in everyone() {
        let root = tiny_root(who);
        let file = folder(who).join("arguments");
        fs::write(&file, "--timings=33\n--tmpfs\n/tmp\n").expect("write");
        let (line, _) =
            timed(run(who).arg(os(&[b"@", bytes(file.as_os_str())].concat())).arg(&root).arg("/bin/true"), 0);
        assert_eq!(line.step("launcher", "parse").end, line.entry, "{}", line.all);
        let (line, _) = timed(
            run(who).args(["--args", "20"]).fd(20, file_with(b"--timings=33\0")).arg(&root).arg("/bin/true"),
            0,
        );
        assert_eq!(line.step("launcher", "parse").end, line.entry, "{}", line.all);
    }
}

#[test]
fn words_of_command_are_not_its_option() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let end = run(who).arg(&root).args(["/bin/echo", "--timings=77", "--timings"]).go();
        end.says("--timings=77 --timings");
        assert_eq!(end.stderr, "");
    }
}

/// Without the option there is no call that is its own; with it there are those of the clock, the lanes and the line.
#[test]
fn nothing_is_called_when_it_is_not_asked_for() {
    let Some(_) = need!("strace") else { return };
    for &who in everyone() {
        let (root, dir) = (tiny_root(who), folder(who));
        let trace = |words: &str| -> Vec<String> {
            let log = dir.join("log");
            let _ = fs::remove_file(&log);
            program(who, ["strace".as_ref(), "-f".as_ref(), "-q".as_ref(), "-o".as_ref(), log.as_os_str()])
                .arg(vesicle())
                .arg("run")
                .words(words)
                .arg(&root)
                .arg("/bin/true")
                .go()
                .code(0);
            calls(&log, "/bin/true").iter().filter(|c| !c.payload).map(|c| c.name.clone()).collect()
        };
        for how in ["", "--init", "--unshare-time", "--dev /dev"] {
            let (without, with) = (trace(how), trace(&format!("{how} --timings")));
            let count = |list: &[String], name: &str| list.iter().filter(|n| *n == name).count();
            assert_eq!(count(&without, "clock_gettime"), 0, "{how}: {without:?}");
            assert!(count(&with, "clock_gettime") > 8, "{how}: {with:?}");
            // The lanes, and an init's own that nobody shares any more; and the list of options that have a value, where it is
            // the first of them.
            let maps = count(&with, "mmap") - count(&without, "mmap");
            let own = 2 + usize::from(how == "--init") + usize::from(how != "--dev /dev");
            assert_eq!(maps, own, "{how}: {with:?}");
            assert_eq!(count(&with, "write"), count(&without, "write") + 1, "{how}: {with:?}");
        }
    }
}

/// What is said to have happened in a time happened in that time: an `strace` makes each call slow.
#[test]
fn step_that_is_delayed_is_as_long_as_the_delay() {
    let Some(_) = need!("strace") else { return };
    let Some(_) = find("strace").filter(|_| is_root()) else {
        return say("SKIP step_that_is_delayed_is_as_long_as_the_delay: not root");
    };
    let (root, dir) = (tiny_root(Who::Root), folder(Who::Root));
    for (inject, step) in [
        ("pivot_root", "change root to"),
        ("prctl", "set no_new_privs"),
        ("close_range", "close descriptors"),
    ] {
        let mut file = tempfile::tempfile().expect("a file");
        let begun = Instant::now();
        program(
            Who::Root,
            ["strace".as_ref(), "-f".as_ref(), "-q".as_ref(), "-o".as_ref(), dir.join("log").as_os_str()],
        )
        .arg(format!("--inject={inject}:delay_enter=150000"))
        .arg(vesicle())
        // Without the prctl(2) of each capability that is dropped.
        .args(["run", "--unshare-user", "--timings=33"])
        .fd(33, file.try_clone().expect("dup"))
        .arg(&root)
        .arg("/bin/true")
        .go()
        .code(0);
        assert!(begun.elapsed() >= Duration::from_millis(150), "{inject} was not delayed");
        let mut text = String::new();
        file.rewind().and_then(|()| file.read_to_string(&mut text)).expect("the line");
        let line = Line::of(&text);
        let steps: Vec<_> = line.steps().into_iter().filter(|d| d.by == "child").collect();
        let done = steps.iter().rfind(|d| d.step == step).expect("the step");
        assert!(done.end - done.begin >= 150_000_000, "{inject}: {text}");
        let others = steps.iter().filter(|d| d.step != step);
        assert!(others.map(|d| d.end - d.begin).all(|n| n < 150_000_000), "{inject}: {text}");
    }
}

#[test]
fn pid_file_is_gone_before_the_line_is_read() {
    for &who in everyone() {
        let (root, dir) = (tiny_root(who), folder(who));
        let path = dir.join("pid");
        let ((read, write), exists) = (pipe(), |p: &Path| p.exists());
        let running =
            run_timed(who).arg("--pid-file").arg(&path).fd(33, write).arg(&root).arg("/bin/true").spawn();
        let mut text = String::new();
        File::from(read).read_to_string(&mut text).expect("the line");
        assert!(!exists(&path));
        running.wait().code(0);
        Line::of(&text);
    }
}
