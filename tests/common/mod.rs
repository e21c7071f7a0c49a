//! What the integration tests share: the binary, a root file system, a launch with a time limit, what was left behind.
#![allow(dead_code, unsafe_code)]

#[cfg(feature = "oci")]
pub mod bundle;
#[cfg(feature = "bwrap")]
pub mod bwrap;
pub mod container;
pub mod faults;
pub mod hostile;
pub mod links;
pub mod payload;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub use nix::libc;
pub use nix::sys::signal::Signal;

/// Who calls vesicle: each promise holds for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Root,
    User,
}

/// The id that root takes on to be nobody in particular (65534 would hide a bug: it is also what an unmapped id reads as).
pub const UID: u32 = 1234;

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Root tests both; anybody else tests itself.
pub fn everyone() -> &'static [Who] {
    if is_root() { &[Who::Root, Who::User] } else { &[Who::User] }
}

/// The id that `who` has outside.
pub fn uid_of(who: Who) -> u32 {
    match who {
        Who::Root => 0,
        Who::User if is_root() => UID,
        Who::User => nix::unistd::getuid().as_raw(),
    }
}

pub fn gid_of(who: Who) -> u32 {
    match who {
        Who::Root => 0,
        Who::User if is_root() => UID,
        Who::User => nix::unistd::getgid().as_raw(),
    }
}

/// A folder that everybody can read and that goes when the test process ends.
pub fn scratch() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    extern "C" fn sweep() {
        if let Some(dir) = DIR.get() {
            let _ = fs::remove_dir_all(dir);
        }
    }
    DIR.get_or_init(|| {
        let dir = std::env::temp_dir().join(format!("vesicle-tests-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::DirBuilder::new().mode(0o755).create(&dir).expect("a scratch folder");
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).expect("chmod");
        // SAFETY: `sweep` is a plain function without arguments, and stays for the life of the process.
        unsafe { libc::atexit(sweep) };
        dir
    })
}

/// A new folder in `scratch`, owned by `who`.
pub fn folder(who: Who) -> PathBuf {
    static N: AtomicUsize = AtomicUsize::new(0);
    let dir = scratch().join(format!("d{}", N.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir(&dir).expect("mkdir");
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).expect("chmod");
    give(&dir, who);
    dir
}

/// Makes `path` the property of `who`.
pub fn give(path: &Path, who: Who) {
    std::os::unix::fs::lchown(path, Some(uid_of(who)), Some(gid_of(who))).expect("chown");
}

/// The folder of what is tested: where the tests were compiled, unless cargo or whoever starts them names another.
pub fn sources() -> &'static Path {
    static AT: OnceLock<PathBuf> = OnceLock::new();
    AT.get_or_init(|| {
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into()).into()
    })
}

/// The path of the binary as it was built or named.
pub fn shipped() -> PathBuf {
    std::env::var_os("VESICLE_BIN").map_or_else(|| env!("CARGO_BIN_EXE_vesicle").into(), PathBuf::from)
}

/// Whether this is the run that counts: of the program as it is shipped, by root. Thousands of rounds, and the programs
/// of others, are for it alone.
pub fn is_thorough() -> bool {
    is_root() && (!cfg!(debug_assertions) || std::env::var_os("VESICLE_BIN").is_some())
}

/// A copy of the binary that an unprivileged user can reach too.
pub fn vesicle() -> &'static Path {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    BIN.get_or_init(|| {
        let to = scratch().join("vesicle");
        // Copied by another process: a thread of ours that forks meanwhile would inherit the descriptor that writes it,
        // and the first exec would say "text file busy".
        let done = Command::new("cp").arg(shipped()).arg(&to).status().expect("cp");
        assert!(done.success(), "the binary is not there: {}", shipped().display());
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).expect("chmod");
        to
    })
}

/// A program on PATH, or where administrators' programs are.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).map(|d| d.join(name)).find(|p| p.is_file())
}

