//! `--template`: what begins in a container has its mounts as they are and shares what was named, and shows it nothing.
#![cfg(feature = "template")]
#![allow(unsafe_code)]

mod common;

use common::container::*;
use common::hostile::{be_visited, hostile};
use common::*;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

payload_lives!(hostile);

/// `vesicle run --template VALUE OPTIONS ROOTFS /bin/sh -c SCRIPT`.
fn begin(who: Who, value: &str, options: &str, root: &str, script: &str) -> Launch {
    run(who).arg("--template").arg(value).words(options).sh(Path::new(root), script)
}

/// The same, of the whole of it.
fn told(who: Who, value: &str, options: &str, script: &str) -> Vec<String> {
    let end = begin(who, value, options, "/", script).go();
    end.code(0);
    assert_eq!(end.stderr, "", "{}", end.shown);
    end.stdout.lines().map(String::from).collect()
}

fn ours() -> Vec<String> {
    namespaces(std::process::id() as i32)
}

/// Of a template those that are joined, of the caller those that nobody makes, and else new ones.
fn judge(seen: &[String], theirs: &[String], joined: &[&str], kept: &[&str], what: &str) {
    for (n, kind) in KINDS.iter().enumerate() {
        let seen = &seen[n];
        if joined.contains(kind) {
            assert_eq!(seen, &theirs[n], "{what}: {kind} is the template's");
        } else if kept.contains(kind) {
            assert_eq!(seen, &ours()[n], "{what}: {kind} is the caller's");
        } else {
            assert!(seen != &theirs[n] && seen != &ours()[n], "{what}: {kind} is new: {seen}");
        }
    }
}

#[test]
fn namespaces_are_the_templates_where_they_are_named_and_else_new() {
    for &who in everyone() {
        for options in ["", "--init", "--unshare-user", "--unshare-user --unshare-time"] {
            let Some(inside) = container(who, options) else { return };
            let theirs = namespaces(inside.pid);
            // A user namespace that is another one is joined in any case; a time namespace is nobody's unless it is named.
            let user = if theirs[0] == ours()[0] { &[][..] } else { &["user"][..] };
            let lists: [(&str, &[&str]); 6] = [
                ("", &["net"]),
                (":mnt", &[]),
                (":mnt,user,uts,ipc", &["uts", "ipc"]),
                (":mnt,pid,cgroup", &["pid", "cgroup"]),
                (":mount,net,time", &["net", "time"]),
                (":mnt,net,user,pid,uts,ipc,cgroup,time", &["net", "pid", "uts", "ipc", "cgroup", "time"]),
            ];
            for (list, joined) in lists {
                let value = format!("{}{list}", inside.pid);
                let joined = [joined, user].concat();
                for more in ["", "--init --die-with-parent"] {
                    let seen = told(who, &value, more, TELL);
                    judge(&seen, &theirs, &joined, &["user", "time"], &format!("{who:?} {options} {value}"));
                }
            }
            // What is kept is the caller's, and not the template's. Without rights over its PID namespace there is no proc for it.
            let keeps = format!("{} --share-uts --share-ipc --share-cgroup", "--privileged");
            let seen = told(who, &inside.pid.to_string(), &keeps, TELL);
            let kept = ["user", "time", "uts", "ipc", "cgroup"];
            judge(&seen, &theirs, &[&["net"], user].concat(), &kept, &format!("{who:?} {options} {keeps}"));
        }
    }
}

