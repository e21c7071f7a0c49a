//! `vesicle enter`: who enters a container sees what it sees, is what it is, and shows it nothing.
#![cfg(feature = "enter")]
#![allow(unsafe_code)]

mod common;

use common::container::*;
use common::hostile::{be_visited, hostile};
use common::*;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

payload_lives!(hostile);

/// `vesicle enter OPTIONS PID`.
fn enter(who: Who, options: &str, pid: i32) -> Launch {
    call(who).arg("enter").words(options).arg(pid.to_string())
}

/// A line of a /proc/PID/status.
fn status(pid: i32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let line = text.lines().find_map(|l| l.strip_prefix(name)).expect("a line");
    line.trim_start_matches(':').split_whitespace().collect::<Vec<_>>().join(" ")
}

const OPTIONS: [&str; 7] = [
    "--hostname box",
    "--hostname box --chroot",
    "--hostname box --init",
    "--hostname box --unshare-user",
    "--hostname box --share-pid --share-net",
    "--hostname box --unshare-time --boottime-offset 100000",
    "--hostname box --uid 7 --gid 8",
];

#[test]
fn who_enters_sees_what_the_container_sees() {
    for &who in everyone() {
        for options in OPTIONS {
            let Some(inside) = container(who, options) else { return };
            let pid = inside.pid;
            let tell = format!("{TELL}; hostname; pwd; cd /; ls; cat /proc/self/mounts; stat -c %i /");
            let end = enter(who, "", pid).args(["/bin/sh", "-c", &tell]).go();
            end.code(0);
            let root = PathBuf::from(format!("/proc/{pid}/root"));
            let mut want = namespaces(pid);
            want.extend(["box".into(), "/proc/self/ns".into()]);
            let mut names: Vec<_> = fs::read_dir(&root).expect("its root").flatten().collect();
            names.sort_by_key(|n| n.file_name());
            want.extend(names.iter().map(|n| n.file_name().to_string_lossy().into_owned()));
            let mounts = fs::read_to_string(format!("/proc/{pid}/mounts")).expect("mounts");
            want.extend(mounts.lines().map(String::from));
            want.push(std::os::unix::fs::MetadataExt::ino(&fs::metadata(&root).expect("root")).to_string());
            assert_eq!(end.stdout.lines().collect::<Vec<_>>(), want, "{who:?} {options}");
            // Where it begins is the root, by whatever name the caller was.
            enter(who, "", pid).args(["/bin/pwd"]).cwd(&std::env::temp_dir()).go().says("/");
            enter(who, "--chdir /tmp", pid).args(["/bin/pwd"]).go().says("/tmp");
        }
    }
}

#[test]
fn who_enters_is_what_the_container_is() {
    for &who in everyone() {
        for options in OPTIONS {
            let Some(inside) = container(who, options) else { return };
            let mut sleeper = enter(who, "", inside.pid).words("/bin/sleep 1000").spawn();
            let pid = became(&mut sleeper, "sleep");
            for name in
                ["Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs"]
            {
                assert_eq!(status(pid, name), status(inside.pid, name), "{name}: {who:?} {options}");
            }
            sleeper.signal(Signal::SIGTERM);
            let end = sleeper.wait();
            assert_eq!(end.code, Some(143), "{end:?}");
        }
    }
}

/// The child of a launcher, once it is this program.
fn became(running: &mut Running, name: &str) -> i32 {
    let child = |r: &Running| {
        let is = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c.trim() == name);
        children(r.pid()).into_iter().find(is)
    };
    running.until("its command", |r| child(r).is_some());
    child(running).expect("a child")
}

