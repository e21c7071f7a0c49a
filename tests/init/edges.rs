//! What an init does at its edges: nobody reads it, others stop it, its /proc is another's, a signal means two things.

use crate::common::*;
use crate::need;
use crate::tools::*;
use std::fs;
use std::time::{Duration, Instant};

/// `vesicle init` with options and a shell script as COMMAND.
fn script(options: &str, script: &str) -> Launch {
    call(me()).arg("init").words(options).args(["--", "/bin/sh", "-c", script]).limit(15)
}

/// A shell on a terminal with a time limit.
fn shell() -> Pty {
    let mut pty = Pty::shell(me());
    pty.limit = Duration::from_secs(15);
    pty
}

#[test]
fn message_that_nobody_reads_changes_nothing() {
    // A write(2) that fails sends PIPE or XFSZ to whoever writes: it is not for COMMAND, and not worth another message.
    for to in ["| true", "| { sleep 0.3; true; }"] {
        let line = format!(
            "exec 3>&1; {{ sleep 0.1; {} init -vw sh -c 'sleep 0.2 & sleep 0.5; exit 3' 2>&1; echo code $? >&3; }} {to}",
            vesicle().display()
        );
        let began = Instant::now();
        program(me(), ["/bin/sh", "-c", &line]).limit(15).go().says("code 3");
        assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
    }
    let full = folder(me()).join("full");
    let line = format!(
        "ulimit -f 1; head -c 512 /dev/zero >{0}; {1} init -v sh -c 'exit 3' 2>>{0}; {1} init -v sh -c 'exit 3' 2>>{0}; exec {1} init -v sh -c 'exit 3' 2>>{0}",
        full.display(),
        vesicle().display()
    );
    program(me(), ["/bin/sh", "-c", &line]).limit(15).go().code(3);
}

#[test]
fn proc_of_another_namespace_names_nobody() {
    let name = "proc_of_another_namespace_names_nobody";
    if !is_root() {
        return say(&format!("SKIP {name}: only root makes a PID namespace without a user namespace"));
    }
    let (Some(_), Some(_)) = (need!("strace"), need!("unshare")) else { return };
    let log = folder(me()).join("log");
    // Its /proc is still that of the outer namespace.
    let line = format!(
        "strace -f -o {} {} init -- /bin/sh -c 'sleep 0.1 & exit 4'; exit $?",
        log.display(),
        vesicle().display()
    );
    program(me(), ["unshare", "-pf", "/bin/sh", "-c", &line]).limit(15).go().code(4);
    let log = fs::read_to_string(log).expect("a log");
    assert!(log.contains("readlinkat(AT_FDCWD, \"/proc/self\""), "{log}");
    assert!(!log.contains("/children"), "it looked for its children there:\n{log}");
}

#[test]
fn signal_of_somebody_else_does_not_take_the_place_of_the_grace() {
    let mut running = script("-k 0.5", "trap : TERM ALRM; echo ready; while :; do sleep 0.1; done").spawn();
    running.until_says("ready");
    running.signal(Signal::SIGTERM);
    std::thread::sleep(Duration::from_millis(100));
    running.signal(Signal::SIGSTOP);
    std::thread::sleep(Duration::from_millis(100));
    running.signal(Signal::SIGALRM);
    std::thread::sleep(Duration::from_millis(700));
    running.signal(Signal::SIGCONT);
    running.wait().code(137);
}

#[test]
fn term_that_is_rewritten_begins_the_grace_too() {
    let mut running =
        script("-k 0.3 -r TERM:USR1", "trap : USR1; echo ready; while :; do sleep 0.1; done").spawn();
    running.until_says("ready");
    running.signal(Signal::SIGTERM);
    running.wait().code(137);
}

#[test]
fn init_that_waits_for_all_and_was_told_to_end_tells_all() {
    let mut running = script("-a", "sleep 1000 & echo ready; exec sleep 1001").spawn();
    running.until_says("ready");
    let began = Instant::now();
    running.signal(Signal::SIGTERM);
    running.wait().code(143);
    assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
}

