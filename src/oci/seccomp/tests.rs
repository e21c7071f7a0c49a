//! What a program decides is what a plain reading of its profile says.
#![allow(unsafe_code)]

use super::calls::{AARCH64, Abi, X86_64, raw};
use super::*;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

const KILL_THREAD: u32 = 0;
const ALLOW: u32 = 0x7fff_0000;
const ENOSYS: u32 = 38;
const CPUS: [(&Machine, bool); 2] = [(&X86_64, true), (&AARCH64, false)];

/// A row of calls.txt.
struct Row {
    name: String,
    /// On x86_64, x32, i386, aarch64, arm.
    numbers: [Option<u32>; 5],
    /// Another way on i386.
    way: Option<(u32, u32)>,
}

fn rows() -> Vec<Row> {
    let number = |word: &str| match word.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    };
    let lines = include_str!("calls.txt").lines().filter(|l| !l.starts_with('#'));
    let rows = lines.map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, x86_64, x32, i386, way, aarch64, arm] = words[..] else { panic!("{line}") };
        let way = way
            .split_once(':')
            .map(|(name, call)| (if name == "ipc" { 117 } else { 102 }, call.parse().expect("a number")));
        Row { name: name.into(), numbers: [x86_64, x32, i386, aarch64, arm].map(number), way }
    });
    rows.collect()
}

/// The numbers of a row on a CPU: its own, of x32, of 32 bits.
fn of_cpu(row: &Row, x86: bool) -> [Option<u32>; 3] {
    let [x86_64, x32, i386, aarch64, arm] = row.numbers;
    if x86 { [x86_64, x32, i386] } else { [aarch64, None, arm] }
}

/// A rule of the model: what it returns, the numbers and perhaps first arguments of its calls, its conditions.
struct Plain {
    action: u32,
    calls: Vec<[Option<u32>; 3]>,
    ways: Vec<(u32, u32)>,
    when: Vec<(usize, String, u64, u64)>,
}

/// A profile, read without any cleverness.
struct Model {
    default: u32,
    newer: u32,
    arches: Vec<String>,
    x86: bool,
    rules: Vec<Plain>,
    newest: [Option<u32>; 3],
}

fn action(name: &str, errno: &Json) -> u32 {
    let errno = errno.as_u64().unwrap_or(1) as u32;
    match name {
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => KILL_THREAD,
        "SCMP_ACT_KILL_PROCESS" => 0x8000_0000,
        "SCMP_ACT_TRAP" => 0x0003_0000,
        "SCMP_ACT_ERRNO" => 0x0005_0000 | errno,
        "SCMP_ACT_TRACE" => 0x7ff0_0000 | errno,
        "SCMP_ACT_ALLOW" => ALLOW,
        "SCMP_ACT_LOG" => 0x7ffc_0000,
        "SCMP_ACT_NOTIFY" => 0x7fc0_0000,
        _ => panic!("{name}"),
    }
}

fn list(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], |list| list)
}

impl Model {
    fn of(json: &Json, x86: bool) -> Model {
        let rows: BTreeMap<String, Row> = rows().into_iter().map(|row| (row.name.clone(), row)).collect();
        let text = |json: &Json| json.as_str().expect("a text").to_string();
        let name = text(&json["defaultAction"]);
        let default = action(&name, &json["defaultErrnoRet"]);
        let lets = ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"].contains(&name.as_str());
        let newer = if lets || json["defaultErrnoRet"] == ENOSYS { default } else { 0x0005_0000 | ENOSYS };
        let arches = list(&json["architectures"]).iter().map(text).collect();
        let mut model = Model { default, newer, arches, x86, rules: vec![], newest: [None; 3] };
        for entry in list(&json["syscalls"]) {
            let named: Vec<&Row> = list(&entry["names"]).iter().filter_map(|n| rows.get(&text(n))).collect();
            let calls: Vec<_> = named.iter().map(|row| of_cpu(row, x86)).collect();
            for numbers in &calls {
                for (newest, number) in model.newest.iter_mut().zip(numbers) {
                    *newest = (*newest).max(number.filter(|n| *n < 1000));
                }
            }
            let ways = named.iter().filter_map(|row| row.way.filter(|_| x86)).collect();
            let number = |json: &Json| json.as_u64().unwrap_or(0);
            let when = list(&entry["args"]).iter().map(|arg| {
                (
                    number(&arg["index"]) as usize,
                    text(&arg["op"]),
                    number(&arg["value"]),
                    number(&arg["valueTwo"]),
                )
            });
            let action = action(&text(&entry["action"]), &entry["errnoRet"]);
            if action != default {
                model.rules.push(Plain { action, calls, ways, when: when.collect() });
            }
        }
        model
    }

