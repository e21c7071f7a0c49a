//! vesicle-oci by the bundles that real engines have written, and by what is left of them when they are spoilt.
#![cfg(feature = "oci")]

mod common;

use common::bundle::{Bundle, oci, until};
use common::*;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn files(below: &str) -> Vec<PathBuf> {
    let dir = sources().join("tests/oci").join(below);
    let mut files: Vec<_> =
        fs::read_dir(dir).expect("tests/oci").map(|e| e.expect("an entry").path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".json"));
    files.sort();
    files
}

fn read(file: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(file).expect("a file")).expect("JSON")
}

/// The configs of engines, as this machine can have them: its own rootfs, none of the engine's files and sockets, no limits where
/// there may be no controllers, no namespace of a process that has ended.
fn captured(root: &Path) -> Vec<(String, Value)> {
    let files = files("captured").into_iter().filter(|f| f.to_string_lossy().ends_with(".config.json"));
    let adapted = files.map(|file| {
        let mut config = read(&file);
        config["root"]["path"] = json!(root);
        config["hooks"] = json!({});
        let process = config["process"].as_object_mut().expect("process");
        for key in ["terminal", "consoleSize", "rlimits", "oomScoreAdj", "apparmorProfile"] {
            process.remove(key);
        }
        process.insert("args".into(), json!(["/bin/sh", "-c", "echo up $(id -u)"]));
        let mounts = config["mounts"].as_array_mut().expect("mounts");
        mounts.retain(|mount| mount["type"] != "bind");
        let linux = config["linux"].as_object_mut().expect("linux");
        for namespace in linux["namespaces"].as_array_mut().expect("namespaces") {
            namespace.as_object_mut().expect("a namespace").remove("path");
        }
        let devices = linux.get("resources").map(|r| r["devices"].clone());
        linux.insert("resources".into(), json!({ "devices": devices }));
        linux.remove("cgroupsPath");
        (file.file_name().expect("a name").to_string_lossy().into_owned(), config)
    });
    adapted.collect()
}

#[test]
fn what_engines_have_written_runs() {
    let Some(root) = rootfs(Who::Root).filter(|_| is_root()) else {
        return skip("what_engines_have_written_runs", "not root");
    };
    let before = mounts();
    let captured = captured(&root);
    assert!(captured.len() >= 15, "{}", captured.len());
    for (name, config) in captured {
        let bundle = Bundle::of(&config);
        let out = bundle.call(&["run", "a"]);
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        let uid = &config["process"]["user"]["uid"];
        assert!(out.status.success() && said.trim() == format!("up {uid}"), "{name}: {out:?}");
        assert_eq!(bundle.left(), Vec::<PathBuf>::new(), "{name}");
    }
    assert_eq!(new_mounts(&before), Vec::<String>::new());
}

#[test]
fn examples_that_break_the_schema_give_an_error_and_leave_nothing() {
    if !is_root() {
        return skip("examples_that_break_the_schema_give_an_error_and_leave_nothing", "not root");
    }
    let files = files("schema/test/config/bad");
    assert!(files.len() >= 4);
    for file in files {
        let bundle = Bundle::of(&json!({}));
        fs::copy(&file, bundle.dir.join("config.json")).expect("config.json");
        let out = bundle.call(&["create", "a"]);
        assert_eq!((out.status.code(), bundle.left().len()), (Some(1), 0), "{file:?}: {out:?}");
        assert!(out.stderr.starts_with(b"vesicle-oci: "), "{file:?}: {out:?}");
    }
}

/// A place in a document, other than its root filesystem: there the host's own tree would be taken for one.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    if at == "/root" {
        return;
    }
    if !at.is_empty() {
        all.push(at.to_string());
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                places(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), all);
            }
        }
        Value::Array(list) => {
            for (n, value) in list.iter().enumerate() {
                places(value, &format!("{at}/{n}"), all);
            }
        }
        _ => {}
    }
}

