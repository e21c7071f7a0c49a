//! What a program needs that has no library at all: the entry, system calls, a child.

#![allow(dead_code)]

use core::arch::{asm, naked_asm};

#[path = "../../../src/rt/mem.rs"]
mod mem;

/// Numbers of system calls.
#[cfg(target_arch = "x86_64")]
pub mod nr {
    pub const READ: usize = 0;
    pub const WRITE: usize = 1;
    pub const CLOSE: usize = 3;
    pub const IOCTL: usize = 16;
    pub const SOCKET: usize = 41;
    pub const CLONE: usize = 56;
    pub const EXECVE: usize = 59;
    pub const EXIT: usize = 60;
    pub const WAIT4: usize = 61;
    pub const FCNTL: usize = 72;
    pub const CHDIR: usize = 80;
    pub const FCHDIR: usize = 81;
    pub const PIVOT_ROOT: usize = 155;
    pub const PRCTL: usize = 157;
    pub const CHROOT: usize = 161;
    pub const MOUNT: usize = 165;
    pub const UMOUNT2: usize = 166;
    pub const CLOCK_GETTIME: usize = 228;
    pub const OPENAT: usize = 257;
    pub const PPOLL: usize = 271;
    pub const RT_SIGACTION: usize = 13;
    pub const RT_SIGPROCMASK: usize = 14;
    pub const RT_SIGTIMEDWAIT: usize = 128;
    pub const SETPGID: usize = 109;
    pub const DUP3: usize = 292;
    pub const UMASK: usize = 95;
    pub const MKDIRAT: usize = 258;
    pub const SYMLINKAT: usize = 266;
    pub const SECCOMP: usize = 317;
    pub const STATX: usize = 332;
    pub const FSTATFS: usize = 138;
    pub const UNLINKAT: usize = 263;
    pub const UNSHARE: usize = 272;
    pub const SETNS: usize = 308;
    pub const SCHED_SETAFFINITY: usize = 203;
    pub const SCHED_GETAFFINITY: usize = 204;
    pub const GETCPU: usize = 309;
}

/// Numbers of system calls.
#[cfg(target_arch = "aarch64")]
pub mod nr {
    pub const DUP3: usize = 24;
    pub const MKDIRAT: usize = 34;
    pub const SYMLINKAT: usize = 36;
    pub const UMASK: usize = 166;
    pub const SECCOMP: usize = 277;
    pub const STATX: usize = 291;
    pub const FSTATFS: usize = 44;
    pub const UNLINKAT: usize = 35;
    pub const UNSHARE: usize = 97;
    pub const SETNS: usize = 268;
    pub const SCHED_SETAFFINITY: usize = 122;
    pub const SCHED_GETAFFINITY: usize = 123;
    pub const GETCPU: usize = 168;
    pub const FCNTL: usize = 25;
    pub const IOCTL: usize = 29;
    pub const UMOUNT2: usize = 39;
    pub const MOUNT: usize = 40;
    pub const PIVOT_ROOT: usize = 41;
    pub const CHDIR: usize = 49;
    pub const FCHDIR: usize = 50;
    pub const CHROOT: usize = 51;
    pub const OPENAT: usize = 56;
    pub const CLOSE: usize = 57;
    pub const READ: usize = 63;
    pub const WRITE: usize = 64;
    pub const PPOLL: usize = 73;
    pub const RT_SIGACTION: usize = 134;
    pub const RT_SIGPROCMASK: usize = 135;
    pub const RT_SIGTIMEDWAIT: usize = 137;
    pub const SETPGID: usize = 154;
    pub const EXIT: usize = 93;
    pub const CLOCK_GETTIME: usize = 113;
    pub const PRCTL: usize = 167;
    pub const SOCKET: usize = 198;
    pub const CLONE: usize = 220;
    pub const EXECVE: usize = 221;
    pub const WAIT4: usize = 260;
}

/// Those that came later have the same number everywhere.
pub mod new {
    pub const OPEN_TREE: usize = 428;
    pub const MOVE_MOUNT: usize = 429;
    pub const PIDFD_OPEN: usize = 434;
    pub const CLOSE_RANGE: usize = 436;
    pub const OPENAT2: usize = 437;
    pub const MOUNT_SETATTR: usize = 442;
}

pub const AT_FDCWD: usize = -100isize as usize;
pub const CLONE_VM: usize = 0x100;
pub const CLONE_VFORK: usize = 0x4000;
pub const SIGCHLD: usize = 17;