#[test]
fn files_are_the_templates_and_mounts_are_a_copy() {
    for &who in everyone() {
        let (Some(root), Some(image)) = (rootfs(who), rootfs(who)) else { return };
        fs::write(root.join("data/mark"), "template").expect("write");
        fs::write(image.join("data/mark"), "image").expect("write");
        let options = format!("--bind {} /image --tmpfs /tmp --dev /dev", image.display());
        let Some(inside) = container_of(who, &options, &root, "echo up; exec sleep 1000") else { return };
        let pid = inside.pid.to_string();
        assert_eq!(told(who, &pid, "", "cat /data/mark /image/data/mark; pwd"), ["templateimage/"]);
        // A rootfs, a working directory, sources: what lies in its tree.
        let cat = "cat /data/mark; pwd";
        begin(who, &pid, "--chdir /tmp", "/image", cat).go().says("image/tmp");
        begin(who, &pid, "--chroot", "/image", cat).go().says("image/");
        begin(who, &pid, "--read-only", "/image", "touch /data/x 2>/dev/null || cat /data/mark")
            .go()
            .says("image");
        begin(who, &pid, "--ro-bind /data /etc", "/image", "cat /etc/mark").go().says("template");
        begin(who, &pid, "", "/nope", cat).go().refuses(125, &["open rootfs /nope", "ENOENT"]);
        let host = image.display().to_string();
        begin(who, &pid, "", &host, cat).go().refuses(125, &["open rootfs", "ENOENT"]);
        begin(who, &pid, "--bind /image/bin /none", "/", "ls /none/sh").go().says("/none/sh");
        // Operations that need /proc have the caller's.
        let mode = "--perms 0700 --dir /tmp/d --chmod 0751 /tmp/d --tmpfs /image/tmp --mask /data/mark --dev /image/dev";
        let look = "stat -c %a /tmp/d; cat /data/mark; ls /image/dev/null";
        assert_eq!(told(who, &pid, mode, look), ["751", "/image/dev/null"]);
        let end =
            begin(who, &pid, "--file 20 /tmp/file", "/", "cat /tmp/file").fd(20, file_with(b"said")).go();
        end.says("said");
        let end = begin(who, &pid, "--ro-bind-data 20 /data/bound", "/", "cat /data/bound")
            .fd(20, file_with(b"said"));
        end.go().says("said");
        // Its mounts are seen, those that come are not shared, in neither direction.
        let before = fs::read_to_string(format!("/proc/{}/mounts", inside.pid)).expect("mounts");
        let mounts = told(who, &pid, "--tmpfs /data", "cat /proc/self/mounts; ls /data");
        assert!(!mounts.iter().any(|l| l.contains("mark")), "{mounts:?}");
        assert_eq!(fs::read_to_string(format!("/proc/{}/mounts", inside.pid)).expect("mounts"), before);
    }
}

#[test]
fn network_alone_is_that_of_a_pod() {
    for &who in everyone() {
        let (Some(inside), Some(root)) = (container(who, ""), rootfs(who)) else { return };
        fs::write(root.join("data/mark"), "mine").expect("write");
        let root = root.display().to_string();
        let value = format!("{}:net", inside.pid);
        let end = begin(who, &value, "", &root, &format!("cat /data/mark; echo; {TELL}")).go();
        end.code(0);
        let lines: Vec<String> = end.stdout.lines().map(String::from).collect();
        assert_eq!(lines[0], "mine");
        let theirs = namespaces(inside.pid);
        let user = if theirs[0] == ours()[0] { "" } else { "user" };
        judge(&lines[1..], &theirs, &["net", user], &["user", "time"], "a pod");
        // lo is up, and nobody has taken it down.
        begin(who, &value, "", &root, "ip addr").go().code(0);
        let end = begin(who, &value, "", &root, "ip addr | grep -c 'lo:.*UP'").go();
        end.says("1");
    }
}

