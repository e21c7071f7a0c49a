//! What the kernel takes a process of vesicle-oci for: its scheduling, its personality, its labels.
#![cfg(feature = "oci")]

mod common;

use common::bundle::*;
use common::*;
use serde_json::{Value, json};
use std::fs;
use std::time::Instant;

/// A bundle whose command is this script, with more in `process` and in `linux`; none where that can't be.
fn bundle(name: &str, script: &str, process: Value, linux: Value) -> Option<Bundle> {
    let Some(root) = rootfs(Who::Root).filter(|_| is_root()) else {
        skip(name, "not root");
        return None;
    };
    let mut config = plain(&root);
    config["process"]["args"] = json!(["/bin/sh", "-c", script]);
    for (place, more) in [("process", process), ("linux", linux)] {
        let object = config[place].as_object_mut().expect("an object");
        object.extend(more.as_object().expect("an object").clone());
    }
    Some(Bundle::of(&config))
}

/// What a container says whose `process` and `linux` have more.
#[track_caller]
fn says(bundle: &Bundle) -> String {
    let said = bundle.good(&["run", "a"]);
    assert!(bundle.left().is_empty(), "{:?}", bundle.left());
    said.trim().to_string()
}

#[test]
fn scheduler_and_io_priority_are_those_of_the_file() {
    // proc_pid_stat(5): the nice value is the 19th field, the policy the 41st.
    let script = "cut -d' ' -f19,40,41 /proc/self/stat; ionice";
    let plain = "0 0 0";
    for (process, want) in [
        (json!({}), plain),
        (json!({ "scheduler": { "policy": "SCHED_BATCH", "nice": 5 } }), "5 0 3"),
        (json!({ "scheduler": { "policy": "SCHED_IDLE" } }), "0 0 5"),
        (
            json!({ "scheduler": { "policy": "SCHED_OTHER", "nice": 19, "flags": ["SCHED_FLAG_RESET_ON_FORK"] } }),
            "19 0 0",
        ),
        (json!({ "ioPriority": { "class": "IOPRIO_CLASS_IDLE", "priority": 0 } }), "0 0 0\nidle"),
        (
            json!({ "ioPriority": { "class": "IOPRIO_CLASS_BE", "priority": 6 } }),
            "0 0 0\nbest-effort: prio 6",
        ),
    ] {
        let name = "scheduler_and_io_priority_are_those_of_the_file";
        let Some(bundle) = bundle(name, script, process.clone(), json!({})) else { return };
        let said = says(&bundle);
        assert!(said.starts_with(want), "{process}: {said}");
    }
}

#[test]
fn personality_is_that_of_the_file_for_its_first_process_and_for_others() {
    let name = "personality_is_that_of_the_file_for_its_first_process_and_for_others";
    let script = "uname -m; [ ! -e /wait ] || sleep 1000";
    let machine = |linux| bundle(name, script, json!({}), linux).map(|bundle| says(&bundle));
    let Some(own) = machine(json!({ "personality": { "domain": "LINUX" } })) else { return };
    let narrow = match own.as_str() {
        "x86_64" => "i686",
        "aarch64" => "armv8l",
        other => panic!("{other}"),
    };
    let linux = json!({ "personality": { "domain": "LINUX32" } });
    assert_eq!(machine(linux.clone()).as_deref(), Some(narrow));
    let bundle = bundle(name, "sleep 1000", json!({}), linux).expect("a bundle");
    bundle.good(&["create", "a"]);
    bundle.good(&["start", "a"]);
    assert_eq!(bundle.good(&["exec", "a", "/bin/uname", "-m"]).trim(), narrow);
    bundle.good(&["delete", "--force", "a"]);
}

#[test]
fn a_process_that_joins_has_the_cpus_that_are_said() {
    let name = "a_process_that_joins_has_the_cpus_that_are_said";
    let Some(bundle) = bundle(name, "sleep 1000", json!({}), json!({})) else { return };
    bundle.good(&["create", "a"]);
    bundle.good(&["start", "a"]);
    let file = bundle.dir.join("process.json");
    let file = file.to_str().expect("UTF-8");
    let own = json!({
        "user": { "uid": 0, "gid": 0 }, "cwd": "/", "env": ["PATH=/bin"],
        "args": ["/bin/grep", "Cpus_allowed_list", "/proc/self/status"],
    });
    for (affinity, want) in [
        (json!({ "initial": "0" }), "0"),
        (json!({ "initial": "0", "final": "1" }), "1"),
        (json!({ "final": "0-1" }), "0-1"),
    ] {
        let mut process = own.clone();
        process["execCPUAffinity"] = affinity.clone();
        fs::write(file, process.to_string()).expect("process.json");
        let said = bundle.good(&["exec", "--process", file, "a"]);
        assert_eq!(said.trim().rsplit('\t').next(), Some(want), "{affinity}");
    }
    for affinity in [json!({ "initial": "0-" }), json!({ "final": "1-0" }), json!({ "final": "99999" })] {
        let mut process = own.clone();
        process["execCPUAffinity"] = affinity.clone();
        fs::write(file, process.to_string()).expect("process.json");
        let out = bundle.call(&["exec", "--process", file, "a"]);
        assert!(!out.status.success(), "{affinity}");
        let line = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(is_one_line(&line) && line.contains("process.execCPUAffinity"), "{affinity}: {line}");
    }
    bundle.good(&["delete", "--force", "a"]);
}