#[test]
fn five_hundred_mutations_fail_or_work_and_leave_nothing() {
    let name = "five_hundred_mutations_fail_or_work_and_leave_nothing";
    let Some(root) = rootfs(Who::Root).filter(|_| is_root()) else { return skip(name, "not root") };
    let before = mounts();
    let captured = captured(&root);
    let bundle = Bundle::of(&json!({}));
    let mut random = fastrand::Rng::with_seed(9);
    let (mut refused, mut made) = (0, 0);
    for n in 0..500 {
        let (name, good) = &captured[random.usize(..captured.len())];
        let mut config = good.clone();
        config["linux"]["cgroupsPath"] = json!(format!("/{}", bundle.cgroup));
        let mut all = Vec::new();
        places(&config, "", &mut all);
        // Not one name in the long list of a filter, time and again.
        all.retain(|place| !place.contains("/seccomp/syscalls/") || random.u8(..) < 8);
        let place = &all[random.usize(..all.len())];
        let spoilt = [
            Value::Null,
            json!(true),
            json!(-1),
            json!(u64::MAX),
            json!(1.5),
            json!(""),
            json!("x"),
            json!("../../x"),
            json!("x".repeat(5000)),
            json!("a\u{0}b"),
            json!([]),
            json!({}),
            json!([null]),
            json!({ "x": 1 }),
        ];
        *config.pointer_mut(place).expect("a place") = spoilt[random.usize(..spoilt.len())].clone();
        fs::write(bundle.dir.join("config.json"), config.to_string()).expect("config.json");
        let out = bundle.call(&["create", "a"]);
        let shown = || format!("{n}: {name} {place}: {} {out:?}", config.pointer(place).expect("it"));
        if out.status.success() {
            made += 1;
            let gone = bundle.call(&["delete", "--force", "a"]);
            assert!(gone.status.success(), "{}: {gone:?}", shown());
        } else {
            refused += 1;
            assert_eq!(out.status.code(), Some(1), "{}", shown());
            assert!(out.stderr.starts_with(b"vesicle-oci: "), "{}", shown());
        }
        assert_eq!(bundle.left(), Vec::<PathBuf>::new(), "{}", shown());
    }
    assert!(refused > 20 && made > 20, "{refused} refused, {made} made");
    assert_eq!(new_mounts(&before), Vec::<String>::new());
    say(&format!("{refused} refused, {made} made and deleted"));
}

#[test]
fn a_run_in_the_foreground_keeps_nobody_out_and_ends_as_its_command_does() {
    let name = "a_run_in_the_foreground_keeps_nobody_out_and_ends_as_its_command_does";
    let Some(root) = rootfs(Who::Root).filter(|_| is_root()) else { return skip(name, "not root") };
    let (_, mut config) = captured(&root).swap_remove(0);
    config["process"]["args"] = json!(["/bin/sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done"]);
    let told = folder(Who::Root).join("hook");
    let script = format!("read state; echo \"$state\" >{}", told.display());
    config["hooks"] = json!({ "poststop": [{ "path": "/bin/sh", "args": ["sh", "-c", script] }] });
    for keeps in [false, true] {
        let bundle = Bundle::of(&config);
        let words: &[&str] = if keeps { &["run", "--keep", "a"] } else { &["run", "a"] };
        let mut run = bundle.command(&[], words).spawn().expect("vesicle-oci");
        until("its start", || bundle.status_of("a") == "running");
        // The shell may not have its trap yet: then the kernel keeps the signal from process 1.
        until("its end", || {
            bundle.call(&["kill", "a", "TERM"]);
            run.try_wait().expect("wait").is_some()
        });
        assert_eq!(run.wait().expect("wait").code(), Some(7));
        assert_eq!((bundle.status_of("a") == "stopped", told.exists()), (keeps, !keeps));
        if keeps {
            bundle.good(&["delete", "a"]);
        }
        let state: Value =
            serde_json::from_slice(&fs::read(&told).expect("what the hook was told")).expect("JSON");
        assert_eq!((&state["status"], &state["id"]), (&json!("stopped"), &json!("a")));
        fs::remove_file(&told).expect("it");
        assert_eq!(bundle.left(), Vec::<PathBuf>::new());
    }
}

#[test]
fn where_there_is_no_cgroup2_a_container_without_limits_has_none_and_can_be_deleted() {
    let name = "where_there_is_no_cgroup2_a_container_without_limits_has_none_and_can_be_deleted";
    let Some(root) = rootfs(Who::Root).filter(|_| is_root()) else { return skip(name, "not root") };
    let (_, mut config) = captured(&root).swap_remove(0);
    config["mounts"].as_array_mut().expect("mounts").retain(|mount| mount["type"] != "cgroup");
    let bundle = Bundle::of(&config);
    let script = "umount -R /sys/fs/cgroup; for verb in 'run a' 'create b' 'start b' 'delete --force b'; do \"$0\" --root state $verb || exit; done";
    let out = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-ec", script])
        .arg(oci())
        .current_dir(&bundle.dir)
        .stdin(Stdio::null())
        .output()
        .expect("unshare");
    assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
    assert_eq!(bundle.left(), Vec::<PathBuf>::new());
    let limited = json!({ "resources": { "pids": { "limit": 9 } } });
    config["linux"]["resources"] = limited["resources"].clone();
    let bundle = Bundle::of(&config);
    let script = "umount -R /sys/fs/cgroup; ! \"$0\" --root state run a";
    let out = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-ec", script])
        .arg(oci())
        .current_dir(&bundle.dir)
        .output()
        .expect("unshare");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && said.contains("no cgroup2"), "{out:?}");
    assert_eq!(bundle.left(), Vec::<PathBuf>::new());
}

