//! Filters of system calls: what `--seccomp` refuses and what it lets through, and the terminal that nobody types into.
#![allow(unsafe_code)]

mod common;
#[allow(dead_code)]
#[path = "../src/seccomp/compile.rs"]
mod filter;

use common::*;
use filter::{Cpu, Table, When};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const EPERM: u8 = 1;
const EBADF: u8 = 9;
const ENOSYS: u8 = 38;
/// 128 + SIGSYS
const KILLED: i32 = 159;
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;
const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;

const HERE: Cpu = if cfg!(target_arch = "x86_64") { Cpu::X86_64 } else { Cpu::Aarch64 };
const BOTH: [Cpu; 2] = [Cpu::X86_64, Cpu::Aarch64];

fn table() -> Table {
    let path = sources().join("src/seccomp/default.txt");
    filter::parse(&fs::read_to_string(path).expect("the table"))
}

/// struct seccomp_data.
struct Data {
    nr: u32,
    arch: u32,
    args: [u64; 6],
}

/// What a filter says, and whether it looked at an argument for that. Anything that the kernel would not take is a failure.
fn decide(program: &[u64], data: &Data) -> (u32, bool) {
    let (mut at, mut a, mut looked) = (0, 0u32, false);
    loop {
        let i = program[at];
        let (code, yes, no, k) = (i as u16, (i >> 16) as u8, (i >> 24) as u8, (i >> 32) as u32);
        at += 1;
        let mut jump = |holds: bool| at += usize::from(if holds { yes } else { no });
        match code {
            0x20 => {
                a = match k {
                    0 => data.nr,
                    4 => data.arch,
                    16..64 if k.is_multiple_of(4) => {
                        looked = true;
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
            0x45 => jump(a & k != 0),
            0x06 => return (k, looked),
            _ => panic!("an instruction {code:#x}"),
        }
    }
}

/// What seccompiler makes of the rows that have this errno.
fn judge(table: &Table, cpu: Cpu, errno: u32) -> Vec<u64> {
    let is = |n: u32, op, value: u32| {
        SeccompCondition::new(n as u8, SeccompCmpArgLen::Dword, op, u64::from(value)).expect("a condition")
    };
    let rule = |conditions| SeccompRule::new(conditions).expect("a rule");
    let mut rules = BTreeMap::new();
    for row in table.rows.iter().filter(|row| row.errno == errno) {
        let Some(number) = row.number(cpu) else { continue };
        let chain = match &row.when {
            When::Always => vec![],
            When::Is(n, values) => values.iter().map(|v| rule(vec![is(*n, SeccompCmpOp::Eq, *v)])).collect(),
            When::Has(n, mask, but) => (0..32)
                .map(|bit| 1 << bit)
                .filter(|bit| mask & bit != 0)
                .map(|bit: u32| {
                    let has = is(*n, SeccompCmpOp::MaskedEq(bit.into()), bit);
                    rule(but.iter().map(|v| is(*n, SeccompCmpOp::Ne, *v)).chain([has]).collect())
                })
                .collect(),
        };
        rules.insert(i64::from(number), chain);
    }
    let arch = match cpu {
        Cpu::X86_64 => TargetArch::x86_64,
        Cpu::Aarch64 => TargetArch::aarch64,
    };
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno), arch);
    let program: BpfProgram = filter.and_then(TryInto::try_into).expect("a program");
    let word = |i: &seccompiler::sock_filter| {
        u64::from(i.code) | u64::from(i.jt) << 16 | u64::from(i.jf) << 24 | u64::from(i.k) << 32
    };
    program.iter().map(word).collect()
}

/// Arguments at which a row of the table could decide otherwise.
fn edges(table: &Table) -> Vec<u64> {
    let mut edges: BTreeSet<u32> = (0..32).map(|bit| 1 << bit).chain([0, u32::MAX]).collect();
    for row in &table.rows {
        match &row.when {
            When::Always => {}
            When::Is(_, values) => edges.extend(values.iter().flat_map(|v| [v - 1, *v, v + 1, !v])),
            When::Has(_, mask, but) => edges.extend(but.iter().copied().chain([*mask, !mask])),
        }
    }
    let upper = [0, 1 << 32, 0xffff_ffff_0000_0000];
    edges.iter().flat_map(|low| upper.map(|high| high | u64::from(*low))).collect()
}

#[test]
fn calls_of_the_table_have_the_numbers_that_they_have() {
    let table = table();
    let mut names = BTreeSet::new();
    for row in &table.rows {
        assert!(names.insert(&row.name), "{} stands twice", row.name);
        let x86_64 = row.name.parse::<syscalls::x86_64::Sysno>().ok().map(|n| n.id() as u32);
        let aarch64 = row.name.parse::<syscalls::aarch64::Sysno>().ok().map(|n| n.id() as u32);
        assert_eq!(BOTH.map(|cpu| row.number(cpu)), [x86_64, aarch64], "{}", row.name);
    }
    // A newer list of calls: they are to be looked at, and then this number goes up.
    let newest = [syscalls::x86_64::Sysno::last().id(), syscalls::aarch64::Sysno::last().id()];
    assert_eq!(newest, [table.newest as i32; 2]);
}

#[test]
fn shell_cases_try_every_call_that_is_always_refused() {
    let table = table();
    let script = sources().join("tests/cases.sh");
    let script = fs::read_to_string(script).expect("tests/cases.sh");
    let after = |word: &str, cpu: Cpu| {
        let line =
            script.split(word).nth(1 + cpu as usize).expect("a list for each CPU").split(['"', ' ', '\n']);
        line.map_while(|n| n.parse().ok()).collect::<Vec<u32>>()
    };
    for cpu in BOTH {
        let of = |test: &dyn Fn(&filter::Row) -> bool| -> BTreeSet<u32> {
            table.rows.iter().filter(|row| test(row)).filter_map(|row| row.number(cpu)).collect()
        };
        let always = of(&|row| row.when == When::Always && row.errno == u32::from(EPERM));
        assert_eq!(BTreeSet::from_iter(after("always=\"", cpu)), always, "{cpu:?}");
        for name in ["clone", "unshare", "personality", "socket", "ioctl"] {
            assert_eq!(
                BTreeSet::from_iter(after(&format!(" {name}="), cpu)),
                of(&|row| row.name == name),
                "{name}"
            );
        }
        assert!(script.contains(&format!("    call {}\n", table.newest + 1)), "the first that is not known");
    }
}

#[test]
fn default_filter_decides_as_seccompiler_does_for_every_number() {
    let (table, mut decisions) = (table(), 0);
    let edges = edges(&table);
    for cpu in BOTH {
        let (program, _) = filter::compile(&table, cpu);
        let theirs = [EPERM, ENOSYS].map(|errno| judge(&table, cpu, errno.into()));
        let len = theirs.iter().map(Vec::len).sum::<usize>();
        say(&format!("{cpu:?}: {} instructions; of seccompiler {len}", program.len()));
        for nr in (0..=table.newest + 70).chain([
            4095,
            0x3fff_ffff,
            0x4000_0000,
            0x4000_0210,
            0x7fff_ffff,
            u32::MAX,
        ]) {
            for edge in &edges {
                for place in 0..6 {
                    let mut data = Data { nr, arch: cpu.arch(), args: [0; 6] };
                    data.args[place] = *edge;
                    let ours = decide(&program, &data).0;
                    // The errno of the one that refuses; of neither, and of what has no row, that of the table's end.
                    let theirs = theirs.iter().map(|t| decide(t, &data).0).find(|said| *said != ALLOW);
                    let end = if nr > table.newest { ERRNO | u32::from(ENOSYS) } else { ALLOW };
                    assert_eq!(
                        ours,
                        theirs.unwrap_or(end),
                        "{cpu:?}: call {nr}, argument {place} is {edge:#x}"
                    );
                    decisions += 1;
                }
            }
        }
        for arch in [cpu.arch_32(), 0, !cpu.arch()] {
            let data = Data { nr: 20, arch, args: [0; 6] };
            assert_eq!(decide(&program, &data).0, 0x8000_0000, "{cpu:?}: of architecture {arch:#x}");
        }
    }
    say(&format!("{decisions} decisions are the same"));
}

#[test]
fn filters_look_at_arguments_only_where_a_row_says_so() {
    // The kernel notes the rest when the filter is loaded, and does not run it again.
    let table = table();
    for cpu in BOTH {
        let (program, terminal) = filter::compile(&table, cpu);
        for nr in 0..table.newest + 70 {
            let row = table.rows.iter().find(|row| row.number(cpu) == Some(nr));
            let data = Data { nr, arch: cpu.arch(), args: [0; 6] };
            let looked = decide(&program, &data).1;
            assert_eq!(looked, row.is_some_and(|row| row.when != When::Always), "{cpu:?}: {nr}");
            let guarded = row.is_some_and(|row| row.name == "ioctl") || cpu == Cpu::X86_64 && nr == 514;
            assert_eq!(decide(&program[terminal..], &data).1, guarded, "{cpu:?}: {nr}");
        }
    }
}

#[test]
fn terminal_filter_refuses_two_requests_by_every_door_and_nothing_else() {
    let table = table();
    for cpu in BOTH {
        let (program, terminal) = filter::compile(&table, cpu);
        let program = &program[terminal..];
        let native = if cpu == Cpu::X86_64 { 16 } else { 29 };
        for nr in (0..700).chain((0..700).map(|nr| nr | 0x4000_0000)) {
            for arch in [cpu.arch(), cpu.arch_32(), 0] {
                for edge in edges(&table) {
                    let data = Data { nr, arch, args: [edge, edge, edge, edge, edge, edge] };
                    let x32 = cpu == Cpu::X86_64 && [16, 514].contains(&(nr & !0x4000_0000));
                    let ioctl = if arch == cpu.arch_32() { nr == 54 } else { nr == native || x32 };
                    let types = [TIOCSTI, TIOCLINUX].contains(&(edge & 0xffff_ffff));
                    let said = if ioctl && types { ERRNO | u32::from(EPERM) } else { ALLOW };
                    assert_eq!(
                        decide(program, &data).0,
                        said,
                        "{cpu:?}: call {nr:#x} of {arch:#x}, {edge:#x}"
                    );
                }
            }
        }
    }
}

/// A system call of the machine's own, or (on x86_64) by int 0x80.
#[derive(Clone, Copy)]
struct Try {
    nr: u64,
    args: [u64; 6],
    int80: bool,
}

/// One whose arguments are -1 but for what is said.
fn call_of(nr: u64, args: &[(usize, u64)]) -> Try {
    let mut all = Try { nr, args: [u64::MAX; 6], int80: false };
    for (place, value) in args {
        all.args[*place] = *value;
    }
    all
}

fn int80(nr: u64, args: &[(usize, u64)]) -> Try {
    Try { int80: true, ..call_of(nr, args) }
}

/// Where the program below has its strings.
const TEXTS: u64 = 0x40_0000 + 64 + 56 + 8192;

/// A static program that makes these calls and writes to stdout, a byte each, what they said: the errno, or 0 less the low
/// byte of what they returned.
fn program_of(calls: &[Try], texts: &[u8]) -> Vec<u8> {
    let mut code: Vec<u8> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        // r14 and r15: 4 KiB below the stack pointer.
        code.extend([0x4c, 0x8d, 0xb4, 0x24, 0, 0xf0, 0xff, 0xff, 0x4d, 0x89, 0xf7]);
        for call in calls {
            if call.int80 {
                for (op, value) in
                    [(0xb8, call.nr), (0xbb, call.args[0]), (0xb9, call.args[1]), (0xba, call.args[2])]
                {
                    code.push(op);
                    code.extend((value as u32).to_le_bytes());
                }
                code.extend([0xcd, 0x80]);
            } else {
                let [a, b, c, d, e, f] = call.args;
                let values = [
                    (0x48, 0xb8, call.nr),
                    (0x48, 0xbf, a),
                    (0x48, 0xbe, b),
                    (0x48, 0xba, c),
                    (0x49, 0xba, d),
                    (0x49, 0xb8, e),
                    (0x49, 0xb9, f),
                ];
                for (rex, op, value) in values {
                    code.extend([rex, op]);
                    code.extend(value.to_le_bytes());
                }
                code.extend([0x0f, 0x05]);
            }
            // neg eax; mov [r14], al; inc r14
            code.extend([0xf7, 0xd8, 0x41, 0x88, 0x06, 0x49, 0xff, 0xc6]);
        }
        // write(1, r15, n); exit(0)
        code.extend([0xbf, 1, 0, 0, 0, 0x4c, 0x89, 0xfe, 0xba]);
        code.extend((calls.len() as u32).to_le_bytes());
        code.extend([0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]);
    }
    #[cfg(target_arch = "aarch64")]
    {
        let mut word = |word: u32| code.extend(word.to_le_bytes());
        // x19 and x20: 4 KiB below the stack pointer.
        word(0xd140_07f3);
        word(0xaa13_03f4);
        for call in calls {
            // x8, x0 to x5 from behind the jump.
            for (i, register) in [8, 0, 1, 2, 3, 4, 5].into_iter().enumerate() {
                word(0x5800_0000 | (12 + i as u32) << 5 | register);
            }
            // svc 0; neg w0, w0; strb w0, [x19], #1; b over them; nop
            [0xd400_0001, 0x4b00_03e0, 0x3800_1660, 0x1400_0010, 0xd503_201f].into_iter().for_each(&mut word);
            for value in [call.nr].iter().chain(&call.args) {
                word(*value as u32);
                word((value >> 32) as u32);
            }
        }
        // write(1, x20, n); exit(0)
        [0xd280_0020, 0xaa14_03e1, 0xd280_0002 | (calls.len() as u32) << 5, 0xd280_0808, 0xd400_0001]
            .into_iter()
            .for_each(&mut word);
        [0xd280_0000, 0xd280_0ba8, 0xd400_0001].into_iter().for_each(&mut word);
    }
    assert!(code.len() <= 8192, "{} bytes of code", code.len());
    code.resize(8192, 0);
    code.extend(texts);
    elf(&code)
}

