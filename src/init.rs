//! The one loop that waits for children: of the launcher, and of process 1 alike.
//!
//! Every signal is blocked and waited for, so there is no handler, nothing is lost, and nobody wakes without a reason.

mod forward;

use crate::fail::{Fail, Stage};
use crate::status::{self, Status, decode};
use crate::sys::{self, Pid, Waited};

/// Who waits.
#[derive(Clone, Copy)]
pub enum Role {
    /// The launcher, outside.
    Launcher {
        /// Whether its child is process 1 of a PID namespace and no init: the kernel drops what it has no handler for.
        first: bool,
    },
    /// The init of a container.
    #[cfg(feature = "init")]
    Init {
        /// Whether it is process 1 of its PID namespace.
        first: bool,
        /// Whether it stays until every process is gone.
        wait_all: bool,
    },
}

/// Waits for `main`, reaps whatever else ends, forwards signals; the exit code.
pub fn supervise(main: Pid, role: Role) -> u8 {
    // `killed`: the signal that a KILL of `main` stands for.
    let (mut code, mut killed) = (None, sys::SIGKILL);
    let (launcher, stays) = match role {
        Role::Launcher { .. } => (true, false),
        #[cfg(feature = "init")]
        Role::Init { wait_all, .. } => (false, wait_all),
    };
    loop {
        let signal = match sys::wait_signal() {
            Ok(signal) => signal,
            // Not without a filter that refuses it. Then nothing can be forwarded any more, but the end be waited for.
            Err(_) => return wait_for(main),
        };
        if signal.number != sys::SIGCHLD {
            match (code, role) {
                (None, _) => {
                    if forward::forward(main, &signal, role) {
                        killed = signal.number;
                    }
                }
                // COMMAND has ended: it is for those who are left.
                #[cfg(feature = "init")]
                (Some(_), Role::Init { first: true, .. }) => sys::kill_all(signal.number),
                (Some(code), _) => return code,
            }
            continue;
        }
        // One SIGCHLD can stand for many children: until there is nothing more.
        loop {
            match sys::wait(launcher) {
                // A child that was adopted, or that whoever became us had left behind.
                Waited::Child(pid, _) if pid != main => {}
                Waited::Child(_, status) => match decode(status) {
                    Status::Stopped(signal) => forward::stopped(main, signal),
                    Status::Killed(sys::SIGKILL) => code = Some(128 | killed),
                    ended => code = Some(status::code(ended)),
                },
                Waited::Nothing => break,
                // ECHILD: all are gone.
                Waited::None => return code.unwrap_or_else(|| wait_for(main)),
            }
        }
        if let (Some(code), false) = (code, stays) {
            return code;
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
