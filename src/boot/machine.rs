//! Process 1 of a machine as a parent: what it does with a signal and with the end of a child.

use super::console;
use crate::init::{Parent, supervise};
use crate::spec::boot::{Boot, OnExit};
use crate::status::Status;
use crate::sys::{self, Pid, SigSet, Signal, ZStr};

const SECOND: u64 = 1_000_000_000;
/// So long those that got a KILL are waited for: one that sleeps in a broken driver never ends.
const PATIENCE: u64 = 2 * SECOND;
/// The pauses before COMMAND is started again: the first one, and the longest.
const FIRST_PAUSE: u64 = SECOND / 10;
const LONGEST_PAUSE: u64 = 30 * SECOND;

/// What the signals mean: those of busybox init, and those of systemd(1), RTMIN+3 to RTMIN+5.
const MEANINGS: [(u8, OnExit); 8] = [
    (sys::SIGTERM, OnExit::Reboot),
    // Ctrl-Alt-Del.
    (sys::SIGINT, OnExit::Reboot),
    (sys::SIGUSR1, OnExit::Halt),
    (sys::SIGPWR, OnExit::Halt),
    (sys::SIGUSR2, OnExit::PowerOff),
    (37, OnExit::Halt),
    (38, OnExit::PowerOff),
    (39, OnExit::Reboot),
];

/// The machine.
pub(super) struct Machine {
    /// Whether it is one, and not a container.
    pub is_real: bool,
    /// Whether it is in distress: what ends is a shell that somebody looked around with, and the line would be taken for that
    /// of COMMAND.
    pub is_rescued: bool,
    /// The signal mask that the kernel gave us.
    pub mask: SigSet,
    on_exit: OnExit,
    grace: u64,
    /// What a signal has told us to do instead of `on_exit`.
    told: Option<OnExit>,
    /// What runs, for messages, when it was started, and how it ended.
    command: Option<ZStr<'static>>,
    started: u64,
    status: Option<Status>,
    code: Option<u8>,
    /// The pause before it is started again.
    pause: u64,
    phase: Phase,
    deadline: Option<u64>,
}

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A signal, the end of COMMAND, or the end of a pause.
    Runs,
    /// The end of those that got a TERM.
    Terminates,
    /// The end of those that got a KILL.
    Kills,
}

impl Machine {
    /// One that nothing runs on yet.
    pub(super) fn new(is_real: bool, mask: SigSet, boot: &Boot) -> Machine {
        Machine {
            is_real,
            is_rescued: false,
            mask,
            on_exit: boot.on_exit,
            grace: boot.grace,
            told: None,
            command: None,
            started: 0,
            status: None,
            code: None,
            pause: 0,
            phase: Phase::Runs,
            deadline: None,
        }
    }

    /// What is done when all has ended.
    pub(super) fn action(&self) -> OnExit {
        self.told.unwrap_or(self.on_exit)
    }

    /// What a signal means, if it ends us. To a container it is the end alone: that restarts only where it was asked to.
    fn meaning(&self, signal: u8) -> Option<OnExit> {
        let (_, action) = MEANINGS.iter().find(|(n, _)| *n == signal)?;
        Some(match self.on_exit {
            _ if self.is_real => *action,
            OnExit::Reboot => OnExit::Reboot,
            _ => OnExit::PowerOff,
        })
    }

    /// Whether a signal has told us to end.
    pub(super) fn is_told(&self) -> bool {
        self.told.is_some()
    }

    /// COMMAND is about to be started.
    pub(super) fn begin(&mut self, command: ZStr<'static>) {
        (self.command, self.started) = (Some(command), sys::now());
        (self.status, self.code) = (None, None);
    }

    /// Waits for COMMAND, and for whatever else there is unless COMMAND is to be started again; its code.
    pub(super) fn wait_for(&mut self, child: Pid) -> u8 {
        let code = supervise(Some(child), self);
        // It comes back without it when those that are left are given up.
        self.code.unwrap_or(code)
    }

    /// Whether COMMAND is started again; at once only when it has run for a while.
    pub(super) fn respawns(&mut self) -> bool {
        if self.on_exit != OnExit::Respawn || self.is_told() {
            return false;
        }
        if self.pause > 0 {
            self.wait_until(sys::now().saturating_add(self.pause));
        }
        !self.is_told()
    }

