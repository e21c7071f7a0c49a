//! `--pin`: the launcher and its child on one CPU, and COMMAND on those of its caller, from its first instruction on.
#![allow(unsafe_code)]

mod common;

use common::*;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// A program that asks for its affinity first of all, and writes the first eight bytes of it.
fn mask_program() -> Vec<u8> {
    #[cfg(target_arch = "x86_64")]
    let code: &[u8] = &[
        0x48, 0x81, 0xec, 0, 1, 0, 0, // sub rsp, 256
        0x31, 0xff, 0xbe, 128, 0, 0, 0, 0x48, 0x89, 0xe2, 0xb8, 204, 0, 0, 0, 0x0f,
        5, // sched_getaffinity(0, 128, rsp)
        0xbf, 1, 0, 0, 0, 0x48, 0x89, 0xe6, 0xba, 8, 0, 0, 0, 0xb8, 1, 0, 0, 0, 0x0f,
        5, // write(1, rsp, 8)
        0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 5, // exit(0)
    ];
    #[cfg(target_arch = "aarch64")]
    let words: &[u32] = &[
        0xd104_03ff, // sub sp, sp, #256
        0xd280_0000,
        0xd280_1001,
        0x9100_03e2,
        0xd280_0f68,
        0xd400_0001, // sched_getaffinity(0, 128, sp)
        0xd280_0020,
        0x9100_03e1,
        0xd280_0102,
        0xd280_0808,
        0xd400_0001, // write(1, sp, 8)
        0xd280_0000,
        0xd280_0ba8,
        0xd400_0001, // exit(0)
    ];
    #[cfg(target_arch = "aarch64")]
    let code: &[u8] = &words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    elf(code)
}

/// A ROOTFS that has it as /bin/mask.
fn root_with_mask(who: Who) -> PathBuf {
    let root = tiny_root(who);
    let (raw, to) = (folder(who).join("mask"), root.join("bin/mask"));
    fs::write(&raw, mask_program()).expect("write");
    assert!(Command::new("cp").arg(raw).arg(&to).status().expect("cp").success());
    fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).expect("chmod");
    root
}

/// The first 64 CPUs that we may run on.
fn own() -> u64 {
    let mut mask = [0u64; 128];
    // SAFETY: the kernel writes that many bytes at most.
    let done =
        unsafe { libc::syscall(libc::SYS_sched_getaffinity, 0, size_of_val(&mask), mask.as_mut_ptr()) };
    assert!(done > 0, "sched_getaffinity");
    mask[0]
}

/// Narrows ourselves to these, as `before` can: a process that has one thread, between fork and exec.
fn narrow(to: u64) -> std::io::Result<()> {
    // SAFETY: the kernel reads eight bytes.
    let done = unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, 8, &raw const to) };
    if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// The lowest of these.
fn lowest(mask: u64) -> u64 {
    mask & mask.wrapping_neg()
}

/// What /proc says of a process: the whole mask, with CPUs that are not online.
fn allowed(pid: i32) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    text.lines().find_map(|l| l.strip_prefix("Cpus_allowed:")).unwrap_or_default().trim().to_string()
}

/// Whether there is more than one CPU to choose from.
fn has_several(test: &str) -> bool {
    let several = own().count_ones() > 1;
    if !several {
        skip(test, "one CPU");
    }
    several
}

/// That many launches, one after the other, with these options; each has said its mask.
fn launches(who: Who, root: &Path, options: &str, mask: Option<u64>, times: usize) -> Vec<u64> {
    let mut out = tempfile::tempfile().expect("a file");
    for _ in 0..times {
        let mut command = Command::new(vesicle());
        command.arg("run").args(options.split_whitespace()).arg(root).arg("/bin/mask");
        command.stdout(out.try_clone().expect("dup")).stderr(std::process::Stdio::null()).current_dir("/");
        if who == Who::User && is_root() {
            command.uid(uid_of(who)).gid(gid_of(who));
        }
        if let Some(mask) = mask {
            // SAFETY: one system call.
            unsafe { command.pre_exec(move || narrow(mask)) };
        }
        let end = command.status();
        assert!(end.as_ref().is_ok_and(|e| e.success()), "{options} as {who:?}: {end:?}");
    }
    let mut bytes = Vec::new();
    std::io::Seek::rewind(&mut out).expect("rewind");
    out.read_to_end(&mut bytes).expect("read");
    bytes.chunks(8).map(|c| u64::from_ne_bytes(c.try_into().expect("eight bytes"))).collect()
}

