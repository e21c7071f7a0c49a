//! How long a machine takes from the kernel's hand-over to the first instruction of its payload, behind `vesicle boot`,
//! behind a shell script of busybox that mounts the same, and with no init at all: the payload is /init itself.
//!
//!     cargo bench --bench boot -- [--rounds N] [--json FILE]
//!
//! The kernel and the initramfs are the same for all. What the kernel starts is always the payload, as `rdinit=` says: its
//! first act is to read the clock, and what it then is told by `next=` to become is the /init that is measured, which
//! starts the payload once more. The emulated machine counts instructions, one nanosecond each, and its clock is that
//! count: a busy host changes nothing. Then the payload tells the memory that is free, and powers off. The sizes, and the
//! memory, are those of an initramfs that holds what that one needs and no more.

#[path = "../tests/common/mod.rs"]
mod common;
#[allow(dead_code)]
#[path = "../tests/boot/guest.rs"]
mod guest;
#[allow(dead_code)]
#[path = "../tests/boot/machine.rs"]
mod machine;

use clap::Parser;
use common::{Who, find, folder};
use guest::How;
use machine::{Boot, OLD_AMD64, boot, done};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// How long `vesicle boot` takes.
#[derive(Parser)]
#[command(name = "cargo bench --bench boot --", disable_version_flag = true)]
struct Asked {
    /// Boots of each
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Write the results there
    #[arg(long, value_name = "FILE")]
    json: Option<String>,
    /// What cargo bench adds
    #[arg(long, hide = true)]
    bench: bool,
}

/// Without a library: clock_gettime(CLOCK_MONOTONIC) first. Where no STAMP= is in the environment it becomes what `next=`
/// names; where one is, it says how much later it is, asks sysinfo(2), and ends with reboot(RB_POWER_OFF).
const PAYLOAD: &str = r#"
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call begin");
static long call(long n, long a, long b, long c, long d) {
    long r;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return r;
}
static char *put(char *at, const char *name, unsigned long n) {
    char digits[24];
    int i = 0;
    while (*name) *at++ = *name++;
    do digits[i++] = '0' + n % 10; while (n /= 10);
    while (i) *at++ = digits[--i];
    return at;
}
static char *value(char **all, const char *name) {
    for (; *all; all++) {
        int i = 0;
        while (name[i] && (*all)[i] == name[i]) i++;
        if (!name[i]) return *all + i;
    }
    return 0;
}
void begin(long *stack) {
    unsigned long now[2], then = 0;
    call(228, 1, (long)now, 0, 0);
    now[1] += now[0] * 1000000000ul;
    char **argv = (char **)(stack + 1), **env = argv + *stack + 1, line[100], *end = line, *stamp = value(env, "STAMP=");
    if (!stamp) {
        char *next = value(env, "next="), *more[32];
        int n = 0;
        for (; env[n] && n < 30; n++) more[n] = env[n];
        *put(line, "STAMP=", now[1]) = 0;
        more[n++] = line;
        more[n] = 0;
        if (next) {
            argv[0] = next;
            call(59, (long)next, (long)argv, (long)more, 0);
        }
    }
    for (; stamp && *stamp; stamp++) then = then * 10 + (*stamp - '0');
    struct { long up; unsigned long loads[3], total, free; char rest[200]; } memory;
    call(99, (long)&memory, 0, 0, 0);
    end = put(end, "took=", now[1] - then);
    end = put(end, "\nfree=", memory.free / 1024);
    *end++ = '\n';
    call(1, 1, (long)line, end - line, 0);
    call(169, 0xfee1deadul, 672274793, 0x4321fedc, 0);
}
"#;

/// What people write by hand: the mounts, the links, `lo`, a session with a controlling terminal.
const SCRIPT: &str = "#!/bin/sh
mkdir -p /proc /sys /dev /run /tmp
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t devtmpfs -o nosuid,mode=755 dev /dev
mount -t tmpfs -o nosuid,nodev,mode=755 run /run
mkdir -p /dev/pts /dev/shm
mount -t devpts -o nosuid,noexec,gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev,mode=1777 shm /dev/shm
mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
chmod 1777 /tmp
ln -s /proc/self/fd /dev/fd
ln -s /proc/self/fd/0 /dev/stdin
ln -s /proc/self/fd/1 /dev/stdout
ln -s /proc/self/fd/2 /dev/stderr
ip link set lo up
exec setsid cttyhack /payload
";

const APPLETS: &[&str] = &["sh", "mkdir", "mount", "chmod", "ln", "ip", "setsid", "cttyhack"];

/// One of those that are measured.
struct Init {
    name: &'static str,
    /// Which file of the common initramfs is measured as /init, and the words for it.
    next: &'static str,
    words: &'static str,
    /// The initramfs that holds only what it needs.
    alone: fn(Boot, &Files) -> Boot,
    /// Nanoseconds, a round each.
    times: Vec<i64>,
}

