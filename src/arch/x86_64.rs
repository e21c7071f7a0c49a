//! x86_64.

#[cfg(feature = "deny-net")]
use super::Abi;
#[cfg(feature = "oci")]
use core::arch::asm;
use core::arch::naked_asm;

/// e_machine in the ELF header: EM_X86_64, elf(5).
#[cfg(feature = "words")]
pub(crate) const ELF_MACHINE: u16 = 62;

/// The ABI of 64-bit programs, AUDIT_ARCH_X86_64.
#[cfg(feature = "deny-net")]
pub(crate) const NATIVE: Abi = Abi { arch: 0xc000_003e, socket: 41, socketpair: 53 };

/// That of 32-bit programs, AUDIT_ARCH_I386.
#[cfg(feature = "deny-net")]
pub(crate) const FOREIGN: Abi = Abi { arch: 0x4000_0003, socket: 359, socketpair: 360 };

/// clone(2) whose child calls `f(arg)`, which must never return; the parent gets the pid or a negative errno.
///
/// The child's stack begins 256 bytes below the parent's frame. With CLONE_VM|CLONE_VFORK that is the parent's own
/// stack, further down: the parent sleeps until the child has exec'd or ended, so nobody else uses it; it grows on
/// demand and ends in the kernel's guard gap. Without CLONE_VM it is the same place in the child's copy.
/// `f` and `arg` travel in r9 and rdx: the kernel preserves both, and reads rdx, r10 and r8 (parent_tid, child_tid and tls)
/// only with the flags for them.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn clone_with(
    flags: usize,
    f: unsafe extern "C" fn(*mut u8) -> !,
    arg: *mut u8,
) -> isize {
    naked_asm!(
        "mov r9, rsi",
        "lea rsi, [rsp - 256]",
        "and rsi, -16",
        "mov eax, {clone}",
        "syscall",
        "test eax, eax",
        "jnz 2f",
        "xor ebp, ebp",
        "mov rdi, rdx",
        "call r9",
        "ud2",
        "2: ret",
        clone = const linux_raw_sys::general::__NR_clone,
    )
}

/// clone3(2) with `size` bytes of `args`, which name no stack, or one for a thread; the rest is as in [`clone_with`].
///
/// The child begins where the parent sleeps, and steps down itself before it calls anything: what the parent will return
/// through stays as it is. `f` and `arg` travel in rdx and r9, which the kernel preserves and this call has no use for.
#[cfg(any(feature = "cgroup", feature = "linux7"))]
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn clone3_with(
    args: *const linux_raw_sys::general::clone_args,
    size: usize,
    f: unsafe extern "C" fn(*mut u8) -> !,
    arg: *mut u8,
) -> isize {
    naked_asm!(
        "mov r9, rcx",
        "mov eax, {clone3}",
        "syscall",
        "test eax, eax",
        "jnz 2f",
        "sub rsp, 256",
        "and rsp, -16",
        "xor ebp, ebp",
        "mov rdi, r9",
        "call rdx",
        "ud2",
        "2: ret",
        clone3 = const linux_raw_sys::general::__NR_clone3,
    )
}

/// A signal that ends whoever does not handle it, the first process of a PID namespace too.
#[cfg(feature = "oci")]
pub(crate) fn fault() {
    // SAFETY: it touches nothing.
    unsafe { asm!("ud2") }
}
