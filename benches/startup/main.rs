//! How long a launch takes: over a floor that asks the kernel for the same and does nothing else, and beside the launchers
//! that people have.
//!
//!     cargo bench -- [--quick] [--setup] [--case NAME]... [--peer KIND=PATH]... [--json FILE] [--charts DIR] [--compare FILE]
//!
//! Each case launches all of its tools once a round, in another order each round, warm, by vfork from a small parent, with
//! the same payload: a program of two instructions' length that ends at once. What fails stays in the results, and says
//! why.

#[path = "../../tests/common/mod.rs"]
mod common;

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
mod throughput;

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
    /// Name what got slower or larger since the results in this file; exit status 1 if anything did
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
    let Some(old) = old else { return ExitCode::SUCCESS };
    let worse = compare::worse(&old, &results);
    for line in &worse {
        println!("worse: {line}");
    }
    println!("{} figures got worse", worse.len());
    if worse.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
