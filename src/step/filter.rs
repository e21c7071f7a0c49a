//! Filters of system calls.

use super::{Doing, World};
use crate::cli::Opt;
use crate::fail::Stage;
use crate::plan::DEFAULT_FILTER;
use crate::sys::{self, ZStr};
use crate::z;

include!(concat!(env!("OUT_DIR"), "/filters.rs"));

/// Loads them: that of the terminal, then those that were asked for, in the order given.
#[inline(never)]
pub(super) fn load(world: &mut World<'_, '_>) -> sys::Result<()> {
    let World { plan, doing, .. } = world;
    if plan.guards_terminal {
        one(doing, z!("TIOCSTI"), DEFAULT.get(TERMINAL..))?;
    }
    let mut programs = plan.lists.programs.iter();
    for given in plan.spec.given.iter().filter(|given| given.opt == Opt::Seccomp) {
        let default = given.a.is(DEFAULT_FILTER);
        one(doing, given.a, if default { Some(&DEFAULT) } else { programs.next().copied() })?;
    }
    Ok(())
}

#[inline(never)]
fn one(doing: &mut Doing, name: ZStr<'static>, program: Option<&[u64]>) -> sys::Result<()> {
    doing.now(Stage::Filter, name);
    sys::seccomp(program.unwrap_or_default())
}
