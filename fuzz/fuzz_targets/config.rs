//! A config.json, and what of it is read by itself, up to the plan of a launch.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vesicle::oci::config::{self, Read};
use vesicle::oci::json::Reader;
use vesicle::plan::{self, Lists};
use vesicle::spec::{Spec, Words};
use vesicle::sys::Stack;
use vesicle_fuzz::{reader, stack, word};

thread_local!(static STACK: Stack = stack(&["vesicle-oci"]));

/// Reads it that way, and plans what is read.
fn plan(text: &[u8], read: fn(Reader, &mut Spec<'_>, &mut Lists) -> Read<()>) {
    let (mut words, mut lists) = (Words::default(), Lists::default());
    let mut spec = Spec::new(&mut words);
    if read(reader(text), &mut spec, &mut lists).is_ok() {
        let _ = plan::build(&spec, STACK.with(|stack| *stack), &mut lists);
    }
}

fuzz_target!(|text: &[u8]| {
    plan(text, |reader, spec, lists| config::read(reader, word("id"), spec, lists));
    plan(text, |reader, spec, lists| {
        spec.enter = true;
        config::read_process(reader, spec, lists)
    });
    plan(text, config::read_resources);
    plan(text, config::read_hooks);
});
