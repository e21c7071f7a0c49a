//! What a container has used is told, once or again and again until its end.
#![cfg(feature = "oci")]

mod common;

use common::bundle::*;
use common::*;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// A container that runs, in a cgroup; none where that can't be.
fn running(name: &str) -> Option<Bundle> {
    if !is_root() {
        skip(name, "not root");
        return None;
    }
    let bundle = Bundle::plain();
    bundle.good(&["create", "a"]);
    bundle.good(&["start", "a"]);
    if bundle.cgroups().is_empty() {
        bundle.good(&["delete", "--force", "a"]);
        skip(name, "no cgroup2");
        return None;
    }
    Some(bundle)
}

/// A line of it, where numbers stand whose values are known.
#[track_caller]
fn check(line: &str) {
    let event: Value = serde_json::from_str(line).expect(line);
    assert_eq!((&event["type"], &event["id"]), (&"stats".into(), &"a".into()), "{line}");
    let data = &event["data"];
    for place in ["/cpu/usage/total", "/memory/usage/usage", "/pids/current", "/cpu/throttling/periods"] {
        assert!(data.pointer(place).is_some_and(Value::is_u64), "{place}: {line}");
    }
    assert!(
        data["blkio"]["ioServiceBytesRecursive"].is_array() && data["memory"]["raw"].is_object(),
        "{line}"
    );
}

#[test]
fn what_a_container_has_used_is_told_once() {
    let Some(bundle) = running("what_a_container_has_used_is_told_once") else { return };
    let said = bundle.good(&["events", "--stats", "a"]);
    assert_eq!(said.lines().count(), 1, "{said}");
    check(said.trim());
    // All of the CPU time of a group stands in cpu.stat, also without the controller.
    let event: Value = serde_json::from_str(&said).expect("JSON");
    assert!(event["data"]["cpu"]["usage"]["total"].as_u64().is_some_and(|time| time > 0), "{said}");
    for interval in ["0s", "5", "-1s", "1d", ""] {
        bundle.bad(&["events", "--interval", interval, "a"], "option");
    }
    bundle.bad(&["events", "--stats", "nobody"], "does not exist");
    bundle.good(&["kill", "a", "KILL"]);
    until("its end", || bundle.status_of("a") == "stopped");
    bundle.bad(&["events", "--stats", "a"], "not running");
    bundle.good(&["delete", "a"]);
}

#[test]
fn it_is_told_again_and_again_until_the_end() {
    let Some(bundle) = running("it_is_told_again_and_again_until_the_end") else { return };
    let mut child = bundle
        .command(&[], &["events", "--interval", "10ms", "a"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("vesicle-oci");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
    for _ in 0..3 {
        check(&lines.next().expect("a line").expect("UTF-8"));
    }
    bundle.good(&["delete", "--force", "a"]);
    lines.for_each(|line| check(&line.expect("UTF-8")));
    assert!(child.wait().expect("wait").success());
}
