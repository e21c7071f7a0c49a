//! Bad input and broken surroundings: the right exit code, one line that names the subject, and nothing left behind.
#![allow(unsafe_code)]

mod common;

use common::*;
use proptest::prelude::*;
use std::ffi::{CString, OsString};
use std::fs::{self, File};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// `run WORDS ROOTFS COMMAND` fails as said, and ROOTFS and the host's mounts are the same after.
#[track_caller]
fn refused(who: Who, root: &Path, words: &[&str], command: &str, code: i32, names: &[&str]) {
    let (before, mounted) = (tree(root), mounts());
    run(who).args(words).arg(root).arg(command).go().refuses(code, names);
    assert_eq!(tree(root), before, "ROOTFS changed: {words:?}");
    assert_eq!(new_mounts(&mounted), Vec::<String>::new());
}

fn write_program(path: &Path, bytes: &[u8]) {
    // By a name that is never written to again: no "text file busy" from a fork meanwhile.
    fs::write(path, bytes).expect("write");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("chmod");
}

#[test]
fn rootfs_that_is_none_is_refused() {
    for &who in everyone() {
        let dir = folder(who);
        let path = |name: &str| dir.join(name).to_string_lossy().into_owned();
        File::create(path("file")).expect("file");
        fs::create_dir(path("closed")).expect("mkdir");
        fs::set_permissions(path("closed"), fs::Permissions::from_mode(0o0)).expect("chmod");
        std::os::unix::fs::symlink("nowhere", path("dangling")).expect("symlink");
        nix::unistd::mkfifo(Path::new(&path("fifo")), nix::sys::stat::Mode::from_bits_truncate(0o666))
            .expect("mkfifo");
        for name in ["missing", "file", "file/below", "dangling", "fifo"] {
            run(who).args([&path(name), "/bin/true"]).go().refuses(125, &[&path(name)]);
            run(who).args(["--init", &path(name), "/bin/true"]).go().refuses(125, &[&path(name)]);
            run(who).args(["--chroot", &path(name), "/bin/true"]).go().refuses(125, &[&path(name)]);
        }
        run(who).args(["", "/bin/true"]).go().refuses(125, &[]);
        if who == Who::User {
            let closed = run(who).args([&path("closed"), "/bin/true"]).go();
            assert!(matches!(closed.code, Some(125..=127)), "{closed:?}");
            closed.one_line();
        }
        let long = "/x".repeat(3000);
        run(who).args([&long, "/bin/true"]).go().refuses(125, &["ENAMETOOLONG"]);
    }
}

#[test]
fn rootfs_that_is_relative_is_taken_from_the_working_directory() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let parent = root.parent().expect("a parent");
        run(who)
            .cwd(parent)
            .arg(root.file_name().expect("a name"))
            .args(["/bin/echo", "fine"])
            .go()
            .says("fine");
        run(who).cwd(&root).arg(".").args(["/bin/echo", "fine"]).go().says("fine");
    }
}

#[test]
fn rootfs_without_proc_says_what_to_do() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        fs::remove_dir(root.join("proc")).expect("rmdir");
        refused(who, &root, &[], "/bin/true", 125, &["/proc", "--no-proc"]);
        File::create(root.join("proc")).expect("a file");
        refused(who, &root, &[], "/bin/true", 125, &["/proc"]);
    }
}

/// The head of an ELF file for `machine`, with an interpreter that is `interpreter` when it is not empty.
fn elf(machine: u16, interpreter: &str) -> Vec<u8> {
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    file.extend(2u16.to_le_bytes()); // executable
    file.extend(machine.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    file.extend(0x40_0000u64.to_le_bytes()); // entry
    file.extend(64u64.to_le_bytes()); // program headers
    file.extend(0u64.to_le_bytes());
    file.extend(0u32.to_le_bytes());
    for n in [64u16, 56, if interpreter.is_empty() { 1 } else { 2 }, 64, 0, 0] {
        file.extend(n.to_le_bytes());
    }
    let mut header = |kind: u32, offset: u64, size: u64| {
        file.extend(kind.to_le_bytes());
        file.extend(5u32.to_le_bytes());
        for n in
            [offset, 0x40_0000 + offset, 0x40_0000 + offset, size, size, if kind == 1 { 4096 } else { 1 }]
        {
            file.extend(n.to_le_bytes());
        }
    };
    if !interpreter.is_empty() {
        header(3, 64 + 112, interpreter.len() as u64 + 1);
    }
    header(1, 0, 300);
    file.extend(interpreter.as_bytes());
    file.resize(300, 0);
    file
}

#[test]
fn command_that_cannot_run_says_why() {
    let other = if cfg!(target_arch = "x86_64") { 183 } else { 62 };
    let mine = if cfg!(target_arch = "x86_64") { 62 } else { 183 };
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        write_program(&root.join("bin/foreign"), &elf(other, ""));
        write_program(&root.join("bin/unloadable"), &elf(mine, "/lib/missing-loader.so"));
        write_program(&root.join("bin/script"), b"#!/missing/interpreter -x\n");
        write_program(&root.join("bin/text"), b"no program\n");
        write_program(&root.join("bin/empty"), b"");
        fs::write(root.join("bin/plain"), b"#!/bin/sh\n").expect("write");
        for how in [&[][..], &["--init"], &["--chroot"]] {
            refused(who, &root, how, "/bin/nowhere", 127, &["/bin/nowhere"]);
            refused(who, &root, how, "nowhere", 127, &["nowhere", "PATH"]);
            refused(who, &root, how, "/bin/true/below", 126, &["/bin/true/below", "ENOTDIR"]);
            refused(who, &root, how, "/bin/foreign", 126, &["/bin/foreign", "CPU"]);
            refused(who, &root, how, "foreign", 126, &["foreign", "CPU"]);
            refused(who, &root, how, "/bin/unloadable", 127, &["/bin/unloadable", "interpreter"]);
            refused(who, &root, how, "/bin/script", 127, &["/bin/script", "interpreter"]);
            refused(who, &root, how, "script", 127, &["script", "interpreter"]);
            refused(who, &root, how, "/bin/text", 126, &["/bin/text"]);
            refused(who, &root, how, "/bin/empty", 126, &["/bin/empty"]);
            refused(who, &root, how, "/bin/plain", 126, &["/bin/plain", "EACCES"]);
            refused(who, &root, how, "/bin", 126, &["/bin"]);
            refused(who, &root, how, "", 127, &[]);
        }
    }
}

