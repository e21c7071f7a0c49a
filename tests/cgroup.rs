//! A container in a cgroup of its own, on a machine that may have no controller for it: tests/cases.sh has the limits, in
//! guests that have them.

mod common;

use common::*;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

/// Our own cgroup of version 2, if we may make others in it: root may.
fn own() -> Option<PathBuf> {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("?").to_string();
    if !is_root() {
        say(&format!("SKIP {name}: not root, and nothing is delegated"));
        return None;
    }
    let text = fs::read_to_string("/proc/self/cgroup").expect("/proc/self/cgroup");
    let path = text.lines().find_map(|l| l.strip_prefix("0::/")).unwrap_or_default();
    let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
    let own =
        roots.iter().map(|r| Path::new(r).join(path)).find(|d| d.join("cgroup.subtree_control").exists());
    if own.is_none() {
        skip(&name, "no cgroup2 is mounted here");
    }
    own
}

/// A name that no other test has, nor begins one of another with, for a cgroup.
fn name() -> String {
    format!("vesicle-test-{}-", new_mark())
}

/// What there is of cgroups with this name in them.
fn left(own: &Path, name: &str) -> Vec<String> {
    let mut list = tree(own);
    list.retain(|line| {
        line.contains(name) && line.split(' ').nth(1).is_some_and(|mode| mode.starts_with('4'))
    });
    list
}

const LOOK: &str = "sed -n s/^0:://p /proc/self/cgroup";

#[test]
fn container_is_born_in_its_cgroup() {
    let (Some(own), Some(_)) = (own(), need!("strace")) else { return };
    let Some(root) = rootfs(Who::Root) else { return };
    let name = name();
    for how in ["", "--init", "--unshare-user", "--share-pid", "--block-fd 9"] {
        let log = folder(Who::Root).join("log");
        let traced = ["strace", "-f", "-qq", "-e", "trace=clone3,write,unshare", "-o"];
        let end = run(Who::Root)
            .under(traced)
            .under([&log])
            .words(&format!("--cgroup {name} {how}"))
            .fd(9, fs::File::open("/dev/null").expect("/dev/null"))
            .sh(&root, LOOK)
            .go();
        end.says("/");
        let log = fs::read_to_string(log).expect("the log");
        assert!(log.contains("CLONE_INTO_CGROUP") && log.contains("unshare(CLONE_NEWCGROUP"), "{how}: {log}");
        assert!(!log.contains("\"0\", 1"), "{how}: a process was moved: {log}");
        assert!(left(&own, &name).is_empty(), "{how}: {:?}", left(&own, &name));
    }
    let end = run(Who::Root).words(&format!("--share-cgroup --cgroup {name}")).sh(&root, LOOK).go();
    end.code(0);
    assert!(end.stdout.trim_end().ends_with(&format!("/{name}")), "{}", end.stdout);
}

#[test]
fn where_no_clone_can_do_it_the_child_moves_first() {
    let (Some(own), Some(_)) = (own(), need!("strace")) else { return };
    let Some(root) = rootfs(Who::Root) else { return };
    let name = name();
    for errno in ["ENOSYS", "EPERM"] {
        for how in ["", "--init", "--unshare-user", "--share-cgroup"] {
            let log = folder(Who::Root).join("log");
            let inject = format!("--inject=clone3:error={errno}");
            let end = run(Who::Root)
                .under(["strace", "-f", "-qq", "-o"])
                .under([&log])
                .under(["--trace=clone3,clone,write,unshare,socket,mount", &inject])
                .words(&format!("--cgroup {name} {how}"))
                .sh(&root, LOOK)
                .go();
            end.code(0);
            let inside = if how == "--share-cgroup" { format!("/{name}") } else { "/".into() };
            assert!(end.stdout.trim_end().ends_with(&inside), "{errno} {how}: {}", end.stdout);
            let log = fs::read_to_string(log).expect("the log");
            let first = log.lines().find(|l| !l.contains("clone")).expect("a call of the child");
            assert!(
                first.contains("write(") && first.contains("\"0\", 1"),
                "{errno} {how}: the child's first step: {log}"
            );
            assert!(left(&own, &name).is_empty(), "{errno} {how}");
        }
    }
}

