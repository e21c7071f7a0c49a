//! What only an OCI runtime asks for: files of state, locks, processes of others, the time of day.

use super::{Errno, Fd, Result, ZStr, call, done};
use linux_raw_sys::general as c;
pub use linux_raw_sys::general::{CGROUP2_SUPER_MAGIC, O_APPEND};

/// mknodat(2) of a FIFO, fifo(7).
pub fn mknod_fifo(dir: Fd, path: ZStr<'_>, mode: u32) -> Result<()> {
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { done!(mknodat, dir.0, path.as_ptr(), c::S_IFIFO | mode, 0) }
}

/// renameat2(2) in one directory: what had the new name is replaced.
pub fn rename(dir: Fd, from: ZStr<'_>, to: ZStr<'_>) -> Result<()> {
    // SAFETY: the kernel reads two NUL-terminated strings.
    unsafe { done!(renameat2, dir.0, from.as_ptr(), dir.0, to.as_ptr(), 0) }
}

/// F_SETLKW of fcntl(2): a write lock on all of an open file, once nobody else has one. It is the process's and not the
/// open file's, as one of flock(2) would be: no child that was born meanwhile keeps it.
pub fn lock(file: Fd) -> Result<()> {
    let lock = c::flock { l_type: c::F_WRLCK as i16, l_whence: 0, l_start: 0, l_len: 0, l_pid: 0 };
    loop {
        // SAFETY: the kernel reads one flock.
        match unsafe { done!(fcntl, file.0, c::F_SETLKW, &raw const lock) } {
            Err(Errno::EINTR) => {}
            done => return done,
        }
    }
}

/// pidfd_send_signal(2); 0 only asks. Linux 5.1.
pub fn pidfd_signal(pidfd: Fd, signal: u8) -> Result<()> {
    // SAFETY: without a siginfo the kernel makes one, as for kill(2).
    unsafe { done!(pidfd_send_signal, pidfd.0, signal, 0, 0) }
}

/// ppoll(2): waits until there is something to read, or the end of it; of a pidfd, until its process has ended. At most so
/// many nanoseconds; whether it came to that.
pub fn wait_for_input(fd: Fd, nanoseconds: u64) -> Result<bool> {
    let mut fds = c::pollfd { fd: fd.0 as i32, events: c::POLLIN as i16, revents: 0 };
    let limit = super::process::timespec(nanoseconds);
    loop {
        // SAFETY: the kernel reads one pollfd and a timespec, and writes the pollfd's revents.
        match unsafe { call!(ppoll, &raw mut fds, 1, &raw const limit, 0, 0) } {
            Err(Errno::EINTR) => {}
            ready => return ready.map(|n| n > 0),
        }
    }
}

/// ppoll(2): waits until a file of a cgroup has changed since it was read, or the process of a pidfd has ended, at most so many
/// nanoseconds; whether it has ended.
pub fn wait_for_change_or_end(file: Fd, pidfd: Fd, nanoseconds: u64) -> Result<bool> {
    let of = |fd: Fd, events: u32| c::pollfd { fd: fd.0 as i32, events: events as i16, revents: 0 };
    let mut fds = [of(file, c::POLLPRI), of(pidfd, c::POLLIN)];
    let limit = super::process::timespec(nanoseconds);
    loop {
        // SAFETY: the kernel reads two pollfds and a timespec, and writes the revents of both.
        match unsafe { call!(ppoll, fds.as_mut_ptr(), fds.len(), &raw const limit, 0, 0) } {
            Err(Errno::EINTR) => {}
            ready => return ready.map(|_| fds.get(1).is_some_and(|end| end.revents != 0)),
        }
    }
}

/// clock_gettime(2), CLOCK_REALTIME: seconds since 1970, and nanoseconds.
pub fn time_of_day() -> (i64, u32) {
    let mut time = super::process::timespec(0);
    // SAFETY: the kernel writes a timespec.
    let _ = unsafe { done!(clock_gettime, c::CLOCK_REALTIME, &raw mut time) };
    (time.tv_sec, time.tv_nsec as u32)
}

/// How long a file is, and whose it is: statx(2).
pub fn size_and_owner(file: Fd) -> Result<(u64, u32)> {
    let mut s = core::mem::MaybeUninit::<c::statx>::uninit();
    let (flags, mask) = (c::AT_EMPTY_PATH, c::STATX_SIZE | c::STATX_UID);
    // SAFETY: the kernel reads a string and fills the struct on success.
    let s = unsafe {
        call!(statx, file.0, crate::z!("").as_ptr(), flags, mask, s.as_mut_ptr())?;
        s.assume_init()
    };
    Ok((s.stx_size, s.stx_uid))
}

