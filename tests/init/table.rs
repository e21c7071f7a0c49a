//! The promises, each shown once of each tool, and the table of docs/init.md that says how they went.

use crate::common::*;
use crate::tools::*;
use crate::{jobs, promises, signals};
use std::collections::HashMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};

/// Ok, or what was seen instead; "-" where the tool has no such thing to be measured.
pub type Shown = Result<(), String>;

pub struct Promise {
    /// Its row in the table.
    pub text: &'static str,
    pub show: fn(&Tool) -> Shown,
    /// The names by which ours does as the original does, on purpose: not this.
    pub kept: &'static [Kind],
    /// Of the others it holds often, and not always.
    pub racy: bool,
}

impl Promise {
    pub const fn new(text: &'static str, show: fn(&Tool) -> Shown) -> Promise {
        Promise { text, show, kept: &[], racy: false }
    }
    pub const fn racy(text: &'static str, show: fn(&Tool) -> Shown) -> Promise {
        Promise { text, show, kept: &[], racy: true }
    }
    pub const fn but(text: &'static str, show: fn(&Tool) -> Shown, kept: &'static [Kind]) -> Promise {
        Promise { text, show, kept, racy: false }
    }
}

/// Else it comes back with what was seen.
macro_rules! ensure {
    ($what:expr, $($text:tt)*) => { if !$what { return Err(format!($($text)*)); } };
}
pub(crate) use ensure;

/// A test a promise.
macro_rules! shown {
    ($($test:ident: $promise:ident;)*) => {
        $(#[test] fn $test() { $crate::table::keeps(&$promise); })*
    };
}
pub(crate) use shown;

fn all() -> [&'static Promise; 27] {
    [
        &promises::ORPHANS,
        &promises::BURST,
        &promises::ADOPTS,
        &promises::SAYS_IF_NOT,
        &signals::EVERY_SIGNAL,
        &signals::GROUP,
        &signals::LEFT_GROUP,
        &signals::REWRITTEN,
        &signals::EARLY,
        &promises::CODES,
        &promises::NOT_EXECUTED,
        &signals::CALLERS_MASK,
        &signals::IGNORED_SIGCHLD,
        &signals::PARENT_DEATH,
        &promises::LEFT_GET_TERM,
        &promises::LEFT_ANYWHERE,
        &promises::LEFT_GET_KILL,
        &promises::WAITS_FOR_ALL,
        &jobs::INTERRUPTED,
        &jobs::SUSPENDED,
        &jobs::SHELL,
        &jobs::TTIN,
        &jobs::FIRST_IS_NOT_STOPPED,
        &promises::NO_TERMINAL,
        &promises::PINS_NOTHING,
        &promises::LISTENS,
        &promises::IDLE,
    ]
}

type Cell = Arc<OnceLock<Shown>>;

/// How it went with this tool; measured once, whoever asks first.
fn verdict(promise: &'static Promise, tool: &'static Tool) -> Shown {
    static KNOWN: OnceLock<Mutex<HashMap<(&str, &str), Cell>>> = OnceLock::new();
    let known = KNOWN.get_or_init(Default::default);
    let cell = known.lock().expect("the table").entry((promise.text, tool.name)).or_default().clone();
    cell.get_or_init(|| {
        let shown = catch_unwind(AssertUnwindSafe(|| (promise.show)(tool)));
        shown.unwrap_or_else(|e| {
            let text = e.downcast_ref::<String>().cloned();
            Err(text.or(e.downcast_ref::<&str>().map(|t| t.to_string())).unwrap_or_default())
        })
    })
    .clone()
}

/// It holds for all of ours; what the others do is measured too.
#[track_caller]
pub fn keeps(promise: &'static Promise) {
    let mut wrong = Vec::new();
    for tool in tools() {
        let shown = verdict(promise, tool);
        let kept = promise.kept.contains(&tool.kind);
        match (&shown, tool.ours) {
            (Ok(()), true) if kept => wrong.push(format!("{}: it does, which it should not", tool.name)),
            (Err(why), true) if !kept && why != "-" => wrong.push(format!("{}: {why}", tool.name)),
            (Err(why), false) if why != "-" => {
                say(&format!(
                    "  of others: {}: {}: {}",
                    tool.name,
                    promise.text,
                    why.lines().next().unwrap_or_default()
                ));
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", promise.text, wrong.join("\n"));
}

fn cell(promise: &'static Promise, tool: &'static Tool) -> String {
    match verdict(promise, tool) {
        Ok(()) => "yes".into(),
        Err(why) if why == "-" => "–".into(),
        Err(why) if promise.racy && !tool.ours && !why.starts_with(|c: char| c.is_ascii_digit()) => {
            "some".into()
        }
        Err(why) if promise.racy && !tool.ours => {
            why.split(' ').take(4).collect::<Vec<_>>().join(" ").replace(',', "")
        }
        Err(_) => "no".into(),
    }
}

fn cells(line: &str) -> Vec<String> {
    line.trim().trim_matches('|').split('|').map(|c| c.trim().to_string()).collect()
}

#[test]
fn table_in_the_docs_is_what_was_measured() {
    let path = sources().join("docs/init.md");
    let text = fs::read_to_string(path).expect("docs/init.md");
    let told: Vec<Vec<String>> = text
        .split("<!-- measured -->")
        .nth(1)
        .and_then(|t| t.split("<!-- /measured -->").next())
        .unwrap_or_default()
        .lines()
        .filter(|l| l.starts_with('|') && !l.starts_with("|--"))
        .map(cells)
        .collect();
    let heads: Vec<String> = tools().iter().map(|t| t.name.to_string()).collect();
    let mut table = format!("| | {} |\n|---{}|\n", heads.join(" | "), "|---".repeat(heads.len()));
    let mut wrong = Vec::new();
    for promise in all() {
        let row = told.iter().find(|row| row[0] == promise.text);
        table += &format!("| {} |", promise.text);
        for tool in tools().iter() {
            let measured = cell(promise, tool);
            table += &format!(" {measured} |");
            let column = told.first().and_then(|head| head.iter().position(|h| h == tool.name));
            let said = column.and_then(|n| row?.get(n)).map_or("", String::as_str);
            // It depends on the moment: any figure will do, and none at all.
            let any = promise.racy && !tool.ours && measured != "–" && !["", "–"].contains(&said);
            if said != measured && !any {
                wrong.push(format!(
                    "{}, {}: the docs say {said:?}, measured {measured:?}",
                    promise.text, tool.name
                ));
            }
        }
        table += "\n";
    }
    say(&format!("what was measured:\n{table}"));
    assert_eq!(told.len(), all().len() + 1, "rows of the table");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
