//! What `vesicle run` leaves to root without a user namespace, where root inside is root outside; and `--privileged`.
#![allow(unsafe_code)]

mod common;

#[path = "safe/payload.rs"]
mod payload;

use common::*;
use payload::payload;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What the payload says of each thing that it tried.
#[track_caller]
fn tried(launch: Launch, mode: &str) -> BTreeMap<String, String> {
    let end = launch.arg("/").args(payload(mode)).go();
    end.code(0);
    let line = |l: &str| l.split_once(' ').map(|(what, how)| (what.to_string(), how.to_string()));
    end.stdout.lines().filter_map(line).collect()
}

/// The test's name, and whether only root can show it.
fn not_root() -> bool {
    if !is_root() {
        say(&format!("SKIP {}: not root", std::thread::current().name().unwrap_or("?")));
    }
    !is_root()
}

/// Names of /proc that must not be written, and those that must not be read, as far as this kernel has them.
const READ_ONLY: &[&str] = &["bus", "fs", "irq", "sys", "sysrq-trigger"];
const MASKED: &[&str] =
    &["acpi", "asound", "kcore", "keys", "latency_stats", "sched_debug", "scsi", "timer_list"];

/// A shell that says what of proc and sysfs is not as it has to be, with proc at `proc`.
fn look(proc: &str) -> String {
    format!(
        "cd {proc} || exit 50; [ -e self/status ] || echo no proc; \
         for f in sys/kernel/core_pattern sys/kernel/hostname sysrq-trigger irq/default_smp_affinity; do \
             [ -e $f ] && (: >>$f) 2>&- && echo $f can be written; done; \
         for f in kcore keys latency_stats sched_debug timer_list; do \
             [ -e $f ] && [ -n \"$(head -c 1 $f 2>&-)\" ] && echo $f can be read; \
             [ -e $f ] && (: >>$f) 2>&- && echo $f can be written; done; \
         for d in acpi asound scsi; do [ -d $d ] && [ -n \"$(ls -A $d)\" ] && echo $d is not empty; done; \
         (: >>self/comm) 2>&- || echo self/comm can not be written; \
         umount {proc}/sys 2>&- && echo sys was unmounted; \
         mount -o remount,rw {proc}/sys 2>&- && echo sys was remounted; true"
    )
}

#[test]
fn hostile_root_is_refused_what_would_reach_the_host() {
    if not_root() {
        return;
    }
    for how in ["", "--init", "--allow-new-privs", "--share-net", "--uid 77", "--chroot"] {
        let all = tried(run(Who::Root).words(how), "attack");
        assert!(all.len() > 20, "{all:?}");
        let wrong: Vec<_> = all.iter().filter(|(_, how)| *how == "done").collect();
        assert!(wrong.is_empty(), "{how}: {wrong:?}");
        let said = |what: &str| all.get(what).map_or("missing", String::as_str);
        if how.contains("uid") {
            continue;
        }
        for what in ["write-core_pattern", "write-hostname"] {
            assert_eq!(said(what), "EROFS", "{how} {what}");
        }
        for what in
            ["remount-sys", "umount-keys", "mknod", "raw-socket", "new-mount-namespace", "set-host-name"]
        {
            assert_eq!(said(what), "EPERM", "{how} {what}");
        }
    }
}

#[test]
fn hostile_root_of_a_user_namespace_of_its_own_does_not_get_behind_the_masks() {
    if not_root() {
        return;
    }
    let all = tried(run(Who::Root), "nest");
    if all.get("new-user-namespace").map(String::as_str) != Some("done") {
        say(&format!("this system makes no user namespace here: {all:?}"));
        return;
    }
    let wrong: Vec<_> =
        all.iter().filter(|(what, how)| *what != "new-user-namespace" && *how == "done").collect();
    assert!(wrong.is_empty() && all.len() > 6, "{all:?}");
}

#[test]
fn process_of_the_host_is_not_traced_by_root_inside() {
    if not_root() {
        return;
    }
    let mut host = Command::new("sleep").arg("100").spawn().expect("sleep");
    let mode = format!("trace {}", host.id());
    let all = tried(run(Who::Root).arg("--share-pid"), &mode);
    let _ = (host.kill(), host.wait());
    assert_eq!(all.len(), 4, "{all:?}");
    assert!(all.values().all(|how| *how == "EPERM" || *how == "EACCES"), "{all:?}");
}

