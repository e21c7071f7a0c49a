//! The CPUs that a process may run on, and the one that it is on.

use super::{Errno, Result, call, done};

/// Words of the kernel's, for 1024 CPUs.
const WORDS: usize = 1024 / usize::BITS as usize;

/// An affinity mask.
#[derive(PartialEq, Eq)]
pub struct Affinity([usize; WORDS]);

impl Affinity {
    /// No CPU.
    pub const NONE: Affinity = Affinity([0; WORDS]);

    /// sched_getaffinity(2) of this process: those that are online. EINVAL on a kernel that may have more than there is room for.
    #[inline(never)]
    pub fn read(&mut self) -> Result<()> {
        // SAFETY: the kernel writes that many bytes at most.
        unsafe { call!(sched_getaffinity, 0, size_of::<Affinity>(), self.0.as_mut_ptr()) }.map(drop)
    }

    /// sched_setaffinity(2) of this process. EINVAL where none of them is in its cpuset, cpuset(7).
    #[inline(never)]
    fn set(&self) -> Result<()> {
        // SAFETY: the kernel reads that many bytes at most.
        unsafe { done!(sched_setaffinity, 0, size_of::<Affinity>(), self.0.as_ptr()) }
    }

    /// The same with the one that we are on, getcpu(2). EINVAL where there is no other to choose.
    pub fn set_current(&self) -> Result<()> {
        let mut words = self.0.iter().filter(|word| **word != 0);
        let first = words.next().map_or(0, |word| word & word.wrapping_sub(1));
        if first == 0 && words.next().is_none() {
            return Err(Errno::EINVAL);
        }
        let mut cpu = 0u32;
        // SAFETY: the kernel writes an unsigned int.
        unsafe { done!(getcpu, &raw mut cpu, 0, 0) }?;
        let mut one = Affinity::NONE;
        if let Some(word) = one.0.get_mut((cpu / usize::BITS) as usize) {
            *word = 1 << (cpu % usize::BITS);
        }
        one.set()
    }

    /// The same as if nobody had set another one since this one was read.
    ///
    /// From Linux 6.2 on the kernel remembers what a process has asked for, and keeps it within that when its cpuset gets wider or more
    /// CPUs come online. So all that there can be are asked for, of which the kernel takes those of the cpuset, now and later; and if
    /// these are not the ones that were read, somebody had asked for some, and so do we.
    #[inline(never)]
    pub fn restore(&self) -> Result<()> {
        let all = Affinity([usize::MAX; WORDS]);
        let mut now = Affinity::NONE;
        if all.set().and_then(|()| now.read()).is_ok() && now == *self {
            return Ok(());
        }
        match self.set() {
            // A cgroup of its own has none of them: there the kernel takes all that it has.
            Err(Errno::EINVAL) => all.set(),
            done => done,
        }
    }
}
