//! Spec → Plan: the rules across options, the defaults, the order. Pure; what comes out has been checked.

#[cfg(feature = "env")]
mod env;
#[cfg(feature = "fs")]
mod fs;
#[cfg(feature = "users")]
mod users;
mod want;

#[cfg(feature = "users")]
pub use users::{List, MAX_RANGES, Range};

use crate::fail::{Stage, Why};
use crate::spec::{Given, MAX_GIVEN, Misuse, Spec, bit};
use crate::sys::{AtFd, Fd, Ids, Stack, Strings, ZStr};
use heapless::Vec;
use want::Want;

/// How many steps fit: one for each option, and the fixed ones.
pub const MAX_STEPS: usize = MAX_GIVEN + 32;
/// How many variables fit into an environment that is changed.
pub const MAX_ENV: usize = 4096;
/// How many descriptors can be kept.
pub const MAX_KEPT: usize = 64;
/// How many kinds of namespaces can be joined.
pub const MAX_JOINS: usize = 7;

/// One thing the child does. Plain data; the descriptors are filled in while it runs, by [`crate::step::resolve`].
#[cfg_attr(test, derive(Debug, PartialEq))]
pub enum Step {
    /// KILL for us when the launcher ends, and an end at once if it has ended already.
    #[cfg(feature = "process")]
    DieWithParent,
    /// A new session.
    #[cfg(feature = "process")]
    Session,
    /// A map of one id to the caller's own, for users and for groups.
    IdMap {
        /// The user id inside.
        uid: u32,
        /// The group id inside.
        gid: u32,
    },
    /// Wait until the launcher has written id maps and reports.
    #[cfg(any(feature = "users", feature = "report"))]
    Released,
    /// A new time namespace with these offsets: seconds and nanoseconds.
    #[cfg(feature = "host")]
    Time {
        /// CLOCK_BOOTTIME's.
        boottime: (i64, u32),
        /// CLOCK_MONOTONIC's.
        monotonic: (i64, u32),
    },
    /// sethostname(2)
    #[cfg(feature = "host")]
    HostName(ZStr<'static>),
    /// setdomainname(2)
    #[cfg(feature = "host")]
    DomainName(ZStr<'static>),
    /// `lo` up.
    Loopback,
    /// No mount of ours reaches the host, and none of the host's reaches us.
    Private,
    /// ROOTFS is taken. Before it the later steps take their sources, while the host's tree is as it was.
    Rootfs {
        /// In which way.
        how: Root,
        /// ROOTFS.
        path: ZStr<'static>,
        /// Whether what is mounted below ROOTFS is made read-only.
        read_only: bool,
    },
    /// A fresh proc, or (`tree`) the caller's own where its PID namespace is shared.
    Proc {
        /// Where.
        dest: ZStr<'static>,
        /// proc's own mount options.
        options: Option<ZStr<'static>>,
        /// Whether DEST is made when it is missing.
        make: bool,
        /// Whether it shall be the caller's.
        shared: bool,
        /// The caller's, once it has been taken.
        tree: Option<Fd>,
    },
    /// A bind mount.
    #[cfg(feature = "fs")]
    Bind {
        /// What, of the host.
        source: ZStr<'static>,
        /// Where.
        dest: ZStr<'static>,
        /// MOUNT_ATTR_* of mount_setattr(2).
        attributes: u32,
        /// Whether a missing source is no failure.
        optional: bool,
        /// The source, once it has been taken; none when it was missing and optional.
        tree: Option<Fd>,
    },
    /// A tmpfs.
    #[cfg(feature = "fs")]
    Tmpfs {
        /// Where.
        dest: ZStr<'static>,
        /// Permissions of its root.
        mode: u32,
        /// Limit in bytes; 0: the kernel's default.
        size: u64,
    },
    /// A minimal /dev.
    #[cfg(feature = "fs")]
    Dev {
        /// Where.
        dest: ZStr<'static>,
        /// The host's /dev, once it has been taken.
        host: Option<Fd>,
        /// The terminal on stdout, once it has been taken.
        console: Option<Fd>,
    },
    /// sysfs, read-only.
    #[cfg(feature = "fs")]
    Sysfs(ZStr<'static>),
    /// A directory.
    #[cfg(feature = "fs")]
    Dir {
        /// Where.
        dest: ZStr<'static>,
        /// Permissions when it is made.
        mode: u32,
    },
    /// A symbolic link.
    #[cfg(feature = "fs")]
    Symlink {
        /// What it says.
        target: ZStr<'static>,
        /// Where.
        dest: ZStr<'static>,
    },
    /// ROOTFS becomes the root and the working directory.
    Enter(Root, ZStr<'static>),
    /// ROOTFS itself read-only.
    #[cfg(feature = "root")]
    ReadOnly,
    /// Another working directory.
    Chdir(ZStr<'static>),
    /// The rest is done by a child; we become the init of this container.
    #[cfg(feature = "init")]
    Init {
        /// Whether it stays until every process is gone.
        wait_all: bool,
        /// Whether it is process 1; a subreaper otherwise.
        first: bool,
        /// Whether its child may borrow its memory.
        borrow: bool,
    },
    /// Ids, and no supplementary group.
    Ids {
        /// User id.
        uid: u32,
        /// Group id.
        gid: u32,
    },
    /// no_new_privs
    NoNewPrivs,
    /// A file mode creation mask, `None`: the caller's.
    #[cfg(any(feature = "fs", feature = "root", feature = "process"))]
    Umask(Option<u32>),
    /// Close every descriptor above 2 that COMMAND does not get.
    Close,
    /// The caller's signal mask, and its SIGCHLD ignored if it was.
    Signals,
    /// Wait for data or end of file on this descriptor.
    #[cfg(feature = "report")]
    Block(u32),
    /// Become COMMAND.
    Exec,
}

impl Step {
    /// What a message says is being done.
    pub fn stage(&self) -> Stage {
        match self {
            #[cfg(feature = "process")]
            Step::DieWithParent => Stage::Parent,
            #[cfg(feature = "process")]
            Step::Session => Stage::Session,
            Step::IdMap { .. } => Stage::IdMap,
            #[cfg(any(feature = "users", feature = "report"))]
            Step::Released => Stage::Handshake,
            #[cfg(feature = "host")]
            Step::Time { .. } => Stage::Time,
            #[cfg(feature = "host")]
            Step::HostName(_) => Stage::HostName,
            #[cfg(feature = "host")]
            Step::DomainName(_) => Stage::DomainName,
            Step::Loopback => Stage::Loopback,
            Step::Private => Stage::Propagation,
            Step::Rootfs { .. } => Stage::Rootfs,
            Step::Proc { .. } => Stage::Proc,
            #[cfg(feature = "fs")]
            Step::Bind { .. } | Step::Tmpfs { .. } | Step::Dev { .. } | Step::Sysfs(_) => Stage::Mount,
            #[cfg(feature = "fs")]
            Step::Dir { .. } | Step::Symlink { .. } => Stage::Create,
            Step::Enter(..) => Stage::Root,
            #[cfg(feature = "root")]
            Step::ReadOnly => Stage::ReadOnly,
            Step::Chdir(_) => Stage::Chdir,
            #[cfg(feature = "init")]
            Step::Init { .. } => Stage::Clone,
            Step::Ids { .. } => Stage::Uid,
            Step::NoNewPrivs => Stage::NoNewPrivs,
            #[cfg(any(feature = "fs", feature = "root", feature = "process"))]
            Step::Umask(_) => Stage::Close,
            Step::Close => Stage::Close,
            Step::Signals => Stage::Mask,
            #[cfg(feature = "report")]
            Step::Block(_) => Stage::Block,
            Step::Exec => Stage::Exec,
        }
    }

    /// What it is done to.
    pub fn subject(&self) -> Option<ZStr<'static>> {
        match self {
            Step::Rootfs { path, .. } | Step::Enter(_, path) => Some(*path),
            Step::Proc { dest, .. } => Some(*dest),
            #[cfg(feature = "fs")]
            Step::Bind { dest, .. }
            | Step::Tmpfs { dest, .. }
            | Step::Dev { dest, .. }
            | Step::Sysfs(dest)
            | Step::Dir { dest, .. }
            | Step::Symlink { dest, .. } => Some(*dest),
            #[cfg(feature = "host")]
            Step::HostName(name) | Step::DomainName(name) => Some(*name),
            Step::Chdir(dir) => Some(*dir),
            _ => None,
        }
    }
}

/// How ROOTFS becomes the root.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Root {
    /// It is `/`, and stays.
    Same,
    /// As a mount of its own, by pivot_root(2), which takes the old root out of sight.
    Pivot,
    /// By chroot(2).
    Chroot,
    /// By chroot(2) into a mount of its own.
    #[cfg(feature = "root")]
    ChrootMount,
}

/// A namespace to join.
#[cfg(feature = "join")]
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub struct Join {
    /// CLONE_NEW*, as setns(2) takes it.
    pub kind: u32,
    /// A path, or the number of a descriptor.
    pub from: ZStr<'static>,
}

/// A descriptor that the caller named and passed on.
#[derive(Clone, Copy)]
pub struct Descriptor {
    /// Its number.
    pub number: u32,
    /// The word that named it, for messages.
    pub word: ZStr<'static>,
}

impl Descriptor {
    /// For a call.
    pub fn at(self) -> AtFd<'static> {
        AtFd::inherited(self.number)
    }
}

/// What the launcher writes, holds and removes.
#[cfg(feature = "report")]
#[derive(Default)]
pub struct Reports {
    /// `--pid-file`
    pub pid_file: Option<ZStr<'static>>,
    /// `--info-fd`
    pub info: Option<Descriptor>,
    /// `--sync-fd`
    pub sync: Option<Descriptor>,
}

/// The command line, and where COMMAND stands in it.
#[derive(Clone, Copy)]
pub struct Exec {
    /// All words.
    pub stack: Stack,
    /// Which one COMMAND is.
    pub at: usize,
    /// `--argv0`
    pub argv0: Option<ZStr<'static>>,
}

/// What a plan has many of: too large for a stack frame.
#[derive(Default)]
pub struct Lists {
    /// The child's life, in this order.
    pub steps: Vec<Step, MAX_STEPS>,
    /// Descriptors that COMMAND gets, ascending.
    pub kept: Vec<Descriptor, MAX_KEPT>,
    #[allow(missing_docs)]
    pub env: Env,
    /// Id maps: users, groups.
    #[cfg(feature = "users")]
    pub maps: [List; 2],
    #[cfg(feature = "join")]
    #[allow(missing_docs)]
    pub joins: Vec<Join, MAX_JOINS>,
}

impl Lists {
    /// Appends a step. There is room: an option makes one at most, and [`MAX_STEPS`] has 32 for the rest.
    #[inline(never)]
    fn then(&mut self, step: Step) {
        let _ = self.steps.push(step);
    }
}

/// The environment of COMMAND.
#[derive(Default)]
pub struct Env {
    /// When it is not the caller's: its words, `None` behind the last.
    #[cfg(feature = "env")]
    pub changed: Vec<Option<ZStr<'static>>, { MAX_ENV + 1 }>,
}

impl Env {
    /// For execve(2).
    pub fn words(&self, caller: Stack) -> Strings<'_> {
        #[cfg(feature = "env")]
        if let Some(changed) = Strings::of(&self.changed) {
            return changed;
        }
        caller.envp()
    }

    /// Its PATH.
    pub fn path(&self, caller: Stack) -> Option<ZStr<'static>> {
        #[cfg(feature = "env")]
        if !self.changed.is_empty() {
            return self.changed.iter().flatten().find_map(|v| v.value_of(b"PATH="));
        }
        caller.variable(b"PATH=")
    }
}

