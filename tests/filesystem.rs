//! The filesystem operations beyond binds, tmpfs and links: each promise is a function.

mod common;

use common::links::{lead_nowhere, state_of};
use common::*;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// A directory of `who` with these files in it.
fn layer(who: Who, files: &[(&str, &str)]) -> PathBuf {
    let dir = folder(who);
    for (name, text) in files {
        fs::write(dir.join(name), text).expect("write");
        give(&dir.join(name), who);
    }
    dir
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a text")
}

#[test]
fn bind_fd_mounts_the_inode_that_was_opened() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let dir = layer(who, &[("which", "checked")]);
        // Between check and launch its name is given to another, and it gets a new one.
        let opened = File::open(&dir).expect("open");
        let moved = dir.with_extension("moved");
        fs::rename(&dir, &moved).expect("rename");
        symlink("/etc", &dir).expect("symlink");
        run(who)
            .fd(7, opened)
            .args(["--bind-fd", "7", "/d", "--ro-bind-fd", "7", "/deep/e"])
            .sh(&root, "cat /d/which; echo more >/d/new; cat /deep/e/new; touch /deep/e/x 2>/dev/null || echo ro; ls /proc/self/fd | wc -w")
            .go()
            // 0, 1, 2 and the one by which ls reads.
            .says("checkedmore\nro\n4");
        // A file.
        let file = File::open(moved.join("which")).expect("open");
        run(who).fd(7, file).args(["--bind-fd", "7", "/f"]).sh(&root, "cat /f").go().says("checked");
        // Without a name there is nothing to mount, and nothing else is mounted in its place.
        let gone = File::open(moved.join("which")).expect("open");
        fs::remove_file(moved.join("which")).expect("unlink");
        let end = run(who).fd(7, gone).args(["--bind-fd", "7", "/f"]).sh(&root, "cat /f").go();
        end.refuses(125, &["7", "ENOENT"]);
    }
}

#[test]
fn bind_fd_refuses_what_its_name_does_not_lead_to() {
    if !is_root() {
        say(
            "SKIP bind_fd_refuses_what_its_name_does_not_lead_to: not root, and nobody else covers a directory",
        );
        return;
    }
    let Some(_) = need!("unshare") else { return };
    for &who in everyone() {
        let (root, dir) = (tiny_root(who), folder(who));
        // Covered after it was opened.
        let script = format!(
            "exec 7<{0}; mount -t tmpfs none {0} || exit 99; exec setpriv --reuid {1} --regid {1} --clear-groups \"$@\"",
            dir.display(),
            uid_of(who)
        );
        run(Who::Root)
            .under(["unshare", "-m", "sh", "-c", &script, "sh"])
            .args(["--bind-fd", "7", "/d"])
            .arg(&root)
            .arg("/bin/true")
            .go()
            .refuses(125, &["7", "ESTALE"]);
    }
}

#[test]
fn data_comes_from_a_descriptor_and_is_nowhere_else() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let look = "cat /data/a /deep/er/b; stat -c %a /data/a /deep/er/b /deep; echo w >>/data/a && tail -n 1 /data/a; \
                    echo w 2>/dev/null >>/deep/er/b || echo ro; ls /proc/self/fd | wc -w; ls -a /.. | grep -c '^[0-9]' || true";
        run(who)
            .fd(7, file_with(b"one\n"))
            .fd(8, file_with(b"two\n"))
            .args(["--bind-data", "7", "/data/a", "--perms", "0640", "--ro-bind-data", "8", "/deep/er/b"])
            .sh(&root, look)
            .go()
            .says("one\ntwo\n600\n640\n750\nw\nro\n4\n0");
        // What it was mounted on is empty.
        assert_eq!(read(&root.join("data/a")), "");
        // All of it, from a pipe, and nothing at all.
        let (from, to) = pipe();
        let text = "0123456789".repeat(50_000);
        let writer = std::thread::spawn({
            let text = text.clone();
            move || std::io::Write::write_all(&mut File::from(to), text.as_bytes()).expect("write")
        });
        run(who)
            .fd(7, from)
            .fd(8, file_with(b""))
            .args(["--bind-data", "7", "/data/long", "--ro-bind-data", "8", "/data/empty"])
            .sh(&root, "wc -c </data/long; tail -c 10 /data/long; wc -c </data/empty")
            .go()
            .says("500000\n01234567890");
        writer.join().expect("writer");
    }
}

