//! Verbs, and the option table: one row an option, with the verbs that have it.

use crate::sys::ZStr;
use crate::text::{Joined, Text, fields, join, joined_len, pack, packed_len, place};
use crate::z;

/// Takes no value.
pub(super) const SWITCH: u8 = 0;
/// Takes auto, true or false, or nothing.
pub(super) const MAYBE: u8 = 1;
/// Takes any text.
pub(super) const TEXT: u8 = 2;
/// Takes a number.
pub(super) const NUMBER: u8 = 3;
/// Takes table or json.
pub(super) const FORMAT: u8 = 4;
/// Takes text or json.
pub(super) const LOG_FORMAT: u8 = 5;

/// Before the verb.
pub(super) const GLOBAL: u32 = 1 << 31;
const CREATE: u32 = Verb::Create.bit();
const RUN: u32 = Verb::Run.bit();
const KILL: u32 = Verb::Kill.bit();
const DELETE: u32 = Verb::Delete.bit();
const EXEC: u32 = Verb::Exec.bit();
const LIST: u32 = Verb::List.bit();
const PS: u32 = Verb::Ps.bit();
const UPDATE: u32 = Verb::Update.bit();
const EVENTS: u32 = Verb::Events.bit();
const SPEC: u32 = Verb::Spec.bit();
const ALL: u32 = u32::MAX;

macro_rules! verbs {
    ($($verb:ident $name:literal $operands:literal;)*) => {
        /// What is to be done.
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[cfg_attr(test, derive(Debug))]
        #[repr(u8)]
        pub enum Verb {
            $(#[doc = $name] $verb,)*
            /// The version on stdout.
            Version,
            /// The usage text on stdout.
            Help,
        }

        const VERBS: &[Verb] = &[$(Verb::$verb),*];
        const VERB_NAMES: &[&str] = &[$($name),*];

        impl Verb {
            /// As it is called.
            pub fn name(self) -> ZStr<'static> {
                match self {
                    $(Verb::$verb => z!($name),)*
                    Verb::Version | Verb::Help => z!(""),
                }
            }
        }

        /// What stands behind its options.
        const OPERANDS: &[&str] = &[$($operands),*];
    };
}

verbs! {
    Create "create" "ID";
    Start "start" "ID";
    Run "run" "ID";
    State "state" "ID";
    Kill "kill" "ID [SIGNAL]";
    Delete "delete" "ID";
    Exec "exec" "ID [COMMAND [ARG...]]";
    List "list" "";
    Ps "ps" "ID [ps options]";
    Pause "pause" "ID";
    Resume "resume" "ID";
    Update "update" "ID";
    Events "events" "ID";
    Features "features" "";
    Spec "spec" "";
}

impl Verb {
    /// Its bit in a set.
    pub(super) const fn bit(self) -> u32 {
        1 << self as u8
    }

    /// The one of this name.
    pub(super) fn named(name: &[u8]) -> Option<Verb> {
        VERBS.get(place(&JOINED_VERBS, name)?).copied()
    }

    /// Whether it is about a container.
    pub(super) fn takes_id(self) -> bool {
        !matches!(self, Verb::List | Verb::Features | Verb::Spec | Verb::Version | Verb::Help)
    }

    /// Whether what stands behind ID is not ours.
    pub(super) fn ends_at_id(self) -> bool {
        matches!(self, Verb::Exec | Verb::Ps)
    }
}

