//! Failures in the words that callers of an OCI runtime look for: errnos as programs in Go say them, in lower case.

use super::{Fail, Stage, Why, describe};
use crate::sys::Errno;
use crate::text::Text;

/// Appends what is said of it.
pub(crate) fn tell(fail: &Fail<'_>, line: &mut Text<'_>) {
    let (stage, reason) = fail.tell_what(None, line);
    let Ok(errno) = u16::try_from(reason.wrapping_neg()) else {
        Why::say((reason & 0xff) as usize, line);
        return;
    };
    if stage == Stage::ExecPath as u8 && reason == Errno::ENOENT.raw().get() {
        line.push(b"executable file not found in $PATH");
        return;
    }
    let mut room = [0; 512];
    let mut words = Text::on(&mut room);
    describe(stage, errno, &mut words);
    let mut named = false;
    for byte in words.get() {
        named |= *byte == b'(';
        line.put(if named { *byte } else { byte.to_ascii_lowercase() });
    }
}
