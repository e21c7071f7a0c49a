//! What goes wrong: each has its line on the console, and the machine ends all the same.

use crate::guest::How;
use crate::machine::{Machine, boot};

promises! {
    command_that_is_not_there_is_127 on OLD_AMD64 NEW_ARM64;
    command_that_cannot_be_executed_is_126 on OLD_AMD64;
    other_cpus_program_is_said_to_be_one on OLD_AMD64 NEW_ARM64;
    no_command_at_all_is_said on OLD_AMD64;
    wrong_options_are_told_and_the_machine_ends on OLD_AMD64;
    device_that_never_comes_is_waited_for_without_work on OLD_AMD64 NEW_ARM64;
    failure_ends_as_asked_for on OLD_AMD64;
    rescue_is_a_shell_first on OLD_AMD64 NEW_AMD64;
    command_out_of_memory_is_killed_alone on OLD_AMD64 NEW_AMD64;
}

fn command_that_is_not_there_is_127(m: Machine) {
    let ended = boot(m).words("/bin/nothing").run();
    ended.how(How::PowerOff).says("vesicle: exec /bin/nothing: No such file or directory (ENOENT)");
    ended.ended("exit status 127; poweroff");
    boot(m).words("nothing").run().how(How::PowerOff).ended("exit status 127; poweroff");
}

fn command_that_cannot_be_executed_is_126(m: Machine) {
    let ended = boot(m).file("payload", "#!/bin/sh\necho wrong\n", 0o644).words("/payload").run();
    ended.how(How::PowerOff).says("vesicle: exec /payload: Permission denied (EACCES)").silent_of("wrong");
    ended.ended("exit status 126; poweroff");
}

fn other_cpus_program_is_said_to_be_one(m: Machine) {
    let ended = boot(m).copy(&m.other_cpu().vesicle(), "payload").words("/payload help").run();
    ended.how(How::PowerOff).says("vesicle: exec /payload: Exec format error (ENOEXEC)").says("CPU");
    ended.ended("exit status 126; poweroff");
}

fn no_command_at_all_is_said(m: Machine) {
    boot(m).remove("bin/sh").run().how(How::PowerOff).says("vesicle: ").says("/sbin/init");
}

fn wrong_options_are_told_and_the_machine_ends(m: Machine) {
    for (append, words, line) in [
        ("", "--on-exit nonsense", "vesicle: option --on-exit nonsense: "),
        ("", "--nonsense", "vesicle: option --nonsense: "),
        ("", "--root-wait -1", "vesicle: option --root-wait -1: "),
        ("vesicle.grace=soon", "", "vesicle: option vesicle.grace=soon: "),
        ("vesicle.nonsense=1", "", "vesicle: option vesicle.nonsense=1: "),
    ] {
        let ended = boot(m).append(append).words(words).payload("echo wrong").run();
        ended.how(How::PowerOff).says(line).silent_of("\nwrong");
    }
    boot(m).words("--root").run().how(How::PowerOff).says("vesicle: option --root: ");
}

fn device_that_never_comes_is_waited_for_without_work(m: Machine) {
    // The time of process 1 before, as the kernel's own beginning is that of process 1 too.
    let ticks = |name: &str| format!("awk '{{ print \"{name}=\" $14 + $15 }}' /proc/1/stat");
    let before = format!("mkdir /proc; mount -t proc -o nosuid,nodev,noexec proc /proc; {}", ticks("first"));
    let boot = boot(m).before(&before).words("--root LABEL=nothing --root-wait 5 --rescue");
    let mut guest = boot.script("ticks", &ticks("then")).start();
    guest.wait_for("vesicle: find root LABEL=nothing: Connection timed out (ETIMEDOUT)");
    guest.wait_for("# ");
    guest.type_line("/ticks; exit");
    let ended = guest.end();
    ended.how(How::PowerOff);
    // Hundredths of a second, of five seconds: an emulated machine needs some for an exec and a look at the devices.
    let ticks = ended.number("then") - ended.number("first");
    assert!(ticks < 50, "process 1 worked for {ticks} ticks while it waited");
}

fn failure_ends_as_asked_for(m: Machine) {
    let line = "vesicle: find root /dev/nothing: Connection timed out (ETIMEDOUT)";
    let ends =
        [("reboot", How::Reset), ("halt", How::Halt), ("panic", How::Panic), ("respawn", How::PowerOff)];
    for (what, how) in ends {
        boot(m).words("--root /dev/nothing --root-wait 1 --on-exit").words(what).run().how(how).says(line);
    }
}

fn rescue_is_a_shell_first(m: Machine) {
    let words = "--root /dev/nothing --root-wait 0 --on-exit reboot";
    let mut shell = boot(m).append("vesicle.rescue").words(words).start();
    shell.wait_for("vesicle: find root /dev/nothing: ");
    shell.wait_for("# ");
    shell.type_line("echo on:$(tty) process:$(($$ > 1))");
    shell.wait_for(&format!("on:/dev/{} process:1\n", m.console()));
    shell.wait_for("# ");
    shell.type_line("exit");
    shell.end().how(How::Reset).silent_of("job control turned off");
}

fn command_out_of_memory_is_killed_alone(m: Machine) {
    // It keeps what it read, which has no end and no newline.
    let ended = boot(m).memory(224).words("tail /dev/zero").run();
    ended.how(How::PowerOff).ended("signal 9, exit status 137; poweroff");
}
