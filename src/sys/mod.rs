//! One line per system call: the only place that names `Sysno`. The safe layer: strings are [`ZStr`], descriptors
//! are [`Fd`], errors are [`Errno`]; what a call does and when it fails stands in its man page, named at each.
#![allow(unsafe_code)]

use core::num::NonZeroI32;

#[cfg(feature = "boot")]
mod boot;
#[cfg(feature = "oci")]
mod bpf;
#[cfg(feature = "caps")]
mod caps;
#[cfg(feature = "cgroup")]
mod cgroup;
#[cfg(feature = "oci")]
mod console;
mod fd;
mod file;
#[cfg(feature = "landlock")]
mod landlock;
#[cfg(feature = "limits")]
mod limits;
#[cfg(feature = "linux7")]
mod linux7;
#[cfg(feature = "oci")]
mod listener;
mod mount;
#[cfg(feature = "veth")]
mod netlink;
#[cfg(feature = "oci")]
mod oci;
#[cfg(feature = "placement")]
mod placement;
mod process;
mod room;
#[cfg(any(feature = "seccomp", feature = "deny-net"))]
mod seccomp;
mod signal;
#[cfg(feature = "oci")]
mod socket;
mod stack;
#[cfg(feature = "oci")]
mod task;
#[cfg(any(feature = "init", feature = "boot"))]
mod tty;
#[cfg(feature = "disable-userns")]
mod userns;
mod zstr;

#[cfg(feature = "words")]
pub(crate) use crate::arch::ELF_MACHINE;
#[cfg(feature = "deny-net")]
pub(crate) use crate::arch::{FOREIGN, NATIVE};
#[cfg(feature = "boot")]
pub use boot::*;
#[cfg(feature = "oci")]
pub use bpf::*;
#[cfg(feature = "caps")]
pub use caps::*;
#[cfg(feature = "cgroup")]
pub use cgroup::*;
#[cfg(feature = "oci")]
pub use console::*;
pub use fd::{Fd, close, dup};
pub use file::*;
#[cfg(feature = "landlock")]
pub use landlock::*;
#[cfg(feature = "limits")]
pub use limits::*;
#[cfg(feature = "linux7")]
pub use linux7::*;
#[cfg(feature = "oci")]
pub use listener::*;
pub use mount::*;
#[cfg(feature = "veth")]
pub use netlink::*;
#[cfg(feature = "oci")]
pub use oci::*;
#[cfg(feature = "placement")]
pub use placement::*;
pub use process::*;
#[cfg(feature = "options")]
pub use room::LongList;
#[cfg(feature = "timings")]
pub use room::{SHARED, Shared};
#[cfg(any(feature = "seccomp", feature = "deny-net"))]
pub use seccomp::*;
pub use signal::*;
#[cfg(feature = "oci")]
pub use socket::*;
pub use stack::{Block, Ids, Stack, Strings};
#[cfg(feature = "oci")]
pub use task::*;
#[cfg(any(feature = "init", feature = "boot"))]
pub use tty::*;
#[cfg(feature = "disable-userns")]
pub use userns::*;
pub use zstr::ZStr;

/// A C string constant: `z!("/proc")`.
#[macro_export]
macro_rules! z {
    ($s:literal) => {
        const { $crate::sys::ZStr::literal(::core::concat!($s, "\0")) }
    };
}

/// An error number, errno(3), as the kernel returns it: from -4095 to -1. So what a call gives that returns 0 is a
/// [`Result`] already, and nothing has to be computed.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
#[repr(transparent)]
pub struct Errno(NonZeroI32);

macro_rules! errnos {
    ($($name:ident)*) => { $(
        #[allow(missing_docs)]
        pub const $name: Errno = match NonZeroI32::new(-(linux_raw_sys::errno::$name as i32)) {
            Some(n) => Errno(n),
            None => panic!(),
        };
    )* };
}

impl Errno {
    errnos! { EPERM ENOENT EINTR ENOEXEC EAGAIN ENOMEM EACCES EEXIST ENOTDIR EISDIR EINVAL EMFILE ENAMETOOLONG ENOSYS
    ELOOP ENODEV ETIMEDOUT ESTALE E2BIG EBUSY ENXIO EPIPE EBADF EROFS ENOMEDIUM EOPNOTSUPP
    ENETUNREACH EHOSTUNREACH EADDRNOTAVAIL ESRCH ENOTEMPTY EFAULT }

    /// As the kernel returned it.
    pub const fn raw(self) -> NonZeroI32 {
        self.0
    }
}

/// What a system call gives.
pub type Result<T> = core::result::Result<T, Errno>;

/// What the kernel returned: a negative number is an errno. Every count, id and descriptor is an int (no read or write
/// is longer, read(2)); an address is not: see `room::map`.
#[inline(always)]
fn result(raw: usize) -> Result<u32> {
    let raw = raw as i32;
    // SAFETY: what is negative is not zero.
    if raw < 0 { Err(Errno(unsafe { NonZeroI32::new_unchecked(raw) })) } else { Ok(raw as u32) }
}

/// The same of a call that returns 0.
#[inline(always)]
fn nothing(raw: usize) -> Result<()> {
    NonZeroI32::new(raw as i32).map_or(Ok(()), |errno| Err(Errno(errno)))
}

/// `call!(name, args…)`: what the kernel returned, or the errno. Each wrapper states why its pointers are good.
macro_rules! call {
    ($name:ident $(, $arg:expr)*) => {
        $crate::sys::result(::syscalls::raw_syscall!(::syscalls::Sysno::$name $(, $arg)*))
    };
}
pub(crate) use call;

/// The same of a call that returns 0.
macro_rules! done {
    ($name:ident $(, $arg:expr)*) => {
        $crate::sys::nothing(::syscalls::raw_syscall!(::syscalls::Sysno::$name $(, $arg)*))
    };
}
pub(crate) use done;

/// The same of a call that returns a new descriptor.
macro_rules! opened {
    ($name:ident $(, $arg:expr)*) => {
        $crate::sys::Fd::new(::syscalls::raw_syscall!(::syscalls::Sysno::$name $(, $arg)*))
    };
}
pub(crate) use opened;
