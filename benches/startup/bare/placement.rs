//! The child begins on our CPU, and restores its own mask.

use super::must;
use super::raw::nr;

/// Of 1024 CPUs.
type Mask = [u64; 16];

fn set(mask: &Mask) {
    must(nr::SCHED_SETAFFINITY, &[0, size_of::<Mask>(), mask.as_ptr() as usize]);
}

fn get() -> Mask {
    let mut mask = [0; 16];
    must(nr::SCHED_GETAFFINITY, &[0, size_of::<Mask>(), mask.as_mut_ptr() as usize]);
    mask
}

/// To the CPU that we are on; the mask that we had.
pub fn pin() -> Mask {
    let own = get();
    let mut cpu = 0u32;
    must(nr::GETCPU, &[&raw mut cpu as usize, 0, 0]);
    let mut one = [0; 16];
    one[cpu as usize / 64 % 16] = 1 << (cpu % 64);
    set(&one);
    own
}

/// In the child: all CPUs, and a look whether these are the same. What else there is to do is none of a benchmark's.
pub fn unpin_child() {
    set(&[u64::MAX; 16]);
    core::hint::black_box(get());
}

pub fn unpin(own: &Mask) {
    set(own);
}
