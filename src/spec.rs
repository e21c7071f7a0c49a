//! What the user asked for, in the user's order: an allegation. Nothing here has been checked but the shape.

use crate::cli::Opt;
use crate::fail::{Fail, Stage, Why};
use crate::sys::ZStr;
use heapless::Vec;

/// How many options with a value fit.
pub const MAX_GIVEN: usize = 2048;

/// An option with its values, as it was given.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub struct Given {
    /// Which.
    pub opt: Opt,
    /// The word that named it, for messages.
    pub word: ZStr<'static>,
    /// Its value; for an option with two, the first.
    pub a: ZStr<'static>,
    /// The second value, or the first again.
    pub b: ZStr<'static>,
}

impl Given {
    /// A complaint about this option.
    pub fn bad(&self, why: Why) -> Misuse<'_> {
        Misuse { option: Some(self), why }
    }
}

/// An option, or options together, that make no sense.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub struct Misuse<'s> {
    /// Which; none where the reason names them.
    pub option: Option<&'s Given>,
    /// What is wrong.
    pub why: Why,
}

impl Misuse<'_> {
    /// Says it on stderr, with the option's value, and gives the exit code.
    pub fn report(&self) -> u8 {
        let reason = self.why.into();
        let Some(given) = self.option else {
            return Fail { stage: Stage::Usage, subject: None, reason }.report();
        };
        // `--uid=x` names its value itself.
        let value = if given.word.bytes().iter().any(|b| *b == b'=') { None } else { Some(given.a) };
        Fail { stage: Stage::Option, subject: Some(given.word), reason }.report_with(value)
    }
}

impl From<Why> for Misuse<'_> {
    fn from(why: Why) -> Self {
        Misuse { option: None, why }
    }
}

/// The request.
pub struct Spec<'w> {
    /// Switches: one bit an option. The low half toggles namespaces: a bit there is the CLONE_NEW* flag itself.
    pub flags: u64,
    /// Options with values.
    pub given: &'w mut List,
    /// Which argument ROOTFS is; COMMAND is the next one.
    pub rootfs: usize,
}

/// Options with values, in the user's order.
pub type List = Vec<Given, MAX_GIVEN>;

impl<'w> Spec<'w> {
    /// Nothing asked for yet.
    pub fn new(given: &'w mut List) -> Spec<'w> {
        Spec { flags: 0, given, rootfs: 0 }
    }

    /// Whether a switch was given.
    pub fn has(&self, bit: u8) -> bool {
        self.flags >> bit & 1 != 0
    }
}

/// The bits of [`Spec::flags`]; 0 to 31 are clone(2)'s.
pub mod bit {
    /// Toggles CLONE_NEWTIME, clone(2); and so on.
    pub const TIME: u8 = 7;
    #[allow(missing_docs)]
    pub const CGROUP: u8 = 25;
    #[allow(missing_docs)]
    pub const UTS: u8 = 26;
    #[allow(missing_docs)]
    pub const IPC: u8 = 27;
    #[allow(missing_docs)]
    pub const USER: u8 = 28;
    #[allow(missing_docs)]
    pub const PID: u8 = 29;
    #[allow(missing_docs)]
    pub const NET: u8 = 30;
    /// `--chroot`
    pub const CHROOT: u8 = 32;
    /// `--read-only`
    pub const READ_ONLY: u8 = 33;
    /// `--no-proc`
    pub const NO_PROC: u8 = 34;
    /// `--init`
    pub const INIT: u8 = 35;
    /// `--wait-all`
    pub const WAIT_ALL: u8 = 36;
    /// `--new-session`
    pub const NEW_SESSION: u8 = 37;
    /// `--die-with-parent`
    pub const DIE_WITH_PARENT: u8 = 38;
    /// `--allow-new-privs`
    pub const ALLOW_NEW_PRIVS: u8 = 39;
    /// `--clearenv`
    pub const CLEARENV: u8 = 40;
}
