//! vesicle by the name bwrap: side by side with bubblewrap 0.11 on the same command lines, and by that one's own tests.

#![allow(unsafe_code)]
#![cfg(feature = "bwrap")]

mod common;

use common::bwrap::*;
use common::*;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The host's own tree.
const ALL: &str = "--bind / /";

/// The same with its devices.
const DEVICES: &str = "--dev-bind / /";

/// Options, and what is run with them: what both say is the same.
const CASES: &[(&str, &str)] = &[
    ("", "id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map; pwd; umask"),
    ("", "grep -E 'Uid|Gid|NoNewPrivs|SigBlk|SigIgn|Cap' /proc/self/status"),
    (
        "--unshare-pid --proc /proc",
        "grep -E 'Cap|NoNewPrivs' /proc/self/status; grep -E 'Cap|NoNewPrivs' /proc/1/status",
    ),
    ("--unshare-user --dev /dev", "grep -E 'Cap|NoNewPrivs' /proc/self/status"),
    ("--unshare-user --cap-add ALL", "grep Cap /proc/self/status"),
    ("--unshare-user --dev /dev --cap-add cap_kill --cap-add CAP_SYS_ADMIN", "grep Cap /proc/self/status"),
    ("--unshare-user --uid 0 --gid 0", "grep Cap /proc/self/status"),
    (
        "--unshare-user --uid 0 --cap-add CAP_CHOWN --cap-add CAP_KILL --cap-drop CAP_CHOWN",
        "grep Cap /proc/self/status",
    ),
    (
        "--unshare-user --disable-userns --proc /proc",
        "cat /proc/self/uid_map; unshare -U true 2>/dev/null; echo $?; cat /proc/sys/user/max_user_namespaces | wc -l",
    ),
    (
        "--unshare-user --disable-userns --dev /dev --uid 9 --cap-add ALL",
        "cat /proc/self/uid_map; unshare -U true 2>/dev/null; echo $?",
    ),
    ("--cap-drop ALL", "grep Cap /proc/self/status"),
    ("--cap-drop CAP_KILL --cap-drop CAP_CHOWN", "grep Cap /proc/self/status"),
    ("--cap-drop ALL --cap-add CAP_NET_ADMIN --unshare-pid --as-pid-1", "grep Cap /proc/self/status"),
    ("--unshare-user", "id -u; cat /proc/self/uid_map; cat /proc/self/setgroups"),
    ("--unshare-user --uid 7 --gid 8", "id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map"),
    ("--unshare-user --uid 0 --gid 0", "id -u; cat /proc/self/uid_map"),
    ("--unshare-user --uid 7 --dev /dev --proc /proc", "id -u; id -g; cat /proc/self/uid_map"),
    ("--dev /dev", "ls /dev; ls -l /dev/fd /dev/core /dev/ptmx | sed 's/.* //'; echo x >/dev/null"),
    ("--unshare-pid --proc /proc --dev /dev", "echo $$; ls -d /proc/[0-9]*"),
    ("--unshare-pid --as-pid-1 --proc /proc", "echo $$; ls -d /proc/[0-9]*"),
    ("--unshare-all", "cat /proc/net/dev | wc -l; hostname"),
    ("--unshare-all --share-net", "test $(readlink /proc/self/ns/net) = $NET; echo $?"),
    ("--share-net --unshare-all", "test $(readlink /proc/self/ns/net) = $NET; echo $?"),
    ("--unshare-net --share-net", "test $(readlink /proc/self/ns/net) = $NET; echo $?"),
    ("--unshare-uts --hostname box --unshare-cgroup --unshare-ipc", "hostname"),
    ("--unshare-uts --hostname one --hostname two", "hostname"),
    ("--unshare-user-try --unshare-cgroup-try", "id -u"),
    ("--new-session", "awk '{ print $6 == $1 }' /proc/self/stat"),
    ("--chdir /usr", "pwd; echo $PWD"),
    ("--chdir /usr/../usr/bin", "pwd -P; echo $PWD"),
    ("--chdir / --chdir /usr", "pwd"),
    ("--level-prefix --uid 0 --uid 0 --unshare-user", "id -u"),
    ("--tmpfs /usr/share", "ls /usr/share | wc -l; stat -c '%a %u %g' /usr/share"),
    ("--setenv A 1 --setenv B 2 --unsetenv A --setenv B 3", "echo $A-$B-$PWD"),
    ("--setenv A 1 --clearenv --setenv B 2", "env | grep -v -e ^_= -e VESICLE"),
    ("--clearenv", "env | grep -v -e ^_="),
    ("--setenv HOME /usr --tmpfs /var", "echo $PWD"),
    ("--argv0 other", "echo $0"),
    ("--die-with-parent", "true"),
    ("--", "echo --"),
    ("", "exit 7"),
    ("", "kill -TERM $$"),
    ("--unshare-pid", "kill -KILL $$"),
    ("--unshare-pid", "exit 9"),
    ("--bind-try /nowhere /tmp/x --ro-bind-try /nowhere /y", "true"),
];

