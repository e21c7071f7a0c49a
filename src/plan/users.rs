//! Id maps: which ids inside are which outside.

use super::{Plan, want::Want};
use crate::cli::Opt;
use crate::fail::Why;
use crate::spec::{Given, Misuse};
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

/// The id to have inside while the container is set up: root, or what was asked for where there is no root.
pub(super) fn first_id(plan: &Plan<'_>, which: usize, asked: Option<u32>) -> u32 {
    let has_root = |map: &List| map.iter().any(|r| r.inside == 0);
    let root = plan.auto.get(which) == Some(&true) || plan.lists.maps.get(which).is_some_and(has_root);
    if root { 0 } else { asked.unwrap_or(0) }
}

/// A map.
pub type List = Vec<Range, MAX_RANGES>;

/// `IN:OUT:COUNT` or `auto`.
pub(super) fn note<'s>(given: &'s Given, plan: &mut Plan<'_>) -> Result<(), Misuse<'s>> {
    plan.maps = true;
    let ([users, groups], [auto_users, auto_groups]) = (&mut plan.lists.maps, &mut plan.auto);
    let (map, auto) = if given.opt == Opt::MapUsers { (users, auto_users) } else { (groups, auto_groups) };
    if given.a.is(b"auto") {
        *auto = true;
        return if map.is_empty() { Ok(()) } else { Err(given.bad(Why::Overlap)) };
    }
    let Some(new) = range(given.a.bytes()) else { return Err(given.bad(Why::Range)) };
    let meet =
        |a: u32, b: u32, range: &Range| a < b.wrapping_add(range.count) && b < a.wrapping_add(new.count);
    if *auto || map.iter().any(|r| meet(new.inside, r.inside, r) || meet(new.outside, r.outside, r)) {
        return Err(given.bad(Why::Overlap));
    }
    map.push(new).map_err(|_| given.bad(Why::TooManyRanges))
}

/// Three numbers; the last id of a range is below (uid_t)-1.
fn range(text: &[u8]) -> Option<Range> {
    let mut parts = text.split(|b| *b == b':');
    let mut next = || u32::try_from(text::decimal(parts.next()?)?).ok();
    let (inside, outside, count) = (next()?, next()?, next()?);
    let fits = |first: u32| first.checked_add(count).is_some();
    (parts.next().is_none() && count > 0 && fits(inside) && fits(outside)).then_some(Range {
        inside,
        outside,
        count,
    })
}

/// A side without a map gets the caller's own id. Where both sides have no more than that, the child writes its maps
/// itself, without rights and without help.
pub(super) fn check(want: &mut Want<'_>, plan: &mut Plan<'_>) {
    if !plan.maps {
        return;
    }
    let own = [plan.ids.uid, plan.ids.gid];
    let mut single = true;
    for (((map, auto), asked), own) in
        plan.lists.maps.iter_mut().zip(plan.auto).zip([&mut want.uid, &mut want.gid]).zip(own)
    {
        if !auto && map.is_empty() {
            let _ = map.push(Range { inside: asked.unwrap_or(0), outside: own, count: 1 });
        }
        match map.as_slice() {
            [Range { inside, outside, count: 1 }]
                if *outside == own && asked.is_none_or(|a| a == *inside) =>
            {
                *asked = Some(*inside);
            }
            _ => single = false,
        }
    }
    plan.maps = !single;
}
