//! The peers: who they are, where they are, and how each is told to do what vesicle does.

use crate::cases::{Kind, NAMESPACES};
use crate::common::{find as on_path, is_root};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::chown;
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
    /// Whether it is measured with many containers and many mounts too.
    grows: bool,
    /// How it launches, and in what it differs from vesicle. `{}` is its program, `{root}` the rootfs, `{command}` what to
    /// run in it, `{bundle}` a folder with a config.json, `{lxc}` a file that lxc reads, `{state}` a folder for what it
    /// notes, `{name}` what its program is called, `{script}` for a shell, `{id}` a name that nobody else has at that time. NAME=VALUE before the program is
    /// its environment.
    launches: &'static [(Kind, &'static str, &'static str)],
}

const OCI: &str = "{} --root {state}/{name} run -b {bundle} {id}";
/// With a tmpfs on /dev, where no device can be made in the rootfs.
const OCI_DEV: &str = "{} --root {state}/{name} run -b {bundle-dev} {id}";
const CRUN_DEV: &str = "{} --root {state}/{name} --cgroup-manager=disabled run -b {bundle-dev} {id}";
const CRUN: &str = "{} --root {state}/{name} --cgroup-manager=disabled run -b {bundle} {id}";
const FIREJAIL: &str =
    "HOME={state} {} --quiet --noprofile --chroot={root} --net=none --ipc-namespace --nonewprivs {command}";

/// The leanest that it has.
macro_rules! nspawn {
    () => {
        "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_SECCOMP=0 SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 SYSTEMD_NSPAWN_TMPFS_TMP=0 \
         SYSTEMD_NSPAWN_LOCK=0 {} -q --register=no --keep-unit --resolv-conf=off --timezone=off --link-journal=no \
         --console=pipe --capability=all --no-new-privileges=yes -M {id} -D {root} "
    };
}

macro_rules! nsjail {
    () => {
        "{} -Mo -Q --rw --keep_caps --disable_rlimits --skip_setsid --proc_rw -c {root} "
    };
}

use Kind::{All, Chroot, Init, Inside, NoNet, User};

