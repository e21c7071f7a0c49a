//! A payload that stays: it writes one byte when it is there, and then sleeps for ever.
#![no_std]
#![no_main]

mod raw;
use raw::{call, nr};

extern "C" fn main() -> ! {
    // SAFETY: one byte; then a ppoll(2) of nothing, without a limit.
    unsafe {
        call(nr::WRITE, &[1, c".".as_ptr() as usize, 1]);
        loop {
            call(nr::PPOLL, &[0, 0, 0, 0, 0]);
        }
    }
}
