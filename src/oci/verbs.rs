//! What each verb does. The rules of when it may are those of the specification: else it fails and nothing has changed.

mod events;
mod features;
mod kill;
mod list;
mod ps;
mod spec;

use super::cli::{self, Request, Verb};
use super::out::Out;
use super::state::{Found, OCI_VERSION, State, Status};
use super::store::{Entry, FIFO, NO_LINK};
use super::{cgroup, create, exec, hooks, update};
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::plan::kind;
use crate::sys::{self, Errno, Fd, SigSet};
use crate::text::Text;

/// What a verb gives: the exit code.
type Done = Result<u8, Fail<'static>>;

/// Does what is asked for.
pub fn run(request: &Request) -> Done {
    match request.verb {
        Verb::State => state(request),
        Verb::List => list::list(request),
        Verb::Start => start(request),
        Verb::Kill => kill::kill(request),
        Verb::Delete => kill::delete(request),
        Verb::Ps => ps::ps(request),
        Verb::Pause => pause(request),
        Verb::Resume => resume(request),
        Verb::Features => features::features(),
        Verb::Spec => spec::spec(request),
        Verb::Version => version(),
        Verb::Help => help(),
        Verb::Create => create::create(request),
        Verb::Run => create::run(request),
        Verb::Exec => exec::exec(request),
        Verb::Update => update::update(request),
        Verb::Events => events::events(request),
    }
}

/// Writes what is left for stdout; then all is well.
fn written(out: &mut Out) -> Done {
    out.done().at(Stage::Report, crate::z!("stdout")).map(|()| 0)
}

#[inline(never)]
fn state(request: &Request) -> Done {
    let Found { entry, state, status, .. } = Found::by(request, false)?;
    let (_, owner) = sys::size_and_owner(entry.dir).at(Stage::State, entry.id)?;
    let mut out = Out::to(Fd::STDOUT, b"  ");
    state.tell(status, Some(owner), &mut out);
    written(out.plain(b"\n"))
}

/// Lets the container go that waits on its FIFO: whose first process has had that open for reading since it was made, and
/// takes one byte for leave to go on. It takes the end of the file for the end of whoever was about to start it, and ends
/// too: so it never runs while the FIFO is there, nor waits when it is not.
#[inline(never)]
fn start(request: &Request) -> Done {
    let Found { entry, state, status, .. } = Found::by(request, true)?;
    let refused = |why| fail(Stage::Container, entry.id, why);
    match status {
        Status::Created => {}
        Status::Creating => return refused(Why::StartCreating),
        Status::Running => return refused(Why::StartRunning),
        Status::Paused => return refused(Why::StartPaused),
        Status::Stopped => return refused(Why::StartStopped),
    }
    let fifo = match sys::openat(entry.dir, FIFO, sys::O_WRONLY | sys::O_NONBLOCK | NO_LINK, 0) {
        // Nobody reads it any more.
        Err(Errno::ENXIO) => return refused(Why::StartStopped),
        fifo => fifo.at(Stage::State, entry.id)?,
    };
    sys::unlinkat(entry.dir, FIFO, false).at(Stage::State, entry.id)?;
    match write_unharmed(fifo) {
        Err(Errno::EPIPE) => refused(Why::StartStopped),
        done => {
            done.at(Stage::State, entry.id)?;
            hooks::run(request, &entry, &state, kind::POSTSTART, Status::Running);
            Ok(0)
        }
    }
}

/// A byte to somebody who may end before it is read: without a SIGPIPE for us.
fn write_unharmed(fifo: Fd) -> sys::Result<()> {
    let mut mask = SigSet::ALL;
    sys::swap_mask(&mut mask)?;
    let done = sys::write(fifo, b"0");
    sys::close(fifo);
    if done == Err(Errno::EPIPE) && !mask.has(sys::SIGPIPE) {
        sys::take_pending(sys::SIGPIPE);
    }
    sys::swap_mask(&mut mask)?;
    done
}

#[inline(never)]
fn pause(request: &Request) -> Done {
    let Found { entry, state, status, .. } = Found::by(request, true)?;
    match status {
        Status::Created | Status::Running => freeze(&entry, &state, true),
        _ => fail(Stage::Container, entry.id, Why::NotRunning),
    }
}

#[inline(never)]
fn resume(request: &Request) -> Done {
    let Found { entry, state, status, .. } = Found::by(request, true)?;
    match status {
        Status::Paused => freeze(&entry, &state, false),
        _ => fail(Stage::Container, entry.id, Why::NotPaused),
    }
}

fn freeze(entry: &Entry, state: &State, frozen: bool) -> Done {
    let dir = cgroup::open(state.cgroup).at(Stage::Cgroup, entry.id)?;
    let Some(dir) = dir else { return fail(Stage::Cgroup, entry.id, Why::NoCgroup) };
    cgroup::freeze(dir, frozen).at(Stage::Cgroup, entry.id).map(|()| 0)
}

fn version() -> Done {
    let mut out = Out::to(Fd::STDOUT, b"");
    out.plain(concat!("vesicle-oci version ", env!("CARGO_PKG_VERSION"), "\nspec: ").as_bytes());
    written(out.plain(OCI_VERSION.as_bytes()).plain(b"\n"))
}

#[inline(never)]
fn help() -> Done {
    let mut room = [0; 3072];
    let mut text = Text::on(&mut room);
    cli::help(&mut text);
    written(Out::to(Fd::STDOUT, b"").plain(text.get()))
}
