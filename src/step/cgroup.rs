//! The cgroup of a container, and the cgroup namespace that shows no more than that.

use super::World;
use crate::sys::{self, CLONE_NEWCGROUP};

/// Into the cgroup, unless the clone did it. The root of a cgroup namespace is where its maker is: one that the clone made
/// would have the launcher's cgroup as its root, cgroup_namespaces(7).
pub(super) fn join(world: &mut World<'_, '_>) -> sys::Result<()> {
    if let Some(procs) = world.procs {
        sys::write(procs, b"0")?;
    }
    if world.plan.makes(CLONE_NEWCGROUP) { sys::unshare(CLONE_NEWCGROUP) } else { Ok(()) }
}
