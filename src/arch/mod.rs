//! What differs per CPU. Each file must define the same names:
//! `clone_with(flags, f, arg)` (the trampoline) and `ELF_MACHINE` (e_machine of what this kernel runs).
#![allow(unsafe_code)]

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::*;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::*;
