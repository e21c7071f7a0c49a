//! A payload or a root file system that wants out: what the field was hit by, and GOTCHAS of our own. SECURITY.md names each.

mod common;

use common::*;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn descriptors_opened_before_do_not_reach_the_payload() {
    let look = "for n in $(seq 3 300 2>/dev/null || echo 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 30 40 50 64 100 199); do \
                [ -L /proc/self/fd/$n ] && echo $n; done; true";
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init", "--chroot", "--dev /dev --tmpfs /tmp"] {
            let mut launch = run(who).words(how);
            for n in 3..13 {
                launch =
                    launch.fd(n, File::open(["/", "/etc", "/proc", "/tmp"][n as usize % 4]).expect("open"));
            }
            launch
                .fd(64, File::open("/").expect("open"))
                .fd(199, File::open("/").expect("open"))
                .sh(&root, look)
                .go()
                .says("");
        }
        run(who)
            .fd(7, File::open("/etc").expect("open"))
            .fd(8, File::open("/etc").expect("open"))
            .args(["--keep-fd", "8"])
            .sh(&root, look)
            .go()
            .says("8");
    }
}

#[test]
fn working_directory_in_a_leaked_descriptor_is_refused() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for n in 3..=64 {
            let mut launch = run(who).args(["--chdir", &format!("/proc/self/fd/{n}")]);
            for fd in 3..13 {
                launch = launch.fd(fd, File::open("/").expect("open"));
            }
            launch.arg(&root).args(["/bin/pwd"]).go().refuses(125, &["/proc/self/fd/"]);
        }
        // And a working directory outside when the call is made is not the payload's.
        run(who).cwd(Path::new("/usr")).arg(&root).arg("/bin/pwd").go().says("/");
    }
}

#[test]
fn joining_process_shows_nothing_of_the_host_to_the_container() {
    if !is_root() {
        say("SKIP joining_process_shows_nothing_of_the_host_to_the_container: not root");
        return;
    }
    let Some(root) = rootfs(Who::Root) else { return };
    let (secret, other) = (folder(Who::Root).join("secret"), rootfs(Who::Root).expect("busybox"));
    File::create(&secret).expect("a file");
    // Root inside has ids of its own, and looks at every process that comes.
    let look = format!(
        "cd /proc; echo up; while :; do for p in [0-9]*; do [ $p = 1 ] || {{ [ -e $p/root{0} ] && echo $p; }}; done; done",
        secret.display()
    );
    let pid_file = folder(Who::Root).join("pid");
    let mut first = run(Who::Root)
        .words("--unshare-user --map-users 0:100000:65536 --map-groups 0:100000:65536")
        .arg("--pid-file")
        .arg(&pid_file)
        .sh(&root, &look)
        .limit(120)
        .spawn();
    first.until_says("up");
    let pid = fs::read_to_string(&pid_file).expect("pid file").trim().to_string();
    for how in ["", "--init"] {
        for _ in 0..200 {
            let end = run(Who::Root)
                .words(how)
                .words(&format!("--uid 0 --userns /proc/{pid}/ns/user --pidns /proc/{pid}/ns/pid"))
                .arg(&other)
                .arg("/bin/true")
                .go();
            assert!(!end.hung, "{end:?}");
            assert_eq!(first.stdout(), "up\n", "the container sees the host through the process that joins");
        }
    }
    first.signal(Signal::SIGKILL);
    kill_marked(&first.mark);
    first.wait();
}

/// Launches ten thousand times with words that change, while another thread exchanges two names as fast as it can. Without what
/// a test looks at else: processes are counted by the tests that are not about thousands of them.
fn race(who: Who, (one, other): (&Path, &Path), words: impl Fn(usize) -> Vec<String>) {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    use std::os::unix::process::CommandExt;
    let stop = AtomicBool::new(false);
    let launches = if is_thorough() { 10_000 } else { 1_000 } / everyone().len();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE).expect("exchange");
            }
        });
        let mut ran = 0;
        for round in 0..launches {
            let mut command = Command::new(vesicle());
            command.arg("run").args(words(round)).stdin(Stdio::null()).stdout(Stdio::null());
            command.stderr(Stdio::null());
            if who == Who::User && is_root() {
                command.uid(UID).gid(UID);
            }
            let code = command.status().expect("vesicle").code();
            assert!(matches!(code, Some(0 | 125..=127)), "{:?}: {code:?}", words(round));
            ran += usize::from(code == Some(0));
        }
        stop.store(true, Ordering::Relaxed);
        say(&format!("{launches} launches in a race as {who:?}, of which {ran} ran COMMAND"));
        assert!(ran > 0, "none of them got through");
    });
}

