//! Who may know whom, and what may not stand in src/: the rules of the design, read from the sources themselves.

use std::fs;
use std::path::{Path, PathBuf};

const MANIFEST: &str = env!("CARGO_MANIFEST_DIR");

/// A source file: its path below src/, its text, and its code with comments, strings and test modules blanked out.
struct Source {
    name: String,
    text: String,
    code: String,
}

/// Tests, what they share with fuzzers, and a part of build.rs beside the table that it reads.
const NOT_SHIPPED: &[&str] = &["tests.rs", "json/model.rs", "seccomp/compile.rs"];

fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    let mut todo = vec![Path::new(MANIFEST).join("src")];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(&dir).expect("src").flatten() {
            let path: PathBuf = entry.path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "rs")
                && !NOT_SHIPPED.iter().any(|n| path.ends_with(n))
            {
                let text = fs::read_to_string(&path).expect("a source");
                let name = path
                    .strip_prefix(Path::new(MANIFEST).join("src"))
                    .expect("below src")
                    .to_string_lossy()
                    .into_owned();
                let code = without_tests(&without_words(&text));
                files.push(Source { name, text, code });
            }
        }
    }
    assert!(!files.is_empty());
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

/// The text with comments, string and character literals made blank; lines stay where they are.
fn without_words(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut i = 0;
    let blank = |out: &mut Vec<u8>, from: usize, to: usize| {
        for b in &mut out[from..to.min(bytes.len())] {
            if *b != b'\n' {
                *b = b' ';
            }
        }
    };
    while i < bytes.len() {
        let rest = &bytes[i..];
        let word_before = i > 0 && (bytes[i - 1].is_ascii_alphanumeric() || bytes[i - 1] == b'_');
        if rest.starts_with(b"//") {
            let end = rest.iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| i + n);
            blank(&mut out, i, end);
            i = end;
        } else if rest.starts_with(b"/*") {
            let (mut depth, mut j) = (0, i);
            while j < bytes.len() {
                if bytes[j..].starts_with(b"/*") {
                    (depth, j) = (depth + 1, j + 2);
                } else if bytes[j..].starts_with(b"*/") {
                    (depth, j) = (depth - 1, j + 2);
                    if depth == 0 {
                        break;
                    }
                } else {
                    j += 1;
                }
            }
            blank(&mut out, i, j);
            i = j;
        } else if !word_before && raw_string(rest).is_some() {
            let (open, hashes) = raw_string(rest).unwrap_or_default();
            let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
            let end = rest[open..]
                .windows(close.len())
                .position(|w| w == close)
                .map_or(bytes.len(), |n| i + open + n + close.len());
            blank(&mut out, i, end);
            i = end;
        } else if rest[0] == b'"' {
            let mut j = i + 1;
            while j < bytes.len() && bytes[j] != b'"' {
                j += if bytes[j] == b'\\' { 2 } else { 1 };
            }
            blank(&mut out, i, j + 1);
            i = j + 1;
        } else if rest[0] == b'\'' && is_char(rest) {
            let mut j = i + 1;
            while j < bytes.len() && bytes[j] != b'\'' {
                j += if bytes[j] == b'\\' { 2 } else { 1 };
            }
            blank(&mut out, i, j + 1);
            i = j + 1;
        } else {
            i += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `r"`, `r#"`, `br##"`: the length of the opening and the number of hashes.
fn raw_string(rest: &[u8]) -> Option<(usize, usize)> {
    let start = match rest {
        [b'r', ..] => 1,
        [b'b' | b'c', b'r', ..] => 2,
        _ => return None,
    };
    let hashes = rest[start..].iter().take_while(|b| **b == b'#').count();
    (rest.get(start + hashes) == Some(&b'"')).then_some((start + hashes + 1, hashes))
}

/// A character literal, not a lifetime.
fn is_char(rest: &[u8]) -> bool {
    rest.get(1) == Some(&b'\\')
        || (rest.len() > 2
            && rest[1..]
                .iter()
                .take(5)
                .skip(1)
                .position(|b| *b == b'\'')
                .is_some_and(|n| std::str::from_utf8(&rest[1..2 + n]).is_ok_and(|s| s.chars().count() == 1)))
}

/// Blanks out what stands under `#[cfg(test)]`: a braced item, or up to the semicolon.
fn without_tests(code: &str) -> String {
    let mut out = code.as_bytes().to_vec();
    let mut from = 0;
    while let Some(at) = code[from..].find("#[cfg(test)]").map(|n| n + from) {
        let mut depth = 0;
        let mut end = code.len();
        for (n, b) in code.bytes().enumerate().skip(at) {
            match b {
                b'{' => depth += 1,
                b'}' => {
                    depth -= 1;
                    if depth == 0 {
                        end = n + 1;
                        break;
                    }
                }
                b';' if depth == 0 => {
                    end = n + 1;
                    break;
                }
                _ => {}
            }
        }
        for b in &mut out[at..end] {
            if *b != b'\n' {
                *b = b' ';
            }
        }
        from = end;
    }
    String::from_utf8(out).expect("UTF-8")
}

/// Whether `word` stands in `line` as a whole word (`::` and `!` may be part of it), and not as a lifetime.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(n, _)| {
        let ends_open = word.ends_with(['(', '!', ':']);
        let before = line[..n].chars().next_back();
        !part(before) && before != Some('\'') && (ends_open || !part(line[n + word.len()..].chars().next()))
    })
}

