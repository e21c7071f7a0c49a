//! What is said on a stream socket, unix(7).

use super::{Errno, Fd, Result, call, done};
use linux_raw_sys::{general as c, net};

/// sendto(2), until all of it is sent: without a SIGPIPE where nobody reads it any more.
pub fn send(socket: Fd, mut bytes: &[u8]) -> Result<()> {
    /// Of linux/socket.h.
    const MSG_NOSIGNAL: u32 = 0x4000;
    while !bytes.is_empty() {
        // SAFETY: the kernel reads `len` bytes at the pointer; both come from one slice. There is no address.
        match unsafe { call!(sendto, socket.0, bytes.as_ptr(), bytes.len(), MSG_NOSIGNAL, 0, 0) } {
            Err(Errno::EINTR) => {}
            sent => bytes = bytes.get(sent? as usize..).unwrap_or_default(),
        }
    }
    Ok(())
}

/// socketpair(2): two ends, of which each hears what is said at the other.
pub fn pair() -> Result<[Fd; 2]> {
    let mut fds = [0u32; 2];
    // SAFETY: the kernel writes two ints.
    unsafe { done!(socketpair, net::AF_UNIX, net::SOCK_STREAM | c::O_CLOEXEC, 0, fds.as_mut_ptr())? };
    Ok([Fd::new(fds[0] as usize)?, Fd::new(fds[1] as usize)?])
}
