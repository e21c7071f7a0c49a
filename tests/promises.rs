//! What `vesicle run` promises, seen from outside: the shell cases of cases.sh, and what a shell can't watch.
#![allow(unsafe_code)]

mod common;

use common::*;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

/// Runs cases.sh and passes on what it says.
fn shell_cases(who: Who) {
    let Some(busybox) = need!("busybox") else { return };
    let script = folder(who).join("cases.sh");
    fs::copy(sources().join("tests/cases.sh"), &script).expect("cases.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("chmod");
    let done = program(who, ["sh".as_ref(), script.as_os_str()])
        .env("VESICLE", vesicle())
        .env("BUSYBOX", busybox)
        .env("TMPDIR", folder(who))
        .limit(200)
        .go();
    for line in done.stdout.lines().filter(|l| l.starts_with("skip ")) {
        say(&format!("SKIP {} ({who:?})", &line[5..]));
    }
    let bad: Vec<_> = done.stdout.lines().filter(|l| l.starts_with("not ok")).collect();
    assert!(bad.is_empty(), "{who:?}:\n{}\n{}", bad.join("\n"), done.stderr);
    done.code(0);
    let last = done.stdout.lines().last().unwrap_or_default();
    assert!(last.contains(" 0 failed"), "{last}");
    say(&format!("cases.sh as {who:?}: {last}"));
}

#[test]
fn every_shell_case_holds_for_root() {
    if is_root() {
        shell_cases(Who::Root);
    } else {
        say("SKIP every_shell_case_holds_for_root: not root");
    }
}

#[test]
fn every_shell_case_holds_for_an_unprivileged_user() {
    shell_cases(Who::User);
}

#[test]
fn without_preparing_anything_root_slash_runs_a_command() {
    for &who in everyone() {
        run(who).args(["/", "/bin/sh", "-c", "echo $$"]).go().says("1");
        run(who).args(["/", "true"]).go().code(0);
        run(who).args(["/", "sh", "-c", "exit 3"]).go().code(3);
        run(who).args(["--hostname=box", "--", "/", "uname", "-n"]).go().says("box");
    }
}

#[test]
fn version_and_help_go_to_stdout() {
    for &who in everyone() {
        let version = call(who).arg("--version").go();
        version.says(concat!("vesicle ", env!("CARGO_PKG_VERSION")));
        for words in ["help", "--help", "help run", "run --help"] {
            let help = call(who).words(words).go();
            help.code(0);
            assert!(
                help.stdout.contains("vesicle run") || help.stdout.contains("run ["),
                "{words}: {}",
                help.stdout
            );
            assert!(help.stderr.is_empty(), "{words}: {}", help.stderr);
        }
    }
}

#[test]
fn kept_descriptor_carries_what_it_held() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            run(who)
                .words(how)
                .fd(9, file_with(b"held\n"))
                .args(["--keep-fd", "9"])
                .sh(&root, "cat <&9")
                .go()
                .says("held");
        }
    }
}

#[test]
fn with_die_with_parent_nothing_is_left_whenever_the_launcher_is_killed() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for round in 0..70u64 {
            for how in ["", "--init", "--init --share-pid"] {
                let running = run(who)
                    .args(["--die-with-parent"])
                    .words(how)
                    .arg(&root)
                    .args(["/bin/sleep", "77"])
                    .spawn();
                std::thread::sleep(Duration::from_micros(round * 30));
                running.signal(Signal::SIGKILL);
                let end = running.wait();
                assert!(
                    end.left.is_empty(),
                    "{who:?}, killed after {} µs: {:?} left by {}",
                    round * 30,
                    end.left,
                    end.shown
                );
            }
        }
    }
}

#[test]
fn with_die_with_parent_the_launcher_dies_with_its_own_parent() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        // A shell starts the launcher in the background and is killed.
        let script = "\"$@\" & echo started; wait";
        let mut running = run(who)
            .under(["/bin/sh", "-c", script, "sh"])
            .args(["--die-with-parent"])
            .sh(&root, "echo up; exec sleep 77")
            .spawn();
        running.until_says("up");
        running.signal(Signal::SIGKILL);
        let end = running.wait();
        assert!(end.left.is_empty(), "{who:?}: {:?}", end.left);
    }
}

