//! An init as a parent: what it does with a signal, with the end of a child, and with those that are left.

use super::say::{Event, say};
use super::{Parent, job, rest};
use crate::spec::duties::{Apart, Duties, Rest};
use crate::status::{self, Status};
use crate::sys::{self, Fd, Pid, SigSet, Signal};

/// An init.
pub struct Init<'d> {
    /// What it is asked to do.
    pub duties: &'d Duties,
    /// Whether it is process 1 of its PID namespace: then the kernel ends all with it, and nobody can stop it.
    pub first: bool,
    /// Our controlling terminal, where there is one, and our process group.
    pub terminal: Option<(Fd, Pid)>,
    /// Signals that the kernel sent us for something that we did ourselves: each is passed over once.
    pub own: SigSet,
    /// Where its code is told when others are left, whom the launcher does not wait for.
    #[cfg(feature = "bwrap")]
    pub early: Option<Fd>,
    /// Whether COMMAND has ended.
    ended: bool,
    /// Whether it was told to end: by a TERM.
    told: bool,
    /// When there is a KILL for those that were told to end.
    deadline: Option<u64>,
    /// Whether there was one.
    over: bool,
}

impl<'d> Init<'d> {
    /// One that has these duties.
    pub fn new(duties: &'d Duties, first: bool) -> Init<'d> {
        let own = SigSet::of(&[]);
        Init {
            duties,
            first,
            terminal: None,
            own,
            #[cfg(feature = "bwrap")]
            early: None,
            ended: false,
            told: false,
            deadline: None,
            over: false,
        }
    }

    /// To COMMAND, or to its whole process group; and to COMMAND too where it has left that.
    fn send(&self, main: Pid, signal: u8) {
        if self.duties.group { self.send_to_group(main, signal) } else { sys::kill(main, signal) }
    }

    fn send_to_group(&self, main: Pid, signal: u8) {
        if !(sys::kill_group(main, signal) && sys::process_group(Some(main)) == Ok(main)) {
            sys::kill(main, signal);
        }
    }

    /// What this signal is forwarded as, if it is; and says so.
    fn translated(&self, n: u8) -> Option<u8> {
        let (d, to) = (self.duties, self.duties.forwards(n));
        if to != n {
            say(d, Event::Rewritten, n.into(), to.into(), b"");
        }
        if to == 0 {
            say(d, Event::Dropped, 0, 0, b"");
            return None;
        }
        Some(to)
    }

    /// What is left when COMMAND is not, all of it. What was stopped goes on, to see a TERM.
    fn send_to_rest(&self, signal: u8, all: bool) {
        if !self.first {
            return rest::signal(signal, all);
        }
        sys::kill_all(signal);
        if signal == sys::SIGTERM {
            sys::kill_all(sys::SIGCONT);
        }
    }

    /// From here on there is so much time.
    fn begin_grace(&mut self) {
        self.over = false;
        self.deadline = self.duties.grace.map(|grace| sys::now().saturating_add(grace));
    }

    /// COMMAND was stopped. Where that is job control's doing the shell waits for us to stop too, by the same signal and
    /// in the foreground again; and when it has continued us, all is as it was before. A STOP is job control's when COMMAND
    /// has the terminal. Process 1 can't be stopped, and has no shell that would continue it: there it is COMMAND that goes
    /// on. Nor can we in an orphaned process group: whoever wants the terminal there is told that there is none any more, as
    /// the kernel tells a stopped job that is orphaned.
    fn stopped(&self, main: Pid, signal: u8) {
        // Asked for in this order: most children stop by none of these.
        let by_job_control = job::STOPS.has(signal)
            || signal == sys::SIGSTOP
                && !self.first
                && self.terminal.is_some_and(|(fd, _)| sys::foreground(fd) == Ok(main));
        if self.duties.apart != Apart::Group || !by_job_control {
            return;
        }
        let mut continued = false;
        if !self.first {
            self.take_back(main);
            continued = job::stop(signal);
            self.hand_over(main);
        }
        let wants_terminal = self.terminal.is_some() && matches!(signal, sys::SIGTTIN | sys::SIGTTOU);
        if wants_terminal && !continued {
            self.send_to_group(main, sys::SIGHUP);
        }
        self.send_to_group(main, sys::SIGCONT);
    }

    /// Gives the terminal's foreground to COMMAND if it is ours: a shell gives it to us when we are its foreground job.
    fn hand_over(&self, main: Pid) {
        if let Some((fd, own)) = self.terminal
            && sys::foreground(fd) == Ok(own)
        {
            let _ = sys::set_foreground(fd, main);
        }
    }

    /// Takes it back from COMMAND, or from a group that has ended; from nobody else.
    fn take_back(&self, main: Pid) {
        if let Some((fd, own)) = self.terminal
            && let Ok(group) = sys::foreground(fd)
            && (group == main || group != own && !sys::kill_group(group, 0))
        {
            let _ = sys::set_foreground(fd, own);
        }
    }

    /// What is said of the end of a child.
    fn tell(&self, pid: Pid, status: Status, is_main: bool) {
        let (ended, main_ended, what) = match status {
            Status::Exited(code) => (Event::Exited, Event::MainExited, code),
            Status::Killed(signal) => (Event::Killed, Event::MainKilled, signal),
            Status::Stopped(_) => return,
        };
        let d = self.duties;
        say(d, Event::Child, sys::SIGCHLD.into(), 0, b"");
        say(d, Event::Saw, pid.0 as u32, what.into(), b"");
        if is_main {
            say(d, main_ended, pid.0 as u32, what.into(), b"");
        } else if d.tells_reaped {
            say(d, Event::Reaped, pid.0 as u32, what.into(), b"");
            say(d, ended, pid.0 as u32, what.into(), b"");
        }
    }
}

impl Parent for Init<'_> {
    fn signal(&mut self, main: Pid, signal: &Signal) -> bool {
        let (d, n) = (self.duties, signal.number);
        if d.pause {
            return matches!(n, sys::SIGTERM | sys::SIGINT);
        }
        if n == 0 {
            (self.deadline, self.over) = (None, true);
            say(d, Event::GraceOver, 0, 0, b"");
            if self.ended {
                self.send_to_rest(sys::SIGKILL, false)
            } else {
                self.send(main, sys::SIGKILL)
            }
            return false;
        }
        say(d, Event::Got, n.into(), n.into(), b"");
        if self.own.has(n) {
            self.own = self.own.without(n);
            say(d, Event::PassedOver, n.into(), 0, b"");
            return false;
        }
        if let Some(to) = self.translated(n) {
            // A shell brings us to the foreground, running as we are.
            if n == sys::SIGCONT && !self.ended {
                self.hand_over(main);
            }
            if self.ended {
                self.send_to_rest(to, true);
            } else if to != n || !job::has_got(main, signal) {
                self.send(main, to);
            }
            say(d, Event::Forwarded, to.into(), 0, b"");
            if (to == sys::SIGTERM || n == sys::SIGTERM) && !self.told {
                self.told = true;
                self.begin_grace();
            }
            // Then it is those who are left that are the shell's job.
            if self.ended && !self.first && job::STOPS.has(to) {
                job::stop(to);
                self.send_to_rest(sys::SIGCONT, true);
            }
        }
        if d.suspends && job::STOPS.has(n) {
            say(d, Event::Suspends, 0, 0, b"");
            sys::raise(sys::SIGSTOP);
        }
        false
    }

