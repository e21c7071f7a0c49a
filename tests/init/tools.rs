//! The inits: ours by each of its names, and those of Debian where they are installed.

use crate::common::*;
use crate::helper::helper;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Whose command line it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Vesicle,
    Tini,
    DumbInit,
    Catatonit,
}

#[derive(Debug)]
pub struct Tool {
    /// Its column in the table.
    pub name: &'static str,
    pub kind: Kind,
    pub ours: bool,
    /// The program, and what makes it an init.
    pub words: Vec<OsString>,
}

/// What an init is to others: process 1 of a PID namespace, or somebody's child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    First,
    Child,
}

/// Who calls: the others' tests say that it makes no difference, so once is enough.
pub fn me() -> Who {
    everyone()[0]
}

/// A hard link of our binary by another name: that is how it is told what to be.
pub fn named(name: &str) -> PathBuf {
    let dir = scratch().join("names");
    let _ = fs::create_dir(&dir);
    let link = dir.join(name);
    if !link.exists() {
        let _ = fs::hard_link(vesicle(), &link);
    }
    assert!(link.exists(), "no link {}", link.display());
    link
}

/// Ours first; the others where they are.
pub fn tools() -> &'static [Tool] {
    static ALL: OnceLock<Vec<Tool>> = OnceLock::new();
    ALL.get_or_init(|| {
        let own = vec![vesicle().into(), "init".into()];
        let mut all = vec![Tool { name: "vesicle init", kind: Kind::Vesicle, ours: true, words: own }];
        for (column, name, kind) in [
            ("as tini", "tini", Kind::Tini),
            ("as dumb-init", "dumb-init", Kind::DumbInit),
            ("as catatonit", "catatonit", Kind::Catatonit),
        ] {
            all.push(Tool { name: column, kind, ours: true, words: vec![named(name).into()] });
        }
        for (name, kind) in [
            ("tini", Kind::Tini),
            ("tini-static", Kind::Tini),
            ("dumb-init", Kind::DumbInit),
            ("catatonit", Kind::Catatonit),
        ] {
            if is_thorough()
                && let Some(path) = find(name)
            {
                all.push(Tool { name, kind, ours: false, words: vec![path.into()] });
            }
        }
        all
    })
}

pub fn tool(name: &str) -> Option<&'static Tool> {
    tools().iter().find(|t| t.name == name)
}

impl Tool {
    /// Ours get all the time that a busy machine may need; of the others one is known to hang.
    pub fn seconds(&self) -> u64 {
        if self.ours { 30 } else { 2 }
    }

    /// To be completed by options and COMMAND.
    pub fn at(&self, place: Place) -> Launch {
        let launch = match place {
            Place::Child => program(me(), &self.words),
            // The launcher gives it a PID namespace and its /proc, and is otherwise out of the way.
            Place::First => run(me()).words("--share-net --share-uts --share-ipc /").args(&self.words),
        };
        launch.limit(self.seconds())
    }

    /// With the option that makes it forward to the whole group: dumb-init does without.
    pub fn group(&self, place: Place) -> Launch {
        let launch = self.at(place);
        if self.kind == Kind::DumbInit { launch } else { launch.arg("-g") }
    }

    /// With the option that makes it forward to COMMAND alone: the others do without.
    pub fn single(&self, place: Place) -> Launch {
        let launch = self.at(place);
        if self.kind == Kind::DumbInit { launch.arg("-c") } else { launch }
    }

    /// With the option that makes it a subreaper, where there is one.
    pub fn reaping(&self, place: Place) -> Launch {
        let launch = self.at(place);
        if self.kind == Kind::Tini && place == Place::Child { launch.arg("-s") } else { launch }
    }

    pub fn has(&self, option: char) -> bool {
        let letters = match self.kind {
            Kind::Vesicle => "spgerwvqkaP",
            Kind::Tini => "spgewvl",
            Kind::DumbInit => "rvVc",
            Kind::Catatonit => "gPVL",
        };
        letters.contains(option)
    }
}

/// The init of a call that runs already.
pub fn init_of(running: &Running, place: Place) -> i32 {
    match place {
        Place::Child => running.pid(),
        Place::First => children(running.pid()).first().copied().unwrap_or(0),
    }
}

/// kill(2) by number: nix knows no real-time signals. What has ended by then has ended.
pub fn send(pid: i32, n: i32) {
    assert!(pid > 1, "no process to send {n} to");
    // SAFETY: no memory is involved.
    unsafe { libc::kill(pid, n) };
}

/// Waits until `what` comes true; false when it doesn't in time.
pub fn comes_true(limit: Duration, mut what: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if what() {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A call with as little around it as can be, for those that are made hundreds of times.
pub struct Bare {
    child: std::process::Child,
}

impl Bare {
    pub fn start<A: AsRef<OsStr>>(words: impl IntoIterator<Item = A>) -> Bare {
        let words: Vec<OsString> = words.into_iter().map(|w| w.as_ref().into()).collect();
        let mut command = std::process::Command::new(&words[0]);
        command.args(&words[1..]).current_dir("/");
        for std in
            [std::process::Command::stdin, std::process::Command::stdout, std::process::Command::stderr]
        {
            std(&mut command, std::process::Stdio::null());
        }
        Bare { child: command.spawn().unwrap_or_else(|e| panic!("{words:?}: {e}")) }
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Its status as a shell sees it; none when it hangs.
    pub fn end(mut self, limit: Duration) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt;
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("wait") {
                return status.code().or(status.signal().map(|n| 128 + n));
            }
            if Instant::now() > end {
                return None;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            for child in children(self.pid()) {
                kill(child, Signal::SIGKILL);
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// `helper`, started by this init, whose options end before it: some of the others look for theirs among COMMAND's.
pub trait Payload {
    fn payload(self, mode: &str) -> Launch;
}

impl Payload for Launch {
    fn payload(self, mode: &str) -> Launch {
        self.arg("--").args(helper(mode))
    }
}
