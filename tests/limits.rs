//! Limits of a process and of time: what COMMAND has, what its launcher keeps, and when it is over.
#![allow(unsafe_code)]

mod common;

use common::*;
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

/// The resources: their name, their line in /proc/PID/limits, and what they are limited to here, where the caller may have so much.
const RESOURCES: &[(&str, &str, u64, u64)] = &[
    ("as", "Max address space", 8 << 30, 9 << 30),
    ("core", "Max core file size", 4096, 8192),
    ("cpu", "Max cpu time", 1000, 2000),
    ("data", "Max data size", 4 << 30, 5 << 30),
    ("fsize", "Max file size", 1 << 30, 2 << 30),
    ("locks", "Max file locks", 10, 20),
    ("memlock", "Max locked memory", 8192, 16384),
    ("msgqueue", "Max msgqueue size", 1000, 2000),
    ("nice", "Max nice priority", 3, 5),
    ("nofile", "Max open files", 64, 128),
    ("nproc", "Max processes", 5000, 6000),
    ("rss", "Max resident set", 1 << 30, 2 << 30),
    ("rtprio", "Max realtime priority", 3, 5),
    ("rttime", "Max realtime timeout", 1_000_000, 2_000_000),
    ("sigpending", "Max pending signals", 100, 200),
    ("stack", "Max stack size", 4 << 20, 8 << 20),
];

/// A /proc/PID/limits: soft and hard by the name of the line.
fn limits(text: &str) -> BTreeMap<String, (String, String)> {
    let line = |l: &str| {
        let (name, rest) = l.split_at_checked(26)?;
        let mut words = rest.split_whitespace();
        Some((name.trim().to_string(), (words.next()?.to_string(), words.next()?.to_string())))
    };
    text.lines().skip(1).filter_map(line).collect()
}

fn own_limits() -> BTreeMap<String, (String, String)> {
    limits(&fs::read_to_string("/proc/self/limits").expect("limits"))
}

/// What is asked for, as far as the caller may: options, and what is to be read back.
fn asked(own: &BTreeMap<String, (String, String)>) -> (Vec<String>, BTreeMap<String, (String, String)>) {
    let (mut options, mut want) = (Vec::new(), BTreeMap::new());
    for (name, line, soft, hard) in RESOURCES {
        let most = own[*line].1.parse().unwrap_or(u64::MAX);
        let (soft, hard) = (soft.min(&most), hard.min(&most));
        options.extend(["--rlimit".to_string(), format!("{name}={soft}:{hard}")]);
        want.insert(line.to_string(), (soft.to_string(), hard.to_string()));
    }
    (options, want)
}

/// Whether this process has a capability.
fn has_cap(number: u32) -> bool {
    let text = fs::read_to_string("/proc/self/status").expect("status");
    let hex = text.lines().find_map(|l| l.strip_prefix("CapEff:")).expect("CapEff").trim();
    u64::from_str_radix(hex, 16).expect("hexadecimal") >> number & 1 != 0
}
const CAP_SYS_NICE: u32 = 23;
const CAP_SYS_RESOURCE: u32 = 24;

/// Nice value, OOM score and CPUs of a process.
fn standing(pid: i32) -> [String; 3] {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let stat = read("stat");
    let nice = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(16)).unwrap_or_default();
    let status = read("status");
    let cpus = status.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:")).unwrap_or_default();
    [nice.to_string(), read("oom_score_adj").trim().to_string(), cpus.trim().to_string()]
}

/// A CPU that we may run on.
fn a_cpu() -> String {
    standing(std::process::id() as i32)[2].split(['-', ',']).next().expect("a CPU").to_string()
}

/// Ways to live, in which a limit could get lost.
const WAYS: &[&str] =
    &["", "--init", "--chroot", "--unshare-user", "--share-pid", "--share-all", "--bind /etc /data"];