#[test]
fn same_options_same_output() {
    let net = fs::read_link("/proc/self/ns/net").expect("readlink");
    for &who in everyone() {
        for (options, script) in CASES {
            for root in [ALL, "--ro-bind / /"] {
                let case = format!("{root} {options} sh -c '{script}'");
                same(who, &case, |launch| {
                    let launch = launch.env("NET", &net).env("HOME", "/tmp").cwd(Path::new("/var"));
                    sh(launch.words(root).words(options), script)
                });
            }
        }
    }
}

/// Roots that are made of operations: what is there, and how it is mounted.
const ROOTS: &[&str] = &[
    "--proc /proc",
    "--proc /proc --tmpfs /a --dir /b/c --dir /d --symlink x /d/e",
    "--proc /proc --bind DIR /x --ro-bind DIR /y --dev-bind DIR /z",
    "--unshare-pid --proc /proc --ro-bind /etc/passwd /etc/passwd",
    "--proc /other --ro-bind /proc /proc --perms 0700 --tmpfs /a --perms 1777 --dir /b --size 65536 --tmpfs /c",
    "--tmpfs / --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --proc /proc",
    "--bind DIR /x --bind DIR /x --tmpfs /x --proc /proc",
    "--bind / / --tmpfs /tmp --dir /tmp/d --bind / /tmp/d --proc /proc",
    "--dir /x --chmod 0700 /x --tmpfs /y --remount-ro /y --perms 0750 --dir /b/c --proc /proc",
    "--bind DIR /x --remount-ro /x --proc /proc --dir /dev --remount-ro /",
    "--overlay-src DIR --tmp-overlay /x --proc /proc",
    "--overlay-src /etc --tmp-overlay / --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --proc /proc",
];

#[test]
fn same_operations_same_tree() {
    for &who in everyone() {
        for root in ROOTS {
            let dir = folder(who);
            let words = root.replace("DIR", &dir.to_string_lossy());
            // Mount points with their options, below our own only: what lies on the host is as many as it is.
            let look = "cut -d' ' -f5,6 /proc/self/mountinfo | grep -v -E '^/(sys|dev|tmp/d)' | sort -u; ls -A / | grep -v '^[.]'; \
                        for d in / /a /b /b/c /c /x /y /z /d /tmp; do test -e $d && stat -c '%n %a %u' $d; done; true";
            same(who, root, |launch| sh(launch.words(HOST).words(&words), look));
        }
    }
}

#[test]
fn same_files_from_descriptors() {
    for &who in everyone() {
        let dir = folder(who);
        fs::write(dir.join("inner"), "inner\n").expect("write");
        let cases = [
            "--file 20 /f --bind-data 21 /g --ro-bind-data 22 /a/b/h",
            "--perms 0640 --file 20 /f --perms 0600 --bind-data 21 /g --perms 0444 --ro-bind-data 22 /a/b/h",
            "--bind-fd 23 /x --ro-bind-fd 24 /y --file 20 /f",
            "--file 20 /x/../f --file 21 /g --chmod 0711 /g",
        ];
        let look = "for f in /f /g /a/b/h /x /y; do test -e $f || continue; stat -c '%n %a %u %F' $f; cat $f /x/inner 2>/dev/null; done; \
                    (echo more >>/g) 2>/dev/null && cat /g; (echo more >>/a/b/h) 2>/dev/null || echo no; ls /proc/self/fd";
        for case in cases {
            same(who, case, |launch| {
                let text = |text: &str| file_with(text.as_bytes());
                let place = || File::open(&dir).expect("open");
                let launch = launch.words(HOST).words("--proc /proc --dev /dev").words(case);
                let launch = launch.fd(20, text("one")).fd(21, text("two\n")).fd(22, text("three\n"));
                sh(launch.fd(23, place()).fd(24, place()), look)
            });
        }
    }
}

