//! The exit-code contract: what a caller learns from vesicle's exit status.

/// The time of COMMAND was up, as timeout(1) has it.
#[cfg(feature = "timeout")]
pub const TIMED_OUT: u8 = 124;
/// vesicle itself failed: usage or set-up.
pub const OWN: u8 = 125;
/// COMMAND cannot be executed.
pub const NOT_EXECUTABLE: u8 = 126;
/// COMMAND was not found.
pub const NOT_FOUND: u8 = 127;

/// What a wait status says, wait(2).
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Status {
    /// It exited with this code.
    Exited(u8),
    /// This signal ended it.
    Killed(u8),
    /// This signal stopped it.
    Stopped(u8),
}

/// Reads a wait status: the low seven bits are the signal, 0x7f means stopped, the next byte is code or stop signal.
pub const fn decode(status: u32) -> Status {
    let high = (status >> 8) as u8;
    match (status & 0x7f) as u8 {
        0 => Status::Exited(high),
        0x7f => Status::Stopped(high),
        signal => Status::Killed(signal),
    }
}

/// The exit code for a payload that ended: its own, or 128 + signal.
pub const fn code(status: Status) -> u8 {
    match status {
        Status::Exited(code) => code,
        Status::Killed(signal) | Status::Stopped(signal) => 128 | signal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_pass_and_signals_add_128() {
        assert_eq!(
            (0..=255).map(|c| code(decode(c << 8))).collect::<Vec<_>>(),
            (0..=255).collect::<Vec<u8>>()
        );
        assert_eq!(code(decode(9)), 137);
        assert_eq!(code(decode(11 | 0x80)), 139, "a core dump's bit is not part of the signal");
        assert_eq!(decode(0x137f), Status::Stopped(0x13));
    }
}
