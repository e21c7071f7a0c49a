//! Memory for what is too large for a stack frame: a frame above a page is probed page by page, and pays for each.

use super::{Errno, Result, call, result};
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use linux_raw_sys::general as c;
use syscalls::{Sysno, raw_syscall};

/// mmap(2) of fresh memory, at a place of the kernel's choice: zero, and free of cost until it is touched.
pub(super) fn map(len: usize) -> Result<NonNull<u8>> {
    let (rw, flags) = (c::PROT_READ | c::PROT_WRITE, c::MAP_PRIVATE | c::MAP_ANONYMOUS);
    // SAFETY: it replaces no mapping, as no address is asked for.
    let start = unsafe { raw_syscall!(Sysno::mmap, 0, len, rw, flags, -1isize, 0) };
    // An errno is no address: those end far below.
    match NonNull::new(start as *mut u8) {
        Some(start) if start.as_ptr() as isize > 0 => Ok(start),
        _ => result(start).and(Err(Errno::ENOMEM)),
    }
}

/// Up to `MAX` values in pages of their own, which it has from the first one on and gives back when it is dropped. Most
/// launches have nothing to list: an empty one costs no system call and no page. The values are never dropped: what they
/// hold (descriptors of a child that borrowed our memory) may not be ours.
pub struct LongList<T, const MAX: usize> {
    start: NonNull<T>,
    len: usize,
}

impl<T, const MAX: usize> LongList<T, MAX> {
    /// Adds one, unless there are `MAX`: whether it did. ENOMEM.
    pub fn push(&mut self, value: T) -> Result<bool> {
        if self.len == MAX {
            return Ok(false);
        }
        if self.len == 0 {
            self.start = map(size_of::<T>().wrapping_mul(MAX))?.cast();
        }
        // SAFETY: `len` is below `MAX`, for which the mapping is large enough; it is aligned to a page.
        unsafe { self.start.add(self.len).write(value) };
        self.len = self.len.wrapping_add(1);
        Ok(true)
    }
}

impl<T, const MAX: usize> Default for LongList<T, MAX> {
    fn default() -> Self {
        LongList { start: NonNull::dangling(), len: 0 }
    }
}

impl<T, const MAX: usize> Deref for LongList<T, MAX> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: `push` wrote `len` values; where there is none, any aligned pointer will do.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T, const MAX: usize> DerefMut for LongList<T, MAX> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and `self` is borrowed mutably.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl<T, const MAX: usize> Drop for LongList<T, MAX> {
    fn drop(&mut self) {
        if self.len != 0 {
            // SAFETY: the mapping is ours, and the borrow checker saw to it that nothing points into it any more.
            let _ = unsafe { call!(munmap, self.start.as_ptr(), size_of::<T>().wrapping_mul(MAX)) };
        }
    }
}
