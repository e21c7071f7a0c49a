//! `org.systemd.property.NAME`: properties of the unit that an annotation sets, in the text form of GVariant, as runc has it.
//!
//! Of that form: booleans, whole numbers with or without a type before them, texts in quotes and lists of those. A time whose
//! name ends with Sec is in seconds, and is said in microseconds.

use super::properties::property;
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::oci::dbus::Message;
use crate::oci::json::{Bad, Reader};
use crate::sys::{self, ZStr};
use crate::text::{Text, decimal, fields, nanoseconds};
use crate::z;

const PREFIX: &[u8] = b"org.systemd.property.";

/// Appends those that there are.
#[inline(never)]
pub(super) fn properties(
    message: &mut Message,
    annotations: Option<ZStr<'static>>,
) -> Result<(), Fail<'static>> {
    let Some(annotations) = annotations else { return Ok(()) };
    // It is read in place, and the state tells it as it is.
    let room = sys::room(annotations.bytes_with_nul().len()).at(Stage::Memory, None)?;
    Text::on(room).push(annotations.bytes());
    match each(message, Reader::of(room)) {
        Ok(None) => Ok(()),
        Ok(Some(bad)) => fail(Stage::Config, bad, Why::UnitProperty),
        Err(bad) => fail(Stage::Config, z!("annotations"), bad.into()),
    }
}

/// Up to the first that can't be understood.
fn each(message: &mut Message, mut reader: Reader) -> Result<Option<ZStr<'static>>, Bad> {
    reader.object()?;
    while let Some(key) = reader.key()? {
        let Some(name) = key.value_of(PREFIX) else {
            reader.skip()?;
            continue;
        };
        let value = reader.text()?;
        if append(message, name.bytes(), value.bytes().trim_ascii()).is_none() {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

#[inline(never)]
fn append(message: &mut Message, name: &[u8], value: &[u8]) -> Option<()> {
    if name.len() < 3 || !name.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    if let [start @ .., b'a'..=b'z', b'S', b'e', b'c'] = name {
        let stem = name.get(..=start.len())?;
        let value = fields(value, b' ').last()?;
        let time = u64::try_from(nanoseconds(value)?).ok()?;
        message.align(8);
        message.number32(stem.len().wrapping_add(4) as u32);
        message.bytes(stem);
        message.bytes(b"USec\0");
        message.signature(b"t");
        message.number(time / 1000, 8);
        return Some(());
    }
    match value {
        b"true" | b"false" => {
            property(message, name, b"b");
            message.number32((value == b"true").into());
        }
        [b'\'' | b'"', ..] => {
            property(message, name, b"s");
            let mut rest = value;
            message.text(quoted(&mut rest)?);
            return rest.is_empty().then_some(());
        }
        [b'[', ..] | [b'@', b'a', b's', b' ', ..] => {
            property(message, name, b"as");
            let list = message.open(4);
            let mut rest = value.strip_prefix(b"@as ").unwrap_or(value).trim_ascii().strip_prefix(b"[")?;
            rest = rest.strip_suffix(b"]")?.trim_ascii();
            while !rest.is_empty() {
                message.text(quoted(&mut rest)?);
                rest = rest.trim_ascii();
                if !rest.is_empty() {
                    rest = rest.strip_prefix(b",")?.trim_ascii();
                }
            }
            message.close(list);
        }
        _ => return number(message, name, value),
    }
    Some(())
}

/// A text in quotes, without an escape in it.
fn quoted<'v>(rest: &mut &'v [u8]) -> Option<&'v [u8]> {
    let (quote, text) = rest.split_first()?;
    let len = text.iter().position(|byte| byte == quote)?;
    let (text, behind) = text.split_at_checked(len)?;
    if !matches!(quote, b'\'' | b'"') || text.contains(&b'\\') || text.contains(&0) {
        return None;
    }
    *rest = behind.get(1..)?;
    Some(text)
}

/// Types, with how many bits their numbers have.
const TYPES: [(&[u8], u8, u32, bool); 7] = [
    (b"int32 ", b'i', 32, true),
    (b"uint32 ", b'u', 32, false),
    (b"int64 ", b'x', 64, true),
    (b"uint64 ", b't', 64, false),
    (b"int16 ", b'n', 16, true),
    (b"uint16 ", b'q', 16, false),
    (b"byte ", b'y', 8, false),
];

/// A whole number; of 32 bits where nothing else is said.
fn number(message: &mut Message, name: &[u8], value: &[u8]) -> Option<()> {
    let typed = TYPES.iter().find_map(|known| Some((known, value.strip_prefix(known.0)?)));
    let (&(_, signature, bits, signed), digits) = match typed {
        Some(typed) => typed,
        None => (TYPES.first()?, value),
    };
    let (negative, magnitude) = match digits {
        [b'-', digits @ ..] => (signed, decimal(digits)?),
        digits => (false, decimal(digits)?),
    };
    if digits.first() == Some(&b'-') && !negative {
        return None;
    }
    let most = u64::MAX >> 64u32.wrapping_sub(bits);
    let most = if signed { (most >> 1).wrapping_add(negative.into()) } else { most };
    if magnitude > most {
        return None;
    }
    property(message, name, &[signature]);
    message.number(if negative { magnitude.wrapping_neg() } else { magnitude }, (bits / 8) as usize);
    Some(())
}
