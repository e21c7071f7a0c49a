//! Terminals and signals: what a person at a keyboard, a shell and a supervisor expect.
#![allow(unsafe_code)]

mod common;

use common::*;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A shell on a terminal, and the command line that calls vesicle there.
fn at_keyboard(who: Who, options: &str, root: &Path, command: &str) -> (Pty, String) {
    (Pty::shell(who), format!("{} run {options} {} {command}", vesicle().display(), root.display()))
}

#[test]
fn ctrl_c_ends_a_command_that_is_process_1_with_default_dispositions() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for root in [root.as_path(), Path::new("/")] {
            for how in ["", "--init"] {
                let (mut pty, line) = at_keyboard(who, how, root, "sleep 100");
                pty.line(&line);
                pty.expect_foreground("sleep");
                pty.key(b"\x03");
                pty.line("echo status $((100+$?))");
                pty.expect("status 230");
                assert!(
                    !pty.states().iter().any(|s| s.0 == "sleep"),
                    "the command is left: {:?}",
                    pty.states()
                );
            }
        }
    }
}

#[test]
fn ctrl_backslash_ends_it_too() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            let (mut pty, line) = at_keyboard(who, how, &root, "sleep 100");
            pty.line("ulimit -c 0");
            pty.line(&line);
            pty.expect_foreground("sleep");
            pty.key(b"\x1c");
            pty.line("echo status $((100+$?))");
            pty.expect("status 231");
        }
    }
}

#[test]
fn ctrl_z_stops_the_job_and_fg_resumes_it() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            let (mut pty, line) = at_keyboard(who, how, &root, "sleep 100");
            pty.line(&line);
            pty.expect_foreground("sleep");
            pty.key(b"\x1a");
            // The shell answers: the whole job is stopped, the launcher with it.
            pty.line("echo sh''ell");
            pty.expect("shell");
            pty.line("jobs; echo li''sted");
            pty.expect("Stopped");
            pty.expect("listed");
            pty.line("fg");
            pty.expect_foreground("sleep");
            for (name, state) in pty.states() {
                assert!(state != 'T', "{name} is still stopped ({how})");
            }
            pty.key(b"\x03");
            pty.line("echo status $((100+$?))");
            pty.expect("status 230");
        }
    }
}

#[test]
fn stopped_job_goes_on_in_the_background_with_bg() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            let (mut pty, line) = at_keyboard(who, how, &root, "sh -c 'sleep 1; sleep 1; exit 7'");
            pty.line(&line);
            pty.expect_foreground("sleep");
            pty.key(b"\x1a");
            pty.line("echo sh''ell");
            pty.expect("shell");
            pty.line("bg; wait %1; echo status $((100+$?))");
            pty.expect("status 107");
        }
    }
}

#[test]
fn launcher_that_is_stopped_and_continued_from_outside_goes_on() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            let mut running = run(who).words(how).sh(&root, "echo up; sleep 1; exit 5").spawn();
            running.until_says("up");
            running.signal(Signal::SIGSTOP);
            std::thread::sleep(Duration::from_millis(50));
            running.signal(Signal::SIGCONT);
            running.wait().code(5);
        }
    }
}

#[test]
fn interactive_shell_inside_has_job_control() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["--dev /dev", "--dev /dev --init"] {
            let (mut pty, line) = at_keyboard(who, how, &root, "sh -i");
            pty.line(&line);
            pty.works_in_a_shell();
            pty.line("tty; exit 4");
            pty.line("echo out''side $?");
            pty.expect("outside 4");
            let text = pty.text();
            assert!(!text.contains("job control turned off") && !text.contains("can't access tty"), "{text}");
        }
    }
}