/// One at a time of those that start many, or make all CPUs busy.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|e| e.into_inner())
}

/// As `work` goes on, so many threads for each CPU that do nothing but run.
fn under_load(each: usize, work: impl FnOnce()) {
    let over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for _ in 0..each * own().count_ones() as usize {
            threads.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        // Also where it fails.
        struct Over<'a>(&'a AtomicBool);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _over = Over(&over);
        work();
    });
}

/// By root and by a user, with each way to be started: all of them have their caller's mask.
fn all_have_their_callers_mask(times: usize) {
    let own = own();
    for &who in everyone() {
        let root = root_with_mask(who);
        for options in ["--pin", "--pin --init", "--pin --share-net", "--pin --unshare-user --info-fd 2"] {
            let seen = launches(who, &root, options, None, times);
            assert_eq!(seen, vec![own; times], "{options} as {who:?}");
        }
    }
}

#[test]
fn command_has_its_callers_cpus_from_its_first_instruction_on() {
    let _alone = alone();
    all_have_their_callers_mask(if is_thorough() { 2000 } else { 12 });
}

#[test]
fn command_has_its_callers_cpus_where_all_are_busy() {
    let _alone = alone();
    under_load(1, || all_have_their_callers_mask(if is_thorough() { 300 } else { 3 }));
    under_load(4, || all_have_their_callers_mask(if is_thorough() { 100 } else { 1 }));
}

#[test]
fn command_has_its_callers_cpus_when_many_are_started_at_once() {
    let _alone = alone();
    let (own, root) = (own(), root_with_mask(Who::User));
    let times = if is_thorough() { 500 } else { 5 };
    std::thread::scope(|threads| {
        for _ in 0..4 * own.count_ones() {
            threads.spawn(|| {
                assert_eq!(launches(Who::User, &root, "--pin", None, times), vec![own; times]);
            });
        }
    });
}

#[test]
fn narrowed_mask_stays_as_it_is() {
    let own = own();
    // One; and all but one, where that is more.
    let masks = [lowest(own), own & !lowest(own)];
    for &who in everyone() {
        let root = root_with_mask(who);
        for mask in masks.into_iter().filter(|m| *m != 0) {
            for options in ["--pin", "--pin --init"] {
                assert_eq!(launches(who, &root, options, Some(mask), 5), [mask; 5], "{options} {mask:x}");
            }
        }
    }
}

#[test]
#[cfg(feature = "limits")]
fn cpus_that_are_asked_for_are_those_of_command() {
    let one = lowest(own());
    for &who in everyone() {
        let root = root_with_mask(who);
        for more in ["", "--init"] {
            let options = format!("--pin --cpuset {} {more}", one.trailing_zeros());
            assert_eq!(launches(who, &root, &options, None, 5), [one; 5], "{options}");
        }
        // Both orders.
        let options = format!("--cpuset {} --pin", one.trailing_zeros());
        assert_eq!(launches(who, &root, &options, None, 5), [one; 5], "{options}");
    }
}

#[test]
fn launcher_and_init_have_their_own_mask_again() {
    let mine = allowed(std::process::id() as i32);
    for &who in everyone() {
        let root = tiny_root(who);
        for options in ["--pin", "--pin --init", "--pin --sync-fd 0", "--pin --info-fd 2"] {
            let mut running = run(who).words(options).arg(&root).arg("/bin/pause").spawn();
            // All below the launcher have ended up in COMMAND or wait for it.
            let all = |r: &Running| {
                let (mut pids, mut at) = (vec![r.pid()], 0);
                while let Some(pid) = pids.get(at) {
                    pids.extend(children(*pid));
                    at += 1;
                }
                pids
            };
            let is_up = |r: &Running| {
                let comm = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                all(r).iter().any(|pid| comm(pid).trim() == "pause")
            };
            running.until("its command", is_up);
            // The launcher may be about to restore its own.
            running.until("their masks", |r| all(r).iter().all(|pid| allowed(*pid) == mine));
            running.signal(Signal::SIGKILL);
            kill_marked(&running.mark.clone());
        }
    }
}

