//! The peers: who they are, where they are, and how each is told to do what vesicle does.

use crate::cases::Kind;
use crate::common::{find as on_path, scratch};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A peer, as we know it.
struct Known {
    kind: &'static str,
    /// What its program is called.
    program: &'static str,
    /// Debian's package of it; none where there is none.
    package: Option<&'static str>,
    /// What makes it say its version.
    version: &'static str,
    /// How it launches. `{}` is its program, `{root}` the rootfs, `{command}` what to run in it, `{bundle}` a folder with
    /// a config.json, `{state}` a folder for what it notes, `{id}` a name that nobody else has at that time.
    launches: &'static [(Kind, &'static str, &'static str)],
}

const KNOWN: &[Known] = &[
    Known {
        kind: "unshare",
        program: "unshare",
        package: Some("util-linux"),
        version: "--version",
        launches: &[
            (Kind::All, "{} --mount --pid --fork --uts --ipc --net --cgroup --mount-proc --root={root} {command}", "chroot(2), no loopback"),
            (Kind::NoNet, "{} --mount --pid --fork --uts --ipc --cgroup --mount-proc --root={root} {command}", "chroot(2)"),
            (Kind::User, "{} --user --map-root-user --mount --pid --fork --uts --ipc --net --cgroup --mount-proc --root={root} {command}", "chroot(2), no loopback"),
            (Kind::Chroot, "{} --root={root} {command}", "becomes the command"),
        ],
    },
];

/// A peer that is there.
pub struct Peer {
    pub name: String,
    pub program: PathBuf,
    pub version: Option<String>,
    known: &'static Known,
}

impl Peer {
    /// Its command line for this kind of launch, and what it does otherwise than vesicle.
    pub fn words(&self, kind: Kind) -> Option<(&'static str, &'static str)> {
        self.known.launches.iter().find(|(k, _, _)| *k == kind).map(|(_, words, differs)| (*words, *differs))
    }

    fn new(known: &'static Known, name: &str, program: PathBuf) -> Peer {
        let said = Command::new(&program).args(known.version.split_whitespace()).output().ok();
        let version = said.and_then(|out| {
            let text = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
            text.lines().next().map(str::to_string)
        });
        Peer { name: name.into(), program, version, known }
    }
}

/// Those that are on this machine, and those that are named as KIND=PATH.
pub fn find(named: &[String]) -> Vec<Peer> {
    let mut peers: Vec<Peer> = Vec::new();
    for known in KNOWN {
        match on_path(known.program) {
            Some(program) => peers.push(Peer::new(known, known.kind, program)),
            None => println!("{} is not here{}", known.kind, known.package.map_or("".into(), |p| format!(": --setup installs {p}"))),
        }
    }
    for word in named {
        let (kind, path) = word.split_once('=').unwrap_or_else(|| panic!("--peer KIND=PATH, not {word}"));
        let known = KNOWN.iter().find(|k| k.kind == kind);
        let known = known.unwrap_or_else(|| panic!("--peer {word}: no kind {kind}"));
        peers.push(Peer::new(known, &format!("{kind} {path}"), path.into()));
    }
    peers
}

/// Installs Debian's, as root.
pub fn install() {
    let packages: Vec<&str> = KNOWN.iter().filter_map(|k| k.package).collect();
    let run = |words: &[&str]| {
        let status = Command::new(words[0]).args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive").status();
        assert!(status.is_ok_and(|s| s.success()), "{} failed: it takes root, and Debian's apt-get", words.join(" "));
    };
    run(&["apt-get", "update", "-qq"]);
    run(&[&["apt-get", "install", "-qq", "-y", "--no-install-recommends"], &packages[..]].concat());
}

/// Puts this launch's names into a word of a command line.
pub fn fill(word: &str, root: &Path, command: &str) -> String {
    let places = [("{root}", root), ("{bundle}", &bundle(root)), ("{state}", &state())];
    let word = places.iter().fold(word.replace("{command}", command), |w, (name, path)| w.replace(name, &path.to_string_lossy()));
    word
}

fn state() -> PathBuf {
    scratch().join("state")
}

fn bundle(root: &Path) -> PathBuf {
    root.with_extension("bundle")
}

/// Writes the files that it reads.
pub fn prepare(peer: &Peer, kind: Kind, root: &Path, command: &str) {
    let _ = (peer, kind, root, command);
}
