//! The option table of `vesicle run`: one row an option. Parser and usage text are made from it at compile time, and
//! the tests hold the man page against it.

#[cfg(feature = "help")]
use crate::text::Joined;
#[cfg(feature = "help")]
use crate::text::Text;
#[cfg(feature = "help")]
use crate::text::{fields, pack, packed_len};
use crate::text::{join, joined_len, place};

/// A row.
pub struct Row {
    /// The family that it is listed under.
    pub family: &'static str,
    /// The long name, without dashes.
    pub name: &'static str,
    /// How many values it takes, and what they are: see the constants.
    pub kind: u8,
    /// Its values, as the usage text names them.
    pub values: &'static str,
    /// What it does.
    pub help: &'static str,
}

/// Takes no value.
pub(super) const SWITCH: u8 = 0;
/// Takes any text.
#[cfg_attr(not(feature = "process"), allow(dead_code))]
pub(super) const TEXT: u8 = 1;
/// With this bit, any text stands behind the value.
pub(super) const AND_TEXT: u8 = 0x20;
/// Takes two texts.
#[cfg_attr(not(any(feature = "env", feature = "fs")), allow(dead_code))]
pub(super) const TWO: u8 = TEXT | AND_TEXT;
/// Takes three texts.
#[cfg(feature = "overlay")]
pub(super) const THREE: u8 = 2 | AND_TEXT;
/// Takes a user or group id.
pub(super) const ID: u8 = 3;
/// Takes the number of a descriptor.
pub(crate) const FD: u8 = 4;
/// Takes permissions in octal.
pub(super) const MODE: u8 = 5;
/// Takes a size in bytes.
#[cfg_attr(not(feature = "fs"), allow(dead_code))]
pub(super) const SIZE: u8 = 6;
/// Takes seconds; the number is in nanoseconds.
#[cfg_attr(not(feature = "host"), allow(dead_code))]
pub(super) const SECONDS: u8 = 7;
/// Takes the number of a descriptor behind `=`, or none: then it is that of stderr.
#[cfg(feature = "timings")]
pub(super) const MAYBE_FD: u8 = 8;

/// Takes any text behind `=`, or none.
#[cfg(feature = "enter")]
pub(super) const MAYBE_TEXT: u8 = 15;
/// Takes a capability, or all; the number is the set.
#[cfg(feature = "caps")]
pub(super) const CAP: u8 = 9;

/// Takes a list of CPUs.
#[cfg(feature = "limits")]
pub(super) const CPUS: u8 = 10;
/// Takes a resource with its limits.
#[cfg(feature = "limits")]
pub(super) const RLIMIT: u8 = 11;
/// Takes a nice value; the number is signed.
#[cfg(feature = "limits")]
pub(super) const NICE: u8 = 12;
/// Takes what is added to an OOM score; the number is signed.
#[cfg(feature = "limits")]
pub(super) const SCORE: u8 = 13;
/// Takes seconds of which there are no less than none; the number is in nanoseconds.
#[cfg(feature = "timeout")]
pub(super) const DURATION: u8 = 14;
/// Takes a size in bytes, or `max`.
#[cfg(feature = "cgroup")]
pub(super) const MEMORY: u8 = 16;
/// The same, or 0.
#[cfg(feature = "cgroup")]
pub(super) const SWAP: u8 = 17;
/// Takes how many processes there may be, or `max`.
#[cfg(feature = "cgroup")]
pub(super) const PIDS: u8 = 18;
/// Takes how many CPUs' time, with a fraction, or `max`; the number is in microseconds of a period.
#[cfg(feature = "cgroup")]
pub(super) const CPU_TIME: u8 = 19;
/// Takes a weight.
#[cfg(feature = "cgroup")]
pub(super) const WEIGHT: u8 = 20;

/// Takes a process id, and perhaps the kinds of its namespaces; the number is both.
#[cfg(feature = "template")]
pub(super) const TEMPLATE: u8 = 21;

/// An option: its place in the table. A number and not an `enum`, so that the parser needs no second table to get from
/// a place to an option.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Opt(pub(super) u8);

