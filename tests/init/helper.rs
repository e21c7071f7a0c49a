//! What the tests' own program does when it is run as a payload.

use crate::common::libc;
use crate::common::payload::{as_payload, exit};
use std::ffi::{CString, OsString};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The words that make it a payload.
pub fn helper(mode: &str) -> Vec<OsString> {
    as_payload(mode.split_whitespace())
}

crate::payload_lives!(live);

fn say(text: &str) {
    // SAFETY: pointer and length come from one slice.
    unsafe { libc::write(1, text.as_ptr().cast(), text.len()) };
}

fn pid() -> i32 {
    std::process::id() as i32
}

fn parent() -> i32 {
    std::os::unix::process::parent_id() as i32
}

fn number(text: &str) -> i32 {
    text.parse().unwrap_or_else(|_| exit(99))
}

/// fork(2): the child does `life` and ends.
fn fork(life: impl FnOnce() -> i32) -> i32 {
    loop {
        // SAFETY: there is one thread, so that the child may do what it likes.
        match unsafe { libc::fork() } {
            0 => exit(life()),
            // Too many for now.
            -1 => std::thread::sleep(Duration::from_millis(1)),
            child => return child,
        }
    }
}

fn wait_for(child: i32) {
    let mut status = 0;
    // SAFETY: the kernel writes an int.
    while unsafe { libc::waitpid(child, &mut status, 0) } != child {}
}

fn pause() -> ! {
    loop {
        // SAFETY: no memory is involved.
        unsafe { libc::pause() };
    }
}

/// Blocks all signals, also those that the C library keeps for itself.
fn block_all() {
    let all = !0u64;
    // SAFETY: the kernel reads 8 bytes.
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const all, 0, 8) };
}

fn signal_for_us() -> i32 {
    let all = !0u64;
    loop {
        // SAFETY: the kernel reads 8 bytes, and writes nothing.
        let n = unsafe { libc::syscall(libc::SYS_rt_sigtimedwait, &raw const all, 0, 0, 8) };
        if n > 0 {
            return n as i32;
        }
    }
}

/// Says each signal that comes, and nothing is done by it.
fn hear(name: &str, ready: &str) -> ! {
    block_all();
    say(&format!("{name}{ready}\n"));
    loop {
        say(&format!("{name}got {}.\n", signal_for_us()));
    }
}

static HEARD: [AtomicUsize; 65] = [const { AtomicUsize::new(0) }; 65];

extern "C" fn count(n: libc::c_int) {
    HEARD[n as usize].fetch_add(1, Ordering::Relaxed);
}

fn children_of(pid: i32) -> Vec<i32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|p| p.parse().ok()).collect()
}

