//! `--cap-add` and `--cap-drop`: every capability set, read back from /proc/self/status of COMMAND.
#![allow(unsafe_code)]

mod common;

use common::*;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// In the order of their numbers, as capabilities(7) spells them.
const NAMES: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// What podman(1) leaves to root.
const DEFAULT: &str =
    "CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT";

fn set(names: &str) -> u64 {
    let number = |name: &str| NAMES.iter().position(|n| *n == name).expect("a capability");
    names.split_whitespace().fold(0, |set, name| set | 1 << number(name))
}

/// Inheritable, permitted, effective, bounding, ambient: as /proc/PID/status has them.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sets([u64; 5]);

impl std::fmt::Debug for Sets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [i, p, e, b, a] = self.0;
        write!(f, "inheritable {i:x}, permitted {p:x}, effective {e:x}, bounding {b:x}, ambient {a:x}")
    }
}

impl Sets {
    fn of(status: &str) -> Sets {
        let lines: BTreeMap<&str, &str> = status.lines().filter_map(|l| l.split_once(":\t")).collect();
        Sets(["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(|name| {
            u64::from_str_radix(lines.get(name).unwrap_or_else(|| panic!("no {name}: {status}")), 16)
                .expect("hexadecimal")
        }))
    }
    /// Of root: all that there are, and nothing that is handed on.
    fn root(set: u64) -> Sets {
        Sets([0, set, set, set, 0])
    }
    /// Of another user: those that were asked for by name.
    fn user(set: u64, named: u64) -> Sets {
        Sets([named, named, named, set, named])
    }
}

/// All that there are: in a user namespace those of the kernel, else those of the caller.
fn all(user_namespace: bool) -> u64 {
    if user_namespace {
        let last = fs::read_to_string("/proc/sys/kernel/cap_last_cap").expect("cap_last_cap");
        (2 << last.trim().parse::<u32>().expect("a number")) - 1
    } else {
        Sets::of(&fs::read_to_string("/proc/self/status").expect("status")).0[3]
    }
}

/// Those of COMMAND with these options.
#[track_caller]
fn sets(launch: Launch, root: &std::path::Path) -> Sets {
    let end = launch.arg(root).args(["/bin/cat", "/proc/self/status"]).go();
    end.code(0);
    Sets::of(&end.stdout)
}

#[test]
fn root_without_a_user_namespace_has_the_default_set_of_container_engines() {
    if !is_root() {
        say("SKIP root_without_a_user_namespace_has_the_default_set_of_container_engines: not root");
        return;
    }
    let Some(root) = rootfs(Who::Root) else { return };
    let all = all(false);
    let default = set(DEFAULT) & all;
    for how in ["", "--init", "--allow-new-privs", "--share-net --share-pid", "--gid 7"] {
        assert_eq!(sets(run(Who::Root).words(how), &root), Sets::root(default), "{how}");
    }
    // The old root is still there, and SYS_CHROOT leads to it.
    assert_eq!(
        sets(run(Who::Root).arg("--chroot"), &root),
        Sets::root(default & !set("SYS_CHROOT")),
        "chroot"
    );
    assert_eq!(
        sets(run(Who::Root).words("--chroot --cap-add SYS_CHROOT"), &root),
        Sets::root(default),
        "chroot"
    );
    for how in ["--privileged", "--privileged --init", "--privileged --chroot"] {
        assert_eq!(sets(run(Who::Root).words(how), &root), Sets::root(all), "{how}");
    }
    // In a user namespace they reach nothing outside.
    let inside = Sets::root(self::all(true));
    assert_eq!(sets(run(Who::Root).arg("--unshare-user"), &root), inside);
    assert_eq!(sets(run(Who::User), &root), inside);
}

#[test]
fn options_add_and_drop_in_the_order_given() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let all = all(who == Who::User);
        let by_default = if who == Who::Root { set(DEFAULT) & all } else { all };
        for (options, want) in [
            ("--cap-drop ALL", 0),
            ("--cap-drop=all", 0),
            ("--cap-add ALL", all),
            ("--cap-drop ALL --cap-add ALL", all),
            ("--cap-add ALL --cap-drop ALL", 0),
            ("--cap-drop ALL --cap-add CAP_KILL --cap-add chown", set("KILL CHOWN")),
            ("--cap-add kill --cap-drop KILL", by_default & !set("KILL")),
            ("--cap-drop KILL --cap-add Cap_Kill", by_default),
            ("--cap-drop Kill --cap-drop sys_chroot", by_default & !set("KILL SYS_CHROOT")),
            ("--cap-drop 5", by_default & !set("KILL")),
            ("--cap-add=NET_RAW", by_default | set("NET_RAW")),
            ("--cap-add ALL --cap-drop NET_RAW", all & !set("NET_RAW")),
            ("--cap-drop ALL --init", 0),
            ("--cap-drop ALL --cap-add kill --chroot", set("KILL")),
        ] {
            assert_eq!(sets(run(who).words(options), &root), Sets::root(want), "{who:?} {options}");
        }
        if who == Who::Root {
            let privileged = run(who).words("--privileged --cap-drop NET_RAW");
            assert_eq!(sets(privileged, &root), Sets::root(all & !set("NET_RAW")));
        }
    }
}

