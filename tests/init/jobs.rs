//! Job control on a real terminal: an init and its COMMAND are one job of the shell that started them.

use crate::common::*;
use crate::table::{Promise, Shown, ensure};
use crate::tools::*;
use std::time::Duration;

fn line(tool: &Tool, single: bool, command: &str) -> String {
    let words: Vec<_> = tool.words.iter().map(|w| w.to_string_lossy().into_owned()).collect();
    // In a session of its own COMMAND would have no terminal but its shell's: dumb-init is told not to make one.
    let option = if single && tool.kind == Kind::DumbInit { "-c " } else { "" };
    format!("{} {option}-- {command}", words.join(" "))
}

fn shell(tool: &Tool) -> Pty {
    let mut pty = Pty::shell(me());
    pty.limit = Duration::from_secs(if tool.ours { 15 } else { 2 });
    pty
}

fn named(pty: &Pty, name: &str) -> Vec<char> {
    pty.states().into_iter().filter(|s| s.0 == name).map(|s| s.1).collect()
}

fn interrupted(tool: &Tool) -> Shown {
    for (key, status) in [(b"\x03", 130), (b"\x1c", 131)] {
        let mut pty = shell(tool);
        pty.line("ulimit -c 0");
        // A job in the background is not meant by the keyboard.
        pty.line(&line(tool, true, "tail -f /dev/null &"));
        ensure!(comes_true(pty.limit, || named(&pty, "tail").len() == 1), "no job in the background");
        pty.line(&line(tool, true, "sleep 100"));
        pty.expect_foreground("sleep");
        pty.key(key);
        pty.line("echo status $((1000+$?))");
        pty.expect(&format!("status {}", 1000 + status));
        ensure!(named(&pty, "sleep").is_empty(), "COMMAND is left: {:?}", pty.states());
        ensure!(named(&pty, "tail").len() == 1, "the job in the background is gone: {:?}", pty.states());
        // The foreground is the shell's again.
        pty.line("read word; echo \"it re''ad $word\"");
        pty.line("something");
        pty.expect("something");
    }
    // As the leader of the session.
    let words: Vec<_> = tool.words.iter().map(|w| w.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).chain(["--", "sleep", "100"]).collect();
    let mut pty = Pty::of(me(), &words);
    pty.limit = Duration::from_secs(if tool.ours { 15 } else { 2 });
    pty.expect_foreground("sleep");
    pty.key(b"\x03");
    let code = pty.end();
    ensure!(code == Some(130), "as the session's leader: {code:?}");
    Ok(())
}

pub static INTERRUPTED: Promise = Promise::racy(
    "^C and ^\\ end the foreground job alone, and the shell has the terminal again",
    interrupted,
);

fn suspended(tool: &Tool) -> Shown {
    let mut pty = shell(tool);
    pty.line(&line(tool, true, "sleep 100"));
    pty.expect_foreground("sleep");
    for _ in 0..2 {
        pty.key(b"\x1a");
        // The shell answers: the whole job is stopped.
        pty.line("echo sh''ell");
        pty.expect("shell");
        ensure!(named(&pty, "sleep") == ['T'], "COMMAND is not stopped: {:?}", pty.states());
        pty.line("jobs; echo li''sted");
        pty.expect("Stopped");
        pty.expect("listed");
        pty.line("fg");
        pty.expect_foreground("sleep");
        ensure!(pty.states().iter().all(|s| s.1 != 'T'), "somebody is still stopped: {:?}", pty.states());
    }
    pty.key(b"\x03");
    pty.line("echo status $((1000+$?))");
    pty.expect("status 1130");
    let mut pty = shell(tool);
    pty.line(&line(tool, true, "sh -c 'sleep 0.4; sleep 0.4; exit 7'"));
    pty.expect_foreground("sleep");
    pty.key(b"\x1a");
    pty.line("echo sh''ell");
    pty.expect("shell");
    pty.line("bg; wait %1; echo status $((1000+$?))");
    pty.expect("status 1007");
    Ok(())
}

pub static SUSPENDED: Promise =
    Promise::new("^Z stops COMMAND and init, the shell says so, `fg` and `bg` go on", suspended);

