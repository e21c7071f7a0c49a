//! The binary: `rt` brings the process up, `vesicle::run` does the rest.
#![no_std]
#![no_main]

mod rt;

use vesicle::run;
