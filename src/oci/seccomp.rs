//! linux.seccomp of a config.json, as a program for seccomp(2).
//!
//! What is written there may come in any order: it is noted first, with calls and conditions of a rule one behind the other
//! in one list and the rule's action behind them, and then compiled.

mod calls;
mod filter;
mod hash;
mod program;

use super::json::{Bad, Reader};
use super::known::known;
use crate::sys::{self, Errno, LongList, ZStr};
use crate::z;
use calls::{Call, HERE, Machine};

/// What a profile comes to.
#[derive(Clone, Copy)]
pub struct Filter {
    /// Each a struct sock_filter.
    pub program: &'static [u64],
    /// SECCOMP_FILTER_FLAG_*; SECCOMP_FILTER_FLAG_NEW_LISTENER if an agent is to be asked.
    pub flags: u32,
    /// The socket of the agent, where there is one to ask.
    pub listener: Option<ZStr<'static>>,
    /// What it is told.
    pub metadata: Option<ZStr<'static>>,
}

/// What is wrong, and with which property.
#[cfg_attr(test, derive(Debug, PartialEq))]
#[allow(missing_docs)]
pub struct Wrong {
    pub name: ZStr<'static>,
    pub problem: Problem,
}

/// What is wrong with it.
#[cfg_attr(test, derive(Debug))]
#[derive(PartialEq)]
pub enum Problem {
    /// What the reader says.
    Json(Bad),
    /// Nothing that there is.
    Unknown(ZStr<'static>),
    /// It has to be there, beside what else is.
    Missing,
    /// An errno beside an action that returns none.
    NoErrno,
    /// SCMP_ACT_NOTIFY as the default: nobody could hand over the listener.
    Notify,
    /// More than there is room for.
    TooMany,
    /// No memory.
    Memory(Errno),
}

/// The most calls, conditions and rules of a profile together.
const MAX_ITEMS: usize = 16384;

/// A part of a rule; how it ends is the last one.
#[derive(Clone, Copy)]
enum Item {
    Call(Call),
    When(Condition),
    End(End),
}

/// The end of a rule.
#[derive(Clone, Copy)]
struct End {
    action: u32,
    /// How many parts stand before.
    len: u32,
    /// Whether there are conditions, and one of them is enough: where an argument has two, for runc has always done so.
    conditional: bool,
    any: bool,
}

/// What an argument must be.
#[derive(Clone, Copy)]
struct Condition {
    index: u8,
    op: Op,
    value: u64,
    second: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    NotEqual,
    Less,
    LessEqual,
    Equal,
    GreaterEqual,
    Greater,
    Masked,
}

impl Op {
    /// Whether it is another one's opposite, which is what is compared.
    fn negated(self) -> bool {
        matches!(self, Op::NotEqual | Op::Less | Op::LessEqual)
    }
}

// The values of SCMP_ARCH_*, SCMP_CMP_* and SCMP_ACT_* that there are, and of SECCOMP_FILTER_FLAG_*.
const ARCHES: &[u8] =
    b"X86_64 X86 X32 AARCH64 ARM MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE \
    S390 S390X PARISC PARISC64 RISCV64 LOONGARCH64 M68K SH SHEB";
const OPS: &[u8] = b"NE LT LE EQ GE GT MASKED_EQ";
const OF_OPS: [Op; 7] =
    [Op::NotEqual, Op::Less, Op::LessEqual, Op::Equal, Op::GreaterEqual, Op::Greater, Op::Masked];
const ACTIONS: &[u8] = b"KILL KILL_THREAD KILL_PROCESS TRAP ERRNO TRACE ALLOW LOG NOTIFY";
/// SECCOMP_RET_*, linux/seccomp.h.
const OF_ACTIONS: [u32; 9] = [0, 0, 0x8000_0000, 0x0003_0000, ERRNO, TRACE, 0x7fff_0000, 0x7ffc_0000, NOTIFY];
const ERRNO: u32 = 0x0005_0000;
const TRACE: u32 = 0x7ff0_0000;
const NOTIFY: u32 = 0x7fc0_0000;
const EPERM: u32 = 1;
/// The largest that the kernel returns.
const MAX_ERRNO: u32 = 4095;
const FLAGS: &[u8] = b"TSYNC LOG SPEC_ALLOW WAIT_KILLABLE_RECV";
/// A filter is put on before there are threads, so none needs to be synchronised.
const OF_FLAGS: [u32; 4] = [0, 2, SPEC_ALLOW, WAIT_KILLABLE_RECV];
const SPEC_ALLOW: u32 = 4;
const NEW_LISTENER: u32 = 8;
const WAIT_KILLABLE_RECV: u32 = 32;

/// A profile, as it was read.
struct Profile {
    /// Of the default: first as it is written, in the end with its errno.
    default: u32,
    default_errno: Option<u32>,
    /// Whether programs of 32 bits, and of x32, are judged by it.
    compat: bool,
    x32: bool,
    items: LongList<Item, MAX_ITEMS>,
}

/// Reads the next value, an object, as a profile, and compiles it. None when it says nothing.
pub fn read(reader: &mut Reader) -> Result<Option<Filter>, Wrong> {
    read_for(HERE, reader)
}

fn read_for(machine: &Machine, reader: &mut Reader) -> Result<Option<Filter>, Wrong> {
    let mut profile =
        Profile { default: 0, default_errno: None, compat: false, x32: false, items: LongList::default() };
    let (mut default, mut flags, mut listener, mut metadata) = (None, None, None, None);
    let name = z!("seccomp");
    reader.object().of(name)?;
    while let Some(key) = reader.field().of(name)? {
        let key = key.bytes();
        known!(match key {
            b"defaultAction" => default = Some(one_of(reader, z!("defaultAction"), ACTION, &OF_ACTIONS)?),
            b"defaultErrnoRet" => profile.default_errno = Some(reader.number32().of(z!("defaultErrnoRet"))?),
            b"architectures" => each(reader, z!("architectures"), &mut |reader, name| {
                let arch = word(reader, name, ARCH)?;
                let [_, compat, x32] = machine.arches;
                profile.compat |= arch == compat;
                profile.x32 |= arch == x32;
                Ok(())
            })?,
            b"flags" => {
                let mut all = 0;
                each(reader, z!("flags"), &mut |reader, name| {
                    all |= one_of(reader, name, FLAG, &OF_FLAGS)?;
                    Ok(())
                })?;
                flags = Some(all);
            }
            b"listenerPath" => listener = Some(reader.text().of(z!("listenerPath"))?),
            b"listenerMetadata" => metadata = Some(reader.text().of(z!("listenerMetadata"))?),
            b"syscalls" => each(reader, z!("syscalls"), &mut |reader, _| profile.rule(machine, reader))?,
            _ => reader.skip().of(name)?,
        })
    }
    let Some(default) = default else {
        // So engines in Go write that there is none.
        return if profile.items.is_empty() {
            Ok(None)
        } else {
            wrong(z!("defaultAction"), Problem::Missing)
        };
    };
    profile.default = with_errno(z!("defaultErrnoRet"), default, profile.default_errno)?;
    if default == NOTIFY {
        return wrong(z!("defaultAction"), Problem::Notify);
    }
    let mut flags = flags.unwrap_or(SPEC_ALLOW);
    if profile.items.iter().any(|item| matches!(item, Item::End(End { action: NOTIFY, .. }))) {
        if listener.is_none() {
            return wrong(z!("listenerPath"), Problem::Missing);
        }
        flags |= NEW_LISTENER;
    } else {
        if metadata.is_some() && listener.is_none() {
            return wrong(z!("listenerPath"), Problem::Missing);
        }
        (listener, metadata) = (None, None);
        flags &= !WAIT_KILLABLE_RECV;
    }
    let program = filter::compile(machine, &profile)?;
    Ok(Some(Filter { program, flags, listener, metadata }))
}

impl Profile {
    /// An entry of `syscalls`.
    fn rule(&mut self, machine: &Machine, reader: &mut Reader) -> Result<(), Wrong> {
        let (mut action, mut errno) = (None, None);
        let (from, mut indices, mut any) = (self.items.len(), 0u8, false);
        let name = z!("syscalls");
        reader.object().of(name)?;
        while let Some(key) = reader.field().of(name)? {
            known!(match key.bytes() {
                b"names" => each(reader, z!("names"), &mut |reader, name| {
                    let call = reader.text().of(name)?;
                    match machine.call(call.bytes()) {
                        Some(call) => self.note(Item::Call(call)),
                        None if call.first() == 0 => wrong(name, Problem::Missing),
                        // Profiles name calls of every kernel and every CPU.
                        None => Ok(()),
                    }
                })?,
                b"action" => action = Some(one_of(reader, z!("action"), ACTION, &OF_ACTIONS)?),
                b"errnoRet" => errno = Some(reader.number32().of(z!("errnoRet"))?),
                b"args" => each(reader, z!("args"), &mut |reader, name| {
                    let condition = condition(reader, name)?;
                    let bit = 1 << (condition.index & 7);
                    any |= indices & bit != 0;
                    indices |= bit;
                    self.note(Item::When(condition))
                })?,
                _ => reader.skip().of(name)?,
            })
        }
        let Some(action) = action else { return wrong(z!("action"), Problem::Missing) };
        let action = with_errno(z!("errnoRet"), action, errno)?;
        let len = self.items.len().wrapping_sub(from) as u32;
        self.note(Item::End(End { action, len, conditional: indices != 0, any }))
    }