#[test]
fn share_mount_lives_in_the_templates_own_mount_namespace() {
    for &who in everyone() {
        let Some(inside) = container(who, "--privileged --tmpfs /tmp") else { return };
        let pid = inside.pid.to_string();
        // Its /proc is that of its PID namespace.
        let value = format!("{pid}:mnt,net,pid");
        let seen = told(who, &value, "--privileged --share-mount", TELL);
        assert_eq!(seen[7], namespaces(inside.pid)[7]);
        let script = "echo x >/tmp/left; mount -t tmpfs none /data && touch /data/there";
        told(who, &value, "--privileged --share-mount", script);
        assert_eq!(
            told(who, &value, "--privileged --share-mount", "ls /data /tmp"),
            ["/data:", "there", "", "/tmp:", "left"]
        );
        begin(who, &value, "--share-mount --tmpfs /x", "/", "true")
            .go()
            .refuses(125, &["--tmpfs", "mount namespace of its own"]);
        if who == Who::Root {
            // There would be no mask.
            begin(who, &pid, "--share-mount", "/", "true").go().refuses(125, &["mask /proc", "--privileged"]);
        }
    }
}

#[test]
fn proc_is_new_and_masked_as_in_any_container() {
    for &who in everyone() {
        let Some(inside) = container(who, "") else { return };
        let Some(plain) = container(who, "") else { return };
        let pid = inside.pid.to_string();
        let script = "ls /proc | grep '^[0-9]' | head -1; echo x 2>/dev/null >/proc/sys/kernel/core_pattern && echo written; \
                      cat /proc/keys /proc/timer_list 2>/dev/null | head -c 1; grep -E 'CapEff|CapBnd|NoNewPrivs|Seccomp:' /proc/self/status";
        // As without a template.
        let want = run(who).sh(&rootfs(who).expect("a root"), script).go();
        assert_eq!(told(who, &pid, "", script), want.stdout.lines().collect::<Vec<_>>(), "{who:?}");
        let here = |pid: i32| {
            let all = fs::read_to_string(format!("/proc/{pid}/mountinfo")).expect("mountinfo");
            all.lines().filter(|l| l.contains(" /proc")).count()
        };
        let count = told(who, &pid, "", "grep -c ' /proc' /proc/self/mountinfo")[0]
            .parse::<usize>()
            .expect("a number");
        assert_eq!(count, 2 * here(plain.pid), "its own upon the template's, and masks on both");
        // Its processes are those of its own PID namespace, or of one that is joined.
        let sleeps = "ps | grep -c '[s]leep 1000' || :";
        assert_eq!(told(who, &pid, "", sleeps), ["0"]);
        assert_eq!(told(who, &format!("{pid}:mnt,net,pid"), "", sleeps), ["1"]);
        assert_eq!(told(who, &format!("{pid}:mnt,net,pid"), "--no-proc", sleeps), ["1"]);
        if who == Who::Root {
            // The caller's, which the template does not have.
            let us = std::process::id();
            assert_eq!(told(who, &pid, "--share-pid", &format!("ls -d /proc/{us}")), [format!("/proc/{us}")]);
        } else {
            begin(who, &pid, "--share-pid", "/", "true")
                .go()
                .refuses(125, &["mount /proc", "EPERM", "--no-proc"]);
        }
    }
}

