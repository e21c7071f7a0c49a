//! Limits of a child that lives in a user namespace of root's: in there it has no right to higher ones.

use crate::cli::Opt;
use crate::fail::{At, Fail, Stage};
use crate::plan::Plan;
use crate::spec::limits::each_rlimit;
use crate::sys::{self, Pid, ZStr};
use crate::text::process_path;
use crate::timings::Clock;

/// Sets them. Of resources the hard limit alone, where it has to be higher: the rest is done by the child, when it needs nothing
/// of it any more.
#[inline(never)]
pub(super) fn set(plan: &Plan<'_>, main: Pid, clock: Clock) -> Result<(), Fail<'static>> {
    if !plan.limits_from_outside() {
        return Ok(());
    }
    each_rlimit(plan.spec, &mut |given, limit| {
        sys::raise_rlimit(main, limit.resource, limit.hard).at(Stage::Rlimit, given.a)?;
        clock.lap(Stage::Rlimit, Some(given.a));
        Ok(())
    })?;
    if let Some(given) = plan.spec.get(Opt::Nice) {
        sys::set_nice(main, given.number as i32).at(Stage::Nice, given.a)?;
        clock.lap(Stage::Nice, Some(given.a));
    }
    if let Some(given) = plan.spec.get(Opt::OomScoreAdj) {
        let path = process_path(main, b"oom_score_adj");
        if let Some(path) = ZStr::until_nul(&path) {
            sys::set_oom_score(path, given.number as i64).at(Stage::OomScore, given.a)?;
        }
        clock.lap(Stage::OomScore, Some(given.a));
    }
    Ok(())
}