/// `FILE:LINE: TEXT` of each line of code that has one of the words.
fn places(files: &[Source], words: &[&str], allowed: impl Fn(&str) -> bool) -> Vec<String> {
    let mut list = Vec::new();
    for file in files.iter().filter(|f| !allowed(&f.name)) {
        for (n, line) in file.code.lines().enumerate() {
            if words.iter().any(|w| has_word(line, w)) {
                list.push(format!("src/{}:{}: {}", file.name, n + 1, line.trim()));
            }
        }
    }
    list
}

fn below(name: &str, dirs: &[&str]) -> bool {
    dirs.iter().any(|d| name.starts_with(&format!("{d}/")) || name == format!("{d}.rs"))
}

const NOTHING: &[String] = &[];

#[test]
fn the_reader_of_sources_sees_code_only() {
    let text = "a /* unsafe /* x */ */ b // unsafe\n\"unsafe \\\" x\" c r#\"unsafe \" \"# d '\\'' 'u' &'static e b'\"' f\n#[cfg(test)]\nmod tests { unsafe { } }\ng";
    let code = without_tests(&without_words(text));
    let words: Vec<&str> = code.split_whitespace().collect();
    assert_eq!(words, ["a", "b", "c", "d", "&'static", "e", "b", "f", "g"]);
    assert_eq!(code.lines().count(), text.lines().count());
    assert!(
        has_word("x.unwrap()", "unwrap(")
            && !has_word("x.unwrap_or(y)", "unwrap(")
            && !has_word("unsafe_code", "unsafe")
    );
}

#[test]
fn unsafe_stands_only_in_sys_arch_and_rt() {
    assert_eq!(places(&sources(), &["unsafe"], |f| below(f, &["sys", "arch", "rt"])), NOTHING);
}

#[test]
fn every_unsafe_block_says_what_makes_it_sound() {
    let mut list = Vec::new();
    for file in sources() {
        let lines: Vec<&str> = file.text.lines().collect();
        for (n, code) in file.code.lines().enumerate() {
            let opens = code.match_indices("unsafe").any(|(at, _)| {
                let rest = code[at + 6..].trim_start();
                rest.starts_with('{') || rest.starts_with("impl")
            });
            if !opens {
                continue;
            }
            // On the line itself, or in the comment right above it (attributes and the head of the statement may stand between).
            let above = lines[..n].iter().rev().take_while(|l| {
                let l = l.trim();
                l.starts_with("//") || l.starts_with('#') || (!l.is_empty() && !l.ends_with([';', '}', '{']))
            });
            if !lines[n].contains("SAFETY") && !above.into_iter().any(|l| l.contains("SAFETY")) {
                list.push(format!("src/{}:{}: {}", file.name, n + 1, code.trim()));
            }
        }
    }
    assert_eq!(list, NOTHING);
}

#[test]
fn system_call_numbers_are_named_in_sys_and_arch_only() {
    assert_eq!(
        places(&sources(), &["Sysno", "syscalls", "asm!"], |f| below(f, &["sys", "arch", "rt"])),
        NOTHING
    );
}