#[test]
fn each_rlimit_is_read_back_soft_and_hard() {
    let (options, want) = asked(&own_limits());
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for way in WAYS.iter().filter(|w| who == Who::Root || **w != "--share-all") {
            let script = if *way == "--share-all" { "exit 0" } else { "cat /proc/self/limits" };
            let end = run(who).words(way).args(&options).sh(&root, script).go();
            end.code(0);
            if *way != "--share-all" {
                assert_eq!(limits(&end.stdout), want, "{way} as {who:?}");
            }
        }
    }
}

#[test]
fn soft_alone_is_both_the_last_counts_and_units_are_powers_of_1024() {
    let own = own_limits();
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let read = |options: &str| {
            let end = run(who).words(options).sh(&root, "cat /proc/self/limits").go();
            end.code(0);
            limits(&end.stdout)
        };
        let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
        assert_eq!(read("--rlimit nofile=77")["Max open files"], pair("77", "77"));
        assert_eq!(read("--rlimit=NoFile=77:78")["Max open files"], pair("77", "78"));
        // A lower hard limit before it would be the end of a higher one behind it.
        assert_eq!(
            read("--rlimit nofile=10 --rlimit core=0 --rlimit nofile=77")["Max open files"],
            pair("77", "77")
        );
        assert_eq!(read("--rlimit fsize=3M:1G")["Max file size"], pair("3145728", "1073741824"));
        if own["Max file size"].1 == "unlimited" {
            assert_eq!(
                read("--rlimit fsize=1T:unlimited")["Max file size"],
                pair("1099511627776", "unlimited")
            );
        }
        let mut rest = own_limits();
        rest.insert("Max open files".into(), pair("77", "77"));
        assert_eq!(read("--rlimit nofile=77"), rest, "nothing else changes");
    }
}

#[test]
fn launcher_keeps_what_it_had_and_command_has_what_was_asked_for() {
    let (own, cpu) = (own_limits(), a_cpu());
    let (options, want) = asked(&own);
    let mine = standing(std::process::id() as i32);
    let nice = (mine[0].parse::<i32>().expect("a nice value") + 3).min(19).to_string();
    let asked = [nice.clone(), "777".to_string(), cpu.clone()];
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for way in [
            "",
            "--init",
            "--unshare-user",
            "--unshare-user --init",
            "--chroot",
            "--share-pid",
            "--info-fd 9",
        ] {
            let mut running = run(who)
                .words(way)
                .args(&options)
                .args(["--nice", &nice, "--oom-score-adj", "777", "--cpuset", &cpu])
                .fd(9, fs::File::options().write(true).open("/dev/null").expect("/dev/null"))
                .sh(&root, "echo ready; exec sleep 1000")
                .spawn();
            running.until_says("ready");
            let launcher = running.pid();
            let inside = children(launcher)[0];
            let seen = |pid: i32| limits(&fs::read_to_string(format!("/proc/{pid}/limits")).expect("limits"));
            assert_eq!(
                (standing(launcher), seen(launcher)),
                (mine.clone(), own.clone()),
                "the launcher, {way}"
            );
            assert_eq!(standing(inside), asked, "what is inside, {way}");
            let command = if way.contains("--init") {
                assert_eq!(seen(inside), own, "the init is not limited, {way}");
                let command = children(inside)[0];
                assert_eq!(standing(command), asked, "the child of the init, {way}");
                command
            } else {
                inside
            };
            assert_eq!(seen(command), want, "{way}");
            running.signal(Signal::SIGTERM);
            running.wait().code(143);
        }
    }
}