#[test]
fn ids_are_those_that_are_asked_for_in_the_templates_user_namespace() {
    let script =
        "id -u; id -g; grep -E 'CapEff|Groups' /proc/self/status; echo x >/tmp/x; stat -c '%u %g' /tmp/x";
    let lines = |uid, gid, caps| {
        [
            format!("{uid}"),
            format!("{gid}"),
            "Groups:\t ".into(),
            format!("CapEff:\t{caps}"),
            format!("{uid} {gid}"),
        ]
    };
    let (none, all) = ("0000000000000000", "000001ffffffffff");
    let mine = "--tmpfs /tmp --chmod 1777 /tmp";
    for &who in everyone() {
        let Some(inside) = container(who, "--unshare-user") else { return };
        let pid = inside.pid.to_string();
        assert_eq!(told(who, &pid, mine, script), lines(0, 0, all), "{who:?}");
        begin(who, &pid, "--uid 7", "/", "true").go().refuses(125, &["set user id", "not in the id map"]);
        if who == Who::User {
            let Some(other) = container(who, "--uid 7 --gid 8") else { return };
            let pid = other.pid.to_string();
            assert_eq!(told(who, &pid, &format!("{mine} --uid 7 --gid 8"), script), lines(7, 8, none));
            begin(who, &pid, "", "/", "true").go().refuses(125, &["not in the id map"]);
            continue;
        }
        let ranges = "--unshare-user --map-users 0:100000:65536 --map-groups 0:100000:65536";
        let Some(other) = container(who, ranges) else { return };
        let pid = other.pid.to_string();
        // Root's groups are nobody's in there.
        let groups = || {
            let groups = [0u32, 4];
            // SAFETY: as many ids are read as there are.
            if unsafe { libc::setgroups(groups.len(), groups.as_ptr()) } == 0 {
                Ok(())
            } else {
                Err(std::io::Error::last_os_error())
            }
        };
        for (value, options, want) in [
            (&pid, mine.to_string(), lines(0, 0, all)),
            (&pid, format!("{mine} --uid 7 --gid 8"), lines(7, 8, none)),
            (&pid, format!("{mine} --init --uid 7 --gid 8"), lines(7, 8, none)),
            (&pid, format!("{mine} --cap-drop ALL --cap-add KILL"), lines(0, 0, "0000000000000020")),
            (&inside.pid.to_string(), mine.to_string(), lines(0, 0, all)),
        ] {
            let end = begin(who, value, &options, "/", script).before(groups).go();
            end.code(0);
            assert_eq!(end.stdout.lines().collect::<Vec<_>>(), want, "{options}");
        }
        // Outside it is nobody in particular.
        let mut sleeper = begin(who, &pid, "", "/", "echo up; exec sleep 1000").spawn();
        sleeper.until_says("up");
        let status =
            fs::read_to_string(format!("/proc/{}/status", children(sleeper.pid())[0])).expect("status");
        assert!(status.contains("Uid:\t100000\t100000"), "{status}");
        kill_marked(&sleeper.mark.clone());
        // Without a user namespace it is as safe as any container of root's.
        let Some(plain) = container(who, "") else { return };
        let pid = plain.pid.to_string();
        assert_eq!(told(who, &pid, mine, script), lines(0, 0, "00000000800405fb"));
        assert_eq!(told(who, &pid, &format!("{mine} --uid 7 --gid 8"), script), lines(7, 8, none));
    }
}

#[test]
fn reports_tell_what_is_true() {
    for &who in everyone() {
        let Some(inside) = container(who, "") else { return };
        for more in ["", "--init", "--unshare-time"] {
            if more == "--unshare-time" && who == Who::User {
                // Its files in /proc are root's, as with --userns.
                begin(who, &inside.pid.to_string(), more, "/", "true")
                    .go()
                    .refuses(125, &["clock offsets", "only root"]);
                continue;
            }
            let file = folder(who).join("pid");
            let (info, status) = (tempfile::tempfile().expect("file"), tempfile::tempfile().expect("file"));
            let options =
                format!("{more} --info-fd 20 --json-status-fd 21 --pid-file {} --timings=22", file.display());
            let timings = tempfile::tempfile().expect("file");
            let launch = begin(
                who,
                &inside.pid.to_string(),
                &options,
                "/",
                &format!("{TELL}; cat {}; exit 3", "/proc/self/stat"),
            );
            let (info2, status2, timings2) = (
                info.try_clone().expect("dup"),
                status.try_clone().expect("dup"),
                timings.try_clone().expect("dup"),
            );
            let end = launch.fd(20, info2).fd(21, status2).fd(22, timings2).go();
            end.code(3);
            let read = |file: &File| {
                use std::io::{Read, Seek};
                let (mut copy, mut text) = (file.try_clone().expect("dup"), String::new());
                copy.rewind().expect("rewind");
                copy.read_to_string(&mut text).expect("read");
                text
            };
            let json: serde_json::Value = serde_json::from_str(&read(&info)).expect("JSON");
            let lines: Vec<&str> = end.stdout.lines().collect();
            for (n, kind) in KINDS.iter().enumerate().filter(|(_, kind)| !["user", "time"].contains(kind)) {
                let number = lines[n].trim_end_matches(']').rsplit('[').next().expect("a number");
                assert_eq!(json[format!("{kind}-namespace")].to_string(), number, "{who:?} {more} {kind}");
            }
            let status = read(&status);
            assert!(status.contains("-namespace") && status.ends_with("{ \"exit-code\": 3 }\n"), "{status}");
            assert!(read(&timings).contains("begin in process"), "{}", read(&timings));
            assert!(!file.exists(), "the pid file is the caller's, and gone");
        }
    }
}

