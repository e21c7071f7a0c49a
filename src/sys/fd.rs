//! File descriptors as a type.

#[cfg(any(feature = "boot", feature = "bwrap", feature = "timings"))]
use super::done;
use super::{Result, call};
#[cfg(any(feature = "boot", feature = "bwrap", feature = "timings"))]
use linux_raw_sys::general as c;
use linux_raw_sys::general::{AT_FDCWD, F_DUPFD_CLOEXEC};

/// An open descriptor, or the current directory. A child closes all of its own at once, right before its execve; the
/// launcher closes the few that it is done with by [`close`].
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
#[repr(transparent)]
pub struct Fd(pub(super) u32);

impl Fd {
    /// The current directory, AT_FDCWD of openat(2).
    pub const CWD: Fd = Fd(AT_FDCWD as u32);
    /// Standard input.
    pub const STDIN: Fd = Fd(0);
    /// Standard output.
    pub const STDOUT: Fd = Fd(1);
    /// Standard error.
    pub const STDERR: Fd = Fd(2);

    /// What a call just returned. Where the caller had closed stdin, stdout or stderr the kernel hands out 0 to 2:
    /// moved above, so that no mount or pipe of ours is ever taken for one of them.
    #[inline(never)]
    pub(super) fn new(raw: usize) -> Result<Fd> {
        let fd = super::result(raw)?;
        if fd > 2 {
            return Ok(Fd(fd));
        }
        let high = dup(Fd(fd));
        close(Fd(fd));
        high
    }

    /// Its number.
    #[cfg(any(
        feature = "enter",
        feature = "fs",
        feature = "landlock",
        feature = "report",
        feature = "template",
        feature = "timings"
    ))]
    pub fn number(self) -> u32 {
        self.0
    }

    /// A descriptor that the caller passed to us, by its number.
    pub const fn inherited(number: u32) -> Fd {
        Fd(number)
    }
}

/// fcntl(2), F_DUPFD_CLOEXEC: another descriptor of the same, above 2.
pub fn dup(fd: Fd) -> Result<Fd> {
    // SAFETY: no memory is involved.
    unsafe { call!(fcntl, fd.0, F_DUPFD_CLOEXEC, 3) }.map(Fd)
}

/// A SIGIO for us whenever there is something to read, or the end of it, so that whoever waits for signals hears of it; and
/// no read waits: O_ASYNC and O_NONBLOCK, fcntl(2).
#[cfg(any(feature = "boot", feature = "bwrap", feature = "timings"))]
#[cfg_attr(not(any(feature = "boot", feature = "report")), allow(dead_code))]
pub(super) fn signals_us(fd: Fd) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe {
        done!(fcntl, fd.0, c::F_SETOWN, call!(getpid)?)?;
        done!(fcntl, fd.0, c::F_SETFL, c::O_NONBLOCK | c::FASYNC)
    }
}

/// close(2), which frees the number whatever it returns.
pub fn close(fd: Fd) {
    // SAFETY: no memory is involved; callers are done with it.
    let _ = unsafe { call!(close, fd.0) };
}