#[test]
fn foreground_is_given_back_when_a_shell_inside_is_killed() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let (mut pty, line) = at_keyboard(who, "--dev /dev --init", &root, "sh -i");
        pty.line(&line);
        pty.line("sleep 50");
        pty.expect_foreground("sleep");
        // From the outside, somebody ends the container: the outer shell must be able to read again.
        let launcher = pty.oldest("vesicle");
        kill(launcher, Signal::SIGTERM);
        std::thread::sleep(Duration::from_millis(300));
        kill(launcher, Signal::SIGHUP);
        pty.line("echo out''side");
        pty.expect("outside");
    }
}

#[test]
fn console_is_the_callers_terminal_in_dev() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let (mut pty, line) =
            at_keyboard(who, "--dev /dev", &root, "sh -c 'echo to the console >/dev/console; tty'");
        pty.line(&line);
        pty.expect("to the console");
        pty.line("echo status $((100+$?))");
        pty.expect("status 100");
    }
}

#[test]
fn new_session_leaves_the_terminal() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let script = "sh -c '(echo x >/dev/tty) 2>/dev/null && echo has a terminal || echo has none'";
        let (mut pty, line) = at_keyboard(who, "--dev /dev --new-session", &root, script);
        pty.line(&line);
        pty.expect("has none");
        let (mut pty, line) = at_keyboard(who, "--dev /dev", &root, script);
        pty.line(&line);
        pty.expect("has a terminal");
    }
}

/// The signals that a process can take and that mean nothing to a launcher: not KILL, STOP, CHLD, and not 32 and 33, which
/// the C library of the shell inside keeps for itself.
fn forwarded() -> Vec<i32> {
    (1..=64).filter(|n| ![9, 17, 19, 32, 33].contains(n)).collect()
}

#[test]
fn every_signal_reaches_a_payload_that_handles_it_exactly_once() {
    // The stop signals are the shell's business (job control, above), CONT has its own meaning.
    let signals: Vec<i32> = forwarded().into_iter().filter(|n| ![18, 20, 21, 22].contains(n)).collect();
    let traps: String = signals.iter().map(|n| format!("trap 'echo got {n}.' {n}; ")).collect();
    let script = format!("{traps} echo up; while :; do usleep 5000 2>/dev/null || sleep 0.005; done");
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            let mut running = run(who).words(how).sh(&root, &script).limit(60).spawn();
            running.until_says("up");
            for n in &signals {
                // SAFETY: kill takes numbers; nix knows no real-time signals.
                assert_eq!(unsafe { libc::kill(running.pid(), *n) }, 0);
                running.until_says(&format!("got {n}."));
            }
            std::thread::sleep(Duration::from_millis(30));
            let said = running.stdout();
            for n in &signals {
                assert_eq!(
                    said.lines().filter(|l| *l == format!("got {n}.")).count(),
                    1,
                    "signal {n} {how} as {who:?}: {said}"
                );
            }
            running.signal(Signal::SIGKILL);
            kill_marked(&running.mark);
            running.wait();
        }
    }
}

#[test]
fn signal_right_after_the_start_is_not_lost() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            for round in 0..50u64 {
                let running = run(who).words(how).arg(&root).args(["/bin/sleep", "20"]).limit(10).spawn();
                std::thread::sleep(Duration::from_micros(round * 60));
                running.signal(Signal::SIGTERM);
                let end = running.wait();
                assert!(!end.hung, "TERM after {} µs was lost ({how}, {who:?})", round * 60);
                assert!(
                    end.code == Some(143) || end.signal == Some(15),
                    "{:?} {:?}: {}",
                    end.code,
                    end.signal,
                    end.stderr
                );
                assert!(end.left.is_empty(), "{:?}", end.left);
            }
        }
    }
}

#[test]
fn terminating_signal_ends_a_payload_with_default_dispositions() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            for n in [1, 2, 3, 10, 12, 14, 15, 34, 64] {
                let mut running =
                    run(who).words(how).sh(&root, "ulimit -c 0; echo up; exec sleep 20").spawn();
                running.until_says("up");
                running.until("the exec", |r| {
                    marked(&r.mark).iter().any(|(pid, line)| *pid != r.pid() && line.starts_with("sleep"))
                });
                // SAFETY: kill takes numbers.
                assert_eq!(unsafe { libc::kill(running.pid(), n) }, 0);
                running.wait().code(128 + n);
            }
        }
    }
}

