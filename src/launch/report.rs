//! What others learn of a container: the pid file and the information on a descriptor.

use crate::cli::Opt;
use crate::fail::{At, Fail, Stage};
use crate::plan::Plan;
use crate::sys::{self, Errno, Fd, Pid, ZStr};
use crate::text::{Text, process_path};
use crate::timings::Clock;
#[cfg(feature = "linux7")]
use crate::z;

/// Writes what was asked for.
#[inline(never)]
pub(super) fn write(plan: &Plan<'_>, main: Pid, clock: Clock) -> Result<(), Fail<'static>> {
    if let Some(path) = plan.text(Opt::PidFile) {
        pid_file(path, main)?;
        clock.lap(Stage::Report, Some(path));
    }
    if let Some(info) = plan.spec.get(Opt::InfoFd) {
        // The reader sees the end of it when we close it: nobody else holds it by then.
        json(info.fd(), main, plan, &INFO)
            .and_then(|()| sys::close_range(info.number as u32, info.number as u32))
            .at(Stage::Report, info.a)?;
        clock.lap(Stage::Report, Some(info.a));
    }
    if let Some(status) = plan.spec.get(Opt::JsonStatusFd) {
        json(status.fd(), main, plan, &STATUS).at(Stage::Report, status.a)?;
        clock.lap(Stage::Report, Some(status.a));
    }
    // Somebody else writes the id maps meanwhile.
    #[cfg(feature = "bwrap")]
    if let Some(block) = plan.spec.get(Opt::UsernsBlockFd) {
        let _ = sys::read(block.fd(), &mut [0]);
    }
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

/// At the end; somebody else may have removed it, and then all is well. A device or a pipe that it was written to stays.
pub(super) fn remove(path: Option<ZStr<'static>>) {
    if let Some(path) = path
        && sys::statx(Fd::CWD, path).map_or(true, |file| file.is_file())
    {
        let _ = sys::unlinkat(Fd::CWD, path, false);
    }
}

/// Of how many of NAMESPACES is told: bubblewrap has a field for each.
const TOLD: usize = 6;

/// What stands before a field, between two, and behind the last: of bubblewrap's --info-fd, and of its --json-status-fd.
type Style = [&'static [u8]; 3];
static INFO: Style = [b"{\n    \"", b",\n    \"", b"\n}\n"];
static STATUS: Style = [b"{ \"", b", \"", b" }\n"];

/// JSON with bubblewrap's fields.
#[inline(never)]
fn json(fd: Fd, main: Pid, plan: &Plan<'_>, [open, next, close]: &Style) -> sys::Result<()> {
    let mut room = [0; 320];
    let mut text = Text::on(&mut room);
    text.push(open).push(b"child-pid\": ").number(main.0 as u64);
    for (n, &(kind, file)) in sys::NAMESPACES.iter().take(TOLD).enumerate() {
        // bubblewrap says what is new.
        if plan.spec.is_bwrap() && !plan.makes(kind) {
            continue;
        }
        let Some(number) = number(main, plan, n, kind, file)? else { continue };
        text.push(next).push(file.skip(sys::NS_KIND).bytes()).push(b"-namespace\": ").number(number);
    }
    sys::write(fd, text.push(close).get())
}

/// The number of its namespace of this `kind`, the one of number `n`, which `file` tells.
#[inline(never)]
fn number(main: Pid, plan: &Plan<'_>, n: usize, kind: u32, file: ZStr<'_>) -> sys::Result<Option<u64>> {
    #[cfg(feature = "template")]
    if plan.spec.has(Opt::Template) {
        let told = plan.template.numbers.get(n).map(|told| u64::from_ne_bytes(*told));
        return Ok(told.filter(|number| *number != 0));
    }
    let path = process_path(main, file.skip(sys::NS_SELF).bytes());
    let Some(path) = ZStr::until_nul(&path) else { return Ok(None) };
    let told = (Fd::CWD, path);
    // It enters that later.
    #[cfg(feature = "linux7")]
    let told = plan.made.filter(|_| kind == sys::CLONE_NEWNS).map_or(told, |made| (made, z!("")));
    let _ = (plan, n, kind);
    match sys::statx(told.0, told.1) {
        Ok(ns) => Ok(Some(ns.ino)),
        // A kernel without this kind, or a host without /proc: the field is left out.
        Err(Errno::ENOENT) => Ok(None),
        Err(e) => Err(e),
    }
}
