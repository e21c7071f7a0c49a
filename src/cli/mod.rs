//! Tokens → [`Spec`]: knows names and how many values each takes, nothing of what they mean. Pure.

#[cfg(feature = "boot")]
pub mod boot;
#[cfg(feature = "bwrap")]
mod bwrap;
#[cfg(feature = "caps")]
pub(crate) mod cap;
#[cfg(feature = "enter")]
mod enter;
#[cfg(feature = "help")]
mod help;
#[cfg(feature = "init")]
pub mod init;
#[cfg(feature = "cgroup")]
mod limit;
#[cfg(feature = "options")]
mod options;
#[cfg(feature = "options")]
mod run;
#[cfg(any(feature = "init", feature = "oci"))]
pub(crate) mod signal;
#[cfg(feature = "template")]
mod template;

#[cfg(feature = "oci")]
pub use cap::set as capability;
#[cfg(feature = "help")]
pub use help::Help;
#[cfg(feature = "cgroup")]
pub use limit::{MAX, PERIOD};
#[cfg(feature = "options")]
pub use options::{COUNT, Opt, ROWS, Row};
#[cfg(feature = "options")]
use run::read_options;

use crate::fail::{Fail, Stage, Why, fail};
use crate::spec::{Spec, misuse};
use crate::sys::{Block, Stack, ZStr};
use crate::z;

/// What the first word asks for, or the name that we were called by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// `vesicle run`.
    Run,
    /// bwrap, in whose place we are.
    #[cfg(feature = "bwrap")]
    Bwrap,
    /// `vesicle enter`.
    #[cfg(feature = "enter")]
    Enter,
    /// `vesicle init`, or a tool in whose place we are; the argument where its options begin.
    #[cfg(feature = "init")]
    Init(crate::spec::duties::Tool, usize),
    /// `vesicle boot`.
    #[cfg(feature = "boot")]
    Boot,
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
    /// Nothing at all: the options on stderr.
    #[cfg(feature = "bwrap")]
    Nothing,
    /// The version.
    #[cfg(feature = "bwrap")]
    Version,
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

/// The name of the file that we were called by.
pub fn called(stack: Stack) -> ZStr<'static> {
    #[cfg(any(feature = "boot", feature = "bwrap", feature = "drop-in"))]
    if let Some(path) = stack.arg(0) {
        return path.file_name();
    }
    let _ = stack;
    z!("")
}

/// Which command it is, by that name and behind it.
pub fn command(#[allow(unused_variables)] called: ZStr<'_>, stack: Stack) -> Parsed<Command> {
    #[cfg(feature = "bwrap")]
    if is_named_bwrap(called, stack) {
        return Ok(Command::Bwrap);
    }
    #[cfg(feature = "drop-in")]
    if let Some(tool) = init::tool(called.bytes()) {
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
            #[cfg(feature = "enter")]
            Some(word) if word.is(b"enter") => Ok(Command::Help(Help::Enter)),
            #[cfg(feature = "boot")]
            Some(word) if word.is(b"boot") => Ok(Command::Help(Help::Boot)),
            word => fail(Stage::Argument, word, Why::Command),
        };
    }
    #[cfg(feature = "init")]
    if command.is(b"init") {
        return Ok(Command::Init(crate::spec::duties::Tool::Vesicle, 2));
    }
    #[cfg(feature = "enter")]
    if command.is(b"enter") {
        return Ok(Command::Enter);
    }
    #[cfg(feature = "boot")]
    if command.is(b"boot") {
        return Ok(Command::Boot);
    }
    if command.is(b"run") {
        Ok(Command::Run)
    } else if command.is(b"--version") {
        Ok(Command::Version)
    } else {
        fail(Stage::Argument, command, Why::Command)
    }
}

/// Whether we were called by that name; or by the one that every program has for itself, as bubblewrap calls itself inside, and
/// with what is no command of ours.
#[cfg(feature = "bwrap")]
fn is_named_bwrap(called: ZStr<'_>, stack: Stack) -> bool {
    let ours = |word: ZStr<'_>| word.value_of(b"--").is_none() || word.is(b"--help") || word.is(b"--version");
    called.is(b"bwrap")
        || stack.arg(0).is_some_and(|path| path.is(b"/proc/self/exe"))
            && stack.arg(1).is_some_and(|word| !ours(word))
}

#[cfg(feature = "help")]
#[inline(never)]
fn asks_for_help(word: ZStr<'_>) -> bool {
    word.is(b"--help") || word.is(b"-h")
}

/// `NAME=VALUE` in two; a name alone has no value.
#[cfg(any(feature = "options", feature = "boot"))]
#[inline(never)]
fn name_and_value(word: ZStr<'_>) -> (&[u8], Option<ZStr<'_>>) {
    let name = crate::text::before(word.bytes(), b'=');
    let rest = word.skip(name.len());
    (name, (rest.first() != 0).then(|| rest.skip(1)))
}

/// Reads the command line of `vesicle run`, that of bwrap, or that of `vesicle enter`.
pub fn parse(stack: Stack, spec: &mut Spec<'_>, load: Load) -> Parsed<Asked> {
    match read_options(stack, spec, load)? {
        #[cfg(feature = "bwrap")]
        Asked::Run if spec.bwrap => {
            bwrap::translate(spec)?;
            let command = stack.arg(spec.rootfs.saturating_add(1));
            Ok(if command.is_some() { Asked::Run } else { Asked::Nothing })
        }
        #[cfg(feature = "enter")]
        Asked::Run if spec.enter => enter::operands(stack, spec),
        Asked::Run if stack.arg(spec.rootfs.saturating_add(1)).is_none() => {
            misuse(if spec.rootfs < stack.len() { Why::NoCommand } else { Why::NoRootfs })
        }
        asked => Ok(asked),
    }
}

/// Notes where ROOTFS stands: no option can stand before it.
#[cfg(not(feature = "options"))]
fn read_options(stack: Stack, spec: &mut Spec<'_>, _: Load) -> Parsed<Asked> {
    spec.rootfs = match stack.arg(2) {
        Some(word) if word.is(b"--") => 3,
        Some(word) if word.first() == b'-' && !word.is(b"-") => {
            return fail(Stage::Option, word, Why::Unknown);
        }
        _ => 2,
    };
    Ok(Asked::Run)
}
