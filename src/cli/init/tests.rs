//! The command lines of the inits, read without a kernel.

use super::*;
use proptest::prelude::*;
use std::vec::Vec;

const TOOLS: &[Tool] = &[
    Tool::Vesicle,
    #[cfg(feature = "drop-in")]
    Tool::Tini,
    #[cfg(feature = "drop-in")]
    Tool::DumbInit,
    #[cfg(feature = "drop-in")]
    Tool::Catatonit,
];

fn read(tool: Tool, words: &[&str], env: &[&str]) -> Result<Duties, Instead> {
    let args: Vec<&str> = core::iter::once("init").chain(words.iter().copied()).collect();
    let mut duties = Duties::new(tool);
    parse(Stack::for_test(&args, env, 0), 1, &mut duties).map(|()| duties)
}

#[test]
fn every_signal_is_forwarded_as_itself_unless_it_is_rewritten() {
    let plain = read(Tool::Vesicle, &["x"], &[]).unwrap();
    assert!((1..=64).all(|n| plain.forwards(n) == n));
    let some = read(Tool::Vesicle, &["-r", "1:2", "-r2:0", "-r", "RTMIN:RTMAX-1", "x"], &[]).unwrap();
    assert_eq!([1, 2, 3, 34].map(|n| some.forwards(n)), [2, 0, 3, 63]);
}

#[test]
fn exit_codes_that_count_as_success_are_those_that_were_named() {
    for code in 0..=255u8 {
        let d = read(Tool::Vesicle, &["-e", &std::format!("{code}"), "x"], &[]).unwrap();
        assert!((0..=255).all(|c| d.code(c) == if c == code { 0 } else { c }), "{code}");
    }
}

#[test]
fn grace_is_in_nanoseconds_and_none_only_when_it_was_not_asked_for() {
    for (text, ns) in [("1", 1_000_000_000), ("0.5", 500_000_000), ("0", 0), ("0.000000001", 1)] {
        assert_eq!(read(Tool::Vesicle, &["-k", text, "x"], &[]).unwrap().grace, Some(ns), "{text}");
    }
    assert_eq!(read(Tool::Vesicle, &["x"], &[]).unwrap().grace, None);
}

#[test]
fn nothing_is_needed_beside_pause() {
    assert!(read(Tool::Vesicle, &["-P"], &[]).unwrap().pause);
    assert_eq!(read(Tool::Vesicle, &["-g"], &[]), Err(Instead::NoCommand));
}

#[test]
#[cfg(feature = "drop-in")]
fn environment_means_what_it_means_to_the_tool_alone() {
    let all = [
        "TINI_SUBREAPER=",
        "TINI_KILL_PROCESS_GROUP=",
        "TINI_VERBOSITY=3",
        "DUMB_INIT_SETSID=0",
        "DUMB_INIT_DEBUG=1",
    ];
    let tini = read(Tool::Tini, &["x"], &all).unwrap();
    assert!(tini.subreaper && tini.group && tini.verbosity == 4 && tini.apart == Apart::Group);
    let dumb = read(Tool::DumbInit, &["x"], &all).unwrap();
    assert!(!dumb.subreaper && !dumb.group && dumb.apart == Apart::No && dumb.verbosity == level::INFO);
    assert_eq!(read(Tool::Vesicle, &["x"], &all), read(Tool::Vesicle, &["x"], &[]));
    // What atoi(3) would take for a number of any size.
    for (text, verbosity) in [("", 1), ("x", 1), ("999999999999", 255), ("2x", 3)] {
        let env = std::format!("TINI_VERBOSITY={text}");
        assert_eq!(read(Tool::Tini, &["x"], &[&env]).unwrap().verbosity, verbosity, "{text}");
    }
    let session = read(Tool::DumbInit, &["-r", "20:15", "x"], &[]).unwrap();
    assert_eq!([20, 21, 22, 1].map(|n| session.forwards(n)), [15, 19, 19, 1]);
}

/// A word as somebody may type it: near to an option, or anything.
fn word() -> impl Strategy<Value = std::string::String> {
    prop_oneof![
        "-[hspgerwvqkaPcVlL]{1,3}",
        "-[erkp][0-9:.TERMKILSG]{0,6}",
        "--(help|version|rewrite|verbose|single-child)?(=[0-9:]{0,4})?",
        "[0-9]{1,3}(:[0-9]{1,3})?",
        "[^\0]{0,8}",
    ]
}

proptest! {
    #[test]
    fn any_words_are_read_without_a_panic_and_the_same_way_twice(
        words in proptest::collection::vec(word(), 0..8),
        tool in 0..TOOLS.len(),
    ) {
        let words: Vec<&str> = words.iter().map(|w| w.as_str()).collect();
        let once = read(TOOLS[tool], &words, &[]);
        prop_assert_eq!(once.is_ok(), read(TOOLS[tool], &words, &[]).is_ok());
        if let Ok(d) = once {
            // COMMAND is one of the words, or there is none because nobody is to be run.
            prop_assert!(d.pause || d.command <= words.len());
            prop_assert!(d.command >= 1 && d.command <= words.len() + 1);
            prop_assert!((1..=64).all(|n| d.forwards(n) <= 64));
            prop_assert!(d.parent_death <= 64);
        }
    }

    #[test]
    fn options_end_at_the_first_word_that_is_none(
        rest in proptest::collection::vec(word(), 0..6),
        tool in 0..TOOLS.len(),
    ) {
        // Whatever stands behind COMMAND changes nothing.
        let plain = read(TOOLS[tool], &["cmd"], &[]);
        let words: Vec<&str> = core::iter::once("cmd").chain(rest.iter().map(|w| w.as_str())).collect();
        prop_assert_eq!(read(TOOLS[tool], &words, &[]), plain);
        let words: Vec<&str> = core::iter::once("--").chain(words).collect();
        let behind = read(TOOLS[tool], &words, &[]);
        prop_assert_eq!(behind.map(|d| d.command), Ok(2));
    }
}