#[test]
fn search_along_path_is_execvps() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        fs::create_dir_all(root.join("first")).expect("mkdir");
        fs::write(root.join("first/tool"), b"not executable").expect("write");
        write_program(&root.join("data/tool"), b"#!/bin/sh\necho second\n");
        // Not executable in the first folder, a file for a folder, a missing one: the search goes on.
        let path = "/first:/bin/true:/missing::/data";
        run(who).env("PATH", path).arg(&root).arg("tool").go().says("second");
        // Only the one that is not executable: 126, as a shell does.
        run(who).env("PATH", "/first:/bin").arg(&root).arg("tool").go().refuses(126, &["tool", "EACCES"]);
        // An empty word in PATH is the working directory.
        run(who).env("PATH", "").args(["--chdir", "/data"]).arg(&root).arg("tool").go();
        run(who).env("PATH", ":/bin").args(["--chdir", "/data"]).arg(&root).arg("tool").go().says("second");
        // Without PATH there is a default.
        run(who).env_clear().arg(&root).args(["echo", "default"]).go().says("default");
        let long = format!("/{}:/bin", "y".repeat(5000));
        run(who).env("PATH", long).arg(&root).args(["echo", "fine"]).go().says("fine");
        run(who).arg(&root).arg("z".repeat(300)).go().one_line();
    }
}