/// Of all kinds but those inside, and in a container that joins namespaces by their paths.
#[test]
fn hooks_run_in_the_namespaces_of_the_runtime_whatever_is_joined() {
    let name = "hooks_run_in_the_namespaces_of_the_runtime_whatever_is_joined";
    let Some(root) = rootfs(Who::Root).filter(|_| is_root()) else { return skip(name, "not root") };
    let mut other = Command::new("unshare")
        .args(["--net", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "sleep", "1000"])
        .spawn()
        .expect("unshare");
    // Until there is somebody in it.
    let first = loop {
        if let Some(first) = children(other.id() as i32).first() {
            break *first;
        }
        std::thread::yield_now();
    };
    let kinds = ["net", "uts", "ipc", "pid"];
    let script = "cat > /dev/null; echo $0 >> $1; for n in net uts ipc pid; do readlink /proc/self/ns/$n >> $1; done; exit $2";
    let bundle = Bundle::of(&json!({}));
    let told = bundle.dir.join("told");
    let hooks = |fails: &str| {
        let hook = |kind: &str| {
            let code = if kind == fails { "3" } else { "0" };
            json!([{ "path": "/bin/sh", "args": ["sh", "-c", script, kind, told, code] }])
        };
        let kinds = ["prestart", "createRuntime", "poststart", "poststop"];
        kinds.iter().map(|kind| (kind.to_string(), hook(kind))).collect::<serde_json::Map<_, _>>()
    };
    let types = ["network", "uts", "ipc", "pid"];
    let mut namespaces: Vec<Value> = (kinds.iter().zip(types))
        .map(|(kind, of)| json!({ "type": of, "path": format!("/proc/{first}/ns/{kind}") }))
        .collect();
    namespaces.push(json!({ "type": "mount" }));
    let config = |fails: &str| {
        bundle.set(&json!({
            "ociVersion": "1.2.0", "root": { "path": root }, "hooks": hooks(fails),
            "process": { "args": ["/bin/true"], "cwd": "/", "user": { "uid": 0, "gid": 0 } },
            "linux": { "namespaces": namespaces },
        }));
    };
    config("");
    let out = bundle.call(&["run", "a"]);
    assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
    let own: Vec<String> = (kinds.iter())
        .map(|kind| {
            fs::read_link(format!("/proc/self/ns/{kind}")).expect("ours").to_string_lossy().into_owned()
        })
        .collect();
    let said = fs::read_to_string(&told).expect("what they say");
    let want = ["prestart", "createRuntime", "poststart", "poststop"]
        .iter()
        .map(|kind| format!("{kind}\n{}\n", own.join("\n")))
        .collect::<String>();
    assert_eq!(said, want);
    // One that fails ends it, and is named.
    config("createRuntime");
    let out = bundle.call(&["run", "a"]);
    assert_eq!(String::from_utf8_lossy(&out.stderr), "vesicle-oci: run hook /bin/sh: it failed\n");
    assert_eq!((out.status.code(), bundle.left().len()), (Some(1), 0));
    other.kill().expect("kill");
    other.wait().expect("wait");
}

/// As runc: 1 is the command's own.
#[test]
fn what_could_not_be_executed_exits_with_255() {
    let name = "what_could_not_be_executed_exits_with_255";
    let Some(root) = rootfs(Who::Root).filter(|_| is_root()) else { return skip(name, "not root") };
    let bundle = Bundle::of(&json!({
        "ociVersion": "1.2.0", "root": { "path": root },
        "process": { "args": ["/bin/sleep", "1000"], "cwd": "/", "user": { "uid": 0, "gid": 0 }, "env": ["PATH=/bin"] },
        "linux": { "namespaces": [{ "type": "mount" }, { "type": "pid" }] },
    }));
    assert!(bundle.call(&["run", "-d", "a"]).status.success());
    let code = |words: &[&str]| bundle.call(words).status.code();
    for detached in [&["exec"][..], &["exec", "-d"]] {
        for command in ["/bin/nothing", "nothing", "/"] {
            assert_eq!(code(&[detached, &["a", command]].concat()), Some(255), "{detached:?} {command}");
        }
    }
    assert_eq!(code(&["exec", "b", "/bin/true"]), Some(255));
    assert_eq!(code(&["exec", "a", "/bin/sh", "-c", "exit 1"]), Some(1));
    assert!(bundle.call(&["delete", "--force", "a"]).status.success());
}
