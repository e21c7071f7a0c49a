//! The names of system calls, and their numbers in each way that there is to call the kernel: calls.txt, as build.rs packs it.

use super::hash::hash;

/// A CPU: how its programs are told apart, and the calls of each.
pub struct Machine {
    /// AUDIT_ARCH_* of its own programs and of those of 32 bits, linux/audit.h.
    pub audit: [u32; 2],
    /// Which of [`super::ARCHES`] these are, and those of x32.
    pub arches: [usize; 3],
    /// Hashes of names in ascending order, and what belongs to each.
    names: &'static [u32],
    calls: &'static [[u16; 2]],
}

const NO_ARCH: usize = usize::MAX;

include!(concat!(env!("OUT_DIR"), "/calls.rs"));

/// The CPU that this is for.
pub static HERE: &Machine = if cfg!(target_arch = "x86_64") { &X86_64 } else { &AARCH64 };

pub static X86_64: Machine = Machine {
    audit: [0xc000_003e, 0x4000_0003],
    arches: [0, 1, 2],
    names: &X86_64_NAMES,
    calls: &X86_64_CALLS,
};

pub static AARCH64: Machine = Machine {
    audit: [0xc000_00b7, 0x4000_0028],
    arches: [3, 4, NO_ARCH],
    names: &AARCH64_NAMES,
    calls: &AARCH64_CALLS,
};

/// One way to call the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Abi {
    Native,
    /// That of programs of 32 bits.
    Compat,
    X32,
}

/// What numbers with bit 30 are: of x32.
pub const X32: u32 = 0x4000_0000;

/// Numbers are below this, but for a few of arm, which are counted from [`PRIVATE`] on here.
pub const NUMBERS: u16 = 1024;
pub const PRIVATE: u16 = 1016;
const NONE: u16 = 1023;

/// socketcall(2) and ipc(2) of i386.
pub const MULTIPLEXERS: [u16; 2] = [102, 117];

/// A call's numbers.
#[derive(Clone, Copy)]
pub struct Call(u16, u16);

impl Call {
    /// Its number.
    pub fn number(self, abi: Abi) -> Option<u16> {
        let number = match (abi, self.0 >> 10) {
            (Abi::Compat, _) => self.1 & NONE,
            (Abi::Native, _) | (_, 0) => self.0 & NONE,
            (_, 1) => NONE,
            (_, other) => other.wrapping_add(510),
        };
        (number != NONE).then_some(number)
    }

    /// The number of a call that does it too, and its first argument then.
    pub fn other_way(self, abi: Abi) -> Option<(u16, u16)> {
        let [socketcall, ipc] = MULTIPLEXERS;
        match self.1 >> 10 {
            0 => None,
            _ if abi != Abi::Compat => None,
            call @ 1..32 => Some((socketcall, call)),
            call => Some((ipc, call.wrapping_sub(32))),
        }
    }
}

/// What the kernel calls it.
pub fn raw(number: u16) -> u32 {
    if number < PRIVATE { number.into() } else { 0xf_0000 + u32::from(number.wrapping_sub(PRIVATE)) }
}

impl Machine {
    /// Whether it has x32.
    pub fn has_x32(&self) -> bool {
        let [.., x32] = self.arches;
        x32 != NO_ARCH
    }

    /// The call of that name.
    pub fn call(&self, name: &[u8]) -> Option<Call> {
        let [own, compat] = *self.calls.get(self.names.binary_search(&hash(name)).ok()?)?;
        Some(Call(own, compat))
    }
}
