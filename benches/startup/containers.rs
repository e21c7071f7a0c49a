//! Containers that live, and what memory they take.

use crate::common::{children, kill, mounts, new_mounts};
use crate::measure::Tool;
use crate::results::{Living, Memory};
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, pipe};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// The share of the machine's memory that is left alone.
const SPARE: f64 = 0.2;
/// So many of the first and of the last are looked at, to tell how the time of a start grows.
const SOME: usize = 100;
/// How long a container may take until it sleeps.
const SLOW: Duration = Duration::from_secs(20);

/// Containers of one tool that sleep.
pub struct Sleepers {
    empty: Meminfo,
    count: usize,
    /// Children of ours that are none of them.
    others: Vec<i32>,
    /// Of each its launcher, and the microseconds from before the spawn until it slept.
    started: Vec<(i32, f64)>,
    /// What there was before.
    mounts: Vec<String>,
    groups: BTreeSet<PathBuf>,
    namespaces: u64,
}

impl Sleepers {
    /// None yet. Whoever loses its parent becomes ours, so that all can be ended.
    pub fn new() -> Sleepers {
        prctl::set_child_subreaper(true).expect("prctl");
        Sleepers {
            empty: Meminfo::settled(),
            count: 0,
            others: ours(),
            started: Vec::new(),
            mounts: mounts(),
            groups: groups(),
            namespaces: namespaces(),
        }
    }

    /// Starts more of them until there are `count`, or says why there are fewer. `tool` runs the payload that says when
    /// it is there.
    pub fn grow(&mut self, count: usize, tool: &Tool, limit: Duration) -> Result<(), String> {
        let begin = Instant::now();
        let (mut ready, theirs) = pipe().map_err(|e| e.to_string())?;
        while self.count < count {
            let mut launcher = tool.command(&self.count.to_string());
            launcher.stdin(Stdio::null()).stderr(Stdio::null());
            launcher.stdout(theirs.try_clone().map_err(|e| e.to_string())?);
            let start = Instant::now();
            let pid = launcher.spawn().map_err(|e| e.to_string())?.id() as i32;
            drop(launcher);
            let seen = poll(&mut [PollFd::new(ready.as_fd(), PollFlags::POLLIN)], SLOW.as_millis() as u16);
            if seen != Ok(1) {
                return Err(format!("container {} did not start", self.count + 1));
            }
            ready.read_exact(&mut [0]).map_err(|e| e.to_string())?;
            self.started.push((pid, start.elapsed().as_secs_f64() * 1e6));
            self.count += 1;
            let now = Meminfo::read();
            if now.available < now.total * SPARE {
                return Err(format!("stopped at {} containers: the memory is used up", self.count));
            }
            if begin.elapsed() > limit {
                return Err(format!("stopped at {} containers after {} s", self.count, limit.as_secs()));
            }
        }
        Ok(())
    }

    /// What each of them takes.
    pub fn memory(&self) -> Option<Memory> {
        let now = Meminfo::settled();
        let each = |more: f64| (self.count > 0).then(|| (more / self.count as f64 * 10.0).round() / 10.0);
        Some(Memory {
            all: each(self.empty.available - now.available)?,
            slab: each(now.slab - self.empty.slab)?,
            stacks_and_tables: each(now.stacks_and_tables - self.empty.stacks_and_tables)?,
        })
    }
}

impl Sleepers {
    /// What is to be said of those that live.
    pub fn living(&self) -> Option<Living> {
        let some = SOME.min(self.count / 2);
        let (first, last) = (self.started.get(..some)?, self.started.get(self.count - some..)?);
        // The fastest: each is started but once, and what other programs of the machine do is in the rest.
        let time = |of: &[(i32, f64)]| of.iter().map(|s| s.1).min_by(f64::total_cmp);
        Some(Living {
            private_kib: self.started.iter().filter_map(|s| private_kib(s.0)).max()?,
            last_to_first: time(last)? / time(first)?,
            left: Vec::new(),
        })
    }

