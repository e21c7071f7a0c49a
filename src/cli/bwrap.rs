//! bubblewrap(1)'s options in the words of `vesicle run`: there nothing is new unless it is asked for, and the order counts
//! here and there.

use super::Parsed;
use super::options::{self, Opt};
use crate::fail::Why;
use crate::spec::{Spec, misuse};

/// How many of them `vesicle run` has: those of bwrap alone are the last ones.
const OF_RUN: usize = Opt::UnshareAll.0 as usize;

/// Those that both have.
const OF_BOTH: u128 = set(&[
    Opt::UnshareUser,
    Opt::ShareNet,
    Opt::Userns,
    Opt::Pidns,
    Opt::Uid,
    Opt::Gid,
    Opt::Hostname,
    Opt::Proc,
    Opt::Bind,
    Opt::BindTry,
    Opt::RoBind,
    Opt::RoBindTry,
    Opt::DevBind,
    Opt::DevBindTry,
    Opt::Tmpfs,
    Opt::Dev,
    Opt::Mqueue,
    Opt::BindFd,
    Opt::RoBindFd,
    Opt::File,
    Opt::BindData,
    Opt::RoBindData,
    Opt::Chmod,
    Opt::RemountRo,
    Opt::OverlaySrc,
    Opt::Overlay,
    Opt::TmpOverlay,
    Opt::RoOverlay,
    Opt::Seccomp,
    Opt::Dir,
    Opt::Symlink,
    Opt::Perms,
    Opt::Size,
    Opt::Chdir,
    Opt::Setenv,
    Opt::Unsetenv,
    Opt::Clearenv,
    Opt::Argv0,
    Opt::DisableUserns,
    Opt::CapAdd,
    Opt::CapDrop,
    Opt::NewSession,
    Opt::DieWithParent,
    Opt::InfoFd,
    Opt::JsonStatusFd,
    Opt::BlockFd,
    Opt::SyncFd,
    Opt::Args,
]);

const fn set(mut options: &[Opt]) -> u128 {
    let mut set = 0;
    while let [option, rest @ ..] = options {
        (set, options) = (set | 1 << option.0, rest);
    }
    set
}

/// Whether the option at this place is bwrap's, or (with `bwrap` false) one of `vesicle run`.
pub(super) fn knows(bwrap: bool, place: usize) -> bool {
    let of_run = place < OF_RUN;
    if bwrap { !of_run || OF_BOTH >> (place & 127) & 1 != 0 } else { of_run }
}

/// What an option means for those before it. Nothing for `vesicle run`.
pub(super) fn before(opt: Opt, spec: &mut Spec<'_>) -> Parsed<()> {
    if !spec.bwrap {
        return Ok(());
    }
    match opt {
        Opt::Argv0 if spec.has(opt) => return misuse(Why::Argv0Twice),
        Opt::Seccomp if spec.has(Opt::AddSeccomp) => return misuse(Why::SeccompFirst),
        Opt::AddSeccomp if spec.has(Opt::Seccomp) => return misuse(Why::SeccompSecond),
        // Of these the last one counts.
        Opt::UnshareAll => spec.ask(Opt::UnshareNet),
        Opt::ShareNet => spec.unask(Opt::UnshareNet),
        Opt::Clearenv => spec.cleared = spec.given.len(),
        _ => {}
    }
    Ok(())
}

/// What it takes: a descriptor where that of `vesicle run` may be a path too.
pub(super) fn kind(opt: Opt, kind: u8, spec: &Spec<'_>) -> u8 {
    if spec.bwrap && matches!(opt, Opt::Userns | Opt::Pidns | Opt::Seccomp) { options::FD } else { kind }
}

/// What --unshare-all stands for, but for the network, whose turn counts.
const ALL: &[Opt] =
    &[Opt::UnshareUserTry, Opt::UnshareIpc, Opt::UnsharePid, Opt::UnshareUts, Opt::UnshareCgroupTry];

/// A namespace that is new, and the word for one that is not.
const KEPT: &[(Opt, Opt)] = &[
    (Opt::UnshareIpc, Opt::ShareIpc),
    (Opt::UnsharePid, Opt::SharePid),
    (Opt::UnshareNet, Opt::ShareNet),
    (Opt::UnshareUts, Opt::ShareUts),
    (Opt::UnshareCgroup, Opt::ShareCgroup),
];

/// What must not be asked for with another option (true), or not without it.
const RULES: &[(Opt, bool, Opt, Why)] = &[
    (Opt::UsernsBlockFd, false, Opt::UnshareUser, Why::BlockNeedsUser),
    (Opt::UsernsBlockFd, false, Opt::InfoFd, Why::BlockNeedsInfo),
    (Opt::Userns, true, Opt::UnshareUser, Why::Joined),
    (Opt::Userns, true, Opt::UnshareUserTry, Why::JoinedTry),
    (Opt::DisableUserns, false, Opt::UnshareUser, Why::DisableNeedsUser),
    (Opt::DisableUserns, true, Opt::UsernsBlockFd, Why::DisableBlock),
    (Opt::AsPid1, false, Opt::UnsharePid, Why::FirstNeedsPid),
    (Opt::AsPid1, true, Opt::LockFile, Why::FirstLocks),
    (Opt::Pidns, true, Opt::UnsharePid, Why::PidTwice),
];

/// All is read: the same in the words of `vesicle run`.
#[inline(never)]
pub(super) fn translate(spec: &mut Spec<'_>) -> Parsed<()> {
    if spec.has(Opt::UnshareAll) {
        for opt in ALL {
            spec.ask(*opt);
        }
    }
    for (opt, with, other, why) in RULES {
        if spec.has(*opt) && spec.has(*other) == *with {
            return misuse(*why);
        }
    }
    if spec.has(Opt::ExecLabel) || spec.has(Opt::FileLabel) {
        return misuse(Why::Labels);
    }
    for (try_new, new) in
        [(Opt::UnshareUserTry, Opt::UnshareUser), (Opt::UnshareCgroupTry, Opt::UnshareCgroup)]
    {
        if !spec.has(try_new) {
            continue;
        }
        // Asked for in earnest it is no try.
        if spec.has(new) {
            spec.unask(try_new);
        }
        spec.ask(new);
    }
    for (new, kept) in KEPT {
        spec.unask(*kept);
        if !spec.has(*new) {
            spec.ask(*kept);
        }
    }
    // proc is one of the operations.
    spec.ask(Opt::NoProc);
    spec.ask(Opt::Chdir);
    let init = spec.has(Opt::UnsharePid) && !spec.has(Opt::AsPid1);
    if init || spec.has(Opt::LockFile) || spec.has(Opt::SyncFd) && !spec.has(Opt::AsPid1) {
        spec.ask(Opt::Init);
        spec.ask(Opt::WaitAll);
    }
    Ok(())
}