#[test]
fn limits_are_set_by_the_callers_proc() {
    if !is_root() {
        return say("SKIP limits_are_set_by_the_callers_proc: not root");
    }
    // No /proc at all, and one that leads elsewhere.
    let Some(root) = rootfs(Who::Root) else { return };
    fs::remove_dir(root.join("proc")).expect("rmdir");
    std::os::unix::fs::symlink("/data", root.join("proc")).expect("symlink");
    fs::create_dir(root.join("data/self")).expect("mkdir");
    for name in ["oom_score_adj", "timens_offsets", "setgroups", "uid_map", "gid_map"] {
        fs::write(root.join("data/self").join(name), "").expect("write");
    }
    fs::create_dir(root.join("data/self/fd")).expect("mkdir");
    for n in 0..20 {
        std::os::unix::fs::symlink("/etc", root.join(format!("data/self/fd/{n}"))).expect("symlink");
    }
    fs::create_dir(root.join("data/proc")).expect("mkdir");
    let inside = container_of(Who::Root, "--no-proc", &root, "echo up; exec sleep 1000").expect("a template");
    let options = "--no-proc --proc /data/proc --oom-score-adj 77 --unshare-time --boottime-offset 99 --tmpfs /tmp --dir /tmp/d \
                   --chmod 0701 /tmp/d --file 20 /tmp/f";
    let script = "cat /data/proc/self/oom_score_adj /data/proc/self/timens_offsets; stat -c %a /tmp/d /etc; cat /tmp/f";
    let options = options.replace("--no-proc ", "");
    let end =
        begin(Who::Root, &inside.pid.to_string(), &options, "/", script).fd(20, file_with(b"said")).go();
    end.code(0);
    let words: Vec<&str> = end.stdout.split_whitespace().collect();
    assert_eq!(words, ["77", "monotonic", "0", "0", "boottime", "99", "0", "701", "755", "said"], "{end:?}");
    for name in ["oom_score_adj", "timens_offsets"] {
        assert_eq!(fs::read(root.join("data/self").join(name)).expect("read"), b"", "{name}");
    }
}

#[test]
fn links_of_a_hostile_template_lead_nowhere() {
    if !is_root() {
        return say("SKIP links_of_a_hostile_template_lead_nowhere: not root");
    }
    // It shares the PID namespace, so that its links can name processes of the caller's.
    let Some(root) = rootfs(Who::Root) else { return };
    let inside =
        container_of(Who::Root, "--share-pid", &root, "echo up; exec sleep 1000").expect("a template");
    let us = std::process::id();
    for (name, to) in [
        ("root", format!("/proc/{us}/root")),
        ("cwd", format!("/proc/{us}/cwd")),
        ("fd", "/proc/self/fd/20".to_string()),
    ] {
        std::os::unix::fs::symlink(to, root.join("data").join(name)).expect("symlink");
        let path = format!("/data/{name}");
        let value = format!("{}:mnt", inside.pid);
        for options in
            ["--chroot --share-pid", "--share-pid", "--chroot --share-mount --privileged --share-pid"]
        {
            let launch =
                begin(Who::Root, &value, options, &path, "echo out").fd(20, File::open("/").expect("/"));
            let end = launch.go();
            assert!(end.code == Some(125) && end.stdout.is_empty(), "{options} {path}: {end:?}");
        }
        let bind = format!("--share-pid --bind {path} /tmp");
        let end = begin(Who::Root, &value, &bind, "/", "ls /tmp/").fd(20, File::open("/").expect("/")).go();
        end.refuses(125, &["open source", &path]);
    }
}