#[test]
fn privileged_is_the_bare_mechanism() {
    if not_root() {
        return;
    }
    for how in ["--privileged", "--privileged --init", "--privileged --share-pid"] {
        let all = tried(run(Who::Root).words(how), "open");
        for what in [
            "write-core_pattern",
            "write-modprobe",
            "write-hostname",
            "read-keys",
            "read-timer_list",
            "mknod",
        ] {
            let how_it_ended = all.get(what).map_or("missing", String::as_str);
            assert!(["done", "ENOENT"].contains(&how_it_ended), "{how} {what}: {all:?}");
        }
        let mounts = run(Who::Root).words(how).args(["/", "/bin/cat", "/proc/self/mountinfo"]).go();
        mounts.code(0);
        let masks =
            mounts.stdout.lines().filter(|l| l.split(' ').nth(4).is_some_and(|m| m.starts_with("/proc/sys")));
        assert!(masks.clone().all(|l| l.contains("binfmt_misc")), "{:?}", masks.collect::<Vec<_>>());
    }
    // All of it is for root without a user namespace.
    for (who, how) in [(Who::User, ""), (Who::Root, "--unshare-user")] {
        let end = run(who).words(how).args(["/", "/bin/grep", "-c", " /proc/", "/proc/self/mountinfo"]).go();
        assert_eq!(end.stdout.trim(), "0", "{who:?} {how}");
    }
}

#[test]
fn each_proc_that_root_can_see_is_masked() {
    if not_root() {
        return;
    }
    let Some(root) = rootfs(Who::Root) else { return };
    for how in [
        "",
        "--init",
        "--chroot",
        "--share-pid",
        "--read-only",
        "--proc-opts hidepid=2",
        "--proc /proc",
        "--unshare-time",
    ] {
        run(Who::Root).words(how).sh(&root, &look("/proc")).go().says("");
    }
    run(Who::Root).words("--proc /p/q").sh(&root, &look("/p/q")).go().says("");
    // The host's own tree, with its proc, or with one that covers it, or with both in view.
    let host = |how: &str, proc: &str| {
        run(Who::Root).words(how).arg("/").args(["/bin/sh", "-c", &look(proc)]).go().says("");
    };
    for how in ["", "--share-pid", "--no-proc", "--no-proc --share-pid", "--init --share-pid"] {
        host(how, "/proc");
    }
    let there = folder(Who::Root).join("proc");
    let both = format!("--proc {}", there.display());
    host(&both, "/proc");
    host(&both, &there.to_string_lossy());
}

#[test]
fn every_mask_is_there_and_nothing_else_is_mounted() {
    if not_root() {
        return;
    }
    let Some(root) = rootfs(Who::Root) else { return };
    let list = |how: &str| {
        let end = run(Who::Root).words(how).arg(&root).args(["/bin/cat", "/proc/self/mountinfo"]).go();
        end.code(0);
        let place = |l: &str| {
            let words: Vec<&str> = l.split(' ').collect();
            (words[4].to_string(), words[5].split(',').next() == Some("ro"))
        };
        end.stdout.lines().map(place).collect::<BTreeMap<String, bool>>()
    };
    let there = |name: &&&str| Path::new("/proc").join(name).exists();
    let masks = READ_ONLY.iter().chain(MASKED).filter(there).map(|n| (format!("/proc/{n}"), true));
    let proc: BTreeMap<_, _> = masks.chain([("/".into(), false), ("/proc".into(), false)]).collect();
    assert_eq!(list(""), proc);
    let mut with_sys = proc.clone();
    for (name, there) in [
        ("/sys", true),
        ("/sys/firmware", true),
        ("/sys/devices/virtual/powercap", Path::new("/sys/devices/virtual/powercap").exists()),
    ] {
        if there {
            with_sys.insert(name.into(), true);
        }
    }
    assert_eq!(list("--sysfs /sys"), with_sys);
    assert_eq!(list("--privileged").into_keys().collect::<Vec<_>>(), ["/", "/proc"]);
}

#[test]
fn sysfs_is_read_only_and_the_firmware_out_of_sight() {
    if not_root() {
        return;
    }
    let Some(root) = rootfs(Who::Root) else { return };
    let look = "cd /sys || exit 50; [ -d class/net ] || echo no sysfs; ls -A firmware; ls -A devices/virtual/powercap 2>/dev/null; \
                for f in kernel/mm/transparent_hugepage/enabled kernel/profiling kernel/uevent_seqnum module/kernel/parameters/panic \
                    fs/cgroup/cgroup.procs fs/cgroup/unified/cgroup.procs; do \
                [ -e $f ] && (: >>$f) 2>/dev/null && echo $f can be written; done; true";
    for how in ["--sysfs /sys", "--sysfs /sys --share-net", "--init --sysfs /sys", "--chroot --sysfs /sys"] {
        run(Who::Root).words(how).sh(&root, look).go().says("");
    }
    for how in ["", "--share-net", "--share-cgroup", "--no-proc"] {
        run(Who::Root).words(how).args(["/", "/bin/sh", "-c", look]).go().says("");
    }
    // A rootfs that somebody prepared with mounts of its own.
    let Some(_) = need!("unshare") else { return };
    let prepare =
        "mount --rbind /sys \"$ROOT/sys\" && mount --bind /proc \"$ROOT/proc\" || exit 99; exec \"$@\"";
    let prepared = |look: &str| {
        run(Who::Root)
            .under(["unshare", "-m", "sh", "-c", prepare, "sh"])
            .env("ROOT", &root)
            .arg("--no-proc")
            .sh(&root, look)
            .go()
            .says("");
    };
    prepared(look);
    prepared(&self::look("/proc"));
}

