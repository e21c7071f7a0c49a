//! The controlling terminal, ioctl_tty(2).

#[cfg(any(feature = "drop-in", feature = "boot"))]
use super::call;
use super::{Fd, Result};
#[cfg(feature = "init")]
use super::{Pid, done};
use linux_raw_sys::ioctl as c;

/// TIOCGPGRP: the foreground process group of our controlling terminal; 0 where that lies outside of our PID namespace.
/// ENOTTY when `fd` is not that terminal.
#[cfg(feature = "init")]
pub fn foreground(fd: Fd) -> Result<Pid> {
    let mut group = 0i32;
    // SAFETY: the kernel writes an int.
    unsafe { done!(ioctl, fd.0, c::TIOCGPGRP, &raw mut group) }.map(|()| Pid(group))
}

/// TIOCSPGRP: makes `group` the foreground process group. From the background only where TTOU is blocked or ignored.
#[cfg(feature = "init")]
pub fn set_foreground(fd: Fd, group: Pid) -> Result<()> {
    // SAFETY: the kernel reads an int.
    unsafe { done!(ioctl, fd.0, c::TIOCSPGRP, &raw const group.0) }
}

/// TIOCNOTTY: gives up the controlling terminal; of a session leader the whole session does, and the foreground group
/// gets HUP and CONT.
#[cfg(feature = "drop-in")]
pub fn give_up_terminal(fd: Fd) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { done!(ioctl, fd.0, c::TIOCNOTTY) }
}

/// TIOCSCTTY: makes the terminal the controlling one of our session, if no other session has it.
#[cfg(any(feature = "drop-in", feature = "boot"))]
pub fn take_terminal(fd: Fd) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { call!(ioctl, fd.0, c::TIOCSCTTY, 0) }.map(drop)
}

/// getsid(2) of ourselves.
#[cfg(feature = "drop-in")]
pub fn session() -> Result<Pid> {
    // SAFETY: no memory is involved.
    unsafe { call!(getsid, 0) }.map(|id| Pid(id as i32))
}
