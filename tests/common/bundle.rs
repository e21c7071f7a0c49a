//! A bundle, and vesicle-oci that is called with it.

use super::{Who, folder, scratch, sources, tiny_root};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Long enough for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The program as it was built or named.
pub fn oci() -> &'static Path {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    BIN.get_or_init(|| {
        let named = std::env::var_os("VESICLE_OCI_BIN");
        let from = named.map_or_else(|| env!("CARGO_BIN_EXE_vesicle-oci").into(), PathBuf::from);
        let to = scratch().join("vesicle-oci");
        // By another process: see `vesicle`.
        assert!(Command::new("cp").arg(from).arg(&to).status().expect("cp").success());
        to
    })
}

/// A directory with a config.json, and the directory where its containers are known.
pub struct Bundle {
    pub dir: PathBuf,
    pub state: PathBuf,
    /// The name of its cgroup, in the root of the hierarchy.
    pub cgroup: String,
}

/// A container of one program that waits for ever, with namespaces of its own.
pub fn plain(root: &Path) -> Value {
    let kinds = ["mount", "pid", "network", "uts", "ipc", "cgroup"];
    let kinds = kinds.map(|kind| json!({ "type": kind }));
    json!({
        "ociVersion": "1.2.0",
        "process": { "user": { "uid": 0, "gid": 0 }, "args": ["/bin/pause"], "env": ["PATH=/bin"], "cwd": "/" },
        "root": { "path": root },
        "mounts": [{ "destination": "/proc", "type": "proc", "source": "proc" }],
        "linux": { "namespaces": kinds },
    })
}

impl Bundle {
    /// Of a config.json, to which a cgroup of its own is added.
    pub fn of(config: &Value) -> Bundle {
        let dir = folder(Who::Root);
        let name = dir.file_name().expect("a name").to_string_lossy();
        let cgroup = format!("vesicle-oci-test-{}-{name}", std::process::id());
        let bundle = Bundle { state: dir.join("state"), dir, cgroup };
        bundle.set(config);
        bundle
    }

    /// With another config.json from here on.
    pub fn set(&self, config: &Value) {
        let mut config = config.clone();
        if config["linux"].is_object() && config["linux"]["cgroupsPath"].is_null() {
            config["linux"]["cgroupsPath"] = json!(format!("/{}", self.cgroup));
        }
        fs::write(self.dir.join("config.json"), config.to_string()).expect("config.json");
    }

    /// [`plain`] with a root of its own.
    pub fn plain() -> Bundle {
        Bundle::of(&plain(&tiny_root(Who::Root)))
    }

    /// These words of it, and `before` them others that execute them.
    pub fn command(&self, before: &[&str], words: &[&str]) -> Command {
        let mut all: Vec<&std::ffi::OsStr> = before.iter().map(|word| word.as_ref()).collect();
        all.extend([oci().as_os_str(), "--root".as_ref(), self.state.as_os_str()]);
        let mut command = Command::new(all[0]);
        command.args(&all[1..]).args(words).current_dir(&self.dir).stdin(Stdio::null());
        command
    }

    /// By files: what waits for its start has our descriptors, and would hold a pipe open.
    pub fn under(&self, before: &[&str], words: &[&str]) -> Output {
        let dir = folder(Who::Root);
        let [out, err] = ["out", "err"].map(|name| dir.join(name));
        let status = self
            .command(before, words)
            .stdout(File::create(&out).expect("a file"))
            .stderr(File::create(&err).expect("a file"))
            .status();
        let read = |file| fs::read(file).expect("what it says");
        let output = Output { status: status.expect("vesicle-oci"), stdout: read(&out), stderr: read(&err) };
        fs::remove_dir_all(dir).expect("remove");
        output
    }

    pub fn call(&self, words: &[&str]) -> Output {
        self.under(&[], words)
    }

    /// It succeeds and says nothing else; what it says on stdout.
    #[track_caller]
    pub fn good(&self, words: &[&str]) -> String {
        let out = self.call(words);
        assert!(out.status.success() && out.stderr.is_empty(), "{words:?}: {out:?}");
        String::from_utf8(out.stdout).expect("UTF-8")
    }

    /// It fails, as runc's verbs do, with one line, which has these words in it.
    #[track_caller]
    pub fn bad(&self, words: &[&str], said: &str) {
        let out = self.call(words);
        let line = String::from_utf8_lossy(&out.stderr).into_owned();
        let code = if words[0] == "exec" { 255 } else { 1 };
        assert_eq!(out.status.code(), Some(code), "{words:?}: {line}");
        assert!(is_one_line(&line) && line.contains(said), "{words:?}: {line}");
    }

    /// Its state; none where there is no such container.
    #[track_caller]
    pub fn state_of(&self, id: &str) -> Option<Value> {
        let out = self.call(&["state", id]);
        if out.status.success() {
            return Some(serde_json::from_slice(&out.stdout).expect("JSON"));
        }
        let line = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(line.contains("does not exist") && is_one_line(&line), "{line}");
        None
    }

    #[track_caller]
    pub fn status_of(&self, id: &str) -> String {
        self.state_of(id).map_or("none".into(), |state| state["status"].as_str().expect("a status").into())
    }

    /// The number of its first process.
    #[track_caller]
    pub fn pid_of(&self, id: &str) -> i32 {
        self.state_of(id).expect("it")["pid"].as_i64().expect("a number") as i32
    }

    /// The cgroup where it is.
    pub fn cgroups(&self) -> Vec<PathBuf> {
        cgroups(&self.cgroup)
    }

    /// What is left of containers: their directories, their cgroups.
    pub fn left(&self) -> Vec<PathBuf> {
        let known = fs::read_dir(&self.state).into_iter().flatten().flatten().map(|entry| entry.path());
        known.chain(self.cgroups()).collect()
    }
}

/// Where the cgroup of this name is.
pub fn cgroups(name: &str) -> Vec<PathBuf> {
    let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
    roots.iter().map(|root| Path::new(root).join(name)).filter(|dir| dir.exists()).collect()
}

/// What a failure says.
pub fn is_one_line(text: &str) -> bool {
    text.starts_with("vesicle-oci: ") && text.ends_with('\n') && text.lines().count() == 1
}

/// Waits for it.
#[track_caller]
pub fn until(what: &str, mut test: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !test() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A captured file of an engine.
pub fn captured(name: &str) -> Value {
    let file = sources().join("tests/oci/captured").join(name);
    serde_json::from_str(&fs::read_to_string(file).expect("a file")).expect("JSON")
}
