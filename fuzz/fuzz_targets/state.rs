//! A state.json: what is read of one is saved and read again as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::fs;
use std::path::PathBuf;
use vesicle::oci::cli::Request;
use vesicle::oci::state::State;
use vesicle::oci::store::{Entry, Root};
use vesicle_fuzz::{stack, word};

/// The directory of a container, and its path.
fn entry() -> (Entry, PathBuf) {
    let root = tempfile::tempdir().expect("a directory").keep();
    let mut request =
        Request::new(stack(&["vesicle-oci", "--root", root.to_str().expect("UTF-8"), "state", "a"]));
    assert!(request.read().is_ok());
    let Ok(entry) = Root::make(&request).and_then(|root| Entry::create(root, word("a"))) else {
        panic!("no entry")
    };
    (entry, root.join("a/state.json"))
}

thread_local!(static ENTRY: (Entry, PathBuf) = entry());

fuzz_target!(|text: &[u8]| ENTRY.with(|(entry, file)| {
    fs::write(file, text).expect("state.json");
    let Ok(Some(one)) = State::find(entry) else { return };
    assert!(one.save(entry).is_ok());
    let Ok(Some(two)) = State::find(entry) else { panic!("it is not what was saved") };
    assert!((one.pid.0, one.start) == (two.pid.0, two.start));
    let texts = |s: &State| [s.bundle, s.rootfs, s.created, s.cgroup, s.unit, s.annotations];
    assert!(texts(&one) == texts(&two));
}));
