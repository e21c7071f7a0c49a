//! The results as tables for the terminal, which are Markdown too.

use crate::compare::shown;
use crate::results::{Case, Row};
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

/// A column: its heading, and what it shows of a row.
type Column = (&'static str, fn(&Row) -> Option<String>);

const COLUMNS: &[Column] = &[
    ("min, µs", |r| r.times.as_ref().map(|t| format!("{:.0}", t.min))),
    ("median", |r| r.times.as_ref().map(|t| format!("{:.0}", t.median))),
    ("p99", |r| r.times.as_ref().map(|t| format!("{:.0}", t.p99))),
    ("× floor", |r| r.times.as_ref().and_then(|t| t.to_floor).map(|i| shown(&i))),
    ("× vesicle", |r| r.times.as_ref().and_then(|t| t.to_vesicle).map(|i| shown(&i))),
    ("a second", |r| r.per_second.map(|i| format!("{:.0}", i.value))),
    ("× floor's", |r| r.per_second_to_floor.map(|i| shown(&i))),
    ("calls", |r| r.system_calls.map(|n| n.to_string())),
    ("faults", |r| r.page_faults.map(|n| n.to_string())),
    ("peak, KiB", |r| r.peak_kib.map(|n| n.to_string())),
    ("instructions", |r| r.instructions.clone()),
    ("CPUID", |r| r.cpuid.clone()),
    ("file, bytes", |r| r.bytes.map(|n| n.to_string())),
    ("KiB each", |r| r.memory.as_ref().map(|m| format!("{:.0}", m.all))),
    ("slab", |r| r.memory.as_ref().map(|m| format!("{:.0}", m.slab))),
    ("stacks, tables", |r| r.memory.as_ref().map(|m| format!("{:.0}", m.stacks_and_tables))),
    ("launcher, KiB", |r| r.living.as_ref().map(|l| l.private_kib.to_string())),
    ("last × first", |r| r.living.as_ref().map(|l| format!("{:.2}", l.last_to_first))),
];

/// One case, with the columns that anything stands in.
pub fn table(case: &Case) -> String {
    let columns: Vec<&Column> =
        COLUMNS.iter().filter(|(_, of)| case.rows.iter().any(|r| of(r).is_some())).collect();
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header(["tool"].into_iter().chain(columns.iter().map(|(name, _)| *name)));
    for row in &case.rows {
        let cells = columns.iter().map(|(_, of)| of(row).unwrap_or("-".into()));
        table.add_row([row.tool.clone()].into_iter().chain(cells));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = format!("{}: {}\n\n{table}\n", case.label(), case.title);
    for row in &case.rows {
        if let Some(differs) = &row.differs {
            text += &format!("- {}: {differs}\n", row.tool);
        }
        if let Some(failed) = &row.failed {
            text += &format!("- {}: FAILED: {failed}\n", row.tool);
        }
    }
    text
}
