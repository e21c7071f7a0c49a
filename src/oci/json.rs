//! JSON, RFC 8259, read in place and in order: nobody builds a tree, and nothing is copied.
//!
//! A text that is asked for is unescaped where it stands and gets its NUL there: it never grows by that, and its closing
//! quote leaves room. A number gets one over the byte behind it, which the reader remembers. What is passed over stays
//! as it was. Strict: what the RFC leaves to readers is refused (a BOM, half a surrogate pair), and so is NUL in a text,
//! which would end a path early. That no key stands twice is for whoever reads them to say.

mod character;
mod typed;

use crate::sys::ZStr;
use character::{encode, unescape, utf8};
use core::mem;

/// A value; one of the last two is entered: what is in it comes next.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
#[allow(missing_docs)]
pub enum Value {
    Null,
    Bool(bool),
    Number(ZStr<'static>),
    Text(ZStr<'static>),
    Array,
    Object,
}

/// What is wrong with a document. As large as a text's pointer: so a result with either comes back in two registers.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
#[repr(usize)]
pub enum Bad {
    /// Not JSON.
    Syntax,
    /// It ends too early.
    End,
    /// Containers in more than [`DEPTH`] others.
    Depth,
    /// A text with NUL in it.
    Nul,
    /// A text with a control character that is not escaped.
    Control,
    /// No UTF-8.
    Utf8,
    /// No escape that there is, or half a surrogate pair.
    Escape,
    /// Neither true nor false.
    Bool,
    /// No whole number.
    Integer,
    /// No text.
    Text,
    /// No array.
    Array,
    /// No object.
    Object,
    /// A number that is too large, or negative.
    Range,
}

/// How deep containers may stand in each other.
pub const DEPTH: u8 = 64;

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// A value.
    Value,
    /// The first key or value of a container, or its end.
    First,
    /// What stands behind a value.
    Rest,
}

/// A document from its beginning on. It says what is wrong once: behind an error nothing is promised but an end.
pub struct Reader {
    /// What is not given away: all behind the last text that was.
    rest: &'static mut [u8],
    /// How much of it is read.
    at: usize,
    /// What stood where the last number has its NUL, until it is read.
    held: Option<u8>,
    next: Next,
    depth: u8,
    /// One bit a container that we are in, the innermost lowest: an object.
    objects: u64,
    /// How long the document is, where its current line begins, where the last value or sign, and the number of that line.
    len: usize,
    line_start: usize,
    mark: usize,
    line: usize,
}

impl Reader {
    /// Of a text that has a NUL behind it, as its last byte; anything else is an empty document.
    pub fn of(text: &'static mut [u8]) -> Reader {
        let rest = if let [.., 0] = text { text } else { &mut [] };
        let len = rest.len();
        let (next, held) = (Next::Value, None);
        Reader { rest, at: 0, held, next, depth: 0, objects: 0, len, line_start: 0, mark: 0, line: 1 }
    }

    /// Where what was read last begins, or what is wrong with it stands: the line and the byte of it, from 1 on.
    pub fn place(&self) -> (usize, usize) {
        (self.line, self.mark.wrapping_sub(self.line_start).wrapping_add(1))
    }

    /// The next value.
    pub fn value(&mut self) -> Result<Value, Bad> {
        self.read(true)
    }

    /// In an object: the next key, whose value comes next. None behind the last one: it is left.
    pub fn key(&mut self) -> Result<Option<ZStr<'static>>, Bad> {
        self.member(true)
    }

