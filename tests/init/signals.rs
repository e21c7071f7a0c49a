//! Signals: forwarded, rewritten, never lost; and masks and dispositions.

use crate::common::*;
use crate::helper::helper;
use crate::need;
use crate::table::{Promise, Shown, ensure};
use crate::tools::*;
use std::ffi::OsString;
use std::fs;
use std::os::fd::AsFd;
use std::time::Duration;

/// All but KILL and STOP, which nobody can catch, and CHLD, which tells an init of its own children.
pub fn forwarded() -> impl Iterator<Item = i32> {
    (1..=64).filter(|n| ![libc::SIGKILL, libc::SIGSTOP, libc::SIGCHLD].contains(n))
}

/// Sends each of `signals` to the init, and waits until each of `want` was heard once.
fn heard(tool: &Tool, mut running: Running, place: Place, sent: &[i32], want: &[String]) -> Shown {
    let init = init_of(&running, place);
    let mut missing = Vec::new();
    for n in sent {
        send(init, *n);
        // One after the other: what is sent at once comes in the order of its number.
        let said = format!("got {n}.");
        let there = |r: &Running| r.stdout().contains(&said);
        if want.iter().any(|w| w.contains(&said)) {
            comes_true(Duration::from_millis(if tool.ours { 300 } else { 30 }), || there(&running));
        }
    }
    comes_true(Duration::from_millis(if tool.ours { 3000 } else { 500 }), || {
        let out = running.stdout();
        want.iter().all(|w| out.lines().any(|l| l == w))
    });
    std::thread::sleep(Duration::from_millis(30));
    let out = running.stdout();
    let got: Vec<&str> = out.lines().filter(|l| l.contains("got ") && !l.contains("got 17.")).collect();
    for line in want {
        match got.iter().filter(|l| *l == line).count() {
            1 => {}
            n => missing.push(format!("{line} {n} times")),
        }
    }
    missing.extend(got.iter().filter(|l| !want.iter().any(|w| w == **l)).map(|l| format!("{l} unasked")));
    running.signal(Signal::SIGKILL);
    kill_marked(&running.mark);
    running.until("its end", |r| state(r.pid()).is_none_or(|s| s == 'Z'));
    ensure!(missing.is_empty(), "{} wrong: {}", missing.len(), missing.join(", "));
    Ok(())
}

fn each_once(tool: &Tool, place: Place) -> Shown {
    let mut running = tool.single(place).payload("hear").limit(30).spawn();
    running.until_says("up");
    let sent: Vec<i32> = forwarded().collect();
    let sent: Vec<i32> = match (tool.kind, place) {
        // It stops itself by STOP then, and nobody here would continue it.
        (Kind::DumbInit, Place::Child) => sent.into_iter().filter(|n| ![20, 21, 22].contains(n)).collect(),
        _ => sent,
    };
    let want: Vec<String> = sent.iter().map(|n| format!("got {n}.")).collect();
    heard(tool, running, place, &sent, &want)
}

fn every_signal(tool: &Tool) -> Shown {
    each_once(tool, Place::First)?;
    if tool.ours { each_once(tool, Place::Child) } else { Ok(()) }
}

pub static EVERY_SIGNAL: Promise =
    Promise::new("every signal from 1 to 64 that can be caught reaches COMMAND, once", every_signal);

fn to_the_group(tool: &Tool) -> Shown {
    for place in [Place::First, Place::Child] {
        let mut running = tool.group(place).payload("hear-all").limit(30).spawn();
        running.until("three", |r| ["Aup", "Bup", "Cup"].iter().all(|w| r.stdout().contains(w)));
        let sent = [1, 2, 3, 10, 12, 14, 15, 18, 28];
        let want: Vec<String> =
            sent.iter().flat_map(|n| ["A", "B", "C"].map(|who| format!("{who}got {n}."))).collect();
        heard(tool, running, place, &sent, &want)?;
    }
    Ok(())
}

