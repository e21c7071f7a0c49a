//! A mount namespace that begins with ROOTFS alone, where the kernel can make one: what a launch costs then does not depend on
//! the caller's mounts. Whether it can is learnt by trying, with a call that would be made in any case.

use crate::child::{self, Child};
use crate::plan::{Plan, Step};
use crate::step::Mounts;
use crate::sys::{self, CLONE_NEWNS, CLONE_NEWUSER, Fd, Pid};
use crate::z;

/// Makes it, where that can be done from outside; a new user namespace could do nothing with what we make.
#[inline(never)]
pub(super) fn make(plan: &mut Plan<'_>) -> Mounts {
    let user = plan.makes(CLONE_NEWUSER);
    // The kernel is asked for what it has by asking for no_new_privs, which it has had for as long.
    if !plan.begins_with_rootfs(!user) || user && !plan.steps.has(Step::NoNewPrivs) {
        return Mounts::default();
    }
    if user {
        return Mounts { alone: true, proc_first: true };
    }
    // Why it can't be had the child says, by the call that it makes instead.
    let Ok(made) = sys::mount_namespace(plan.rootfs) else { return Mounts::default() };
    // In any user namespace but the first one the caller's mounts may be another's, and a proc must not show more than is seen.
    let user = sys::statx(Fd::CWD, z!("/proc/self/ns/user"));
    let is_first = user.is_ok_and(|user| user.ino == sys::USER_NS_INIT_INO);
    if is_first || plan.begins_with_rootfs(false) {
        plan.made = Some(made);
        return Mounts { alone: true, proc_first: !is_first };
    }
    sys::close(made);
    Mounts::default()
}

/// clone(2), in a cgroup or in that of the caller, without a copy of the mounts, and with no_new_privs by the same call; as before
/// Linux 7 where there is no such thing.
#[inline(never)]
pub(super) fn clone(flags: u32, cgroup: Option<Fd>, child: &mut Child<'_, '_>) -> sys::Result<Pid> {
    let mut flags = flags;
    if child.world.mounts.alone {
        let alone = flags & !CLONE_NEWNS;
        if child.world.plan.steps.has(Step::NoNewPrivs) {
            child.world.plan.steps.remove(Step::NoNewPrivs);
            let born = sys::clone_no_new_privs(alone, cgroup, child::live, child);
            if born.is_ok() {
                return born;
            }
            child.world.plan.steps.add(Step::NoNewPrivs, true);
        }
        if child.world.plan.made.is_some() {
            flags = alone;
        } else {
            child.world.mounts = Mounts::default();
        }
    }
    #[cfg(feature = "cgroup")]
    if let Some(cgroup) = cgroup {
        return sys::clone_into(cgroup, flags, child::live, child);
    }
    sys::clone(flags, child::live, child)
}

/// Whoever holds it keeps its mounts.
pub(super) fn let_go(plan: &Plan<'_>) {
    if let Some(made) = plan.made {
        sys::close(made);
    }
}
