//! Verbs of vesicle-oci that meet: of two that can't both be right one wins, and nothing is left.
#![cfg(feature = "oci")]

mod common;

use common::bundle::*;
use common::*;
use serde_json::json;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Stdio};

fn possible(name: &str) -> bool {
    if !is_root() {
        skip(name, "not root");
    }
    is_root()
}

/// Starts it, and does not wait.
fn spawn(bundle: &Bundle, n: usize, words: &[&str]) -> (Child, PathBuf) {
    let err = bundle.dir.join(format!("err{n}"));
    let mut command = bundle.command(&[], words);
    command.stdout(Stdio::null()).stderr(File::create(&err).expect("a file"));
    (command.spawn().expect("vesicle-oci"), err)
}

/// Does all of it at once; for each whether it succeeded, and what it said.
fn at_once(bundle: &Bundle, all: &[&[&str]]) -> Vec<(bool, String)> {
    let running: Vec<_> = all.iter().enumerate().map(|(n, words)| spawn(bundle, n, words)).collect();
    let ended = running.into_iter().map(|(mut child, err)| {
        let status = child.wait().expect("wait");
        let said = fs::read_to_string(err).expect("what it says");
        assert!(status.code().is_some_and(|code| code < 2), "{all:?}: {status:?} {said}");
        assert!(status.success() && said.is_empty() || is_one_line(&said), "{all:?}: {status:?} {said}");
        (status.success(), said)
    });
    ended.collect()
}

#[test]
fn of_two_creates_of_a_name_one_wins() {
    if !possible("of_two_creates_of_a_name_one_wins") {
        return;
    }
    let bundle = Bundle::plain();
    for _ in 0..20 {
        let ended = at_once(&bundle, &[&["create", "a"], &["create", "a"], &["create", "a"]]);
        assert_eq!(ended.iter().filter(|(good, _)| *good).count(), 1, "{ended:?}");
        assert!(ended.iter().all(|(good, said)| *good || said.contains("already exists")), "{ended:?}");
        assert_eq!(bundle.status_of("a"), "created");
        bundle.good(&["delete", "--force", "a"]);
        assert_eq!(bundle.left(), Vec::<PathBuf>::new());
    }
}

#[test]
fn of_many_starts_one_wins_and_of_many_deletes_one() {
    if !possible("of_many_starts_one_wins_and_of_many_deletes_one") {
        return;
    }
    let bundle = Bundle::plain();
    for _ in 0..20 {
        bundle.good(&["create", "a"]);
        let ended = at_once(&bundle, &[&["start", "a"][..]; 6]);
        assert_eq!(ended.iter().filter(|(good, _)| *good).count(), 1, "{ended:?}");
        assert!(ended.iter().all(|(good, said)| *good || said.contains("in the running state")), "{ended:?}");
        bundle.good(&["kill", "a", "KILL"]);
        until("its end", || bundle.status_of("a") == "stopped");
        let ended = at_once(&bundle, &[&["delete", "a"][..]; 6]);
        assert_eq!(ended.iter().filter(|(good, _)| *good).count(), 1, "{ended:?}");
        assert!(ended.iter().all(|(good, said)| *good || said.contains("does not exist")), "{ended:?}");
        assert_eq!(bundle.left(), Vec::<PathBuf>::new());
    }
}

#[test]
fn whatever_comes_during_a_create_leaves_nothing() {
    if !possible("whatever_comes_during_a_create_leaves_nothing") {
        return;
    }
    let bundle = Bundle::plain();
    for round in 0..60 {
        let other: &[&str] = match round % 4 {
            0 => &["delete", "--force", "a"],
            1 => &["kill", "a", "KILL"],
            2 => &["start", "a"],
            _ => &["delete", "a"],
        };
        let ended = at_once(&bundle, &[&["create", "a"], other, &["state", "a"], &["list"]]);
        assert!(ended[3].0, "{other:?}: {ended:?}");
        bundle.good(&["delete", "--force", "a"]);
        assert_eq!(bundle.left(), Vec::<PathBuf>::new(), "{other:?}: {ended:?}");
    }
}

#[test]
fn start_exec_and_delete_at_once_leave_nothing() {
    if !possible("start_exec_and_delete_at_once_leave_nothing") {
        return;
    }
    let bundle = Bundle::plain();
    for _ in 0..30 {
        bundle.good(&["create", "a"]);
        let all: &[&[&str]] = &[
            &["start", "a"],
            &["exec", "a", "/bin/true"],
            &["exec", "--detach", "a", "/bin/pause"],
            &["delete", "--force", "a"],
        ];
        let running: Vec<_> = all.iter().enumerate().map(|(n, words)| spawn(&bundle, n, words)).collect();
        for (mut child, err) in running {
            // Of what is executed in it the exit code is that of KILL.
            let code = child.wait().expect("wait").code();
            assert!(matches!(code, Some(0 | 1 | 137 | 255)), "{code:?}: {:?}", fs::read_to_string(err));
        }
        bundle.good(&["delete", "--force", "a"]);
        assert_eq!(bundle.left(), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_hundred_containers_at_once_come_and_go() {
    if !possible("a_hundred_containers_at_once_come_and_go") {
        return;
    }
    let before = mounts();
    let bundle = Bundle::plain();
    // Each has a cgroup of its own name.
    let mut config = plain(&tiny_root(Who::Root));
    config["linux"]["cgroupsPath"] = json!("");
    bundle.set(&config);
    let names: Vec<String> =
        (0..100).map(|n| format!("vesicle-oci-hundred-{}-{n}", std::process::id())).collect();
    for verb in [&["create"][..], &["start"], &["delete", "--force"]] {
        let all: Vec<Vec<&str>> =
            names.iter().map(|name| verb.iter().copied().chain([name.as_str()]).collect()).collect();
        let all: Vec<&[&str]> = all.iter().map(Vec::as_slice).collect();
        let ended = at_once(&bundle, &all);
        assert!(ended.iter().all(|(good, _)| *good), "{verb:?}: {ended:?}");
        let want = if verb[0] == "delete" { 0 } else { 100 };
        assert_eq!(bundle.good(&["list", "-q"]).lines().count(), want);
    }
    assert_eq!(bundle.left(), Vec::<PathBuf>::new());
    for name in names {
        let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
        assert!(roots.iter().all(|root| !PathBuf::from(root).join(&name).exists()), "{name}");
    }
    assert_eq!(new_mounts(&before), Vec::<String>::new());
}
