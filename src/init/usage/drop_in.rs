//! What the tools whose place we take say of themselves, word for word where somebody may match on it: of tini 0.19.0,
//! dumb-init 1.2.5 and catatonit 0.1.7.

use super::super::say::{Event, say};
use crate::cli::init::Instead;
use crate::spec::duties::{Duties, Tool};
use crate::sys::{self, Fd};
use crate::text::{Text, before, texts};

texts! {
    /// The texts.
    Said {
        HelpTini = "tini (tini version 0.19.0 - git.vesicle)\nUsage: tini [OPTIONS] PROGRAM -- [ARGS] | --version\n\nExecute a program under the supervision of a valid init process (tini)\n\nCommand line options:\n\n  --version: Show version and exit.\n  -h: Show this help message and exit.\n  -s: Register as a process subreaper (requires Linux >= 3.4).\n  -p SIGNAL: Trigger SIGNAL when parent dies, e.g. \"-p SIGKILL\".\n  -v: Generate more verbose output. Repeat up to 3 times.\n  -w: Print a warning when processes are getting reaped.\n  -g: Send signals to the child's process group.\n  -e EXIT_CODE: Remap EXIT_CODE (from 0 to 255) to 0.\n  -l: Show license and exit.\n\nEnvironment variables:\n\n  TINI_SUBREAPER: Register as a process subreaper (requires Linux >= 3.4).\n  TINI_VERBOSITY: Set the verbosity level (default: 1).\n  TINI_KILL_PROCESS_GROUP: Send signals to the child's process group.\n\n"
        VersionTini = "tini version 0.19.0 - git.vesicle\n"
        HelpDumbInit = "dumb-init v1.2.5\nUsage: dumb-init [option] command [[arg] ...]\n\ndumb-init is a simple process supervisor that forwards signals to children.\nIt is designed to run as PID1 in minimal container environments.\n\nOptional arguments:\n   -c, --single-child   Run in single-child mode.\n                        In this mode, signals are only proxied to the\n                        direct child and not any of its descendants.\n   -r, --rewrite s:r    Rewrite received signal s to new signal r before proxying.\n                        To ignore (not proxy) a signal, rewrite it to 0.\n                        This option can be specified multiple times.\n   -v, --verbose        Print debugging information to stderr.\n   -h, --help           Print this help message and exit.\n   -V, --version        Print the current version and exit.\n\nFull help is available online at https://github.com/Yelp/dumb-init\n"
        VersionDumbInit = "dumb-init v1.2.5\n"
        HelpCatatonit = "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n\noptions:\n  -g              Forward signals to pid1's process group.\n  -h              Print this help page.\n  -L              Print license information.\n  -P              Run in pause mode (no program is run and quit on SIGINT).\n  -V, --version   Print version information.\n"
        VersionCatatonit = "tini version 0.1.7_catatonit\n"
        MissingCatatonit = "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n"
        MissingDumbInit = "Usage: dumb-init [option] program [args]\nTry dumb-init --help for full usage.\n"
        BadRewrite = "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\nThis option can be specified multiple times.\nUse --help for full usage.\n"
        Licence = "vesicle (https://docs.rs/vesicle), in the place of this tool: MIT OR Apache-2.0\n"
    }
}

/// Says it as `tool` does, which was called by the name `called`; the exit code.
pub(super) fn tell(tool: Tool, called: &[u8], instead: Instead) -> u8 {
    let (help, version, missing) = match tool {
        Tool::DumbInit => (Said::HelpDumbInit, Said::VersionDumbInit, Said::MissingDumbInit),
        Tool::Catatonit => (Said::HelpCatatonit, Said::VersionCatatonit, Said::MissingCatatonit),
        _ => (Said::HelpTini, Said::VersionTini, Said::HelpTini),
    };
    let mut room = [0; 2048];
    let mut text = Text::on(&mut room);
    // What getopt(3) says; the usage text follows, but for dumb-init.
    let mut wrong = |before: &[u8], word: &[u8], behind: &[u8]| {
        text.push(called).push(b": ").push(before).push(b" '").push(word).put(b'\'').push(behind).put(b'\n');
        (tool != Tool::DumbInit).then_some(missing)
    };
    let (said, to, code) = match instead {
        Instead::Help => (Some(help), if tool == Tool::Tini { Fd::STDOUT } else { Fd::STDERR }, 0),
        Instead::Version => (Some(version), if tool == Tool::DumbInit { Fd::STDERR } else { Fd::STDOUT }, 0),
        Instead::Licence => (Some(Said::Licence), Fd::STDOUT, 0),
        Instead::Letter(letter) => (wrong(b"invalid option --", &[letter], b""), Fd::STDERR, 1),
        Instead::Name(word) => (wrong(b"unrecognized option", word.bytes(), b""), Fd::STDERR, 1),
        Instead::NoValue(letter) => (wrong(b"option requires an argument --", &[letter], b""), Fd::STDERR, 1),
        Instead::NamedNoValue(word) => {
            (wrong(b"option", word.bytes(), b" requires an argument"), Fd::STDERR, 1)
        }
        Instead::TakesNone(word) => {
            let name = before(word.bytes(), b'=');
            (wrong(b"option", name, b" doesn't allow an argument"), Fd::STDERR, 1)
        }
        Instead::Value(b'r', _) => (Some(Said::BadRewrite), Fd::STDERR, 1),
        Instead::Value(letter, value) => {
            let event = if letter == b'p' { Event::NoSignal } else { Event::NoCode };
            say(&Duties::new(tool), event, 0, 0, value.bytes());
            (None, Fd::STDERR, 1)
        }
        // Of vesicle alone.
        Instead::Command(_) => (None, Fd::STDERR, 1),
        Instead::NoCommand => {
            say(&Duties::new(tool), Event::NoCommand, 0, 0, b"");
            (Some(missing), Fd::STDERR, 1)
        }
    };
    if let Some(said) = said {
        Said::say(said as usize, &mut text);
    }
    let _ = sys::write(to, text.get());
    code
}
