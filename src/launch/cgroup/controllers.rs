//! Controllers, and what it takes to have them in a cgroup: each cgroup on the way has to pass them on.

use super::{BENEATH, Cgroup, DIRECTORY, PATH_MAX, lasting, read, write};
use crate::fail::{Fail, Stage, Why, fail};
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::{Text, before, fields};
use crate::z;

// A bit each.
pub(super) const MEMORY: u8 = 1;
pub(super) const PIDS: u8 = 2;
pub(super) const CPU: u8 = 4;
pub(super) const IO: u8 = 8;
#[cfg(feature = "limits")]
pub(super) const CPUSET: u8 = 16;

/// Their names in version 2 and in version 1 of cgroups, by bit.
const NAMES: &[(&[u8], &[u8])] = &[
    (b"memory", b"memory"),
    (b"pids", b"pids"),
    (b"cpu", b"cpu"),
    (b"io", b"blkio"),
    #[cfg(feature = "limits")]
    (b"cpuset", b"cpuset"),
    #[cfg(feature = "oci")]
    (b"hugetlb", b"hugetlb"),
    #[cfg(feature = "oci")]
    (b"rdma", b"rdma"),
    #[cfg(feature = "oci")]
    (b"misc", b"misc"),
];

/// The controller whose file this is; none where it is of every cgroup.
#[cfg(feature = "oci")]
pub(super) fn of(file: ZStr<'_>) -> u8 {
    let name = before(file.bytes(), b'.');
    NAMES.iter().position(|(known, _)| *known == name).map_or(0, |bit| 1 << bit)
}

/// Those whose bit is in `set`.
fn named(set: u8) -> impl Iterator<Item = &'static (&'static [u8], &'static [u8])> {
    NAMES.iter().enumerate().filter(move |(bit, _)| set >> bit & 1 != 0).map(|(_, names)| names)
}

/// `+memory +pids`, or with a `-`.
fn list(set: u8, sign: u8, text: &mut Text<'_>) {
    for (name, _) in named(set) {
        if text.len() > 0 {
            text.put(b' ');
        }
        text.put(sign).push(name);
    }
}

/// Enables those of `set` in the caller's own cgroup and in all between that and this one.
#[cold]
#[inline(never)]
pub(super) fn enable(cgroup: &mut Cgroup, set: u8) -> Result<(), Fail<'static>> {
    let mut room = [0; 64];
    let mut text = Text::on(&mut room);
    list(set, b'+', &mut text);
    let told = |e| Fail::new(Stage::Controller, lasting(&[text.get()]), e);
    let mut there = [0; 256];
    let there = read(cgroup.own, z!("cgroup.controllers"), &mut there).map_err(told)?;
    for (name, old) in named(set) {
        if !fields(before(there, b'\n'), b' ').any(|there| there == *name) {
            return refuse(name, old);
        }
    }
    // From the root of the hierarchy on: whoever is in it is not in our hands.
    #[cfg(feature = "oci")]
    if cgroup.from_root {
        let done = write(cgroup.own, z!("cgroup.subtree_control"), text.get());
        return done.and(pass_on(cgroup, text.get())).map_err(told);
    }
    // Of the real root alone there is none. Any other cgroup that has processes passes no controller on.
    if sys::openat(cgroup.own, z!("cgroup.type"), sys::O_PATH, 0).map(sys::close).is_ok() {
        if cgroup.moved == 0 {
            if !is_alone(cgroup.own).map_err(told)? {
                return fail(Stage::Controller, lasting(&[text.get()]), Why::NotAlone);
            }
            leave(cgroup, set).map_err(told)?;
        }
        cgroup.moved |= set;
    }
    write(cgroup.own, z!("cgroup.subtree_control"), text.get()).map_err(told)?;
    pass_on(cgroup, text.get()).map_err(told)
}

