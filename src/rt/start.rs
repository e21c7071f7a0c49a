//! The entry. The kernel leaves argc, argv, envp and auxv on the stack and jumps here; there is no return address.

use core::arch::naked_asm;
use vesicle::sys::Stack;

/// Hands the initial stack pointer to [`entry`] and aligns the stack as the ABI wants it at a call.
#[unsafe(naked)]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".text._start")]
#[cfg(target_arch = "x86_64")]
unsafe extern "C" fn _start() -> ! {
    naked_asm!("xor ebp, ebp", "mov rdi, rsp", "and rsp, -16", "call {entry}", "ud2", entry = sym entry)
}

/// Hands the initial stack pointer to [`entry`]; the kernel keeps it aligned to 16.
#[unsafe(naked)]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".text._start")]
#[cfg(target_arch = "aarch64")]
unsafe extern "C" fn _start() -> ! {
    naked_asm!("mov x29, #0", "mov x0, sp", "bl {entry}", "brk #1", entry = sym entry)
}

unsafe extern "C" fn entry(sp: *mut usize) -> ! {
    // SAFETY: `sp` is what the kernel's execve left in the stack pointer, read once, here.
    let stack = unsafe { Stack::from_kernel(sp) };
    vesicle::sys::exit(crate::run(stack))
}