impl Opt {
    /// Whether its value is the number of a descriptor.
    #[cfg(any(feature = "fs", feature = "process", feature = "report"))]
    pub(crate) fn is_fd(self) -> bool {
        KINDS.get(usize::from(self.0)).is_some_and(|kind| kind & !AND_TEXT == FD)
    }

    /// Which word of a set it is in, and the bit that stands for it there.
    pub(crate) const fn place(self) -> (usize, u64) {
        (self.0 as usize >> 6, 1 << (self.0 & 63))
    }
}

macro_rules! options {
    ($($(#[$any:meta])* $family:literal { $($(#[$m:meta])* $opt:ident $name:literal $kind:expr, $values:literal, $help:literal;)* })*) => {
        /// The places in the table, counted by the compiler.
        enum Place { $($($(#[$m])* $opt,)*)* }

        #[allow(non_upper_case_globals)]
        impl Opt { $($($(#[$m])* #[doc = $help] pub const $opt: Opt = Opt(Place::$opt as u8);)*)* }

        /// What each takes.
        const KINDS: &[u8] = &[$($($(#[$m])* $kind,)*)*];

        /// How many there are.
        pub const COUNT: usize = KINDS.len();

        /// Their names.
        const NAMES: &[&str] = &[$($($(#[$m])* $name,)*)*];

        /// A family's heading, which a newline tells, and for each of its options its values and what it does.
        #[cfg(feature = "help")]
        const TEXTS: &[&str] = &[
            $($(#[$any])* concat!("\n", $family, ":\n"), $($(#[$m])* $values, $(#[$m])* $help,)*)*
        ];

        /// The table.
        pub const ROWS: &[Row] = &[
            $($($(#[$m])* Row { family: $family, name: $name, kind: $kind, values: $values, help: $help },)*)*
        ];
    };
}

options! {
    "Namespaces (new by default: mount, PID, UTS, IPC, network, cgroup; user too when the caller is not root)" {
        UnshareUser "unshare-user" SWITCH, "", "a new user namespace, for root too";
        #[cfg(feature = "host")] UnshareTime "unshare-time" SWITCH, "", "a new time namespace";
        ShareNet "share-net" SWITCH, "", "keep the caller's network namespace";
        SharePid "share-pid" SWITCH, "", "keep the caller's PID namespace";
        ShareIpc "share-ipc" SWITCH, "", "keep the caller's IPC namespace";
        ShareUts "share-uts" SWITCH, "", "keep the caller's UTS namespace";
        ShareCgroup "share-cgroup" SWITCH, "", "keep the caller's cgroup namespace";
        #[cfg(feature = "pivot")] ShareAll "share-all" SWITCH, "", "all of these and --share-mount";
        #[cfg(feature = "pivot")] ShareMount "share-mount" SWITCH, "", "keep the caller's mount namespace: chroot, no mounts";
        #[cfg(feature = "join")] Userns "userns" TEXT, "FD|PATH", "join this user namespace";
        #[cfg(feature = "join")] Pidns "pidns" TEXT, "FD|PATH", "join this PID namespace";
        #[cfg(feature = "join")] Netns "netns" TEXT, "FD|PATH", "join this network namespace";
        #[cfg(feature = "join")] Utsns "utsns" TEXT, "FD|PATH", "join this UTS namespace";
        #[cfg(feature = "join")] Ipcns "ipcns" TEXT, "FD|PATH", "join this IPC namespace";
        #[cfg(feature = "join")] Cgroupns "cgroupns" TEXT, "FD|PATH", "join this cgroup namespace";
        #[cfg(feature = "join")] Timens "timens" TEXT, "FD|PATH", "join this time namespace";
        #[cfg(feature = "template")] Template "template" TEMPLATE, "PID[:NS,...]", "begin in namespaces of a container (mnt,net), a copy of its mounts";
    }
    #[cfg(feature = "ids")]
    "Users" {
        #[cfg(feature = "ids")] Uid "uid" ID, "N", "run as this user id inside (0)";
        #[cfg(feature = "ids")] Gid "gid" ID, "N", "run as this group id inside (0)";
        #[cfg(feature = "users")] MapUsers "map-users" TEXT, "IN:OUT:COUNT|auto", "map a range of user ids; auto: the caller's of /etc/subuid";
        #[cfg(feature = "users")] MapGroups "map-groups" TEXT, "IN:OUT:COUNT|auto", "map a range of group ids; auto: the caller's of /etc/subgid";
    }
    #[cfg(feature = "host")]
    "Host name and clocks" {
        #[cfg(feature = "host")] Hostname "hostname" TEXT, "NAME", "host name inside";
        #[cfg(feature = "host")] Domainname "domainname" TEXT, "NAME", "NIS domain name inside";
        #[cfg(feature = "host")] Boottime "boottime-offset" SECONDS, "SECONDS", "shift CLOCK_BOOTTIME (with --unshare-time)";
        #[cfg(feature = "host")] Monotonic "monotonic-offset" SECONDS, "SECONDS", "shift CLOCK_MONOTONIC (with --unshare-time)";
    }
    "Root" {
        #[cfg(feature = "pivot")] Chroot "chroot" SWITCH, "", "chroot(2) instead of pivot_root(2)";
        NoProc "no-proc" SWITCH, "", "no fresh /proc";
        #[cfg(feature = "root")] Proc "proc" TEXT, "DEST", "mount proc there instead of on /proc; made if missing";
        #[cfg(feature = "root")] ProcOpts "proc-opts" TEXT, "OPTS", "options for proc: hidepid=2,subset=pid";
        #[cfg(feature = "root")] ReadOnly "read-only" SWITCH, "", "make ROOTFS read-only, with all that is mounted in it";
    }
    #[cfg(feature = "fs")]
    "Filesystem, in the order given" {
        #[cfg(feature = "fs")] Bind "bind" TWO, "SRC DEST", "bind SRC of the host, no devices, no set-id";
        #[cfg(feature = "fs")] BindTry "bind-try" TWO, "SRC DEST", "the same, if there is a SRC";
        #[cfg(feature = "fs")] RoBind "ro-bind" TWO, "SRC DEST", "bind it read-only";
        #[cfg(feature = "fs")] RoBindTry "ro-bind-try" TWO, "SRC DEST", "the same, if there is a SRC";
        #[cfg(feature = "fs")] DevBind "dev-bind" TWO, "SRC DEST", "bind it with its devices";
        #[cfg(feature = "fs")] DevBindTry "dev-bind-try" TWO, "SRC DEST", "the same, if there is a SRC";
        #[cfg(feature = "fs")] BindFd "bind-fd" FD | AND_TEXT, "FD DEST", "bind the directory or file that FD has open";
        #[cfg(feature = "fs")] RoBindFd "ro-bind-fd" FD | AND_TEXT, "FD DEST", "bind it read-only";
        #[cfg(feature = "fs")] Tmpfs "tmpfs" TEXT, "DEST", "mount a tmpfs";
        #[cfg(feature = "fs")] Dev "dev" TEXT, "DEST", "mount a minimal /dev";
        #[cfg(feature = "fs")] Sysfs "sysfs" TEXT, "DEST", "mount sysfs, read-only";
        #[cfg(all(feature = "fs", not(feature = "cgroup")))] Cgroup "cgroup" TEXT, "DEST", "mount cgroup2; with --share-cgroup the host's, read-only";
        #[cfg(all(feature = "fs", feature = "cgroup"))] Cgroup "cgroup" TEXT, "DEST|PATH", "mount cgroup2 on DEST (/...); or a cgroup PATH: see Limits";
        #[cfg(feature = "fs")] Mqueue "mqueue" TEXT, "DEST", "mount the POSIX message queues";
        #[cfg(feature = "fs")] Dir "dir" TEXT, "DEST", "make a directory";
        #[cfg(feature = "fs")] Symlink "symlink" TWO, "SRC DEST", "make a symbolic link to SRC";
        #[cfg(feature = "fs")] File "file" FD | AND_TEXT, "FD DEST", "write what FD says to a file";
        #[cfg(feature = "fs")] BindData "bind-data" FD | AND_TEXT, "FD DEST", "bind a file in memory that holds what FD says";
        #[cfg(feature = "fs")] RoBindData "ro-bind-data" FD | AND_TEXT, "FD DEST", "bind it read-only";
        #[cfg(feature = "fs")] Chmod "chmod" MODE | AND_TEXT, "MODE PATH", "change the mode of what is there";
        #[cfg(feature = "fs")] RemountRo "remount-ro" TEXT, "DEST", "make the mount there read-only, not those below";
        #[cfg(feature = "fs")] Mask "mask" TEXT, "PATH", "show nothing there: an empty directory or file";
        #[cfg(feature = "overlay")] OverlaySrc "overlay-src" TEXT, "SRC", "a layer of the next overlay, above those before";
        #[cfg(feature = "overlay")] Overlay "overlay" THREE, "RWSRC WORK DEST", "mount the layers, and RWSRC for what is written";
        #[cfg(feature = "overlay")] TmpOverlay "tmp-overlay" TEXT, "DEST", "mount the layers; what is written stays in memory";
        #[cfg(feature = "overlay")] RoOverlay "ro-overlay" TEXT, "DEST", "mount the layers read-only";
        #[cfg(feature = "fs")] Perms "perms" MODE, "MODE", "mode of what the next operation makes";
        #[cfg(feature = "fs")] Size "size" SIZE, "BYTES", "size of the next --tmpfs; K, M, G, T";
    }
    "Process" {
        #[cfg(feature = "process")] Chdir "chdir" TEXT, "DIR", "working directory (/)";
        #[cfg(feature = "env")] Setenv "setenv" TWO, "VAR VALUE", "set a variable";
        #[cfg(feature = "env")] Unsetenv "unsetenv" TEXT, "VAR", "unset a variable";
        #[cfg(feature = "env")] Clearenv "clearenv" SWITCH, "", "start from an empty environment";
        #[cfg(feature = "process")] Argv0 "argv0" TEXT, "NAME", "argv[0] of COMMAND";
        #[cfg(feature = "init")] Init "init" SWITCH, "", "vesicle is process 1 inside, COMMAND its child";
        #[cfg(feature = "init")] WaitAll "wait-all" SWITCH, "", "with --init: stay until every process is gone";
        #[cfg(feature = "process")] NewSession "new-session" SWITCH, "", "a new session, without the terminal";
        #[cfg(feature = "process")] DieWithParent "die-with-parent" SWITCH, "", "die with the launcher, and the launcher with its parent";
        #[cfg(feature = "process")] KeepFd "keep-fd" FD, "FD", "leave this descriptor open for COMMAND";
        #[cfg(feature = "process")] Umask "umask" MODE, "MODE", "file mode creation mask of COMMAND";
        #[cfg(feature = "placement")] Pin "pin" SWITCH, "", "begin on the launcher's CPU: faster where all CPUs are busy";
        AllowNewPrivs "allow-new-privs" SWITCH, "", "let set-id programs work inside (no_new_privs off)";
    }
    #[cfg(any(feature = "caps", feature = "disable-userns", feature = "landlock", feature = "seccomp"))]
    "Privileges" {
        #[cfg(feature = "caps")] CapDrop "cap-drop" CAP, "CAP|ALL", "drop a capability";
        #[cfg(feature = "caps")] CapAdd "cap-add" CAP, "CAP|ALL", "have a capability, as any user";
        #[cfg(feature = "safe")] Privileged "privileged" SWITCH, "", "all capabilities, no_new_privs off, no masks";
        #[cfg(feature = "seccomp")] Seccomp "seccomp" TEXT, "default|FILE|FD", "refuse system calls, as engines do or as a BPF program says";
        #[cfg(feature = "landlock")] LandlockRo "landlock-ro" TEXT, "PATH", "read and execute there and below, by Landlock; elsewhere nothing";
        #[cfg(feature = "landlock")] LandlockRw "landlock-rw" TEXT, "PATH", "do anything there and below, by Landlock; elsewhere nothing";
        #[cfg(feature = "deny-net")] DenyNet "deny-net" SWITCH, "", "no socket but local ones, in the caller's network namespace";
        #[cfg(feature = "disable-userns")] DisableUserns "disable-userns" SWITCH, "", "no further user namespace inside";
    }
    #[cfg(any(feature = "limits", feature = "timeout"))]
    "Limits" {
        #[cfg(feature = "limits")] Rlimit "rlimit" RLIMIT, "NAME=SOFT[:HARD]", "limit a resource of COMMAND, by its name in prlimit(1)";
        #[cfg(feature = "limits")] Nice "nice" NICE, "N", "nice value, -20 to 19";
        #[cfg(feature = "limits")] OomScoreAdj "oom-score-adj" SCORE, "N", "how soon the OOM killer takes it, -1000 to 1000";
        #[cfg(feature = "limits")] Cpuset "cpuset" CPUS, "LIST", "run on these CPUs alone: 0-3,7";
        #[cfg(feature = "timeout")] Timeout "timeout" DURATION, "SECONDS", "after so long TERM to COMMAND, and exit status 124";
        #[cfg(feature = "timeout")] Grace "grace" DURATION, "SECONDS", "with --timeout: KILL so long after TERM (10)";
    }
    #[cfg(feature = "cgroup")]
    "Limits by a cgroup (--cgroup PATH, below the caller's own, made if missing; else one for this run)" {
        #[cfg(all(feature = "cgroup", not(feature = "fs")))] Cgroup "cgroup" TEXT, "PATH", "run in this cgroup";
        #[cfg(feature = "cgroup")] Memory "memory" MEMORY, "BYTES|max", "memory that it may use; K, M, G, T";
        #[cfg(feature = "cgroup")] Swap "swap" SWAP, "BYTES|max", "swap space that it may use";
        #[cfg(feature = "cgroup")] Pids "pids" PIDS, "N|max", "how many processes and threads there may be";
        #[cfg(feature = "cgroup")] Cpus "cpus" CPU_TIME, "N.NN|max", "time of so many CPUs";
        #[cfg(feature = "cgroup")] CpuWeight "cpu-weight" WEIGHT, "N", "share of CPU time among its neighbours: 1 to 10000 (100)";
        #[cfg(feature = "cgroup")] IoWeight "io-weight" WEIGHT, "N", "share of I/O, the same";
    }
    #[cfg(feature = "veth")]
    "Network" {
        #[cfg(feature = "veth")] Veth "veth" TEXT, "NAME[,ADDR/LEN[,GATEWAY]]", "a pair of interfaces: NAME outside, eth0 inside";
    }
    #[cfg(any(feature = "report", feature = "timings"))]
    "Reports" {
        #[cfg(feature = "report")] PidFile "pid-file" TEXT, "PATH", "write the process id there while it runs";
        #[cfg(feature = "report")] InfoFd "info-fd" FD, "FD", "write process id and namespaces as JSON";
        #[cfg(feature = "report")] JsonStatusFd "json-status-fd" FD, "FD", "write the same there, and at the end the exit code";
        #[cfg(feature = "report")] BlockFd "block-fd" FD, "FD", "wait for data or end of file before COMMAND starts";
        #[cfg(feature = "report")] SyncFd "sync-fd" FD, "FD", "hold this descriptor open until the container has ended";
        #[cfg(feature = "timings")] Timings "timings" MAYBE_FD, "[=FD]", "write when each step began and ended as JSON (2)";
    }
    #[cfg(feature = "args")]
    "Arguments" {
        #[cfg(feature = "args")] Args "args" TEXT, "FD", "read NUL-separated options from FD; @FILE: one a line";
    }
    // The last of all: `vesicle run` knows what stands before them.
    #[cfg(feature = "bwrap")]
    "Of bwrap alone" {
        #[cfg(feature = "bwrap")] UnshareAll "unshare-all" SWITCH, "", "all new namespaces that can be had";
        #[cfg(feature = "bwrap")] UnshareUserTry "unshare-user-try" SWITCH, "", "a new user namespace, if there can be one";
        #[cfg(feature = "bwrap")] UnshareIpc "unshare-ipc" SWITCH, "", "a new IPC namespace";
        #[cfg(feature = "bwrap")] UnsharePid "unshare-pid" SWITCH, "", "a new PID namespace";
        #[cfg(feature = "bwrap")] UnshareNet "unshare-net" SWITCH, "", "a new network namespace";
        #[cfg(feature = "bwrap")] UnshareUts "unshare-uts" SWITCH, "", "a new UTS namespace";
        #[cfg(feature = "bwrap")] UnshareCgroup "unshare-cgroup" SWITCH, "", "a new cgroup namespace";
        #[cfg(feature = "bwrap")] UnshareCgroupTry "unshare-cgroup-try" SWITCH, "", "a new cgroup namespace, if there can be one";
        #[cfg(feature = "bwrap")] Userns2 "userns2" FD, "FD", "join this user namespace when all is set up";
        #[cfg(feature = "bwrap")] AssertUserns "assert-userns-disabled" SWITCH, "", "fail where user namespaces can be made inside";
        #[cfg(feature = "bwrap")] AddSeccomp "add-seccomp-fd" FD, "FD", "load a compiled filter of system calls (repeatable)";
        #[cfg(feature = "bwrap")] AsPid1 "as-pid-1" SWITCH, "", "COMMAND is process 1 inside";
        #[cfg(feature = "bwrap")] LockFile "lock-file" TEXT, "DEST", "hold a read lock on DEST while processes are left";
        #[cfg(feature = "bwrap")] UsernsBlockFd "userns-block-fd" FD, "FD", "wait for data or end of file before the id maps are needed";
        #[cfg(feature = "bwrap")] ExecLabel "exec-label" TEXT, "LABEL", "SELinux label of COMMAND: refused";
        #[cfg(feature = "bwrap")] FileLabel "file-label" TEXT, "LABEL", "SELinux label of files: refused";
        #[cfg(feature = "bwrap")] LevelPrefix "level-prefix" SWITCH, "", "<3> before errors, <4> before warnings";
    }
}

static JOINED_NAMES: [u8; joined_len(NAMES)] = join(NAMES);
#[cfg(feature = "help")]
static PACKED_TEXTS: [u8; packed_len(TEXTS)] = pack(TEXTS);

#[cfg(feature = "bwrap")]
use super::bwrap::knows;

/// Whether an option is known by that name.
#[cfg(not(feature = "bwrap"))]
fn knows(_: bool, _: usize) -> bool {
    true
}

/// The option of this name, and its kind.
pub(super) fn find(name: &[u8], bwrap: bool) -> Option<(Opt, u8)> {
    let place = place(&JOINED_NAMES, name)?;
    if knows(bwrap, place) { Some((Opt(place as u8), *KINDS.get(place)?)) } else { None }
}

/// One line an option: of `vesicle run` under its family's heading, of bwrap without headings.
#[cfg(feature = "help")]
pub(crate) fn help(out: &mut Text<'_>, bwrap: bool) {
    const COLUMN: usize = 40;
    let mut texts = fields(&PACKED_TEXTS, 0);
    for (place, name) in Joined(&JOINED_NAMES).enumerate() {
        let Some(mut values) = texts.next() else { break };
        let known = knows(bwrap, place);
        if let [b'\n', ..] = values {
            if known && !bwrap {
                out.say(values);
            }
            values = texts.next().unwrap_or_default();
        }
        let Some(what) = texts.next() else { break };
        if !known {
            continue;
        }
        let line = out.len();
        out.push(b"  --").push(name);
        if !values.starts_with(b"[") {
            out.put(b' ');
        }
        out.say(values);
        while out.len().saturating_sub(line) < COLUMN {
            out.put(b' ');
        }
        out.say(what).put(b'\n');
    }
    if bwrap {
        return;
    }
    out.push(b"\nExit status: COMMAND's; 128+n for signal n; 127 not found; 126 not executable; 125 vesicle failed.\n");
}

#[cfg(test)]
mod tests;
