//! Files and directories.

use super::{Block, Errno, Fd, Result, ZStr, call, done, opened};
use core::mem::{MaybeUninit, size_of};
use linux_raw_sys::general as c;
pub use linux_raw_sys::general::{
    AT_EMPTY_PATH, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_PATH,
    O_RDONLY, O_TRUNC, O_WRONLY, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV,
};

/// openat(2), close-on-exec.
pub fn openat(dir: Fd, path: ZStr<'_>, flags: u32, mode: u32) -> Result<Fd> {
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { opened!(openat, dir.0, path.as_ptr(), flags | O_CLOEXEC, mode) }
}

/// open(2) of what exists, close-on-exec.
#[inline(never)]
pub fn open(path: ZStr<'_>, flags: u32) -> Result<Fd> {
    openat(Fd::CWD, path, flags, 0)
}

/// openat2(2), close-on-exec. Linux 5.6.
pub fn openat2(dir: Fd, path: ZStr<'_>, flags: u32, resolve: u32) -> Result<Fd> {
    let how = c::open_how { flags: u64::from(flags | O_CLOEXEC), mode: 0, resolve: u64::from(resolve) };
    loop {
        // SAFETY: the kernel reads the string and `how`, whose size it is given.
        match unsafe { opened!(openat2, dir.0, path.as_ptr(), &raw const how, size_of::<c::open_how>()) } {
            // "a rename or mount happened during a `..`: try again", openat2(2): an attacker's race, or bad luck
            Err(Errno::EAGAIN) => {}
            opened => return opened,
        }
    }
}

/// read(2), once; retried when interrupted.
pub fn read(fd: Fd, buf: &mut [u8]) -> Result<u32> {
    loop {
        // SAFETY: the kernel writes at most `len` bytes at the pointer; both come from one slice.
        match unsafe { call!(read, fd.0, buf.as_mut_ptr(), buf.len()) } {
            Err(Errno::EINTR) => {}
            r => return r,
        }
    }
}