#[test]
fn container_outlives_its_template() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let Some(mut inside) = container_of(who, "", &root, "echo up; exec sleep 1000") else { return };
        let pid = inside.pid;
        let script = "echo up; until [ -e /data/go ]; do usleep 2000; done; ip addr >/dev/null; cat /data/x; echo alive";
        let mut running =
            begin(who, &pid.to_string(), "", "/", &format!("echo kept >/data/x; {script}")).spawn();
        running.until_says("up");
        inside.end();
        let gone = |_: &Running| matches!(state(pid), None | Some('Z'));
        running.until("the template's end", gone);
        begin(who, &pid.to_string(), "", "/", "true").go().refuses(125, &["process", &pid.to_string()]);
        fs::write(root.join("data/go"), "").expect("write");
        let end = running.wait();
        end.says("up\nkept\nalive");
    }
}

#[test]
fn template_that_ends_meanwhile_ends_the_launch_or_nothing() {
    // Whoever ends first: it is a container, or one line.
    for &who in everyone() {
        let pids = folder(who).join("pid");
        for n in 0..20u64 {
            let Some(mut inside) = container(who, "") else { return };
            let pid = inside.pid.to_string();
            let launch = begin(who, &pid, &format!("--pid-file {}", pids.display()), "/", "echo ran").spawn();
            std::thread::sleep(Duration::from_micros(150 * n));
            inside.end();
            let end = launch.wait();
            match end.code {
                Some(0) => assert_eq!(end.stdout, "ran\n"),
                _ => drop(end.refuses(125, &[&pid])),
            }
        }
    }
}

#[test]
fn what_is_no_container_is_refused() {
    for &who in everyone() {
        let go = |value: &str| begin(who, value, "--no-proc", "/", "true").go();
        // Itself, its parent, one that is nobody's, one that has ended.
        let mut sleeper = program(who, ["/bin/sleep", "1000"]).spawn();
        let of_whom = [sleeper.pid().to_string()];
        sleeper.until("sleep", |r| {
            fs::read_to_string(format!("/proc/{}/comm", r.pid())).is_ok_and(|c| c == "sleep\n")
        });
        for pid in &of_whom {
            go(pid).refuses(125, &["begin in process", pid, "no container"]);
            go(&format!("{pid}:net")).refuses(125, &["begin in process", pid, "no container"]);
        }
        kill_marked(&sleeper.mark.clone());
        let mut ended = Command::new("/bin/true").spawn().expect("true");
        let pid = ended.id().to_string();
        while state(ended.id() as i32) != Some('Z') {
            std::thread::sleep(Duration::from_millis(1));
        }
        go(&pid).refuses(125, &["process", &pid]);
        ended.wait().expect("wait");
        for list in ["", ":net", ":mnt,pid"] {
            let value = format!("{pid}{list}");
            go(&value).refuses(125, &["find process", &value, "ESRCH"]);
        }
        if who == Who::User && is_root() {
            // Of root's, in a container and not.
            let Some(inside) = container(Who::Root, "") else { return };
            for pid in [std::process::id() as i32, inside.pid] {
                let pid = pid.to_string();
                go(&pid).refuses(125, &["process", &pid, "EACCES"]);
                go(&format!("{pid}:net")).refuses(125, &["process", &pid, "EACCES"]);
            }
        }
        if who == Who::Root && fs::read_to_string("/proc/2/comm").is_ok_and(|c| c.trim() == "kthreadd") {
            go("2").refuses(125, &["begin in process 2", "no container"]);
        }
    }
}