/// chdir(2) and getcwd(2): the path of a directory without links, in memory that lives as long as the process. It is the
/// working directory then.
pub fn enter_directory(path: ZStr<'_>) -> Result<ZStr<'static>> {
    const PATH_MAX: usize = 4096;
    super::chdir(path)?;
    let room = super::room(PATH_MAX)?;
    // SAFETY: the kernel writes at most `len` bytes at the pointer; both come from one slice.
    unsafe { call!(getcwd, room.as_mut_ptr(), room.len()) }?;
    // What lies outside of our root begins with "(unreachable)".
    ZStr::until_nul(room).filter(|dir| dir.first() == b'/').ok_or(Errno::ENOENT)
}

/// ppoll(2): waits until there is something to read of a FIFO, or somebody has had it open for writing and has closed it.
pub fn wait_for_writer(fifo: Fd) -> Result<()> {
    let mut fds = c::pollfd { fd: fifo.0 as i32, events: c::POLLIN as i16, revents: 0 };
    loop {
        // SAFETY: the kernel reads one pollfd, and writes its revents.
        match unsafe { call!(ppoll, &raw mut fds, 1, 0, 0, 0) } {
            Err(Errno::EINTR) => {}
            ready => return ready.map(drop),
        }
    }
}

/// Calls `of` with each name in a directory, and whether it is one itself, up to an error.
#[inline(never)]
pub fn names(dir: Fd, of: &mut dyn FnMut(ZStr<'_>, bool) -> Result<()>) -> Result<()> {
    // The longest name, NAME_MAX of limits.h, needs 280 bytes.
    let mut room = [0; 1024];
    loop {
        let len = super::getdents(dir, &mut room)?;
        if len == 0 {
            return Ok(());
        }
        let mut rest = room.get(..len as usize).unwrap_or_default();
        // struct linux_dirent64, getdents(2): the length of the entry, its type and its name are behind two numbers.
        while let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, low, high, kind, name @ ..] = rest {
            if let Some(name) = ZStr::until_nul(name)
                && !name.is(b".")
                && !name.is(b"..")
            {
                of(name, u32::from(*kind) == c::DT_DIR)?;
            }
            rest = rest.get(usize::from(u16::from_le_bytes([*low, *high]))..).unwrap_or_default();
        }
    }
}

/// What copying needs to know of a file: its type and mode, inode(7), whose it is, and which device.
#[derive(Clone, Copy)]
pub struct Node {
    #[allow(missing_docs)]
    pub mode: u32,
    #[allow(missing_docs)]
    pub uid: u32,
    #[allow(missing_docs)]
    pub gid: u32,
    #[allow(missing_docs)]
    pub rdev: (u32, u32),
}

/// That of what a descriptor stands for: statx(2).
#[inline(never)]
pub fn node(file: Fd) -> Result<Node> {
    let mut s = core::mem::MaybeUninit::<c::statx>::uninit();
    // SAFETY: the kernel reads a string and fills the struct on success.
    let s = unsafe {
        call!(statx, file.0, crate::z!("").as_ptr(), c::AT_EMPTY_PATH, c::STATX_BASIC_STATS, s.as_mut_ptr())?;
        s.assume_init()
    };
    Ok(Node {
        mode: s.stx_mode.into(),
        uid: s.stx_uid,
        gid: s.stx_gid,
        rdev: (s.stx_rdev_major, s.stx_rdev_minor),
    })
}
pub use linux_raw_sys::general::{S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG};

/// fchmodat(2), following symlinks.
pub fn chmodat(dir: Fd, path: ZStr<'_>, mode: u32) -> Result<()> {
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { done!(fchmodat, dir.0, path.as_ptr(), mode) }
}

/// sendfile(2), from where `from` is to its end.
pub fn send_all(to: Fd, from: Fd) -> Result<()> {
    const MOST: usize = 1 << 30;
    // SAFETY: no memory is involved.
    while unsafe { call!(sendfile, to.0, from.0, 0, MOST) }? > 0 {}
    Ok(())
}

/// mknodat(2) of a device: `c` or `u`, `b`, or a FIFO, `p`.
pub fn mknod_device(dir: Fd, path: ZStr<'_>, kind: u8, mode: u32, major: u32, minor: u32) -> Result<()> {
    let (kind, device) = match kind {
        b'b' => (c::S_IFBLK, true),
        b'p' => (c::S_IFIFO, false),
        _ => (c::S_IFCHR, true),
    };
    // As makedev(3) of a kernel's 32 bits: the low byte of the minor number, twelve bits of major, the rest of minor.
    let number = (minor & 0xff) | (major & 0xfff) << 8 | (minor & !0xff) << 12;
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { done!(mknodat, dir.0, path.as_ptr(), kind | mode, if device { number } else { 0 }) }
}

/// fchownat(2), following no link.
pub fn lchown(dir: Fd, path: ZStr<'_>, uid: u32, gid: u32) -> Result<()> {
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { done!(fchownat, dir.0, path.as_ptr(), uid, gid, c::AT_SYMLINK_NOFOLLOW) }
}

/// faccessat(2) with X_OK, by the ids that we have now.
pub fn can_execute(path: ZStr<'_>) -> Result<()> {
    const EFFECTIVE: u32 = 0x200; // AT_EACCESS of fcntl.h
    // SAFETY: the kernel reads a NUL-terminated string.
    match unsafe { done!(faccessat2, c::AT_FDCWD, path.as_ptr(), c::X_OK, EFFECTIVE) } {
        // Linux 5.8. Until then the execve says it.
        Err(Errno::ENOSYS) => Ok(()),
        done => done,
    }
}

/// [`read_all`] as a text that whoever gets it may write to; the 0 behind it is its last byte.
pub fn read_text(fd: Fd, limit: usize) -> Result<&'static mut [u8]> {
    let (start, len) = super::file::read_all(fd, limit)?;
    // SAFETY: `len` bytes were read into a mapping that is larger and zero behind them, ours alone and never unmapped.
    Ok(unsafe { core::slice::from_raw_parts_mut(start, len + 1) })
}

impl super::Stat {
    /// Whether it is a device of this kind: `c` or `u`, `b`, or a FIFO, `p`.
    pub fn is_device(&self, kind: u8) -> bool {
        self.kind
            == match kind {
                b'b' => c::S_IFBLK,
                b'p' => c::S_IFIFO,
                _ => c::S_IFCHR,
            }
    }
}
