//! Children: reaped, adopted, told to end; exit codes; what an init holds on to; that it sleeps.

use crate::common::*;
use crate::helper::helper;
use crate::table::{Promise, Shown, ensure};
use crate::tools::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// So many orphans, while signals storm in, as process 1.
fn orphans(tool: &Tool) -> Shown {
    let (count, each) = if !tool.ours {
        (2_000, 1)
    } else if tool.kind == Kind::Vesicle && is_thorough() {
        (100_000, 20)
    } else {
        (5_000, 1)
    };
    let launch = tool.at(Place::First).limit(if tool.ours { 120 } else { 10 });
    let launch = if tool.has('w') { launch.arg("-w") } else { launch };
    let mut running = launch.payload(&format!("storm {count} {each}")).spawn();
    running.until_says("up");
    let init = init_of(&running, Place::First);
    // Not from the moment on when what is sent would be too much to be held.
    let (mut sent, mut n) = (0, 0u32);
    while !running.stdout().contains("left ") && state(init).is_some_and(|s| s != 'Z') {
        for signal in [libc::SIGUSR1, libc::SIGHUP, libc::SIGUSR2] {
            send(init, signal);
        }
        n += 1;
        if n.is_multiple_of(4) && tool.kind != Kind::DumbInit && sent < 3000 {
            send(init, libc::SIGRTMIN() + 1);
            sent += 1;
        }
        std::thread::sleep(Duration::from_micros(500));
        ensure!(n < 300_000, "it never ends");
    }
    running.until_says("left ");
    ensure!(running.stdout().contains("left 0."), "zombies: {}", running.stdout());
    let zombies = children(init).into_iter().filter(|p| state(*p) == Some('Z')).count();
    ensure!(zombies == 0, "{zombies} zombies");
    let last = format!("heard {sent}.");
    let all = comes_true(Duration::from_secs(3), || running.stdout().contains(&last));
    // Real-time signals queue: not one may be lost. That is asked of ours; of the others the reaping alone.
    ensure!(all || !tool.ours, "{sent} sent: {}", running.stdout());
    let told = running.stderr();
    running.signal(Signal::SIGKILL);
    kill_marked(&running.mark);
    running.wait();
    if tool.ours && tool.has('w') {
        let lines = told.lines().filter(|l| l.contains("eaped")).count();
        ensure!(lines == count, "-w told of {lines}, not {count}");
    }
    if tool.kind == Kind::Vesicle {
        say(&format!(
            "{count} orphans of {} reaped and told; {sent} queued signals and {} others forwarded",
            tool.name,
            3 * n
        ));
    }
    Ok(())
}

pub static ORPHANS: Promise =
    Promise::new("process 1: orphans are reaped, none left and none missed, while signals storm in", orphans);

/// Many ends, and one SIGCHLD: it was stopped meanwhile.
fn burst(tool: &Tool) -> Shown {
    let mut running = tool.at(Place::First).payload("burst 300").spawn();
    running.until_says("group ");
    let init = init_of(&running, Place::First);
    ensure!(
        comes_true(Duration::from_secs(tool.seconds()), || children(init).len() == 301),
        "not adopted: {}",
        children(init).len()
    );
    send(init, libc::SIGSTOP);
    ensure!(comes_true(Duration::from_secs(2), || state(init) == Some('T')), "it does not stop");
    let command = children(init)[0];
    for child in &children(init)[1..] {
        send(*child, libc::SIGKILL);
    }
    let dead = || children(init)[1..].iter().all(|p| state(*p) == Some('Z'));
    ensure!(comes_true(Duration::from_secs(10), dead), "they did not end");
    send(init, libc::SIGCONT);
    let gone = comes_true(Duration::from_secs(tool.seconds()), || children(init) == [command]);
    ensure!(gone, "{} left", children(init).len());
    Ok(())
}

pub static BURST: Promise = Promise::new("…all of them that one SIGCHLD stands for", burst);