/// Says loudly that a test was not run; where CI runs that is a failure.
pub fn skip(name: &str, why: &str) {
    use std::io::Write;
    // Straight to the descriptor: the harness swallows what a passing test prints.
    let _ = writeln!(unsafe_stderr(), "SKIP {name}: {why}");
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "SKIP {name}: {why} (and CI=true does not allow that)"
    );
}

/// Prints past the harness, for numbers that a reader wants to see.
pub fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(unsafe_stderr(), "{text}");
}

fn unsafe_stderr() -> File {
    nix::unistd::dup(std::io::stderr()).expect("dup").into()
}

/// `let Some(x) = need!("strace") else { return };`
#[macro_export]
macro_rules! need {
    ($tool:expr) => {{
        let found = $crate::common::find($tool);
        if found.is_none() {
            let thread = std::thread::current();
            $crate::common::skip(thread.name().unwrap_or("?"), concat!($tool, " is not installed"));
        }
        found
    }};
}

pub const APPLETS: &[&str] = &[
    "sh", "awk", "cat", "chmod", "chown", "cut", "date", "echo", "env", "false", "grep", "head", "hostname",
    "id", "ip", "kill", "ln", "ls", "mkdir", "mount", "printf", "ps", "pwd", "readlink", "rm", "rmdir",
    "sed", "sleep", "sort", "stat", "stty", "tail", "touch", "tr", "true", "tty", "umount", "uname",
    "usleep", "wc",
];

/// A root file system of busybox, owned by `who`; none where busybox is missing.
pub fn rootfs(who: Who) -> Option<PathBuf> {
    let busybox = need!("busybox")?;
    static MASTER: OnceLock<PathBuf> = OnceLock::new();
    let master = MASTER.get_or_init(|| {
        let to = scratch().join("busybox");
        assert!(Command::new("cp").arg(busybox).arg(&to).status().expect("cp").success());
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).expect("chmod");
        to
    });
    let root = folder(who);
    for dir in ["bin", "proc", "sys", "dev", "tmp", "data", "etc"] {
        fs::create_dir(root.join(dir)).expect("mkdir");
        fs::set_permissions(root.join(dir), fs::Permissions::from_mode(0o755)).expect("chmod");
        give(&root.join(dir), who);
    }
    // A hard link: the copy is 2 MB, and there are many of these trees.
    fs::hard_link(master, root.join("bin/busybox")).expect("link");
    for applet in APPLETS {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(applet)).expect("symlink");
    }
    Some(root)
}

/// The tree that tests/setup/debootstrap makes with these words, if this machine can make one.
pub fn debian(words: &[&str]) -> Option<PathBuf> {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("?").to_string();
    let setup = sources().join("tests/setup/debootstrap");
    if !is_root() {
        say(&format!("SKIP {name}: not root, and only root makes a Debian tree"));
        return None;
    }
    if !setup.exists() || find("debootstrap").is_none() {
        skip(&name, "debootstrap is not installed");
        return None;
    }
    let made = program(Who::Root, [setup.as_os_str()]).args(words).limit(400).go();
    let path = made.stdout.lines().last().map(PathBuf::from).filter(|p| p.join("usr").is_dir());
    if made.code != Some(0) || path.is_none() {
        skip(&name, &format!("tests/setup/debootstrap failed: {}{}", made.stdout, made.stderr));
        return None;
    }
    path
}

/// What a tree holds: path, kind, mode, and for a link its target.
pub fn tree(root: &Path) -> Vec<String> {
    let mut list = Vec::new();
    let mut todo = vec![root.to_path_buf()];
    while let Some(dir) = todo.pop() {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(meta) = path.symlink_metadata() else { continue };
            let target = fs::read_link(&path).unwrap_or_default();
            list.push(format!("{} {:o} {}", path.display(), meta.permissions().mode(), target.display()));
            if meta.is_dir() {
                todo.push(path);
            }
        }
    }
    list.sort();
    list
}

/// The mounts that this process sees.
pub fn mounts() -> Vec<String> {
    fs::read_to_string("/proc/self/mountinfo").expect("mountinfo").lines().map(String::from).collect()
}