    fn lists(&self, arch: &str) -> bool {
        self.arches.iter().any(|a| a.strip_prefix("SCMP_ARCH_") == Some(arch))
    }

    fn decide(&self, data: &Data) -> u32 {
        let [own, compat] = if self.x86 { [0xc000_003e, 0x4000_0003] } else { [0xc000_00b7, 0x4000_0028] };
        let (abi, nr) = match data.arch {
            // All of them are below these bits.
            arch if arch == own && self.x86 && data.nr >> 30 != 0 => {
                if !self.lists("X32") {
                    return if data.nr == u32::MAX { self.default } else { KILL_THREAD };
                }
                // Above all numbers of x32, which have the bit.
                (1, data.nr.wrapping_sub(0x4000_0000))
            }
            arch if arch == own => (0, data.nr),
            arch if arch == compat && self.lists(if self.x86 { "X86" } else { "ARM" }) => (2, data.nr),
            _ => return KILL_THREAD,
        };
        let holds = |(index, op, value, second): &(usize, String, u64, u64)| {
            let low = if abi == 0 { u64::MAX } else { u32::MAX.into() };
            let (argument, value, second) = (data.args[*index] & low, value & low, second & low);
            match op.as_str() {
                "SCMP_CMP_NE" => argument != value,
                "SCMP_CMP_LT" => argument < value,
                "SCMP_CMP_LE" => argument <= value,
                "SCMP_CMP_EQ" => argument == value,
                "SCMP_CMP_GE" => argument >= value,
                "SCMP_CMP_GT" => argument > value,
                "SCMP_CMP_MASKED_EQ" => argument & value == second & value,
                _ => panic!("{op}"),
            }
        };
        let mut first = None;
        for rule in &self.rules {
            let twice = (0..6).any(|n| rule.when.iter().filter(|w| w.0 == n).count() > 1);
            let itself = rule.calls.iter().any(|numbers| numbers[abi] == Some(nr));
            if itself && rule.when.is_empty() {
                return rule.action;
            }
            let is = if twice { rule.when.iter().any(holds) } else { rule.when.iter().all(holds) };
            // The first argument is what tells the call.
            let low = data.args[0] as u32;
            let way = abi == 2 && rule.ways.contains(&(nr, low));
            let other = |when: &(usize, _, _, _)| when.0 == 0 || holds(when);
            let way_is = way && if twice { rule.when.iter().any(other) } else { rule.when.iter().all(other) };
            if first.is_none() && (itself && is || way_is) {
                first = Some(rule.action);
            }
        }
        // Of arm some stand far above the others.
        let known = |rule: &Plain| {
            rule.calls.iter().any(|n| n[abi] == Some(nr)) || abi == 2 && rule.ways.iter().any(|w| w.0 == nr)
        };
        match first {
            Some(action) => action,
            None if self.rules.iter().any(known) => self.default,
            None if self.newest[abi].is_some_and(|newest| nr > newest) => self.newer,
            None => self.default,
        }
    }
}

/// struct seccomp_data.
struct Data {
    nr: u32,
    arch: u32,
    args: [u64; 6],
}

/// What a filter says, and after how many instructions. Anything that the kernel would not take is a failure.
fn decide(program: &[u64], data: &Data) -> (u32, usize) {
    let (mut at, mut a, mut steps) = (0, 0u32, 0);
    loop {
        let i = program[at];
        let (code, yes, no, k) = (i as u16, (i >> 16) as u8, (i >> 24) as u8, (i >> 32) as u32);
        (at, steps) = (at + 1, steps + 1);
        let mut jump = |holds: bool| at += usize::from(if holds { yes } else { no });
        match code {
            0x20 => {
                a = match k {
                    0 => data.nr,
                    4 => data.arch,
                    16..64 if k.is_multiple_of(4) => {
                        let arg = data.args[(k as usize - 16) / 8];
                        (if k & 4 == 0 { arg } else { arg >> 32 }) as u32
                    }
                    _ => panic!("a load from {k}"),
                }
            }
            0x54 => a &= k,
            0x05 => at += k as usize,
            0x15 => jump(a == k),
            0x25 => jump(a > k),
            0x35 => jump(a >= k),
            0x06 => return (k, steps),
            _ => panic!("an instruction {code:#x}"),
        }
    }
}

fn filter(machine: &Machine, json: &Json) -> Result<Option<Filter>, Wrong> {
    let text = [json.to_string().as_bytes(), &[0]].concat();
    let mut reader = Reader::of(Box::leak(text.into_boxed_slice()));
    let filter = read_for(machine, &mut reader)?;
    assert_eq!(reader.end(), Ok(()));
    Ok(filter)
}