/// write(2) of everything; what a full disk or a closed pipe says comes back.
pub fn write(fd: Fd, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        // SAFETY: the kernel reads `len` bytes at the pointer; both come from one slice.
        match unsafe { call!(write, fd.0, bytes.as_ptr(), bytes.len()) } {
            Ok(n) => match bytes.get(n as usize..) {
                Some(rest) => bytes = rest,
                None => break,
            },
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Open, write, close: a file of /proc that takes its value in one write. Left open, it would keep the mount that it
/// lies on from becoming read-only.
pub fn write_file(path: ZStr<'_>, bytes: &[u8]) -> Result<()> {
    let file = open(path, O_WRONLY)?;
    let done = write(file, bytes);
    super::close(file);
    done
}

/// Open, read once, close: what a small file of /proc or /sys says, as far as `buf` has room.
#[cfg(any(feature = "jobs", feature = "cgroup", feature = "timings", feature = "words"))]
#[inline(never)]
pub fn read_start<'b>(path: ZStr<'_>, buf: &'b mut [u8]) -> Result<&'b [u8]> {
    let file = open(path, O_RDONLY)?;
    let len = read(file, buf);
    super::close(file);
    Ok(buf.get(..len? as usize).unwrap_or_default())
}

/// mkdirat(2).
#[cfg_attr(feature = "fs", inline(never))]
pub fn mkdirat(dir: Fd, path: ZStr<'_>, mode: u32) -> Result<()> {
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { done!(mkdirat, dir.0, path.as_ptr(), mode) }
}

/// symlinkat(2).
pub fn symlinkat(target: ZStr<'_>, dir: Fd, path: ZStr<'_>) -> Result<()> {
    // SAFETY: the kernel reads two NUL-terminated strings.
    unsafe { done!(symlinkat, target.as_ptr(), dir.0, path.as_ptr()) }
}

/// readlinkat(2): the target, NUL-terminated, in `buf`; `None` when it is no link or does not fit.
#[cfg(any(feature = "fs", feature = "init"))]
pub fn readlinkat<'b>(dir: Fd, path: ZStr<'_>, buf: &'b mut [u8]) -> Option<ZStr<'b>> {
    // SAFETY: the kernel reads a string and writes at most `len` bytes at the pointer; both come from one slice.
    let n = unsafe { call!(readlinkat, dir.0, path.as_ptr(), buf.as_mut_ptr(), buf.len()) }.ok()?;
    *buf.get_mut(n as usize)? = 0;
    ZStr::until_nul(buf)
}

/// dup3(2): `fd` becomes `onto` too.
#[cfg(any(feature = "users", feature = "boot"))]
pub fn dup_onto(fd: Fd, onto: u32) -> Result<()> {
    // SAFETY: no memory is involved; callers name a standard descriptor, which nobody here owns.
    unsafe { call!(dup3, fd.0, onto, 0) }.map(drop)
}

/// unlinkat(2), of a directory where it is one.
#[inline(never)]
pub fn unlinkat(dir: Fd, path: ZStr<'_>, is_dir: bool) -> Result<()> {
    let flags = if is_dir { c::AT_REMOVEDIR } else { 0 };
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { done!(unlinkat, dir.0, path.as_ptr(), flags) }
}

/// mknodat(2) of an empty file.
#[cfg(feature = "fs")]
pub fn mknod_file(dir: Fd, path: ZStr<'_>, mode: u32) -> Result<()> {
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { done!(mknodat, dir.0, path.as_ptr(), c::S_IFREG | mode, 0) }
}

/// mknodat(2) of a character device.
pub fn mknod_char(dir: Fd, path: ZStr<'_>, mode: u32, major: u32, minor: u32) -> Result<()> {
    // SAFETY: the kernel reads a NUL-terminated string. The old 16-bit encoding is enough for the devices of mem(4).
    unsafe { done!(mknodat, dir.0, path.as_ptr(), c::S_IFCHR | mode, (major << 8) | minor) }
}

/// faccessat(2) with F_OK: whether there is such a file.
pub fn exists(path: ZStr<'_>) -> bool {
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { call!(faccessat, c::AT_FDCWD, path.as_ptr(), 0) }.is_ok()
}

/// faccessat(2) with W_OK; what is not there can't be written either.
#[cfg(feature = "bwrap")]
pub fn can_write(dir: Fd, path: ZStr<'_>) -> Result<bool> {
    // SAFETY: the kernel reads a NUL-terminated string.
    match unsafe { done!(faccessat, dir.0, path.as_ptr(), c::W_OK) } {
        Err(Errno::EACCES | Errno::ENOENT | Errno::EROFS) => Ok(false),
        done => done.map(|()| true),
    }
}

/// fchdir(2).
pub fn fchdir(dir: Fd) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { done!(fchdir, dir.0) }
}

/// A read lock on all of an open file, if nobody has a write lock: F_OFD_SETLK, fcntl(2). It lasts as long as the open file.
#[cfg(feature = "bwrap")]
pub fn lock_shared(file: Fd) -> Result<()> {
    let lock = c::flock { l_type: c::F_RDLCK as i16, l_whence: 0, l_start: 0, l_len: 0, l_pid: 0 };
    // SAFETY: the kernel reads one flock.
    unsafe { done!(fcntl, file.0, c::F_OFD_SETLK, &raw const lock) }
}

/// getcwd(2): the working directory, in `room`. ENOENT where it was removed or lies outside of our root.
#[cfg(feature = "bwrap")]
pub fn working_directory(room: &mut [u8]) -> Result<ZStr<'_>> {
    // SAFETY: the kernel writes at most `len` bytes at the pointer; both come from one slice.
    unsafe { call!(getcwd, room.as_mut_ptr(), room.len()) }?;
    // What lies outside begins with "(unreachable)".
    ZStr::until_nul(room).filter(|dir| dir.first() == b'/').ok_or(Errno::ENOENT)
}

/// So many bytes, all 0, that are never given back.
#[cfg(any(feature = "bwrap", feature = "cgroup", feature = "oci"))]
pub fn room<'r>(len: usize) -> Result<&'r mut [u8]> {
    let start = super::room::map(len)?;
    // SAFETY: the mapping is that long and stays, and nobody else knows of it.
    Ok(unsafe { core::slice::from_raw_parts_mut(start.as_ptr(), len) })
}

/// getdents64(2): how many bytes of entries were put into `buf`; 0 behind the last.
#[cfg(any(feature = "boot", feature = "cgroup"))]
pub fn getdents(dir: Fd, buf: &mut [u8]) -> Result<u32> {
    // SAFETY: the kernel writes at most `len` bytes at the pointer; both come from one slice.
    unsafe { call!(getdents64, dir.0, buf.as_mut_ptr(), buf.len()) }
}

#[cfg(any(feature = "boot", feature = "cgroup"))]
pub use linux_raw_sys::general::DT_DIR;

