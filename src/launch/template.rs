//! A template: what the launcher does of joining it. The launcher itself stays in the caller's mount and network namespaces,
//! where pid files, reports and /proc are; the rest is the child's (step/template.rs).

use super::target::{directory, gone, host_proc, is_still};
use crate::cli::Opt;
use crate::fail::{At, Fail, Stage};
use crate::plan::{Plan, Step};
use crate::step::Template;
use crate::sys::{self, CLONE_NEWNS, CLONE_NEWTIME, CLONE_NEWUSER, Errno, Fd, ZStr};
use crate::timings::Clock;
use crate::z;

/// Joins what has to be joined before a child is made: the template's user namespace, which gives the rights over the others,
/// and those that a process is born in.
pub(super) fn begin(plan: &mut Plan<'_>, clock: Clock) -> Result<Template, Fail<'static>> {
    let Some(word) = plan.text(Opt::Template) else { return Ok(Template::NONE) };
    join(plan, word, clock)
}

#[inline(never)]
fn join(plan: &mut Plan<'_>, word: ZStr<'static>, clock: Clock) -> Result<Template, Fail<'static>> {
    let stage = Stage::Template;
    let target = sys::pidfd_open(plan.template()).at(Stage::Target, word)?;
    if !plan.enters(CLONE_NEWNS) {
        is_container(plan, target, word)?;
    }
    // From here to the execve nobody in there traces us, or reaches our files.
    sys::dumpable(false).at(stage, word)?;
    if plan.caller.uid == 0 {
        // In its user namespace it may be denied, and root's groups are nobody's inside. Who may not drop them has none to give
        // away.
        match sys::setgroups_none() {
            Err(Errno::EPERM) => {}
            done => done.at(Stage::Groups, None)?,
        }
    }
    match sys::setns(target, CLONE_NEWUSER) {
        // It is ours, setns(2). Who is not root has no right over the others then.
        Err(Errno::EINVAL) if plan.caller.uid == 0 => {}
        done => {
            done.at(stage, word)?;
            plan.joins_their_users();
        }
    }
    let before = plan.joined_before();
    if before != 0 {
        clock.shift(before & CLONE_NEWTIME, || sys::setns(target, before)).at(stage, word)?;
    }
    let joined = if plan.steps.has(Step::Template) && is_released(plan) {
        Some(sys::pipe().at(Stage::Handshake, None)?)
    } else {
        None
    };
    clock.lap(stage, Some(word));
    Ok(Template { target: Some(target), joined, proc: None })
}

/// Whether the launcher reports of the child before that goes on.
fn is_released(plan: &Plan<'_>) -> bool {
    #[cfg(any(feature = "users", feature = "report", feature = "veth"))]
    return plan.steps.has(Step::Released);
    #[cfg(not(any(feature = "users", feature = "report", feature = "veth")))]
    {
        let _ = plan;
        false
    }
}

/// Whether its mount namespace is another one than ours. Where it is joined, the child sees that without /proc.
#[inline(never)]
fn is_container(plan: &Plan<'_>, target: Fd, word: ZStr<'static>) -> Result<(), Fail<'static>> {
    let proc = host_proc()?;
    let pid = plan.template();
    let differs = || {
        let dir = directory(proc, pid)?;
        let ours = sys::statx(proc, z!("self/ns/mnt"))?;
        let theirs = sys::statx(dir, z!("ns/mnt")).map_err(gone)?;
        is_still(pid, target, proc)?;
        Ok((ours.dev, ours.ino) != (theirs.dev, theirs.ino))
    };
    let differs: sys::Result<bool> = differs();
    if differs.at(Stage::Target, word)? { Ok(()) } else { Err(Errno::EINVAL).at(Stage::Template, word) }
}

/// Waits until the child is where it shall be: what is reported of it is true then. No when it has ended, and said why.
#[cfg(any(feature = "users", feature = "report", feature = "veth"))]
#[inline(never)]
pub(super) fn is_there(joined: Option<(Fd, Fd)>, plan: &mut Plan<'_>) -> bool {
    let Some((told, tell)) = joined else { return true };
    sys::close(tell);
    let numbers = plan.numbers.as_flattened_mut();
    sys::read(told, numbers).is_ok_and(|len| len as usize == numbers.len())
}
