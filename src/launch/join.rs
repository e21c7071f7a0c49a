//! Namespaces that exist already: joined before the new ones are made, which then belong to the joined user namespace.

use super::descriptor;
use crate::fail::{At, Fail, Stage};
use crate::plan::{JOINS, Plan};
use crate::sys::{self, ZStr};
use crate::timings::Clock;

/// Joins them.
pub(super) fn join(plan: &Plan<'_>, clock: Clock) -> Result<(), Fail<'static>> {
    for (opt, bit) in JOINS {
        let Some(from) = plan.text(*opt) else { continue };
        let kind = 1 << bit;
        // By the child: all that is ours is in the caller's.
        #[cfg(feature = "oci")]
        if kind == sys::CLONE_NEWNS {
            continue;
        }
        #[cfg(feature = "bwrap")]
        let stage = if kind == sys::CLONE_NEWPID { Stage::JoinPid } else { Stage::Join };
        #[cfg(not(feature = "bwrap"))]
        let stage = Stage::Join;
        clock.shift(kind, || join_one(from, kind)).at(stage, from)?;
        clock.lap(stage, Some(from));
    }
    Ok(())
}

#[inline(never)]
fn join_one(from: ZStr<'_>, kind: u32) -> sys::Result<()> {
    // Who lives there already and has rights over us must not reach our files through the child before it is COMMAND.
    if kind & (sys::CLONE_NEWUSER | sys::CLONE_NEWPID) != 0 {
        sys::dumpable(false)?;
    }
    if let Some(ns) = descriptor(from) {
        return sys::setns(ns, kind);
    }
    let ns = sys::open(from, sys::O_RDONLY)?;
    let done = sys::setns(ns, kind);
    // Held, it would keep the namespace alive longer than anybody in it.
    sys::close(ns);
    done
}
