//! The parts of a text between separators.

/// The parts of `text` between the bytes `by`: at least one, and as many as there are of those and one more.
pub(crate) fn fields(text: &[u8], by: u8) -> Fields<'_> {
    Fields { rest: Some(text), by }
}

/// Part number `n` of these; empty when there are fewer.
#[cfg(any(feature = "jobs", feature = "options"))]
#[inline(never)]
pub(crate) fn field(text: &[u8], by: u8, n: usize) -> &[u8] {
    for (i, part) in fields(text, by).enumerate() {
        if i == n {
            return part;
        }
    }
    &[]
}

/// The part before the first byte `by`; all of it when there is none.
#[cfg(any(feature = "jobs", feature = "options"))]
pub(crate) fn before(text: &[u8], by: u8) -> &[u8] {
    field(text, by, 0)
}

/// The part behind the last byte `by`; all of it when there is none.
#[cfg(any(feature = "boot", feature = "bwrap", feature = "drop-in"))]
pub(crate) fn behind(text: &[u8], by: u8) -> &[u8] {
    let at = text.iter().rposition(|b| *b == by).map_or(0, |at| at.wrapping_add(1));
    text.get(at..).unwrap_or_default()
}

/// See [`fields`]. One copy of it serves all the readers of lists, where a closure would be compiled for each.
pub(crate) struct Fields<'t> {
    rest: Option<&'t [u8]>,
    by: u8,
}

impl<'t> Iterator for Fields<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        let rest = self.rest?;
        let len = rest.iter().position(|b| *b == self.by).unwrap_or(rest.len());
        let (part, rest) = rest.split_at_checked(len)?;
        self.rest = rest.get(1..);
        Some(part)
    }
}
