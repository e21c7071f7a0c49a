//! Clocks of a new time namespace.

use super::World;
use crate::cli::Opt;
use crate::sys;
use crate::text::Text;
use crate::z;

/// A new time namespace, time_namespaces(7). Its offsets can be written until somebody is in it: so it is made, set, and
/// only then entered.
pub(super) fn new_clocks(world: &mut World<'_, '_>) -> sys::Result<()> {
    let path = z!("/proc/self/timens_offsets");
    let mut room = [0; 64];
    let mut text = Text::on(&mut room);
    // The kernel takes a clock by its number too.
    for (clock, opt) in &[(sys::CLOCK_BOOTTIME, Opt::Boottime), (sys::CLOCK_MONOTONIC, Opt::Monotonic)] {
        // Whole seconds rounded down, and the nanoseconds that are left.
        const SECOND: i64 = 1_000_000_000;
        let offset = world.plan.spec.number(*opt).unwrap_or(0) as i64;
        let (seconds, rest) = (offset.div_euclid(SECOND), offset.rem_euclid(SECOND));
        text.number((*clock).into()).put(b' ');
        if seconds < 0 {
            text.put(b'-');
        }
        text.number(seconds.unsigned_abs()).put(b' ').number(rest as u64).put(b'\n');
    }
    world.doing.clock.shift(sys::CLONE_NEWTIME, || {
        sys::unshare(sys::CLONE_NEWTIME)?;
        sys::write_file(path, text.get())?;
        let path = z!("/proc/self/ns/time_for_children");
        let made = sys::open(path, sys::O_RDONLY)?;
        sys::setns(made, sys::CLONE_NEWTIME)
    })
}