#[test]
fn init_reaps_a_thousand_orphans_and_keeps_the_status() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let script = "i=0; while [ $i -lt 1000 ]; do (true &) ; i=$((i+1)); done; sleep 1; \
                      cat /proc/[0-9]*/status 2>/dev/null | grep -c '^State:.Z'; exit 42";
        let end = run(who).arg("--init").sh(&root, script).go();
        end.code(42);
        assert_eq!(end.stdout.trim(), "0", "zombies as {who:?}");
    }
}

#[test]
fn info_fd_tells_pid_and_namespaces_before_the_command_starts() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            let (read, write) = pipe();
            let (gate_read, gate_write) = pipe();
            let mut running = run(who)
                .words(how)
                .fd(20, write)
                .fd(21, gate_read)
                .words("--info-fd 20 --block-fd 21")
                .sh(&root, "for n in net uts ipc pid mnt; do readlink /proc/self/ns/$n; done; exec sleep 77")
                .spawn();
            let mut text = String::new();
            File::from(read).read_to_string(&mut text).expect("info");
            let info: serde_json::Value =
                serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text:?}"));
            assert_eq!(running.stdout(), "", "the command started before the gate opened");
            let pid = info["child-pid"].as_i64().expect("child-pid");
            let uts = fs::read_link(format!("/proc/{pid}/ns/uts")).expect("its namespace");
            File::from(gate_write).write_all(b"go").expect("open the gate");
            running.until("all namespaces", |r| r.stdout().lines().count() == 5);
            let said = running.stdout();
            let inode = |kind: &str| {
                let line = said.lines().find(|l| l.starts_with(kind)).expect("a namespace");
                line.trim_end_matches(']')
                    .rsplit('[')
                    .next()
                    .expect("an inode")
                    .parse::<u64>()
                    .expect("a number")
            };
            for kind in ["net", "uts", "ipc", "pid", "mnt"] {
                assert_eq!(info[format!("{kind}-namespace")].as_u64(), Some(inode(kind)), "{kind} of {text}");
            }
            assert_eq!(uts.to_string_lossy(), format!("uts:[{}]", inode("uts")));
            running.signal(Signal::SIGTERM);
            running.wait().code(143);
        }
    }
}

#[test]
fn block_fd_holds_the_command_until_data_or_end_of_file() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for data in [true, false] {
            for how in ["", "--init"] {
                let (read, write) = pipe();
                let mut running = run(who)
                    .words(how)
                    .fd(20, read)
                    .words("--block-fd 20")
                    .sh(&root, "echo up; ls /proc/self/fd")
                    .spawn();
                std::thread::sleep(Duration::from_millis(100));
                assert_eq!(running.stdout(), "", "it did not wait");
                if data {
                    File::from(write).write_all(b"x").expect("write");
                } else {
                    drop(write);
                }
                running.until_says("up");
                running.wait().says("up\n0\n1\n2\n3");
            }
        }
    }
}

#[test]
fn sync_fd_is_open_until_the_container_has_ended() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            let (read, write) = pipe();
            let mut running = run(who)
                .words(how)
                .fd(20, write)
                .words("--sync-fd 20")
                .sh(&root, "[ -e /proc/self/fd/20 ] && echo leaked; echo up; exec sleep 77")
                .spawn();
            running.until_says("up");
            assert_eq!(running.stdout(), "up\n");
            assert!(!ended(&read), "end of file while the container runs");
            running.signal(Signal::SIGTERM);
            running.wait().code(143);
            let end = Instant::now() + Duration::from_secs(5);
            while !ended(&read) {
                assert!(Instant::now() < end, "no end of file after the container's end");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

fn ended(pipe: &std::os::fd::OwnedFd) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;
    let mut fds = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).expect("poll") > 0
}

