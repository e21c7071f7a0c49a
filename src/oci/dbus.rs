//! D-Bus as far as it takes to ask somebody for something and to hear what becomes of it: the D-Bus Specification 0.43.
//!
//! A message is made in one room and sent by one call. What comes is read where it lies, and nothing in it is believed: a
//! length that leads out of it ends the talk. Both of us are on one machine: numbers are little-endian.

mod message;

pub use message::{Incoming, Message, Parser};

use crate::sys::{self, Errno, Fd, ZStr};

/// The largest message that is read or sent.
const ROOM: usize = 1 << 18;

/// Who is asked: the name on a bus, the object, and its interface.
pub struct Peer {
    #[allow(missing_docs)]
    pub name: &'static [u8],
    #[allow(missing_docs)]
    pub path: &'static [u8],
    #[allow(missing_docs)]
    pub interface: &'static [u8],
}

/// The bus itself.
const BUS: Peer = Peer {
    name: b"org.freedesktop.DBus",
    path: b"/org/freedesktop/DBus",
    interface: b"org.freedesktop.DBus",
};

/// A connection.
pub struct Bus {
    socket: Fd,
    /// What has come: what is read of it, and what is there.
    room: &'static mut [u8],
    at: usize,
    end: usize,
    /// The number of the last call.
    serial: u32,
    /// Until when an answer has to be there, in nanoseconds of [`sys::now`].
    deadline: u64,
}

/// What answers a call: its body, or the name of an error and a text that says what is wrong.
pub type Answer<'b> = Result<&'b [u8], (&'b [u8], &'b [u8])>;

impl Bus {
    /// Connects to who listens at `path`. As in sd-bus(3) all of the handshake is said at once, and who we are the socket
    /// tells: a user namespace can't make it a lie. On a bus we need a name, and have to say which signals we want.
    #[inline(never)]
    pub fn connect(path: ZStr<'_>, is_bus: bool, signals: &[u8]) -> sys::Result<Bus> {
        let room = sys::room(ROOM)?;
        let socket = sys::connect(path)?;
        let mut bus = Bus { socket, room, at: 0, end: 0, serial: 0, deadline: 0 };
        let begun = bus.begin(is_bus, signals);
        if begun.is_err() {
            bus.close();
        }
        begun.map(|()| bus)
    }

    fn begin(&mut self, is_bus: bool, signals: &[u8]) -> sys::Result<()> {
        self.patience();
        sys::send(self.socket, b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n")?;
        self.authenticated()?;
        if is_bus {
            let hello = self.compose(&BUS, b"Hello", b"")?;
            self.call(hello)?.map_err(|_| Errno::EPERM)?;
            let mut wish = self.compose(&BUS, b"AddMatch", b"s")?;
            wish.text(signals);
            self.call(wish)?.map_err(|_| Errno::EPERM)?;
        }
        Ok(())
    }

    /// From now on an answer may take so long.
    pub fn patience(&mut self) {
        const PATIENCE: u64 = 30_000_000_000;
        self.deadline = sys::now().saturating_add(PATIENCE);
    }

    /// Ends it.
    pub fn close(&self) {
        sys::close(self.socket);
    }

    /// Reads up to the line that says that we may speak.
    fn authenticated(&mut self) -> sys::Result<()> {
        loop {
            let line = self.room.get(self.at..self.end).unwrap_or_default();
            let Some(len) = line.iter().position(|byte| *byte == b'\n') else {
                self.fill()?;
                continue;
            };
            self.at = self.at.wrapping_add(len).wrapping_add(1);
            match line {
                [b'O', b'K', ..] => return Ok(()),
                [b'D', ..] => {}
                _ => return Err(Errno::EPERM),
            }
        }
    }

    /// A call of a method, whose body comes next.
    pub fn compose(&mut self, peer: &Peer, method: &[u8], signature: &[u8]) -> sys::Result<Message> {
        self.serial = self.serial.wrapping_add(1);
        Ok(Message::call(sys::room(ROOM)?, self.serial, peer, method, signature))
    }

    /// Sends the call that was composed last, and waits for its answer.
    #[inline(never)]
    pub fn call(&mut self, mut message: Message) -> sys::Result<Answer<'_>> {
        sys::send(self.socket, message.done().ok_or(Errno::E2BIG)?)?;
        let (start, end) = loop {
            let (start, end) = self.next()?;
            let incoming = self.message(start, end)?;
            if incoming.answers == self.serial && matches!(incoming.kind, message::RETURN | message::ERROR) {
                break (start, end);
            }
        };
        let incoming = self.message(start, end)?;
        if incoming.kind == message::RETURN {
            return Ok(Ok(incoming.body));
        }
        // The first of an error's values says what it is, if that is a text.
        let text = Parser::of(incoming.body).text().filter(|_| incoming.signature.first() == Some(&b's'));
        Ok(Err((incoming.error, text.unwrap_or_default())))
    }

    /// Waits for a signal of this name that `is` the one: the first for which there is something.
    pub fn signal<T>(&mut self, name: &[u8], is: &mut dyn FnMut(&[u8]) -> Option<T>) -> sys::Result<T> {
        loop {
            let (start, end) = self.next()?;
            let incoming = self.message(start, end)?;
            if incoming.kind == message::SIGNAL
                && incoming.member == name
                && let Some(found) = is(incoming.body)
            {
                return Ok(found);
            }
        }
    }

    fn message(&self, start: usize, end: usize) -> sys::Result<Incoming<'_>> {
        Incoming::read(self.room.get(start..end).unwrap_or_default()).ok_or(Errno::EINVAL)
    }

    /// Where the next message lies, once it is there as a whole.
    fn next(&mut self) -> sys::Result<(usize, usize)> {
        loop {
            let come = self.room.get(self.at..self.end).unwrap_or_default();
            match message::length(come) {
                Some(len) if len > ROOM => return Err(Errno::E2BIG),
                Some(len) if len <= come.len() => {
                    let start = self.at;
                    self.at = start.wrapping_add(len);
                    return Ok((start, self.at));
                }
                None if come.first().is_some_and(|order| *order != b'l') => return Err(Errno::EINVAL),
                _ => self.fill()?,
            }
        }
    }

    /// Reads more. What is read of what was there goes.
    fn fill(&mut self) -> sys::Result<()> {
        let mut kept = 0;
        while let Some(byte) = self.room.get(self.at).copied().filter(|_| self.at < self.end) {
            if let Some(place) = self.room.get_mut(kept) {
                *place = byte;
            }
            (kept, self.at) = (kept.wrapping_add(1), self.at.wrapping_add(1));
        }
        (self.at, self.end) = (0, kept);
        let left = self.deadline.saturating_sub(sys::now());
        if left == 0 || !sys::wait_for_input(self.socket, left)? {
            return Err(Errno::ETIMEDOUT);
        }
        match sys::read(self.socket, self.room.get_mut(self.end..).unwrap_or_default())? {
            0 => Err(Errno::EPIPE),
            len => {
                self.end = self.end.wrapping_add(len as usize);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
