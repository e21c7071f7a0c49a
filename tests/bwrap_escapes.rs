//! A payload, a tree or a moment that is hostile to vesicle by the name bwrap. SECURITY.md names each.

#![allow(unsafe_code)]
#![cfg(feature = "bwrap")]

mod common;

use common::bwrap::*;
use common::links::lead_nowhere;
use common::payload::as_payload;
use common::*;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Every operation that bwrap has, with a DEST.
const OPERATIONS: &[&str] = &[
    "--bind SRC DEST",
    "--ro-bind SRC/file DEST",
    "--dev-bind SRC DEST",
    "--bind-fd 21 DEST",
    "--ro-bind-fd 21 DEST",
    "--tmpfs DEST",
    "--proc DEST",
    "--dev DEST",
    "--mqueue DEST",
    "--dir DEST",
    "--symlink x DEST",
    "--file 20 DEST",
    "--perms 0644 --bind-data 20 DEST",
    "--ro-bind-data 20 DEST",
    "--chmod 0000 DEST",
    "--remount-ro DEST",
    "--overlay-src SRC --tmp-overlay DEST",
    "--overlay-src SRC --overlay-src /etc --ro-overlay DEST",
    "--lock-file DEST",
    "--chdir DEST",
];

#[test]
fn no_destination_leads_out_of_a_tree_that_is_bound_on_the_root() {
    lead_nowhere(OPERATIONS, 1, |who, root, words, _| {
        let launch = bwrap(who).arg("--bind").arg(root).words("/ --unshare-pid --as-pid-1 --proc /proc");
        launch.words(words).arg("/bin/true")
    });
}

#[test]
fn working_directory_in_a_descriptor_is_refused() {
    for &who in everyone() {
        for n in 3..=40 {
            let mut launch = bwrap(who).words(HOST).words("--proc /proc");
            for fd in 3..13 {
                launch = launch.fd(fd, File::open("/var").expect("open"));
            }
            let end = launch.arg("--chdir").arg(format!("/proc/self/fd/{n}")).words("/bin/pwd").go();
            assert_eq!(end.code, Some(1), "{n}: {end:?}");
            assert!(end.stderr.starts_with(&format!("bwrap: Can't chdir to /proc/self/fd/{n}: ")), "{end:?}");
        }
    }
}

#[test]
fn ids_are_never_taken_for_others() {
    for &who in everyone() {
        for id in
            ["4294967296", "4294967295", "18446744073709551616", "-1", "+0", "0x0", "1000:", "", " 0", "0 "]
        {
            for option in ["--uid", "--gid"] {
                let end = bwrap(who).words("--ro-bind / / --unshare-user").args([option, id, "true"]).go();
                end.code(1);
                assert_eq!(end.stderr, format!("bwrap: Invalid {}: {id}\n", &option[2..]));
            }
        }
    }
}

#[test]
fn set_user_id_copy_refuses_to_run() {
    if !is_root() {
        return say("SKIP set_user_id_copy_refuses_to_run: not root");
    }
    let copy = folder(Who::Root).join("bwrap");
    assert!(Command::new("cp").arg(ours()).arg(&copy).status().expect("cp").success());
    for mode in [0o4755, 0o2755] {
        fs::set_permissions(&copy, fs::Permissions::from_mode(mode)).expect("chmod");
        let end = program(Who::User, [&copy]).words("--ro-bind / / true").go();
        assert_eq!(end.code, Some(1), "{end:?}");
        assert!(end.stderr.starts_with("bwrap: ") && end.stderr.contains("set-user-ID"), "{}", end.stderr);
        assert_eq!(end.stderr.lines().count(), 1);
    }
}

#[test]
fn with_die_with_parent_nobody_is_left_whenever_it_is_killed() {
    for &who in everyone() {
        for round in 0..40u64 {
            for how in [
                "",
                "--unshare-pid",
                "--unshare-pid --as-pid-1",
                "--unshare-all --dev /dev",
                "--unshare-user --disable-userns",
            ] {
                let launch = bwrap(who).words("--ro-bind / / --die-with-parent").words(how);
                let running = launch.words("sleep 77").spawn();
                std::thread::sleep(Duration::from_micros(round * 60));
                running.signal(Signal::SIGKILL);
                let end = running.wait();
                assert!(end.left.is_empty(), "{who:?} {how}, after {} µs: {:?}", round * 60, end.left);
            }
        }
    }
}

