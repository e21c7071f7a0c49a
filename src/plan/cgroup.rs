//! The name of a cgroup: below the caller's own, and never above it.

use crate::fail::{Fail, Why};
use crate::spec::Spec;
use crate::text::fields;

/// Whether each cgroup that was named can be one.
#[inline(never)]
pub(super) fn check(spec: &Spec<'_>) -> Result<(), Fail<'static>> {
    for given in spec.given.iter().filter(|given| spec.is_cgroup(given)) {
        let name = given.a.bytes();
        let leads_out = fields(name, b'/').any(|part| matches!(part, b"" | b"." | b".."));
        if leads_out || name.iter().any(|byte| *byte < b' ' || *byte == 0x7f) {
            return given.bad(Why::CgroupName);
        }
    }
    Ok(())
}
