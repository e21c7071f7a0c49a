//! What a run of the benchmark found out: as it stands in the JSON.

use crate::statistics::Interval;
use serde::{Deserialize, Serialize};

/// All of it.
#[derive(Default, Serialize, Deserialize)]
pub struct Results {
    pub machine: Machine,
    pub cases: Vec<Case>,
}

/// Where it was measured.
#[derive(Default, Serialize, Deserialize)]
pub struct Machine {
    pub kernel: String,
    pub cpu: String,
    pub cores: usize,
    pub memory_mib: u64,
    /// Whether a hypervisor is below: then CPUID traps.
    pub is_virtual: bool,
    pub mounts: usize,
}

/// A case, for a growing one at one size.
#[derive(Serialize, Deserialize)]
pub struct Case {
    pub name: String,
    pub title: String,
    /// How many there are of what grows.
    pub at: Option<usize>,
    pub rows: Vec<Row>,
}

/// One tool in a case.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Row {
    pub tool: String,
    pub version: Option<String>,
    /// Its command line, before the names in it are filled in.
    pub words: String,
    /// In what it does something else than vesicle.
    pub differs: Option<String>,
    /// Why there are no figures, or not all.
    pub failed: Option<String>,
    /// Of its file.
    pub bytes: Option<u64>,
    pub times: Option<Times>,
    /// Up to the payload's execve, in all its processes.
    pub system_calls: Option<u64>,
    /// CPUID instructions up to there.
    pub cpuid: Option<String>,
    /// Instructions in user mode up to there.
    pub instructions: Option<String>,
    /// Of all its processes, to the end.
    pub page_faults: Option<u64>,
    /// Of the largest of its processes, the payload left out.
    pub peak_kib: Option<u64>,
    /// Launches a second, all cores together.
    pub per_second: Option<Interval>,
    pub per_second_to_floor: Option<Interval>,
    pub memory: Option<Memory>,
    pub living: Option<Living>,
}

/// Microseconds from before the spawn until it was waited for.
#[derive(Clone, Serialize, Deserialize)]
pub struct Times {
    pub rounds: usize,
    pub min: f64,
    pub median: f64,
    pub p99: f64,
    /// Over the floor's, pair by pair.
    pub to_floor: Option<Interval>,
    /// Over vesicle's, pair by pair.
    pub to_vesicle: Option<Interval>,
}

/// KiB that a container that sleeps takes, with its launcher.
#[derive(Clone, Serialize, Deserialize)]
pub struct Memory {
    /// What MemAvailable is less by.
    pub all: f64,
    /// What Slab is more by: the kernel's objects.
    pub slab: f64,
    /// KernelStack and PageTables.
    pub stacks_and_tables: f64,
}

/// Of containers that live.
#[derive(Clone, Serialize, Deserialize)]
pub struct Living {
    /// Of the launcher that has the most.
    pub private_kib: u64,
    /// How long the last of them took to start over how long the first took: the fastest of a hundred each.
    pub last_to_first: f64,
    /// What was left when all had been ended: known of the largest number alone.
    pub left: Vec<String>,
}

impl Case {
    /// Its name, and its size where it grows.
    pub fn label(&self) -> String {
        self.at.map_or(self.name.clone(), |n| format!("{} {n}", self.name))
    }
}
