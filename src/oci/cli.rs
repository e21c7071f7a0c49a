//! The command line of vesicle-oci, in the words of runc(8): tokens → [`Request`]. Pure.
//!
//! Options stand before ID or behind it, but for `exec` and `ps`, whose own operands begin there. As Go's programs have
//! it, a long name may have one dash, and a switch a value: `--all=false`. Letters are not put together.
//!
//! `--debug`, `--criu` and `--rootless` are taken and mean nothing here: there is nothing more to say, no checkpoint, and
//! whether the caller is root is seen. What is not in the table is refused by its name.

mod table;

pub(super) use table::help;
pub use table::{Opt, Verb};

use crate::fail::{Fail, Stage, Why, fail};
use crate::sys::{Fd, Stack, Strings, ZStr};
use crate::text::{before, decimal};
use table::{COUNT, FORMAT, GLOBAL, LOG_FORMAT, MAYBE, NUMBER, SWITCH};

/// The longest ID.
const ID_MAX: usize = 1024;

type Parsed<T> = Result<T, Fail<'static>>;

/// What is asked for: an allegation still, but for the form of numbers and of ID.
pub struct Request {
    /// What is to be done.
    pub verb: Verb,
    /// To which container; there is one where the verb needs it.
    pub id: ZStr<'static>,
    /// What stands behind ID: the signal of `kill`.
    pub operand: Option<ZStr<'static>>,
    /// Where `--log` leads, once that was asked for.
    pub log: Option<Fd>,
    stack: Stack,
    /// The argument behind the verb, and that behind ID.
    start: usize,
    rest: usize,
    /// Options, a bit each.
    given: u64,
    values: [Option<ZStr<'static>>; COUNT],
}

impl Request {
    /// Nothing is asked for yet.
    pub fn new(stack: Stack) -> Request {
        Request {
            verb: Verb::Help,
            id: crate::z!(""),
            operand: None,
            log: None,
            stack,
            start: 1,
            rest: usize::MAX,
            given: 0,
            values: [None; COUNT],
        }
    }

    /// Reads the command line. What stood before a mistake is there all the same: where to say it is told so.
    pub fn read(&mut self) -> Parsed<()> {
        let mut words = Words { stack: self.stack, at: 1, scope: GLOBAL, ended: false };
        self.options(&mut words)?;
        let Some(word) = words.operand() else {
            self.verb = if self.has(Opt::Version) { Verb::Version } else { Verb::Help };
            return Ok(());
        };
        let Some(verb) = Verb::named(word.bytes()) else {
            return fail(Stage::Argument, word, Why::Verb);
        };
        (self.verb, self.start) = (verb, words.at);
        (words.scope, words.ended) = (verb.bit(), false);
        let mut count = 0u8;
        loop {
            self.options(&mut words)?;
            let Some(word) = words.operand() else { break };
            match count {
                0 if verb.takes_id() => self.id = id(word)?,
                1 if verb == Verb::Kill => self.operand = Some(word),
                _ => return fail(Stage::Argument, word, Why::TooManyOperands),
            }
            count = count.wrapping_add(1);
            self.rest = words.at;
            if verb.ends_at_id() {
                break;
            }
        }
        if self.has(Opt::Help) {
            self.verb = Verb::Help;
        } else if count == 0 && verb.takes_id() {
            return fail(Stage::Argument, verb.name(), Why::NoId);
        }
        Ok(())
    }

    /// Whether it was given.
    pub fn has(&self, opt: Opt) -> bool {
        self.given & opt.bit() != 0
    }

    /// Its value, the last one that was given.
    pub fn text(&self, opt: Opt) -> Option<ZStr<'static>> {
        self.values.get(opt as usize).copied().flatten()
    }

    /// All values of an option that may be given several times, in the order given.
    pub fn all(&self, opt: Opt) -> All {
        let words = Words { stack: self.stack, at: self.start, scope: self.verb.bit(), ended: false };
        All { words, opt, to_id: self.verb.ends_at_id() }
    }

    /// Its value as a number; 0 where there is none.
    pub fn number(&self, opt: Opt) -> u64 {
        self.text(opt).and_then(|text| decimal(text.bytes())).unwrap_or(0)
    }

    /// Whether `--log-format` or `--format` asks for JSON.
    pub fn json(&self, opt: Opt) -> bool {
        self.text(opt).is_some_and(|format| format.is(b"json"))
    }

