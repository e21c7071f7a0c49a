//! A child in another cgroup; what a file of a cgroup tells when it changes.

use super::{Errno, Fd, Pid, Result, call};
use linux_raw_sys::general as c;

/// clone3(2), CLONE_INTO_CGROUP: as [`super::clone`], with a child that is in the cgroup from its first moment on. Linux 5.7.
pub fn clone_into<T>(cgroup: Fd, flags: u32, life: extern "C" fn(&mut T) -> !, arg: &mut T) -> Result<Pid> {
    super::process::clone3(flags.into(), Some(cgroup), life, arg)
}

/// ppoll(2): waits until a file of a cgroup has changed since it was read, at most so many nanoseconds; whether it has.
pub fn wait_for_change(file: Fd, nanoseconds: u64) -> Result<bool> {
    let mut fds = c::pollfd { fd: file.0 as i32, events: c::POLLPRI as i16, revents: 0 };
    let limit = super::process::timespec(nanoseconds);
    loop {
        // SAFETY: the kernel reads one pollfd and a timespec, and writes the pollfd's revents.
        match unsafe { call!(ppoll, &raw mut fds, 1, &raw const limit, 0, 0) } {
            Err(Errno::EINTR) => {}
            ready => return ready.map(|n| n > 0),
        }
    }
}

/// pread64(2) from the start, once: what a file of a cgroup says now.
pub fn read_again(file: Fd, buf: &mut [u8]) -> Result<&[u8]> {
    // SAFETY: the kernel writes at most `len` bytes at the pointer; both come from one slice.
    let len = unsafe { call!(pread64, file.0, buf.as_mut_ptr(), buf.len(), 0) }?;
    Ok(buf.get(..len as usize).unwrap_or_default())
}