/// The word that it waits for will not come.
#[test]
fn a_child_that_waits_for_its_launcher_ends_with_it() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { continue };
        // A FIFO that nobody reads: the launcher waits until somebody does.
        let file = folder(who).join("fifo");
        nix::unistd::mkfifo(&file, nix::sys::stat::Mode::from_bits_truncate(0o600)).expect("a FIFO");
        give(&file, who);
        let mut launch = run(who).arg("--pid-file").arg(&file).sh(&root, "true").spawn();
        launch.until("has a child", |launch| !children(launch.pid()).is_empty());
        let child = children(launch.pid())[0];
        // It has read nothing yet: a child that is ready waits for what it reads.
        launch.until("its child waits", |_| state(child) == Some('S'));
        launch.signal(Signal::SIGKILL);
        let end = launch.wait();
        assert_eq!((end.signal, &end.left), (Some(9), &Vec::new()), "{who:?}: it waits for ever");
        fs::remove_file(&file).expect("the FIFO");
    }
}

/// As root, `/dev/null` is the one of the whole machine: here there is a link in its place.
#[test]
fn pid_file_that_is_a_device_or_a_pipe_stays() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { continue };
        let dir = folder(who);
        let null = dir.join("null");
        std::os::unix::fs::symlink("/dev/null", &null).expect("a symbolic link");
        for how in ["", "--init"] {
            run(who).words(how).arg("--pid-file").arg(&null).sh(&root, "true").go().code(0);
            assert!(fs::symlink_metadata(&null).is_ok(), "{who:?} {how}: it was removed");
        }
        fs::remove_file(&null).expect("the link");
    }
}

#[test]
fn pid_file_is_there_before_the_command_and_gone_after_whatever_happens() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let dir = folder(who);
        let file = dir.join("pid");
        for how in ["", "--init"] {
            // The folder is bound inside: the command itself looks.
            let end = run(who)
                .words(how)
                .arg("--pid-file")
                .arg(&file)
                .arg("--bind")
                .args([dir.as_os_str(), "/data".as_ref()])
                .sh(&root, "cat /data/pid; exit 6")
                .go();
            end.code(6);
            assert!(end.stdout.trim().parse::<i32>().is_ok_and(|p| p > 1), "{:?}", end.stdout);
            assert!(!file.exists(), "left after the end");
            run(who)
                .words(how)
                .arg("--pid-file")
                .arg(&file)
                .arg(&root)
                .arg("/bin/nowhere")
                .go()
                .refuses(127, &["nowhere"]);
            assert!(!file.exists(), "left after a failed exec");
        }
    }
}

#[test]
fn payload_stays_in_the_callers_session_and_process_group() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            let pid_file = folder(who).join("pid");
            let mut running = run(who)
                .words(how)
                .arg("--pid-file")
                .arg(&pid_file)
                .sh(&root, "echo up; exec sleep 77")
                .spawn();
            running.until_says("up");
            let child: i32 =
                fs::read_to_string(&pid_file).expect("pid file").trim().parse().expect("a number");
            let ids = |pid: i32| {
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
                let after = stat
                    .rsplit(") ")
                    .next()
                    .expect("fields")
                    .split(' ')
                    .map(String::from)
                    .collect::<Vec<_>>();
                (after[2].clone(), after[3].clone())
            };
            assert_eq!(ids(child), ids(running.pid()), "process group and session");
            running.signal(Signal::SIGTERM);
            running.wait().code(143);
        }
    }
}

/// A container that others join: its pid as seen from outside.
fn host_of(who: Who, root: &Path, options: &str) -> (Running, i32) {
    let pid_file = folder(who).join("pid");
    let mut running =
        run(who).words(options).arg("--pid-file").arg(&pid_file).sh(root, "echo up; exec sleep 7654").spawn();
    running.until_says("up");
    let pid = fs::read_to_string(&pid_file).expect("pid file").trim().parse().expect("a number");
    (running, pid)
}