#[test]
fn what_is_made_goes_and_what_was_there_stays() {
    let Some(own) = own() else { return };
    let Some(root) = rootfs(Who::Root) else { return };
    let name = name();
    run(Who::Root).words(&format!("--cgroup {name}/a/b/c")).sh(&root, LOOK).go().says("/");
    assert!(left(&own, &name).is_empty(), "{:?}", left(&own, &name));
    fs::create_dir(own.join(&name)).expect("a cgroup");
    run(Who::Root).words(&format!("--cgroup {name}/a/b")).sh(&root, "exit 7").go().code(7);
    assert_eq!(left(&own, &name).len(), 1);
    // Of a launch that fails too.
    let failed = run(Who::Root).words(&format!("--cgroup {name}/a/b")).arg("/nowhere").arg("/bin/true").go();
    failed.refuses(125, &["open rootfs /nowhere"]);
    let failed = run(Who::Root).words(&format!("--cgroup {name}/a/b --pid-file /nowhere/pid"));
    failed.sh(&root, "exit 7").go().refuses(125, &["write /nowhere/pid"]);
    assert_eq!(left(&own, &name).len(), 1);
    run(Who::Root).words(&format!("--cgroup {name}")).sh(&root, LOOK).go().says("/");
    fs::remove_dir(own.join(&name)).expect("it was left");
    // What can't be made leaves nothing of what leads to it.
    for (path, errno) in [
        (format!("{name}/a/cgroup.procs/b"), "EEXIST"),
        (format!("{name}{}", "/a".repeat(2050)), "ENAMETOOLONG"),
    ] {
        let end = run(Who::Root).args(["--cgroup", &path]).sh(&root, LOOK).go();
        end.refuses(125, &["make cgroup", errno]);
    }
    assert!(left(&own, &name).is_empty(), "{:?}", left(&own, &name));
}

#[test]
fn nobody_is_left_in_a_cgroup_that_was_made() {
    let Some(own) = own() else { return };
    let Some(root) = rootfs(Who::Root) else { return };
    let name = name();
    // Beyond the end of COMMAND, outside of any PID namespace.
    let end = run(Who::Root)
        .words(&format!("--share-pid --dev /dev --cgroup {name}"))
        .sh(&root, "sleep 999 & exit 3")
        .go();
    end.code(3);
    // In cgroups of its own: very many, and very deep.
    let many = "cd /cg; for i in 1 2 3 4 5 6 7 8 9; do mkdir -p w$i/x/y; done; sleep 999 & echo $! >w3/x/y/cgroup.procs;
        n=0; while [ $n -lt 200 ] && mkdir d; do cd d; n=$((n+1)); done; echo made $n; exit 4";
    let end = run(Who::Root)
        .words(&format!("--share-pid --unshare-user --dev /dev --cgroup /cg --cgroup {name}"))
        .sh(&root, many)
        .go();
    end.code(4);
    assert_eq!(end.stdout, "made 200\n", "{}", end.stderr);
    assert!(left(&own, &name).is_empty(), "{:?}", left(&own, &name));
    // In one that was there they stay.
    fs::create_dir(own.join(&name)).expect("a cgroup");
    let mut running = run(Who::Root)
        .words(&format!("--share-pid --dev /dev --cgroup {name}"))
        .sh(&root, "sleep 999 & echo done; exit 3")
        .spawn();
    running.until_says("done");
    let events = || fs::read_to_string(own.join(&name).join("cgroup.events")).expect("events");
    running.until("the end", |r| state(r.pid()).is_none_or(|s| s == 'Z'));
    assert!(events().contains("populated 1"), "{}", events());
    drop(running);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while events().contains("populated 1") && std::time::Instant::now() < end {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    fs::remove_dir(own.join(&name)).expect("it was left");
}

#[test]
fn cgroups_that_are_mounted_show_the_container_its_own_alone() {
    let Some(own) = own() else { return };
    let Some(root) = rootfs(Who::Root) else { return };
    let (name, other) = (name(), name());
    fs::create_dir(own.join(&other)).expect("a cgroup");
    let look = "cd /cg; ls -d */ 2>/dev/null; mkdir mine; ls -d */; cat cgroup.procs | head -n 1";
    let end =
        run(Who::Root).words(&format!("--unshare-user --cgroup {name} --cgroup /cg")).sh(&root, look).go();
    fs::remove_dir(own.join(&other)).expect("rmdir");
    end.says("mine/\n1");
    assert!(left(&own, &name).is_empty(), "{:?}", left(&own, &name));
}

#[test]
fn controller_of_a_v1_hierarchy_is_refused_by_its_mount() {
    let Some(own) = own() else { return };
    let there = fs::read_to_string(own.join("cgroup.controllers")).expect("cgroup.controllers");
    let mounted = mounts();
    for (option, controller, old) in [
        ("--memory 64M", "memory", "memory"),
        ("--swap 0", "memory", "memory"),
        ("--pids 9", "pids", "pids"),
        ("--cpus 0.5", "cpu", "cpu"),
        ("--cpu-weight 7", "cpu", "cpu"),
        ("--io-weight 7", "io", "blkio"),
    ] {
        let v1 = mounted.iter().find_map(|line| {
            let (mount, system) = line.split_once(" - cgroup ")?;
            let has = system.split(' ').next_back()?.split(',').any(|o| o == old);
            has.then(|| mount.split(' ').nth(4).unwrap_or_default().to_string())
        });
        if there.split_whitespace().any(|c| c == controller) {
            say(&format!("SKIP {option}: {controller} is a controller of cgroup2 here"));
            continue;
        }
        let name = name();
        let line = match v1 {
            Some(mount) => format!(
                "enable controller {controller}, which is bound to a v1 hierarchy at {mount}: boot with cgroup_no_v1=all"
            ),
            None => format!("enable controller {controller}: not delegated"),
        };
        for how in ["".to_string(), format!("--cgroup {name}/a")] {
            let end = run(Who::Root).words(&format!("{option} {how}")).args(["/", "/bin/true"]).go();
            end.refuses(125, &[&line]);
        }
        assert!(left(&own, &name).is_empty(), "{:?}", left(&own, &name));
    }
}

#[test]
fn who_was_lent_no_cgroup_is_refused_and_who_was_is_not() {
    let Some(own) = own() else { return };
    let Some(root) = rootfs(Who::User) else { return };
    let name = name();
    let refused = run(Who::User).words("--cgroup box").sh(&root, LOOK).go();
    refused.refuses(125, &["make cgroup box: Permission denied (EACCES)", "not delegated"]);
    let lent = own.join(&name);
    fs::create_dir(&lent).expect("a cgroup");
    for file in ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"] {
        chown(lent.join(file), Some(UID), Some(UID)).expect("chown");
    }
    let enter = || {
        let procs = fs::OpenOptions::new().write(true).open(lent.join("cgroup.procs")).expect("cgroup.procs");
        move || nix::unistd::write(&procs, b"0").map(drop).map_err(Into::into)
    };
    for how in ["", "--init", "--share-pid"] {
        let end =
            run(Who::User).before(enter()).words(&format!("{how} --cgroup box/in")).sh(&root, LOOK).go();
        end.says("/");
    }
    let shared = run(Who::User).before(enter()).words("--share-cgroup --cgroup box").sh(&root, LOOK).go();
    shared.code(0);
    assert!(shared.stdout.ends_with(&format!("/{name}/box\n")), "{}", shared.stdout);
    assert_eq!(left(&own, &name).len(), 1, "{:?}", left(&own, &name));
    fs::remove_dir(lent).expect("it was left");
}

