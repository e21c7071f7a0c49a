//! What COMMAND may use, and what it is worth to the kernel.

use super::World;
use crate::cli::Opt;
use crate::spec::limits::cpus;
use crate::sys::{self, CpuSet, Errno};

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
