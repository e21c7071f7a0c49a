//! The numbers that vesicle promises: counted, printed and held to their limits. Time is not among them.
#![allow(unsafe_code)]

mod common;

use common::*;
use nix::sys::ptrace;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use object::elf;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

const MANIFEST: &str = env!("CARGO_MANIFEST_DIR");

/// The release binary with these features, built once, in a folder of the tests' own.
fn build(features: Option<&str>) -> PathBuf {
    static BUILT: Mutex<BTreeMap<String, Arc<OnceLock<PathBuf>>>> = Mutex::new(BTreeMap::new());
    let name = features.map_or("all", |f| if f.is_empty() { "none" } else { f }).replace(',', "+");
    let cell = BUILT.lock().expect("what is built").entry(name.clone()).or_default().clone();
    cell.get_or_init(|| make(&name, features)).clone()
}

/// Two at a time, as most of it is one thread's work: each in a folder of its own.
fn make(name: &str, features: Option<&str>) -> PathBuf {
    static FOLDERS: [Mutex<()>; 2] = [const { Mutex::new(()) }; 2];
    let (n, _folder) = loop {
        match FOLDERS.iter().map(Mutex::try_lock).enumerate().find_map(|(n, lock)| Some((n, lock.ok()?))) {
            Some(found) => break found,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let counts = Path::new(env!("CARGO_TARGET_TMPDIR")).join("counts");
    let target = counts.join(n.to_string());
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--release", "--locked", "--offline", "--bin", "vesicle", "--manifest-path"])
        .arg(Path::new(MANIFEST).join("Cargo.toml"));
    cargo
        .arg("--target-dir")
        .arg(&target)
        .current_dir(MANIFEST)
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("CARGO_BUILD_TARGET");
    if let Some(features) = features {
        cargo.args(["--no-default-features", "--features", features]);
    }
    let out = cargo.output().expect("cargo");
    assert!(out.status.success(), "features {features:?}: {}", String::from_utf8_lossy(&out.stderr));
    let kept = counts.join(format!("vesicle-{name}"));
    fs::copy(target.join("release/vesicle"), &kept).expect("copy");
    kept
}

/// The binary that users get: the named one, else a release build of what is here.
fn release() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| if std::env::var_os("VESICLE_BIN").is_some() { shipped() } else { build(None) })
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).expect("the binary").len()
}

fn features() -> Vec<String> {
    let text = fs::read_to_string(Path::new(MANIFEST).join("Cargo.toml")).expect("Cargo.toml");
    let section =
        text.split("[features]").nth(1).expect("[features]").split("\n[").next().expect("its lines");
    section
        .lines()
        .filter_map(|l| l.split('#').next()?.split_once('=').map(|(name, _)| name.trim().to_string()))
        // vesicle-oci is another program, and vesicle is built without it.
        .filter(|n| n != "default" && n != "oci" && !n.is_empty())
        .collect()
}

/// What the files may be at most on x86_64. The aim of the design for the first is 4 KiB, which has been reached; `tests/run
/// aarch64` holds the cross build to it too. The second grows with a new command, or by what a new option takes, and else is only
/// ever lowered.
const BARE: u64 = 4_096;
const ALL: u64 = 127_128;

/// The rows of README's size table: features and bytes.
fn told_sizes() -> Vec<(String, u64)> {
    let text = fs::read_to_string(Path::new(MANIFEST).join("README.md")).expect("README.md");
    let table = text
        .split("<!-- sizes -->")
        .nth(1)
        .and_then(|t| t.split("<!-- /sizes -->").next())
        .expect("the table");
    table
        .lines()
        .filter_map(|l| {
            let mut cells = l.trim_matches('|').split('|').map(str::trim);
            let name = cells.next()?.trim_matches('`').to_string();
            Some((name, cells.next()?.replace(',', "").parse().ok()?))
        })
        .collect()
}

