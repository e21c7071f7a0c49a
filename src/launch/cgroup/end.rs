//! The end of a cgroup: nobody is left in it, and what we made of it goes.

use super::{BENEATH, Cgroup, DIRECTORY, PATH_MAX, controllers, read, write};
use crate::cli::MAX;
use crate::fail::{Stage, quote};
use crate::sys::{self, Errno, Fd, Pid, ZStr};
use crate::text::{Text, decimal, fields};
use crate::z;

/// How long those who were killed may take to end, in nanoseconds.
const PATIENCE: u64 = 10_000_000_000;
/// To list a directory by.
const LIST: u32 = sys::O_RDONLY | sys::O_DIRECTORY | sys::O_NOFOLLOW;

/// The container has ended: how many of it were killed for want of memory.
#[inline(never)]
pub(in crate::launch) fn over(cgroup: Option<Cgroup>) -> u64 {
    let Some(cgroup) = cgroup else { return 0 };
    let killed = cgroup.memory.map_or(0, |_| killed(cgroup.dir).saturating_sub(cgroup.killed));
    cgroup.remove();
    if killed > 0 {
        cgroup.tell(killed);
    }
    killed
}

/// How many were killed for want of memory, in it and below.
#[inline(never)]
pub(super) fn killed(dir: Fd) -> u64 {
    let mut room = [0; 512];
    let text = read(dir, z!("memory.events"), &mut room).unwrap_or_default();
    let number = |line: &[u8]| line.strip_prefix(b"oom_kill ").and_then(decimal);
    fields(text, b'\n').find_map(number).unwrap_or(0)
}

impl Cgroup {
    /// Says so.
    #[cold]
    #[inline(never)]
    fn tell(&self, killed: u64) {
        let mut room = [0; 1024];
        let mut line = Text::on(&mut room);
        line.push(b"vesicle: cgroup");
        quote(&mut line, self.path());
        line.push(b": out of memory: ").number(killed).push(b" killed at memory.max ");
        match self.memory {
            None | Some(MAX) => line.push(b"max"),
            Some(bytes) => line.number(bytes),
        };
        let _ = sys::write(Fd::STDERR, line.put(b'\n').get());
    }

    /// Ends what is left in it and removes it, if we made it; and says what stands against it.
    #[inline(never)]
    pub(in crate::launch) fn remove(&self) {
        let removed = self.told(Stage::RemoveCgroup, self.try_remove());
        let back = self.told(Stage::RemoveCgroup, controllers::go_back(self));
        if let Err(fail) = removed.and(back) {
            fail.report();
        }
    }

    fn try_remove(&self) -> sys::Result<()> {
        let Some(above) = self.new.checked_sub(1) else { return Ok(()) };
        let mut done = sys::unlinkat(self.own, self.path(), true);
        if done == Err(Errno::EBUSY) {
            clear(self.dir)?;
            done = sys::unlinkat(self.own, self.path(), true);
        }
        remove_path(self.own, parent(self.path().bytes()), above);
        // Somebody else may have removed it, and then all is well.
        if done == Err(Errno::ENOENT) { Ok(()) } else { done }
    }
}

/// The path of the cgroup above.
fn parent(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    path.get(..end).unwrap_or_default()
}

/// Removes the last `count` components of a path, as far as nobody else has come to live there.
#[inline(never)]
pub(super) fn remove_path(own: Fd, mut path: &[u8], count: usize) {
    if count == 0 {
        return;
    }
    let mut room = [0; PATH_MAX];
    for _ in 0..count {
        if let Some(path) = Text::on(&mut room).push(path).zstr() {
            let _ = sys::unlinkat(own, path, true);
        }
        path = parent(path);
    }
}

/// Removes one in which there is nobody; EBUSY.
#[cold]
pub(super) fn remove_stale(own: Fd, path: ZStr<'_>) -> sys::Result<()> {
    if sys::unlinkat(own, path, true) != Err(Errno::EBUSY) {
        return Ok(());
    }
    let dir = sys::openat2(own, path, DIRECTORY, BENEATH)?;
    let mut room = [0; 64];
    let lives = is_populated(read(dir, z!("cgroup.events"), &mut room)?);
    let done = if lives { Err(Errno::EBUSY) } else { remove_below(dir, false) };
    sys::close(dir);
    done.and_then(|()| sys::unlinkat(own, path, true))
}

