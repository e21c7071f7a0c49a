//! Namespaces that exist already: joined before the new ones are made, which then belong to the joined user namespace.

use crate::fail::{At, Fail, Stage};
use crate::plan::{JOINS, Plan};
use crate::sys::{self, Fd};
use crate::text::decimal;

/// Joins them.
pub(super) fn join(plan: &Plan<'_>) -> Result<(), Fail<'static>> {
    // Who lives there already must not reach our files through the child before it is COMMAND.
    if JOINS.iter().any(|(opt, _)| plan.text(*opt).is_some()) {
        sys::not_dumpable().at(Stage::Join, None)?;
    }
    for (opt, bit) in JOINS {
        let Some(from) = plan.text(*opt) else { continue };
        let done = match decimal(from.bytes()) {
            Some(n) if n <= i32::MAX as u64 => sys::setns(Fd::inherited(n as u32), 1 << bit),
            _ => sys::openat(Fd::CWD, from, sys::O_RDONLY, 0).and_then(|ns| {
                let done = sys::setns(ns, 1 << bit);
                // Held, it would keep the namespace alive longer than anybody in it.
                sys::close(ns);
                done
            }),
        };
        done.at(Stage::Join, from)?;
    }
    Ok(())
}