#[test]
fn files_are_as_small_as_promised_and_each_feature_has_its_price() {
    let mut sizes = vec![("none".to_string(), size(&build(Some(""))))];
    let names = features();
    assert!(names.len() > 3, "{names:?}");
    std::thread::scope(|threads| {
        threads.spawn(|| names.iter().step_by(2).for_each(|name| drop(build(Some(name)))));
        names.iter().skip(1).step_by(2).for_each(|name| drop(build(Some(name))));
    });
    sizes.extend(names.into_iter().map(|name| (name.clone(), size(&build(Some(&name))))));
    sizes.push(("all".to_string(), size(&build(None))));
    let list: String = sizes.iter().map(|(name, bytes)| format!("| `{name}` | {bytes} |\n")).collect();
    say(&format!("bytes of the file, by features:\n{list}"));
    if cfg!(target_arch = "x86_64") {
        let (none, all) = (sizes[0].1, sizes[sizes.len() - 1].1);
        assert!(none <= BARE, "the bare launcher is {none} bytes, more than {BARE}");
        assert!(all <= ALL, "everything is {all} bytes, more than {ALL}");
        // Another compiler makes it a little larger or smaller.
        let told = told_sizes();
        assert_eq!(told.len(), sizes.len(), "the rows of README's size table");
        for ((name, bytes), (row, told)) in sizes.iter().zip(&told) {
            assert_eq!(name, row);
            assert!(
                bytes.abs_diff(*told) * 100 <= told * 3,
                "README says {told} bytes for {name}, it is {bytes}"
            );
        }
    }
}

/// One file as a cpio, cpio(5): a header of 110 bytes and the name, data, then the trailer, in blocks of 512 bytes.
#[test]
fn initramfs_of_one_file_has_24_kib_at_most() {
    let padded = |n: u64, to: u64| n.div_ceil(to) * to;
    let entry = |name: &str, bytes| padded(110 + name.len() as u64 + 1, 4) + padded(bytes, 4);
    let cpio = padded(entry("init", size(&build(Some("boot")))) + entry("TRAILER!!!", 0), 512);
    say(&format!("an initramfs of vesicle alone: {cpio} bytes"));
    if cfg!(target_arch = "x86_64") {
        assert!(cpio <= 24 << 10, "{cpio} bytes");
    }
}

#[test]
fn bare_launcher_runs_a_command_in_new_namespaces() {
    let bare = build(Some(""));
    let copy = scratch().join("bare");
    assert!(Command::new("cp").arg(bare).arg(&copy).status().expect("cp").success());
    for &who in everyone() {
        let root = tiny_root(who);
        let words = [copy.as_os_str(), "run".as_ref(), root.as_os_str(), "/bin/true".as_ref()];
        program(who, words).go().code(0);
        let words = [copy.as_os_str(), "run".as_ref(), root.as_os_str(), "/bin/nowhere".as_ref()];
        program(who, words).go().refuses(127, &["exec /bin/nowhere: errno 2"]);
        let words = [copy.as_os_str(), "run".as_ref(), "--".as_ref(), root.as_os_str(), "/bin/true".as_ref()];
        program(who, words).go().code(0);
    }
}

#[test]
fn bare_launcher_refuses_what_it_does_not_know() {
    let bare = build(Some(""));
    let copy = scratch().join("bare-refuses");
    assert!(Command::new("cp").arg(bare).arg(&copy).status().expect("cp").success());
    let usage = "vesicle run ROOTFS COMMAND [ARG...]";
    for (words, told) in [
        ("run --read-only / /bin/true", "option --read-only: unknown"),
        ("run --no-proc / /bin/true", "option --no-proc: unknown"),
        ("run --share-net=x / /bin/true", "option --share-net=x: unknown"),
        ("run -x / /bin/true", "option -x: unknown"),
        ("run -- /", usage),
        ("run /", usage),
        ("run", usage),
        ("init /bin/true", "argument init: not a command"),
        ("help", "argument help: not a command"),
    ] {
        let words = [copy.to_str().expect("UTF-8")].into_iter().chain(words.split(' '));
        program(Who::User, words).go().refuses(125, &[told]);
    }
}

#[test]
fn bare_launcher_sends_on_its_signals_and_ends_as_its_command_does() {
    let bare = build(Some(""));
    let copy = scratch().join("bare-waits");
    assert!(Command::new("cp").arg(bare).arg(&copy).status().expect("cp").success());
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let run = |script: &str| {
            program(who, [copy.as_os_str(), "run".as_ref(), root.as_os_str(), "/bin/sh".as_ref()])
                .args(["-c", script])
                .spawn()
        };
        run("exit 7").wait().code(7);
        // Process 1 can't kill itself; the kernel ends it for a fault of its own, and its shell tells of a child's end.
        run("(kill -9 $BASHPID; sh -c 'kill -9 $$'); exit $?").wait().code(137);
        let mut running = run("trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done");
        running.until_says("ready");
        running.signal(Signal::SIGTERM);
        running.wait().code(5);
    }
}

