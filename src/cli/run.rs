//! The options of `vesicle run`, of bwrap or of `vesicle enter`, with their values.

#[cfg(feature = "args")]
use super::Source;
use super::options;
#[cfg(any(feature = "args", feature = "env", feature = "overlay"))]
use super::options::Opt;
use super::{Asked, Load, Parsed, name_and_value};
use crate::fail::{At, Stage, Why, fail};
#[cfg(feature = "limits")]
use crate::spec::limits;
use crate::spec::{Given, Spec};
use crate::sys::{Block, Stack, ZStr};
use crate::text;
#[cfg(feature = "timings")]
use crate::z;

/// Notes the options, and where ROOTFS stands, behind them.
pub(super) fn read_options(stack: Stack, spec: &mut Spec<'_>, load: Load) -> Parsed<Asked> {
    let bwrap = spec.is_bwrap();
    let first = if bwrap { 1 } else { 2 };
    let mut words = Words::of(Block::of_argv(stack, first));
    while let Some(word) = words.peek() {
        if word.first() == b'-' && (bwrap || !word.is(b"-")) {
            words.next();
            if word.is(b"--") {
                break;
            }
            #[cfg(feature = "help")]
            if if bwrap { word.is(b"--help") } else { super::asks_for_help(word) } {
                return Ok(Asked::Help);
            }
            #[cfg(feature = "bwrap")]
            if bwrap && word.is(b"--version") {
                return Ok(Asked::Version);
            }
            read(word, &mut words, spec, Some(load))?;
            continue;
        }
        #[cfg(feature = "args")]
        if word.first() == b'@' && !bwrap && !spec.is_enter() {
            words.next();
            from(Source::File(word.skip(1)), load, spec)?;
            continue;
        }
        break;
    }
    // The word before COMMAND.
    spec.rootfs = words.taken.saturating_add(if bwrap { 0 } else { 2 });
    Ok(Asked::Run)
}

/// An argument file: options only, and no further files.
#[cfg(feature = "args")]
#[inline(never)]
fn from(source: Source, load: Load, spec: &mut Spec<'_>) -> Parsed<()> {
    let mut words = Words::of(load(source)?);
    while let Some(word) = words.next() {
        // bubblewrap passes over what stands behind its options.
        if spec.is_bwrap() && (word.first() != b'-' || word.is(b"--")) {
            break;
        }
        if word.first() != b'-' {
            return fail(Stage::Argument, word, Why::NotAnOption);
        }
        read(word, &mut words, spec, None)?;
    }
    Ok(())
}

/// One option with its values. Without `load` it stands in an argument file.
#[inline(never)]
fn read(word: ZStr<'static>, words: &mut Words, spec: &mut Spec<'_>, load: Option<Load>) -> Parsed<()> {
    let wrong = |why| fail(Stage::Option, word, why);
    let Some(long) = word.value_of(b"--") else { return wrong(Why::Unknown) };
    let bwrap = spec.is_bwrap();
    let (name, inline) = if bwrap { (long.bytes(), None) } else { name_and_value(long) };
    #[cfg(feature = "enter")]
    let found = if spec.enter { super::enter::find(name) } else { options::find(name, bwrap) };
    #[cfg(not(feature = "enter"))]
    let found = options::find(name, bwrap);
    let Some((opt, kind)) = found else { return wrong(Why::Unknown) };
    #[cfg(feature = "enter")]
    let kind = if kind == options::MAYBE_TEXT && inline.is_none() { options::SWITCH } else { kind };
    #[cfg(feature = "bwrap")]
    super::bwrap::before(opt, spec)?;
    #[cfg(feature = "bwrap")]
    let kind = super::bwrap::kind(opt, kind, spec);
    spec.ask(opt);
    if kind == options::SWITCH {
        return if inline.is_none() { Ok(()) } else { wrong(Why::TakesNone) };
    }
    #[cfg(feature = "timings")]
    let inline = if kind == options::MAYBE_FD { inline.or(Some(z!("2"))) } else { inline };
    #[cfg(feature = "bwrap")]
    let none = if bwrap && kind & options::AND_TEXT != 0 { Why::NoValues } else { Why::NoValue };
    #[cfg(not(feature = "bwrap"))]
    let none = Why::NoValue;
    let Some(a) = inline.or_else(|| words.next()) else { return wrong(none) };
    let b = if kind & options::AND_TEXT != 0 { words.next() } else { Some(a) };
    let Some(b) = b else { return wrong(none) };
    #[cfg(feature = "args")]
    if opt == Opt::Args {
        let Some(load) = load else { return fail(Stage::Argument, a, Why::NotAnOption) };
        return from(Source::Fd(a), load, spec);
    }
    let _ = load;
    #[cfg(feature = "env")]
    if opt == Opt::Setenv {
        // `VAR VALUE` becomes `VAR=VALUE` where it stands: execve wants one string, and we have no memory to build it in.
        if a.first() == 0 || a.has(b'=') || words.block.join(a, b).is_none() {
            return wrong(Why::Name);
        }
    }
    #[cfg(feature = "overlay")]
    let (a, b) = if kind == options::THREE {
        // The first two are sources too: the last ones before it.
        for source in [a, b] {
            note(Given { opt: Opt::OverlaySrc, word, a: source, b: source, number: 0 }, spec)?;
        }
        let Some(dest) = words.next() else { return wrong(Why::NoValue) };
        (dest, dest)
    } else {
        (a, b)
    };
    let number = scan(kind & !options::AND_TEXT, a.bytes());
    // Noted first, so that a complaint finds its value.
    note(Given { opt, word, a, b, number: number.unwrap_or(0) }, spec)?;
    match (number, kind & !options::AND_TEXT) {
        (Some(_), _) => Ok(()),
        (None, options::MODE) => wrong(Why::Mode),
        #[cfg(feature = "fs")]
        (None, options::SIZE) => wrong(Why::Size),
        #[cfg(feature = "cgroup")]
        (None, options::MEMORY | options::SWAP) => wrong(Why::LimitSize),
        #[cfg(feature = "caps")]
        (None, options::CAP) => wrong(Why::Capability),
        #[cfg(feature = "limits")]
        (None, options::CPUS) => wrong(Why::Cpus),
        #[cfg(feature = "limits")]
        (None, options::RLIMIT) => wrong(Why::Rlimit),
        #[cfg(feature = "template")]
        (None, options::TEMPLATE) => wrong(Why::Template),
        (None, _) => wrong(Why::Number),
    }
}

