//! Overlays: layers of the host, one above the other, overlayfs in the kernel's documentation.

use super::{Doing, Rootfs};
#[cfg(feature = "join")]
use crate::cli::Opt;
use crate::fail::Stage;
use crate::plan::{Do, Plan};
use crate::sys::{self, CLONE_NEWUSER, Errno, Fd, ZStr};
use crate::text::{Text, fields};
use crate::z;

/// Mounts operation number `at`, an overlay.
pub(super) fn mount(at: usize, plan: &Plan<'_>, root: Rootfs) -> sys::Result<()> {
    let Some(operation) = plan.lists.operations.get(at) else { return Ok(()) };
    let place = root.directory(operation.dest)?;
    sys::fchdir(place)?;
    mount_at(z!("."), at, plan)
}

/// Mounts all those whose upper directory is in memory, and takes them. Their directories are made in the tmpfs upon the
/// present root, those of each one further down.
pub(super) fn in_memory(plan: &mut Plan<'_>, doing: &mut Doing) -> sys::Result<()> {
    let mut next = z!("/..");
    let mut at = 0;
    while let Some(operation) = plan.lists.operations.get(at) {
        if operation.what == Do::TmpOverlay {
            doing.now(Stage::Overlay, operation.dest);
            sys::chdir(next)?;
            next = z!("n");
            for name in [next, z!("u"), z!("w")] {
                sys::mkdirat(Fd::CWD, name, 0o755)?;
            }
            // Upon its own upper directory, which it has by then.
            mount_at(z!("u"), at, plan)?;
            let tree = sys::clone_tree(Fd::CWD, z!("u"), false)?;
            if let Some(operation) = plan.lists.operations.get_mut(at) {
                operation.taken = Some(tree);
            }
        }
        at = at.wrapping_add(1);
    }
    Ok(())
}

/// mount(2). The layers are named by their descriptors: what their names lead to by now doesn't matter, nor what bytes
/// are in them. The kernel has them from the top down.
#[inline(never)]
fn mount_at(place: ZStr<'_>, at: usize, plan: &Plan<'_>) -> sys::Result<()> {
    let operations = &plan.lists.operations;
    let (Some(operation), Some(before)) = (operations.get(at), operations.get(..at)) else { return Ok(()) };
    let (names, flags) = match operation.what {
        Do::Overlay => (z!("workdir= ,upperdir= ,lowerdir="), 0),
        Do::TmpOverlay => (z!("workdir=w,upperdir=u,lowerdir="), 0),
        _ => (z!("lowerdir="), sys::MS_RDONLY),
    };
    let mut room = [0; super::dest::PATH_MAX];
    let mut text = Text::on(&mut room);
    let mut names = fields(names.bytes(), b' ');
    for layer in before.iter().rev().take(operation.number as usize) {
        text.push(names.next().unwrap_or(b":")).descriptor(layer.taken.unwrap_or(Fd::CWD));
    }
    // There the kernel's own notes on files can't be trusted.* attributes.
    if plan.makes(CLONE_NEWUSER) || joins(plan) {
        text.push(b",userxattr");
    }
    // One page of them is all that mount(2) takes.
    let options = text.zstr().ok_or(Errno::E2BIG)?;
    sys::mount(place, z!("overlay"), sys::MS_NODEV | flags, Some(options))
}

fn joins(plan: &Plan<'_>) -> bool {
    #[cfg(feature = "join")]
    return plan.spec.has(Opt::Userns);
    #[cfg(not(feature = "join"))]
    {
        let _ = plan;
        false
    }
}