    fn note(&mut self, item: Item) -> Result<(), Wrong> {
        match self.items.push(item) {
            Ok(true) => Ok(()),
            Ok(false) => wrong(z!("syscalls"), Problem::TooMany),
            Err(errno) => wrong(z!("syscalls"), Problem::Memory(errno)),
        }
    }
}

/// An entry of `args`.
fn condition(reader: &mut Reader, name: ZStr<'static>) -> Result<Condition, Wrong> {
    let (mut index, mut op, mut value, mut second) = (None, None, None, 0);
    reader.object().of(name)?;
    while let Some(key) = reader.field().of(name)? {
        known!(match key.bytes() {
            b"index" => index = Some(reader.number().of(z!("index"))?),
            b"value" => value = Some(reader.number().of(z!("value"))?),
            b"valueTwo" => second = reader.number().of(z!("valueTwo"))?,
            b"op" => op = Some(one_of(reader, z!("op"), OP, &OF_OPS)?),
            _ => reader.skip().of(name)?,
        })
    }
    match (index, op, value) {
        (Some(index @ 0..6), Some(op), Some(value)) => {
            Ok(Condition { index: index as u8, op, value, second })
        }
        (Some(6..), _, _) => wrong(z!("index"), Problem::Json(Bad::Range)),
        (None, _, _) => wrong(z!("index"), Problem::Missing),
        (_, None, _) => wrong(z!("op"), Problem::Missing),
        _ => wrong(z!("value"), Problem::Missing),
    }
}

/// An action with the errno that it returns.
fn with_errno(name: ZStr<'static>, action: u32, errno: Option<u32>) -> Result<u32, Wrong> {
    let most = match action {
        ERRNO => MAX_ERRNO,
        TRACE => 0xffff,
        _ if errno.is_some() => return wrong(name, Problem::NoErrno),
        _ => return Ok(action),
    };
    match errno.unwrap_or(EPERM) {
        errno if errno <= most => Ok(action | errno),
        _ => wrong(name, Problem::Json(Bad::Range)),
    }
}

/// A prefix and the words that may follow it.
pub type Words<'t> = (&'static [u8], &'t [u8]);
/// CPUs, and ways to call the kernel.
pub const ARCH: Words<'static> = (b"SCMP_ARCH_", ARCHES);
/// What an argument is compared by.
pub const OP: Words<'static> = (b"SCMP_CMP_", OPS);
/// What is done with a call.
pub const ACTION: Words<'static> = (b"SCMP_ACT_", ACTIONS);
/// What is said of a whole filter.
pub const FLAG: Words<'static> = (b"SECCOMP_FILTER_FLAG_", FLAGS);

/// Whether programs of this CPU are of one of [`ARCH`], by its number there.
pub fn has_arch(which: usize) -> bool {
    HERE.arches.contains(&which)
}

/// Whether this kernel has one of [`FLAG`], by its number there.
pub fn has_flag(which: usize) -> bool {
    let flags = OF_FLAGS.get(which).copied().unwrap_or(0);
    sys::knows_filter_flags(if flags == WAIT_KILLABLE_RECV { flags | NEW_LISTENER } else { flags })
}

/// The next value, a word that is known: which.
#[inline(never)]
fn word(reader: &mut Reader, name: ZStr<'static>, (prefix, words): Words<'_>) -> Result<usize, Wrong> {
    let text = reader.text().of(name)?;
    let rest = text.value_of(prefix).map(ZStr::bytes);
    let found = words.split(|b| *b == b' ').position(|word| rest == Some(word));
    found.ok_or(Wrong { name, problem: Problem::Unknown(text) })
}

/// What it means.
fn one_of<T: Copy>(
    reader: &mut Reader,
    name: ZStr<'static>,
    words: Words<'_>,
    meanings: &[T],
) -> Result<T, Wrong> {
    let which = word(reader, name, words)?;
    // A meaning for each word.
    meanings.get(which).copied().ok_or(Wrong { name, problem: Problem::Missing })
}

/// Each value of an array.
fn each(
    reader: &mut Reader,
    name: ZStr<'static>,
    value: &mut dyn FnMut(&mut Reader, ZStr<'static>) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    reader.array().of(name)?;
    while reader.item().of(name)? {
        value(reader, name)?;
    }
    Ok(())
}

fn wrong<T>(name: ZStr<'static>, problem: Problem) -> Result<T, Wrong> {
    Err(Wrong { name, problem })
}

/// What the reader says, of a property.
trait Of<T> {
    fn of(self, name: ZStr<'static>) -> Result<T, Wrong>;
}

impl<T> Of<T> for Result<T, Bad> {
    fn of(self, name: ZStr<'static>) -> Result<T, Wrong> {
        self.map_err(|bad| Wrong { name, problem: Problem::Json(bad) })
    }
}

#[cfg(test)]
mod tests;
