//! How long a command takes behind `vesicle init`, and behind the inits whose place it can take: from before the spawn of
//! the init until it was waited for, with a COMMAND of two system calls' length that ends at once.
//!
//!     cargo bench --bench init -- [--rounds N] [--json FILE]
//!
//! Each round runs each of them once, in another order. All are started by posix_spawn(3), which is a vfork: what the
//! parent weighs doesn't matter. None is process 1, so all are told, or do of themselves, to be a subreaper. The floor is
//! COMMAND alone. The exit code is 1 when the median of a peer is not above vesicle's.

#[path = "../tests/common/mod.rs"]
mod common;
mod words;

use common::{Signal, Who, calls, find, is_root, scratch, shipped, tiny_root};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use words::{Asked, asked};

/// Rounds that are not counted: files and page tables get warm.
const WARM_UP: usize = 50;
/// How often the rounds are drawn anew for an interval of confidence.
const DRAWS: usize = 1000;

/// One of those that are measured.
struct Tool {
    name: &'static str,
    /// None for the floor.
    file: Option<PathBuf>,
    options: &'static [&'static str],
    /// Nanoseconds, a round each.
    times: Vec<u32>,
}

impl Tool {
    fn words(&self, command: &Path) -> Vec<CString> {
        let file = self.file.iter().map(|f| f.as_os_str().as_bytes());
        let options = self.options.iter().map(|o| o.as_bytes());
        let words = file.chain(options).chain([command.as_os_str().as_bytes()]);
        words.map(|w| CString::new(w).expect("a word")).collect()
    }
}

fn spawn(words: &[CString]) -> Pid {
    let actions = PosixSpawnFileActions::init().expect("actions");
    let attributes = PosixSpawnAttr::init().expect("attributes");
    let environment: [CString; 0] = [];
    posix_spawn(words[0].as_c_str(), &actions, &attributes, words, &environment).expect("spawn")
}

/// Nanoseconds from before the spawn until it was waited for.
fn run(words: &[CString]) -> u32 {
    let begin = Instant::now();
    let pid = spawn(words);
    let status = waitpid(pid, None).expect("wait");
    let took = begin.elapsed();
    assert_eq!(status, WaitStatus::Exited(pid, 0), "{words:?}");
    took.as_nanos() as u32
}

/// The value that this share of all is not above.
fn quantile(values: &[u32], share: f64) -> u32 {
    let mut values = values.to_vec();
    let at = ((values.len() - 1) as f64 * share).round() as usize;
    *values.select_nth_unstable(at).1
}

fn median(values: &[u32]) -> f64 {
    quantile(values, 0.5).into()
}

/// The ratio of two medians, and between what it is in 95 of 100 draws of as many rounds.
fn ratio(a: &[u32], b: &[u32]) -> [f64; 3] {
    let mut drawn: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let rounds: Vec<usize> = (0..a.len()).map(|_| fastrand::usize(..a.len())).collect();
            let of = |times: &[u32]| median(&rounds.iter().map(|n| times[*n]).collect::<Vec<_>>());
            of(a) / of(b)
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    [median(a) / median(b), drawn[DRAWS * 25 / 1000], drawn[DRAWS * 975 / 1000]]
}

/// The system calls of all its processes from its own execve to COMMAND's, that one too.
fn system_calls(words: &[CString], command: &Path) -> Option<usize> {
    let strace = find("strace")?;
    let log = scratch().join("strace.log");
    let words = words.iter().map(|w| std::ffi::OsStr::from_bytes(w.as_bytes()));
    let done = Command::new(strace).args(["-f", "-o"]).arg(&log).args(words).env_clear().status().ok()?;
    let payload = command.to_str()?;
    done.success().then(|| calls(&log, payload).iter().filter(|c| c.before).count())
}

