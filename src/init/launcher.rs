//! The launcher as a parent: what becomes of a signal that was sent to it.

use super::Parent;
use super::job::{self, STOPS};
#[cfg(feature = "timeout")]
use super::timeout::Timeout;
use crate::fail::{Fail, Stage, Why};
use crate::status::{self, Status};
use crate::sys::{self, Pid, SigSet, Signal, ZStr};
#[cfg(any(feature = "users", feature = "report", feature = "veth"))]
use crate::text::field;
use crate::text::{before, decimal, fields, process_path};
use crate::timings::Timings;

/// The signals that a process without a handler doesn't notice, signal(7).
const IGNORED: SigSet = SigSet::of(&[sys::SIGCHLD, sys::SIGCONT, sys::SIGURG, sys::SIGWINCH]);

/// So often a process that runs is looked at, a millisecond between two looks, before it is believed not to take a signal.
const LOOKS: u8 = 20;

/// The launcher, outside.
pub struct Launcher<'t> {
    /// Whether its child is process 1 of a PID namespace.
    pub(super) first: bool,
    /// Whether it is an init too. Else the kernel drops what it has no handler for.
    pub(super) init: bool,
    /// The signal that a KILL of it stands for.
    killed: u8,
    /// Where an init says that COMMAND has ended and others are left, and with which code: we end with COMMAND.
    #[cfg(feature = "bwrap")]
    pub early: Option<sys::Fd>,
    /// The time that COMMAND has.
    #[cfg(feature = "timeout")]
    pub timeout: Timeout,
    /// Takes the time of COMMAND's execve, where that was asked for and we don't see it otherwise.
    timings: &'t mut Timings,
}

impl<'t> Launcher<'t> {
    /// One whose child is process 1, or an init, or both, or neither.
    pub fn new(first: bool, init: bool, timings: &'t mut Timings) -> Launcher<'t> {
        Launcher {
            first,
            init,
            killed: sys::SIGKILL,
            #[cfg(feature = "bwrap")]
            early: None,
            #[cfg(feature = "timeout")]
            timeout: Timeout::default(),
            timings,
        }
    }
}

impl Parent for Launcher<'_> {
    /// Sends it on, unless the terminal did.
    fn signal(&mut self, main: Pid, signal: &Signal) -> bool {
        if self.timings.saw(signal) {
            return false;
        }
        let n = signal.number;
        #[cfg(feature = "timeout")]
        if n == 0 {
            self.time_is_up(main);
            return false;
        }
        #[cfg(feature = "bwrap")]
        if let Some(early) = self.early
            && n == sys::PIPE_SIGNAL
            && signal.from_kernel
        {
            let mut code = [0];
            // Its end says nothing more.
            if sys::read(early, &mut code) == Ok(1) {
                [self.killed] = code;
                return true;
            }
            return false;
        }
        if !job::has_got(main, signal) {
            sys::kill(main, n);
        }
        if self.first && !self.init {
            // Process 1 of a PID namespace: the kernel drops what it doesn't handle, as if it were ignored. It shall be as
            // it is for any other process, so what the kernel would do is done here. Read after the signal was sent: what
            // handled it until then has it.
            if takes(main, n) || IGNORED.has(n) {
                return false;
            }
            let ends = !STOPS.has(n);
            sys::kill(main, if ends { sys::SIGKILL } else { sys::SIGSTOP });
            if ends {
                self.killed = n;
                return false;
            }
        }
        stopped(main, n);
        false
    }

    fn saw(&mut self, pid: Pid, status: Status, main: Pid) {
        if let (Status::Stopped(signal), true) = (status, pid == main) {
            stopped(main, signal);
        }
    }

    #[cfg(feature = "bwrap")]
    fn end(&self) -> u8 {
        self.killed
    }

    #[cfg(feature = "timeout")]
    fn deadline(&self) -> Option<u64> {
        self.timeout.deadline
    }

    fn code(&self, status: Status) -> u8 {
        #[cfg(feature = "timeout")]
        if self.timeout.is_up {
            return status::TIMED_OUT;
        }
        match status {
            Status::Killed(sys::SIGKILL) => 128 | self.killed,
            // Nothing else ends a process 1 by these two: it is how the kernel tells of a reboot(2) in a PID namespace.
            Status::Killed(signal @ (sys::SIGHUP | sys::SIGINT)) if self.first => {
                let why = if signal == sys::SIGHUP { Why::Reboot } else { Why::PowerOff };
                Fail::new(Stage::Wait, None, why).report();
                128 | signal
            }
            ended => status::code(ended),
        }
    }
}

/// `main` was stopped by `signal`. When that is job control's, the shell waits for us to stop too; and `main` goes on
/// when we do.
fn stopped(main: Pid, signal: u8) {
    if STOPS.has(signal) {
        job::stop(signal);
        sys::kill(main, sys::SIGCONT);
    }
}

/// Whether process `main` handles, ignores, blocks or waits for signal `n`. Not while it is still our own code, which
/// blocks everything; and yes where there is no /proc to ask.
#[inline(never)]
fn takes(main: Pid, n: u8) -> bool {
    let mut buf = [0; 2048];
    #[cfg(any(feature = "users", feature = "report", feature = "veth"))]
    if is_ours(main, &mut buf) {
        return false;
    }
    // As long as it waits for signals in rt_sigtimedwait(2), as an init is nearly always, those count as not blocked, up to
    // the moment when it runs again. Until then the signal is pending, which one that was dropped never is. And as long as
    // it runs, or is about to, nothing is certain: it may be an init that is about to wait, or about to go on.
    let mut sleeps = 0;
    for _ in 0..LOOKS {
        let Some(text) = read(main, b"status", &mut buf) else { return true };
        let takes = fields(text, b'\n').any(|line| {
            match line {
                // SigPnd, ShdPnd, SigBlk, SigIgn and SigCgt.
                [b'S', _, _, b'P' | b'B' | b'I' | b'C', _, _, b':', b'\t', hex @ ..] => {
                    SigSet::from_hex(hex).has(n)
                }
                _ => false,
            }
        });
        // The number of the call that it sleeps in, or "running", proc_pid_syscall(5); nothing where we may not know.
        let call = before(read(main, b"syscall", &mut buf).unwrap_or_default(), b' ');
        if takes || decimal(call) == Some(sys::RT_SIGTIMEDWAIT) {
            return true;
        }
        if call.first() == Some(&b'r') {
            sys::sleep_a_millisecond();
        } else if sleeps > 0 {
            return false;
        } else {
            sleeps += 1;
        }
    }
    false
}

/// Whether it has not become COMMAND yet: PF_FORKNOEXEC, 0x40 of include/linux/sched.h, in the seventh field behind the
/// name, proc_pid_stat(5).
#[cfg(any(feature = "users", feature = "report", feature = "veth"))]
fn is_ours(main: Pid, buf: &mut [u8]) -> bool {
    let flags = read(main, b"stat", buf).and_then(|text| {
        let name_end = text.iter().rposition(|b| *b == b')')?;
        decimal(field(text.get(name_end..)?, b' ', 7))
    });
    flags.is_some_and(|f| f & 0x40 != 0)
}

/// /proc/PID/`file`.
fn read<'b>(pid: Pid, file: &[u8], buf: &'b mut [u8]) -> Option<&'b [u8]> {
    sys::read_start(ZStr::until_nul(&process_path(pid, file))?, buf).ok()
}
