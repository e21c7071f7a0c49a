//! Values of the kind that somebody expects.

use super::{Bad, Reader, Value};
use crate::sys::ZStr;

impl Reader {
    /// The next value as a text.
    pub fn text(&mut self) -> Result<ZStr<'static>, Bad> {
        match self.value()? {
            Value::Text(text) => Ok(text),
            _ => Err(Bad::Text),
        }
    }

    /// The next value as a number that is not negative: digits alone.
    pub fn number(&mut self) -> Result<u64, Bad> {
        let (negative, number) = self.magnitude()?;
        if negative { Err(Bad::Range) } else { Ok(number) }
    }

    /// The same of 32 bits.
    pub fn number32(&mut self) -> Result<u32, Bad> {
        u32::try_from(self.number()?).map_err(|_| Bad::Range)
    }

    /// The next value as a whole number: digits alone, and a sign.
    pub fn integer(&mut self) -> Result<i64, Bad> {
        let (negative, number) = self.magnitude()?;
        if negative { 0i64.checked_sub_unsigned(number) } else { number.try_into().ok() }.ok_or(Bad::Range)
    }

    /// The next value as true or false.
    pub fn boolean(&mut self) -> Result<bool, Bad> {
        match self.value()? {
            Value::Bool(bool) => Ok(bool),
            _ => Err(Bad::Bool),
        }
    }

    /// Enters the next value, an object: [`Reader::key`] until there is none.
    pub fn object(&mut self) -> Result<(), Bad> {
        match self.value()? {
            Value::Object => Ok(()),
            _ => Err(Bad::Object),
        }
    }

    /// Enters the next value, an array: [`Reader::item`] until there is none.
    pub fn array(&mut self) -> Result<(), Bad> {
        match self.value()? {
            Value::Array => Ok(()),
            _ => Err(Bad::Array),
        }
    }

    /// The next value as a sign and digits.
    #[inline(never)]
    fn magnitude(&mut self) -> Result<(bool, u64), Bad> {
        let Value::Number(text) = self.value()? else { return Err(Bad::Integer) };
        let negative = text.first() == b'-';
        let mut number = 0u64;
        for byte in text.skip(negative.into()).bytes() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return Err(Bad::Integer);
            }
            let more = number.checked_mul(10).and_then(|n| n.checked_add(digit.into()));
            number = more.ok_or(Bad::Range)?;
        }
        Ok((negative, number))
    }
}
