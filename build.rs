//! Linker flags for the binary, each with the reason why it is there; and the filters of system calls.

#[cfg(feature = "oci")]
use std::collections::BTreeMap;
use std::{env, fs, path::Path};

#[path = "src/seccomp/compile.rs"]
mod filter;
#[cfg(feature = "oci")]
#[path = "src/oci/seccomp/hash.rs"]
mod hash;

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
    const NONE: u16 = 1023;
    println!("cargo::rerun-if-changed=src/oci/seccomp/calls.txt");
    println!("cargo::rerun-if-changed=src/oci/seccomp/hash.rs");
    let table =
        fs::read_to_string(root.join("src/oci/seccomp/calls.txt")).expect("src/oci/seccomp/calls.txt");
    let rows = table.lines().filter(|l| !l.starts_with('#')).map(|l| l.split(' ').collect::<Vec<_>>());
    let number = |word: &str| match word.strip_prefix("0xf000") {
        Some(private) => 1016 + private.parse::<u16>().expect("a number of arm"),
        None if word == "-" => NONE,
        None => word.parse().unwrap_or_else(|_| panic!("no number: {word}")),
    };
    let mut cpus = [BTreeMap::new(), BTreeMap::new()];
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
            let other = cpu.insert(hash::hash(name.as_bytes()), numbers);
            assert!(other.is_none(), "{name} has the hash of another one");
        }
    }
    let mut source = String::new();
    for (name, calls) in ["X86_64", "AARCH64"].iter().zip(cpus) {
        let (len, hashes, numbers) = (calls.len(), calls.keys(), calls.values());
        source += &format!("static {name}_NAMES: [u32; {len}] = {:?};\n", hashes.collect::<Vec<_>>());
        source += &format!("static {name}_CALLS: [[u16; 2]; {len}] = {:?};\n", numbers.collect::<Vec<_>>());
    }
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("calls.rs"), source).expect("OUT_DIR/calls.rs");
}
