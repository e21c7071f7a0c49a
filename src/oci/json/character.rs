//! Characters of a text: escapes of JSON, and UTF-8.

use super::Bad;

/// What stands behind a backslash: how long it is, and the character that it means.
pub(super) fn unescape(text: &[u8]) -> Result<(usize, u32), Bad> {
    let code = match *text {
        [code @ (b'"' | b'\\' | b'/'), ..] => code,
        [b'b', ..] => 0x08,
        [b'f', ..] => 0x0c,
        [b'n', ..] => b'\n',
        [b'r', ..] => b'\r',
        [b't', ..] => b'\t',
        [b'u', ref text @ ..] => {
            return match hex(text) {
                Some((0, _)) => Err(Bad::Nul),
                Some((high @ 0xd800..=0xdbff, [b'\\', b'u', low @ ..])) => match hex(low) {
                    Some((low @ 0xdc00..=0xdfff, _)) => {
                        Ok((11, 0x10000 + ((high & 0x3ff) << 10 | low & 0x3ff)))
                    }
                    _ => Err(Bad::Escape),
                },
                Some((0xd800..=0xdfff, _)) | None => Err(Bad::Escape),
                Some((code, _)) => Ok((5, code)),
            };
        }
        _ => return Err(Bad::Escape),
    };
    Ok((1, code.into()))
}

/// Four hexadecimal digits, and what stands behind them.
fn hex(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<4>()?;
    let code = digits.iter().try_fold(0, |code, digit| Some(code << 4 | char::from(*digit).to_digit(16)?))?;
    Some((code, rest))
}

/// UTF-8 of a character, and how long it is.
pub(super) fn encode(code: u32) -> ([u8; 4], usize) {
    let low = |shift: u32| (code >> shift & 0x3f | 0x80) as u8;
    match code {
        0..0x80 => ([code as u8, 0, 0, 0], 1),
        0x80..0x800 => ([(code >> 6) as u8 | 0xc0, low(0), 0, 0], 2),
        0x800..0x10000 => ([(code >> 12) as u8 | 0xe0, low(6), low(0), 0], 3),
        _ => ([(code >> 18) as u8 | 0xf0, low(12), low(6), low(0)], 4),
    }
}

/// The character of more than one byte at the beginning of `text`, and how long it is; RFC 3629, section 4.
pub(super) fn utf8(text: &[u8]) -> Option<([u8; 4], usize)> {
    Some(match *text {
        [a @ 0xc2..=0xdf, b @ 0x80..=0xbf, ..] => ([a, b, 0, 0], 2),
        [a @ 0xe0, b @ 0xa0..=0xbf, c @ 0x80..=0xbf, ..]
        | [a @ (0xe1..=0xec | 0xee..=0xef), b @ 0x80..=0xbf, c @ 0x80..=0xbf, ..]
        | [a @ 0xed, b @ 0x80..=0x9f, c @ 0x80..=0xbf, ..] => ([a, b, c, 0], 3),
        [a @ 0xf0, b @ 0x90..=0xbf, c @ 0x80..=0xbf, d @ 0x80..=0xbf, ..]
        | [a @ 0xf1..=0xf3, b @ 0x80..=0xbf, c @ 0x80..=0xbf, d @ 0x80..=0xbf, ..]
        | [a @ 0xf4, b @ 0x80..=0x8f, c @ 0x80..=0xbf, d @ 0x80..=0xbf, ..] => ([a, b, c, d], 4),
        _ => return None,
    })
}
