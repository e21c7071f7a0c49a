//! Namespaces that exist already: joined before the new ones are made, which then belong to the joined user namespace.

use crate::fail::{At, Fail, Stage};
use crate::plan::Join;
use crate::sys::{self, AtFd, CLONE_NEWUSER};
use crate::text::decimal;

/// Joins them, the user namespace first: it gives the rights for the others.
pub(super) fn join(joins: &[Join]) -> Result<(), Fail<'static>> {
    let user = |j: &&Join| j.kind == CLONE_NEWUSER;
    for join in joins.iter().filter(user).chain(joins.iter().filter(|j| !user(j))) {
        let done = match decimal(join.from.bytes()) {
            Some(n) if n <= i32::MAX as u64 => sys::setns(AtFd::inherited(n as u32), join.kind),
            _ => sys::openat(AtFd::CWD, join.from, sys::O_RDONLY, 0)
                .and_then(|ns| sys::setns(ns.at(), join.kind)),
        };
        done.at(Stage::Join, join.from)?;
    }
    Ok(())
}
