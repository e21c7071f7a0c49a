//! Spec → Plan: the rules across options, the defaults, the order. Pure; what comes out has been checked.

#[cfg(feature = "oci")]
mod bundle;
#[cfg(feature = "caps")]
mod caps;
#[cfg(feature = "cgroup")]
mod cgroup;
#[cfg(feature = "options")]
mod choose;
#[cfg(feature = "enter")]
mod enter;
#[cfg(feature = "env")]
mod env;
#[cfg(feature = "fs")]
mod fs;
mod lists;
#[cfg(feature = "linux7")]
mod mounts;
#[cfg(feature = "options")]
mod namespaces;
mod step;
#[cfg(feature = "oci")]
mod task;
#[cfg(feature = "template")]
mod template;
#[cfg(feature = "users")]
mod users;
#[cfg(feature = "veth")]
mod veth;

#[cfg(feature = "oci")]
pub use crate::spec::asked::ALONE;
#[cfg(feature = "oci")]
pub use bundle::*;
#[cfg(feature = "caps")]
pub use caps::Caps;
#[cfg(feature = "enter")]
pub use env::of as env_of;
#[cfg(feature = "bwrap")]
pub use fs::is_root;
#[cfg(feature = "fs")]
pub use fs::{Do, Operation};
pub use lists::Lists;
#[cfg(feature = "join")]
pub use namespaces::JOINS;
pub use step::{NAMED_WITHIN, STEPS, Step, Steps};
#[cfg(feature = "oci")]
pub use task::{MODULES, Task};
#[cfg(feature = "template")]
pub use template::{Numbers, Template};
#[cfg(feature = "users")]
pub use users::{List, MAX_RANGES, Range};
#[cfg(feature = "veth")]
pub use veth::{Ends, MAX_PAIRS, Veth, Veths};

#[cfg(feature = "options")]
use crate::cli::Opt;
use crate::fail::{Fail, Why};
use crate::spec::{Spec, misuse};
use crate::sys::{
    CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS, Ids,
    Stack, ZStr,
};
#[cfg(test)]
use heapless::Vec;

/// How many variables fit into an environment that is changed.
pub const MAX_ENV: usize = 4096;

/// The name of the filter that is built in.
#[cfg(feature = "seccomp")]
pub const DEFAULT_FILTER: &[u8] = b"default";

/// How ROOTFS becomes the root.
#[cfg(feature = "options")]
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Root {
    /// It is `/`, and stays.
    Same,
    /// As a mount of its own, by pivot_root(2), which takes the old root out of sight.
    #[cfg(feature = "pivot")]
    Pivot,
    /// There is none: it is a tmpfs, made by the operations.
    #[cfg(feature = "bwrap")]
    Made,
    /// By chroot(2).
    Chroot,
    /// By chroot(2) into a mount of its own.
    #[cfg(feature = "root")]
    ChrootMount,
}

#[cfg(feature = "safe")]
impl Root {
    /// Whether the old root stays, where a chroot(2) of COMMAND's would lead to it.
    fn is_chroot(self) -> bool {
        #[cfg(feature = "root")]
        if self == Root::ChrootMount {
            return true;
        }
        self == Root::Chroot
    }
}

/// The namespaces that are new for everybody.
const NEW: u32 = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;

/// What will be done.
pub struct Plan<'w> {
    /// The command line.
    pub stack: Stack,
    /// ROOTFS, or what stands in its place.
    pub rootfs: ZStr<'static>,
    /// How it becomes the root.
    #[cfg(feature = "options")]
    pub how: Root,
    /// The caller's ids.
    pub caller: Ids,
    /// The ids that COMMAND has inside.
    #[cfg(feature = "ids")]
    pub uid: u32,
    #[allow(missing_docs)]
    #[cfg(feature = "ids")]
    pub gid: u32,
    /// The capabilities of COMMAND.
    #[cfg(feature = "caps")]
    pub caps: Caps,
    /// CLONE_NEW* for clone(2).
    pub namespaces: u32,
    /// CLONE_NEW* that are joined, those of them that are not ours.
    #[cfg(any(feature = "enter", feature = "template"))]
    pub entered: u32,
    /// The process that it begins in, once it is known.
    #[cfg(feature = "template")]
    pub template: Template,
    /// What the child does.
    pub steps: Steps,
    /// Which of the maps, users and groups, are to be looked up: the caller's range of /etc/subuid and /etc/subgid.
    #[cfg(feature = "users")]
    pub auto: [bool; 2],
    /// Whether /proc is the caller's, whose PID namespace is shared.
    #[cfg(feature = "options")]
    pub shared_proc: bool,
    /// Whether what types into a terminal is refused, if COMMAND turns out to share one with its caller.
    #[cfg(feature = "seccomp")]
    pub guards_terminal: bool,
    /// The mount namespace that begins with ROOTFS alone, where it was made before the child; else the child makes it, in its own
    /// user namespace.
    #[cfg(feature = "linux7")]
    pub made: Option<crate::sys::Fd>,
    /// Whether the child may borrow our memory: it ends in execve and waits for nobody.
    pub borrow: bool,
    /// Whether the init may lend its memory to COMMAND in the same way.
    #[cfg(feature = "init")]
    pub init_lends: bool,
    /// Namespaces that are left out where there can be none.
    #[cfg(feature = "bwrap")]
    pub tries: u32,
    /// The caller's ends of pairs of interfaces, once they were made.
    #[cfg(feature = "veth")]
    pub ends: Ends,
    /// The values of the options, checked.
    pub spec: &'w Spec<'w>,
    #[allow(missing_docs)]
    pub lists: &'w mut Lists,
}

