//! What a bundle wants the kernel to take COMMAND for: how it is scheduled, its personality, its labels.

use super::{Step, Steps};
use crate::sys::{Fd, Scheduler, ZStr};

/// Linux security modules that label what execve(2) makes.
pub const MODULES: usize = 2;

/// It; what was not said stays as it is.
#[derive(Default)]
pub struct Task {
    /// sched(7)
    pub scheduler: Option<Scheduler>,
    /// A class and a priority, ioprio_set(2).
    pub io_priority: Option<u16>,
    /// personality(2)
    pub personality: Option<u32>,
    /// The CPUs of a process that joins a container until it is in its cgroup, cpuset(7).
    pub first_cpus: Option<ZStr<'static>>,
    /// A profile of AppArmor, a label of SELinux.
    pub labels: [Option<ZStr<'static>>; MODULES],
    /// The caller's proc, by which they are told.
    pub proc: Option<Fd>,
    /// The child's own files of it.
    pub files: [Option<Fd>; MODULES],
}

impl Task {
    /// Adds the steps that it takes.
    pub(super) fn steps(&self, steps: &mut Steps) {
        steps.add(Step::Scheduler, self.scheduler.is_some());
        steps.add(Step::IoPriority, self.io_priority.is_some());
        steps.add(Step::Personality, self.personality.is_some());
        steps.add(Step::LabelFiles, self.has_label());
        steps.add(Step::Labels, self.has_label());
    }

    /// Whether there is a label.
    pub fn has_label(&self) -> bool {
        self.labels.iter().any(Option::is_some)
    }
}
