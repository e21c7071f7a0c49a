//! The way into a running container: what is to be known of it is looked up from outside, then one setns(2).
//!
//! Its processes may be hostile. Nothing is read of its own /proc; what the caller's says of a process id is believed once
//! a pidfd has told that it is still that process; and we are not dumpable before we are where they can see us.

use super::target::{differing, directory, gone, host_proc, is_still};
use super::{cgroup2, descriptor};
use crate::cli::Opt;
use crate::fail::{At, Fail, Stage};
use crate::plan::{Caps, JOINS, Plan, Step, env_of};
use crate::step::{Entry, Rootfs};
use crate::sys::{self, Errno, Fd, SigSet};
use crate::text::{before, decimal, field, fields, word};
use crate::timings::Clock;
use crate::z;

/// The longest environment and the longest `status` that are read: 65,536 groups fit.
const LIMIT: usize = 2 << 20;

/// Joins what is to be joined, of `vesicle enter` or of `vesicle run`.
pub(super) fn begin(plan: &mut Plan<'_>, clock: Clock) -> Result<Entry, Fail<'static>> {
    if plan.spec.enter {
        return enter(plan);
    }
    super::join::join(plan, clock)?;
    Ok(Entry { root: Rootfs(Fd::CWD), cgroup: None, namespace: None })
}

#[inline(never)]
fn enter(plan: &mut Plan<'_>) -> Result<Entry, Fail<'static>> {
    let subject = plan.rootfs;
    #[cfg(feature = "oci")]
    let known = plan.spec.pidfd;
    #[cfg(not(feature = "oci"))]
    let known: Option<Fd> = None;
    let target = known.map_or_else(|| sys::pidfd_open(plan.spec.target), Ok).at(Stage::Target, subject)?;
    let proc = host_proc()?;
    let dir = directory(proc, plan.spec.target).at(Stage::Target, subject)?;
    let mut kinds = differing(plan.entered, proc, dir).at(Stage::Target, subject)?;
    let place = sys::O_PATH | sys::O_DIRECTORY;
    let mut root = None;
    if plan.enters(sys::CLONE_NEWNS) {
        root = Some(sys::openat(dir, z!("root"), place, 0).at(Stage::Target, subject)?);
    }
    environment(plan, dir)?;
    let mut cgroup = None;
    if plan.steps.has(Step::TheirCgroup) {
        cgroup = other_cgroup(proc, dir).at(Stage::TheirCgroup, subject)?;
    }
    is_still(plan.spec.target, target, proc).at(Stage::Target, subject)?;
    let mut namespace = None;
    if cgroup.is_some() && kinds & sys::CLONE_NEWCGROUP != 0 {
        kinds &= !sys::CLONE_NEWCGROUP;
        namespace = Some(target);
    }
    join(plan, target, kinds)?;
    if plan.becomes_theirs() {
        become_theirs(plan, dir).at(Stage::Target, subject)?;
    }
    let root = match root {
        Some(root) => root,
        // The caller's, or that of a mount namespace that was named: below it --chdir is looked up.
        None => sys::open(z!("/"), place).at(Stage::Rootfs, z!("/"))?,
    };
    Ok(Entry { root: Rootfs(root), cgroup, namespace })
}

/// PID's environment, where that is asked for: before anything of it can be ours.
#[inline(never)]
fn environment(plan: &mut Plan<'_>, dir: Fd) -> Result<(), Fail<'static>> {
    if !plan.spec.has(Opt::TheirEnv) {
        return Ok(());
    }
    let words = sys::openat(dir, z!("environ"), sys::O_RDONLY, 0).and_then(|f| sys::read_words(f, 0, LIMIT));
    let words = words.at(Stage::Target, plan.rootfs)?;
    env_of(Some(words.bytes()), plan.spec, plan)
}

/// The cgroup.procs of PID's cgroup, cgroups(7), if that is not ours; of version 2.
#[inline(never)]
fn other_cgroup(proc: Fd, dir: Fd) -> sys::Result<Option<Fd>> {
    let mut room = [0; cgroup2::ROOM];
    let Some(theirs) = cgroup2::place(dir, z!("cgroup"), &mut room).map_err(gone)? else { return Ok(None) };
    if is_our_cgroup(proc, theirs.path())? {
        return Ok(None);
    }
    sys::openat(theirs.open().ok_or(Errno::ENOENT)?, z!("cgroup.procs"), sys::O_WRONLY, 0).map(Some)
}

/// With a room of its own.
#[inline(never)]
fn is_our_cgroup(proc: Fd, path: &[u8]) -> sys::Result<bool> {
    let mut room = [0; cgroup2::ROOM];
    let ours = cgroup2::place(proc, z!("self/cgroup"), &mut room)?;
    Ok(ours.is_some_and(|ours| ours.path() == path))
}

/// Joins PID's namespaces of these `kinds`, by one call, and those that were named in their place.
#[inline(never)]
fn join(plan: &Plan<'_>, target: Fd, kinds: u32) -> Result<(), Fail<'static>> {
    // What is named is named in the caller's tree.
    let mut named = [None; JOINS.len()];
    for (slot, (opt, _)) in named.iter_mut().zip(JOINS) {
        if let Some(from) = plan.text(*opt) {
            let ns = descriptor(from).map_or_else(|| sys::open(from, sys::O_RDONLY), Ok);
            *slot = Some((ns.at(Stage::Join, from)?, from));
        }
    }
    // From here to the execve nobody in there traces us, or reaches our files.
    sys::dumpable(false).at(Stage::JoinAll, plan.rootfs)?;
    if plan.caller.uid == 0 && kinds & sys::CLONE_NEWUSER != 0 {
        // There it may be denied, and root's groups are nobody's inside. Who may not drop them has none to give away.
        match sys::setgroups_none() {
            Err(Errno::EPERM) => {}
            done => done.at(Stage::Groups, None)?,
        }
    }
    // A user namespace takes the caller's rights over those of others, and gives those over its own: what is named is tried
    // with both.
    for (slot, (_, bit)) in named.iter_mut().zip(JOINS).skip(1) {
        let Some((ns, from)) = *slot else { continue };
        match sys::setns(ns, 1 << bit) {
            Err(Errno::EPERM) => continue,
            done => done.at(Stage::Join, from)?,
        }
        *slot = None;
    }
    let [owner, others @ ..] = named;
    if let Some((ns, from)) = owner {
        sys::setns(ns, sys::CLONE_NEWUSER).at(Stage::Join, from)?;
    }
    if kinds != 0 {
        sys::setns(target, kinds).at(Stage::JoinAll, plan.rootfs)?;
    }
    for (slot, (_, bit)) in others.iter().zip(JOINS.iter().skip(1)) {
        if let Some((ns, from)) = *slot {
            sys::setns(ns, 1 << bit).at(Stage::Join, from)?;
        }
    }
    Ok(())
}

/// PID's ids and groups, as they are called in the user namespace that we are in by now; of capabilities no more than it
/// can get, and those that it keeps as a user who is not root.
#[inline(never)]
fn become_theirs(plan: &mut Plan<'_>, dir: Fd) -> sys::Result<()> {
    let file = sys::openat(dir, z!("status"), sys::O_RDONLY, 0).map_err(gone)?;
    let words = sys::read_words(file, b'\n', LIMIT);
    sys::close(file);
    let own = !plan.spec.has(Opt::Uid) && !plan.spec.has(Opt::Gid);
    // What of it is indispensable.
    let (mut rest, mut found) = (words?.bytes(), 0);
    while let Some(line) = word(&mut rest) {
        let name = before(line.bytes(), b':');
        let value = line.skip(name.len().wrapping_add(2)).bytes();
        match name {
            b"Uid" => {
                let uid = effective(value)?;
                if !plan.spec.has(Opt::Uid) {
                    plan.uid = uid;
                }
                found |= 1;
            }
            b"Gid" => {
                let gid = effective(value)?;
                if !plan.spec.has(Opt::Gid) {
                    plan.gid = gid;
                }
                found |= 2;
            }
            b"Groups" if own => {
                for group in fields(value, b' ').filter_map(decimal) {
                    // One that has no name in here reads as this.
                    if group != UNMAPPED {
                        plan.lists.groups.push(group as u32)?;
                    }
                }
            }
            b"CapBnd" => {
                plan.caps = Caps { set: SigSet::from_hex(value).0, named: 0 };
                found |= 4;
            }
            // Behind CapBnd.
            b"CapAmb" if own => plan.caps.named = SigSet::from_hex(value).0 & plan.caps.set,
            b"NoNewPrivs" => plan.steps.add(Step::NoNewPrivs, value != b"0" && !plan.is_privileged()),
            _ => {}
        }
    }
    if found == 7 { Ok(()) } else { Err(Errno::ESRCH) }
}

/// The second of four ids.
fn effective(value: &[u8]) -> sys::Result<u32> {
    // The last one would mean no change to setresuid(2).
    let id = decimal(field(value, b'\t', 1)).filter(|id| *id < u32::MAX.into());
    id.map(|id| id as u32).ok_or(Errno::EINVAL)
}

/// The id of those that have none, /proc/sys/kernel/overflowgid.
const UNMAPPED: u64 = 65534;
