//! Classic BPF, written from its end on: jumps lead forward only, so where they lead is there already.

use super::{Problem, Wrong};
use crate::sys::LongList;
use crate::z;

/// The most instructions that the kernel takes: BPF_MAXINSNS of linux/bpf_common.h.
pub const MAX: usize = 4096;

// linux/bpf_common.h.
const LD: u16 = 0x20;
const AND: u16 = 0x54;
const JA: u16 = 0x05;
const RET: u16 = 0x06;
pub const JEQ: u16 = 0x15;
pub const JGT: u16 = 0x25;
pub const JGE: u16 = 0x35;

/// An instruction by its distance from the end: 0 is the last one.
pub type Place = usize;

/// A program, last instruction first: each is a struct sock_filter of a CPU that has the low byte first.
#[derive(Default)]
pub struct Program(LongList<u64, MAX>);

/// How far a conditional jump reaches, less one instruction that may come between.
const REACH: usize = 254;

impl Program {
    /// Another instruction in front: where it is.
    fn push(&mut self, code: u16, jumps: [u8; 2], k: u32) -> Result<Place, Wrong> {
        let at = self.0.len();
        let word = u64::from(code) | u64::from(u16::from_le_bytes(jumps)) << 16 | u64::from(k) << 32;
        match self.0.push(word) {
            Ok(true) => Ok(at),
            Ok(false) => Err(Wrong { name: z!("syscalls"), problem: Problem::TooMany }),
            Err(errno) => Err(Wrong { name: z!("syscalls"), problem: Problem::Memory(errno) }),
        }
    }

    fn at(&self, place: Place) -> u64 {
        self.0.get(place).copied().unwrap_or_default()
    }

    /// Whether the instruction at a place is an end.
    pub fn ends(&self, place: Place) -> bool {
        self.at(place) as u16 == RET
    }

    /// Where an action is returned.
    pub fn ret(&mut self, action: u32) -> Result<Place, Wrong> {
        let word = u64::from(RET) | u64::from(action) << 32;
        match self.0.iter().position(|w| *w == word) {
            Some(place) => Ok(place),
            None => self.push(RET, [0; 2], action),
        }
    }

    /// The same as `to`, in the reach of the next instruction: an end is said again, for the rest there are long jumps.
    fn near(&mut self, to: Place) -> Result<Place, Wrong> {
        let len = self.0.len();
        if len.wrapping_sub(to) <= REACH {
            return Ok(to);
        }
        let (word, end) = (self.at(to), self.ends(to));
        let same = |(place, other): (Place, &u64)| match end {
            true => *other == word,
            false => *other as u16 == JA && place.wrapping_sub((*other >> 32) as usize).wrapping_sub(1) == to,
        };
        let skip = len.saturating_sub(REACH);
        if let Some(there) = self.0.iter().enumerate().skip(skip).position(same) {
            return Ok(skip.wrapping_add(there));
        }
        if end {
            self.push(RET, [0; 2], (word >> 32) as u32)
        } else {
            self.push(JA, [0; 2], len.wrapping_sub(to).wrapping_sub(1) as u32)
        }
    }

    /// A comparison of what is loaded with `k`, and where it leads if it holds and if it doesn't.
    #[inline(never)]
    pub fn jump(&mut self, code: u16, k: u32, yes: Place, no: Place) -> Result<Place, Wrong> {
        let yes = self.near(yes)?;
        let no = self.near(no)?;
        let here = self.0.len();
        let distance = |to: Place| here.wrapping_sub(to).wrapping_sub(1) as u8;
        self.push(code, [distance(yes), distance(no)], k)
    }

    /// Loads a field of struct seccomp_data, of which only the bits of `mask` are looked at, for the instruction at `next`.
    #[inline(never)]
    pub fn load(&mut self, field: u32, mask: u32, next: Place) -> Result<Place, Wrong> {
        if next.wrapping_add(1) != self.0.len() {
            self.push(JA, [0; 2], self.0.len().wrapping_sub(next).wrapping_sub(1) as u32)?;
        }
        if mask != u32::MAX {
            self.push(AND, [0; 2], mask)?;
        }
        self.push(LD, [0; 2], field)
    }

    /// First instruction first, in memory that stays.
    pub fn finish(mut self) -> &'static [u64] {
        let mut rest = self.0.iter_mut();
        while let (Some(first), Some(last)) = (rest.next(), rest.next_back()) {
            core::mem::swap(first, last);
        }
        self.0.leak()
    }
}