/// Command lines that are refused, with exit status 1 and bubblewrap's own line.
const REFUSED: &[&str] = &[
    "--nope",
    "-x",
    "-",
    "-h",
    "--bind=/ /",
    "--ro-bind / / /nowhere/to",
    "--ro-bind / / /etc/passwd",
    "--ro-bind / / nowhere-at-all",
    "--ro-bind /nowhere /x true",
    "--ro-bind / / --chdir /nowhere true",
    "--ro-bind / / --hostname x true",
    "--ro-bind / / --as-pid-1 true",
    "--ro-bind / / --unshare-pid --as-pid-1 --lock-file /x true",
    "--ro-bind / / --userns-block-fd 0 true",
    "--ro-bind / / --unshare-user --userns-block-fd 0 true",
    "--ro-bind / / --userns 0 --unshare-user true",
    "--ro-bind / / --userns 0 --unshare-all true",
    "--block-fd x true",
    "--block-fd -1 true",
    "--info-fd 1x true",
    "--uid x true",
    "--gid -1 true",
    "--userns x true",
    "--args x true",
    "--args 190 true",
    "--setenv",
    "--bind",
    "--bind /",
    "--block-fd",
    "--perms 8 --tmpfs /x true",
    "--perms 17777 --tmpfs /x true",
    "--perms 0700 --perms 0700 --tmpfs /x true",
    "--perms 0700 --ro-bind / / true",
    "--size 0 --tmpfs /x true",
    "--size x --tmpfs /x true",
    "--size 1 --size 1 --tmpfs /x true",
    "--size 9223372036854775808 --tmpfs /x true",
    "--size 1 --ro-bind / / true",
    "--setenv A=B c true",
    "--argv0 a --argv0 b true",
    "--level-prefix --nope",
    "--level-prefix --ro-bind / / /nowhere",
    "--symlink a /x --symlink b /x true",
    "--dir /x --symlink b /x true",
    "--ro-bind / / --assert-userns-disabled true",
    "--overlay a b /c true",
    "--tmp-overlay /c true",
    "--overlay-src a --ro-overlay /c true",
    "--overlay-src / --tmpfs /x true",
    "--overlay-src / true",
    "--tmpfs /a --remount-ro /a --proc /a/proc true",
    "--tmpfs /a --remount-ro /a --tmpfs /a/b true",
    "--seccomp x true",
    "--seccomp 0 --add-seccomp-fd 0 true",
    "--add-seccomp-fd 0 --seccomp 0 true",
    "--perms 0700 --chmod 0700 / true",
    "--chmod 9 / true",
    "--ro-bind / / --disable-userns true",
    "--file x /y true",
    "--cap-add nonsense true",
    "--cap-drop CAP_NOTHING true",
    "--bind-fd 1",
    "--exec-label x true",
    "--file-label x --ro-bind / / true",
    "--exec-label",
    "--file-label",
];

#[test]
fn same_mistakes_same_words() {
    for &who in everyone() {
        for line in REFUSED {
            same(who, line, |launch| launch.words(line));
            let end = bwrap(who).words(line).go();
            end.code(1);
            assert_eq!(end.stderr.lines().count(), 1, "{line}: {}", end.stderr);
        }
        if who == Who::Root {
            for line in ["--ro-bind / / --uid 5 true", "--ro-bind / / --gid 5 true"] {
                same(who, line, |launch| launch.words(line));
            }
        }
    }
}

