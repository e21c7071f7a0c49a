//! Which steps a child has, by its options.

#[cfg(feature = "caps")]
use super::Caps;
#[cfg(feature = "oci")]
use super::kind;
use super::{Plan, Root, Step, Steps};
use crate::cli::Opt;
use crate::spec::Spec;
#[cfg(feature = "loopback")]
use crate::sys::CLONE_NEWNET;
use crate::sys::{CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER};

/// Steps that an option asks for, and nothing else has to be known.
const ASKED: &[(Opt, Step)] = &[
    #[cfg(feature = "cgroup")]
    (Opt::Memory, Step::Cgroup),
    #[cfg(feature = "cgroup")]
    (Opt::Swap, Step::Cgroup),
    #[cfg(feature = "cgroup")]
    (Opt::Pids, Step::Cgroup),
    #[cfg(feature = "cgroup")]
    (Opt::Cpus, Step::Cgroup),
    #[cfg(feature = "cgroup")]
    (Opt::CpuWeight, Step::Cgroup),
    #[cfg(feature = "cgroup")]
    (Opt::IoWeight, Step::Cgroup),
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
    #[cfg(feature = "disable-userns")]
    (Opt::DisableUserns, Step::NoUserns),
    #[cfg(feature = "deny-net")]
    (Opt::DenyNet, Step::DenyNet),
    #[cfg(feature = "deny-net")]
    (Opt::DenyNet, Step::Landlock),
    #[cfg(feature = "landlock")]
    (Opt::LandlockRo, Step::Landlock),
    #[cfg(feature = "landlock")]
    (Opt::LandlockRw, Step::Landlock),
    #[cfg(feature = "template")]
    (Opt::Template, Step::Template),
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
    #[cfg(feature = "process")]
    (Opt::Chdir, Step::Chdir),
    #[cfg(feature = "limits")]
    (Opt::Rlimit, Step::Rlimits),
    #[cfg(feature = "placement")]
    (Opt::Pin, Step::Unpin),
    #[cfg(feature = "limits")]
    (Opt::Cpuset, Step::Cpuset),
    #[cfg(feature = "caps")]
    (Opt::CapAdd, Step::Bound),
    #[cfg(feature = "caps")]
    (Opt::CapAdd, Step::Caps),
    #[cfg(feature = "caps")]
    (Opt::CapDrop, Step::Bound),
    #[cfg(feature = "caps")]
    (Opt::CapDrop, Step::Caps),
    #[cfg(feature = "report")]
    (Opt::JsonStatusFd, Step::Released),
    #[cfg(feature = "bwrap")]
    (Opt::UsernsBlockFd, Step::Released),
    #[cfg(feature = "bwrap")]
    (Opt::Userns2, Step::Userns2),
    #[cfg(feature = "bwrap")]
    (Opt::AssertUserns, Step::NotDisabled),
];

/// Steps of a child that does not end in execve alone: it waits for us, it is "multithreaded" to setns(2) as long as
/// it shares our memory, it stays.
const OWN_MEMORY: Steps = Steps::of(&[
    #[cfg(any(feature = "users", feature = "report", feature = "veth"))]
    Step::Released,
    #[cfg(feature = "host")]
    Step::Time,
    #[cfg(feature = "init")]
    Step::Init,
    #[cfg(feature = "bwrap")]
    Step::SecondUser,
    #[cfg(feature = "bwrap")]
    Step::NotDisabled,
]);

/// Adds those that options ask for.
#[cfg_attr(feature = "enter", inline(never))]
pub(super) fn asked(spec: &Spec<'_>, steps: &mut Steps) {
    for (opt, step) in ASKED {
        steps.add(*step, spec.has(*opt));
    }
}

