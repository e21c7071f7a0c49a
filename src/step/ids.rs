//! Id maps and ids, user_namespaces(7).

#[cfg(any(feature = "ids", feature = "report", feature = "veth"))]
use super::World;
#[cfg(feature = "ids")]
use crate::fail::Stage;
use crate::plan::Plan;
use crate::sys::{self, ZStr};
use crate::text::Text;
use crate::z;

/// One id inside to the caller's own. Whoever has no rights outside may map groups only without setgroups(2).
pub(super) fn write_own_maps(plan: &Plan<'_>) -> sys::Result<()> {
    sys::write_file(z!("/proc/self/setgroups"), b"deny")?;
    #[cfg(feature = "ids")]
    let (uid, gid) = (plan.uid, plan.gid);
    #[cfg(feature = "bwrap")]
    let (uid, gid) = if plan.spec.bwrap { plan.first_ids() } else { (uid, gid) };
    #[cfg(not(feature = "ids"))]
    let (uid, gid) = (0, 0);
    write_own_map(z!("/proc/self/uid_map"), uid, plan.caller.uid)?;
    write_own_map(z!("/proc/self/gid_map"), gid, plan.caller.gid)
}

#[inline(never)]
fn write_own_map(path: ZStr<'_>, inside: u32, outside: u32) -> sys::Result<()> {
    sys::write_file(path, map_line(&mut Text::on(&mut [0; 32]), inside, outside))
}

/// One id inside to one outside.
pub(super) fn map_line<'t>(line: &'t mut Text<'_>, inside: u32, outside: u32) -> &'t [u8] {
    line.number(inside.into()).put(b' ').number(outside.into()).push(b" 1\n").get()
}

/// None below ours: the limit is that of our own user namespace, user_namespaces(7), and only who has CAP_SYS_RESOURCE in it
/// can raise it again.
#[cfg(feature = "disable-userns")]
pub(super) fn no_user_namespaces(plan: &Plan<'_>) -> sys::Result<()> {
    let limit = z!("/proc/sys/user/max_user_namespaces");
    // In bubblewrap's place COMMAND lives in that one more, and can't change the limit of ours.
    if plan.spec.is_bwrap() {
        return sys::write_file(limit, b"1");
    }
    sys::write_file(limit, b"0")?;
    sys::give_up_sys_resource()
}

/// The launcher writes one byte when all is ready; when it can't, it ends, and so do we.
#[cfg(any(feature = "users", feature = "report", feature = "veth"))]
pub(super) fn wait_for_launcher(world: &mut World<'_, '_>) -> sys::Result<()> {
    // Whoever reads these waits for their end.
    #[cfg(feature = "bwrap")]
    if world.plan.spec.bwrap {
        for opt in [crate::cli::Opt::InfoFd, crate::cli::Opt::JsonStatusFd] {
            if let Some(given) = world.plan.spec.get(opt) {
                sys::close(given.fd());
            }
        }
    }
    let Some((gate, opener)) = world.gate else { return Ok(()) };
    // As long as we have it too, its end is never seen.
    sys::close(opener);
    match sys::read(gate, &mut [0])? {
        0 => sys::exit(crate::status::OWN),
        _ => Ok(()),
    }
}

/// Other ids, and no supplementary group. User last: it takes the right to change the rest.
#[cfg(feature = "ids")]
pub(super) fn take_on(uid: u32, gid: u32, world: &mut World<'_, '_>) -> sys::Result<()> {
    // In bubblewrap's place those that the caller has stay.
    if !world.plan.spec.is_bwrap() {
        world.doing.now(Stage::Groups, None);
        #[cfg(feature = "enter")]
        let done = match sys::setgroups(&world.plan.lists.groups) {
            // Where an id map denies it, those that the caller has are left, if it is not root: who entered as that has
            // dropped them before.
            Err(sys::Errno::EPERM) if world.plan.spec.enter || world.plan.enters(sys::CLONE_NEWUSER) => {
                Ok(())
            }
            done => done,
        };
        #[cfg(not(feature = "enter"))]
        let done = sys::setgroups_none();
        #[cfg(all(feature = "template", not(feature = "enter")))]
        let done = match done {
            Err(sys::Errno::EPERM) if world.plan.enters(sys::CLONE_NEWUSER) => Ok(()),
            done => done,
        };
        done?;
    }
    world.doing.now(Stage::Gid, None);
    sys::setresgid(gid)?;
    world.doing.now(Stage::Uid, None);
    sys::setresuid(uid)
}

/// Ids that exist inside a map of ranges: root, or those of COMMAND where there is no root.
#[cfg(feature = "users")]
pub(super) fn inside(world: &mut World<'_, '_>) -> sys::Result<()> {
    let plan = &*world.plan;
    let first = |which: usize, asked| {
        let map = plan.lists.maps.get(which).map_or(&[][..], |m| m);
        let root = plan.auto.get(which) == Some(&true) || map.iter().any(|r| r.inside == 0);
        if root { 0 } else { asked }
    };
    let (uid, gid) = (first(0, plan.uid), first(1, plan.gid));
    take_on(uid, gid, world)
}