#[test]
fn usage_errors_name_the_word() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let cases: &[(&[&str], &str)] = &[
            (&["--nonsense"], "--nonsense"),
            (&["--bindx", "/", "/x"], "--bindx"),
            (&["--init=yes"], "--init"),
            (&["-x"], "-x"),
            (&["--wait-all"], "--wait-all"),
            (&["--unshare-user=1"], "--unshare-user"),
            (&["--perms", "0755"], "--perms"),
            (&["--perms", "0755", "--bind", "/tmp", "/data"], "--perms"),
            (&["--size", "1M", "--dir", "/data"], "--size"),
            (&["--perms", "0755", "--mask", "/data"], "--perms"),
            (&["--perms", "0755", "--chmod", "0700", "/data"], "--perms"),
            (&["--size", "1M", "--file", "0", "/data/x"], "--size"),
            (&["--file", "0", "/data/x", "--bind-data", "0", "/data/y"], "--bind-data"),
            (&["--bind-fd", "77", "/data"], "77"),
            (&["--ro-bind-fd", "77", "/data"], "77"),
            (&["--file", "77", "/data/x"], "77"),
            (&["--bind-data", "77", "/data/x"], "77"),
            (&["--ro-bind-data", "77", "/data/x"], "77"),
            (&["--overlay-src", "/etc"], "--overlay-src"),
            (&["--overlay-src", "/etc", "--tmpfs", "/data"], "--overlay-src"),
            (&["--overlay-src", "/etc", "--ro-overlay", "/data"], "--ro-overlay"),
            (&["--tmp-overlay", "/data"], "--tmp-overlay"),
            (&["--overlay", "/tmp", "/tmp", "/data"], "--overlay"),
            (&["--hostname", "box", "--share-uts"], "--hostname"),
            (&["--boottime-offset", "5"], "--boottime-offset"),
            (&["--share-mount", "--read-only"], "--read-only"),
            (&["--share-mount", "--proc", "/p"], "--proc"),
            (&["--share-mount", "--bind", "/", "/data"], "--bind"),
            (&["--share-mount", "--tmpfs", "/data"], "--tmpfs"),
            (&["--share-mount", "--dev", "/dev"], "--dev"),
            (&["--share-mount", "--sysfs", "/sys"], "--sysfs"),
            (&["--share-mount", "--bind-fd", "0", "/data"], "--bind-fd"),
            (&["--share-mount", "--bind-data", "0", "/data"], "--bind-data"),
            (&["--share-mount", "--cgroup", "/data"], "--cgroup"),
            (&["--share-mount", "--mqueue", "/data"], "--mqueue"),
            (&["--share-mount", "--mask", "/data"], "--mask"),
            (&["--share-mount", "--remount-ro", "/data"], "--remount-ro"),
            (&["--share-mount", "--overlay-src", "/etc", "--tmp-overlay", "/data"], "--overlay-src"),
            (&["--share-all", "--tmpfs", "/data"], "--tmpfs"),
            (&["--cgroup", ""], "--cgroup"),
            (&["--cgroup", ".."], "--cgroup"),
            (&["--cgroup", "../x"], "--cgroup"),
            (&["--cgroup", "a/../../x"], "--cgroup"),
            (&["--cgroup", "a//b"], "--cgroup"),
            (&["--cgroup", "a/"], "--cgroup"),
            (&["--cgroup", "./a"], "--cgroup"),
            (&["--cgroup", "a\nb"], "--cgroup"),
            (&["--cgroup", "../x", "--cgroup", "y"], "--cgroup"),
            (&["--memory", ""], "--memory"),
            (&["--memory", "0"], "--memory"),
            (&["--memory", "-1"], "--memory"),
            (&["--memory", "64MB"], "--memory"),
            (&["--memory", "1.5G"], "--memory"),
            (&["--memory", "0x100"], "--memory"),
            (&["--memory", "16777216T"], "--memory"),
            (&["--swap", " 0"], "--swap"),
            (&["--swap", "18446744073709551616"], "--swap"),
            (&["--pids", "0"], "--pids"),
            (&["--pids", "4194305"], "--pids"),
            (&["--pids", "4294967297"], "--pids"),
            (&["--pids", "Max"], "--pids"),
            (&["--cpus", "0"], "--cpus"),
            (&["--cpus", "0.009"], "--cpus"),
            (&["--cpus", "-1"], "--cpus"),
            (&["--cpus", "1e3"], "--cpus"),
            (&["--cpus", "0.1234567"], "--cpus"),
            (&["--cpus", "175921861"], "--cpus"),
            (&["--cpu-weight", "0"], "--cpu-weight"),
            (&["--cpu-weight", "10001"], "--cpu-weight"),
            (&["--cpu-weight", "max"], "--cpu-weight"),
            (&["--io-weight", "0"], "--io-weight"),
            (&["--io-weight", "+1"], "--io-weight"),
            (&["--setenv", "", "x"], "--setenv"),
            (&["--setenv", "A=B", "x"], "--setenv"),
            (&["--bind", "/", "/"], "/"),
            (&["--mask", "/"], "--mask"),
            (&["--file", "0", "/."], "--file"),
            (&["--overlay-src", "/etc", "--tmp-overlay", "//"], "--tmp-overlay"),
            (&["--privileged=yes"], "--privileged"),
            (&["--grace", "5"], "--timeout"),
            (&["--landlock-ro", "/nowhere"], "/nowhere"),
            (&["--landlock-rw", "/bin/true/x"], "/bin/true/x"),
            (&["--landlock-ro="], "Landlock"),
            (&["--deny-net=no"], "--deny-net"),
            (&["--disable-userns=1"], "--disable-userns"),
            (&["--disable-userns", "--userns", "0"], "--disable-userns"),
        ];
        for (words, name) in cases {
            refused(who, &root, words, "/bin/true", 125, &[name]);
        }
        if who == Who::Root {
            refused(
                who,
                &root,
                &["--map-users", "0:0:10"],
                "/bin/true",
                125,
                &["--map-users", "--unshare-user"],
            );
        }
        call(who).go().refuses(125, &[]);
        call(who).arg("frobnicate").go().refuses(125, &["frobnicate"]);
        call(who).args(["help", "frobnicate"]).go().refuses(125, &["frobnicate"]);
        run(who).go().refuses(125, &["ROOTFS"]);
        run(who).arg(&root).go().refuses(125, &["COMMAND"]);
        run(who).arg("--").go().refuses(125, &["ROOTFS"]);
        run(who).arg("--hostname").go().refuses(125, &["--hostname"]);
        for words in [
            &["--bind", "/tmp"][..],
            &["--file", "0"],
            &["--chmod", "755"],
            &["--overlay", "/a", "/b"],
            &["--landlock-ro"],
        ] {
            run(who).args(words).go().refuses(125, &[words[0]]);
        }
    }
}

/// Words that some parsers take for a number, and for 0 (S12).
const NO_NUMBERS: &[&str] = &[
    "",
    " ",
    "-1",
    "+1",
    " 0",
    "0 ",
    "0x0",
    "1e3",
    "1.5",
    "1000:",
    "4294967296",
    "18446744073709551616",
    "99999999999999999999999",
    "ten",
    "٣",
    "0\n",
    "1_0",
];

/// What is no limit of a resource.
const NO_RLIMITS: &[&str] = &[
    "",
    "nofile",
    "nofile=",
    "=5",
    "nofile=5:",
    "nofile=:5",
    "nofile=6:5",
    "nofile=unlimited:5",
    "nofile=-1",
    "nofile=+5",
    "nofile= 5",
    "nofile=0x5",
    "nofile=5:6:7",
    "nofile=5K",
    "files=5",
    "as=1k",
    "as=1.5G",
    "as=18446744073709551615",
    "as=99999999999999999999",
    "as=16777216T",
    "nofile:5",
];

/// What is no list of CPUs.
const NO_CPUS: &[&str] = &[
    "",
    ",",
    "0,",
    ",0",
    "0,,1",
    "3-0",
    "0-",
    "-1",
    " 0",
    "0 ",
    "0, 1",
    "0x0",
    "+0",
    "8192",
    "4294967296",
    "all",
];

/// What is no time.
const NO_TIMES: &[&str] =
    &["", "-1", "-0", "+1", " 1", "1s", "1.", ".5", "1e3", "0x1", "1.0000000001", "9223372037", "inf"];

/// Words that are no capability; the kernel has room for 64 of them.
const NO_CAPABILITIES: &[&str] = &[
    "",
    "CAP_",
    "KIL",
    "KILLS",
    "CAP_CAP_KILL",
    "CAP_ALL",
    "KILL,CHOWN",
    "KILL CHOWN",
    "64",
    "-1",
    "+5",
    "0x5",
    "99999999999999999999",
];