#[test]
fn limits_do_not_hurt_what_has_to_be_done_before_them() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for init in ["", "--init"] {
            // Sources of binds are descriptors, what --file writes is a file, an init starts a process.
            let binds = (0..40).flat_map(|n| ["--bind".into(), "/etc".into(), format!("/tmp/b{n}")]);
            let script = "read -r line </tmp/file; [ \"$line\" = 'all of this' ] || exit 9; [ -d /tmp/b39 ] || exit 10; \
                while read -r a b c d e; do case $b-$c in open-files) n=$d;; file-size) f=$d;; esac; done </proc/self/limits; \
                [ $n-$f = 32-0 ] || exit 11; exit 42";
            let end = run(who)
                .words(init)
                .words(
                    "--rlimit nofile=32 --rlimit fsize=0 --rlimit nproc=1 --tmpfs /tmp --file 20 /tmp/file",
                )
                .args(binds)
                .fd(20, file_with(b"all of this\n"))
                .sh(&root, script);
            end.go().code(42);
        }
        // What is said of a COMMAND that is not there is not COMMAND's to write; its status is told all the same.
        let limited = run(who).args(["--rlimit", "fsize=0"]).arg(&root).arg("/bin/nowhere").go();
        limited.code(127);
        let end = run(who).args(["--rlimit", "nofile=0"]).arg(&root).arg("/bin/true").go();
        end.code(0);
    }
}

#[test]
fn limits_bite() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        // SIGXFSZ ends who writes too much.
        let end = run(who)
            .words("--rlimit fsize=4K --tmpfs /tmp")
            .sh(&root, "cat /bin/busybox >/tmp/x; echo $?; stat -c %s /tmp/x");
        end.go().says("153\n4096");
        let end = run(who).words("--rlimit cpu=1").sh(&root, "sh -c 'while :; do :; done'; echo $?").go();
        assert!(["152", "137"].contains(&end.stdout.trim()), "XCPU, and a second later KILL: {end:?}");
        if who == Who::User {
            let end = run(who).words("--rlimit nproc=1").sh(&root, "echo one; (echo two); echo three").go();
            assert!(end.stdout.starts_with("one") && !end.stdout.contains("two"), "{end:?}");
        }
    }
}

#[test]
fn what_takes_a_right_is_refused_without_and_done_with_it() {
    let own = own_limits();
    let Ok(hard) = own["Max open files"].1.parse::<u64>() else {
        return say("SKIP: nofile has no hard limit");
    };
    let most: u64 =
        fs::read_to_string("/proc/sys/fs/nr_open").expect("nr_open").trim().parse().expect("a number");
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for way in ["", "--init", "--unshare-user"] {
            let go = |option: &str, value: &str, script: &str| {
                run(who).words(way).args([option, value]).sh(&root, script).go()
            };
            let may = |cap| who == Who::Root && has_cap(cap);
            let (value, higher) = (format!("nofile=9:{}", hard + 1), hard + 1);
            let end = go("--rlimit", &value, "ulimit -Hn");
            if may(CAP_SYS_RESOURCE) && higher <= most {
                end.says(&higher.to_string());
            } else {
                end.refuses(125, &[&value, "EPERM", "CAP_SYS_RESOURCE"]);
            }
            let end = go("--nice", "-7", "cut -d' ' -f19 /proc/self/stat");
            if may(CAP_SYS_NICE) {
                end.says("-7");
            } else {
                end.refuses(125, &["nice value -7", "EACCES", "CAP_SYS_NICE"]);
            }
            let end = go("--oom-score-adj", "-3", "cat /proc/self/oom_score_adj");
            if may(CAP_SYS_RESOURCE) {
                end.says("-3");
            } else {
                end.refuses(125, &["OOM score -3", "EACCES", "CAP_SYS_RESOURCE"]);
            }
        }
        run(who)
            .args(["--rlimit", &format!("nofile={}", most + 1)])
            .sh(&root, "")
            .go()
            .refuses(125, &["fs.nr_open"]);
    }
}

#[test]
fn oom_score_is_written_to_a_true_proc_only() {
    if !is_root() {
        return say("SKIP oom_score_is_written_to_a_true_proc_only: not root");
    }
    let (Some(root), dir) = (rootfs(Who::Root), folder(Who::Root)) else { return };
    fs::create_dir(dir.join("self")).expect("mkdir");
    fs::write(dir.join("self/oom_score_adj"), "as it was").expect("write");
    let script = "mount --bind \"$1\" /proc; shift; exec \"$@\"";
    let end = program(Who::Root, ["unshare", "-m", "sh", "-c", script, "sh"])
        .arg(&dir)
        .arg(vesicle())
        .args(["run", "--no-proc", "--oom-score-adj", "5"])
        .arg(&root)
        .arg("/bin/true")
        .go();
    end.refuses(125, &["OOM score", "proc"]);
    assert_eq!(fs::read_to_string(dir.join("self/oom_score_adj")).expect("the file"), "as it was");
}

