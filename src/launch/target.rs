//! What the caller's /proc says of a process that others may have made: it is believed once a pidfd has told that it is
//! still that process.

use crate::fail::{At, Fail, Stage, Why, fail};
use crate::sys::{self, Errno, Fd, NAMESPACES, NS_SELF, Pid, ZStr};
use crate::text::{Text, decimal, fields};
use crate::z;

/// The caller's /proc, if it is one.
pub(super) fn host_proc() -> Result<Fd, Fail<'static>> {
    let path = z!("/proc");
    let proc = sys::open(path, sys::O_PATH | sys::O_DIRECTORY).at(Stage::Target, path)?;
    match sys::file_system(proc).at(Stage::Target, path)?.0 {
        sys::PROC_SUPER_MAGIC => Ok(proc),
        _ => fail(Stage::Target, path, Why::NoProc),
    }
}

/// What /proc says of `pid`. Whoever has it open never gets to see another process by it.
#[inline(never)]
pub(super) fn directory(proc: Fd, pid: Pid) -> sys::Result<Fd> {
    let mut room = [0; 24];
    Text::on(&mut room).number(pid.0 as u64);
    let name = ZStr::until_nul(&room).ok_or(Errno::ESRCH)?;
    sys::openat(proc, name, sys::O_PATH | sys::O_DIRECTORY, 0).map_err(gone)
}

/// What was there a moment ago has ended.
pub(super) fn gone(e: Errno) -> Errno {
    if e == Errno::ENOENT { Errno::ESRCH } else { e }
}

/// Those of its namespaces that are `wanted` (CLONE_NEW*) and are not ours.
#[inline(never)]
pub(super) fn differing(wanted: u32, proc: Fd, dir: Fd) -> sys::Result<u32> {
    let mut kinds = 0;
    for &(kind, file) in NAMESPACES {
        if wanted & kind == 0 {
            continue;
        }
        let ours = match sys::statx(proc, file) {
            // A kernel without this kind: it is one for all.
            Err(Errno::ENOENT) => continue,
            ours => ours?,
        };
        let theirs = sys::statx(dir, file.skip(NS_SELF)).map_err(gone)?;
        if (ours.dev, ours.ino) != (theirs.dev, theirs.ino) {
            kinds |= kind;
        }
    }
    Ok(kinds)
}

/// Whether what was read was of this process: it has not been waited for, so its id is still its own, and it is the one
/// that this /proc knows by it, which may be that of another PID namespace.
#[inline(never)]
pub(super) fn is_still(pid: Pid, target: Fd, proc: Fd) -> sys::Result<()> {
    let (mut name, mut text) = ([0; 32], [0; 512]);
    Text::on(&mut name).push(b"self/fdinfo/").number(target.number().into());
    let file = sys::openat(proc, ZStr::until_nul(&name).ok_or(Errno::ESRCH)?, sys::O_RDONLY, 0)?;
    let len = sys::read(file, &mut text);
    sys::close(file);
    let mut lines = fields(text.get(..len? as usize).unwrap_or_default(), b'\n');
    let is = lines.any(|line| line.strip_prefix(b"Pid:\t").and_then(decimal) == Some(pid.0 as u64));
    if is { Ok(()) } else { Err(Errno::ESRCH) }
}
