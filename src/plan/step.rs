//! The order of a child's life.

use super::{Plan, Root};
use crate::cli::Opt;
use crate::fail::Stage;
use crate::spec::Spec;
use crate::sys::{CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWUSER};

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
    /// KILL for us when the launcher ends, and an end at once if it has ended already.
    #[cfg(feature = "process")] DieWithParent Parent
    /// A new session.
    #[cfg(feature = "process")] Session Session
    /// Wait until the launcher has written id maps and reports.
    #[cfg(any(feature = "users", feature = "report"))] Released Handshake
    /// A map of one id to the caller's own, for users and for groups.
    IdMap IdMap
    /// A new time namespace with its offsets.
    #[cfg(feature = "host")] Time Time
    /// sethostname(2)
    #[cfg(feature = "host")] HostName HostName
    /// setdomainname(2)
    #[cfg(feature = "host")] DomainName DomainName
    /// `lo` up.
    Loopback Loopback
    /// No mount of ours reaches the host, and none of the host's reaches us.
    Private Propagation
    /// What is needed of the host is taken, while its tree is as it was: sources of binds, the caller's /proc.
    Sources Source
    /// ROOTFS is taken.
    Rootfs Rootfs
    /// Ids that exist inside, for what is created from here on.
    #[cfg(feature = "users")] IdsInside Uid
    /// What is made for a mount has the mode that was asked for, whatever the caller's mask is.
    #[cfg(any(feature = "fs", feature = "root"))] NoUmask Create
    /// A fresh proc, or the caller's own where its PID namespace is shared.
    Proc Proc
    /// The filesystem operations, in the order given.
    #[cfg(feature = "fs")] Operations Mount
    /// ROOTFS becomes the root and the working directory.
    Enter Root
    /// ROOTFS itself read-only.
    #[cfg(feature = "root")] ReadOnly ReadOnly
    /// Another working directory.
    Chdir Chdir
    /// The rest is done by a child; we become the init of this container.
    #[cfg(feature = "init")] Init Clone
    /// The ids of COMMAND, and no supplementary group.
    Ids Uid
    /// Again: a change of ids has cleared it, and a child has not inherited it, prctl(2).
    #[cfg(feature = "process")] DieWithParentStill Parent
    /// no_new_privs
    NoNewPrivs NoNewPrivs
    /// The file mode creation mask of COMMAND.
    #[cfg(any(feature = "fs", feature = "root", feature = "process"))] Umask Close
    /// Close every descriptor above 2 that COMMAND does not get.
    Close Close
    /// The caller's signal mask, and its SIGCHLD ignored if it was.
    Signals Mask
    /// Wait for data or end of file.
    #[cfg(feature = "report")] Block Block
    /// Become COMMAND.
    Exec Exec
}

/// A set of steps.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Steps(u32);

impl Steps {
    /// Those of every child.
    pub const ALWAYS: Steps =
        Steps::of(&[Step::Private, Step::Rootfs, Step::Enter, Step::Close, Step::Signals, Step::Exec]);

    const fn of(mut steps: &[Step]) -> Steps {
        let mut set = 0;
        while let [step, rest @ ..] = steps {
            (set, steps) = (set | 1 << *step as u32, rest);
        }
        Steps(set)
    }

    /// Adds one, when it is wanted.
    pub(super) fn add(&mut self, step: Step, wanted: bool) {
        self.0 |= u32::from(wanted) << step as u32;
    }

    /// Adds all of `more`.
    #[cfg(feature = "fs")]
    fn add_all(&mut self, more: Steps) {
        self.0 |= more.0;
    }

    /// Whether any of `others` is among them.
    fn meet(self, others: Steps) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether it is among them.
    pub fn has(self, step: Step) -> bool {
        self.0 >> step as u32 & 1 != 0
    }
}

