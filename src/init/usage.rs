//! What an init says instead of running COMMAND: how it is used, its version, what is wrong with its options.

#[cfg(feature = "drop-in")]
mod drop_in;

use crate::cli::init::Instead;
use crate::fail::{Fail, Stage, Why};
use crate::spec::duties::Tool;
use crate::status;
use crate::sys::{Stack, ZStr};

/// Says it, and gives the exit code.
#[cold]
pub(super) fn tell(tool: Tool, stack: Stack, instead: Instead) -> u8 {
    let _ = stack;
    match tool {
        Tool::Vesicle => vesicle(instead),
        #[cfg(feature = "drop-in")]
        _ => drop_in::tell(tool, stack.arg(0).map_or(b"", ZStr::bytes), instead),
    }
}

fn vesicle(instead: Instead) -> u8 {
    let mut room = [b'-', 0, 0];
    let mut letter = |letter: u8| {
        let [_, place, _] = &mut room;
        *place = letter;
    };
    let (value, why) = match instead {
        #[cfg(feature = "help")]
        Instead::Help => {
            return match crate::launch::print(HELP) {
                Ok(()) => 0,
                Err(fail) => fail.report(),
            };
        }
        Instead::Name(word) => return Fail::new(Stage::Option, word, Why::Unknown).report(),
        Instead::NoCommand => return Fail::new(Stage::Usage, None, Why::NoInitCommand).report(),
        Instead::NoValue(option) => {
            letter(option);
            (None, Why::NoValue)
        }
        Instead::Value(option, value) => {
            letter(option);
            let why = match option {
                b'p' => Why::Signal,
                b'e' => Why::Code,
                b'r' => Why::Rewrite,
                _ => Why::Number,
            };
            (Some(value), why)
        }
        Instead::Letter(option) => {
            letter(option);
            (None, Why::Unknown)
        }
        // It has no such options.
        _ => return status::OWN,
    };
    Fail::new(Stage::Option, ZStr::until_nul(&room), why).report_with(value)
}

/// `vesicle init --help`.
#[cfg(feature = "help")]
pub const HELP: &[u8] = b"usage: vesicle init [OPTION...] [--] COMMAND [ARG...]

  -s          become a subreaper, as process 1 too
  -p SIGNAL   send me SIGNAL when my parent dies
  -g          forward signals to COMMAND's process group
  -e CODE     exit code CODE counts as 0 (repeatable)
  -r FROM:TO  forward signal FROM as TO; 0: not at all (repeatable)
  -w          say what was reaped
  -v          say more
  -q          say nothing
  -k SECONDS  KILL so long after a TERM
  -a          stay until every process is gone
  -P          pause: no COMMAND, wait for TERM or INT

SIGNAL is a number or a name. Called as tini, docker-init, dumb-init or catatonit it has their options.
";
