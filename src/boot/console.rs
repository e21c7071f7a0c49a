//! The console: our descriptors, what is said there, and the terminal behind it.

use crate::fail::Fail;
use crate::sys::{self, Fd, ZStr};
use crate::text::{Text, before, behind};
use crate::z;

/// Before a line for /dev/kmsg: user.debug, syslog(2). So it is in the kernel's log and not on the console a second time.
const PRIORITY: &[u8] = b"<15>";

/// Opens /dev/console as stdin, stdout and stderr; where there is none, they lead nowhere. What the kernel had opened may
/// be missing, and lies in the initramfs.
pub(super) fn open() {
    let console = sys::open(z!("/dev/console"), sys::O_RDWR | sys::O_NOCTTY);
    if let Ok(file) = console.or_else(|_| sys::open(z!("/dev/null"), sys::O_RDWR)) {
        become_standard(file);
    }
}

/// Makes a file stdin, stdout and stderr.
pub(super) fn become_standard(file: Fd) {
    for standard in 0..3 {
        let _ = sys::dup_onto(file, standard);
    }
    sys::close(file);
}

/// The terminal that the console is, as the only one of its kind that job control works on: a read of /dev/console in the
/// background is not stopped, and it can't be found by ttyname(3).
pub(super) fn terminal() -> sys::Result<Fd> {
    let mut room = [0; 64];
    let mut name = Text::on(&mut room);
    let mut list = [0; 64];
    // The last one of these is /dev/console: Documentation/ABI/testing/sysfs-tty.
    let mut last = active(z!("/sys/class/tty/console/active"), &mut list)?;
    let mut screen = [0; 64];
    if last == b"tty0" {
        // The virtual terminal on the screen.
        last = active(z!("/sys/class/tty/tty0/active"), &mut screen)?;
    }
    let name = name.push(b"/dev/").push(last).zstr().ok_or(sys::Errno::ENAMETOOLONG)?;
    sys::open(name, sys::O_RDWR)
}

fn active<'b>(path: ZStr<'_>, room: &'b mut [u8]) -> sys::Result<&'b [u8]> {
    Ok(behind(before(sys::read_start(path, room)?, b'\n'), b' '))
}

/// Says a line on the console and in the kernel's log.
#[inline(never)]
pub(super) fn say(write: &mut dyn FnMut(&mut Text<'_>)) {
    let mut room = [0; 2048];
    let mut line = Text::on(&mut room);
    write(line.push(PRIORITY));
    let line = line.push(b"\n").get();
    let _ = sys::write(Fd::STDERR, line.get(PRIORITY.len()..).unwrap_or_default());
    let _ = sys::write_file(z!("/dev/kmsg"), line);
}

/// Says what failed.
#[cold]
pub(super) fn fail(fail: &Fail<'_>, value: Option<ZStr<'_>>) {
    say(&mut |line| fail.tell(value, line));
}