#[test]
fn only_the_namespaces_that_are_named_are_joined() {
    for &who in everyone() {
        let Some(inside) = container(who, "--unshare-user --unshare-time") else { return };
        let (theirs, ours) = (namespaces(inside.pid), namespaces(std::process::id() as i32));
        for (n, kind) in KINDS.iter().enumerate() {
            let option = if *kind == "mnt" { "--mount".to_string() } else { format!("--{kind}") };
            // Nobody but root has rights over it without its owner.
            let options = if who == Who::User { format!("--user {option}") } else { option };
            if *kind == "mnt" {
                // Its /proc is that of its PID namespace, where nobody is who has not joined that too.
                let end = enter(who, &options, inside.pid).args(["/bin/ls", "/"]).go();
                end.says("bin\ndata\ndev\netc\nproc\nsys\ntmp");
                continue;
            }
            let end = enter(who, &options, inside.pid).args(["/bin/sh", "-c", TELL]).go();
            end.code(0);
            let told: Vec<_> = end.stdout.lines().map(String::from).collect();
            let joined = |m| m == n || m == 0 && who == Who::User;
            let want: Vec<_> =
                (0..KINDS.len()).map(|m| if joined(m) { &theirs[m] } else { &ours[m] }).collect();
            assert_eq!(told.iter().collect::<Vec<_>>(), want, "{who:?} {options}");
        }
        // All, but one of them from elsewhere.
        let Some(other) = container(who, "--unshare-user") else { return };
        let net = format!("/proc/{}/ns/net", other.pid);
        if who == Who::Root {
            for (words, fd) in [(format!("--all --net={net}"), false), ("--all --net=20".to_string(), true)] {
                let mut launch = enter(who, &words, inside.pid).args(["/bin/sh", "-c", TELL]);
                if fd {
                    launch = launch.fd(20, File::open(&net).expect("a namespace"));
                }
                let end = launch.go();
                end.code(0);
                let mut want = theirs.clone();
                want[2] = namespaces(other.pid)[2].clone();
                assert_eq!(end.stdout.lines().collect::<Vec<_>>(), want, "{words}");
            }
            let end = enter(who, &format!("--net={net}"), inside.pid).args(["/bin/sh", "-c", TELL]).go();
            let other = namespaces(other.pid)[2].clone();
            assert_eq!(end.stdout.lines().nth(2), Some(other.as_str()));
            assert_eq!(end.stdout.lines().next(), Some(ours[0].as_str()));
        }
    }
}