#[test]
fn every_capability_is_kept_and_dropped_by_its_name_and_by_its_number() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let all = all(who == Who::User);
        for (number, name) in NAMES.iter().enumerate() {
            let one = 1 << number;
            if all & one == 0 {
                // The caller does not have it: it can't be given, and is not there to be dropped.
                let end = run(who).args(["--cap-add", name]).arg(&root).arg("/bin/true").go();
                end.refuses(125, &[name, "EPERM"]);
                continue;
            }
            let kept = run(who).args(["--cap-drop", "ALL", "--cap-add", name]);
            assert_eq!(sets(kept, &root), Sets::root(one), "{name}");
            let kept = run(who).args(["--cap-drop", "ALL", "--cap-add", &number.to_string()]);
            assert_eq!(sets(kept, &root), Sets::root(one), "{name}");
            let dropped = run(who).args(["--cap-add", "ALL", "--cap-drop", name]);
            assert_eq!(sets(dropped, &root), Sets::root(all & !one), "{name}");
        }
    }
}

#[test]
fn another_user_has_what_was_asked_for_by_name_and_nothing_else() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let all = all(who == Who::User);
        let by_default = if who == Who::Root { set(DEFAULT) & all } else { all };
        for (options, bounding, named) in [
            ("", by_default, 0),
            ("--cap-add chown", by_default, set("CHOWN")),
            ("--cap-add NET_RAW --cap-add KILL", by_default | set("NET_RAW"), set("NET_RAW KILL")),
            ("--cap-add NET_RAW --cap-drop NET_RAW", by_default & !set("NET_RAW"), 0),
            ("--cap-add ALL", all, all),
            ("--cap-add ALL --cap-drop SYS_ADMIN", all & !set("SYS_ADMIN"), all & !set("SYS_ADMIN")),
            ("--cap-drop ALL --cap-add kill --init", set("KILL"), set("KILL")),
            ("--cap-drop ALL", 0, 0),
        ] {
            for ids in ["--uid 77", "--uid 77 --gid 88"] {
                let launch = run(who).words(ids).words(options);
                assert_eq!(sets(launch, &root), Sets::user(bounding, named), "{who:?} {ids} {options}");
            }
        }
        if who == Who::Root {
            let maps = "--unshare-user --map-users 0:100000:1000 --map-groups 0:100000:1000";
            for (options, named) in [("", 0), ("--cap-add NET_RAW", set("NET_RAW"))] {
                let launch = run(who).words(maps).words("--uid 77 --gid 77").words(options);
                let all = self::all(true);
                assert_eq!(sets(launch, &root), Sets::user(all, named), "{options}");
            }
        }
    }
}

#[test]
fn capability_of_another_user_is_of_use() {
    if !is_root() {
        say("SKIP capability_of_another_user_is_of_use: not root");
        return;
    }
    let Some(root) = rootfs(Who::Root) else { return };
    fs::write(root.join("data/file"), "").expect("write");
    let change = |options: &str| run(Who::Root).words(options).sh(&root, "chown 5 /data/file").go();
    assert_eq!(change("--uid 77").code, Some(1));
    change("--uid 77 --cap-add CHOWN").code(0);
    assert_eq!(fs::metadata(root.join("data/file")).expect("file").uid(), 5);
}

#[test]
fn what_the_caller_hands_on_reaches_nobody() {
    if !is_root() {
        say("SKIP what_the_caller_hands_on_reaches_nobody: not root");
        return;
    }
    let Some(root) = rootfs(Who::Root) else { return };
    // All that it has inheritable and ambient, as engines once started their containers (CVE-2022-29162).
    let hand_on = || {
        let head = [0x2008_0522u32, 0];
        let mut sets = [[0u32; 3]; 2];
        // SAFETY: capget writes and capset reads two structs of three words; prctl takes numbers.
        unsafe {
            libc::syscall(libc::SYS_capget, head.as_ptr(), sets.as_mut_ptr());
            for set in &mut sets {
                set[2] = set[1];
            }
            if libc::syscall(libc::SYS_capset, head.as_ptr(), sets.as_ptr()) < 0 {
                return Err(std::io::Error::last_os_error());
            }
            for cap in 0..64 {
                libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, cap, 0, 0);
            }
        }
        Ok(())
    };
    let default = set(DEFAULT) & all(false);
    let probe = program(Who::Root, ["/bin/cat", "/proc/self/status"]).before(hand_on).go();
    assert_ne!(Sets::of(&probe.stdout).0[4], 0, "the test hands something on: {}", probe.stdout);
    for how in ["", "--init", "--allow-new-privs"] {
        assert_eq!(sets(run(Who::Root).words(how).before(hand_on), &root), Sets::root(default), "{how}");
        let other = run(Who::Root).words(how).args(["--uid", "77"]).before(hand_on);
        assert_eq!(sets(other, &root), Sets::user(default, 0), "{how} --uid 77");
    }
    let drop = run(Who::Root).words("--cap-drop ALL --cap-add KILL").before(hand_on);
    assert_eq!(sets(drop, &root), Sets::root(set("KILL")));
}