/// The mounts that came since `before` and stay (another program of the machine may mount something for a moment).
pub fn new_mounts(before: &[String]) -> Vec<String> {
    let end = Instant::now() + Duration::from_secs(2);
    loop {
        let new: Vec<_> = mounts().into_iter().filter(|m| !before.contains(m)).collect();
        if new.is_empty() || Instant::now() > end {
            return new;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The processes whose environment carries `mark`, zombies left out (they have no environment any more).
pub fn marked(mark: &str) -> Vec<(i32, String)> {
    let needle = format!("{MARK}={mark}\0").into_bytes();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else { continue };
        let Ok(env) = fs::read(entry.path().join("environ")) else { continue };
        if env.windows(needle.len()).any(|w| w == needle) {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push((pid, String::from_utf8_lossy(&line).replace('\0', " ")));
        }
    }
    found
}

/// Kills all that carry the mark.
pub fn kill_marked(mark: &str) {
    for (pid, _) in marked(mark) {
        kill(pid, Signal::SIGKILL);
    }
}

const MARK: &str = "VESICLE_TEST_MARK";

pub fn new_mark() -> String {
    static N: AtomicUsize = AtomicUsize::new(0);
    format!("{}-{}", std::process::id(), N.fetch_add(1, Ordering::Relaxed))
}

/// Waits until no process carries the mark; what still does after `limit`.
pub fn settled(mark: &str, limit: Duration) -> Vec<(i32, String)> {
    let end = Instant::now() + limit;
    loop {
        let left = marked(mark);
        if left.is_empty() || Instant::now() > end {
            return left;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The children of a process, as we see it.
pub fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|p| p.parse().ok()).collect()
}

/// The state letter of a process.
pub fn state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

pub fn kill(pid: i32, signal: Signal) {
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal);
}

/// A call of vesicle (or of a program that calls it), to be run within a time limit.
pub struct Launch {
    pub who: Who,
    wrap: Vec<OsString>,
    args: Vec<OsString>,
    env: BTreeMap<OsString, Option<OsString>>,
    clear_env: bool,
    stdin: Stdio,
    stdout: Option<Stdio>,
    limit: Duration,
    fds: Vec<(i32, OwnedFd)>,
    before: Vec<Box<dyn FnMut() -> std::io::Result<()> + Send + Sync>>,
    cwd: PathBuf,
    bare: bool,
}

/// `vesicle` called by `who`.
pub fn call(who: Who) -> Launch {
    Launch {
        who,
        wrap: Vec::new(),
        args: Vec::new(),
        env: BTreeMap::new(),
        clear_env: false,
        stdin: Stdio::null(),
        stdout: None,
        limit: Duration::from_secs(30),
        fds: Vec::new(),
        before: Vec::new(),
        cwd: "/".into(),
        bare: false,
    }
}

/// Another program called by `who`, under the same supervision.
pub fn program<A: AsRef<OsStr>>(who: Who, words: impl IntoIterator<Item = A>) -> Launch {
    let mut launch = call(who).under(words);
    launch.bare = true;
    launch
}

/// `vesicle run` called by `who`.
pub fn run(who: Who) -> Launch {
    call(who).arg("run")
}

impl Launch {
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().into());
        self
    }
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|a| a.as_ref().into()));
        self
    }
    /// The words of a line, split at blanks.
    pub fn words(self, line: &str) -> Self {
        self.args(line.split_whitespace())
    }
    /// ROOTFS and a shell script.
    pub fn sh(self, root: &Path, script: &str) -> Self {
        self.arg(root).args(["/bin/sh", "-c", script])
    }
    /// Another program, which gets vesicle and its arguments as its last ones.
    pub fn under<A: AsRef<OsStr>>(mut self, wrap: impl IntoIterator<Item = A>) -> Self {
        self.wrap.extend(wrap.into_iter().map(|a| a.as_ref().into()));
        self
    }
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.into(), Some(value.as_ref().into()));
        self
    }
    pub fn env_clear(mut self) -> Self {
        self.clear_env = true;
        self
    }
    pub fn stdin(mut self, from: impl Into<Stdio>) -> Self {
        self.stdin = from.into();
        self
    }
    pub fn stdout(mut self, to: impl Into<Stdio>) -> Self {
        self.stdout = Some(to.into());
        self
    }
    pub fn cwd(mut self, dir: &Path) -> Self {
        self.cwd = dir.into();
        self
    }
    pub fn limit(mut self, seconds: u64) -> Self {
        self.limit = Duration::from_secs(seconds);
        self
    }
    /// The child gets `file` as descriptor `n` (below 200).
    pub fn fd(mut self, n: i32, file: impl Into<OwnedFd>) -> Self {
        let file: OwnedFd = file.into();
        // SAFETY: F_DUPFD_CLOEXEC makes a new descriptor, which nobody else owns.
        let high = unsafe { OwnedFd::from_raw_fd(libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 200)) };
        self.fds.push((n, high));
        self
    }
    /// Something that the child does before it becomes vesicle: async-signal-safe calls only.
    pub fn before(mut self, f: impl FnMut() -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        self.before.push(Box::new(f));
        self
    }

    pub fn spawn(self) -> Running {
        let mark = new_mark();
        let mut words = self.wrap.clone();
        if !self.bare {
            words.push(vesicle().into());
        }
        words.extend(self.args.iter().cloned());
        let shown = words.iter().map(|w| w.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(&self.cwd).stdin(self.stdin);
        if self.clear_env {
            command.env_clear();
        }
        command.env_remove("VESICLE_BIN").env(MARK, &mark);
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let out = tempfile::tempfile().expect("a file for stdout");
        let err = tempfile::tempfile().expect("a file for stderr");
        command.stdout(self.stdout.unwrap_or_else(|| out.try_clone().expect("dup").into()));
        command.stderr(err.try_clone().expect("dup"));
        if self.who == Who::User && is_root() {
            command.uid(UID).gid(UID);
        }
        let (fds, mut before) = (self.fds, self.before);
        let pairs: Vec<(i32, i32)> = fds.iter().map(|(n, fd)| (*n, fd.as_raw_fd())).collect();
        // SAFETY: only dup2 and what the tests add (signal masks, limits, close) run between fork and exec.
        unsafe {
            command.pre_exec(move || {
                for (n, fd) in &pairs {
                    if libc::dup2(*fd, *n) < 0 {
                        return Err(std::io::Error::last_os_error());
                    }
                }
                before.iter_mut().try_for_each(|f| f())
            });
        }
        let child = command.spawn().unwrap_or_else(|e| panic!("{shown}: {e}"));
        Running { child, mark, out, err, limit: self.limit, shown, done: false }
    }

    pub fn go(self) -> Outcome {
        self.spawn().wait()
    }
}