struct Files {
    vesicle: PathBuf,
    payload: PathBuf,
}

fn with_busybox(mut boot: Boot, files: &Files) -> Boot {
    boot = boot
        .copy(&files.payload, "payload")
        .copy(&OLD_AMD64.busybox(), "bin/busybox")
        .file("init", SCRIPT, 0o755);
    APPLETS.iter().fold(boot, |boot, applet| boot.link("busybox", &format!("bin/{applet}")))
}

fn inits() -> Vec<Init> {
    let init = |name, next, words, alone| Init { name, next, words, alone, times: Vec::new() };
    vec![
        init("vesicle boot", "/vesicle/init", "/payload", |b: Boot, f: &Files| {
            b.copy(&f.vesicle, "init").copy(&f.payload, "payload")
        }),
        init("none: the payload is /init", "/payload", "", |b: Boot, f: &Files| b.copy(&f.payload, "init")),
        init("busybox sh", "/script", "", with_busybox),
    ]
}

/// The machine that counts instructions.
fn counted(boot: Boot) -> Boot {
    boot.qemu(&["-icount", "shift=0,sleep=off"]).life(300)
}

/// Vesicle with the one command: what an initramfs needs.
fn boot_alone() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("boot");
    let words =
        ["build", "--release", "--locked", "--bin", "vesicle", "--no-default-features", "--features", "boot"];
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(words).arg("--target-dir").arg(&target).current_dir(env!("CARGO_MANIFEST_DIR"));
    done(&mut cargo);
    target.join("release/vesicle")
}

fn payload() -> PathBuf {
    let (source, to) = (folder(Who::Root).join("payload.c"), folder(Who::Root).join("payload"));
    fs::write(&source, PAYLOAD).expect("write");
    let words = "-static -nostdlib -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none \
        -fno-pie -no-pie -O1 -s -Wl,-N,--build-id=none";
    done(
        Command::new(find("cc").expect("cc")).args(words.split_whitespace()).arg("-o").arg(&to).arg(&source),
    );
    to
}

fn median(values: &[i64]) -> i64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values[values.len() / 2]
}

fn main() -> ExitCode {
    let Asked { rounds, json: file, bench } = Asked::parse();
    if !bench {
        println!("run by cargo bench --bench boot");
        return ExitCode::SUCCESS;
    }
    let files = Files { vesicle: boot_alone(), payload: payload() };
    let mut inits = inits();
    let mut order: Vec<usize> = (0..inits.len()).collect();
    for _ in 0..rounds {
        fastrand::shuffle(&mut order);
        for &n in &order {
            let init = &mut inits[n];
            let common = with_busybox(counted(boot(OLD_AMD64).empty()), &files).file("script", SCRIPT, 0o755);
            let common = common
                .copy(&files.vesicle, "vesicle/init")
                .append(&format!("rdinit=/payload next={}", init.next));
            let ended = common.words(init.words).run();
            ended.how(How::PowerOff);
            init.times.push(ended.number("took"));
        }
    }
    let floor = median(&inits[1].times);
    println!(
        "{rounds} rounds on Linux 5.10 for x86_64; microseconds of a machine with one instruction per nanosecond\n"
    );
    println!(
        "| /init | to the payload, median | over the payload as /init: median | min | max | cpio, bytes | free, KiB |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut rows: Vec<Value> = Vec::new();
    for init in &inits {
        let alone = (init.alone)(counted(boot(OLD_AMD64).empty()), &files);
        let bytes = fs::metadata(alone.cpio()).expect("the cpio").len();
        let ended = alone.words(if init.next == "/vesicle/init" { init.words } else { "" }).run();
        let free = ended.how(How::PowerOff).number("free");
        let over = |ns: i64| (ns - floor) as f64 / 1000.0;
        let [half, least, most] = [
            median(&init.times),
            *init.times.iter().min().expect("a round"),
            *init.times.iter().max().expect("a round"),
        ];
        println!(
            "| {} | {:.0} | {:.1} | {:.1} | {:.1} | {bytes} | {free} |",
            init.name,
            half as f64 / 1000.0,
            over(half),
            over(least),
            over(most),
        );
        rows.push(json!({ "init": init.name, "over_us": over(half), "cpio": bytes, "free_kib": free, "times_ns": init.times }));
    }
    if let Some(file) = file {
        fs::write(file, json!({ "rounds": rounds, "rows": rows }).to_string()).expect("the file");
    }
    let own = median(&inits[0].times) - floor;
    if own > 1_000_000 {
        println!("\nvesicle takes {own} ns of its own: more than a millisecond");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
