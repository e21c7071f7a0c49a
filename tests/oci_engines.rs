//! vesicle-oci under the engines that start containers by an OCI runtime: the engines of Debian, unpacked beside the
//! machine's own and started in namespaces of their own, by tests/oci/engines. What each promises stands in tests/oci.
#![cfg(feature = "oci")]

mod common;

use common::*;
use std::path::Path;
use std::process::Command;

/// Runs the cases of a file; each says `ok` or why not.
fn keeps_its_promises(name: &str, engine: &str) {
    if !is_root() {
        say(&format!("SKIP {name}: not root"));
        return;
    }
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let runtime =
        std::env::var_os("VESICLE_OCI_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_vesicle-oci").into());
    let out = Command::new(top.join("tests/oci/engines"))
        .arg(runtime)
        .arg(engine)
        .output()
        .expect("tests/oci/engines");
    let said = String::from_utf8_lossy(&out.stdout);
    println!("{said}{}", String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{}", out.status);
    assert!(said.lines().any(|line| line.starts_with("ok ")), "no case was run");
}

#[test]
fn podman_runs_stops_and_joins_containers() {
    keeps_its_promises("podman_runs_stops_and_joins_containers", "podman");
}

#[test]
fn users_who_are_not_root_have_containers() {
    keeps_its_promises("users_who_are_not_root_have_containers", "rootless");
}

#[test]
fn containerd_runs_tasks() {
    keeps_its_promises("containerd_runs_tasks", "containerd");
}

#[test]
fn containerd_runs_pods_for_kubernetes() {
    keeps_its_promises("containerd_runs_pods_for_kubernetes", "cri");
}

#[test]
fn docker_runs_builds_and_restarts() {
    keeps_its_promises("docker_runs_builds_and_restarts", "docker");
}

#[test]
fn buildah_builds_and_bundles_of_umoci_run() {
    keeps_its_promises("buildah_builds_and_bundles_of_umoci_run", "buildah");
}
