//! What is to be known for filters of system calls, before anything changes.

use super::descriptor;
use crate::cli::Opt;
use crate::fail::{At, Fail, Stage};
use crate::plan::{DEFAULT_FILTER, Plan};
use crate::sys::{self, Errno, Fd, ZStr};
use crate::timings::Clock;
use crate::z;

/// Reads the programs, and looks for a terminal.
#[inline(never)]
pub(super) fn prepare(plan: &mut Plan<'_>, clock: Clock) -> Result<(), Fail<'static>> {
    for given in plan.spec.given.iter().filter(|given| given.opt == Opt::Seccomp) {
        if given.a.is(DEFAULT_FILTER) {
            // It does that too.
            plan.guards_terminal = false;
            continue;
        }
        // As many fit as options.
        read(given.a).and_then(|program| plan.lists.programs.push(program)).at(Stage::Filter, given.a)?;
        clock.lap(Stage::Filter, Some(given.a));
    }
    plan.guards_terminal = plan.guards_terminal && shares_terminal(plan);
    Ok(())
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