/// What will be done.
pub struct Plan<'w> {
    /// The caller's ids.
    pub ids: Ids,
    /// CLONE_NEW* for clone(2).
    pub namespaces: u32,
    /// Whether the child may borrow our memory: it ends in execve and waits for nobody.
    pub borrow: bool,
    /// Whether the child waits for what the launcher writes.
    pub held: bool,
    /// Whether COMMAND is process 1, for which the kernel drops signals without a handler.
    pub first: bool,
    /// Whether the container ends with the launcher, and the launcher with its parent.
    pub die_with_parent: bool,
    /// Whether the launcher writes id maps; without, the child writes one of one id itself.
    #[cfg(feature = "users")]
    pub maps: bool,
    /// Which of them, users and groups, are to be looked up: the caller's range of /etc/subuid and /etc/subgid.
    #[cfg(feature = "users")]
    pub auto: [bool; 2],
    #[cfg(feature = "report")]
    #[allow(missing_docs)]
    pub reports: Reports,
    #[allow(missing_docs)]
    pub exec: Exec,
    #[allow(missing_docs)]
    pub lists: &'w mut Lists,
}

impl<'w> Plan<'w> {
    /// Nothing to do, for the caller that `stack` tells of.
    pub fn new(stack: Stack, lists: &'w mut Lists) -> Plan<'w> {
        Plan {
            ids: stack.ids(),
            namespaces: 0,
            borrow: false,
            held: false,
            first: false,
            die_with_parent: false,
            #[cfg(feature = "users")]
            maps: false,
            #[cfg(feature = "users")]
            auto: [false; 2],
            #[cfg(feature = "report")]
            reports: Reports::default(),
            exec: Exec { stack, at: 0, argv0: None },
            lists,
        }
    }
}

/// Makes `plan` from `spec`, or says which option makes no sense.
pub fn build<'s>(spec: &'s Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Misuse<'s>> {
    let mut want = Want::default();
    for given in spec.given.iter() {
        want.note(given, plan)?;
    }
    want.check(spec, plan)?;
    order(spec, &want, plan)?;
    plan.exec.at = spec.rootfs.saturating_add(1);
    #[cfg(feature = "env")]
    env::build(spec, plan)?;
    Ok(())
}

