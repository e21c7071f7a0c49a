//! What each says: word for word what the tool says whose place it takes, but for what is stated here.

use crate::common::*;
use crate::tools::*;
use std::path::PathBuf;

/// Ours and the installed one, called by the same name.
fn pairs() -> Vec<(&'static str, Kind, PathBuf, PathBuf)> {
    [("tini", Kind::Tini), ("dumb-init", Kind::DumbInit), ("catatonit", Kind::Catatonit)]
        .into_iter()
        .filter_map(|(name, kind)| match find(name) {
            Some(theirs) => Some((name, kind, named(name), theirs)),
            None => {
                skip(std::thread::current().name().unwrap_or("?"), &format!("{name} is not installed"));
                None
            }
        })
        .collect()
}

/// Both are called so that their name is the same: getopt(3) says argv[0].
fn by_name(path: &std::path::Path, name: &str, place: Place) -> Launch {
    let dir = path.parent().expect("a folder").to_path_buf();
    let launch = match place {
        Place::Child => program(me(), [name]),
        Place::First => run(me()).words("--share-net --share-uts --share-ipc /").arg(name),
    };
    launch.env("PATH", format!("{}:/usr/bin:/bin", dir.display())).limit(10)
}

fn said(end: &Outcome) -> String {
    format!("status {:?}\nstdout: {}\nstderr: {}", end.code, end.stdout, end.stderr)
}

/// What is not said as the original says it, on purpose.
fn without_differences(kind: Kind, text: &str) -> String {
    match kind {
        // The version of the package that is installed, and ours, which Docker and podman look for.
        Kind::Tini => text.replace("tini version 0.19.0 - git.vesicle", "tini version 0.19.0"),
        // Where its sources and its bugs are.
        Kind::Catatonit => {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.retain(|l| !l.starts_with("The source code can be") && !l.starts_with("For bug reporting"));
            lines.join("\n").trim_end().into()
        }
        _ => text.into(),
    }
}