fn program(machine: &Machine, json: &Json) -> &'static [u64] {
    match filter(machine, json) {
        Ok(Some(filter)) => filter.program,
        Ok(None) => panic!("nothing: {json}"),
        Err(wrong) => panic!("{wrong:?}: {json}"),
    }
}

/// Arguments at which a rule could decide otherwise.
fn edges(model: &Model) -> Vec<[u64; 6]> {
    let mut list = BTreeSet::from([[0; 6], [u64::MAX; 6], [1 << 32; 6]]);
    let mut like = [0; 6];
    for (index, _, value, second) in model.rules.iter().flat_map(|rule| &rule.when) {
        let values = [*value, *second, value & second];
        for value in values.into_iter().flat_map(|v| {
            [v, v.wrapping_sub(1), v.wrapping_add(1), v ^ 1 << 32, v ^ 1 << 31, v ^ 1 << 63, !v, v << 32]
        }) {
            for mut args in [[0; 6], like, [u64::MAX; 6]] {
                args[*index] = value;
                list.insert(args);
            }
        }
        like[*index] = *value;
        list.insert(like);
    }
    // The first argument of socketcall(2) and ipc(2).
    for call in 0..26 {
        let mut args = like;
        args[0] = call;
        list.insert(args);
    }
    list.into_iter().collect()
}

/// Holds the program of a profile to the model for every number, and says how long it is, and how many instructions run.
fn check(json: &Json, numbers: &[u32], most: usize) {
    for (machine, x86) in CPUS {
        let (program, model) = (program(machine, json), Model::of(json, x86));
        let edges = edges(&model);
        let few = edges.len().div_ceil(most);
        let (mut steps, mut decisions) = (0, 0);
        for arch in [machine.audit[0], machine.audit[1], 0xc000_00f3, 0] {
            for nr in numbers {
                for args in edges.iter().step_by(few) {
                    let data = Data { nr: *nr, arch, args: *args };
                    let (ours, ran) = decide(program, &data);
                    let theirs = model.decide(&data);
                    assert_eq!(ours, theirs, "call {nr:#x} of {arch:#x} with {args:x?}: {json}");
                    (steps, decisions) = (steps + ran, decisions + 1);
                }
            }
        }
        if numbers.len() > 1000 {
            let mean = steps as f64 / decisions as f64;
            println!("{} instructions, of which {mean:.1} are run", program.len());
        }
    }
}

fn numbers(end: u32) -> Vec<u32> {
    let ends =
        [1015, 1016, 1023, 1024, 4095, 0xf_0000, 0xf_0005, 0xf_0006, 0xf_0007, 0x3fff_ffff, 0x7fff_ffff];
    let x32 = (0..end).map(|n| n | 0x4000_0000);
    (0..end).chain(x32).chain(ends).chain([0x8000_0000, 0xc000_0000, u32::MAX]).collect()
}

/// Those near the numbers of a profile's calls, and some others.
fn near(profile: &Json) -> Vec<u32> {
    let named: Vec<&str> = list(&profile["syscalls"])
        .iter()
        .flat_map(|entry| list(&entry["names"]).iter().filter_map(Json::as_str))
        .collect();
    let rows = rows().into_iter().filter(|row| named.contains(&row.name.as_str()));
    let mut list: BTreeSet<u32> = numbers(1).into_iter().chain([102, 117, 300, 469, 470]).collect();
    list.extend(rows.flat_map(|row| row.numbers).flatten().flat_map(|n| [n.saturating_sub(1), n, n + 1]));
    let x32: Vec<u32> = list.iter().map(|n| n | 0x4000_0000).collect();
    list.extend(x32);
    list.into_iter().collect()
}

/// The profiles of captured configs.
fn profiles() -> Vec<(String, Json)> {
    let dir = PathBuf::from_iter([env!("CARGO_MANIFEST_DIR"), "tests", "oci", "captured"]);
    let mut list = Vec::new();
    for entry in std::fs::read_dir(dir).expect("captured configs").flatten() {
        let text = std::fs::read(entry.path()).expect("a config");
        let json: Json = serde_json::from_slice(&text).expect("JSON");
        if let Some(profile) = json["linux"].get("seccomp") {
            list.push((entry.file_name().to_string_lossy().into_owned(), profile.clone()));
        }
    }
    assert!(list.len() > 5);
    list
}

