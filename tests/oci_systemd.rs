//! Containers of vesicle-oci as scopes of a real systemd: the manager of a user, with a mount namespace and a cgroup of its own,
//! listens where that of the system would.
#![cfg(feature = "oci")]

mod common;

use common::bundle::oci;
use common::*;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

const MANAGER: &str = "/lib/systemd/systemd";

/// Makes its places and becomes it: $1 is a directory, $2 the name of a cgroup.
const START: &str = r#"
set -e
[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || { umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; }
mkdir /sys/fs/cgroup/$2
echo $$ > /sys/fs/cgroup/$2/cgroup.procs
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system $1/run/systemd $1/units
mount --bind $1/run/systemd /run/systemd
mkdir -p /run/systemd/system
echo [Unit] > $1/units/nothing.target
export XDG_RUNTIME_DIR=$1/run SYSTEMD_UNIT_PATH=$1/units: SYSTEMD_LOG_TARGET=console
exec /lib/systemd/systemd --user --unit=nothing.target
"#;

/// A systemd, and a directory that is a bundle.
struct Systemd {
    manager: Child,
    dir: PathBuf,
    cgroup: String,
}

impl Systemd {
    fn start(test: &str) -> Option<Systemd> {
        if !is_root() || !Path::new(MANAGER).exists() || find("systemctl").is_none() {
            skip(test, "not root, or no systemd");
            return None;
        }
        let root = rootfs(Who::Root)?;
        let (dir, cgroup) = (folder(Who::Root), format!("vesicle-{test}-{}", std::process::id()));
        std::os::unix::fs::symlink(root, dir.join("rootfs")).expect("a rootfs");
        let log = fs::File::create(dir.join("log")).expect("a file");
        let manager = Command::new("unshare")
            .args(["-m", "--propagation", "private", "sh", "-c", START, "sh"])
            .arg(&dir)
            .arg(&cgroup)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("unshare");
        let mut systemd = Systemd { manager, dir, cgroup };
        let began = Instant::now();
        while !systemd.dir.join("run/systemd/private").exists() {
            let ended = systemd.manager.try_wait().expect("wait");
            assert!(
                ended.is_none() && began.elapsed() < PATIENCE,
                "{ended:?} {}",
                fs::read_to_string(systemd.dir.join("log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(systemd)
    }

    fn config(&self, change: impl FnOnce(&mut Value)) {
        let mut config = json!({
            "ociVersion": "1.2.0",
            "process": { "args": ["/bin/sleep", "1000"], "cwd": "/", "user": { "uid": 0, "gid": 0 }, "env": ["PATH=/bin"] },
            "root": { "path": "rootfs" },
            "mounts": [{ "destination": "/proc", "type": "proc", "source": "proc" }],
            "linux": { "namespaces": [{ "type": "pid" }, { "type": "mount" }, { "type": "cgroup" }] },
        });
        change(&mut config);
        fs::write(self.dir.join("config.json"), config.to_string()).expect("config.json");
    }

    /// In its mount namespace; by files, as what waits for its start has our descriptors.
    fn inside(&self, words: &[&str]) -> Output {
        let [out, err] = ["out", "err"].map(|name| self.dir.join(name));
        let status = Command::new("nsenter")
            .args(["-t", &self.manager.id().to_string(), "-m", "--"])
            .args(words)
            .current_dir("/")
            .env("XDG_RUNTIME_DIR", self.dir.join("run"))
            .stdin(Stdio::null())
            .stdout(fs::File::create(&out).expect("a file"))
            .stderr(fs::File::create(&err).expect("a file"))
            .status();
        let read = |file| fs::read(file).expect("what it says");
        Output { status: status.expect("nsenter"), stdout: read(out), stderr: read(err) }
    }

    fn oci(&self, words: &[&str]) -> Output {
        let (program, state) = (oci(), self.dir.join("state"));
        let mut all = vec![program.to_str().unwrap(), "--systemd-cgroup", "--root", state.to_str().unwrap()];
        all.extend(words);
        let bundle = ["-b", self.dir.to_str().unwrap()];
        if matches!(words.first(), Some(&("create" | "run"))) {
            all.splice(5..5, bundle);
        }
        self.inside(&all)
    }

    fn good(&self, words: &[&str]) -> String {
        let out = self.oci(words);
        assert!(out.status.success() && out.stderr.is_empty(), "{words:?}: {out:?}");
        String::from_utf8(out.stdout).expect("UTF-8")
    }

    fn bad(&self, words: &[&str], why: &str) {
        let out = self.oci(words);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(1) && said.contains(why) && said.lines().count() == 1, "{out:?}");
    }

    fn show(&self, unit: &str, property: &str) -> String {
        let out = self.inside(&["systemctl", "--user", "show", unit, "--value", "-p", property]);
        assert!(out.status.success(), "{out:?}");
        String::from_utf8(out.stdout).expect("UTF-8").trim().into()
    }

    /// Scopes that it knows.
    fn scopes(&self) -> String {
        let out =
            self.inside(&["systemctl", "--user", "list-units", "--all", "--plain", "--no-legend", "*.scope"]);
        let out = String::from_utf8(out.stdout).expect("UTF-8");
        out.lines().filter(|line| !line.starts_with("init.scope")).collect::<Vec<_>>().join("\n")
    }

    /// Waits until it knows none: it learns of an empty one by itself.
    fn nothing_left(&self) {
        let began = Instant::now();
        while !self.scopes().is_empty() {
            assert!(began.elapsed() < PATIENCE, "{}", self.scopes());
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(fs::read_dir(self.dir.join("state")).map_or(0, |dir| dir.count()), 0);
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        let _ = self.manager.kill();
        let _ = self.manager.wait();
        for root in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
            // What a test that failed has left.
            let top = Path::new(root).join(&self.cgroup);
            let _ = fs::write(top.join("cgroup.kill"), "1");
            let began = Instant::now();
            let lives =
                || fs::read_to_string(top.join("cgroup.events")).is_ok_and(|e| e.contains("populated 1"));
            while lives() && began.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = Command::new("find")
                .arg(&top)
                .args(["-depth", "-type", "d", "-exec", "rmdir", "{}", ";"])
                .stderr(Stdio::null())
                .status();
        }
    }
}

#[test]
fn a_container_is_a_scope_until_it_is_deleted() {
    let Some(systemd) = Systemd::start("a_container_is_a_scope_until_it_is_deleted") else { return };
    systemd.config(|config| {
        config["linux"]["cgroupsPath"] = json!("a-b.slice:pre:one");
        config["annotations"] = json!({
            "org.systemd.property.KillSignal": "15", "org.systemd.property.TimeoutStopUSec": "uint64 10000000",
            "org.systemd.property.RuntimeMaxSec": "3600.5", "org.systemd.property.After": "['a.service', 'b.service']",
            "io.kubernetes.other": "not for us",
        });
    });
    systemd.good(&["create", "one"]);
    let path = format!("/{}/a.slice/a-b.slice/pre-one.scope", systemd.cgroup);
    for (property, value) in [
        ("ActiveState", "active"),
        ("ControlGroup", &path),
        ("Slice", "a-b.slice"),
        ("Delegate", "yes"),
        ("DefaultDependencies", "no"),
        ("Description", "vesicle-oci container one"),
        ("KillSignal", "15"),
        ("TimeoutStopUSec", "10s"),
        ("RuntimeMaxUSec", "1h 500ms"),
    ] {
        assert_eq!(systemd.show("pre-one.scope", property), value, "{property}");
    }
    let after = systemd.show("pre-one.scope", "After");
    assert!(after.contains("a.service") && after.contains("b.service"), "{after}");
    // Its first process, and nobody else.
    let state: Value = serde_json::from_str(&systemd.good(&["state", "one"])).expect("JSON");
    let procs = systemd.inside(&["cat", &format!("/sys/fs/cgroup{path}/cgroup.procs")]);
    assert_eq!(String::from_utf8_lossy(&procs.stdout).trim(), state["pid"].to_string());
    systemd.good(&["start", "one"]);
    // The root of its cgroup namespace.
    assert!(systemd.good(&["exec", "one", "/bin/cat", "/proc/self/cgroup"]).contains("0::/\n"));
    systemd.bad(&["create", "one"], "already exists");
    systemd.good(&["pause", "one"]);
    assert!(systemd.good(&["state", "one"]).contains("\"paused\""));
    systemd.good(&["resume", "one"]);
    systemd.good(&["kill", "one", "KILL"]);
    systemd.good(&["delete", "--force", "one"]);
    assert_eq!(systemd.scopes(), "");
    systemd.nothing_left();
}

#[test]
fn without_a_path_it_is_in_the_slice_of_the_system_and_ends_with_its_run() {
    let name = "without_a_path_it_is_in_the_slice_of_the_system_and_ends_with_its_run";
    let Some(systemd) = Systemd::start(name) else { return };
    systemd.config(|config| {
        config["process"]["args"] = json!(["/bin/cat", "/proc/self/cgroup"]);
        config["linux"]["namespaces"] = json!([{ "type": "pid" }, { "type": "mount" }]);
    });
    let said = systemd.good(&["run", "two"]);
    assert!(said.contains(&format!("0::/{}/system.slice/vesicle-two.scope\n", systemd.cgroup)), "{said}");
    systemd.nothing_left();
}

#[test]
fn what_fails_leaves_no_unit() {
    let Some(systemd) = Systemd::start("what_fails_leaves_no_unit") else { return };
    let of = |path: &str| systemd.config(|config| config["linux"]["cgroupsPath"] = json!(path));
    for path in ["one", "/a/b", "a.slice:b", "a.slice:b:c:d", "a.slice:b:", "a.slice:b:c.slice"] {
        of(path);
        systemd.bad(&["create", "a"], "linux.cgroupsPath: with --systemd-cgroup it is slice:prefix:name");
    }
    of("no/slice:b:c");
    systemd.bad(&["create", "a"], "Invalid unit name 'no/slice': refused by systemd");
    of("a.service:b:c");
    systemd.bad(&["create", "a"], "refused by systemd");
    for (name, value) in [
        ("KillSignal", "uint64 1e7"),
        ("KillSignal", "99999999999"),
        ("KillSignal", "uint32 -1"),
        ("Description", "'open"),
        ("Description", "'a' 'b'"),
        ("After", "['a' 'b']"),
        ("After", "['a',"),
        ("Kill-Signal", "15"),
        ("TimeoutStopSec", "long"),
    ] {
        let key = format!("org.systemd.property.{name}");
        systemd.config(|config| config["annotations"] = json!({ &key: value }));
        systemd.bad(
            &["create", "a"],
            &format!("{key}: no property of a unit, or not a value that is understood"),
        );
    }
    systemd.config(|config| config["annotations"] = json!({ "org.systemd.property.Nothing": "true" }));
    systemd.bad(&["create", "a"], "unknown property");
    systemd.config(|config| config["process"]["args"] = json!(["/bin/nothing"]));
    systemd.bad(&["run", "a"], "no such file or directory");
    systemd.nothing_left();
    // Of another container.
    systemd.config(|_| ());
    systemd.good(&["create", "a"]);
    systemd.config(|config| config["linux"]["cgroupsPath"] = json!("a.slice:vesicle:a"));
    systemd.bad(&["create", "b"], "vesicle-a.scope: there is one already");
    assert_eq!(systemd.show("vesicle-a.scope", "ActiveState"), "active");
    systemd.good(&["delete", "--force", "a"]);
    systemd.nothing_left();
}

#[test]
fn where_nobody_listens_that_is_said() {
    if !is_root() {
        return skip("where_nobody_listens_that_is_said", "not root");
    }
    let dir = folder(Who::Root);
    let config = json!({ "ociVersion": "1.2.0", "root": { "path": "/" }, "process": { "args": ["x"], "cwd": "/" },
        "linux": { "namespaces": [{ "type": "pid" }, { "type": "mount" }] } });
    fs::write(dir.join("config.json"), config.to_string()).expect("config.json");
    let out = Command::new("unshare")
        .args(["-m", "sh", "-c", "mount -t tmpfs tmpfs /run && exec \"$@\"", "sh"])
        .arg(oci())
        .args(["--systemd-cgroup", "--root", "state", "run", "a"])
        .current_dir(&dir)
        .env_remove("DBUS_SYSTEM_BUS_ADDRESS")
        .output()
        .expect("unshare");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(
        said.ends_with("/run/systemd/private: systemd does not listen there: --systemd-cgroup needs it\n"),
        "{said}"
    );
    assert_eq!(fs::read_dir(dir.join("state")).map_or(0, |dir| dir.count()), 0);
}
