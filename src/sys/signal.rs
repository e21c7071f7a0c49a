//! Signals: blocked and waited for, never handled.

use super::{Errno, Result, call, done};
use core::mem::MaybeUninit;
use linux_raw_sys::general as c;

macro_rules! signals {
    ($($name:ident)*) => { $(
        #[allow(missing_docs)]
        pub const $name: u8 = c::$name as u8;
    )* };
}
signals! { SIGHUP SIGINT SIGQUIT SIGKILL SIGPIPE SIGTERM SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXFSZ SIGWINCH SIGUSR1 SIGUSR2 SIGIO SIGPWR }

/// A set of signals, the kernel's 64-bit sigset: signal n is bit n-1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SigSet(pub u64);

impl SigSet {
    /// All. The kernel leaves KILL and STOP out by itself, and kills for a fault of our own even when it is blocked.
    pub const ALL: SigSet = SigSet(!0);

    /// These signals.
    pub const fn of(signals: &[u8]) -> SigSet {
        let (mut set, mut rest) = (0, signals);
        while let [first, tail @ ..] = rest {
            set |= SigSet::one(*first).0;
            rest = tail;
        }
        SigSet(set)
    }

    /// Just this one.
    const fn one(signal: u8) -> SigSet {
        SigSet(1 << (signal.wrapping_sub(1) & 63))
    }

    /// As /proc/PID/status writes it: hexadecimal.
    pub fn from_hex(text: &[u8]) -> SigSet {
        SigSet(
            text.iter()
                .fold(0, |set, b| set << 4 | u64::from(if *b > b'9' { *b - b'a' + 10 } else { *b - b'0' })),
        )
    }

    /// These and those.
    pub const fn and(self, other: SigSet) -> SigSet {
        SigSet(self.0 | other.0)
    }

    /// All but `signal`.
    pub const fn without(self, signal: u8) -> SigSet {
        SigSet(self.0 & !SigSet::one(signal).0)
    }

    /// Whether `signal` is among them.
    pub const fn has(self, signal: u8) -> bool {
        self.0 & SigSet::one(signal).0 != 0
    }
}

/// rt_sigprocmask(2), SIG_SETMASK: sets the mask, and `mask` becomes the old one.
#[inline(never)]
pub fn swap_mask(mask: &mut SigSet) -> Result<()> {
    // SAFETY: the kernel reads 8 bytes, and then writes 8 to the same place.
    unsafe { done!(rt_sigprocmask, c::SIG_SETMASK, &raw mut mask.0, &raw mut mask.0, 8) }
}

/// rt_sigaction(2) of SIGCHLD: ignored or default, and `ignored` becomes what it was: ignored, children vanish before
/// wait4.
pub fn swap_sigchld(ignored: &mut bool) -> Result<()> {
    // struct sigaction as the kernel has it: handler (SIG_DFL is 0, SIG_IGN is 1), flags, restorer, mask.
    let mut action = [usize::from(*ignored), 0, 0, 0];
    // SAFETY: the kernel reads a sigaction of 32 bytes, and then writes one to the same place.
    unsafe { done!(rt_sigaction, c::SIGCHLD, action.as_mut_ptr(), action.as_mut_ptr(), 8) }?;
    *ignored = action[0] == 1;
    Ok(())
}

/// A signal that was sent to us.
pub struct Signal {
    /// Its number, 1 to 64; 0 is none, as for kill(2).
    pub number: u8,
    /// Whether the kernel sent it (a terminal, a timer, a child's end) and not a process: si_code > 0, sigaction(2).
    pub from_kernel: bool,
}

/// The number of that call on this CPU.
#[cfg(feature = "jobs")]
pub const RT_SIGTIMEDWAIT: u64 = c::__NR_rt_sigtimedwait as u64;

/// rt_sigtimedwait(2) for any signal; number 0, from the kernel, when `deadline`, in nanoseconds of [`super::now`], has
/// passed.
#[inline(never)]
pub fn wait_signal(deadline: Option<u64>) -> Result<Signal> {
    let (all, mut info) = (SigSet::ALL, MaybeUninit::<[i32; 32]>::uninit());
    loop {
        let left = deadline.map(|deadline| super::process::timespec(deadline.saturating_sub(super::now())));
        let timeout = left.as_ref().map_or(core::ptr::null(), core::ptr::from_ref);
        // SAFETY: the kernel reads 8 bytes and a timespec (null is no timeout) and, before it returns a signal, writes a
        // siginfo: 128 bytes.
        let signal = unsafe {
            call!(rt_sigtimedwait, &raw const all.0, info.as_mut_ptr(), timeout, 8)
                .map(|n| (n, info.assume_init()))
        };
        match signal {
            Ok((number, info)) => return Ok(Signal { number: number as u8, from_kernel: info[2] > 0 }),
            Err(Errno::EAGAIN) if deadline.is_some() => return Ok(Signal { number: 0, from_kernel: true }),
            // A stop and its CONT interrupt the wait.
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(e) => return Err(e),
        }
    }
}

/// rt_sigtimedwait(2) without waiting: takes `signal` if it is pending; whether it was.
pub fn take_pending(signal: u8) -> bool {
    let set = SigSet::one(signal);
    let now = super::process::timespec(0);
    // SAFETY: the kernel reads 8 bytes and a timespec.
    unsafe { call!(rt_sigtimedwait, &raw const set.0, 0, &raw const now, 8) }.is_ok()
}