#[test]
fn cpus_are_those_that_were_asked_for_and_no_fewer() {
    let (mine, cpu) = (standing(std::process::id() as i32)[2].clone(), a_cpu());
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let script = "grep Cpus_allowed_list: /proc/self/status | cut -f2; grep Cpus_allowed_list: /proc/1/status | cut -f2";
        for way in ["", "--init", "--unshare-user", "--chroot"] {
            let all = run(who).words(way).args(["--cpuset", &mine]).sh(&root, script).go();
            all.says(&format!("{mine}\n{mine}"));
            let one = run(who).words(way).args(["--cpuset", &cpu]).sh(&root, script).go();
            one.says(&format!("{cpu}\n{cpu}"));
        }
        for none in ["8191", &format!("{cpu},8000"), &format!("{cpu}-4000")] {
            run(who).args(["--cpuset", none]).sh(&root, "").go().refuses(125, &[none, "EINVAL", "cpuset"]);
        }
    }
}

/// The one line of a COMMAND whose time was up.
#[track_caller]
fn timed_out(end: &Outcome, said: &str) {
    end.code(124).one_line();
    assert!(end.stderr.contains("--timeout"), "{end:?}");
    assert_eq!(end.stdout.trim_end(), said, "{end:?}");
}

const LONG: &str = "--grace 1000";

#[test]
fn command_whose_time_is_up_gets_term_and_the_status_is_124() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for way in [
            "",
            "--init",
            "--chroot",
            "--share-pid",
            "--share-pid --init",
            "--unshare-user",
            "--init --wait-all",
        ] {
            // Without a handler, as process 1 too; and one that ends well.
            timed_out(
                &run(who).words(way).words("--timeout 0.2").words(LONG).sh(&root, "exec sleep 1000").go(),
                "",
            );
            let script = "trap 'echo TERM; exit 0' TERM; while :; do sleep 0.02; done";
            timed_out(&run(who).words(way).words("--timeout 1").words(LONG).sh(&root, script).go(), "TERM");
        }
    }
}

#[test]
fn command_that_ends_in_time_has_its_own_status_and_no_line() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for way in ["", "--init", "--share-pid"] {
            for time in ["--timeout 1000", "--timeout 0", "--timeout 0 --grace 0", "--timeout 9223372036"] {
                let end = run(who).words(way).words(time).sh(&root, "sleep 0.1; exit 7").go();
                end.code(7);
                assert_eq!(end.stderr, "", "{}", end.shown);
            }
            let end = run(who).words(way).words("--timeout 1000").sh(&root, "exit 124").go();
            end.code(124);
            assert_eq!(end.stderr, "");
            let end = run(who).words(way).words("--timeout 1000").arg(&root).arg("/bin/nowhere").go();
            end.refuses(127, &["/bin/nowhere"]);
        }
    }
}

#[test]
fn command_that_refuses_term_gets_kill_after_the_grace() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let script = "trap 'echo TERM' TERM; sleep 1000 & while :; do sleep 0.02; done";
        for way in ["", "--init", "--share-pid --init", "--unshare-user"] {
            let begin = Instant::now();
            let end =
                run(who).words(way).words("--dev /dev --timeout 0.5 --grace 0.7").sh(&root, script).go();
            timed_out(&end, "TERM");
            let took = begin.elapsed();
            assert!(took >= Duration::from_millis(1200), "the grace was cut: {took:?}");
        }
        let end = run(who)
            .words("--timeout 0.2 --grace 0")
            .sh(&root, "trap '' TERM; while :; do sleep 0.02; done")
            .go();
        timed_out(&end, "");
    }
}

