//! The wait for COMMAND of a launcher that knows no job control.

use crate::status::{OWN, code, decode};
use crate::sys::{self, Pid};
use crate::timings::Timings;

/// Waits for `main` and sends on what it was sent itself; the exit code. What comes from a terminal has reached `main` too.
pub(super) fn wait(main: Pid, timings: &mut Timings) -> u8 {
    while let Ok(signal) = sys::wait_signal(None) {
        timings.saw(&signal);
        if !signal.from_kernel {
            sys::kill(main, signal.number);
        }
        if let Some(status) = sys::status(main) {
            return code(decode(status));
        }
    }
    // Not without a filter that refuses it. Then nothing can be sent on, but the end be waited for.
    sys::wait_for(main).map_or(OWN, |status| code(decode(status)))
}