#[test]
fn file_is_one_executable_read_only_segment_and_nothing_else() {
    for path in [release().to_path_buf(), build(Some(""))] {
        let data = fs::read(&path).expect("the binary");
        let data = data.as_slice();
        let head = elf::FileHeader64::<object::Endianness>::parse(data).expect("ELF");
        let e = head.endian().expect("an endianness");
        let segments = head.program_headers(e, data).expect("program headers");
        let loads: Vec<_> = segments.iter().filter(|s| s.p_type(e) == elf::PT_LOAD).collect();
        assert_eq!(loads.len(), 1, "segments that are loaded");
        let flags = loads[0].p_flags(e).0;
        assert_eq!(flags, (elf::PF_R.0 | elf::PF_X.0), "R-X");
        assert_eq!(loads[0].p_memsz(e), loads[0].p_filesz(e), "no .bss");
        for (kind, name) in [
            (elf::PT_DYNAMIC, "PT_DYNAMIC"),
            (elf::PT_INTERP, "PT_INTERP"),
            (elf::PT_TLS, "PT_TLS"),
            (elf::PT_GNU_RELRO, "PT_GNU_RELRO"),
        ] {
            assert!(segments.iter().all(|s| s.p_type(e) != kind), "there is a {name}");
        }
        let stack: Vec<_> = segments.iter().filter(|s| s.p_type(e) == elf::PT_GNU_STACK).collect();
        assert_eq!(stack.len(), 1, "PT_GNU_STACK");
        assert_eq!(stack[0].p_flags(e).0 & elf::PF_X.0, 0, "the stack is executable");
        // Sections may be stripped; those that are there hold nothing writable and no relocation.
        for section in head.section_headers(e, data).unwrap_or_default() {
            let kind = section.sh_type(e);
            assert!(
                kind != elf::SHT_RELA && kind != elf::SHT_REL && kind != elf::SHT_RELR
                    || section.sh_size(e) == 0,
                "relocations"
            );
            if kind == elf::SHT_PROGBITS || kind == elf::SHT_NOBITS {
                let flags = section.sh_flags(e).0;
                assert!(flags & elf::SHF_WRITE.0 == 0 || section.sh_size(e) == 0, "writable section");
            }
        }
    }
}

/// A call that the request itself needs: there is no container without it.
fn mandatory(call: &Call) -> Option<&'static str> {
    let text = &call.text;
    Some(match call.name.as_str() {
        "clone" | "clone3" => "the namespaces",
        "socket" if text.contains("AF_INET") || text.contains("AF_UNIX") => "lo",
        "ioctl" if text.contains("SIOCSIFFLAGS") => "lo",
        "sendto" | "sendmsg" => "lo",
        // What takes the place of a user namespace where root inside is root outside.
        "prctl" if text.contains("PR_CAPBSET_DROP") => "no capability that reaches the host",
        "capset" => "no capability that reaches the host",
        "mount" if text.contains("MS_REMOUNT") => "/proc is masked",
        "mount" if text.contains("MS_BIND") && text.starts_with("mount(\"") => "/proc is masked",
        "chdir" if text.contains("\"/..\"") => "/proc is masked",
        "openat2" if text.contains("\"/sys\"") => "whether there is a sysfs to mask",
        "fstatfs" => "whether there is a sysfs to mask",
        "mount" | "mount_setattr" if text.contains("MS_PRIVATE") || text.contains("MS_SLAVE") => {
            "no mount reaches the host"
        }
        "open_tree" if text.contains("OPEN_TREE_CLONE") => "the root becomes a mount",
        // Since Linux 7 it takes the place of three others; before, it is how that is known.
        "open_tree" => "a mount namespace of the root alone, if there can be one",
        "mount" if text.contains("MS_BIND") => "the root becomes a mount",
        "move_mount" => "the root is attached",
        "fchdir" | "chdir" => "the root is entered",
        "pivot_root" | "chroot" => "the root is changed",
        "umount2" => "the old root is detached",
        "mount" if text.contains("\"proc\"") => "/proc",
        "fsopen" | "fsconfig" | "fsmount" => "/proc",
        "prctl" if text.contains("NO_NEW_PRIVS") => "no_new_privs",
        "ioctl" if text.contains("TIOCGWINSZ") => "whether a terminal is shared",
        "openat" if text.contains("\"/dev/tty\"") => "whether a terminal is shared",
        "seccomp" => "a terminal that is shared",
        "close_range" => "no descriptor above 2",
        "execve" | "execveat" => "the command",
        _ => return None,
    })
}