#[test]
fn garbage_for_a_number_is_refused_and_never_zero() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for option in ["--uid", "--gid", "--keep-fd", "--info-fd", "--block-fd", "--sync-fd", "--args"] {
            for value in NO_NUMBERS {
                let end = run(who).args([option, value]).arg(&root).arg("/bin/true").go();
                end.code(125);
                assert!(
                    end.stderr.starts_with("vesicle: ")
                        && end.stderr.contains(option.trim_start_matches('-'))
                        || option == "--args",
                    "{option} {value:?}: {}",
                    end.stderr
                );
            }
        }
        // A descriptor behind `=`, or none; the next word is ROOTFS.
        for value in NO_NUMBERS.iter().chain(&["abc", "2147483648"]) {
            let word = format!("--timings={value}");
            let end = run(who).arg(&word).arg(&root).arg("/bin/true").go();
            end.refuses(125, &["option --timings=", "not a number"]);
        }
        for value in ["4294967295", "2147483648"] {
            // (uid_t)-1 is "no change"; a descriptor is no larger than an int.
            let option = if value == "4294967295" { "--uid" } else { "--keep-fd" };
            refused(who, &root, &[option, value], "/bin/true", 125, &[value]);
        }
        for (option, values) in [
            ("--perms", &["8", "9999", "-1", "", "0x1ff", "17777", "rwx"][..]),
            ("--size", &["", "-1", "1X", "K", "1KK", "99999999999999999999", "20000000T", "1.5M"]),
            ("--umask", &["8", "-1", "", "10000", "0x7"]),
            ("--chmod", &["8", "-1", "", "10000", "0x7", "u+x"]),
            ("--file", NO_NUMBERS),
            ("--bind-fd", NO_NUMBERS),
            ("--ro-bind-fd", NO_NUMBERS),
            ("--bind-data", NO_NUMBERS),
            ("--ro-bind-data", NO_NUMBERS),
            ("--cap-add", NO_CAPABILITIES),
            ("--cap-drop", NO_CAPABILITIES),
            ("--boottime-offset", &["", "x", "--1", "1x", "99999999999999999999"]),
            ("--monotonic-offset", &["", "x", "1e3"]),
            ("--rlimit", NO_RLIMITS),
            ("--nice", &["", "20", "-21", "+5", "5 ", " 5", "0x5", "1.5", "-", "4294967295"]),
            ("--oom-score-adj", &["", "1001", "-1001", "+5", "5 ", "0x5", "-", "18446744073709551617"]),
            ("--cpuset", NO_CPUS),
            ("--timeout", NO_TIMES),
            ("--grace", NO_TIMES),
        ] {
            for value in values {
                let tail: &[&str] = match option {
                    "--perms" | "--size" => &["--tmpfs", "/tmp"],
                    "--umask" | "--cap-add" | "--cap-drop" => &[],
                    "--rlimit" | "--nice" | "--oom-score-adj" | "--cpuset" | "--timeout" => &[],
                    "--grace" => &["--timeout", "5"],
                    "--boottime-offset" | "--monotonic-offset" => &["--unshare-time"],
                    _ => &["/data/x"],
                };
                let words: Vec<&str> = [option, value].into_iter().chain(tail.iter().copied()).collect();
                refused(who, &root, &words, "/bin/true", 125, &[option]);
            }
        }
    }
}

#[test]
fn id_maps_that_make_no_sense_are_refused() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let user = if who == Who::Root { &["--unshare-user"][..] } else { &[] };
        for option in ["--map-users", "--map-groups"] {
            let other = if option == "--map-users" { "--map-groups" } else { "--map-users" };
            for value in [
                "",
                ":",
                "::",
                "0",
                "0:0",
                "0:0:",
                "0:0:0",
                "0:0:1:1",
                "-1:0:1",
                "0:-1:1",
                "0:0:-1",
                "a:b:c",
                "0x0:0:1",
                " 0:0:1",
                "4294967296:0:1",
                "0:4294967296:1",
                "0:0:4294967296",
                "4294967290:0:10",
                "0:4294967290:10",
                "0:0:4294967295:",
                "automatic",
            ] {
                let words: Vec<&str> = user.iter().copied().chain([option, value, other, "0:0:1"]).collect();
                refused(who, &root, &words, "/bin/true", 125, &[option]);
            }
            for pair in
                [["0:0:10", "5:100:10"], ["0:0:10", "20:5:10"], ["0:0:10", "0:0:10"], ["10:10:10", "0:0:11"]]
            {
                let words: Vec<&str> =
                    user.iter().copied().chain([option, pair[0], option, pair[1], other, "0:0:1"]).collect();
                refused(who, &root, &words, "/bin/true", 125, &[option]);
            }
        }
        // 341 ranges: more than any kernel takes (340).
        let mut words: Vec<String> = user.iter().map(|w| w.to_string()).collect();
        for i in 0..341 {
            words.extend(["--map-users".into(), format!("{i}:{}:1", 1000 + i)]);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        refused(who, &root, &words, "/bin/true", 125, &["--map-users"]);
    }
}

#[test]
fn host_name_that_is_too_long_is_refused() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let (fits, long) = ("h".repeat(64), "h".repeat(65));
        run(who).args(["--hostname", &fits]).arg(&root).arg("/bin/hostname").go().says(&fits);
        refused(who, &root, &["--hostname", &long], "/bin/true", 125, &[&long]);
        refused(who, &root, &["--domainname", &long], "/bin/true", 125, &[&long]);
    }
}

