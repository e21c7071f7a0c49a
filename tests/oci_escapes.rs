//! A root filesystem or a config that wants out, and what the specification says that is often missed.
#![cfg(feature = "oci")]

mod common;

use common::bundle::*;
use common::*;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

fn possible(name: &str) -> bool {
    if !is_root() {
        skip(name, "not root");
    }
    is_root()
}

/// Makes the container and removes it, if it is made.
#[track_caller]
fn try_it(config: &Value) -> (bool, String) {
    let bundle = Bundle::of(config);
    let out = bundle.call(&["create", "a"]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success() || out.status.code() == Some(1) && is_one_line(&said), "{out:?}");
    if out.status.success() {
        bundle.good(&["delete", "--force", "a"]);
    }
    assert_eq!(bundle.left(), Vec::<PathBuf>::new());
    (out.status.success(), said)
}

#[test]
fn links_in_the_place_of_mount_points_and_devices_lead_nothing_out() {
    if !possible("links_in_the_place_of_mount_points_and_devices_lead_nothing_out") {
        return;
    }
    let before = mounts();
    for place in ["proc", "dev", "sys", "tmp", "data"] {
        for below in [false, true] {
            for up in ["", "../../../../../../../.."] {
                let outside = folder(Who::Root);
                let root = tiny_root(Who::Root);
                let mut config = plain(&root);
                // CVE-2024-45310, CVE-2019-19921, CVE-2023-27561: the target of a mount is a link to the host's tree.
                fs::remove_dir(root.join(place)).expect("remove");
                symlink(format!("{up}{}", outside.display()), root.join(place)).expect("symlink");
                let at = if below { format!("/{place}/a/b") } else { format!("/{place}") };
                let kind = if place == "proc" { "proc" } else { "tmpfs" };
                config["mounts"] = json!([{ "destination": at, "type": kind, "source": kind }]);
                let (_, _) = try_it(&config);
                assert_eq!(tree(&outside), Vec::<String>::new(), "{at} {up}: made outside of the root");
            }
        }
    }
    assert_eq!(new_mounts(&before), Vec::<String>::new());
}

#[test]
fn a_device_that_is_something_else_is_refused_and_a_mask_is_the_true_null() {
    if !possible("a_device_that_is_something_else_is_refused_and_a_mask_is_the_true_null") {
        return;
    }
    // CVE-2025-31133: what covers a masked path would be what the link leads to.
    let root = tiny_root(Who::Root);
    let secret = folder(Who::Root).join("secret");
    fs::write(&secret, "secret").expect("write");
    symlink(&secret, root.join("dev/null")).expect("symlink");
    let mut config = plain(&root);
    config["linux"]["maskedPaths"] = json!(["/proc/kcore"]);
    let (made, said) = try_it(&config);
    assert!(!made && said.contains("/dev/null"), "{said}");
    assert_eq!(fs::read_to_string(&secret).expect("read"), "secret");
    // CVE-2025-52565: dev/console is a link to the host, and the terminal of a container is bound there.
    let root = tiny_root(Who::Root);
    symlink(&secret, root.join("dev/console")).expect("symlink");
    let dir = folder(Who::Root);
    let listener = std::os::unix::net::UnixListener::bind(dir.join("socket")).expect("a socket");
    let mut config = plain(&root);
    config["process"]["terminal"] = json!(true);
    config["mounts"].as_array_mut().expect("a list").push(json!(
        { "destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance"] }
    ));
    let before = mounts();
    let bundle = Bundle::of(&config);
    let socket = dir.join("socket");
    let _ = bundle.call(&["create", "--console-socket", &socket.to_string_lossy(), "a"]);
    assert_eq!(fs::read_to_string(&secret).expect("read"), "secret");
    bundle.good(&["delete", "--force", "a"]);
    assert_eq!(new_mounts(&before), Vec::<String>::new());
    drop(listener);
}

#[test]
fn devices_and_their_names_stay_in_the_root() {
    if !possible("devices_and_their_names_stay_in_the_root") {
        return;
    }
    for path in ["/dev/../../../../x", "/../../x", "x", "/dev/x/../../../../../x", "/dev/..", "/", "/dev/."] {
        let outside = Path::new("/x");
        assert!(!outside.exists());
        let mut config = plain(&tiny_root(Who::Root));
        config["linux"]["devices"] = json!([{ "path": path, "type": "c", "major": 1, "minor": 3 }]);
        try_it(&config);
        assert!(!outside.exists(), "{path}");
    }
}