/// A call that goes on; dropped, it and all that carries its mark is killed.
pub struct Running {
    child: Child,
    pub mark: String,
    out: File,
    err: File,
    limit: Duration,
    pub shown: String,
    done: bool,
}

impl Running {
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal);
    }
    pub fn stdout(&self) -> String {
        contents(&self.out)
    }
    pub fn stderr(&self) -> String {
        contents(&self.err)
    }
    /// Waits until `what` comes true, and fails the test when it doesn't in time.
    pub fn until(&mut self, what: &str, mut test: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + self.limit;
        while !test(self) {
            if let Ok(Some(status)) = self.child.try_wait() {
                if test(self) {
                    return;
                }
                panic!("{} ended ({status}) before {what}: {}{}", self.shown, self.stdout(), self.stderr());
            }
            assert!(
                Instant::now() < end,
                "{}: {what} did not come: {}{}",
                self.shown,
                self.stdout(),
                self.stderr()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    pub fn until_says(&mut self, word: &str) {
        self.until(&format!("it said {word:?}"), |r| r.stdout().contains(word));
    }
    /// Takes what was waited for out of the way, without a limit check on what is left behind.
    pub fn wait(mut self) -> Outcome {
        let end = Instant::now() + self.limit;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("wait") {
                break Some(status);
            }
            if Instant::now() > end {
                break None;
            }
            std::thread::sleep(Duration::from_micros(500));
        };
        let outcome = Outcome {
            hung: status.is_none(),
            code: status.and_then(|s| s.code()),
            signal: status.and_then(|s| s.signal()),
            stdout: contents(&self.out),
            stderr: contents(&self.err),
            left: if status.is_some() {
                settled(&self.mark, Duration::from_secs(3))
            } else {
                marked(&self.mark)
            },
            shown: self.shown.clone(),
        };
        if status.is_none() {
            self.sweep();
        }
        self.done = status.is_some() && outcome.left.is_empty();
        outcome
    }
    fn sweep(&mut self) {
        kill_marked(&self.mark);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.done {
            self.sweep();
        }
    }
}

fn contents(file: &File) -> String {
    let mut copy = File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("reopen");
    let _ = copy.rewind();
    let mut bytes = Vec::new();
    copy.read_to_end(&mut bytes).expect("read");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How a call ended.
#[derive(Debug)]
pub struct Outcome {
    pub hung: bool,
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// Processes that carry the mark three seconds after the end.
    pub left: Vec<(i32, String)>,
    pub shown: String,
}

impl Outcome {
    /// It ended by itself with `code`, and no process of it is left.
    #[track_caller]
    pub fn code(&self, code: i32) -> &Self {
        assert!(!self.hung, "{}: it hung: {}{}", self.shown, self.stdout, self.stderr);
        assert!(
            self.code == Some(code),
            "{}: exit status {:?} (signal {:?}), not {code}\nstdout: {}\nstderr: {}",
            self.shown,
            self.code,
            self.signal,
            self.stdout,
            self.stderr
        );
        assert!(self.left.is_empty(), "{}: processes are left: {:?}", self.shown, self.left);
        self
    }
    /// It succeeded and said just that (blanks at the end don't count).
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        self.code(0);
        assert_eq!(self.stdout.trim_end(), text, "{}: {}", self.shown, self.stderr);
        self
    }
    /// It failed with `code` and exactly one line on stderr, which begins as promised and names each of `words`.
    #[track_caller]
    pub fn refuses(&self, code: i32, words: &[&str]) -> &Self {
        self.code(code);
        assert!(self.stdout.is_empty(), "{}: it said on stdout: {}", self.shown, self.stdout);
        self.one_line();
        for word in words {
            assert!(
                self.stderr.contains(word),
                "{}: the line does not name {word:?}: {}",
                self.shown,
                self.stderr
            );
        }
        self
    }
    #[track_caller]
    pub fn one_line(&self) -> &Self {
        assert!(self.complaint().is_none(), "{}: {}", self.shown, self.complaint().unwrap_or_default());
        self
    }
    /// Why stderr is not one line as promised.
    pub fn complaint(&self) -> Option<String> {
        line_complaint(&self.stderr)
    }
}

/// Why this is not one line as promised.
pub fn line_complaint(text: &str) -> Option<String> {
    let lines = text.lines().count();
    if lines != 1 {
        return Some(format!("{lines} lines on stderr, not one: {text:?}"));
    }
    let is_ours = text.starts_with("vesicle: ") && text.ends_with('\n');
    (!is_ours).then(|| format!("not a line that begins with 'vesicle: ': {text:?}"))
}

/// A pipe whose ends close on exec.
pub fn pipe() -> (OwnedFd, OwnedFd) {
    nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).expect("pipe")
}

