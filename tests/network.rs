//! --veth: real traffic, in network namespaces that the tests make. Nothing here touches that of the machine.
#![cfg(feature = "veth")]
#![allow(unsafe_code)]

#[macro_use]
mod common;

use common::payload::as_payload;
use common::*;
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

const PORT: u16 = 7001;

// --- the payload: it talks to who answers

payload_lives!(live);

fn live(words: &[&str]) -> i32 {
    match words {
        ["talk", to @ ..] => to.iter().map(|to| talk(to)).max().unwrap_or(0),
        ["serve"] => {
            serve();
            println!("serving");
            loop {
                std::thread::park();
            }
        }
        ["connect", to] => {
            let begin = Instant::now();
            match TcpStream::connect((to.parse::<IpAddr>().expect("an address"), PORT)) {
                Ok(_) => println!("{}", begin.elapsed().as_millis()),
                Err(e) => println!("{e}"),
            }
            0
        }
        _ => 9,
    }
}

/// More than fits into a packet by TCP, and by UDP just what fits into one, there and back.
fn talk(to: &str) -> i32 {
    let to = SocketAddr::new(to.parse().expect("an address"), PORT);
    let sent: Vec<u8> = (0..100_000u32).map(|n| (n * 7).div_euclid(8) as u8).collect();
    let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(20)).expect("connect");
    let mut back = vec![0; sent.len()];
    let (to_send, mut writer) = (sent.clone(), stream.try_clone().expect("dup"));
    let writes = std::thread::spawn(move || writer.write_all(&to_send));
    stream.read_exact(&mut back).expect("read");
    writes.join().expect("the writer").expect("write");
    assert!(back == sent, "by TCP another answer came");
    let socket = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).expect("bind");
    socket.set_read_timeout(Some(Duration::from_secs(2))).expect("a limit");
    let size = if to.is_ipv4() { 1500 - 28 } else { 1500 - 48 };
    for _ in 0..10 {
        socket.send_to(&sent[..size], to).expect("send");
        // It may come from another address of who answers.
        if let Ok((n, _)) = socket.recv_from(&mut back) {
            assert!(back[..n] == sent[..size], "by UDP another answer came");
            println!("{}", to.ip());
            return 0;
        }
    }
    1
}

/// Says everything back, by TCP and UDP, in this network namespace.
fn serve() {
    let (tcp, udp) =
        (TcpListener::bind(("::", PORT)).expect("bind"), UdpSocket::bind(("::", PORT)).expect("bind"));
    std::thread::spawn(move || {
        let mut packet = [0; 2000];
        while let Ok((n, from)) = udp.recv_from(&mut packet) {
            let _ = udp.send_to(&packet[..n], from);
        }
    });
    std::thread::spawn(move || {
        for mut stream in tcp.incoming().flatten() {
            std::thread::spawn(move || {
                let mut reader = stream.try_clone().expect("dup");
                let _ = std::io::copy(&mut reader, &mut stream);
            });
        }
    });
}

// --- this thread's own network

/// A network namespace for this test, and for what it starts; whether there is one.
#[track_caller]
fn own_network() -> bool {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("?");
    if !is_root() {
        say(&format!("SKIP {name}: not root, and only root makes a network namespace of a thread"));
        return false;
    }
    if find("busybox").is_none() {
        skip(name, "busybox is not installed");
        return false;
    }
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).expect("a network namespace");
    for who in ["all", "default"] {
        // Addresses that the test sets can be used at once.
        let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{who}/accept_dad"), "0");
    }
    ip("link set lo up");
    true
}

#[track_caller]
fn ip(words: &str) {
    let out = Command::new("busybox").arg("ip").args(words.split(' ')).output().expect("busybox");
    assert!(out.status.success(), "ip {words}: {}", String::from_utf8_lossy(&out.stderr));
}

/// The interfaces of this thread's network namespace.
fn links() -> Vec<String> {
    let text = fs::read_to_string("/proc/thread-self/net/dev").expect("a list");
    let ours = |name: &String| !["sit0", "tunl0", "ip6tnl0"].contains(&name.as_str());
    text.lines().skip(2).filter_map(|l| Some(l.split(':').next()?.trim().to_string())).filter(ours).collect()
}