#[test]
fn default_run_of_root_makes_at_most_eight_calls_that_are_not_mandatory() {
    let Some(_) = need!("strace") else { return };
    for &who in everyone() {
        let (root, dir) = (tiny_root(who), folder(who));
        let log = dir.join("log");
        let copy = scratch().join(format!("release-{who:?}"));
        assert!(Command::new("cp").arg(release()).arg(&copy).status().expect("cp").success());
        let words = [
            "strace".as_ref(),
            "-f".as_ref(),
            "-q".as_ref(),
            "-o".as_ref(),
            log.as_os_str(),
            copy.as_os_str(),
        ];
        // Whoever runs the tests may have a terminal.
        let alone = || nix::unistd::setsid().map(drop).map_err(Into::into);
        program(who, words).before(alone).arg("run").arg(&root).arg("/bin/true").go().code(0);
        let all = calls(&log, "/bin/true");
        let before: Vec<_> = all.iter().filter(|c| c.before).collect();
        let mut text = String::new();
        let mut extra = 0;
        for call in &before {
            let why = mandatory(call);
            extra += usize::from(why.is_none());
            let shown: String = call.text.chars().take(90).collect();
            text += &format!(
                "  {} {shown}  [{}]\n",
                if why.is_some() { ' ' } else { '+' },
                why.unwrap_or("not mandatory")
            );
        }
        let rest = all.iter().filter(|c| !c.before && !c.payload).count();
        say(&format!(
            "system calls from vesicle's execve to the payload's, as {who:?}: {}, of which {extra} are not mandatory; {rest} after that\n{text}",
            before.len()
        ));
        assert!(before.iter().any(|c| c.name == "execve"), "the log shows no payload:\n{text}");
        if who == Who::Root {
            assert!(extra <= 8, "{extra} calls that are not mandatory:\n{text}");
        }
    }
}

/// Masks of /proc, as far as this kernel has what is masked, and a call for each of those that it does not have.
const MASKS: usize = 13;

#[test]
fn safe_defaults_of_root_make_as_many_calls_as_are_told() {
    if !is_root() {
        return say("SKIP safe_defaults_of_root_make_as_many_calls_as_are_told: not root");
    }
    let Some(_) = need!("strace") else { return };
    let (root, log) = (tiny_root(Who::Root), folder(Who::Root).join("log"));
    let count = |options: &str| {
        program(Who::Root, ["strace".as_ref(), "-f".as_ref(), "-q".as_ref(), "-o".as_ref(), log.as_os_str()])
            .arg(vesicle())
            .arg("run")
            .words(options)
            .arg(&root)
            .arg("/bin/true")
            .go()
            .code(0);
        let mut by_name = std::collections::BTreeMap::new();
        // The launcher's wait begins when it likes.
        let ours = |c: &Call| c.before && c.name != "rt_sigtimedwait";
        for call in calls(&log, "/bin/true").into_iter().filter(ours) {
            let name =
                if call.text.contains("PR_CAPBSET_DROP") { "PR_CAPBSET_DROP".into() } else { call.name };
            *by_name.entry(name).or_insert(0usize) += 1;
        }
        by_name
    };
    let (bare, safe) = (count("--privileged"), count(""));
    let more = |name: &str| {
        safe.get(name).unwrap_or(&0) - bare.get(name).unwrap_or(&0).min(safe.get(name).unwrap_or(&0))
    };
    let total = |of: &std::collections::BTreeMap<String, usize>| of.values().sum::<usize>();
    say(&format!("system calls: {} with --privileged, {} by default: {safe:?}", total(&bare), total(&safe)));
    // Those that are dropped of the first 41, and the question for the next one.
    let last = fs::read_to_string("/proc/sys/kernel/cap_last_cap").expect("cap_last_cap");
    let caps = last.trim().parse::<usize>().expect("a number") + 1;
    assert_eq!(more("PR_CAPBSET_DROP"), caps - 11 + 1);
    assert_eq!((more("capset"), more("prctl")), (1, 1), "and no_new_privs");
    // Two to make proc read-only and writable again.
    assert_eq!(more("mount"), MASKS + 2);
    // What is upon a file is looked for in a second place where there is no sysrq-trigger.
    let looks = 2 + usize::from(!Path::new("/proc/sysrq-trigger").exists());
    assert_eq!((more("chdir"), more("move_mount"), more("faccessat")), (1, 1, looks));
    // sysfs is looked for; what proc is mounted on is not entered.
    assert_eq!((more("openat2"), more("fstatfs"), more("fchdir")), (1, 1, 0));
    // Three descriptors may be a terminal, or there is a controlling one; where there is, nobody types into it.
    let terminal = more("ioctl") + more("openat");
    assert!((1..=4).contains(&terminal), "{safe:?}");
    let guard = more("seccomp") + more("close");
    assert_eq!(total(&safe) - total(&bare), caps - 10 + 2 + MASKS + 2 + 2 + looks + 2 - 1 + terminal + guard);
}