/// One system call with up to six arguments.
///
/// # Safety
/// What the call asks of them.
#[inline(always)]
pub unsafe fn call(nr: usize, args: &[usize]) -> isize {
    let a = |n: usize| if n < args.len() { args[n] } else { 0 };
    let ret;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's promise; a system call clobbers rcx and r11 alone.
    unsafe {
        asm!("syscall", inlateout("rax") nr as isize => ret, in("rdi") a(0), in("rsi") a(1), in("rdx") a(2),
            in("r10") a(3), in("r8") a(4), in("r9") a(5), lateout("rcx") _, lateout("r11") _, options(nostack))
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the caller's promise.
    unsafe {
        asm!("svc 0", in("x8") nr, inlateout("x0") a(0) as isize => ret, in("x1") a(1), in("x2") a(2), in("x3") a(3),
            in("x4") a(4), in("x5") a(5), options(nostack))
    }
    ret
}

/// Ends the program.
pub fn exit(code: usize) -> ! {
    loop {
        // SAFETY: it takes no pointer.
        unsafe { call(nr::EXIT, &[code]) };
    }
}

/// A child with these flags; with CLONE_VM its stack is what is free below ours, and CLONE_VFORK must be there too.
///
/// # Safety
/// `f` never returns.
#[unsafe(naked)]
pub unsafe extern "C" fn child(flags: usize, f: extern "C" fn() -> !) -> isize {
    #[cfg(target_arch = "x86_64")]
    naked_asm!(
        "mov r9, rsi",
        "xor edx, edx",
        "xor r10d, r10d",
        "xor r8d, r8d",
        "lea rsi, [rsp - 512]",
        "and rsi, -16",
        "mov eax, 56",
        "syscall",
        "test eax, eax",
        "jz 2f",
        "ret",
        "2: call r9",
        "ud2",
    );
    #[cfg(target_arch = "aarch64")]
    naked_asm!(
        "mov x9, x1",
        "sub x1, sp, #512",
        "mov x2, #0",
        "mov x3, #0",
        "mov x4, #0",
        "mov x8, #220",
        "svc 0",
        "cbz x0, 2f",
        "ret",
        "2: blr x9",
        "brk #1",
    );
}

/// The same by clone3(2) with these arguments, among which there is no stack.
///
/// # Safety
/// `f` never returns.
#[unsafe(naked)]
pub unsafe extern "C" fn child_of(args: *const [u64; 11], size: usize, f: extern "C" fn() -> !) -> isize {
    #[cfg(target_arch = "x86_64")]
    naked_asm!(
        "mov eax, 435",
        "syscall",
        "test eax, eax",
        "jz 2f",
        "ret",
        "2: sub rsp, 512",
        "and rsp, -16",
        "call rdx",
        "ud2",
    );
    #[cfg(target_arch = "aarch64")]
    naked_asm!("mov x8, #435", "svc 0", "cbz x0, 2f", "ret", "2: sub sp, sp, #512", "blr x2", "brk #1");
}

/// A child that executes `file` and does nothing else, so that it needs no stack; its process id.
///
/// # Safety
/// A C string, and two tables of them that end in a null.
#[unsafe(naked)]
pub unsafe extern "C" fn spawn(file: *const u8, argv: *const *const u8, envp: *const *const u8) -> isize {
    #[cfg(target_arch = "x86_64")]
    naked_asm!(
        "push r12",
        "push r13",
        "push r14",
        "mov r12, rdi",
        "mov r13, rsi",
        "mov r14, rdx",
        "mov edi, 0x4111", // CLONE_VM | CLONE_VFORK | SIGCHLD
        "xor esi, esi",
        "xor edx, edx",
        "xor r10d, r10d",
        "xor r8d, r8d",
        "mov eax, 56",
        "syscall",
        "test eax, eax",
        "jnz 2f",
        "mov rdi, r12",
        "mov rsi, r13",
        "mov rdx, r14",
        "mov eax, 59",
        "syscall",
        "mov edi, 127",
        "mov eax, 60",
        "syscall",
        "2: pop r14",
        "pop r13",
        "pop r12",
        "ret",
    );
    #[cfg(target_arch = "aarch64")]
    naked_asm!(
        "mov x9, x0",
        "mov x10, x1",
        "mov x11, x2",
        "mov x0, #0x4111", // CLONE_VM | CLONE_VFORK | SIGCHLD
        "mov x1, #0",
        "mov x2, #0",
        "mov x3, #0",
        "mov x4, #0",
        "mov x8, #220",
        "svc 0",
        "cbnz x0, 2f",
        "mov x0, x9",
        "mov x1, x10",
        "mov x2, x11",
        "mov x8, #221",
        "svc 0",
        "mov x0, #127",
        "mov x8, #93",
        "svc 0",
        "2: ret",
    );
}

/// Waits for a child; its wait status. Behind `usage` there is room for a `struct rusage`, or it is null.
pub fn wait(pid: isize, usage: *mut [u64; 18]) -> i32 {
    let mut status = 0i32;
    // SAFETY: an `int` of ours, and what the caller has of a rusage.
    unsafe { call(nr::WAIT4, &[pid as usize, &raw mut status as usize, 0, usage as usize]) };
    status
}

#[unsafe(naked)]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".text._start")]
unsafe extern "C" fn _start() -> ! {
    #[cfg(target_arch = "x86_64")]
    naked_asm!("xor ebp, ebp", "and rsp, -16", "call {main}", "ud2", main = sym super::main);
    #[cfg(target_arch = "aarch64")]
    naked_asm!("mov x29, #0", "bl {main}", "brk #1", main = sym super::main);
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    exit(125)
}
