//! What is kept of a system call's name.

/// FNV-1a of 32 bits. build.rs sees to it that no two names of the table have the same, and a test that no name of any CPU is taken
/// for another one's; one from the future is by a chance of about 1 in 9,000,000: 470 names in 2^32.
pub fn hash(name: &[u8]) -> u32 {
    name.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
