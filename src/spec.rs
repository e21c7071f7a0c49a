//! What the user asked for, in the user's order: an allegation. Nothing here has been checked but the shape.

#[cfg(feature = "oci")]
pub mod asked;
#[cfg(feature = "boot")]
pub mod boot;
#[cfg(feature = "init")]
pub mod duties;
#[cfg(feature = "options")]
mod given;
#[cfg(feature = "limits")]
pub mod limits;

#[cfg(feature = "options")]
pub use given::{Given, MAX_GIVEN, Words};

use crate::fail::{Fail, Stage, Voice, Why, fail};
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
    /// Which argument ROOTFS is; COMMAND is the next one. (bwrap has no ROOTFS: there it is any word.)
    pub rootfs: usize,
    /// Whether it was asked for in bubblewrap's words, and means what it means there.
    #[cfg(feature = "bwrap")]
    pub bwrap: bool,
    /// Whether it is `vesicle enter`: where ROOTFS would stand, there is PID.
    #[cfg(feature = "enter")]
    pub enter: bool,
    /// Whether it was asked for by a bundle.
    #[cfg(feature = "oci")]
    pub oci: bool,
    /// PID, above 0, and the word that it was.
    #[cfg(feature = "enter")]
    pub target: crate::sys::Pid,
    /// A descriptor of it, pidfd_open(2), from when it was known to be the one that is meant.
    #[cfg(feature = "oci")]
    pub pidfd: Option<crate::sys::Fd>,
    #[allow(missing_docs)]
    #[cfg(feature = "enter")]
    pub word: Option<crate::sys::ZStr<'static>>,
    /// How many of those that were given stand before the last --clearenv of bwrap, where the order counts.
    #[cfg(feature = "bwrap")]
    pub cleared: usize,
}

impl<'w> Spec<'w> {
    /// Nothing asked for yet.
    pub fn new(given: &'w mut Words) -> Self {
        Spec {
            #[cfg(feature = "options")]
            asked: [0; 2],
            given,
            rootfs: 0,
            #[cfg(feature = "bwrap")]
            bwrap: false,
            #[cfg(feature = "enter")]
            enter: false,
            #[cfg(feature = "oci")]
            oci: false,
            #[cfg(feature = "enter")]
            target: crate::sys::Pid(0),
            #[cfg(feature = "oci")]
            pidfd: None,
            #[cfg(feature = "enter")]
            word: None,
            #[cfg(feature = "bwrap")]
            cleared: 0,
        }
    }

    /// Whether it was asked for in bubblewrap's words.
    #[inline(always)]
    pub fn is_bwrap(&self) -> bool {
        #[cfg(feature = "bwrap")]
        return self.bwrap;
        #[cfg(not(feature = "bwrap"))]
        false
    }

    /// Whether it was asked for by a bundle.
    #[inline(always)]
    pub fn is_oci(&self) -> bool {
        #[cfg(feature = "oci")]
        return self.oci || asked::ALONE;
        #[cfg(not(feature = "oci"))]
        false
    }

    /// Whether it is `vesicle enter`.
    #[inline(always)]
    pub fn is_enter(&self) -> bool {
        #[cfg(feature = "enter")]
        return self.enter;
        #[cfg(not(feature = "enter"))]
        false
    }

    /// In whose words failures are told.
    pub fn voice(&self) -> Voice {
        #[cfg(feature = "bwrap")]
        if self.bwrap {
            return if self.has(crate::cli::Opt::LevelPrefix) { Voice::BwrapLevels } else { Voice::Bwrap };
        }
        Voice::Vesicle
    }

    /// There are no options, and so no value that a complaint could be about.
    #[cfg(not(feature = "options"))]
    pub fn value(&self, _: &Fail<'_>) -> Option<ZStr<'static>> {
        None
    }
}