#[inline(never)]
fn note(given: Given, spec: &mut Spec<'_>) -> Parsed<()> {
    if spec.given.push(given).at(Stage::Memory, None)? { Ok(()) } else { given.bad(Why::TooMany) }
}

/// The number that a value of this kind is; 0 for a text.
#[inline(never)]
fn scan(kind: u8, value: &[u8]) -> Option<u64> {
    match kind {
        options::ID | options::FD => {
            // (uid_t)-1 means "no change" to setresuid(2).
            let limit = if kind == options::ID { u32::MAX } else { 1 << 31 };
            text::decimal(value).filter(|n| *n < limit.into())
        }
        #[cfg(feature = "timings")]
        options::MAYBE_FD => scan(options::FD, value),
        options::MODE => text::octal(value).map(u64::from),
        #[cfg(feature = "fs")]
        options::SIZE => text::size(value),
        #[cfg(feature = "caps")]
        options::CAP => super::cap::set(value),
        #[cfg(feature = "limits")]
        options::CPUS => limits::cpus(value, &mut |_| {}).map(|()| 0),
        #[cfg(feature = "limits")]
        options::RLIMIT => limits::rlimit(value).map(|_| 0),
        #[cfg(feature = "limits")]
        options::NICE => limits::integer(value, -20, 19).map(|n| n as u64),
        #[cfg(feature = "limits")]
        options::SCORE => limits::integer(value, -1000, 1000).map(|n| n as u64),
        #[cfg(feature = "timeout")]
        options::DURATION if value.starts_with(b"-") => None,
        #[cfg(feature = "timeout")]
        options::DURATION => text::nanoseconds(value).map(|n| n as u64),
        #[cfg(feature = "cgroup")]
        options::MEMORY | options::SWAP | options::PIDS | options::CPU_TIME | options::WEIGHT => {
            super::limit::number(kind, value)
        }
        #[cfg(feature = "template")]
        options::TEMPLATE => super::template::number(value),
        #[cfg(feature = "host")]
        options::SECONDS => text::nanoseconds(value).map(|n| n as u64),
        _ => Some(0),
    }
}

/// Words that stand one behind the other.
struct Words {
    /// Where they stand, to write there.
    #[cfg(feature = "env")]
    block: Block,
    rest: &'static [u8],
    /// How many were taken.
    taken: usize,
}

impl Words {
    fn of(block: Block) -> Words {
        Words {
            #[cfg(feature = "env")]
            block,
            rest: block.bytes(),
            taken: 0,
        }
    }

    fn peek(&self) -> Option<ZStr<'static>> {
        // What is left of a block closes with a NUL.
        ZStr::closed(self.rest)
    }

    #[inline(never)]
    fn next(&mut self) -> Option<ZStr<'static>> {
        let word = self.peek()?;
        self.rest = self.rest.get(word.bytes_with_nul().len()..).unwrap_or_default();
        self.taken = self.taken.saturating_add(1);
        Some(word)
    }
}
