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

/// A `T` in pages of its own, given back when dropped. The `T` itself is never dropped: what it holds (descriptors of
/// a child that borrowed our memory) may not be ours.
pub struct Room<T>(NonNull<T>);

impl<T> Room<T> {
    /// Room for what `make` makes; ENOMEM.
    #[inline(always)]
    pub fn new(make: impl FnOnce() -> T) -> Result<Room<T>> {
        // What has no size needs no memory.
        let place = if size_of::<T>() == 0 { NonNull::dangling() } else { map(size_of::<T>())?.cast::<T>() };
        // SAFETY: the mapping is large enough for a `T`, aligned to a page, and nobody else's.
        unsafe { place.write(make()) };
        Ok(Room(place))
    }
}

impl<T> Deref for Room<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: `new` wrote a `T`, and the mapping lives as long as `self`.
        unsafe { self.0.as_ref() }
    }
}

impl<T> DerefMut for Room<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and `self` is borrowed mutably.
        unsafe { self.0.as_mut() }
    }
}

impl<T> Drop for Room<T> {
    fn drop(&mut self) {
        if size_of::<T>() != 0 {
            // SAFETY: the mapping is ours, and the borrow checker saw to it that nothing points into it any more.
            let _ = unsafe { call!(munmap, self.0.as_ptr(), size_of::<T>()) };
        }
    }
}
