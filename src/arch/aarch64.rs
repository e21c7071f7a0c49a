//! aarch64.

#[cfg(feature = "deny-net")]
use super::Abi;
#[cfg(feature = "oci")]
use core::arch::asm;
use core::arch::naked_asm;

/// e_machine in the ELF header: EM_AARCH64, elf(5).
#[cfg(feature = "words")]
pub(crate) const ELF_MACHINE: u16 = 183;

/// The ABI of 64-bit programs, AUDIT_ARCH_AARCH64.
#[cfg(feature = "deny-net")]
pub(crate) const NATIVE: Abi = Abi { arch: 0xc000_00b7, socket: 198, socketpair: 199 };

/// That of 32-bit programs, AUDIT_ARCH_ARM.
#[cfg(feature = "deny-net")]
pub(crate) const FOREIGN: Abi = Abi { arch: 0x4000_0028, socket: 281, socketpair: 288 };

/// clone(2) whose child calls `f(arg)`, which must never return; the parent gets the pid or a negative errno.
///
/// The child's stack begins 256 bytes below the parent's frame; see the x86_64 file for why that is sound.
/// `f` and `arg` travel in x9 and x2: the kernel preserves both, and reads x2 to x4 (parent_tid, tls and child_tid here)
/// only with the flags for them. x30 is the call's to write.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn clone_with(
    flags: usize,
    f: unsafe extern "C" fn(*mut u8) -> !,
    arg: *mut u8,
) -> isize {
    naked_asm!(
        "mov x9, x1",
        "sub x1, sp, #256",
        "mov x8, {clone}",
        "svc #0",
        "cbnz x0, 2f",
        "mov x29, #0",
        "mov x0, x2",
        "blr x9",
        "brk #1",
        "2: ret",
        clone = const linux_raw_sys::general::__NR_clone,
    )
}

/// clone3(2) with `size` bytes of `args`, which name no stack, or one for a thread; see the x86_64 file for why that is sound.
/// `f` and `arg` stay in x2 and x3, which the kernel preserves and this call has no use for.
#[cfg(any(feature = "cgroup", feature = "linux7"))]
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn clone3_with(
    args: *const linux_raw_sys::general::clone_args,
    size: usize,
    f: unsafe extern "C" fn(*mut u8) -> !,
    arg: *mut u8,
) -> isize {
    naked_asm!(
        "mov x8, {clone3}",
        "svc #0",
        "cbnz x0, 2f",
        "sub sp, sp, #256",
        "mov x29, #0",
        "mov x0, x3",
        "blr x2",
        "brk #1",
        "2: ret",
        clone3 = const linux_raw_sys::general::__NR_clone3,
    )
}

/// A signal that ends whoever does not handle it, the first process of a PID namespace too.
#[cfg(feature = "oci")]
pub(crate) fn fault() {
    // SAFETY: it touches nothing.
    unsafe { asm!("brk #1") }
}
