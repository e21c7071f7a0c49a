//! How the kernel treats a process: its scheduling, its personality.

use super::{Result, done};
use core::mem::size_of;

/// The sched_attr of sched_setattr(2), in the size that every kernel knows.
#[repr(C)]
#[derive(Clone, Copy, Default)]
#[allow(missing_docs)]
pub struct Scheduler {
    size: u32,
    pub policy: u32,
    pub flags: u64,
    pub nice: i32,
    pub priority: u32,
    /// Nanoseconds, as the next two.
    pub runtime: u64,
    pub deadline: u64,
    pub period: u64,
}

/// sched_setattr(2) of this process.
pub fn set_scheduler(scheduler: Scheduler) -> Result<()> {
    let attr = Scheduler { size: size_of::<Scheduler>() as u32, ..scheduler };
    // SAFETY: the kernel reads one sched_attr, whose size is its first field.
    unsafe { done!(sched_setattr, 0, &raw const attr, 0) }
}

/// ioprio_set(2) of this process: a class and a priority in it.
pub fn set_io_priority(priority: u16) -> Result<()> {
    const IOPRIO_WHO_PROCESS: u32 = 1;
    // SAFETY: no memory is involved.
    unsafe { done!(ioprio_set, IOPRIO_WHO_PROCESS, 0, priority) }
}

/// personality(2)
pub fn set_personality(personality: u32) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { done!(personality, personality) }
}