#[test]
fn stale_cgroup_of_our_process_id_goes_and_one_in_use_is_refused() {
    let Some(own) = own() else { return };
    let at = own.to_str().expect("UTF-8");
    let vesicle = vesicle().to_str().expect("UTF-8");
    // It has children, as a container may have left them.
    let script = format!("mkdir -p {at}/vesicle-$$/a/b; echo $$; exec {vesicle} run --pids 99 / /bin/true");
    let end = program(Who::Root, ["/bin/sh", "-c", &script]).go();
    let gone = own.join(format!("vesicle-{}", end.stdout.trim_end()));
    assert!(!gone.exists(), "{}: {}", end.stdout, end.stderr);
    let script = format!(
        "mkdir {at}/vesicle-$$; sleep 999 >/dev/null 2>&1 & echo $! >{at}/vesicle-$$/cgroup.procs; echo $$ $!; exec {vesicle} run --pids 99 / /bin/true"
    );
    let mut running = program(Who::Root, ["/bin/sh", "-c", &script]).spawn();
    running.until("a complaint", |r| r.stderr().ends_with('\n'));
    let (out, err) = (running.stdout(), running.stderr());
    drop(running);
    let pid = out.split(' ').next().expect("its process id").to_string();
    assert!(
        err.starts_with(&format!("vesicle: make cgroup vesicle-{pid}: "))
            && err.contains("(EBUSY): there is one"),
        "{err}"
    );
    let stays = own.join(format!("vesicle-{pid}"));
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while fs::remove_dir(&stays).is_err() {
        assert!(std::time::Instant::now() < end, "{}", stays.display());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
