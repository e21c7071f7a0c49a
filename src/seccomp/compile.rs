//! BPF for seccomp(2) of a table that people read: src/seccomp/default.txt.
//!
//! The kernel runs a filter at each call, and once for each number when it is loaded, to note what is allowed in any case
//! (since Linux 5.11; it never runs for those again). So numbers are found by a binary search, before any argument is
//! looked at. The seccompiler crate compares with each number in turn, and has one errno a filter: for this table 681
//! instructions in two filters on x86_64, where these are 77. tests/seccomp.rs holds what is decided here to what it decides.

use std::collections::HashMap;

/// A CPU that there is a column for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cpu {
    X86_64,
    Aarch64,
}

impl Cpu {
    /// AUDIT_ARCH_* of its calls, linux/audit.h.
    pub fn arch(self) -> u32 {
        match self {
            Cpu::X86_64 => 0xc000_003e,
            Cpu::Aarch64 => 0xc000_00b7,
        }
    }

    /// AUDIT_ARCH_* of its 32-bit calls, AUDIT_ARCH_I386 or AUDIT_ARCH_ARM.
    pub fn arch_32(self) -> u32 {
        match self {
            Cpu::X86_64 => 0x4000_0003,
            Cpu::Aarch64 => 0x4000_0028,
        }
    }
}

/// When a call fails. Arguments are told by number, and judged by their low 32 bits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum When {
    Always,
    Is(u32, Vec<u32>),
    Has(u32, u32, Option<u32>),
}

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    pub name: String,
    /// On x86_64, on aarch64.
    numbers: [Option<u32>; 2],
    pub errno: u32,
    pub when: When,
}

impl Row {
    pub fn number(&self, cpu: Cpu) -> Option<u32> {
        self.numbers[cpu as usize]
    }
}

/// The table.
#[derive(Debug)]
pub struct Table {
    pub rows: Vec<Row>,
    /// A number above this is of a call that the table does not know.
    pub newest: u32,
}

/// Reads it. What it doesn't understand ends the build.
pub fn parse(text: &str) -> Table {
    let mut table = Table { rows: Vec::new(), newest: 0 };
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |word: &str| match word.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => word.parse(),
        };
        let must = |word: &str| number(word).unwrap_or_else(|_| panic!("{word:?} is no number: {line}"));
        if let ["newest", newest] = words[..] {
            table.newest = must(newest);
            continue;
        }
        let [name, x86_64, aarch64, errno, ref rest @ ..] = words[..] else { panic!("no row: {line}") };
        let column = |word: &str| (word != "-").then(|| must(word));
        let argument = |word: &str| match word.strip_prefix("arg") {
            Some(n @ ("0" | "1" | "2" | "3" | "4" | "5")) => must(n),
            _ => panic!("{word:?} is no argument: {line}"),
        };
        let when = match *rest {
            ["always", ..] => When::Always,
            [arg, "is", ref values @ ..] => {
                When::Is(argument(arg), values.iter().map_while(|v| number(v).ok()).collect())
            }
            [arg, "has", mask, "but", value, ..] => When::Has(argument(arg), must(mask), Some(must(value))),
            [arg, "has", mask, ..] => When::Has(argument(arg), must(mask), None),
            _ => panic!("when? {line}"),
        };
        let errno = match errno {
            "EPERM" => 1,
            "ENOSYS" => 38,
            _ => panic!("no errno that is used here: {line}"),
        };
        let numbers = [column(x86_64), column(aarch64)];
        table.rows.push(Row { name: name.into(), numbers, errno, when });
    }
    table
}

// linux/bpf_common.h, linux/seccomp.h; where the fields of struct seccomp_data are.
const LD: u16 = 0x20;
const AND: u16 = 0x54;
const JEQ: u16 = 0x15;
const JGT: u16 = 0x25;
const JGE: u16 = 0x35;
const JSET: u16 = 0x45;
const RET: u16 = 0x06;
const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;
const KILL_PROCESS: u32 = 0x8000_0000;
const NR: u32 = 0;
const ARCH: u32 = 4;
/// The low half of an argument, on a CPU that has it first.
const fn arg(n: u32) -> u32 {
    16 + 8 * n
}

