//! What an init is asked to do, by its own command line or by that of a tool whose place it takes.

/// Whose command line, environment and messages it has.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
#[repr(u8)]
pub enum Tool {
    /// `vesicle init`
    Vesicle,
    /// tini(1), docker-init
    #[cfg(feature = "drop-in")]
    Tini,
    /// dumb-init(1)
    #[cfg(feature = "drop-in")]
    DumbInit,
    /// catatonit
    #[cfg(feature = "drop-in")]
    Catatonit,
}

/// How COMMAND is set apart from its init.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Apart {
    /// Not at all.
    No,
    /// A process group of its own, which gets the foreground of the terminal: job control, credentials(7).
    Group,
    /// A session of its own, which gets the terminal.
    #[cfg(feature = "drop-in")]
    Session,
}

/// What happens to those that outlive COMMAND, where no PID namespace ends with us.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Rest {
    /// Nothing.
    #[cfg(feature = "drop-in")]
    Stays,
    /// Its process group gets TERM.
    #[cfg(feature = "drop-in")]
    Group,
    /// All that descend from us get TERM.
    All,
}

/// How much is said: a message has one of these, and is said when no less is asked for.
#[allow(missing_docs)]
pub mod level {
    pub const NOTHING: u8 = 0;
    pub const FATAL: u8 = 1;
    pub const WARN: u8 = 2;
    pub const INFO: u8 = 3;
    pub const DEBUG: u8 = 4;
}

/// The request. What the fields of one init differ in from another's is all that is different between them.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub struct Duties {
    #[allow(missing_docs)]
    pub tool: Tool,
    /// See [`level`].
    pub verbosity: u8,
    /// Whether it says what it reaped.
    pub tells_reaped: bool,
    /// Whether it becomes a subreaper, prctl(2), whatever its process id is.
    pub subreaper: bool,
    /// Whether it becomes one when it is not process 1.
    pub adopts: bool,
    /// The signal that it gets when its parent dies; 0 for none.
    pub parent_death: u8,
    #[allow(missing_docs)]
    pub apart: Apart,
    /// Whether signals go to the process group of COMMAND.
    pub group: bool,
    /// Whether it stops itself, by STOP, after it has forwarded a TSTP, TTIN or TTOU.
    pub suspends: bool,
    #[allow(missing_docs)]
    pub rest: Rest,
    /// What each signal, by its number, is forwarded as; 0 for not at all.
    pub forwarded_as: [u8; 65],
    /// The exit codes of COMMAND that count as success: bit `code & 63` of word `code >> 6`.
    pub success: [u64; 4],
    /// How long after a TERM there is a KILL, in nanoseconds.
    pub grace: Option<u64>,
    /// Whether it stays until every process is gone.
    pub wait_all: bool,
    /// Whether there is no COMMAND: it waits for TERM or INT.
    pub pause: bool,
    /// Which argument COMMAND is.
    pub command: usize,
}

impl Duties {
    /// Those of an init that was told nothing: of `vesicle run --init`.
    pub fn new(tool: Tool) -> Duties {
        let mut forwarded_as = [0; 65];
        for (signal, slot) in forwarded_as.iter_mut().enumerate() {
            *slot = signal as u8;
        }
        Duties {
            tool,
            verbosity: level::WARN,
            tells_reaped: false,
            subreaper: false,
            adopts: true,
            parent_death: 0,
            apart: Apart::No,
            group: false,
            suspends: false,
            rest: Rest::All,
            forwarded_as,
            success: [0; 4],
            grace: None,
            wait_all: false,
            pause: false,
            command: 0,
        }
    }

    /// What `signal` is forwarded as.
    pub fn forwards(&self, signal: u8) -> u8 {
        self.forwarded_as.get(usize::from(signal)).map_or(signal, |to| *to)
    }

    /// It forwards `from` as `to`.
    pub fn rewrite(&mut self, from: u8, to: u8) {
        if let Some(slot) = self.forwarded_as.get_mut(usize::from(from)) {
            *slot = to;
        }
    }

    /// `code` counts as success.
    pub fn succeeds(&mut self, code: u8) {
        if let Some(word) = self.success.get_mut(usize::from(code >> 6)) {
            *word |= 1 << (code & 63);
        }
    }

    /// The exit code that stands for COMMAND's.
    pub fn code(&self, code: u8) -> u8 {
        let success = self.success.get(usize::from(code >> 6)).is_some_and(|w| w >> (code & 63) & 1 != 0);
        if success { 0 } else { code }
    }
}