#[test]
fn usage_and_version_are_told_as_scripts_expect_them() {
    for &who in everyone() {
        let version = bwrap(who).arg("--version").go();
        version.says("bubblewrap 0.11.0");
        let help = bwrap(who).arg("--help").go();
        help.code(0);
        let first = format!("usage: {} [OPTIONS...] [--] COMMAND [ARGS...]", ours().display());
        assert_eq!(help.stdout.lines().next(), Some(first.as_str()));
        // Every option that bubblewrap names is named here, and the other way round.
        if let Some((theirs, _)) = theirs() {
            let names = |text: &str| {
                let mut list: Vec<String> = text
                    .lines()
                    .filter_map(|l| {
                        l.trim_start().strip_prefix("--")?.split_whitespace().next().map(String::from)
                    })
                    .collect();
                list.sort();
                list
            };
            let told = program(who, [theirs]).arg("--help").go();
            let (mut told, known) = (names(&told.stdout), names(&help.stdout));
            told.retain(|name| !["help", "version"].contains(&name.as_str()));
            assert_eq!(told, known);
        }
        for nothing in ["", "--ro-bind / /", "--"] {
            let end = bwrap(who).words(nothing).go();
            end.code(1);
            assert!(end.stdout.is_empty() && end.stderr.starts_with(&first), "{}", end.stderr);
        }
        // Those of its own are not options of `vesicle run`.
        run(who).args(["--unshare-pid", "/", "true"]).go().refuses(125, &["--unshare-pid"]);
        run(who).args(["--lock-file", "/x", "/", "true"]).go().refuses(125, &["--lock-file"]);
    }
}

/// What JSON documents, one a line, a descriptor was told.
fn told(file: &mut File) -> Vec<serde_json::Value> {
    use std::io::Seek;
    file.rewind().expect("rewind");
    let mut text = String::new();
    file.read_to_string(&mut text).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}

#[test]
fn status_tells_who_it_is_and_how_it_ended() {
    const KINDS: [&str; 6] = ["cgroup", "ipc", "mnt", "net", "pid", "uts"];
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let look = "for n in cgroup ipc mnt net pid uts; do stat -L -c %i /proc/self/ns/$n; done; ls -l /proc/self/fd | grep -c -e '-> .*status'; exit 42";
        for init in ["", "--init"] {
            let path = folder(everyone()[0]).join("status");
            let mut file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(&path)
                .expect("a file");
            let launch =
                run(who).words(init).fd(33, file.try_clone().expect("dup")).args(["--json-status-fd", "33"]);
            let end = launch.sh(&root, look).go();
            end.code(42);
            let documents = told(&mut file);
            assert_eq!(documents.len(), 2, "{documents:?}");
            assert!(documents[0]["child-pid"].as_u64().is_some_and(|pid| pid > 1), "{documents:?}");
            let ids: Vec<&str> = end.stdout.lines().collect();
            for (kind, id) in KINDS.iter().zip(&ids) {
                assert_eq!(documents[0][format!("{kind}-namespace")].to_string(), **id, "{kind}");
            }
            assert_eq!(ids[6], "0", "COMMAND has no such descriptor");
            assert_eq!(documents[1].to_string(), "{\"exit-code\":42}");
            // As bubblewrap writes it.
            let text = fs::read_to_string(&path).expect("a file");
            assert!(
                text.starts_with("{ \"child-pid\": ") && text.ends_with(" }\n{ \"exit-code\": 42 }\n"),
                "{text}"
            );
            let killed = tempfile::tempfile().expect("a file");
            let launch = run(who)
                .words(init)
                .fd(33, killed.try_clone().expect("dup"))
                .args(["--json-status-fd", "33"]);
            launch.sh(&root, "kill -KILL $$").go();
            // A process 1 that is COMMAND can't kill itself.
            let mut killed = killed;
            assert_eq!(told(&mut killed)[1]["exit-code"], if init.is_empty() { 0 } else { 137 });
            // What did not become COMMAND has no exit code.
            for (options, command, code) in
                [("", "/nowhere", 127), ("", "/etc", 126), ("--chdir /nowhere", "/bin/true", 125)]
            {
                let mut file = tempfile::tempfile().expect("a file");
                let launch = run(who).words(init).words(options).fd(33, file.try_clone().expect("dup"));
                launch.args(["--json-status-fd", "33"]).arg(&root).arg(command).go().refuses(code, &[]);
                let documents = told(&mut file);
                assert_eq!(documents.len(), 1, "{options} {command}: {documents:?}");
            }
        }
        run(who).args(["--json-status-fd", "99"]).arg(&root).arg("/bin/true").go().refuses(125, &["99"]);
    }
}

