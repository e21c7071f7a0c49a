//! What went wrong: stage, subject, reason, and what to do; one line, one writev.

use crate::status;
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::{Text, texts};
use core::num::NonZeroI32;

texts! {
    /// What vesicle was doing.
    Stage {
        Memory = "reserve memory"
        Option = "option"
        Argument = "argument"
        Usage = "usage"
        #[cfg(feature = "timings")] Parse = "parse"
        #[cfg(feature = "timings")] Plan = "plan"
        #[cfg(feature = "timings")] Umask = "set umask"
        #[cfg(any(feature = "args", feature = "boot", feature = "cgroup", feature = "fs", feature = "users", feature = "words"))] Read = "read"
        #[cfg(any(feature = "join", feature = "words"))] Join = "join namespace"
        #[cfg(any(feature = "enter", feature = "words"))] Target = "find process"
        #[cfg(any(feature = "enter", feature = "words"))] JoinAll = "join namespaces of process"
        #[cfg(any(feature = "enter", feature = "words"))] TheirCgroup = "join cgroup of process"
        #[cfg(feature = "bwrap")] ReadFilter = "read seccomp filter"
        #[cfg(feature = "bwrap")] JoinPid = "join namespace"
        #[cfg(feature = "bwrap")] Join2 = "join namespace"
        #[cfg(any(feature = "cgroup", feature = "words"))] FindCgroup = "find the caller's cgroup"
        #[cfg(any(feature = "cgroup", feature = "words"))] MakeCgroup = "make cgroup"
        #[cfg(any(feature = "cgroup", feature = "words"))] Controller = "enable controller"
        #[cfg(any(feature = "cgroup", feature = "words"))] Limit = "set limit"
        #[cfg(any(feature = "cgroup", feature = "words"))] JoinCgroup = "join cgroup"
        #[cfg(any(feature = "cgroup", feature = "words"))] RemoveCgroup = "remove cgroup"
        Clone = "clone"
        Signals = "block signals"
        #[cfg(any(feature = "init", feature = "process", feature = "words"))] Parent = "die with parent"
        #[cfg(any(feature = "init", feature = "process", feature = "words"))] Session = "new session"
        IdMap = "write id map"
        #[cfg(feature = "bwrap")] NotDisabled = "creation of new user namespaces was not disabled as requested"
        #[cfg(feature = "bwrap")] Link = "create"
        #[cfg(feature = "bwrap")] Lock = "Unable to lock file"
        #[cfg(any(feature = "users", feature = "report", feature = "veth", feature = "words"))] Handshake = "wait for the launcher"
        #[cfg(any(feature = "disable-userns", feature = "words"))] Userns = "disable user namespaces"
        #[cfg(any(feature = "host", feature = "words"))] HostName = "set host name"
        #[cfg(any(feature = "host", feature = "words"))] DomainName = "set domain name"
        #[cfg(any(feature = "host", feature = "words"))] Time = "set clock offsets"
        #[cfg(any(feature = "loopback", feature = "words"))] Loopback = "bring up lo"
        #[cfg(any(feature = "veth", feature = "words"))] Veth = "make veth pair"
        #[cfg(any(feature = "veth", feature = "words"))] Bridge = "join bridge of"
        #[cfg(any(feature = "veth", feature = "words"))] Address = "set address of"
        #[cfg(any(feature = "veth", feature = "words"))] Route = "set route of"
        Propagation = "make mounts private"
        Rootfs = "open rootfs"
        Root = "change root to"
        #[cfg(any(feature = "options", feature = "words"))] Source = "open source"
        #[cfg(any(feature = "boot", feature = "fs", feature = "words"))] Mount = "mount"
        Proc = "mount"
        #[cfg(any(feature = "fs", feature = "root", feature = "words"))] Create = "create"
        #[cfg(any(feature = "fs", feature = "words"))] Device = "make device"
        #[cfg(any(feature = "fs", feature = "words"))] Chmod = "change mode of"
        #[cfg(any(feature = "overlay", feature = "words"))] Overlay = "mount overlay"
        #[cfg(any(feature = "fs", feature = "root", feature = "words"))] ReadOnly = "make read-only"
        #[cfg(any(feature = "process", feature = "words"))] Chdir = "change directory to"
        #[cfg(any(feature = "limits", feature = "words"))] Rlimit = "set limit"
        #[cfg(any(feature = "limits", feature = "words"))] Nice = "set nice value"
        #[cfg(any(feature = "limits", feature = "words"))] OomScore = "set OOM score"
        #[cfg(any(feature = "limits", feature = "words"))] Cpuset = "run on CPUs"
        #[cfg(any(feature = "ids", feature = "words"))] Groups = "drop groups"
        #[cfg(any(feature = "ids", feature = "words"))] Gid = "set group id"
        #[cfg(any(feature = "ids", feature = "words"))] Uid = "set user id"
        #[cfg(any(feature = "seccomp", feature = "words"))] Filter = "load seccomp filter"
        #[cfg(any(feature = "safe", feature = "words"))] Hide = "mask"
        #[cfg(any(feature = "caps", feature = "words"))] Caps = "set capabilities"
        NoNewPrivs = "set no_new_privs"
        #[cfg(any(feature = "deny-net", feature = "words"))] DenyNet = "deny network"
        #[cfg(any(feature = "landlock", feature = "words"))] Landlock = "restrict by Landlock"
        Close = "close descriptors"
        #[cfg(any(feature = "fs", feature = "process", feature = "report", feature = "timings", feature = "words"))] Descriptor = "use descriptor"
        #[cfg(any(feature = "init", feature = "words"))] Subreaper = "become a subreaper"
        #[cfg(any(feature = "init", feature = "boot", feature = "words"))] Start = "start COMMAND"
        #[cfg(any(feature = "init", feature = "words"))] Group = "make a process group"
        #[cfg(any(feature = "boot", feature = "words"))] FindRoot = "find root"
        #[cfg(any(feature = "boot", feature = "words"))] MountRoot = "mount root"
        #[cfg(any(feature = "report", feature = "words"))] Block = "read block-fd"
        Report = "write"
        Mask = "restore the signal mask"
        #[cfg(any(feature = "jobs", feature = "timings", feature = "words"))] Wait = "wait for COMMAND"
        // Of execve, and nothing behind them: `Fail::code` relies on it.
        Exec = "exec"
        #[cfg(any(feature = "path", feature = "words"))] ExecPath = "exec"
        #[cfg(any(feature = "path", feature = "words"))] ExecLoader = "exec"
        #[cfg(feature = "words")] ExecMachine = "exec"
        #[cfg(any(feature = "landlock", feature = "words"))] ExecRules = "exec"
    }
}

