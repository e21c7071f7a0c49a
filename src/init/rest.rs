//! Those that outlive COMMAND where no PID namespace ends with us.

use crate::sys::{self, Fd, Pid, ZStr};
use crate::text::{Text, decimal};

/// So many are found at once; children of ours beyond that are found by the next KILL, when some of these have ended.
const MAX: usize = 1024;

/// Processes.
struct List {
    pids: [Pid; MAX],
    len: usize,
}

impl List {
    fn push(&mut self, pid: Pid) {
        if let Some(slot) = self.pids.get_mut(self.len) {
            *slot = pid;
            self.len = self.len.saturating_add(1);
        }
    }

    /// Adds the children of `pid`, proc_pid_task_tid_children(5): of its first thread, and there is but one in most.
    fn add_children(&mut self, pid: Pid) {
        let mut room = [0; 48];
        let mut path = Text::on(&mut room);
        path.push(b"/proc/").number(pid.0 as u64).push(b"/task/").number(pid.0 as u64).push(b"/children\0");
        let Some(file) = ZStr::until_nul(path.get()).and_then(|p| sys::open(p, sys::O_RDONLY).ok()) else {
            return;
        };
        let mut found = 0i32;
        let mut chunk = [0; 512];
        // A number may be cut in two by the end of a chunk; each has a blank behind it.
        while let Ok(len @ 1..) = sys::read(file, &mut chunk) {
            for byte in chunk.iter().take(len as usize) {
                match byte {
                    b'0'..=b'9' => found = found.wrapping_mul(10).wrapping_add(i32::from(*byte - b'0')),
                    _ => self.push(Pid(core::mem::take(&mut found))),
                }
            }
        }
        sys::close(file);
    }
}

/// Sends a signal to our children; with `all` to their children too, and so on. What was stopped goes on, to see it.
/// A child of ours can't be mistaken for another process; of the others one could have ended, and its number have been
/// taken, between the look and the signal, in less time than it takes to use up all numbers.
pub(super) fn signal(signal: u8, all: bool) {
    signal_below(None, signal, all);
}

/// The same of the children of a child of ours.
#[inline(never)]
pub(super) fn signal_below(child: Option<Pid>, signal: u8, all: bool) {
    let Ok(me) = sys::me() else { return };
    // A /proc of another PID namespace would name others by our children's numbers.
    let mut room = [0; 16];
    let own = sys::readlinkat(Fd::CWD, crate::z!("/proc/self"), &mut room);
    if own.and_then(|id| decimal(id.bytes())) != Some(me.0 as u64) {
        return;
    }
    let mut list = List { pids: [Pid(0); MAX], len: 0 };
    list.add_children(child.unwrap_or(me));
    let mut next = 0;
    while let (true, true, Some(pid)) = (all, next < list.len, list.pids.get(next).copied()) {
        list.add_children(pid);
        next += 1;
    }
    for pid in list.pids.iter().take(list.len) {
        sys::kill(*pid, signal);
        if signal == sys::SIGTERM {
            sys::kill(*pid, sys::SIGCONT);
        }
    }
}
