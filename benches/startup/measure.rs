//! Measuring: everything that does the same is launched once in each round, in another order each time.

use crate::results::{Row, Times};
use crate::spawner::{Sample, Situation, Spawner, prepare};
use crate::statistics::{median, quantile, ratio};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Rounds that are not counted: files and page tables get warm.
const WARM_UP: usize = 5;
/// How long any launch may take.
const HUNG: Duration = Duration::from_secs(20);
/// What takes so many times as long as the floor is left out of rounds, so that the others have more of them.
const SLOW: u64 = 8;

/// What it is to the benchmark.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Floor,
    Vesicle,
    Peer,
}

/// Something that launches.
#[derive(Clone)]
pub struct Tool {
    pub role: Role,
    /// All of its environment.
    pub env: Vec<String>,
    /// Its command line; `{id}` is a name that no other container has at that time.
    pub words: Vec<String>,
    /// As far as it is known.
    pub row: Row,
    /// A round each; nothing where it was left out, or failed.
    pub samples: Vec<Option<Sample>>,
}

/// When to stop.
#[derive(Clone, Copy)]
pub struct Limits {
    pub rounds: usize,
    pub at_least: usize,
    pub time: Duration,
}

impl Tool {
    pub fn works(&self) -> bool {
        self.row.failed.is_none()
    }

    /// Its command line, with this name.
    pub fn words(&self, id: &str) -> Vec<CString> {
        self.words
            .iter()
            .map(|w| CString::new(w.replace("{id}", &format!("bench-{id}"))).expect("a word"))
            .collect()
    }

    /// Its environment.
    pub fn env(&self) -> Vec<CString> {
        self.env.iter().map(|w| CString::new(w.as_str()).expect("a word")).collect()
    }

    /// The same, to be started by us.
    pub fn command(&self, id: &str) -> Command {
        let words = self.words(id);
        let mut words = words.iter().map(|w| OsStr::from_bytes(w.as_bytes()));
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words).env_clear();
        command.envs(self.env.iter().filter_map(|w| w.split_once('=')));
        command
    }

    fn nanoseconds(&self) -> Vec<Option<f64>> {
        self.samples.iter().map(|s| s.map(|s| s.nanoseconds as f64)).collect()
    }

    /// Tries it once, and keeps what it says when it fails.
    pub fn try_once(&mut self, situation: &Situation, mount_on: &Path) {
        self.row.failed = self.failure(situation, mount_on).unwrap_or_else(|e| Some(e.to_string()));
    }

    fn failure(&self, situation: &Situation, mount_on: &Path) -> io::Result<Option<String>> {
        let mut said = tempfile::tempfile()?;
        let mut command = self.command("try");
        command.stdin(File::open("/dev/null")?).stdout(said.try_clone()?).stderr(said.try_clone()?);
        command.process_group(0);
        prepare(&mut command, situation, mount_on);
        let mut child = command.spawn()?;
        let end = Instant::now() + HUNG;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            if Instant::now() > end {
                let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
                child.wait()?;
                break None;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let mut text = String::new();
        said.rewind()?;
        said.read_to_string(&mut text)?;
        let line =
            text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("it said nothing").to_string();
        Ok(match status {
            None => Some(format!("did not end within {} s", HUNG.as_secs())),
            Some(status) if status.success() => None,
            Some(status) => Some(format!("{status}: {line}")),
        })
    }
}

/// Launches all that work, round by round. `progress` gets the share that is done.
pub fn measure(tools: &mut [Tool], spawner: &mut Spawner, limits: Limits, progress: &mut dyn FnMut(f64)) {
    let mut costs: Vec<u64> = vec![u64::MAX; tools.len()];
    for _ in 0..WARM_UP {
        for (tool, cost) in tools.iter_mut().zip(&mut costs).filter(|(t, _)| t.works()) {
            if let Some(sample) = launch(tool, spawner) {
                *cost = (*cost).min(sample.nanoseconds);
            }
        }
    }
    let least = costs.iter().min().copied().unwrap_or(1).max(1);
    let begin = Instant::now();
    let mut order: Vec<usize> = (0..tools.len()).collect();
    for round in 0..limits.rounds {
        let share = begin.elapsed().as_secs_f64() / limits.time.as_secs_f64();
        if share >= 1.0 && round >= limits.at_least {
            break;
        }
        progress(share.max(round as f64 / limits.rounds as f64).min(1.0));
        fastrand::shuffle(&mut order);
        for &n in &order {
            let tool = &mut tools[n];
            let every = (costs[n] / least).div_ceil(SLOW).max(1) as usize;
            let sample = if tool.works() && round % every == 0 { launch(tool, spawner) } else { None };
            tool.samples.push(sample);
        }
    }
}

fn launch(tool: &mut Tool, spawner: &mut Spawner) -> Option<Sample> {
    match spawner.launch(&tool.words("new"), &tool.env(), HUNG) {
        Ok(sample) if sample.status.success() => Some(sample),
        Ok(sample) => {
            tool.row.failed = Some(format!("{} in a later round", sample.status));
            None
        }
        Err(e) => {
            tool.row.failed = Some(e.to_string());
            None
        }
    }
}

/// The figures of all of them.
pub fn figures(tools: &mut [Tool]) {
    let of = |role: Role, tools: &[Tool]| tools.iter().find(|t| t.role == role).map(Tool::nanoseconds);
    let (floor, vesicle) = (of(Role::Floor, tools), of(Role::Vesicle, tools));
    for tool in tools {
        let times = tool.nanoseconds();
        let over = |other: &Option<Vec<Option<f64>>>| other.as_ref().and_then(|o| ratio(&times, o));
        let mut sorted: Vec<f64> = times.iter().flatten().map(|ns| ns / 1000.0).collect();
        sorted.sort_by(f64::total_cmp);
        if sorted.is_empty() {
            continue;
        }
        let tenth = |x: f64| (x * 10.0).round() / 10.0;
        tool.row.times = Some(Times {
            rounds: sorted.len(),
            min: tenth(sorted[0]),
            median: tenth(quantile(&sorted, 0.5)),
            p99: tenth(quantile(&sorted, 0.99)),
            to_floor: if tool.role == Role::Floor { None } else { over(&floor) },
            to_vesicle: if tool.role == Role::Peer { over(&vesicle) } else { None },
        });
        let faults = tool.samples.iter().flatten().map(|s| s.faults as f64).collect();
        tool.row.page_faults = median(faults).map(|m| m.value as u64);
    }
}