pub static GROUP: Promise = Promise::new(
    "on request (dumb-init: by default) a signal goes to COMMAND's whole process group",
    to_the_group,
);

fn left_group(tool: &Tool) -> Shown {
    // There a session's leader is COMMAND, and such a one can't leave its group.
    ensure!(tool.kind != Kind::DumbInit, "-");
    let mut running = tool.group(Place::Child).payload("hear-elsewhere").limit(30).spawn();
    running.until_says("up");
    ensure!(!running.stdout().contains("can't"), "it could not leave its group");
    heard(tool, running, Place::Child, &[15, 10], &["got 15.".into(), "got 10.".into()])
}

pub static LEFT_GROUP: Promise =
    Promise::new("…and to COMMAND itself when it has left that group", left_group);

fn rewritten(tool: &Tool) -> Shown {
    ensure!(tool.has('r'), "-");
    let rules = ["15:10", "1:0", "2:SIGUSR2", "SIGQUIT:14"];
    let with_names = tool.ours;
    for place in [Place::First, Place::Child] {
        let mut launch = tool.single(place);
        for rule in rules {
            let rule = if with_names { rule } else { &rule.replace("SIGUSR2", "12").replace("SIGQUIT", "3") };
            launch = launch.args(["-r", rule]);
        }
        let mut running = launch.payload("hear").limit(30).spawn();
        running.until_says("up");
        let want = ["got 10.", "got 12.", "got 14."].map(String::from);
        heard(tool, running, place, &[15, 1, 2, 3], &want)?;
    }
    // To the group, and from the signals that there are in vain until somebody wants them.
    let mut launch = tool.group(Place::First);
    for n in (1..=31).filter(|n| ![9, 10, 17, 19].contains(n)) {
        launch = launch.arg("-r").arg(format!("{n}:10"));
    }
    let mut running = launch.payload("hear-all").limit(30).spawn();
    running.until("three", |r| ["Aup", "Bup", "Cup"].iter().all(|w| r.stdout().contains(w)));
    let init = init_of(&running, Place::First);
    for n in (1..=31).filter(|n| ![9, 10, 17, 19].contains(n)) {
        let before = running.stdout().matches("got 10.").count();
        send(init, n);
        let all = || running.stdout().matches("got 10.").count() == before + 3;
        ensure!(comes_true(Duration::from_secs(2), all), "{n} as 10: {}", running.stdout());
    }
    Ok(())
}

pub static REWRITTEN: Promise = Promise::new("`-r` rewrites a signal or drops it", rewritten);

/// TERM at some moment in the first three milliseconds: how many of so many calls did not end by it.
fn lost_early(tool: &Tool, runs: u64) -> Result<(), String> {
    let pause = crate::common::tiny_root(me()).join("bin/pause");
    let mut lost = 0;
    let mut statuses = std::collections::BTreeMap::new();
    let patience = if tool.ours { Duration::from_secs(10) } else { Duration::from_millis(300) };
    for round in 0..runs {
        let mut words = tool.words.clone();
        if tool.kind == Kind::Tini || tool.kind == Kind::Catatonit {
            words.push("-g".into());
        }
        words.extend(["--".into(), pause.clone().into()]);
        let running = Bare::start(words);
        // Spread over the time in a way that no clock of the machine repeats.
        std::thread::sleep(Duration::from_micros(round * 7919 % 3000));
        send(running.pid(), libc::SIGTERM);
        match running.end(patience) {
            Some(143) => {}
            Some(other) => *statuses.entry(other).or_insert(0) += 1,
            None => lost += 1,
        }
    }
    ensure!(lost == 0 && statuses.is_empty(), "{lost} of {runs} lost, other statuses {statuses:?}");
    Ok(())
}

fn early_term(tool: &Tool) -> Shown {
    lost_early(tool, if tool.ours && is_thorough() { 300 } else { 100 })
}

pub static EARLY: Promise = Promise::racy("a TERM in its first three milliseconds is not lost", early_term);