#[test]
fn cgroup_is_the_containers_unless_it_is_refused() {
    let base = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(Path::new);
    let base = base.into_iter().find(|b| b.join("cgroup.procs").exists());
    let made = base.map(|b| b.join(format!("vesicle-enter-{}", std::process::id())));
    let Some(made) = made.filter(|m| is_root() && fs::create_dir(m).is_ok()) else {
        return say("SKIP cgroup_is_the_containers_unless_it_is_refused: not root, or no cgroup2");
    };
    let Some(inside) = container(Who::Root, "--share-cgroup") else { return };
    let Some(apart) = container(Who::Root, "") else { return };
    let ours = fs::read_to_string("/proc/self/cgroup").expect("cgroup");
    let line = |text: &str| text.lines().find(|l| l.starts_with("0::")).map(String::from);
    for pid in [inside.pid, apart.pid] {
        fs::write(made.join("cgroup.procs"), pid.to_string()).expect("moved");
        let theirs = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("cgroup");
        let cgroup = |options: &str| {
            let mut sleeper = enter(Who::Root, options, pid).words("/bin/sleep 1000").spawn();
            let child = became(&mut sleeper, "sleep");
            let cgroup = |pid| line(&fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("cgroup"));
            assert_eq!(cgroup(sleeper.pid()), line(&ours), "the launcher stays outside");
            let seen = (cgroup(child), namespaces(child));
            sleeper.signal(Signal::SIGTERM);
            sleeper.wait();
            seen
        };
        assert_eq!(cgroup(""), (line(&theirs), namespaces(pid)));
        assert_eq!(cgroup("--no-cgroup"), (line(&ours), namespaces(pid)));
        assert_eq!(cgroup("--net").0, line(&ours));
        assert_eq!(cgroup("--cgroup").0, line(&theirs));
    }
    drop((inside, apart));
    let gone = std::time::Instant::now() + Duration::from_secs(20);
    while fs::remove_dir(&made).is_err() {
        assert!(std::time::Instant::now() < gone, "the cgroup is still in use");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn ids_are_the_containers_or_those_that_are_asked_for() {
    for &who in everyone() {
        let Some(inside) = container(who, "") else { return };
        let script = ["/bin/sh", "-c", "id -u; id -g; grep CapEff /proc/self/status"];
        let end = enter(who, "", inside.pid).args(script).go();
        assert!(end.stdout.starts_with("0\n0\n"), "{end:?}");
        if who == Who::User {
            // Of its map there is no other.
            enter(who, "--uid 7", inside.pid)
                .args(script)
                .go()
                .refuses(125, &["set user id", "not in the id map"]);
            continue;
        }
        let end = enter(who, "--uid 7 --gid 8", inside.pid).args(script).go();
        assert_eq!(end.stdout, "7\n8\nCapEff:\t0000000000000000\n");
        let Some(other) = container(who, "--uid 7 --gid 8") else { return };
        let end = enter(who, "", other.pid).args(script).go();
        assert_eq!(end.stdout, "7\n8\nCapEff:\t0000000000000000\n");
        // As root again it has what root has there.
        let end = enter(who, "--uid 0", other.pid).args(script).go();
        assert_eq!(end.stdout, format!("0\n8\nCapEff:\t{}\n", status(other.pid, "CapBnd")));
        // A capability that a user has by name.
        let Some(able) = container(who, "--uid 7 --gid 8 --cap-add NET_BIND_SERVICE") else { return };
        let end = enter(who, "", able.pid).args(script).go();
        assert_eq!(end.stdout, "7\n8\nCapEff:\t0000000000000400\n");
    }
}

#[test]
fn groups_of_the_caller_do_not_come_along() {
    if !is_root() {
        return say("SKIP groups_of_the_caller_do_not_come_along: not root");
    }
    let groups = || {
        let groups = [4u32];
        // SAFETY: as many ids are read as there are.
        if unsafe { libc::setgroups(groups.len(), groups.as_ptr()) } == 0 {
            Ok(())
        } else {
            Err(std::io::Error::last_os_error())
        }
    };
    // In the second one setgroups(2) is denied; the third has ids of its own.
    let ranges = "--unshare-user --map-users 0:100000:65536 --map-groups 0:100000:65536";
    for (owner, options) in
        [(Who::Root, ""), (Who::User, ""), (Who::Root, ranges), (Who::Root, "--unshare-user")]
    {
        let Some(inside) = container(owner, options) else { return };
        let mut sleeper = enter(Who::Root, "", inside.pid).before(groups).words("/bin/sleep 1000").spawn();
        let pid = became(&mut sleeper, "sleep");
        assert_eq!(status(pid, "Groups"), "", "{owner:?} {options}");
        // Who is in another user namespace is not told of what it does not know.
        let ids = |pid| [status(pid, "Uid"), status(pid, "Gid")];
        assert_eq!(ids(pid), ids(inside.pid), "{owner:?} {options}");
        sleeper.signal(Signal::SIGTERM);
        sleeper.wait();
    }
}

#[test]
fn rights_are_the_containers_unless_they_are_kept() {
    for &who in everyone() {
        let Some(inside) = container(who, "") else { return };
        let script =
            ["/bin/sh", "-c", "sed -n 's/^\\(CapEff\\|NoNewPrivs\\|CapInh\\):.//p' /proc/self/status"];
        let told = |options: &str, pid| {
            let end = enter(who, options, pid).args(script).go();
            end.code(0);
            end.stdout.lines().map(String::from).collect::<Vec<_>>()
        };
        let (none, bound) = ("0".repeat(16), status(inside.pid, "CapBnd"));
        assert_eq!(told("", inside.pid), [none.clone(), bound.clone(), "1".into()]);
        // The container has no_new_privs on: that stays.
        assert_eq!(told("--allow-new-privs", inside.pid), [none.clone(), bound, "1".into()]);
        let own = if who == Who::Root {
            status(std::process::id() as i32, "CapEff")
        } else {
            "000001ffffffffff".into()
        };
        let kept = told("--privileged", inside.pid);
        assert_eq!((&kept[2], who == Who::User || kept[1] == own), (&"0".to_string(), true), "{kept:?}");
        let Some(lax) = container(who, "--allow-new-privs") else { return };
        assert_eq!(told("", lax.pid)[2], "1");
        assert_eq!(told("--allow-new-privs", lax.pid)[2], "0");
    }
}

#[test]
fn environment_is_the_callers_or_the_containers() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let script = "export INNER=1; export BOTH=in; echo up; exec sleep 1000";
        let Some(inside) = container_of(who, "--clearenv --setenv PATH /bin", &root, script) else { return };
        let told = |options: &str| {
            let launch = enter(who, options, inside.pid).env("BOTH", "out").env("OUTER", "1");
            let end = launch.args(["/bin/env"]).go();
            end.code(0);
            end.stdout.lines().map(String::from).collect::<BTreeSet<_>>()
        };
        let has = |set: &BTreeSet<String>, word: &str| set.contains(word);
        let callers = told("");
        assert!(has(&callers, "OUTER=1") && has(&callers, "BOTH=out") && !has(&callers, "INNER=1"));
        let theirs = told("--env");
        assert!(has(&theirs, "INNER=1") && has(&theirs, "BOTH=in") && !has(&theirs, "OUTER=1"), "{theirs:?}");
        let changed = told("--env --setenv BOTH new --unsetenv INNER");
        assert!(has(&changed, "BOTH=new") && !has(&changed, "INNER=1") && has(&changed, "PATH=/bin"));
        assert_eq!(Vec::from_iter(told("--clearenv --setenv A 1")), ["A=1"]);
        // COMMAND is found along the PATH that it gets, in the container.
        enter(who, "--env", inside.pid).args(["hostname"]).env("PATH", "/nowhere").go().code(0);
        enter(who, "", inside.pid)
            .args(["true"])
            .env("PATH", "/nowhere")
            .go()
            .refuses(127, &["not in its PATH"]);
        // What is of the container's making is for its programs alone.
        enter(who, "--env --net", inside.pid).args(["/bin/true"]).go().refuses(125, &["--env", "--mount"]);
    }
}