fn adopts(tool: &Tool) -> Shown {
    let mut running =
        tool.reaping(Place::Child).payload("storm 300 3").limit(if tool.ours { 60 } else { 5 }).spawn();
    running.until_says("up");
    running.until_says("left ");
    ensure!(running.stdout().contains("left 0."), "zombies: {}", running.stdout());
    // Whose are they when their parent has gone?
    let mut running = tool.reaping(Place::Child).payload("burst 3").spawn();
    running.until_says("group ");
    let init = running.pid();
    let all = comes_true(Duration::from_millis(500), || children(init).len() == 4);
    kill_marked(&running.mark);
    ensure!(all, "they are somebody else's children");
    Ok(())
}

pub static ADOPTS: Promise =
    Promise::but("not process 1: orphans are reaped too (tini: with `-s`)", adopts, &[Kind::DumbInit]);

fn says_if_not(tool: &Tool) -> Shown {
    let mut running = tool.at(Place::Child).payload("burst 1").spawn();
    running.until_says("group ");
    let init = running.pid();
    let adopts = comes_true(Duration::from_millis(300), || children(init).len() == 2);
    let says = running.stderr().contains("reap");
    kill_marked(&running.mark);
    ensure!(adopts != says, "it adopts: {adopts}, it warns: {:?}", running.stderr());
    Ok(())
}

pub static SAYS_IF_NOT: Promise =
    Promise::but("…or it says that they are not", says_if_not, &[Kind::DumbInit]);

/// The signals that end a process unless it does something about them.
const ENDS: &[i32] =
    &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31, 34, 50, 64];

fn codes(tool: &Tool) -> Shown {
    let limit = Duration::from_secs(tool.seconds());
    let go = |mode: &str| {
        let words = tool.words.iter().cloned().chain(["--".into()]).chain(helper(mode));
        Bare::start(words).end(limit)
    };
    for code in (0..=255).step_by(if tool.ours { 1 } else { 5 }) {
        let got = go(&format!("exit {code}"));
        ensure!(got == Some(code), "exit code {code}: {got:?}");
    }
    for n in ENDS {
        let got = go(&format!("die {n}"));
        ensure!(got == Some(128 + n), "signal {n}: {got:?}");
    }
    for (mode, code) in [("exit 0", 0), ("exit 255", 255), ("exit 7", 7), ("die 15", 143), ("die 6", 134)] {
        let end = tool.at(Place::First).payload(mode).go();
        ensure!(end.code == Some(code), "process 1, {mode}: {:?}", end.code);
    }
    // A core dump's bit is no part of the signal; the core is written where nothing is kept.
    let cores = folder(me());
    let big = || {
        let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: the kernel reads one struct. Where it may not be raised, there is no core.
        unsafe { libc::setrlimit(libc::RLIMIT_CORE, &limit) };
        Ok(())
    };
    let end = tool.at(Place::Child).payload("die 11").cwd(&cores).before(big).go();
    let _ = fs::remove_dir_all(cores);
    ensure!(end.code == Some(139), "with a core dump: {:?}", end.code);
    Ok(())
}

pub static CODES: Promise =
    Promise::new("COMMAND's exit code 0 to 255, or 128 + its signal, is the init's", codes);

#[test]
fn exit_codes_are_remapped_to_success() {
    for tool in tools().iter().filter(|t| t.has('e')) {
        for (options, mode, code) in [
            (&["-e", "143"][..], "die 15", 0),
            (&["-e143", "-e", "3"], "exit 3", 0),
            (&["-e143", "-e", "3"], "exit 4", 4),
            (&["-e", "255"], "exit 255", 0),
            (&["-e", "0"], "exit 0", 0),
        ] {
            let end = tool.at(Place::Child).args(options).payload(mode).go();
            assert_eq!(end.code, Some(code), "{} {options:?} {mode}", tool.name);
        }
    }
}

fn not_executed(tool: &Tool) -> Shown {
    let dir = folder(me());
    let plain = dir.join("plain");
    fs::write(&plain, "#!/bin/sh\n").expect("write");
    let script = dir.join("script");
    fs::write(&script, "#!/nowhere/sh\n").expect("write");
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("chmod");
    let text = |p: &std::path::Path| p.to_string_lossy().into_owned();
    for (command, code) in [
        ("/nowhere/x".to_string(), 127),
        ("no-such-command".into(), 127),
        (text(&plain), 126),
        (text(&dir), 126),
        (text(&script), 127),
        (String::new(), 127),
    ] {
        for place in [Place::Child, Place::First] {
            let end = tool.reaping(place).args(["--", &command]).env("PATH", "/usr/bin:/bin").go();
            ensure!(end.code == Some(code), "{command:?}: {:?}, not {code}", end.code);
            ensure!(
                end.stderr.lines().count() == 1 && end.stdout.is_empty(),
                "{command:?}: {:?}",
                end.stderr
            );
        }
    }
    Ok(())
}

