//! The order of a child's life.

use super::{Plan, Root};
use crate::cli::Opt;
use crate::fail::Stage;
use crate::spec::{Spec, bit};
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
    pub const ALWAYS: Steps = Steps(
        1 << Step::Private as u32
            | 1 << Step::Rootfs as u32
            | 1 << Step::Enter as u32
            | 1 << Step::Close as u32
            | 1 << Step::Signals as u32
            | 1 << Step::Exec as u32,
    );

    /// Adds one, when it is wanted.
    pub(super) fn add(&mut self, step: Step, wanted: bool) {
        self.0 |= u32::from(wanted) << step as u32;
    }

    /// Whether it is among them.
    pub fn has(self, step: Step) -> bool {
        self.0 >> step as u32 & 1 != 0
    }
}

/// Chooses the steps.
pub(super) fn choose(spec: &Spec<'_>, plan: &mut Plan<'_>) {
    let (user, pid) = (plan.makes(CLONE_NEWUSER), plan.makes(CLONE_NEWPID));
    let given = |opt| plan.words.get(opt).is_some();
    let mut steps = plan.steps;
    #[cfg(feature = "process")]
    {
        steps.add(Step::DieWithParent, spec.has(bit::DIE_WITH_PARENT));
        steps.add(Step::Session, spec.has(bit::NEW_SESSION));
    }
    #[cfg(feature = "users")]
    let ranges = steps.has(Step::IdsInside);
    #[cfg(not(feature = "users"))]
    let ranges = false;
    steps.add(Step::IdMap, user && !ranges);
    #[cfg(feature = "users")]
    steps.add(Step::Released, ranges);
    #[cfg(feature = "report")]
    steps.add(Step::Released, given(Opt::PidFile) || given(Opt::InfoFd) || given(Opt::BlockFd));
    #[cfg(any(feature = "users", feature = "report"))]
    {
        plan.borrow &= !steps.has(Step::Released);
    }
    #[cfg(feature = "host")]
    {
        steps.add(Step::Time, spec.has(bit::TIME));
        steps.add(Step::HostName, given(Opt::Hostname));
        steps.add(Step::DomainName, given(Opt::Domainname));
        // A time namespace is not entered by somebody who shares memory: "multithreaded", setns(2).
        plan.borrow &= !spec.has(bit::TIME);
    }
    steps.add(Step::Loopback, plan.makes(CLONE_NEWNET));
    #[cfg(feature = "root")]
    let (elsewhere, options) = (given(Opt::Proc), given(Opt::ProcOpts));
    #[cfg(not(feature = "root"))]
    let (elsewhere, options) = (false, false);
    #[cfg(feature = "join")]
    let (joins_pid, joins) = (given(Opt::Pidns), given(Opt::Pidns) || given(Opt::Userns));
    #[cfg(not(feature = "join"))]
    let (joins_pid, joins) = (false, false);
    // Whoever is in the joined namespace already could reach into the memory that the child borrowed.
    plan.borrow &= !joins;
    let shared = !pid && !joins_pid && !options;
    // The host's own tree has a /proc for the caller's own PID namespace.
    let there = plan.how == Root::Same && shared && !elsewhere;
    let proc = !spec.has(bit::NO_PROC) && !there;
    plan.shared_proc = shared;
    steps.add(Step::Proc, proc);
    steps.add(Step::Sources, proc && shared);
    #[cfg(feature = "fs")]
    steps.add(Step::Sources, !plan.lists.operations.is_empty());
    #[cfg(feature = "fs")]
    steps.add(Step::Operations, !plan.lists.operations.is_empty());
    #[cfg(feature = "root")]
    {
        steps.add(Step::NoUmask, elsewhere);
        steps.add(Step::ReadOnly, spec.has(bit::READ_ONLY));
    }
    #[cfg(feature = "fs")]
    steps.add(Step::NoUmask, steps.has(Step::Operations));
    #[cfg(any(feature = "fs", feature = "root"))]
    steps.add(Step::Umask, steps.has(Step::NoUmask));
    #[cfg(feature = "process")]
    steps.add(Step::Umask, given(Opt::Umask));
    steps.add(Step::Chdir, given(Opt::Chdir));
    #[cfg(feature = "init")]
    {
        steps.add(Step::Init, spec.has(bit::INIT));
        plan.borrow &= !spec.has(bit::INIT);
        plan.init_lends = !joins;
    }
    // With a map of its own and no ranges, the map is all it takes.
    let changed = (given(Opt::Uid) || given(Opt::Gid)) && (!user || ranges);
    steps.add(Step::Ids, changed);
    #[cfg(feature = "process")]
    steps.add(Step::DieWithParentStill, (changed || spec.has(bit::INIT)) && spec.has(bit::DIE_WITH_PARENT));
    steps.add(Step::NoNewPrivs, !spec.has(bit::ALLOW_NEW_PRIVS));
    #[cfg(feature = "report")]
    steps.add(Step::Block, given(Opt::BlockFd));
    #[cfg(all(feature = "report", feature = "init"))]
    {
        plan.init_lends &= !steps.has(Step::Block);
    }
    plan.steps = steps;
}
