//! What the targets share. What they read lives for ever, as it does in vesicle-oci: a run is to be short, see tests/fuzz.

use vesicle::oci::json::Reader;
use vesicle::sys::{Stack, ZStr};

/// A reader of a copy.
pub fn reader(text: &[u8]) -> Reader {
    Reader::of(leak(text))
}

/// A word.
pub fn word(text: &str) -> ZStr<'static> {
    ZStr::until_nul(leak(text.as_bytes())).expect("a NUL")
}

fn leak(text: &[u8]) -> &'static mut [u8] {
    Box::leak([text, &[0]].concat().into_boxed_slice())
}

/// The stack of vesicle-oci, called by root with these words.
pub fn stack(args: &[&str]) -> Stack {
    const IDS: [usize; 4] = [11, 12, 13, 14];
    let args = args.iter().map(|arg| leak(arg.as_bytes()).as_ptr() as usize);
    let mut words = vec![args.len()];
    words.extend(args.chain([0, 0]));
    // AT_UID, AT_EUID, AT_GID, AT_EGID, and AT_NULL.
    words.extend(IDS.into_iter().flat_map(|kind| [kind, 0]).chain([0, 0]));
    // SAFETY: the layout of execve(2), and it stays.
    unsafe { Stack::from_kernel(Box::leak(words.into_boxed_slice()).as_mut_ptr()) }
}