#[test]
fn more_than_fits_is_refused_with_the_limit_in_words() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let options: Vec<String> =
            (0..5000).flat_map(|i| ["--setenv".into(), format!("V{i}"), "x".into()]).collect();
        let (before, mounted) = (tree(&root), mounts());
        let end = run(who).args(&options).arg(&root).arg("/bin/true").go();
        end.refuses(125, &["2048"]);
        let options: Vec<&str> = (0..3000).flat_map(|_| ["--keep-fd", "1"]).collect();
        run(who).args(options).arg(&root).arg("/bin/true").go().refuses(125, &["at most"]);
        // An environment that is larger than what we can change passes unchanged, and says so when it must be changed.
        let many = |mut launch: Launch| {
            for i in 0..6000 {
                launch = launch.env(&format!("VAR{i}"), "x");
            }
            launch
        };
        many(run(who)).sh(&root, "echo $VAR5999").go().says("x");
        many(run(who))
            .args(["--setenv", "A", "b"])
            .sh(&root, "echo $VAR5999")
            .go()
            .refuses(125, &["environment"]);
        assert_eq!(tree(&root), before);
        assert_eq!(new_mounts(&mounted), Vec::<String>::new());
    }
}

#[test]
fn a_thousand_binds_work_or_say_what_to_raise() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let binds: Vec<&str> = (0..900).flat_map(|_| ["--bind", "/etc", "/data"]).collect();
        run(who).args(&binds).arg(&root).args(["/bin/echo", "fine"]).go().says("fine");
        let binds: Vec<&str> = (0..1500).flat_map(|_| ["--bind", "/etc", "/data"]).collect();
        let limited = || {
            let limit = libc::rlimit { rlim_cur: 256, rlim_max: 256 };
            // SAFETY: setrlimit with a local, async-signal-safe.
            if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } < 0 {
                Err(std::io::Error::last_os_error())
            } else {
                Ok(())
            }
        };
        let end = run(who).before(limited).args(&binds).arg(&root).args(["/bin/echo", "fine"]).go();
        if end.code == Some(0) {
            end.says("fine");
        } else {
            end.refuses(125, &["EMFILE", "ulimit"]);
        }
    }
}

#[test]
fn filesystem_operations_that_fail_name_their_subject() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        fs::create_dir(root.join("t")).expect("mkdir");
        give(&root.join("t"), who);
        std::os::unix::fs::symlink("/", root.join("to-root")).expect("symlink");
        let cases: &[(&[&str], &str)] = &[
            (&["--bind", "/missing/source", "/data"], "/missing/source"),
            (&["--bind", "", "/data"], "ENOENT"),
            (&["--chmod", "0700", ""], "ENOENT"),
            (&["--remount-ro", ""], "ENOENT"),
            (&["--ro-bind", "/missing/source", "/data"], "/missing/source"),
            (&["--dev-bind", "/missing/source", "/data"], "/missing/source"),
            (&["--bind", "/etc", "/bin/busybox"], "/bin/busybox"),
            (&["--bind", "/etc/passwd", "/data"], "/data"),
            (&["--bind", "/etc", "/bin/busybox/below"], "/bin/busybox/below"),
            (&["--tmpfs", "/bin/busybox"], "/bin/busybox"),
            (&["--dev", "/bin/busybox"], "/bin/busybox"),
            (&["--symlink", "x", "/bin/sh"], "/bin/sh"),
            (&["--symlink", "x", "/bin/busybox"], "EEXIST"),
            (&["--symlink", "x", "/data"], "EEXIST"),
            (&["--dir", "/bin/busybox"], "/bin/busybox"),
            (&["--chdir", "/nowhere"], "/nowhere"),
            (&["--chdir", "/bin/busybox"], "/bin/busybox"),
            (&["--tmpfs", "/t", "--size", "1", "--tmpfs", "/bin/busybox"], "/bin/busybox"),
            (&["--proc", "/bin/busybox"], "/bin/busybox"),
            (&["--proc-opts", "nonsense=1"], "--proc-opts"),
            // What leads to the root itself would vanish under what is mounted there, or upon it.
            (&["--tmpfs", "/bin/.."], "/bin/.."),
            (&["--bind", "/etc", "/to-root"], "/to-root"),
            (&["--dev", "/to-root/bin/.."], "/to-root"),
        ];
        for (words, name) in cases {
            refused(who, &root, words, "/bin/true", 125, &[name]);
        }
    }
}

#[test]
fn argument_files_that_are_none_are_refused() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let dir = folder(who);
        refused(who, &root, &["@/missing/arguments"], "/bin/true", 125, &["/missing/arguments"]);
        refused(who, &root, &["@/etc"], "/bin/true", 125, &["/etc"]);
        refused(who, &root, &["--args", "77"], "/bin/true", 125, &["77"]);
        let file = dir.join("arguments");
        let at = format!("@{}", file.display());
        for (text, name) in [
            ("--nonsense\n", "--nonsense"),
            ("--hostname\n", "--hostname"),
            ("word\n", "word"),
            ("@/other\n", "@/other"),
            ("--uid\n-1\n", "--uid"),
        ] {
            fs::write(&file, text).expect("write");
            refused(who, &root, &[&at], "/bin/true", 125, &[name]);
        }
        fs::write(&file, "").expect("write");
        run(who).arg(&at).arg(&root).args(["/bin/echo", "fine"]).go().says("fine");
        fs::write(&file, "--hostname\nbox").expect("write");
        run(who).arg(&at).arg(&root).arg("/bin/hostname").go().says("box");
        // One that never ends is not read for ever, nor does it take the memory of the machine.
        let end = run(who).arg("@/dev/zero").arg(&root).arg("/bin/true").go();
        end.refuses(125, &["/dev/zero"]);
        run(who)
            .fd(15, File::open("/etc").expect("open"))
            .args(["--args", "15"])
            .arg(&root)
            .arg("/bin/true")
            .go()
            .refuses(125, &["15"]);
    }
}