/// Those on the way pass them on too.
#[inline(never)]
fn pass_on(cgroup: &Cgroup, controllers: &[u8]) -> sys::Result<()> {
    let mut room = [0; PATH_MAX];
    let path = cgroup.path().bytes();
    #[cfg(feature = "oci")]
    let mut all = Ok(());
    for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
        let mut text = Text::on(&mut room);
        text.push(path.get(..at).unwrap_or_default()).push(b"/cgroup.subtree_control");
        let done = write(cgroup.own, text.zstr().ok_or(Errno::ENAMETOOLONG)?, controllers);
        // What is not ours may have been told so already.
        #[cfg(feature = "oci")]
        if cgroup.from_root {
            all = all.and(done);
            continue;
        }
        done?;
    }
    #[cfg(feature = "oci")]
    return all;
    #[cfg(not(feature = "oci"))]
    Ok(())
}

/// Whether we are the only process there.
#[inline(never)]
fn is_alone(own: Fd) -> sys::Result<bool> {
    let (mut room, mut ours) = ([0; 32], [0; 32]);
    let mut text = Text::on(&mut ours);
    text.number(sys::me()?.0 as u64).put(b'\n');
    Ok(read(own, z!("cgroup.procs"), &mut room)? == text.get())
}

/// The name of the leaf that a launcher is in while it has left its cgroup.
fn leaf(room: &mut [u8]) -> sys::Result<ZStr<'_>> {
    Text::on(room).push(b"launcher-").number(sys::me()?.0 as u64);
    ZStr::until_nul(room).ok_or(Errno::ENAMETOOLONG)
}

/// Into a leaf of our own cgroup, so that it has no process itself.
#[inline(never)]
fn leave(cgroup: &mut Cgroup, set: u8) -> sys::Result<()> {
    let mut room = [0; 32];
    let name = leaf(&mut room)?;
    match sys::mkdirat(cgroup.own, name, 0o755) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(e) => return Err(e),
    }
    cgroup.moved = set;
    let dir = sys::openat2(cgroup.own, name, DIRECTORY, BENEATH)?;
    let done = write(dir, z!("cgroup.procs"), b"0");
    sys::close(dir);
    done
}

/// Back to where we were, and all as it was.
#[inline(never)]
pub(super) fn go_back(cgroup: &Cgroup) -> sys::Result<()> {
    if cgroup.moved == 0 {
        return Ok(());
    }
    let mut room = [0; 64];
    let mut text = Text::on(&mut room);
    list(cgroup.moved, b'-', &mut text);
    write(cgroup.own, z!("cgroup.subtree_control"), text.get())?;
    write(cgroup.own, z!("cgroup.procs"), b"0")?;
    let mut room = [0; 32];
    sys::unlinkat(cgroup.own, leaf(&mut room)?, true)
}

/// Why there is no such controller here.
#[inline(never)]
fn refuse(name: &[u8], old: &[u8]) -> Result<(), Fail<'static>> {
    let subject = match mount_of(old) {
        Some(mount) => {
            (lasting(&[name, b", which is bound to a v1 hierarchy at ", mount]), Why::ControllerV1)
        }
        None => (lasting(&[name]), Why::NotDelegated),
    };
    fail(Stage::Controller, subject.0, subject.1)
}

/// Where the hierarchy of version 1 that has this controller is mounted, proc_pid_mountinfo(5).
#[inline(never)]
fn mount_of(controller: &[u8]) -> Option<&'static [u8]> {
    const LIMIT: usize = 4 << 20;
    let mounts = sys::read_file(z!("/proc/self/mountinfo"), b'\n', LIMIT).ok()?;
    fields(mounts.bytes(), 0).find_map(|line| {
        let mut parts = fields(line, b' ');
        let place = parts.nth(4)?;
        // Behind a dash: the kind, the source and the options of the file system.
        parts.find(|part| *part == b"-")?;
        let (kind, _, options) = (parts.next()?, parts.next()?, parts.next()?);
        (kind == b"cgroup" && fields(options, b',').any(|option| option == controller)).then_some(place)
    })
}
