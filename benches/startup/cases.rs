//! What is launched: each kind of launch as the floor does it, as vesicle is told to, and as its peers are (peers.rs).

use nix::sched::CloneFlags;

/// A kind of launch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// As root, with a mount, PID, UTS, IPC, network and cgroup namespace.
    All,
    /// The same without the network namespace.
    NoNet,
    /// All, and a user namespace, by somebody who is not root.
    User,
    /// The same with ten binds, a tmpfs, a /dev and the default filter.
    Sandbox,
    /// All, in a cgroup that is made for it.
    Cgroup,
    /// chroot(2) and nothing else.
    Chroot,
    /// An init around a command, in no namespace.
    Init,
    /// All, with an init as process 1.
    Inside,
    /// From a template, whose mounts are copied and whose network is joined; the floor makes everything.
    Template,
    /// A clone(2) with these flags and an execve(2): the floor alone.
    Flags(CloneFlags),
}

/// The namespaces that a container has of its own, with their names.
pub const NAMESPACES: [(&str, CloneFlags); 7] = [
    ("mount", CloneFlags::CLONE_NEWNS),
    ("PID", CloneFlags::CLONE_NEWPID),
    ("UTS", CloneFlags::CLONE_NEWUTS),
    ("IPC", CloneFlags::CLONE_NEWIPC),
    ("cgroup", CloneFlags::CLONE_NEWCGROUP),
    ("user", CloneFlags::CLONE_NEWUSER),
    ("network", CloneFlags::CLONE_NEWNET),
];

impl Kind {
    /// Those of the launchers and inits.
    pub const EVERY: [Kind; 9] = [
        Kind::All,
        Kind::Template,
        Kind::NoNet,
        Kind::User,
        Kind::Sandbox,
        Kind::Cgroup,
        Kind::Chroot,
        Kind::Inside,
        Kind::Init,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::All => "all",
            Kind::NoNet => "no-net",
            Kind::User => "user",
            Kind::Sandbox => "sandbox",
            Kind::Cgroup => "cgroup",
            Kind::Chroot => "chroot",
            Kind::Init => "init",
            Kind::Inside => "run-init",
            Kind::Template => "template",
            Kind::Flags(_) => "flags",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Kind::All => "mount, PID, UTS, IPC, network and cgroup namespace, by root",
            Kind::NoNet => "the same without a network namespace",
            Kind::User => "a user namespace too, by an unprivileged user",
            Kind::Sandbox => {
                "the same with ten binds, a tmpfs, a /dev and the default filter of system calls"
            }
            Kind::Cgroup => "without a network namespace, in a fresh cgroup",
            Kind::Chroot => "chroot, no namespace",
            Kind::Init => "an init around a command",
            Kind::Inside => "all namespaces, with an init as process 1",
            Kind::Template => "from a template, whose network is joined; the floor makes all anew",
            Kind::Flags(_) => "clone and execve",
        }
    }

    /// For clone(2).
    pub fn namespaces(self) -> CloneFlags {
        let root = CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWCGROUP;
        match self {
            Kind::NoNet | Kind::Cgroup => root,
            Kind::All | Kind::Inside | Kind::Template => root | CloneFlags::CLONE_NEWNET,
            Kind::User | Kind::Sandbox => root | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWUSER,
            Kind::Chroot | Kind::Init => CloneFlags::empty(),
            Kind::Flags(flags) => flags,
        }
    }

    /// What vesicle is told.
    pub fn vesicle(self) -> &'static str {
        match self {
            Kind::All | Kind::User => "{} run --privileged {root} {command}",
            Kind::Sandbox => concat!(
                "{} run --ro-bind {root}/src/0 /mnt/0 --ro-bind {root}/src/1 /mnt/1 --ro-bind {root}/src/2 /mnt/2 ",
                "--ro-bind {root}/src/3 /mnt/3 --ro-bind {root}/src/4 /mnt/4 --ro-bind {root}/src/5 /mnt/5 ",
                "--ro-bind {root}/src/6 /mnt/6 --ro-bind {root}/src/7 /mnt/7 --ro-bind {root}/src/8 /mnt/8 ",
                "--ro-bind {root}/src/9 /mnt/9 --tmpfs /tmp --dev /dev --seccomp default {root} {command}"
            ),
            Kind::NoNet => "{} run --privileged --share-net {root} {command}",
            Kind::Cgroup if self.has_limits() => {
                "{} run --privileged --share-net --cgroup bench-vesicle --memory 64M --pids 99 {root} {command}"
            }
            Kind::Cgroup => "{} run --privileged --share-net --cgroup bench-vesicle {root} {command}",
            Kind::Chroot => "{} run --privileged --share-all {root} {command}",
            Kind::Init => "{} init -s -- {root}{command}",
            Kind::Inside => "{} run --privileged --init {root} {command}",
            Kind::Template => crate::template::SAME,
            Kind::Flags(_) => "",
        }
    }

    /// Whether memory and processes are limited: where there are controllers of cgroup2 for that.
    pub fn has_limits(self) -> bool {
        let there = std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
        self == Kind::Cgroup
            && ["memory", "pids"].iter().all(|name| there.split_whitespace().any(|c| c == *name))
    }

    /// Whether a user namespace is part of it, and its caller nobody in particular.
    pub fn is_users(self) -> bool {
        matches!(self, Kind::User | Kind::Sandbox)
    }

    /// Whether it takes root.
    pub fn needs_root(self) -> bool {
        !self.is_users() && self != Kind::Init
    }
}
