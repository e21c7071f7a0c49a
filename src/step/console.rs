//! A terminal of the container's own: its master goes to whoever listens on the console socket, COMMAND lives on the other end.

use super::Rootfs;
use super::bundle::attach_at;
use crate::plan::Plan;
use crate::sys::{self, Errno, Fd};
use crate::z;

/// Makes it, in the container's devpts; that of its first process is its console too.
#[inline(never)]
pub(super) fn make(plan: &Plan<'_>, root: Rootfs, is_first: bool) -> sys::Result<()> {
    let Some(socket) = plan.lists.bundle.console else { return Ok(()) };
    let place = z!("/dev/pts/ptmx");
    let resolve = sys::RESOLVE_IN_ROOT | sys::RESOLVE_NO_MAGICLINKS | sys::RESOLVE_NO_SYMLINKS;
    let master = sys::openat2(root.0, place, sys::O_RDWR | sys::O_NOCTTY, resolve)?;
    // An image could have put anything there; and its devpts must be one.
    let there = sys::stat(master)?;
    if !there.is_char_device() || there.rdev != (5, 2) {
        return Err(Errno::ENXIO);
    }
    let end = sys::unlock_terminal(master).and_then(|()| sys::terminal_end(master))?;
    let [rows, columns] = plan.lists.bundle.console_size;
    if rows | columns != 0 {
        sys::set_terminal_size(master, rows, columns)?;
    }
    sys::chown(end, plan.uid)?;
    if is_first {
        attach_at(sys::clone_opened(end)?, z!("/dev/console"), root)?;
    }
    sys::send_descriptor(socket, master, place.bytes())?;
    sys::close(master);
    sys::close(socket);
    take_on(end)
}

/// It becomes the three standard descriptors, and the controlling terminal of our session.
pub(super) fn take_on(end: Fd) -> sys::Result<()> {
    sys::control_terminal(end)?;
    for standard in 0..3 {
        sys::dup_onto(end, standard)?;
    }
    if end.number() > 2 {
        sys::close(end);
    }
    Ok(())
}
