//! The options that were given, and their values.

use super::Spec;
use crate::cli::{COUNT, Opt};
use crate::fail::{Fail, Stage, Why, fail};
#[cfg(any(feature = "fs", feature = "process", feature = "report", feature = "timings"))]
use crate::sys::Fd;
use crate::sys::{LongList, ZStr};

/// How many options with values fit.
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
    /// The descriptor that its value is: one that the caller passed on.
    #[cfg(any(feature = "fs", feature = "process", feature = "report", feature = "timings"))]
    pub fn fd(&self) -> Fd {
        Fd::inherited(self.number as u32)
    }

    /// A complaint about this option.
    #[cold]
    pub fn bad<T>(&self, why: Why) -> Result<T, Fail<'static>> {
        fail(Stage::Option, self.word, why)
    }
}

/// Options with values.
pub type Words = LongList<Given, MAX_GIVEN>;

const _: () = assert!(COUNT <= 128, "as many as Spec::asked has bits");

impl Spec<'_> {
    /// Notes that an option was given.
    pub fn ask(&mut self, opt: Opt) {
        let (word, bit) = opt.place();
        if let Some(word) = self.asked.get_mut(word) {
            *word |= bit;
        }
    }

    /// Takes it back.
    #[cfg(any(feature = "bwrap", feature = "oci"))]
    pub fn unask(&mut self, opt: Opt) {
        let (word, bit) = opt.place();
        if let Some(word) = self.asked.get_mut(word) {
            *word &= !bit;
        }
    }

    /// Whether it was.
    pub fn has(&self, opt: Opt) -> bool {
        #[cfg(all(feature = "oci", not(feature = "help")))]
        if !super::asked::asks_for(opt) {
            return false;
        }
        let (word, bit) = opt.place();
        self.asked.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Whether it names a filter of system calls that shall be loaded: of bwrap's --seccomp the last one.
    #[cfg(feature = "seccomp")]
    pub fn is_filter(&self, given: &Given) -> bool {
        #[cfg(feature = "bwrap")]
        if self.bwrap {
            return given.opt == Opt::AddSeccomp
                || given.opt == Opt::Seccomp
                    && self.get(given.opt).is_some_and(|last| core::ptr::eq(last, given));
        }
        given.opt == Opt::Seccomp
    }

    /// Whether it names a cgroup: one to mount it on begins with a `/`.
    #[cfg(feature = "cgroup")]
    pub fn is_cgroup(&self, given: &Given) -> bool {
        given.opt == Opt::Cgroup && given.a.first() != b'/'
    }

    /// The cgroup that was named, the last one.
    #[cfg(feature = "cgroup")]
    pub fn cgroup(&self) -> Option<ZStr<'static>> {
        self.given.iter().rfind(|given| self.is_cgroup(given)).map(|given| given.a)
    }

    /// The last one of this option, with its value: where there is no command line there is none but of what bundles ask for.
    #[cfg(all(feature = "oci", not(feature = "help")))]
    #[inline(always)]
    pub fn get(&self, opt: Opt) -> Option<&Given> {
        if super::asked::asks_for(opt) { self.last(opt) } else { None }
    }

    #[cfg(all(feature = "oci", not(feature = "help")))]
    #[inline(never)]
    fn last(&self, opt: Opt) -> Option<&Given> {
        self.given.iter().rfind(|g| g.opt == opt)
    }

    /// The last one of this option, with its value.
    #[cfg(not(all(feature = "oci", not(feature = "help"))))]
    #[inline(never)]
    pub fn get(&self, opt: Opt) -> Option<&Given> {
        self.given.iter().rfind(|g| g.opt == opt)
    }

    /// Its value.
    pub fn text(&self, opt: Opt) -> Option<ZStr<'static>> {
        self.get(opt).map(|g| g.a)
    }

    /// Its value as a number.
    pub fn number(&self, opt: Opt) -> Option<u64> {
        self.get(opt).map(|g| g.number)
    }

    /// The value of the option that a complaint is about, unless its word says it already, as `--uid=x` does.
    pub fn value(&self, complaint: &Fail<'_>) -> Option<ZStr<'static>> {
        let word = complaint.subject.filter(|word| !word.has(b'='))?;
        self.given.iter().find(|g| g.word.as_ptr() == word.as_ptr()).map(|g| g.a)
    }
}