#[test]
fn what_an_option_mounts_below_proc_stays() {
    if not_root() {
        return;
    }
    let Some(root) = rootfs(Who::Root) else { return };
    let dir = folder(Who::Root);
    fs::write(dir.join("own"), "own\n").expect("write");
    let own = dir.join("own");
    let bind = |dest: &str| {
        let launch =
            run(Who::Root).arg("--bind").arg(&own).arg(dest).arg(&root).args(["/bin/cat", dest]).go();
        launch.says("own");
    };
    // As lxcfs has it; in a directory that is read-only; upon a mask.
    for dest in ["/proc/meminfo", "/proc/uptime", "/proc/sys/kernel/ostype", "/proc/timer_list"] {
        bind(dest);
    }
    run(Who::Root).words("--bind / /data").sh(&root, &look("/proc")).go().says("");
}

#[test]
fn proc_of_the_image_that_is_a_link_or_a_file_is_refused() {
    if not_root() {
        return;
    }
    for (what, target) in
        [("link", "/bin"), ("link", "/"), ("link", "../../../proc"), ("link", "nowhere"), ("file", "")]
    {
        let Some(root) = rootfs(Who::Root) else { return };
        fs::remove_dir(root.join("proc")).expect("rmdir");
        if what == "link" {
            std::os::unix::fs::symlink(target, root.join("proc")).expect("symlink");
        } else {
            fs::write(root.join("proc"), "").expect("write");
        }
        let before = (tree(&root), mounts());
        for how in ["", "--init", "--chroot", "--share-pid"] {
            run(Who::Root).words(how).arg(&root).arg("/bin/true").go().refuses(125, &["/proc"]);
        }
        assert_eq!(tree(&root), before.0);
        assert_eq!(new_mounts(&before.1), Vec::<String>::new());
        // sysfs of the image is not looked for behind a link that leads nowhere, nor is it missed.
        run(Who::Root).arg("--no-proc").arg(&root).arg("/bin/true").go().code(0);
    }
}

#[test]
fn proc_that_is_swapped_meanwhile_is_masked_or_refused() {
    use std::sync::atomic::{AtomicBool, Ordering};
    if not_root() {
        return;
    }
    let Some(root) = rootfs(Who::Root) else { return };
    fs::create_dir(root.join("other")).expect("mkdir");
    fs::create_dir(root.join("other/sys")).expect("mkdir");
    std::os::unix::fs::symlink("/other", root.join("link")).expect("symlink");
    let stop = AtomicBool::new(false);
    let [proc, other, link] = ["proc", "other", "link"].map(|n| root.join(n));
    let (mut good, mut bad) = (0, 0);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
            while !stop.load(Ordering::Relaxed) {
                for with in [&other, &link] {
                    renameat2(AT_FDCWD, &proc, AT_FDCWD, with, RenameFlags::RENAME_EXCHANGE)
                        .expect("exchange");
                }
            }
        });
        // Wherever its proc is by now, it is masked.
        let script = "for p in /proc /other /link; do [ -e $p/self/status ] && (: >>$p/sys/kernel/core_pattern) 2>/dev/null && echo open; done; \
                      for p in /proc /other /link; do [ -e $p/keys ] && head -c 1 $p/keys >/dev/null 2>&1 && echo readable; done; true";
        for _ in 0..300 {
            let end = run(Who::Root).sh(&root, script).go();
            match end.code {
                Some(0) => good += 1,
                Some(125) => bad += 1,
                _ => panic!("{end:?}"),
            }
            assert_eq!(end.stdout, "", "{end:?}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    say(&format!("proc swapped meanwhile: {good} launches, {bad} refused"));
    assert!(good > 0, "none came through");
}

#[test]
fn without_a_mount_namespace_what_cannot_be_masked_is_refused() {
    if not_root() {
        return;
    }
    let Some(root) = rootfs(Who::Root) else { return };
    for how in ["--share-mount", "--share-all", "--share-mount --init"] {
        run(Who::Root).words(how).args(["/", "/bin/true"]).go().refuses(125, &["/proc", "--privileged"]);
        run(Who::Root).words(how).arg("--privileged").args(["/", "/bin/true"]).go().code(0);
        // Where there is nothing to mask, nothing is in the way.
        run(Who::Root).words(how).sh(&root, "ls /proc").go().says("");
    }
}

#[test]
fn unprivileged_payload_needs_no_masks() {
    for &who in everyone() {
        let how = if who == Who::Root {
            "--unshare-user --map-users 0:100000:10 --map-groups 0:100000:10"
        } else {
            ""
        };
        let end = run(who)
            .words(how)
            .args([
                "/",
                "/bin/sh",
                "-c",
                "(: >>/proc/sys/kernel/core_pattern) 2>/dev/null && echo open; true",
            ])
            .go();
        end.says("");
    }
}
