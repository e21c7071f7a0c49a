//! What a process may use: CPUs.

use super::{Result, call, done};

/// So many CPUs the kernel has at most, on whatever machine: NR_CPUS of its Kconfig files.
pub const MAX_CPUS: usize = 8192;

/// Some of all CPUs that there can be: CPU n is bit `n & 7` of byte `n >> 3`, as the bits of the kernel's words lie on a
/// little-endian machine.
#[derive(PartialEq, Eq)]
pub struct CpuSet([u8; MAX_CPUS / 8]);

impl Default for CpuSet {
    fn default() -> Self {
        CpuSet([0; MAX_CPUS / 8])
    }
}

impl CpuSet {
    /// Adds one.
    pub fn add(&mut self, cpu: usize) {
        if let Some(byte) = self.0.get_mut(cpu >> 3) {
            *byte |= 1 << (cpu & 7);
        }
    }
}

/// sched_setaffinity(2) of this process. EINVAL where none of them is there and allowed.
pub fn set_affinity(cpus: &CpuSet) -> Result<()> {
    // SAFETY: the kernel reads that many bytes at most.
    unsafe { done!(sched_setaffinity, 0, size_of::<CpuSet>(), cpus.0.as_ptr()) }
}

/// sched_getaffinity(2) of this process: those that are online. Bits of CPUs that the kernel doesn't know are left as they are.
pub fn affinity(cpus: &mut CpuSet) -> Result<()> {
    // SAFETY: the kernel writes that many bytes at most.
    unsafe { call!(sched_getaffinity, 0, size_of::<CpuSet>(), cpus.0.as_mut_ptr()) }.map(drop)
}
