//! What the peers need around them, in a mount namespace of ours: nothing of the machine changes.

use crate::common::{Who, give, is_root, scratch, uid_of};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const NONE: Option<&str> = None;
/// Control groups that peers leave behind, by their names.
const LEFT: [&str; 3] = ["lxc.pivot", "payload", "supervisor"];

/// Takes away at its end what peers leave where no namespace hides it.
pub struct Surroundings(Vec<PathBuf>);

/// Makes them, where we may. What fails is seen where a peer fails.
pub fn make() -> Surroundings {
    if !is_root() {
        return Surroundings(Vec::new());
    }
    unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).expect("private mounts");
    // crun refuses a machine that has cgroups of version 1 too, even when it is told to use none.
    let on = Path::new("/sys/fs/cgroup");
    if on.is_dir() && !on.join("cgroup.controllers").exists() {
        let _ = mount(Some("cgroup2"), on, Some("cgroup2"), MsFlags::empty(), NONE);
    }
    // systemd-nspawn wants it to be a tmpfs, lxc and firejail leave things in it.
    let _ = mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), Some("mode=755"));
    // Debian's firejail has no --chroot until it is allowed.
    let config = Path::new("/etc/firejail/firejail.config");
    if let Ok(text) = fs::read_to_string(config) {
        instead(config, &(text + "\nchroot yes\n"));
    }
    // And it wants its user to have a name.
    let id = uid_of(Who::User);
    for (file, line) in [
        ("/etc/passwd", format!("bench:x:{id}:{id}::/:/bin/sh\n")),
        ("/etc/group", format!("bench:x:{id}:\n")),
    ] {
        instead(Path::new(file), &(fs::read_to_string(file).unwrap_or_default() + &line));
    }
    Surroundings(LEFT.iter().map(|name| on.join(name)).filter(|folder| !folder.exists()).collect())
}

impl Drop for Surroundings {
    fn drop(&mut self) {
        for folder in &self.0 {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// This text, where that file is.
fn instead(file: &Path, text: &str) {
    let ours = scratch().join(file.file_name().expect("a name"));
    fs::write(&ours, text).expect("write");
    let _ = mount(Some(&ours), file, NONE, MsFlags::MS_BIND, NONE);
}

/// Puts into a rootfs what peers would else make in it themselves, each time anew.
pub fn furnish(root: &Path, who: Who) {
    for folder in ["home", "root", "run", "usr", "usr/bin", "var", "var/tmp", "var/log", "var/log/journal"] {
        fs::create_dir_all(root.join(folder)).expect("mkdir");
        give(&root.join(folder), who);
    }
    // What is bound, and where.
    for (folder, n) in ["src", "mnt"].iter().flat_map(|folder| (0..10).map(move |n| (folder, n))) {
        fs::create_dir_all(root.join(folder).join(n.to_string())).expect("mkdir");
    }
    for (name, text) in [
        ("passwd", "root:x:0:0:root:/root:/bin/sh\n"),
        ("group", "root:x:0:\n"),
        ("resolv.conf", ""),
        ("localtime", ""),
        ("hosts", ""),
        ("hostname", ""),
    ] {
        fs::write(root.join("etc").join(name), text).expect("write");
    }
    for (name, to) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
        ("core", "/proc/kcore"),
    ] {
        symlink(to, root.join("dev").join(name)).expect("symlink");
    }
    for (name, major, minor) in
        [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)]
    {
        // Only root may.
        let _ = mknod(
            &root.join("dev").join(name),
            SFlag::S_IFCHR,
            Mode::from_bits_truncate(0o666),
            makedev(major, minor),
        );
    }
}