texts! {
    /// A reason that isn't an errno.
    Why {
        #[cfg(feature = "help")] Unknown = "unknown (see vesicle help)"
        #[cfg(not(feature = "help"))] Unknown = "unknown"
        #[cfg(any(feature = "options", feature = "boot"))] NoValue = "needs a value"
        #[cfg(any(feature = "options", feature = "boot"))] TakesNone = "takes no value"
        #[cfg(any(feature = "options", feature = "boot"))] Number = "not a number that it takes"
        #[cfg(feature = "options")] Mode = "not an octal mode"
        #[cfg(feature = "caps")] Capability = "not a capability: a name, a number below 64, or ALL"
        #[cfg(feature = "limits")] Rlimit = "not NAME=SOFT[:HARD]: a name of prlimit(1), numbers (of bytes also with K, M, G or T) or unlimited, SOFT not above HARD"
        #[cfg(feature = "limits")] Cpus = "not a list of CPUs below 8192, as 0-3,7"
        #[cfg(feature = "init")] Signal = "not a signal: a number from 1 to 64, or a name"
        #[cfg(feature = "init")] Code = "not an exit code"
        #[cfg(feature = "init")] Rewrite = "not FROM:TO, two signals: what can't be caught, and CHLD, are never forwarded; TO may be 0"
        #[cfg(feature = "init")] Pause = "-P runs no COMMAND"
        #[cfg(feature = "init")] NoInitCommand = "COMMAND is missing: vesicle init [OPTION...] [--] COMMAND [ARG...]"
        #[cfg(feature = "boot")] OnExit = "not poweroff, reboot, halt, respawn or panic"
        #[cfg(feature = "boot")] TooManyWords = "too many arguments: 128 at most"
        #[cfg(feature = "boot")] NotFirst = "only process 1 can boot: make it /init of an initramfs"
        #[cfg(feature = "boot")] NoInit = "no COMMAND, and no /sbin/init, /etc/init, /bin/init or /bin/sh"
        #[cfg(feature = "boot")] NoCommandHere = "COMMAND is missing"
        #[cfg(feature = "boot")] Root = "not a path, LABEL=, UUID=, PARTUUID=, virtiofs:, 9p: or overlay:"
        #[cfg(feature = "boot")] NoType = "no file system that is known here: give --root-type"
        #[cfg(feature = "users")] Range = "not IN:OUT:COUNT"
        #[cfg(feature = "users")] Overlap = "overlaps another range"
        #[cfg(feature = "env")] Name = "not a variable's name"
        #[cfg(feature = "options")] TooMany = "too many options: 2048 at most"
        #[cfg(feature = "users")] TooManyRanges = "too many ranges: 64 at most"
        #[cfg(feature = "env")] TooMuchEnv = "too many variables in the environment: 4096 at most when it is changed"
        #[cfg(feature = "help")] Command = "not a command: try vesicle help"
        #[cfg(feature = "help")] NoArguments = "no command given: try vesicle help"
        #[cfg(not(feature = "help"))] Command = "not a command"
        #[cfg(not(feature = "help"))] NoArguments = "vesicle run ROOTFS COMMAND [ARG...]"
        #[cfg(feature = "options")] NoRootfs = "ROOTFS and COMMAND are missing: vesicle run [OPTION...] ROOTFS COMMAND [ARG...]"
        #[cfg(feature = "options")] NoCommand = "COMMAND is missing: vesicle run [OPTION...] ROOTFS COMMAND [ARG...]"
        #[cfg(feature = "words")] Secure = "set-user-ID, set-group-ID or file capabilities: vesicle refuses to run with more rights than its caller"
        #[cfg(not(feature = "words"))] Secure = "set-user-ID or file capabilities"
        #[cfg(feature = "host")] NeedsUts = "needs a UTS namespace of its own (not with --share-uts or --utsns)"
        #[cfg(feature = "host")] NeedsTime = "needs --unshare-time"
        #[cfg(any(feature = "fs", feature = "root"))] NeedsMount = "needs a mount namespace of its own (not with --share-mount)"
        #[cfg(any(feature = "users", feature = "disable-userns"))] NeedsUser = "needs a user namespace of its own (--unshare-user)"
        #[cfg(feature = "init")] NeedsInit = "--wait-all needs --init"
        #[cfg(feature = "join")] Joined = "--unshare-user makes a user namespace and --userns joins one: not both"
        #[cfg(feature = "veth")] NeedsNet = "needs a network namespace of its own (not with --share-net, --netns or --deny-net)"
        #[cfg(feature = "veth")] VethName = "not a name of an interface: 1 to 15 bytes without /, :, % and blanks"
        #[cfg(feature = "veth")] VethAddress = "not an ADDR/LEN"
        #[cfg(feature = "veth")] VethGateway = "GATEWAY must be another address of the network of ADDR/LEN"
        #[cfg(feature = "veth")] VethBridge = "another GATEWAY of this NAME is not of the same bridge"
        #[cfg(feature = "veth")] TooManyVeths = "too many NAMEs: 16 at most"
        #[cfg(feature = "fs")] NeedsMade = "must be followed by --tmpfs, --dir, --file, --bind-data or --ro-bind-data"
        #[cfg(feature = "fs")] NeedsTmpfs = "must be followed by --tmpfs"
        #[cfg(feature = "fs")] ReadTwice = "this descriptor is read already"
        #[cfg(feature = "overlay")] NeedsLayers = "needs an --overlay-src before it, --ro-overlay two"
        #[cfg(feature = "overlay")] NeedsOverlay = "must be followed by --overlay, --tmp-overlay or --ro-overlay"
        #[cfg(feature = "fs")] DestRoot = "DEST is the root itself: give that directory as ROOTFS"
        #[cfg(feature = "fs")] Size = "not a size: digits, then K, M, G or T"
        #[cfg(feature = "cgroup")] LimitSize = "not a size: digits, then K, M, G or T; or max"
        #[cfg(feature = "cgroup")] CgroupName = "neither a DEST, which begins with /, nor a cgroup below the caller's own"
        #[cfg(feature = "cgroup")] NoCgroup2 = "no cgroup2 that shows it is mounted there or on /sys/fs/cgroup/unified"
        #[cfg(feature = "cgroup")] ControllerV1 = "boot with cgroup_no_v1=all or systemd.unified_cgroup_hierarchy=1"
        #[cfg(feature = "cgroup")] NotDelegated = "not delegated to the caller's own cgroup (Delegate=yes of systemd), or this kernel lacks it"
        #[cfg(feature = "cgroup")] NotAlone = "there are other processes in the caller's own cgroup: systemd-run --user --scope -p Delegate=yes vesicle run ..."
        #[cfg(feature = "cgroup")] OutOfMemory = "out of memory while setting up: --memory is too small for it"
        #[cfg(feature = "enter")] NoTarget = "PID and COMMAND are missing: vesicle enter [OPTION...] PID [--] COMMAND [ARG...]"
        #[cfg(feature = "enter")] Target = "not a process id: a number from 1 on"
        #[cfg(feature = "enter")] NoProc = "no proc is mounted there"
        #[cfg(feature = "enter")] EnvNeedsRoot = "--env needs PID's root: --all or --mount"
        #[cfg(feature = "bwrap")] NoValues = "needs two values"
        #[cfg(feature = "bwrap")] Argv0Twice = "--argv0 used multiple times"
        #[cfg(feature = "bwrap")] BlockNeedsUser = "--userns-block-fd requires --unshare-user"
        #[cfg(feature = "bwrap")] BlockNeedsInfo = "--userns-block-fd requires --info-fd"
        #[cfg(feature = "bwrap")] JoinedTry = "--userns not compatible --unshare-user-try"
        #[cfg(feature = "bwrap")] DisableNeedsUser = "--disable-userns requires --unshare-user"
        #[cfg(feature = "bwrap")] DisableBlock = "--disable-userns is not compatible with  --userns-block-fd"
        #[cfg(feature = "bwrap")] FirstNeedsPid = "Specifying --as-pid-1 requires --unshare-pid"
        #[cfg(feature = "bwrap")] FirstLocks = "Specifying --as-pid-1 and --lock-file is not permitted"
        #[cfg(feature = "bwrap")] PidTwice = "--pidns joins a PID namespace and --unshare-pid makes one: not both"
        #[cfg(feature = "bwrap")] Labels = "labeling not supported on this system"
        #[cfg(feature = "bwrap")] UidNeedsUser = "Specifying --uid requires --unshare-user or --userns"
        #[cfg(feature = "bwrap")] GidNeedsUser = "Specifying --gid requires --unshare-user or --userns"
        #[cfg(feature = "bwrap")] SeccompFirst = "--seccomp cannot be combined with --add-seccomp-fd"
        #[cfg(feature = "bwrap")] SeccompSecond = "--add-seccomp-fd cannot be combined with --seccomp"
        #[cfg(feature = "bwrap")] PermsTwice = "--perms given twice for the same action"
        #[cfg(feature = "bwrap")] SizeTwice = "--size given twice for the same action"
        #[cfg(feature = "bwrap")] SizeLimit = "--size (for tmpfs) is limited to 9223372036854775807"
        #[cfg(feature = "timeout")] NeedsTimeout = "--grace needs --timeout"
        #[cfg(feature = "timeout")] TimeUp = "its time is up (--timeout)"
        #[cfg(feature = "jobs")] Reboot = "it called reboot(2) to restart"
        #[cfg(feature = "jobs")] PowerOff = "it called reboot(2) to halt or power off"
        #[cfg(feature = "args")] NotAnOption = "not an option: an argument file holds options only"
        #[cfg(feature = "users")] NoRange = "no range for this user in /etc/subuid or /etc/subgid: an administrator adds one with usermod --add-subuids and --add-subgids"
        #[cfg(feature = "users")] MapTool = "newuidmap or newgidmap failed (package uidmap): the range must be in /etc/subuid or /etc/subgid"
    }
}

