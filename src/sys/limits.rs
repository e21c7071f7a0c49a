//! What a process may use, and what it is worth to the kernel.

use super::{Errno, Pid, Result, ZStr, call, done};
use crate::text::Text;
use core::mem::size_of;
use linux_raw_sys::general as c;

/// So many CPUs the kernel has at most, on whatever machine: NR_CPUS of its Kconfig files.
pub const MAX_CPUS: usize = 8192;

/// The number of the limit of open files.
#[cfg(feature = "fs")]
pub const RLIMIT_NOFILE: u8 = c::RLIMIT_NOFILE as u8;

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

/// setpriority(2) of one process; 0 is ourselves.
pub fn set_nice(pid: Pid, nice: i32) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { done!(setpriority, c::PRIO_PROCESS, pid.0, nice) }
}

/// prlimit(2): sets both limits of a resource. EPERM.
pub fn set_rlimit(pid: Pid, resource: u8, soft: u64, hard: u64) -> Result<()> {
    let limit = c::rlimit64 { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the kernel reads one rlimit64.
    unsafe { done!(prlimit64, pid.0, resource, &raw const limit, 0) }
}

/// prlimit(2): the hard limit becomes `hard`, unless it is no lower. EPERM.
#[cfg(any(feature = "users", feature = "report", feature = "veth"))]
pub fn raise_rlimit(pid: Pid, resource: u8, hard: u64) -> Result<()> {
    let mut limit = c::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes one rlimit64.
    unsafe { done!(prlimit64, pid.0, resource, 0, &raw mut limit) }?;
    if limit.rlim_max >= hard { Ok(()) } else { set_rlimit(pid, resource, limit.rlim_cur, hard) }
}

/// Writes a /proc/PID/oom_score_adj, proc_pid_oom_score_adj(5), if it is one: EINVAL where it lies on something else.
#[inline(never)]
pub fn set_oom_score(path: ZStr<'_>, score: i64) -> Result<()> {
    let file = super::open(path, super::O_WRONLY)?;
    let done = match super::file_system(file) {
        Ok((super::PROC_SUPER_MAGIC, _)) => {
            let mut room = [0; 8];
            let mut text = Text::on(&mut room);
            if score < 0 {
                text.put(b'-');
            }
            super::write(file, text.number(score.unsigned_abs()).get())
        }
        other => other.and(Err(Errno::EINVAL)),
    };
    super::close(file);
    done
}
