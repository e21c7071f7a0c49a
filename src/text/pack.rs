//! Texts as they lie in the program: packed at compile time, in tables without pointers (which would need relocations).
//!
//! Our texts are 7-bit ASCII. A byte from [`PIECE`] on stands for a piece that occurs often; a piece is packed by the
//! same rule, from shorter ones.

use super::Text;

/// The first of the bytes that stand for a piece.
const PIECE: u8 = 0x80;

/// Pieces of text, found by trial: each makes the whole smaller than it is itself.
#[rustfmt::skip]
const ALL: &[&str] = &[
    "\n  -", "   ", "       ", " (", " COMMAND [ARG...]", " TINI_", " [", " [OPTION", " and ", " child with PID # ",
    " for ", " in", " is ", " namespace", " run [OPTION...] ROOTFS COMMAND [ARG...]", " there is a SRC", " to ", "(E",
    ", ", "--", "--unshare-", "...]", "/etc/sub", ": ", ":OUT:COU", "<signum>", "COMMAND", "DE", "D|PATH", "No such ",
    "PID", "Print ", "RC DEST", "ROOTFS", "SIGNAL", "a ", "ad-only", "al", "an", "ap", "ar", "as ", "at", "call",
    "ch", "child", "com", "container", "controlling t", "d ", "descriptor", "devic", "directory", "dumb-init", "e ",
    "ed", "ed ", "eep the caller'", "en", "er", "er ", "es", "exit", "file ", "forward", "from ", "group", "gument",
    "help", "id", "il", "in", "ing ", "ion", "it", "ivileged_user", "join this ", "kernel.", "le", "lock", "make ",
    "map ", "miss", "mo", "must b", "name", "namespac", "ne", "network", "no ", "not ", "o ", "o many ", "of ", "on",
    "option", "or", "or ", "ow", "pro", "process ", "program", "re", "root", "s ", "sage", "se", "signal", "signal ",
    "st", "subreaper", "t ", "th", "the ", "this ", "tim", "to", "to ", "un", "user", "variable", "version",
    "vesicle", "vironmen", "with ", "write ", "xec", "y ",
];

/// The same for the texts of vesicle-oci, among which is much JSON.
#[rustfmt::skip]
const OCI: &[&str] = &[
    " ROOTFS COMMAND [ARG...]", "\",\"", "\",\"/proc", "\",\"source\":\"", "\":", "'s ",
    "(Delegate=yes of systemd)", "(E", ", ", ",\"", ",{\"destination\":\"", "--", "4 bytes at mo", ": ",
    "@cpu.stat ", "CMP_", "COMMAND", "ID", "OPTION.", "SCMP_ACT", "a ", "ad", "addres", "al", "an", "ar",
    "at", "atime ", "bin", "cannot start a container ", "cgroup", "ch", "ck", "contai", "containe", "ct",
    "d ", "dev", "di", "direct", "does not ", "e ", "e that", "e\":\"", "ed", "ed ", "em", "en", "er",
    "ernel.apparmor_restri", "es", "es ", "exec", "fi", "ha", "ic", "id", "ileged_userns", "im", "in", "in ",
    "ion", "is ", "issing: vesicle ", "it", "it ", "kes CAP_SYS_", "la", "le", "le ", "lo", "ma",
    "max@,\"usage\":@memory", "memory", "mo", "nam", "namespac", "namespace of its own", "ne", "no", "no ",
    "no clock below zer", "noexec\",\"no", "not ", "not a ", "o ", "o many ", "of ", "ollowed by --tmp", "on",
    "op", "or", "or ", "ou", "ourc", "ow", "pa", "proc", "proces", "queue\",", "re", "ro", "roo", "s ",
    "set ", "st", "su", "symbolic link", "symfollo", "sys", "t ", "takes CAP_SYS_RESOURCE; ", "th", "the ",
    "the caller'", "this kernel", "tions\":[\"nosuid\",", "to", "typ", "umber", "un", "up", "us", "user",
    "with ", "y ", "{\"", "},\"",
];

/// The pieces of this build. Where there are few texts they don't pay.
const PIECES: &[&str] = if cfg!(all(feature = "oci", not(feature = "help"))) {
    OCI
} else if cfg!(any(feature = "drop-in", feature = "help", feature = "words")) {
    ALL
} else {
    &[]
};

static PACKED_PIECES: [u8; packed_len(PIECES)] = pack(PIECES);

/// Packs texts into one table: each with a NUL behind it.
pub(crate) const fn pack<const N: usize>(texts: &[&str]) -> [u8; N] {
    let mut table = [0; N];
    let (mut i, mut len) = (0, 0);
    while i < texts.len() {
        (i, len) = (i + 1, put(&mut table, len, texts[i].as_bytes()));
    }
    table
}

/// How many bytes [`pack`] needs.
pub(crate) const fn packed_len(texts: &[&str]) -> usize {
    let (mut i, mut len) = (0, 0);
    while i < texts.len() {
        (i, len) = (i + 1, put(&mut [], len, texts[i].as_bytes()));
    }
    len
}