    /// The same without those whose value is `null`: so programs in Go write what isn't there.
    pub fn field(&mut self) -> Result<Option<ZStr<'static>>, Bad> {
        loop {
            let key = self.key()?;
            if key.is_none() || self.blanks() != b'n' {
                return Ok(key);
            }
            self.value()?;
        }
    }

    /// In an array: whether there is another value, which comes next. If not, it is left.
    pub fn item(&mut self) -> Result<bool, Bad> {
        self.another(b']')
    }

    /// Passes over the next value, whatever it is: it is checked and stays as it is.
    pub fn skip(&mut self) -> Result<(), Bad> {
        let depth = self.depth;
        loop {
            self.read(false)?;
            loop {
                if self.depth == depth {
                    return Ok(());
                }
                let another =
                    if self.in_object() { self.member(false)?.is_some() } else { self.another(b']')? };
                if another {
                    break;
                }
            }
        }
    }

    /// The next value, whatever it is, as JSON: it is checked and stays as it is.
    pub fn raw(&mut self) -> Result<ZStr<'static>, Bad> {
        self.blanks();
        let from = self.at;
        self.skip()?;
        self.cut_before(from)
    }

    /// That nothing stands behind the document.
    pub fn end(&mut self) -> Result<(), Bad> {
        let byte = self.blanks();
        if byte == 0 && self.left() <= 1 && self.depth == 0 && self.next == Next::Rest {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// The next value; a text or number is handed out, or else stays as it is (and is given as an empty one).
    #[inline(never)]
    fn read(&mut self, take: bool) -> Result<Value, Bad> {
        if self.next != Next::Value {
            return Err(Bad::Syntax);
        }
        let byte = self.blanks();
        self.next = Next::Rest;
        match byte {
            b'{' => self.enter(true).map(|()| Value::Object),
            b'[' => self.enter(false).map(|()| Value::Array),
            b'"' => self.string(take).map(Value::Text),
            b'-' | b'0'..=b'9' => {
                let from = self.at;
                self.digits()?;
                let text = if take { self.cut_before(from)? } else { crate::z!("") };
                Ok(Value::Number(text))
            }
            b'n' => self.word(b"null").map(|()| Value::Null),
            b't' => self.word(b"true").map(|()| Value::Bool(true)),
            b'f' => self.word(b"false").map(|()| Value::Bool(false)),
            _ => Err(self.unexpected()),
        }
    }

    /// [`Reader::key`]; the key is handed out, or else stays as it is (and is given as an empty one).
    #[inline(never)]
    fn member(&mut self, take: bool) -> Result<Option<ZStr<'static>>, Bad> {
        if !self.another(b'}')? {
            return Ok(None);
        }
        if self.blanks() != b'"' {
            return Err(self.unexpected());
        }
        let key = self.string(take)?;
        if self.blanks() != b':' {
            return Err(self.unexpected());
        }
        self.advance();
        Ok(Some(key))
    }

    /// In a container that ends so: whether there is another key or value, behind its comma. If not, it is left.
    fn another(&mut self, end: u8) -> Result<bool, Bad> {
        if self.depth == 0 || self.in_object() != (end == b'}') || self.next == Next::Value {
            return Err(Bad::Syntax);
        }
        let byte = self.blanks();
        if byte == end {
            self.advance();
            self.depth = self.depth.wrapping_sub(1);
            self.objects >>= 1;
            self.next = Next::Rest;
            return Ok(false);
        }
        if self.next == Next::Rest {
            if byte != b',' {
                return Err(self.unexpected());
            }
            self.advance();
        }
        self.next = Next::Value;
        Ok(true)
    }

    fn enter(&mut self, object: bool) -> Result<(), Bad> {
        if self.depth == DEPTH {
            return Err(Bad::Depth);
        }
        self.advance();
        self.depth = self.depth.wrapping_add(1);
        self.objects = self.objects << 1 | u64::from(object);
        self.next = Next::First;
        Ok(())
    }

    fn in_object(&self) -> bool {
        self.objects & 1 != 0
    }

    /// How many bytes are left, the NUL at the end among them.
    fn left(&self) -> usize {
        self.rest.len().wrapping_sub(self.at).wrapping_add(self.held.is_some().into())
    }

    /// The next byte; 0 at the end too.
    fn peek(&self) -> u8 {
        self.held.or(self.rest.get(self.at).copied()).unwrap_or(0)
    }

    /// Passes over it.
    fn advance(&mut self) {
        if self.held.take().is_none() {
            self.at = self.at.wrapping_add(1);
        }
    }

    /// The next byte that is no blank.
    #[inline(never)]
    fn blanks(&mut self) -> u8 {
        loop {
            let byte = self.peek();
            self.mark = self.len.wrapping_sub(self.left());
            match byte {
                b' ' | b'\t' | b'\r' => {}
                b'\n' => {
                    self.line = self.line.wrapping_add(1);
                    self.line_start = self.mark.wrapping_add(1);
                }
                _ => return byte,
            }
            self.advance();
        }
    }

    /// Why the next byte is wrong.
    #[cold]
    fn unexpected(&mut self) -> Bad {
        self.here(if self.left() <= 1 { Bad::End } else { Bad::Syntax })
    }

    /// What is wrong with the next byte.
    #[cold]
    fn here(&mut self, bad: Bad) -> Bad {
        self.mark = self.len.wrapping_sub(self.left());
        bad
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Bad> {
        for byte in word {
            if self.peek() != *byte {
                return Err(self.unexpected());
            }
            self.advance();
        }
        Ok(())
    }

    /// A number.
    fn digits(&mut self) -> Result<(), Bad> {
        if self.peek() == b'-' {
            self.advance();
        }
        if self.peek() == b'0' {
            self.advance();
        } else {
            self.some_digits()?;
        }
        if self.peek() == b'.' {
            self.advance();
            self.some_digits()?;
        }
        if let b'e' | b'E' = self.peek() {
            self.advance();
            if let b'+' | b'-' = self.peek() {
                self.advance();
            }
            self.some_digits()?;
        }
        Ok(())
    }

    fn some_digits(&mut self) -> Result<(), Bad> {
        if !self.peek().is_ascii_digit() {
            return Err(self.unexpected());
        }
        while self.peek().is_ascii_digit() {
            self.advance();
        }
        Ok(())
    }

    /// A text; it is handed out, or else stays as it is (and is given as an empty one).
    fn string(&mut self, take: bool) -> Result<ZStr<'static>, Bad> {
        self.advance();
        let from = self.at;
        let mut to = from;
        loop {
            let left = self.rest.get(self.at..).unwrap_or_default();
            let (read, (bytes, len)) = match *left {
                [b'"', ..] => break,
                [b'\\', ref escape @ ..] => match unescape(escape) {
                    Ok((read, code)) => (read.wrapping_add(1), encode(code)),
                    Err(bad) => return Err(self.here(bad)),
                },
                [byte @ 0x20..=0x7f, ..] => (1, ([byte, 0, 0, 0], 1)),
                [0x80..=0xff, ..] => match utf8(left) {
                    Some(character) => (character.1, character),
                    None => return Err(self.here(Bad::Utf8)),
                },
                _ => return Err(self.here(if left.len() <= 1 { Bad::End } else { Bad::Control })),
            };
            self.at = self.at.wrapping_add(read);
            // What stands where it should already is not written again.
            if take && self.at != to.wrapping_add(len) {
                for (place, byte) in self.rest.iter_mut().skip(to).zip(bytes.iter().take(len)) {
                    *place = *byte;
                }
            }
            to = to.wrapping_add(len);
        }
        if take {
            return self.cut(from, to);
        }
        self.advance();
        Ok(crate::z!(""))
    }

    /// What stands from `from` on up to here; the byte here gives way to its NUL.
    fn cut_before(&mut self, from: usize) -> Result<ZStr<'static>, Bad> {
        let (held, to) = (self.rest.get(self.at).copied(), self.at);
        let text = self.cut(from, to);
        self.held = held;
        text
    }

    /// What stands from `from` on up to `to`, which becomes its NUL; the byte here goes with it.
    fn cut(&mut self, from: usize, to: usize) -> Result<ZStr<'static>, Bad> {
        let end = mem::take(&mut self.at).wrapping_add(1);
        let (text, rest) = mem::take(&mut self.rest).split_at_mut_checked(end).ok_or(Bad::End)?;
        self.rest = rest;
        let text = text.get_mut(from..=to).ok_or(Bad::End)?;
        if let [.., last] = text {
            *last = 0;
        }
        ZStr::closed(text).ok_or(Bad::End)
    }
}

#[cfg(test)]
mod tests;