/// Where a module is on there are tests in virtual machines.
#[test]
fn a_label_of_a_module_that_is_off_is_an_error_and_never_passed_over() {
    let name = "a_label_of_a_module_that_is_off_is_an_error_and_never_passed_over";
    let enabled = fs::read_to_string("/sys/module/apparmor/parameters/enabled").unwrap_or_default();
    let mut cases = vec![(json!({ "selinuxLabel": "u:r:t:s0" }), "set SELinux label u:r:t:s0")];
    if enabled.trim() != "Y" {
        cases.push((
            json!({ "apparmorProfile": "none-of-that-name" }),
            "set AppArmor profile none-of-that-name",
        ));
    }
    for (process, said) in cases {
        if said.contains("SELinux") && fs::exists("/sys/fs/selinux/enforce").is_ok_and(|there| there) {
            continue;
        }
        let Some(bundle) = bundle(name, "echo ran", process, json!({})) else { return };
        bundle.bad(&["run", "a"], said);
        bundle.bad(&["create", "a"], said);
        assert!(bundle.left().is_empty(), "{:?}", bundle.left());
    }
}

#[test]
fn what_the_kernel_does_not_know_is_refused_by_name() {
    for (place, name, value) in [
        ("process", "scheduler", json!({ "nice": 5 })),
        ("process", "scheduler", json!({ "policy": "SCHED_FAST" })),
        ("process", "scheduler", json!({ "policy": "BATCH" })),
        ("process", "scheduler", json!({ "policy": "SCHED_BATCH", "nice": 20 })),
        ("process", "scheduler", json!({ "policy": "SCHED_RR", "priority": 100 })),
        ("process", "scheduler", json!({ "policy": "SCHED_BATCH", "flags": ["SCHED_FLAG_ALL"] })),
        ("process", "scheduler", json!({ "policy": "SCHED_DEADLINE", "runtime": -1 })),
        ("process", "ioPriority", json!({ "class": "IOPRIO_CLASS_NONE" })),
        ("process", "ioPriority", json!({ "class": "IOPRIO_CLASS_BE", "priority": 8 })),
        ("process", "ioPriority", json!({ "priority": 3 })),
        ("linux", "personality", json!({ "domain": "LINUX64" })),
        ("linux", "personality", json!({ "domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"] })),
    ] {
        let more = json!({ name: value });
        let (process, linux) = if place == "process" { (more, json!({})) } else { (json!({}), more) };
        let test = "what_the_kernel_does_not_know_is_refused_by_name";
        let Some(bundle) = bundle(test, "echo ran", process, linux) else { return };
        bundle.bad(&["run", "a"], &format!("{place}.{name}"));
        assert!(bundle.left().is_empty(), "{:?}", bundle.left());
    }
}

/// What it goes through stands together in the file, linker/oci/order.ld: the rest is not in its memory.
#[test]
fn a_run_that_waits_has_had_little_memory() {
    let name = "a_run_that_waits_has_had_little_memory";
    let script = "echo there; exec sleep 1000";
    let Some(bundle) = bundle(name, script, json!({}), json!({})) else { return };
    let said = bundle.dir.join("said");
    let mut run = bundle.command(&[], &["run", "a"]);
    let mut run = run.stdout(fs::File::create(&said).expect("a file")).spawn().expect("vesicle-oci");
    let since = Instant::now();
    while fs::read(&said).expect("a file").is_empty() {
        assert!(since.elapsed() < PATIENCE, "it has not begun");
        std::thread::yield_now();
    }
    let status = fs::read_to_string(format!("/proc/{}/status", run.id())).expect("status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let peak: u32 = peak.expect("a peak").parse().expect("a number");
    bundle.good(&["kill", "a", "KILL"]);
    assert_eq!(run.wait().expect("its end").code(), Some(137));
    assert!(peak <= 208, "{peak} KiB");
}