/// ENOSYS: what a call that is not there says.
const ENOSYS: u32 = 38;

/// How many comparisons stand one behind the other where the search ends: it takes as long to compile fewer of them as it
/// takes to run more.
const LEAF: usize = 6;

/// A program whose jumps have names.
#[derive(Default)]
struct Program {
    code: Vec<(u16, u32, Option<[String; 2]>)>,
    labels: HashMap<String, usize>,
    made: usize,
}

impl Program {
    fn push(&mut self, code: u16, k: u32) {
        self.code.push((code, k, None));
    }

    /// A comparison, and where it leads if it holds and if it doesn't.
    fn jump(&mut self, code: u16, k: u32, yes: &str, no: &str) {
        self.code.push((code, k, Some([yes.into(), no.into()])));
    }

    fn label(&mut self, name: &str) {
        assert!(self.labels.insert(name.into(), self.code.len()).is_none(), "{name} stands twice");
    }

    /// A name for the next instruction but those that follow first.
    fn new_label(&mut self) -> String {
        self.made += 1;
        format!("#{}", self.made)
    }

    /// Looks for the number among `items`: first, last, where it leads. In ascending order.
    fn search(&mut self, items: &[(u32, u32, String)]) {
        if items.len() > LEAF {
            let (low, high) = items.split_at(items.len() / 2);
            let (below, above) = (self.new_label(), self.new_label());
            self.jump(JGE, high[0].0, &above, &below);
            self.label(&below);
            self.search(low);
            self.label(&above);
            self.search(high);
            return;
        }
        for (i, (first, last, to)) in items.iter().enumerate() {
            let next = if i + 1 == items.len() { "allow".into() } else { self.new_label() };
            if *last == u32::MAX {
                self.jump(JGE, *first, to, &next);
            } else if first == last {
                self.jump(JEQ, *first, to, &next);
            } else {
                let inside = self.new_label();
                self.jump(JGE, *first, &inside, "allow");
                self.label(&inside);
                self.jump(JGT, *last, &next, to);
            }
            if next != "allow" {
                self.label(&next);
            }
        }
    }

    /// Leads there if it is one of `values`.
    fn any(&mut self, values: &[u32], to: &str) {
        for (i, value) in values.iter().enumerate() {
            let next = if i + 1 == values.len() { "allow".into() } else { self.new_label() };
            self.jump(JEQ, *value, to, &next);
            if next != "allow" {
                self.label(&next);
            }
        }
    }

    /// The number has been found; what the argument says.
    fn condition(&mut self, when: &When, errno: u32) {
        let deny = format!("errno {errno}");
        match when {
            When::Always => {}
            When::Is(n, values) => {
                self.push(LD, arg(*n));
                self.any(values, &deny);
            }
            When::Has(n, mask, but) => {
                self.push(LD, arg(*n));
                if let Some(value) = but {
                    let next = self.new_label();
                    self.jump(JEQ, *value, "allow", &next);
                    self.label(&next);
                }
                self.jump(JSET, *mask, &deny, "allow");
            }
        }
    }

    /// Each instruction as struct sock_filter on a CPU that has the low byte first.
    fn assemble(&self) -> Vec<u64> {
        let offset = |at: usize, label: &String| {
            let to = self.labels.get(label).unwrap_or_else(|| panic!("no {label}"));
            u64::from(u8::try_from(to - at - 1).expect("a near jump"))
        };
        let one = |(at, (code, k, to)): (usize, &(u16, u32, Option<[String; 2]>))| {
            let [yes, no] = to.as_ref().map_or([0, 0], |to| to.each_ref().map(|label| offset(at, label)));
            u64::from(*code) | yes << 16 | no << 24 | u64::from(*k) << 32
        };
        self.code.iter().enumerate().map(one).collect()
    }
}