#[test]
fn files_are_written_where_they_are_said_to_be() {
    for &who in everyone() {
        for how in [&[][..], &["--read-only"], &["--share-mount"], &["--chroot"]] {
            let Some(root) = rootfs(who) else { return };
            fs::write(root.join("etc/old"), "a much longer text").expect("write");
            fs::set_permissions(root.join("etc/old"), fs::Permissions::from_mode(0o600)).expect("chmod");
            give(&root.join("etc/old"), who);
            symlink("/etc/old", root.join("etc/link")).expect("symlink");
            fs::write(root.join("etc/target"), "").expect("write");
            give(&root.join("etc/target"), who);
            symlink("/etc/target", root.join("etc/other")).expect("symlink");
            run(who)
                .args(how)
                .fd(7, file_with(b"seven"))
                .fd(8, file_with(b"eight"))
                .fd(9, file_with(b"nine"))
                .under(["sh", "-c", "umask 0077; exec \"$@\"", "sh"])
                .args(["--file", "7", "/a/b/new", "--file", "8", "/etc/link"])
                .args(["--perms", "0640", "--file", "9", "/etc/nine"])
                .sh(&root, "cat /a/b/new /etc/old /etc/nine; umask")
                .go()
                .says("seveneightnine0077");
            let mode =
                |name: &str| fs::metadata(root.join(name)).expect("stat").permissions().mode() & 0o7777;
            assert_eq!((mode("a/b/new"), mode("a"), mode("etc/nine")), (0o666, 0o755, 0o640), "{how:?}");
            // What was there keeps its mode and its name.
            assert_eq!(mode("etc/old"), 0o600);
            assert!(root.join("etc/link").is_symlink());
        }
    }
}

#[test]
fn nothing_but_a_file_is_written_to() {
    for &who in everyone() {
        let root = tiny_root(who);
        nix::unistd::mkfifo(&root.join("t/fifo"), nix::sys::stat::Mode::from_bits_truncate(0o666))
            .expect("mkfifo");
        give(&root.join("t/fifo"), who);
        let mut names = vec!["/t/fifo", "/t"];
        if who == Who::Root {
            use nix::sys::stat::{Mode, SFlag, makedev, mknod};
            // A disk of the host, as far as an image is believed.
            mknod(&root.join("t/disk"), SFlag::S_IFBLK, Mode::from_bits_truncate(0o666), makedev(7, 250))
                .expect("mknod");
            mknod(&root.join("t/char"), SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(1, 8))
                .expect("mknod");
            names.extend(["/t/disk", "/t/char"]);
        }
        for name in names {
            let end =
                run(who).fd(7, file_with(b"x")).args(["--file", "7", name]).arg(&root).arg("/bin/true").go();
            end.refuses(125, &["create", name]);
        }
        let dir = File::open("/etc").expect("open");
        let end = run(who).fd(7, dir).args(["--file", "7", "/t/x"]).arg(&root).arg("/bin/true").go();
        end.refuses(125, &["read", "7", "EISDIR"]);
    }
}

#[test]
fn directory_that_is_there_will_do_and_so_will_the_root() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        run(who)
            .words("--dir / --dir /.. --dir /bin/.. --perms 0700 --dir /etc --perms 0711 --dir /new/er --dir /new/er")
            .sh(&root, "stat -c %a /etc /new /new/er")
            .go()
            .says("755\n755\n711");
        run(who)
            .words("--perms 0700 --dir /p/q/r")
            .sh(&root, "stat -c %a /p /p/q /p/q/r")
            .go()
            .says("700\n700\n700");
    }
}

#[test]
fn chmod_changes_what_is_there() {
    for &who in everyone() {
        for how in ["", "--share-mount", "--chroot"] {
            let Some(root) = rootfs(who) else { return };
            fs::write(root.join("etc/x"), "").expect("write");
            give(&root.join("etc/x"), who);
            symlink("/etc/x", root.join("link")).expect("symlink");
            run(who)
                .words(how)
                .words("--chmod 0710 / --chmod 4751 /link --chmod 1700 /tmp")
                .sh(&root, "stat -c %a / /etc/x /tmp")
                .go()
                .says("710\n4751\n1700");
            run(who)
                .words(how)
                .words("--chmod 700 /missing")
                .arg(&root)
                .arg("/bin/true")
                .go()
                .refuses(125, &["change mode of /missing", "ENOENT"]);
        }
    }
}

