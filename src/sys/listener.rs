//! A filter of system calls with a listener, seccomp_unotify(2), and its way to somebody else.

use super::{Errno, Fd, Result, call, close, read, room, seccomp_with, send_descriptor};
use crate::arch;
use core::hint::spin_loop;
use core::mem::{size_of, transmute};
use core::sync::atomic::{AtomicU32, Ordering};
use linux_raw_sys::general as c;

/// What the two threads say to each other.
struct Hand {
    /// The listener, once there is one; before and behind that, what no descriptor is.
    listener: AtomicU32,
    to: Fd,
}
const NOT_YET: u32 = u32::MAX;
const FAILED: u32 = u32::MAX - 1;
const OVER: u32 = u32::MAX - 2;

/// [`seccomp_with`], for flags with SECCOMP_FILTER_FLAG_NEW_LISTENER: the listener is sent to `to`, and is closed here when
/// from there a byte has come back; whoever ends without that ends this process too.
///
/// Between the load and that byte this thread makes no call: it could be one of those that the filter notifies the listener of,
/// or refuses. So another one, which has no filter, does the rest, in the same memory and with the same descriptors, and this
/// one looks when that is over. `real_time`: it yields between two looks, for otherwise the other one could never run on its CPU.
pub fn seccomp_and_send(program: &[u64], flags: u32, to: Fd, real_time: bool) -> Result<()> {
    const STACK: usize = 1 << 16;
    let hand = Hand { listener: AtomicU32::new(NOT_YET), to };
    let stack = room(STACK)?;
    let args = c::clone_args {
        flags: (c::CLONE_VM | c::CLONE_FILES | c::CLONE_SIGHAND | c::CLONE_THREAD).into(),
        pidfd: 0,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: 0,
        stack: stack.as_mut_ptr() as u64,
        stack_size: STACK as u64,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: 0,
    };
    // SAFETY: the kernel reads `args`, whose size it is given. The thread begins at the end of a stack of its own, that nobody else
    // knows of and that is never given back. A `&Hand` is passed as the pointer that it is, and is shared by atomics alone; it lives until the
    // thread has written OVER, behind which it makes no use of it.
    unsafe {
        let life = transmute::<extern "C" fn(&Hand) -> !, unsafe extern "C" fn(*mut u8) -> !>(hand_over);
        let arg = (&raw const hand).cast_mut().cast();
        super::result(arch::clone3_with(&raw const args, size_of::<c::clone_args>(), life, arg) as usize)?;
    }
    let loaded = seccomp_with(program, flags);
    hand.listener.store(loaded.unwrap_or(FAILED), Ordering::Release);
    while hand.listener.load(Ordering::Acquire) != OVER {
        if real_time { sched_yield() } else { spin_loop() }
    }
    loaded.map(drop)
}

/// The life of the other thread.
extern "C" fn hand_over(hand: &Hand) -> ! {
    let listener = loop {
        match hand.listener.load(Ordering::Acquire) {
            NOT_YET => sched_yield(),
            listener => break listener,
        }
    };
    if listener != FAILED {
        let sent = send_descriptor(hand.to, Fd(listener), b"!");
        close(Fd(listener));
        if sent.and_then(|()| read(hand.to, &mut [0])) != Ok(1) {
            super::exit(1)
        }
    }
    hand.listener.store(OVER, Ordering::Release);
    loop {
        // SAFETY: no memory is involved, and it does not return.
        let _ = unsafe { call!(exit, 0) };
    }
}

/// sched_yield(2)
fn sched_yield() {
    // SAFETY: no memory is involved.
    let _ = unsafe { call!(sched_yield) };
}

/// Whether the kernel knows these SECCOMP_FILTER_FLAG_*: before it looks for a program it says so, seccomp(2).
pub fn knows_filter_flags(flags: u32) -> bool {
    // SAFETY: the kernel reads nothing at a null pointer, and says EFAULT.
    let said = unsafe { call!(seccomp, linux_raw_sys::ptrace::SECCOMP_SET_MODE_FILTER, flags, 0) };
    said == Err(Errno::EFAULT)
}
