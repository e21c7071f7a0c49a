//! What COMMAND is kept from by Landlock, by --deny-net and by --disable-userns: a hostile payload tries it.
#![allow(unsafe_code)]

mod common;
#[path = "landlock/payload.rs"]
mod payload;

use common::*;
use payload::payload;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};

/// The version of this kernel's Landlock ABI; none where there is no Landlock, or it is off.
fn abi() -> Option<i64> {
    // SAFETY: no memory is involved.
    let abi = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0, 0, 1) };
    (abi > 0).then_some(abi)
}

/// `let Some(abi) = landlock!() else { return };`
macro_rules! landlock {
    () => {{
        let abi = abi().filter(|abi| *abi >= 3);
        if abi.is_none() {
            skip(
                std::thread::current().name().unwrap_or("?"),
                "this kernel has no Landlock of Linux 6.2 or later",
            );
        }
        abi
    }};
}

/// The payload tries each first word of a line, in a container with these options and the host's tree as its root, and
/// the rest of that line is what comes of it.
#[track_caller]
fn tries(launch: Launch, options: &str, lines: &[&str]) {
    let words: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap_or_default()).collect();
    let end = launch.words(options).arg("/").args(payload(&words)).go();
    end.code(0);
    let told: Vec<&str> = end.stdout.lines().collect();
    assert_eq!(told, lines, "{}\n{}", end.shown, end.stderr);
}

/// Folders `ro`, `rw`, `rw2`, `no`, each with a file `f`, a program `p`, a folder `d` and a link `l` to `no/f`.
struct Tree(PathBuf);

impl Tree {
    fn new(who: Who) -> Tree {
        let tree = Tree(folder(who));
        for name in ["ro", "rw", "rw2", "no"] {
            let dir = tree.0.join(name);
            for dir in [dir.clone(), dir.join("d")] {
                fs::create_dir(&dir).expect("mkdir");
                give(&dir, who);
            }
            for (file, text) in [("f", "some text\n"), ("p", "#!/bin/true\n")] {
                fs::write(dir.join(file), text).expect("write");
                fs::set_permissions(dir.join(file), fs::Permissions::from_mode(0o755)).expect("chmod");
                give(&dir.join(file), who);
            }
            std::os::unix::fs::symlink(tree.0.join("no/f"), dir.join("l")).expect("symlink");
        }
        tree
    }

    /// Every `%` is this folder.
    fn with(&self, text: &str) -> String {
        text.replace('%', &self.0.to_string_lossy())
    }

    #[track_caller]
    fn tries(&self, who: Who, options: &str, lines: &str) {
        let lines = self.with(lines);
        let lines: Vec<&str> = lines.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        tries(run(who), &self.with(options), &lines);
    }
}

/// What a payload of the host needs to run: its program, the loader and the libraries; nothing of `%`.
const SYSTEM: &str =
    "--landlock-ro /usr --landlock-ro /lib --landlock-ro /lib64 --landlock-ro /etc --landlock-ro /bin";

fn system() -> String {
    let there: Vec<&str> = SYSTEM
        .split(" --")
        .map(|o| o.trim_start_matches("--"))
        .filter(|o| Path::new(&o[12..]).exists())
        .collect();
    let program = payload(&[]).remove(0);
    format!("--landlock-ro {} --{}", program.to_string_lossy(), there.join(" --"))
}

#[test]
fn what_no_rule_names_is_out_of_reach() {
    let Some(_) = landlock!() else { return };
    for &who in everyone() {
        for how in ["", "--init", "--chdir /etc", "--init --share-pid"] {
            let tree = Tree::new(who);
            tree.tries(
                who,
                &format!("{how} {} --landlock-ro %/ro --landlock-rw %/rw", system()),
                "read:%/no/f EACCES
                 write:%/no/f EACCES
                 empty:%/no/f EACCES
                 truncate:%/no/f EACCES
                 list:%/no EACCES
                 list:/ EACCES
                 exec:%/no/p EACCES
                 create:%/no/new EACCES
                 tmpfile:%/no EACCES
                 mkdir:%/no/new EACCES
                 rmdir:%/no/d EACCES
                 unlink:%/no/f EACCES
                 symlink:%/no/new EACCES
                 fifo:%/no/new EACCES
                 sock:%/no/new EACCES
                 link:%/no/f:%/no/new EACCES
                 rename:%/no/f:%/no/new EACCES
                 read:%/rw/../no/f EACCES
                 read:%/rw/l EACCES
                 write:%/rw/l EACCES
                 read:/proc/self/root%/no/f EACCES
                 stat:%/no/f ok
                 chmod:%/no/f ok",
            );
            assert_eq!(fs::read_to_string(tree.0.join("no/f")).expect("read"), "some text\n");
        }
    }
}