#[test]
fn remount_ro_is_for_one_mount_and_what_comes_later_obeys() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let probe = "for d in / /data /t /t/below; do touch $d/x 2>&- && echo rw || echo ro; done";
        run(who)
            .words("--tmpfs /t --tmpfs /t/below --remount-ro /t --remount-ro /")
            .sh(&root, probe)
            .go()
            .says("ro\nro\nro\nrw");
        run(who)
            .words("--remount-ro / --dir /late")
            .arg(&root)
            .arg("/bin/true")
            .go()
            .refuses(125, &["create /late", "EROFS"]);
        for dest in ["/data", "/bin/busybox"] {
            run(who)
                .args(["--remount-ro", dest])
                .arg(&root)
                .arg("/bin/true")
                .go()
                .refuses(125, &["make read-only", dest, "EINVAL", "no mount point"]);
        }
        // The host's own mount stays writable.
        fs::write(root.join("data/still"), "").expect("write");
    }
}

#[test]
fn masks_show_nothing_and_missing_paths_need_none() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        fs::create_dir(root.join("etc/secrets")).expect("mkdir");
        for name in ["etc/one", "etc/two", "etc/secrets/three"] {
            fs::write(root.join(name), "secret").expect("write");
            give(&root.join(name), who);
        }
        symlink("/etc/two", root.join("etc/link")).expect("symlink");
        let look = "cat /etc/one /etc/two; echo x >/etc/one; cat /etc/one; for d in /etc/secrets /data /proc/sys; do ls -A $d; \
                    touch $d/x 2>/dev/null && echo rw || echo ro; done; grep -c ' /etc/one ' /proc/mounts; ls /proc/self/fd | wc -w";
        for how in ["", "--read-only", "--chroot", "--init"] {
            let masks =
                ["/nowhere", "/etc/one", "/etc/one/below", "/etc/secrets", "/etc/link", "/data", "/proc/sys"];
            let masks = masks.iter().flat_map(|m| ["--mask", m]);
            run(who).words(how).args(masks).sh(&root, look).go().says("ro\nro\nro\n1\n4");
        }
        assert_eq!(read(&root.join("etc/one")), "secret");
        assert!(!root.join("nowhere").exists());
        for dest in ["/bin/..", "/data/../tmp/.."] {
            let end = run(who).args(["--mask", dest]).arg(&root).arg("/bin/true").go();
            end.refuses(125, &["mount", dest, "EBUSY"]);
        }
        // Many: each is a copy of the one before.
        let masks: Vec<&str> = (0..1500).flat_map(|n| ["--mask", ["/etc/one", "/data"][n % 2]]).collect();
        run(who).args(masks).arg(&root).args(["/bin/cat", "/etc/one"]).go().says("");
    }
}

#[test]
fn mask_of_a_file_is_the_device_null_and_nothing_else() {
    if !is_root() {
        say(
            "SKIP mask_of_a_file_is_the_device_null_and_nothing_else: not root, and nobody else changes /dev",
        );
        return;
    }
    let Some(_) = need!("unshare") else { return };
    for &who in everyone() {
        let root = tiny_root(who);
        fs::write(root.join("etc/secret"), "").expect("write");
        for fake in ["mount --bind /etc/passwd /dev/null", "mount --bind /dev/zero /dev/null"] {
            let script = format!(
                "{fake} || exit 99; exec setpriv --reuid {0} --regid {0} --clear-groups \"$@\"",
                uid_of(who)
            );
            run(Who::Root)
                .under(["unshare", "-m", "sh", "-c", &script, "sh"])
                .args(["--mask", "/etc/secret"])
                .arg(&root)
                .arg("/bin/true")
                .go()
                .refuses(125, &["open source /dev/null", "ENXIO"]);
        }
        // That of the image counts for nothing.
        fs::write(root.join("dev/null"), "not empty").expect("write");
        run(who).args(["--mask", "/etc/secret"]).arg(&root).arg("/bin/true").go().code(0);
    }
}

