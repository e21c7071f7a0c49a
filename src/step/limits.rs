//! What COMMAND may use, and what it is worth to the kernel.

use super::World;
use crate::cli::Opt;
use crate::fail::Stage;
use crate::spec::limits::{cpus, each_rlimit};
use crate::sys::{self, CpuSet, Errno, Pid};
use crate::z;

/// Ourselves.
const SELF: Pid = Pid(0);

/// The score of all that lives inside.
pub(super) fn oom_score(world: &mut World<'_, '_>) -> sys::Result<()> {
    let Some(given) = world.plan.spec.get(Opt::OomScoreAdj) else { return Ok(()) };
    world.doing.subject = Some(given.a);
    sys::set_oom_score(z!("/proc/self/oom_score_adj"), given.number as i64)
}

/// The nice value of all that lives inside.
pub(super) fn nice(world: &mut World<'_, '_>) -> sys::Result<()> {
    let Some(given) = world.plan.spec.get(Opt::Nice) else { return Ok(()) };
    world.doing.subject = Some(given.a);
    sys::set_nice(SELF, given.number as i32)
}

/// The CPUs of all that lives inside. The kernel leaves out what is not there, or not allowed: that is looked at, so that
/// nobody gets fewer than were asked for.
#[inline(never)]
pub(super) fn cpuset(world: &mut World<'_, '_>) -> sys::Result<()> {
    let Some(list) = world.plan.text(Opt::Cpuset) else { return Ok(()) };
    world.doing.subject = Some(list);
    let mut asked = CpuSet::default();
    cpus(list.bytes(), &mut |cpu| asked.add(cpu)).ok_or(Errno::EINVAL)?;
    sys::set_affinity(&asked)?;
    let mut got = CpuSet::default();
    sys::affinity(&mut got)?;
    if got == asked { Ok(()) } else { Err(Errno::EINVAL) }
}

/// The limits of COMMAND.
pub(super) fn rlimits(world: &mut World<'_, '_>) -> sys::Result<()> {
    let World { plan, doing, .. } = world;
    #[cfg(feature = "fs")]
    let files = &mut world.files;
    each_rlimit(plan.spec, &mut |given, limit| {
        doing.now(Stage::Rlimit, given.a);
        sys::set_rlimit(SELF, limit.resource, limit.soft, limit.hard)?;
        // What was raised for binds stays as it is now.
        #[cfg(feature = "fs")]
        if limit.resource == sys::RLIMIT_NOFILE {
            *files = None;
        }
        Ok(())
    })
}