#[test]
fn directory_that_becomes_a_link_meanwhile_leads_nothing_out() {
    for &who in everyone() {
        let root = tiny_root(who);
        let (outside, source) = (folder(who), folder(who));
        for dir in ["flip", "flip/sub"] {
            fs::create_dir(root.join(dir)).expect("mkdir");
            give(&root.join(dir), who);
        }
        // What a chroot would make of the link, and what the host would.
        symlink(&outside, root.join("link")).expect("symlink");
        let operations = [
            ["--tmpfs", "/flip/sub"],
            ["--dir", "/flip/made/deep"],
            ["--dev", "/flip/sub"],
            ["--proc", "/flip/sub"],
            ["--sysfs", "/flip/sub"],
        ];
        race(who, (&root.join("flip"), &root.join("link")), |round| {
            let mut words = operations[round % operations.len()].map(String::from).to_vec();
            if round % 2 == 0 {
                words.extend(["--bind".into(), source.display().to_string(), "/flip/bound/here".into()]);
            }
            if round % 3 > 0 {
                // Nine in ten of the time is that namespace's.
                words.push("--share-net".into());
            }
            words.extend([root.display().to_string(), "/bin/true".into()]);
            words
        });
        assert_eq!(tree(&outside), Vec::<String>::new(), "made outside of the root");
        assert_eq!(tree(&source), Vec::<String>::new());
    }
}

#[test]
fn file_of_vesicle_cannot_be_written_from_inside() {
    let before = fs::read(vesicle()).expect("vesicle");
    // Whoever may write the file is the one to try it.
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let own = folder(who).join("vesicle");
        fs::copy(vesicle(), &own).expect("a copy");
        give(&own, who);
        // The file of an init that runs is busy; one that has ended takes the container with it.
        // (It can't be seen as long as it has capabilities that COMMAND has not: for a moment.)
        let script = "exe=/proc/$PPID/exe; n=0; \
                      until ( exec 3<$exe ) 2>/dev/null || [ $n = 50 ]; do n=$((n + 1)); usleep 20000; done; \
                      [ $n = 50 ] && echo unseen || exec 3<$exe; for file in $exe /proc/self/fd/3; do \
                      ( : >$file ) 2>/dev/null && echo written; ( : >>$file ) 2>/dev/null && echo written; done; true";
        for how in ["--init", "--init --share-pid"] {
            let end = program(who, [own.as_os_str(), "run".as_ref()]).words(how).sh(&root, script).go();
            end.code(0);
            assert_eq!(end.stdout, "", "{who:?} {how}");
            assert!(fs::read(&own).expect("own") == before, "{who:?} {how}: the file has changed");
        }
    }
}

#[test]
fn set_id_programs_of_the_root_give_nothing() {
    if !is_root() {
        say(
            "SKIP set_id_programs_of_the_root_give_nothing: not root, and nobody else makes one of another user's",
        );
        return;
    }
    let Some(root) = rootfs(Who::Root) else { return };
    // vesicle is a program that tells whether it runs with more rights than its caller: it refuses.
    let program = root.join("bin/set-id");
    fs::copy(vesicle(), &program).expect("copy");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o6755)).expect("chmod");
    let started =
        |who, how: &str| run(who).words(how).arg(&root).words("/bin/set-id run --share-all / /bin/true").go();
    for how in ["", "--init", "--unshare-user"] {
        started(Who::Root, &format!("--uid 7 --gid 7 {how}")).code(0);
    }
    started(Who::Root, "--uid 7 --gid 7 --allow-new-privs").refuses(125, &["set-user-ID"]);
    // Of another user's file nothing is left where that user is not mapped.
    started(Who::User, "--uid 7 --gid 7").code(0);
    started(Who::User, "--uid 7 --gid 7 --allow-new-privs").code(0);
}

#[test]
fn bind_over_proc_is_seen_by_the_payload_alone() {
    for &who in everyone() {
        let (Some(root), source) = (rootfs(who), folder(who)) else { return };
        fs::write(source.join("uid_map"), "nothing").expect("write");
        // What an image or a volume has in the place of proc is not what vesicle writes to.
        let end = run(who)
            .args(["--bind".as_ref(), source.as_os_str(), "/proc".as_ref()])
            .sh(&root, "cat /proc/uid_map; ls /proc")
            .go();
        end.code(0);
        assert!(end.stdout.starts_with("nothing"), "{}", end.stdout);
        assert_eq!(fs::read_to_string(source.join("uid_map")).expect("read"), "nothing");
        assert_eq!(tree(&source).len(), 1);
        // And where proc comes after it, the source is covered, not written.
        run(who)
            .args(["--bind".as_ref(), source.as_os_str(), "/proc/sys".as_ref()])
            .sh(&root, "cat /proc/sys/uid_map")
            .go()
            .says("nothing");
    }
}