#[test]
fn help_version_and_usage_are_those_of_the_original() {
    let mut wrong = Vec::new();
    for (name, kind, ours, theirs) in pairs() {
        let lines: &[&str] = match kind {
            Kind::Tini => &[
                "",
                "-h",
                "--version",
                "-Z",
                "-p",
                "-e",
                "-s",
                "--",
                "-p SIGNOPE x",
                "-p 5x x",
                "-e 256 x",
                "-e -1 x",
                "-e x x",
                "-e 1x x",
            ],
            Kind::DumbInit => &[
                "",
                "-h",
                "--help",
                "-V",
                "--version",
                "-Z",
                "--nope",
                "-r",
                "--rewrite",
                "-r 1 x",
                "-r 1:32 x",
                "-r 32:1 x",
                "-r x:y x",
                "-r 0:1 x",
                "-r 1: x",
                "-c",
                "--",
                "--help=x",
            ],
            Kind::Catatonit => &["", "-h", "-V", "--version", "-Z", "--nope", "-g", "--", "--version=x"],
            Kind::Vesicle => &[],
        };
        for words in lines {
            let [a, b] = [&ours, &theirs].map(|path| {
                let end = by_name(path, name, Place::Child).words(words).go();
                let text = without_differences(kind, &said(&end));
                // The process id of the moment.
                text.split("catatonit:")
                    .map(|t| t.trim_start_matches(|c: char| c.is_ascii_digit()))
                    .collect::<Vec<_>>()
                    .join("catatonit:")
                    .split("tini (")
                    .map(|t| t.trim_start_matches(|c: char| c.is_ascii_digit()))
                    .collect::<Vec<_>>()
                    .join("tini (")
            });
            if a.trim_end() != b.trim_end() {
                wrong.push(format!("{name} {words}\n--- ours\n{a}\n--- theirs\n{b}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// A run with everything said: the processes by what they are, instead of by their number of the moment.
fn story(
    path: &std::path::Path,
    name: &str,
    place: Place,
    options: &str,
    vars: &[(&str, &str)],
    script: &str,
) -> String {
    let mut launch = by_name(path, name, place).words(options);
    for (name, value) in vars {
        launch = launch.env(name, value);
    }
    let end = launch.args(["--", "sh", "-c", &format!("echo pids $$ $PPID $$; {script}")]).go();
    let pids: Vec<&str> =
        end.stdout.lines().find_map(|l| l.strip_prefix("pids ")).unwrap_or("none").split(' ').collect();
    let mut text = String::new();
    let all = format!("status {:?}\n{}{}", end.code, end.stdout, end.stderr);
    let mut word = String::new();
    for c in all.chars().chain([' ']) {
        if c.is_ascii_digit() {
            word.push(c);
            continue;
        }
        match word.as_str() {
            "" => {}
            w if pids.first() == Some(&w) => text.push_str("MAIN"),
            w if pids.get(1) == Some(&w) => text.push_str("INIT"),
            w => text.push_str(w),
        }
        word.clear();
        text.push(c);
    }
    text
}

/// Lines of the original that we don't say, and why.
fn left_out(kind: Kind, line: &str) -> bool {
    match kind {
        // What it is about to do, at its third -v.
        // And what its child says to a file that is no terminal is still in a buffer when it becomes COMMAND.
        Kind::Tini => line.contains("TRACE") || line.contains("no tty (ok to proceed)"),
        _ => false,
    }
}

#[test]
fn messages_are_those_of_the_original() {
    let (zombie, plain) = ("sh -c 'sleep 0.1 & exit 3'; sleep 0.4; exit 5", "exit 5");
    let mut wrong = Vec::new();
    for (name, kind, ours, theirs) in pairs() {
        type Case = (Place, &'static str, &'static [(&'static str, &'static str)], &'static str);
        let cases: Vec<Case> = match kind {
            Kind::Tini => vec![
                (Place::First, "", &[], plain),
                (Place::Child, "", &[], plain),
                (Place::Child, "-s", &[], plain),
                (Place::Child, "", &[("TINI_SUBREAPER", "")], plain),
                (Place::First, "-v", &[], plain),
                (Place::First, "-vv", &[], plain),
                (Place::First, "-vvv", &[], plain),
                (Place::First, "-v", &[], "kill -TERM $$"),
                (Place::First, "", &[("TINI_VERBOSITY", "3")], plain),
                (Place::Child, "", &[("TINI_VERBOSITY", "0")], plain),
                (Place::First, "-w -v", &[], plain),
                (Place::First, "-vvv", &[], "kill -USR1 $PPID; exec sleep 5"),
                (Place::First, "-e 5", &[], plain),
                (Place::First, "-g", &[], "kill -TERM $PPID; exec sleep 5"),
            ],
            Kind::DumbInit => vec![
                (Place::First, "", &[], plain),
                (Place::First, "-v", &[], plain),
                (Place::First, "", &[("DUMB_INIT_DEBUG", "1")], plain),
                (Place::First, "-v", &[("DUMB_INIT_SETSID", "0")], plain),
                (Place::First, "-v -c", &[], plain),
                (Place::Child, "-v", &[], plain),
                (Place::First, "-v", &[], "kill -TERM $$"),
                (Place::First, "-v -r 10:15", &[], "kill -USR1 $PPID; exec sleep 5"),
                (Place::First, "-v -r 10:0", &[], "kill -USR1 $PPID; sleep 0.2; exit 3"),
                (Place::First, "-v", &[], zombie),
            ],
            Kind::Catatonit => vec![
                (Place::First, "", &[], plain),
                (Place::Child, "", &[], plain),
                (Place::First, "", &[], "kill -TERM $$"),
                (Place::First, "-g", &[], "kill -TERM $PPID; exec sleep 5"),
            ],
            Kind::Vesicle => vec![],
        };
        for (place, options, vars, script) in cases {
            let [a, b] = [&ours, &theirs].map(|path| {
                let text = without_differences(kind, &story(path, name, place, options, vars, script));
                let mut lines: Vec<&str> =
                    text.lines().filter(|l| !left_out(kind, l)).map(str::trim_end).collect();
                // Init and COMMAND speak at the same time.
                lines.sort_unstable();
                lines.join("\n")
            });
            if a != b {
                wrong.push(format!(
                    "{name} {options} {vars:?} {place:?} {script}\n--- ours\n{a}\n--- theirs\n{b}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn reaped_zombies_are_told_as_the_original_tells_them() {
    for (name, kind, ours, theirs) in pairs() {
        if kind != Kind::Tini {
            continue;
        }
        let script = "sh -c 'sleep 0.1 & echo zombie $!'; sleep 0.4; exit 5";
        let [a, b] = [ours, theirs].map(|path| {
            let text = story(&path, name, Place::First, "-w", &[], script);
            let pid = text.lines().find_map(|l| l.strip_prefix("zombie ")).unwrap_or("none").to_string();
            text.replace(&format!("pid={pid}"), "pid=ZOMBIE").replace(&format!("zombie {pid}"), "zombie")
        });
        assert_eq!(a, b);
        assert!(a.contains("[WARN  tini (INIT)] Reaped zombie process with pid=ZOMBIE"), "{a}");
    }
}

#[test]
fn options_end_at_the_first_word_that_is_none() {
    for tool in tools().iter().filter(|t| t.ours) {
        let end = tool.reaping(Place::Child).args(["echo", "-g", "-v", "--", "-h", "--version"]).go();
        end.says("-g -v -- -h --version");
        let end = tool.reaping(Place::Child).args(["--", "echo", "--", "x"]).go();
        end.says("-- x");
        let end = tool.reaping(Place::Child).args(["--", "-g"]).env("PATH", "/usr/bin:/bin").go();
        assert_eq!(end.code, Some(127), "{}: {}", tool.name, end.stderr);
    }
    // As Docker and podman call them.
    for (name, args) in [
        ("docker-init", "-- echo x"),
        ("tini", "-g -- echo x"),
        ("catatonit", "-- echo x"),
        ("dumb-init", "-- echo x"),
        ("podman-init", "-- echo x"),
        ("tini-static", "-s -- echo x"),
    ] {
        program(me(), [named(name)]).words(args).env("TINI_SUBREAPER", "1").go().says("x");
    }
}

#[test]
fn versions_are_in_the_form_that_docker_and_podman_read() {
    for (name, version) in [
        ("tini", "tini version 0.19.0 - git.vesicle"),
        ("docker-init", "tini version 0.19.0 - git.vesicle"),
        ("catatonit", "tini version 0.1.7_catatonit"),
    ] {
        program(me(), [named(name)]).arg("--version").go().says(version);
    }
    let end = program(me(), [named("dumb-init")]).arg("-V").go();
    assert_eq!((end.code, end.stderr.as_str()), (Some(0), "dumb-init v1.2.5\n"));
    // No word of a licence that is not ours.
    for (name, option) in [("tini", "-l"), ("catatonit", "-L")] {
        let end = program(me(), [named(name)]).arg(option).go();
        end.code(0);
        assert!(
            end.stdout.contains("MIT OR Apache-2.0") && end.stdout.lines().count() == 1,
            "{}",
            end.stdout
        );
    }
}

#[test]
fn wrong_option_of_vesicle_init_is_one_line_that_names_it() {
    let own = || program(me(), [vesicle()]).arg("init");
    for (words, named) in [
        (&["-Z"][..], "-Z"),
        (&["-p"], "-p"),
        (&["-p", "NOPE", "x"], "NOPE"),
        (&["-p0", "x"], "-p"),
        (&["-p", "65", "x"], "65"),
        (&["-e", "256", "x"], "256"),
        (&["-e", "-1", "x"], "-1"),
        (&["-e", "", "x"], "-e"),
        (&["-r", "9:1", "x"], "9:1"),
        (&["-r", "KILL:TERM", "x"], "KILL:TERM"),
        (&["-r", "CHLD:TERM", "x"], "CHLD:TERM"),
        (&["-r", "TERM", "x"], "TERM"),
        (&["-r", "TERM:", "x"], "TERM:"),
        (&["-k", "x", "x"], "-k"),
        (&["-k", "-1", "x"], "-1"),
        (&["-k", "99999999999999999999", "x"], "-k"),
        (&["--nope", "x"], "--nope"),
        (&["--help=x", "x"], "--help=x"),
        (&[], "COMMAND"),
        (&["-sgw"], "COMMAND"),
        (&["--"], "COMMAND"),
    ] {
        own().args(words).go().refuses(125, &[named]);
    }
    for words in [&["-h"][..], &["--help"], &["-gh"]] {
        let end = own().args(words).go();
        end.code(0);
        assert!(end.stdout.starts_with("usage: vesicle init") && end.stderr.is_empty(), "{}", end.stdout);
    }
    let help = program(me(), [vesicle()]).words("help init").go();
    assert_eq!(help.stdout, own().arg("-h").go().stdout);
    for option in "spgerwvqkaP".chars() {
        assert!(help.stdout.contains(&format!("  -{option} ")), "-{option} is not in the usage text");
    }
}

#[test]
fn own_messages_are_one_line_each_and_begin_with_the_name() {
    let own = tool("vesicle init").expect("ours");
    let end = own
        .at(Place::Child)
        .args(["-v", "-w", "sh", "-c", "sh -c 'sleep 0.1 & exit'; sleep 0.4; exit 5"])
        .go();
    end.code(5);
    let lines: Vec<&str> = end.stderr.lines().collect();
    assert!(lines.iter().all(|l| l.starts_with("vesicle: ")), "{}", end.stderr);
    for word in ["started sh as process ", "reaped process ", "COMMAND ended: exit code 5"] {
        assert!(lines.iter().any(|l| l.contains(word)), "nothing says {word:?}: {}", end.stderr);
    }
    own.at(Place::Child).args(["true"]).go().says("");
}
