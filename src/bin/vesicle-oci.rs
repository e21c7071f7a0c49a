//! The OCI runtime: `rt` brings the process up, `vesicle::oci::run` does the rest.
#![no_std]
#![no_main]

#[path = "../rt/mod.rs"]
mod rt;

use vesicle::oci::run;