#[test]
fn report_that_cannot_be_written_ends_the_run_and_leaves_nothing() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            let full = || fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
            let end = run(who).words(how).fd(20, full()).args(["--info-fd", "20"]).sh(&root, "echo ran").go();
            end.refuses(125, &["ENOSPC"]);
            run(who).words(how).args(["--info-fd", "77"]).sh(&root, "echo ran").go().refuses(125, &["77"]);
            run(who).words(how).args(["--block-fd", "77"]).sh(&root, "echo ran").go().refuses(125, &["77"]);
            run(who).words(how).args(["--sync-fd", "77"]).sh(&root, "echo ran").go().refuses(125, &["77"]);
            run(who).words(how).args(["--keep-fd", "77"]).sh(&root, "echo ran").go().refuses(125, &["77"]);
            run(who)
                .words(how)
                .args(["--pid-file", "/missing/pid"])
                .sh(&root, "echo ran")
                .go()
                .refuses(125, &["/missing/pid"]);
            // Read-only, so that it can't be written.
            run(who)
                .words(how)
                .fd(20, File::open("/dev/null").expect("open"))
                .args(["--info-fd", "20"])
                .sh(&root, "echo ran")
                .go()
                .refuses(125, &["20"]);
        }
        call(who)
            .arg("--version")
            .stdout(fs::OpenOptions::new().write(true).open("/dev/full").expect("open"))
            .go()
            .refuses(125, &["ENOSPC"]);
    }
}

#[test]
fn full_disk_is_told_and_leaves_no_pid_file() {
    let Some(_) = need!("unshare") else { return };
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let dir = folder(who);
        let fill = "mount -t tmpfs -o size=4k,nr_inodes=10,mode=777 none \"$DIR\" && echo x >\"$DIR/pid\" && { cat /dev/zero >\"$DIR/fill\"; } 2>/dev/null; \
                    rm \"$DIR/pid\"; \"$@\"; code=$?; ls \"$DIR\"; exit $code";
        let end = run(who)
            .under(["unshare", if who == Who::Root { "-m" } else { "-Urm" }, "sh", "-c", fill, "sh"])
            .env("DIR", &dir)
            .arg("--pid-file")
            .arg(dir.join("pid"))
            .sh(&root, "echo ran")
            .go();
        if end.stdout.contains("ran") {
            // The page of the file that was removed was enough: nothing to see on this kernel.
            end.code(0);
            continue;
        }
        end.code(125).one_line();
        assert_eq!(end.stdout, "fill\n", "{}", end.stderr);
    }
}

#[test]
fn user_namespaces_switched_off_are_named() {
    let Some(_) = need!("unshare") else { return };
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        // The switch is per user namespace: turned off in one of the test's own.
        let off = "echo 0 >/proc/sys/user/max_user_namespaces || exit 99; exec \"$@\"";
        let end = run(who)
            .under(["unshare", "-Ur", "sh", "-c", off, "sh"])
            .arg("--unshare-user")
            .arg(&root)
            .arg("/bin/true")
            .go();
        end.refuses(125, &["user.max_user_namespaces"]);
        let end = run(who)
            .under(["unshare", "-Ur", "sh", "-c", off, "sh"])
            .args(["--init", "--unshare-user"])
            .arg(&root)
            .arg("/bin/true")
            .go();
        end.refuses(125, &["user.max_user_namespaces"]);
    }
}

#[test]
fn process_limit_is_named() {
    // Root is not held to it.
    let Some(root) = rootfs(Who::User) else { return };
    for how in ["", "--init"] {
        let limited = || {
            let limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: setrlimit with a local, async-signal-safe.
            if unsafe { libc::setrlimit(libc::RLIMIT_NPROC, &limit) } < 0 {
                Err(std::io::Error::last_os_error())
            } else {
                Ok(())
            }
        };
        run(Who::User)
            .words(how)
            .before(limited)
            .arg(&root)
            .arg("/bin/true")
            .go()
            .refuses(125, &["EAGAIN", "ulimit -u"]);
    }
}

#[test]
fn little_memory_is_told() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for limit in [0, 64 << 10, 256 << 10, 1 << 20, 4 << 20] {
            let limited = move || {
                let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
                // SAFETY: setrlimit with a local, async-signal-safe.
                if unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) } < 0 {
                    Err(std::io::Error::last_os_error())
                } else {
                    Ok(())
                }
            };
            // Address space: when the kernel can't even map the program, that is a signal before our first instruction.
            let end = run(who).before(limited).arg(&root).arg("/bin/true").go();
            assert!(!end.hung && end.left.is_empty(), "{end:?}");
            if let Some(code @ (125..=127)) = end.code {
                assert!(end.complaint().is_none(), "{code} with {limit} bytes: {}", end.stderr);
            }
        }
    }
}

