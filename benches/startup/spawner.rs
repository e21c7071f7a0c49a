//! The parent of what is measured, and the situation that it is in.
#![allow(unsafe_code)]

use crate::programs;
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
use std::ffi::CString;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// Where the caller of a launcher stands.
#[derive(Clone, Default)]
pub struct Situation {
    /// Another user and group than ours.
    pub uid: Option<u32>,
    /// A mount namespace with so many mounts more than it had.
    pub mounts: usize,
}

/// What one launch took.
#[derive(Clone, Copy)]
pub struct Sample {
    pub nanoseconds: u64,
    pub status: ExitStatus,
    pub faults: u64,
}

/// A running parent.
pub struct Spawner {
    child: Child,
    requests: Option<ChildStdin>,
    answers: ChildStdout,
}

impl Spawner {
    /// One in this situation. `mount_on` is an empty folder that all can reach.
    pub fn start(situation: &Situation, mount_on: &Path) -> io::Result<Spawner> {
        let mut command = Command::new(program());
        command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        prepare(&mut command, situation, mount_on);
        let mut child = command.spawn()?;
        Ok(Spawner { requests: child.stdin.take(), answers: child.stdout.take().expect("piped"), child })
    }

    /// Launches it so often, one after the other.
    pub fn ask(&mut self, words: &[CString], env: &[CString], times: u32) -> io::Result<()> {
        let end = CString::default();
        let all = words.iter().chain([&end]).chain(env);
        let text: Vec<u8> = all.flat_map(|w| w.as_bytes_with_nul()).copied().collect();
        let mut request = Vec::from(times.to_ne_bytes());
        request.extend((text.len() as u32).to_ne_bytes());
        request.extend(text);
        self.requests.as_mut().expect("open until the end").write_all(&request)
    }

    /// The answer to one of them.
    pub fn answer(&mut self) -> io::Result<Sample> {
        let mut bytes = [0; 32];
        self.answers.read_exact(&mut bytes)?;
        let word = |n: usize| u64::from_ne_bytes(bytes[n * 8..][..8].try_into().expect("eight bytes"));
        Ok(Sample {
            nanoseconds: word(0),
            status: ExitStatus::from_raw(word(1) as i32),
            faults: word(2) + word(3),
        })
    }

    /// One launch, which may take so long.
    pub fn launch(&mut self, words: &[CString], env: &[CString], limit: Duration) -> io::Result<Sample> {
        self.ask(words, env, 1)?;
        let timeout = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        if poll(&mut [PollFd::new(self.answers.as_fd(), PollFlags::POLLIN)], timeout)? == 0 {
            for child in crate::common::children(self.child.id() as i32) {
                crate::common::kill(child, Signal::SIGKILL);
            }
            self.answer()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, "did not end"));
        }
        self.answer()
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        // It ends when nobody can ask any more.
        drop(self.requests.take());
        let _ = self.child.wait();
    }
}

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(programs::spawner)
}

/// Has `command` begin in this situation.
pub fn prepare(command: &mut Command, situation: &Situation, mount_on: &Path) {
    let Situation { uid, mounts } = *situation;
    let on = mount_on.to_owned();
    if mounts > 0 {
        // SAFETY: we have one thread; so a child of ours may do what it likes.
        unsafe { command.pre_exec(move || more_mounts(&on, mounts)) };
    }
    if let Some(id) = uid {
        // SAFETY: system calls alone.
        unsafe {
            command.pre_exec(move || {
                setgroups(&[])?;
                setgid(Gid::from_raw(id))?;
                Ok(setuid(Uid::from_raw(id))?)
            })
        };
    }
}

/// A mount namespace with `mounts` binds of folders in a tmpfs.
fn more_mounts(on: &Path, mounts: usize) -> io::Result<()> {
    const NONE: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
    mount(Some("tmpfs"), on, Some("tmpfs"), MsFlags::empty(), NONE)?;
    for n in 1..mounts {
        let at = on.join(n.to_string());
        fs::create_dir(&at)?;
        mount(Some(&at), &at, NONE, MsFlags::MS_BIND, NONE)?;
    }
    Ok(())
}