/// With a file for each of two descriptors: what both programs wrote, process ids left out.
#[test]
fn same_reports_on_descriptors() {
    let Some((theirs, _)) = theirs() else { return };
    for &who in everyone() {
        for options in
            ["", "--unshare-pid", "--unshare-all", "--unshare-net --unshare-uts", "--unshare-pid --as-pid-1"]
        {
            for command in ["exit 3", "kill -TERM $$"] {
                let texts = [theirs, ours()].map(|program_| {
                    let (mut info, mut status) =
                        (tempfile::tempfile().expect("a file"), tempfile::tempfile().expect("a file"));
                    let launch = program(who, [program_])
                        .words(ALL)
                        .words(options)
                        .fd(31, info.try_clone().expect("dup"))
                        .fd(32, status.try_clone().expect("dup"))
                        .words("--info-fd 31 --json-status-fd 32");
                    let code = sh(launch, command).go().code;
                    let text = |file: &mut File| {
                        use std::io::Seek;
                        file.rewind().expect("rewind");
                        let mut text = String::new();
                        file.read_to_string(&mut text).expect("UTF-8");
                        // Numbers of inodes and processes differ; an exit code does not.
                        let mut digits = 0;
                        let mut shape = String::new();
                        for c in text.chars() {
                            digits = if c.is_ascii_digit() { digits + 1 } else { 0 };
                            if digits <= 3 {
                                shape.push(if text.contains("exit") { c } else { '#' })
                            }
                        }
                        text.lines()
                            .map(|l| {
                                if l.contains("exit-code") {
                                    l.to_string()
                                } else {
                                    l.chars().filter(|c| !c.is_ascii_digit()).collect()
                                }
                            })
                            .collect::<Vec<String>>()
                    };
                    (code, text(&mut info), text(&mut status))
                });
                assert_eq!(texts[0], texts[1], "{who:?} {options} {command}");
            }
        }
    }
}

#[test]
fn descriptors_reach_command_but_for_those_that_are_ours() {
    for &who in everyone() {
        let null = || File::open("/dev/null").expect("/dev/null");
        let listing = "cd /proc/self/fd; for n in 2*; do test -e $n && echo $n; done; true";
        for options in ["", "--unshare-pid", "--dev /dev", "--lock-file /etc/passwd"] {
            let launch = bwrap(who)
                .words(ALL)
                .words(options)
                .fd(20, null())
                .fd(21, null())
                .fd(22, null())
                .fd(23, null());
            let launch = launch.words("--sync-fd 21 --block-fd 22 --args 23");
            let end = sh(launch, listing).go();
            end.code(0);
            let seen: Vec<&str> = end.stdout.lines().filter(|l| l.len() == 2).collect();
            assert_eq!(seen, ["20"], "{options}");
        }
        // Nothing of ours is among them.
        same(who, "descriptors", |launch| {
            sh(launch.words(ALL).words("--dev /dev --proc /proc").fd(20, null()), "ls /proc/self/fd")
        });
    }
}

#[test]
fn launcher_ends_with_command_and_the_sandbox_with_its_last_process() {
    for &who in everyone() {
        let dir = folder(who);
        let done = dir.join("done");
        let script = format!("(sleep 1; echo x >{}) & exit 5", done.display());
        let (read, write) = pipe();
        let end =
            sh(bwrap(who).words(DEVICES).words("--unshare-pid --sync-fd 30").fd(30, write), &script).go();
        assert_eq!(end.code, Some(5), "{end:?}");
        // It was waited for by `go`, up to three seconds; and whoever reads the pipe sees its end.
        assert!(done.exists() && end.left.is_empty(), "{end:?}");
        let mut rest = Vec::new();
        File::from(read).read_to_end(&mut rest).expect("read");
        assert!(rest.is_empty());
        // With --die-with-parent nobody is left.
        fs::remove_file(&done).expect("rm");
        let end = sh(bwrap(who).words(DEVICES).words("--unshare-pid --die-with-parent"), &script).go();
        end.code(5);
        std::thread::sleep(Duration::from_millis(1200));
        assert!(!done.exists(), "it outlived its parent");
        // The exit code of a COMMAND whose children stay is told at once, too.
        let mut file = tempfile::tempfile().expect("a file");
        let launch = bwrap(who).words(DEVICES).words("--unshare-pid --json-status-fd 30");
        let end = sh(launch.fd(30, file.try_clone().expect("dup")), "sleep 1 & exit 6").go();
        assert_eq!(end.code, Some(6));
        assert_eq!(told(&mut file)[1]["exit-code"], 6);
    }
}

