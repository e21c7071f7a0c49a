//! Id maps: which ids inside are which outside.

use super::{Plan, Step};
use crate::cli::Opt;
use crate::fail::{At, Fail, Stage, Why};
use crate::spec::{Given, Spec};
use crate::sys::LongList;
use crate::text;

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
pub type List = LongList<Range, MAX_RANGES>;

/// Reads the maps. A side without one gets the caller's own id; where both sides have no more than that, the child
/// writes its map itself, without rights and without help.
pub(super) fn build(spec: &Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    if !spec.has(Opt::MapUsers) && !spec.has(Opt::MapGroups) {
        return Ok(());
    }
    let ([users, groups], [auto_users, auto_groups]) = (&mut plan.lists.maps, &mut plan.auto);
    side(spec, Opt::MapUsers, (plan.uid, plan.caller.uid), users, auto_users)?;
    side(spec, Opt::MapGroups, (plan.gid, plan.caller.gid), groups, auto_groups)?;
    match (alone(users, spec, Opt::Uid, plan.caller.uid), alone(groups, spec, Opt::Gid, plan.caller.gid)) {
        (Some(uid), Some(gid)) => (plan.uid, plan.gid) = (uid, gid),
        _ => plan.steps.add(Step::IdsInside, true),
    }
    Ok(())
}

/// One side of it: the option of its ranges, and what the map is without one: COMMAND's id and the caller's own.
fn side(
    spec: &Spec<'_>,
    ranges: Opt,
    (inside, outside): (u32, u32),
    map: &mut List,
    auto: &mut bool,
) -> Result<(), Fail<'static>> {
    for given in spec.given.iter().filter(|g| g.opt == ranges) {
        note(given, map, auto)?;
    }
    if !*auto && map.is_empty() {
        map.push(Range { inside, outside, count: 1 }).at(Stage::Memory, None)?;
    }
    Ok(())
}

/// The one id inside that the caller's `own` is mapped to, where that is the whole map and no other is asked for.
#[inline(never)]
fn alone(map: &[Range], spec: &Spec<'_>, id: Opt, own: u32) -> Option<u32> {
    match map {
        [Range { inside, outside, count: 1 }] if *outside == own => {
            spec.number(id).is_none_or(|asked| asked == u64::from(*inside)).then_some(*inside)
        }
        _ => None,
    }
}

/// Adds `IN:OUT:COUNT`, or notes `auto`.
#[inline(never)]
fn note(given: &Given, map: &mut List, auto: &mut bool) -> Result<(), Fail<'static>> {
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
    if map.push(new).at(Stage::Memory, None)? { Ok(()) } else { given.bad(Why::TooManyRanges) }
}

/// `IN:OUT:COUNT`: three numbers; the last id of a range is below (uid_t)-1.
fn range(text: &[u8]) -> Option<Range> {
    let mut parts = text::fields(text, b':');
    let mut numbers = [0u32; 3];
    for number in &mut numbers {
        *number = text::id(parts.next()?)?;
    }
    let [inside, outside, count] = numbers;
    let fits = |first: u32| first.checked_add(count).is_some();
    let valid = parts.next().is_none() && count > 0 && fits(inside) && fits(outside);
    valid.then_some(Range { inside, outside, count })
}
