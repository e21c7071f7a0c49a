//! A new terminal, pty(7) and ioctl_tty(2).

use super::{Errno, Fd, Result, ZStr, call, done, opened};
use core::mem::size_of;
#[cfg(not(feature = "boot"))]
pub use linux_raw_sys::general::O_RDWR;
use linux_raw_sys::{general as c, ioctl, net};

/// TIOCSPTLCK: the other end of this master can be opened.
pub fn unlock_terminal(master: Fd) -> Result<()> {
    let lock = 0i32;
    // SAFETY: the kernel reads an int.
    unsafe { done!(ioctl, master.0, ioctl::TIOCSPTLCK, &raw const lock) }
}

/// TIOCGPTPEER: the other end, whatever stands at its name by now. Linux 4.13.
pub fn terminal_end(master: Fd) -> Result<Fd> {
    let flags = c::O_RDWR | c::O_NOCTTY | c::O_CLOEXEC;
    // SAFETY: no memory is involved.
    unsafe { opened!(ioctl, master.0, ioctl::TIOCGPTPEER, flags) }
}

/// TIOCSWINSZ.
pub fn set_terminal_size(terminal: Fd, rows: u16, columns: u16) -> Result<()> {
    let size = [rows, columns, 0, 0];
    // SAFETY: the kernel reads a struct winsize: four u16.
    unsafe { done!(ioctl, terminal.0, ioctl::TIOCSWINSZ, size.as_ptr()) }
}

/// TIOCSCTTY: the terminal becomes the controlling one of our session, which has none.
pub fn control_terminal(terminal: Fd) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { call!(ioctl, terminal.0, ioctl::TIOCSCTTY, 0) }.map(drop)
}

/// fchown(2) to a user; the group stays.
pub fn chown(file: Fd, uid: u32) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { done!(fchown, file.0, uid, u32::MAX) }
}

/// socket(2) and connect(2): to whoever listens there. ENAMETOOLONG for a path of more than 107 bytes.
pub fn connect(path: ZStr<'_>) -> Result<Fd> {
    let mut address = net::sockaddr_un { sun_family: net::AF_UNIX as u16, sun_path: [0; 108] };
    let bytes = path.bytes_with_nul();
    if bytes.len() > address.sun_path.len() {
        return Err(Errno::ENAMETOOLONG);
    }
    address.sun_path.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte as core::ffi::c_char);
    // SAFETY: the kernel reads the address, whose size it is given.
    unsafe {
        let socket = opened!(socket, net::AF_UNIX, net::SOCK_STREAM | c::O_CLOEXEC, 0)?;
        done!(connect, socket.0, &raw const address, size_of::<net::sockaddr_un>())?;
        Ok(socket)
    }
}
