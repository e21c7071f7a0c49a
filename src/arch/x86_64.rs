//! x86_64.

use core::arch::naked_asm;

/// e_machine in the ELF header: EM_X86_64, elf(5).
#[cfg(feature = "words")]
pub(crate) const ELF_MACHINE: u16 = 62;

/// clone(2) whose child calls `f(arg)`, which must never return; the parent gets the pid or a negative errno.
///
/// The child's stack begins 256 bytes below the parent's frame. With CLONE_VM|CLONE_VFORK that is the parent's own
/// stack, further down: the parent sleeps until the child has exec'd or ended, so nobody else uses it; it grows on
/// demand and ends in the kernel's guard gap. Without CLONE_VM it is the same place in the child's copy.
/// `f` and `arg` travel in r9 and r8: the kernel preserves both, and reads r8 (tls) only with CLONE_SETTLS.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn clone_with(
    flags: usize,
    f: unsafe extern "C" fn(*mut u8) -> !,
    arg: *mut u8,
) -> isize {
    naked_asm!(
        "mov r9, rsi",
        "mov r8, rdx",
        "lea rsi, [rsp - 256]",
        "and rsi, -16",
        "xor edx, edx",
        "xor r10d, r10d",
        "mov eax, {clone}",
        "syscall",
        "test eax, eax",
        "jnz 2f",
        "xor ebp, ebp",
        "mov rdi, r8",
        "call r9",
        "ud2",
        "2: ret",
        clone = const linux_raw_sys::general::__NR_clone,
    )
}