pub static NOT_EXECUTED: Promise = Promise::new(
    "a COMMAND that is missing is 127, one that can't be executed 126, with one line",
    not_executed,
);

/// Its status, and how many are still there a while after it; they don't stay.
fn left_by(mut running: Running, tool: &Tool, kept: bool) -> (Option<i32>, usize) {
    running.until("its end", |r| state(r.pid()).is_none_or(|s| s == 'Z'));
    let patience = Duration::from_millis(if tool.ours && !kept { 3000 } else { 400 });
    let left = settled(&running.mark, patience).len();
    kill_marked(&running.mark);
    (running.wait().code, left)
}

fn left_get_term(tool: &Tool) -> Shown {
    // TERM takes a moment; a process that ignores it would stay for twenty seconds.
    let running = tool.reaping(Place::Child).payload("leave t 5").spawn();
    let (code, left) = left_by(running, tool, LEFT_GET_TERM.kept.contains(&tool.kind));
    ensure!(code == Some(5), "status {code:?}");
    ensure!(left == 0, "left: {left}");
    Ok(())
}

const NOT_VESICLE: &[Kind] = &[Kind::Tini, Kind::DumbInit, Kind::Catatonit];

pub static LEFT_GET_TERM: Promise = Promise::but(
    "not process 1: those that outlive COMMAND get TERM",
    left_get_term,
    &[Kind::Tini, Kind::Catatonit],
);

fn left_anywhere(tool: &Tool) -> Shown {
    let running = tool.reaping(Place::Child).payload("leave t,s,z,sz 6").spawn();
    let (code, left) = left_by(running, tool, LEFT_ANYWHERE.kept.contains(&tool.kind));
    ensure!(code == Some(6), "status {code:?}");
    ensure!(left == 0, "left: {left}");
    Ok(())
}

pub static LEFT_ANYWHERE: Promise =
    Promise::but("…also in another session, and stopped", left_anywhere, NOT_VESICLE);

fn left_get_kill(tool: &Tool) -> Shown {
    ensure!(tool.has('k'), "there is no such option");
    let start = Instant::now();
    let end = tool.at(Place::Child).args(["-k", "0.4"]).payload("leave t,i,is,s,z 7").go();
    let took = start.elapsed();
    ensure!(end.code == Some(7), "status {:?}", end.code);
    ensure!(end.left.is_empty(), "left: {:?}", end.left);
    ensure!(took >= Duration::from_millis(400), "KILL came after {took:?}");
    // Nobody has to be waited for who has gone.
    let start = Instant::now();
    let end = tool.at(Place::Child).args(["-k", "20"]).payload("leave t,s,z 7").go();
    ensure!(end.code == Some(7) && end.left.is_empty(), "{:?}, left {:?}", end.code, end.left);
    ensure!(start.elapsed() < Duration::from_secs(10), "it waited for nobody");
    // And COMMAND itself, when a TERM was forwarded to it.
    for place in [Place::Child, Place::First] {
        let mut running = tool.at(place).args(["-k", "0.3"]).payload("hear").spawn();
        running.until_says("up");
        send(init_of(&running, place), libc::SIGTERM);
        let end = running.wait();
        ensure!(end.code == Some(137), "{place:?}: COMMAND that ignores TERM: {:?}", end.code);
        ensure!(end.left.is_empty(), "left: {:?}", end.left);
    }
    Ok(())
}

pub static LEFT_GET_KILL: Promise =
    Promise::but("…and KILL after a grace (`-k`)", left_get_kill, NOT_VESICLE);

