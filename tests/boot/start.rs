//! What COMMAND finds: mounts, arguments, environment; and which COMMAND it is.

use crate::guest::{Ended, How};
use crate::machine::{Boot, Machine, boot};
use std::fs;
use std::process::Command;

promises! {
    one_file_and_a_static_payload_boot on OLD_AMD64 NEW_AMD64 OLD_ARM64 NEW_ARM64;
    mounts_are_there_once_with_their_options on OLD_AMD64 NEW_AMD64 OLD_ARM64 NEW_ARM64;
    what_a_script_mounted_before_is_not_mounted_again on OLD_AMD64 NEW_ARM64;
    words_behind_the_dashes_are_options_and_command on OLD_AMD64 NEW_AMD64;
    words_of_the_kernel_name_options on OLD_AMD64;
    a_file_of_words_is_read on OLD_AMD64 NEW_ARM64;
    later_words_win on OLD_AMD64;
    words_that_nobody_knows_are_no_arguments on OLD_AMD64 NEW_AMD64;
    environment_has_a_path on OLD_AMD64 OLD_ARM64;
    init_is_executed_as_process_1 on OLD_AMD64 NEW_ARM64;
    payload_is_a_child_and_leads_a_session on OLD_AMD64;
    container_starts_in_one_go on OLD_AMD64 NEW_AMD64 OLD_ARM64 NEW_ARM64;
    boot_is_for_process_1_only on OLD_AMD64;
}

/// Prints its arguments, one a line in brackets.
const ARGUMENTS: &str = "for a; do echo \"arg [$a]\"; done";

fn arguments(ended: &Ended) -> Vec<&str> {
    ended.log.lines().filter_map(|l| l.strip_prefix("arg [")?.strip_suffix(']')).collect()
}

fn one_file_and_a_static_payload_boot(m: Machine) {
    let boot = boot(m).words("/bin/busybox echo the payload runs");
    // Nothing else is there, not even a directory to mount on.
    for entry in fs::read_dir(boot.tree.join("bin")).expect("bin").flatten() {
        if entry.file_name() != "busybox" {
            fs::remove_file(entry.path()).expect("rm");
        }
    }
    let ended = boot.run();
    ended
        .how(How::PowerOff)
        .line("the payload runs")
        .line("vesicle: /bin/busybox ended: exit status 0; poweroff");
}

/// Where, of which type, with which options, in octal the mode of its root.
const MOUNTS: &[(&str, &str, &[&str], &str)] = &[
    ("/dev", "devtmpfs", &["rw", "nosuid", "mode=755"], "755"),
    ("/proc", "proc", &["rw", "nosuid", "nodev", "noexec"], "555"),
    ("/sys", "sysfs", &["rw", "nosuid", "nodev", "noexec"], "555"),
    ("/run", "tmpfs", &["rw", "nosuid", "nodev", "mode=755"], "755"),
    ("/dev/pts", "devpts", &["rw", "nosuid", "noexec", "gid=5", "mode=620", "ptmxmode=666"], "755"),
    ("/dev/shm", "tmpfs", &["rw", "nosuid", "nodev"], "1777"),
    (
        "/sys/fs/cgroup",
        "cgroup2",
        &["rw", "nosuid", "nodev", "noexec", "nsdelegate", "memory_recursiveprot"],
        "555",
    ),
];

const SHOW_MOUNTS: &str = "cat /proc/mounts
    for d in /tmp /dev /proc /sys /run /dev/pts /dev/shm /sys/fs/cgroup; do echo \"mode $d $(stat -c %a $d)\"; done
    for l in fd stdin stdout stderr; do echo \"link $l $(readlink /dev/$l)\"; done
    echo \"lo $(cat /sys/class/net/lo/flags)\"";

fn show_mounts(ended: &Ended) {
    ended.how(How::PowerOff).line("mode /tmp 1777");
    for (at, kind, options, mode) in MOUNTS {
        let lines = ended.log.lines().map(|l| l.split(' ').collect::<Vec<_>>());
        let found: Vec<_> = lines.filter(|w| w.len() == 6 && w[1] == *at).collect();
        assert!(found.len() == 1 && found[0][2] == *kind, "{at} is not one {kind}: {found:?}\n{}", ended.log);
        for option in *options {
            assert!(found[0][3].split(',').any(|o| o == *option), "{at} without {option}: {found:?}");
        }
        ended.line(&format!("mode {at} {mode}"));
    }
    for (link, n) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
        ended.line(&format!("link {link} /proc/self/fd{n}"));
    }
    // IFF_UP and IFF_LOOPBACK.
    ended.line("lo 0x9");
}

fn mounts_are_there_once_with_their_options(m: Machine) {
    show_mounts(&boot(m).payload(SHOW_MOUNTS).run());
}

fn what_a_script_mounted_before_is_not_mounted_again(m: Machine) {
    let script = "mkdir -p /proc /sys /dev /run
        mount -t proc -o nosuid,nodev,noexec proc /proc
        mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
        mount -t devtmpfs -o nosuid,mode=755 dev /dev
        mount -t tmpfs -o nosuid,nodev,mode=755 run /run
        echo kept >/run/kept";
    let ended = boot(m).payload(&format!("{SHOW_MOUNTS}\ncat /run/kept")).before(script).run();
    ended.line("kept");
    show_mounts(&ended);
}