#[test]
fn calls_have_the_numbers_that_they_have() {
    let rows = rows();
    let mut names = BTreeSet::new();
    for row in &rows {
        assert!(names.insert(row.name.as_str()), "{} stands twice", row.name);
        let theirs = [
            row.name.parse::<syscalls::x86_64::Sysno>().ok().map(|n| n.id() as u32),
            row.name.parse::<syscalls::x86::Sysno>().ok().map(|n| n.id() as u32),
            row.name.parse::<syscalls::aarch64::Sysno>().ok().map(|n| n.id() as u32),
            row.name.parse::<syscalls::arm::Sysno>().ok().map(|n| n.id() as u32),
        ];
        let [x86_64, x32, i386, aarch64, arm] = row.numbers;
        // Calls of the crate's list that no kernel for the CPU has, and numbers that the crate has by another name.
        let aarch64 = if row.name.ends_with("time64")
            || row.name.ends_with("_gettime64")
            || row.name == "clock_settime64"
        {
            assert_eq!(aarch64, None);
            theirs[2]
        } else {
            aarch64
        };
        match row.name.as_str() {
            "newfstatat" => assert_eq!(aarch64, Some(79)),
            "fstatat" => assert_eq!(aarch64, None),
            _ if ["clock_adjtime64", "timer_settime64", "timerfd_settime64"].contains(&row.name.as_str()) => {
            }
            _ => assert_eq!(aarch64, theirs[2], "{}", row.name),
        }
        let i386 = if theirs[1].is_none() && ["break", "afs_syscall"].contains(&row.name.as_str()) {
            None
        } else {
            i386
        };
        assert_eq!([x86_64, i386], [theirs[0], theirs[1]], "{}", row.name);
        assert_eq!(arm.filter(|n| *n < 1000), theirs[3], "{}", row.name);
        assert!(x32.is_none_or(|n| x86_64 == Some(n) || (512..548).contains(&n)), "{}", row.name);
    }
    for name in syscalls::x86_64::Sysno::iter().map(|n| n.name()) {
        assert!(names.contains(name), "{name} is new");
    }
}

#[test]
fn each_call_is_found_by_its_name_and_nothing_else_is() {
    for (machine, x86) in CPUS {
        for row in rows() {
            let call = machine.call(row.name.as_bytes());
            let found = |abi| call.and_then(|call| call.number(abi)).map(raw);
            assert_eq!(
                [found(Abi::Native), found(Abi::X32), found(Abi::Compat)]
                    .map(|n| n.filter(|_| x86 || n.is_some())),
                if x86 { of_cpu(&row, x86) } else { [row.numbers[3], found(Abi::X32), row.numbers[4]] },
                "{}",
                row.name
            );
            let way = call.and_then(|call| call.other_way(Abi::Compat)).map(|(a, b)| (a.into(), b.into()));
            assert_eq!(way, row.way.filter(|_| x86), "{}", row.name);
            for other in [format!("{}x", row.name), row.name[1..].into(), row.name.to_uppercase()] {
                if !rows().iter().any(|row| row.name == other) {
                    assert!(machine.call(other.as_bytes()).is_none(), "{other}");
                }
            }
        }
        for other in ["", "\u{fffd}", "rea", "reae", "\0"] {
            assert!(machine.call(other.as_bytes()).is_none(), "{other}");
        }
    }
}

/// Names are known by their hashes: that of no name that there is anywhere is another one's.
#[test]
fn no_call_of_another_cpu_is_taken_for_one_that_there_is() {
    let mut names: BTreeSet<String> = rows().into_iter().map(|row| row.name).collect();
    let own = names.clone();
    macro_rules! cpus {
        ($($cpu:ident)*) => {$(
            names.extend(syscalls::$cpu::Sysno::iter().map(|n| n.name().to_string()));
        )*};
    }
    cpus!(aarch64 arm loongarch64 mips mips64 powerpc powerpc64 riscv32 riscv64 s390x sparc sparc64 x86 x86_64);
    for (_, profile) in profiles() {
        let named = list(&profile["syscalls"]).iter().flat_map(|rule| list(&rule["names"]));
        names.extend(named.map(|name| name.as_str().expect("a name").to_string()));
    }
    // What libseccomp knows: also of CPUs that the crate does not.
    let script = "import seccomp as s\n\
        cpus = [getattr(s.Arch, name) for name in dir(s.Arch) if name.isupper()]\n\
        for n in [*range(-400, 7000), *range(0xf0000, 0xf0010)]:\n\
        \tfor cpu in cpus:\n\
        \t\ttry: print(s.resolve_syscall(cpu, n).decode())\n\
        \t\texcept Exception: pass\n";
    match std::process::Command::new("/usr/bin/python3").args(["-c", script]).output() {
        Ok(out) if out.status.success() => {
            let known = String::from_utf8(out.stdout).expect("names");
            assert!(known.lines().collect::<BTreeSet<_>>().len() > 400);
            names.extend(known.lines().map(String::from));
        }
        _ => println!("SKIP no_call_of_another_cpu_is_taken_for_one_that_there_is: no python3-seccomp"),
    }
    let hashes: BTreeSet<u32> = names.iter().map(|name| super::hash::hash(name.as_bytes())).collect();
    assert_eq!(hashes.len(), names.len());
    assert!(names.len() > own.len() + 30, "{} of {}", own.len(), names.len());
    println!("{} names, {} of them not in the table", names.len(), names.len() - own.len());
    for name in names.difference(&own) {
        for (machine, _) in CPUS {
            assert!(machine.call(name.as_bytes()).is_none(), "{name}");
        }
    }
}

