//! What the benches share: the words that they are called with.

use std::env::args;

/// What is asked for.
pub struct Asked {
    pub rounds: usize,
    /// Where the results go as JSON.
    pub json: Option<String>,
}

/// Reads `[--rounds N] [--json FILE]`. Nothing where `cargo test` has started it: it is no test.
pub fn asked(rounds: usize) -> Option<Asked> {
    let (mut words, mut asked, mut is_bench) = (args().skip(1), Asked { rounds, json: None }, false);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--bench" => is_bench = true,
            "--test" => return None,
            "--rounds" => {
                let number = words.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                asked.rounds = number.expect("--rounds N");
            }
            "--json" => asked.json = Some(words.next().expect("--json FILE")),
            _ => panic!("unknown: {word}; there are --rounds N and --json FILE"),
        }
    }
    is_bench.then_some(asked)
}
