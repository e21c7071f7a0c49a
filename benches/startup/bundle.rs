//! What peers read: the bundle of an OCI runtime, and lxc's configuration.

use crate::cases::Kind::{self, Chroot, NoNet};
use crate::cases::NAMESPACES;
use crate::common::is_root;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

/// Writes what peers read for this kind of launch, beside its root.
pub fn write(kind: Kind, root: &Path, command: &str, uid: u32) {
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
    if kind.is_users() {
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
    if kind.is_users() {
        text += &format!("lxc.idmap = u 0 {uid} 1\nlxc.idmap = g 0 {uid} 1\n");
    }
    text
}
