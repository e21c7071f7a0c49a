//! Binds whose files are other ids' inside, mount_setattr(2), MOUNT_ATTR_IDMAP: taken by the launcher, as who lives in a user
//! namespace of his own has no rights over the file systems of others.

use crate::cli::Opt;
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::launch::maps::write_map;
use crate::plan::{Lists, Plan, Range};
use crate::step::take_bind;
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::process_path;
use crate::z;

/// Takes them.
#[inline(never)]
pub(super) fn take(plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    let joined = plan.text(Opt::Userns);
    // The host gets none of its mounts, as of those that the child takes from a copy of the host's tree.
    let propagation = if plan.receives() { sys::MS_SLAVE } else { sys::MS_PRIVATE };
    let Lists { operations, bundle, maps: [users, groups], .. } = &mut *plan.lists;
    for operation in operations.iter_mut() {
        let Some(mount) = bundle.mounts.get_mut(operation.number as usize) else { continue };
        if !mount.is_mapped() {
            continue;
        }
        if mount.below.propagation == 0 {
            mount.below.propagation = propagation;
        }
        let own =
            mount.maps.map(|(first, last)| bundle.ranges.get(first.into()..last.into()).unwrap_or_default());
        let users = match (own, joined) {
            ([[], _], Some(path)) => sys::open(path, sys::O_RDONLY),
            ([[], _], None) if users.is_empty() => {
                return fail(Stage::Config, z!("mounts.options"), Why::Mapped);
            }
            ([[], _], None) => make([users, groups]),
            (own, _) => make(own),
        };
        let take = |users| {
            let tree = take_bind(operation, mount, users);
            sys::close(users);
            tree
        };
        operation.taken = Some(users.and_then(take).at(Stage::MapIds, operation.source)?);
    }
    Ok(())
}

/// They are the child's.
pub(super) fn let_go(plan: &Plan<'_>) {
    plan.lists.operations.iter().filter_map(|operation| operation.taken).for_each(sys::close);
}

/// A user namespace with these maps, of users and of groups, which nobody lives in any more.
#[inline(never)]
fn make([users, groups]: [&[Range]; 2]) -> sys::Result<Fd> {
    let mut gate = sys::pipe()?;
    let child = sys::clone(sys::CLONE_NEWUSER, live, &mut gate);
    let (theirs, ours) = gate;
    sys::close(theirs);
    let made = child.and_then(|child| {
        write_map(users, child, z!("uid_map"))?;
        write_map(groups, child, z!("gid_map"))?;
        let file = process_path(child, b"ns/user");
        sys::open(ZStr::until_nul(&file).ok_or(Errno::ENAMETOOLONG)?, sys::O_RDONLY)
    });
    sys::close(ours);
    if let Ok(child) = child {
        let _ = sys::wait_for(child);
    }
    made
}

/// Is there, until we let go of it or end.
extern "C" fn live(gate: &mut (Fd, Fd)) -> ! {
    let (ours, theirs) = *gate;
    sys::close(theirs);
    let _ = sys::read(ours, &mut [0]);
    sys::exit(0)
}
