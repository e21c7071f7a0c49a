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
            return match crate::launch::help(crate::cli::Help::Init) {
                Ok(()) => 0,
                Err(fail) => fail.report(),
            };
        }
        Instead::Name(word) => return Fail::new(Stage::Option, word, Why::Unknown).report(),
        Instead::TakesNone(word) => return Fail::new(Stage::Option, word, Why::TakesNone).report(),
        Instead::Command(word) => return Fail::new(Stage::Argument, word, Why::Pause).report(),
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