#[test]
fn the_pure_half_makes_no_system_call() {
    // A type of sys (a C string, the argument block) is data; a function of sys is a call.
    let mut list = Vec::new();
    for file in sources().iter().filter(|f| below(&f.name, &["cli", "spec", "plan", "status", "oci/cli"])) {
        for (n, line) in file.code.lines().enumerate() {
            for (at, _) in line.match_indices("sys::") {
                let rest = &line[at + 5..];
                let pure = rest.starts_with('{') || rest.chars().next().is_some_and(char::is_uppercase);
                let named = rest.trim_start_matches('{').split('}').next().unwrap_or_default();
                let types = named
                    .split(',')
                    .all(|w| w.trim().is_empty() || w.trim().chars().next().is_some_and(char::is_uppercase));
                if !pure || (rest.starts_with('{') && !types) {
                    list.push(format!("src/{}:{}: {}", file.name, n + 1, line.trim()));
                }
            }
            if has_word(line, "use crate::sys;") || line.contains("sys::*") || line.contains("sys::{self") {
                list.push(format!("src/{}:{}: {}", file.name, n + 1, line.trim()));
            }
        }
    }
    assert_eq!(list, NOTHING);
}

#[test]
fn arrows_point_down_only() {
    let files = sources();
    let rules: &[(&[&str], &[&str])] = &[
        (&["cli", "oci/cli"], &["plan", "launch", "child", "step", "init", "boot"]),
        (&["spec"], &["plan", "launch", "child", "step", "init", "boot"]),
        (&["plan"], &["launch", "child", "step", "init", "boot"]),
        (&["launch", "child", "step", "init"], &["boot"]),
        // A front end in the place of a command line: nobody behind it knows of it.
        (
            &[
                "cli", "spec", "plan", "launch", "child", "step", "init", "boot", "fail", "status", "sys",
                "arch",
            ],
            &["oci"],
        ),
        (&["status"], &["cli", "spec", "plan", "launch", "child", "step", "init", "boot", "fail", "sys"]),
        (&["sys"], &["cli", "spec", "plan", "launch", "child", "step", "init", "boot"]),
        (&["arch"], &["cli", "spec", "plan", "launch", "child", "step", "init", "boot", "sys"]),
    ];
    let mut list = Vec::new();
    for (who, whom) in rules {
        for file in files.iter().filter(|f| below(&f.name, who)) {
            for (n, line) in file.code.lines().enumerate() {
                if whom.iter().any(|m| has_word(line, &format!("crate::{m}"))) {
                    list.push(format!("src/{}:{}: {}", file.name, n + 1, line.trim()));
                }
            }
        }
    }
    assert_eq!(list, NOTHING);
}

#[test]
fn heapless_is_known_to_spec_and_plan_only() {
    assert_eq!(places(&sources(), &["heapless"], |f| below(f, &["spec", "plan"])), NOTHING);
}

#[test]
fn nothing_that_ships_formats_or_panics() {
    let words = [
        "core::fmt",
        "std::fmt",
        "format_args!",
        "format!",
        "write!",
        "println!",
        "unwrap(",
        "expect(",
        "panic!",
        "unreachable!",
        "todo!",
        "unimplemented!",
        "assert!",
        "assert_eq!",
    ];
    let files = sources();
    let mut list = places(&files, &words, |_| false);
    // A const fn may refuse to compile (the linker proves that none of it ships).
    list.retain(|place| {
        let mut parts = place.splitn(3, ':');
        let name = parts.next().unwrap_or_default().trim_start_matches("src/");
        let line: usize = parts.next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let code = files.iter().find(|f| f.name == name).map_or("", |f| &f.code);
        let head = code
            .lines()
            .take(line)
            .filter(|l| has_word(l, "fn") || has_word(l, "const"))
            .last()
            .unwrap_or_default();
        !(head.contains("const fn") || head.contains("const "))
            || !place.contains("panic!") && !place.contains("assert")
    });
    assert_eq!(list, NOTHING);
}