#[test]
fn path_that_is_to_be_read_is_read_and_executed_and_not_changed() {
    let Some(_) = landlock!() else { return };
    for &who in everyone() {
        for how in ["", "--init"] {
            let tree = Tree::new(who);
            tree.tries(
                who,
                &format!("{how} {} --landlock-ro %/ro --landlock-rw %/rw", system()),
                "read:%/ro/f ok
                 list:%/ro ok
                 list:%/ro/d ok
                 exec:%/ro/p ok
                 write:%/ro/f EACCES
                 empty:%/ro/f EACCES
                 truncate:%/ro/f EACCES
                 create:%/ro/new EACCES
                 tmpfile:%/ro EACCES
                 mkdir:%/ro/d/new EACCES
                 rmdir:%/ro/d EACCES
                 unlink:%/ro/f EACCES
                 symlink:%/ro/new EACCES
                 fifo:%/ro/new EACCES
                 sock:%/ro/new EACCES
                 link:%/ro/f:%/ro/new EACCES
                 link:%/ro/f:%/rw/new EXDEV
                 rename:%/ro/f:%/ro/new EACCES
                 rename:%/ro/f:%/rw/new EACCES
                 rename:%/rw/f:%/ro/new EACCES
                 mount:%/ro EPERM",
            );
        }
    }
}

#[test]
fn path_that_is_to_be_written_can_be_changed_in_every_way() {
    let Some(_) = landlock!() else { return };
    for &who in everyone() {
        for how in ["", "--init"] {
            let tree = Tree::new(who);
            tree.tries(
                who,
                &format!("{how} {} --landlock-rw %/rw --landlock-rw %/rw2", system()),
                "read:%/rw/f ok
                 list:%/rw ok
                 exec:%/rw/p ok
                 write:%/rw/f ok
                 truncate:%/rw/f ok
                 empty:%/rw/f ok
                 create:%/rw/a ok
                 tmpfile:%/rw ok
                 mkdir:%/rw/b ok
                 symlink:%/rw/c ok
                 fifo:%/rw/e ok
                 sock:%/rw/g ok
                 link:%/rw/f:%/rw/h ok
                 rename:%/rw/f:%/rw/i ok
                 link:%/rw/i:%/rw2/j ok
                 rename:%/rw/i:%/rw2/d/k ok
                 rename:%/rw/d:%/rw2/m ok
                 unlink:%/rw/a ok
                 rmdir:%/rw/b ok",
            );
        }
    }
    if is_root() {
        let tree = Tree::new(Who::Root);
        let options = format!("{} --landlock-rw %/rw --landlock-ro %/ro --cap-add MKNOD", system());
        tree.tries(
            Who::Root,
            &options,
            "char:%/ro/x EACCES\nblock:%/ro/y EACCES\nchar:%/rw/x ok\nblock:%/rw/y ok",
        );
    }
}

#[test]
fn rule_for_a_file_is_for_that_file() {
    let Some(_) = landlock!() else { return };
    for &who in everyone() {
        let tree = Tree::new(who);
        tree.tries(
            who,
            &format!("{} --landlock-ro %/ro/f --landlock-rw %/rw/f", system()),
            "read:%/ro/f ok
             write:%/ro/f EACCES
             read:%/ro/p EACCES
             list:%/ro EACCES
             write:%/rw/f ok
             truncate:%/rw/f ok
             unlink:%/rw/f EACCES
             rename:%/rw/f:%/rw/new EACCES
             read:%/rw/p EACCES",
        );
    }
}

#[test]
fn device_that_is_to_be_read_takes_no_ioctl() {
    let Some(abi) = landlock!() else { return };
    // Landlock knows of ioctl(2) since Linux 6.10.
    let how = if abi < 5 { "ENOTTY" } else { "EACCES" };
    for &who in everyone() {
        let tree = Tree::new(who);
        tree.tries(
            who,
            &format!("{} --landlock-ro /dev/null --landlock-rw /dev/zero", system()),
            &format!(
                "ioctl:/dev/null {how}\nioctl:/dev/zero ENOTTY\nwrite:/dev/null EACCES\nwrite:/dev/zero ok"
            ),
        );
    }
}