const KNOWN: &[Known] = &[
    Known {
        kind: "unshare",
        program: "unshare",
        package: Some("util-linux"),
        version: "--version",
        grows: true,
        launches: &[
            (All, "{} -m -p -f -u -i -n -C --mount-proc --root={root} {command}", "chroot(2), lo stays down"),
            (NoNet, "{} -m -p -f -u -i -C --mount-proc --root={root} {command}", "chroot(2)"),
            (
                User,
                "{} -U -r -m -p -f -u -i -n -C --mount-proc --root={root} {command}",
                "chroot(2), lo stays down",
            ),
            (Chroot, "{} --root={root} {command}", "one process: it becomes the command"),
        ],
    },
    Known {
        kind: "bwrap",
        program: "bwrap",
        package: Some("bubblewrap"),
        version: "--version",
        grows: true,
        launches: &[
            (
                All,
                "{} --unshare-pid --unshare-uts --unshare-ipc --unshare-net --unshare-cgroup --as-pid-1 --bind {root} / --proc /proc {command}",
                "",
            ),
            (
                NoNet,
                "{} --unshare-pid --unshare-uts --unshare-ipc --unshare-cgroup --as-pid-1 --bind {root} / --proc /proc {command}",
                "",
            ),
            (
                User,
                "{} --unshare-user --uid 0 --gid 0 --cap-add ALL --unshare-pid --unshare-uts --unshare-ipc --unshare-net --unshare-cgroup --as-pid-1 --bind {root} / --proc /proc {command}",
                "",
            ),
            (Chroot, "{} --bind {root} / {command}", "a mount namespace, pivot_root(2)"),
            (
                Inside,
                "{} --unshare-pid --unshare-uts --unshare-ipc --unshare-net --unshare-cgroup --bind {root} / --proc /proc {command}",
                "",
            ),
        ],
    },
    Known {
        kind: "crun",
        program: "crun",
        package: Some("crun"),
        version: "--version",
        grows: true,
        launches: &[
            (All, CRUN, "a state folder, setsid(2), capability sets"),
            (NoNet, CRUN, "a state folder, setsid(2), capability sets"),
            (User, CRUN_DEV, "a state folder, setsid(2), capability sets, a tmpfs on /dev"),
            (Chroot, CRUN, "a state folder, setsid(2), capability sets"),
        ],
    },
    Known {
        kind: "runc",
        program: "runc",
        package: Some("runc"),
        version: "--version",
        grows: true,
        launches: &[
            (All, OCI, "a state folder, a cgroup, a device filter, setsid(2), capability sets"),
            (NoNet, OCI, "a state folder, a cgroup, a device filter, setsid(2), capability sets"),
            (User, OCI_DEV, "a state folder, setsid(2), capability sets, a tmpfs on /dev"),
        ],
    },
    Known {
        kind: "busybox",
        program: "busybox",
        package: Some("busybox-static"),
        version: "--help",
        grows: false,
        launches: &[
            (
                All,
                "{} unshare -m -u -i -n -p -f {} sh -c {script}",
                "no cgroup namespace, chroot(2), lo stays down, a shell and mount(8)",
            ),
            (
                NoNet,
                "{} unshare -m -u -i -p -f {} sh -c {script}",
                "no cgroup namespace, chroot(2), a shell and mount(8)",
            ),
            (
                User,
                "{} unshare -r -m -u -i -n -p -f {} sh -c {script}",
                "no cgroup namespace, chroot(2), lo stays down, a shell and mount(8)",
            ),
            (Chroot, "{} chroot {root} {command}", "one process: it becomes the command"),
        ],
    },
    Known {
        kind: "chroot",
        program: "chroot",
        package: Some("coreutils"),
        version: "--version",
        grows: false,
        launches: &[(Chroot, "{} {root} {command}", "one process: it becomes the command")],
    },
    Known {
        kind: "firejail",
        program: "firejail",
        package: Some("firejail"),
        version: "--version",
        grows: false,
        launches: &[
            (
                User,
                FIREJAIL,
                "set-user-ID and no user namespace, no cgroup namespace, about thirty mounts, a process 1 of its own",
            ),
            (Inside, FIREJAIL, "no cgroup namespace, about thirty mounts"),
        ],
    },
    Known {
        kind: "ch-run",
        program: "ch-run",
        package: Some("charliecloud-runtime"),
        version: "--version",
        grows: false,
        launches: &[(
            User,
            "USER=bench {} -w --no-passwd --uid=0 --gid=0 {root} -- {command}",
            "a mount and a user namespace alone",
        )],
    },
    Known {
        kind: "lxc-start",
        program: "lxc-start",
        package: Some("lxc"),
        version: "--version",
        grows: false,
        launches: &[
            (All, "{} -F -n {id} -P {state} -f {lxc} -- {command}", "lo stays down, a cgroup, setsid(2)"),
            (NoNet, "{} -F -n {id} -P {state} -f {lxc} -- {command}", "a cgroup, setsid(2)"),
            (
                User,
                "HOME={state} XDG_RUNTIME_DIR={state} {} -q -F -n {id} -P {state} -f {lxc} -- {command}",
                "lo stays down, setsid(2)",
            ),
        ],
    },
    Known {
        kind: "lxc-execute",
        program: "lxc-execute",
        package: Some("lxc"),
        version: "--version",
        grows: false,
        launches: &[(Inside, "{} -n {id} -P {state} -f {lxc} -- {command}", "lo stays down, a cgroup")],
    },
    Known {
        kind: "systemd-nspawn",
        program: "systemd-nspawn",
        // It would bring a newer systemd.
        package: None,
        version: "--version",
        grows: false,
        launches: &[
            (
                All,
                concat!(nspawn!(), "--private-network {command}"),
                "about twenty mounts, a host name, setsid(2)",
            ),
            (NoNet, concat!(nspawn!(), "{command}"), "about twenty mounts, a host name, setsid(2)"),
            (
                Inside,
                concat!(nspawn!(), "--private-network --as-pid2 {command}"),
                "about twenty mounts, a host name",
            ),
        ],
    },
    Known {
        kind: "nsjail",
        program: "nsjail",
        package: None,
        version: "--help",
        grows: false,
        launches: &[
            (All, concat!(nsjail!(), "--disable_clone_newuser -- {command}"), "capability sets"),
            (NoNet, concat!(nsjail!(), "--disable_clone_newuser -N -- {command}"), "capability sets"),
            (User, concat!(nsjail!(), "-u 0 -g 0 -- {command}"), "capability sets"),
            (
                Chroot,
                concat!(
                    nsjail!(),
                    "--disable_clone_newuser -N --disable_clone_newpid --disable_clone_newipc --disable_clone_newuts --disable_clone_newcgroup --disable_proc -- {command}"
                ),
                "a mount namespace, pivot_root(2)",
            ),
        ],
    },
    Known {
        kind: "youki",
        program: "youki",
        package: None,
        version: "--version",
        grows: false,
        launches: &[
            (All, OCI_DEV, "lo stays down, a state folder, a cgroup, capability sets, a tmpfs on /dev"),
            (NoNet, OCI_DEV, "a state folder, a cgroup, capability sets, a tmpfs on /dev"),
        ],
    },
    // By their manuals: neither could be tried.
    Known {
        kind: "minijail",
        program: "minijail0",
        package: None,
        version: "--version",
        grows: false,
        launches: &[
            (
                All,
                "{} -v -p -I -l -e -N --uts -n -P {root} -k proc,/proc,proc -- {command}",
                "not tried when this was written",
            ),
            (
                NoNet,
                "{} -v -p -I -l -N --uts -n -P {root} -k proc,/proc,proc -- {command}",
                "not tried when this was written",
            ),
            (
                User,
                "{} -U -m -M -v -p -I -l -e -N --uts -n -P {root} -k proc,/proc,proc -- {command}",
                "not tried when this was written",
            ),
        ],
    },
    Known {
        kind: "bst",
        program: "bst",
        package: None,
        version: "--version",
        grows: false,
        launches: &[(
            User,
            "{} --root {root} {command}",
            "a time namespace too; not tried when this was written",
        )],
    },
    Known {
        kind: "tini",
        program: "tini",
        package: Some("tini"),
        version: "--version",
        grows: false,
        launches: &[(Init, "{} -s -- {root}{command}", "")],
    },
    Known {
        kind: "tini-static",
        program: "tini-static",
        package: Some("tini"),
        version: "--version",
        grows: false,
        launches: &[(Init, "{} -s -- {root}{command}", "")],
    },
    Known {
        kind: "dumb-init",
        program: "dumb-init",
        package: Some("dumb-init"),
        version: "--version",
        grows: false,
        launches: &[(Init, "{} -- {root}{command}", "")],
    },
    Known {
        kind: "catatonit",
        program: "catatonit",
        package: Some("catatonit"),
        version: "--version",
        grows: false,
        launches: &[(Init, "{} -- {root}{command}", "")],
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
    /// Whether it is measured with many containers and many mounts too.
    pub fn grows(&self) -> bool {
        self.known.grows
    }

    /// Its command line for this kind of launch, and in what it differs from vesicle.
    pub fn words(&self, kind: Kind) -> Option<(&'static str, &'static str)> {
        self.known.launches.iter().find(|(k, _, _)| *k == kind).map(|(_, words, differs)| (*words, *differs))
    }

    fn new(known: &'static Known, name: String, program: PathBuf) -> Peer {
        let said = Command::new(&program).args(known.version.split_whitespace()).output().ok();
        let version = said.and_then(|out| {
            let text = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
            text.lines().next().map(str::to_string)
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

/// Writes what peers read for this kind of launch, beside its root.
pub fn furnish(kind: Kind, root: &Path, command: &str, uid: u32) {
    let beside = |what: &str| PathBuf::from(format!("{}.{what}", root.display()));
    for folder in ["bundle", "bundle-dev", "state"] {
        fs::create_dir_all(beside(folder)).expect("mkdir");
        if uid != 0 && is_root() {
            chown(beside(folder), Some(uid), Some(uid)).expect("chown");
        }
    }
    let mut config = config(kind, root, command, uid);
    for (folder, dev) in [("bundle", false), ("bundle-dev", true)] {
        if let (true, Some(mounts)) = (dev, config["mounts"].as_array_mut()) {
            let options = ["nosuid", "mode=755"];
            mounts.push(
                json!({ "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": options }),
            );
        }
        let text = serde_json::to_vec_pretty(&config).expect("JSON");
        fs::write(beside(folder).join("config.json"), text).expect("config.json");
    }
    fs::write(beside("bundle").join("lxc.conf"), lxc_conf(kind, root, uid)).expect("lxc.conf");
}

/// A bundle of the OCI runtime specification, with the least that there can be in it.
fn config(kind: Kind, root: &Path, command: &str, uid: u32) -> Value {
    let flags = kind.namespaces();
    let named = [
        ("mount", "mount"),
        ("PID", "pid"),
        ("UTS", "uts"),
        ("IPC", "ipc"),
        ("cgroup", "cgroup"),
        ("user", "user"),
        ("network", "network"),
    ];
    let namespaces: Vec<Value> = NAMESPACES
        .iter()
        .filter(|(_, flag)| flags.contains(*flag))
        .filter_map(|(name, _)| named.iter().find(|(n, _)| n == name))
        .map(|(_, kind)| json!({ "type": kind }))
        .collect();
    let mut mounts = vec![json!({ "destination": "/proc", "type": "proc", "source": "proc" })];
    if kind == Chroot {
        mounts.clear();
    }
    let mut linux = json!({ "namespaces": namespaces });
    if kind == User {
        let map = json!([{ "containerID": 0, "hostID": uid, "size": 1 }]);
        linux["uidMappings"] = map.clone();
        linux["gidMappings"] = map;
    }
    let caps = capabilities();
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false, "user": { "uid": 0, "gid": 0 }, "args": [command], "env": ["PATH=/bin"], "cwd": "/",
            "noNewPrivileges": true,
            "capabilities": { "bounding": caps, "effective": caps, "permitted": caps },
        },
        "root": { "path": root, "readonly": false },
        "mounts": mounts,
        "linux": linux,
    })
}

/// Those that we have ourselves, by their names: all that a root without limits would ask for.
fn capabilities() -> Vec<String> {
    const NAMES: &str = "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE \
        NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE \
        SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL \
        SETFCAP";
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bounding = status
        .lines()
        .find_map(|l| l.strip_prefix("CapBnd:\t"))
        .and_then(|hex| u64::from_str_radix(hex, 16).ok());
    let has = |bit: usize| bounding.unwrap_or(0) >> bit & 1 != 0;
    NAMES
        .split_whitespace()
        .enumerate()
        .filter(|(bit, _)| has(*bit))
        .map(|(_, name)| format!("CAP_{name}"))
        .collect()
}

fn lxc_conf(kind: Kind, root: &Path, uid: u32) -> String {
    let net = if kind == NoNet { "none" } else { "empty" };
    let mut text = format!(
        "lxc.uts.name = bench\nlxc.rootfs.path = dir:{}\nlxc.mount.auto = proc:rw\nlxc.autodev = 0\nlxc.tty.max = 0\n\
         lxc.pty.max = 0\nlxc.console.path = none\nlxc.net.0.type = {net}\nlxc.apparmor.profile = unconfined\n\
         lxc.no_new_privs = 1\n",
        root.display()
    );
    if kind == User {
        text += &format!("lxc.idmap = u 0 {uid} 1\nlxc.idmap = g 0 {uid} 1\n");
    }
    text
}
