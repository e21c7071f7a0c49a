//! The launcher in the place of bubblewrap(1).

use super::Container;
use crate::cli::{Asked, Help, Opt, Source};
use crate::fail::{At, Fail, Stage, Voice, Why, fail};
use crate::plan::{Plan, Step};
use crate::spec::Spec;
use crate::step::exec;
use crate::sys::{self, Block, Fd, Stack, ZStr};
use crate::text::Text;
use crate::z;

/// What it says instead of running COMMAND; the exit code.
#[cold]
#[inline(never)]
pub fn tell(stack: Stack, asked: Asked) -> Result<u8, Fail<'static>> {
    let mut room = [0; 8192];
    let mut text = Text::on(&mut room);
    let wrong = asked == Asked::Nothing;
    if asked == Asked::Version {
        text.push(b"bubblewrap 0.11.0\n");
    } else {
        Help::write_bwrap(stack.arg(0).map_or(b"", ZStr::bytes), &mut text);
    }
    let to = if wrong { Fd::STDERR } else { Fd::STDOUT };
    sys::write(to, text.get()).at(Stage::Report, z!("standard output"))?;
    Ok(wrong.into())
}

/// Options from a descriptor, which COMMAND does not get.
pub fn load(source: Source) -> Result<Block, Fail<'static>> {
    let (Source::Fd(number) | Source::File(number)) = source;
    let Some(fd) = super::descriptor(number) else { return fail(Stage::Argument, number, Why::Number) };
    let words = super::load(source);
    sys::close(fd);
    words
}

/// Options of which the last one counts, and that are told when there is more than one.
const LAST: &[Opt] = &[
    Opt::Chdir,
    Opt::SyncFd,
    Opt::BlockFd,
    Opt::UsernsBlockFd,
    Opt::InfoFd,
    Opt::JsonStatusFd,
    Opt::Seccomp,
    Opt::Userns,
    Opt::Userns2,
    Opt::Pidns,
    Opt::Uid,
    Opt::Gid,
    Opt::Hostname,
];

/// Warns of options that count for nothing.
pub fn warn(spec: &Spec<'_>) {
    if !spec.bwrap {
        return;
    }
    let mut seen = [0; 2];
    for given in spec.given.iter().filter(|given| LAST.contains(&given.opt)) {
        let (word, bit) = given.opt.place();
        let Some(seen) = seen.get_mut(word) else { continue };
        if *seen & bit != 0 {
            let mut room = [0; 128];
            let mut line = Text::on(&mut room);
            line.push(if spec.voice() == Voice::BwrapLevels { b"<4>" } else { b"" });
            line.push(b"bwrap: Only the last ").push(given.word.bytes()).push(b" option will take effect\n");
            let _ = sys::write(Fd::STDERR, line.get());
        }
        *seen |= bit;
    }
}

/// Root has no more in a user namespace than it has here, but for what is asked for.
pub(super) fn limit(plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    if plan.spec.bwrap && plan.caller.uid == 0 && plan.steps.has(Step::Bound) {
        let there = sys::permitted().at(Stage::Caps, None)?;
        plan.limit_caps(there);
    }
    Ok(())
}

/// Process 1 of a PID namespace stays until all in it have ended. We end with COMMAND: the pipe, with a signal for us, by which
/// it says that others are left, and with which code COMMAND has ended; (its end) for the child.
pub(super) fn early(plan: &Plan<'_>, ours: &mut Option<Fd>) -> Result<Option<Fd>, Fail<'static>> {
    if !(plan.spec.bwrap && plan.steps.has(Step::Init) && plan.makes(sys::CLONE_NEWPID)) {
        return Ok(None);
    }
    let (read, write) = sys::pipe_with_signal().at(Stage::Handshake, None)?;
    *ours = Some(read);
    Ok(Some(write))
}

/// What was passed on to COMMAND is not held open by us.
pub(super) fn let_go(plan: &Plan<'_>, container: &Container<'_>) {
    if plan.spec.bwrap {
        let kept = [container.status.fd, container.status.mark, container.early];
        let _ = exec::close_but(&|first| exec::least(&kept, first));
    }
}