/// A file that holds `bytes`, read from its start.
pub fn file_with(bytes: &[u8]) -> File {
    use std::io::Write;
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("write");
    file.rewind().expect("rewind");
    file
}

pub fn os(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}

pub fn bytes(text: &OsStr) -> &[u8] {
    text.as_bytes()
}

/// A pseudo-terminal with an interactive shell on it: what a person at a keyboard sees.
pub struct Pty {
    master: File,
    child: Child,
    mark: String,
    seen: Vec<u8>,
    /// How long it waits for what is expected.
    pub limit: Duration,
    /// Where the next `expect` begins to look.
    from: usize,
}

impl Pty {
    /// What a person does in a shell that was started on it: a job that is stopped, continued and interrupted.
    pub fn works_in_a_shell(&mut self) {
        self.line("echo in''side $((1+1))");
        self.expect("inside 2");
        self.line("sleep 50");
        self.expect_foreground("sleep");
        self.key(b"\x1a");
        self.line("echo back''again");
        self.expect("backagain");
        self.line("jobs; echo li''sted");
        self.expect("Stopped");
        self.expect("listed");
        self.line("fg");
        self.expect_foreground("sleep");
        self.key(b"\x03");
        self.line("echo status $((1000+$?))");
        self.expect("status 1130");
        // On its empty line it is the inner shell's affair, and ends nobody.
        self.key(b"\x03");
        // What is typed before it has seen that, it may throw away.
        std::thread::sleep(Duration::from_millis(200));
        self.line("echo still''here");
        self.expect("stillhere");
    }

