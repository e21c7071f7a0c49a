//! COMMAND along the PATH.

use super::exec::why;
use crate::fail::Stage;
use crate::sys::{self, Errno, Strings, ZStr};
use crate::text::Text;
use crate::z;

/// Where a command without a slash is looked for when there is no PATH: the variable as it would be.
pub const DEFAULT: ZStr<'static> = z!("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");

/// What it begins with.
const NAME: &[u8] = b"PATH=";

/// The longest path with its NUL, limits.h.
const PATH_MAX: usize = 4096;

/// Along the PATH of `envp`. In most no word is long: whoever lends us memory keeps the pages that we touch.
#[inline(never)]
pub(super) fn search(command: ZStr<'_>, argv: Strings<'_>, envp: Strings<'_>) -> (Stage, Errno) {
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
    let path = envp.variable(NAME).unwrap_or(DEFAULT.skip(NAME.len())).bytes();
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

/// Whether it is there and can be executed, as far as its permissions say.
#[cfg(feature = "oci")]
#[inline(never)]
pub(super) fn find(command: ZStr<'_>, envp: Strings<'_>) -> Result<(), (Stage, Errno)> {
    if command.has(b'/') {
        return sys::can_execute(command).map_err(|e| (Stage::Exec, e));
    }
    let path = envp.variable(NAME).unwrap_or(DEFAULT.skip(NAME.len())).bytes();
    let mut room = [0; PATH_MAX];
    let mut best = (Stage::ExecPath, Errno::ENOENT);
    for dir in crate::text::fields(path, b':') {
        let mut file = Text::on(&mut room);
        file.push(dir).push(if dir.is_empty() { b"" } else { b"/" }).push(command.bytes());
        match file.zstr().map(sys::can_execute) {
            Some(Ok(())) => return Ok(()),
            Some(Err(Errno::EACCES)) => best = (Stage::Exec, Errno::EACCES),
            _ => {}
        }
    }
    Err(best)
}