/// It can't fail: where nobody takes the time it needs no name.
#[cfg(all(any(feature = "fs", feature = "root", feature = "process"), not(feature = "timings")))]
#[allow(non_upper_case_globals, missing_docs)]
impl Stage {
    pub const Umask: Stage = Stage::Close;
}

/// Where ROOTFS and COMMAND are all that there can be, one text says which are missing.
#[cfg(not(feature = "options"))]
#[allow(non_upper_case_globals, missing_docs)]
impl Why {
    pub const NoRootfs: Why = Why::NoArguments;
    pub const NoCommand: Why = Why::NoArguments;
}

/// In whose words a failure is told, and with which exit code.
#[cfg(feature = "bwrap")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// Ours.
    Vesicle,
    /// bubblewrap's.
    Bwrap,
    /// The same behind the number of a severity, syslog(3).
    BwrapLevels,
}

/// There are only ours.
#[cfg(not(feature = "bwrap"))]
#[derive(Clone, Copy)]
pub struct Voice;

#[cfg(not(feature = "bwrap"))]
#[allow(non_upper_case_globals, missing_docs)]
impl Voice {
    pub const Vesicle: Voice = Voice;
}

/// Why: an errno, negative as the kernel returns it, or the number of a text of ours.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Reason(NonZeroI32);