/// Held at a call that begins a process, or COMMAND in it: what comes then is neither lost nor its own end, and COMMAND
/// has it.
#[test]
fn signal_that_comes_before_the_child_is_command_is_commands() {
    let Some(_) = need!("strace") else { return };
    for tool in tools().iter().filter(|t| t.ours) {
        for (call, number) in [("clone", libc::SYS_clone), ("execve", libc::SYS_execve)] {
            let log = folder(me()).join("log");
            // The init's own execve is over when strace begins to count.
            let mut running = program(me(), ["strace", "-D", "-f", "-q", "-o"])
                .arg(&log)
                .arg(format!("--trace={call}"))
                .arg(format!("--inject={call}:delay_enter=1000000:when=1"))
                .args(&tool.words)
                // The init may sleep in vfork(2) until COMMAND is there.
                .payload("pause")
                .limit(20)
                .spawn();
            running.until("it is held there", |r| is_held(r.pid(), number));
            running.signal(Signal::SIGTERM);
            let end = running.wait();
            assert!(!end.hung, "{}: TERM at {call} was lost", tool.name);
            assert_eq!(end.code, Some(143), "{} at {call}: {:?} {}", tool.name, end.signal, end.stderr);
        }
    }
}

/// Whether a tracer has stopped the init, or its child, at that system call, proc_pid_syscall(5). The init's own execve
/// is over when it has a child.
fn is_held(init: i32, call: i64) -> bool {
    let children = children(init);
    children.iter().chain((call == libc::SYS_clone).then_some(&init)).any(|&pid| {
        let shown = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
        state(pid) == Some('t') && shown.split(' ').next() == Some(&call.to_string())
    })
}

fn masks(out: &str) -> Vec<&str> {
    out.lines().filter(|l| l.starts_with("Sig")).collect()
}

fn as_the_caller_left_it(tool: &Tool) -> Shown {
    for (blocked, ignored) in LEFT_SO {
        if ignored.contains(&17) && !tool.ours {
            // The next promise: some of the others hang.
            continue;
        }
        let plain = program(me(), helper("state")).before(leave_so(blocked, ignored)).go();
        for place in [Place::Child, Place::First] {
            let under = tool.at(place).payload("state").before(leave_so(blocked, ignored)).go();
            ensure!(under.code == Some(0), "{place:?} blocked {blocked:?} ignored {ignored:?}: {under:?}");
            let (want, got) = (masks(&plain.stdout), masks(&under.stdout));
            ensure!(
                want.len() == 2 && want == got,
                "{place:?} {blocked:?} {ignored:?}: {got:?}, not {want:?}"
            );
        }
    }
    Ok(())
}

pub static CALLERS_MASK: Promise = Promise::new(
    "COMMAND has the signal mask and the ignored signals of the init's caller",
    as_the_caller_left_it,
);

fn ignored_sigchld(tool: &Tool) -> Shown {
    for place in [Place::Child, Place::First] {
        let end = tool
            .at(place)
            .payload("exit 9")
            .before(leave_so(&[], &[17]))
            .limit(if tool.ours { 20 } else { 1 })
            .go();
        ensure!(!end.hung, "{place:?}: it hangs");
        ensure!(end.code == Some(9), "{place:?}: status {:?}", end.code);
    }
    Ok(())
}

pub static IGNORED_SIGCHLD: Promise =
    Promise::new("an ignored SIGCHLD, as nohup and Erlang leave it, does not hang it", ignored_sigchld);