#[test]
fn namespaces_are_joined_by_descriptor_and_by_path() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let (first, pid) = host_of(who, &root, "--unshare-user --hostname first");
        // The process itself, not an init of ours: its namespaces.
        for kind in ["net", "uts", "ipc", "cgroup", "pid"] {
            let path = format!("/proc/{pid}/ns/{kind}");
            let inode = format!("{kind}:[{}]", fs::metadata(&path).expect("namespace").ino());
            let user = format!("/proc/{pid}/ns/user");
            let look = format!("readlink /proc/self/ns/{kind}");
            for how in ["", "--init"] {
                run(who)
                    .words(how)
                    .args(["--userns", &user, &format!("--{kind}ns"), &path])
                    .sh(&root, &look)
                    .go()
                    .says(&inode);
                run(who)
                    .words(how)
                    .fd(30, File::open(&user).expect("open"))
                    .fd(31, File::open(&path).expect("open"))
                    .args(["--userns", "30", &format!("--{kind}ns"), "31"])
                    .sh(&root, &look)
                    .go()
                    .says(&inode);
            }
            if who == Who::Root {
                run(who).args([&format!("--{kind}ns"), &path]).sh(&root, &look).go().says(&inode);
            }
        }
        let user = format!("/proc/{pid}/ns/user");
        let pidns = format!("/proc/{pid}/ns/pid");
        let seen = run(who)
            .args(["--userns", &user, "--pidns", &pidns])
            .sh(&root, "cat /proc/1/cmdline | tr '\\0' ' '; echo; echo $$")
            .go();
        seen.code(0);
        assert!(
            seen.stdout.starts_with("sleep 7654"),
            "/proc shows the joined PID namespace: {:?}",
            seen.stdout
        );
        assert_ne!(seen.stdout.lines().last(), Some("1"));
        first.signal(Signal::SIGTERM);
        first.wait().code(143);
    }
}

#[test]
fn with_wait_all_a_signal_reaches_those_who_are_left() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let mut running = run(who)
            .words("--init --wait-all --dev /dev")
            .sh(
                &root,
                "(trap 'echo got; exit 0' TERM; echo up; while :; do usleep 10000; done) & sleep 60 & exit 5",
            )
            .spawn();
        running.until_says("up");
        // The command has ended when its init has no child of that name any more.
        std::thread::sleep(Duration::from_millis(200));
        running.signal(Signal::SIGTERM);
        running.until_says("got");
        running.wait().code(5);
    }
}

#[test]
fn namespace_of_the_wrong_kind_is_refused() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        run(who)
            .args(["--netns", "/proc/self/ns/uts"])
            .arg(&root)
            .arg("/bin/true")
            .go()
            .refuses(125, &["/proc/self/ns/uts"]);
        run(who)
            .args(["--netns", "/etc/passwd"])
            .arg(&root)
            .arg("/bin/true")
            .go()
            .refuses(125, &["/etc/passwd"]);
        run(who).args(["--utsns", "77"]).arg(&root).arg("/bin/true").go().refuses(125, &["77"]);
        run(who)
            .args(["--pidns", "/proc/nowhere"])
            .arg(&root)
            .arg("/bin/true")
            .go()
            .refuses(125, &["/proc/nowhere"]);
    }
}

