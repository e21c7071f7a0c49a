//! Id maps: which ids inside are which outside.

use super::{Plan, Step};
use crate::cli::Opt;
use crate::fail::{Fail, Why};
use crate::spec::{Given, Spec};
use crate::sys::CLONE_NEWUSER;
use crate::text;
use heapless::Vec;

/// How many ranges a map has at most: their text must fit into one write of less than a page, user_namespaces(7).
pub const MAX_RANGES: usize = 64;

/// One line of a map, user_namespaces(7).
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub struct Range {
    /// The first id inside.
    pub inside: u32,
    /// The first id outside.
    pub outside: u32,
    /// How many; at least one.
    pub count: u32,
}

/// A map.
pub type List = Vec<Range, MAX_RANGES>;

/// Reads the maps. A side without one gets the caller's own id; where both sides have no more than that, the child
/// writes its map itself, without rights and without help.
pub(super) fn build(spec: &Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    let user = plan.makes(CLONE_NEWUSER);
    let mut any = false;
    for given in spec.given.iter().filter(|g| matches!(g.opt, Opt::MapUsers | Opt::MapGroups)) {
        if !user {
            return given.bad(Why::NeedsUser);
        }
        any = true;
        note(given, plan)?;
    }
    if any {
        let ids = plan.caller;
        let users = own(&mut plan.lists.maps[0], plan.auto[0], spec.number(Opt::Uid), ids.uid);
        let groups = own(&mut plan.lists.maps[1], plan.auto[1], spec.number(Opt::Gid), ids.gid);
        match (users, groups) {
            (Some(uid), Some(gid)) => (plan.uid, plan.gid) = (uid, gid),
            _ => plan.steps.add(Step::IdsInside, true),
        }
    }
    Ok(())
}

/// The one id inside that the caller's own is mapped to, where that is the whole map.
fn own(map: &mut List, auto: bool, asked: Option<u64>, own: u32) -> Option<u32> {
    let asked = asked.map(|a| a as u32);
    if !auto && map.is_empty() {
        let _ = map.push(Range { inside: asked.unwrap_or(0), outside: own, count: 1 });
    }
    match map.as_slice() {
        [Range { inside, outside, count: 1 }] if *outside == own && asked.is_none_or(|a| a == *inside) => {
            Some(*inside)
        }
        _ => None,
    }
}

/// `IN:OUT:COUNT` or `auto`.
fn note(given: &Given, plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    let ([users, groups], [auto_users, auto_groups]) = (&mut plan.lists.maps, &mut plan.auto);
    let (map, auto) = if given.opt == Opt::MapUsers { (users, auto_users) } else { (groups, auto_groups) };
    if given.a.is(b"auto") {
        *auto = true;
        return if map.is_empty() { Ok(()) } else { given.bad(Why::Overlap) };
    }
    let Some(new) = range(given.a.bytes()) else { return given.bad(Why::Range) };
    let meet =
        |a: u32, b: u32, range: &Range| a < b.wrapping_add(range.count) && b < a.wrapping_add(new.count);
    if *auto || map.iter().any(|r| meet(new.inside, r.inside, r) || meet(new.outside, r.outside, r)) {
        return given.bad(Why::Overlap);
    }
    map.push(new).or_else(|_| given.bad(Why::TooManyRanges))
}

/// Three numbers; the last id of a range is below (uid_t)-1.
fn range(text: &[u8]) -> Option<Range> {
    let mut parts = crate::text::fields(text, b':');
    let mut next = || u32::try_from(text::decimal(parts.next()?)?).ok();
    let (inside, outside, count) = (next()?, next()?, next()?);
    let fits = |first: u32| first.checked_add(count).is_some();
    (parts.next().is_none() && count > 0 && fits(inside) && fits(outside)).then_some(Range {
        inside,
        outside,
        count,
    })
}