    /// A shell with job control and without a prompt that would be mistaken for an answer.
    pub fn shell(who: Who) -> Pty {
        Pty::of(who, &["/bin/sh", "-i"])
    }

    /// A program as the leader of a new session whose terminal is the other end.
    pub fn of(who: Who, words: &[&str]) -> Pty {
        let ends = nix::pty::openpty(None, None).expect("a pseudo-terminal");
        let mark = new_mark();
        for fd in [&ends.master, &ends.slave] {
            nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))
                .expect("cloexec");
        }
        if is_root() {
            nix::unistd::fchown(&ends.slave, Some(uid_of(who).into()), Some(gid_of(who).into()))
                .expect("chown");
        }
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir("/")
            .env(MARK, &mark)
            .env("PS1", "")
            .env("PS2", "")
            .env("TERM", "dumb")
            .env_remove("ENV");
        command.stdin(ends.slave.try_clone().expect("dup"));
        command.stdout(ends.slave.try_clone().expect("dup"));
        command.stderr(ends.slave.try_clone().expect("dup"));
        if who == Who::User && is_root() {
            command.uid(UID).gid(UID);
        }
        // SAFETY: setsid and ioctl are async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn().expect("a shell");
        drop(command);
        let flags = nix::fcntl::OFlag::O_NONBLOCK;
        nix::fcntl::fcntl(&ends.master, nix::fcntl::FcntlArg::F_SETFL(flags)).expect("nonblock");
        Pty {
            master: ends.master.into(),
            child,
            mark,
            seen: Vec::new(),
            limit: Duration::from_secs(10),
            from: 0,
        }
    }

    /// Types a line.
    pub fn line(&mut self, text: &str) {
        self.key(format!("{text}\n").as_bytes());
    }

    /// Types bytes: a control character is a key.
    pub fn key(&mut self, bytes: &[u8]) {
        use std::io::Write;
        self.pump();
        self.master.write_all(bytes).expect("type");
    }

    fn pump(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = self.master.read(&mut buffer) {
            self.seen.extend_from_slice(&buffer[..n]);
        }
    }

    /// All that the terminal showed.
    pub fn text(&mut self) -> String {
        self.pump();
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Waits until the terminal shows `word` after what was expected before; fails the test after ten seconds (`limit`).
    #[track_caller]
    pub fn expect(&mut self, word: &str) {
        let end = Instant::now() + self.limit;
        loop {
            self.pump();
            let new = self.seen.get(self.from..).unwrap_or_default();
            if let Some(at) = new.windows(word.len()).position(|w| w == word.as_bytes()) {
                self.from += at + word.len();
                return;
            }
            assert!(Instant::now() < end, "the terminal did not show {word:?}, but:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Waits until a process of this name is in the terminal's foreground process group.
    #[track_caller]
    pub fn expect_foreground(&mut self, name: &str) {
        let end = Instant::now() + self.limit;
        loop {
            self.pump();
            let group = nix::unistd::tcgetpgrp(&self.master).map_or(0, |g| g.as_raw());
            let there = marked(&self.mark).into_iter().any(|(pid, _)| {
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                let rest = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect::<Vec<_>>();
                stat.contains(&format!("({name})"))
                    && rest.get(2) == Some(&group.to_string().as_str())
                    && rest.first() != Some(&"T")
            });
            if there {
                return;
            }
            assert!(
                Instant::now() < end,
                "{name} did not come to the foreground; the terminal shows:\n{}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// The processes of this session by name, with their state letter.
    pub fn states(&self) -> Vec<(String, char)> {
        marked(&self.mark)
            .into_iter()
            .filter_map(|(pid, _)| {
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
                let name = stat.split_once('(')?.1.rsplit_once(") ")?;
                Some((name.0.to_string(), name.1.chars().next()?))
            })
            .collect()
    }

    /// The processes that were started from this terminal.
    pub fn pids(&self) -> Vec<i32> {
        marked(&self.mark).into_iter().map(|p| p.0).collect()
    }

    /// The oldest of these that has this name.
    pub fn oldest(&self, name: &str) -> i32 {
        let named =
            |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c.trim() == name);
        self.pids().into_iter().filter(named).min().expect("a process of that name")
    }

    /// Waits for the end of the program on the terminal.
    #[track_caller]
    pub fn end(&mut self) -> Option<i32> {
        let end = Instant::now() + self.limit;
        loop {
            self.pump();
            if let Some(status) = self.child.try_wait().expect("wait") {
                return status.code();
            }
            assert!(Instant::now() < end, "it did not end; the terminal shows:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(3));
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        kill_marked(&self.mark);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A static program for this CPU that begins with the first byte of its code, 120 bytes behind its start at 0x400000.
pub fn elf(code: &[u8]) -> Vec<u8> {
    let machine: u16 = if cfg!(target_arch = "x86_64") { 62 } else { 183 };
    let size = 64 + 56 + code.len() as u64;
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    file.extend(2u16.to_le_bytes());
    file.extend(machine.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    for n in [0x40_0000 + 64 + 56, 64, 0] {
        file.extend(u64::to_le_bytes(n));
    }
    file.extend(0u32.to_le_bytes());
    for n in [64u16, 56, 1, 64, 0, 0] {
        file.extend(n.to_le_bytes());
    }
    file.extend(1u32.to_le_bytes());
    file.extend(5u32.to_le_bytes());
    for n in [0, 0x40_0000, 0x40_0000, size, size, 0x1_0000] {
        file.extend(u64::to_le_bytes(n));
    }
    file.extend(code);
    file
}

/// A program of a few instructions, for where the payload's own system calls would be in the way.
pub fn tiny_program(pause: bool) -> Vec<u8> {
    #[cfg(target_arch = "x86_64")]
    let code: &[u8] = if pause {
        // ppoll(NULL, 0, NULL, NULL, 0), for ever
        &[
            0x31, 0xff, 0x31, 0xf6, 0x31, 0xd2, 0x4d, 0x31, 0xd2, 0x4d, 0x31, 0xc0, 0xb8, 0x0f, 1, 0, 0,
            0x0f, 5, 0xeb, 0xeb,
        ]
    } else {
        // exit(0)
        &[0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 5]
    };
    #[cfg(target_arch = "aarch64")]
    let words: &[u32] = if pause {
        &[
            0xd280_0000,
            0xd280_0001,
            0xd280_0002,
            0xd280_0003,
            0xd280_0004,
            0xd280_0928,
            0xd400_0001,
            0x17ff_fff9,
        ]
    } else {
        &[0xd280_0000, 0xd280_0ba8, 0xd400_0001]
    };
    #[cfg(target_arch = "aarch64")]
    let code: &[u8] = &words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    elf(code)
}

/// A root file system without busybox: /bin/true and /bin/pause of a few instructions each.
pub fn tiny_root(who: Who) -> PathBuf {
    static MASTERS: OnceLock<[PathBuf; 2]> = OnceLock::new();
    let masters = MASTERS.get_or_init(|| {
        [("true", false), ("pause", true)].map(|(name, pause)| {
            let (raw, to) = (scratch().join(format!("{name}.raw")), scratch().join(name));
            fs::write(&raw, tiny_program(pause)).expect("write");
            assert!(Command::new("cp").arg(raw).arg(&to).status().expect("cp").success());
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).expect("chmod");
            to
        })
    });
    let root = folder(who);
    for dir in ["bin", "proc", "sys", "dev", "tmp", "data", "etc", "t"] {
        fs::create_dir(root.join(dir)).expect("mkdir");
        fs::set_permissions(root.join(dir), fs::Permissions::from_mode(0o755)).expect("chmod");
        give(&root.join(dir), who);
    }
    for master in masters {
        fs::hard_link(master, root.join("bin").join(master.file_name().expect("a name"))).expect("link");
    }
    root
}

/// One system call of an strace log.
#[derive(Clone, Debug)]
pub struct Call {
    pub pid: i32,
    pub name: String,
    /// The how manieth of this name in its process.
    pub nth: usize,
    /// Its arguments as strace shows them, and the result unless another process came between.
    pub text: String,
    /// Before the payload's first instruction.
    pub before: bool,
    /// Made by the payload itself.
    pub payload: bool,
    pub failed: bool,
}

/// Reads `strace -f -o` of a run whose payload is `payload`; the launcher's own execve is not among the calls, nor is what was
/// there before.
pub fn calls(log: &Path, payload: &str) -> Vec<Call> {
    let text = String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
    let mut counts: BTreeMap<(i32, String), usize> = BTreeMap::new();
    let mut list: Vec<Call> = Vec::new();
    let (mut first, mut running) = (0, 0);
    let exec = format!("execve(\"{payload}\"");
    for line in text.lines() {
        let Some((pid, rest)) = line.split_once(' ') else { continue };
        let (Ok(pid), rest) = (pid.parse::<i32>(), rest.trim_start()) else { continue };
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let failed = resumed.contains(") = -1") || resumed.contains("= -1 E");
            let name = resumed.split(' ').next().unwrap_or_default();
            if let Some(call) = list.iter_mut().rev().find(|c| c.pid == pid && c.name == name) {
                call.failed = failed;
                let is_exec = call.text.starts_with(&exec);
                call.text.push_str(resumed);
                if is_exec && !failed {
                    running = pid;
                }
            }
            continue;
        }
        let Some((name, _)) = rest.split_once('(') else { continue };
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        if first == 0
            || pid == first && name == "execve" && !rest.starts_with(&exec) && rest.ends_with(") = 0")
        {
            first = pid;
            list.clear();
            counts.clear();
            continue;
        }
        let nth = counts.entry((pid, name.into())).or_default();
        *nth += 1;
        let failed = rest.contains(") = -1 ");
        let unfinished = rest.ends_with("<unfinished ...>");
        list.push(Call {
            pid,
            name: name.into(),
            nth: *nth,
            text: rest.into(),
            before: running == 0,
            payload: running == pid,
            failed,
        });
        if rest.starts_with(&exec) && !failed && !unfinished && running == 0 {
            running = pid;
        }
    }
    list
}

/// How a caller may have left mask and dispositions: what is blocked, and what is ignored.
pub const LEFT_SO: &[(&[i32], &[i32])] = &[
    (&[], &[]),
    (&[15, 2], &[]),
    (&[], &[1, 13]),
    (&[34, 64, 10], &[15]),
    (&[17], &[]),
    (&[20, 21, 22, 18], &[20, 21, 22, 18]),
    (&[], &[17]),
];

/// Something to be done before a call, that leaves them so.
pub fn leave_so(
    blocked: &'static [i32],
    ignored: &'static [i32],
) -> impl FnMut() -> std::io::Result<()> + Send + Sync {
    move || {
        // SAFETY: sigset functions on a local, then sigprocmask and signal, all async-signal-safe.
        unsafe {
            let mut mask = std::mem::zeroed();
            libc::sigemptyset(&mut mask);
            libc::sigprocmask(libc::SIG_SETMASK, &mask, std::ptr::null_mut());
            for n in 1..=64 {
                libc::signal(n, libc::SIG_DFL);
            }
            for n in ignored {
                libc::signal(*n, libc::SIG_IGN);
            }
            for n in blocked {
                libc::sigaddset(&mut mask, *n);
            }
            libc::sigprocmask(libc::SIG_SETMASK, &mask, std::ptr::null_mut());
        }
        Ok(())
    }
}