/// Puts a program into a root file system, as /bin/NAME.
fn install(root: &Path, name: &str, program: &[u8]) {
    let (raw, to) = (root.join("tmp").join(name), root.join("bin").join(name));
    fs::write(&raw, program).expect("write");
    // By another process, so that no thread of ours holds it open for writing when it is executed.
    assert!(std::process::Command::new("cp").arg(&raw).arg(&to).status().expect("cp").success());
    fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).expect("chmod");
    fs::remove_file(&raw).expect("remove");
}

/// What calls say inside, made by a static program.
#[track_caller]
fn said(who: Who, options: &str, calls: &[Try]) -> Vec<u8> {
    let root = tiny_root(who);
    let mut said = Vec::new();
    for calls in calls.chunks(60) {
        install(&root, "try", &program_of(calls, &[]));
        let out = tempfile::tempfile().expect("a file");
        run(who).words(options).stdout(out.try_clone().expect("dup")).arg(&root).arg("/bin/try").go().code(0);
        said.extend(content(out));
    }
    assert_eq!(said.len(), calls.len());
    said
}

fn content(mut file: File) -> Vec<u8> {
    use std::io::{Read, Seek};
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("read");
    bytes
}

/// How to make each call of the table so that it is refused, and with what.
fn refused(table: &Table) -> Vec<(String, Try, u8)> {
    let mut all = Vec::new();
    for row in &table.rows {
        let Some(nr) = row.number(HERE) else { continue };
        let mut push = |args: &[(usize, u64)]| {
            all.push((format!("{} {args:x?}", row.name), call_of(nr.into(), args), row.errno as u8));
        };
        match &row.when {
            When::Always => push(&[]),
            // The kernel does not look at the upper half, and no more does the filter.
            When::Is(n, values) => values.iter().for_each(|v| {
                push(&[(*n as usize, u64::from(*v))]);
                push(&[(*n as usize, u64::from(*v) | 0xbad_cafe << 32)]);
            }),
            When::Has(n, mask, _) => (0..32).filter(|bit| mask >> bit & 1 != 0).for_each(|bit| {
                push(&[(*n as usize, 1 << bit)]);
                push(&[(*n as usize, 1 << bit | 1 << 63)]);
            }),
        }
    }
    all
}

