//! Options from elsewhere than the command line.

use super::descriptor;
use crate::cli::Source;
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::sys::{self, Block};
use crate::z;

/// Options from elsewhere, as words that stand one behind the other.
pub fn load(source: Source) -> Result<Block, Fail<'static>> {
    const LIMIT: usize = 2 << 20;
    match source {
        Source::Fd(number) => match descriptor(number) {
            Some(fd) => sys::read_words(fd, 0, LIMIT).at(Stage::Read, number),
            None => fail(Stage::Option, z!("--args"), Why::Number),
        },
        Source::File(path) => sys::read_file(path, b'\n', LIMIT).at(Stage::Read, path),
    }
}
