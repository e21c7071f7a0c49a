//! What got slower, or larger, since results that were kept.

use crate::results::{Case, Results, Row};
use crate::statistics::Interval;

/// A ratio that moved by less is noise, whatever its interval is: other machines, other layouts of memory.
const NOISE: f64 = 0.01;

/// A line for each figure that got worse.
pub fn worse(old: &Results, new: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    for case in &new.cases {
        let Some(before) = old.cases.iter().find(|c| c.label() == case.label()) else { continue };
        for row in &case.rows {
            if let Some(then) = before.rows.iter().find(|r| r.tool == row.tool) {
                compare(case, then, row, &mut lines);
            }
        }
    }
    lines
}

fn compare(case: &Case, old: &Row, new: &Row, lines: &mut Vec<String>) {
    let name = format!("{}, {}", case.label(), new.tool);
    let mut say = |what: String| lines.push(format!("{name}: {what}"));
    if let (None, Some(why)) = (&old.failed, &new.failed) {
        say(format!("fails now: {why}"));
    }
    // Ratios to the floor of the same run: what the machine does at that time is in both.
    let to_floor = |row: &Row| row.times.as_ref().and_then(|t| t.to_floor);
    if let (Some(old), Some(new)) = (to_floor(old), to_floor(new))
        && new.is_above(&old)
        && new.value > old.value * (1.0 + NOISE)
    {
        say(format!("slower: {} times the floor, was {}", shown(&new), shown(&old)));
    }
    if let (Some(old), Some(new)) = (old.per_second_to_floor, new.per_second_to_floor)
        && old.is_above(&new)
        && old.value > new.value * (1.0 + NOISE)
    {
        say(format!("fewer launches a second: {} times the floor's, was {}", shown(&new), shown(&old)));
    }
    // What is counted has no noise, but for a page or two.
    let counts = |row: &Row| [row.system_calls, row.bytes, row.page_faults, row.peak_kib];
    let names = ["system calls", "bytes", "page faults", "KiB at most"];
    for ((name, slack), (old, new)) in
        names.iter().zip([0, 0, 2, 8]).zip(counts(old).into_iter().zip(counts(new)))
    {
        if let (Some(old), Some(new)) = (old, new)
            && new > old + slack
        {
            say(format!("{new} {name}, was {old}"));
        }
    }
}

/// `1.03 (1.02 to 1.05)`
pub fn shown(interval: &Interval) -> String {
    format!("{:.2} ({:.2} to {:.2})", interval.value, interval.from, interval.to)
}