#[test]
fn path_of_a_rule_is_found_below_the_root_whatever_its_links_say() {
    let Some(_) = landlock!() else { return };
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let outside = folder(who);
        fs::write(outside.join("secret"), "outside\n").expect("write");
        fs::write(root.join("data/f"), "inside\n").expect("write");
        let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, root.join(name)).expect("symlink");
        link(&outside, "out");
        link(Path::new("/data"), "absolute");
        link(Path::new("../../../../data"), "up");
        for how in ["", "--init", "--chroot", "--chdir /tmp --init"] {
            let ro = |path: &str| run(who).words(how).args(["--landlock-ro", "/bin", "--landlock-ro", path]);
            for path in ["/data", "data", "/absolute", "/up", "/../../data", "/bin/../data/f"] {
                ro(path).sh(&root, "cat /data/f").go().says("inside");
            }
            ro("/out").sh(&root, "true").go().refuses(125, &["Landlock /out", "ENOENT"]);
            ro("/proc/self/cwd").sh(&root, "true").go().refuses(125, &["Landlock /proc/self/cwd", "ELOOP"]);
            ro("").sh(&root, "true").go().refuses(125, &["ENOENT"]);
        }
    }
}

#[test]
fn more_paths_than_descriptors_are_no_obstacle() {
    let Some(_) = landlock!() else { return };
    for &who in everyone() {
        let tree = Tree::new(who);
        let many = "--landlock-ro %/ro ".repeat(1500);
        let limit = || {
            let limit = libc::rlimit { rlim_cur: 100, rlim_max: 100 };
            // SAFETY: the kernel reads one rlimit.
            unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
            Ok(())
        };
        let options = tree.with(&format!("{many} {}", system()));
        let (good, bad) = (tree.with("read:%/ro/f ok"), tree.with("read:%/no/f EACCES"));
        tries(run(who).before(limit), &options, &[&good, &bad]);
    }
}

#[test]
fn command_that_no_rule_covers_says_so() {
    let Some(_) = landlock!() else { return };
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            for command in ["/bin/true", "true"] {
                run(who)
                    .words(how)
                    .args(["--landlock-ro", "/data"])
                    .arg(&root)
                    .arg(command)
                    .go()
                    .refuses(126, &["exec", "EACCES", "--landlock-ro", "loader"]);
            }
        }
        // Without rules that is not the reason.
        let end = run(who).arg("--deny-net").arg(&root).arg("/data").go();
        end.refuses(126, &["EACCES"]);
        assert!(!end.stderr.contains("landlock"), "{}", end.stderr);
    }
}

#[test]
fn init_can_neither_be_traced_nor_robbed_from_within() {
    let Some(_) = landlock!() else { return };
    for &who in everyone() {
        let options = format!("--init --landlock-rw / --landlock-ro {}", "/usr");
        tries(run(who), &options, &["trace:1 EPERM", "mem:1 EACCES", "take:1 EPERM"]);
        tries(run(who), "--init --deny-net", &["trace:1 EPERM", "take:1 EPERM"]);
    }
}

/// A filter is nothing that an init which is traced would be kept from; so it has it too.
#[test]
fn init_has_the_filter_too() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let script = "sed -n 's/^Seccomp:.//p; s/^NoNewPrivs:.//p' /proc/1/status";
        run(who).words("--init --deny-net").sh(&root, script).go().says("1\n2");
    }
}

/// The same with a kernel that says something else of its Landlock.
fn feigned(who: Who, what: &str) -> Launch {
    run(who)
        .under(["strace", "-f", "-q", "-o", "/dev/null"])
        .under([format!("--inject=landlock_create_ruleset:{what}:when=1")])
}