#[test]
fn signal_that_was_sent_after_the_end_of_command_does_not_change_its_status() {
    for &who in everyone() {
        for how in ["", "--init"] {
            let mut running = run(who).words(how).arg(tiny_root(who)).arg("/bin/pause").limit(10).spawn();
            running.until("COMMAND ran", |r| {
                marked(&r.mark).iter().any(|(pid, line)| *pid != r.pid() && line.starts_with("/bin/pause"))
            });
            let inside = children(running.pid())[0];
            // When it goes on the launcher has two signals: TERM, which has the lower number, and the older CHLD.
            running.signal(Signal::SIGSTOP);
            running.until("the launcher was stopped", |r| state(r.pid()) == Some('T'));
            kill(inside, Signal::SIGKILL);
            running.until("process 1 had ended", |_| state(inside) == Some('Z'));
            running.signal(Signal::SIGTERM);
            running.signal(Signal::SIGCONT);
            running.wait().code(137);
        }
    }
}

#[test]
fn mask_and_dispositions_of_the_payload_are_the_callers() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for (blocked, ignored) in LEFT_SO {
            // What the same look says without vesicle.
            let plain = program(
                who,
                [
                    root.join("bin/busybox").as_os_str(),
                    "grep".as_ref(),
                    "-E".as_ref(),
                    "^Sig(Blk|Ign|Cgt)".as_ref(),
                    "/proc/self/status".as_ref(),
                ],
            )
            .before(leave_so(blocked, ignored))
            .go();
            plain.code(0);
            for how in ["", "--init", "--chroot", "--new-session"] {
                let words = ["/bin/grep", "-E", "^Sig(Blk|Ign|Cgt)", "/proc/self/status"];
                let inside =
                    run(who).words(how).arg(&root).args(words).before(leave_so(blocked, ignored)).go();
                inside.says(plain.stdout.trim_end());
            }
        }
    }
}

#[test]
fn ignored_sigchld_of_the_caller_does_not_hang_and_keeps_the_status() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            let ignore = || {
                // SAFETY: signal is async-signal-safe.
                unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
                Ok(())
            };
            run(who).words(how).before(ignore).sh(&root, "exit 9").limit(10).go().code(9);
            // And the payload finds it ignored, as it would without us (bit 17).
            let look = run(who)
                .words(how)
                .before(ignore)
                .arg(&root)
                .args(["/bin/grep", "SigIgn", "/proc/self/status"])
                .go();
            look.code(0);
            let mask = u64::from_str_radix(look.stdout.trim().rsplit('\t').next().expect("a mask"), 16)
                .expect("hex");
            assert_ne!(mask & (1 << 16), 0, "{how}: {}", look.stdout);
        }
    }
}

#[test]
fn waiting_launcher_and_init_sleep_without_a_wake_up() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let pid_file = folder(who).join("pid");
        let mut running = run(who)
            .args(["--init", "--pid-file"])
            .arg(&pid_file)
            .sh(&root, "echo up; exec sleep 20")
            .spawn();
        running.until_says("up");
        std::thread::sleep(Duration::from_millis(100));
        let ours: Vec<i32> = marked(&running.mark)
            .into_iter()
            .filter(|(_, line)| line.contains("vesicle"))
            .map(|p| p.0)
            .collect();
        assert!(ours.len() >= 2, "launcher and init: {ours:?}");
        let switches = || -> Vec<String> {
            ours.iter()
                .map(|pid| {
                    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
                    status.lines().filter(|l| l.contains("ctxt_switches")).collect::<Vec<_>>().join(" ")
                })
                .collect()
        };
        let before = switches();
        std::thread::sleep(Duration::from_millis(2500));
        assert_eq!(before, switches(), "somebody woke up while idle");
        running.signal(Signal::SIGTERM);
        running.wait().code(143);
    }
}