macro_rules! options {
    ($($opt:ident $name:literal $letter:literal $kind:ident $verbs:expr, $values:literal;)*) => {
        /// An option: its place in the table.
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[cfg_attr(test, derive(Debug))]
        #[repr(u8)]
        pub enum Opt { $(#[doc = $name] $opt,)* }

        const OPTS: &[Opt] = &[$(Opt::$opt),*];
        /// How many there are.
        pub(super) const COUNT: usize = OPTS.len();
        const NAMES: &[&str] = &[$($name),*];
        /// Each with its letter (a blank is none) and what it takes.
        static KINDS: [(u8, u8); COUNT] = [$(($letter, $kind)),*];
        static SCOPES: [u32; COUNT] = [$($verbs),*];
        const VALUES: &[&str] = &[$($values),*];
    };
}

options! {
    Root "root" b' ' TEXT GLOBAL, "DIR";
    Log "log" b' ' TEXT GLOBAL, "FILE";
    LogFormat "log-format" b' ' LOG_FORMAT GLOBAL, "text|json";
    Debug "debug" b' ' SWITCH GLOBAL, "";
    SystemdCgroup "systemd-cgroup" b' ' SWITCH GLOBAL, "";
    RootlessMode "rootless" b' ' MAYBE GLOBAL, "auto|true|false";
    Criu "criu" b' ' TEXT GLOBAL, "PATH";
    Version "version" b'v' SWITCH GLOBAL, "";
    Help "help" b'h' SWITCH ALL, "";
    Bundle "bundle" b'b' TEXT CREATE | RUN | SPEC, "DIR";
    ConsoleSocket "console-socket" b' ' TEXT CREATE | RUN | EXEC, "PATH";
    PidFile "pid-file" b' ' TEXT CREATE | RUN | EXEC, "FILE";
    NoPivot "no-pivot" b' ' SWITCH GLOBAL | CREATE | RUN, "";
    NoNewKeyring "no-new-keyring" b' ' SWITCH CREATE | RUN, "";
    PreserveFds "preserve-fds" b' ' NUMBER CREATE | RUN | EXEC, "N";
    Detach "detach" b'd' SWITCH RUN | EXEC, "";
    Keep "keep" b' ' SWITCH RUN, "";
    All "all" b'a' SWITCH KILL, "";
    Force "force" b'f' SWITCH DELETE, "";
    Process "process" b'p' TEXT EXEC, "FILE";
    Tty "tty" b't' SWITCH EXEC, "";
    Cwd "cwd" b' ' TEXT EXEC, "DIR";
    Env "env" b'e' TEXT EXEC, "VAR=VALUE";
    User "user" b'u' TEXT EXEC, "UID[:GID]";
    AdditionalGids "additional-gids" b'g' NUMBER EXEC, "GID";
    Cap "cap" b'c' TEXT EXEC, "CAP";
    NoNewPrivs "no-new-privs" b' ' SWITCH EXEC, "";
    Apparmor "apparmor" b' ' TEXT EXEC, "PROFILE";
    ProcessLabel "process-label" b' ' TEXT EXEC, "LABEL";
    IgnorePaused "ignore-paused" b' ' SWITCH EXEC, "";
    Cgroup "cgroup" b' ' TEXT EXEC, "PATH";
    Format "format" b'f' FORMAT LIST | PS, "table|json";
    Quiet "quiet" b'q' SWITCH LIST, "";
    Resources "resources" b'r' TEXT UPDATE, "FILE|-";
    Memory "memory" b' ' TEXT UPDATE, "BYTES";
    MemoryReservation "memory-reservation" b' ' TEXT UPDATE, "BYTES";
    MemorySwap "memory-swap" b' ' TEXT UPDATE, "BYTES";
    CpuQuota "cpu-quota" b' ' TEXT UPDATE, "US";
    CpuPeriod "cpu-period" b' ' TEXT UPDATE, "US";
    CpuShare "cpu-share" b' ' TEXT UPDATE, "N";
    CpusetCpus "cpuset-cpus" b' ' TEXT UPDATE, "LIST";
    CpusetMems "cpuset-mems" b' ' TEXT UPDATE, "LIST";
    PidsLimit "pids-limit" b' ' TEXT UPDATE, "N";
    BlkioWeight "blkio-weight" b' ' TEXT UPDATE, "N";
    Stats "stats" b' ' SWITCH EVENTS, "";
    Interval "interval" b' ' TEXT EVENTS, "TIME";
    Rootless "rootless" b' ' SWITCH SPEC, "";
}

static JOINED_VERBS: [u8; joined_len(VERB_NAMES)] = join(VERB_NAMES);
static JOINED_NAMES: [u8; joined_len(NAMES)] = join(NAMES);
static PACKED_VALUES: [u8; packed_len(VALUES)] = pack(VALUES);
static PACKED_OPERANDS: [u8; packed_len(OPERANDS)] = pack(OPERANDS);

impl Opt {
    /// Its bit in a set.
    pub(super) const fn bit(self) -> u64 {
        1 << self as u8
    }

    /// What it takes.
    pub(super) fn kind(self) -> u8 {
        KINDS.get(self as usize).map_or(SWITCH, |kind| kind.1)
    }

    /// The one of this name, or of this letter, among those of `scope`.
    #[inline(never)]
    pub(super) fn named(name: &[u8], scope: u32) -> Option<Opt> {
        let mut names = Joined(&JOINED_NAMES);
        for ((opt, (letter, _)), verbs) in OPTS.iter().zip(&KINDS).zip(&SCOPES) {
            let known = names.next()?;
            if verbs & scope != 0 && (known == name || *letter != b' ' && [*letter] == *name) {
                return Some(*opt);
            }
        }
        None
    }
}

/// A line of the usage text: what may stand before the verb, or a verb with its options.
fn line(out: &mut Text<'_>, scope: u32) {
    let mut values = fields(&PACKED_VALUES, 0);
    for ((name, (letter, kind)), verbs) in Joined(&JOINED_NAMES).zip(&KINDS).zip(&SCOPES) {
        let value = values.next().unwrap_or_default();
        if verbs & scope == 0 || *verbs == ALL {
            continue;
        }
        out.push(b" [--").push(name);
        if *letter != b' ' {
            out.push(b"|-").put(*letter);
        }
        if *kind != SWITCH {
            out.put(if *kind == MAYBE { b'=' } else { b' ' }).say(value);
        }
        out.put(b']');
    }
}

/// The usage text.
pub(in crate::oci) fn help(out: &mut Text<'_>) {
    out.push(b"vesicle-oci [global options] VERB [options] ID\n\nglobal options:");
    line(out, GLOBAL);
    out.push(b"\n\n");
    for (verb, operands) in VERBS.iter().zip(fields(&PACKED_OPERANDS, 0)) {
        out.push(verb.name().bytes());
        line(out, verb.bit());
        out.put(b' ').say(operands).put(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_and_letter_is_one_options_alone_where_it_is_known() {
        const { assert!(COUNT <= 64) };
        let scopes = VERBS.iter().map(|v| v.bit()).chain([GLOBAL]);
        for scope in scopes {
            let here: Vec<usize> = (0..COUNT).filter(|n| SCOPES[*n] & scope != 0).collect();
            for n in &here {
                let name = NAMES[*n].as_bytes();
                assert!(Opt::named(name, scope) == Some(OPTS[*n]), "{}", NAMES[*n]);
                assert!(name.len() > 1 && name.len() < 256);
                let letter = KINDS[*n].0;
                if letter != b' ' {
                    assert!(Opt::named(&[letter], scope) == Some(OPTS[*n]), "{}", NAMES[*n]);
                }
                assert_eq!(VALUES[*n].is_empty(), KINDS[*n].1 == SWITCH, "{}", NAMES[*n]);
            }
        }
        for (n, verb) in VERBS.iter().enumerate() {
            assert_eq!((Verb::named(VERB_NAMES[n].as_bytes()), *verb as usize), (Some(*verb), n));
            assert_eq!(verb.name().bytes(), VERB_NAMES[n].as_bytes());
        }
    }

    #[test]
    fn usage_names_every_verb_and_option() {
        let mut room = [0; 8192];
        let mut text = Text::on(&mut room);
        help(&mut text);
        let text = String::from_utf8(text.get().to_vec()).unwrap();
        for name in NAMES.iter().filter(|name| **name != "help") {
            assert!(text.contains(&format!("--{name}")), "{name}\n{text}");
        }
        for name in VERB_NAMES {
            assert!(text.contains(&format!("\n{name} ")), "{name}\n{text}");
        }
    }
}