#[test]
fn each_call_of_the_table_is_refused() {
    let all = refused(&table());
    let calls: Vec<Try> = all.iter().map(|r| r.1).collect();
    for &who in everyone() {
        for how in ["--seccomp default", "--seccomp default --init", "--seccomp default --allow-new-privs"] {
            let said = said(who, how, &calls);
            for ((name, _, errno), said) in all.iter().zip(said) {
                assert_eq!(said, *errno, "{name}, {who:?}, {how}");
            }
        }
    }
}

#[test]
fn calls_of_the_table_are_refused_by_nothing_but_the_filter() {
    if !is_root() {
        return say("SKIP calls_of_the_table_are_refused_by_nothing_but_the_filter: not root");
    }
    // With -1 for each argument the kernel finds something else to complain about, if it has the call.
    let table = table();
    let rows: Vec<_> = table.rows.iter().filter(|row| row.number(HERE).is_some()).collect();
    let calls: Vec<Try> = rows.iter().map(|r| call_of(r.number(HERE).unwrap_or(0).into(), &[])).collect();
    let said = said(Who::Root, "--privileged --new-session", &calls);
    let refused: Vec<&str> = rows
        .iter()
        .zip(&said)
        .filter(|(_, said)| **said == EPERM)
        .map(|(row, _)| row.name.as_str())
        .collect();
    let missing: Vec<&str> = rows
        .iter()
        .zip(&said)
        .filter(|(_, said)| **said == ENOSYS)
        .map(|(row, _)| row.name.as_str())
        .collect();
    say(&format!("this kernel does not have: {}", missing.join(" ")));
    assert_eq!(refused, Vec::<&str>::new());
}