/// chdir(2).
#[cfg(any(feature = "init", feature = "boot", feature = "fs", feature = "linux7", feature = "safe"))]
#[cfg_attr(feature = "fs", inline(never))]
pub fn chdir(path: ZStr<'_>) -> Result<()> {
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { done!(chdir, path.as_ptr()) }
}

/// fchmodat(2), following symlinks.
#[cfg(feature = "fs")]
pub fn chmod(dir: Fd, path: ZStr<'_>, mode: u32) -> Result<()> {
    // SAFETY: the kernel reads a NUL-terminated string.
    unsafe { done!(fchmodat, dir.0, path.as_ptr(), mode) }
}

/// umask(2): sets it and gives the old one.
pub fn umask(mode: u32) -> u32 {
    // SAFETY: no memory is involved; it never fails.
    unsafe { call!(umask, mode) }.unwrap_or(0)
}

/// What [`statx`] tells.
pub struct Stat {
    /// File type, inode(7).
    pub(super) kind: u32,
    /// Which mount it lies on (Linux 5.8).
    pub mount: u64,
    /// Inode number.
    pub ino: u64,
    /// Major and minor number of the device that it lies on.
    pub dev: (u32, u32),
    /// Major and minor number of a device file.
    pub rdev: (u32, u32),
    /// Whether it is the root of a mount (Linux 5.8).
    pub mount_root: bool,
}

impl Stat {
    /// Whether it is a character device.
    pub fn is_char_device(&self) -> bool {
        self.kind == c::S_IFCHR
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.kind == c::S_IFREG
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.kind == c::S_IFDIR
    }
}

/// statx(2), following symlinks.
pub fn statx(dir: Fd, path: ZStr<'_>) -> Result<Stat> {
    let mut s = MaybeUninit::<c::statx>::uninit();
    let (flags, mask) = (AT_EMPTY_PATH, c::STATX_BASIC_STATS | c::STATX_MNT_ID);
    // SAFETY: the kernel reads a string and fills the struct on success.
    let s = unsafe {
        call!(statx, dir.0, path.as_ptr(), flags, mask, s.as_mut_ptr())?;
        s.assume_init()
    };
    Ok(Stat {
        kind: u32::from(s.stx_mode) & c::S_IFMT,
        mount: s.stx_mnt_id,
        ino: s.stx_ino,
        dev: (s.stx_dev_major, s.stx_dev_minor),
        rdev: (s.stx_rdev_major, s.stx_rdev_minor),
        mount_root: s.stx_attributes as u32 & c::STATX_ATTR_MOUNT_ROOT != 0,
    })
}

/// statx(2) of what a descriptor stands for.
#[inline(never)]
pub fn stat(fd: Fd) -> Result<Stat> {
    statx(fd, crate::z!(""))
}

/// Whether the descriptor is open: fcntl(2), F_GETFD.
pub fn is_open(fd: Fd) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { call!(fcntl, fd.0, c::F_GETFD) }.map(drop)
}

/// fstatfs(2).
#[cfg(any(
    feature = "root",
    feature = "boot",
    feature = "cgroup",
    feature = "safe",
    feature = "limits",
    feature = "template"
))]
fn fstatfs(fd: Fd) -> Result<c::statfs64> {
    let mut s = MaybeUninit::<c::statfs64>::uninit();
    // SAFETY: the kernel fills the struct on success, and only then it is read.
    unsafe { call!(fstatfs, fd.0, s.as_mut_ptr()).map(|_| s.assume_init()) }
}

/// The flags of the mount that `fd` lies on: the ST_* of statvfs(3).
#[cfg(feature = "root")]
pub fn mount_flags(fd: Fd) -> Result<u32> {
    fstatfs(fd).map(|s| s.f_flags as u32)
}

/// The kind of file system that `fd` lies on, statfs(2), and whether that mount is read-only.
#[cfg(any(feature = "safe", feature = "limits", feature = "template"))]
pub fn file_system(fd: Fd) -> Result<(u32, bool)> {
    fstatfs(fd).map(|s| (s.f_type as u32, s.f_flags as u32 & ST_RDONLY != 0))
}

#[cfg(any(feature = "safe", feature = "limits", feature = "template"))]
pub use linux_raw_sys::general::PROC_SUPER_MAGIC;
#[cfg(feature = "safe")]
pub use linux_raw_sys::general::SYSFS_MAGIC;