/// A pair with addresses: what a launch with a gate and without `lo` needs too is not counted.
#[test]
#[cfg(feature = "veth")]
fn pair_of_interfaces_takes_as_many_calls_as_are_told() {
    if !is_root() {
        return say("SKIP pair_of_interfaces_takes_as_many_calls_as_are_told: not root");
    }
    let Some(_) = need!("strace") else { return };
    let Some(_) = need!("unshare") else { return };
    let (root, log) = (tiny_root(Who::Root), folder(Who::Root).join("log"));
    let words = ["unshare", "-n", "strace", "-f", "-q", "-o"];
    for (option, told) in [("v0", 9), ("v0,10.1.0.2/24", 11), ("v0,10.1.0.2/24,10.1.0.1", 13)] {
        let launch = program(Who::Root, words).arg(&log).arg(vesicle()).args(["run", "--veth", option]);
        launch.arg(&root).arg("/bin/true").go().code(0);
        let all = calls(&log, "/bin/true");
        let mut sockets: Vec<(i32, String)> = Vec::new();
        let mut made = 0;
        for call in all.iter().filter(|c| !c.payload) {
            let (_, result) = call.text.rsplit_once("= ").unwrap_or_default();
            if call.name == "socket" && call.text.contains("NETLINK") {
                sockets.push((call.pid, result.trim().into()));
                made += 1;
            }
            let on = |(pid, fd): &(i32, String)| *pid == call.pid && call.text.contains(&format!("({fd}, "));
            made += usize::from(["read", "write"].contains(&call.name.as_str()) && sockets.iter().any(on));
        }
        say(&format!("system calls on netlink for --veth {option}: {made}"));
        // While a worker of the kernel's is awaited it asks again.
        let looks = all.iter().filter(|c| c.name == "nanosleep").count();
        assert_eq!(made - 2 * looks, told, "{option}");
    }
}

#[test]
fn limits_make_as_many_calls_as_are_told() {
    let Some(_) = need!("strace") else { return };
    let (root, log) = (tiny_root(Who::User), folder(Who::User).join("log"));
    let count = |options: &str| {
        program(Who::User, ["strace".as_ref(), "-f".as_ref(), "-q".as_ref(), "-o".as_ref(), log.as_os_str()])
            .arg(vesicle())
            .args(["run", "--chdir", "/"])
            .words(options)
            .arg(&root)
            .arg("/bin/true")
            .go()
            .code(0);
        let mut by_name = std::collections::BTreeMap::new();
        for call in calls(&log, "/bin/true").into_iter().filter(|c| !c.payload) {
            *by_name.entry(call.name).or_insert(0usize) += 1;
        }
        by_name
    };
    let status = fs::read_to_string("/proc/self/status").expect("status");
    let cpus = status.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:")).expect("CPUs").trim();
    let bare = count("");
    for (options, told) in [
        ("--rlimit core=0 --rlimit nofile=64", &[("prlimit64", 2)][..]),
        ("--nice 5", &[("setpriority", 1)]),
        ("--oom-score-adj 5", &[("close", 1), ("fstatfs", 1), ("openat", 1), ("write", 1)]),
        (&format!("--cpuset {cpus}"), &[("sched_getaffinity", 1), ("sched_setaffinity", 1)]),
        ("--timeout 0", &[]),
        // As far as there is a CPU to choose.
        #[cfg(feature = "placement")]
        (
            "--pin",
            if cpus.contains([',', '-']) {
                &[("getcpu", 1), ("sched_getaffinity", 3), ("sched_setaffinity", 3)]
            } else {
                &[("sched_getaffinity", 1)]
            },
        ),
    ] {
        let with = count(options);
        let more: Vec<_> = with
            .iter()
            .map(|(name, n)| (name.as_str(), n - bare.get(name).unwrap_or(&0)))
            .filter(|(name, n)| *n > 0 && *name != "rt_sigtimedwait" && *name != "wait4")
            .collect();
        assert_eq!(more, told, "{options}");
    }
    let with = count("--timeout 1000");
    assert_eq!(with["clock_gettime"], 1 + with["rt_sigtimedwait"], "{with:?}");
}