#[test]
fn signal_right_after_the_start_is_not_lost() {
    for &who in everyone() {
        for round in 0..40u64 {
            for how in ["", "--unshare-pid", "--unshare-all --dev /dev"] {
                let running = bwrap(who).words("--ro-bind / /").words(how).words("sleep 20").spawn();
                std::thread::sleep(Duration::from_micros(round * 60));
                running.signal(Signal::SIGTERM);
                let end = running.wait();
                assert!(!end.hung && end.left.is_empty(), "{who:?} {how}, after {} µs: {end:?}", round * 60);
                assert!(end.code == Some(143) || end.signal == Some(15), "{end:?}");
            }
        }
    }
}

payload_lives!(look_at_init);

/// Opens and reads what process 1 has open and where it is, over and over, from its first instruction on; it says what it found.
fn look_at_init(words: &[&str]) -> i32 {
    let mut found = std::collections::BTreeSet::new();
    for _ in 0..words.first().and_then(|n| n.parse().ok()).unwrap_or(1) {
        for entry in fs::read_dir("/proc/1/fd").into_iter().flatten().flatten() {
            if let Ok(target) = fs::read_link(entry.path()) {
                found.insert(target.to_string_lossy().into_owned());
            }
        }
        for link in ["root", "cwd"] {
            if let Ok(target) = fs::read_link(format!("/proc/1/{link}")) {
                found.insert(format!("{link} {}", target.display()));
            }
        }
        if fs::metadata("/proc/1/root/only-outside").is_ok()
            || fs::metadata("/proc/1/cwd/only-outside").is_ok()
        {
            found.insert("the host".into());
        }
    }
    let own = |line: &String| {
        (0..3).any(|n| fs::read_link(format!("/proc/self/fd/{n}")).is_ok_and(|own| own == Path::new(line)))
    };
    for line in found.iter().filter(|line| !own(line)) {
        println!("{line}");
    }
    0
}

#[test]
fn process_1_shows_nothing_that_its_command_has_not() {
    for &who in everyone() {
        let (place, data) = (folder(who), folder(who));
        fs::write(place.join("only-outside"), "").expect("write");
        fs::write(data.join("lock"), "").expect("write");
        give(&data.join("lock"), who);
        let program_ = as_payload(["3"]);
        let tests = Path::new(&program_[0]).parent().expect("a folder").display().to_string();
        for how in [
            "--unshare-pid",
            "--unshare-pid --unshare-user --dev /dev",
            "--unshare-all --unshare-user --disable-userns",
        ] {
            // Root that lives in no user namespace looks where it likes.
            if who == Who::Root && !how.contains("user") {
                continue;
            }
            for _ in 0..60 {
                let args = "--setenv\0A\0yes\0--tmpfs\0/x";
                let (_read, write) = pipe();
                let end = bwrap(who)
                    .cwd(&place)
                    .words(HOST)
                    .words(how)
                    .words(&format!("--proc /proc --ro-bind {tests} {tests} --bind {0} /data --lock-file /data/lock", data.display()))
                    .fd(20, file_with(args.as_bytes()))
                    .fd(21, file_with(b"text"))
                    .fd(22, File::open("/dev/null").expect("open"))
                    .fd(23, write)
                    .fd(24, File::open(&place).expect("open"))
                    .words("--args 20 --ro-bind-data 21 /f --block-fd 22 --sync-fd 23 --bind-fd 24 /place --chdir /data")
                    .args(&program_)
                    .go();
                end.code(0);
                for line in end.stdout.lines() {
                    let known =
                        ["/data/lock", "cwd /", "root /"].contains(&line) || line.starts_with("pipe:");
                    assert!(known, "as {who:?} {how}: process 1 shows {line}");
                }
            }
        }
    }
}
