//! What the user asked for, in the user's order: an allegation. Nothing here has been checked but the shape.

#[cfg(feature = "boot")]
pub mod boot;
#[cfg(feature = "init")]
pub mod duties;
#[cfg(feature = "options")]
mod given;

#[cfg(feature = "options")]
pub use given::{Given, MAX_GIVEN, Words};

use crate::fail::{Fail, Stage, Why, fail};
#[cfg(not(feature = "options"))]
use crate::sys::ZStr;

/// A complaint that names the options itself.
#[cold]
pub fn misuse<T>(why: Why) -> Result<T, Fail<'static>> {
    fail(Stage::Usage, None, why)
}

/// Options with values: there are none.
#[cfg(not(feature = "options"))]
pub type Words = ();

/// The request.
pub struct Spec<'w> {
    /// Which options were given: a bit each.
    #[cfg(feature = "options")]
    asked: [u64; 2],
    /// Those with values, in the user's order. Of most the last one counts, of some each.
    pub given: &'w mut Words,
    /// Which argument ROOTFS is; COMMAND is the next one.
    pub rootfs: usize,
}

impl<'w> Spec<'w> {
    /// Nothing asked for yet.
    pub fn new(given: &'w mut Words) -> Self {
        Spec {
            #[cfg(feature = "options")]
            asked: [0; 2],
            given,
            rootfs: 0,
        }
    }

    /// There are no options, and so no value that a complaint could be about.
    #[cfg(not(feature = "options"))]
    pub fn value(&self, _: &Fail<'_>) -> Option<ZStr<'static>> {
        None
    }
}