/// KiB of memory that are its own and no file's, and that are resident in all, while its child sleeps.
fn memory(words: &[CString]) -> Option<[u64; 2]> {
    let pid = spawn(words);
    std::thread::sleep(Duration::from_millis(200));
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|l| l.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let found = field("Anonymous:").zip(field("Rss:"));
    common::kill(pid.as_raw(), Signal::SIGTERM);
    let end = Instant::now() + Duration::from_secs(5);
    while waitpid(pid, Some(nix::sys::wait::WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive) {
        if Instant::now() > end {
            common::kill(pid.as_raw(), Signal::SIGKILL);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    found.map(|(private, resident)| [private, resident])
}

/// Those that this machine has, vesicle first.
fn tools() -> Vec<Tool> {
    let tool = |name, file, options| Tool { name, file, options, times: Vec::new() };
    // Copied, and called by two names, as an image has it.
    let ours = scratch().join("vesicle");
    fs::copy(shipped(), &ours).expect("a copy of vesicle");
    fs::create_dir(scratch().join("names")).expect("a folder");
    let as_tini = scratch().join("names/tini");
    std::os::unix::fs::symlink(&ours, &as_tini).expect("a link");
    let mut tools = vec![
        tool("vesicle init", Some(ours), &["init", "--"] as &[_]),
        tool("vesicle as tini", Some(as_tini), &["-s", "--"]),
        tool("no init", None, &[]),
    ];
    for (name, options) in [
        ("tini", &["-s", "--"] as &[_]),
        ("tini-static", &["-s", "--"]),
        ("dumb-init", &["--"]),
        ("catatonit", &["--"]),
    ] {
        match find(name) {
            Some(file) => tools.push(tool(name, Some(file), options)),
            None => println!("{name} is not installed: left out"),
        }
    }
    tools
}

fn main() -> ExitCode {
    let Some(Asked { rounds, json: file }) = asked(2000) else { return ExitCode::SUCCESS };
    // The same for all, and no terminal to be handed over.
    let null = fs::File::options().read(true).open("/dev/null").expect("/dev/null");
    nix::unistd::dup2_stdin(&null).expect("dup2");

    let root = tiny_root(if is_root() { Who::Root } else { Who::User });
    let (command, sleeper) = (root.join("bin/true"), root.join("bin/pause"));
    let mut tools = tools();
    let lines: Vec<_> = tools.iter().map(|t| t.words(&command)).collect();
    let mut order: Vec<usize> = (0..tools.len()).collect();
    for round in 0..WARM_UP + rounds {
        fastrand::shuffle(&mut order);
        for &n in &order {
            let took = run(&lines[n]);
            if round >= WARM_UP {
                tools[n].times.push(took);
            }
        }
    }

    println!(
        "{rounds} rounds; microseconds; ratio: median over that of vesicle init, with its 95 % interval\n"
    );
    println!(
        "| init | file, bytes | system calls | private, KiB | resident, KiB | min | median | p99 | ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let micro = |ns: u32| (f64::from(ns) / 1000.0 * 10.0).round() / 10.0;
    let (mut rows, mut slower): (Vec<Value>, Vec<String>) = (Vec::new(), Vec::new());
    let ours = tools[0].times.clone();
    for (tool, line) in tools.iter().zip(&lines) {
        let times = &tool.times;
        let size = tool.file.as_ref().map(|f| fs::metadata(f).expect("its file").len());
        let count = tool.file.as_ref().and_then(|_| system_calls(line, &command));
        let memory = tool.file.as_ref().and_then(|_| memory(&tool.words(&sleeper)));
        let [of_medians, from, to] = ratio(times, &ours);
        let shown = |n: Option<u64>| n.map_or("-".to_string(), |n| n.to_string());
        let [min, half, most] = [0.0, 0.5, 0.99].map(|share| micro(quantile(times, share)));
        println!(
            "| {} | {} | {} | {} | {} | {min:.1} | {half:.1} | {most:.1} | {of_medians:.2} ({from:.2} to {to:.2}) |",
            tool.name,
            shown(size),
            shown(count.map(|n| n as u64)),
            shown(memory.map(|m| m[0])),
            shown(memory.map(|m| m[1])),
        );
        rows.push(json!({
            "init": tool.name, "bytes": size, "system_calls": count,
            "private_kib": memory.map(|m| m[0]), "resident_kib": memory.map(|m| m[1]),
            "min_us": min, "median_us": half, "p99_us": most,
            "ratio": of_medians, "ratio_from": from, "ratio_to": to,
        }));
        let peer = tool.file.is_some() && !tool.name.starts_with("vesicle");
        if peer && of_medians <= 1.0 {
            slower.push(format!(
                "the median of {} is {half:.1} µs, vesicle's {:.1} µs",
                tool.name,
                micro(quantile(&ours, 0.5))
            ));
        }
    }
    if let Some(file) = file {
        let all = json!({ "rounds": rounds, "tools": rows });
        fs::write(&file, format!("{all:#}\n")).expect("the JSON file");
    }
    for line in &slower {
        println!("\nnot faster: {line}");
    }
    if slower.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