#[test]
fn auto_takes_the_callers_range_through_newuidmap() {
    let (Some(_), Some(_), Some(_)) = (need!("newuidmap"), need!("unshare"), need!("setpriv")) else {
        return;
    };
    if !is_root() {
        say(
            "SKIP auto_takes_the_callers_range_through_newuidmap: not root, and nobody else may write /etc/subuid",
        );
        return;
    }
    let Some(root) = rootfs(Who::User) else { return };
    let dir = folder(Who::User);
    let passwd = fs::read_to_string("/etc/passwd").expect("passwd");
    fs::write(dir.join("passwd"), format!("{passwd}vesicletest:x:{UID}:{UID}::/:/bin/sh\n")).expect("write");
    fs::write(dir.join("subuid"), "vesicletest:500000:65536\n").expect("write");
    fs::write(dir.join("subgid"), "vesicletest:700000:65536\n").expect("write");
    // The machine's own files stay as they are: copies are bound over them in a mount namespace of the test's own.
    let private = "touch -a /etc/subuid /etc/subgid; for f in passwd subuid subgid; do mount --bind \"$DIR/$f\" /etc/$f || exit 99; done; \
                   exec setpriv --reuid=1234 --regid=1234 --clear-groups \"$@\"";
    let call = || run(Who::Root).under(["unshare", "-m", "sh", "-c", private, "sh"]).env("DIR", &dir);
    fs::set_permissions(root.join("data"), fs::Permissions::from_mode(0o777)).expect("chmod");
    let look = "touch /data/zero /data/five && chown 5:6 /data/five && cat /proc/self/uid_map && id -u";
    let end = call().words("--map-users auto --map-groups auto").sh(&root, look).go();
    end.code(0);
    assert_eq!(end.stdout.lines().last(), Some("0"), "{}", end.stdout);
    let five = fs::metadata(root.join("data/five")).expect("five");
    assert!(
        (500_000..565_536).contains(&five.uid()),
        "uid 5 inside is {} outside: {}",
        five.uid(),
        end.stdout
    );
    assert!((700_000..765_536).contains(&five.gid()), "gid 6 inside is {} outside", five.gid());
    assert_eq!(fs::metadata(root.join("data/zero")).expect("zero").uid(), UID, "root inside is the caller");
    // Under --init too, and when the range is missing the line says where it was looked for.
    call().words("--init --map-users auto --map-groups auto").sh(&root, "id -u").go().says("0");
    fs::write(dir.join("subuid"), "").expect("write");
    call().words("--map-users auto --map-groups auto").sh(&root, "id -u").go().refuses(125, &["subuid"]);
}

#[test]
fn range_that_the_caller_may_not_map_is_refused() {
    let Some(root) = rootfs(Who::User) else { return };
    let end = run(Who::User)
        .words("--map-users 0:100000:10 --map-groups 0:100000:10")
        .arg(&root)
        .arg("/bin/true")
        .go();
    end.refuses(125, &["vesicle: "]);
}

#[test]
fn debian_root_lists_its_packages_and_its_processes() {
    let Some(root) = debian(&[]) else { return };
    let apt = run(Who::Root)
        .words("--dev /dev --tmpfs /tmp")
        .arg(&root)
        .words("apt list --installed")
        .limit(60)
        .go();
    apt.code(0);
    assert!(apt.stdout.lines().filter(|l| l.contains("[installed")).count() > 50, "{}", apt.stdout);
    let ps = run(Who::Root).arg(&root).words("ps -A -o pid=,comm=").go();
    ps.code(0);
    assert_eq!(ps.stdout.split_whitespace().collect::<Vec<_>>(), ["1", "ps"]);
    let dpkg = run(Who::Root).arg("--init").arg(&root).words("dpkg --audit").limit(60).go();
    dpkg.code(0);
}

#[test]
fn debian_root_runs_a_shell_with_job_control() {
    let Some(root) = debian(&[]) else { return };
    for how in ["", "--init"] {
        let line =
            format!("{} run {how} --dev /dev {} /bin/bash --norc -i", vesicle().display(), root.display());
        let mut pty = Pty::shell(Who::Root);
        pty.line(&line);
        pty.line("echo in''side $$");
        pty.expect("inside");
        pty.line("sleep 50");
        pty.expect_foreground("sleep");
        pty.key(b"\x1a");
        pty.expect("Stopped");
        pty.line("jobs | wc -l; echo li''sted");
        pty.expect("listed");
        pty.line("fg");
        pty.expect_foreground("sleep");
        pty.key(b"\x03");
        pty.line("echo status $((100+$?))");
        pty.expect("status 230");
        pty.line("exit 4");
        pty.line("echo out''side $?");
        pty.expect("outside 4");
        assert!(!pty.text().contains("no job control"), "{}", pty.text());
    }
}

