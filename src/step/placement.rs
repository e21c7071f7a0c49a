//! The CPUs of all that lives inside, where the launcher has pinned itself and so its child.

use super::World;
#[cfg(feature = "limits")]
use crate::plan::Step;
use crate::sys;

/// The mask is the caller's.
pub(super) fn unpin(world: &mut World<'_, '_>) -> sys::Result<()> {
    // Whoever asks for others next gets these.
    #[cfg(feature = "limits")]
    if world.plan.steps.has(Step::Cpuset) {
        return Ok(());
    }
    world.cpus.as_ref().map_or(Ok(()), |own| own.restore())
}