#[test]
fn a_working_directory_in_a_descriptor_is_refused() {
    if !possible("a_working_directory_in_a_descriptor_is_refused") {
        return;
    }
    // CVE-2024-21626.
    let bundle = Bundle::plain();
    bundle.good(&["create", "up"]);
    bundle.good(&["start", "up"]);
    let mut config = plain(&tiny_root(Who::Root));
    for n in 3..32 {
        config["process"]["cwd"] = json!(format!("/proc/self/fd/{n}"));
        let (made, said) = try_it(&config);
        assert!(!made, "{n}: {said}");
        let cwd = format!("/proc/self/fd/{n}");
        bundle.bad(&["exec", "--cwd", &cwd, "up", "/bin/true"], "");
    }
    for bad in ["", "x", "../x"] {
        config["process"]["cwd"] = json!(bad);
        assert!(!try_it(&config).0, "{bad}");
    }
    bundle.good(&["delete", "--force", "up"]);
}

#[test]
fn nothing_is_written_to_a_proc_that_is_none() {
    if !possible("nothing_is_written_to_a_proc_that_is_none") {
        return;
    }
    // CVE-2025-52881, CVE-2019-16884: what is written to proc goes to the files of the bundle.
    let root = tiny_root(Who::Root);
    let fake = folder(Who::Root);
    fs::create_dir_all(fake.join("sys/kernel")).expect("mkdir");
    fs::create_dir_all(fake.join("self/attr")).expect("mkdir");
    for file in ["sys/kernel/hostname", "self/oom_score_adj", "self/attr/exec"] {
        fs::write(fake.join(file), "old").expect("write");
    }
    let seen = tree(&fake);
    let mut config = plain(&root);
    config["mounts"] =
        json!([{ "destination": "/proc", "type": "bind", "source": fake, "options": ["bind"] }]);
    config["linux"]["sysctl"] = json!({ "kernel.hostname": "new" });
    config["process"]["oomScoreAdj"] = json!(5);
    try_it(&config);
    assert_eq!(tree(&fake), seen);
    for file in ["sys/kernel/hostname", "self/oom_score_adj", "self/attr/exec"] {
        assert_eq!(fs::read_to_string(fake.join(file)).expect("read"), "old", "{file}");
    }
}

#[test]
fn what_is_often_missed_is_an_error() {
    if !possible("what_is_often_missed_is_an_error") {
        return;
    }
    let good = plain(&tiny_root(Who::Root));
    assert!(try_it(&good).0);
    let broken = |change: &dyn Fn(&mut Value), word: &str| {
        let mut config = good.clone();
        change(&mut config);
        let (made, said) = try_it(&config);
        assert!(!made && said.contains(word), "{word}: {said}");
    };
    let push = |config: &mut Value, kind: &str| {
        config["linux"]["namespaces"].as_array_mut().expect("a list").push(json!({ "type": kind }));
    };
    broken(&|config| push(config, "pid"), "linux.namespaces");
    broken(&|config| push(config, "nope"), "linux.namespaces");
    broken(&|config| config["ociVersion"] = json!("2.0.0"), "ociVersion");
    for (uid, word) in
        [(json!(4_294_967_296u64), "uid"), (json!(-1), "uid"), (json!(1.5), "uid"), (json!("0"), "uid")]
    {
        broken(&|config| config["process"]["user"]["uid"] = uid.clone(), word);
    }
    broken(&|config| config["process"]["args"] = json!([]), "process.args");
    broken(&|config| config["process"] = Value::Null, "process.args");
    broken(&|config| config["hostname"] = json!("x".repeat(65)), "");
    let bundle = Bundle::plain();
    for id in ["", ".", "..", "a/b", "../a", "a b", "a\n", "é"] {
        let out = bundle.call(&["create", id]);
        assert_eq!(out.status.code(), Some(1), "{id:?}: {out:?}");
    }
    for id in ["a", "A0_+.-", "...", "-x"] {
        bundle.good(&["create", "--", id]);
        bundle.good(&["delete", "--force", "--", id]);
    }
    assert_eq!(bundle.left(), Vec::<PathBuf>::new());
}

#[test]
fn as_many_as_was_promised_and_one_more_is_told() {
    if !possible("as_many_as_was_promised_and_one_more_is_told") {
        return;
    }
    let mut config = plain(&tiny_root(Who::Root));
    let variables = |n: usize| Value::Array((0..n).map(|n| json!(format!("V{n}=x"))).collect());
    config["process"]["env"] = variables(4096);
    assert!(try_it(&config).0);
    config["process"]["env"] = variables(100_000);
    let (made, said) = try_it(&config);
    assert!(!made && said.contains("process.env"), "{said}");
    config["process"]["env"] = variables(1);
    let proc = config["mounts"][0].clone();
    let more = |n: usize| {
        let mount = |n| json!({ "destination": format!("/t/{n}"), "type": "tmpfs", "source": "tmpfs" });
        Value::Array([proc.clone()].into_iter().chain((1..n).map(mount)).collect())
    };
    config["mounts"] = more(1024);
    let (made, said) = try_it(&config);
    assert!(made, "{said}");
    config["mounts"] = more(100_000);
    let (made, said) = try_it(&config);
    assert!(!made && said.contains("mounts"), "{said}");
}
