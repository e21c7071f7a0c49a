//! What went wrong: stage, subject, reason, and what to do; one line, one writev.

use crate::status;
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::{Text, texts};
use core::num::NonZeroU32;

texts! {
    /// What vesicle was doing.
    Stage {
        Memory = "reserve memory"
        Option = "option"
        Argument = "argument"
        Usage = "usage"
        Read = "read"
        Join = "join namespace"
        Clone = "clone"
        Signals = "block signals"
        Parent = "die with parent"
        Session = "new session"
        IdMap = "write id map"
        Handshake = "wait for the launcher"
        HostName = "set host name"
        DomainName = "set domain name"
        Time = "set clock offsets"
        Loopback = "bring up lo"
        Propagation = "make mounts private"
        Rootfs = "open rootfs"
        Root = "change root to"
        Detach = "detach the old root"
        Source = "open source"
        Mount = "mount"
        Proc = "mount"
        Create = "create"
        Device = "make device"
        ReadOnly = "make read-only"
        Chdir = "change directory to"
        Groups = "drop groups"
        Gid = "set group id"
        Uid = "set user id"
        NoNewPrivs = "set no_new_privs"
        Close = "close descriptors"
        Descriptor = "use descriptor"
        Subreaper = "become a subreaper"
        Block = "read block-fd"
        Report = "write"
        Mask = "restore the signal mask"
        Wait = "wait for COMMAND"
        Exec = "exec"
        ExecPath = "exec"
        ExecLoader = "exec"
        ExecMachine = "exec"
    }
}

texts! {
    /// A reason that isn't an errno.
    Why {
        Unknown = "unknown (see vesicle help)"
        NoValue = "needs a value"
        TakesNone = "takes no value"
        Number = "not a number that it takes"
        Mode = "not an octal mode"
        Range = "not IN:OUT:COUNT"
        Overlap = "overlaps another range"
        Name = "not a variable's name"
        TooMany = "too many options: 2048 at most"
        TooManyRanges = "too many ranges: 64 at most"
        TooManyKept = "too many descriptors to keep: 64 at most"
        TooMuchEnv = "too many variables in the environment: 4096 at most when it is changed"
        TooLong = "too long"
        Command = "not a command: try vesicle help"
        NoArguments = "no command given: try vesicle help"
        NoRootfs = "ROOTFS and COMMAND are missing: vesicle run [OPTION...] ROOTFS COMMAND [ARG...]"
        NoCommand = "COMMAND is missing: vesicle run [OPTION...] ROOTFS COMMAND [ARG...]"
        Secure = "set-user-ID, set-group-ID or file capabilities: vesicle refuses to run with more rights than its caller"
        NeedsUts = "needs a UTS namespace of its own (not with --share-uts or --utsns)"
        NeedsTime = "needs --unshare-time"
        NeedsUser = "needs a user namespace of its own (--unshare-user)"
        NeedsInit = "--wait-all needs --init"
        Joined = "--unshare-user makes a user namespace and --userns joins one: not both"
        NeedsTmpfsOrDir = "must be followed by --tmpfs or --dir"
        NeedsTmpfs = "must be followed by --tmpfs"
        Root = "DEST is the root itself: give that directory as ROOTFS"
        Size = "not a size: digits, then K, M, G or T"
        NotAnOption = "not an option: an argument file holds options only"
        NoRange = "no range for this user in /etc/subuid or /etc/subgid: an administrator adds one with usermod --add-subuids and --add-subgids"
        MapTool = "newuidmap or newgidmap failed (package uidmap): the range must be in /etc/subuid or /etc/subgid"
    }
}

/// Why: an errno, or behind those a text of ours.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Reason(u16);

/// Errnos are below this: MAX_ERRNO of include/linux/err.h is 4095.
const OURS: u16 = 4096;

impl From<Errno> for Reason {
    fn from(e: Errno) -> Self {
        Reason(e.number())
    }
}

impl From<Why> for Reason {
    fn from(w: Why) -> Self {
        Reason(OURS | w as u16)
    }
}

