//! The end: of COMMAND by itself, of the machine by a signal, and what is done before.

use crate::guest::How;
use crate::machine::{Machine, boot};

promises! {
    end_is_what_was_asked_for on OLD_AMD64 NEW_AMD64;
    reboot_is_a_reset on OLD_ARM64 NEW_ARM64;
    panic_carries_the_exit_status on OLD_AMD64 NEW_ARM64;
    last_words_of_command_are_heard on OLD_AMD64 NEW_ARM64;
    signal_that_ends_command_is_its_status on OLD_AMD64 NEW_ARM64;
    respawn_backs_off on OLD_AMD64;
    respawn_of_what_lived_is_at_once on OLD_AMD64;
    signals_reboot_halt_and_power_off on OLD_AMD64;
    term_reboots_every_machine on NEW_AMD64 OLD_ARM64 NEW_ARM64;
    other_signals_are_forwarded on OLD_AMD64;
    ctrl_alt_del_is_an_orderly_reboot on OLD_AMD64 NEW_AMD64;
    what_is_left_gets_term_then_kill on OLD_AMD64 NEW_ARM64;
    grace_ends_with_the_last_process on OLD_AMD64;
    stopped_process_gets_its_term on OLD_AMD64;
    thousand_orphans_are_reaped on OLD_AMD64 NEW_AMD64 OLD_ARM64;
}

fn ends(m: Machine, words: &str, how: How, line: &str) {
    boot(m).words(words).payload("exit 3").run().how(how).ended(line);
}

fn end_is_what_was_asked_for(m: Machine) {
    ends(m, "", How::PowerOff, "exit status 3; poweroff");
    ends(m, "--on-exit poweroff", How::PowerOff, "exit status 3; poweroff");
    ends(m, "--on-exit halt", How::Halt, "exit status 3; halt");
    reboot_is_a_reset(m);
}

fn reboot_is_a_reset(m: Machine) {
    ends(m, "--on-exit reboot", How::Reset, "exit status 3; reboot");
}

fn panic_carries_the_exit_status(m: Machine) {
    let ended = boot(m).words("--on-exit panic").payload("exit 3").run();
    ended.how(How::Panic).ended("exit status 3; panic").says("Attempted to kill init! exitcode=0x00000300");
}

/// Though the kernel hangs up the terminal when the leader of a session ends.
fn last_words_of_command_are_heard(m: Machine) {
    let ended = boot(m).words("seq 3000").run();
    ended.how(How::PowerOff).ended("exit status 0; poweroff");
    for n in 1..=3000 {
        ended.line(&n.to_string());
    }
}

fn signal_that_ends_command_is_its_status(m: Machine) {
    let ended = boot(m).words("--on-exit reboot").payload("kill -9 $$").run();
    ended.how(How::Reset).ended("signal 9, exit status 137; reboot");
}

/// Says at which hundredth of a second of the machine's life it runs, for the how many-th time.
const COUNT: &str = "n=$(cat /run/n 2>/dev/null || echo 0); n=$((n + 1)); echo $n >/run/n
    echo \"run$n=$(awk '{ print int($1 * 100) }' /proc/uptime)\"";

fn respawn_backs_off(m: Machine) {
    let script = format!("{COUNT}\n[ $n -lt 6 ] || kill -USR2 1\nexit 1");
    let ended = boot(m).words("--on-exit respawn").payload(&script).run();
    ended.how(How::PowerOff);
    let at: Vec<i64> = (1..=6).map(|n| ended.number(&format!("run{n}"))).collect();
    let pauses: Vec<i64> = at.windows(2).map(|w| w[1] - w[0]).collect();
    // 0.1 s, doubled each time; a busy machine takes longer.
    for (n, pause) in pauses.iter().enumerate() {
        assert!(*pause >= 9 << n && *pause < (10 << n) + 300, "pauses of {pauses:?} hundredths");
    }
}

fn respawn_of_what_lived_is_at_once(m: Machine) {
    let script = format!("{COUNT}\n[ $n -lt 3 ] || kill -USR2 1\nsleep 1.5");
    let ended = boot(m).words("--on-exit respawn").payload(&script).run();
    ended.how(How::PowerOff);
    assert!(ended.number("run3") - ended.number("run1") < 300 + 300, "{}", ended.log);
}

