//! What a guest is made of: a kernel of Debian for a CPU, its modules, the programs and disks for it, an initramfs of the
//! test's own, and the words for qemu. All of it comes from the scripts of tests/setup.

use crate::common::{Who, find, folder, sources};
use crate::guest::{Ended, Guest};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// So long may a guest live, unless a test says otherwise: it takes seconds, on busy cores some more.
const LIFE: Duration = Duration::from_secs(90);

/// A CPU and a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    arch: &'static str,
    suite: &'static str,
    flavour: &'static str,
}

/// The oldest kernel that is promised and the newest that Debian has, on both CPUs.
pub const OLD_AMD64: Machine = Machine { arch: "amd64", suite: "bullseye", flavour: "cloud" };
pub const NEW_AMD64: Machine = Machine { arch: "amd64", suite: "trixie-backports", flavour: "cloud" };
pub const OLD_ARM64: Machine = Machine { arch: "arm64", suite: "bullseye", flavour: "cloud" };
pub const NEW_ARM64: Machine = Machine { arch: "arm64", suite: "trixie-backports", flavour: "cloud" };
/// With the drivers that clouds don't need.
pub const FULL_AMD64: Machine = Machine { arch: "amd64", suite: "bullseye", flavour: "full" };

impl Machine {
    pub fn is_amd64(self) -> bool {
        self.arch == "amd64"
    }
    pub fn console(self) -> &'static str {
        if self.is_amd64() { "ttyS0" } else { "ttyAMA0" }
    }
    pub fn other_cpu(self) -> Machine {
        Machine { arch: if self.is_amd64() { "arm64" } else { "amd64" }, ..self }
    }
    pub fn kernel(self) -> PathBuf {
        setup("kernel", &[self.suite, self.arch, self.flavour])
    }
    pub fn busybox(self) -> PathBuf {
        setup("busybox", &[self.arch])
    }
    /// A copy of a disk with a root file system, to be written to.
    pub fn disk(self, kind: &str) -> PathBuf {
        let copy = folder(Who::Root).join(kind);
        let from = setup("disks", &[self.arch]).join(kind);
        done(Command::new("cp").arg("--sparse=always").arg(from).arg(&copy));
        copy
    }
    pub fn vesicle(self) -> PathBuf {
        let native = cfg!(target_arch = "x86_64") == self.is_amd64();
        match std::env::var_os(format!("VESICLE_{}", self.arch.to_uppercase())) {
            Some(path) => path.into(),
            None if native => crate::common::shipped(),
            None if self.is_amd64() => panic!("VESICLE_AMD64 must name a binary for x86_64"),
            None => {
                setup("aarch64", &[&format!("{}/target/aarch64", env!("CARGO_MANIFEST_DIR")), "--locked"])
            }
        }
    }
    /// The files of these modules and of what they need, in the order to load them. What is no module is in the kernel.
    fn modules(self, names: &[&str]) -> Vec<PathBuf> {
        let folder = self.kernel().parent().expect("a folder").to_path_buf();
        let text = fs::read_to_string(folder.join("modules.dep")).expect("modules.dep");
        let lines = text.lines().filter_map(|l| l.split_once(':'));
        let needs: BTreeMap<&str, Vec<&str>> =
            lines.map(|(module, needs)| (module, needs.split_whitespace().collect())).collect();
        fn add<'a>(file: &'a str, needs: &BTreeMap<&str, Vec<&'a str>>, order: &mut Vec<&'a str>) {
            needs[file].iter().for_each(|need| add(need, needs, order));
            if !order.contains(&file) {
                order.push(file);
            }
        }
        let mut order = Vec::new();
        for name in names {
            if let Some(file) = needs.keys().find(|f| f.ends_with(&format!("/{name}.ko"))) {
                add(file, &needs, &mut order);
            }
        }
        order.iter().map(|file| folder.join(file)).collect()
    }
}

