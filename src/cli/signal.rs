//! The names of signals, signal(7).

use crate::text::{decimal, fields};

/// In the order of their numbers: the same on x86_64 and aarch64.
const NAMES: &[u8] =
    b"HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP \
TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS";
/// The least real-time signal that a program gets: the C library keeps two below it, nptl(7).
const RTMIN: u64 = 34;
const RTMAX: u64 = 64;

/// The number of a signal: from 1 to 64, or a name with or without its SIG, or `RTMIN+N` and `RTMAX-N`.
#[inline(never)]
pub(crate) fn number(text: &[u8]) -> Option<u8> {
    let name = text.strip_prefix(b"SIG").unwrap_or(text);
    let n = match name {
        [b'R', b'T', b'M', b'I', b'N'] => RTMIN,
        [b'R', b'T', b'M', b'A', b'X'] => RTMAX,
        [b'R', b'T', b'M', b'I', b'N', b'+', n @ ..] => RTMIN.checked_add(decimal(n)?)?,
        [b'R', b'T', b'M', b'A', b'X', b'-', n @ ..] => RTMAX.checked_sub(decimal(n)?)?,
        _ => match decimal(text) {
            Some(n) => n,
            None => fields(NAMES, b' ').position(|known| known == name)? as u64 + 1,
        },
    };
    (1..=RTMAX).contains(&n).then_some(n as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::Signal;

    #[test]
    fn signals_are_known_by_the_names_that_the_system_gives_them() {
        for signal in Signal::iterator() {
            let name = signal.as_str();
            assert_eq!(number(name.as_bytes()), Some(signal as u8), "{name}");
            assert_eq!(number(&name.as_bytes()[3..]), Some(signal as u8), "{name}");
        }
        for (text, want) in [
            ("1", Some(1)),
            ("64", Some(64)),
            ("RTMIN", Some(34)),
            ("SIGRTMIN+3", Some(37)),
            ("RTMAX", Some(64)),
            ("RTMAX-14", Some(50)),
            ("0", None),
            ("65", None),
            ("RTMIN+31", None),
            ("RTMAX-99", None),
            ("RTMIN+", None),
            ("", None),
            ("SIG", None),
            ("term", None),
            ("TERM ", None),
            ("SIG15", None),
            ("-1", None),
        ] {
            assert_eq!(number(text.as_bytes()), want, "{text:?}");
        }
    }
}