#[test]
fn kernel_without_landlock_or_with_an_old_one_refuses_paths_in_words() {
    let Some(_) = need!("strace") else { return };
    for &who in everyone() {
        let root = tiny_root(who);
        for how in ["--landlock-ro /bin", "--landlock-rw /bin --init", "--deny-net --landlock-ro /bin"] {
            for (what, told) in [
                ("error=ENOSYS", &["Landlock", "ENOSYS", "6.2"]),
                ("error=EOPNOTSUPP", &["Landlock", "EOPNOTSUPP", "lsm="]),
                ("retval=1", &["Landlock", "ENOSYS", "6.2"]),
                ("retval=2", &["Landlock", "ENOSYS", "6.2"]),
            ] {
                // With --deny-net an errno is asked for once more: what is feigned is the first answer.
                if how.starts_with("--deny-net") && what.starts_with("error") {
                    continue;
                }
                feigned(who, what).words(how).arg(&root).arg("/bin/true").go().refuses(125, told);
            }
        }
    }
}

#[test]
fn older_landlock_asks_for_no_right_that_it_does_not_know() {
    let Some(now) = landlock!() else { return };
    let Some(_) = need!("strace") else { return };
    for &who in everyone() {
        let (root, log) = (tiny_root(who), folder(who).join("log"));
        for abi in 3..=now {
            run(who)
                .under(["strace", "-f", "-q", "-X", "raw", "-e", "trace=landlock_create_ruleset", "-o"])
                .under([&log])
                .under([format!("--inject=landlock_create_ruleset:retval={abi}:when=1")])
                .words("--landlock-ro /bin --deny-net")
                .arg(&root)
                .arg("/bin/true")
                .go()
                .code(0);
            let text = fs::read_to_string(&log).expect("a log");
            let asked = text.lines().nth(1).unwrap_or_default();
            let fs = ["0x7fff", "0xffff", "0x1ffff"][usize::from(abi >= 5) + usize::from(abi >= 9)];
            assert!(asked.contains(&format!("handled_access_fs={fs},")), "ABI {abi}: {text}");
        }
    }
}

#[test]
fn with_allow_new_privs_it_takes_rights_and_says_so() {
    let Some(_) = landlock!() else { return };
    if !is_root() {
        return;
    }
    let root = tiny_root(Who::Root);
    // Root can; with another id it could not.
    let run = || run(Who::Root).words("--allow-new-privs --deny-net --landlock-ro /bin");
    run().arg(&root).arg("/bin/true").go().code(0);
    run().words("--uid 7 --gid 7").arg(&root).arg("/bin/true").go().code(0);
}

// --- deny-net

/// Every family but local sockets.
fn families() -> Vec<String> {
    let kinds = |family: i32| [1, 2, 3, 5].map(|kind| format!("socket:{family}:{kind} EACCES"));
    (0..64).filter(|f| *f != libc::AF_UNIX).flat_map(kinds).collect()
}

#[test]
fn no_socket_of_any_family_is_made_but_local_ones() {
    let refused = families();
    let refused: Vec<&str> = refused.iter().map(String::as_str).collect();
    for &who in everyone() {
        for how in ["", "--init", "--init --share-pid", "--share-all --unshare-user", "--allow-new-privs"] {
            tries(run(who), &format!("--deny-net {how}"), &refused);
            tries(
                run(who),
                &format!("--deny-net {how}"),
                &[
                    "pair:1:1 ok",
                    "pair:1:2 ok",
                    "pair:2:1 EACCES",
                    "pair:30:1 EACCES",
                    "socket:16:3 EACCES",
                    "socket:-1:1 EACCES",
                    "uring EPERM",
                ],
            );
        }
    }
}

#[test]
fn network_namespace_is_the_callers_and_no_part_of_it_is_reached() {
    let here = fs::read_link("/proc/self/ns/net").expect("readlink").display().to_string();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = listener.local_addr().expect("its address").port();
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let run = || run(who).arg("--deny-net");
        run().sh(&root, "readlink /proc/self/ns/net").go().says(&here);
        let end = run().sh(&root, "busybox nc 127.0.0.1 $0").arg(port.to_string()).go();
        end.code(1);
        assert!(end.stderr.contains("Permission denied"), "{}", end.stderr);
        let end = run().sh(&root, "ip link").go();
        assert!(end.stderr.contains("Permission denied"), "{}{}", end.stdout, end.stderr);
    }
}

