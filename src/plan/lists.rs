//! What a plan has many of.

#[cfg(feature = "oci")]
use super::Bundle;
#[cfg(feature = "users")]
use super::List;
#[cfg(feature = "env")]
use super::MAX_ENV;
#[cfg(feature = "fs")]
use super::Operation;
#[cfg(any(feature = "env", feature = "fs", feature = "seccomp"))]
use crate::sys::LongList;
use crate::sys::{Stack, Strings, ZStr};

/// Lists, most of which are empty in most launches.
#[derive(Default)]
pub struct Lists {
    /// Filesystem operations, in the order given.
    #[cfg(feature = "fs")]
    pub operations: LongList<Operation, { crate::spec::MAX_GIVEN }>,
    /// The environment when it is not the caller's: its words, `None` behind the last.
    #[cfg(feature = "env")]
    pub env: LongList<Option<ZStr<'static>>, { MAX_ENV + 1 }>,
    /// The filters that --seccomp names, once they were read.
    #[cfg(feature = "seccomp")]
    pub programs: LongList<&'static [u64], { crate::spec::MAX_GIVEN }>,
    /// The supplementary groups of COMMAND.
    #[cfg(feature = "enter")]
    pub groups: LongList<u32, 65536>,
    /// Id maps: users, groups.
    #[cfg(feature = "users")]
    pub maps: [List; 2],
    /// What no option says.
    #[cfg(feature = "oci")]
    pub bundle: Bundle,
}

impl Lists {
    /// COMMAND.
    #[inline(always)]
    pub fn command(&self, caller: Stack, at: usize) -> Option<ZStr<'static>> {
        #[cfg(feature = "oci")]
        if let Some(command) = self.bundle.args.first() {
            return *command;
        }
        caller.argv_from(at).first()
    }

    /// COMMAND with its arguments, for execve(2): those of `caller` from the word `at` on.
    #[inline(always)]
    pub fn argv(&self, caller: Stack, at: usize) -> Strings<'_> {
        #[cfg(feature = "oci")]
        if let Some(args) = Strings::of(&self.bundle.args) {
            return args;
        }
        caller.argv_from(at)
    }

    /// The environment of COMMAND, for execve(2).
    pub fn env(&self, caller: Stack) -> Strings<'_> {
        #[cfg(feature = "env")]
        if let Some(changed) = Strings::of(&self.env) {
            return changed;
        }
        caller.envp()
    }
}