#[test]
fn cgroups_can_be_written_by_nobody_who_is_root_outside() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let look = "grep ' /cg[ /]' /proc/mounts";
        let own = run(who).words("--cgroup /cg").sh(&root, look).go();
        own.code(0);
        assert_eq!(own.stdout.lines().count(), 1, "{}", own.stdout);
        assert!(own.stdout.starts_with("cgroup2 /cg cgroup2 "), "{}", own.stdout);
        assert_eq!(own.stdout.contains(" ro,"), who == Who::Root, "{}", own.stdout);
        for flag in ["nosuid", "nodev", "noexec"] {
            assert!(own.stdout.contains(flag), "{}", own.stdout);
        }
        if !Path::new("/sys/fs/cgroup/cgroup.procs").exists()
            && fs::read_dir("/sys/fs/cgroup").map_or(0, |d| d.count()) == 0
        {
            say("SKIP cgroups_can_be_written_by_nobody_who_is_root_outside: /sys/fs/cgroup is empty here");
            continue;
        }
        let shared = run(who).words("--share-cgroup --cgroup /cg").sh(&root, look).go();
        shared.code(0);
        assert!(shared.stdout.lines().count() >= 1);
        for line in shared.stdout.lines() {
            assert!(line.contains(" ro,"), "{line}");
        }
    }
    // The options of the host's are what they were.
    let options =
        |text: String| text.lines().filter(|l| l.contains("cgroup")).map(String::from).collect::<Vec<_>>();
    let before = options(read(Path::new("/proc/mounts")));
    run(everyone()[0])
        .words("--share-cgroup --cgroup /data")
        .arg(tiny_root(everyone()[0]))
        .arg("/bin/true")
        .go();
    assert_eq!(options(read(Path::new("/proc/mounts"))), before);
}

#[test]
fn mqueue_is_that_of_the_ipc_namespace() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        if !read(Path::new("/proc/filesystems")).contains("mqueue") {
            skip("mqueue_is_that_of_the_ipc_namespace", "this kernel has no mqueue");
            return;
        }
        run(who)
            .words("--mqueue /dev/mqueue")
            .sh(&root, "ls /dev/mqueue; touch /dev/mqueue/q && ls /dev/mqueue; grep -o 'mqueue rw,nosuid,nodev,noexec' /proc/mounts")
            .go()
            .says("q\nmqueue rw,nosuid,nodev,noexec");
        if who == Who::User {
            let end = run(who).words("--share-ipc --mqueue /dev/mqueue").arg(&root).arg("/bin/true").go();
            end.refuses(125, &["mount /dev/mqueue", "EPERM"]);
        }
    }
}

#[test]
#[cfg(feature = "overlay")]
fn overlays_show_the_last_layer_first_and_keep_writes_apart() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let low = layer(who, &[("both", "low"), ("low", "l")]);
        let high = layer(who, &[("both", "high"), ("high", "h")]);
        let (upper, work) = (layer(who, &[("upper", "u")]), folder(who));
        let layers = |launch: Launch| launch.arg("--overlay-src").arg(&low).arg("--overlay-src").arg(&high);

        let write = "cat /o/both; echo new >/o/new && echo changed >/o/low && rm /o/high && ls /o";
        layers(run(who))
            .args(["--tmp-overlay", "/o"])
            .sh(
                &root,
                &format!("{write}; touch /o/x/y 2>/dev/null; ls -a /.. | grep -c -x -e u -e w -e n || true"),
            )
            .go()
            .says("highboth\nlow\nnew\n0");
        // Each its own.
        layers(layers(run(who)).args(["--tmp-overlay", "/o"]))
            .args(["--tmp-overlay", "/q"])
            .sh(&root, "echo x >/o/x; ls /q; cat /q/both; echo y >/q/y; ls /o")
            .go()
            .says("both\nhigh\nlow\nhighboth\nhigh\nlow\nx");

        layers(run(who))
            .args(["--ro-overlay", "/o"])
            .sh(&root, "cat /o/both /o/low; touch /o/x 2>/dev/null || echo ro")
            .go()
            .says("highlro");

        layers(run(who))
            .arg("--overlay")
            .args([&upper, &work])
            .args(["/o", "--read-only"])
            .sh(&root, write)
            .go()
            .says("highboth\nlow\nnew\nupper");
        assert_eq!(
            (read(&upper.join("new")), read(&upper.join("low"))),
            ("new\n".into(), "changed\n".into())
        );
        // It goes on where it was.
        layers(run(who))
            .arg("--overlay")
            .args([&upper, &work])
            .arg("/o")
            .sh(&root, "ls /o; cat /o/low")
            .go()
            .says("both\nlow\nnew\nupper\nchanged");

        // The layers themselves are as they were.
        assert_eq!((read(&low.join("low")), read(&high.join("high"))), ("l".into(), "h".into()));
        assert!(!low.join("new").exists() && !high.join("new").exists());
        let _ = fs::set_permissions(work.join("work"), fs::Permissions::from_mode(0o700));
    }
}