#[test]
fn signal_that_was_sent_after_the_end_of_command_is_for_those_who_are_left() {
    let own = tool("vesicle init").expect("ours");
    for place in [Place::First, Place::Child] {
        let mut running = own.at(place).arg("-a").payload("hear-all").limit(10).spawn();
        for one in ["Aup", "Bup", "Cup"] {
            running.until_says(one);
        }
        let init = init_of(&running, place);
        let command = children(init)[0];
        // When it goes on it has two signals: HUP, which has the lower number, and the older CHLD.
        send(init, libc::SIGSTOP);
        running.until("init was stopped", |_| state(init) == Some('T'));
        send(command, libc::SIGKILL);
        running.until("COMMAND had ended", |_| state(command) == Some('Z'));
        send(init, libc::SIGHUP);
        send(init, libc::SIGCONT);
        for one in ["Bgot 1.", "Cgot 1."] {
            running.until_says(one);
        }
        for left in children(init) {
            send(left, libc::SIGKILL);
        }
        running.wait().code(137);
    }
}

#[test]
fn grace_holds_for_those_who_fork_while_they_are_told() {
    // Orphans of those that KILL has ended get it as well.
    let outlives = "(trap '' TERM; (trap '' TERM; sleep 1000) & sleep 1001) & sleep 0.2; exit 5";
    script("-k 0.3", outlives).go().code(5);
}

#[test]
fn options_that_could_do_nothing_are_refused() {
    let own = |words: &str| call(me()).arg("init").words(words).go();
    own("-p CHLD true").refuses(125, &["-p", "CHLD"]);
    own("-P true").refuses(125, &["true", "-P"]);
    own("-r KILL:TERM true").refuses(125, &["-r", "KILL:TERM"]);
}

#[test]
fn command_that_stops_itself_is_a_stopped_job() {
    let mut pty = shell();
    pty.line(&format!("{} init -- sh -c 'kill -STOP $$; exit 7'", vesicle().display()));
    pty.line("jobs; echo li''sted");
    pty.expect("Stopped");
    pty.expect("listed");
    pty.line("fg; echo status $((1000+$?))");
    pty.expect("status 1007");
}

#[test]
fn shell_keeps_the_terminal_that_it_took_while_init_was_stopped() {
    let mut pty = shell();
    pty.line(&format!("{} init -- sleep 1.5", vesicle().display()));
    pty.expect_foreground("sleep");
    kill(pty.oldest("vesicle"), Signal::SIGSTOP);
    pty.line("bg; wait; echo status $((1000+$?))");
    pty.expect("status 1000");
    pty.line("read word; echo it re''ad $word");
    pty.line("something");
    pty.expect("it read something");
}

#[test]
fn command_of_an_orphaned_group_that_wants_the_terminal_ends() {
    let mut pty = shell();
    // The shell that started it has gone: nobody can stop or continue that job.
    pty.line(&format!(
        "sh -c '{} init -- sh -c \"sleep 0.8; exec cat /dev/tty\" & sleep 0.3' & echo sta''rted",
        vesicle().display()
    ));
    pty.expect("started");
    std::thread::sleep(Duration::from_millis(1200));
    let end = Instant::now() + Duration::from_secs(10);
    while pty.states().iter().any(|s| s.0 == "vesicle" || s.0 == "cat") {
        assert!(Instant::now() < end, "it is still there: {:?}", pty.states());
        std::thread::sleep(Duration::from_millis(20));
    }
    pty.line("echo ali''ve");
    pty.expect("alive");
}

#[test]
fn those_who_are_left_are_stopped_and_continued_as_one_job() {
    let mut pty = shell();
    pty.line(&format!("{} init -a -- sh -c 'sleep 2 & exit 6'", vesicle().display()));
    pty.expect_foreground("vesicle");
    std::thread::sleep(Duration::from_millis(300));
    pty.key(b"\x1a");
    pty.line("jobs; echo li''sted");
    pty.expect("Stopped");
    pty.expect("listed");
    pty.line("fg; echo status $((1000+$?))");
    pty.expect("status 1006");
}