/// Whether it lies in a cgroup2, cgroups(7).
#[cfg(any(feature = "cgroup", feature = "enter"))]
pub fn is_cgroup2(dir: Fd) -> bool {
    fstatfs(dir).is_ok_and(|s| s.f_type as u32 == c::CGROUP2_SUPER_MAGIC)
}

/// Whether a directory lies in memory, as an initramfs does.
#[cfg(feature = "boot")]
pub fn is_in_memory(dir: Fd) -> bool {
    matches!(fstatfs(dir).map(|s| s.f_type as u32), Ok(c::RAMFS_MAGIC | c::TMPFS_MAGIC))
}

/// From include/linux/statfs.h.
#[cfg(any(feature = "root", feature = "safe", feature = "limits", feature = "template"))]
pub const ST_RDONLY: u32 = 1;

/// Whether it is a terminal: TIOCGWINSZ of ioctl_tty(2).
pub fn is_tty(fd: Fd) -> bool {
    let mut size = MaybeUninit::<[u16; 4]>::uninit();
    // SAFETY: the kernel writes a struct winsize: four u16.
    unsafe { call!(ioctl, fd.0, linux_raw_sys::ioctl::TIOCGWINSZ, size.as_mut_ptr()) }.is_ok()
}

/// pipe2(2), close-on-exec: (read end, write end).
pub fn pipe() -> Result<(Fd, Fd)> {
    let mut ends = [0u32; 2];
    // SAFETY: the kernel writes two ints.
    unsafe { call!(pipe2, ends.as_mut_ptr(), O_CLOEXEC) }?;
    Ok((Fd::new(ends[0] as usize)?, Fd::new(ends[1] as usize)?))
}

/// The signal of [`pipe_with_signal`]: a real-time one, which queues. A SIGIO of somebody else's would be one with the kernel's.
#[cfg(any(feature = "bwrap", feature = "timings"))]
pub const PIPE_SIGNAL: u8 = 64;

/// A pipe of which we get a signal, from the kernel, when something was written to it, and when all that can write to it
/// have closed it: F_SETSIG, fcntl(2).
#[cfg(any(feature = "bwrap", feature = "timings"))]
pub fn pipe_with_signal() -> Result<(Fd, Fd)> {
    let ends = pipe()?;
    // SAFETY: no memory is involved.
    unsafe { done!(fcntl, ends.0.0, c::F_SETSIG, PIPE_SIGNAL) }?;
    super::fd::signals_us(ends.0)?;
    Ok(ends)
}

/// close_range(2) of `first` to `last`. Linux 5.9.
#[inline(never)]
pub fn close_range(first: u32, last: u32) -> Result<()> {
    // SAFETY: callers close what belongs to others' code only right before execve or when all of it is done with.
    unsafe { done!(close_range, first, last, 0) }
}

/// [`read_words`] of a file.
pub fn read_file(path: ZStr<'_>, end: u8, limit: usize) -> Result<Block> {
    let file = open(path, O_RDONLY)?;
    let words = read_words(file, end, limit);
    super::close(file);
    words
}

/// Reads all of `fd` into memory that lives as long as the process, and ours alone; less than `limit` bytes, behind which
/// there is a 0. Where they begin, and how many there are.
#[inline(never)]
pub(super) fn read_all(fd: Fd, limit: usize) -> Result<(*mut u8, usize)> {
    let start = super::room::map(limit + 1)?.as_ptr();
    let mut len = 0;
    loop {
        // SAFETY: `len` never exceeds `limit`, so the slice lies in the mapping, which nobody else knows of yet.
        let n = read(fd, unsafe { core::slice::from_raw_parts_mut(start.add(len), limit - len) })?;
        if n == 0 {
            break;
        }
        len += n as usize;
    }
    // A file that just fits can't be told from one that was cut.
    if len == limit {
        return Err(Errno::E2BIG);
    }
    Ok((start, len))
}

/// [`read_all`] into words: each `end` becomes a NUL, and the last word gets one when the file doesn't close with it.
pub fn read_words(fd: Fd, end: u8, limit: usize) -> Result<Block> {
    let (start, len) = read_all(fd, limit)?;
    // SAFETY: `len` bytes were read into the mapping, which is never unmapped.
    let bytes = unsafe { core::slice::from_raw_parts_mut(start, len) };
    bytes.iter_mut().filter(|b| **b == end).for_each(|b| *b = 0);
    let open = matches!(bytes, [.., last] if *last != 0);
    // SAFETY: as above, and the byte behind is a zero of the mapping's own; the slice is gone.
    Ok(unsafe { Block::new(start, len + usize::from(open)) })
}
