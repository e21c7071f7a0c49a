//! The capabilities of COMMAND, capabilities(7), and of what is with it.

use super::World;
use crate::cli::Opt;
use crate::fail::Stage;
use crate::plan::Step;
use crate::sys::{self, Errno};

/// KILL: COMMAND may be, or become, another user.
#[cfg(feature = "init")]
const OF_INIT: u64 = 1 << 5;

/// Nobody inside gets another one by an execve(2). As long as we may: it takes SETPCAP.
pub(super) fn bound(world: &mut World<'_, '_>) -> sys::Result<()> {
    #[cfg(feature = "oci")]
    if world.plan.spec.is_oci() {
        return bound_sets(world);
    }
    let World { plan, doing, .. } = world;
    for given in plan.spec.given.iter() {
        if matches!(given.opt, Opt::CapAdd | Opt::CapDrop) && given.number != u64::MAX {
            doing.now(Stage::Caps, given.a);
            if !sys::is_bounding(given.number.trailing_zeros())? && plan.caps.named & given.number != 0 {
                return Err(Errno::EPERM);
            }
        }
    }
    doing.now(Stage::Caps, None);
    each(!plan.caps.set, sys::drop_bounding)?;
    if plan.caps.named != 0 && plan.steps.has(Step::Ids) { sys::keep_caps() } else { Ok(()) }
}

/// Root has by its execve(2) what is permitted and bounding; anybody else what is ambient, and so inheritable.
pub(super) fn take_on(world: &mut World<'_, '_>) -> sys::Result<()> {
    let plan = &*world.plan;
    #[cfg(feature = "oci")]
    if plan.spec.is_oci() {
        return take_on_sets(plan.lists.bundle.caps);
    }
    let user = plan.spec.is_bwrap() || plan.uid != 0 || plan.caps.named != 0 && sys::uid()? != 0;
    let mut caps = if user { plan.caps.named } else { plan.caps.set };
    let inheritable = |caps| if user { caps } else { 0 };
    match sys::capset(caps, inheritable(caps)) {
        // The default, and ALL (which alone has the last bit), are what the caller has of it.
        Err(Errno::EPERM) => {
            let there = sys::permitted()?;
            if plan.caps.named >> 63 == 0 && plan.caps.named & !there != 0 {
                return Err(Errno::EPERM);
            }
            caps &= there;
            sys::capset(caps, inheritable(caps))
        }
        done => done,
    }?;
    each(inheritable(caps), sys::raise_ambient)
}

/// The same by the sets of a bundle.
#[cfg(feature = "oci")]
fn bound_sets(world: &World<'_, '_>) -> sys::Result<()> {
    let [bounding, ..] = world.plan.lists.bundle.caps;
    each(!bounding, sys::drop_bounding)?;
    if world.plan.uid != 0 { sys::keep_caps() } else { Ok(()) }
}

/// All five of them; what is effective before an execve(2) says nothing of what is behind it.
#[cfg(feature = "oci")]
fn take_on_sets([_, effective, inheritable, permitted, ambient]: [u64; 5]) -> sys::Result<()> {
    sys::capset(permitted | effective, inheritable)?;
    // One that is not inheritable can't be, and a bundle that `runc spec` makes has some: they are passed over there too.
    each(ambient & inheritable & permitted, sys::raise_ambient)
}

/// The init needs next to none: whoever is root inside can make it do what it may do itself, ptrace(2).
#[cfg(feature = "init")]
pub(crate) fn of_init() -> sys::Result<()> {
    sys::capset(OF_INIT, 0).or_else(|_| sys::capset(0, 0))
}

/// Does it for each of them that this kernel has.
fn each(caps: u64, what: fn(u32) -> sys::Result<()>) -> sys::Result<()> {
    for cap in (0..64).filter(|cap| caps >> cap & 1 != 0) {
        match what(cap) {
            Err(Errno::EINVAL) => break,
            done => done?,
        }
    }
    Ok(())
}