#[test]
fn profiles_of_engines_decide_as_they_say() {
    for (name, profile) in profiles() {
        println!("{name}");
        check(&profile, &numbers(600), 12);
    }
}

#[test]
fn a_profile_of_nothing_but_a_default_is_one_action() {
    for (action, word) in [("SCMP_ACT_ALLOW", ALLOW), ("SCMP_ACT_KILL_PROCESS", 0x8000_0000)] {
        for json in [
            json!({ "defaultAction": action }),
            json!({ "syscalls": null, "defaultAction": action, "x": [] }),
        ] {
            let program = program(&X86_64, &json);
            let data = |nr| Data { nr, arch: 0xc000_003e, args: [0; 6] };
            assert_eq!(decide(program, &data(1)).0, word);
            assert_eq!(decide(program, &data(u32::MAX)).0, word);
            check(&json, &numbers(10), 10);
        }
    }
    assert!(matches!(filter(&X86_64, &json!({})), Ok(None)));
    assert!(matches!(filter(&X86_64, &json!({ "syscalls": [], "defaultAction": null })), Ok(None)));
}

#[test]
fn a_rule_without_conditions_goes_before_others_and_the_first_of_them_counts() {
    let when = json!([{ "index": 0, "value": 1, "op": "SCMP_CMP_EQ" }]);
    let json = json!({ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        { "names": ["read"], "action": "SCMP_ACT_TRAP", "args": when },
        { "names": ["read", "write"], "action": "SCMP_ACT_ALLOW" },
        { "names": ["read", "write"], "action": "SCMP_ACT_LOG" },
        { "names": ["write"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1 },
        { "names": ["close"], "action": "SCMP_ACT_LOG", "args": when },
        { "names": ["close"], "action": "SCMP_ACT_ALLOW", "args": when },
    ]});
    let program = program(&X86_64, &json);
    let said = |nr, arg| decide(program, &Data { nr, arch: 0xc000_003e, args: [arg; 6] }).0;
    assert_eq!([said(0, 0), said(0, 1), said(1, 1)], [ALLOW; 3]);
    assert_eq!([said(3, 1), said(3, 0)], [0x7ffc_0000, 0x0005_0001]);
    // Nothing newer than close(2) is named, and other CPUs' programs are not judged.
    assert_eq!([said(2, 0), said(4, 0), said(0x4000_0000, 0)], [0x0005_0001, 0x0005_0026, KILL_THREAD]);
    check(&json, &numbers(20), 100);
}

#[test]
fn a_long_list_of_conditions_is_shared_and_jumps_far() {
    let rows = rows();
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let arches = ["SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_ARM"];
    let when = |n: u64| json!([{ "index": n % 6, "value": n << 31, "op": "SCMP_CMP_GT" }, { "index": (n + 1) % 6, "value": n, "op": "SCMP_CMP_NE" }]);
    let shared: Vec<Json> = (0..4)
        .map(|n| json!({ "names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": n + 2, "args": when(n) }))
        .collect();
    let json = json!({ "defaultAction": "SCMP_ACT_ALLOW", "architectures": arches, "syscalls": shared });
    assert!(program(&AARCH64, &json).len() < 300);
    check(&json, &numbers(500), 8);
    // Every call has its own.
    let own: Vec<Json> = names
        .iter()
        .zip(0..)
        .step_by(2)
        .map(|(name, n)| json!({ "names": [name], "action": "SCMP_ACT_ERRNO", "errnoRet": n, "args": when(n) }))
        .collect();
    let mut json = json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": own });
    check(&json, &numbers(500), 8);
    json["architectures"] = json!(arches);
    let wrong = Wrong { name: z!("syscalls"), problem: Problem::TooMany };
    assert!(filter(&X86_64, &json).err() == Some(wrong));
}

