//! Life before and beside main, for the binary only: the entry, the memory functions, the panic handler.
#![allow(unsafe_code)]

mod mem;
mod panic;
mod start;
