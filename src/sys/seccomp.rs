//! Filters of system calls, seccomp(2).

#[cfg(feature = "seccomp")]
use super::{Errno, Fd, file::read_all};
use super::{Result, done};
use linux_raw_sys::ptrace as p;
#[cfg(feature = "deny-net")]
pub use linux_raw_sys::ptrace::{
    BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO,
};

/// The most instructions that a program has, of eight bytes each: BPF_MAXINSNS of linux/bpf_common.h.
#[cfg(feature = "seccomp")]
const MAX_INSTRUCTIONS: usize = 4096;

/// Reads all of `fd` as instructions, each a struct sock_filter; they stay in memory. EINVAL when no program is that long.
/// Whether it makes sense the kernel says, when it is loaded: with the same errno.
#[cfg(feature = "seccomp")]
pub fn read_program(fd: Fd) -> Result<&'static [u64]> {
    let (start, len) = match read_all(fd, MAX_INSTRUCTIONS * 8 + 1) {
        Ok((_, len)) if len == 0 || len & 7 != 0 => return Err(Errno::EINVAL),
        Err(Errno::E2BIG) => return Err(Errno::EINVAL),
        read => read?,
    };
    // SAFETY: so many bytes were read into a mapping, which begins with a page, is ours alone and never unmapped.
    Ok(unsafe { core::slice::from_raw_parts(start.cast_const().cast(), len >> 3) })
}

/// struct sock_filter: an instruction of classic BPF.
#[cfg(feature = "deny-net")]
#[derive(Clone, Copy)]
#[repr(C)]
#[allow(missing_docs)]
pub struct SockFilter {
    pub code: u16,
    pub jt: u8,
    pub jf: u8,
    pub k: u32,
}

/// [`load`] of a program that was read, or made by build.rs: each number is a struct sock_filter.
#[cfg(feature = "seccomp")]
pub fn seccomp(program: &[u64]) -> Result<()> {
    // SAFETY: a slice of so many instructions.
    unsafe { load(program.as_ptr().cast(), program.len()) }
}

/// The same with flags of the caller's, SECCOMP_FILTER_FLAG_*: the descriptor of a listener if one is asked for, or 0.
#[cfg(feature = "oci")]
pub fn seccomp_with(program: &[u64], flags: u32) -> Result<u32> {
    let program = p::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut().cast() };
    // SAFETY: the kernel reads one struct sock_fprog, and `len` instructions at its pointer: both come from one slice, whose
    // length fits, as MAX_INSTRUCTIONS does.
    unsafe { super::call!(seccomp, p::SECCOMP_SET_MODE_FILTER, flags, &raw const program) }
}

/// [`load`] of a program of ours.
#[cfg(feature = "deny-net")]
pub fn load_filter(program: &[SockFilter]) -> Result<()> {
    // SAFETY: a slice of so many instructions.
    unsafe { load(program.as_ptr().cast(), program.len()) }
}

/// seccomp(2), SECCOMP_SET_MODE_FILTER, for this process and what it starts. A filter is no reason to slow the process down
/// against Spectre, as kernels before 5.16 do unless they are told: SECCOMP_FILTER_FLAG_SPEC_ALLOW. EACCES without
/// no_new_privs and without CAP_SYS_ADMIN.
///
/// # Safety
/// `filter` points to `len` instructions, at most 65,535.
#[inline(never)]
unsafe fn load(filter: *const p::sock_filter, len: usize) -> Result<()> {
    let program = p::sock_fprog { len: len as u16, filter: filter.cast_mut() };
    // SAFETY: the kernel reads one struct sock_fprog, and `len` instructions at its pointer: the caller's promise.
    unsafe {
        done!(seccomp, p::SECCOMP_SET_MODE_FILTER, p::SECCOMP_FILTER_FLAG_SPEC_ALLOW, &raw const program)
    }
}

/// prctl(2), PR_SET_SECCOMP: the same, by the older call and without a flag.
#[cfg(feature = "bwrap")]
pub fn seccomp_by_prctl(program: &[u64]) -> Result<()> {
    let program = p::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut().cast() };
    // SAFETY: the kernel reads one struct sock_fprog, and `len` instructions at its pointer: both come from one slice, whose
    // length fits, as MAX_INSTRUCTIONS does.
    unsafe {
        done!(prctl, linux_raw_sys::prctl::PR_SET_SECCOMP, p::SECCOMP_MODE_FILTER, &raw const program, 0, 0)
    }
}