/// Chooses the steps.
#[inline(never)]
pub(super) fn steps(spec: &Spec<'_>, plan: &mut Plan<'_>) {
    let (user, pid) = (plan.makes(CLONE_NEWUSER), plan.makes(CLONE_NEWPID));
    let mut steps = plan.steps;
    asked(spec, &mut steps);
    #[cfg(feature = "cgroup")]
    steps.add(Step::Cgroup, spec.cgroup().is_some());
    #[cfg(feature = "users")]
    let ranges = steps.has(Step::IdsInside);
    #[cfg(not(feature = "users"))]
    let ranges = false;
    // Where somebody else maps the ids, there is nothing to write.
    #[cfg(feature = "bwrap")]
    let user = user && !spec.has(Opt::UsernsBlockFd);
    steps.add(Step::IdMap, user && !ranges);
    #[cfg(feature = "users")]
    steps.add(Step::Released, ranges);
    #[cfg(feature = "loopback")]
    {
        #[cfg(feature = "veth")]
        let with_others = steps.has(Step::Veth);
        #[cfg(not(feature = "veth"))]
        let with_others = false;
        steps.add(Step::Loopback, plan.makes(CLONE_NEWNET) && !with_others);
    }
    #[cfg(feature = "root")]
    let (elsewhere, options) = (spec.has(Opt::Proc), spec.has(Opt::ProcOpts));
    #[cfg(not(feature = "root"))]
    let (elsewhere, options) = (false, false);
    let joins_user = plan.joins_user();
    #[cfg(feature = "join")]
    let joins_pid = spec.has(Opt::Pidns);
    #[cfg(not(feature = "join"))]
    let joins_pid = false;
    #[cfg(feature = "template")]
    let joins_pid = joins_pid || plan.enters(CLONE_NEWPID);
    let joins = joins_pid || joins_user;
    let shared = !pid && !joins_pid && !options;
    // That of a template is another one.
    #[cfg(feature = "template")]
    let shared = shared && !plan.enters(CLONE_NEWNS);
    // The host's own tree has a /proc for the caller's own PID namespace.
    let there = plan.how == Root::Same && shared && !elsewhere;
    let mounts = plan.makes(CLONE_NEWNS);
    let proc = !spec.has(Opt::NoProc) && !there && mounts;
    plan.shared_proc = shared;
    steps.add(Step::Private, mounts);
    steps.add(Step::Proc, proc);
    steps.add(Step::Sources, proc && shared);
    #[cfg(feature = "fs")]
    if !plan.lists.operations.is_empty() {
        steps.add_all(Steps::of(&[Step::Sources, Step::Operations, Step::NoUmask, Step::Umask]));
    }
    // With a map of its own and no ranges, the map is all it takes.
    #[cfg(feature = "ids")]
    steps.add(Step::Ids, (spec.has(Opt::Uid) || spec.has(Opt::Gid)) && (!user || ranges));
    #[cfg(feature = "process")]
    {
        #[cfg(feature = "ids")]
        let changed = steps.has(Step::Ids);
        #[cfg(not(feature = "ids"))]
        let changed = false;
        #[cfg(feature = "init")]
        let changed = changed || spec.has(Opt::Init);
        steps.add(Step::DieWithParentStill, changed && spec.has(Opt::DieWithParent));
    }
    #[cfg(feature = "bwrap")]
    if spec.bwrap {
        steps.add(Step::NotDisabled, spec.has(Opt::DisableUserns));
        // In a namespace of ours the map is all it takes.
        steps.remove(Step::Ids);
        steps.add(Step::Ids, joins_user && plan.other_ids());
        steps.add(Step::SecondUser, plan.second_ids());
        steps.add(Step::Sources, true);
        // Of root all that it has, of anybody else nothing but what is asked for.
        let (user, root) = (user || joins_user, plan.caller.uid == 0);
        steps.add(Step::Caps, !root);
        steps.remove(Step::Bound);
        steps.add(Step::Bound, user);
    }
    #[cfg(feature = "limits")]
    {
        let (nice, score) = (spec.has(Opt::Nice), spec.has(Opt::OomScoreAdj));
        let outside = plan.limits_from_outside();
        steps.add(Step::Nice, nice && !outside);
        steps.add(Step::OomScore, score && !outside);
        #[cfg(any(feature = "users", feature = "report", feature = "veth"))]
        steps.add(Step::Released, outside && (nice || score || spec.has(Opt::Rlimit)));
    }
    #[cfg(feature = "oci")]
    if spec.is_oci() {
        steps.add_all(Steps::of(&[Step::Released, Step::Bound, Step::Caps]));
        if plan.joins_mounts() {
            // Up to here it was as one of its own; the child is born without it.
            steps.add(Step::JoinMounts, true);
            plan.namespaces &= !CLONE_NEWNS;
        }
        let bundle = &plan.lists.bundle;
        let last = bundle.has_hook(kind::START_CONTAINER);
        // What they are told is read by the first of the two: behind it no descriptor of ours is left.
        steps.add(Step::HooksInside, last || bundle.has_hook(kind::CREATE_CONTAINER));
        steps.add(Step::HooksBefore, last);
        steps.add(Step::Sysctls, !plan.lists.bundle.sysctls.is_empty());
        bundle.task.steps(&mut steps);
        steps.add(Step::Propagation, plan.lists.bundle.propagation != 0);
    }
    let grants = plan.grants();
    steps.add(Step::NoNewPrivs, !grants);
    #[cfg(feature = "seccomp")]
    {
        plan.guards_terminal = !plan.is_privileged();
        let any = plan.guards_terminal || spec.has(Opt::Seccomp);
        #[cfg(feature = "bwrap")]
        let any = any || spec.has(Opt::AddSeccomp);
        #[cfg(feature = "oci")]
        let any = any || plan.lists.bundle.filter.is_some();
        // A filter of COMMAND alone would be none: it may trace an init that has the same ids.
        #[cfg(feature = "init")]
        let for_init = spec.has(Opt::Init) && !spec.is_bwrap();
        #[cfg(not(feature = "init"))]
        let for_init = false;
        // Without no_new_privs it takes a capability, which COMMAND's ids may not have.
        let early = for_init || grants;
        steps.add(Step::FilterEarly, any && early);
        steps.add(Step::Filter, any && !early);
        #[cfg(feature = "oci")]
        if plan.lists.bundle.listener.is_some() && !early {
            steps.remove(Step::Filter);
            steps.add(Step::FilterNotify, true);
        }
    }
    #[cfg(feature = "safe")]
    let safe = plan.caller.uid == 0 && !user && !joins_user && !plan.is_privileged();
    #[cfg(feature = "safe")]
    if safe {
        steps.add_all(Steps::of(&[Step::Masks, Step::Bound, Step::Caps]));
    }
    #[cfg(all(feature = "caps", not(feature = "safe")))]
    let safe = false;
    #[cfg(feature = "caps")]
    {
        plan.caps = Caps::of(spec, safe, plan.how, plan.caller.uid == 0);
    }
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
