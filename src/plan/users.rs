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

/// The map of the users, or of the groups.
#[derive(Default)]
pub struct IdMap {
    /// The caller's own range of /etc/subuid or /etc/subgid, to be looked up.
    pub auto: bool,
    /// What was given, or found.
    pub ranges: Vec<Range, MAX_RANGES>,
}

impl IdMap {
    /// One id to one.
    fn single(inside: u32, outside: u32) -> IdMap {
        let mut map = IdMap::default();
        let _ = map.ranges.push(Range { inside, outside, count: 1 });
        map
    }

    /// The id to have inside while the container is set up: root, or what was asked for where there is no root.
    pub fn first_id(&self, asked: Option<u32>) -> u32 {
        let root = self.auto || self.ranges.iter().any(|r| r.inside == 0);
        if root { 0 } else { asked.unwrap_or(0) }
    }
}

/// `IN:OUT:COUNT` or `auto`.
pub(super) fn note<'s>(given: &'s Given, plan: &mut Plan) -> Result<(), Misuse<'s>> {
    let [users, groups] = plan.maps.get_or_insert_default();
    let map = if given.opt == Opt::MapUsers { users } else { groups };
    if given.a.bytes() == b"auto" {
        map.auto = true;
        return if map.ranges.is_empty() { Ok(()) } else { Err(given.bad(Why::Overlap)) };
    }
    let Some(new) = range(given.a.bytes()) else { return Err(given.bad(Why::Range)) };
    let meet =
        |a: u32, b: u32, range: &Range| a < b.wrapping_add(range.count) && b < a.wrapping_add(new.count);
    if map.auto || map.ranges.iter().any(|r| meet(new.inside, r.inside, r) || meet(new.outside, r.outside, r))
    {
        return Err(given.bad(Why::Overlap));
    }
    match map.ranges.push(new) {
        Ok(()) => Ok(()),
        Err(_) => Err(given.bad(Why::TooManyRanges)),
    }
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
pub(super) fn check(want: &mut Want, plan: &mut Plan) {
    let ids = plan.ids;
    let Some([users, groups]) = &mut plan.maps else { return };
    for (map, asked, own) in [(&mut *users, &mut want.uid, ids.uid), (&mut *groups, &mut want.gid, ids.gid)] {
        if !map.auto && map.ranges.is_empty() {
            *map = IdMap::single(asked.unwrap_or(0), own);
        }
    }
    let own = |map: &IdMap, asked: Option<u32>, id: u32| match map.ranges.as_slice() {
        [Range { inside, outside, count: 1 }] if *outside == id && asked.is_none_or(|a| a == *inside) => {
            Some(*inside)
        }
        _ => None,
    };
    if let (Some(uid), Some(gid)) = (own(users, want.uid, ids.uid), own(groups, want.gid, ids.gid)) {
        (want.uid, want.gid) = (Some(uid), Some(gid));
        plan.maps = None;
    }
}
