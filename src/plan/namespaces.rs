//! Which namespaces are new, and which are the caller's or somebody else's.

use super::Plan;
use crate::cli::Opt;
use crate::fail::Fail;
#[cfg(any(
    feature = "host",
    feature = "root",
    feature = "users",
    feature = "init",
    feature = "join",
    feature = "disable-userns",
    feature = "timeout"
))]
use crate::fail::Why;
#[cfg(any(feature = "root", feature = "disable-userns"))]
use crate::fail::{Stage, fail};
use crate::spec::Spec;
#[cfg(any(feature = "init", feature = "join", feature = "timeout"))]
use crate::spec::misuse;
#[cfg(any(feature = "enter", feature = "pivot"))]
use crate::sys::CLONE_NEWNS;
#[cfg(feature = "join")]
use crate::sys::CLONE_NEWTIME;
use crate::sys::{CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS};
#[cfg(any(feature = "root", feature = "disable-userns"))]
use crate::z;

/// A CLONE_NEW* by the number of its bit: what a table holds in a byte.
const fn bit(kind: u32) -> u8 {
    kind.trailing_zeros() as u8
}

/// The options by which the caller's namespace is kept.
const SHARES: &[(Opt, u8)] = &[
    (Opt::SharePid, bit(CLONE_NEWPID)),
    (Opt::ShareNet, bit(CLONE_NEWNET)),
    // What can't be reached need not be another's.
    #[cfg(feature = "deny-net")]
    (Opt::DenyNet, bit(CLONE_NEWNET)),
    (Opt::ShareUts, bit(CLONE_NEWUTS)),
    (Opt::ShareIpc, bit(CLONE_NEWIPC)),
    (Opt::ShareCgroup, bit(CLONE_NEWCGROUP)),
    #[cfg(feature = "pivot")]
    (Opt::ShareMount, bit(CLONE_NEWNS)),
];

/// Those that are new if they can be.
#[cfg(feature = "bwrap")]
const TRIES: &[(Opt, u8)] =
    &[(Opt::UnshareUserTry, bit(CLONE_NEWUSER)), (Opt::UnshareCgroupTry, bit(CLONE_NEWCGROUP))];

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
    // By `vesicle enter` alone.
    #[cfg(feature = "enter")]
    (Opt::Mntns, bit(CLONE_NEWNS)),
];

/// Which namespaces are new, and whether every option has the one that it needs.
#[inline(never)]
pub(super) fn build(spec: &Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    let mut new = plan.namespaces & !kinds(SHARES, spec);
    #[cfg(feature = "pivot")]
    if spec.has(Opt::ShareAll) {
        new &= CLONE_NEWUSER;
    }
    if spec.has(Opt::UnshareUser) {
        new |= CLONE_NEWUSER;
    }
    #[cfg(feature = "join")]
    {
        if spec.has(Opt::Userns) && spec.has(Opt::UnshareUser) {
            return misuse(Why::Joined);
        }
        new &= !kinds(JOINS, spec);
    }
    // One that the child joins is to be as one of its own.
    #[cfg(feature = "oci")]
    if spec.is_oci() && spec.has(Opt::Mntns) {
        new |= CLONE_NEWNS;
    }
    #[cfg(feature = "template")]
    {
        #[cfg(feature = "join")]
        let joined = kinds(JOINS, spec);
        #[cfg(not(feature = "join"))]
        let joined = 0;
        super::template::build(spec, plan, kinds(SHARES, spec) | joined, &mut new)?;
    }
    plan.namespaces = new;
    #[cfg(feature = "bwrap")]
    if spec.bwrap {
        bwrap(spec, plan)?;
    }
    #[cfg(feature = "root")]
    if spec.has(Opt::ReadOnly) && !plan.makes(CLONE_NEWNS) {
        return fail(Stage::Option, z!("--read-only"), Why::NeedsMount);
    }
    #[cfg(feature = "disable-userns")]
    if spec.has(Opt::DisableUserns) && !plan.makes(CLONE_NEWUSER) {
        return fail(Stage::Option, z!("--disable-userns"), Why::NeedsUser);
    }
    #[cfg(any(feature = "host", feature = "root", feature = "users"))]
    for given in spec.given.iter() {
        let (there, why) = match given.opt {
            // What is joined has its maps, and a name that can be changed.
            #[cfg(feature = "oci")]
            Opt::MapUsers | Opt::MapGroups if spec.is_oci() && spec.has(Opt::Userns) => continue,
            #[cfg(feature = "oci")]
            Opt::Hostname | Opt::Domainname if spec.is_oci() && spec.has(Opt::Utsns) => continue,
            #[cfg(feature = "host")]
            Opt::Hostname | Opt::Domainname => (plan.makes(CLONE_NEWUTS), Why::NeedsUts),
            #[cfg(feature = "host")]
            Opt::Boottime | Opt::Monotonic => (spec.has(Opt::UnshareTime), Why::NeedsTime),
            #[cfg(feature = "users")]
            Opt::MapUsers | Opt::MapGroups => (plan.makes(CLONE_NEWUSER), Why::NeedsUser),
            #[cfg(feature = "root")]
            Opt::Proc | Opt::ProcOpts => (plan.makes(CLONE_NEWNS), Why::NeedsMount),
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
    #[cfg(feature = "timeout")]
    if spec.has(Opt::Grace) && !spec.has(Opt::Timeout) {
        return misuse(Why::NeedsTimeout);
    }
    Ok(())
}

/// bubblewrap's own rules.
#[cfg(feature = "bwrap")]
fn bwrap(spec: &Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    plan.tries = kinds(TRIES, spec);
    // Nobody but root can do without, nor who shall have other ids.
    if plan.caller.uid != 0 || plan.other_ids() {
        plan.tries &= !CLONE_NEWUSER;
    }
    if !plan.makes(CLONE_NEWUSER) && !spec.has(Opt::Userns) {
        if plan.uid != plan.caller.uid {
            return misuse(Why::UidNeedsUser);
        }
        if plan.gid != plan.caller.gid {
            return misuse(Why::GidNeedsUser);
        }
    }
    Ok(())
}

/// The CLONE_NEW* of those options of `table` that were given.
#[inline(never)]
fn kinds(table: &[(Opt, u8)], spec: &Spec<'_>) -> u32 {
    table.iter().filter(|(opt, _)| spec.has(*opt)).fold(0, |kinds, (_, bit)| kinds | 1 << bit)
}