#[test]
fn no_memory_is_static_and_writable() {
    let mut list = places(
        &sources(),
        &[
            "static mut",
            "UnsafeCell",
            "AtomicUsize",
            "AtomicU32",
            "AtomicBool",
            "AtomicPtr",
            "RefCell",
            "OnceLock",
        ],
        // On a stack, between two threads: no static one comes through the linker.
        |name| name.ends_with("sys/listener.rs"),
    );
    list.extend(places(&sources(), &["extern crate alloc", "alloc::"], |_| false));
    assert_eq!(list, NOTHING);
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let long: Vec<_> = sources()
        .iter()
        .map(|f| (f.name.clone(), f.text.lines().count()))
        .filter(|(_, n)| *n > 400)
        .collect();
    assert!(long.is_empty(), "more than 400 lines: {long:?}");
}

#[test]
fn every_file_begins_with_what_it_is() {
    let silent: Vec<_> =
        sources().into_iter().filter(|f| !f.text.starts_with("//!")).map(|f| f.name).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

/// `--name` and its values, as `vesicle help COMMAND` lists them.
fn options_of_help(command: &str) -> Vec<(String, String)> {
    let binary = std::env::var_os("VESICLE_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_vesicle").into());
    let out = std::process::Command::new(binary).args(["help", command]).output().expect("vesicle help");
    assert!(out.status.success());
    let text = String::from_utf8(out.stdout).expect("UTF-8");
    let list: Vec<_> = text
        .lines()
        .filter_map(|l| {
            let rest = l.strip_prefix("  --")?;
            let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            // What may stand behind it, as in --name[=VALUE].
            let name = name.split('[').next().unwrap_or_default();
            Some((format!("--{name}"), rest.split("  ").next().unwrap_or_default().to_string()))
        })
        .collect();
    assert!(list.len() > if command == "run" { 40 } else { 5 }, "{text}");
    list
}

/// The options that a text names: `--word`, also where roff writes `\-\-word`.
fn options_in(text: &str) -> Vec<String> {
    let text = text.replace("\\-", "-");
    let mut list = Vec::new();
    for (at, _) in text.match_indices("--") {
        let before = text[..at].chars().next_back();
        let name: String =
            text[at + 2..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '-')
            || !name.starts_with(|c: char| c.is_ascii_lowercase())
        {
            continue;
        }
        list.push(format!("--{}", name.trim_end_matches('-')));
    }
    list.sort();
    list.dedup();
    list
}

/// The man page in three: what is about `vesicle boot`, about `vesicle enter`, and all the rest.
fn man_page() -> [String; 3] {
    let page = fs::read_to_string(Path::new(MANIFEST).join("man/vesicle.1")).expect("man/vesicle.1");
    let without = |page: String, name: &str| {
        let (before, rest) = page.split_once(&format!("\n.SH VESICLE {name}\n")).expect("its section");
        let (section, behind) = rest.split_once("\n.SH ").expect("a section behind it");
        (section.to_string(), [before, behind].join("\n.SH "))
    };
    let (boot, rest) = without(page, "BOOT");
    let (enter, rest) = without(rest, "ENTER");
    [boot, enter, rest]
}

/// Holds a part of the man page to the options of a command.
fn describes_every_option_and_no_other(page: &str, command: &str) {
    let named = options_in(page);
    let options = options_of_help(command);
    let missing: Vec<_> = options.iter().filter(|(name, _)| !named.contains(name)).collect();
    assert!(missing.is_empty(), "not in man/vesicle.1: {missing:?}");
    // An option described under a tag of its own: `.B --x`, `.BR \-\-x`, `.It Fl -x`.
    let tags: Vec<String> = page.lines().filter(|l| l.starts_with('.')).flat_map(options_in).collect();
    let untagged: Vec<_> = options
        .iter()
        .filter(|(name, _)| !tags.contains(name) && !page.contains(&name.replace('-', "\\-")))
        .collect();
    assert!(untagged.is_empty(), "no entry of their own in man/vesicle.1: {untagged:?}");
    let unknown: Vec<_> = tags
        .iter()
        .filter(|t| !options.iter().any(|o| o.0 == **t) && !["--help", "--version"].contains(&t.as_str()))
        .collect();
    assert!(unknown.is_empty(), "in man/vesicle.1, but vesicle {command} has no such option: {unknown:?}");
}

#[test]
fn man_page_describes_every_option_that_there_is_and_no_other() {
    describes_every_option_and_no_other(&man_page()[2], "run");
}

