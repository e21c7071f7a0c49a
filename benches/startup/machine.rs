//! What the figures were measured on.

use crate::results::Machine;
use std::fs;

/// This machine.
pub fn this() -> Machine {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let field = |name: &str| {
        let line = cpu.lines().find(|l| l.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_string())
    };
    let memory =
        read("/proc/meminfo").split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    Machine {
        kernel: read("/proc/sys/kernel/osrelease").trim().to_string(),
        cpu: field("model name").or(field("CPU part")).unwrap_or_default(),
        cores: std::thread::available_parallelism().map_or(1, |n| n.get()),
        memory_mib: memory / 1024,
        is_virtual: field("flags").is_some_and(|f| f.split(' ').any(|f| f == "hypervisor")),
        mounts: read("/proc/self/mountinfo").lines().count(),
    }
}