/// The number of a signal, what it does and is called. RTMIN is 34, as the C libraries and systemd(1) count.
const SIGNALS: &[(i32, How, &str)] = &[
    (2, How::Reset, "reboot"),       // INT
    (10, How::Halt, "halt"),         // USR1
    (12, How::PowerOff, "poweroff"), // USR2
    (30, How::Halt, "halt"),         // PWR
    (37, How::Halt, "halt"),         // RTMIN+3
    (38, How::PowerOff, "poweroff"), // RTMIN+4
    (39, How::Reset, "reboot"),      // RTMIN+5
];

/// A COMMAND that goes on until it gets TERM.
const GOES_ON: &str = "trap 'echo COMMAND got TERM; exit 0' TERM; echo ready; while :; do sleep 0.1; done";

fn signal_ends(m: Machine, n: i32, how: How, what: &str) {
    let ended = boot(m).payload(&format!("(sleep 0.5; kill -{n} 1) & {GOES_ON}")).run();
    ended.how(how).line(&format!("vesicle: signal {n}: {what}")).line("COMMAND got TERM");
}

fn signals_reboot_halt_and_power_off(m: Machine) {
    term_reboots_every_machine(m);
    SIGNALS.iter().for_each(|(n, how, what)| signal_ends(m, *n, *how, what));
}

fn term_reboots_every_machine(m: Machine) {
    signal_ends(m, 15, How::Reset, "reboot");
}

fn other_signals_are_forwarded(m: Machine) {
    // HUP, WINCH, and a real-time signal that means nothing.
    for n in [1, 28, 44] {
        let script = format!("trap 'echo got {n}; exit 5' {n}; kill -{n} 1; while :; do sleep 0.1; done");
        boot(m)
            .payload(&script)
            .run()
            .how(How::PowerOff)
            .line(&format!("got {n}"))
            .ended("exit status 5; poweroff");
    }
}

fn ctrl_alt_del_is_an_orderly_reboot(m: Machine) {
    let mut guest = boot(m).payload(GOES_ON).start();
    guest.wait_for("ready\n");
    guest.ctrl_alt_del();
    guest.end().how(How::Reset).line("vesicle: signal 2: reboot").line("COMMAND got TERM");
}

/// A process that outlives COMMAND: what it does at TERM. When COMMAND, the leader of the session, ends, the terminal hangs
/// up for all that have it open; what is opened anew is not concerned.
fn left(name: &str, then: &str) -> String {
    format!(
        "setsid sh -c 'trap \"echo {name} got TERM >/dev/console; {then}\" TERM
        echo >/run/{name}; while :; do sleep 0.1; done' &
        until [ -e /run/{name} ]; do sleep 0.1; done\n"
    )
}

fn what_is_left_gets_term_then_kill(m: Machine) {
    let script = left("a", "exit 0") + &left("b", "") + "exit 3";
    let ended = boot(m).words("--grace 1").payload(&script).run();
    ended.how(How::PowerOff).ended("exit status 3; poweroff").line("a got TERM").line("b got TERM");
}

fn grace_ends_with_the_last_process(m: Machine) {
    // Longer than the guest may live.
    let boot = boot(m).words("--grace 1000").payload(&left("a", "exit 0"));
    boot.run().how(How::PowerOff).line("a got TERM");
}

fn stopped_process_gets_its_term(m: Machine) {
    let boot = boot(m).words("--grace 1000").payload(&(left("a", "exit 0") + "kill -STOP $!; sleep 0.3"));
    boot.run().how(How::PowerOff).line("a got TERM");
}

fn thousand_orphans_are_reaped(m: Machine) {
    let script = "i=0
        while [ $i -lt 1000 ]; do i=$((i + 1)); (true & true & exec sleep 0); done
        (sleep 1 & echo $! >/run/orphan)
        echo \"parent $(awk '{ print $4 }' /proc/$(cat /run/orphan)/stat)\"
        sleep 2
        echo \"zombies=$(cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) //' | grep -c ^Z)\"
        exit 6";
    let ended = boot(m).payload(script).run();
    ended.how(How::PowerOff).line("parent 1").ended("exit status 6; poweroff");
    assert_eq!(ended.number("zombies"), 0, "{}", ended.log);
}