/// What tells a text of ours from an errno, and from zero.
const OURS: NonZeroI32 = bit(8);

impl From<Errno> for Reason {
    fn from(e: Errno) -> Self {
        Reason(e.raw())
    }
}

impl From<Why> for Reason {
    fn from(why: Why) -> Self {
        Reason(OURS | why as i32)
    }
}

/// What keeps [`Fail::what`] from being zero.
const STAGE: NonZeroI32 = bit(7);

const fn bit(n: u32) -> NonZeroI32 {
    match NonZeroI32::new(1 << n) {
        Some(bit) => bit,
        None => NonZeroI32::MIN,
    }
}

/// A failure, ready to be told. Two scalars and no more, and the second is never 0: only so a `Result<(), Fail>` comes
/// back in two registers.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub struct Fail<'a> {
    /// To what it happened.
    pub subject: Option<ZStr<'a>>,
    /// What was being done in the low seven bits, and why above bit 7, which is always set. One number, so that a result
    /// with a failure in it fits into two registers: most of what the launcher does can fail.
    what: NonZeroI32,
}

/// The one way by which an error gets its context.
pub trait At<T> {
    /// Names the stage, and the subject where there is one.
    fn at<'a>(self, stage: Stage, subject: impl Into<Option<ZStr<'a>>>) -> Result<T, Fail<'a>>;
}

