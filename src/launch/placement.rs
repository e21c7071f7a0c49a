//! On which CPU a child begins: with --pin on the one that its launcher is on, which sleeps meanwhile.
//!
//! The child restores its own mask, long before COMMAND: nobody sets the mask of another process, so there is no race.

use crate::cli::Opt;
use crate::step::World;
use crate::sys::Affinity;

/// Pins us to the CPU that we are on. Where that can't be done we stay as we are: it is speed, and no more.
#[inline(never)]
pub(super) fn pin(world: &mut World<'_, '_>) {
    if world.plan.spec.has(Opt::Pin) {
        let own = world.cpus.insert(Affinity::NONE);
        if own.read().and_then(|()| own.set_current()).is_err() {
            world.cpus = None;
        }
    }
}

/// What [`pin`] has changed is as it was.
pub(super) fn unpin(world: &World<'_, '_>) {
    if let Some(own) = &world.cpus {
        // Where that fails it does not matter: from here on we wait.
        let _ = own.restore();
    }
}
