//! The order of a child's life.

use crate::fail::Stage;

macro_rules! steps {
    ($($(#[doc = $doc:literal])* $(#[cfg($($c:tt)*)])? $step:ident $stage:ident)*) => {
        /// One thing the child does. They are done in the order that they stand here.
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[cfg_attr(test, derive(Debug))]
        #[repr(u8)]
        pub enum Step { $($(#[doc = $doc])* $(#[cfg($($c)*)])? $step,)* }

        /// All of them, in that order, with what a message says is being done.
        pub const STEPS: &[(Step, Stage)] = &[$($(#[cfg($($c)*)])? (Step::$step, Stage::$stage),)*];
    };
}

steps! {
    /// Into a cgroup, where the clone could not do it; and a cgroup namespace whose root that is.
    #[cfg(feature = "cgroup")] Cgroup JoinCgroup
    /// KILL for us when the launcher ends, and an end at once if it has ended already.
    #[cfg(feature = "process")] DieWithParent Parent
    /// A new session.
    #[cfg(feature = "process")] Session Session
    /// A new time namespace with its offsets.
    #[cfg(feature = "host")] Time Time
    /// How soon the OOM killer takes what lives inside: by the caller's /proc, as long as that is seen, and our files in it are ours,
    /// proc_pid_oom_score_adj(5).
    #[cfg(feature = "limits")] OomScore OomScore
    /// The files by which security modules are told how to label COMMAND: by the caller's /proc too.
    #[cfg(feature = "oci")] LabelFiles Label
    /// Into the namespaces of a template, and a copy of its mounts. What was read and written of the caller's /proc stands before it.
    #[cfg(feature = "template")] Template Template
    /// Wait until the launcher has written id maps and reports.
    #[cfg(any(feature = "users", feature = "report", feature = "veth"))] Released Handshake
    /// The cgroup of who was there before.
    #[cfg(feature = "enter")] TheirCgroup TheirCgroup
    /// A map of one id to the caller's own, for users and for groups.
    IdMap IdMap
    /// No further user namespace inside.
    #[cfg(feature = "disable-userns")] NoUserns Userns
    /// sethostname(2)
    #[cfg(feature = "host")] HostName HostName
    /// setdomainname(2)
    #[cfg(feature = "host")] DomainName DomainName
    /// `lo` up.
    #[cfg(feature = "loopback")] Loopback Loopback
    /// The same, and the ends of pairs of interfaces up, with addresses and routes.
    #[cfg(feature = "veth")] Veth Loopback
    /// Variables of the kernel, by the caller's /proc.
    #[cfg(feature = "oci")] Sysctls Sysctl
    /// Into a mount namespace that somebody else has made.
    #[cfg(feature = "oci")] JoinMounts Join
    /// No mount of ours reaches the host, and none of the host's reaches us.
    Private Propagation
    /// What is needed of the host is taken, while its tree is as it was: sources of binds, the caller's /proc.
    #[cfg(feature = "options")] Sources Source
    /// ROOTFS is taken.
    Rootfs Rootfs
    /// Ids that exist inside, for what is created from here on.
    #[cfg(feature = "users")] IdsInside Uid
    /// What is made for a mount has the mode that was asked for, whatever the caller's mask is.
    #[cfg(any(feature = "fs", feature = "root"))] NoUmask Umask
    /// A fresh proc, or the caller's own where its PID namespace is shared.
    Proc Proc
    /// What ROOTFS itself has of proc and sysfs is masked.
    #[cfg(feature = "safe")] Masks Hide
    /// The filesystem operations, in the order given.
    #[cfg(feature = "fs")] Operations Mount
    /// What somebody wants to be run in the container while the old root is still there.
    #[cfg(feature = "oci")] HooksInside Hook
    /// ROOTFS becomes the root and the working directory.
    Enter Root
    /// ROOTFS itself read-only.
    #[cfg(feature = "root")] ReadOnly ReadOnly
    /// A user namespace in the first one, where that had to have a root.
    #[cfg(feature = "bwrap")] SecondUser IdMap
    /// Another user namespace, now that all is set up.
    #[cfg(feature = "bwrap")] Userns2 Join2
    /// A look whether one more could be made.
    #[cfg(feature = "bwrap")] NotDisabled NotDisabled
    /// How mounts of the container go to others, and theirs to it.
    #[cfg(feature = "oci")] Propagation Propagation
    /// A terminal of our own, where the root is there already.
    #[cfg(feature = "oci")] Terminal Device
    /// Another working directory.
    #[cfg(feature = "process")] Chdir Chdir
    /// The nice value of all that lives inside, while there is the capability that a lower one takes.
    #[cfg(feature = "limits")] Nice Nice
    /// How it is scheduled, while there is the capability for it: COMMAND, and hooks that run right before it.
    #[cfg(feature = "oci")] Scheduler Scheduler
    /// What its input and output are worth.
    #[cfg(feature = "oci")] IoPriority IoPriority
    /// What machine it sees.
    #[cfg(feature = "oci")] Personality Personality
    /// The caller's CPUs, where the launcher has pinned itself and so its child. Filters of system calls stand behind it.
    #[cfg(feature = "placement")] Unpin Unpin
    /// The CPUs that all inside run on. Filters of system calls stand behind it: what they have to let pass is COMMAND's affair.
    #[cfg(feature = "limits")] Cpuset Cpuset
    /// no_new_privs
    NoNewPrivs NoNewPrivs
    /// No process inside has more capabilities than these, the init included.
    #[cfg(feature = "caps")] Bound Caps
    /// Filters of system calls, for an init and its COMMAND alike; or while there is the capability that it takes.
    #[cfg(feature = "seccomp")] FilterEarly Filter
    /// No socket but local ones. For the init too: it could be traced, and made to open one.
    #[cfg(feature = "deny-net")] DenyNet DenyNet
    /// The rest is done by a child; we become the init of this container.
    #[cfg(feature = "init")] Init Clone
    /// Landlock: what can be done with which paths. Not for the init, which a process within a domain can't trace.
    #[cfg(feature = "landlock")] Landlock Landlock
    /// Limits of resources, of COMMAND alone: an init could not start it within some of them. What opens, maps, writes or makes
    /// processes is over; and there still is the capability that a higher one takes.
    #[cfg(feature = "limits")] Rlimits Rlimit
    /// The ids of COMMAND, and no supplementary group.
    #[cfg(feature = "ids")] Ids Uid
    /// Again: a change of ids has cleared it, and a child has not inherited it, prctl(2).
    #[cfg(feature = "process")] DieWithParentStill Parent
    /// The capabilities of COMMAND.
    #[cfg(feature = "caps")] Caps Caps
    /// The file mode creation mask of COMMAND.
    #[cfg(any(feature = "fs", feature = "root", feature = "process"))] Umask Umask
    /// How security modules label COMMAND, and hooks that are found in its root.
    #[cfg(feature = "oci")] Labels Label
    /// Close every descriptor above 2 that COMMAND does not get.
    Close Close
    /// The caller's signal mask, and its SIGCHLD ignored if it was.
    Signals Mask
    /// The same of filters that notify an agent: while there is the launcher, which hands the listener over.
    #[cfg(feature = "oci")] FilterNotify Filter
    /// Wait for data or end of file.
    #[cfg(feature = "report")] Block Block
    /// What somebody wants to be run right before COMMAND.
    #[cfg(feature = "oci")] HooksBefore Hook
    /// Filters of system calls: what COMMAND needs is all that they have to let pass.
    #[cfg(feature = "seccomp")] Filter Filter
    /// Become COMMAND.
    Exec Exec
}

/// Those that say themselves what they do, before they do anything.
pub const NAMED_WITHIN: Steps = Steps::of(&[
    #[cfg(feature = "options")]
    Step::Sources,
    #[cfg(feature = "users")]
    Step::IdsInside,
    #[cfg(feature = "safe")]
    Step::Masks,
    #[cfg(feature = "fs")]
    Step::Operations,
    #[cfg(feature = "caps")]
    Step::Bound,
    #[cfg(feature = "seccomp")]
    Step::FilterEarly,
    #[cfg(feature = "init")]
    Step::Init,
    #[cfg(feature = "limits")]
    Step::Rlimits,
    #[cfg(feature = "ids")]
    Step::Ids,
    #[cfg(feature = "seccomp")]
    Step::Filter,
    #[cfg(feature = "oci")]
    Step::FilterNotify,
]);

/// A set of steps.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Steps(u64);

impl Steps {
    /// Those of every child; without options, those too that an option can leave out.
    pub const ALWAYS: Steps = Steps::of(&[
        #[cfg(all(feature = "loopback", not(feature = "options")))]
        Step::Loopback,
        #[cfg(not(feature = "options"))]
        Step::Private,
        Step::Rootfs,
        #[cfg(not(feature = "options"))]
        Step::Proc,
        Step::Enter,
        #[cfg(not(feature = "options"))]
        Step::NoNewPrivs,
        Step::Close,
        Step::Signals,
        Step::Exec,
    ]);

    pub(super) const fn of(mut steps: &[Step]) -> Steps {
        let mut set = 0;
        while let [step, rest @ ..] = steps {
            (set, steps) = (set | 1 << *step as u32, rest);
        }
        Steps(set)
    }

    /// Adds one, when it is wanted.
    pub(crate) fn add(&mut self, step: Step, wanted: bool) {
        self.0 |= u64::from(wanted) << step as u32;
    }

    /// Takes one away.
    #[cfg(any(
        feature = "bwrap",
        feature = "linux7",
        feature = "oci",
        all(feature = "template", feature = "safe")
    ))]
    pub(crate) fn remove(&mut self, step: Step) {
        self.0 &= !(1 << step as u32);
    }

    /// Adds all of `more`.
    #[cfg(any(feature = "safe", feature = "fs"))]
    pub(super) fn add_all(&mut self, more: Steps) {
        self.0 |= more.0;
    }

    /// Whether any of `others` is among them.
    #[cfg(feature = "options")]
    pub(super) fn meet(self, others: Steps) -> bool {
        self.0 & others.0 != 0
    }

    /// The number of the first of them that is not below `from`; one that no step has, where there is none.
    pub fn first_from(self, from: usize) -> usize {
        let rest = self.0.checked_shr(from as u32).unwrap_or(0);
        from.wrapping_add(rest.trailing_zeros() as usize)
    }

    /// Whether it is among them.
    pub fn has(self, step: Step) -> bool {
        self.0 >> step as u32 & 1 != 0
    }
}
