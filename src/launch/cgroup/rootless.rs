//! Callers who are not root of the machine, and may have no right to make a cgroup.

use super::Cgroup;
use crate::plan::Plan;
use crate::sys::{self, Errno};
use crate::text::fields;
use crate::z;

/// Whether it could not be made, or was there already and nobody may be put in it: then it is another's.
pub(super) fn is_denied(cgroup: &Cgroup, made: sys::Result<()>) -> bool {
    let done = match made {
        Ok(()) if cgroup.new == 0 => {
            sys::openat(cgroup.dir, z!("cgroup.procs"), sys::O_WRONLY, 0).map(sys::close)
        }
        made => made,
    };
    matches!(done, Err(Errno::EACCES | Errno::EPERM | Errno::EROFS))
}

/// Whether the container does without one then: nothing was asked for that needs one, and no device is to be had that its
/// rules could deny.
#[cold]
pub(super) fn does_without(plan: &Plan<'_>) -> bool {
    let bundle = &plan.lists.bundle;
    bundle.cgroups_path.is_none() && bundle.writes.is_empty() && has_no_devices(plan)
}

/// Whether the caller has no rights over devices: he could make none, and attach no program that restricts them.
pub(super) fn has_no_devices(plan: &Plan<'_>) -> bool {
    plan.caller.uid != 0 || is_in_user_namespace()
}

/// Whether we are in a user namespace other than the first, as far as its id map tells.
#[inline(never)]
pub(crate) fn is_in_user_namespace() -> bool {
    let mut room = [0; 64];
    let map = sys::read_start(z!("/proc/self/uid_map"), &mut room).unwrap_or_default();
    let mut words = fields(map, b' ').filter(|word| !word.is_empty());
    let is_all = [b"0".as_slice(), b"0", b"4294967295\n"].iter().all(|want| words.next() == Some(*want));
    !map.is_empty() && !is_all
}