impl Plan<'_> {
    /// The value of an option.
    #[cfg(feature = "options")]
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
        #[cfg(feature = "process")]
        return listed.fold(from(block), |least, given| least.min(from(given.number)));
        #[cfg(not(feature = "process"))]
        from(block)
    }

    /// Whether it lives in a user namespace that somebody else has made.
    #[cfg(feature = "options")]
    pub fn joins_user(&self) -> bool {
        #[cfg(feature = "join")]
        return self.spec.has(Opt::Userns);
        #[cfg(not(feature = "join"))]
        false
    }

    /// Whether mounts of the caller's are to be seen inside later.
    #[inline(always)]
    pub fn receives(&self) -> bool {
        #[cfg(feature = "oci")]
        return matches!(self.lists.bundle.propagation, crate::sys::MS_SLAVE | crate::sys::MS_SHARED);
        #[cfg(not(feature = "oci"))]
        false
    }

    /// Whether all is left away that keeps root inside from being root outside.
    #[cfg(feature = "options")]
    pub fn is_privileged(&self) -> bool {
        #[cfg(feature = "safe")]
        return self.spec.has(Opt::Privileged) || self.spec.is_bwrap() || self.spec.is_oci();
        #[cfg(not(feature = "safe"))]
        false
    }

    /// Whether execve(2) may grant rights: set-id programs work inside.
    #[cfg(feature = "options")]
    pub fn grants(&self) -> bool {
        self.spec.has(Opt::AllowNewPrivs)
            || self.is_privileged() && !self.spec.is_bwrap() && !self.spec.is_oci()
    }

    /// What is asked for if it can be had is left out; the namespaces that are left.
    #[cfg(feature = "bwrap")]
    pub fn without_tries(&mut self) -> u32 {
        if self.tries & CLONE_NEWUSER != 0 {
            self.steps.remove(Step::IdMap);
        }
        self.namespaces &= !self.tries;
        self.namespaces
    }

    /// Of the capabilities that were not asked for COMMAND has those that are `there`.
    #[cfg(feature = "bwrap")]
    pub fn limit_caps(&mut self, there: u64) {
        let asked = Caps::of(self.spec, false, self.how, false).set;
        let set = self.caps.set & there | asked;
        self.caps = Caps { set, named: set };
    }

    /// Whether the launcher has rights over limits that its child has not: those of root outside of a new user namespace.
    #[cfg(feature = "limits")]
    pub fn limits_from_outside(&self) -> bool {
        cfg!(any(feature = "users", feature = "report", feature = "veth"))
            && self.caller.uid == 0
            && self.makes(CLONE_NEWUSER)
    }

    /// Whether COMMAND's ids are not the caller's.
    #[cfg(feature = "bwrap")]
    pub fn other_ids(&self) -> bool {
        (self.uid, self.gid) != (self.caller.uid, self.caller.gid)
    }

    /// The ids in the first user namespace: root where bwrap's --dev needs one, as devpts belongs to a root.
    #[cfg(feature = "bwrap")]
    pub fn first_ids(&self) -> (u32, u32) {
        let mapped = self.makes(CLONE_NEWUSER) && !self.spec.has(Opt::UsernsBlockFd);
        if self.spec.bwrap && mapped && self.spec.has(Opt::Dev) { (0, 0) } else { (self.uid, self.gid) }
    }

    /// Whether COMMAND lives in a second one: where the ids of the first are not its own, and for bwrap's --disable-userns, as
    /// who is in it can't change the limit of the first.
    #[cfg(feature = "bwrap")]
    pub fn second_ids(&self) -> bool {
        self.spec.bwrap && (self.first_ids() != (self.uid, self.gid) || self.spec.has(Opt::DisableUserns))
    }

    /// Whether the namespace of this kind (CLONE_NEW*) is joined that a process has, if it is another one.
    #[cfg(any(feature = "enter", feature = "template"))]
    pub fn enters(&self, kind: u32) -> bool {
        self.entered & kind != 0
    }

    /// Whether the new processes have a namespace of this kind (CLONE_NEW*) of their own.
    pub fn makes(&self, kind: u32) -> bool {
        self.namespaces & kind != 0
    }
}

