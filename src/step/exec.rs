//! The end of a child's life: close what is ours, become COMMAND.

use super::World;
#[cfg(feature = "report")]
use crate::cli::Opt;
use crate::fail::Stage;
use crate::sys::{self, Errno, Strings, ZStr};

/// Every descriptor above 2 but those to be kept.
pub fn close(world: &World<'_, '_>) -> sys::Result<()> {
    #[cfg(feature = "fs")]
    if world.files.is_some() {
        sys::open_files_limit(world.files)?;
    }
    #[cfg(feature = "bwrap")]
    if world.plan.spec.bwrap {
        super::bwrap::close(world);
        return Ok(());
    }
    close_but(&|first| {
        let kept = world.plan.kept(first).min(world.doing.clock.kept(first));
        #[cfg(feature = "report")]
        let kept = kept.min(least(&[world.mark], first));
        kept
    })
}

/// The least of these that is not below `first`; a number above all descriptors where there is none.
#[cfg(feature = "report")]
pub(crate) fn least(kept: &[Option<sys::Fd>], first: u32) -> u32 {
    kept.iter().flatten().map(|fd| fd.number()).filter(|n| *n >= first).fold(u32::MAX, u32::min)
}

/// All above 2 but those for which `kept` gives the next one from a number on.
#[cfg_attr(feature = "bwrap", inline(never))]
pub(crate) fn close_but(kept: &dyn Fn(u32) -> u32) -> sys::Result<()> {
    let mut first = 3;
    // Behind the last one first comes what is above all descriptors, and then no number is left.
    while first != 0 {
        let kept = kept(first);
        if kept > first {
            sys::close_range(first, kept - 1)?;
        }
        first = kept.wrapping_add(1);
    }
    Ok(())
}

/// All but COMMAND itself is there, as far as can be known: who waits for that is told.
#[cfg(feature = "oci")]
fn ready(world: &mut World<'_, '_>) -> sys::Result<()> {
    let lists = &world.plan.lists;
    let (at, stack) = (world.plan.spec.rootfs.wrapping_add(1), world.plan.stack);
    if let Some(command) = lists.command(stack, at) {
        world.doing.subject = Some(command);
        let found = super::path::find(command, lists.env(stack));
        if let Err((stage, e)) = found {
            world.doing.stage = stage;
            return Err(e);
        }
    }
    let Some(mark) = world.mark.take() else { return Ok(()) };
    sys::write(mark, b"!")?;
    sys::close(mark);
    Ok(())
}

/// Leave to go on, by a FIFO that somebody opens for writing when it is time. If he ends before he has said so, so do we.
#[cfg(feature = "oci")]
fn wait_for_start(fd: u32) -> sys::Result<()> {
    let fifo = sys::Fd::inherited(fd);
    sys::wait_for_writer(fifo)?;
    match sys::read(fifo, &mut [0])? {
        0 => sys::exit(crate::status::OWN),
        _ => sys::close_range(fd, fd),
    }
}

/// Data or end of file.
#[cfg(feature = "report")]
pub(super) fn block(world: &mut World<'_, '_>) -> sys::Result<()> {
    let fd = world.plan.spec.number(Opt::BlockFd).unwrap_or(0) as u32;
    #[cfg(feature = "oci")]
    if world.plan.spec.is_oci() {
        ready(world)?;
        return wait_for_start(fd);
    }
    sys::read(sys::Fd::inherited(fd), &mut [0])?;
    sys::close_range(fd, fd)
}

/// Becomes COMMAND, or says why not.
pub(super) fn exec(world: &mut World<'_, '_>) -> Errno {
    let plan = &*world.plan;
    let at = plan.spec.rootfs.wrapping_add(1);
    let argv = plan.lists.argv(plan.stack, at);
    let Some(command) = plan.lists.command(plan.stack, at) else { return Errno::ENOENT };
    #[cfg(feature = "process")]
    if let Some(name) = plan.text(crate::cli::Opt::Argv0) {
        plan.stack.set_arg(at, name);
    }
    world.doing.last(command);
    let tell = || {
        #[cfg(feature = "report")]
        if let Some(mark) = world.mark
            && !plan.spec.is_oci()
        {
            return sys::write(mark, b"!");
        }
        Ok(())
    };
    if let Err(e) = tell() {
        return e;
    }
    let (stage, e) = run(command, argv, plan.lists.env(plan.stack));
    let _ = tell();
    world.doing.stage = stage;
    #[cfg(feature = "landlock")]
    if e == Errno::EACCES && super::landlock::by_path(world.plan.spec) {
        world.doing.stage = Stage::ExecRules;
    }
    e
}

/// execvp(3), but for its silent fall-back to a shell; execve(2) without `path`.
pub fn run(command: ZStr<'_>, argv: Strings<'_>, envp: Strings<'_>) -> (Stage, Errno) {
    #[cfg(feature = "path")]
    if !command.has(b'/') {
        return super::path::search(command, argv, envp);
    }
    why(command, sys::execve(command, argv, envp))
}

/// What the errno of an execve(2) means.
pub(super) fn why(#[allow(unused_variables)] file: ZStr<'_>, e: Errno) -> (Stage, Errno) {
    match e {
        #[cfg(any(feature = "path", feature = "words"))]
        // The file is there: it is its interpreter that is not.
        Errno::ENOENT if sys::exists(file) => (Stage::ExecLoader, e),
        #[cfg(feature = "words")]
        Errno::ENOEXEC if is_foreign(file) => (Stage::ExecMachine, e),
        e => (Stage::Exec, e),
    }
}

/// Whether it is a program for another CPU: e_machine of its ELF header, elf(5).
#[cfg(feature = "words")]
fn is_foreign(file: ZStr<'_>) -> bool {
    let mut head = [0u8; 20];
    matches!(sys::read_start(file, &mut head), Ok([b'\x7f', b'E', b'L', b'F', .., low, high])
        if u16::from_le_bytes([*low, *high]) != sys::ELF_MACHINE)
}