#[test]
fn one_condition_is_enough_where_an_argument_has_two() {
    let when = json!([{ "index": 0, "value": 1, "op": "SCMP_CMP_EQ" }, { "index": 0, "value": 5, "op": "SCMP_CMP_EQ" }, { "index": 2, "value": 7, "op": "SCMP_CMP_EQ" }]);
    let json = json!({ "defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86"], "syscalls": [
        { "names": ["socket", "semop"], "action": "SCMP_ACT_ALLOW", "args": when },
    ]});
    check(&json, &numbers(500), 200);
}

#[test]
fn what_a_profile_may_not_say_is_refused_with_its_name() {
    let rule = |rule: Json| json!({ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [rule] });
    let arg = |arg: Json| rule(json!({ "names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [arg] }));
    let notify = json!([{ "names": ["read"], "action": "SCMP_ACT_NOTIFY" }]);
    for (json, name, problem) in [
        (json!([]), "seccomp", "Json(Object)"),
        (
            json!({ "syscalls": [{ "names": ["read"], "action": "SCMP_ACT_ALLOW" }] }),
            "defaultAction",
            "Missing",
        ),
        (json!({ "defaultAction": "ALLOW" }), "defaultAction", "Unknown(\"ALLOW\")"),
        (json!({ "defaultAction": "SCMP_ACT_" }), "defaultAction", "Unknown"),
        (json!({ "defaultAction": "SCMP_ACT_ALLOWED" }), "defaultAction", "Unknown"),
        (json!({ "defaultAction": "scmp_act_allow" }), "defaultAction", "Unknown"),
        (json!({ "defaultAction": "SCMP_ACT_KILL TRAP" }), "defaultAction", "Unknown"),
        (json!({ "defaultAction": 1 }), "defaultAction", "Json(Text)"),
        (json!({ "defaultAction": "SCMP_ACT_NOTIFY" }), "defaultAction", "Notify"),
        (json!({ "defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1 }), "defaultErrnoRet", "NoErrno"),
        (json!({ "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096 }), "defaultErrnoRet", "Range"),
        (json!({ "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": -1 }), "defaultErrnoRet", "Range"),
        (json!({ "defaultAction": "SCMP_ACT_TRACE", "defaultErrnoRet": 65536 }), "defaultErrnoRet", "Range"),
        (
            json!({ "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_VAX"] }),
            "architectures",
            "Unknown",
        ),
        (
            json!({ "defaultAction": "SCMP_ACT_ALLOW", "architectures": "SCMP_ARCH_X86" }),
            "architectures",
            "Json(Array)",
        ),
        (
            json!({ "defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_NEW_LISTENER"] }),
            "flags",
            "Unknown",
        ),
        (json!({ "defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x" }), "listenerPath", "Missing"),
        (json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": notify }), "listenerPath", "Missing"),
        (rule(json!({ "names": ["read"] })), "action", "Missing"),
        (
            rule(json!({ "names": ["read"], "action": "SCMP_ACT_ALLOW", "errnoRet": 1 })),
            "errnoRet",
            "NoErrno",
        ),
        (
            rule(json!({ "names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5000 })),
            "errnoRet",
            "Range",
        ),
        (rule(json!({ "names": [""], "action": "SCMP_ACT_ALLOW" })), "names", "Missing"),
        (rule(json!({ "names": [7], "action": "SCMP_ACT_ALLOW" })), "names", "Json(Text)"),
        (rule(json!({ "names": [null], "action": "SCMP_ACT_ALLOW" })), "names", "Json(Text)"),
        (rule(json!("read")), "syscalls", "Json(Object)"),
        (arg(json!({ "index": 6, "value": 1, "op": "SCMP_CMP_EQ" })), "index", "Range"),
        (arg(json!({ "index": -1, "value": 1, "op": "SCMP_CMP_EQ" })), "index", "Range"),
        (arg(json!({ "value": 1, "op": "SCMP_CMP_EQ" })), "index", "Missing"),
        (arg(json!({ "index": 1, "op": "SCMP_CMP_EQ" })), "value", "Missing"),
        (arg(json!({ "index": 1, "value": 1.5, "op": "SCMP_CMP_EQ" })), "value", "Json(Integer)"),
        (arg(json!({ "index": 1, "value": 1 })), "op", "Missing"),
        (arg(json!({ "index": 1, "value": 1, "op": "SCMP_CMP_" })), "op", "Unknown"),
    ] {
        let wrong = filter(&X86_64, &json).err().expect("an error");
        assert_eq!(wrong.name.bytes(), name.as_bytes(), "{json}");
        assert!(format!("{:?}", wrong.problem).contains(problem), "{:?}: {json}", wrong.problem);
    }
    // What an engine for another CPU may have written.
    let json =
        json!({ "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_S390X", "SCMP_ARCH_SHEB"] });
    check(&json, &numbers(10), 10);
}

#[test]
fn flags_and_the_listener_are_told() {
    let of = |mut json: Json| {
        json["defaultAction"] = json!("SCMP_ACT_ALLOW");
        let filter = filter(&X86_64, &json).ok().flatten().expect("a filter");
        (filter.flags, filter.listener.is_some(), filter.metadata.is_some())
    };
    let flag =
        |names: &[&str]| json!(names.iter().map(|n| format!("SECCOMP_FILTER_FLAG_{n}")).collect::<Vec<_>>());
    let notify = json!([{ "names": ["mkdir"], "action": "SCMP_ACT_NOTIFY" }]);
    assert_eq!(of(json!({})), (4, false, false));
    assert_eq!(of(json!({ "flags": [] })), (0, false, false));
    assert_eq!(of(json!({ "flags": flag(&["TSYNC", "LOG", "SPEC_ALLOW"]) })), (6, false, false));
    // Of a listener only where there is one.
    assert_eq!(
        of(json!({ "flags": flag(&["WAIT_KILLABLE_RECV"]), "listenerPath": "/x" })),
        (0, false, false)
    );
    assert_eq!(
        of(json!({ "listenerPath": "/x", "listenerMetadata": "y", "syscalls": notify })),
        (12, true, true)
    );
    assert_eq!(
        of(json!({ "flags": flag(&["WAIT_KILLABLE_RECV"]), "listenerPath": "/x", "syscalls": notify })),
        (40, true, false)
    );
}

/// How a child ends that loads the filter and then calls `then`; with what the loading said.
fn loaded(json: &Json, then: impl FnOnce(u32) -> i32) -> WaitStatus {
    let filter = filter(HERE, json).ok().flatten().expect("a filter");
    // SAFETY: the child makes system calls and nothing else: no lock and no memory of the other threads.
    match unsafe { fork() }.expect("a child") {
        ForkResult::Parent { child } => waitpid(child, None).expect("the child's end"),
        ForkResult::Child => {
            // SAFETY: as above; the calls get numbers only.
            unsafe {
                nix::libc::prctl(nix::libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
                let code = match crate::sys::seccomp_with(filter.program, filter.flags) {
                    Ok(listener) => then(listener),
                    Err(errno) => 100 + errno.raw().get().unsigned_abs().min(99) as i32,
                };
                nix::libc::_exit(code)
            }
        }
    }
}

/// A call of this process: its errno, or 0.
fn call(number: nix::libc::c_long, args: [nix::libc::c_long; 3]) -> i32 {
    // SAFETY: the calls of the tests get numbers, or pointers that are null.
    let said = unsafe { nix::libc::syscall(number, args[0], args[1], args[2]) };
    if said < 0 { nix::errno::Errno::last_raw() } else { 0 }
}

#[test]
fn the_kernel_takes_it_and_does_what_it_says() {
    use nix::libc::{
        SYS_close, SYS_exit_group, SYS_getpid, SYS_getppid, SYS_getuid, SYS_personality, SYS_uname,
    };
    let json = json!({ "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 7, "syscalls": [
        { "names": ["exit_group", "getpid"], "action": "SCMP_ACT_ALLOW" },
        { "names": ["uname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 9 },
        { "names": ["getppid"], "action": "SCMP_ACT_KILL_PROCESS" },
        { "names": ["close"], "action": "SCMP_ACT_ERRNO", "errnoRet": 11,
          "args": [{ "index": 0, "value": 1_u64 << 32 | 5, "op": "SCMP_CMP_EQ" }] },
        { "names": ["personality"], "action": "SCMP_ACT_ALLOW",
          "args": [{ "index": 0, "value": 0xffff_ffff_u32, "op": "SCMP_CMP_MASKED_EQ", "valueTwo": 0xffff_ffff_u32 }] },
    ]});
    let _ = SYS_exit_group;
    let codes = loaded(&json, |_| {
        let said = [
            call(SYS_getpid, [0; 3]),
            call(SYS_uname, [0; 3]),
            call(SYS_getuid, [0; 3]),
            call(SYS_close, [5, 0, 0]),
            call(SYS_close, [1 << 32 | 5, 0, 0]),
            call(SYS_personality, [0xffff_ffff, 0, 0]),
            call(SYS_personality, [0, 0, 0]),
            // Newer than any that is named.
            call(900, [0; 3]),
        ];
        i32::from(said == [0, 9, 7, 7, 11, 0, 7, 38])
    });
    assert!(matches!(codes, WaitStatus::Exited(_, 1)), "{codes:?}");
    let killed = loaded(&json, |_| call(SYS_getppid, [0; 3]));
    assert!(matches!(killed, WaitStatus::Signaled(_, Signal::SIGSYS, _)), "{killed:?}");
}

#[test]
fn the_kernel_takes_the_profiles_of_engines() {
    for (name, profile) in profiles() {
        let end = loaded(&profile, |_| {
            i32::from(
                call(nix::libc::SYS_getpid, [0; 3]) == 0 && call(nix::libc::SYS_kexec_load, [0; 3]) != 0,
            )
        });
        assert!(matches!(end, WaitStatus::Exited(_, 1)), "{name}: {end:?}");
    }
}

#[test]
fn a_listener_is_a_descriptor() {
    let json = json!({ "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent", "syscalls": [
        { "names": ["mkdir"], "action": "SCMP_ACT_NOTIFY" } ] });
    let end = loaded(&json, |listener| {
        i32::from(listener > 2 && call(nix::libc::SYS_close, [listener.into(), 0, 0]) == 0)
    });
    assert!(matches!(end, WaitStatus::Exited(_, 1)), "{end:?}");
}

/// Any profile.
fn profile() -> impl Strategy<Value = Json> {
    let names = proptest::sample::select(vec![
        "read",
        "write",
        "close",
        "socket",
        "socketpair",
        "bind",
        "accept",
        "recv",
        "sendmmsg",
        "socketcall",
        "ipc",
        "shmat",
        "semop",
        "msgget",
        "clone",
        "clone3",
        "personality",
        "ioctl",
        "execve",
        "rt_sigaction",
        "exit",
        "waitpid",
        "cacheflush",
        "set_tls",
        "file_setattr",
        "uretprobe",
        "no_such_call",
        "openat",
        "open",
        "mmap2",
        "chown32",
        "getpid",
        "gettid",
        "futex",
    ]);
    let action = || {
        proptest::sample::select(vec![
            ("SCMP_ACT_ALLOW", false),
            ("SCMP_ACT_ERRNO", true),
            ("SCMP_ACT_KILL", false),
            ("SCMP_ACT_KILL_THREAD", false),
            ("SCMP_ACT_KILL_PROCESS", false),
            ("SCMP_ACT_TRAP", false),
            ("SCMP_ACT_TRACE", true),
            ("SCMP_ACT_LOG", false),
        ])
    };
    let errno = || proptest::option::of(prop_oneof![Just(1u32), Just(38), Just(0), 1..4096u32]);
    let value = || {
        prop_oneof![
            0..4u64,
            any::<u64>(),
            any::<u32>().prop_map(u64::from),
            Just(u64::MAX),
            Just(1 << 32),
            Just(0)
        ]
    };
    let op = proptest::sample::select(OPS.split(|b| *b == b' ').collect::<Vec<_>>());
    let arg = (0..6u8, op, value(), value()).prop_map(|(index, op, value, second)| {
        json!({ "op": format!("SCMP_CMP_{}", String::from_utf8_lossy(op)), "valueTwo": second, "index": index, "value": value })
    });
    let rule =
        (proptest::collection::vec(names, 0..6), action(), errno(), proptest::collection::vec(arg, 0..4));
    let rule = rule.prop_map(|(names, (action, takes), errno, args)| {
        let mut rule = json!({ "names": names, "action": action });
        if let Some(errno) = errno.filter(|_| takes) {
            rule["errnoRet"] = errno.into();
        }
        if !args.is_empty() {
            rule["args"] = args.into();
        }
        rule
    });
    let arches =
        proptest::sample::subsequence(vec!["X86_64", "X86", "X32", "AARCH64", "ARM", "S390X"], 0..=6);
    (action(), errno(), arches, proptest::collection::vec(rule, 0..12)).prop_map(
        |((action, takes), errno, arches, rules)| {
            let arches: Vec<String> = arches.iter().map(|arch| format!("SCMP_ARCH_{arch}")).collect();
            let mut profile = json!({ "defaultAction": action, "architectures": arches, "syscalls": rules });
            if let Some(errno) = errno.filter(|_| takes) {
                profile["defaultErrnoRet"] = errno.into();
            }
            profile
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_profile_decides_as_it_says(profile in profile()) {
        check(&profile, &near(&profile), 20);
    }
}

/// What a profile names by calls that i386 has in another way only, with a higher number than all others.
#[test]
fn other_ways_count_behind_the_last_number_too() {
    let json = serde_json::json!({
        "architectures": ["SCMP_ARCH_X86"],
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{ "names": ["accept", "semop", "read"], "action": "SCMP_ACT_ERRNO" }],
    });
    check(&json, &[0x3, 0x66, 0x67, 0x74, 0x75, 0x76, 0x77], 64);
}