fn live(args: &[&str]) -> i32 {
    match args {
        ["pause"] => pause(),
        ["exit", code] => number(code),
        // Ends by this signal.
        ["die", n] => {
            let n = number(n);
            // SAFETY: a disposition and a mask, and then a signal for this process.
            unsafe {
                libc::signal(n, libc::SIG_DFL);
                let none = 0u64;
                libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const none, 0, 8);
                libc::kill(pid(), n);
            }
            98
        }
        ["hear"] => hear("", "up"),
        // Three processes of one group.
        ["hear-all"] => {
            block_all();
            fork(|| hear("B", "up"));
            fork(|| hear("C", "up"));
            hear("A", "up")
        }
        // It leaves the group that it was given, which has nobody any more.
        ["hear-elsewhere"] => {
            block_all();
            let other = fork(|| {
                // SAFETY: no memory is involved.
                unsafe { libc::setpgid(0, 0) };
                say("moved\n");
                pause()
            });
            std::thread::sleep(Duration::from_millis(50));
            // SAFETY: no memory is involved.
            if unsafe { libc::setpgid(0, other) } != 0 {
                say("can't\n");
            }
            hear("", "up")
        }
        // So many orphans, that many a process that leaves them.
        ["storm", orphans, each] => storm(number(orphans) as usize, number(each) as usize),
        // As many orphans, which end together, when TERM comes to their group.
        ["burst", orphans] => {
            let orphans = number(orphans);
            let go = fork(|| {
                // SAFETY: no memory is involved.
                unsafe { libc::setpgid(0, 0) };
                for _ in 0..orphans {
                    fork(|| pause());
                }
                0
            });
            wait_for(go);
            say(&format!("group {go}.\n"));
            pause()
        }
        // What it finds itself with.
        ["state"] => {
            let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
            for line in status.lines().filter(|l| l.starts_with("SigBlk") || l.starts_with("SigIgn")) {
                say(&format!("{line}\n"));
            }
            let fds = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
            let mut fds: Vec<String> = fds
                .filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| !to.ends_with("fd")))
                .map(|fd| fd.file_name().to_string_lossy().into_owned())
                .collect();
            fds.sort();
            let var = |name| std::env::var(name).unwrap_or_default();
            let theirs = var("LISTEN_PID") == pid().to_string();
            let cwd = std::env::current_dir().unwrap_or_default();
            say(&format!("fds {}\nlisten {theirs} {}\n", fds.join(","), var("LISTEN_FDS")));
            say(&format!("cwd {}\n", cwd.display()));
            pause_if_asked();
            0
        }
        // Its children outlive it; each says what becomes of it.
        ["leave", kinds, code] => {
            for kind in kinds.split(',') {
                let (mut fds, kind) = ([0; 2], kind.to_string());
                // SAFETY: the kernel writes two ints.
                unsafe { libc::pipe(fds.as_mut_ptr()) };
                fork(move || {
                    left_behind(&kind, fds[1]);
                    0
                });
                let mut byte = 0u8;
                // SAFETY: one byte of our own is written.
                unsafe { libc::read(fds[0], (&raw mut byte).cast(), 1) };
            }
            say("left\n");
            number(code)
        }
        // Starts a program, and is killed so many microseconds after it has blocked signals: before its first instruction
        // no program can notice anything.
        ["parent", micros, program @ ..] => {
            let mut fds = [0; 2];
            // SAFETY: the kernel writes two ints.
            unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) };
            let words: Vec<CString> = program.iter().filter_map(|w| CString::new(*w).ok()).collect();
            let mut argv: Vec<_> = words.iter().map(|w| w.as_ptr()).collect();
            argv.push(std::ptr::null());
            let child = fork(|| {
                // SAFETY: pointers to texts that live on, the last of them null.
                unsafe { libc::execvp(argv[0], argv.as_ptr()) };
                97
            });
            let mut byte = 0u8;
            // SAFETY: one byte of our own is written.
            unsafe {
                libc::close(fds[1]);
                libc::read(fds[0], (&raw mut byte).cast(), 1);
            }
            let begun = || {
                let status = std::fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
                // While it waits for a signal, the kernel shows none as blocked.
                status.lines().any(|l| l.starts_with("SigBlk") && !l.ends_with("0000000000"))
                    || !children_of(child).is_empty()
            };
            let most = Instant::now() + Duration::from_secs(5);
            while !begun() && Instant::now() < most {}
            let end = Instant::now() + Duration::from_micros(number(micros) as u64);
            say(&format!("child {child}.\n"));
            while Instant::now() < end {}
            // SAFETY: no memory is involved.
            unsafe { libc::kill(pid(), libc::SIGKILL) };
            96
        }
        // Becomes a program by an empty name, or without any argument at all.
        ["nameless", program, args @ ..] => {
            let path = CString::new(*program).unwrap_or_default();
            let words: Vec<CString> = args.iter().filter_map(|w| CString::new(*w).ok()).collect();
            let mut argv: Vec<_> = words.iter().map(|w| w.as_ptr()).collect();
            if !argv.is_empty() {
                argv.insert(0, c"".as_ptr());
            }
            argv.push(std::ptr::null());
            // SAFETY: pointers to texts that live on, the last of them null.
            unsafe { libc::execv(path.as_ptr(), argv.as_ptr()) };
            95
        }
        // In turn: stops itself by each of job control's signals, and says when it goes on.
        ["stop", n] => {
            let n = number(n);
            say("up\n");
            // SAFETY: a disposition, and a signal for this process.
            unsafe {
                libc::signal(n, libc::SIG_DFL);
                libc::kill(pid(), n);
            }
            say("went on\n");
            7
        }
        _ => 94,
    }
}

fn pause_if_asked() {
    if std::env::var_os("PAUSE").is_some() {
        say("up\n");
        pause();
    }
}

/// Outlives its parent, and says which end it has.
fn left_behind(kind: &str, ready: i32) {
    // SAFETY: sessions, dispositions and signals of this process alone.
    unsafe {
        if kind.contains('s') {
            libc::setsid();
        }
        if kind.contains('i') {
            libc::signal(libc::SIGTERM, libc::SIG_IGN);
        }
        libc::write(ready, b"x".as_ptr().cast(), 1);
        if kind.contains('z') {
            libc::raise(libc::SIGSTOP);
        }
    }
    // Not for ever, whatever becomes of the test.
    let seconds = if kind.contains('b') { 0.3 } else { 20.0 };
    std::thread::sleep(Duration::from_secs_f64(seconds));
    say(&format!("{kind} ended by itself\n"));
}

fn storm(orphans: usize, each: usize) -> i32 {
    for n in [libc::SIGUSR1, libc::SIGHUP, libc::SIGUSR2, libc::SIGRTMIN() + 1] {
        // SAFETY: the handler only adds to a number.
        unsafe { libc::signal(n, count as *const () as libc::sighandler_t) };
    }
    say("up\n");
    let mut left = orphans;
    while left > 0 {
        let some = left.min(each);
        left -= some;
        let middle = fork(move || {
            for _ in 0..some {
                fork(|| 0);
            }
            0
        });
        wait_for(middle);
    }
    // Those that ended last.
    let (init, end) = (parent(), Instant::now() + Duration::from_secs(10));
    let others = || children_of(init).into_iter().filter(|p| *p != pid()).count();
    while others() > 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(2));
    }
    say(&format!("left {}.\n", others()));
    let heard = &HEARD[libc::SIGRTMIN() as usize + 1];
    loop {
        let n = heard.load(Ordering::Relaxed);
        say(&format!("heard {n}.\n"));
        while heard.load(Ordering::Relaxed) == n {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
