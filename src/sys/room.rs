//! Memory for what is too large for a stack frame: a frame above a page is probed page by page, and pays for each.

#[cfg(feature = "options")]
use super::call;
use super::{Errno, Result, result};
#[cfg(feature = "options")]
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use linux_raw_sys::general as c;
use syscalls::{Sysno, raw_syscall};

/// mmap(2) of fresh memory, at a place of the kernel's choice: zero, and free of cost until it is touched.
pub(super) fn map(len: usize) -> Result<NonNull<u8>> {
    // SAFETY: it replaces no mapping, as no address is asked for.
    unsafe { map_at(core::ptr::null_mut(), len, c::MAP_PRIVATE) }
}

/// The same with more to say.
///
/// # Safety
/// With MAP_FIXED, what is at `place` is the caller's to replace.
unsafe fn map_at(place: *mut u8, len: usize, flags: u32) -> Result<NonNull<u8>> {
    let (rw, flags) = (c::PROT_READ | c::PROT_WRITE, flags | c::MAP_ANONYMOUS);
    // SAFETY: the caller's promise.
    let start = unsafe { raw_syscall!(Sysno::mmap, place, len, rw, flags, -1isize, 0) };
    // An errno is no address: those end far below.
    match NonNull::new(start as *mut u8) {
        Some(start) if start.as_ptr() as isize > 0 => Ok(start),
        _ => result(start).and(Err(Errno::ENOMEM)),
    }
}

/// Up to `MAX` values in pages of their own, which it has from the first one on and gives back when it is dropped. Most
/// launches have nothing to list: an empty one costs no system call and no page. The values are never dropped: what they
/// hold (descriptors of a child that borrowed our memory) may not be ours.
#[cfg(feature = "options")]
pub struct LongList<T, const MAX: usize> {
    start: NonNull<T>,
    len: usize,
}

#[cfg(feature = "options")]
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

    /// What is in it, for good.
    #[cfg(feature = "oci")]
    pub fn leak(self) -> &'static mut [T] {
        let list = core::mem::ManuallyDrop::new(self);
        // SAFETY: `push` wrote `len` values, or any aligned pointer will do; the mapping stays, and nobody else knows of it.
        unsafe { core::slice::from_raw_parts_mut(list.start.as_ptr(), list.len) }
    }
}

#[cfg(feature = "options")]
impl<T, const MAX: usize> Default for LongList<T, MAX> {
    fn default() -> Self {
        LongList { start: NonNull::dangling(), len: 0 }
    }
}

#[cfg(feature = "options")]
impl<T, const MAX: usize> Deref for LongList<T, MAX> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: `push` wrote `len` values; where there is none, any aligned pointer will do.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

#[cfg(feature = "options")]
impl<T, const MAX: usize> DerefMut for LongList<T, MAX> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and `self` is borrowed mutably.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

#[cfg(feature = "options")]
impl<T, const MAX: usize> Drop for LongList<T, MAX> {
    fn drop(&mut self) {
        if self.len != 0 {
            // SAFETY: the mapping is ours, and the borrow checker saw to it that nothing points into it any more.
            let _ = unsafe { call!(munmap, self.start.as_ptr(), size_of::<T>().wrapping_mul(MAX)) };
        }
    }
}

/// Memory of [`SHARED`] bytes, all 0, that children which are copies of us may share. It is never given back. As another
/// process may write to it at any time there is never a reference to it, and what it says is an allegation.
#[cfg(feature = "timings")]
#[derive(Clone, Copy)]
pub struct Shared(NonNull<u8>);

/// How large it is. What is not touched costs nothing; the largest command line that the kernel takes fits twice.
#[cfg(feature = "timings")]
pub const SHARED: usize = 16 << 20;

#[cfg(feature = "timings")]
impl Shared {
    /// Memory that is shared with them, or is ours alone; ENOMEM.
    pub fn new(with_children: bool) -> Result<Shared> {
        let flags = if with_children { c::MAP_SHARED } else { c::MAP_PRIVATE };
        // SAFETY: it replaces no mapping, as no address is asked for.
        unsafe { map_at(core::ptr::null_mut(), SHARED, flags | c::MAP_NORESERVE) }.map(Shared)
    }

    /// The number at the constant place `AT`.
    #[inline(always)]
    pub fn head<const AT: usize>(self) -> u64 {
        const { assert!(AT & 7 == 0 && AT < SHARED) };
        // SAFETY: as below.
        unsafe { self.0.add(AT).cast::<u64>().read_volatile() }
    }

    /// Writes it.
    #[inline(always)]
    pub fn put_head<const AT: usize>(self, n: u64) {
        const { assert!(AT & 7 == 0 && AT < SHARED) };
        // SAFETY: as below.
        unsafe { self.0.add(AT).cast::<u64>().write_volatile(n) }
    }

    /// The eight bytes that `at` is one of, as a number; outside, the last eight.
    #[inline(never)]
    pub fn number(self, at: usize) -> u64 {
        // SAFETY: they lie in the mapping, which stays, and are aligned; they are read at once, whoever writes them.
        unsafe { self.place(at & !7).cast::<u64>().read_volatile() }
    }

    /// Writes them.
    #[inline(never)]
    pub fn put_number(self, at: usize, n: u64) {
        // SAFETY: as above, and they are writable.
        unsafe { self.place(at & !7).cast::<u64>().write_volatile(n) }
    }

    /// Byte `at`; outside, one of the last.
    pub fn byte(self, at: usize) -> u8 {
        // SAFETY: it lies in the mapping, which stays.
        unsafe { self.place(at).read_volatile() }
    }

    /// Writes it.
    pub fn put_byte(self, at: usize, byte: u8) {
        // SAFETY: as above, and it is writable.
        unsafe { self.place(at).write_volatile(byte) }
    }

    fn place(self, at: usize) -> NonNull<u8> {
        // SAFETY: no less than eight bytes before the end of the mapping.
        unsafe { self.0.add(at.min(SHARED - 8)) }
    }

    /// From here on it is not shared any more, but ours alone and all 0.
    #[cfg(feature = "init")]
    pub fn unshare(self) {
        // SAFETY: what is replaced is the mapping itself, to which there are no references.
        let _ = unsafe { map_at(self.0.as_ptr(), SHARED, c::MAP_PRIVATE | c::MAP_FIXED) };
    }
}
