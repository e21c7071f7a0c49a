//! Spec → Plan: the rules across options, the defaults, the order. Pure; what comes out has been checked.

#[cfg(feature = "env")]
mod env;
#[cfg(feature = "fs")]
mod fs;
mod step;
#[cfg(feature = "users")]
mod users;

#[cfg(feature = "fs")]
pub use fs::{Do, Operation};
pub use step::{STEPS, Step, Steps};
#[cfg(feature = "users")]
pub use users::{List, MAX_RANGES, Range};

use crate::cli::Opt;
use crate::fail::{Fail, Why};
use crate::spec::{Given, Spec, misuse};
#[cfg(feature = "join")]
use crate::sys::CLONE_NEWTIME;
use crate::sys::{
    CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS, Ids,
    Stack, Strings, ZStr,
};
#[cfg(any(test, feature = "env", feature = "fs"))]
use heapless::Vec;

/// How many variables fit into an environment that is changed.
pub const MAX_ENV: usize = 4096;

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

/// A CLONE_NEW* by the number of its bit: what a table holds in a byte.
const fn bit(kind: u32) -> u8 {
    kind.trailing_zeros() as u8
}

/// The options by which the caller's namespace is kept.
const SHARES: &[(Opt, u8)] = &[
    (Opt::SharePid, bit(CLONE_NEWPID)),
    (Opt::ShareNet, bit(CLONE_NEWNET)),
    (Opt::ShareUts, bit(CLONE_NEWUTS)),
    (Opt::ShareIpc, bit(CLONE_NEWIPC)),
    (Opt::ShareCgroup, bit(CLONE_NEWCGROUP)),
];

/// The namespaces that can be joined.
#[cfg(feature = "join")]
pub const JOINS: &[(Opt, u8)] = &[
    // The first one gives the rights for the others.
    (Opt::Userns, bit(CLONE_NEWUSER)),
    (Opt::Pidns, bit(CLONE_NEWPID)),
    (Opt::Netns, bit(CLONE_NEWNET)),
    (Opt::Utsns, bit(CLONE_NEWUTS)),
    (Opt::Ipcns, bit(CLONE_NEWIPC)),
    (Opt::Cgroupns, bit(CLONE_NEWCGROUP)),
    (Opt::Timens, bit(CLONE_NEWTIME)),
];

/// What a plan has many of: too large for a stack frame.
#[derive(Default)]
pub struct Lists {
    /// Filesystem operations, in the order given.
    #[cfg(feature = "fs")]
    pub operations: Vec<Operation, { crate::spec::MAX_GIVEN }>,
    /// The environment when it is not the caller's: its words, `None` behind the last.
    #[cfg(feature = "env")]
    pub env: Vec<Option<ZStr<'static>>, { MAX_ENV + 1 }>,
    /// Id maps: users, groups.
    #[cfg(feature = "users")]
    pub maps: [List; 2],
}

impl Lists {
    /// The environment of COMMAND, for execve(2).
    pub fn env(&self, caller: Stack) -> Strings<'_> {
        #[cfg(feature = "env")]
        if let Some(changed) = Strings::of(&self.env) {
            return changed;
        }
        caller.envp()
    }
}

/// What will be done.
pub struct Plan<'w> {
    /// The command line.
    pub stack: Stack,
    /// ROOTFS.
    pub rootfs: ZStr<'static>,
    /// How it becomes the root.
    pub how: Root,
    /// The caller's ids.
    pub caller: Ids,
    /// The ids that COMMAND has inside.
    pub uid: u32,
    #[allow(missing_docs)]
    pub gid: u32,
    /// CLONE_NEW* for clone(2).
    pub namespaces: u32,
    /// What the child does.
    pub steps: Steps,
    /// Which of the maps, users and groups, are to be looked up: the caller's range of /etc/subuid and /etc/subgid.
    #[cfg(feature = "users")]
    pub auto: [bool; 2],
    /// Whether /proc is the caller's, whose PID namespace is shared.
    pub shared_proc: bool,
    /// Whether the child may borrow our memory: it ends in execve and waits for nobody.
    pub borrow: bool,
    /// Whether the init may lend its memory to COMMAND in the same way.
    #[cfg(feature = "init")]
    pub init_lends: bool,
    /// The values of the options, checked.
    pub spec: &'w Spec<'w>,
    #[allow(missing_docs)]
    pub lists: &'w mut Lists,
}

