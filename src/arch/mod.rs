//! What differs per CPU. Each file must define the same names:
//! `clone_with(flags, f, arg)` and `clone3_with(args, size, f, arg)` (the trampolines), `ELF_MACHINE` (e_machine of what this kernel runs), and
//! `NATIVE` and `FOREIGN` (the ABIs that a filter of system calls may see).
#![allow(unsafe_code)]

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::*;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::*;

/// An ABI as a filter of system calls sees it, and its numbers of calls.
#[cfg(feature = "deny-net")]
pub(crate) struct Abi {
    /// AUDIT_ARCH_* of include/uapi/linux/audit.h.
    pub(crate) arch: u32,
    pub(crate) socket: u32,
    pub(crate) socketpair: u32,
}
