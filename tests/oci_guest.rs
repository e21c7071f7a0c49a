//! vesicle-oci where there are cgroups of version 2 alone, in virtual machines: what of resources it promises by itself, and
//! what engines promise of limits over it. What each promises stands in tests/oci; tests/oci/guest runs it.
#![cfg(feature = "oci")]

mod common;

use common::*;
use std::process::Command;

/// Runs the cases of a file; each says `ok` or why not.
fn keeps_its_promises(name: &str, cases: &str) {
    if !is_root() {
        return skip(name, "not root");
    }
    let runtime =
        std::env::var_os("VESICLE_OCI_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_vesicle-oci").into());
    let mut guest = Command::new(sources().join("tests/oci/guest"));
    let out = guest.arg(runtime).arg(cases).output().expect("tests/oci/guest");
    let said = String::from_utf8_lossy(&out.stdout);
    println!("{said}{}", String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{}", out.status);
    assert!(said.lines().any(|line| line.starts_with("ok ")), "no case was run");
}

#[test]
fn resources_are_in_the_files_of_cgroups_and_hold() {
    keeps_its_promises("resources_are_in_the_files_of_cgroups_and_hold", "resources");
}

#[test]
fn podman_limits_containers() {
    keeps_its_promises("podman_limits_containers", "limits/podman");
}

#[test]
fn containerd_limits_tasks() {
    keeps_its_promises("containerd_limits_tasks", "limits/containerd");
}

#[test]
fn docker_limits_containers() {
    keeps_its_promises("docker_limits_containers", "limits/docker");
}
