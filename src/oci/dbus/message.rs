//! Messages: how values lie in them, D-Bus Specification, "Message Protocol".

use super::Peer;

/// The kinds of messages.
const CALL: u8 = 1;
pub(super) const RETURN: u8 = 2;
pub(super) const ERROR: u8 = 3;
pub(super) const SIGNAL: u8 = 4;

/// Fields of a header.
const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const ERROR_NAME: u8 = 4;
const REPLY_SERIAL: u8 = 5;
const DESTINATION: u8 = 6;
const SIGNATURE: u8 = 8;

/// A message in the making. What does not fit makes the whole of it void.
pub struct Message {
    room: &'static mut [u8],
    len: usize,
    /// Where its body begins.
    body: usize,
}

/// An array that is being written: where its length stands, and where its items begin.
pub struct Array(usize, usize);

impl Message {
    /// A call; its body comes next.
    #[inline(never)]
    pub(super) fn call(
        room: &'static mut [u8],
        serial: u32,
        peer: &Peer,
        method: &[u8],
        signature: &[u8],
    ) -> Message {
        let mut message = Message { room, len: 0, body: 0 };
        for byte in [b'l', CALL, 0, 1, 0, 0, 0, 0] {
            message.byte(byte);
        }
        message.number32(serial);
        let fields = message.open(8);
        for (field, kind, value) in [
            (PATH, b'o', peer.path),
            (MEMBER, b's', method),
            (INTERFACE, b's', peer.interface),
            (DESTINATION, b's', peer.name),
            (SIGNATURE, b'g', signature),
        ] {
            if value.is_empty() {
                continue;
            }
            message.align(8);
            message.byte(field);
            message.signature(&[kind]);
            if kind == b'g' {
                message.signature(value);
            } else {
                message.text(value);
            }
        }
        message.close(fields);
        message.align(8);
        message.body = message.len;
        message
    }

    /// All of it; none where it did not fit.
    pub(super) fn done(&mut self) -> Option<&[u8]> {
        let body = self.len.wrapping_sub(self.body);
        self.patch(4, body);
        self.room.get(..self.len)
    }

    fn patch(&mut self, at: usize, number: usize) {
        let place = self.room.get_mut(at..).unwrap_or_default();
        place.iter_mut().zip((number as u32).to_le_bytes()).for_each(|(to, byte)| *to = byte);
    }

    /// Zeros up to a multiple of `to`.
    pub fn align(&mut self, to: usize) {
        while self.len & to.wrapping_sub(1) != 0 {
            self.byte(0);
        }
    }

    /// `y`
    #[inline(never)]
    pub fn byte(&mut self, byte: u8) {
        if let Some(place) = self.room.get_mut(self.len) {
            *place = byte;
        }
        self.len = self.len.wrapping_add(1);
    }

    /// Bytes as they are.
    #[inline(never)]
    pub fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.byte(*byte);
        }
    }

    /// A number of so many bytes, a power of two: `n`, `u`, `i`, `b`, `t`, `x` and the rest of them.
    pub fn number(&mut self, number: u64, size: usize) {
        self.align(size);
        self.bytes(number.to_le_bytes().get(..size).unwrap_or_default());
    }

    /// `u`
    pub fn number32(&mut self, number: u32) {
        self.number(number.into(), 4);
    }

    /// `s` or `o`
    pub fn text(&mut self, text: &[u8]) {
        self.number32(text.len() as u32);
        self.bytes(text);
        self.byte(0);
    }

    /// `g`, and what stands before the value of a variant.
    pub fn signature(&mut self, signature: &[u8]) {
        self.byte(signature.len() as u8);
        self.bytes(signature);
        self.byte(0);
    }

    /// Opens an array of values that are aligned so.
    pub fn open(&mut self, align: usize) -> Array {
        self.number32(0);
        let length = self.len.wrapping_sub(4);
        self.align(align);
        Array(length, self.len)
    }

    /// Closes it.
    pub fn close(&mut self, array: Array) {
        self.patch(array.0, self.len.wrapping_sub(array.1));
    }
}

/// How long the message is that begins so; none as long as that can't be seen.
pub(super) fn length(come: &[u8]) -> Option<usize> {
    let mut parser = Parser::of(come);
    if parser.byte()? != b'l' {
        return None;
    }
    parser.take(3)?;
    let body = parser.number32()? as usize;
    parser.number32()?;
    let fields = parser.number32()? as usize;
    let head = fields.checked_next_multiple_of(8)?.checked_add(16)?;
    head.checked_add(body)
}

/// A message that has come.
#[derive(Default)]
#[cfg_attr(test, derive(Debug))]
#[allow(missing_docs)]
pub struct Incoming<'m> {
    pub kind: u8,
    /// Of an answer: the number of the call.
    pub answers: u32,
    pub member: &'m [u8],
    pub error: &'m [u8],
    pub signature: &'m [u8],
    pub body: &'m [u8],
}

impl<'m> Incoming<'m> {
    /// Reads a whole message; none where it can't be one.
    #[inline(never)]
    pub fn read(bytes: &'m [u8]) -> Option<Incoming<'m>> {
        let mut all = Parser::of(bytes);
        all.byte()?;
        let kind = all.byte()?;
        let mut message = Incoming { kind, ..Incoming::default() };
        all.take(10)?;
        let end = (all.number32()? as usize).checked_add(16)?;
        while all.at < end {
            all.align(8)?;
            let field = all.byte()?;
            let value = match all.signature()? {
                b"s" | b"o" => all.text()?,
                b"g" => all.signature()?,
                b"u" => {
                    let number = all.number32()?;
                    if field == REPLY_SERIAL {
                        message.answers = number;
                    }
                    continue;
                }
                _ => return None,
            };
            match field {
                MEMBER => message.member = value,
                ERROR_NAME => message.error = value,
                SIGNATURE => message.signature = value,
                _ => {}
            }
        }
        all.align(8)?;
        message.body = bytes.get(all.at..)?;
        Some(message)
    }
}

/// Values that are read one after the other, from where numbers are aligned.
pub struct Parser<'m> {
    bytes: &'m [u8],
    at: usize,
}

impl<'m> Parser<'m> {
    #[allow(missing_docs)]
    pub fn of(bytes: &'m [u8]) -> Parser<'m> {
        Parser { bytes, at: 0 }
    }

    fn align(&mut self, to: usize) -> Option<()> {
        self.at = self.at.checked_next_multiple_of(to)?;
        Some(())
    }

    #[inline(never)]
    fn take(&mut self, len: usize) -> Option<&'m [u8]> {
        let end = self.at.checked_add(len)?;
        let bytes = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// `u`
    pub fn number32(&mut self) -> Option<u32> {
        self.align(4)?;
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// `s` or `o`
    pub fn text(&mut self) -> Option<&'m [u8]> {
        let len = self.number32()? as usize;
        let text = self.take(len)?;
        self.take(1)?;
        Some(text)
    }

    fn signature(&mut self) -> Option<&'m [u8]> {
        let len = self.byte()?.into();
        let text = self.take(len)?;
        self.take(1)?;
        Some(text)
    }
}
