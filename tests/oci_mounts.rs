//! Whose the files of a mount are inside and outside, and a mount namespace that somebody else has made.
#![cfg(feature = "oci")]

mod common;

use common::bundle::*;
use common::*;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Where programs are; none where the test can't be.
fn root(name: &str) -> Option<PathBuf> {
    let root = rootfs(Who::Root).filter(|_| is_root());
    if root.is_none() {
        skip(name, "not root");
    }
    root
}

/// `count` ids from 0 on, which are those from `first` on outside.
fn map(first: u32, count: u32) -> Value {
    json!([{ "containerID": 0, "hostID": first, "size": count }])
}

/// A bundle that runs a script, with this mount.
fn config(root: &Path, mount: Value, script: &str) -> Value {
    let mut config = plain(root);
    config["process"]["args"] = json!(["/bin/sh", "-c", script]);
    let dev = json!({ "destination": "/dev", "type": "tmpfs", "source": "tmpfs" });
    config["mounts"].as_array_mut().expect("a list").extend([dev, mount]);
    config
}

/// The same in a user namespace of its own.
fn with_users(mut config: Value, first: u32) -> Value {
    config["linux"]["namespaces"].as_array_mut().expect("a list").push(json!({ "type": "user" }));
    config["linux"]["uidMappings"] = map(first, 1000);
    config["linux"]["gidMappings"] = map(first, 1000);
    config
}

