//! Filters of system calls, seccomp(2).

use super::file::read_all;
use super::{Errno, Fd, Result, done};
use linux_raw_sys::ptrace as p;

/// The most instructions that a program has, of eight bytes each: BPF_MAXINSNS of linux/bpf_common.h.
const MAX_INSTRUCTIONS: usize = 4096;

/// Reads all of `fd` as instructions, each a struct sock_filter; they stay in memory. EINVAL when no program is that long.
/// Whether it makes sense the kernel says, when it is loaded: with the same errno.
pub fn read_program(fd: Fd) -> Result<&'static [u64]> {
    let (start, len) = match read_all(fd, MAX_INSTRUCTIONS * 8 + 1) {
        Ok((_, len)) if len == 0 || len & 7 != 0 => return Err(Errno::EINVAL),
        Err(Errno::E2BIG) => return Err(Errno::EINVAL),
        read => read?,
    };
    // SAFETY: so many bytes were read into a mapping, which begins with a page, is ours alone and never unmapped.
    Ok(unsafe { core::slice::from_raw_parts(start.cast_const().cast(), len >> 3) })
}

/// seccomp(2), SECCOMP_SET_MODE_FILTER, for this process and what it starts. A filter is no reason to slow the process down
/// against Spectre, as kernels before 5.16 do unless they are told: SECCOMP_FILTER_FLAG_SPEC_ALLOW.
pub fn seccomp(program: &[u64]) -> Result<()> {
    /// struct sock_fprog.
    #[repr(C)]
    struct Program {
        len: u16,
        filter: *const u64,
    }
    let program = Program { len: program.len() as u16, filter: program.as_ptr() };
    // SAFETY: the kernel reads one struct sock_fprog, and `len` instructions at its pointer: both come from one slice, whose
    // length fits, as MAX_INSTRUCTIONS does.
    unsafe {
        done!(seccomp, p::SECCOMP_SET_MODE_FILTER, p::SECCOMP_FILTER_FLAG_SPEC_ALLOW, &raw const program)
    }
}
