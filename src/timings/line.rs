//! The line: JSON, of what the lanes say.

use super::{CHILD, EXEC, HEAD, LAUNCHER, NOTES, OMITTED, SINCE, aligned};
use crate::fail::Stage;
use crate::sys::{self, Fd, SHARED, Shared, SigSet};
use crate::text::Text;

/// How much is written at once, and how much more a note can be, without its subject.
const ROOM: usize = 8192;
const NOTE: usize = 256;

/// What is written piece by piece, until that fails: its descriptor may be closed or full.
struct Line<'b> {
    text: Text<'b>,
    fd: Option<Fd>,
}

impl Line<'_> {
    /// Writes what there is, if it is more than so much.
    #[inline(never)]
    fn flush(&mut self, more_than: usize) {
        if self.text.len() > more_than {
            self.fd = self.fd.filter(|fd| sys::write(*fd, self.text.get()).is_ok());
            self.text.clear();
        }
    }

    /// A key behind what is there, and the number that is its value.
    fn field(&mut self, key: &[u8], value: u64) {
        self.text.push(key).number(value);
    }

    /// A byte of a string: what is not printable ASCII, by its number.
    fn byte(&mut self, byte: u8) {
        self.flush(ROOM - NOTE);
        if matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\' {
            self.text.put(byte);
        } else {
            self.text.push(b"\\u00").put(digit(byte >> 4)).put(digit(byte & 15));
        }
    }
}

fn digit(n: u8) -> u8 {
    if n < 10 { b'0' + n } else { b'a' - 10 + n }
}

/// Writes it. No signal ends us, so that a closed pipe does not either.
#[inline(never)]
pub(super) fn write(fd: Fd, ours: Shared, child: Shared, entry: u64, code: u8) {
    let exit = ours.head::<SINCE>();
    let mut all = SigSet::ALL;
    let _ = sys::swap_mask(&mut all);
    let mut room = [0; ROOM];
    let mut line = Line { text: Text::on(&mut room), fd: Some(fd) };
    line.field(b"{\"clock\":\"CLOCK_MONOTONIC\",\"unit\":\"ns\",\"entry\":", entry);
    line.text.push(b",\"steps\":");
    // Where it was not seen before the end, it was seen with it.
    let exec = Some(child.head::<EXEC>()).filter(|exec| *exec != 0).unwrap_or(exit);
    let (mut ran, mut between) = (false, b'[');
    let (mut at, mut other) = ((ours, NOTES), (child, NOTES));
    loop {
        // That of the two goes on which begins first; an end is 0, and so the last of all.
        let begin = |(lane, at): (Shared, usize)| lane.number(at);
        if begin(at).wrapping_sub(1) > begin(other).wrapping_sub(1) {
            (at, other) = (other, at);
        }
        let ((lane, note), begin) = (at, begin(at));
        if begin == 0 || note >= SHARED {
            break;
        }
        let mut end = lane.number(note.wrapping_add(8));
        if end == 0 {
            (end, ran) = (exec, true);
        }
        let what = lane.number(note.wrapping_add(16));
        line.text.put(between).push(b"{\"by\":\"").push(match what >> 8 {
            LAUNCHER => b"launcher",
            CHILD => b"child",
            _ => b"init",
        });
        line.text.push(b"\",\"step\":\"");
        Stage::say((what & 0xff) as usize, &mut line.text);
        let mut text = note.wrapping_add(HEAD);
        if lane.byte(text) != 0 {
            line.text.push(b"\",\"subject\":\"");
        }
        while let byte @ 1.. = lane.byte(text)
            && text < SHARED
        {
            line.byte(byte);
            text = text.wrapping_add(1);
        }
        at.1 = aligned(text.wrapping_add(1));
        line.field(b"\",\"begin\":", begin);
        line.field(b",\"end\":", end);
        line.text.put(b'}');
        line.flush(ROOM - NOTE);
        between = b',';
    }
    line.field(b"],\"omitted\":", ours.head::<OMITTED>().wrapping_add(child.head::<OMITTED>()));
    line.text.push(b",\"exec\":");
    if ran {
        line.text.number(exec);
    } else {
        line.text.push(b"null");
    }
    line.field(b",\"exit\":", exit);
    line.field(b",\"status\":", code.into());
    line.text.push(b"}\n");
    line.flush(0);
}
