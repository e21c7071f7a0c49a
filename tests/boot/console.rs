//! The console: a shell on it has job control, and machines that have none boot too.

use crate::guest::{Guest, How};
use crate::machine::{Machine, boot};
use std::time::Duration;

promises! {
    shell_has_job_control on OLD_AMD64 NEW_AMD64 OLD_ARM64 NEW_ARM64;
    default_command_is_a_shell on OLD_AMD64;
    no_console_is_no_failure on OLD_AMD64 NEW_AMD64 NEW_ARM64;
}

const CTRL_C: &str = "\x03";
const CTRL_Z: &str = "\x1a";

/// Types a line that makes the shell say `answer`, which must not stand in the line, as the terminal echoes that.
#[track_caller]
fn answers(shell: &mut Guest, line: &str, answer: &str) {
    shell.type_line(line);
    shell.wait_for(answer);
    shell.wait_for("# ");
}

/// A job is started in the foreground and then ended or stopped by a key: the shell gives it the terminal at some time
/// that can't be seen from here.
#[track_caller]
fn key(shell: &mut Guest, line: &str, echoed: &str, key: &str) {
    shell.type_line(line);
    shell.wait_for(echoed);
    std::thread::sleep(Duration::from_millis(700));
    shell.type_text(key);
}

fn shell_has_job_control(m: Machine) {
    let mut shell = boot(m).words("/bin/sh").start();
    shell.wait_for("# ");
    answers(&mut shell, "echo on:$(tty)", &format!("on:/dev/{}\n", m.console()));
    answers(&mut shell, "sleep 1000 &", "\n");
    answers(&mut shell, "jobs", "[1]+  Running");
    // What Ctrl-C ends is the foreground job, not the shell, nor the machine.
    key(&mut shell, "fg", "sleep 1000\n", CTRL_C);
    shell.wait_for("# ");
    answers(&mut shell, "echo status:$?", "status:130\n");
    answers(&mut shell, "echo jobs:$(jobs | wc -l)", "jobs:0\n");
    key(&mut shell, "sleep 2000", "\n", CTRL_Z);
    shell.wait_for("Stopped");
    shell.wait_for("# ");
    answers(&mut shell, "kill -9 %1; wait; echo left:$(jobs | wc -l)", "left:");
    // At the prompt, where nothing runs in the foreground.
    shell.type_text(CTRL_C);
    shell.wait_for("# ");
    shell.type_line("exit 7");
    shell.end().how(How::PowerOff).ended("exit status 7; poweroff").silent_of("job control turned off");
}

fn default_command_is_a_shell(m: Machine) {
    let mut shell = boot(m).start();
    shell.wait_for("# ");
    answers(&mut shell, "echo child:$(($$ > 1))", "child:1\n");
    shell.type_line("exit");
    shell.end().how(How::PowerOff);
}

/// With no console at all, COMMAND writes to the serial line by itself, and reads in the kernel's log what was said.
fn no_console_is_no_failure(m: Machine) {
    let script = format!(
        "exec 3>/dev/{}
        if [ ! -e /run/once ]; then
            for n in 0 1 2; do echo \"descriptor $n is $(readlink /proc/$$/fd/$n)\" >&3; done
            echo first >/run/once
            exit 3
        fi
        dmesg | grep -o 'vesicle: .*' >&3
        kill -USR2 1
        sleep 1000",
        m.console()
    );
    let ended = boot(m).console("console=null").words("--on-exit respawn").payload(&script).run();
    ended.how(How::PowerOff).ended("exit status 3; respawn");
    for n in 1..3 {
        ended.line(&format!("descriptor {n} is /dev/null"));
    }
}
