//! `vesicle boot` as /init of real machines: the oldest kernel that is promised and the newest, on both CPUs, by
//! emulation. Run by `cargo test --test boot` or `tests/run boot`, and not by plain `cargo test`, as it takes minutes.

mod common;

/// Each promise is a function of a machine, and a test for each machine that it is shown on.
macro_rules! promises {
    ($($promise:ident on $($machine:ident)+;)+) => {
        $(mod $promise {
            $(#[test]
            #[allow(non_snake_case)]
            fn $machine() {
                super::$promise(crate::machine::$machine);
            })+
        })+
    };
}

#[path = "boot/console.rs"]
mod console;
#[path = "boot/edges.rs"]
mod edges;
#[path = "boot/ends.rs"]
mod ends;
#[path = "boot/failures.rs"]
mod failures;
#[path = "boot/guest.rs"]
mod guest;
#[path = "boot/inherited.rs"]
mod inherited;
#[path = "boot/machine.rs"]
mod machine;
#[path = "boot/root.rs"]
mod root;
#[path = "boot/start.rs"]
mod start;
