//! Tokens → [`Duties`]: the command line of `vesicle init`, and those of the tools whose place it takes. Pure.
//!
//! One table of letters a tool, one meaning a letter. Options end where the first word stands that is none, as POSIX
//! wants it: what belongs to COMMAND is never taken for one of ours.

use super::{name_and_value, signal};
#[cfg(feature = "drop-in")]
use crate::spec::duties::Rest;
use crate::spec::duties::{Apart, Duties, Tool, level};
use crate::sys::{SIGCHLD, SIGKILL, SIGSTOP, Stack, ZStr};
#[cfg(feature = "drop-in")]
use crate::sys::{SIGTSTP, SIGTTIN, SIGTTOU};
use crate::text::{before, decimal, field, fields, nanoseconds};
#[cfg(feature = "drop-in")]
use crate::text::{join, joined_len, place};

/// Why there is nothing to do, or what else there is.
#[derive(Clone, Copy, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub enum Instead {
    /// No option of that letter.
    Letter(u8),
    /// No option of that name.
    Name(ZStr<'static>),
    /// The option of that letter has no value.
    NoValue(u8),
    /// The option of that name has none.
    NamedNoValue(ZStr<'static>),
    /// This one has one, and takes none.
    TakesNone(ZStr<'static>),
    /// The value of this option is none that it takes.
    Value(u8, ZStr<'static>),
    /// COMMAND is missing.
    NoCommand,
    /// There is one, and none is to be run.
    Command(ZStr<'static>),
    /// The usage text was asked for.
    Help,
    /// The version was.
    Version,
    /// The licence was.
    Licence,
}

/// The letters that each tool knows, in the order of [`Tool`].
const LETTERS: &[u8] =
    if cfg!(feature = "drop-in") { b"hspgerwvqkaP hspgewvlV hrvVc hgPVL" } else { b"hspgerwvqkaP" };
/// Their long names, each behind the letter that it stands for.
const NAMES: &[u8] = if cfg!(feature = "drop-in") {
    b"hhelp/hhelp Vversion/hhelp rrewrite vverbose Vversion csingle-child/Vversion"
} else {
    b"hhelp"
};

/// Which tool a name is, if any: of the file by which we were called.
#[cfg(feature = "drop-in")]
pub(super) fn tool(name: &[u8]) -> Option<Tool> {
    const NAMES: &[&str] = &["tini", "docker-init", "tini-static", "dumb-init", "catatonit", "podman-init"];
    static JOINED: [u8; joined_len(NAMES)] = join(NAMES);
    Some(match place(&JOINED, name)? {
        0..=2 => Tool::Tini,
        3 => Tool::DumbInit,
        _ => Tool::Catatonit,
    })
}

/// Reads the command line from argument `at` on, and what the environment says beside it.
#[inline(never)]
pub fn parse(stack: Stack, mut at: usize, duties: &mut Duties) -> Result<(), Instead> {
    defaults(duties);
    while let Some(word) = stack.arg(at) {
        let ([b'-', first, ..], cluster) = (word.bytes(), word.skip(1)) else { break };
        at = at.saturating_add(1);
        if word.is(b"--") {
            break;
        }
        let letters = field(LETTERS, b' ', duties.tool as usize);
        if *first == b'-' {
            let (name, inline) = name_and_value(word.skip(2));
            let names = field(NAMES, b'/', duties.tool as usize);
            let known = fields(names, b' ').find(|known| known.get(1..) == Some(name));
            let letter = known.and_then(|known| known.first());
            match letter {
                Some(letter) if inline.is_none() || takes_value(*letter) => {
                    option(duties, *letter, inline, stack, &mut at).map_err(|instead| match instead {
                        Instead::NoValue(_) => Instead::NamedNoValue(word),
                        other => other,
                    })?;
                }
                Some(_) => return Err(Instead::TakesNone(word)),
                // tini has short options only: to it this is one of them.
                #[cfg(feature = "drop-in")]
                _ if duties.tool == Tool::Tini => return Err(Instead::Letter(b'-')),
                _ => return Err(Instead::Name(word)),
            }
            continue;
        }
        let mut rest = cluster;
        while rest.first() != 0 {
            let letter = rest.first();
            rest = rest.skip(1);
            if letters.iter().all(|known| *known != letter) {
                return Err(Instead::Letter(letter));
            }
            let inline = (takes_value(letter) && rest.first() != 0).then_some(rest);
            option(duties, letter, inline, stack, &mut at)?;
            if takes_value(letter) {
                break;
            }
        }
    }
    duties.command = at;
    match stack.arg(at) {
        None if !duties.pause => return Err(Instead::NoCommand),
        // catatonit takes no notice of it.
        Some(word) if duties.pause && duties.tool == Tool::Vesicle => return Err(Instead::Command(word)),
        _ => {}
    }
    #[cfg(feature = "drop-in")]
    environment(duties, stack);
    Ok(())
}

/// Whether this option takes a value.
fn takes_value(letter: u8) -> bool {
    matches!(letter, b'p' | b'e' | b'r' | b'k')
}

/// What the tools do that nobody told anything.
fn defaults(duties: &mut Duties) {
    duties.apart = Apart::Group;
    #[cfg(feature = "drop-in")]
    match duties.tool {
        Tool::Vesicle => {}
        Tool::Tini => (duties.adopts, duties.rest) = (false, Rest::Stays),
        Tool::DumbInit => {
            (duties.adopts, duties.rest) = (false, Rest::Group);
            (duties.apart, duties.group, duties.suspends) = (Apart::Session, true, true);
            duties.tells_reaped = true;
        }
        Tool::Catatonit => (duties.rest, duties.tells_reaped) = (Rest::Stays, true),
    }
}

/// One option. Its value is `inline`, or the next word, where it takes one.
#[inline(never)]
fn option(
    duties: &mut Duties,
    letter: u8,
    inline: Option<ZStr<'static>>,
    stack: Stack,
    at: &mut usize,
) -> Result<(), Instead> {
    let value = if inline.is_none() && takes_value(letter) {
        let word = stack.arg(*at).ok_or(Instead::NoValue(letter))?;
        *at = at.saturating_add(1);
        word
    } else {
        inline.unwrap_or(crate::z!(""))
    };
    let bad = Instead::Value(letter, value);
    match letter {
        b's' => duties.subreaper = true,
        // A CHLD would be one of many, and nobody's.
        b'p' => {
            let signal = signal::number(value.bytes()).filter(|signal| *signal != SIGCHLD);
            duties.parent_death = signal.ok_or(bad)?;
        }
        b'g' => duties.group = true,
        b'e' => {
            duties.succeeds(decimal(value.bytes()).and_then(|code| u8::try_from(code).ok()).ok_or(bad)?);
        }
        b'r' => rewrite(duties, value.bytes()).ok_or(bad)?,
        b'w' => duties.tells_reaped = true,
        b'v' => duties.verbosity = duties.verbosity.saturating_add(1),
        b'q' => duties.verbosity = level::NOTHING,
        b'k' => {
            let grace = nanoseconds(value.bytes()).and_then(|ns| u64::try_from(ns).ok());
            duties.grace = Some(grace.ok_or(bad)?);
        }
        b'a' => duties.wait_all = true,
        b'P' => duties.pause = true,
        #[cfg(feature = "drop-in")]
        b'c' => (duties.apart, duties.group) = (Apart::No, false),
        b'V' => return Err(Instead::Version),
        b'l' | b'L' => return Err(Instead::Licence),
        _ => return Err(Instead::Help),
    }
    Ok(())
}

/// FROM:TO. What can't be caught is never forwarded, and an end of a child is no signal that somebody sent.
fn rewrite(duties: &mut Duties, value: &[u8]) -> Option<()> {
    let from = signal::number(before(value, b':'))?;
    let to = match value.get(before(value, b':').len()..)? {
        b":0" => 0,
        [b':', to @ ..] => signal::number(to)?,
        _ => return None,
    };
    let never = matches!(from, SIGKILL | SIGSTOP | SIGCHLD);
    #[cfg(feature = "drop-in")]
    let never = match duties.tool {
        // dumb-init knows no real-time signals.
        Tool::DumbInit => from.max(to) > 31,
        _ => never,
    };
    if never {
        return None;
    }
    duties.rewrite(from, to);
    Some(())
}

/// What the tools take from their environment.
#[cfg(feature = "drop-in")]
#[inline(never)]
fn environment(duties: &mut Duties, stack: Stack) {
    let has = |name: &[u8]| stack.envp().variable(name);
    match duties.tool {
        Tool::Vesicle => {}
        Tool::Tini => {
            duties.subreaper |= has(b"TINI_SUBREAPER=").is_some();
            duties.group |= has(b"TINI_KILL_PROCESS_GROUP=").is_some();
            if let Some(n) = has(b"TINI_VERBOSITY=") {
                // As atoi(3) reads it; even at 0 it says what ends it.
                let n = n
                    .bytes()
                    .iter()
                    .take_while(|b| b.is_ascii_digit())
                    .fold(0u8, |n, b| n.saturating_mul(10).saturating_add(*b - b'0'));
                duties.verbosity = n.saturating_add(level::FATAL);
            }
        }
        Tool::DumbInit => {
            if has(b"DUMB_INIT_DEBUG=").is_some_and(|v| v.is(b"1")) {
                duties.verbosity = level::INFO;
            }
            if has(b"DUMB_INIT_SETSID=").is_some_and(|v| v.is(b"0")) {
                (duties.apart, duties.group) = (Apart::No, false);
            }
            if duties.apart == Apart::Session {
                // In a session without a shell nobody could be stopped by them.
                for stop in [SIGTSTP, SIGTTIN, SIGTTOU] {
                    if duties.forwards(stop) == stop {
                        duties.rewrite(stop, SIGSTOP);
                    }
                }
            }
        }
        Tool::Catatonit => {
            if has(b"CATATONIT_DEBUG=").is_some() {
                duties.verbosity = level::DEBUG;
            }
        }
    }
}

#[cfg(test)]
mod tests;