fn waits_for_all(tool: &Tool) -> Shown {
    ensure!(tool.has('a'), "there is no such option");
    for place in [Place::Child, Place::First] {
        let end = tool.at(place).arg("-a").payload("leave b,sb 8").go();
        ensure!(end.code == Some(8), "{place:?}: status {:?}", end.code);
        ensure!(end.stdout.matches("ended by itself").count() == 2, "{place:?}: {}", end.stdout);
        // A TERM then is for those who are left, and the status stays COMMAND's.
        let mut running = tool.at(place).args(["-a", "-k", "0.3"]).payload("leave t,s,i 9").spawn();
        running.until_says("left");
        let init = init_of(&running, place);
        ensure!(comes_true(Duration::from_secs(3), || children(init).len() == 3), "{place:?}: not adopted");
        send(init, libc::SIGTERM);
        let end = running.wait();
        ensure!(end.code == Some(9) && end.left.is_empty(), "{place:?}: {:?}, left {:?}", end.code, end.left);
        ensure!(!end.stdout.contains("by itself"), "{place:?}: {}", end.stdout);
    }
    Ok(())
}

pub static WAITS_FOR_ALL: Promise =
    Promise::but("on request it stays until all have gone (`-a`)", waits_for_all, NOT_VESICLE);

/// Without a terminal, and without any descriptor at all: it runs and says nothing.
fn no_terminal(tool: &Tool) -> Shown {
    for place in [Place::Child, Place::First] {
        for closed in [&[0][..], &[0, 1, 2]] {
            let close = move || {
                for fd in closed {
                    // SAFETY: no memory is involved.
                    unsafe { libc::close(*fd) };
                }
                Ok(())
            };
            let end = tool.reaping(place).payload("exit 3").before(close).go();
            ensure!(end.code == Some(3), "{place:?} without {closed:?}: {:?} {}", end.code, end.stderr);
            ensure!(end.stderr.is_empty(), "{place:?} without {closed:?}: {}", end.stderr);
        }
        // A pipe, /dev/null, a file.
        for stdin in [pipe().0.into(), std::process::Stdio::null(), file_with(b"x").into()] {
            let end = tool.reaping(place).payload("exit 4").stdin(stdin).go();
            ensure!(end.code == Some(4) && end.stderr.is_empty(), "{place:?}: {:?} {}", end.code, end.stderr);
        }
    }
    Ok(())
}

pub static NO_TERMINAL: Promise =
    Promise::new("stdin closed or no terminal: it runs, and says nothing", no_terminal);

/// The line of the descriptors: whoever started the tests may have left some open too.
fn fds(said: &str) -> &str {
    said.lines().find(|l| l.starts_with("fds ")).unwrap_or_default()
}

fn pins_nothing(tool: &Tool) -> Shown {
    let dir = folder(me());
    let null = || fs::File::open("/dev/null").expect("/dev/null");
    let with_fds = |launch: Launch| launch.cwd(&dir).fd(5, null()).fd(9, null());
    let plain = with_fds(program(me(), helper("state"))).go();
    let mut running = with_fds(tool.at(Place::Child).payload("state").env("PAUSE", "1")).spawn();
    running.until_says("up");
    let said = running.stdout();
    ensure!(fds(&said).contains(",9") && fds(&said) == fds(&plain.stdout), "COMMAND has {said}");
    ensure!(said.contains(&format!("cwd {}\n", dir.display())), "COMMAND is in {said}");
    let of = |what: &str| format!("/proc/{}/{what}", running.pid());
    let open = || -> BTreeSet<String> {
        let all = fs::read_dir(of("fd")).into_iter().flatten().flatten();
        all.map(|e| e.file_name().to_string_lossy().into_owned()).collect()
    };
    let free = comes_true(Duration::from_millis(500), || {
        fs::read_link(of("cwd")).is_ok_and(|p| p.as_os_str() == "/")
            && open().iter().all(|n| n.len() == 1 && **n < *"3")
    });
    ensure!(free, "it holds {:?} and {:?}", open(), fs::read_link(of("cwd")));
    Ok(())
}

pub static PINS_NOTHING: Promise = Promise::new(
    "it keeps no descriptor above 2 and no directory busy, and COMMAND has all it was given",
    pins_nothing,
);