#[test]
#[cfg(feature = "overlay")]
fn bytes_in_the_name_of_a_layer_mean_nothing() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let odd = folder(who).join("a,b:c\\d\"e,lowerdir=/etc");
        let deep = folder(who).join("x".repeat(200)).join("y".repeat(200));
        for (dir, name) in [(&odd, "odd"), (&deep, "deep")] {
            fs::create_dir_all(dir).expect("mkdir");
            fs::write(dir.join(name), name).expect("write");
        }
        let (upper, work) = (odd.with_file_name("up:,\\"), odd.with_file_name("wo,:\\rk"));
        for dir in [&upper, &work] {
            fs::create_dir(dir).expect("mkdir");
            give(dir, who);
        }
        for kind in [&["--tmp-overlay"][..], &["--ro-overlay"], &["--overlay"]] {
            let mut launch =
                run(who).arg("--overlay-src").arg(&odd).arg("--overlay-src").arg(&deep).args(kind);
            if kind == ["--overlay"] {
                launch = launch.args([&upper, &work]);
            }
            launch.arg("/o").sh(&root, "cat /o/odd /o/deep; ls /o | wc -l").go().says("odddeep2");
        }
        let _ = fs::set_permissions(work.join("work"), fs::Permissions::from_mode(0o700));
    }
}

#[test]
#[cfg(feature = "overlay")]
fn overlays_of_many_layers_work_or_say_that_it_is_too_many() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let layers: Vec<PathBuf> = (0..100).map(|n| layer(who, &[(&format!("f{n}"), "x")])).collect();
        let sources = || layers.iter().flat_map(|l| ["--overlay-src".as_ref(), l.as_os_str()]);
        run(who).args(sources()).args(["--ro-overlay", "/o"]).sh(&root, "ls /o | wc -l").go().says("100");
        let many = (0..4).flat_map(|_| sources());
        run(who)
            .args(many)
            .args(["--ro-overlay", "/o"])
            .arg(&root)
            .arg("/bin/true")
            .go()
            .refuses(125, &["mount overlay /o"]);
    }
}

#[test]
#[cfg(feature = "overlay")]
fn overlays_that_cannot_be_say_what_is_wrong() {
    for &who in everyone() {
        let root = tiny_root(who);
        let (a, work) = (folder(who), folder(who));
        fs::create_dir(a.join("in")).expect("mkdir");
        give(&a.join("in"), who);
        let text = |p: &Path| p.display().to_string();
        let (a, inside, work) = (text(&a), text(&a.join("in")), text(&work));
        let cases: &[(&[&str], &[&str])] = &[
            (&["--overlay-src", "/missing", "--tmp-overlay", "/o"], &["open source /missing", "ENOENT"]),
            (
                &["--overlay-src", "/etc/passwd", "--tmp-overlay", "/o"],
                &["open source /etc/passwd", "ENOTDIR"],
            ),
            (
                &["--overlay-src", &a, "--overlay", "/missing", &work, "/o"],
                &["open source /missing", "ENOENT"],
            ),
            (&["--overlay-src", &a, "--overlay", &inside, "/proc", "/o"], &["mount overlay /o"]),
            (&["--overlay-src", &a, "--overlay", &work, &work, "/o"], &["mount overlay /o"]),
            (&["--overlay-src", &a, "--tmp-overlay", "/bin/true"], &["mount /bin/true", "ENOTDIR"]),
            (&["--overlay-src", &a, "--tmp-overlay", "/bin/.."], &["/bin/..", "EBUSY"]),
        ];
        for (words, named) in cases {
            run(who).args(*words).arg(&root).arg("/bin/true").go().refuses(125, named);
        }
    }
}

/// Every operation, with `DEST` for where; what it reads is on descriptors 20 and 21.
const ALL: &[&str] = &[
    "--bind SRC DEST",
    "--ro-bind SRC/file DEST",
    "--bind-fd 21 DEST",
    "--ro-bind-fd 21 DEST",
    "--tmpfs DEST",
    "--dev DEST",
    "--sysfs DEST",
    "--cgroup DEST",
    "--share-cgroup --cgroup DEST",
    "--mqueue DEST",
    "--dir DEST",
    "--symlink x DEST",
    "--file 20 DEST",
    "--perms 0644 --bind-data 20 DEST",
    "--ro-bind-data 20 DEST",
    "--chmod 0000 DEST",
    "--remount-ro DEST",
    "--mask DEST",
    "--proc DEST",
    #[cfg(feature = "overlay")]
    "--overlay-src SRC --tmp-overlay DEST",
    #[cfg(feature = "overlay")]
    "--overlay-src SRC --overlay-src /etc --ro-overlay DEST",
];

