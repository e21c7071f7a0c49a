//! JSON that is written: to a descriptor, piece by piece, however long it is.

use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::Text;

/// How much is written at once.
const ROOM: usize = 1024;

/// How long a text may be that is packed.
pub const PACKED: usize = 1024;

/// A document in the making. What goes wrong is told by [`Out::done`].
pub struct Out {
    fd: Fd,
    room: [u8; ROOM],
    /// What it is written into instead, all of it.
    memory: &'static mut [u8],
    len: usize,
    failed: Option<Errno>,
    /// What a line is indented by, for each container that it is in; without it all is on one line.
    indent: &'static [u8],
    depth: usize,
    /// Within a string, and behind a backslash of it.
    quoted: bool,
    escaped: bool,
    /// Right behind the beginning of an array or object.
    fresh: bool,
}

impl Out {
    /// Of what is written to `fd`.
    pub fn to(fd: Fd, indent: &'static [u8]) -> Out {
        Out {
            fd,
            room: [0; ROOM],
            memory: &mut [],
            len: 0,
            failed: None,
            indent,
            depth: 0,
            quoted: false,
            escaped: false,
            fresh: false,
        }
    }

    /// Of what is to be had by [`Out::all`]: at most 1 MiB.
    pub fn in_memory() -> sys::Result<Out> {
        let mut out = Out::to(Fd::CWD, b"");
        out.memory = sys::room(1 << 20)?;
        Ok(out)
    }

    /// What was written into memory; E2BIG where it did not fit.
    pub fn all(&self) -> sys::Result<&[u8]> {
        self.memory.get(..self.len).ok_or(Errno::E2BIG)
    }

    /// Appends JSON as it is, but for its line breaks.
    #[inline(never)]
    pub fn json(&mut self, text: &[u8]) -> &mut Out {
        for byte in text {
            self.sign(*byte);
        }
        self
    }

