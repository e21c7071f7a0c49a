//! A test's own program as a payload: before the harness, in a process of one thread, and without a shell, which would change
//! masks and dispositions. So no other language has to be there.

use super::{libc, scratch};
use std::ffi::{CStr, OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

const WORD: &str = "--as-payload";

/// The words that make it one which is told these; a copy that an unprivileged user can reach too.
pub fn as_payload<A: AsRef<OsStr>>(words: impl IntoIterator<Item = A>) -> Vec<OsString> {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    let copy = COPY.get_or_init(|| {
        let to = scratch().join("payload");
        let from = std::env::current_exe().expect("this program");
        assert!(Command::new("cp").arg(from).arg(&to).status().expect("cp").success(), "cp");
        to
    });
    let begin: [OsString; 2] = [copy.into(), WORD.into()];
    begin.into_iter().chain(words.into_iter().map(|w| w.as_ref().into())).collect()
}

/// Its life, if it is one: `live` gives the exit code. The arguments are those of main.
pub fn before_main(argc: libc::c_int, argv: *const *const libc::c_char, live: fn(&[&str]) -> i32) {
    // SAFETY: main's own arguments: argc pointers to texts that end with a NUL.
    let args = (1..argc as usize).map(|n| unsafe { CStr::from_ptr(*argv.add(n)) });
    let args: Vec<String> = args.map(|a| a.to_string_lossy().into_owned()).collect();
    if let Some((word, args)) = args.split_first()
        && word == WORD
    {
        exit(live(&args.iter().map(String::as_str).collect::<Vec<_>>()));
    }
}

/// The end of a process that has no harness to tell of it.
pub fn exit(code: i32) -> ! {
    // SAFETY: it never returns.
    unsafe { libc::_exit(code) }
}

/// The payload of this test lives so. The C library calls what stands in .init_array with the arguments of main, before main.
#[macro_export]
macro_rules! payload_lives {
    ($live:path) => {
        #[used]
        #[unsafe(link_section = ".init_array")]
        static BEFORE_MAIN: extern "C" fn(libc::c_int, *const *const libc::c_char) = {
            extern "C" fn before_main(argc: libc::c_int, argv: *const *const libc::c_char) {
                $crate::common::payload::before_main(argc, argv, $live);
            }
            before_main
        };
    };
}
