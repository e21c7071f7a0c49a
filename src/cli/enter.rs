//! The options of `vesicle enter`, in the words of `vesicle run` as far as they mean the same, and what stands behind them.

use super::options::{self, COUNT, Opt};
use super::{Asked, Parsed};
use crate::fail::{Stage, Why, fail};
use crate::spec::{Spec, misuse};
use crate::sys::{Pid, Stack};
use crate::text::{decimal, fields};

/// Those that `vesicle run` does not have: behind the last one of its table.
#[allow(non_upper_case_globals)]
impl Opt {
    /// Join every namespace that no other option is about.
    pub const All: Opt = Opt(COUNT as u8);
    /// Join the mount namespace, or this one.
    pub const Mntns: Opt = Opt(COUNT as u8 + 1);
    /// PID's environment.
    pub const TheirEnv: Opt = Opt(COUNT as u8 + 2);
    /// Stay in the caller's cgroup.
    pub const NoCgroup: Opt = Opt(COUNT as u8 + 3);
}

const _: () = assert!(COUNT + 4 <= 128, "as many as Spec::asked has bits");

/// Their names.
const NAMES: &[u8] =
    b"all user pid net uts ipc cgroup time mount env no-cgroup uid gid chdir setenv unsetenv clearenv \
argv0 keep-fd umask new-session die-with-parent allow-new-privs privileged seccomp";

/// What each is, and takes.
const ROWS: [(Opt, u8); 25] = [
    (Opt::All, options::SWITCH),
    (Opt::Userns, options::MAYBE_TEXT),
    (Opt::Pidns, options::MAYBE_TEXT),
    (Opt::Netns, options::MAYBE_TEXT),
    (Opt::Utsns, options::MAYBE_TEXT),
    (Opt::Ipcns, options::MAYBE_TEXT),
    (Opt::Cgroupns, options::MAYBE_TEXT),
    (Opt::Timens, options::MAYBE_TEXT),
    (Opt::Mntns, options::MAYBE_TEXT),
    (Opt::TheirEnv, options::SWITCH),
    (Opt::NoCgroup, options::SWITCH),
    (Opt::Uid, options::ID),
    (Opt::Gid, options::ID),
    (Opt::Chdir, options::TEXT),
    (Opt::Setenv, options::TWO),
    (Opt::Unsetenv, options::TEXT),
    (Opt::Clearenv, options::SWITCH),
    (Opt::Argv0, options::TEXT),
    (Opt::KeepFd, options::FD),
    (Opt::Umask, options::MODE),
    (Opt::NewSession, options::SWITCH),
    (Opt::DieWithParent, options::SWITCH),
    (Opt::AllowNewPrivs, options::SWITCH),
    (Opt::Privileged, options::SWITCH),
    (Opt::Seccomp, options::TEXT),
];

/// The option of this name, and its kind.
pub(super) fn find(name: &[u8]) -> Option<(Opt, u8)> {
    ROWS.get(fields(NAMES, b' ').position(|known| known == name)?).copied()
}

/// Reads PID, which stands where ROOTFS does, and finds COMMAND behind it.
#[inline(never)]
pub(super) fn operands(stack: Stack, spec: &mut Spec<'_>) -> Parsed<Asked> {
    let next = |spec: &Spec<'_>| stack.arg(spec.rootfs.saturating_add(1));
    let Some(word) = stack.arg(spec.rootfs) else { return misuse(Why::NoTarget) };
    // 0 and negative numbers would mean groups, and ourselves.
    let pid = decimal(word.bytes()).and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 0);
    let Some(pid) = pid else { return fail(Stage::Argument, word, Why::Target) };
    (spec.target, spec.word) = (Pid(pid), Some(word));
    if next(spec).is_some_and(|word| word.is(b"--")) {
        spec.rootfs = spec.rootfs.saturating_add(1);
    }
    if next(spec).is_some() { Ok(Asked::Run) } else { misuse(Why::NoTarget) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_row_and_every_row_a_name() {
        assert_eq!(fields(NAMES, b' ').count(), ROWS.len());
        for name in fields(NAMES, b' ') {
            let (opt, kind) = find(name).unwrap();
            // What `vesicle run` knows by that name takes the same; its own --cgroup is another.
            let row = options::ROWS.iter().find(|row| row.name.as_bytes() == name && name != b"cgroup");
            assert!(row.is_none_or(|row| kind == row.kind), "{name:?}");
            assert_eq!(ROWS.iter().filter(|other| other.0 == opt).count(), 1);
        }
        for no in ["", "al", "netns", "bind", "-net"] {
            assert!(find(no.as_bytes()).is_none(), "{no}");
        }
    }
}
