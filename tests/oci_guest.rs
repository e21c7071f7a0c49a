//! vesicle-oci where there are cgroups of version 2 alone, in virtual machines: what of resources it promises by itself, and
//! what engines promise of limits over it. What each promises stands in tests/oci; tests/oci/guest runs it.
#![cfg(feature = "oci")]

#[path = "common/cases.rs"]
mod cases;
mod common;

use cases::kept;

#[test]
fn resources_are_in_the_files_of_cgroups_and_hold() {
    kept("resources_are_in_the_files_of_cgroups_and_hold", "guest", "resources");
}

#[test]
fn podman_limits_containers() {
    kept("podman_limits_containers", "guest", "limits/podman");
}

#[test]
fn containerd_limits_tasks() {
    kept("containerd_limits_tasks", "guest", "limits/containerd");
}

#[test]
fn docker_limits_containers() {
    kept("docker_limits_containers", "guest", "limits/docker");
}

#[test]
fn who_gets_the_number_of_a_process_that_has_ended_is_left_alone() {
    kept("who_gets_the_number_of_a_process_that_has_ended_is_left_alone", "guest", "wrap");
}