#[test]
fn set_id_program_gets_no_more_than_the_container_has() {
    if !is_root() {
        say("SKIP set_id_program_gets_no_more_than_the_container_has: not root");
        return;
    }
    // Not of busybox, which gives away by itself what it is given so.
    let Some(cat) = need!("cat") else { return };
    let suid = folder(Who::Root).join("cat");
    fs::copy(cat, &suid).expect("copy");
    fs::set_permissions(&suid, fs::Permissions::from_mode(0o4755)).expect("chmod");
    let default = set(DEFAULT) & all(false);
    for (options, want) in [
        ("--uid 77", Sets::user(default, 0)),
        ("--uid 77 --allow-new-privs", Sets::root(default)),
        ("--uid 77 --allow-new-privs --cap-drop ALL", Sets::root(0)),
    ] {
        let end = run(Who::Root).words(options).arg("/").arg(&suid).arg("/proc/self/status").go();
        end.code(0);
        assert_eq!(Sets::of(&end.stdout), want, "{options}");
    }
}

#[test]
fn init_of_a_container_has_none_but_the_one_to_signal_another_user() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for options in
            ["--cap-drop CHOWN", "--uid 77 --cap-add NET_RAW", "--cap-drop ALL", "--share-pid --cap-drop ALL"]
        {
            let all = all(who == Who::User);
            let by_default = if who == Who::Root { set(DEFAULT) & all } else { all };
            let bounding = match options {
                "--cap-drop CHOWN" => by_default & !set("CHOWN"),
                "--uid 77 --cap-add NET_RAW" => by_default | set("NET_RAW"),
                _ => 0,
            };
            // It may be at work still when COMMAND begins.
            let look = "n=0; while [ $n -lt 50 ]; do cat /proc/$PPID/status >/dev/null; usleep 10000; n=$((n+1)); \
                        grep -q 'CapPrm:.0000000000000020' /proc/$PPID/status && break; done; cat /proc/$PPID/status";
            let end = run(who).arg("--init").words(options).sh(&root, look).go();
            end.code(0);
            let kill = set("KILL");
            assert_eq!(Sets::of(&end.stdout), Sets([0, kill, kill, bounding, 0]), "{who:?} {options}");
        }
    }
    if !is_root() {
        return;
    }
    // And it needs that one: COMMAND is another user, or becomes one.
    let Some(root) = rootfs(Who::Root) else { return };
    let mut running = run(Who::Root)
        .words("--init --uid 77")
        .sh(&root, "trap 'exit 9' TERM; echo up; while :; do usleep 10000; done")
        .spawn();
    running.until_says("up");
    running.signal(Signal::SIGTERM);
    running.wait().code(9);
}

#[test]
fn what_the_kernel_or_the_caller_lacks_is_refused_by_name() {
    for &who in everyone() {
        let root = tiny_root(who);
        for option in ["--cap-add", "--cap-drop"] {
            let end = run(who).args([option, "63"]).arg(&root).arg("/bin/true").go();
            end.refuses(125, &["capabilities 63", "this kernel has no such capability"]);
        }
    }
    if !is_root() {
        return;
    }
    let root = tiny_root(Who::Root);
    let without = |cap: u64| {
        move || {
            // SAFETY: no memory is involved.
            unsafe { libc::prctl(libc::PR_CAPBSET_DROP, cap, 0, 0, 0) };
            Ok(())
        }
    };
    let (net_raw, setpcap) = (without(13), without(8));
    let end = run(Who::Root).before(net_raw).words("--cap-add net_raw").arg(&root).arg("/bin/true").go();
    end.refuses(125, &["net_raw", "EPERM", "the caller does not have it"]);
    // What ALL and the default set mean is what there is.
    let Some(root) = rootfs(Who::Root) else { return };
    let all = all(false);
    assert_eq!(
        sets(run(Who::Root).before(net_raw).words("--cap-add ALL"), &root),
        Sets::root(all & !set("NET_RAW"))
    );
    let kill = without(5);
    assert_eq!(sets(run(Who::Root).before(kill), &root), Sets::root(set(DEFAULT) & all & !set("KILL")));
    // Nothing can be dropped for good without this one: then it is not dropped for a while either.
    let end = run(Who::Root).before(setpcap).arg(&root).arg("/bin/true").go();
    end.refuses(125, &["set capabilities", "CAP_SETPCAP"]);
    run(Who::Root).before(setpcap).arg("--privileged").arg(&root).arg("/bin/true").go().code(0);
}

#[test]
fn privileged_leaves_no_new_privs_off_and_allows_set_id_programs() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let look = "grep NoNewPrivs /proc/self/status | cut -f2";
        run(who).arg("--privileged").sh(&root, look).go().says("0");
        run(who).sh(&root, look).go().says("1");
        run(who).words("--cap-drop ALL").sh(&root, look).go().says("1");
    }
}