#[test]
#[cfg(feature = "enter")]
fn enter_makes_as_many_calls_as_are_told() {
    if !is_root() {
        return say("SKIP enter_makes_as_many_calls_as_are_told: not root");
    }
    let Some(_) = need!("strace") else { return };
    let (root, log) = (tiny_root(Who::Root), folder(Who::Root).join("log"));
    let mut inside = run(Who::Root).words("--privileged").arg(&root).arg("/bin/pause").spawn();
    let pause = |r: &Running| {
        let is =
            |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c.trim() == "pause");
        children(r.pid()).into_iter().find(is)
    };
    inside.until("its command", |r| pause(r).is_some());
    let pid = pause(&inside).expect("its command").to_string();
    let strace = ["strace".as_ref(), "-f".as_ref(), "-q".as_ref(), "-o".as_ref(), log.as_os_str()];
    let count = |options: &str| {
        program(Who::Root, strace)
            .arg(vesicle())
            .arg("enter")
            .words(options)
            .args([&pid, "/bin/true"])
            .go()
            .code(0);
        let ours: Vec<_> = calls(&log, "/bin/true")
            .into_iter()
            .filter(|c| c.before && c.name != "rt_sigtimedwait")
            .collect();
        // That of a terminal is as with `vesicle run`.
        ours.into_iter().filter(|c| c.name != "ioctl" && !c.text.contains("/dev/tty")).collect::<Vec<_>>()
    };
    let of = |calls: &[Call], name: &str| calls.iter().filter(|c| c.name == name).count();
    // Two a namespace, to see whether it is another one; one for all that are.
    let all = count("--privileged");
    assert_eq!((of(&all, "statx"), of(&all, "setns"), of(&all, "pidfd_open")), (16, 1, 1));
    let (default, net) = (count(""), count("--net"));
    assert_eq!((of(&net, "statx"), of(&net, "setns")), (2, 1));
    let told = (all.len(), default.len(), net.len());
    say(&format!(
        "system calls of enter: {} with --privileged, {} by default, {} with --net",
        told.0, told.1, told.2
    ));
    let text = fs::read_to_string(Path::new(MANIFEST).join("docs/enter.md")).expect("docs/enter.md");
    for n in [told.0, told.1, told.2] {
        assert!(
            text.contains(&format!("**{n}**")),
            "docs/enter.md tells another number than {n} of {told:?}"
        );
    }
    inside.signal(Signal::SIGKILL);
    kill_marked(&inside.mark.clone());
}

#[test]
#[cfg(feature = "template")]
fn template_takes_as_many_calls_as_are_told() {
    if !is_root() {
        return say("SKIP template_takes_as_many_calls_as_are_told: not root");
    }
    let Some(_) = need!("strace") else { return };
    let (root, log) = (tiny_root(Who::Root), folder(Who::Root).join("log"));
    let text = fs::read_to_string(Path::new(MANIFEST).join("docs/templates.md")).expect("docs/templates.md");
    for how in ["--privileged", "--privileged --unshare-user"] {
        let mut inside = run(Who::Root).words(how).arg(&root).arg("/bin/pause").spawn();
        let pause = |r: &Running| {
            let is = |pid: &i32| {
                fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c.trim() == "pause")
            };
            children(r.pid()).into_iter().find(is)
        };
        inside.until("its command", |r| pause(r).is_some());
        let pid = pause(&inside).expect("its command");
        for (value, place) in [(format!("{pid}"), "/"), (format!("{pid}:net"), root.to_str().expect("UTF-8"))]
        {
            program(
                Who::Root,
                ["strace".as_ref(), "-f".as_ref(), "-q".as_ref(), "-o".as_ref(), log.as_os_str()],
            )
            .arg(vesicle())
            .args(["run", "--privileged", "--template", &value, place, "/bin/true"])
            .go()
            .code(0);
            // A launcher that has lent nothing gives back its memory meanwhile.
            let others = ["rt_sigtimedwait", "munmap"];
            let ours = calls(&log, "/bin/true").into_iter();
            let ours = ours.filter(|c| c.before && !others.contains(&c.name.as_str())).count();
            say(&format!("system calls of --template {value} ({how}): {ours}"));
            assert!(
                text.contains(&format!("**{ours}**")),
                "docs/templates.md does not tell {ours} of {value} ({how})"
            );
        }
        inside.signal(Signal::SIGKILL);
        kill_marked(&inside.mark.clone());
    }
}