/// A directory that everybody may write to, with a file of user 5 and group 6.
fn source() -> PathBuf {
    let dir = folder(Who::Root);
    fs::set_permissions(&dir, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("chmod");
    fs::write(dir.join("old"), "").expect("write");
    chown(dir.join("old"), Some(5), Some(6)).expect("chown");
    dir
}

fn bind(source: &Path, options: &[&str]) -> Value {
    json!({ "destination": "/data", "type": "bind", "source": source, "options": options })
}

fn mapped(source: &Path, options: &[&str], first: u32) -> Value {
    let mut mount = bind(source, options);
    (mount["uidMappings"], mount["gidMappings"]) = (map(first, 1000), map(first, 1000));
    mount
}

const SCRIPT: &str =
    "stat -c %u:%g /data/old; >/data/new && stat -c %u:%g /data/new; ls /proc/self/fd | wc -l";

/// What it says, and whose what it has made is outside.
#[track_caller]
fn whose(config: &Value, source: &Path) -> (Vec<String>, Option<(u32, u32)>) {
    let before = mounts();
    let bundle = Bundle::of(config);
    let out = bundle.call(&["run", "a"]);
    let said = String::from_utf8_lossy(&out.stdout).lines().map(String::from).collect();
    assert!(bundle.left().is_empty(), "{out:?}");
    assert_eq!(new_mounts(&before), Vec::<String>::new());
    let new = source.join("new");
    let owner = fs::metadata(&new).ok().map(|new| (new.uid(), new.gid()));
    let _ = fs::remove_file(new);
    (said, owner)
}

#[test]
fn files_of_a_mapped_mount_are_other_ids_inside_and_what_is_made_there_outside() {
    let Some(root) = root("files_of_a_mapped_mount_are_other_ids_inside_and_what_is_made_there_outside")
    else {
        return;
    };
    let source = source();
    // In a user namespace, and with ids that are not mapped at all, nobody can make anything.
    for (config, old, new, owner) in [
        (
            with_users(config(&root, bind(&source, &["bind"]), SCRIPT), 100_000),
            "65534:65534",
            Some("0:0"),
            Some((100_000, 100_000)),
        ),
        (
            with_users(config(&root, bind(&source, &["bind", "idmap"]), SCRIPT), 100_000),
            "5:6",
            Some("0:0"),
            Some((0, 0)),
        ),
        (
            with_users(config(&root, bind(&source, &["rbind", "ridmap"]), SCRIPT), 100_000),
            "5:6",
            Some("0:0"),
            Some((0, 0)),
        ),
        // By maps of its own: 5 is 100,005 of the host, which is 5 inside.
        (
            with_users(config(&root, mapped(&source, &["bind", "idmap"], 100_000), SCRIPT), 100_000),
            "5:6",
            Some("0:0"),
            Some((0, 0)),
        ),
        (
            with_users(config(&root, mapped(&source, &["bind"], 100_100), SCRIPT), 100_000),
            "105:106",
            None,
            None,
        ),
        (config(&root, mapped(&source, &["bind"], 0), SCRIPT), "5:6", Some("0:0"), Some((0, 0))),
        (config(&root, mapped(&source, &["rbind", "ridmap"], 300), SCRIPT), "305:306", None, None),
    ] {
        let (said, made) = whose(&config, &source);
        let want: Vec<&str> = [old].into_iter().chain(new).chain(["4"]).collect();
        assert_eq!(
            (said, made),
            (want.into_iter().map(String::from).collect(), owner),
            "{}",
            config["mounts"]
        );
    }
}

#[test]
fn many_ranges_of_users_and_groups_are_each_their_own() {
    let Some(root) = root("many_ranges_of_users_and_groups_are_each_their_own") else { return };
    let source = source();
    let ranges = |of: u32| {
        let range = |n| json!({ "containerID": n, "hostID": of + n, "size": 1 });
        (0..64).map(range).collect::<Vec<_>>()
    };
    let mut mount = bind(&source, &["bind"]);
    (mount["uidMappings"], mount["gidMappings"]) = (json!(ranges(1000)), json!(ranges(2000)));
    let other = mapped(&source, &["bind", "ro"], 7);
    let mut config = config(&root, mount, "stat -c %u:%g /data/old /other/old; >/other/new || echo no");
    config["mounts"].as_array_mut().expect("a list").push(other);
    config["mounts"][3]["destination"] = json!("/other");
    assert_eq!(whose(&config, &source).0, ["1005:2006", "12:13", "no"]);
}

#[test]
fn the_map_of_a_joined_user_namespace_is_taken() {
    let Some(root) = root("the_map_of_a_joined_user_namespace_is_taken") else { return };
    let source = source();
    let holder = Bundle::of(&with_users(config(&root, bind(&source, &["bind"]), "sleep 1000"), 200_000));
    holder.good(&["run", "-d", "holder"]);
    let mut joined = with_users(config(&root, bind(&source, &["bind", "idmap"]), SCRIPT), 0);
    joined["linux"]["namespaces"][6]["path"] = json!(format!("/proc/{}/ns/user", holder.pid_of("holder")));
    joined["process"]["args"][2] = json!(format!("({SCRIPT}) >/data/said"));
    let bundle = Bundle::of(&joined);
    // Who runs it would have no rights over its cgroup behind the end.
    bundle.good(&["create", "a"]);
    bundle.good(&["start", "a"]);
    until("its end", || bundle.status_of("a") == "stopped");
    bundle.good(&["delete", "a"]);
    assert!(bundle.left().is_empty());
    holder.good(&["delete", "--force", "holder"]);
    let new = fs::metadata(source.join("new")).expect("what it has made");
    assert_eq!(fs::read_to_string(source.join("said")).expect("what it says"), "5:6\n0:0\n4\n");
    assert_eq!((new.uid(), new.gid()), (0, 0));
}

#[test]
fn what_is_mounted_below_is_mapped_where_that_is_asked_for() {
    let Some(root) = root("what_is_mounted_below_is_mapped_where_that_is_asked_for") else { return };
    let source = source();
    fs::create_dir(source.join("below")).expect("mkdir");
    for (kind, options, want) in [
        ("tmpfs", ["rbind", "idmap"], "1005 0"),
        ("tmpfs", ["rbind", "ridmap"], "1005 1000"),
        // Of proc there is no such thing.
        ("proc", ["rbind", "idmap"], "1005 0"),
        ("proc", ["rbind", "ridmap"], ""),
    ] {
        let config =
            config(&root, mapped(&source, &options, 1000), "echo $(stat -c %u /data/old /data/below)");
        let bundle = Bundle::of(&config);
        let script = format!("mount -t {kind} x {}/below; exec \"$@\"", source.display());
        let out = bundle
            .under(&["unshare", "-m", "--propagation", "private", "sh", "-ec", &script, "sh"], &["run", "a"]);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(String::from_utf8_lossy(&out.stdout).trim(), want, "{kind} {options:?}: {said}");
        assert_eq!(
            said.contains(": invalid argument (EINVAL): ranges overlap, or its file system"),
            want.is_empty(),
            "{said}"
        );
        assert!(bundle.left().is_empty());
    }
}

#[test]
fn a_mapped_mount_neither_sends_to_the_host_nor_receives_unless_asked_to() {
    let Some(root) = root("a_mapped_mount_neither_sends_to_the_host_nor_receives_unless_asked_to") else {
        return;
    };
    let source = source();
    let shared = ["unshare", "-m", "--propagation", "shared", "sh", "-ec", "exec \"$@\"", "sh"];
    for (options, propagation, want) in [
        (&["bind"][..], "", ""),
        (&["bind", "shared"], "", "shared:"),
        (&["bind"], "slave", "master:"),
        (&["bind", "private"], "slave", ""),
    ] {
        let script =
            "sed -n 's|^[0-9]* [0-9]* [0-9:]* [^ ]* /data [^ ]* \\(.*\\) - .*|\\1|p' /proc/self/mountinfo";
        let mut config = config(&root, mapped(&source, options, 1000), script);
        if !propagation.is_empty() {
            config["linux"]["rootfsPropagation"] = json!(propagation);
        }
        let out = Bundle::of(&config).under(&shared, &["run", "a"]);
        let said = String::from_utf8_lossy(&out.stdout).trim().to_string();
        let is_it = if want.is_empty() { said.is_empty() } else { said.starts_with(want) };
        assert!(out.status.success() && is_it, "{options:?} {propagation}: {said:?} {out:?}");
    }
}

#[test]
fn what_can_not_be_mapped_is_told_in_a_line() {
    let Some(root) = root("what_can_not_be_mapped_is_told_in_a_line") else { return };
    let source = source();
    let alone = |which: &str| {
        let mut mount = bind(&source, &["bind"]);
        mount[which] = map(0, 1);
        mount
    };
    let ranges = |ranges: Value| {
        let mut mount = bind(&source, &["bind"]);
        (mount["uidMappings"], mount["gidMappings"]) = (ranges, map(0, 1));
        mount
    };
    let no_bind = json!({ "destination": "/data", "type": "tmpfs", "source": "x", "options": ["idmap"] });
    let many = (0..65).map(|n| json!({ "containerID": n, "hostID": n, "size": 1 })).collect::<Vec<_>>();
    let at = |path: &str| mapped(Path::new(path), &["bind"], 0);
    for (mount, said) in [
        (bind(&source, &["bind", "idmap"]), "user namespace"),
        (bind(&source, &["rbind", "ridmap"]), "user namespace"),
        (alone("uidMappings"), "uidMappings and gidMappings"),
        (alone("gidMappings"), "uidMappings and gidMappings"),
        (no_bind, "ids are mapped of binds"),
        (ranges(json!([{ "containerID": 0, "hostID": 1 }])), "mounts.uidMappings: is missing"),
        (ranges(json!([{ "containerID": 0, "hostID": 1, "size": -1 }])), "mounts.uidMappings: not a number"),
        (ranges(json!(many)), "64 at most"),
        (
            ranges(json!([{ "containerID": 0, "hostID": 1, "size": 0 }])),
            &format!("map ids of {}: invalid argument (EINVAL): ranges overlap", source.display()),
        ),
        (
            ranges(
                json!([{ "containerID": 0, "hostID": 1, "size": 9 }, { "containerID": 1, "hostID": 20, "size": 1 }]),
            ),
            &format!("map ids of {}: invalid argument (EINVAL): ranges overlap", source.display()),
        ),
        (at("/proc"), "map ids of /proc: invalid argument (EINVAL): ranges overlap, or its file system"),
        (at("/no/such/place"), "map ids of /no/such/place: no such file"),
    ] {
        let bundle = Bundle::of(&config(&root, mount.clone(), "true"));
        bundle.bad(&["create", "a"], said);
        assert!(bundle.left().is_empty(), "{mount}");
    }
    // Whoever does not own the file system is told so; and a mount that is mapped is not mapped again.
    let dir = folder(Who::User);
    let mut users = with_users(config(&root, bind(&source, &["bind", "idmap"]), "true"), UID);
    for side in ["uidMappings", "gidMappings"] {
        users["linux"][side] = map(UID, 1);
    }
    fs::write(dir.join("config.json"), users.to_string()).expect("config.json");
    fs::set_permissions(oci(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("chmod");
    let out = Command::new("setpriv")
        .args(["--reuid=1234", "--regid=1234", "--clear-groups"])
        .arg(oci())
        .args(["--root", "state", "run", "a"])
        .current_dir(&dir)
        .output()
        .expect("setpriv");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(is_one_line(&said) && said.contains("operation not permitted"), "{said}");
    assert_eq!(fs::read_dir(dir.join("state")).map_or(0, |dir| dir.count()), 0);
}

#[test]
fn a_runtime_that_waits_holds_no_mount() {
    let Some(root) = root("a_runtime_that_waits_holds_no_mount") else { return };
    let source = source();
    let descriptors = |mount| {
        let bundle = Bundle::of(&config(&root, mount, "sleep 1000"));
        let mut run = bundle.command(&[], &["run", "a"]).spawn().expect("vesicle-oci");
        until("its command", || bundle.status_of("a") == "running");
        // It has closed what it has no use for soon after its command runs.
        let count = || fs::read_dir(format!("/proc/{}/fd", run.id())).expect("descriptors").count();
        let count = (0..50).map(|_| (std::thread::sleep(Duration::from_millis(5)), count()).1).min();
        bundle.good(&["delete", "--force", "a"]);
        run.wait().expect("wait");
        count
    };
    assert_eq!(descriptors(bind(&source, &["bind"])), descriptors(mapped(&source, &["bind"], 7)));
}

/// Of a file system of his own, in a user namespace of his own, everybody maps ids.
#[test]
fn who_owns_a_file_system_in_a_user_namespace_maps_its_ids() {
    let Some(root) = root("who_owns_a_file_system_in_a_user_namespace_maps_its_ids") else { return };
    let script = "grep ' /data ' /proc/self/mountinfo | grep -o idmapped";
    let own = folder(Who::Root);
    let mut mount = bind(&own, &["bind"]);
    (mount["uidMappings"], mount["gidMappings"]) = (map(0, 1), map(0, 1));
    let bundle = Bundle::of(&config(&root, mount, script));
    // With a map that does not deny setgroups(2), which only root can write, from outside.
    let script = format!(
        "mkfifo fifo; unshare -U -m sh -ec 'read go <fifo; mount -t tmpfs x {}; exec \"$@\"' sh \"$@\" & \
        until [ \"$(readlink /proc/$!/ns/user)\" != \"$(readlink /proc/$$/ns/user)\" ]; do sleep 0.01; done; \
        for map in uid_map gid_map; do echo 0 0 1000 >/proc/$!/$map; done; echo >fifo; wait $!",
        own.display()
    );
    let out = bundle.under(&["sh", "-ec", &script, "sh"], &["run", "a"]);
    assert_eq!(String::from_utf8_lossy(&out.stdout).trim(), "idmapped", "{out:?}");
    assert!(bundle.left().is_empty());
}

/// A mount namespace with a mount of its own in `source`.
fn holder(source: &Path) -> std::process::Child {
    let script = format!("mount -t tmpfs x {0} && >{0}/there && exec sleep 1000", source.display());
    let holder = Command::new("unshare")
        .args(["-m", "--propagation", "private", "sh", "-ec", &script])
        .spawn()
        .expect("unshare");
    until("its command", || {
        fs::read_to_string(format!("/proc/{}/comm", holder.id())).is_ok_and(|comm| comm.trim() == "sleep")
    });
    holder
}

#[test]
fn a_mount_namespace_by_path_is_joined_and_the_root_is_that_of_the_bundle() {
    let Some(root) = root("a_mount_namespace_by_path_is_joined_and_the_root_is_that_of_the_bundle") else {
        return;
    };
    let before = mounts();
    let bundle = Bundle::of(&json!({}));
    let source = bundle.dir.join("source");
    fs::create_dir(&source).expect("mkdir");
    for no_pivot in [false, true] {
        let mut holder = holder(&source);
        let path = format!("/proc/{}/ns/mnt", holder.id());
        let theirs = fs::read_link(&path).expect("a link");
        // From the bundle on.
        let script = "readlink /proc/self/ns/mnt; ls /data /; pwd";
        let mut config = config(&root, bind(Path::new("source"), &["rbind"]), script);
        config["linux"]["namespaces"][0]["path"] = json!(path);
        bundle.set(&config);
        let out = bundle.call(if no_pivot { &["run", "--no-pivot", "a"] } else { &["run", "a"] });
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
        assert!(said.starts_with(&format!("{}\n/:\n", theirs.display())), "{said}");
        assert!(said.contains("/data:\nthere\n") && said.ends_with("\n/\n"), "{said}");
        assert!(bundle.left().is_empty());
        holder.kill().expect("kill");
        holder.wait().expect("wait");
    }
    assert_eq!(new_mounts(&before), Vec::<String>::new());
}

#[test]
fn a_mount_namespace_that_is_the_callers_or_none_is_refused() {
    let Some(root) = root("a_mount_namespace_that_is_the_callers_or_none_is_refused") else { return };
    let before = mounts();
    for (path, said) in [
        ("/proc/self/ns/mnt", "the one we are in"),
        ("/proc/self/ns/net", "no namespace of this kind"),
        ("/no/such/file", "no such file"),
        ("/proc/1/ns/mnt", "join namespace /proc/1/ns/mnt"),
    ] {
        let mut config = plain(&root);
        config["linux"]["namespaces"][0]["path"] = json!(path);
        let bundle = Bundle::of(&config);
        bundle.bad(&["create", "a"], said);
        assert!(bundle.left().is_empty());
    }
    assert_eq!(new_mounts(&before), Vec::<String>::new());
}
