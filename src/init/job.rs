//! Job control: a container is one job of the shell that started it.

use crate::sys::{self, Pid, SigSet};

/// The signals that stop a process, and can be refused.
pub(super) const STOPS: SigSet = SigSet::of(&[sys::SIGTSTP, sys::SIGTTIN, sys::SIGTTOU]);
/// The signals by which a terminal speaks to its whole foreground process group.
const TERMINAL: SigSet = SigSet::of(&[sys::SIGHUP, sys::SIGINT, sys::SIGQUIT, sys::SIGWINCH]).and(STOPS);

/// Whether `main` has got this signal already: the terminal sent it to the process group that both of us are in. A
/// process that left our group (a new session, a shell with job control) was not meant by the terminal.
pub(super) fn has_got(main: Pid, signal: &sys::Signal) -> bool {
    signal.from_kernel
        && TERMINAL.has(signal.number)
        && sys::process_group(Some(main)) == sys::process_group(None)
}

/// Stops us by `signal`, so that a shell says what it says of any job, until we are continued. In an orphaned process
/// group the kernel stops nobody: then this comes back at once, and says no.
#[inline(never)]
pub(super) fn stop(signal: u8) -> bool {
    sys::raise(signal);
    // Unblocked for a moment, and back again.
    let mut mask = SigSet::ALL.without(signal);
    let _ = sys::swap_mask(&mut mask);
    let _ = sys::swap_mask(&mut mask);
    // What continued us was for us.
    sys::take_pending(sys::SIGCONT)
}
