//! A template: what the launcher does of joining it. The launcher itself stays in the caller's mount and network namespaces,
//! where pid files, reports and /proc are; the rest is the child's (step/template.rs).

use super::target::{differing, directory, host_proc, is_still};
use crate::cli::Opt;
use crate::fail::{At, Fail, Stage};
use crate::plan::Plan;
use crate::sys::{self, CLONE_NEWNS, CLONE_NEWTIME, CLONE_NEWUSER, Errno, Fd, ZStr};
use crate::timings::Clock;

/// Joins what has to be joined before a child is made: the template's user namespace, which gives the rights over the others,
/// and those that a process is born in.
pub(super) fn begin(plan: &mut Plan<'_>, clock: Clock) -> Result<(), Fail<'static>> {
    let Some(word) = plan.text(Opt::Template) else { return Ok(()) };
    join(plan, word, clock)
}

#[inline(never)]
fn join(plan: &mut Plan<'_>, word: ZStr<'static>, clock: Clock) -> Result<(), Fail<'static>> {
    let stage = Stage::Template;
    let target = sys::pidfd_open(plan.template_pid()).at(Stage::Target, word)?;
    // Who is not root has no right to join what is its own already. As long as our files in /proc are ours it is seen.
    let user = plan.caller.uid != 0;
    if user || !plan.enters(CLONE_NEWNS) {
        look_up(plan, target, word)?;
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
        Err(Errno::EINVAL) if !user => {}
        done => {
            done.at(stage, word)?;
            plan.joins_their_users();
            // Root neither, in there.
            if !user && plan.enters(CLONE_NEWNS) {
                look_up(plan, target, word)?;
            }
        }
    }
    let before = plan.joined_before();
    if before != 0 {
        clock.shift(before & CLONE_NEWTIME, || sys::setns(target, before)).at(stage, word)?;
    }
    // The launcher tells of the child, before that goes on.
    #[cfg(any(feature = "users", feature = "report", feature = "veth"))]
    if plan.steps.has(crate::plan::Step::Released) {
        plan.template.joined = Some(sys::pipe().at(Stage::Handshake, None)?);
    }
    plan.template.target = Some(target);
    clock.lap(stage, Some(word));
    Ok(())
}

/// Leaves out what is ours already. A container has a mount namespace of its own; where that is joined, and no other right is
/// at stake, the child sees it without /proc.
#[inline(never)]
fn look_up(plan: &mut Plan<'_>, target: Fd, word: ZStr<'static>) -> Result<(), Fail<'static>> {
    let proc = host_proc()?;
    let pid = plan.template_pid();
    let wanted = plan.entered & !CLONE_NEWUSER | CLONE_NEWNS;
    let kinds = directory(proc, pid).and_then(|dir| differing(wanted, proc, dir));
    let kinds =
        kinds.and_then(|kinds| is_still(pid, target, proc).map(|()| kinds)).at(Stage::Target, word)?;
    if kinds & CLONE_NEWNS == 0 {
        return Err(Errno::EINVAL).at(Stage::Template, word);
    }
    plan.entered &= kinds | CLONE_NEWUSER;
    Ok(())
}

/// Waits until the child is where it shall be: what is reported of it is true then. No when it has ended, and said why.
#[cfg(any(feature = "users", feature = "report", feature = "veth"))]
#[inline(never)]
pub(super) fn is_there(plan: &mut Plan<'_>) -> sys::Result<bool> {
    let Some((told, tell)) = plan.template.joined else { return Ok(true) };
    sys::close(tell);
    let len = sys::read(told, plan.template.numbers.as_flattened_mut());
    sys::close(told);
    Ok(len? != 0)
}
