//! vesicle-oci on several nodes: each has a network namespace of its own, all are on one cable, which can be cut. What is
//! promised stands in tests/oci.
#![cfg(feature = "oci")]

#[path = "common/cases.rs"]
mod cases;
mod common;

use cases::kept;

#[test]
fn docker_swarm_spreads_replicas_and_heals() {
    kept("docker_swarm_spreads_replicas_and_heals", "engines", "swarm");
}

#[test]
fn slurm_runs_jobs_on_both_nodes_and_again_where_one_is_lost() {
    kept("slurm_runs_jobs_on_both_nodes_and_again_where_one_is_lost", "engines", "slurm");
}