/// What a script of tests/setup made, by the last line that it says; each is asked once.
pub fn setup(script: &str, words: &[&str]) -> PathBuf {
    static MADE: OnceLock<Mutex<BTreeMap<String, PathBuf>>> = OnceLock::new();
    let key = format!("{script} {}", words.join(" "));
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap_or_else(|e| e.into_inner());
    if let Some(path) = made.get(&key) {
        return path.clone();
    }
    let program = sources().join("tests/setup").join(script);
    let said = done(Command::new(program).args(words));
    let path = PathBuf::from(said.lines().last().unwrap_or_default());
    assert!(path.exists(), "tests/setup/{key} made nothing: {said}");
    made.insert(key, path.clone());
    path
}

/// Runs a tool of the host's to its end; what it says on stderr and stdout.
pub fn done(command: &mut Command) -> String {
    let out = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = String::from_utf8_lossy(&out.stderr).into_owned() + &String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{command:?}: {text}");
    text
}

/// Changes an ext4 as debugfs(8) is told.
pub fn change(disk: &Path, commands: &str) {
    let file = disk.with_extension("commands");
    fs::write(&file, commands).expect("write");
    done(Command::new(find("debugfs").expect("debugfs")).arg("-w").arg("-f").arg(&file).arg(disk));
}

const APPLETS: &[&str] = &[
    "sh", "awk", "cat", "chmod", "cut", "dd", "dmesg", "echo", "env", "false", "free", "grep", "head", "id",
    "insmod", "kill", "ln", "ls", "mkdir", "mknod", "mount", "mv", "printf", "ps", "readlink", "rm", "rmdir",
    "sed", "seq", "setsid", "sleep", "sort", "stat", "stty", "sync", "tail", "test", "touch", "tr", "true",
    "tty", "umount", "uname", "wc",
];

/// A machine before it is switched on.
pub struct Boot {
    machine: Machine,
    /// What the initramfs holds.
    pub tree: PathBuf,
    before: Vec<String>,
    append: Vec<String>,
    words: Vec<String>,
    qemu: Vec<String>,
    life: Duration,
    memory: u32,
}

/// Vesicle as /init, and a busybox.
pub fn boot(machine: Machine) -> Boot {
    // No kernel tests its ciphers here, and none finds a timer amiss because the host is busy.
    let mut append = format!("quiet panic=-1 cryptomgr.notests console={}", machine.console());
    if machine.is_amd64() {
        append += " no_timer_check tsc=reliable";
    }
    let boot = Boot {
        machine,
        tree: folder(Who::Root),
        before: Vec::new(),
        append: append.split(' ').map(String::from).collect(),
        words: Vec::new(),
        qemu: Vec::new(),
        life: LIFE,
        memory: 512,
    };
    let boot = boot.copy(&machine.vesicle(), "init").copy(&machine.busybox(), "bin/busybox");
    APPLETS.iter().fold(boot, |boot, applet| boot.link("busybox", &format!("bin/{applet}")))
}