#[test]
fn umask_environment_and_argv0_reach_the_payload() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let env = run(who).env_clear().env("A", "1").env("B", "x y").arg(&root).arg("/bin/env").go();
        env.code(0);
        assert!(env.stdout.contains("A=1\n") && env.stdout.contains("B=x y\n"), "{}", env.stdout);
        let env = run(who).words("--clearenv --setenv ONLY this").arg(&root).arg("/bin/env").go();
        assert_eq!(
            env.stdout.lines().filter(|l| !l.starts_with("VESICLE_TEST_MARK")).collect::<Vec<_>>(),
            ["ONLY=this"]
        );
        run(who)
            .args(["--argv0", "sh"])
            .arg(&root)
            .args(["/bin/busybox", "-c", "echo as a shell"])
            .go()
            .says("as a shell");
        run(who).args(["--umask", "0007"]).sh(&root, "umask").go().says("0007");
        // PATH is the container's: what --setenv says.
        run(who)
            .env("PATH", "/nowhere")
            .args(["--setenv", "PATH", "/bin"])
            .arg(&root)
            .args(["echo", "found"])
            .go()
            .says("found");
        run(who).env("PATH", "/nowhere").arg(&root).args(["echo", "found"]).go().refuses(127, &["echo"]);
    }
}

#[test]
fn a_thousand_options_come_from_a_descriptor() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let mut text = Vec::new();
        for i in 0..1000 {
            text.extend_from_slice(format!("--setenv\0V{i}\0{i}\0").as_bytes());
        }
        run(who)
            .fd(15, file_with(&text))
            .args(["--args", "15"])
            .sh(&root, "echo $V0 $V999")
            .go()
            .says("0 999");
        // From a pipe that is written bit by bit, too.
        let (read, write) = pipe();
        let writer = std::thread::spawn(move || {
            let mut write = File::from(write);
            for part in text.chunks(999) {
                write.write_all(part).expect("write");
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        run(who).fd(15, read).args(["--args", "15"]).sh(&root, "echo $V0 $V999").go().says("0 999");
        writer.join().expect("writer");
    }
}

#[test]
fn share_mount_is_a_chroot_that_mounts_nothing() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let ours = fs::read_link("/proc/self/ns/mnt").expect("readlink");
        // Seen from the host's own tree, which has a /proc.
        run(who)
            .words("--privileged --share-mount --share-pid / /bin/readlink /proc/self/ns/mnt")
            .go()
            .says(&ours.display().to_string());
        // ROOTFS is the root, and its /proc is what it was: empty.
        run(who)
            .words("--share-mount --dir /made")
            .sh(&root, "ls /proc; ls -d /bin/busybox /made")
            .go()
            .says("/bin/busybox\n/made");
        let (all, ids) = ("/proc/self/ns/pid /proc/self/ns/net /proc/self/ns/uts", "pid net uts");
        let names = ids.split(' ').map(|n| fs::read_link(format!("/proc/self/ns/{n}")).expect("readlink"));
        let names: Vec<String> = names.map(|n| n.display().to_string()).collect();
        run(who).words("--privileged --share-all / /bin/readlink").words(all).go().says(&names.join("\n"));
        run(who).words("--share-mount --init --hostname box").sh(&root, "hostname").go().says("box");
    }
}

#[test]
fn host_mounts_are_the_same_after_every_kind_of_run() {
    let before = mounts();
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let src = folder(who);
        for how in [
            "",
            "--chroot",
            "--init",
            "--dev /dev --tmpfs /tmp",
            "--no-proc",
            "--unshare-user --dev /dev",
            "--share-pid --share-net",
        ] {
            run(who)
                .words(how)
                .arg("--bind")
                .args([src.as_os_str(), "/data".as_ref()])
                .arg(&root)
                .arg("/bin/true")
                .go()
                .code(0);
        }
    }
    assert_eq!(new_mounts(&before), Vec::<String>::new());
}
