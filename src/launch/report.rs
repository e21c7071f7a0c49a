//! What others learn of a container: the pid file and the information on a descriptor.

use crate::cli::Opt;
use crate::fail::{At, Fail, Stage};
use crate::plan::Plan;
use crate::sys::{self, Errno, Fd, Pid, ZStr};
use crate::text::{Text, fields, process_path};
use crate::timings::Clock;

/// Writes what was asked for.
#[inline(never)]
pub(super) fn write(plan: &Plan<'_>, main: Pid, clock: Clock) -> Result<(), Fail<'static>> {
    if let Some(path) = plan.text(Opt::PidFile) {
        pid_file(path, main)?;
        clock.lap(Stage::Report, Some(path));
    }
    let Some(info) = plan.spec.get(Opt::InfoFd) else { return Ok(()) };
    // The reader sees the end of it when we close it: nobody else holds it by then.
    info_fd(info.fd(), main)
        .and_then(|()| sys::close_range(info.number as u32, info.number as u32))
        .at(Stage::Report, info.a)?;
    clock.lap(Stage::Report, Some(info.a));
    Ok(())
}

/// The process id as we see it, and a newline.
fn pid_file(path: ZStr<'static>, main: Pid) -> Result<(), Fail<'static>> {
    let flags = sys::O_WRONLY | sys::O_CREAT | sys::O_TRUNC;
    let file = sys::openat(Fd::CWD, path, flags, 0o644).at(Stage::Report, path)?;
    let done = sys::write(file, Text::on(&mut [0; 24]).number(main.0 as u64).put(b'\n').get());
    sys::close(file);
    done.at(Stage::Report, path)
}

/// At the end; somebody else may have removed it, and then all is well.
pub(super) fn remove(path: Option<ZStr<'static>>) {
    if let Some(path) = path {
        let _ = sys::unlinkat(Fd::CWD, path, false);
    }
}

/// The kinds of namespaces, by their names in /proc/PID; bubblewrap has a field `KIND-namespace` for each.
const KINDS: &[u8] = b"ns/cgroup ns/ipc ns/mnt ns/net ns/pid ns/uts";

/// JSON with the fields of bubblewrap's --info-fd.
fn info_fd(fd: Fd, main: Pid) -> sys::Result<()> {
    let mut room = [0; 320];
    let mut text = Text::on(&mut room);
    text.push(b"{\n    \"child-pid\": ").number(main.0 as u64);
    for file in fields(KINDS, b' ') {
        let path = process_path(main, file);
        let (Some(path), Some(kind)) = (ZStr::until_nul(&path), file.get(b"ns/".len()..)) else { continue };
        match sys::statx(Fd::CWD, path) {
            Ok(ns) => text.push(b",\n    \"").push(kind).push(b"-namespace\": ").number(ns.ino),
            // A kernel without this kind, or a host without /proc: the field is left out.
            Err(Errno::ENOENT) => continue,
            Err(e) => return Err(e),
        };
    }
    sys::write(fd, text.push(b"\n}\n").get())
}
