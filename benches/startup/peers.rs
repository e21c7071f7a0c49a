//! The peers: who they are, where they are, and how each is told to do what vesicle does.

use crate::cases::Kind;
use crate::common::find as on_path;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How each of them launches what.
const LAUNCHES: &str = include_str!("peers.txt");

/// A peer, as we know it.
struct Known {
    kind: &'static str,
    /// What its program is called.
    program: &'static str,
    /// Debian's package of it; none where there is none, or where it would bring more than itself.
    package: Option<&'static str>,
    /// Whether it is measured with many containers and many mounts too.
    grows: bool,
}

#[rustfmt::skip]
const KNOWN: &[Known] = &[
    Known { kind: "unshare", program: "unshare", package: Some("util-linux"), grows: true },
    Known { kind: "bwrap", program: "bwrap", package: Some("bubblewrap"), grows: true },
    Known { kind: "crun", program: "crun", package: Some("crun"), grows: true },
    Known { kind: "runc", program: "runc", package: Some("runc"), grows: true },
    Known { kind: "busybox", program: "busybox", package: Some("busybox-static"), grows: false },
    Known { kind: "chroot", program: "chroot", package: Some("coreutils"), grows: false },
    Known { kind: "firejail", program: "firejail", package: Some("firejail"), grows: false },
    Known { kind: "ch-run", program: "ch-run", package: Some("charliecloud-runtime"), grows: false },
    Known { kind: "lxc-start", program: "lxc-start", package: Some("lxc"), grows: false },
    Known { kind: "lxc-execute", program: "lxc-execute", package: Some("lxc"), grows: false },
    Known { kind: "systemd-nspawn", program: "systemd-nspawn", package: None, grows: false },
    Known { kind: "nsjail", program: "nsjail", package: None, grows: false },
    Known { kind: "youki", program: "youki", package: None, grows: false },
    Known { kind: "minijail", program: "minijail0", package: None, grows: false },
    Known { kind: "bst", program: "bst", package: None, grows: false },
    Known { kind: "tini", program: "tini", package: Some("tini"), grows: false },
    Known { kind: "tini-static", program: "tini-static", package: Some("tini"), grows: false },
    Known { kind: "dumb-init", program: "dumb-init", package: Some("dumb-init"), grows: false },
    Known { kind: "catatonit", program: "catatonit", package: Some("catatonit"), grows: false },
];

/// A peer that is there.
pub struct Peer {
    pub name: String,
    pub program: PathBuf,
    pub version: Option<String>,
    known: &'static Known,
}

impl Peer {
    /// Whether it is measured with many containers and many mounts too.
    pub fn grows(&self) -> bool {
        self.known.grows
    }

    /// Its command line for this kind of launch, and in what it differs from vesicle.
    pub fn words(&self, kind: Kind) -> Option<(&'static str, &'static str)> {
        LAUNCHES.lines().find_map(|line| {
            let mut fields = line.split('|').map(str::trim);
            let is_it = fields.next() == Some(self.known.kind) && fields.next() == Some(kind.name());
            if is_it { Some((fields.next()?, fields.next().unwrap_or_default())) } else { None }
        })
    }

    fn new(known: &'static Known, name: String, program: PathBuf) -> Peer {
        // busybox says it there, nsjail nowhere.
        let asks = if ["busybox", "nsjail"].contains(&known.kind) { "--help" } else { "--version" };
        let said = Command::new(&program).arg(asks).output().ok();
        let version = said.and_then(|out| {
            let text = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
            text.lines().next().filter(|line| !line.contains("Usage:")).map(str::to_string)
        });
        Peer { name, program, version, known }
    }
}

/// Those that are on this machine, and those that are named as KIND=PATH.
pub fn find(named: &[String]) -> Vec<Peer> {
    let mut peers: Vec<Peer> = Vec::new();
    for known in KNOWN {
        match (on_path(known.program), known.package) {
            (Some(program), _) => peers.push(Peer::new(known, known.kind.into(), program)),
            (None, Some(package)) => println!("{} is not here: --setup installs {package}", known.kind),
            (None, None) => println!("{0} is not here: no package of Debian; --peer {0}=PATH", known.kind),
        }
    }
    for word in named {
        let (kind, path) = word.split_once('=').unwrap_or_else(|| panic!("--peer KIND=PATH, not {word}"));
        let known = KNOWN.iter().find(|k| k.kind == kind);
        let known = known.unwrap_or_else(|| panic!("--peer {word}: no kind {kind}"));
        let mut name = kind.to_string();
        for n in 2.. {
            if peers.iter().all(|p| p.name != name) {
                break;
            }
            name = format!("{kind} ({n})");
        }
        peers.push(Peer::new(known, name, path.into()));
    }
    peers
}

/// Installs Debian's, as root.
pub fn install() {
    let packages: Vec<&str> = KNOWN.iter().filter_map(|k| k.package).collect();
    let run = |words: &[&str]| {
        let status =
            Command::new(words[0]).args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive").status();
        assert!(
            status.is_ok_and(|s| s.success()),
            "{} failed: it takes root, and Debian's apt-get",
            words.join(" ")
        );
    };
    run(&["apt-get", "update", "-qq"]);
    run(&[&["apt-get", "install", "-qq", "-y", "--no-install-recommends"], &packages[..]].concat());
}

/// What the names in a command line stand for.
pub struct Names<'a> {
    pub program: &'a Path,
    pub root: &'a Path,
    pub command: &'a str,
}

impl Names<'_> {
    /// A word of a command line, all names but `{id}` filled in.
    pub fn fill(&self, word: &str) -> String {
        let [program, root] = [self.program, self.root].map(|p| p.display().to_string());
        let script = format!(
            "{program} mount -t proc proc {root}/proc && exec {program} chroot {root} {}",
            self.command
        );
        let beside = |what: &str| format!("{root}.{what}");
        [
            ("{}", program),
            ("{script}", script),
            ("{bundle}", beside("bundle")),
            ("{bundle-dev}", beside("bundle-dev")),
            ("{lxc}", beside("bundle/lxc.conf")),
            ("{state}", beside("state")),
            ("{name}", self.program.file_name().unwrap_or_default().to_string_lossy().into_owned()),
            ("{root}", root),
            ("{command}", self.command.to_string()),
        ]
        .iter()
        .fold(word.to_string(), |word, (name, value)| word.replace(name, value))
    }
}