/// A failure, ready to be told. Two scalars and no more, and the second is never 0: only so a `Result<(), Fail>` comes
/// back in two registers.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub struct Fail<'a> {
    /// To what it happened.
    pub subject: Option<ZStr<'a>>,
    /// What was being done (from bit 16 on) and why it failed, behind a bit that is set.
    what: NonZeroU32,
}

/// The one way by which an error gets its context.
pub trait At<T> {
    /// Names the stage, and the subject where there is one.
    fn at<'a>(self, stage: Stage, subject: impl Into<Option<ZStr<'a>>>) -> Result<T, Fail<'a>>;
}

impl<T, E: Into<Reason>> At<T> for Result<T, E> {
    #[inline]
    fn at<'a>(self, stage: Stage, subject: impl Into<Option<ZStr<'a>>>) -> Result<T, Fail<'a>> {
        self.map_err(|e| Fail::new(stage, subject.into(), e.into()))
    }
}

/// A failure of ours, named.
pub fn fail<'a, T>(stage: Stage, subject: impl Into<Option<ZStr<'a>>>, why: Why) -> Result<T, Fail<'a>> {
    Err(why).at(stage, subject)
}

impl<'a> Fail<'a> {
    /// What was being done, to what it happened, and why.
    pub fn new(stage: Stage, subject: Option<ZStr<'a>>, reason: Reason) -> Fail<'a> {
        Fail { subject, what: NonZeroU32::MIN | u32::from(reason.0) << 1 | (stage as u32) << 16 }
    }

    /// What was being done: the number of a [`Stage`].
    fn stage(&self) -> u8 {
        (self.what.get() >> 16) as u8
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        Reason(self.what.get() as u16 >> 1)
    }

    /// Says it on stderr and gives the exit code.
    pub fn report(&self) -> u8 {
        self.report_with(None)
    }

    /// The same with one more word: an option's value. One line, by one write(2).
    #[cold]
    #[inline(never)]
    pub fn report_with(&self, value: Option<ZStr<'_>>) -> u8 {
        let mut room = [0; 2048];
        let mut line = Text::on(&mut room);
        line.push(b"vesicle: ").push(Stage::nth(self.stage().into()));
        for word in [self.subject, value].into_iter().flatten() {
            line.push(b" ");
            quote(&mut line, word.bytes());
        }
        line.push(b": ");
        let reason = self.reason().0;
        match reason.checked_sub(OURS) {
            Some(why) => line.push(Why::nth(why.into())),
            None => describe(self.stage(), reason, &mut line),
        };
        let _ = sys::write(Fd::STDERR, line.push(b"\n").get());
        self.code()
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        const FIRST: u8 = Stage::Exec as u8;
        const LAST: u8 = Stage::ExecMachine as u8;
        match self.stage() {
            FIRST..LAST if self.reason() == Errno::ENOENT.into() => status::NOT_FOUND,
            FIRST..=LAST => status::NOT_EXECUTABLE,
            _ => status::OWN,
        }
    }
}

/// A word of somebody else's: what would break the line or the terminal becomes `?`, and a very long one shows its
/// start.
fn quote(line: &mut Text<'_>, word: &[u8]) {
    const SHOWN: usize = 512;
    for b in word.iter().take(SHOWN) {
        line.push(&[if *b < b' ' || *b == 0x7f { b'?' } else { *b }]);
    }
    if word.len() > SHOWN {
        line.push(b"...");
    }
}

/// Without texts: `errno 13`.
#[cfg(not(feature = "words"))]
fn describe<'l, 'b>(_: u8, e: u16, line: &'l mut Text<'b>) -> &'l mut Text<'b> {
    line.push(b"errno ").number(e.into())
}

/// `Permission denied (EACCES)`, and a hint where the errno is known to mislead.
#[cfg(feature = "words")]
fn describe<'l, 'b>(stage: u8, e: u16, line: &'l mut Text<'b>) -> &'l mut Text<'b> {
    match words::errno(e) {
        Some((text, name)) => line.push(text).push(name),
        None => line.push(b"error (").number(e.into()),
    };
    line.push(b")").push(words::hint(stage, e))
}

#[cfg(feature = "words")]
mod words;