/// Joins words into one table as they are, each with its length before it: what is compared has no pieces, and is passed
/// over in one step.
#[cfg(feature = "options")]
pub(crate) const fn join<const N: usize>(words: &[&str]) -> [u8; N] {
    let mut table = [0; N];
    let (mut i, mut len) = (0, 0);
    while i < words.len() {
        let (word, mut done) = (words[i].as_bytes(), 0);
        (table[len], len) = (word.len() as u8, len + 1);
        while done < word.len() {
            table[len] = word[done];
            (done, len) = (done + 1, len + 1);
        }
        i += 1;
    }
    table
}

/// How many bytes [`join`] needs.
#[cfg(feature = "options")]
pub(crate) const fn joined_len(words: &[&str]) -> usize {
    let (mut i, mut len) = (0, 0);
    while i < words.len() {
        (i, len) = (i + 1, len + words[i].len() + 1);
    }
    len
}

/// Which word of such a table this is.
#[cfg(feature = "options")]
#[inline(never)]
pub(crate) fn place(table: &[u8], word: &[u8]) -> Option<usize> {
    Joined(table).position(|known| known == word)
}

/// The words of such a table.
#[cfg(feature = "options")]
pub(crate) struct Joined<'t>(pub &'t [u8]);

#[cfg(feature = "options")]
impl<'t> Iterator for Joined<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        let (len, rest) = self.0.split_first()?;
        let (word, rest) = rest.split_at_checked(usize::from(*len))?;
        self.0 = rest;
        Some(word)
    }
}

/// Packs one text to `at`, as far as there is room; where the next one begins.
pub(crate) const fn put(table: &mut [u8], mut at: usize, text: &[u8]) -> usize {
    let mut done = 0;
    while done < text.len() {
        let (byte, len) = first(text, done);
        if at < table.len() {
            table[at] = byte;
        }
        (at, done) = (at + 1, done + len);
    }
    at + 1
}

/// What the text from byte `from` on begins with, and how long that is: the longest piece that is shorter than the text,
/// or one byte. A digit that a text begins with stays as it is: it can be read before the text is unpacked.
const fn first(text: &[u8], from: usize) -> (u8, usize) {
    let (mut byte, mut longest) = (text[from], 1);
    assert!(byte < PIECE, "a text has to be ASCII");
    if from == 0 && byte.is_ascii_digit() {
        return (byte, 1);
    }
    let mut i = 0;
    while i < PIECES.len() {
        let piece = PIECES[i].as_bytes();
        // Most fail at once: a matter of compile time.
        if piece[0] == text[from] && piece.len() > longest && piece.len() < text.len() {
            let mut same = 0;
            while same < piece.len() && from + same < text.len() && piece[same] == text[from + same] {
                same += 1;
            }
            if same == piece.len() {
                (byte, longest) = (PIECE + i as u8, same);
            }
        }
        i += 1;
    }
    (byte, longest)
}

impl Text<'_> {
    /// Appends text number `n` of a table; nothing where there is no such text.
    #[inline(never)]
    pub(crate) fn say_nth(&mut self, table: &[u8], n: usize) -> &mut Self {
        // How many texts stand before it; behind it the number has wrapped, and is not 0 again.
        let mut before = n;
        for byte in table {
            if *byte == 0 {
                before = before.wrapping_sub(1);
            } else if before == 0 {
                match byte.checked_sub(PIECE) {
                    Some(piece) if !PIECES.is_empty() => self.say_nth(&PACKED_PIECES, piece.into()),
                    _ => self.put(*byte),
                };
            }
        }
        self
    }

    /// Appends a packed text.
    #[cfg(any(feature = "help", feature = "init", feature = "oci"))]
    pub(crate) fn say(&mut self, packed: &[u8]) -> &mut Self {
        self.say_nth(packed, 0)
    }
}

/// An enum whose variants have texts.
macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($(#[$m:meta])* $variant:ident = $text:literal)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[cfg_attr(test, derive(Debug))]
        #[repr(u8)]
        pub enum $name { $($(#[$m])* #[doc = $text] $variant,)* }

        impl $name {
            /// Appends the text of variant number `n`.
            pub(crate) fn say(n: usize, line: &mut $crate::text::Text<'_>) {
                const ALL: &[&str] = &[$($(#[$m])* $text,)*];
                static PACKED: [u8; $crate::text::packed_len(ALL)] = $crate::text::pack(ALL);
                line.say_nth(&PACKED, n);
            }
        }
    };
}
pub(crate) use texts;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_said_in_full() {
        const TEXTS: &[&str] = &["too many namespaces", "", "exec", "no piece: ~^~", "vesicle help"];
        static PACKED: [u8; packed_len(TEXTS)] = pack(TEXTS);
        for (n, text) in TEXTS.iter().enumerate() {
            assert_eq!(Text::on(&mut [0; 64]).say_nth(&PACKED, n).get(), text.as_bytes());
        }
        for (n, piece) in PIECES.iter().enumerate() {
            assert_eq!(Text::on(&mut [0; 64]).say_nth(&PACKED_PIECES, n).get(), piece.as_bytes());
        }
        assert!(PACKED.len() < TEXTS.concat().len());
        assert_eq!(Text::on(&mut [0; 64]).say_nth(&PACKED, TEXTS.len()).get(), b"");
    }
}