#[test]
fn closed_standard_descriptors_do_no_harm() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for closed in 0..8u8 {
            let close = move || {
                for n in 0..3 {
                    if closed & (1 << n) != 0 {
                        // SAFETY: close is async-signal-safe; the child execs next.
                        unsafe { libc::close(n) };
                    }
                }
                Ok(())
            };
            let binds = ["--bind", "/etc", "/data", "--tmpfs", "/tmp", "--dev", "/dev"];
            for how in ["", "--init"] {
                let end = run(who)
                    .words(how)
                    .args(binds)
                    .before(close)
                    .sh(&root, "[ -e /data/passwd ] || exit 50; exit 7")
                    .go();
                end.code(7);
                // A failure whose line can't be told is still the right code, and nothing else gets the line.
                let end = run(who)
                    .words(how)
                    .before(close)
                    .args(["--chdir", "/nowhere"])
                    .arg(&root)
                    .arg("/bin/true")
                    .go();
                end.code(125);
                assert_eq!(end.stdout, "", "the message went elsewhere");
                // Descriptor 2 closed: no file that we opened ourselves stands there instead.
                let look = "for n in 0 1 2; do [ -L /proc/self/fd/$n ] && exit 60; done; exit 8";
                if closed == 7 {
                    run(who).words(how).before(close).sh(&root, look).go().code(8);
                }
            }
        }
    }
}

#[test]
fn set_user_id_copy_refuses_to_run() {
    if !is_root() {
        say("SKIP set_user_id_copy_refuses_to_run: not root");
        return;
    }
    let Some(root) = rootfs(Who::User) else { return };
    let copy = folder(Who::Root).join("suid");
    assert!(std::process::Command::new("cp").arg(shipped()).arg(&copy).status().expect("cp").success());
    for (mode, gid) in [(0o4755, 0), (0o2755, 0)] {
        std::os::unix::fs::chown(&copy, Some(0), Some(gid)).expect("chown");
        fs::set_permissions(&copy, fs::Permissions::from_mode(mode)).expect("chmod");
        let words = [copy.as_os_str(), "run".as_ref(), root.as_os_str(), "/bin/true".as_ref()];
        program(Who::User, words).go().refuses(125, &["set-user-ID"]);
    }
}

#[test]
fn call_without_any_argument_not_even_a_name_is_refused() {
    for &who in everyone() {
        let path = CString::new(bytes(vesicle().as_os_str())).expect("no NUL");
        let bare = move || {
            let nothing: [*const libc::c_char; 1] = [std::ptr::null()];
            // SAFETY: both arrays are NULL-terminated and live across the call.
            unsafe { libc::execve(path.as_ptr(), nothing.as_ptr(), nothing.as_ptr()) };
            Err(std::io::Error::last_os_error())
        };
        let end = call(who).before(bare).spawn();
        let mark = end.mark.clone();
        end.wait().refuses(125, &[]);
        assert!(marked(&mark).is_empty());
    }
}

#[test]
fn newline_in_a_word_does_not_break_the_line() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        refused(who, &root, &["--non\nsense"], "/bin/true", 125, &[]);
        refused(who, &root, &[], "/bin/no\nwhere", 127, &[]);
        refused(who, &root, &["--bind", "/no\nvesicle: fine", "/data"], "/bin/true", 125, &[]);
    }
}

#[test]
fn what_is_created_for_a_mount_is_what_was_asked_for() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let source = folder(who);
        fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o644)
            .open(source.join("file"))
            .expect("file");
        give(&source.join("file"), who);
        // Whatever the caller's umask is.
        let mask = || {
            // SAFETY: umask can't fail.
            unsafe { libc::umask(0o077) };
            Ok(())
        };
        let from = source.join("file").to_string_lossy().into_owned();
        run(who)
            .before(mask)
            .args(["--tmpfs", "/a/b", "--bind", &from, "/c/file", "--dir", "/d/e"])
            .arg(&root)
            .arg("/bin/true")
            .go()
            .code(0);
        let mode = |path: &str| fs::metadata(root.join(path)).expect("made").permissions().mode() & 0o7777;
        for dir in ["a", "a/b", "c", "d", "d/e"] {
            assert_eq!(mode(dir), 0o755, "{dir}");
        }
        assert!(fs::metadata(root.join("c/file")).expect("made").is_file());
    }
}

/// A word of a command line: random bytes, real options with and without values, numbers, paths.
fn word(options: Vec<String>) -> impl Strategy<Value = OsString> {
    let names = proptest::sample::select(options);
    let paths = proptest::sample::select(vec![
        "/",
        "/data",
        "/bin/true",
        "/proc",
        "/dev",
        "..",
        ".",
        "",
        "--",
        "true",
        "@",
        "@/etc/passwd",
        "run",
    ]);
    let numbers = prop_oneof![
        Just("0".to_string()),
        Just("1".into()),
        Just("-1".into()),
        any::<u64>().prop_map(|n| n.to_string()),
        Just("0:0:1".into()),
        Just("1K".into())
    ];
    let raw = proptest::collection::vec(1u8..=255, 0..40).prop_map(|b| os(&b));
    prop_oneof![
        4 => names.clone().prop_map(|n| OsString::from(format!("--{n}"))),
        1 => (names, raw.clone()).prop_map(|(n, v)| { let mut word = OsString::from(format!("--{n}=")); word.push(v); word }),
        2 => paths.prop_map(OsString::from),
        2 => numbers.prop_map(OsString::from),
        2 => raw,
    ]
}