#[test]
fn locks_last_as_long_as_the_sandbox() {
    use nix::fcntl::{FcntlArg, fcntl};
    for &who in everyone() {
        let lock = folder(who).join("lock");
        File::create(&lock).expect("a file");
        give(&lock, who);
        let file = File::options().write(true).open(&lock).expect("open");
        let taken = || {
            let wish =
                libc::flock { l_type: libc::F_WRLCK as i16, l_whence: 0, l_start: 0, l_len: 0, l_pid: 0 };
            match fcntl(&file, FcntlArg::F_OFD_SETLK(&wish)) {
                Ok(_) => {
                    let free = libc::flock { l_type: libc::F_UNLCK as i16, ..wish };
                    fcntl(&file, FcntlArg::F_OFD_SETLK(&free)).expect("unlock");
                    false
                }
                Err(_) => true,
            }
        };
        for options in ["", "--unshare-pid", "--unshare-pid --dev /dev"] {
            // A descriptor of the same file is closed by the init: a lock of the process would end with that.
            let launch = bwrap(who).words(ALL).words(options).fd(40, File::open(&lock).expect("open"));
            let mut running = sh(launch.arg("--lock-file").arg(&lock), "echo up; read x; exit 3")
                .stdin(std::process::Stdio::piped())
                .spawn();
            running.until_says("up");
            std::thread::sleep(Duration::from_millis(50));
            assert!(taken(), "{options}: nobody holds the lock");
            running.signal(Signal::SIGTERM);
            running.wait().code(143);
            assert!(!taken(), "{options}: somebody still holds it");
        }
        let end = bwrap(who).words(ALL).words("--lock-file /nowhere true").go();
        end.code(1);
        assert_eq!(end.stderr, "bwrap: Unable to open lock file /nowhere: No such file or directory\n");
    }
}

#[test]
fn command_waits_for_the_descriptors_that_hold_it_up() {
    for &who in everyone() {
        let (read, write) = pipe();
        let mut running = bwrap(who).words(ALL).words("--block-fd 30 echo up").fd(30, read).spawn();
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(running.stdout(), "");
        drop(write);
        running.until_says("up");
        running.wait().code(0);
    }
    // Somebody else writes the maps.
    if !is_root() {
        say("SKIP command_waits_for_the_descriptors_that_hold_it_up: not root, for its second half");
        return;
    }
    let (info, report) = pipe();
    let (gate, opener) = pipe();
    let launch = bwrap(Who::User)
        .words("--ro-bind / / --unshare-user --uid 5 --gid 6 --info-fd 30 --userns-block-fd 31")
        .fd(30, report)
        .fd(31, gate);
    let running = sh(launch, "cat /proc/self/uid_map /proc/self/gid_map").spawn();
    // The end comes when nobody can write any more.
    let mut text = String::new();
    File::from(info).read_to_string(&mut text).expect("UTF-8");
    let told: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let pid = told["child-pid"].as_u64().expect("a process");
    for (file, map) in [("uid_map", "0 100000 10"), ("gid_map", "0 200000 20")] {
        fs::write(format!("/proc/{pid}/{file}"), map).expect("a map");
    }
    File::from(opener).write_all(b"1").expect("write");
    let end = running.wait();
    end.code(0);
    let maps: Vec<Vec<&str>> = end.stdout.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(maps, [["0", "100000", "10"], ["0", "200000", "20"]]);
}

