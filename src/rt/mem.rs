//! The functions that the compiler calls for copies, fills and comparisons: a C library has them, gnu targets bring none.

use core::arch::asm;

/// memcpy(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(dst: *mut u8, src: *const u8, len: usize) -> *mut u8 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller owns `len` bytes at both; the ABI promises the direction flag clear.
    unsafe {
        asm!("rep movsb", inout("rcx") len => _, inout("rdi") dst => _, inout("rsi") src => _,
             options(nostack, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    for i in 0..len {
        // SAFETY: `i` is below `len`, which both ends have.
        unsafe { *dst.add(i) = *src.add(i) };
        barrier();
    }
    dst
}

/// memmove(3): backwards where a forward copy would overwrite what it has yet to read.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(dst: *mut u8, src: *const u8, len: usize) -> *mut u8 {
    if (dst as usize).wrapping_sub(src as usize) >= len {
        // SAFETY: the caller's promise; a forward copy is right here.
        return unsafe { memcpy(dst, src, len) };
    }
    for i in (0..len).rev() {
        // SAFETY: `i` is below `len`, which both ends have.
        unsafe { *dst.add(i) = *src.add(i) };
        barrier();
    }
    dst
}

/// memset(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(dst: *mut u8, byte: i32, len: usize) -> *mut u8 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller owns `len` bytes at `dst`; the ABI promises the direction flag clear.
    unsafe {
        asm!("rep stosb", inout("rcx") len => _, inout("rdi") dst => _, in("al") byte as u8,
             options(nostack, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    for i in 0..len {
        // SAFETY: `i` is below `len`.
        unsafe { *dst.add(i) = byte as u8 };
        barrier();
    }
    dst
}

/// memcmp(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    for i in 0..len {
        // SAFETY: `i` is below `len`, which both have.
        let (x, y) = unsafe { (*a.add(i), *b.add(i)) };
        if x != y {
            return i32::from(x) - i32::from(y);
        }
        barrier();
    }
    0
}

/// bcmp(3): what the compiler calls when only equality matters.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    // SAFETY: the caller's promise is memcmp's.
    unsafe { memcmp(a, b, len) }
}

/// strlen(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(s: *const u8) -> usize {
    let mut n = 0;
    // SAFETY: the caller's string ends in a NUL, and nothing behind it is read.
    while unsafe { *s.add(n) } != 0 {
        n += 1;
        barrier();
    }
    n
}

/// Keeps the optimiser from recognising a loop as the very function that it stands in, and calling it.
#[inline(always)]
fn barrier() {
    // SAFETY: no instruction at all.
    unsafe { asm!("", options(nostack, preserves_flags)) };
}
