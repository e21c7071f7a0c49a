//! Linker flags for the binary, each with the reason why it is there; and the filters of system calls.

use std::{env, fs, path::Path};

#[path = "src/seccomp/compile.rs"]
mod filter;

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let script = Path::new(&root).join("linker/vesicle.ld");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", script.display());
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");

    let os = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if os != "linux" || !matches!(arch.as_str(), "x86_64" | "aarch64") {
        println!("cargo::error=vesicle is for Linux on x86_64 and aarch64, not for {os} on {arch}");
        return;
    }

    filters(Path::new(&root), if arch == "x86_64" { filter::Cpu::X86_64 } else { filter::Cpu::Aarch64 });

    #[cfg(feature = "oci")]
    calls(Path::new(&root));

    // A C compiler takes linker flags behind -Wl, and adds start files of its own; a bare linker knows neither.
    let direct = env::var("RUSTC_LINKER").is_ok_and(|l| {
        let name = Path::new(&l).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        ["ld", "ld.lld", "rust-lld", "lld", "ld.bfd", "ld.mold", "mold"].contains(&name.as_str())
    });
    let flag = |f: &str| {
        let f = if direct { f.to_string() } else { format!("-Wl,{f}") };
        println!("cargo::rustc-link-arg-bins={f}");
    };
    if !direct {
        // Our _start is the entry; the C library's start files call a main that isn't there.
        println!("cargo::rustc-link-arg-bins=-nostartfiles");
        // No C library, no compiler library: a call to either must fail the link.
        println!("cargo::rustc-link-arg-bins=-nostdlib");
    }
    // Without an interpreter.
    println!("cargo::rustc-link-arg-bins=-static");
    // At a fixed address: nobody relocates us, and a table of pointers is filled in here and now.
    println!("cargo::rustc-link-arg-bins=-no-pie");
    // Where the script finds the order of functions: vesicle-oci alone has one of its own.
    let order = if cfg!(all(feature = "oci", not(feature = "help"))) { "linker/oci" } else { "linker" };
    println!("cargo::rustc-link-arg-bins=-L{}", Path::new(&root).join(order).display());
    println!("cargo::rerun-if-changed={}/order.ld", Path::new(&root).join(order).display());
    // One R-X segment, no writable memory, no relocation: the script asserts all three.
    flag(&format!("--script={}", script.display()));
    // What nobody calls is not shipped; that a panic is never called is proved this way too.
    flag("--gc-sections");
    // No segment to protect after relocation, as there is neither.
    flag("-z");
    flag("norelro");
    // Section headers are for linkers and debuggers: half a KiB that no kernel reads. (GNU ld before 2.43 keeps them.)
    flag("-z");
    flag("nosectionheader");
    // A build id is a section more; the release is reproducible without one.
    flag("--build-id=none");
    // The smallest table, for it is thrown away by the script.
    flag("--hash-style=gnu");
}

/// The table of `--seccomp default` as BPF for this CPU: OUT_DIR/filters.rs.
fn filters(root: &Path, cpu: filter::Cpu) {
    println!("cargo::rerun-if-changed=src/seccomp/compile.rs");
    println!("cargo::rerun-if-changed=src/seccomp/default.txt");
    let table = fs::read_to_string(root.join("src/seccomp/default.txt")).expect("src/seccomp/default.txt");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let text = filter::source(&filter::parse(&table), cpu);
    fs::write(Path::new(&out).join("filters.rs"), text).expect("OUT_DIR/filters.rs");
}

/// Names and numbers of system calls for src/oci/seccomp/calls.rs, which says how they are packed: OUT_DIR/calls.rs.
#[cfg(feature = "oci")]
fn calls(root: &Path) {
    const BUCKETS: usize = 256;
    const NONE: u16 = 1023;
    println!("cargo::rerun-if-changed=src/oci/seccomp/calls.txt");
    let table =
        fs::read_to_string(root.join("src/oci/seccomp/calls.txt")).expect("src/oci/seccomp/calls.txt");
    let rows = table.lines().filter(|l| !l.starts_with('#')).map(|l| l.split(' ').collect::<Vec<_>>());
    let number = |word: &str| match word.strip_prefix("0xf000") {
        Some(private) => 1016 + private.parse::<u16>().expect("a number of arm"),
        None if word == "-" => NONE,
        None => word.parse().unwrap_or_else(|_| panic!("no number: {word}")),
    };
    let mut cpus = [vec![Vec::new(); BUCKETS], vec![Vec::new(); BUCKETS]];
    for row in rows {
        let [name, x86_64, x32, i386, way, aarch64, arm] = row[..] else { panic!("no row: {row:?}") };
        let x32 = match number(x32) {
            same if same == number(x86_64) => 0,
            NONE => 1,
            other => other.checked_sub(510).filter(|n| (2..64).contains(n)).expect("a number of x32"),
        };
        let way = match way.split_once(':') {
            None => 0,
            Some(("socketcall", call)) => call.parse().expect("a call"),
            Some((_, call)) => 32 + call.parse::<u16>().expect("a call"),
        };
        let both = [[number(x86_64) | x32 << 10, number(i386) | way << 10], [number(aarch64), number(arm)]];
        for (cpu, numbers) in cpus.iter_mut().zip(both) {
            // Nothing that can be called on this CPU: not even another way.
            if numbers.iter().all(|n| *n & NONE == NONE) && numbers[1] >> 10 == 0 {
                continue;
            }
            let bucket =
                name.bytes().fold(0usize, |sum, b| sum.wrapping_mul(31).wrapping_add(b.into())) % BUCKETS;
            let (last, before) = name.as_bytes().split_last().expect("a name");
            cpu[bucket].extend_from_slice(before);
            cpu[bucket].push(last | 0x80);
            cpu[bucket].extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
        }
    }
    let mut source = String::new();
    for (name, buckets) in ["X86_64", "AARCH64"].iter().zip(cpus) {
        let starts = buckets.iter().scan(0, |end, b| Some(std::mem::replace(end, *end + b.len())));
        let all = buckets.concat();
        let starts: Vec<usize> = starts.chain([all.len()]).collect();
        source += &format!("static {name}_CALLS: [u8; {}] = {all:?};\n", all.len());
        source += &format!("static {name}_BUCKETS: [u16; {}] = {starts:?};\n", starts.len());
    }
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("calls.rs"), source).expect("OUT_DIR/calls.rs");
}
