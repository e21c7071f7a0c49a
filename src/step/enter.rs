//! A running container is entered: what is left for the child.

use super::{Rootfs, World};
use crate::sys::{self, Fd};

/// What the launcher has taken of it.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its root, or the present one.
    pub root: Rootfs,
    /// The cgroup.procs of its cgroup, where that is another one.
    pub cgroup: Option<Fd>,
    /// The process whose cgroup namespace is joined: behind that, as from within no process outside can be moved.
    pub namespace: Option<Fd>,
}

/// Into its cgroup. The launcher stays outside: what limits the container does not end it.
pub(super) fn join_cgroup(world: &mut World<'_, '_>) -> sys::Result<()> {
    world.doing.subject = Some(world.plan.rootfs);
    if let Some(procs) = world.entry.cgroup {
        sys::write(procs, b"0")?;
    }
    world.entry.namespace.map_or(Ok(()), |target| sys::setns(target, sys::CLONE_NEWCGROUP))
}