fn listens(tool: &Tool) -> Shown {
    let null = || fs::File::open("/dev/null").expect("/dev/null");
    let under = |script: &'static str| {
        let mut words: Vec<std::ffi::OsString> = ["sh", "-c", script, "sh"].map(Into::into).to_vec();
        words.extend(tool.words.iter().cloned());
        program(me(), words).limit(tool.seconds()).payload("state").fd(3, null()).fd(4, null()).go()
    };
    let end = under("LISTEN_PID=$$ LISTEN_FDS=2 exec \"$@\"");
    ensure!(end.stdout.contains("listen true 2\n"), "{}", end.stdout);
    ensure!(fds(&end.stdout).contains("3,4"), "{}", end.stdout);
    // What is meant for another process stays so; and where there is nothing, nothing comes.
    let end = under("LISTEN_PID=1 LISTEN_FDS=2 exec \"$@\"");
    ensure!(end.stdout.contains("listen false 2\n"), "{}", end.stdout);
    let end = under("exec \"$@\"");
    ensure!(end.stdout.contains("listen false \n"), "{}", end.stdout);
    Ok(())
}

pub static LISTENS: Promise =
    Promise::new("descriptors passed for it (`LISTEN_PID`) are passed on to COMMAND", listens);

/// Ten idle seconds, of both places: no system call, and no turn on a processor. All the tools sleep at the same time.
fn idle(tool: &Tool) -> Shown {
    static ALL: OnceLock<Vec<(&str, Shown)>> = OnceLock::new();
    let all = ALL.get_or_init(idle_all);
    all.iter()
        .find(|(name, _)| *name == tool.name)
        .map_or(Err("not started".into()), |(_, shown)| shown.clone())
}

fn idle_all() -> Vec<(&'static str, Shown)> {
    let pause = tiny_root(me()).join("bin/pause");
    let logs = folder(me());
    let strace = find("strace");
    if strace.is_none() {
        skip("idle_init_never_wakes", "strace is not installed");
    }
    let mut all = Vec::new();
    for tool in tools() {
        for place in [Place::First, Place::Child] {
            let launch = tool.reaping(place);
            let launch = if tool.has('k') { launch.args(["-k", "1"]) } else { launch };
            let mut running = launch.arg("--").arg(&pause).limit(40).spawn();
            let is_pause =
                |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c == "pause\n");
            running.until("its COMMAND", |r| {
                let init = init_of(r, place);
                init > 0 && children(init).iter().any(is_pause)
            });
            let init = init_of(&running, place);
            let log = logs.join(init.to_string());
            let tracer = strace.as_ref().map(|strace| {
                let tracer =
                    program(me(), [strace]).args(["-q", "-o"]).arg(&log).arg("-p").arg(init.to_string());
                tracer.limit(40).spawn()
            });
            all.push((tool.name, init, running, tracer, log));
        }
    }
    std::thread::sleep(Duration::from_millis(700));
    let look = |init: i32, log: &Path| {
        let status = fs::read_to_string(format!("/proc/{init}/status")).unwrap_or_default();
        let turns = status.lines().filter(|l| l.contains("ctxt_switches")).collect::<Vec<_>>().join(" ");
        (turns, fs::read_to_string(log).unwrap_or_default())
    };
    let looks = || all.iter().map(|(_, init, _, _, log)| look(*init, log)).collect::<Vec<_>>();
    let before = looks();
    std::thread::sleep(Duration::from_secs(10));
    let after = looks();
    let mut shown: Vec<(&str, Shown)> = Vec::new();
    for ((name, _, running, tracer, _), (before, after)) in all.iter().zip(before.iter().zip(&after)) {
        if let Some(tracer) = tracer {
            tracer.signal(Signal::SIGKILL);
        }
        kill_marked(&running.mark);
        let calls = after.1.lines().count().abs_diff(before.1.lines().count());
        let traced = strace.is_none() || !before.1.is_empty();
        let one = match before == after && traced {
            true => Ok(()),
            false => Err(format!("it woke up, {calls} system calls: {} and then {}", before.0, after.0)),
        };
        match shown.iter_mut().find(|(known, _)| known == name) {
            Some(known) => known.1 = known.1.clone().and(one),
            None => shown.push((name, one)),
        }
    }
    shown
}

pub static IDLE: Promise = Promise::new("idle, it makes no system call in ten seconds", idle);

