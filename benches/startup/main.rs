//! How long a launch takes: over a floor that asks the kernel for the same and does nothing else, and beside the launchers
//! that people have.
//!
//!     cargo bench -- [--quick] [--setup] [--case NAME]... [--peer KIND=PATH]... [--json FILE] [--charts DIR] [--compare FILE]
//!
//! Each case launches all of its tools once a round, in another order each round, warm, by vfork from a small parent, with
//! the same payload: a program of two instructions' length that ends at once. What fails stays in the results, and says
//! why. The exit status is 1 when the floor or vesicle failed; when vesicle took more than 1.05 times the floor, or a peer
//! did not take more than vesicle (not with --quick); or when something got worse (with --compare).

#[path = "../../tests/common/mod.rs"]
mod common;

mod bundle;
mod cases;
mod charts;
mod compare;
mod containers;
mod count;
mod machine;
mod measure;
mod peers;
mod programs;
mod results;
mod run;
mod spawner;
mod statistics;
mod surroundings;
mod table;
mod template;
mod throughput;
mod verdict;

use clap::Parser;
use results::Results;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// Start-up latency of vesicle, of a floor that asks the kernel for the same, and of its peers.
#[derive(Parser)]
#[command(name = "cargo bench --bench startup --", disable_version_flag = true)]
pub struct Asked {
    /// A few rounds of everything, within two minutes: to see that it works, not for figures
    #[arg(long)]
    quick: bool,
    /// First install the peers that Debian has, as root
    #[arg(long)]
    setup: bool,
    /// Rounds of a case, at most
    #[arg(long, default_value_t = 2000)]
    rounds: usize,
    /// How long a case may take, in seconds; a growing one at each size
    #[arg(long, default_value_t = 40)]
    seconds: u64,
    /// This case alone, by its name as the tables have it; repeatable
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
    /// A peer that is no package: nsjail, minijail, youki, bst, or another version of one, as bwrap=PATH; repeatable
    #[arg(long = "peer", value_name = "KIND=PATH")]
    peers: Vec<String>,
    /// Write the results there
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the charts there, as SVG
    #[arg(long, value_name = "DIR")]
    charts: Option<PathBuf>,
    /// Name what got slower or larger, beyond the noise, since the results in this file
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Measure nothing: read these results, as --json wrote them, for --charts and --compare
    #[arg(long, value_name = "FILE")]
    read: Option<PathBuf>,
    /// What cargo bench adds
    #[arg(long, hide = true)]
    bench: bool,
}

impl Asked {
    /// Whether this case is to be run.
    fn wants(&self, case: &str) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|c| c == case)
    }
}

fn main() -> ExitCode {
    let asked = Asked::parse();
    // `cargo test --benches` starts it too, and it is no test.
    if !asked.bench {
        println!("run by cargo bench");
        return ExitCode::SUCCESS;
    }
    let read = |file: &PathBuf| -> Results {
        let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    };
    // Before all else: a file that isn't there shall not be found out after ten minutes.
    let old = asked.compare.as_ref().map(read);
    if asked.setup {
        peers::install();
    }
    let results = match &asked.read {
        Some(file) => read(file),
        None => run::all(&asked),
    };
    for case in &results.cases {
        println!("{}", table::table(case));
    }
    if let Some(file) = &asked.json {
        let text = serde_json::to_string_pretty(&results).expect("JSON");
        fs::write(file, text + "\n").unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }
    if let Some(folder) = &asked.charts {
        charts::draw(&results, folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    }
    // A few rounds are no figures to judge by.
    let missed = if asked.quick { Vec::new() } else { verdict::missed(&results) };
    let worse = old.map_or(Vec::new(), |old| compare::worse(&old, &results));
    let lists = [("broken", verdict::broken(&results)), ("missed", missed), ("worse", worse)];
    for (what, lines) in &lists {
        for line in lines {
            println!("{what}: {line}");
        }
    }
    let [broken, missed, worse] = lists.each_ref().map(|(_, lines)| lines.len());
    println!("{} cases: {broken} broken, {missed} claims missed, {worse} figures worse", results.cases.len());
    if broken + missed + worse == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