#[test]
fn directory_that_nobody_may_enter_can_be_covered() {
    if !is_root() {
        return say("SKIP directory_that_nobody_may_enter_can_be_covered: not root");
    }
    let Some(root) = rootfs(Who::User) else { return };
    let closed = root.join("closed");
    fs::create_dir(&closed).expect("mkdir");
    fs::write(closed.join("secret"), "secret").expect("write");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).expect("chmod");
    for how in ["", "--init", "--chroot"] {
        run(Who::User).words(how).sh(&root, "ls /closed").go().code(1);
        let look = "ls /closed | grep -x -e null -e block -e new; grep -c ' /closed ' /proc/self/mountinfo";
        for (operations, seen) in [
            ("--tmpfs /closed --dir /closed/new", "new\n1"),
            ("--dev /closed", "null\n1"),
            ("--sysfs /closed", "block\n1"),
            ("--mqueue /closed", "1"),
            ("--mask /closed", "1"),
        ] {
            run(Who::User).words(how).words(operations).sh(&root, look).go().says(seen);
        }
    }
    assert_eq!(fs::read_dir(&closed).expect("a directory").count(), 1);
}

#[test]
fn no_destination_leads_out_of_the_root() {
    lead_nowhere(ALL, 125, |who, root, words, n| {
        run(who).args(["--chroot"].iter().take(n % 2)).words(words).arg(root).arg("/bin/true")
    });
}

#[test]
fn directory_that_becomes_a_link_meanwhile_leads_no_operation_out() {
    use std::sync::atomic::{AtomicBool, Ordering};
    for &who in everyone() {
        let root = tiny_root(who);
        let (outside, source) = (layer(who, &[("sub", "host")]), layer(who, &[("file", "source")]));
        fs::create_dir(source.join("dir")).expect("mkdir");
        fs::create_dir(root.join("flip")).expect("mkdir");
        fs::write(root.join("flip/sub"), "inside").expect("write");
        for path in [root.join("flip"), root.join("flip/sub"), source.join("dir")] {
            give(&path, who);
        }
        symlink(&outside, root.join("link")).expect("symlink");
        let (before, sources) = (state_of(&outside), state_of(&source));
        let (stop, one, other) = (AtomicBool::new(false), root.join("flip"), root.join("link"));
        std::thread::scope(|threads| {
            threads.spawn(|| {
                use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
                while !stop.load(Ordering::Relaxed) {
                    renameat2(AT_FDCWD, &one, AT_FDCWD, &other, RenameFlags::RENAME_EXCHANGE)
                        .expect("exchange");
                }
            });
            for round in 0..20 {
                for operation in ALL {
                    let dest = ["/flip/sub", "/flip/new", "/flip/made/deep"][round % 3];
                    let words = operation.replace("SRC", &source.display().to_string()).replace("DEST", dest);
                    let end = run(who)
                        .fd(20, file_with(b"x"))
                        .fd(21, File::open(&source).expect("open"))
                        .words(&words)
                        .arg(&root)
                        .arg("/bin/true")
                        .go();
                    assert!(!end.hung && matches!(end.code, Some(0 | 125)), "{end:?}");
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(state_of(&outside), before);
        assert_eq!(state_of(&source), sources);
    }
}

#[test]
fn descriptors_that_operations_read_do_not_reach_the_payload_unless_kept() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let launch = || {
            run(who)
                .fd(20, file_with(b"data"))
                .fd(21, File::open("/etc").expect("open"))
                .words("--file 20 /etc/made --bind-fd 21 /data")
        };
        launch().sh(&root, "ls /proc/self/fd | wc -w; cat /etc/made").go().says("4\ndata");
        launch().words("--keep-fd 20").sh(&root, "ls /proc/self/fd | wc -w; cat <&20").go().says("5");
        launch().words("--keep-fd 21 --init").sh(&root, "ls /proc/self/fd | wc -w").go().says("5");
    }
}
