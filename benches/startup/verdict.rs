//! What is claimed, held against what was measured.

use crate::results::{Case, Results, Row};
use crate::template;

/// What vesicle may take, as a multiple of the floor.
const LIMIT: f64 = 1.05;
/// The same from a template, of a floor that makes everything; and how much longer it may take with most mounts of the caller
/// than with fewest.
const OF_EVERYTHING: f64 = 0.5;
const STEADY: f64 = 1.1;
/// What it may take of the time of bubblewrap for the same sandbox.
const OF_BUBBLEWRAP: f64 = 0.4;
/// What a launcher that waits may have of its own, in KiB.
const PRIVATE: u64 = 12;
/// How much longer the last of many containers may take to start than the first. With pivot_root(2), which visits every process of
/// the machine: how much more than the floor that calls it too.
const LAST_TO_FIRST: f64 = 1.3;
/// Where nothing is claimed of peers, or of a floor: it is the floor alone that is measured.
const FLOORS: &str = "namespaces";

/// Why there are no figures of what an unprivileged user can't do.
pub const NOT_ROOT: &str = "only root can";

/// What a peer is held against that leaves the old root in place, as chroot(2) does: pivot_root(2) visits every process of the
/// machine.
pub const CHROOT: &str = "vesicle --chroot";

/// Without `--privileged`: what keeps root inside from being root outside, no_new_privs, a look for a terminal.
pub const SAFE: &str = "vesicle, safe";

/// The floor with a child that moves to its cgroup, instead of being born there. Nothing is claimed of it: in a burst it is as
/// fast as the floor, and once in a while ten times as slow.
pub const MOVED: &str = "floor, moved";

/// The floor that pins itself, as vesicle does when it is told to. Nothing is claimed of it.
pub const PINNED: &str = "floor, pinned";

/// What failed of what must not: the floor and vesicle, in every case.
pub fn broken(results: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    for case in &results.cases {
        for row in case.rows.iter().filter(|r| is_ours(r)) {
            if let Some(why) = row.failed.as_ref().filter(|why| *why != NOT_ROOT) {
                lines.push(format!("{}, {}: {why}", case.label(), row.tool));
            }
        }
    }
    lines
}

fn is_ours(row: &Row) -> bool {
    row.tool == "floor" || row.tool.starts_with("vesicle")
}

/// Where vesicle is above its limit, or a peer is not behind it.
pub fn missed(results: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    for case in results.cases.iter().filter(|c| c.name != FLOORS) {
        let label = case.label();
        let vesicle = case.rows.iter().find(|r| r.tool == "vesicle");
        let to_floor = vesicle.and_then(|r| r.times.as_ref()?.to_floor);
        let limit = if case.name == "template" { OF_EVERYTHING } else { LIMIT };
        if let Some(ratio) = to_floor.filter(|r| r.from > limit) {
            lines.push(format!(
                "{label}: vesicle takes {:.3} times the floor, more than {limit}",
                ratio.value
            ));
        }
        lines.extend(living(case));
        let rate = |r: &Row| r.per_second_to_floor.map(|i| i.value);
        if let Some(share) = vesicle.and_then(rate).filter(|share| *share < 1.0 / LIMIT) {
            lines.push(format!(
                "{label}: vesicle launches {share:.3} times as many as the floor, less than 1/{LIMIT}"
            ));
        }
        let bubblewrap = case.rows.iter().find(|r| case.name == "sandbox" && r.tool.starts_with("bwrap"));
        let times = bubblewrap.and_then(|r| r.times.as_ref()?.to_vesicle);
        if let Some(times) = times.filter(|t| t.to < 1.0 / OF_BUBBLEWRAP) {
            lines.push(format!(
                "{label}: bwrap takes {:.2} times as long, less than 1/{OF_BUBBLEWRAP}",
                times.value
            ));
        }
        let other = case.rows.iter().find(|r| r.tool == CHROOT);
        for peer in case
            .rows
            .iter()
            .filter(|r| !is_ours(r) && ![MOVED, PINNED, template::FLOOR].contains(&r.tool.as_str()))
        {
            let is_chroot = peer.differs.as_ref().is_some_and(|d| d.starts_with("chroot(2)"));
            let Some(ours) = other.filter(|_| is_chroot).or(vesicle) else { continue };
            let ratio = |r: &Row| r.times.as_ref().and_then(|t| t.to_floor).map(|i| i.value);
            let is_slower = ratio(peer).zip(ratio(ours)).is_none_or(|(peer, ours)| peer > ours);
            let is_less = rate(peer).zip(rate(ours)).is_none_or(|(peer, ours)| peer < ours);
            if !is_slower || !is_less {
                lines.push(format!("{label}: {} is not behind {}", peer.tool, ours.tool));
            }
        }
    }
    lines.extend(steady(results));
    lines
}

/// What is claimed of a template, which has the mounts that it has, however many the caller has.
fn steady(results: &Results) -> Option<String> {
    // The fastest: the sizes were not measured at the same time.
    let times = results.cases.iter().filter(|c| c.name == "mounts").filter_map(|c| {
        let row = c.rows.iter().find(|r| r.tool == template::TEMPLATE)?;
        Some((c.at?, row.times.as_ref()?.min))
    });
    let (least, most) = (times.clone().min_by_key(|t| t.0)?, times.max_by_key(|t| t.0)?);
    let ratio = most.1 / least.1;
    let text = || {
        format!(
            "mounts {}: {} takes {ratio:.2} times as long as with {}, more than {STEADY}",
            most.0,
            template::TEMPLATE,
            least.0
        )
    };
    (ratio > STEADY).then(text)
}

/// What is claimed of many containers that live.
fn living(case: &Case) -> Vec<String> {
    let (label, mut lines) = (case.label(), Vec::new());
    let floor = case.rows.iter().find(|r| r.tool == "floor").and_then(|r| r.living.as_ref());
    for row in case.rows.iter().filter(|r| r.tool.starts_with("vesicle")) {
        let Some(of) = &row.living else { continue };
        if of.private_kib > PRIVATE {
            lines.push(format!("{label}: a launcher of {} has {} KiB of its own", row.tool, of.private_kib));
        }
        let pivots = floor.filter(|_| row.tool != CHROOT).map_or(1.0, |f| f.last_to_first.max(1.0));
        if of.last_to_first > LAST_TO_FIRST * pivots {
            lines.push(format!(
                "{label}: {} takes {:.2} times as long for the last as for the first, more than {:.2}",
                row.tool,
                of.last_to_first,
                LAST_TO_FIRST * pivots
            ));
        }
        lines.extend(of.left.iter().map(|what| format!("{label}: {} left {what}", row.tool)));
    }
    lines
}