#[test]
fn exit_status_is_the_commands_and_failures_are_told_as_ever() {
    for &who in everyone() {
        let Some(inside) = container(who, "") else { return };
        let sh = |script: &str| enter(who, "", inside.pid).args(["--", "/bin/sh", "-c", script]).go();
        sh("exit 7").code(7);
        sh("kill -9 $$").code(137);
        sh("kill -TERM $$").code(143);
        enter(who, "", inside.pid).arg("/nope").go().refuses(127, &["/nope"]);
        enter(who, "", inside.pid).arg("/data").go().refuses(126, &["/data"]);
        enter(who, "--chdir /nope", inside.pid).arg("/bin/true").go().refuses(125, &["/nope", "ENOENT"]);
        // busybox is what it is called.
        enter(who, "--argv0 echo", inside.pid).args(["/bin/sh", "called"]).go().says("called");
    }
}

#[test]
fn descriptors_stay_outside_and_directories_do_not_lead_out() {
    for &who in everyone() {
        let Some(inside) = container(who, "") else { return };
        let open = |mut launch: Launch| {
            for n in 20..30 {
                launch = launch.fd(n, File::open("/").expect("a directory"));
            }
            launch
        };
        // ls has opened what it lists.
        open(enter(who, "", inside.pid))
            .args(["/bin/sh", "-c", "cd /proc/self/fd; echo *"])
            .go()
            .says("0 1 2 3");
        open(enter(who, "--keep-fd 24", inside.pid))
            .args(["/bin/sh", "-c", "cd /proc/self/fd; echo *"])
            .go()
            .says("0 1 2 24 3");
        for n in 3..=64 {
            let end =
                open(enter(who, &format!("--chdir /proc/self/fd/{n}"), inside.pid)).args(["/bin/pwd"]).go();
            end.refuses(125, &["change directory"]);
        }
        // What a container has in the place of a directory is looked up below its root.
        std::os::unix::fs::symlink("../../../../../../tmp", format!("/proc/{}/root/data/out", inside.pid))
            .expect("a link");
        enter(who, "--chdir /data/out", inside.pid).args(["/bin/pwd"]).go().says("/tmp");
    }
}