/// Ends all that lives in it and below, and removes what is below.
#[cold]
#[inline(never)]
pub(crate) fn clear(dir: Fd) -> sys::Result<()> {
    // Linux 5.14.
    let all = write(dir, z!("cgroup.kill"), b"1");
    if all != Err(Errno::ENOENT) {
        all.and_then(|()| drain(dir, false))?;
        return remove_below(dir, false);
    }
    // Else one by one, while none can have children, nor its process id another owner.
    write(dir, z!("cgroup.freeze"), b"1")?;
    remove_below(dir, true)?;
    drain(dir, true)
}

/// Waits until nobody lives in it or below, and kills those who are in it until then.
#[inline(never)]
fn drain(dir: Fd, kills: bool) -> sys::Result<()> {
    let events = sys::openat(dir, z!("cgroup.events"), sys::O_RDONLY, 0)?;
    let done = loop {
        let mut room = [0; 64];
        match sys::read_again(events, &mut room) {
            Ok(text) if is_populated(text) => {}
            said => break said.map(|_| ()),
        }
        if kills && let Err(e) = kill_each(dir) {
            break Err(e);
        }
        match sys::wait_for_change(events, PATIENCE) {
            Ok(true) => {}
            changed => break changed.and(Err(Errno::ETIMEDOUT)),
        }
    };
    sys::close(events);
    done
}

/// By what cgroup.events says.
fn is_populated(events: &[u8]) -> bool {
    fields(events, b'\n').any(|line| line == b"populated 1")
}

/// Kills those who are in it.
fn kill_each(dir: Fd) -> sys::Result<()> {
    let procs = sys::openat(dir, z!("cgroup.procs"), sys::O_RDONLY, 0)?;
    let mut room = [0; 512];
    let mut pid = 0i32;
    let done = loop {
        let len = match sys::read(procs, &mut room) {
            Ok(0) => break Ok(()),
            Ok(len) => len as usize,
            Err(e) => break Err(e),
        };
        // A number may go on in the next piece.
        for byte in room.iter().take(len) {
            if *byte == b'\n' {
                sys::kill(Pid(pid), sys::SIGKILL);
                pid = 0;
            } else {
                pid = pid.wrapping_mul(10).wrapping_add(byte.wrapping_sub(b'0').into());
            }
        }
    };
    sys::close(procs);
    done
}

/// Removes all cgroups below `top`, the deepest first. However deep they are it takes no more than two descriptors, and no
/// memory: the way up is `..`, as a cgroup can't be moved.
#[inline(never)]
fn remove_below(top: Fd, kills: bool) -> sys::Result<()> {
    let mut at = sys::openat(top, z!("."), LIST, 0)?;
    let (mut depth, mut removed, mut last) = (0usize, 0usize, usize::MAX);
    let done = loop {
        let next = match remove_in(at, &mut removed) {
            Err(e) => break Err(e),
            Ok(Some(below)) => {
                depth = depth.wrapping_add(1);
                below
            }
            Ok(None) => {
                let Some(above) = depth.checked_sub(1) else { break Ok(()) };
                depth = above;
                if kills && let Err(e) = drain(at, true) {
                    break Err(e);
                }
                // What was left empty could not be removed.
                if removed == last {
                    break Err(Errno::EBUSY);
                }
                last = removed;
                match sys::openat(at, z!(".."), LIST, 0) {
                    Ok(above) => above,
                    Err(e) => break Err(e),
                }
            }
        };
        sys::close(at);
        at = next;
    };
    sys::close(at);
    done
}

/// Removes what it can of the cgroups in this one, up to the first that has others in it: that is opened.
#[inline(never)]
fn remove_in(dir: Fd, removed: &mut usize) -> sys::Result<Option<Fd>> {
    let mut room = [0; 1024];
    loop {
        let len = sys::getdents(dir, &mut room)?;
        if len == 0 {
            return Ok(None);
        }
        let mut rest = room.get(..len as usize).unwrap_or_default();
        // struct linux_dirent64, getdents(2): the length of the entry, its type and its name are behind two numbers.
        while let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, low, high, kind, name @ ..] = rest {
            if let Some(name) = ZStr::until_nul(name)
                && u32::from(*kind) == sys::DT_DIR
                && !name.is(b".")
                && !name.is(b"..")
            {
                match sys::unlinkat(dir, name, true) {
                    Err(Errno::EBUSY) => return sys::openat(dir, name, LIST, 0).map(Some),
                    Ok(()) => *removed = removed.wrapping_add(1),
                    Err(Errno::ENOENT) => {}
                    Err(e) => return Err(e),
                }
            }
            rest = rest.get(usize::from(u16::from_le_bytes([*low, *high]))..).unwrap_or_default();
        }
    }
}