#[test]
fn local_sockets_of_the_host_are_reached_by_path_and_not_by_abstract_name() {
    if abi().is_none_or(|abi| abi < 6) {
        return skip(
            "local_sockets_of_the_host_are_reached_by_path_and_not_by_abstract_name",
            "this kernel has no Landlock of Linux 6.12 or later",
        );
    }
    let name = format!("vesicle-test-{}", std::process::id());
    let _abstract = UnixListener::bind_addr(&abstract_name(&name)).expect("a listener");
    let path = scratch().join("listener");
    let _path = UnixListener::bind(&path).expect("a listener");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("chmod");
    for &who in everyone() {
        for how in ["", "--init"] {
            tries(
                run(who),
                &format!("--deny-net {how}"),
                &[
                    &format!("connect:1:@{name} EPERM"),
                    &format!("own:@{name}-own ok"),
                    &format!("connect:1:{} ok", path.display()),
                ],
            );
        }
        // With the network namespace alone shared it is reached.
        tries(run(who), "--share-net", &[&format!("connect:1:@{name} ok")]);
    }
}

fn abstract_name(name: &str) -> SocketAddr {
    use std::os::linux::net::SocketAddrExt;
    SocketAddr::from_abstract_name(name).expect("an address")
}

#[test]
fn without_the_scopes_of_landlock_there_are_no_local_sockets_but_pairs() {
    let Some(_) = need!("strace") else { return };
    for &who in everyone() {
        for what in ["error=ENOSYS", "error=EOPNOTSUPP", "error=EPERM", "retval=1", "retval=3", "retval=5"] {
            if what.starts_with("retval") && abi().is_none() {
                continue;
            }
            let lines =
                ["socket:1:1 EACCES", "socket:1:2 EACCES", "socket:2:1 EACCES", "pair:1:1 ok", "uring EPERM"];
            tries(feigned(who, what), "--deny-net", &lines);
            if cfg!(target_arch = "x86_64") {
                tries(feigned(who, what), "--deny-net", &["int80:359:1:1 EACCES"]);
            }
        }
    }
}

#[test]
fn other_abis_are_no_way_round_the_filter() {
    if !cfg!(target_arch = "x86_64") {
        return;
    }
    for &who in everyone() {
        tries(
            run(who),
            "--deny-net",
            &[
                // socketcall, socket of two families, socketpair; getpid is as it was.
                "int80:102:1 EACCES",
                "int80:102:2 EACCES",
                "int80:359:2:1 EACCES",
                "int80:359:1:1 ok",
                "int80:425:8 EPERM",
                "int80:20 ok",
                "x32 EPERM",
            ],
        );
    }
}

fn inherited(kind: i32) -> OwnedFd {
    // SAFETY: a new descriptor, which nobody else owns.
    unsafe { OwnedFd::from_raw_fd(libc::socket(libc::AF_INET, kind | libc::SOCK_CLOEXEC, 0)) }
}

/// As docs/sandbox.md says: a socket that is handed over is out of the filter's sight.
#[test]
fn inherited_socket_makes_no_connection_of_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = listener.local_addr().expect("its address").port();
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let udp = datagrams.local_addr().expect("its address").port();
    let with_ports = abi().is_some_and(|abi| abi >= 4);
    let tcp = if with_ports { "EACCES" } else { "ok" };
    let to_udp = if abi().is_some_and(|abi| abi >= 10) { "EACCES" } else { "ok" };
    for &who in everyone() {
        for how in ["", "--init"] {
            let launch = run(who)
                .fd(9, inherited(libc::SOCK_STREAM))
                .fd(10, inherited(libc::SOCK_DGRAM))
                .fd(11, inherited(1));
            tries(
                launch,
                &format!("--deny-net --keep-fd 9 --keep-fd 10 --keep-fd 11 {how}"),
                &[
                    &format!("tcp:9:{port} {tcp}"),
                    &format!("bind:11:0 {tcp}"),
                    &format!("udp:10:{udp} {to_udp}"),
                ],
            );
            // What is not kept is closed.
            let launch = run(who).fd(9, inherited(libc::SOCK_STREAM));
            tries(launch, &format!("--deny-net {how}"), &[&format!("tcp:9:{port} EBADF")]);
        }
    }
}

#[test]
fn joined_network_namespace_is_denied_too() {
    if !is_root() {
        return;
    }
    tries(
        run(Who::Root),
        "--deny-net --netns /proc/self/ns/net",
        &["socket:2:1 EACCES", "socket:16:3 EACCES"],
    );
}

// --- disable-userns

const NO_MORE: &[&str] = &[
    "unshare ENOSPC",
    "clone ENOSPC",
    "clone3 ENOSPC",
    "raise:/proc/sys/user/max_user_namespaces EACCES",
    "unshare ENOSPC",
];