    /// What stands behind ID: COMMAND of `exec`, the options of ps(1).
    pub fn rest(&self) -> Strings<'static> {
        self.stack.argv_from(self.rest)
    }

    /// The same behind a word that takes the place of ID, which nobody reads any more.
    pub fn rest_behind(&self, name: ZStr<'static>) -> Strings<'static> {
        let before = self.rest.wrapping_sub(1);
        self.stack.set_arg(before, name);
        self.stack.argv_from(before)
    }

    /// The caller's arguments, environment and ids.
    pub fn stack(&self) -> Stack {
        self.stack
    }

    /// Reads options up to an operand.
    fn options(&mut self, words: &mut Words) -> Parsed<()> {
        while let Some((opt, value)) = words.option()? {
            if value.is_some_and(|value| value.is(b"false")) && opt.kind() == SWITCH {
                self.given &= !opt.bit();
                continue;
            }
            self.given |= opt.bit();
            if let Some(place) = self.values.get_mut(opt as usize) {
                *place = value;
            }
        }
        Ok(())
    }
}

/// See [`Request::all`].
pub struct All {
    words: Words,
    opt: Opt,
    to_id: bool,
}

impl Iterator for All {
    type Item = ZStr<'static>;

    fn next(&mut self) -> Option<ZStr<'static>> {
        loop {
            // It was read once: there is no mistake in it.
            match self.words.option().ok()? {
                Some((opt, value)) if opt == self.opt => return value,
                Some(_) => {}
                None if self.to_id => return None,
                None => _ = self.words.operand()?,
            }
        }
    }
}

/// The words of the command line.
struct Words {
    stack: Stack,
    at: usize,
    /// Where we are: the bit of a verb.
    scope: u32,
    /// Behind `--`.
    ended: bool,
}

impl Words {
    /// Takes the next option with its value; none before an operand, and at the end.
    fn option(&mut self) -> Parsed<Option<(Opt, Option<ZStr<'static>>)>> {
        let Some(word) = self.stack.arg(self.at) else { return Ok(None) };
        if self.ended || word.first() != b'-' || word.is(b"-") {
            return Ok(None);
        }
        self.at = self.at.wrapping_add(1);
        if word.is(b"--") {
            self.ended = true;
            return Ok(None);
        }
        let name = word.skip(if word.value_of(b"--").is_some() { 2 } else { 1 });
        let len = before(name.bytes(), b'=').len();
        let mut value = (name.skip(len).first() != 0).then(|| name.skip(len.wrapping_add(1)));
        let Some(opt) = Opt::named(name.bytes().get(..len).unwrap_or_default(), self.scope) else {
            return fail(Stage::Option, word, Why::Unknown);
        };
        let kind = opt.kind();
        let next = self.stack.arg(self.at);
        if value.is_none() && (kind > MAYBE || kind == MAYBE && next.is_some_and(is_mode)) {
            self.at = self.at.wrapping_add(1);
            let Some(next) = next else { return fail(Stage::Option, word, Why::NoValue) };
            value = Some(next);
        }
        let good = value.is_none_or(|value| match kind {
            SWITCH => value.is(b"true") || value.is(b"false"),
            MAYBE => is_mode(value),
            NUMBER => decimal(value.bytes()).is_some_and(|n| n <= u32::MAX.into()),
            FORMAT => value.is(b"table") || value.is(b"json"),
            LOG_FORMAT => value.is(b"text") || value.is(b"json"),
            _ => true,
        });
        if !good {
            let why = match kind {
                NUMBER => Why::Number,
                FORMAT => Why::Format,
                LOG_FORMAT => Why::LogFormat,
                _ => Why::Switch,
            };
            // The value may be a word of its own: what is told is the name.
            return fail(Stage::Option, word, why);
        }
        Ok(Some((opt, value)))
    }

    /// Takes the next operand.
    fn operand(&mut self) -> Option<ZStr<'static>> {
        let word = self.stack.arg(self.at)?;
        self.at = self.at.wrapping_add(1);
        Some(word)
    }
}

/// What `--rootless` takes.
fn is_mode(word: ZStr<'_>) -> bool {
    word.is(b"auto") || word.is(b"true") || word.is(b"false")
}

/// The name of a container: it is that of a directory, and of a cgroup.
#[inline(never)]
fn id(word: ZStr<'static>) -> Parsed<ZStr<'static>> {
    let bytes = word.bytes();
    let good = |b: &u8| b.is_ascii_alphanumeric() || b"_+.-".iter().any(|c| c == b);
    if bytes.is_empty() || word.is(b".") || word.is(b"..") || !bytes.iter().all(good) {
        return fail(Stage::Argument, word, Why::Id);
    }
    if bytes.len() > ID_MAX { fail(Stage::Argument, word, Why::IdLength) } else { Ok(word) }
}

#[cfg(test)]
mod tests;