#[test]
fn init_has_closed_what_the_caller_had_open_before_its_command_exists() {
    let Some(_) = need!("strace") else { return };
    for &who in everyone() {
        let (root, log) = (tiny_root(who), folder(who).join("log"));
        program(who, ["strace".as_ref(), "-f".as_ref(), "-q".as_ref(), "-o".as_ref(), log.as_os_str()])
            .arg(vesicle())
            .words("run --init --keep-fd 9")
            .fd(9, fs::File::open("/").expect("open"))
            .fd(10, fs::File::open("/").expect("open"))
            .arg(&root)
            .arg("/bin/true")
            .go()
            .code(0);
        let all = calls(&log, "/bin/true");
        let clone = all.iter().filter(|c| c.name == "clone").nth(1).expect("the clone of the command");
        let at = |text: &str| {
            all.iter()
                .position(|c| c.pid == clone.pid && c.text.starts_with(text))
                .unwrap_or_else(|| panic!("no {text}"))
        };
        let fork = all.iter().position(|c| std::ptr::eq(c, clone)).expect("itself");
        assert!(at("close_range(3, 8") < fork && at("close_range(10, 429496729") < fork, "{all:?}");
    }
}

/// What a container's environment is like. The kernel puts it on the stack of whoever is called: a large one of the tests'
/// own would be counted as the program's memory.
fn small_environment(command: &mut Command, mark: &str) {
    command.env_clear().env("VESICLE_TEST_MARK", mark).env("TERM", "dumb").env("HOME", "/");
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}

/// Page faults of a program of ours or another's from its first instruction until its COMMAND, `pause`, runs, and its
/// private memory in KiB while another one of the same file runs: what both have is not private. It is started under
/// ptrace, so that its counters can be read at its first instruction.
fn faults_and_memory(who: Who, call: impl Fn() -> Command) -> (u64, u64) {
    let mark = new_mark();
    let start = |trace: bool| {
        let mut command = call();
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        small_environment(&mut command, &mark);
        if who == Who::User && is_root() {
            command.uid(UID).gid(UID);
        }
        if trace {
            // SAFETY: ptrace(TRACEME) is one system call.
            unsafe { command.pre_exec(|| ptrace::traceme().map_err(Into::into)) };
        }
        command.spawn().expect("the program")
    };
    let paused = |n: usize| {
        let end = Instant::now() + Duration::from_secs(10);
        let is_pause =
            |pid: i32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c.trim() == "pause");
        while marked(&mark).iter().filter(|(pid, _)| is_pause(*pid)).count() < n {
            assert!(Instant::now() < end, "COMMAND did not start");
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let mut first = start(true);
    let pid = Pid::from_raw(first.id() as i32);
    assert!(
        matches!(waitpid(pid, None), Ok(WaitStatus::Stopped(_, Signal::SIGTRAP))),
        "it stops at its exec"
    );
    let before = faults(pid);
    ptrace::detach(pid, None).expect("detach");
    paused(1);
    let after = faults(pid);
    let mut second = start(false);
    paused(2);
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("smaps_rollup");
    let memory = |name: &str| -> u64 {
        let number = |l: &str| l.strip_prefix(name)?.trim().strip_suffix(" kB")?.trim().parse().ok();
        text.lines().find_map(number).expect("a number")
    };
    let private = memory("Private_Clean:") + memory("Private_Dirty:");
    kill_marked(&mark);
    let _ = (first.wait(), second.wait());
    (after - before, private)
}

/// Minor and major page faults so far.
fn faults(pid: Pid) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    // Fields 10 and 12 of proc_pid_stat(5); the first here is field 3.
    fields[7].parse::<u64>().expect("minflt") + fields[9].parse::<u64>().expect("majflt")
}

#[test]
fn launcher_has_at_most_ten_page_faults_and_twelve_kib_of_its_own() {
    for &who in everyone() {
        for options in ["", "--init"] {
            let copy = scratch().join(format!("faults-{who:?}-{}", options.len()));
            assert!(Command::new("cp").arg(release()).arg(&copy).status().expect("cp").success());
            let (faults, private) = faults_and_memory(who, || {
                let mut command = Command::new(&copy);
                command.arg("run").args(options.split_whitespace()).arg(tiny_root(who)).arg("/bin/pause");
                command
            });
            say(&format!(
                "launcher ({options:?}, {who:?}): {faults} page faults until it waits; {private} KiB private while it waits"
            ));
            if options.is_empty() {
                assert!(faults <= 10, "{faults} page faults ({who:?})");
                assert!(private <= 12, "{private} KiB of private memory ({who:?})");
            }
        }
    }
}

/// Our binary by its own name as an init, and those of Debian where they are installed: what makes each an init.
fn inits() -> Vec<(&'static str, Vec<PathBuf>)> {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    let copy = COPY.get_or_init(|| {
        let to = scratch().join("release-init");
        assert!(Command::new("cp").arg(release()).arg(&to).status().expect("cp").success());
        to
    });
    let mut all = vec![("vesicle init", vec![copy.clone(), "init".into()])];
    for name in ["tini", "tini-static", "dumb-init", "catatonit"] {
        match find(name) {
            Some(path) => all.push((name, vec![path])),
            None => skip(std::thread::current().name().unwrap_or("?"), &format!("{name} is not installed")),
        }
    }
    all
}

