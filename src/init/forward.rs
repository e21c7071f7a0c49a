//! What becomes of a signal that was sent to us.

use super::Role;
use crate::sys::{self, Pid, SigSet, Signal, ZStr};
#[cfg(any(feature = "users", feature = "report"))]
use crate::text::{decimal, field};
use crate::text::{fields, process_path};

/// The signals by which a terminal speaks to its whole foreground process group.
const TERMINAL: SigSet = SigSet::of(&[sys::SIGHUP, sys::SIGINT, sys::SIGQUIT, sys::SIGWINCH]).and(STOPS);
/// The signals that stop a process, and can be refused.
const STOPS: SigSet = SigSet::of(&[sys::SIGTSTP, sys::SIGTTIN, sys::SIGTTOU]);
/// The signals that a process without a handler doesn't notice, signal(7).
const IGNORED: SigSet = SigSet::of(&[sys::SIGCHLD, sys::SIGCONT, sys::SIGURG, sys::SIGWINCH]);

/// Sends `signal` on to `main`, unless it has got it already. Whether a KILL was sent in its place.
#[inline(never)]
pub(super) fn forward(main: Pid, signal: &Signal, role: Role) -> bool {
    let n = signal.number;
    // A process that left our group (a new session, a shell with job control) was not meant by the terminal.
    let reached =
        signal.from_kernel && TERMINAL.has(n) && sys::process_group(Some(main)) == sys::process_group(None);
    if !reached {
        sys::kill(main, n);
    }
    let first = match role {
        Role::Launcher { first } => first,
        #[cfg(feature = "init")]
        Role::Init { .. } => return false,
    };
    if first {
        // Process 1 of a PID namespace: the kernel drops what it doesn't handle, as if it were ignored. It shall be as it
        // is for any other process, so what the kernel would do is done here. Read after the signal was sent: what
        // handled it until then has it.
        if takes(main, n) || IGNORED.has(n) {
            return false;
        }
        let ends = !STOPS.has(n);
        sys::kill(main, if ends { sys::SIGKILL } else { sys::SIGSTOP });
        if ends {
            return true;
        }
    }
    stopped(main, n);
    false
}

/// `main` was stopped by `signal`. When that is job control's, the shell waits for us to stop too: by the same signal, so
/// that it says what it says of any job; and `main` goes on when we do. In an orphaned process group the kernel does not
/// stop us: then it goes on at once.
#[inline(never)]
pub(super) fn stopped(main: Pid, signal: u8) {
    if !STOPS.has(signal) {
        return;
    }
    sys::raise(signal);
    // Unblocked for a moment, and back again.
    let mut mask = SigSet::ALL.without(signal);
    let _ = sys::swap_mask(&mut mask);
    let _ = sys::swap_mask(&mut mask);
    sys::kill(main, sys::SIGCONT);
}

/// Whether process `main` handles, ignores or blocks signal `n`. Not while it is still our own code, which blocks
/// everything; and yes where there is no /proc to ask.
#[inline(never)]
fn takes(main: Pid, n: u8) -> bool {
    let mut buf = [0; 2048];
    #[cfg(any(feature = "users", feature = "report"))]
    if is_ours(main, &mut buf) {
        return false;
    }
    let Some(text) = read(main, b"status", &mut buf) else { return true };
    fields(text, b'\n').any(|line| {
        match line {
            // SigBlk, SigIgn and SigCgt; not SigPnd, nor what begins with Shd.
            [b'S', b'i', b'g', b'B' | b'I' | b'C', _, _, b':', b'\t', hex @ ..] => {
                SigSet::from_hex(hex).has(n)
            }
            _ => false,
        }
    })
}

/// Whether it has not become COMMAND yet: PF_FORKNOEXEC, 0x40 of include/linux/sched.h, in the seventh field behind the
/// name, proc_pid_stat(5).
#[cfg(any(feature = "users", feature = "report"))]
fn is_ours(main: Pid, buf: &mut [u8]) -> bool {
    let flags = read(main, b"stat", buf).and_then(|text| {
        let name_end = text.iter().rposition(|b| *b == b')')?;
        decimal(field(text.get(name_end..)?, b' ', 7))
    });
    flags.is_some_and(|f| f & 0x40 != 0)
}

/// /proc/PID/`file`.
fn read<'b>(pid: Pid, file: &[u8], buf: &'b mut [u8]) -> Option<&'b [u8]> {
    let path = process_path(pid, file);
    let file = sys::open(ZStr::until_nul(&path)?, sys::O_RDONLY).ok()?;
    let len = sys::read(file, buf);
    // Left open, there would be one more with each signal.
    sys::close(file);
    buf.get(..len.ok()? as usize)
}