/// The calls of a launch that are about CPUs, as strace shows them.
fn traced(who: Who, root: &Path, more: &[&str], mask: Option<u64>) -> (Outcome, Vec<Call>) {
    let log = folder(who).join("log");
    let strace = ["strace", "-f", "-q", "-e", "trace=/^sched_,getcpu,/^clone,pivot_root,execve", "-o"]
        .map(String::from);
    let mut launch = program(who, strace).arg(&log).args(more).arg(vesicle()).words("run --pin");
    if let Some(mask) = mask {
        launch = launch.before(move || narrow(mask));
    }
    let end = launch.arg(root).arg("/bin/true").go();
    (end, calls(&log, "/bin/true"))
}

#[test]
fn caller_with_one_cpu_pays_one_call() {
    let Some(_) = need!("strace") else { return };
    for &who in everyone() {
        let (end, calls) = traced(who, &tiny_root(who), &[], Some(lowest(own())));
        end.code(0);
        let named = |name: &str| calls.iter().filter(|c| c.name == name).count();
        let told = ["sched_getaffinity", "getcpu", "sched_setaffinity"].map(named);
        assert_eq!(told, [1, 0, 0], "{calls:?}");
    }
}

#[test]
fn launch_that_fails_leaves_the_launcher_as_it_was() {
    let Some(_) = need!("strace") else { return };
    if !has_several("launch_that_fails_leaves_the_launcher_as_it_was") {
        return;
    }
    for &who in everyone() {
        let root = tiny_root(who);
        // The clone itself; and a step of the child.
        for fails in ["--inject=clone:error=ENOSPC", "--inject=pivot_root:error=EPERM"] {
            let (end, calls) = traced(who, &root, &[fails], None);
            end.refuses(125, &["vesicle: "]);
            let launcher = calls.iter().find(|c| c.name == "getcpu").expect("getcpu").pid;
            // The mask that a call is about, as strace writes it.
            let mask = |name: &str, nth: usize| {
                let call = calls.iter().filter(|c| c.pid == launcher && c.name == name).nth(nth);
                let (_, mask) =
                    call.unwrap_or_else(|| panic!("{name}: {calls:?}")).text.split_once('[').expect("a mask");
                mask.split(']').next().unwrap_or_default().to_string()
            };
            assert!(!mask("sched_setaffinity", 0).contains(' '), "one CPU: {calls:?}");
            // It looks at what has become of it.
            assert_eq!(mask("sched_getaffinity", 1), mask("sched_getaffinity", 0), "{calls:?}");
        }
    }
}

#[test]
fn whatever_call_fails_command_has_its_callers_cpus() {
    let Some(_) = need!("strace") else { return };
    let own = own();
    for &who in everyone() {
        let root = root_with_mask(who);
        for call in ["sched_getaffinity", "getcpu", "sched_setaffinity"] {
            for when in ["1", "2", "3", "1+", "2+"] {
                for errno in ["EINVAL", "ENOMEM", "EPERM"].into_iter().take(if is_thorough() { 3 } else { 1 })
                {
                    let out = folder(who).join("out");
                    let inject = format!("--inject={call}:error={errno}:when={when}");
                    let trace = format!("--trace={call}");
                    let end = program(who, ["strace", "-f", "-q", "-o", "/dev/null", &trace, &inject])
                        .arg(vesicle())
                        .words("run --pin")
                        .arg(&root)
                        .arg("/bin/mask")
                        .stdout(File::create(&out).expect("create"))
                        .go();
                    let said = fs::read(&out).expect("read");
                    // The payload's own call is traced too, and fails with the first of its process.
                    let blind = call == "sched_getaffinity";
                    match end.code {
                        Some(0) if blind => {}
                        Some(0) => assert_eq!(said, own.to_ne_bytes(), "{inject} as {who:?}"),
                        _ => {
                            end.refuses(125, &["restore the caller's CPUs"]);
                            assert!(said.is_empty(), "{inject}: it ran");
                        }
                    }
                }
            }
        }
    }
}