/// Steps that an option asks for, and nothing else has to be known.
const ASKED: &[(Opt, Step)] = &[
    #[cfg(feature = "process")]
    (Opt::DieWithParent, Step::DieWithParent),
    #[cfg(feature = "process")]
    (Opt::NewSession, Step::Session),
    #[cfg(feature = "process")]
    (Opt::Umask, Step::Umask),
    #[cfg(feature = "report")]
    (Opt::PidFile, Step::Released),
    #[cfg(feature = "report")]
    (Opt::InfoFd, Step::Released),
    #[cfg(feature = "report")]
    (Opt::BlockFd, Step::Released),
    #[cfg(feature = "report")]
    (Opt::BlockFd, Step::Block),
    #[cfg(feature = "host")]
    (Opt::UnshareTime, Step::Time),
    #[cfg(feature = "host")]
    (Opt::Hostname, Step::HostName),
    #[cfg(feature = "host")]
    (Opt::Domainname, Step::DomainName),
    #[cfg(feature = "root")]
    (Opt::Proc, Step::NoUmask),
    #[cfg(feature = "root")]
    (Opt::Proc, Step::Umask),
    #[cfg(feature = "root")]
    (Opt::ReadOnly, Step::ReadOnly),
    #[cfg(feature = "init")]
    (Opt::Init, Step::Init),
    (Opt::Chdir, Step::Chdir),
];

/// Steps of a child that does not end in execve alone: it waits for us, it is "multithreaded" to setns(2) as long as
/// it shares our memory, it stays.
const OWN_MEMORY: Steps = Steps::of(&[
    #[cfg(any(feature = "users", feature = "report"))]
    Step::Released,
    #[cfg(feature = "host")]
    Step::Time,
    #[cfg(feature = "init")]
    Step::Init,
]);

/// Chooses the steps.
#[inline(never)]
pub(super) fn choose(spec: &Spec<'_>, plan: &mut Plan<'_>) {
    let (user, pid) = (plan.makes(CLONE_NEWUSER), plan.makes(CLONE_NEWPID));
    let mut steps = plan.steps;
    for (opt, step) in ASKED {
        steps.add(*step, spec.has(*opt));
    }
    #[cfg(feature = "users")]
    let ranges = steps.has(Step::IdsInside);
    #[cfg(not(feature = "users"))]
    let ranges = false;
    steps.add(Step::IdMap, user && !ranges);
    #[cfg(feature = "users")]
    steps.add(Step::Released, ranges);
    steps.add(Step::Loopback, plan.makes(CLONE_NEWNET));
    #[cfg(feature = "root")]
    let (elsewhere, options) = (spec.has(Opt::Proc), spec.has(Opt::ProcOpts));
    #[cfg(not(feature = "root"))]
    let (elsewhere, options) = (false, false);
    #[cfg(feature = "join")]
    let (joins_pid, joins) = (spec.has(Opt::Pidns), spec.has(Opt::Pidns) || spec.has(Opt::Userns));
    #[cfg(not(feature = "join"))]
    let (joins_pid, joins) = (false, false);
    let shared = !pid && !joins_pid && !options;
    // The host's own tree has a /proc for the caller's own PID namespace.
    let there = plan.how == Root::Same && shared && !elsewhere;
    let proc = !spec.has(Opt::NoProc) && !there;
    plan.shared_proc = shared;
    steps.add(Step::Proc, proc);
    steps.add(Step::Sources, proc && shared);
    #[cfg(feature = "fs")]
    if !plan.lists.operations.is_empty() {
        steps.add_all(Steps::of(&[Step::Sources, Step::Operations, Step::NoUmask, Step::Umask]));
    }
    // With a map of its own and no ranges, the map is all it takes.
    let changed = (spec.has(Opt::Uid) || spec.has(Opt::Gid)) && (!user || ranges);
    steps.add(Step::Ids, changed);
    #[cfg(feature = "process")]
    {
        #[cfg(feature = "init")]
        let changed = changed || spec.has(Opt::Init);
        steps.add(Step::DieWithParentStill, changed && spec.has(Opt::DieWithParent));
    }
    steps.add(Step::NoNewPrivs, !spec.has(Opt::AllowNewPrivs));
    // Whoever is in the joined namespace already could reach into the memory that the child borrowed.
    plan.borrow = !joins && !steps.meet(OWN_MEMORY);
    #[cfg(feature = "init")]
    {
        plan.init_lends = !joins;
        #[cfg(feature = "report")]
        {
            plan.init_lends &= !steps.has(Step::Block);
        }
    }
    plan.steps = steps;
}