#[test]
fn process_that_is_none_is_refused() {
    for &who in everyone() {
        let entered = |pid: &str| call(who).arg("enter").arg(pid).arg("/bin/true").go();
        for bad in [
            "0",
            "00",
            "",
            " 1",
            "1 ",
            "+1",
            "0x1",
            "1e3",
            "4294967297",
            "2147483648",
            "self",
            "18446744073709551617",
        ] {
            entered(bad).refuses(125, &["not a process id"]);
        }
        entered("-1").refuses(125, &["option -1", "unknown"]);
        call(who).words("enter -- -1 /bin/true").go().refuses(125, &["-1", "not a process id"]);
        call(who).arg("enter").go().refuses(125, &["PID and COMMAND are missing"]);
        call(who).words("enter 1").go().refuses(125, &["PID and COMMAND are missing"]);
        call(who).words("enter 1 --").go().refuses(125, &["PID and COMMAND are missing"]);
        for (words, names) in [
            ("--net=/nope", ["/nope", "ENOENT"]),
            ("--net=77", ["77", "EBADF"]),
            ("--net=", ["join namespace", "ENOENT"]),
            ("--all=1", ["--all", "takes no value"]),
            ("--hostname", ["--hostname", "unknown"]),
            ("--uid -1", ["--uid -1", "not a number"]),
            ("--uid 4294967295", ["--uid 4294967295", "not a number"]),
            ("--keep-fd 77", ["77", "EBADF"]),
            ("--umask 9", ["--umask 9", "octal"]),
        ] {
            enter(who, words, std::process::id() as i32).arg("/bin/true").go().refuses(125, &names);
        }
        // One that has ended, and one that nobody has waited for.
        let mut ended = Command::new("/bin/true").spawn().expect("true");
        let pid = ended.id().to_string();
        while state(ended.id() as i32) != Some('Z') {
            std::thread::sleep(Duration::from_millis(1));
        }
        let end = entered(&pid);
        end.refuses(125, &["process", &pid]);
        ended.wait().expect("wait");
        entered(&pid).refuses(125, &["find process", &pid, "ESRCH"]);
        // A thread is none.
        let (told, tid) = std::sync::mpsc::channel();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            told.send(nix::unistd::gettid().as_raw()).expect("send");
            let _ = stopped.recv();
        });
        entered(&tid.recv().expect("an id").to_string()).refuses(125, &["find process", "a thread"]);
        drop(stop);
        thread.join().expect("the thread");
        if who == Who::User && is_root() {
            // Of root's.
            entered(&std::process::id().to_string()).refuses(125, &["find process", "EACCES"]);
        }
        if who == Who::Root && fs::read_to_string("/proc/2/comm").is_ok_and(|c| c.trim() == "kthreadd") {
            // It has namespaces and a root as any process has: ours.
            enter(who, "--no-cgroup", 2).arg("/bin/true").go().code(0);
        }
    }
}

#[test]
fn proc_of_other_processes_is_not_believed() {
    if !is_root() {
        return say("SKIP proc_of_other_processes_is_not_believed: not root");
    }
    // A process inside has the id that we have outside, which is what the /proc that is there shows by it.
    let (vesicle, root) = (vesicle().to_string_lossy().into_owned(), Path::new("/"));
    let us = std::process::id();
    let script = format!(
        "echo {} >/proc/sys/kernel/ns_last_pid; sleep 100 & [ $! = {us} ] || {{ kill $!; echo other; exit 0; }}; \
         {vesicle} enter --net {us} /bin/true; code=$?; kill $!; exit $code",
        us - 1
    );
    let end = run(Who::Root).words("--privileged --no-proc").sh(root, &script).go();
    if end.stdout == "other\n" {
        say("SKIP proc_of_other_processes_is_not_believed: ns_last_pid can't be written");
    } else {
        end.refuses(125, &["find process", &us.to_string(), "ESRCH"]);
    }
    // A folder is no proc.
    let fake = folder(Who::Root);
    fs::create_dir(fake.join("1")).expect("mkdir");
    run(Who::Root)
        .args([
            "--privileged".as_ref(),
            "--no-proc".as_ref(),
            "--bind".as_ref(),
            fake.as_os_str(),
            "/proc".as_ref(),
        ])
        .sh(root, &format!("{vesicle} enter $$ /bin/true"))
        .go()
        .refuses(125, &["/proc", "no proc"]);
}

