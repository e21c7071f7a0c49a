//! Each system call of a program fails in turn, or is the last one that is made, by strace(1): the calls are found by tracing a
//! good run, so whatever is added is covered.

use super::{Call, elf, is_thorough, say, scratch};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use syscalls::Sysno;

/// What may fail without harm, and why that is right: by name, and by what its arguments must say.
pub type Optional = [(&'static str, &'static str, &'static str)];

/// The same, of all that share the launcher.
const OPTIONAL: &Optional = &[
    ("rt_sigaction", "", "a signal that we put back to what it was already"),
    ("close", "", "the descriptor is gone either way, close(2)"),
    ("rt_sigtimedwait", "", "the end can be waited for without it"),
    ("munmap", "", "memory that nobody uses any more"),
    ("clone3", "", "clone(2) does the same where clone3 is missing or filtered"),
    (
        "open_tree",
        "0x2",
        "a mount namespace of the root alone: where there is none, the caller's mounts are copied",
    ),
    ("mknodat", "S_IFCHR", "where mknod(2) is refused, the host's device is bound"),
    ("faccessat", "", "what a mask is made of is taken from another place"),
    (
        "setgroups",
        "",
        "an id map denies it: who enters as root has dropped those of the caller, or has none to give away",
    ),
    ("ioctl", "TIOCGWINSZ", "what is no terminal is no console"),
    ("wait4", "WNOHANG", "the end can be waited for without it"),
    ("clock_gettime", "", "a time that is told is wrong"),
    ("openat", "\"/sys/fs/cgroup", "cgroup2 is looked for in two places"),
    ("fstatfs", "TMPFS_MAGIC", "the same: here it is not"),
];

/// Calls that never return, or whose failure strace can't feign.
const NEVER: &[&str] = &[
    "exit",
    "exit_group",
    "rt_sigreturn",
    "restart_syscall",
    // "This system call always succeeds", umask(2); "These functions are always successful", getppid(2).
    "umask",
    "getppid",
    // And these of getuid(2), getpid(2), gettid(2).
    "getuid",
    "getpid",
    "gettid",
];

/// A call that is to be hit: its name, which one of that name, whether it comes before COMMAND, and how it looked.
pub struct Target {
    pub name: String,
    pub nth: usize,
    pub before: bool,
    pub text: String,
    /// What is the same of two that are: who makes it, with which words, no matter which numbers, and for which time.
    key: (usize, String, usize),
}

impl Target {
    /// Whether it may fail, as all know or as those do who also have these.
    pub fn may_fail(&self, more: &Optional) -> bool {
        OPTIONAL.iter().chain(more).any(|(name, text, _)| *name == self.name && self.text.contains(text))
    }
}

/// Those of a good run that are `ours`. strace(1) counts calls by the process: those of the first process come behind others of
/// [`ahead`], so that those of its children are not hit with them.
pub fn targets(seen: &[Call], ours: impl Fn(&Call) -> bool) -> Vec<Target> {
    let mut list: Vec<Target> = Vec::new();
    let (mut who, mut times) = (Vec::new(), BTreeMap::new());
    for call in seen {
        let role = who.iter().position(|pid| *pid == call.pid).unwrap_or_else(|| {
            who.push(call.pid);
            who.len() - 1
        });
        if NEVER.contains(&call.name.as_str()) || !ours(call) {
            continue;
        }
        let words = call.text.split(") = ").next().unwrap_or_default();
        let words: String = words.chars().filter(|c| !c.is_ascii_digit()).collect();
        let time = times.entry((role, words.clone())).or_insert(0);
        *time += 1;
        // That of the program itself is one of them.
        let ahead = if call.name == "execve" { AHEAD + 1 } else { AHEAD };
        let nth = if role == 0 { ahead + call.nth } else { call.nth };
        match list.iter_mut().find(|t| t.name == call.name && t.nth == nth) {
            Some(target) => target.before |= call.before,
            None => list.push(Target {
                name: call.name.clone(),
                nth,
                before: call.before,
                text: call.text.clone(),
                key: (role, words, *time),
            }),
        }
    }
    list
}

/// What was hit in earlier scenes need not be hit again in one where the same is done.
#[derive(Default)]
pub struct Known(BTreeSet<(usize, String, usize)>);

impl Known {
    /// Leaves those that are new.
    pub fn sift(&mut self, targets: &mut Vec<Target>) {
        targets.retain(|target| self.0.insert(target.key.clone()));
    }
}

/// How many calls [`ahead`] makes: more than a child has of any name.
pub const AHEAD: usize = 200;

/// A program that makes that many calls of this name, none of which means anything, and then executes its arguments.
fn ahead(name: &str) -> PathBuf {
    let path = scratch().join(format!("ahead-{name}"));
    if path.exists() {
        return path;
    }
    let number: Sysno = name.parse().expect("a system call");
    let number = number.id() as u32;
    #[cfg(target_arch = "x86_64")]
    let code = [
        // mov ebx, AHEAD
        &[0xbb][..],
        &(AHEAD as u32).to_le_bytes(),
        // mov rdi, rsi, rdx, r10, r8, r9: -1
        &[0x48, 0xc7, 0xc7, 0xff, 0xff, 0xff, 0xff, 0x48, 0xc7, 0xc6, 0xff, 0xff, 0xff, 0xff],
        &[0x48, 0xc7, 0xc2, 0xff, 0xff, 0xff, 0xff, 0x49, 0xc7, 0xc2, 0xff, 0xff, 0xff, 0xff],
        &[0x49, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff, 0x49, 0xc7, 0xc1, 0xff, 0xff, 0xff, 0xff],
        // mov eax, number; syscall; dec ebx; jnz to the first mov
        &[0xb8],
        &number.to_le_bytes(),
        &[0x0f, 0x05, 0xff, 0xcb, 0x75, 0xcb],
        // execve(argv[1], &argv[1], envp)
        &[0x48, 0x8b, 0x7c, 0x24, 0x10, 0x48, 0x8d, 0x74, 0x24, 0x10, 0x48, 0x8b, 0x04, 0x24],
        &[0x48, 0x8d, 0x54, 0xc4, 0x10, 0xb8, 59, 0, 0, 0, 0x0f, 0x05],
        // exit(1)
        &[0xb8, 60, 0, 0, 0, 0xbf, 1, 0, 0, 0, 0x0f, 0x05],
    ]
    .concat();
    #[cfg(target_arch = "aarch64")]
    let code: Vec<u8> = [
        // mov x19, AHEAD
        0xd280_0013 | (AHEAD as u32) << 5,
        // mov x0 … x5: -1; mov x8, number; svc 0; subs x19, x19, 1; b.ne to the first mov
        0x9280_0000,
        0x9280_0001,
        0x9280_0002,
        0x9280_0003,
        0x9280_0004,
        0x9280_0005,
        0xd280_0008 | number << 5,
        0xd400_0001,
        0xf100_0673,
        0x54ff_fee1,
        // execve(argv[1], &argv[1], envp)
        0xf940_0be0,
        0x9100_43e1,
        0xf940_03e2,
        0x8b22_6fe2,
        0x9100_4042,
        0xd280_1ba8,
        0xd400_0001,
        // exit(1)
        0xd280_0020,
        0xd280_0ba8,
        0xd400_0001,
    ]
    .iter()
    .flat_map(|word: &u32| word.to_le_bytes())
    .collect();
    // By another process: see `vesicle`. Two at once make the same.
    let raw = tempfile::NamedTempFile::new_in(scratch()).expect("a file");
    fs::write(raw.path(), elf(&code)).expect("write");
    fs::set_permissions(raw.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
    let new = raw.path().with_extension("new");
    assert!(Command::new("cp").arg("-p").arg(raw.path()).arg(&new).status().expect("cp").success());
    fs::rename(new, &path).expect("rename");
    path
}

/// Errors that a call of this name can have, as strace(1) is told of them.
pub fn errors(target: &Target) -> Vec<String> {
    let name = target.name.as_str();
    let mut errnos = vec!["EPERM", "ENOMEM"];
    if name.starts_with("clone") || name.ends_with("fork") {
        errnos.extend(["EAGAIN", "ENOSYS", "ENOSPC"]);
    }
    if ["read", "write", "writev", "wait4", "waitid", "rt_sigtimedwait", "openat", "open", "ppoll"]
        .contains(&name)
    {
        errnos.push("EINTR");
    }
    if !is_thorough() {
        // One is enough to go the way of a failure.
        errnos.truncate(1);
    }
    errnos.iter().map(|errno| format!("error={errno}")).collect()
}

/// What was run, and what was wrong.
#[derive(Default)]
pub struct Report {
    pub runs: usize,
    pub wrong: Vec<String>,
    calls: usize,
}

impl Report {
    /// The heart: one run for each call and each of what `hows` says befalls it. `go` gets the words for strace(1), the last of
    /// which is what executes the program; `judge` says what is wrong with a run.
    pub fn of<E>(
        targets: &[Target],
        hows: impl Fn(&Target) -> Vec<String>,
        mut go: impl FnMut(&Target, &[String]) -> E,
        mut judge: impl FnMut(&Target, &str, E) -> Option<String>,
    ) -> Report {
        let mut report = Report { calls: targets.len(), ..Report::default() };
        for target in targets {
            let Target { name, nth, text, .. } = target;
            for how in hows(target) {
                let by = ahead(name).to_string_lossy().into_owned();
                let words =
                    [format!("--trace={name},execve"), format!("--inject={name}:{how}:when={nth}"), by];
                report.runs += 1;
                if let Some(verdict) = judge(target, &how, go(target, &words)) {
                    report.wrong.push(format!("{name} no. {nth}, {how}: {verdict}\n    {text}"));
                }
            }
        }
        report
    }

    /// Tells of it, with which calls may fail, and that nothing was wrong.
    #[track_caller]
    pub fn conclude(&self, what: &str, may: &BTreeSet<String>) {
        let Report { runs, wrong, calls } = self;
        let may = Vec::from_iter(may.iter().map(String::as_str)).join(", ");
        let may = if may.is_empty() { may } else { format!(" (may fail: {may})") };
        say(&format!("{runs} runs with one call that was hit, {calls} calls, {what}{may}"));
        assert!(wrong.is_empty(), "{} of {runs} wrong, {what}:\n{}", wrong.len(), wrong.join("\n"));
    }
}
