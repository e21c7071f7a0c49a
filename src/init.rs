//! The one loop that waits for children: of the launcher, and of an init alike.
//!
//! Every signal is blocked and waited for, so there is no handler, nothing is lost, and nobody wakes without a reason.

mod job;
pub mod launcher;
#[cfg(feature = "init")]
mod rest;
#[cfg(feature = "init")]
mod say;
#[cfg(feature = "init")]
pub mod serve;
#[cfg(feature = "init")]
pub mod start;
#[cfg(feature = "timeout")]
pub mod timeout;
#[cfg(feature = "init")]
pub mod usage;

use crate::fail::{Fail, Stage};
use crate::status::{self, Status, decode};
use crate::sys::{self, Pid, Signal, Waited};

/// Who waits: what the launcher does in another way than an init.
pub trait Parent {
    /// A signal was sent to us, and it is no CHLD; or it is none, and the deadline has passed. Whether that is our end,
    /// with 0.
    fn signal(&mut self, main: Pid, signal: &Signal) -> bool;

    /// A child has ended, or was stopped.
    fn saw(&mut self, pid: Pid, status: Status, main: Pid);

    /// The exit code that stands for COMMAND's end.
    fn code(&self, status: Status) -> u8 {
        status::code(status)
    }

    /// COMMAND has ended with that code; or did before, and others may have since. With whether anybody is `left`; whether to
    /// wait for those.
    fn ended(&mut self, _main: Pid, _code: u8, _left: bool) -> bool {
        false
    }

    /// There is no child, and there was no COMMAND. Whether that is our end.
    #[cfg(feature = "boot")]
    fn alone(&mut self) -> bool {
        false
    }

    /// The exit code where a signal was our end.
    #[cfg(feature = "bwrap")]
    fn end(&self) -> u8 {
        0
    }

    /// How long it waits at most, in nanoseconds of [`sys::now`].
    fn deadline(&self) -> Option<u64> {
        None
    }
}

/// Waits for `main`, reaps whatever else ends, forwards signals; the exit code. Without a `main` it waits for a signal
/// that ends it.
pub fn supervise(main: Option<Pid>, parent: &mut dyn Parent) -> u8 {
    // No child has this id.
    let command = main.unwrap_or(Pid(0));
    let mut code = None;
    loop {
        let signal = match sys::wait_signal(parent.deadline()) {
            Ok(signal) => signal,
            // Not without a filter that refuses it. Then nothing can be forwarded any more, but the end be waited for.
            Err(_) if main.is_none() => return status::OWN,
            Err(_) => return code.unwrap_or_else(|| wait_for(command)),
        };
        let is_child = signal.number == sys::SIGCHLD;
        // One SIGCHLD can stand for many children: until there is nothing more. Before any other signal is forwarded too:
        // the kernel gives the one of the lower number first, and with a COMMAND that has ended it would be lost to those
        // who are left. A stop waits for its SIGCHLD: that signal may be the one that stops us as well, and once is enough.
        let none_left = loop {
            match sys::wait(is_child) {
                Waited::Child(pid, status) => {
                    let status = decode(status);
                    // Any other is a child that was adopted, or that whoever became us had left behind.
                    if pid == command && !matches!(status, Status::Stopped(_)) {
                        code = Some(parent.code(status));
                    }
                    parent.saw(pid, status, command);
                }
                Waited::Nothing => break false,
                // ECHILD: all are gone.
                Waited::None => break true,
            }
        };
        if let Some(code) = code {
            if !parent.ended(command, code, !none_left) || none_left {
                return code;
            }
        } else if none_left && main.is_some() {
            return wait_for(command);
        }
        #[cfg(feature = "boot")]
        if none_left && main.is_none() && parent.alone() {
            return 0;
        }
        if !is_child && parent.signal(command, &signal) {
            #[cfg(feature = "bwrap")]
            return parent.end();
            #[cfg(not(feature = "bwrap"))]
            return 0;
        }
    }
}

/// Waits for `main` alone, and in vain where somebody else has got its status.
#[cold]
fn wait_for(main: Pid) -> u8 {
    match sys::wait_for(main) {
        Ok(status) => status::code(decode(status)),
        Err(e) => Fail::new(Stage::Wait, None, e).report(),
    }
}