    fn saw(&mut self, pid: Pid, status: Status, main: Pid) {
        self.tell(pid, status, pid == main);
        if let (Status::Stopped(signal), true) = (status, pid == main) {
            self.stopped(main, signal);
        }
    }

    fn code(&self, status: Status) -> u8 {
        self.duties.code(status::code(status))
    }

    fn ended(&mut self, main: Pid, code: u8, left: bool) -> bool {
        if self.ended {
            // Orphans of those that a KILL has ended are our children now.
            if self.over {
                self.send_to_rest(sys::SIGKILL, false);
            }
            return true;
        }
        self.ended = true;
        let d = self.duties;
        #[cfg(feature = "bwrap")]
        if let (Some(early), true) = (self.early, left) {
            let _ = sys::write(early, &[code]);
        }
        self.take_back(main);
        if d.wait_all {
            // Somebody wants it all to end.
            if self.told {
                self.send_to_rest(sys::SIGTERM, true);
                self.begin_grace();
            }
            return true;
        }
        match d.rest {
            Rest::All => {
                if !self.first {
                    // Without a child of ours there is nobody below us.
                    if left {
                        rest::signal(sys::SIGTERM, true);
                        self.begin_grace();
                    }
                    return d.grace.is_some();
                }
            }
            #[cfg(feature = "drop-in")]
            Rest::Group => {
                if let Some(to) = self.translated(sys::SIGTERM) {
                    if d.group {
                        sys::kill_group(main, to);
                    }
                    say(d, Event::Forwarded, to.into(), 0, b"");
                }
            }
            #[cfg(feature = "drop-in")]
            Rest::Stays => {}
        }
        say(d, Event::Ends, 0, code.into(), b"");
        false
    }

    fn deadline(&self) -> Option<u64> {
        self.deadline
    }
}