impl<T, E: Into<Reason>> At<T> for Result<T, E> {
    #[inline]
    fn at<'a>(self, stage: Stage, subject: impl Into<Option<ZStr<'a>>>) -> Result<T, Fail<'a>> {
        self.map_err(|e| Fail::new(stage, subject, e))
    }
}

/// A failure of ours, named.
pub fn fail<'a, T>(stage: Stage, subject: impl Into<Option<ZStr<'a>>>, why: Why) -> Result<T, Fail<'a>> {
    Err(why).at(stage, subject)
}

impl<'a> Fail<'a> {
    /// What was being done, to what, and why it failed.
    #[inline]
    pub fn new(stage: Stage, subject: impl Into<Option<ZStr<'a>>>, reason: impl Into<Reason>) -> Fail<'a> {
        Fail { subject: subject.into(), what: STAGE | stage as i32 | reason.into().0.get() << 8 }
    }

    /// The number of its stage, and its reason.
    fn parts(&self) -> (u8, i32) {
        (self.what.get() as u8 & 0x7f, self.what.get() >> 8)
    }

    /// The number of its stage.
    #[cfg(feature = "timings")]
    pub(crate) fn stage(&self) -> u8 {
        self.parts().0
    }

    /// Why it failed.
    #[cfg(test)]
    pub fn reason(&self) -> Reason {
        NonZeroI32::new(self.parts().1).map(Reason).unwrap()
    }

    /// Says it on stderr and gives the exit code.
    pub fn report(&self) -> u8 {
        self.report_in(Voice::Vesicle)
    }

    /// The same in other words.
    pub fn report_in(&self, voice: Voice) -> u8 {
        self.report_with(None, voice)
    }

    /// The same with one more word: an option's value. One line, by one write(2).
    #[cold]
    #[inline(never)]
    pub fn report_with(&self, value: Option<ZStr<'_>>, voice: Voice) -> u8 {
        let mut room = [0; 2048];
        let mut line = Text::on(&mut room);
        #[cfg(feature = "bwrap")]
        if voice != Voice::Vesicle {
            line.push(if voice == Voice::Bwrap { b"" } else { b"<3>" }).push(b"bwrap: ");
            if bwrap::tell(self, value, &mut line).is_none() {
                self.tell_rest(value, &mut line);
            }
            let _ = sys::write(Fd::STDERR, line.put(b'\n').get());
            return 1;
        }
        let _ = voice;
        self.tell(value, &mut line);
        let _ = sys::write(Fd::STDERR, line.put(b'\n').get());
        self.code()
    }

    /// Appends its line.
    #[cold]
    pub(crate) fn tell(&self, value: Option<ZStr<'_>>, line: &mut Text<'_>) {
        line.push(b"vesicle: ");
        self.tell_rest(value, line);
    }

    #[cfg_attr(feature = "bwrap", inline(never))]
    fn tell_rest(&self, value: Option<ZStr<'_>>, line: &mut Text<'_>) {
        let (stage, reason) = self.parts();
        Stage::say(stage.into(), line);
        if let Some(word) = self.subject {
            quote(line, word);
        }
        if let Some(word) = value {
            quote(line, word);
        }
        line.push(b": ");
        match u16::try_from(-reason) {
            Ok(errno) => describe(stage, errno, line),
            Err(_) => Why::say((reason & 0xff) as usize, line),
        }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        // The stages of execve are the last ones.
        match self.parts() {
            (stage, _) if stage < Stage::Exec as u8 => status::OWN,
            (_, e) if e == Errno::ENOENT.raw().get() => status::NOT_FOUND,
            _ => status::NOT_EXECUTABLE,
        }
    }
}

/// A word of somebody else's: what would break the line or the terminal becomes `?`, and a very long one shows its
/// start.
#[inline(never)]
pub(crate) fn quote(line: &mut Text<'_>, word: ZStr<'_>) {
    line.put(b' ');
    escape(line, word);
}

#[cfg_attr(feature = "bwrap", inline(never))]
fn escape(line: &mut Text<'_>, word: ZStr<'_>) {
    const SHOWN: usize = 512;
    for (i, b) in word.bytes().iter().enumerate() {
        if i == SHOWN {
            line.push(b"...");
            break;
        }
        line.put(if *b < b' ' || *b == 0x7f { b'?' } else { *b });
    }
}

/// `Permission denied (EACCES)`, and a hint where the errno is known to mislead; `errno 13` where it has no text.
fn describe(stage: u8, e: u16, line: &mut Text<'_>) {
    #[cfg(feature = "words")]
    if words::describe(stage, e, line).is_some() {
        return;
    }
    let _ = stage;
    line.push(b"errno ").number(e.into());
}

/// The text of an errno alone, strerror(3).
#[cfg(feature = "init")]
pub(crate) fn strerror<'l, 'b>(e: u16, line: &'l mut Text<'b>) -> &'l mut Text<'b> {
    let mut room = [0; 64];
    let mut text = Text::on(&mut room);
    // No hint belongs to this stage.
    describe(Stage::Close as u8, e, &mut text);
    let words = crate::text::before(text.get(), b'(');
    line.push(words.strip_suffix(b" ").unwrap_or(words))
}

#[cfg(feature = "bwrap")]
mod bwrap;
#[cfg(feature = "words")]
mod words;
