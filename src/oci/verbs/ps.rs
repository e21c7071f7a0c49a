//! `ps`: who is in a container, by number, or as ps(1) shows them.

use super::{Done, written};
use crate::fail::{At, Fail, Stage};
use crate::oci::cgroup;
use crate::oci::cli::{Opt, Request};
use crate::oci::out::Out;
use crate::oci::state::{State, Status};
use crate::oci::store::Entry;
use crate::sys::{self, Errno, Fd, LongList, Strings};
use crate::text::{decimal, fields};
use crate::{step, z};

/// How many there can be: the largest pid_max, proc_sys_kernel(5).
const MAX: usize = 1 << 22;
type Pids = LongList<i32, MAX>;

#[inline(never)]
pub(super) fn ps(request: &Request) -> Done {
    let entry = Entry::find(request)?;
    let state = State::load(&entry)?;
    let mut pids = Pids::default();
    members(&entry, &state, &mut pids)?;
    if !request.json(Opt::Format) {
        return table(request, &pids);
    }
    let mut out = Out::to(Fd::STDOUT, b"");
    out.json(b"[");
    for pid in pids.iter() {
        out.item().number(*pid as u64);
    }
    out.json(b"]");
    written(out.plain(b"\n"))
}

/// Everybody in its cgroup, or where it has none of its own, its first process.
fn members(entry: &Entry, state: &State, pids: &mut Pids) -> Result<(), Fail<'static>> {
    if let Some(dir) = cgroup::open(state.cgroup).at(Stage::Cgroup, entry.id)? {
        return cgroup::processes(dir, &mut |_, pid| pids.push(pid.0).map(drop)).at(Stage::Cgroup, entry.id);
    }
    if Status::of(entry, state)?.1.is_some() {
        pids.push(state.pid.0).at(Stage::Memory, None)?;
    }
    Ok(())
}

/// What a child needs that becomes ps(1).
struct Child<'a> {
    argv: Strings<'a>,
    envp: Strings<'a>,
    to: Fd,
    why: Option<(Stage, Errno)>,
}

/// Its memory is ours until it is ps(1).
extern "C" fn become_ps(child: &mut Child<'_>) -> ! {
    child.why = Some(match sys::dup_onto(child.to, 1) {
        Ok(()) => step::exec::run(z!("ps"), child.argv, child.envp),
        Err(e) => (Stage::Report, e),
    });
    sys::exit(1)
}

/// ps(1) with the caller's options, or `-ef`; of what it writes the heading, and the lines of those who are in there.
#[inline(never)]
fn table(request: &Request, pids: &Pids) -> Done {
    let list = [Some(z!("ps")), Some(z!("-ef")), None];
    let argv = match request.rest().first() {
        None => Strings::of(&list).unwrap_or(request.rest()),
        Some(_) => request.rest_behind(z!("ps")),
    };
    let (from, to) = sys::pipe().at(Stage::Report, None)?;
    let mut child = Child { argv, envp: request.stack().envp(), to, why: None };
    let mut ignored = false;
    sys::swap_sigchld(&mut ignored).at(Stage::Signals, None)?;
    let born = sys::clone(sys::CLONE_VM | sys::CLONE_VFORK, become_ps, &mut child).at(Stage::Clone, None)?;
    sys::close(to);
    let mut out = Out::to(Fd::STDOUT, b"");
    let read = filter(from, pids, &mut out);
    sys::close(from);
    let status = sys::wait_for(born).at(Stage::Wait, z!("ps"))?;
    if let Some((stage, e)) = child.why {
        return Err(Fail::new(stage, z!("ps"), e));
    }
    read.at(Stage::Read, z!("ps"))?;
    written(&mut out)?;
    Ok(crate::status::code(crate::status::decode(status)))
}

/// How much of a line is kept.
const LINE: usize = 8192;

#[inline(never)]
fn filter(from: Fd, pids: &Pids, out: &mut Out) -> sys::Result<()> {
    let (mut line, mut len) = ([0u8; LINE], 0usize);
    let mut room = [0; 1024];
    // Which word of a line is the number.
    let mut column = None;
    loop {
        let count = sys::read(from, &mut room)? as usize;
        if count == 0 {
            return Ok(());
        }
        for byte in room.iter().take(count) {
            if let Some(place) = line.get_mut(len) {
                (*place, len) = (*byte, len.wrapping_add(1));
            }
            if *byte != b'\n' {
                continue;
            }
            let text = line.get(..len).unwrap_or_default();
            let mut words = fields(text.trim_ascii(), b' ').filter(|word| !word.is_empty());
            let shown = match column {
                None => {
                    column = words.position(|word| word == b"PID");
                    // Without such a column nobody can be found.
                    if column.is_none() {
                        return Err(Errno::EINVAL);
                    }
                    true
                }
                Some(column) => {
                    let number = words.nth(column).and_then(decimal);
                    pids.iter().any(|pid| number == Some(*pid as u64))
                }
            };
            if shown {
                out.plain(text);
            }
            len = 0;
        }
    }
}
