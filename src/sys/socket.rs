//! What is said on a stream socket, and descriptors that go with it, unix(7).

use super::{Errno, Fd, Result, call, done};
use core::mem::size_of;
use linux_raw_sys::{general as c, net};

/// Of linux/socket.h: no SIGPIPE.
const MSG_NOSIGNAL: u32 = 0x4000;

/// sendto(2), until all of it is sent: without a SIGPIPE where nobody reads it any more.
pub fn send(socket: Fd, mut bytes: &[u8]) -> Result<()> {
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

/// struct cmsghdr with one descriptor behind it.
#[repr(C)]
struct Control {
    head: net::cmsghdr,
    fd: u32,
}

impl Control {
    fn of(fd: Fd) -> Control {
        let head = net::cmsghdr {
            cmsg_len: size_of::<net::cmsghdr>() + size_of::<u32>(),
            cmsg_level: net::SOL_SOCKET as i32,
            cmsg_type: net::SCM_RIGHTS as i32,
        };
        Control { head, fd: fd.0 }
    }
}

/// Calls `of` with a message of these bytes and this control until no signal interrupts it.
#[inline(never)]
fn message(
    bytes: *mut u8,
    len: usize,
    control: &mut Control,
    of: &dyn Fn(*mut net::msghdr) -> Result<u32>,
) -> Result<u32> {
    let mut bytes = c::iovec { iov_base: bytes.cast(), iov_len: len as _ };
    let mut message = net::msghdr {
        msg_name: core::ptr::null_mut(),
        msg_namelen: 0,
        msg_iov: (&raw mut bytes).cast(),
        msg_iovlen: 1,
        msg_control: (&raw mut *control).cast(),
        msg_controllen: size_of::<Control>(),
        msg_flags: 0,
    };
    loop {
        match of(&raw mut message) {
            Err(Errno::EINTR) => {}
            done => return done,
        }
    }
}

/// sendmsg(2), SCM_RIGHTS: a descriptor, with a text that says what it is. EPIPE where not all of that found somebody to read it.
pub fn send_descriptor(socket: Fd, fd: Fd, text: &[u8]) -> Result<()> {
    let sent = message(text.as_ptr().cast_mut(), text.len(), &mut Control::of(fd), &|message| {
        // SAFETY: the kernel reads the message and what it points to, all of which live until it is sent.
        unsafe { call!(sendmsg, socket.0, message, MSG_NOSIGNAL) }
    })?;
    if sent as usize == text.len() { Ok(()) } else { Err(Errno::EPIPE) }
}

/// recvmsg(2): how many bytes were put into `room`, 0 at the end of them, and a descriptor that came with them.
pub fn receive(socket: Fd, room: &mut [u8]) -> Result<(u32, Option<Fd>)> {
    /// Of linux/socket.h: MSG_CMSG_CLOEXEC.
    const CLOEXEC: u32 = 0x4000_0000;
    let mut control = Control::of(socket);
    let expects = control.head.cmsg_len;
    control.head.cmsg_len = 0;
    let len = message(room.as_mut_ptr(), room.len(), &mut control, &|message| {
        // SAFETY: the kernel reads the message, and writes at most as many bytes as it says of each part to where it points.
        unsafe { call!(recvmsg, socket.0, message, CLOEXEC) }
    })?;
    let fd = if control.head.cmsg_len == expects { Some(Fd::new(control.fd as usize)?) } else { None };
    Ok((len, fd))
}
