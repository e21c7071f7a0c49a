//! What is to be known for filters of system calls, before anything changes.

use super::descriptor;
#[cfg(feature = "process")]
use crate::cli::Opt;
use crate::fail::{At, Fail, Stage};
use crate::plan::{DEFAULT_FILTER, Plan};
#[cfg(feature = "bwrap")]
use crate::spec::Given;
use crate::sys::{self, Errno, Fd, ZStr};
use crate::timings::Clock;
use crate::z;

/// Reads the programs, and looks for a terminal.
#[inline(never)]
pub(super) fn prepare(plan: &mut Plan<'_>, clock: Clock) -> Result<(), Fail<'static>> {
    #[cfg(feature = "bwrap")]
    let stage = if plan.spec.bwrap { Stage::ReadFilter } else { Stage::Filter };
    #[cfg(not(feature = "bwrap"))]
    let stage = Stage::Filter;
    #[cfg(feature = "oci")]
    if plan.spec.is_oci() {
        // It stands in the plan already.
        plan.guards_terminal = false;
        return Ok(());
    }
    for given in plan.spec.given.iter().filter(|given| plan.spec.is_filter(given)) {
        #[cfg(feature = "bwrap")]
        if plan.spec.bwrap && is_read_twice(plan, given) {
            return Err(Errno::EBADF).at(stage, given.a);
        }
        if given.a.is(DEFAULT_FILTER) {
            // It does that too.
            plan.guards_terminal = false;
            continue;
        }
        // As many fit as options.
        read(given.a).and_then(|program| plan.lists.programs.push(program)).at(stage, given.a)?;
        clock.lap(Stage::Filter, Some(given.a));
    }
    plan.guards_terminal = plan.guards_terminal && shares_terminal(plan);
    Ok(())
}

/// Whether another option has the same descriptor, of which nothing is left for one of the two.
#[cfg(feature = "bwrap")]
fn is_read_twice(plan: &Plan<'_>, given: &Given) -> bool {
    let mut others = plan.spec.given.iter().filter(|other| !core::ptr::eq(*other, given));
    given.opt == Opt::AddSeccomp && others.any(|other| other.opt == given.opt && other.number == given.number)
}

fn read(name: ZStr<'_>) -> sys::Result<&'static [u64]> {
    let given = descriptor(name);
    let file = given.map_or_else(|| sys::open(name, sys::O_RDONLY), Ok)?;
    let program = sys::read_program(file);
    if given.is_none() {
        sys::close(file);
    }
    program
}

/// Whether COMMAND can reach a terminal of its caller: by a descriptor, or as its controlling one.
fn shares_terminal(plan: &Plan<'_>) -> bool {
    let mut fd = 0;
    while fd != u32::MAX {
        if sys::is_tty(Fd::inherited(fd)) {
            return true;
        }
        fd = if fd < 2 { fd + 1 } else { plan.kept(fd + 1) };
    }
    #[cfg(feature = "process")]
    if plan.spec.has(Opt::NewSession) {
        return false;
    }
    match sys::open(z!("/dev/tty"), sys::O_RDONLY | sys::O_NOCTTY | sys::O_NONBLOCK) {
        Ok(terminal) => {
            sys::close(terminal);
            true
        }
        // tty(4): the session has none. Any other errno does not say so.
        Err(e) => e != Errno::ENXIO,
    }
}
