//! What is rare: signals while there is no COMMAND, roots that lack something, words of unusual length.

use crate::guest::How;
use crate::machine::{Machine, boot, change};
use std::time::Duration;

promises! {
    signal_ends_the_wait_for_a_root on OLD_AMD64;
    signal_ends_a_pause_of_respawn on OLD_AMD64;
    signal_ends_the_rescue_shell on OLD_AMD64;
    ids_are_found_in_capitals_too on OLD_AMD64;
    long_command_line_is_read_to_its_end on OLD_AMD64 NEW_ARM64;
    file_of_words_needs_no_last_newline on OLD_AMD64;
    root_without_directories_is_a_root on OLD_AMD64 NEW_AMD64;
    root_without_a_command_is_said on OLD_AMD64;
    disk_that_cannot_be_written_is_a_read_only_root on OLD_AMD64 NEW_ARM64;
    share_that_is_not_there_is_said on OLD_AMD64;
    those_that_fork_for_ever_are_ended on OLD_AMD64 NEW_ARM64;
    console_of_many_is_the_last on OLD_AMD64;
}

fn signal_ends_the_wait_for_a_root(m: Machine) {
    let mut guest = boot(m).before("echo soon").words("--root LABEL=nothing --root-wait 1000").start();
    guest.wait_for("soon\n");
    std::thread::sleep(Duration::from_secs(3));
    guest.ctrl_alt_del();
    guest.end().how(How::Reset);
}

fn signal_ends_a_pause_of_respawn(m: Machine) {
    let mut guest = boot(m).words("--on-exit respawn").payload("echo once more; exit 1").start();
    // The pauses are of 0.1 s and twice as long each time.
    (0..7).for_each(|_| guest.wait_for("once more\n"));
    guest.ctrl_alt_del();
    guest.end().how(How::Reset).line("vesicle: signal 2: reboot");
}

fn signal_ends_the_rescue_shell(m: Machine) {
    let mut guest = boot(m).words("--root /dev/nothing --root-wait 0 --rescue").start();
    guest.wait_for("# ");
    guest.ctrl_alt_del();
    // Behind the prompt.
    guest.end().how(How::Reset).says("vesicle: signal 2: reboot\n");
}

fn ids_are_found_in_capitals_too(m: Machine) {
    for (disk, root) in
        [("root.ext4", "UUID=C0FFEE00-1111-4222-8333-444444444444"), ("mbr.img", "PARTUUID=ABCD1234-02")]
    {
        let boot = boot(m).disk(&m.disk(disk), &[]).words("--root").words(root).words("/bin/cat /etc/disk");
        boot.run().how(How::PowerOff).line("ext4");
    }
}

fn long_command_line_is_read_to_its_end(m: Machine) {
    // The kernel takes 2047 bytes.
    let filler = format!("filler={}", "x".repeat(850));
    let ended =
        boot(m).append(&filler).append(&filler).append("vesicle.on-exit=reboot").payload("exit 3").run();
    ended.how(How::Reset).ended("exit status 3; reboot");
}

fn file_of_words_needs_no_last_newline(m: Machine) {
    let ended = boot(m).file("etc/vesicle.boot", "/bin/echo\nthe last word", 0o644).run();
    ended.how(How::PowerOff).line("the last word");
}

fn root_without_directories_is_a_root(m: Machine) {
    let disk = m.disk("root.ext4");
    change(&disk, "rmdir dev\nrmdir proc\nrmdir sys\nrmdir run\n");
    let boot =
        boot(m).disk(&disk, &[]).words("--root /dev/vda /bin/sh -c \"cat /etc/disk; ls -1 /; exit 4\"");
    boot.run().how(How::PowerOff).line("ext4").silent_of("\nproc\n").ended("exit status 4; poweroff");
}

fn root_without_a_command_is_said(m: Machine) {
    let disk = m.disk("root.ext4");
    change(&disk, "rm bin/sh\n");
    boot(m)
        .disk(&disk, &[])
        .words("--root /dev/vda")
        .run()
        .how(How::PowerOff)
        .says("vesicle: ")
        .says("/sbin/init");
}

fn disk_that_cannot_be_written_is_a_read_only_root(m: Machine) {
    let drive = format!("if=none,id=ro,format=raw,readonly=on,file={}", m.disk("root.ext4").display());
    let boot = boot(m).modules(&["virtio_pci", "virtio_blk"]).qemu(&["-drive", &drive]);
    let boot = boot.qemu(&["-device", "virtio-blk-pci,drive=ro"]).words("--root /dev/vda");
    let ended = boot.words("/bin/cat /etc/disk /proc/mounts").run();
    ended.how(How::PowerOff).line("ext4").says("\n/dev/vda / ext4 ro,");
}

fn share_that_is_not_there_is_said(m: Machine) {
    let boot = boot(m).modules(&["virtio_pci", "virtiofs"]).words("--root virtiofs:nothing --root-wait 1");
    boot.run().how(How::PowerOff).says("vesicle: ").says("virtiofs:nothing");
}

fn those_that_fork_for_ever_are_ended(m: Machine) {
    let forks =
        "(trap '' TERM; while :; do (sleep 100 & sleep 100 & true); sleep 0.05; done) & sleep 1; exit 2";
    boot(m).words("--grace 1").payload(forks).run().how(How::PowerOff).ended("exit status 2; poweroff");
}

/// The kernel's /dev/console is the last that is named; a shell has job control there.
fn console_of_many_is_the_last(m: Machine) {
    let mut shell = boot(m).console("console=tty0 console=ttyS0").words("/bin/sh").start();
    shell.wait_for("# ");
    shell.type_line("echo on:$(tty); exit");
    shell.wait_for("on:/dev/ttyS0\n");
    shell.end().how(How::PowerOff).silent_of("job control turned off");
}
