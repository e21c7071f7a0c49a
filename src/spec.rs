//! What the user asked for, in the user's order: an allegation. Nothing here has been checked but the shape.

use crate::cli::{COUNT, Opt};
use crate::fail::{Fail, Stage, Why};
use crate::sys::ZStr;
use heapless::Vec;

/// How many options that count each time fit.
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
    /// Its value as a number, where it is one: in the unit of its kind.
    pub number: u64,
}

impl Given {
    /// A complaint about this option.
    #[cold]
    pub fn bad(&self, why: Why) -> Misuse {
        // `--uid=x` names its value itself.
        let value = if self.word.has(b'=') { None } else { Some(self.a) };
        Misuse { fail: Fail::new(Stage::Option, self.word, why), value }
    }
}

/// A command line that makes no sense.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub struct Misuse {
    /// What is wrong.
    pub fail: Fail<'static>,
    /// The value of the option that it is about.
    pub value: Option<ZStr<'static>>,
}

impl From<Fail<'static>> for Misuse {
    fn from(fail: Fail<'static>) -> Self {
        Misuse { fail, value: None }
    }
}

impl From<Why> for Misuse {
    /// A reason that names the options itself.
    fn from(why: Why) -> Self {
        Fail::new(Stage::Usage, None, why).into()
    }
}

/// Options with values, as far as there can be much of them: too large for a stack frame.
#[derive(Default)]
pub struct Words {
    /// Those of which the last counts.
    pub once: Vec<Given, COUNT>,
    /// Those that count each time, in the user's order.
    pub many: Vec<Given, MAX_GIVEN>,
}

impl Words {
    /// The last one of this option.
    #[inline(never)]
    pub fn get(&self, opt: Opt) -> Option<&Given> {
        self.once.iter().find(|g| g.opt == opt)
    }

    /// Its value.
    pub fn text(&self, opt: Opt) -> Option<ZStr<'static>> {
        self.get(opt).map(|g| g.a)
    }

    /// Its value as a number.
    pub fn number(&self, opt: Opt) -> Option<u64> {
        self.get(opt).map(|g| g.number)
    }
}

/// The request.
pub struct Spec<'w> {
    /// Switches: one bit an option. The low half toggles namespaces: a bit there is the CLONE_NEW* flag itself.
    pub flags: u64,
    /// Options with values.
    pub words: &'w mut Words,
    /// Which argument ROOTFS is; COMMAND is the next one.
    pub rootfs: usize,
}

impl<'w> Spec<'w> {
    /// Nothing asked for yet.
    pub fn new(words: &'w mut Words) -> Spec<'w> {
        Spec { flags: 0, words, rootfs: 0 }
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
