//! A match on words that costs a byte a letter: the compiler compares a byte string letter by letter, in ten bytes each.

use crate::text::place as place_of;

/// Where a word stands in a table of them; the largest number where it doesn't.
pub(super) fn find(table: &[u8], word: &[u8]) -> usize {
    place_of(table, word).unwrap_or(usize::MAX)
}

/// Joins words into such a table, each with its length before it.
pub(super) const fn join<const N: usize>(words: &[&[u8]]) -> [u8; N] {
    let mut table = [0; N];
    let (mut i, mut len) = (0, 0);
    while i < words.len() {
        let mut done = 0;
        (table[len], len) = (words[i].len() as u8, len + 1);
        while done < words[i].len() {
            table[len] = words[i][done];
            (done, len) = (done + 1, len + 1);
        }
        i += 1;
    }
    table
}

/// How many bytes [`join`] needs.
pub(super) const fn joined_len(words: &[&[u8]]) -> usize {
    let (mut i, mut len) = (0, 0);
    while i < words.len() {
        (i, len) = (i + 1, len + words[i].len() + 1);
    }
    len
}

/// What [`find`] says of a word that is there, once.
pub(super) const fn place(words: &[&[u8]], word: &[u8]) -> usize {
    let (mut i, mut found) = (0, usize::MAX);
    while i < words.len() {
        let (mut same, mut at) = (words[i].len() == word.len(), 0);
        while same && at < word.len() {
            (same, at) = (words[i][at] == word[at], at + 1);
        }
        if same {
            assert!(found == usize::MAX, "a word stands twice");
            found = i;
        }
        i += 1;
    }
    found
}

/// `match` as the language has it, of a name's bytes with byte strings and a rest.
macro_rules! known {
    (match $word:ident { $($arms:tt)* }) => { $crate::oci::known::known!(@ ($word) [] [] $($arms)*) };
    (match $word:ident.bytes() { $($arms:tt)* }) => {
        $crate::oci::known::known!(@ ($word.bytes()) [] [] $($arms)*)
    };
    // All arms are read.
    (@ ($word:expr) [$($all:literal)*] [$($name:literal ($($names:literal)*) ($($guard:expr)?) $body:expr;)*] _ => $rest:expr $(,)?) => {{
        const NAMES: &[&[u8]] = &[$($all),*];
        static JOINED: [u8; $crate::oci::known::joined_len(NAMES)] = $crate::oci::known::join(NAMES);
        let place = $crate::oci::known::find(&JOINED, $word);
        $(if (place == const { $crate::oci::known::place(NAMES, $name) }
            $(|| place == const { $crate::oci::known::place(NAMES, $names) })*) $(&& $guard)? {
            $body
        } else)* {
            $rest
        }
    }};
    // One more, with braces or with a comma.
    (@ $word:tt [$($all:tt)*] [$($done:tt)*] $name:literal $(| $names:literal)* $(if $guard:expr)? => $body:block $($more:tt)*) => {
        $crate::oci::known::known!(@ $word [$($all)* $name $($names)*] [$($done)* $name ($($names)*) ($($guard)?) $body;] $($more)*)
    };
    (@ $word:tt [$($all:tt)*] [$($done:tt)*] $name:literal $(| $names:literal)* $(if $guard:expr)? => $body:expr, $($more:tt)*) => {
        $crate::oci::known::known!(@ $word [$($all)* $name $($names)*] [$($done)* $name ($($names)*) ($($guard)?) $body;] $($more)*)
    };
}
pub(super) use known;

/// Names as such a table, for [`find`].
macro_rules! names {
    ($($name:literal),*) => {{
        const NAMES: &[&[u8]] = &[$($name),*];
        static JOINED: [u8; $crate::oci::known::joined_len(NAMES)] = $crate::oci::known::join(NAMES);
        &JOINED
    }};
}
pub(super) use names;

#[cfg(test)]
mod tests {
    #[test]
    fn a_match_on_words_is_that_of_the_language() {
        let ours = |word: &[u8], whole: bool| {
            known!(match word {
                b"a" | b"abc" => 1,
                b"process" if whole => 2,
                b"b" => {
                    3
                }
                _ => 4,
            })
        };
        for (word, whole, want) in [
            ("a", false, 1),
            ("abc", false, 1),
            ("process", true, 2),
            ("process", false, 4),
            ("b", false, 3),
            ("", false, 4),
            ("ab", false, 4),
            ("abcd", false, 4),
        ] {
            assert_eq!(ours(word.as_bytes(), whole), want, "{word}");
        }
    }
}
