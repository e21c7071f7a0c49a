//! What an init says instead of running COMMAND: how it is used, its version, what is wrong with its options.

#[cfg(feature = "drop-in")]
mod drop_in;

use crate::cli::init::Instead;
use crate::fail::{Fail, Stage, Voice, Why};
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
    let about = |stage, word, why| Fail::new(stage, word, why).report();
    let (option, value, why) = match instead {
        #[cfg(feature = "help")]
        Instead::Help => {
            return match crate::launch::help(crate::cli::Help::Init) {
                Ok(()) => 0,
                Err(fail) => fail.report(),
            };
        }
        Instead::Name(word) => return about(Stage::Option, Some(word), Why::Unknown),
        Instead::TakesNone(word) => return about(Stage::Option, Some(word), Why::TakesNone),
        Instead::Command(word) => return about(Stage::Argument, Some(word), Why::Pause),
        Instead::NoCommand => return about(Stage::Usage, None, Why::NoInitCommand),
        Instead::Letter(option) => (option, None, Why::Unknown),
        Instead::NoValue(option) => (option, None, Why::NoValue),
        Instead::Value(option @ b'p', value) => (option, Some(value), Why::Signal),
        Instead::Value(option @ b'e', value) => (option, Some(value), Why::Code),
        Instead::Value(option @ b'r', value) => (option, Some(value), Why::Rewrite),
        Instead::Value(option, value) => (option, Some(value), Why::Number),
        // It has no such options.
        _ => return status::OWN,
    };
    Fail::new(Stage::Option, ZStr::until_nul(&[b'-', option, 0]), why).report_with(value, Voice::Vesicle)
}