#[test]
fn working_directory_is_the_callers_or_the_home_or_the_root() {
    for &who in everyone() {
        let (here, home) = (folder(who), folder(who));
        let look = "pwd -P; echo $PWD";
        let call = |options: &str| {
            let launch =
                bwrap(who).cwd(&here).env("HOME", &home).env("PWD", "/elsewhere").words(HOST).words(options);
            let end = sh(launch, look).go();
            end.code(0);
            end.stdout
        };
        let twice = |dir: &Path| format!("{0}\n{0}\n", dir.display());
        let bind = |dir: &Path| format!("--bind {0} {0}", dir.display());
        assert_eq!(call(&bind(&here)), twice(&here));
        assert_eq!(call(&bind(&home)), twice(&home));
        assert_eq!(call(""), "/\n/\n");
        assert_eq!(call(&format!("{} --chdir /usr", bind(&here))), "/usr\n/usr\n");
        assert_eq!(call("--dir /h --setenv HOME /h"), "/h\n/h\n");
        // One that was removed is none.
        let gone = folder(who);
        let script = format!("cd {0}; rmdir {0}; exec {1} \"$@\"", gone.display(), ours().display());
        let launch = program(who, ["sh", "-c", &script, "sh"]).env("HOME", "/nowhere").words(HOST);
        sh(launch, look).go().says("/\n/");
    }
}

#[test]
fn signals_reach_command_and_its_end_is_told() {
    for &who in everyone() {
        for options in ["", "--unshare-pid", "--unshare-pid --as-pid-1"] {
            let launch = bwrap(who).words(ALL).words(options);
            let mut running =
                sh(launch, "trap 'echo got; exit 4' TERM; echo up; while :; do sleep 0.01; done").spawn();
            running.until_says("up");
            running.signal(Signal::SIGTERM);
            running.wait().code(4);
            // KILL of the launcher: with --die-with-parent nobody is left.
            let launch = bwrap(who).words(ALL).words(options).arg("--die-with-parent");
            let mut running = sh(launch, "echo up; exec sleep 60").spawn();
            running.until_says("up");
            running.signal(Signal::SIGKILL);
            let end = running.wait();
            assert!(end.left.is_empty(), "{options}: {end:?}");
        }
        let ignore = || {
            // SAFETY: signal is async-signal-safe.
            unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
            Ok(())
        };
        sh(bwrap(who).words(ALL).words("--unshare-pid").before(ignore), "exit 9").go().code(9);
    }
}

#[test]
fn namespaces_of_a_sandbox_can_be_joined() {
    for &who in everyone() {
        let launch = bwrap(who).words(ALL).words("--unshare-user --unshare-pid --proc /proc --uid 3");
        let mut first = sh(launch, "echo up; sleep 60").spawn();
        first.until_says("up");
        let Some(init) = children(first.pid()).first().copied() else { panic!("no child") };
        let open = |pid: i32, kind: &str| File::open(format!("/proc/{pid}/ns/{kind}")).expect("a namespace");
        let pid = children(init)[0];
        let user = fs::read_link(format!("/proc/{pid}/ns/user")).expect("readlink");
        let launch = bwrap(who).words(ALL).fd(30, open(pid, "user")).fd(31, open(pid, "pid"));
        let end = sh(
            launch.words("--userns 30 --pidns 31 --proc /proc"),
            "readlink /proc/self/ns/user; ls -d /proc/1",
        )
        .go();
        assert_eq!(end.stdout, format!("{}\n/proc/1\n", user.display()), "{end:?}");
        first.signal(Signal::SIGTERM);
        first.wait();
    }
    let end = bwrap(Who::User).words(ALL).words("--unshare-pid --pidns 0 true").go();
    end.code(1);
    assert!(end.stderr.contains("--pidns"), "{}", end.stderr);
}

#[test]
fn arguments_come_from_descriptors_that_command_does_not_get() {
    for &who in everyone() {
        let words = |list: &[&str]| file_with(list.join("\0").as_bytes());
        same(who, "--args", |launch| {
            let launch = launch
                .words(ALL)
                .fd(20, words(&["--setenv", "A", "1", "--dir", "/tmp/x"]))
                .fd(21, words(&["--setenv", "B", "2", "--", "ignored"]))
                .fd(22, words(&[]));
            sh(
                launch.words("--tmpfs /tmp --args 20 --args 21 --args 22"),
                "echo $A $B; ls -d /tmp/x; ls /proc/self/fd | grep ^2.",
            )
        });
        same(who, "--args in --args", |launch| {
            launch.words(ALL).fd(20, words(&["--args", "21"])).words("--args 20 true")
        });
        same(who, "--args of options that make no sense", |launch| {
            launch.words(ALL).fd(20, words(&["--nope"])).words("--args 20 true")
        });
    }
}