/// The order of a child's life.
fn order<'s>(spec: &'s Spec<'_>, want: &Want, plan: &mut Plan<'_>) -> Result<(), Misuse<'s>> {
    use crate::sys::{CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWUSER};
    let Some(path) = plan.exec.stack.arg(spec.rootfs) else { return Err(Why::NoRootfs.into()) };
    let new = |kind: u32| plan.namespaces & kind != 0;
    let (user, net, pid) = (new(CLONE_NEWUSER), new(CLONE_NEWNET), new(CLONE_NEWPID));
    #[cfg(feature = "users")]
    let ranges = plan.maps;
    #[cfg(not(feature = "users"))]
    let ranges = false;

    #[cfg(feature = "process")]
    {
        plan.die_with_parent = spec.has(bit::DIE_WITH_PARENT);
        if plan.die_with_parent {
            plan.lists.then(Step::DieWithParent);
        }
        if spec.has(bit::NEW_SESSION) {
            plan.lists.then(Step::Session);
        }
    }
    #[cfg(any(feature = "users", feature = "report"))]
    if plan.held {
        plan.lists.then(Step::Released);
    }
    if user && !ranges {
        plan.lists.then(Step::IdMap { uid: want.uid.unwrap_or(0), gid: want.gid.unwrap_or(0) });
    }
    #[cfg(feature = "host")]
    {
        if spec.has(bit::TIME) {
            plan.lists.then(Step::Time { boottime: want.boottime, monotonic: want.monotonic });
        }
        if let Some(name) = want.hostname {
            plan.lists.then(Step::HostName(name));
        }
        if let Some(name) = want.domainname {
            plan.lists.then(Step::DomainName(name));
        }
    }
    if net {
        plan.lists.then(Step::Loopback);
    }
    plan.lists.then(Step::Private);
    let how = match path.bytes() {
        [b'/', rest @ ..] if rest.iter().all(|b| *b == b'/') => Root::Same,
        #[cfg(feature = "root")]
        _ if spec.has(bit::CHROOT) && spec.has(bit::READ_ONLY) => Root::ChrootMount,
        _ if spec.has(bit::CHROOT) => Root::Chroot,
        _ => Root::Pivot,
    };
    plan.lists.then(Step::Rootfs { how, path, read_only: spec.has(bit::READ_ONLY) });
    #[cfg(feature = "users")]
    if ranges {
        // What is created from here on needs ids that exist inside.
        let uid = users::first_id(plan, 0, want.uid);
        let gid = users::first_id(plan, 1, want.gid);
        plan.lists.then(Step::Ids { uid, gid });
    }
    #[cfg(feature = "fs")]
    let creates = fs::creates(spec) || want.proc_dest.is_some();
    #[cfg(all(feature = "root", not(feature = "fs")))]
    let creates = want.proc_dest.is_some();
    #[cfg(any(feature = "fs", feature = "root"))]
    if creates {
        // What is made for a mount has the mode that was asked for, whatever the caller's mask is.
        plan.lists.then(Step::Umask(Some(0)));
    }
    let shared = !pid && !want.joins_pid && want.proc_opts.is_none();
    // The host's own tree has a /proc for the caller's own PID namespace.
    let there = how == Root::Same && shared && want.proc_dest.is_none();
    if !spec.has(bit::NO_PROC) && !there {
        let dest = want.proc_dest.unwrap_or(crate::z!("/proc"));
        let make = want.proc_dest.is_some();
        plan.lists.then(Step::Proc { dest, options: want.proc_opts, make, shared, tree: None });
    }
    #[cfg(feature = "fs")]
    fs::order(spec, plan)?;
    plan.lists.then(Step::Enter(how, path));
    #[cfg(feature = "root")]
    if spec.has(bit::READ_ONLY) {
        plan.lists.then(Step::ReadOnly);
    }
    if let Some(dir) = want.chdir {
        plan.lists.then(Step::Chdir(dir));
    }
    #[cfg(feature = "init")]
    if spec.has(bit::INIT) {
        let borrow = want.block.is_none() && !want.joins_pid;
        plan.lists.then(Step::Init { wait_all: spec.has(bit::WAIT_ALL), first: pid, borrow });
    }
    let asked = want.uid.is_some() || want.gid.is_some();
    if ranges && asked || !user && asked {
        plan.lists.then(Step::Ids { uid: want.uid.unwrap_or(0), gid: want.gid.unwrap_or(0) });
        #[cfg(feature = "process")]
        if plan.die_with_parent {
            // A change of ids has cleared it, prctl(2).
            plan.lists.then(Step::DieWithParent);
        }
    }
    if !spec.has(bit::ALLOW_NEW_PRIVS) {
        plan.lists.then(Step::NoNewPrivs);
    }
    #[cfg(feature = "process")]
    if want.umask.is_some() {
        plan.lists.then(Step::Umask(want.umask));
    }
    #[cfg(any(feature = "fs", feature = "root"))]
    if creates && want.umask.is_none() {
        plan.lists.then(Step::Umask(None));
    }
    plan.lists.then(Step::Close);
    plan.lists.then(Step::Signals);
    #[cfg(feature = "report")]
    if let Some(fd) = want.block {
        plan.lists.then(Step::Block(fd.number));
    }
    plan.lists.then(Step::Exec);

    plan.first = pid && !spec.has(bit::INIT);
    plan.borrow =
        !plan.held && !spec.has(bit::INIT) && !spec.has(bit::TIME) && !want.joins_user && !want.joins_pid;
    Ok(())
}

/// A DEST inside of ROOTFS; what is mounted on the root itself would be seen by nobody.
#[cfg(any(feature = "fs", feature = "root"))]
fn below_root<'s>(given: &'s Given, dest: ZStr<'static>) -> Result<ZStr<'static>, Misuse<'s>> {
    if dest.bytes().iter().all(|b| matches!(b, b'/' | b'.')) { Err(given.bad(Why::Root)) } else { Ok(dest) }
}