#[test]
fn neighbours_of_what_is_refused_are_let_through() {
    let nr = |x86_64: u64, aarch64: u64| if HERE == Cpu::X86_64 { x86_64 } else { aarch64 };
    let may = [
        // AF_UNIX, and one that nobody has; TIOCGWINSZ; what personality(2) is, PER_LINUX, PER_LINUX32 with UNAME26
        call_of(nr(41, 198), &[(0, 1)]),
        call_of(nr(41, 198), &[(0, 39)]),
        call_of(nr(16, 29), &[(1, 0x5413)]),
        call_of(nr(16, 29), &[(0, TIOCSTI), (1, 0), (2, TIOCLINUX)]),
        call_of(nr(135, 92), &[(0, 0xffff_ffff)]),
        call_of(nr(135, 92), &[(0, 0)]),
        call_of(nr(135, 92), &[(0, 0x20008)]),
        // CLONE_FS and CLONE_FILES; chroot(2), ptrace(2), process_vm_readv(2), landlock_create_ruleset(2)
        call_of(nr(272, 97), &[(0, 0x600)]),
        call_of(nr(161, 51), &[]),
        call_of(nr(101, 117), &[]),
        call_of(nr(310, 270), &[]),
        call_of(444, &[]),
        call_of(u64::from(table().newest), &[]),
    ];
    for &who in everyone() {
        let with = said(who, "--seccomp default", &may);
        assert!(!with.contains(&EPERM), "{who:?}: {with:?}");
        assert_eq!(with, said(who, "", &may), "{who:?}");
    }
}

