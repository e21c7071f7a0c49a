//! Other resources for a container that is there: `update`.

use super::cli::{Opt, Request};
use super::create::LIMIT;
use super::json::Reader;
use super::state::Found;
use super::{cgroup, config, systemd};
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::launch::write_limit;
use crate::spec::Spec;
use crate::sys::{self, Errno, Fd};
use crate::text::Text;
use crate::z;

/// What the command line says by single options, as the file would: where it stands, and under which name there.
const OPTIONS: [(Opt, &[u8], &[u8]); 10] = [
    (Opt::Memory, b"memory", b"limit"),
    (Opt::MemoryReservation, b"memory", b"reservation"),
    (Opt::MemorySwap, b"memory", b"swap"),
    (Opt::CpuQuota, b"cpu", b"quota"),
    (Opt::CpuPeriod, b"cpu", b"period"),
    (Opt::CpuShare, b"cpu", b"shares"),
    (Opt::CpusetCpus, b"cpu", b"cpus"),
    (Opt::CpusetMems, b"cpu", b"mems"),
    (Opt::PidsLimit, b"pids", b"limit"),
    (Opt::BlkioWeight, b"blockIO", b"weight"),
];

/// Sets them.
#[inline(never)]
pub fn update(request: &Request) -> Result<u8, Fail<'static>> {
    let Found { entry, state, process, .. } = Found::by(request, true)?;
    if process.is_none() {
        return fail(Stage::Container, entry.id, Why::NotRunning);
    }
    let mut work = super::work();
    let work = &mut *work;
    let mut spec = Spec::new(&mut work.words);
    config::read_resources(Reader::of(text(request)?), &mut spec, &mut work.lists)?;
    let Some(dir) = cgroup::open(state.cgroup).at(Stage::Cgroup, entry.id)? else {
        return fail(Stage::Cgroup, entry.id, Why::NoCgroup);
    };
    if state.unit.first() != 0 {
        systemd::update(request, state.unit, &work.lists.bundle.writes)?;
    }
    for (file, value) in work.lists.bundle.writes.iter() {
        match write_limit(dir, *file, *value) {
            Err(Errno::ENOENT) => return fail(Stage::Limit, *file, Why::NotDelegated),
            done => done.at(Stage::Limit, *file)?,
        }
    }
    Ok(0)
}

/// The file of --resources, or what single options say, in its words.
fn text(request: &Request) -> Result<&'static mut [u8], Fail<'static>> {
    if let Some(path) = request.text(Opt::Resources) {
        let file = if path.is(b"-") { Ok(Fd::STDIN) } else { sys::open(path, sys::O_RDONLY) };
        return file.and_then(|file| sys::read_text(file, LIMIT)).at(Stage::Read, path);
    }
    const ROOM: usize = 4096;
    let room = sys::room(ROOM).at(Stage::Memory, None)?;
    let mut text = Text::on(room);
    let mut open: &[u8] = b"";
    text.put(b'{');
    for (opt, object, name) in OPTIONS {
        let Some(value) = request.text(opt) else { continue };
        if value.has(b'"') || value.has(b'\\') {
            return fail(Stage::Option, value, Why::Number);
        }
        if open == object {
            text.put(b',');
        } else {
            text.push(if open.is_empty() { b"\"" } else { b"},\"" }).push(object).push(b"\":{");
            open = object;
        }
        let quote: &[u8] = if matches!(opt, Opt::CpusetCpus | Opt::CpusetMems) { b"\"" } else { b"" };
        text.put(b'"').push(name).push(b"\":").push(quote).push(value.bytes()).push(quote);
    }
    text.push(if open.is_empty() { b"}" } else { b"}}" });
    let end = text.get().len();
    if end == 0 {
        return fail(Stage::Argument, z!("update"), Why::TooManyItems);
    }
    Ok(room.get_mut(..=end).unwrap_or_default())
}