/// The options of boot: of `vesicle help boot`, of the man page, of the table of docs/boot.md.
#[test]
#[cfg(feature = "boot")]
fn options_of_boot_are_described_and_no_others() {
    describes_every_option_and_no_other(&man_page()[0], "boot");
    let text = fs::read_to_string(Path::new(MANIFEST).join("docs/boot.md")).expect("docs/boot.md");
    let rows = text.lines().filter_map(|l| l.strip_prefix("| `--")?.split('`').next());
    let named: Vec<String> = rows.map(|row| format!("--{row}")).collect();
    let known = options_of_help("boot").into_iter();
    let known: Vec<String> = known.map(|(name, value)| format!("{name} {value}").trim().into()).collect();
    assert_eq!(named, known, "docs/boot.md");
}

/// The options of enter: of `vesicle help enter`, of the man page, of the table of docs/enter.md.
#[test]
#[cfg(feature = "enter")]
fn options_of_enter_are_described_and_no_others() {
    describes_every_option_and_no_other(&man_page()[1], "enter");
    let text = fs::read_to_string(Path::new(MANIFEST).join("docs/enter.md")).expect("docs/enter.md");
    let rows = text.lines().filter_map(|l| l.strip_prefix("| `--")?.split(['`', '[', ' ']).next());
    let named: Vec<String> = rows.map(|row| format!("--{row}")).collect();
    let known: Vec<String> = options_of_help("enter").into_iter().map(|(name, _)| name).collect();
    assert_eq!(named, known, "docs/enter.md");
}

/// The letters of the options of init: of `vesicle help init`, of the tags below a heading of the page, of the README.
#[test]
#[cfg(feature = "init")]
fn options_of_init_are_described_and_no_others() {
    let read = |name: &str| fs::read_to_string(Path::new(MANIFEST).join(name)).expect("a text");
    let letters = |of: &mut dyn Iterator<Item = char>| {
        let mut list: Vec<char> = of.collect();
        list.sort_unstable();
        list
    };
    let binary = std::env::var_os("VESICLE_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_vesicle").into());
    let out = std::process::Command::new(binary).args(["help", "init"]).output().expect("vesicle help init");
    let help = String::from_utf8(out.stdout).expect("UTF-8");
    let known = letters(&mut help.lines().filter_map(|l| l.strip_prefix("  -")?.chars().next()));
    assert!(known.len() > 8, "{help}");
    let page = read("man/vesicle.1");
    let section = page.split("\n.SS Options of init\n").nth(1).expect("the options of init");
    let section = section.split("\n.S").next().expect("their end");
    let tags = section.split(".TP\n").skip(1).filter_map(|t| t.strip_prefix(".BR \\-")?.chars().next());
    assert_eq!(letters(&mut { tags }), known, "man/vesicle.1");
    let text = read("README.md");
    let table = text.split("## An init for containers").nth(1).and_then(|t| t.split("\n## ").next());
    let cells = table.expect("the init").lines().filter_map(|l| l.strip_prefix("| ")?.split(" | ").next());
    let named: Vec<&str> = cells.filter(|c| c.starts_with("`-")).flat_map(|c| c.split(", ")).collect();
    let named = named.iter().filter_map(|c| c.strip_prefix("`-")?.chars().next());
    assert_eq!(letters(&mut { named }), known, "README.md");
}

#[test]
fn readme_names_no_option_that_vesicle_does_not_have() {
    let text = fs::read_to_string(Path::new(MANIFEST).join("README.md")).expect("README.md");
    let options = options_of_help("run");
    // Cargo's, git's and other programs' options may stand there too: judged are lines that call vesicle, and tables of options.
    let mut unknown = Vec::new();
    for line in
        text.lines().filter(|l| l.contains("vesicle run") || l.starts_with("| `--") || l.starts_with("- `--"))
    {
        let ours = line.split("vesicle run").last().unwrap_or_default();
        unknown.extend(options_in(ours).into_iter().filter(|n| {
            !options.iter().any(|o| o.0 == *n) && !["--help", "--version"].contains(&n.as_str())
        }));
    }
    assert!(unknown.is_empty(), "{unknown:?}");
    let named = options_in(&text);
    if text.contains("| `--") || text.contains("## Options") {
        let missing: Vec<_> = options.iter().filter(|(name, _)| !named.contains(name)).collect();
        assert!(missing.is_empty(), "README.md lists options, but not {missing:?}");
    }
}