#[test]
fn pause_ends_with_term_and_int_and_nothing_else() {
    for tool in tools().iter().filter(|t| t.has('P')) {
        for place in [Place::First, Place::Child] {
            for n in [libc::SIGTERM, libc::SIGINT] {
                let mut running = tool.at(place).arg("-P").limit(10).spawn();
                let init = |r: &Running| init_of(r, place);
                running.until("it waits", |r| init(r) > 0 && state(init(r)) == Some('S'));
                std::thread::sleep(Duration::from_millis(100));
                if tool.ours {
                    // As process 1 of a pod it adopts orphans and wakes for nothing else.
                    for other in [1, 10, 12, 17, 18, 28, 34, 64] {
                        send(init(&running), other);
                    }
                    std::thread::sleep(Duration::from_millis(50));
                    assert!(state(init(&running)).is_some_and(|s| s != 'Z'), "{}", tool.name);
                }
                send(init(&running), n);
                let end = running.wait();
                assert_eq!(
                    (end.hung, end.code),
                    (false, Some(0)),
                    "{} {place:?} {n}: {}",
                    tool.name,
                    end.stderr
                );
                assert_eq!(end.stderr, "", "{}", tool.name);
            }
        }
    }
}

/// An orphan of whoever became process 1 before: it is not COMMAND, and its end is not COMMAND's.
#[test]
fn child_from_before_the_exec_is_reaped_and_not_taken_for_command() {
    for tool in tools().iter().filter(|t| t.ours) {
        let mut words: Vec<std::ffi::OsString> =
            ["sh", "-c", "sh -c 'exit 33' & exec \"$@\"", "sh"].map(Into::into).to_vec();
        words.extend(tool.words.iter().cloned());
        let end = program(me(), words).args(["--", "sh", "-c", "sleep 0.2; exit 4"]).go();
        assert_eq!(end.code, Some(4), "{}: {}", tool.name, end.stderr);
    }
}

#[test]
fn empty_name_and_no_argument_at_all_are_survived() {
    let as_init = |args: &str| {
        let mut words = helper(&format!("nameless {} {args}", vesicle().display()));
        words.retain(|w| !w.is_empty());
        program(me(), words)
    };
    as_init("init").payload("exit 6").go().code(6);
    // The kernel gives one empty argument where there is none, execve(2).
    as_init("").go().refuses(125, &[]);
    for tool in tools().iter().filter(|t| t.ours) {
        let end = tool.at(Place::Child).arg("").go();
        assert_eq!(end.code, Some(127), "{}: {}", tool.name, end.stderr);
    }
}

#[test]
fn subreaper_that_was_asked_for_is_one_as_process_1_too() {
    for tool in tools().iter().filter(|t| t.ours && t.has('s')) {
        for place in [Place::First, Place::Child] {
            tool.at(place).arg("-s").payload("exit 2").go().code(2);
        }
    }
}

#[test]
fn quiet_says_nothing_and_fails_all_the_same() {
    let own = tool("vesicle init").expect("ours");
    for (command, code) in [("/nowhere/x", 127), ("/", 126)] {
        let end = own.at(Place::Child).args(["-q", command]).go();
        assert_eq!((end.code, end.stderr.as_str()), (Some(code), ""), "{command}");
    }
}

crate::table::shown! {
    orphans_are_reaped_while_signals_storm_in: ORPHANS;
    all_children_that_one_sigchld_stands_for_are_reaped: BURST;
    orphans_are_reaped_by_an_init_that_is_not_process_1: ADOPTS;
    init_that_does_not_adopt_says_so: SAYS_IF_NOT;
    exit_codes_and_signals_are_passed_on: CODES;
    command_that_cannot_be_executed_is_126_or_127_and_one_line: NOT_EXECUTED;
    those_who_outlive_command_get_term: LEFT_GET_TERM;
    those_who_outlive_command_get_term_wherever_they_are: LEFT_ANYWHERE;
    those_who_ignore_term_get_kill_after_the_grace: LEFT_GET_KILL;
    wait_all_stays_until_all_have_gone: WAITS_FOR_ALL;
    no_terminal_and_no_stdin_are_no_obstacle: NO_TERMINAL;
    init_pins_neither_descriptor_nor_directory: PINS_NOTHING;
    listen_pid_is_commands: LISTENS;
    idle_init_never_wakes: IDLE;
}