#[test]
fn calls_that_the_table_does_not_know_are_not_there() {
    let newest = u64::from(table().newest);
    let mut calls: Vec<Try> =
        [newest + 1, newest + 2, 600, 4095].iter().map(|nr| call_of(*nr, &[])).collect();
    // x32: getpid, ioctl by either number, unshare.
    calls.extend([39, 16, 514, 272].iter().map(|nr| call_of(nr | 0x4000_0000, &[(1, TIOCSTI)])));
    for &who in everyone() {
        assert_eq!(said(who, "--seccomp default", &calls), vec![ENOSYS; calls.len()], "{who:?}");
    }
}

/// Whether the kernel has the calls of i386, by int 0x80.
#[cfg(target_arch = "x86_64")]
fn has_int80() -> bool {
    let (root, who) = (tiny_root(everyone()[0]), everyone()[0]);
    install(&root, "try", &program_of(&[int80(20, &[])], &[]));
    run(who).arg(&root).arg("/bin/try").go().code == Some(0)
}

#[test]
#[cfg(target_arch = "x86_64")]
fn another_architecture_ends_the_process() {
    if !has_int80() {
        return say("another_architecture_ends_the_process: this kernel has no int 0x80 anyway");
    }
    for &who in everyone() {
        let root = tiny_root(who);
        // getpid, mount, unshare.
        for nr in [20, 21, 310] {
            install(&root, "try", &program_of(&[int80(nr, &[])], &[]));
            for how in ["", "--init"] {
                let end = run(who).words(how).words("--seccomp default").arg(&root).arg("/bin/try").go();
                end.code(KILLED);
            }
        }
    }
}

/// A filter that lets one call fail and allows the rest.
fn denying(nr: u32, errno: u32) -> Vec<u8> {
    let program: [u64; 4] = [
        0x20,
        0x15 | 1 << 24 | u64::from(nr) << 32,
        0x06 | u64::from(ERRNO | errno) << 32,
        0x06 | u64::from(ALLOW) << 32,
    ];
    program.iter().flat_map(|i| i.to_le_bytes()).collect()
}

/// times(2), which nobody needs.
const TIMES: u64 = if cfg!(target_arch = "x86_64") { 100 } else { 153 };
/// getpriority(2), the same.
const GETPRIORITY: u64 = if cfg!(target_arch = "x86_64") { 140 } else { 141 };

fn words_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[test]
fn programs_of_files_and_descriptors_are_all_loaded_in_the_order_given() {
    let calls = [call_of(TIMES, &[]), call_of(GETPRIORITY, &[(0, 0), (1, 0)])];
    for &who in everyone() {
        let (root, dir) = (tiny_root(who), folder(who));
        install(&root, "try", &program_of(&calls, &[]));
        let (one, two) = (words_of(&dir.join("one")), words_of(&dir.join("two")));
        fs::write(&one, denying(TIMES as u32, 77)).expect("write");
        fs::write(&two, denying(TIMES as u32, 78)).expect("write");
        for how in ["", "--init", "--allow-new-privs", "--unshare-user --uid 5", "--init --allow-new-privs"] {
            let go = |filters: &str| {
                let out = tempfile::tempfile().expect("a file");
                let (read, write) = pipe();
                std::io::Write::write_all(&mut File::from(write), &denying(GETPRIORITY as u32, 79))
                    .expect("write");
                let launch = run(who).words(how).words(filters).fd(9, read);
                launch.stdout(out.try_clone().expect("dup")).arg(&root).arg("/bin/try").go().code(0);
                content(out)
            };
            let free = go("");
            assert!(free.iter().all(|said| ![77, 78, 79].contains(said)), "{free:?}");
            assert_eq!(go(&format!("--seccomp {one}")), [77, free[1]], "{how}");
            assert_eq!(go("--seccomp 9"), [free[0], 79], "{how}");
            assert_eq!(go(&format!("--seccomp={one} --seccomp 9")), [77, 79], "{how}");
            // Of filters that refuse the same call the last one has its say, seccomp(2).
            assert_eq!(go(&format!("--seccomp {one} --seccomp {two}")), [78, free[1]], "{how}");
            assert_eq!(
                go(&format!("--seccomp {two} --seccomp default --seccomp {one}")),
                [77, free[1]],
                "{how}"
            );
        }
    }
}

