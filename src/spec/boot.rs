//! What `vesicle boot` is asked to do, by the kernel's command line, a file and its own words.

use crate::sys::ZStr;
use crate::text::field;
use heapless::Vec;

/// How many words COMMAND can have: the kernel itself hands on 32, CONFIG_INIT_ENV_ARG_LIMIT.
pub const MAX_WORDS: usize = 128;

/// COMMAND and its ARGs, with the null that closes them for execve(2).
pub type Command = Vec<Option<ZStr<'static>>, { MAX_WORDS + 1 }>;

/// What is done at the end of COMMAND.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
#[repr(u8)]
pub enum OnExit {
    /// The machine is switched off.
    PowerOff,
    /// It starts anew.
    Reboot,
    /// It stands still.
    Halt,
    /// COMMAND is started again.
    Respawn,
    /// Process 1 ends, of which the kernel panics.
    Panic,
}

impl OnExit {
    /// All of them.
    pub const ALL: [OnExit; 5] =
        [OnExit::PowerOff, OnExit::Reboot, OnExit::Halt, OnExit::Respawn, OnExit::Panic];
    /// Their names, as options have them and messages say them.
    pub const NAMES: &'static [u8] = b"poweroff reboot halt respawn panic";

    /// Its name.
    pub fn name(self) -> &'static [u8] {
        field(OnExit::NAMES, b' ', self as usize)
    }
}

/// The request.
pub struct Boot {
    /// The root to switch to.
    pub root: Option<ZStr<'static>>,
    /// Its file system, where it is told.
    pub root_type: Option<ZStr<'static>>,
    /// Its mount options.
    pub root_flags: Option<ZStr<'static>>,
    /// How long its device is waited for, in nanoseconds.
    pub root_wait: u64,
    #[allow(missing_docs)]
    pub on_exit: OnExit,
    /// How long after the TERM at the end there is a KILL, in nanoseconds.
    pub grace: u64,
    /// Whether there is a shell when booting fails.
    pub rescue: bool,
    /// COMMAND; empty when none was given.
    pub command: Command,
    /// The value of the option that was read last: a complaint is about it.
    pub value: Option<ZStr<'static>>,
}

impl Default for Boot {
    /// Nothing asked for yet.
    fn default() -> Boot {
        Boot {
            root: None,
            root_type: None,
            root_flags: None,
            root_wait: 10_000_000_000,
            on_exit: OnExit::PowerOff,
            grace: 5_000_000_000,
            rescue: false,
            command: Command::new(),
            value: None,
        }
    }
}
