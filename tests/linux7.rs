//! What of Linux 7 is made use of, on a kernel that may not have it: it is tried once at most, and then all is as before. What
//! it is like where it is there, guests show: tests/cases.sh.
#![cfg(feature = "linux7")]

mod common;

use common::*;

/// The system calls of a launch until COMMAND runs, those of the launcher after that left out.
fn launch(who: Who, options: &str) -> Vec<Call> {
    let (root, log) = (tiny_root(who), folder(who).join("log"));
    let source = folder(who);
    let options = options.replace("SOURCE", &source.to_string_lossy());
    program(who, ["strace".as_ref(), "-f".as_ref(), "-q".as_ref(), "-o".as_ref(), log.as_os_str()])
        .arg(vesicle())
        .arg("run")
        .words(&options)
        .arg(&root)
        .arg("/bin/true")
        .go()
        .code(0);
    let late = |c: &Call| c.payload || ["rt_sigtimedwait", "wait4"].contains(&c.name.as_str());
    calls(&log, "/bin/true").into_iter().filter(|c| !late(c)).collect()
}

/// Whether it asks for something that is new.
fn is_try(call: &Call) -> bool {
    call.name == "clone3" || call.name == "open_tree" && call.text.contains("0x2")
}

fn names(calls: &[Call]) -> Vec<&str> {
    calls.iter().filter(|c| !is_try(c)).map(|c| c.name.as_str()).collect()
}

/// Whether this kernel lacks all of it.
fn is_older() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("osrelease");
    let major = release.split('.').next().and_then(|n| n.parse::<u32>().ok()).expect("a number");
    if major >= 7 {
        say("SKIP: Linux 7 has it");
    }
    major < 7
}

#[test]
fn older_kernel_is_asked_once_and_then_all_is_as_before() {
    let Some(_) = need!("strace") else { return };
    if !is_older() {
        return;
    }
    for &who in everyone() {
        let mut all = vec!["", "--init", "--unshare-user", "--proc-opts hidepid=0"];
        all.extend((who == Who::Root).then_some("--privileged --info-fd 1 --json-status-fd 2"));
        for options in all {
            // By chroot(2) it can't be had, and ROOTFS is a mount of its own as it is without.
            let (with, without) = (
                format!("--read-only --cap-drop CAP_SYS_CHROOT {options}"),
                format!("--read-only --cap-drop CAP_SYS_CHROOT --chroot {options}"),
            );
            let (with, without) = (launch(who, &with), launch(who, &without));
            let tries: Vec<_> = with.iter().filter(|c| is_try(c)).collect();
            assert!(tries.len() == 1 && tries.iter().all(|c| c.failed), "{options} ({who:?}): {tries:?}");
            assert!(!without.iter().any(is_try), "{options} ({who:?}): {without:?}");
            // The two processes of one with an init run at once.
            let (mut with, mut without) = (names(&with), names(&without));
            without.extend(["pivot_root", "umount2"]);
            with.push("chroot");
            with.sort_unstable();
            without.sort_unstable();
            assert_eq!(with, without, "{options} ({who:?})");
        }
    }
}

#[test]
fn nothing_is_asked_for_that_could_not_be_made_use_of() {
    let Some(_) = need!("strace") else { return };
    for &who in everyone() {
        let mut all = vec!["--chroot", "--unshare-user --bind SOURCE /tmp", "--unshare-user --sysfs /tmp"];
        all.extend(["--unshare-user --allow-new-privs", "--unshare-user --share-pid"]);
        all.extend(["--unshare-user --info-fd 2", "--unshare-user --json-status-fd 2"]);
        all.extend((who == Who::Root).then_some("--share-mount --no-proc --privileged"));
        all.extend((who == Who::Root).then_some("--overlay-src SOURCE --tmp-overlay /tmp"));
        for options in all {
            let calls = launch(who, options);
            assert!(!calls.iter().any(is_try), "{options} ({who:?}): {calls:?}");
        }
    }
}

#[test]
fn call_of_linux_7_that_fails_for_whatever_reason_is_done_without() {
    let Some(_) = need!("strace") else { return };
    for &who in everyone() {
        let name = if who == Who::Root { "open_tree" } else { "clone3" };
        for errno in
            ["EPERM", "ENOSYS", "EINVAL", "ENOMEM", "EACCES", "EMFILE", "ENOENT", "EINTR", "ENOSPC", "EAGAIN"]
        {
            let log = folder(who).join("log");
            // Of the launcher alone.
            let strace = format!("--inject={name}:error={errno}:when=1");
            let end = program(who, ["strace".as_ref(), "-q".as_ref(), "-o".as_ref(), log.as_os_str()])
                .arg(strace)
                .arg(vesicle())
                .arg("run")
                .arg(tiny_root(who))
                .arg("/bin/true")
                .go();
            end.code(0);
            assert_eq!(end.stderr, "", "{errno} ({who:?})");
            let log = std::fs::read_to_string(log).expect("the log");
            assert!(log.contains("(INJECTED)"), "{errno} ({who:?}): {log}");
        }
    }
}

#[test]
fn rootfs_that_cannot_be_had_is_told_as_before() {
    for &who in everyone() {
        run(who).args(["/nowhere", "/bin/true"]).go().refuses(125, &["open rootfs /nowhere", "ENOENT"]);
        run(who).args(["/proc/self/stat", "/bin/true"]).go().refuses(125, &["ROOTFS must be a directory"]);
    }
}