    /// Waits, reaping, until a signal tells us to end.
    fn wait_until(&mut self, deadline: u64) {
        self.deadline = Some(deadline);
        supervise(None, self);
        self.deadline = None;
    }

    /// Ends all that is left.
    pub(super) fn end(&mut self) {
        if self.phase == Phase::Runs {
            self.terminate();
        }
        // So that it is seen when there is nobody.
        sys::raise(sys::SIGCHLD);
        supervise(None, self);
    }

    /// TERM for all but us; what was stopped goes on, to see it.
    fn terminate(&mut self) {
        (self.phase, self.deadline) = (Phase::Terminates, Some(sys::now().saturating_add(self.grace)));
        sys::kill_all(sys::SIGTERM);
        sys::kill_all(sys::SIGCONT);
    }

    /// The one line on the end of COMMAND.
    fn tell(&self, code: u8, what: OnExit) {
        let (Some(command), Some(status)) = (self.command, self.status) else { return };
        console::say(&mut |line| {
            line.push(b"vesicle:");
            crate::fail::quote(line, command);
            line.push(b" ended: ");
            if let Status::Killed(signal) = status {
                line.push(b"signal ").number(signal.into()).push(b", ");
            }
            line.push(b"exit status ").number(code.into()).push(b"; ").push(what.name());
        });
    }
}

impl Parent for Machine {
    fn signal(&mut self, main: Pid, signal: &Signal) -> bool {
        let n = signal.number;
        if n == 0 {
            match self.phase {
                // Of a pause.
                Phase::Runs => return true,
                Phase::Terminates => {
                    (self.phase, self.deadline) = (Phase::Kills, Some(sys::now().saturating_add(PATIENCE)));
                    sys::kill_all(sys::SIGKILL);
                    return false;
                }
                Phase::Kills => return true,
            }
        }
        let Some(action) = self.meaning(n) else {
            // No signal of COMMAND's is anybody else's.
            if self.status.is_none() {
                sys::kill(main, n);
            }
            return false;
        };
        // The first one counts, as for halt(8): what it began goes on.
        if self.told.is_none() {
            self.told = Some(action);
            console::say(&mut |line| {
                line.push(b"vesicle: signal ").number(n.into()).push(b": ").push(action.name());
            });
            // Without COMMAND whoever waits ends the rest.
            if main == Pid(0) {
                return self.phase == Phase::Runs;
            }
            if self.phase == Phase::Runs {
                self.terminate();
            }
        }
        false
    }

    fn saw(&mut self, pid: Pid, status: Status, main: Pid) {
        if pid == main && !matches!(status, Status::Stopped(_)) {
            self.status = Some(status);
        }
    }

    fn ended(&mut self, _: Pid, code: u8, _: bool) -> bool {
        // Of those that are left.
        if self.code.is_some() {
            return true;
        }
        self.code = Some(code);
        let what = self.action();
        if !self.is_rescued {
            self.tell(code, what);
        }
        if what == OnExit::Respawn {
            let short = sys::now().saturating_sub(self.started) < SECOND;
            let next = self.pause.saturating_mul(2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            self.pause = if short { next } else { 0 };
            return false;
        }
        if self.phase == Phase::Runs {
            self.terminate();
        }
        true
    }

    fn alone(&mut self) -> bool {
        self.phase != Phase::Runs
    }

    fn deadline(&self) -> Option<u64> {
        self.deadline
    }
}

/// Waits for something that an event of the kernel can bring, and for a signal that ends it.
pub(super) struct Watch<'w> {
    /// The machine that waits.
    pub machine: &'w mut Machine,
    /// Looks whether it is there.
    pub look: &'w mut dyn FnMut() -> bool,
    /// When it is given up.
    pub deadline: u64,
}

impl Parent for Watch<'_> {
    fn signal(&mut self, main: Pid, signal: &Signal) -> bool {
        match signal.number {
            0 => {
                (self.look)();
                true
            }
            sys::SIGIO => (self.look)(),
            _ => self.machine.signal(main, signal),
        }
    }

    fn saw(&mut self, _: Pid, _: Status, _: Pid) {}

    fn deadline(&self) -> Option<u64> {
        Some(self.deadline)
    }
}
