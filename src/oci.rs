//! vesicle-oci: a bundle's config.json, the OCI runtime specification, in the place of a command line.
//!
//! A front end and not a second launcher: what the file says becomes options of a [`Spec`](crate::spec::Spec), and from
//! there on everything is what `vesicle run` does.

mod agent;
pub mod cgroup;
pub mod cli;
pub mod config;
mod create;
pub mod dbus;
mod exec;
mod hooks;
pub mod json;
mod known;
pub mod log;
pub mod out;
mod outside;
pub mod process;
pub mod seccomp;
pub mod state;
pub mod store;
mod systemd;
pub mod time;
mod update;
mod verbs;

use cli::{Request, Verb};
use core::mem::ManuallyDrop;

/// What is read of a bundle: made in one place, as it is long to write down that nothing is there yet. Nobody gives it back
/// before we end.
#[inline(never)]
fn work() -> ManuallyDrop<crate::Work> {
    ManuallyDrop::new(crate::Work::default())
}

/// Everything between the entry and the exit: the exit code.
pub fn run(stack: crate::sys::Stack) -> u8 {
    let mut request = Request::new(stack);
    let read = request.read();
    if request.verb == Verb::Exec {
        // What fails inside is not to be written to a file of the container's.
        request.log = log::open(&request);
    }
    let done = read.and_then(|()| verbs::run(&request));
    done.unwrap_or_else(|fail| log::report(&fail, &request))
}