#[test]
fn host_is_the_same_after_every_kind_of_sandbox() {
    let before = mounts();
    for &who in everyone() {
        let dir = folder(who);
        let all = tree(&dir);
        for root in ROOTS {
            let words = root.replace("DIR", &dir.to_string_lossy());
            bwrap(who).words(HOST).words("--dev /dev").words(&words).words("--unshare-all true").go().code(0);
        }
        assert_eq!(tree(&dir), all);
    }
    assert_eq!(new_mounts(&before), Vec::<String>::new());
}

/// bubblewrap's demonstration, in which a compiler is put to work on a tree that nobody trusts: what changes is who `bwrap` is.
#[test]
fn published_demonstration_runs_by_the_name_alone() {
    let (Some((theirs, tests)), Some(_), Some(_)) = (theirs(), need!("bash"), need!("gcc")) else { return };
    let demo = tests.with_file_name("demos").join("bubblewrap-shell.sh");
    let work = "id -u; id -g; pwd; ls / /var; cut -d: -f1 /etc/passwd | sort; echo $XDG_RUNTIME_DIR; ls /home 2>&1; cd /tmp || exit\n\
                echo '#include <stdio.h>\nint main(void) { puts(\"compiled\"); return 42; }' >a.c\n\
                gcc -O2 a.c -o a && ./a; echo $?; ls; touch /usr/x 2>/dev/null || echo read-only\n";
    for &who in everyone() {
        let [theirs, ours] = [theirs.as_path(), ours()].map(|bwrap| {
            let dir = bwrap.parent().expect("a folder").to_string_lossy().into_owned();
            let path = format!("{dir}:{}", std::env::var("PATH").unwrap_or_default());
            program(who, ["bash"])
                .arg(&demo)
                .env("PATH", path)
                .stdin(file_with(work.as_bytes()))
                .limit(60)
                .go()
        });
        ours.code(0);
        assert!(ours.stdout.contains("compiled\n42\n") && ours.stdout.contains("read-only"), "{ours:?}");
        assert_eq!(theirs.stdout, ours.stdout, "{who:?}");
    }
}

/// bubblewrap's tests, with our program in its place. Where they make its 39th prctl(2) fail, that is our first.
#[test]
fn tests_of_bubblewrap_pass() {
    let Some((_, tests)) = theirs() else { return };
    let (Some(_), Some(_), Some(_)) = (need!("python3"), need!("capsh"), need!("findmnt")) else { return };
    for &who in everyone() {
        let dir = folder(who);
        assert!(Command::new("cp").arg("-r").arg(tests).arg(&dir).status().expect("cp").success());
        let script = dir.join("tests/test-run.sh");
        let text = fs::read_to_string(&script).expect("test-run.sh");
        assert!(text.contains("fault=prctl:when=39"));
        fs::write(&script, text.replace("fault=prctl:when=39", "fault=prctl:when=1")).expect("write");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("chmod");
        // It needs a module that only Debian's own interpreter has.
        let knows = Command::new("/usr/bin/python3").args(["-c", "import seccomp"]).output();
        let seccomp = knows.is_ok_and(|out| out.status.success());
        if !seccomp {
            skip("tests_of_bubblewrap_pass", "python3-seccomp is not installed");
        }
        let all = [
            ("bash", "test-run.sh"),
            ("bash", "test-specifying-userns.sh"),
            ("bash", "test-specifying-pidns.sh"),
            ("/usr/bin/python3", "test-seccomp.py"),
        ];
        for (interpreter, name) in all.into_iter().take(if seccomp { 4 } else { 3 }) {
            let end = program(who, [interpreter])
                .env("G_TEST_SRCDIR", &dir)
                .env("G_TEST_BUILDDIR", &dir)
                .arg(dir.join("tests").join(name))
                .env("BWRAP", ours())
                .env("BWRAP_MUST_WORK", "1")
                .env("HOME", "/tmp")
                .cwd(&dir)
                .limit(300)
                .go();
            let passed = end.stdout.lines().filter(|l| l.starts_with("ok") && !l.contains("SKIP")).count();
            say(&format!("{name} as {who:?}: {passed} passed"));
            assert_eq!(end.code, Some(0), "{name} as {who:?}: {}\n{}", end.stdout, end.stderr);
        }
    }
}
