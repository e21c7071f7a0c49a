//! Overlays: layers of the host, one above the other, overlayfs in the kernel's documentation.

use super::Doing;
use crate::fail::Stage;
use crate::plan::{Do, Plan};
use crate::sys::{self, CLONE_NEWUSER, Errno, Fd, ZStr};
use crate::text::{Text, fields};
use crate::z;

/// Mounts operation number `at`, an overlay, on a directory.
pub(super) fn mount(at: usize, plan: &Plan<'_>, place: Fd) -> sys::Result<()> {
    sys::fchdir(place)?;
    mount_at(z!("."), at, plan)
}

/// Mounts it with an upper directory in the working directory, and takes it; the next one has a directory further down.
pub(super) fn in_memory(at: usize, plan: &Plan<'_>, doing: &mut Doing) -> sys::Result<Fd> {
    doing.stage = Stage::Overlay;
    let (upper, next) = (z!("u"), z!("n"));
    for name in [upper, z!("w"), next] {
        sys::mkdirat(Fd::CWD, name, 0o755)?;
    }
    // Upon its own upper directory, which it has by then.
    mount_at(upper, at, plan)?;
    let tree = sys::clone_tree(Fd::CWD, upper, false)?;
    sys::chdir(next)?;
    Ok(tree)
}

/// mount(2). The layers are named by their descriptors: what their names lead to by now doesn't matter, nor what bytes
/// are in them. The kernel has them from the top down.
#[inline(never)]
fn mount_at(place: ZStr<'_>, at: usize, plan: &Plan<'_>) -> sys::Result<()> {
    let Some([before @ .., operation]) = plan.lists.operations.get(..=at) else { return Ok(()) };
    let (names, flags): (&[u8], _) = match operation.what {
        Do::Overlay => (b"workdir= ,upperdir= ,lowerdir=", sys::MS_NODEV),
        Do::TmpOverlay => (b"workdir=w,upperdir=u,lowerdir=", sys::MS_NODEV),
        _ => (b"lowerdir=", sys::MS_NODEV | sys::MS_RDONLY),
    };
    let mut room = [0; super::dest::PATH_MAX];
    let mut text = Text::on(&mut room);
    let mut names = fields(names, b' ');
    for layer in before.iter().rev().take(operation.number as usize) {
        text.push(names.next().unwrap_or(b":")).descriptor(layer.taken.unwrap_or(Fd::CWD));
    }
    // There the kernel's own notes on files can't be trusted.* attributes.
    if plan.makes(CLONE_NEWUSER) || plan.joins_user() {
        text.push(b",userxattr");
    }
    // One page of them is all that mount(2) takes.
    let options = text.zstr().ok_or(Errno::E2BIG)?;
    sys::mount(place, z!("overlay"), flags, Some(options))
}
