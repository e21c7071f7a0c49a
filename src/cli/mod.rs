//! Tokens → [`Spec`]: knows names and how many values each takes, nothing of what they mean. Pure.

#[cfg(feature = "help")]
mod help;
#[cfg(feature = "init")]
pub mod init;
mod options;
#[cfg(feature = "init")]
mod signal;

#[cfg(feature = "help")]
pub use help::Help;
pub use options::{COUNT, Opt, ROWS, Row};

use crate::fail::{Fail, Stage, Why, fail};
use crate::spec::{Given, Spec, misuse};
use crate::sys::{Block, Stack, ZStr};
use crate::text;

/// What the first word asks for, or the name that we were called by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// `vesicle run`.
    Run,
    /// `vesicle init`, or a tool in whose place we are; the argument where its options begin.
    #[cfg(feature = "init")]
    Init(crate::spec::duties::Tool, usize),
    /// The version on stdout.
    Version,
    /// A usage text on stdout.
    #[cfg(feature = "help")]
    Help(Help),
}

/// What the rest of the line asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A container.
    Run,
    /// The options on stdout.
    #[cfg(feature = "help")]
    Help,
}

/// Where options can come from beside argv.
#[derive(Clone, Copy)]
pub enum Source {
    /// `--args FD`: NUL-separated.
    Fd(ZStr<'static>),
    /// `@FILE`: one a line.
    File(ZStr<'static>),
}

/// Reads a source into words that stand one behind the other: what the parser leaves to its caller.
pub type Load = fn(Source) -> Result<Block, Fail<'static>>;

type Parsed<T> = Result<T, Fail<'static>>;

/// Which command it is.
#[inline(never)]
pub fn command(stack: Stack) -> Parsed<Command> {
    #[cfg(feature = "drop-in")]
    if let Some(tool) = stack.arg(0).and_then(|name| init::tool(text::behind(name.bytes(), b'/'))) {
        return Ok(Command::Init(tool, 1));
    }
    let Some(command) = stack.arg(1) else { return misuse(Why::NoArguments) };
    #[cfg(feature = "help")]
    if command.is(b"help") || asks_for_help(command) {
        return match stack.arg(2) {
            None => Ok(Command::Help(Help::Commands)),
            Some(word) if word.is(b"run") => Ok(Command::Help(Help::Run)),
            #[cfg(feature = "init")]
            Some(word) if word.is(b"init") => Ok(Command::Help(Help::Init)),
            word => fail(Stage::Argument, word, Why::Command),
        };
    }
    #[cfg(feature = "init")]
    if command.is(b"init") {
        return Ok(Command::Init(crate::spec::duties::Tool::Vesicle, 2));
    }
    if command.is(b"run") {
        Ok(Command::Run)
    } else if command.is(b"--version") {
        Ok(Command::Version)
    } else {
        fail(Stage::Argument, command, Why::Command)
    }
}

#[cfg(feature = "help")]
#[inline(never)]
fn asks_for_help(word: ZStr<'_>) -> bool {
    word.is(b"--help") || word.is(b"-h")
}

/// Reads the command line of `vesicle run`.
#[inline(never)]
pub fn parse(stack: Stack, spec: &mut Spec<'_>, load: Load) -> Parsed<Asked> {
    let mut words = Words::of(Block::of_argv(stack, 2));
    while let Some(word) = words.peek() {
        if word.first() == b'-' && !word.is(b"-") {
            words.next();
            if word.is(b"--") {
                break;
            }
            #[cfg(feature = "help")]
            if asks_for_help(word) {
                return Ok(Asked::Help);
            }
            option(word, &mut words, spec, Some(load))?;
        } else if cfg!(feature = "args") && word.first() == b'@' {
            words.next();
            parse_source(Source::File(word.skip(1)), load, spec)?;
        } else {
            break;
        }
    }
    spec.rootfs = words.taken.saturating_add(2);
    if stack.arg(spec.rootfs.saturating_add(1)).is_some() {
        Ok(Asked::Run)
    } else {
        misuse(if spec.rootfs < stack.len() { Why::NoCommand } else { Why::NoRootfs })
    }
}

/// An argument file: options only, and no further files.
#[inline(never)]
fn parse_source(source: Source, load: Load, spec: &mut Spec<'_>) -> Parsed<()> {
    let mut words = Words::of(load(source)?);
    while let Some(word) = words.next() {
        if word.first() != b'-' {
            return fail(Stage::Argument, word, Why::NotAnOption);
        }
        option(word, &mut words, spec, None)?;
    }
    Ok(())
}

/// One option with its values. Without `load` it stands in an argument file.
#[inline(never)]
fn option(word: ZStr<'static>, words: &mut Words, spec: &mut Spec<'_>, load: Option<Load>) -> Parsed<()> {
    let wrong = |why| fail(Stage::Option, word, why);
    let Some(long) = word.value_of(b"--") else { return wrong(Why::Unknown) };
    let name = text::before(long.bytes(), b'=');
    let rest = long.skip(name.len());
    let Some((opt, kind)) = options::find(name) else { return wrong(Why::Unknown) };
    spec.ask(opt);
    let inline = (rest.first() != 0).then(|| rest.skip(1));
    if kind == options::SWITCH {
        return if inline.is_none() { Ok(()) } else { wrong(Why::TakesNone) };
    }
    let Some(a) = inline.or_else(|| words.next()) else { return wrong(Why::NoValue) };
    let b = if kind == options::TWO { words.next() } else { Some(a) };
    let Some(b) = b else { return wrong(Why::NoValue) };
    #[cfg(feature = "args")]
    if opt == Opt::Args {
        let Some(load) = load else { return fail(Stage::Argument, a, Why::NotAnOption) };
        return parse_source(Source::Fd(a), load, spec);
    }
    let _ = load;
    #[cfg(feature = "env")]
    if opt == Opt::Setenv {
        // `VAR VALUE` becomes `VAR=VALUE` where it stands: execve wants one string, and we have no memory to build it in.
        if a.first() == 0 || a.has(b'=') || words.block.join(a, b).is_none() {
            return wrong(Why::Name);
        }
    }
    let number = scan(kind, a.bytes());
    // Noted first, so that a complaint finds its value.
    let given = Given { opt, word, a, b, number: number.unwrap_or(0) };
    if spec.given.push(given).is_err() {
        return wrong(Why::TooMany);
    }
    match (number, kind) {
        (Some(_), _) => Ok(()),
        (None, options::MODE) => wrong(Why::Mode),
        #[cfg(feature = "fs")]
        (None, options::SIZE) => wrong(Why::Size),
        (None, _) => wrong(Why::Number),
    }
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
        options::MODE => text::octal(value).map(u64::from),
        #[cfg(feature = "fs")]
        options::SIZE => text::size(value),
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
        ZStr::until_nul(self.rest)
    }

    #[inline(never)]
    fn next(&mut self) -> Option<ZStr<'static>> {
        let word = text::word(&mut self.rest)?;
        self.taken = self.taken.saturating_add(1);
        Some(word)
    }
}