impl Boot {
    fn at(&self, path: &str) -> PathBuf {
        let path = self.tree.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("mkdir");
        path
    }
    pub fn copy(self, from: &Path, to: &str) -> Self {
        let to = self.at(to);
        fs::copy(from, &to).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).expect("chmod");
        self
    }
    pub fn link(self, target: &str, at: &str) -> Self {
        symlink(target, self.at(at)).expect("symlink");
        self
    }
    pub fn dir(self, path: &str) -> Self {
        fs::create_dir_all(self.at(path)).expect("mkdir");
        self
    }
    pub fn file(self, path: &str, contents: impl AsRef<[u8]>, mode: u32) -> Self {
        let at = self.at(path);
        fs::write(&at, contents).expect("write");
        fs::set_permissions(&at, fs::Permissions::from_mode(mode)).expect("chmod");
        self
    }
    pub fn remove(self, path: &str) -> Self {
        fs::remove_file(self.tree.join(path)).expect("rm");
        self
    }
    /// Without the files that a test starts from.
    #[allow(dead_code, reason = "a bench's")]
    pub fn empty(self) -> Self {
        fs::remove_dir_all(&self.tree).and_then(|()| fs::create_dir(&self.tree)).expect("an empty folder");
        self
    }
    pub fn script(self, path: &str, text: &str) -> Self {
        self.file(path, format!("#!/bin/sh\n{text}\n"), 0o755)
    }
    /// Words of the kernel's command line.
    pub fn append(mut self, words: &str) -> Self {
        self.append.push(words.into());
        self
    }
    /// Another console, or none.
    pub fn console(mut self, word: &str) -> Self {
        self.append.retain(|w| !w.starts_with("console="));
        self.append(word)
    }
    /// Words behind the ` -- ` of the kernel's command line.
    pub fn words(mut self, words: &str) -> Self {
        self.words.push(words.into());
        self
    }
    /// A shell script as COMMAND.
    pub fn payload(self, text: &str) -> Self {
        self.script("payload", text).words("/payload")
    }
    pub fn qemu(mut self, words: &[&str]) -> Self {
        self.qemu.extend(words.iter().map(|w| w.to_string()));
        self
    }
    pub fn memory(mut self, mib: u32) -> Self {
        self.memory = mib;
        self
    }
    pub fn life(mut self, seconds: u64) -> Self {
        self.life = Duration::from_secs(seconds);
        self
    }
    /// What a script does that is /init in the place of vesicle, before it becomes `vesicle boot`.
    pub fn before(mut self, text: &str) -> Self {
        self.before.push(text.into());
        self
    }
    /// Modules that are loaded before `vesicle boot`.
    pub fn modules(mut self, names: &[&str]) -> Self {
        for (n, module) in self.machine.modules(names).iter().enumerate() {
            self = self.copy(module, &format!("modules/{n:02}.ko"));
        }
        self.before("for m in /modules/*; do insmod $m; done")
    }
    /// A disk by which a root can be found, and the drivers for it.
    pub fn disk(self, image: &Path, drivers: &[&str]) -> Self {
        let drive = format!("if=none,id=disk,format=raw,file={}", image.display());
        self.modules(&[&["virtio_pci", "virtio_blk"], drivers].concat()).qemu(&[
            "-drive",
            &drive,
            "-device",
            "virtio-blk-pci,drive=disk",
        ])
    }

    /// The initramfs, packed.
    pub fn cpio(&self) -> PathBuf {
        let cpio = self.tree.with_extension("cpio");
        let pack = "cd \"$1\" && find . | \"$2\" cpio -o -H newc -R 0:0 >\"$3\" 2>/dev/null";
        let busybox = find("busybox").expect("busybox");
        done(Command::new("sh").args(["-c", pack, "sh"]).arg(&self.tree).arg(busybox).arg(&cpio));
        cpio
    }

    pub fn start(mut self) -> Guest {
        if !self.before.is_empty() {
            fs::rename(self.tree.join("init"), self.tree.join("vesicle")).expect("mv");
            let before = self.before.join("\n");
            self = self.script("init", &format!("{before}\nexec /vesicle boot \"$@\""));
        }
        let machine: &[&str] = if self.machine.is_amd64() {
            // Not microvm, which hangs with Linux 7.3.
            &["-M", "pc", "-cpu", "max"]
        } else {
            &["-M", "virt", "-cpu", "max,pauth-impdef=on"]
        };
        let socket = self.tree.with_extension("qmp");
        let append = [self.append.join(" "), self.words.join(" ")].join(" -- ");
        let mut command = Command::new(setup("qemu", &[self.machine.arch]));
        command.args(machine).args(["-accel", "tcg", "-m", &self.memory.to_string()]);
        command.args(["-nodefaults", "-display", "none", "-no-reboot"]);
        command.args(["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]);
        // It waits until it was called, so it can't end before its end can be heard.
        command.arg("-qmp").arg(format!("unix:{},server=on,wait=on", socket.display()));
        command.arg("-kernel").arg(self.machine.kernel()).arg("-initrd").arg(self.cpio());
        command.args(["-append", append.trim_end_matches(" -- ")]).args(&self.qemu);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Guest::spawn(command, &socket, self.life)
    }
    /// Starts it and waits for its end.
    pub fn run(self) -> Ended {
        self.start().end()
    }
}