/// The parent is killed so many microseconds after the init has begun.
fn parent_death(tool: &Tool) -> Shown {
    ensure!(tool.has('p'), "-");
    let pause = tiny_root(me()).join("bin/pause");
    let runs = if tool.ours && is_thorough() { 300 } else { 60 };
    let mut left = 0;
    for round in 0..runs {
        let micros = round * 7919 % 3000;
        let mut words = helper(&format!("parent {micros}"));
        words.extend(tool.words.iter().cloned());
        words.extend(
            ["-p", "TERM"]
                .map(|w| if tool.ours { w.into() } else { OsString::from(w.replace("TERM", "SIGTERM")) }),
        );
        words.extend(["--".into(), pause.clone().into()]);
        left += usize::from(!ends_with_its_parent(words, if tool.ours { 5000 } else { 300 }));
    }
    ensure!(left == 0, "{left} of {runs} stayed");
    // And the moment before it is asked for, drawn out.
    if find("strace").is_some() {
        let words = held(tool, "prctl", "delay_enter");
        ensure!(ends_with_its_parent(words, 3000), "one that dies just before it is asked for is missed");
    }
    Ok(())
}

/// A parent that dies while its init is held at the first such call.
fn held(tool: &Tool, call: &str, side: &str) -> Vec<OsString> {
    let mut words = helper("parent 500000");
    words.extend(["strace", "-D", "-q", "-o"].map(OsString::from));
    words.push(folder(me()).join("log").into());
    words.push(format!("--trace={call}").into());
    words.push(format!("--inject={call}:{side}=1500000:when=1").into());
    words.extend(tool.words.iter().cloned());
    words.extend(["-p", "SIGTERM", "--"].map(OsString::from));
    words.push(tiny_root(me()).join("bin/pause").into());
    words
}

/// Whether nothing is left of it: all of them hold the end of a pipe.
fn ends_with_its_parent(words: Vec<OsString>, patience: u16) -> bool {
    let (mut read, write) = pipe();
    let mut command = std::process::Command::new(&words[0]);
    command
        .args(&words[1..])
        .current_dir("/")
        .stdin(std::process::Stdio::null())
        .stdout(write)
        .stderr(std::process::Stdio::null());
    let mut parent = command.spawn().expect("a parent");
    drop(command);
    let _ = parent.wait();
    let mut text = Vec::new();
    let gone = loop {
        let mut fds = [nix::poll::PollFd::new(read.as_fd(), nix::poll::PollFlags::POLLIN)];
        if nix::poll::poll(&mut fds, patience) != Ok(1) {
            break false;
        }
        let mut buffer = [0; 100];
        match nix::unistd::read(&mut read, &mut buffer) {
            Ok(0) => break true,
            Ok(n) => text.extend_from_slice(&buffer[..n]),
            Err(e) => panic!("{e}"),
        }
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    let child = text.split("child ").nth(1).and_then(|t| t.split('.').next()?.parse().ok());
    let child: i32 = child.unwrap_or_else(|| panic!("no child: {text}"));
    if !gone {
        for pid in children(child) {
            kill(pid, Signal::SIGKILL);
        }
        kill(child, Signal::SIGKILL);
    }
    gone
}

pub static PARENT_DEATH: Promise = Promise::racy(
    "`-p`: it ends with its parent, killed in the three milliseconds after it has blocked signals",
    parent_death,
);

/// The two calls between which the parent's end would be missed are drawn apart.
#[test]
fn parent_that_dies_while_the_death_signal_is_asked_for_is_noticed() {
    let Some(_) = need!("strace") else { return };
    for tool in tools().iter().filter(|t| t.ours && t.has('p')) {
        for (call, side) in [("getppid", "delay_exit"), ("prctl", "delay_enter"), ("prctl", "delay_exit")] {
            assert!(ends_with_its_parent(held(tool, call, side), 5000), "{}: {side} of {call}", tool.name);
        }
    }
}

crate::table::shown! {
    every_signal_that_can_be_caught_is_forwarded_once: EVERY_SIGNAL;
    signal_goes_to_the_whole_group: GROUP;
    signal_reaches_a_command_that_has_left_its_group: LEFT_GROUP;
    signals_are_rewritten_and_dropped: REWRITTEN;
    early_term_is_not_lost: EARLY;
    mask_and_dispositions_of_command_are_the_callers: CALLERS_MASK;
    ignored_sigchld_of_the_caller_does_not_hang_it: IGNORED_SIGCHLD;
    init_ends_with_its_parent: PARENT_DEATH;
}
