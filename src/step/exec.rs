//! The end of a child's life: close what is ours, become COMMAND.

use super::World;
use crate::fail::Stage;
use crate::sys::{self, Errno, Strings, ZStr};
use crate::text::Text;

/// Where a command without a slash is looked for when there is no PATH.
const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The longest path with its NUL, limits.h.
const PATH_MAX: usize = 4096;

/// Every descriptor above 2 but those to be kept.
pub fn close(world: &World<'_, '_>) -> sys::Result<()> {
    #[cfg(feature = "fs")]
    if world.files.is_some() {
        sys::open_files_limit(world.files)?;
    }
    let mut first = 3;
    // Behind the last one first comes what is above all descriptors, and then no number is left.
    while first != 0 {
        let kept = world.plan.kept(first);
        if kept > first {
            sys::close_range(first, kept - 1)?;
        }
        first = kept.wrapping_add(1);
    }
    Ok(())
}

/// Data or end of file.
#[cfg(feature = "report")]
pub(super) fn block(fd: u32) -> sys::Result<()> {
    sys::read(sys::Fd::inherited(fd), &mut [0])?;
    sys::close_range(fd, fd)
}

/// Becomes COMMAND, or says why not.
pub(super) fn exec(world: &mut World<'_, '_>) -> Errno {
    let plan = &*world.plan;
    let at = plan.spec.rootfs.wrapping_add(1);
    let Some(command) = plan.stack.arg(at) else { return Errno::ENOENT };
    #[cfg(feature = "process")]
    if let Some(name) = plan.text(crate::cli::Opt::Argv0) {
        plan.stack.set_arg(at, name);
    }
    let (stage, e) = run(command, plan.stack.argv_from(at), plan.lists.env(plan.stack));
    world.doing.now(stage, command);
    e
}

/// execvp(3), but for its silent fall-back to a shell.
pub fn run(command: ZStr<'_>, argv: Strings<'_>, envp: Strings<'_>) -> (Stage, Errno) {
    if command.has(b'/') {
        why(command, sys::execve(command, argv, envp))
    } else {
        search(command, argv, envp)
    }
}

/// Along the PATH of `envp`. In most no word is long: whoever lends us memory keeps the pages that we touch.
#[inline(never)]
fn search(command: ZStr<'_>, argv: Strings<'_>, envp: Strings<'_>) -> (Stage, Errno) {
    look(command, argv, envp, &mut [0; 256]).unwrap_or_else(|| search_long(command, argv, envp))
}

/// The same with room for any path. With a frame of its own.
#[cold]
#[inline(never)]
fn search_long(command: ZStr<'_>, argv: Strings<'_>, envp: Strings<'_>) -> (Stage, Errno) {
    look(command, argv, envp, &mut [0; PATH_MAX]).unwrap_or((Stage::ExecPath, Errno::ENOENT))
}

/// The search goes on where execvp(3) lets it, and a file that may not be executed is remembered. `None`: a path needs
/// more room. What is longer than any path is not there.
#[inline(never)]
fn look(command: ZStr<'_>, argv: Strings<'_>, envp: Strings<'_>, room: &mut [u8]) -> Option<(Stage, Errno)> {
    let path = envp.variable(b"PATH=").map_or(DEFAULT_PATH, ZStr::bytes);
    let name = command.bytes_with_nul();
    if name.len() == 1 {
        return None;
    }
    let all = room.len() == PATH_MAX;
    let mut full = Text::on(room);
    let mut best = Errno::ENOENT;
    // Whether a file that was not found is there after all is asked when all else has failed: a call less a place.
    for asks in [false, true] {
        for dir in crate::text::fields(path, b':') {
            // An empty word is the working directory.
            full.clear().push(dir).push(if dir.is_empty() { b"" } else { b"/" }).push(name);
            let file = match ZStr::until_nul(full.get()) {
                Some(file) => file,
                None if all => continue,
                None => return None,
            };
            if asks {
                if sys::exists(file) {
                    return Some(why(file, best));
                }
                continue;
            }
            match sys::execve(file, argv, envp) {
                Errno::ENOENT | Errno::ENOTDIR | Errno::ESTALE | Errno::ENODEV | Errno::ETIMEDOUT => {}
                Errno::ENAMETOOLONG | Errno::ELOOP => {}
                Errno::EACCES => best = Errno::EACCES,
                other => return Some(why(file, other)),
            }
        }
        if best != Errno::ENOENT {
            break;
        }
    }
    Some((if best == Errno::ENOENT { Stage::ExecPath } else { Stage::Exec }, best))
}

/// What the errno of an execve(2) means.
fn why(file: ZStr<'_>, e: Errno) -> (Stage, Errno) {
    match e {
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
    let read = sys::open(file, sys::O_RDONLY).and_then(|f| sys::read(f, &mut head));
    let [magic @ .., low, high] = &head;
    read == Ok(head.len() as u32)
        && magic.starts_with(b"\x7fELF")
        && u16::from_le_bytes([*low, *high]) != sys::ELF_MACHINE
}
