//! The cgroup of a container, of version 2, cgroups(7): who is in it, to be frozen, and to be signalled.

use super::store::names;
pub(super) use crate::launch::write_cgroup as write;
use crate::launch::{cgroup_root, clear_cgroup};
use crate::sys::{self, Errno, Fd, Pid, ZStr};
use crate::text::fields;
use crate::z;

/// To open a directory by.
const PLACE: u32 = sys::O_PATH | sys::O_DIRECTORY | sys::O_NOFOLLOW;
/// There is no link in a cgroup2, and nothing else of ours to reach from there.
const BENEATH: u32 = sys::RESOLVE_BENEATH | sys::RESOLVE_NO_SYMLINKS | sys::RESOLVE_NO_XDEV;
/// How deep those in it may lie, as far as we go.
const DEPTH: u8 = 64;
/// How long those in it may take to be frozen, in nanoseconds.
const PATIENCE: u64 = 10_000_000_000;

/// The root of the hierarchy; none where there is no version 2 of it: then no container has a cgroup.
fn root() -> sys::Result<Option<Fd>> {
    match cgroup_root() {
        Err(Errno::ENODEV) => Ok(None),
        root => root.map(Some),
    }
}

/// The name from the root on: of one below it, and never of the root itself.
fn below(path: ZStr<'static>) -> Option<ZStr<'static>> {
    let name = path.value_of(b"/")?;
    let good = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
    fields(name.bytes(), b'/').all(good).then_some(name)
}

/// The directory of `path`; none where there is no such cgroup, or no longer.
#[inline(never)]
pub fn open(path: ZStr<'static>) -> sys::Result<Option<Fd>> {
    let Some(name) = below(path) else { return Ok(None) };
    let Some(root) = root()? else { return Ok(None) };
    let dir = sys::openat2(root, name, PLACE, BENEATH);
    sys::close(root);
    match dir {
        Err(Errno::ENOENT) => Ok(None),
        dir => dir.map(Some),
    }
}

/// Ends all that lives in it and below, and removes it.
#[inline(never)]
pub fn remove(path: ZStr<'static>) -> sys::Result<()> {
    let Some(name) = below(path) else { return Ok(()) };
    let Some(root) = root()? else { return Ok(()) };
    let mut done = sys::unlinkat(root, name, true);
    if done == Err(Errno::EBUSY) {
        let dir = sys::openat2(root, name, PLACE, BENEATH)?;
        clear_cgroup(dir)?;
        sys::close(dir);
        done = sys::unlinkat(root, name, true);
    }
    sys::close(root);
    if done == Err(Errno::ENOENT) { Ok(()) } else { done }
}

/// Whether it is frozen; one that is not there isn't.
#[inline(never)]
pub fn has_frozen(path: ZStr<'static>) -> sys::Result<bool> {
    let Some(dir) = open(path)? else { return Ok(false) };
    let events = sys::openat(dir, z!("cgroup.events"), sys::O_RDONLY, 0);
    sys::close(dir);
    let events = match events {
        Err(Errno::ENOENT) => return Ok(false),
        events => events?,
    };
    let mut room = [0; 64];
    let said = sys::read_again(events, &mut room).map(is_frozen);
    sys::close(events);
    if said == Err(Errno::ENODEV) { Ok(false) } else { said }
}

/// By what cgroup.events says.
fn is_frozen(events: &[u8]) -> bool {
    fields(events, b'\n').any(|line| line == b"frozen 1")
}

/// Freezes all in it and below, or lets them go on, and waits until they are so. Linux 5.2.
#[inline(never)]
pub fn freeze(dir: Fd, frozen: bool) -> sys::Result<()> {
    let events = sys::openat(dir, z!("cgroup.events"), sys::O_RDONLY, 0)?;
    let done = write(dir, z!("cgroup.freeze"), if frozen { b"1" } else { b"0" }).and_then(|()| {
        loop {
            let mut room = [0; 64];
            if is_frozen(sys::read_again(events, &mut room)?) == frozen {
                return Ok(());
            }
            if !sys::wait_for_change(events, PATIENCE)? {
                // Half frozen is worse than not at all.
                write(dir, z!("cgroup.freeze"), b"0")?;
                return Err(Errno::ETIMEDOUT);
            }
        }
    });
    sys::close(events);
    done
}

/// Sends a signal to everybody in it and below. Who is born meanwhile may miss it, but for KILL.
pub fn signal(dir: Fd, signal: u8) -> sys::Result<()> {
    if signal == sys::SIGKILL {
        // Linux 5.14; else it is done one by one, and waited for.
        return match write(dir, z!("cgroup.kill"), b"1") {
            Err(Errno::ENOENT) => clear_cgroup(dir),
            done => done,
        };
    }
    processes(dir, &mut |in_it, pid| signal_one(in_it, pid, signal))
}

/// Signals a process of a cgroup: the one that is in it while its descriptor is open, and no stranger who has got its number.
fn signal_one(dir: Fd, pid: Pid, signal: u8) -> sys::Result<()> {
    let pidfd = match sys::pidfd_open(pid) {
        Err(Errno::ESRCH) => return Ok(()),
        pidfd => pidfd?,
    };
    let mut there = false;
    let done = numbers(dir, &mut |other| {
        there |= other == pid;
        Ok(())
    });
    let done = done.and_then(|()| if there { sys::pidfd_signal(pidfd, signal) } else { Ok(()) });
    sys::close(pidfd);
    if done == Err(Errno::ESRCH) { Ok(()) } else { done }
}

/// What is done with each process: the cgroup that it is in, and its number.
type Each<'f> = &'f mut dyn FnMut(Fd, Pid) -> sys::Result<()>;

/// Calls `each` for everybody in it and below.
pub fn processes(dir: Fd, each: Each<'_>) -> sys::Result<()> {
    walk(dir, DEPTH, each)
}

#[inline(never)]
fn walk(dir: Fd, depth: u8, each: Each<'_>) -> sys::Result<()> {
    let Some(depth) = depth.checked_sub(1) else { return Err(Errno::ELOOP) };
    numbers(dir, &mut |pid| each(dir, pid))?;
    let list = match sys::openat(dir, z!("."), sys::O_RDONLY | sys::O_DIRECTORY, 0) {
        Err(Errno::ENOENT) => return Ok(()),
        list => list?,
    };
    let done = names(list, &mut |name, is_dir| {
        if !is_dir {
            return Ok(());
        }
        let inner = match sys::openat(dir, name, PLACE, 0) {
            Err(Errno::ENOENT) => return Ok(()),
            inner => inner?,
        };
        let done = walk(inner, depth, each);
        sys::close(inner);
        done
    });
    sys::close(list);
    done
}

/// Calls `each` for everybody who is in it, and not below. One that has been removed meanwhile has nobody.
#[inline(never)]
fn numbers(dir: Fd, each: &mut dyn FnMut(Pid) -> sys::Result<()>) -> sys::Result<()> {
    let procs = match sys::openat(dir, z!("cgroup.procs"), sys::O_RDONLY, 0) {
        Err(Errno::ENOENT | Errno::ENODEV) => return Ok(()),
        procs => procs?,
    };
    let mut room = [0; 512];
    let mut pid = 0i32;
    let done = 'all: loop {
        let len = match sys::read(procs, &mut room) {
            // In a threaded one: its processes are listed above it.
            Ok(0) | Err(Errno::ENODEV | Errno::EOPNOTSUPP) => break Ok(()),
            Ok(len) => len as usize,
            Err(e) => break Err(e),
        };
        // A number may go on in the next piece.
        for byte in room.iter().take(len) {
            if *byte != b'\n' {
                pid = pid.wrapping_mul(10).wrapping_add(byte.wrapping_sub(b'0').into());
                continue;
            }
            // 0 is one that has no number in our PID namespace.
            if pid > 0
                && let Err(e) = each(Pid(pid))
            {
                break 'all Err(e);
            }
            pid = 0;
        }
    };
    sys::close(procs);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_to_the_root_of_the_hierarchy_or_out_of_it() {
        for (path, good) in [
            (z!("/a"), true),
            (z!("/a/b.slice/c:d"), true),
            (z!(""), false),
            (z!("/"), false),
            (z!("a"), false),
            (z!("/a/../b"), false),
            (z!("/.."), false),
            (z!("//"), false),
            (z!("/./"), false),
            (z!("/a/"), false),
        ] {
            assert_eq!(below(path).is_some(), good, "{path:?}");
        }
    }
}