fn bridge() {
    ip("link add br0 type bridge");
    ip("link set br0 up");
    ip("addr add 10.9.0.1/24 dev br0");
    ip("addr add fd09::1/64 dev br0");
}

/// Whether `what` comes true in time.
fn soon(what: impl Fn() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(20);
    while !what() {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

const BOTH: &str = "--veth v0,10.1.0.2/24,10.1.0.1 --veth v0,fd01::2/64,fd01::1";

// --- promises

#[test]
fn both_ends_reach_each_other_by_ipv4_and_ipv6() {
    if !own_network() {
        return;
    }
    serve();
    for how in [
        "",
        "--init",
        "--unshare-user",
        "--unshare-user --map-users 0:100000:10 --map-groups 0:100000:10",
        "--chroot --share-pid",
        "--privileged --timings=9",
    ] {
        let mut launch =
            run(Who::Root).words(BOTH).words(how).arg("/").args(as_payload(["talk", "10.1.0.1", "fd01::1"]));
        if how.contains("timings") {
            launch = launch.fd(9, fs::File::options().write(true).open("/dev/null").expect("/dev/null"));
        }
        launch.go().says("10.1.0.1\nfd01::1");
        assert_eq!(links(), ["lo"], "{how}");
    }
}

#[test]
fn caller_reaches_what_serves_inside() {
    if !own_network() {
        return;
    }
    let mut inside = run(Who::Root).words(BOTH).arg("/").args(as_payload(["serve"])).spawn();
    inside.until_says("serving");
    assert_eq!(links(), ["lo", "v0"]);
    assert_eq!((talk("10.1.0.2"), talk("fd01::2")), (0, 0));
    inside.signal(Signal::SIGTERM);
    inside.wait().code(143);
    assert_eq!(links(), ["lo"]);
}

#[test]
fn ends_have_the_names_and_addresses_that_were_asked_for() {
    if !own_network() {
        return;
    }
    let Some(root) = rootfs(Who::Root) else { return };
    let end = run(Who::Root)
        .words("--veth a,10.1.0.2/24,10.1.0.1 --veth b,fd02::2/64 --veth a,fd01::2/112 --veth c --veth b,10.2.0.2/31")
        .sh(&root, "ip -o addr; ip route; ip -6 route; cat /proc/net/dev | wc -l")
        .go();
    end.code(0);
    let has = |words: &str| {
        let there = |l: &str| words.split(' ').all(|w| l.split_whitespace().any(|have| have == w));
        assert!(end.stdout.lines().any(there), "no line with {words}: {}", end.stdout);
    };
    for words in [
        "eth0 inet 10.1.0.2/24",
        "eth0 inet6 fd01::2/112",
        "eth1 inet 10.2.0.2/31",
        "eth1 inet6 fd02::2/64",
        "lo inet 127.0.0.1/8",
        "default via 10.1.0.1 dev eth0",
    ] {
        has(words);
    }
    assert!(!end.stdout.contains("tentative global"), "{}", end.stdout);
    let mut three = run(Who::Root)
        .words("--veth a --veth b,10.2.0.2/24,10.2.0.1 --veth c")
        .arg("/")
        .args(["sleep", "60"])
        .spawn();
    three.until("its ends", |_| links() == ["lo", "a", "b", "c"]);
    three.until("an address", |_| {
        fs::read_to_string("/proc/thread-self/net/fib_trie").unwrap_or_default().contains("10.2.0.1")
    });
    three.signal(Signal::SIGTERM);
    three.wait().code(143);
    assert_eq!(links(), ["lo"]);
}

#[test]
fn containers_on_a_bridge_reach_each_other_and_their_gateway() {
    if !own_network() {
        return;
    }
    bridge();
    serve();
    let on = |n: u8| {
        run(Who::Root)
            .args([
                "--veth",
                &format!("p{n},10.9.0.{n}/24,10.9.0.1"),
                "--veth",
                &format!("p{n},fd09::{n}/64,fd09::1"),
            ])
            .arg("/")
    };
    let mut first = on(2).args(as_payload(["serve"])).spawn();
    first.until_says("serving");
    on(3)
        .args(as_payload(["talk", "10.9.0.1", "fd09::1", "10.9.0.2", "fd09::2"]))
        .go()
        .says("10.9.0.1\nfd09::1\n10.9.0.2\nfd09::2");
    assert_eq!(links(), ["lo", "br0", "p2"]);
    first.signal(Signal::SIGTERM);
    first.wait().code(143);
    assert_eq!(links(), ["lo", "br0"], "the bridge stays");
}

#[test]
fn default_route_leads_beyond_the_gateway() {
    if !own_network() {
        return;
    }
    ip("addr add 192.0.2.7/32 dev lo");
    ip("addr add 2001:db8::7/128 dev lo");
    serve();
    let talks = || as_payload(["talk", "192.0.2.7", "2001:db8::7"]);
    run(Who::Root).words(BOTH).arg("/").args(talks()).go().says("192.0.2.7\n2001:db8::7");
    let none = run(Who::Root)
        .words("--veth v0,10.1.0.2/24")
        .arg("/")
        .args(as_payload(["connect", "192.0.2.7"]))
        .go();
    assert!(none.stdout.contains("unreachable"), "{}", none.stdout);
    // Of two pairs the first has the route that is taken.
    run(Who::Root)
        .words("--veth v1,10.2.0.2/24,10.2.0.1")
        .words(BOTH)
        .arg("/")
        .args(talks())
        .go()
        .says("192.0.2.7\n2001:db8::7");
}

#[test]
fn nothing_is_left_whatever_fails() {
    if !own_network() {
        return;
    }
    bridge();
    ip("link add d0 type veth");
    ip("addr add 10.8.0.1/24 dev d0");
    let before = links();
    let go = |options: &str, command: &str| {
        let end = run(Who::Root).words(options).arg("/").arg(command).go();
        assert_eq!(links(), before, "{}", end.shown);
        end
    };
    go(BOTH, "/nowhere").refuses(127, &["exec /nowhere"]);
    go(&format!("{BOTH} --chdir /nowhere"), "true").refuses(125, &["change directory to /nowhere"]);
    go(&format!("{BOTH} --init --chdir /nowhere"), "true").refuses(125, &["change directory to /nowhere"]);
    go(&format!("{BOTH} --pid-file /nowhere/pid"), "true").refuses(125, &["write /nowhere/pid"]);
    go("--veth v0,ff02::1/64", "true").refuses(125, &["set address of v0,ff02::1/64", "EADDRNOTAVAIL"]);
    go("--veth v0,10.1.0.2/24 --veth v0,10.1.0.2/24", "true")
        .refuses(125, &["set address of v0,10.1.0.2/24", "EEXIST"]);
    go("--veth v0,10.1.0.2/24,10.1.0.1 --veth v0,10.1.0.3/24,10.1.0.1", "true")
        .refuses(125, &["set address of v0,10.1.0.3", "EEXIST"]);
    go("--veth v0,10.1.0.2/24,10.1.0.1 --veth v0,10.1.0.3/24,10.1.0.4", "true")
        .refuses(125, &["set route of v0,10.1.0.3", "EEXIST"]);
    go("--veth v0 --veth br0", "true")
        .refuses(125, &["make veth pair br0", "EEXIST", "an interface already"]);
    go("--veth v0,10.8.0.2/24,10.8.0.1", "true")
        .refuses(125, &["join bridge of v0,10.8.0.2", "EOPNOTSUPP", "no bridge"]);
    go("--veth v0,10.9.0.2/24,10.9.0.1 --veth v0,fd01::2/64,fd01::1", "true")
        .refuses(125, &["not of the same bridge"]);
    go("--veth v0,fd01::2/64,fd01::1 --veth v0,10.9.0.2/24,10.9.0.1", "true")
        .refuses(125, &["not of the same bridge"]);
    let up = fs::read_to_string("/proc/thread-self/net/route").unwrap_or_default();
    go("--veth d0", "true").refuses(125, &["make veth pair d0", "EEXIST"]);
    assert_eq!(
        fs::read_to_string("/proc/thread-self/net/route").unwrap_or_default(),
        up,
        "an interface of that name was touched"
    );
}

#[test]
fn killed_launcher_leaves_a_pair_that_goes_with_the_container() {
    if !own_network() {
        return;
    }
    for how in ["", "--die-with-parent", "--init --die-with-parent"] {
        let mut inside = run(Who::Root).words(BOTH).words(how).arg("/").args(as_payload(["serve"])).spawn();
        inside.until_says("serving");
        let mark = inside.mark.clone();
        inside.signal(Signal::SIGKILL);
        if how.is_empty() {
            assert!(soon(|| state(inside.pid()).is_none_or(|s| s == 'Z')));
            assert_eq!(talk("10.1.0.2"), 0, "the container goes on");
            kill_marked(&mark);
        }
        assert!(soon(|| links() == ["lo"]), "{how}: {:?}", links());
    }
}

/// A hundred launches that connect as the first thing they do, by turns over IPv4 and IPv6.
fn connect_at_once(net: &str) {
    serve();
    let before = links();
    let mut late = Vec::new();
    for n in 0..100 {
        let options = format!("--veth v0,10.{net}.0.2/24,10.{net}.0.1 --veth v0,fd0{net}::2/64,fd0{net}::1");
        let to = if n % 2 == 0 { format!("10.{net}.0.1") } else { format!("fd0{net}::1") };
        let end = run(Who::Root).words(&options).arg("/").args(as_payload(["connect", &to])).go();
        end.code(0);
        assert_eq!(links(), before);
        // A packet that was dropped is sent again after a second.
        let took: u64 = end.stdout.trim().parse().unwrap_or_else(|_| panic!("{}", end.stdout));
        late.extend((took > 900).then_some(took));
    }
    assert!(late.len() < 3, "to connect took so many ms: {late:?}");
}

#[test]
fn name_is_free_again_at_once_and_no_first_packet_is_lost() {
    if own_network() {
        connect_at_once("1");
    }
}

#[test]
fn no_first_packet_is_lost_on_a_bridge() {
    if own_network() {
        bridge();
        connect_at_once("9");
    }
}

/// What `sh` says in a user and network namespace of the user's own, where vesicle is $1 and the payload's words are the rest.
fn in_own_namespaces(script: &str, words: &[&str]) -> Option<Outcome> {
    let unshare = need!("unshare")?;
    let script = format!("busybox ip link set lo up && {script}");
    let wrap: Vec<std::ffi::OsString> =
        vec![unshare.into(), "-Urn".into(), "sh".into(), "-c".into(), script.into(), "sh".into()];
    Some(program(Who::User, wrap).arg(vesicle()).args(as_payload(words)).go())
}

#[test]
fn user_has_pairs_within_namespaces_of_its_own() {
    let Some(_) = need!("busybox") else { return };
    // Nobody has to answer: that the gateway refuses is an answer.
    let script = "v=$1; shift; for how in '' --unshare-user; do \"$v\" run $how --veth v0,10.1.0.2/24,10.1.0.1 --veth v0,fd01::2/64,fd01::1 \
                  / \"$@\" || exit 9; done; grep -c v0 /proc/self/net/dev; true";
    for to in ["10.1.0.1", "fd01::1"] {
        let Some(end) = in_own_namespaces(script, &["connect", to]) else { return };
        end.code(0);
        assert_eq!(end.stdout.matches("refused").count(), 2, "{}", end.stdout);
        assert_eq!(end.stdout.lines().last(), Some("0"), "{}", end.stdout);
    }
}

#[test]
fn user_without_rights_over_the_network_is_told_what_it_takes() {
    let end = run(Who::User).words("--veth v0,10.1.0.2/24").arg("/").arg("true").go();
    end.refuses(125, &["make veth pair v0,10.1.0.2/24", "EPERM", "CAP_NET_ADMIN", "unshare -Urn"]);
    // In no namespace of the machine's is there a trace of it.
    assert!(!fs::read_to_string("/proc/thread-self/net/dev").expect("a list").contains("v0:"));
}

#[test]
fn payload_has_no_rights_over_its_end() {
    if !own_network() {
        return;
    }
    let Some(root) = rootfs(Who::Root) else { return };
    let end =
        run(Who::Root).words(BOTH).sh(&root, "ip link set eth0 down 2>&1; ip link | grep -c 'eth0.*UP'").go();
    assert!(
        end.stdout.contains("not permitted") && end.stdout.trim().ends_with('1'),
        "{}{}",
        end.stdout,
        end.stderr
    );
}
