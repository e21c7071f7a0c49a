//! Containers that live, and what memory they take.

use crate::common::{children, kill};
use crate::measure::Tool;
use crate::results::Memory;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use std::fs;
use std::io::{Read, pipe};
use std::os::fd::AsFd;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// The share of the machine's memory that is left alone.
const SPARE: f64 = 0.2;
/// How long a container may take until it sleeps.
const SLOW: Duration = Duration::from_secs(20);

/// Containers of one tool that sleep.
pub struct Sleepers {
    empty: Meminfo,
    count: usize,
    /// Children of ours that are none of them.
    others: Vec<i32>,
}

impl Sleepers {
    /// None yet. Whoever loses its parent becomes ours, so that all can be ended.
    pub fn new() -> Sleepers {
        prctl::set_child_subreaper(true).expect("prctl");
        Sleepers { empty: Meminfo::settled(), count: 0, others: ours() }
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
            launcher.spawn().map_err(|e| e.to_string())?;
            drop(launcher);
            let seen = poll(&mut [PollFd::new(ready.as_fd(), PollFlags::POLLIN)], SLOW.as_millis() as u16);
            if seen != Ok(1) {
                return Err(format!("container {} did not start", self.count + 1));
            }
            ready.read_exact(&mut [0]).map_err(|e| e.to_string())?;
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

impl Drop for Sleepers {
    fn drop(&mut self) {
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
    }
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