#[test]
fn stopped_command_goes_on_to_see_the_end_of_its_time() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for way in ["--init", "--share-pid", "--share-pid --init"] {
            let script = "trap 'echo TERM; exit 0' TERM; kill -STOP $$; while :; do sleep 0.02; done";
            timed_out(&run(who).words(way).words("--timeout 1").words(LONG).sh(&root, script).go(), "TERM");
        }
        // From outside process 1 can be stopped.
        let mut running = run(who)
            .words("--timeout 2")
            .words(LONG)
            .sh(&root, "trap 'echo TERM; exit 0' TERM; echo ready; while :; do sleep 0.02; done")
            .spawn();
        running.until("it was stopped or its time is up", |r| {
            let ready = r.stdout().contains("ready");
            if ready {
                children(r.pid()).into_iter().for_each(|pid| kill(pid, Signal::SIGSTOP));
            }
            ready
        });
        timed_out(&running.wait(), "ready\nTERM");
    }
}

#[test]
fn those_that_outlive_command_are_ended_with_its_time() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let script = "(exec 2>&-; trap 'echo TERM; exit 0' TERM; while :; do sleep 0.02; done) & exit 7";
        timed_out(
            &run(who).words("--dev /dev --init --wait-all --timeout 1").words(LONG).sh(&root, script).go(),
            "TERM",
        );
        let script = "(trap '' TERM; sleep 1000) & exit 7";
        timed_out(
            &run(who).words("--dev /dev --init --wait-all --timeout 0.3 --grace 0.3").sh(&root, script).go(),
            "",
        );
        // Those of somebody else are not.
        let mut stranger = std::process::Command::new("sleep").arg("1000").spawn().expect("sleep");
        let words = ["sh", "-c", "sleep 777.5 & echo $! >&2; exec \"$@\"", "sh"];
        let end = run(who)
            .under(words)
            .words("--share-pid --init --timeout 0.3 --grace 0.3")
            .sh(&root, "trap '' TERM; while :; do sleep 0.02; done")
            .go();
        let child: i32 = end.stderr.lines().next().and_then(|l| l.parse().ok()).expect("a process id");
        assert!(end.left.iter().any(|(pid, _)| *pid == child), "the caller's own child is gone: {end:?}");
        assert_eq!((end.code, end.left.len()), (Some(124), 1), "{end:?}");
        kill(child, Signal::SIGKILL);
        stranger.kill().and_then(|()| stranger.wait()).expect("the stranger lives");
    }
}

#[test]
fn json_status_tells_that_the_time_was_up() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let status = |options: &str| {
            let (read, write) = pipe();
            let end =
                run(who).words("--json-status-fd 20").words(options).fd(20, write).sh(&root, "sleep 0.5");
            let end = end.go();
            let mut text = String::new();
            std::io::Read::read_to_string(&mut fs::File::from(read), &mut text).expect("read");
            let last = text.lines().last().expect("two lines").to_string();
            (end.code, serde_json::from_str::<serde_json::Value>(&last).expect("JSON"))
        };
        let (code, json) = status("--timeout 0.1");
        assert_eq!((code, &json["exit-code"], &json["timed-out"]), (Some(124), &124.into(), &true.into()));
        let (code, json) = status("--timeout 1000");
        assert_eq!((code, json), (Some(0), serde_json::json!({ "exit-code": 0 })));
    }
}

#[test]
fn launcher_does_not_poll_while_time_passes() {
    let Some(_) = need!("strace") else { return };
    for &who in everyone() {
        let (Some(root), log) = (rootfs(who), folder(who).join("log")) else { return };
        let end = program(who, ["strace", "-q", "-o"])
            .arg(&log)
            .arg(vesicle())
            .words("run --timeout 1.5")
            .sh(&root, "exec sleep 1000")
            .go();
        end.code(124);
        let text = fs::read_to_string(&log).expect("a log");
        let waits = text.lines().filter(|l| l.starts_with("rt_sigtimedwait")).count();
        // One for the time, one for the end, and one for a stop or its like.
        assert!(waits <= 3, "{waits} waits:\n{text}");
    }
}