#[test]
fn options_that_contradict_it_are_refused() {
    for &who in everyone() {
        let us = std::process::id();
        for (list, options) in [
            ("", "--share-net"),
            ("", "--deny-net"),
            ("", "--netns 0"),
            ("", "--unshare-user"),
            ("", "--userns 0"),
            (":net", "--unshare-user"),
            (":mnt,pid", "--share-pid"),
            (":mnt,pid", "--pidns 0"),
            (":uts", "--share-uts"),
            (":ipc,uts", "--ipcns 0"),
            (":cgroup", "--share-cgroup"),
            (":time", "--unshare-time"),
            (":time", "--timens 0"),
        ] {
            let value = format!("{us}{list}");
            let end = begin(who, &value, options, "/", "true").go();
            end.refuses(125, &[&format!("option --template {value}"), "another option"]);
        }
        for (list, options, words) in [
            ("", "--veth v0", "network namespace of its own"),
            (":uts", "--hostname x", "UTS namespace of its own"),
            ("", "--map-users 0:1:1", "user namespace of its own"),
            ("", "--disable-userns", "user namespace of its own"),
            ("", "--overlay-src /a --tmp-overlay /b", "overlays"),
        ] {
            let name = options.split(' ').next().expect("a word");
            begin(who, &format!("{us}{list}"), options, "/", "true").go().refuses(125, &[name, words]);
        }
    }
}

#[test]
fn descriptors_and_the_working_directory_stay_outside() {
    for &who in everyone() {
        let Some(inside) = container(who, "") else { return };
        let script = "pwd; ls /proc/self/fd | wc -l";
        let mut launch = begin(who, &inside.pid.to_string(), "", "/", script).cwd(&std::env::temp_dir());
        for n in 20..24 {
            launch = launch.fd(n, File::open("/").expect("/"));
        }
        let end = launch.go();
        let lines: Vec<&str> = end.stdout.split_whitespace().collect();
        // 0, 1, 2, and the one that lists them.
        assert_eq!(lines, ["/", "4"], "{end:?}");
    }
}

#[test]
fn end_comes_as_with_any_container() {
    for &who in everyone() {
        let Some(inside) = container(who, "") else { return };
        let pid = inside.pid.to_string();
        begin(who, &pid, "", "/", "exit 7").go().code(7);
        begin(who, &pid, "--init", "/", "kill -9 $$").go().code(137);
        run(who).args(["--template", &pid, "/", "/bin/nope"]).go().refuses(127, &["/bin/nope"]);
        begin(who, &pid, "--timeout 0.05", "/", "sleep 1000").go().code(124);
        for options in ["", "--init"] {
            let mut sleeper = begin(who, &pid, options, "/", "echo up; exec sleep 1000").spawn();
            sleeper.until_says("up");
            sleeper.signal(Signal::SIGTERM);
            assert_eq!(sleeper.wait().code, Some(143));
            let mut sleeper =
                begin(who, &pid, &format!("{options} --die-with-parent"), "/", "echo up; exec sleep 1000")
                    .spawn();
            sleeper.until_says("up");
            sleeper.signal(Signal::SIGKILL);
            let end = sleeper.wait();
            assert_eq!((end.signal, &end.left), (Some(9), &vec![]), "{options}");
        }
    }
}

#[test]
fn hostile_template_gets_nothing_of_those_who_begin_in_it() {
    let visits = if is_thorough() { 500 } else { 100 };
    for &who in everyone() {
        let ranges = "--unshare-user --map-users 0:100000:65536 --map-groups 0:100000:65536";
        let settings: &[&str] =
            if who == Who::Root { &["", ranges, "--share-pid"] } else { &["", "--share-pid"] };
        for options in settings {
            // Into its PID namespace, where it sees them; and what it sees without that.
            let lists = if options.contains("--share-pid") { ["", ":mnt"] } else { ["", ":mnt,net,pid"] };
            be_visited(who, options, visits, &|n, pid| {
                let template = format!("{pid}{}", lists[n % 2]);
                ["run", "--template", &template, "--no-proc", "--clearenv", "/", "/bin/true"]
                    .map(String::from)
                    .into()
            });
        }
    }
}