#[test]
fn largest_program_is_loaded() {
    let mut program = denying(TIMES as u32, 77);
    // Loads of the number, in front.
    let loads = 0x20u64.to_le_bytes().repeat(4096 - 4);
    program.splice(0..0, loads);
    for &who in everyone() {
        let root = tiny_root(who);
        install(&root, "try", &program_of(&[call_of(TIMES, &[])], &[]));
        let out = tempfile::tempfile().expect("a file");
        let launch = run(who).words("--seccomp 8").fd(8, file_with(&program));
        launch.stdout(out.try_clone().expect("dup")).arg(&root).arg("/bin/try").go().code(0);
        assert_eq!(content(out), [77]);
    }
}

#[test]
fn filter_needs_to_allow_nothing_of_ours_but_execve() {
    // Everything but what COMMAND itself calls ends the process: execve, write, exit.
    let own: [u32; 3] = if cfg!(target_arch = "x86_64") { [59, 1, 60] } else { [221, 64, 93] };
    let mut program = vec![0x20u64];
    for (i, nr) in own.iter().enumerate() {
        program.push(0x15 | (3 - i as u64) << 16 | u64::from(*nr) << 32);
    }
    program.extend([0x06 | 0x8000_0000 << 32, 0x06 | u64::from(ALLOW) << 32]);
    let program: Vec<u8> = program.iter().flat_map(|i| i.to_le_bytes()).collect();
    for &who in everyone() {
        let root = tiny_root(who);
        install(&root, "try", &program_of(&[], &[]));
        let unshared = if who == Who::Root { "--unshare-user" } else { "" };
        for how in ["", "--umask 077 --new-session --die-with-parent", "--block-fd 7", unshared] {
            let launch = run(who).words(how).words("--seccomp 8").fd(8, file_with(&program));
            launch.fd(7, File::open("/dev/null").expect("open")).arg(&root).arg("/bin/try").go().code(0);
        }
        run(who)
            .words("--seccomp 8")
            .fd(8, file_with(&program))
            .arg(&root)
            .arg("/bin/pause")
            .go()
            .code(KILLED);
    }
}

#[test]
fn what_is_no_program_is_refused() {
    let no_return: Vec<u8> = 0x20u64.to_le_bytes().repeat(3);
    let backwards: Vec<u8> = [0x05 | 0xffff_ffffu64 << 32, 6].iter().flat_map(|i| i.to_le_bytes()).collect();
    for &who in everyone() {
        let (root, dir) = (tiny_root(who), folder(who));
        let path = |name: &str| words_of(&dir.join(name));
        let long = denying(0, 1).repeat(1025);
        let programs: [(&str, &[u8]); 6] = [
            ("empty", b""),
            ("seven", &[6; 7]),
            ("nine", &[6; 9]),
            ("long", &long[..4097 * 8]),
            ("longer", &[0; 70000]),
            ("zeros", &[0; 4096 * 8]),
        ];
        for (name, bytes) in
            programs.into_iter().chain([("no-return", &no_return[..]), ("backwards", &backwards)])
        {
            fs::write(path(name), bytes).expect("write");
            for how in ["", "--init", "--allow-new-privs"] {
                let (before, mounted) = (tree(&root), mounts());
                run(who)
                    .words(how)
                    .args(["--seccomp", &path(name)])
                    .arg(&root)
                    .arg("/bin/true")
                    .go()
                    .refuses(
                        125,
                        &[&format!(
                            "load seccomp filter {}: Invalid argument (EINVAL): not a BPF program",
                            path(name)
                        )],
                    );
                assert_eq!(tree(&root), before);
                assert_eq!(new_mounts(&mounted), Vec::<String>::new());
            }
        }
        let refused = |value: &str, why: &str| {
            let named = format!("load seccomp filter {value}: {why}");
            run(who)
                .arg(format!("--seccomp={value}"))
                .arg(&root)
                .arg("/bin/true")
                .go()
                .refuses(125, &[&named]);
        };
        refused(&path("nowhere"), "No such file or directory (ENOENT)");
        refused(&path("empty/below"), "Not a directory (ENOTDIR)");
        refused(&words_of(&dir), "Is a directory (EISDIR)");
        refused("", "No such file or directory (ENOENT)");
        refused("199", "Bad file descriptor (EBADF)");
        refused("99999999999999999999", "No such file or directory (ENOENT)");
        refused("Default", "No such file or directory (ENOENT)");
        run(who).arg("--seccomp").go().refuses(125, &["option --seccomp: needs a value"]);
        // The first that is wrong is told, before anything is made.
        let (good, pid) = (path("good"), path("pid"));
        fs::write(&good, denying(TIMES as u32, 77)).expect("write");
        run(who)
            .args(["--pid-file", &pid, "--seccomp", &good, "--seccomp", &path("seven"), "--seccomp", "199"])
            .arg(&root)
            .arg("/bin/true")
            .go()
            .refuses(125, &[&path("seven")]);
        assert!(!Path::new(&pid).exists());
    }
}