fn inner_shell(tool: &Tool) -> Shown {
    let launcher = format!("{} run --share-net --share-uts --share-ipc / ", vesicle().display());
    let mut texts = Vec::new();
    // As the session's leader; then in the place of process 1, and as a job of another shell.
    let words = line(tool, false, "sh -i");
    let mut pty = Pty::of(me(), &words.split(' ').collect::<Vec<_>>());
    pty.limit = Duration::from_secs(if tool.ours { 15 } else { 2 });
    pty.works_in_a_shell();
    pty.line("exit 4");
    let code = pty.end();
    ensure!(code == Some(4), "as the session's leader: {code:?}");
    texts.push(pty.text());
    for before in [launcher.as_str(), ""] {
        // It leaves COMMAND in a group that its PID namespace does not have: a shell can't give back to it what it took.
        if tool.kind == Kind::DumbInit && !before.is_empty() {
            continue;
        }
        let mut pty = shell(tool);
        pty.line(&format!("{before}{}", line(tool, true, "sh -i")));
        pty.works_in_a_shell();
        pty.line("exit 4");
        pty.line("echo out''side $?");
        pty.expect("outside 4");
        texts.push(pty.text());
    }
    for text in texts {
        ensure!(!text.contains("job control turned off") && !text.contains("access tty"), "{text}");
    }
    Ok(())
}

pub static SHELL: Promise =
    Promise::new("a shell as COMMAND has the terminal and job control, and gives it back", inner_shell);

fn tty_stops(tool: &Tool) -> Shown {
    let mut pty = shell(tool);
    pty.line(&line(tool, true, "sh -c 'read word; echo got $word; exit 7' &"));
    // Both are: only then the shell can know it.
    let stopped = |pty: &Pty| pty.states().iter().filter(|s| s.1 == 'T').count() == 2;
    ensure!(comes_true(pty.limit, || stopped(&pty)), "TTIN did not stop it: {:?}", pty.states());
    pty.line("jobs; echo li''sted");
    pty.expect("Stopped");
    pty.expect("listed");
    pty.line("fg; echo status $((1000+$?))");
    // Typed before that, it would be the shell's.
    let goes_on = |pty: &Pty| pty.states().iter().all(|s| s.1 != 'T');
    ensure!(comes_true(pty.limit, || goes_on(&pty)), "fg did not continue it: {:?}", pty.states());
    pty.line("someword");
    pty.expect("got someword");
    pty.expect("status 1007");
    let mut pty = shell(tool);
    pty.line("stty tostop");
    pty.line(&line(tool, true, "sh -c 'echo loud; exit 8' &"));
    ensure!(comes_true(pty.limit, || stopped(&pty)), "TTOU did not stop it: {:?}", pty.states());
    pty.line("fg; echo status $((1000+$?))");
    pty.expect("loud\r\n");
    pty.expect("status 1008");
    Ok(())
}

pub static TTIN: Promise = Promise::new(
    "started in the background it is stopped by TTIN and TTOU, and `fg` gives it the terminal",
    tty_stops,
);

fn first_is_not_stopped(tool: &Tool) -> Shown {
    for n in [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU] {
        let end = tool.at(Place::First).payload(&format!("stop {n}")).go();
        ensure!(end.code == Some(7), "{n}: hung {}, status {:?}", end.hung, end.code);
    }
    Ok(())
}

pub static FIRST_IS_NOT_STOPPED: Promise = Promise::new(
    "process 1: a COMMAND that job control stops goes on, as nobody is there to continue it",
    first_is_not_stopped,
);

/// It has no shell either: its group is orphaned, and the kernel stops nobody in such a one.
#[test]
fn init_of_no_shell_does_not_stay_stopped() {
    for tool in tools().iter().filter(|t| t.ours) {
        for n in [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU] {
            let setsid = || {
                // SAFETY: no memory is involved.
                unsafe { libc::setsid() };
                Ok(())
            };
            let end = tool.at(Place::Child).payload(&format!("stop {n}")).before(setsid).limit(5).go();
            assert_eq!(end.code, Some(7), "{} {n}: hung {}", tool.name, end.hung);
        }
    }
}

/// It goes by its own end or by another's: then COMMAND ends, and the shell can read.
#[test]
fn foreground_is_given_back_when_command_is_killed() {
    for tool in tools().iter().filter(|t| t.ours) {
        let mut pty = shell(tool);
        pty.line(&line(tool, true, "sleep 100"));
        pty.expect_foreground("sleep");
        let sleep = pty.oldest("sleep");
        kill(sleep, Signal::SIGKILL);
        pty.line("echo status $((1000+$?))");
        pty.expect("status 1137");
        pty.line("read word; echo \"it re''ad $word\"");
        pty.line("something");
        pty.expect("something");
    }
}

crate::table::shown! {
    keys_reach_the_foreground_job_alone: INTERRUPTED;
    ctrl_z_stops_the_whole_job: SUSPENDED;
    shell_as_command_has_job_control: SHELL;
    background_job_is_stopped_when_it_uses_the_terminal: TTIN;
    command_of_process_1_is_not_stopped: FIRST_IS_NOT_STOPPED;
}
