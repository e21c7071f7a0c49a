//! What others learn of a container: the pid file and the information on a descriptor.

use crate::cli::Opt;
use crate::fail::{At, Fail, Stage};
use crate::plan::Plan;
use crate::sys::{self, Errno, Fd, Pid, ZStr};
use crate::text::Text;

/// Writes what was asked for.
pub(super) fn write(plan: &Plan<'_>, main: Pid) -> Result<(), Fail<'static>> {
    if let Some(path) = plan.text(Opt::PidFile) {
        pid_file(path, main)?;
    }
    let Some(info) = plan.descriptor(Opt::InfoFd) else { return Ok(()) };
    // The reader sees the end of it when we close it: nobody else holds it by then.
    info_fd(info.fd(), main)
        .and_then(|()| sys::close_range(info.number, info.number))
        .at(Stage::Report, info.word)
}

/// The process id as we see it, and a newline.
fn pid_file(path: ZStr<'static>, main: Pid) -> Result<(), Fail<'static>> {
    let flags = sys::O_WRONLY | sys::O_CREAT | sys::O_TRUNC;
    let file = sys::openat(Fd::CWD, path, flags, 0o644).at(Stage::Report, path)?;
    let done = sys::write(file, Text::on(&mut [0; 24]).number(main.0 as u64).push(b"\n").get());
    sys::close(file);
    done.at(Stage::Report, path)
}

/// At the end; somebody else may have removed it, and then all is well.
pub(super) fn remove(path: Option<ZStr<'static>>) {
    if let Some(path) = path {
        let _ = sys::unlink(path);
    }
}

/// The kinds of namespaces, by their names in /proc/PID/ns and in what bubblewrap writes.
const KINDS: [(&[u8], &[u8]); 6] = [
    (b"cgroup", b"cgroup-namespace"),
    (b"ipc", b"ipc-namespace"),
    (b"mnt", b"mnt-namespace"),
    (b"net", b"net-namespace"),
    (b"pid", b"pid-namespace"),
    (b"uts", b"uts-namespace"),
];

/// JSON with the fields of bubblewrap's --info-fd.
fn info_fd(fd: Fd, main: Pid) -> sys::Result<()> {
    let mut room = [0; 320];
    let mut text = Text::on(&mut room);
    text.push(b"{\n    \"child-pid\": ").number(main.0 as u64);
    for (name, field) in KINDS {
        let mut room = [0; 40];
        let mut path = Text::on(&mut room);
        let path = path.push(b"/proc/").number(main.0 as u64).push(b"/ns/").push(name).zstr();
        match path.map(|p| sys::statx(Fd::CWD, p)) {
            Some(Ok(ns)) => {
                text.push(b",\n    \"").push(field).push(b"\": ").number(ns.ino);
            }
            Some(Err(e)) if e != Errno::ENOENT => return Err(e),
            // A kernel without this kind, or a host without /proc: the field is left out.
            _ => {}
        }
    }
    sys::write(fd, text.push(b"\n}\n").get())
}