/// The filter of `table` for a CPU; and where in it the one begins that refuses nothing but what the row of ioctl(2) does, for
/// programs of every architecture: the end of both is the same.
pub fn compile(table: &Table, cpu: Cpu) -> (Vec<u64>, usize) {
    let mut program = Program::default();
    let mut items: Vec<(u32, u32, String)> = vec![(table.newest + 1, u32::MAX, format!("errno {ENOSYS}"))];
    // Calls with the same condition share it.
    let mut conditions: Vec<(When, u32)> = Vec::new();
    let mut ioctl = None;
    for row in &table.rows {
        let Some(number) = row.number(cpu) else { continue };
        let to = match &row.when {
            When::Always => format!("errno {}", row.errno),
            when => format!("{when:?} {}", row.errno),
        };
        items.push((number, number, to));
        if row.name == "ioctl" {
            ioctl = Some(row);
        } else if row.when != When::Always && !conditions.contains(&(row.when.clone(), row.errno)) {
            conditions.push((row.when.clone(), row.errno));
        }
    }
    let ioctl = ioctl.expect("a row of ioctl");
    items.sort();
    items.dedup_by(|next, item| {
        assert!(next.0 > item.1, "a number stands twice: {next:?}");
        let joined = next.0 == item.1 + 1 && next.2 == item.2;
        if joined {
            item.1 = next.1;
        }
        joined
    });

    program.push(LD, ARCH);
    program.jump(JEQ, cpu.arch(), "number", "kill");
    program.label("number");
    program.push(LD, NR);
    program.search(&items);
    for (when, errno) in &conditions {
        program.label(&format!("{when:?} {errno}"));
        program.condition(when, *errno);
    }
    program.label(&format!("errno {ENOSYS}"));
    program.push(RET, ERRNO | ENOSYS);
    program.label("kill");
    program.push(RET, KILL_PROCESS);

    let second = program.code.len();
    let check = format!("{:?} {}", ioctl.when, ioctl.errno);
    let number = ioctl.number(cpu).expect("ioctl");
    // x32 has a bit for itself, and its own ioctl beside that of x86_64. That of i386 and of arm is 54.
    let (x32, ours) = match cpu {
        Cpu::X86_64 => (0x4000_0000, &[number, 514][..]),
        Cpu::Aarch64 => (0, &[number][..]),
    };
    // A bit that none of them has is enough for most calls.
    let bits = ours.iter().fold(54 | x32, |bits, number| bits | number);
    program.push(LD, NR);
    program.jump(JSET, !bits, "allow", "near");
    program.label("near");
    program.push(LD, ARCH);
    program.jump(JEQ, cpu.arch_32(), "32", "64");
    program.label("32");
    program.push(LD, NR);
    program.jump(JEQ, 54, &check, "allow");
    program.label("64");
    program.push(LD, NR);
    if x32 != 0 {
        program.push(AND, !x32);
    }
    program.any(ours, &check);
    program.label(&check);
    program.condition(&ioctl.when, ioctl.errno);
    program.label("errno 1");
    program.push(RET, ERRNO | 1);
    program.label("allow");
    program.push(RET, ALLOW);
    (program.assemble(), second)
}

/// Both filters of a CPU as Rust.
pub fn source(table: &Table, cpu: Cpu) -> String {
    let (program, second) = compile(table, cpu);
    let (len, numbers) = (program.len(), program.iter().map(|i| format!("{i:#018x},")).collect::<Vec<_>>());
    format!(
        "/// What `--seccomp default` refuses.\npub static DEFAULT: [u64; {len}] = [{}];\n\
         /// Where in it the filter begins that refuses TIOCSTI and TIOCLINUX.\npub const TERMINAL: usize = {second};\n",
        numbers.join("\n")
    )
}