    /// Ends them all; what is left of them.
    pub fn end(mut self) -> Vec<String> {
        let count = self.count;
        self.sweep();
        let mut left: Vec<String> = ours()
            .into_iter()
            .filter(|pid| !self.others.contains(pid))
            .map(|pid| format!("process {pid}"))
            .collect();
        left.extend(new_mounts(&self.mounts).into_iter().map(|m| format!("mount {m}")));
        // The kernel takes namespaces apart one after the other, and other programs of the machine make groups and namespaces
        // of their own.
        let few = count as u64 / 10 + 20;
        let (mut least, mut end) = (u64::MAX, Instant::now());
        loop {
            let more = namespaces().saturating_sub(self.namespaces);
            if more < least {
                (least, end) = (more, Instant::now() + SLOW * 3);
            }
            let groups: Vec<_> = groups().difference(&self.groups).cloned().collect();
            if Instant::now() > end {
                left.extend((more > few).then(|| format!("{more} network namespaces")));
                left.extend(groups.iter().map(|g| format!("control group {}", g.display())));
                return left;
            }
            if more <= few && groups.is_empty() {
                return left;
            }
            std::thread::sleep(Duration::from_millis(250));
        }
    }

    fn sweep(&mut self) {
        let end = Instant::now() + SLOW * 3;
        // The children of a launcher become ours when it has ended.
        loop {
            let left: Vec<i32> = ours().into_iter().filter(|pid| !self.others.contains(pid)).collect();
            if left.is_empty() || Instant::now() > end {
                break;
            }
            for pid in &left {
                kill(*pid, Signal::SIGKILL);
            }
            for pid in left {
                let _ = waitpid(Pid::from_raw(pid), None);
            }
        }
        // A container whose launcher was killed has left its control group.
        for n in 0..self.count {
            let _ = fs::remove_dir(format!("/sys/fs/cgroup/bench-{n}"));
        }
        self.count = 0;
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        self.sweep();
    }
}

/// The memory of a process that no other has too.
fn private_kib(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let lines =
        text.lines().filter_map(|l| l.strip_prefix("Private_Clean:").or(l.strip_prefix("Private_Dirty:")));
    Some(lines.filter_map(|l| l.split_whitespace().next()?.parse::<u64>().ok()).sum())
}

/// The control groups of all hierarchies.
fn groups() -> BTreeSet<PathBuf> {
    let (mut all, mut todo) = (BTreeSet::new(), vec![PathBuf::from("/sys/fs/cgroup")]);
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                todo.push(entry.path());
                all.insert(entry.path());
            }
        }
    }
    all
}

/// How many network namespaces the kernel has; 0 where only root may know.
fn namespaces() -> u64 {
    let text = fs::read_to_string("/proc/slabinfo").unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("net_namespace "));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn ours() -> Vec<i32> {
    children(std::process::id() as i32)
}

/// Figures of /proc/meminfo, in KiB.
struct Meminfo {
    total: f64,
    available: f64,
    slab: f64,
    stacks_and_tables: f64,
}

impl Meminfo {
    fn read() -> Meminfo {
        let text = fs::read_to_string("/proc/meminfo").expect("/proc/meminfo");
        let field = |name: &str| -> f64 {
            let line = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
        };
        Meminfo {
            total: field("MemTotal"),
            available: field("MemAvailable"),
            slab: field("Slab"),
            stacks_and_tables: field("KernelStack") + field("PageTables"),
        }
    }

    /// When it no longer changes: what has ended is taken apart by threads of the kernel, for a while.
    fn settled() -> Meminfo {
        let end = Instant::now() + Duration::from_secs(30);
        let mut last = Meminfo::read();
        loop {
            std::thread::sleep(Duration::from_millis(250));
            let now = Meminfo::read();
            if (now.slab - last.slab).abs() < 256.0 && (now.available - last.available).abs() < 2048.0
                || Instant::now() > end
            {
                return now;
            }
            last = now;
        }
    }
}