    /// Appends JSON of at most [`PACKED`] bytes that lies packed in the program: text number `n` of whose `say` this is.
    #[inline(never)]
    pub(crate) fn packed(&mut self, say: fn(usize, &mut Text<'_>), n: usize) -> &mut Out {
        let mut room = [0; PACKED];
        let mut text = Text::on(&mut room);
        say(n, &mut text);
        self.json(text.get())
    }

    /// The next field of an object, or the first: its name, which needs no escapes.
    pub fn key(&mut self, name: &[u8]) -> &mut Out {
        self.item().json(b"\"").json(name).json(b"\":")
    }

    /// The next value of an array, or the first.
    pub fn item(&mut self) -> &mut Out {
        if !self.fresh {
            self.sign(b',');
        }
        self
    }

    /// A string.
    #[inline(never)]
    pub fn text(&mut self, text: &[u8]) -> &mut Out {
        self.sign(b'"');
        for byte in text {
            match *byte {
                b'"' | b'\\' => self.json(&[b'\\', *byte]),
                b'\n' => self.json(b"\\n"),
                b'\t' => self.json(b"\\t"),
                0..0x20 | 0x7f => {
                    let hex = |n: u8| if n < 10 { b'0' + n } else { b'a' + n - 10 };
                    self.json(b"\\u00").json(&[hex(*byte >> 4), hex(*byte & 15)])
                }
                _ => self.json(&[*byte]),
            };
        }
        self.json(b"\"")
    }

    /// A field that is a string.
    pub fn field(&mut self, name: &[u8], value: ZStr<'_>) -> &mut Out {
        self.key(name).text(value.bytes())
    }

    /// A number.
    pub fn number(&mut self, n: u64) -> &mut Out {
        self.json(Text::on(&mut [0; 24]).number(n).get())
    }

    /// Appends bytes as they are.
    #[inline(never)]
    pub fn plain(&mut self, text: &[u8]) -> &mut Out {
        for byte in text {
            let in_memory = !self.memory.is_empty();
            if self.len == ROOM && !in_memory {
                self.flush();
            }
            let room = if in_memory { &mut *self.memory } else { &mut self.room };
            if let Some(place) = room.get_mut(self.len) {
                *place = *byte;
            }
            self.len = self.len.wrapping_add(1);
        }
        self
    }

    /// Blanks up to a column, from a place on the line.
    pub fn blanks(&mut self, from: usize, to: usize) -> &mut Out {
        for _ in from..to {
            self.plain(b" ");
        }
        self
    }

    /// Writes what is left; what went wrong.
    pub fn done(&mut self) -> sys::Result<()> {
        self.flush();
        self.failed.map_or(Ok(()), Err)
    }

    fn flush(&mut self) {
        let bytes = self.room.get(..self.len).unwrap_or_default();
        if self.failed.is_none()
            && let Err(e) = sys::write(self.fd, bytes)
        {
            self.failed = Some(e);
        }
        self.len = 0;
    }

    /// One byte of JSON.
    fn sign(&mut self, byte: u8) {
        if self.quoted {
            self.quoted = byte != b'"' || self.escaped;
            self.escaped = byte == b'\\' && !self.escaped;
            self.plain(&[byte]);
            return;
        }
        let fresh = core::mem::replace(&mut self.fresh, matches!(byte, b'{' | b'['));
        match byte {
            b' ' | b'\n' | b'\t' | b'\r' => {
                self.fresh = fresh;
                return;
            }
            b'}' | b']' => {
                self.depth = self.depth.wrapping_sub(1);
                if !fresh {
                    self.line();
                }
            }
            b',' => {
                self.plain(b",");
                self.line();
                return;
            }
            _ if fresh => self.line(),
            _ => {}
        }
        self.plain(&[byte]);
        match byte {
            b'{' | b'[' => self.depth = self.depth.wrapping_add(1),
            b'"' => self.quoted = true,
            b':' if !self.indent.is_empty() => _ = self.plain(b" "),
            _ => {}
        }
    }

    fn line(&mut self) {
        if self.indent.is_empty() {
            return;
        }
        self.plain(b"\n");
        for _ in 0..self.depth {
            self.plain(self.indent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::io::Read;
    use std::os::fd::AsRawFd;

    /// What comes out at the other end of a pipe.
    fn written(indent: &'static [u8], put: impl FnOnce(&mut Out) + Send) -> Vec<u8> {
        let (mut end, start) = std::io::pipe().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut out = Out::to(Fd::inherited(start.as_raw_fd() as u32), indent);
                put(&mut out);
                out.done().unwrap();
            });
            let mut bytes = Vec::new();
            end.read_to_end(&mut bytes).unwrap();
            bytes
        })
    }

    #[test]
    fn any_text_comes_back_from_its_string() {
        let every: String = (1..0x250u32).filter_map(char::from_u32).collect::<String>().repeat(9);
        let bytes = written(b"", |out| {
            out.json(b"{").key(b"a").text(every.as_bytes()).key(b"n").number(u64::MAX).json(b"}");
        });
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["a"].as_str(), Some(every.as_str()));
        assert_eq!(value["n"].as_u64(), Some(u64::MAX));
    }

    #[test]
    fn indented_it_looks_as_others_write_it() {
        let text = r#"{"a":[],"b":{},"c":[1,{"d":"x, {y}: \"[\" \\"}],"e":null,"f":[[true]]}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        let pretty = written(b"  ", |out| _ = out.json(text.as_bytes()));
        assert_eq!(String::from_utf8(pretty).unwrap(), serde_json::to_string_pretty(&value).unwrap());
        let spaced = written(b"  ", |out| _ = out.json(text.replace(":[", " : [\n\t").as_bytes()));
        assert_eq!(String::from_utf8(spaced).unwrap(), serde_json::to_string_pretty(&value).unwrap());
        let same = written(b"", |out| _ = out.json(text.as_bytes()));
        assert_eq!(String::from_utf8(same).unwrap(), text);
    }
}
