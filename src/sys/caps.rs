//! Capabilities, capabilities(7). A set is a bit each; bits that the kernel does not know it ignores.

use super::process::prctl;
use super::{Result, call, done};
use linux_raw_sys::{general as c, prctl as p};

/// capset(2): all that are permitted are effective.
pub fn capset(permitted: u64, inheritable: u64) -> Result<()> {
    let head = [c::_LINUX_CAPABILITY_VERSION_3, 0];
    let (low, high) = (permitted as u32, (permitted >> 32) as u32);
    let sets = [low, low, inheritable as u32, high, high, (inheritable >> 32) as u32];
    // SAFETY: the kernel reads a header, and the two structs of three words that belong to this version.
    unsafe { done!(capset, head.as_ptr(), sets.as_ptr()) }
}

/// capget(2): those that are permitted.
pub fn permitted() -> Result<u64> {
    let head = [c::_LINUX_CAPABILITY_VERSION_3, 0];
    let mut sets = [[0u32; 3]; 2];
    // SAFETY: the kernel reads a header, and writes the two structs of three words that belong to this version.
    unsafe { done!(capget, head.as_ptr(), sets.as_mut_ptr()) }?;
    let [[_, low, _], [_, high, _]] = sets;
    Ok(u64::from(high) << 32 | u64::from(low))
}

/// prctl(2), PR_CAPBSET_READ: whether it is in the bounding set. EINVAL where there is no such capability.
pub fn is_bounding(cap: u32) -> Result<bool> {
    // SAFETY: no memory is involved.
    unsafe { call!(prctl, p::PR_CAPBSET_READ, cap, 0, 0, 0) }.map(|is| is != 0)
}

/// prctl(2), PR_CAPBSET_DROP: it is out of the bounding set for good. EINVAL where there is no such capability.
pub fn drop_bounding(cap: u32) -> Result<()> {
    prctl(p::PR_CAPBSET_DROP, cap)
}

/// prctl(2), PR_SET_KEEPCAPS, until execve(2): another user id takes none of the permitted ones.
pub fn keep_caps() -> Result<()> {
    prctl(p::PR_SET_KEEPCAPS, 1)
}

/// prctl(2), PR_CAP_AMBIENT_RAISE: execve(2) leaves it to a user who is not root. EINVAL where there is no such one.
pub fn raise_ambient(cap: u32) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { done!(prctl, p::PR_CAP_AMBIENT, p::PR_CAP_AMBIENT_RAISE, cap, 0, 0) }
}

/// getuid(2), in our own user namespace.
pub fn uid() -> Result<u32> {
    // SAFETY: no memory is involved.
    unsafe { call!(getuid) }
}