/// Why an init makes a call before COMMAND runs.
fn init_reason(call: &Call) -> Option<&'static str> {
    let text = &call.text;
    Some(match call.name.as_str() {
        "rt_sigprocmask" if text.contains("~[]") => "no signal is lost from here on",
        "rt_sigprocmask" => "COMMAND's mask is the caller's",
        "rt_sigaction" => "an ignored CHLD would take the children away before they are waited for",
        "getpid" => "whether it is process 1",
        "prctl" if text.contains("PR_SET_CHILD_SUBREAPER") => {
            "orphans come to us though we are not process 1"
        }
        "ioctl" if text.contains("TIOCGPGRP") => "whose the terminal is: of stdin, or stdout, or stderr",
        "clone" => "COMMAND is a child",
        "setpgid" => "job control: COMMAND is a group of its own",
        "execve" => "COMMAND",
        _ => return None,
    })
}

/// The calls from an init's execve to that of COMMAND, which has begun with the last of them.
const INIT_CALLS: usize = 11;

#[test]
fn init_makes_as_few_calls_as_are_listed_until_its_command_runs() {
    let Some(_) = need!("strace") else { return };
    let who = everyone()[0];
    let (root, log) = (tiny_root(who), folder(who).join("log"));
    let command = root.join("bin/true");
    let mut ours = 0;
    for (name, words) in inits() {
        program(who, ["strace".as_ref(), "-f".as_ref(), "-q".as_ref(), "-o".as_ref(), log.as_os_str()])
            .args(&words)
            .arg(&command)
            .go()
            .code(0);
        let all = calls(&log, &command.to_string_lossy());
        let exec = format!("execve(\"{}\"", command.display());
        let last = all.iter().position(|c| c.text.starts_with(&exec)).expect("COMMAND's execve");
        let before = &all[..=last];
        if ours > 0 {
            say(&format!("  {name}: {}", before.len()));
            assert!(before.len() > ours, "{name} makes {} calls, vesicle init {ours}", before.len());
            continue;
        }
        ours = before.len();
        let mut text = String::new();
        for call in before {
            let why = init_reason(call);
            let shown: String = call.text.chars().take(90).collect();
            text += &format!("    {shown}  [{}]\n", why.unwrap_or("no reason"));
        }
        say(&format!("system calls from the execve of {name} to COMMAND's: {ours}\n{text}"));
        assert!(before.iter().all(|c| init_reason(c).is_some()), "calls without a reason:\n{text}");
        assert_eq!(ours, INIT_CALLS, "{text}");
    }
}

#[test]
fn waiting_init_has_at_most_twelve_kib_of_its_own() {
    for &who in everyone() {
        let mut ours = (0, 0);
        for (name, words) in inits() {
            let (faults, private) = faults_and_memory(who, || {
                let mut command = Command::new(&words[0]);
                command.args(&words[1..]).arg(tiny_root(who).join("bin/pause"));
                command
            });
            say(&format!(
                "{name}, {who:?}: {faults} page faults until COMMAND runs, {private} KiB of its own while it waits"
            ));
            if name == "vesicle init" {
                ours = (faults, private);
                assert!(private <= 12, "{private} KiB of private memory ({who:?})");
            } else {
                assert!(ours.1 < private, "{name} has {private} KiB, vesicle init {} ({who:?})", ours.1);
                assert!(
                    ours.0 < faults,
                    "{name} has {faults} page faults, vesicle init {} ({who:?})",
                    ours.0
                );
            }
        }
    }
}

#[test]
fn init_is_a_smaller_file_than_the_others() {
    let (all, one, four) = (size(release()), size(&build(Some("init"))), size(&build(Some("drop-in"))));
    say(&format!("bytes: all of vesicle {all}; with init alone {one}, and the others' command lines {four}"));
    for (name, words) in inits().into_iter().skip(1) {
        let theirs = size(&words[0]);
        say(&format!("  {name}: {theirs}"));
        if !cfg!(target_arch = "x86_64") {
            continue;
        }
        assert!(one < theirs, "with init alone it is {one} bytes, {name} {theirs}");
        // What needs no library, beside all that vesicle is.
        if ["tini-static", "catatonit"].contains(&name) {
            assert!(all < theirs && four < theirs, "{name} is {theirs} bytes");
        }
    }
}
