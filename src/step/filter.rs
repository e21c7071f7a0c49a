//! Filters of system calls.

use super::{Doing, World};
use crate::fail::Stage;
use crate::plan::DEFAULT_FILTER;
#[cfg(feature = "oci")]
use crate::plan::Step;
use crate::sys::{self, ZStr};
use crate::z;

include!(concat!(env!("OUT_DIR"), "/filters.rs"));

/// Loads them: that of the terminal, then those that were asked for, in the order given.
#[inline(never)]
pub(super) fn load(world: &mut World<'_, '_>) -> sys::Result<()> {
    let World { plan, doing, .. } = world;
    #[cfg(feature = "oci")]
    if let Some((program, flags)) = plan.lists.bundle.filter {
        doing.now(Stage::Filter, z!("linux.seccomp"));
        // Its agent may wait for the end of what is said there, and we for the agent.
        plan.lists.bundle.agent.into_iter().for_each(sys::close);
        return match plan.lists.bundle.listener.and(world.mark) {
            None => sys::seccomp_with(program, flags).map(drop),
            Some(launcher) => {
                sys::seccomp_and_send(program, flags, launcher, plan.steps.has(Step::Scheduler))
            }
        };
    }
    #[cfg(feature = "oci")]
    if plan.spec.is_oci() {
        return Ok(());
    }
    if plan.guards_terminal {
        one(doing, z!("TIOCSTI"), DEFAULT.get(TERMINAL..), sys::seccomp)?;
    }
    // Of several filters bubblewrap's callers let those behind the first be loaded by this call.
    #[cfg(feature = "bwrap")]
    let load = if plan.spec.bwrap { sys::seccomp_by_prctl } else { sys::seccomp };
    #[cfg(not(feature = "bwrap"))]
    let load = sys::seccomp;
    let mut programs = plan.lists.programs.iter();
    for given in plan.spec.given.iter().filter(|given| plan.spec.is_filter(given)) {
        let default = given.a.is(DEFAULT_FILTER);
        one(doing, given.a, if default { Some(&DEFAULT) } else { programs.next().copied() }, load)?;
    }
    Ok(())
}

#[inline(never)]
fn one(
    doing: &mut Doing,
    name: ZStr<'static>,
    program: Option<&[u64]>,
    load: fn(&[u64]) -> sys::Result<()>,
) -> sys::Result<()> {
    doing.now(Stage::Filter, name);
    load(program.unwrap_or_default())
}
