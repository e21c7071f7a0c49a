//! What vesicle finds when it becomes process 1: other words than its own, other masks, other places than a machine.

use crate::common::find;
use crate::guest::How;
use crate::machine::{Machine, boot, change, done};
use std::process::Command;

promises! {
    container_leaves_the_machine_alone on OLD_AMD64 NEW_ARM64;
    container_that_gets_a_term_ends_with_its_command on OLD_AMD64;
    second_dashes_are_not_lost on OLD_AMD64 NEW_ARM64;
    script_may_have_options_of_its_own on OLD_AMD64;
    ignored_end_of_a_child_is_seen on OLD_AMD64;
    command_that_can_not_be_started_now_is_started_later on OLD_AMD64;
    machine_ends_where_no_process_can_be_started on OLD_AMD64;
    overlay_has_the_flags_of_its_mount on OLD_AMD64 NEW_AMD64;
    root_without_proc_is_clean_at_the_end on OLD_AMD64;
}

/// Process 2 of it is nobody's, as process 2 of a machine is: it is a container by what the kernel refuses it.
fn container_leaves_the_machine_alone(m: Machine) {
    let inner = "sleep 100 & exec /init --on-exit halt sh -c \"echo inside; exit 5\"";
    let text = format!(
        "mkdir /data; mount -t tmpfs none /data; >/data/kept
        busybox unshare -p -f sh -c '{inner}'; echo code:$?; ls /data; ls -d /proc/1"
    );
    let ended = boot(m).append("vesicle.on-exit=reboot").payload(&text).run();
    ended.how(How::Reset).line("inside").line("code:5").line("kept").line("/proc/1");
}

/// Not by reboot(2), which would hide it: to a machine a TERM means that.
fn container_that_gets_a_term_ends_with_its_command(m: Machine) {
    let inner = "exec /init sh -c \"trap \\\"exit 7\\\" TERM; kill -TERM 1; while :; do sleep 0.1; done\"";
    let ended = boot(m).payload(&format!("busybox unshare -p -f sh -c '{inner}'; echo code:$?")).run();
    ended.how(How::PowerOff).line("vesicle: signal 15: poweroff").line("code:7");
}

/// The kernel itself stops at them.
fn second_dashes_are_not_lost(m: Machine) {
    let boot = boot(m).append("splash").words("--on-exit reboot -- /bin/echo what was said");
    boot.run().how(How::Reset).line("what was said");
}

fn script_may_have_options_of_its_own(m: Machine) {
    let boot = boot(m).before("set -- --on-exit reboot \"$@\"").append("splash");
    boot.words("/bin/echo what was said").run().how(How::Reset).line("what was said");
}

fn ignored_end_of_a_child_is_seen(m: Machine) {
    boot(m)
        .before("trap '' CHLD")
        .payload("exit 3")
        .run()
        .how(How::PowerOff)
        .ended("exit status 3; poweroff");
}

/// No more processes for two seconds; of what runs, only the shell's own words.
fn command_that_can_not_be_started_now_is_started_later(m: Machine) {
    let text = "[ ! -e /again ] || { echo up again; kill -USR2 1; exec sleep 100; }
        trap '' HUP; >/again; limit=/proc/sys/kernel/threads-max
        read up rest </proc/uptime; end=$((${up%.*} + 3))
        { while [ ${up%.*} -lt $end ]; do read up rest </proc/uptime; done; echo 9999 >$limit; } &
        echo 20 >$limit";
    let ended = boot(m).words("--on-exit respawn").payload(text).run();
    ended.how(How::PowerOff).says("vesicle: start COMMAND /payload: ").says("(EAGAIN)").line("up again");
}

fn machine_ends_where_no_process_can_be_started(m: Machine) {
    let boot = boot(m).payload("echo 20 >/proc/sys/kernel/threads-max; exit 3");
    boot.run().how(How::PowerOff).ended("exit status 3; poweroff");
}

fn overlay_has_the_flags_of_its_mount(m: Machine) {
    let boot = boot(m).disk(&m.disk("root.squashfs"), &["squashfs", "overlay"]);
    let ended = boot.words("--root overlay:/dev/vda --root-flags nosuid,nodev /bin/cat /proc/mounts").run();
    ended.how(How::PowerOff).says("\noverlay / overlay rw,nosuid,nodev,");
}

/// There is no table of mounts to read then.
fn root_without_proc_is_clean_at_the_end(m: Machine) {
    let disk = m.disk("root.ext4");
    change(&disk, "rmdir proc\n");
    let boot = boot(m).disk(&disk, &[]).words("--root /dev/vda /bin/sh -c \"echo last >/written\"");
    boot.run().how(How::PowerOff).ended("exit status 0; poweroff");
    let state = done(Command::new(find("dumpe2fs").expect("dumpe2fs")).arg("-h").arg(&disk));
    assert!(!state.contains("needs_recovery"), "{state}");
}
