//! Tokens → [`Boot`]: the options of `vesicle boot`, wherever they stand. Pure.

use super::name_and_value;
use crate::fail::{Fail, Stage, Why, fail};
use crate::spec::boot::{Boot, Command, OnExit};
use crate::sys::{Stack, ZStr};
use crate::text::{fields, nanoseconds, word};
use crate::z;
use core::ops::Range;

type Parsed<T> = Result<T, Fail<'static>>;

/// Their names; the last one takes no value.
const NAMES: &[u8] = b"root root-type root-flags root-wait on-exit grace rescue";
const RESCUE: usize = 6;

/// What is a command's own word also behind the name `init`, which means `boot` to process 1.
const COMMANDS: &[u8] = b"init boot";

/// The COMMAND that is vesicle itself; `run` alone stands for it too.
pub const OURSELVES: &[u8] = b"vesicle";

/// Whether we were called as `init`, and that is not followed by a command.
pub fn is_named_init(called: ZStr<'_>, stack: Stack) -> bool {
    let word = || stack.arg(1).map_or(&b""[..], ZStr::bytes);
    called.is(b"init") && fields(COMMANDS, b' ').all(|command| command != word())
}

/// Whether a file has the name of an init: what is executed as process 1 itself.
pub fn is_init(file: ZStr<'_>) -> bool {
    file.file_name().is(b"init")
}

/// Words in the order in which they stand: options, and then COMMAND with its ARGs, which take the place of any that
/// stood elsewhere.
pub fn words(mut rest: &'static [u8], boot: &mut Boot) -> Parsed<()> {
    let mut options = true;
    while let Some(next) = word(&mut rest) {
        match next.value_of(b"--") {
            Some(long) if options => {
                if long.first() == 0 {
                    (options, boot.command) = (false, Command::new());
                    continue;
                }
                let (name, mut value) = name_and_value(long);
                if value.is_none() && position(name) != Some(RESCUE) {
                    value = word(&mut rest);
                }
                option(next, name, value, boot)?;
            }
            // A blank line of the file.
            _ if options && next.first() == 0 => {}
            _ if options && next.first() == b'-' => return fail(Stage::Option, next, Why::Unknown),
            _ => {
                if options {
                    (options, boot.command) = (false, Command::new());
                }
                if boot.command.is_empty() && next.is(b"run") {
                    let _ = boot.command.push(Some(z!("vesicle")));
                }
                if boot.command.push(Some(next)).is_err() || boot.command.is_full() {
                    return fail(Stage::Argument, next, Why::TooManyWords);
                }
            }
        }
    }
    Ok(())
}

/// A word of the kernel's command line: `vesicle.OPTION=VALUE`, or one that is nothing to us.
pub fn parameter(word: ZStr<'static>, boot: &mut Boot) -> Parsed<()> {
    let Some(rest) = word.value_of(b"vesicle.") else { return Ok(()) };
    let (name, value) = name_and_value(rest);
    option(word, name, value, boot)
}

fn position(name: &[u8]) -> Option<usize> {
    fields(NAMES, b' ').position(|known| known == name)
}

/// One option; `word` is what it was named by.
#[inline(never)]
fn option(word: ZStr<'static>, name: &[u8], value: Option<ZStr<'static>>, boot: &mut Boot) -> Parsed<()> {
    let wrong = |why| fail(Stage::Option, word, why);
    let Some(number) = position(name) else { return wrong(Why::Unknown) };
    if number == RESCUE {
        boot.rescue = true;
        return if value.is_none() { Ok(()) } else { wrong(Why::TakesNone) };
    }
    let Some(given) = value.filter(|value| value.first() != 0) else { return wrong(Why::NoValue) };
    // Where it stands in the word it is told with that.
    boot.value = (!word.has(b'=')).then_some(given);
    match number {
        0 => boot.root = value,
        1 => boot.root_type = value,
        2 => boot.root_flags = value,
        4 => {
            let known = fields(OnExit::NAMES, b' ').position(|name| given.is(name));
            let Some(action) = known.and_then(|known| OnExit::ALL.get(known)) else {
                return wrong(Why::OnExit);
            };
            boot.on_exit = *action;
        }
        _ => {
            let Some(time) = nanoseconds(given.bytes()).and_then(|ns| u64::try_from(ns).ok()) else {
                return wrong(Why::Number);
            };
            *if number == 3 { &mut boot.root_wait } else { &mut boot.grace } = time;
        }
    }
    boot.value = None;
    Ok(())
}

/// The kernel's command line in two: its own words with the parameters of others, and those behind `--`, which are for
/// process 1.
pub fn halves(line: &'static [u8]) -> (&'static [u8], &'static [u8]) {
    let mut rest = line;
    loop {
        let before = line.get(..line.len().saturating_sub(rest.len())).unwrap_or_default();
        match word(&mut rest) {
            Some(next) if next.is(b"--") => return (before, rest),
            Some(_) => {}
            None => return (line, &[]),
        }
    }
}

/// Finds the arguments that the kernel hands on because it doesn't know them, kernel-parameters.txt: they stand right before
/// those that stand behind its `--` (`ours`), and both are the last ones, also when a script hands on its own. Whether
/// `ours` were handed on, as far as the kernel does: up to another `--`.
pub fn find_foreign(
    stack: Stack,
    own: &'static [u8],
    ours: &'static [u8],
    foreign: &mut Range<usize>,
) -> bool {
    let first = foreign.start;
    let mut rest = ours;
    let mut count = 0usize;
    while word(&mut rest).is_some_and(|next| !next.is(b"--")) {
        count = count.saturating_add(1);
    }
    let mut end = stack.len().saturating_sub(count).max(first);
    let is_ours = count == 0 || stack.arg(end) == ZStr::until_nul(ours);
    if !is_ours {
        end = stack.len();
    }
    *foreign = end..end;
    while foreign.start > first
        && let Some(before) = foreign.start.checked_sub(1)
        && stack.arg(before).is_some_and(|arg| is_among(own, arg))
    {
        foreign.start = before;
    }
    is_ours
}

fn is_among(mut rest: &'static [u8], arg: ZStr<'_>) -> bool {
    while let Some(next) = word(&mut rest) {
        if next == arg {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests;