/// Makes a plan from `spec`, or says what in it makes no sense.
#[cfg_attr(feature = "options", inline(never))]
pub fn build<'w>(spec: &'w Spec<'w>, stack: Stack, lists: &'w mut Lists) -> Result<Plan<'w>, Fail<'static>> {
    let Some(rootfs) = stack.arg(spec.rootfs) else { return misuse(Why::NoRootfs) };
    #[cfg(feature = "enter")]
    let rootfs = spec.word.unwrap_or(rootfs);
    #[cfg(feature = "ids")]
    let id = |opt, own: u32| {
        // Root inside, but for bubblewrap.
        let default = if spec.is_bwrap() || spec.is_enter() { own } else { 0 };
        spec.number(opt).map_or(default, |id| id as u32)
    };
    let caller = stack.ids();
    let mut plan = Plan {
        stack,
        rootfs,
        #[cfg(feature = "options")]
        how: Root::Same,
        caller,
        #[cfg(feature = "ids")]
        uid: id(Opt::Uid, caller.uid),
        #[cfg(feature = "ids")]
        gid: id(Opt::Gid, caller.gid),
        #[cfg(feature = "caps")]
        caps: Caps::ALL,
        namespaces: if caller.uid == 0 { NEW } else { NEW | CLONE_NEWUSER },
        #[cfg(any(feature = "enter", feature = "template"))]
        entered: 0,
        #[cfg(feature = "template")]
        template: Template::NONE,
        steps: Steps::ALWAYS,
        #[cfg(feature = "users")]
        auto: [false; 2],
        #[cfg(feature = "options")]
        shared_proc: false,
        #[cfg(feature = "seccomp")]
        guards_terminal: false,
        #[cfg(feature = "linux7")]
        made: None,
        borrow: true,
        #[cfg(feature = "init")]
        init_lends: true,
        #[cfg(feature = "bwrap")]
        tries: 0,
        #[cfg(feature = "veth")]
        ends: Ends::NONE,
        spec,
        lists,
    };
    #[cfg(feature = "enter")]
    if spec.enter {
        enter::build(spec, &mut plan)?;
        env::build(spec, &mut plan)?;
        return Ok(plan);
    }
    #[cfg(feature = "oci")]
    if spec.is_oci() {
        plan.namespaces = NEW;
    }
    #[cfg(feature = "options")]
    {
        namespaces::build(spec, &mut plan)?;
        plan.how = root(spec, &plan);
    }
    #[cfg(feature = "cgroup")]
    cgroup::check(spec)?;
    #[cfg(feature = "fs")]
    fs::build(spec, &mut plan)?;
    #[cfg(feature = "users")]
    users::build(spec, &mut plan)?;
    #[cfg(feature = "veth")]
    veth::build(spec, &mut plan)?;
    #[cfg(feature = "env")]
    env::build(spec, &mut plan)?;
    #[cfg(feature = "options")]
    choose::steps(spec, &mut plan);
    #[cfg(not(feature = "options"))]
    plan.steps.add(Step::IdMap, plan.makes(CLONE_NEWUSER));
    Ok(plan)
}

#[cfg(feature = "options")]
fn root(spec: &Spec<'_>, plan: &Plan<'_>) -> Root {
    #[cfg(not(feature = "pivot"))]
    let _ = spec;
    #[cfg(feature = "bwrap")]
    if spec.bwrap {
        return Root::Made;
    }
    let rootfs = plan.rootfs;
    if rootfs.first() == b'/' && rootfs.bytes().iter().all(|b| *b == b'/') {
        return Root::Same;
    }
    #[cfg(feature = "root")]
    if spec.has(Opt::Chroot) && spec.has(Opt::ReadOnly) {
        return Root::ChrootMount;
    }
    #[cfg(feature = "pivot")]
    if !spec.has(Opt::Chroot) && plan.makes(CLONE_NEWNS) {
        return Root::Pivot;
    }
    Root::Chroot
}

#[cfg(test)]
mod tests;