#[test]
fn init_is_filtered_as_its_command_is() {
    // It could be traced, and would do what the filter keeps from COMMAND.
    let status = ["/bin/grep", "Seccomp_filters", "/proc/1/status", "/proc/self/status"];
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let own = denying(TIMES as u32, 77);
        let launch = run(who).words("--init --seccomp default --seccomp 8").fd(8, file_with(&own));
        let end = launch.arg(&root).args(status).go();
        end.says("/proc/1/status:Seccomp_filters:\t2\n/proc/self/status:Seccomp_filters:\t2");
        let end = run(who)
            .words("--init --seccomp default")
            .sh(&root, "grep -h NoNewPrivs /proc/1/status /proc/self/status; kill -9 $$");
        let end = end.go();
        assert_eq!(end.stdout, "NoNewPrivs:\t1\nNoNewPrivs:\t1\n");
        end.code(137);
    }
}

/// A program with threads, which come by clone3(2) or clone(2), and children of its own. It is also run inside.
#[test]
fn threads_and_children_start() {
    let threads: Vec<_> = (0..8).map(|n| std::thread::spawn(move || n * n)).collect();
    assert_eq!(threads.into_iter().map(|t| t.join().expect("a thread")).sum::<i32>(), 140);
    assert!(
        std::process::Command::new("/bin/sh").args(["-c", "exit 0"]).status().expect("a child").success()
    );
}

#[test]
fn programs_with_threads_and_children_work_under_the_default_filter() {
    let copy = scratch().join("threads");
    let this = std::env::current_exe().expect("this program");
    assert!(std::process::Command::new("cp").arg(this).arg(&copy).status().expect("cp").success());
    for &who in everyone() {
        for how in ["", "--init", "--dev /dev --tmpfs /tmp --new-session"] {
            // /tmp is covered: the program lies in another place then.
            let how = if copy.starts_with("/tmp") { how.replace("--tmpfs /tmp", "") } else { how.into() };
            let end = run(who)
                .words(&how)
                .words("--seccomp default /")
                .arg(&copy)
                .args(["--exact", "threads_and_children_start"])
                .go();
            end.code(0);
            assert!(end.stdout.contains("1 passed"), "{}{}", end.stdout, end.stderr);
        }
    }
}

#[test]
fn compiler_works_under_the_default_filter() {
    let Some(cc) = need!("cc") else { return };
    for &who in everyone() {
        let dir = folder(who);
        fs::write(dir.join("main.c"), "#include <stdio.h>\nint main(void) { puts(\"built\"); return 0; }\n")
            .expect("write");
        let script = format!("cd {} && {} -O2 -pipe main.c -o main && ./main", dir.display(), cc.display());
        run(who).words("--seccomp default --share-net").sh(Path::new("/"), &script).go().says("built");
    }
}

/// A root file system with a program `type` that types into the terminal behind a descriptor, by each request, and writes
/// what was said to it; and one that does the same to /dev/tty.
fn typing_root(who: Who) -> Option<PathBuf> {
    let root = rootfs(who)?;
    let (ioctl, openat) = if HERE == Cpu::X86_64 { (16, 257) } else { (29, 56) };
    // The byte: any of the image's own.
    let types =
        |fd: u64| [TIOCSTI, TIOCLINUX].map(|request| call_of(ioctl, &[(0, fd), (1, request), (2, TEXTS)]));
    for fd in [0, 7] {
        install(&root, &format!("type{fd}"), &program_of(&types(fd), b"Z"));
    }
    // It becomes descriptor 3.
    let open = call_of(openat, &[(0, -100i64 as u64), (1, TEXTS), (2, 2), (3, 0)]);
    let [one, two] = types(3);
    install(&root, "type-tty", &program_of(&[open, one, two], b"/dev/tty\0"));
    Some(root)
}

/// What a line that calls a program of [`typing_root`] says, on a terminal: a file that the line writes to, by `OUT`.
fn typed(who: Who, line: &str) -> Vec<u8> {
    let out = folder(who).join("out");
    let mut pty = Pty::shell(who);
    pty.line(&format!("{}; echo sta''tus $?", line.replace("OUT", &words_of(&out))));
    pty.expect("status 0");
    fs::read(out).expect("what was said")
}

