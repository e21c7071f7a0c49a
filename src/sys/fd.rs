//! File descriptors as types.

use super::{Errno, Result, call};
use core::{marker::PhantomData, mem};
use linux_raw_sys::general::{AT_FDCWD, F_DUPFD_CLOEXEC};

/// A descriptor that we own: closed when dropped.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
#[repr(transparent)]
pub struct Fd(core::num::NonZeroU32);

impl Fd {
    /// What a call just returned. Where the caller had closed stdin, stdout or stderr the kernel hands out 0 to 2:
    /// moved above, so that no mount or pipe of ours is ever taken for one of them.
    pub(super) fn new(raw: usize) -> Result<Fd> {
        let mut raw = raw;
        if raw < 3 {
            // SAFETY: no memory is involved.
            let high = unsafe { call!(fcntl, raw, F_DUPFD_CLOEXEC, 3) };
            // SAFETY: as above; `raw` is ours.
            let _ = unsafe { call!(close, raw) };
            raw = high?;
        }
        core::num::NonZeroU32::new(raw as u32).map(Fd).ok_or(Errno::EBADF)
    }

    /// A descriptor that the caller named by number and passed on to us.
    pub fn inherited(number: u32) -> Option<Fd> {
        core::num::NonZeroU32::new(number).map(Fd)
    }

    /// Borrow it for a call.
    pub fn at(&self) -> AtFd<'_> {
        AtFd(self.0.get() as i32, PhantomData)
    }

    /// The number: for messages and close_range.
    pub fn number(&self) -> u32 {
        self.0.get()
    }

    /// Leave it open for good.
    pub fn leak(self) {
        mem::forget(self)
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        // SAFETY: we own it; close(2) frees the number whatever it returns.
        let _ = unsafe { call!(close, self.0.get()) };
    }
}

/// A descriptor for the length of a call: an [`Fd`], one of the three standard ones, or the current directory.
#[derive(Clone, Copy)]
pub struct AtFd<'a>(pub(super) i32, PhantomData<&'a Fd>);

impl AtFd<'static> {
    /// The current directory, AT_FDCWD of openat(2).
    pub const CWD: Self = AtFd(AT_FDCWD, PhantomData);
    /// Standard output.
    pub const STDOUT: Self = AtFd(1, PhantomData);
    /// Standard error.
    pub const STDERR: Self = AtFd(2, PhantomData);

    /// A descriptor which the caller passed to us and that we don't own.
    pub const fn inherited(number: u32) -> Self {
        AtFd(number as i32, PhantomData)
    }
}