#[test]
fn nested_container_is_entered_from_the_outer_one_and_from_outside() {
    for &who in everyone() {
        let (Some(root), Some(inner)) = (rootfs(who), rootfs(who)) else { return };
        fs::copy(vesicle(), root.join("bin/vesicle")).expect("copy");
        fs::rename(&inner, root.join("data/inner")).expect("rename");
        let script = "/bin/vesicle run --unshare-user --hostname inner --pid-file /tmp/pid /data/inner /bin/sleep 1000 & \
                      until [ -s /tmp/pid ]; do usleep 1000; done; echo up; wait";
        let Some(outer) = container_of(who, "--privileged --dev /dev --hostname outer", &root, script) else {
            return;
        };
        let pid = fs::read_to_string(root.join("tmp/pid")).expect("pid").trim().to_string();
        let twice = format!("/bin/vesicle enter {pid} /bin/hostname");
        enter(who, "", outer.pid).args(["/bin/sh", "-c", &twice]).go().says("inner");
        let launcher = children(outer.pid)[0];
        let deep = children(launcher)[0];
        enter(who, "", deep).args(["/bin/hostname"]).go().says("inner");
        enter(who, "", launcher).args(["/bin/hostname"]).go().says("outer");
    }
}

#[test]
fn job_control_works_as_for_any_command() {
    for &who in everyone() {
        let Some(inside) = container(who, "--dev /dev") else { return };
        let line = format!("{} enter {} ", vesicle().display(), inside.pid);
        let mut pty = Pty::shell(who);
        pty.limit = Duration::from_secs(40);
        pty.line(&format!("{line} /bin/sleep 100"));
        pty.expect_foreground("sleep");
        pty.key(b"\x1a");
        pty.line("echo sh''ell");
        pty.expect("shell");
        pty.line("jobs; echo li''sted");
        pty.expect("Stopped");
        pty.expect("listed");
        pty.line("fg");
        pty.expect_foreground("sleep");
        assert!(pty.states().iter().all(|s| s.1 != 'T'), "{:?}", pty.states());
        pty.key(b"\x03");
        pty.line("echo status $((100+$?))");
        pty.expect("status 230");
        // And a shell inside has its own; nobody types into the terminal that it shares.
        pty.line(&format!("{line} /bin/sh -i"));
        pty.works_in_a_shell();
        pty.line("grep Seccomp: /proc/self/status; exit 4");
        pty.expect("Seccomp:\t2");
        pty.line("echo out''side $?");
        pty.expect("outside 4");
    }
}

#[test]
fn signals_reach_the_command() {
    for &who in everyone() {
        let Some(inside) = container(who, "") else { return };
        let script = "trap 'echo got; exit 5' USR1; echo up; while :; do sleep 1000 & wait; done";
        let mut running = enter(who, "", inside.pid).args(["/bin/sh", "-c", script]).spawn();
        running.until_says("up");
        running.signal(Signal::SIGUSR1);
        running.until_says("got");
        kill_marked(&running.mark.clone());
    }
}

#[test]
fn options_that_run_has_mean_the_same() {
    for &who in everyone() {
        let Some(inside) = container(who, "") else { return };
        let told = |options: &str, script: &str| {
            enter(who, options, inside.pid).args(["/bin/sh", "-c", script]).go()
        };
        told("--umask 027", "umask").says("0027");
        let session = "[ $(cut -d' ' -f6 /proc/self/stat) = $$ ] && echo new || echo old";
        told("", session).says("old");
        told("--new-session", session).says("new");
        told("--seccomp default", "grep Seccomp: /proc/self/status").says("Seccomp:\t2");
        for options in ["--die-with-parent", "--die-with-parent --net --user --mount"] {
            let mut sleeper = enter(who, options, inside.pid).words("/bin/sleep 1000").spawn();
            became(&mut sleeper, "sleep");
            sleeper.signal(Signal::SIGKILL);
            let end = sleeper.wait();
            assert_eq!((end.signal, &end.left), (Some(9), &vec![]), "{options}");
        }
    }
}

#[test]
fn hostile_container_gets_nothing_of_those_who_enter() {
    let visits = if is_thorough() { 1_000 } else { 200 };
    for &who in everyone() {
        let ranges = "--unshare-user --map-users 0:100000:65536 --map-groups 0:100000:65536";
        let settings: &[&str] = if who == Who::Root { &["", ranges, "--share-pid"] } else { &[""] };
        for options in settings {
            be_visited(who, options, visits, &|_, pid| {
                ["enter", "--clearenv", &pid.to_string(), "/bin/true"].map(String::from).into()
            });
        }
    }
}