impl Plan<'_> {
    /// The value of an option.
    pub fn text(&self, opt: Opt) -> Option<ZStr<'static>> {
        self.spec.text(opt)
    }

    /// The least descriptor from `first` on, which is not 0, that stays open up to COMMAND; a number above all of them
    /// where there is none. One by one they come in ascending order, without a list of them.
    pub fn kept(&self, first: u32) -> u32 {
        let from = |number: u64| if number >= first.into() { number as u32 } else { u32::MAX };
        #[cfg(feature = "report")]
        let block = self.spec.number(Opt::BlockFd).unwrap_or(0);
        #[cfg(not(feature = "report"))]
        let block = 0;
        #[cfg(feature = "process")]
        let listed = self.spec.given.iter().filter(|given| given.opt == Opt::KeepFd);
        #[cfg(not(feature = "process"))]
        let listed = [].iter();
        listed.fold(from(block), |least, given: &Given| least.min(from(given.number)))
    }

    /// Whether the new processes have a namespace of this kind (CLONE_NEW*) of their own.
    pub fn makes(&self, kind: u32) -> bool {
        self.namespaces & kind != 0
    }
}

/// Makes a plan from `spec`, or says what in it makes no sense.
#[inline(never)]
pub fn build<'w>(spec: &'w Spec<'w>, stack: Stack, lists: &'w mut Lists) -> Result<Plan<'w>, Fail<'static>> {
    let Some(rootfs) = stack.arg(spec.rootfs) else { return misuse(Why::NoRootfs) };
    let id = |opt| spec.number(opt).unwrap_or(0) as u32;
    let mut plan = Plan {
        stack,
        rootfs,
        how: root(spec, rootfs),
        caller: stack.ids(),
        uid: id(Opt::Uid),
        gid: id(Opt::Gid),
        namespaces: 0,
        steps: Steps::ALWAYS,
        #[cfg(feature = "users")]
        auto: [false; 2],
        shared_proc: false,
        borrow: true,
        #[cfg(feature = "init")]
        init_lends: true,
        spec,
        lists,
    };
    namespaces(spec, &mut plan)?;
    #[cfg(feature = "fs")]
    fs::build(spec, &mut plan)?;
    #[cfg(feature = "users")]
    users::build(spec, &mut plan)?;
    #[cfg(feature = "env")]
    env::build(spec, &mut plan)?;
    step::choose(spec, &mut plan);
    Ok(plan)
}

fn root(spec: &Spec<'_>, rootfs: ZStr<'_>) -> Root {
    if rootfs.first() == b'/' && rootfs.bytes().iter().all(|b| *b == b'/') {
        return Root::Same;
    }
    #[cfg(feature = "root")]
    if spec.has(Opt::Chroot) && spec.has(Opt::ReadOnly) {
        return Root::ChrootMount;
    }
    if spec.has(Opt::Chroot) { Root::Chroot } else { Root::Pivot }
}

/// Which namespaces are new, and whether every option has the one that it needs.
#[inline(never)]
fn namespaces(spec: &Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    const DEFAULT: u32 =
        CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;
    let mut new = DEFAULT & !kinds(SHARES, spec);
    if spec.has(Opt::UnshareUser) || plan.caller.uid != 0 {
        new |= CLONE_NEWUSER;
    }
    #[cfg(feature = "join")]
    {
        if spec.has(Opt::Userns) && spec.has(Opt::UnshareUser) {
            return misuse(Why::Joined);
        }
        new &= !kinds(JOINS, spec);
    }
    plan.namespaces = new;
    #[cfg(any(feature = "host", feature = "users"))]
    for given in spec.given.iter() {
        let (there, why) = match given.opt {
            #[cfg(feature = "host")]
            Opt::Hostname | Opt::Domainname => (plan.makes(CLONE_NEWUTS), Why::NeedsUts),
            #[cfg(feature = "host")]
            Opt::Boottime | Opt::Monotonic => (spec.has(Opt::UnshareTime), Why::NeedsTime),
            #[cfg(feature = "users")]
            Opt::MapUsers | Opt::MapGroups => (plan.makes(CLONE_NEWUSER), Why::NeedsUser),
            _ => continue,
        };
        if !there {
            return given.bad(why);
        }
    }
    #[cfg(feature = "init")]
    if spec.has(Opt::WaitAll) && !spec.has(Opt::Init) {
        return misuse(Why::NeedsInit);
    }
    Ok(())
}

/// The CLONE_NEW* of those options of `table` that were given.
#[inline(never)]
fn kinds(table: &[(Opt, u8)], spec: &Spec<'_>) -> u32 {
    table.iter().filter(|(opt, _)| spec.has(*opt)).fold(0, |kinds, (_, bit)| kinds | 1 << bit)
}

#[cfg(test)]
mod tests;
