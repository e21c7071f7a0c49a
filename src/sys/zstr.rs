//! C strings without a copy.

use core::sync::atomic::{Ordering, compiler_fence};
use core::{marker::PhantomData, ptr::NonNull, slice};

/// A string that ends in a NUL byte and lives for `'a`: one pointer, straight from argv, the environment or a buffer.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct ZStr<'a>(NonNull<u8>, PhantomData<&'a u8>);

impl<'a> ZStr<'a> {
    /// From a literal that ends in its only NUL; anything else fails to compile. Use `z!`.
    pub const fn literal(s: &'static str) -> ZStr<'static> {
        match ZStr::until_nul(s.as_bytes()) {
            Some(z) => z,
            None => panic!("a literal needs its NUL"),
        }
    }

    /// The string at the start of `bytes`, up to its first NUL; `None` when there is no NUL.
    pub const fn until_nul(bytes: &'a [u8]) -> Option<ZStr<'a>> {
        let mut rest = bytes;
        while let [first, tail @ ..] = rest {
            if *first == 0 {
                // SAFETY: a slice's pointer is never null.
                let p = unsafe { NonNull::new_unchecked(bytes.as_ptr().cast_mut()) };
                return Some(ZStr(p, PhantomData));
            }
            rest = tail;
        }
        None
    }

    /// The string at the start of `bytes`, which close with a NUL; `None` when they don't.
    #[cfg(any(feature = "options", feature = "oci"))]
    pub fn closed(bytes: &'a [u8]) -> Option<ZStr<'a>> {
        match bytes {
            [.., 0] => Some(ZStr(NonNull::from(bytes).cast(), PhantomData)),
            _ => None,
        }
    }

    /// From a pointer of the kernel's making; `None` for null.
    ///
    /// # Safety
    /// `p` is null, or a NUL-terminated string that stays where it is for `'a`.
    pub unsafe fn from_ptr(p: *mut u8) -> Option<ZStr<'a>> {
        NonNull::new(p).map(|p| ZStr(p, PhantomData))
    }

    /// For the kernel.
    pub fn as_ptr(self) -> *const u8 {
        self.0.as_ptr()
    }

    /// The bytes before the NUL.
    pub fn bytes(self) -> &'a [u8] {
        let mut len = 0;
        // SAFETY: the string is NUL-terminated and lives for 'a; nothing behind the NUL is read.
        unsafe {
            while *self.0.as_ptr().add(len) != 0 {
                len += 1;
                // Else the optimiser sees strlen(3) in this, and calls that: more code than the loop.
                compiler_fence(Ordering::AcqRel);
            }
            slice::from_raw_parts(self.0.as_ptr(), len)
        }
    }

    /// The bytes and the NUL: what stands behind is the next string of an argument block.
    pub fn bytes_with_nul(self) -> &'a [u8] {
        // SAFETY: the NUL belongs to the string.
        unsafe { slice::from_raw_parts(self.0.as_ptr(), self.bytes().len() + 1) }
    }

    /// What stands behind `name` when this begins with it.
    #[inline(never)]
    pub fn value_of(self, name: &[u8]) -> Option<ZStr<'a>> {
        let mut rest = self;
        for byte in name {
            if rest.first() != *byte || *byte == 0 {
                return None;
            }
            // SAFETY: behind a byte that is not the NUL the string goes on.
            rest = ZStr(unsafe { rest.0.add(1) }, PhantomData);
        }
        Some(rest)
    }

    /// Whether it is just that.
    #[inline(never)]
    pub fn is(self, word: &[u8]) -> bool {
        self.value_of(word).is_some_and(|rest| rest.first() == 0)
    }

    /// Whether `byte` is in it. (`contains` of a slice brings a search of 200 bytes, made for long texts.)
    #[inline(never)]
    pub fn has(self, byte: u8) -> bool {
        self.bytes().iter().position(|b| *b == byte).is_some()
    }

    /// What stands behind its last `/`: the name of a file, of its path.
    #[cfg(any(feature = "boot", feature = "bwrap", feature = "drop-in"))]
    #[inline(never)]
    pub fn file_name(self) -> ZStr<'a> {
        let (mut name, mut rest) = (self, self);
        while rest.first() != 0 {
            let slash = rest.first() == b'/';
            // SAFETY: behind a byte that is not the NUL the string goes on.
            rest = ZStr(unsafe { rest.0.add(1) }, PhantomData);
            if slash {
                name = rest;
            }
        }
        name
    }

    /// The first byte; NUL for an empty string.
    pub fn first(self) -> u8 {
        // SAFETY: there is at least the NUL.
        unsafe { *self.0.as_ptr() }
    }

    /// The string from byte `n` on; the empty rest when it is shorter.
    #[inline(never)]
    pub fn skip(self, n: usize) -> ZStr<'a> {
        let n = n.min(self.bytes().len());
        // SAFETY: `n` is at most the offset of the NUL.
        ZStr(unsafe { self.0.add(n) }, PhantomData)
    }
}

#[cfg(test)]
impl std::fmt::Debug for ZStr<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.bytes()))
    }
}

impl PartialEq for ZStr<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}