#[test]
fn garbage_never_crashes_hangs_or_gives_an_unpromised_status() {
    // A payload that says nothing, whatever its name and arguments are.
    let root = tiny_root(Who::User);
    let help = call(Who::User).args(["help", "run"]).go().stdout;
    let options: Vec<String> = help
        .lines()
        .filter_map(|l| l.trim_start().strip_prefix("--")?.split([' ', '=', '[']).next().map(String::from))
        // A run on purpose in the caller's terminal, descriptors 0 to 2 or for ever is not what this is about.
        .filter(|n| !["block-fd", "pid-file"].contains(&n.as_str()))
        .collect();
    assert!(options.len() > 20, "{help}");
    let home = folder(Who::User);
    let config = ProptestConfig {
        cases: 400,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let words = (proptest::collection::vec(word(options), 0..12), any::<bool>(), any::<bool>());
    let mounted = mounts();
    runner
        .run(&words, |(words, with_run, with_end)| {
            let mut launch = call(Who::User).cwd(&home).limit(10);
            if with_run {
                launch = launch.arg("run");
            }
            launch = launch.args(&words);
            if with_end {
                launch = launch.arg(&root).arg("/bin/true");
            }
            let end = launch.go();
            prop_assert!(!end.hung, "it hung: {}", end.shown);
            prop_assert!(end.signal.is_none(), "signal {:?}: {}", end.signal, end.shown);
            prop_assert!(
                matches!(end.code, Some(0 | 125 | 126 | 127)),
                "status {:?}: {}: {}",
                end.code,
                end.shown,
                end.stderr
            );
            if end.code != Some(0) {
                prop_assert!(end.stderr.starts_with("vesicle: "), "{:?}: {}", end.stderr, end.shown);
            }
            prop_assert!(end.left.is_empty(), "left: {:?}", end.left);
            Ok(())
        })
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(new_mounts(&mounted), Vec::<String>::new());
}

#[test]
#[cfg(feature = "template")]
fn template_that_is_no_process_is_refused_before_anything_is_done() {
    for &who in everyone() {
        let root = tiny_root(who);
        for value in [
            "",
            "0",
            "00",
            "-1",
            "+1",
            " 1",
            "1 ",
            "0x1",
            "1e3",
            "2147483648",
            "4294967297",
            "18446744073709551617",
            "self",
            ":",
            ":net",
            "1:",
            "1:,",
            "1:net,",
            "1:,net",
            "1:net:",
            "1:net:uts",
            "1:nets",
            "1:NET",
            "1: net",
            "1:net,net",
            "1:mnt,mount",
        ] {
            let why = "not PID[:NS,...]";
            refused(who, &root, &["--template", value], "/bin/true", 125, &["option --template", value, why]);
            let inline = format!("--template={value}");
            refused(who, &root, &[&inline], "/bin/true", 125, &[inline.as_str(), why]);
        }
    }
}

#[test]
#[cfg(feature = "veth")]
fn pair_of_interfaces_that_makes_no_sense_is_refused_before_anything_is_done() {
    for &who in everyone() {
        let root = tiny_root(who);
        let no_name = "not a name of an interface";
        let no_address = "not an ADDR/LEN";
        let no_gateway = "GATEWAY must be another address";
        for (value, why) in [
            ("", no_name),
            (",10.0.0.2/24", no_name),
            ("0123456789abcdef", no_name),
            ("a/b", no_name),
            ("a:b", no_name),
            ("a b", no_name),
            ("veth%d", no_name),
            (".", no_name),
            ("..", no_name),
            ("v,", no_address),
            ("v,10.0.0.2", no_address),
            ("v,10.0.0.2/", no_address),
            ("v,10.0.0.2/0", no_address),
            ("v,10.0.0.2/33", no_address),
            ("v,10.0.0.2/4294967320", no_address),
            ("v,10.0.0.2/-1", no_address),
            ("v,10.0.0.2/ 24", no_address),
            ("v,10.0.0.2/0x18", no_address),
            ("v,10.0.0/24", no_address),
            ("v,10.0.0.256/24", no_address),
            ("v,010.0.0.2/24", no_address),
            ("v,4294967297.0.0.2/24", no_address),
            ("v,fd00::2/129", no_address),
            ("v,fd00::2::1/64", no_address),
            ("v,fe80::1%eth0/64", no_address),
            ("v,10.0.0.2/24,", no_gateway),
            ("v,10.0.0.2/24,10.0.0.2", no_gateway),
            ("v,10.0.0.2/24,10.0.1.1", no_gateway),
            ("v,10.0.0.2/32,10.0.0.1", no_gateway),
            ("v,10.0.0.2/24,fd00::1", no_gateway),
            ("v,fd00::2/64,fd00:0:0:1::1", no_gateway),
            ("v,10.0.0.2/24,10.0.0.1,x", no_gateway),
        ] {
            refused(who, &root, &["--veth", value], "/bin/true", 125, &["option --veth", value, why]);
            let inline = format!("--veth={value}");
            refused(who, &root, &[&inline], "/bin/true", 125, &[inline.as_str(), why]);
        }
        for how in ["--share-net", "--share-all", "--netns=/proc/self/ns/net", "--deny-net"] {
            refused(
                who,
                &root,
                &["--veth", "v0", how],
                "/bin/true",
                125,
                &["--veth v0", "network namespace of its own"],
            );
        }
        let many: Vec<String> = (0..17).map(|n| format!("--veth=v{n}")).collect();
        let words: Vec<&str> = many.iter().map(String::as_str).collect();
        refused(who, &root, &words, "/bin/true", 125, &["--veth=v16", "16 at most"]);
    }
}
