//! Where the cgroup of a process is: in the hierarchy of version 2, cgroups(7).

use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::fields;
use core::ops::Range;

/// Where that hierarchy is mounted: alone, or beside those of version 1.
const ROOTS: [&[u8]; 2] = [b"/sys/fs/cgroup", b"/sys/fs/cgroup/unified"];
/// Room for the longer one before what is read.
const BEFORE: usize = 32;
/// Room for that, for the longest path, and for what names the other hierarchies.
pub(super) const ROOM: usize = 6144;

/// The root of the hierarchy, as we see it. ENODEV: there is none.
#[cfg(feature = "oci")]
pub(crate) fn root() -> sys::Result<Fd> {
    let mut why = Errno::ENODEV;
    for root in [crate::z!("/sys/fs/cgroup"), crate::z!("/sys/fs/cgroup/unified")] {
        match sys::open(root, sys::O_PATH | sys::O_DIRECTORY | sys::O_NOFOLLOW) {
            Ok(found) => {
                match sys::file_system(found) {
                    Ok((sys::CGROUP2_SUPER_MAGIC, _)) => return Ok(found),
                    Ok(_) => {}
                    // It may be the one.
                    Err(e) => why = e,
                }
                sys::close(found);
            }
            Err(Errno::ENOENT) => {}
            Err(e) => why = e,
        }
    }
    Err(why)
}

/// The path of the cgroup that a process is in, as seen from our cgroup namespace; none where it has none of version 2.
#[cfg(feature = "oci")]
#[inline(never)]
pub(crate) fn of(pid: sys::Pid) -> sys::Result<Option<ZStr<'static>>> {
    let (mut room, file) = ([0; ROOM], crate::text::process_path(pid, b"cgroup"));
    let place = place(Fd::CWD, ZStr::until_nul(&file).ok_or(Errno::ESRCH)?, &mut room)?;
    let Some(place) = place else { return Ok(None) };
    let path = sys::room(place.path().len().wrapping_add(1))?;
    crate::text::Text::on(path).push(place.path());
    Ok(ZStr::until_nul(path))
}

/// A /proc/PID/cgroup that was read, and where in it the path stands.
pub(super) struct Place<'r> {
    room: &'r mut [u8; ROOM],
    path: Range<usize>,
}

/// What the file of `dir` says of version 2: the path as seen from our cgroup namespace; none where there is no such
/// hierarchy.
#[inline(never)]
pub(super) fn place<'r>(dir: Fd, file: ZStr<'_>, room: &'r mut [u8; ROOM]) -> sys::Result<Option<Place<'r>>> {
    let file = sys::openat(dir, file, sys::O_RDONLY, 0)?;
    let len = sys::read(file, room.get_mut(BEFORE..).unwrap_or_default());
    sys::close(file);
    let end = BEFORE.wrapping_add(len? as usize);
    if end >= ROOM {
        return Err(Errno::E2BIG);
    }
    let mut at = BEFORE;
    for line in fields(room.get(BEFORE..end).unwrap_or_default(), b'\n') {
        let next = at.wrapping_add(line.len());
        if line.starts_with(b"0::") {
            if let Some(end) = room.get_mut(next) {
                *end = 0;
            }
            return Ok(Some(Place { room, path: at.wrapping_add(3)..next }));
        }
        at = next.wrapping_add(1);
    }
    Ok(None)
}

impl Place<'_> {
    /// The path below the root of the hierarchy.
    pub(super) fn path(&self) -> &[u8] {
        self.room.get(self.path.clone()).unwrap_or_default()
    }

    /// Its directory, which can't be read or written by itself; none where it is outside of our cgroup namespace, or no
    /// hierarchy that shows it is mounted.
    #[inline(never)]
    pub(super) fn open(self) -> Option<Fd> {
        // What lies outside begins with `/..`.
        if fields(self.path(), b'/').any(|part| part == b"..") {
            return None;
        }
        let Place { room, path } = self;
        ROOTS.iter().find_map(|root| {
            let start = path.start.wrapping_sub(root.len());
            let whole = room.get_mut(start..)?;
            whole.iter_mut().zip(*root).for_each(|(to, byte)| *to = *byte);
            let flags = sys::O_PATH | sys::O_DIRECTORY | sys::O_NOFOLLOW;
            let found = sys::open(ZStr::until_nul(whole)?, flags).ok()?;
            if sys::is_cgroup2(found) {
                return Some(found);
            }
            sys::close(found);
            None
        })
    }
}
