//! The time that COMMAND has.

use super::Parent;
use super::launcher::Launcher;
use crate::cli::Opt;
use crate::fail::{At, Fail, Stage, Why};
use crate::plan::Plan;
use crate::sys::{self, Errno, Pid, Signal};

/// How long after the TERM there is a KILL, where nobody says it.
const GRACE: u64 = 10_000_000_000;

/// How much it has, in nanoseconds.
#[derive(Clone, Copy, Default)]
pub struct Timeout {
    /// When it is up, and then when the grace is over, in nanoseconds of [`sys::now`]. Before it begins: how long it is.
    pub deadline: Option<u64>,
    grace: u64,
    /// Whether it was up.
    pub is_up: bool,
}

impl Timeout {
    /// What was asked for; 0 is none, as for timeout(1).
    pub fn of(plan: &Plan<'_>) -> Timeout {
        Timeout {
            deadline: plan.spec.number(Opt::Timeout).filter(|time| *time != 0),
            grace: plan.spec.number(Opt::Grace).unwrap_or(GRACE),
            is_up: false,
        }
    }

    /// It begins now.
    pub fn begin(&mut self) -> Result<(), Fail<'static>> {
        if let Some(time) = &mut self.deadline {
            let now = sys::now();
            // Not without a filter that refuses the clock: then nothing would ever be up.
            if now == 0 {
                return Err(Errno::ENOSYS).at(Stage::Wait, None);
            }
            *time = now.saturating_add(*time);
        }
        Ok(())
    }
}

impl Launcher<'_> {
    /// The end of COMMAND: what a TERM of ours would do, and at the next deadline a KILL.
    #[cold]
    #[inline(never)]
    pub(super) fn time_is_up(&mut self, main: Pid) {
        if self.timeout.is_up {
            self.timeout.deadline = None;
            // Without a PID namespace that ends with it, an init does not take its children along.
            #[cfg(feature = "init")]
            if self.init && !self.first {
                super::rest::signal_below(Some(main), sys::SIGKILL, true);
            }
            return sys::kill(main, sys::SIGKILL);
        }
        self.timeout.is_up = true;
        self.timeout.deadline = Some(sys::now().saturating_add(self.timeout.grace));
        self.signal(main, &Signal { number: sys::SIGTERM, from_kernel: false });
        // What was stopped goes on, to see it.
        sys::kill(main, sys::SIGCONT);
        Fail::new(Stage::Wait, None, Why::TimeUp).report();
    }
}