#[test]
fn nobody_types_into_a_terminal_that_is_shared() {
    for &who in everyone() {
        let Some(root) = typing_root(who) else { return };
        let (v, root) = (words_of(vesicle()), words_of(&root));
        // Without vesicle the kernel has another word for it, or does it.
        let free = typed(who, &format!("{root}/bin/type0 >OUT"));
        assert!(!free.contains(&EPERM), "{free:?}");
        for how in
            ["", "--init", "--chroot", "--allow-new-privs", "--unshare-user --uid 5", "--seccomp default"]
        {
            let run = format!("{v} run {how}");
            let both = [EPERM, EPERM];
            assert_eq!(typed(who, &format!("{run} {root} /bin/type0 >OUT")), both, "{how}");
            assert_eq!(typed(who, &format!("{run} {root} /bin/type0 >OUT 2>/dev/null")), both, "{how}");
            // A terminal that is nobody's standard descriptor, but kept.
            let kept =
                format!("{run} --new-session --keep-fd 7 {root} /bin/type7 7<>/dev/tty </dev/null >OUT 2>&1");
            assert_eq!(typed(who, &kept), both, "{how}");
            // The controlling terminal, while all descriptors lead elsewhere.
            let tty = typed(who, &format!("{run} --dev /dev {root} /bin/type-tty </dev/null >OUT 2>&1"));
            assert_eq!(tty, [253, EPERM, EPERM], "{how}: descriptor 3, then both refused");
        }
    }
}

#[test]
fn terminal_is_guarded_where_there_is_one_and_nowhere_else() {
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        let count = |line: &str| {
            let run = line.replace("RUN", &format!("{} run", vesicle().display()));
            let grep = format!("{} /bin/grep Seccomp_filters /proc/self/status", root.display());
            let said = typed(who, &run.replace("GREP", &grep));
            String::from_utf8(said)
                .expect("UTF-8")
                .trim()
                .rsplit('\t')
                .next()
                .map(|n| n.parse::<u32>().expect("a number"))
        };
        assert_eq!(count("RUN GREP >OUT"), Some(1));
        assert_eq!(count("RUN GREP </dev/null >OUT"), Some(1));
        assert_eq!(count("RUN GREP </dev/null >OUT 2>&1"), Some(1), "the controlling one");
        assert_eq!(count("RUN --new-session GREP </dev/null >OUT 2>&1"), Some(0), "left behind");
        assert_eq!(count("RUN --new-session GREP </dev/null >OUT"), Some(1), "as standard error");
        assert_eq!(count("RUN --seccomp default GREP >OUT"), Some(1), "that one refuses it too");
        assert_eq!(count("RUN --privileged GREP >OUT"), Some(0), "the bare mechanism");
        assert_eq!(
            count("RUN --privileged --seccomp default GREP >OUT"),
            Some(1),
            "which it is, and no more"
        );
        // Nobody's, and no descriptor of one.
        let none = run(who).before(|| {
            // SAFETY: setsid is async-signal-safe; who leads a group already is a session's leader without a terminal, or fails.
            unsafe { libc::setsid() };
            Ok(())
        });
        none.arg(&root)
            .args(["/bin/grep", "Seccomp_filters", "/proc/self/status"])
            .go()
            .says("Seccomp_filters:\t0");
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn nobody_types_by_another_number_either() {
    let int80_too = has_int80();
    for &who in everyone() {
        let Some(root) = rootfs(who) else { return };
        // -1 is no descriptor: what the kernel would say.
        let requests = [TIOCSTI, TIOCLINUX, TIOCSTI | 0xbad << 32];
        let mut calls: Vec<Try> = Vec::new();
        for nr in [16, 514, 16 | 0x4000_0000, 514 | 0x4000_0000] {
            calls.extend(requests.map(|request| call_of(nr, &[(1, request)])));
        }
        if int80_too {
            calls.extend([TIOCSTI, TIOCLINUX].map(|request| int80(54, &[(1, request)])));
        }
        install(&root, "try", &program_of(&calls, &[]));
        let line = format!("{} run {} /bin/try >OUT", vesicle().display(), root.display());
        assert_eq!(typed(who, &line), vec![EPERM; calls.len()]);
        // A 32-bit program goes on else: close(-1), and lchown(2), whose number is that of ioctl(2) elsewhere.
        if int80_too {
            install(
                &root,
                "try",
                &program_of(&[int80(6, &[]), int80(16, &[(1, TIOCSTI)]), int80(54, &[])], &[]),
            );
            assert_eq!(typed(who, &line), [EBADF, 14, EBADF]);
        }
    }
}
