//! Clocks of a new time namespace.

use crate::sys::{self, AtFd};
use crate::text::Text;
use crate::z;

/// A new time namespace, time_namespaces(7). Its offsets can be written until somebody is in it: so it is made, set, and
/// only then entered.
pub(super) fn new_clocks(boottime: (i64, u32), monotonic: (i64, u32)) -> sys::Result<()> {
    let path = z!("/proc/self/timens_offsets");
    let mut room = [0; 128];
    let mut text = Text::on(&mut room);
    for (clock, (seconds, nanoseconds)) in [(b"boottime ".as_slice(), boottime), (b"monotonic ", monotonic)] {
        text.push(clock);
        if seconds < 0 {
            text.push(b"-");
        }
        text.number(seconds.unsigned_abs()).push(b" ").number(nanoseconds.into()).push(b"\n");
    }
    sys::unshare(sys::CLONE_NEWTIME)?;
    sys::write_file(path, text.get())?;
    let path = z!("/proc/self/ns/time_for_children");
    let made = sys::openat(AtFd::CWD, path, sys::O_RDONLY, 0)?;
    sys::setns(made.at(), sys::CLONE_NEWTIME)
}