#[test]
fn no_further_user_namespace_is_made_by_root_of_this_one() {
    for &who in everyone() {
        for how in [
            "",
            "--init",
            "--uid 7",
            "--init --uid 7 --gid 7",
            "--share-pid --share-net",
            "--allow-new-privs",
        ] {
            tries(run(who), &format!("--unshare-user --disable-userns {how}"), NO_MORE);
            // They are what would have worked.
            tries(run(who), &format!("--unshare-user {how}"), &["unshare ok", "clone ok", "clone3 ok"]);
        }
        // By a proc of its own.
        let dir = folder(who);
        let own = format!("proc:{} EACCES", dir.display());
        for how in ["", "--init"] {
            tries(run(who), &format!("--unshare-user --disable-userns {how}"), &[&own, "unshare ENOSPC"]);
        }
    }
    if is_root() {
        let maps = "--map-users 0:0:10 --map-groups 0:0:10";
        tries(run(Who::Root), &format!("--unshare-user --disable-userns {maps}"), NO_MORE);
        tries(run(Who::Root), &format!("--unshare-user --disable-userns {maps} --uid 5 --gid 5"), NO_MORE);
    }
}

#[test]
fn nobody_inside_could_raise_the_limit_again() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        for how in ["", "--init"] {
            let script = "cat /proc/sys/user/max_user_namespaces; for p in 1 self; do sed -n 's/^Cap[^I].*:.//p' /proc/$p/status; done";
            let end = run(who).words("--unshare-user --disable-userns").words(how).sh(&root, script).go();
            end.code(0);
            let mut lines = end.stdout.lines();
            assert_eq!(lines.next(), Some("0"));
            let sets: Vec<u64> = lines.map(|l| u64::from_str_radix(l, 16).expect("a set")).collect();
            assert_eq!(sets.len(), 8, "{}", end.stdout);
            // Permitted, effective, bounding, ambient: all but CAP_SYS_RESOURCE.
            for (n, set) in sets.iter().enumerate() {
                assert_eq!(set & 1 << 24, 0, "{}", end.stdout);
                assert_eq!(*set == 0, n % 4 == 3, "{}", end.stdout);
            }
        }
    }
}

#[test]
fn limit_of_the_caller_stays() {
    let limit = || fs::read_to_string("/proc/sys/user/max_user_namespaces").expect("the limit");
    let before = limit();
    for &who in everyone() {
        run(who).words("--unshare-user --disable-userns").arg(tiny_root(who)).arg("/bin/true").go().code(0);
        run(who).words("--unshare-user").arg(tiny_root(who)).arg("/bin/true").go().code(0);
    }
    assert_eq!(limit(), before);
}

#[test]
fn without_a_user_namespace_of_its_own_it_is_refused() {
    let told: &[&str] = &["--disable-userns", "--unshare-user"];
    for &who in everyone() {
        let root = tiny_root(who);
        if who == Who::Root {
            run(who).arg("--disable-userns").arg(&root).arg("/bin/true").go().refuses(125, told);
        }
        let joins = "--disable-userns --userns /proc/self/ns/user";
        run(who).words(joins).arg(&root).arg("/bin/true").go().refuses(125, told);
    }
}

#[test]
fn proc_that_is_read_only_is_named() {
    if !is_root() {
        return;
    }
    let Some(_) = need!("unshare") else { return };
    let root = tiny_root(Who::Root);
    let script = "mount -o bind,ro /proc/sys /proc/sys && exec \"$@\"";
    run(Who::Root)
        .under(["unshare", "-m", "sh", "-c", script, "sh"])
        .words("--unshare-user --disable-userns")
        .arg(&root)
        .arg("/bin/true")
        .go()
        .refuses(125, &["disable user namespaces", "EROFS", "/proc/sys"]);
}

#[test]
fn all_three_together_hold() {
    let Some(_) = landlock!() else { return };
    for &who in everyone() {
        let tree = Tree::new(who);
        for how in ["", "--init"] {
            let options =
                format!("{how} --unshare-user --deny-net --disable-userns {} --landlock-rw %/rw", system());
            tree.tries(
                who,
                &options,
                "read:%/no/f EACCES\nwrite:%/rw/f ok\nsocket:2:1 EACCES\nunshare ENOSPC",
            );
        }
    }
}