fn words_behind_the_dashes_are_options_and_command(m: Machine) {
    let words = "plain \"two words\" --on-exit=halt k=v a.b=c \"\" last";
    let ended = boot(m).words("--on-exit reboot").payload(ARGUMENTS).words(words).run();
    ended.how(How::Reset).ended("exit status 0; reboot");
    assert_eq!(arguments(&ended), ["plain", "two words", "--on-exit=halt", "k=v", "a.b=c", "", "last"]);
}

fn words_of_the_kernel_name_options(m: Machine) {
    let ended = boot(m).append("vesicle.on-exit=reboot vesicle.grace=1").payload(ARGUMENTS).words("x").run();
    ended.how(How::Reset);
    assert_eq!(arguments(&ended), ["x"]);
}

fn a_file_of_words_is_read(m: Machine) {
    let words = "--on-exit\nreboot\n/payload\nfirst\nsecond of two words\n";
    let ended = boot(m).script("payload", ARGUMENTS).file("etc/vesicle.boot", words, 0o644).run();
    ended.how(How::Reset);
    assert_eq!(arguments(&ended), ["first", "second of two words"]);
}

fn later_words_win(m: Machine) {
    let file = |b: Boot| b.file("etc/vesicle.boot", "--on-exit\nreboot\n/bin/false\n", 0o644);
    // The file's COMMAND stands, until there is another.
    file(boot(m)).append("vesicle.on-exit=halt").run().how(How::Halt).ended("exit status 1; halt");
    let all = file(boot(m)).append("vesicle.on-exit=halt").words("--on-exit poweroff /bin/true");
    all.run().how(How::PowerOff).ended("exit status 0; poweroff");
}

fn words_that_nobody_knows_are_no_arguments(m: Machine) {
    let ended = boot(m).append("strange name=value some.module=1").payload(ARGUMENTS).words("mine").run();
    ended.how(How::PowerOff);
    assert_eq!(arguments(&ended), ["mine"]);
    // A payload is named by the file here, so that there are no dashes at all.
    let ended = boot(m)
        .append("strange")
        .script("payload", ARGUMENTS)
        .file("etc/vesicle.boot", "/payload\n", 0o644)
        .run();
    ended.how(How::PowerOff);
    assert_eq!(arguments(&ended), [""; 0]);
}

fn environment_has_a_path(m: Machine) {
    let ended = boot(m).payload("env | sed 's/^/env /'; pwd").run();
    ended
        .line("env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .line("env HOME=/")
        .line("/");
    ended.line("env TERM=linux");
    // A name without slashes is looked up there.
    boot(m).words("echo found along it").run().how(How::PowerOff).line("found along it");
}

fn init_is_executed_as_process_1(m: Machine) {
    let init = format!("echo \"process $$\"; {ARGUMENTS}; /bin/busybox poweroff -f");
    // The first of the defaults; its arguments are what the kernel has no use for.
    let ended =
        boot(m).append("strange single").script("sbin/init", &init).script("etc/init", "echo wrong").run();
    ended.how(How::PowerOff).line("process 1").silent_of("wrong");
    assert_eq!(arguments(&ended), ["strange", "single"]);
    let ended = boot(m).script("opt/init", &init).words("/opt/init one two").run();
    ended.how(How::PowerOff).line("process 1");
    assert_eq!(arguments(&ended), ["one", "two"]);
}

fn payload_is_a_child_and_leads_a_session(m: Machine) {
    let script = "echo \"pid=$$\"; ls -l /proc/$$/fd
        awk '{ print \"parent \" $4 \" group \" $5 \" session \" $6 \" tty \" $7 }' /proc/$$/stat";
    let ended = boot(m).payload(script).run();
    let pid = ended.number("pid");
    assert!(pid > 1, "{}", ended.log);
    // ttyS0 is 4:64.
    ended.line(&format!("parent 1 group {pid} session {pid} tty {}", (4 << 8) + 64));
    for fd in 0..3 {
        ended.says(&format!(" {fd} -> /dev/"));
    }
}

fn container_starts_in_one_go(m: Machine) {
    let mut boot = boot(m).copy(&m.busybox(), "rootfs/bin/busybox").link("busybox", "rootfs/bin/sh");
    for dir in ["dev", "proc", "tmp"] {
        boot = boot.dir(&format!("rootfs/{dir}"));
    }
    let script = "\"echo inside $$ $(busybox hostname); busybox ls /; busybox ps; exit 4\"";
    let ended = boot.words("run --hostname box --dev /dev /rootfs /bin/sh -c").words(script).run();
    ended.how(How::PowerOff).line("inside 1 box").ended("exit status 4; poweroff").silent_of("rootfs");
}

fn boot_is_for_process_1_only(m: Machine) {
    let ended = boot(m).payload("/init boot -- /bin/echo wrong; echo \"status $?\"").run();
    ended.how(How::PowerOff).line("status 125").silent_of("wrong");
    let here = Command::new(m.vesicle()).arg("boot").output().expect("vesicle");
    assert_eq!(here.status.code(), Some(125), "{here:?}");
    assert_eq!(String::from_utf8_lossy(&here.stderr).lines().count(), 1, "{here:?}");
}
