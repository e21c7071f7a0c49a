//! Hooks of a container that is there already: behind its start, and behind its end. One that fails is told of, and no more.

use super::cli::Request;
use super::create::LIMIT;
use super::json::Reader;
use super::out::Out;
use super::state::{State, Status};
use super::store::{CONFIG, Entry};
use super::{config, log};
use crate::fail::{At, Fail, Stage};
use crate::plan::Bundle;
use crate::spec::Spec;
use crate::step::hook;
use crate::sys::{self, Errno, Fd, SigSet};

/// Runs those of a kind, by config.json as it was when the container was made.
#[inline(never)]
pub fn run(request: &Request, entry: &Entry, state: &State, kind: u8, status: Status) {
    if state.hooks >> kind & 1 == 0 {
        return;
    }
    if let Err(fail) = try_run(entry, state, kind, status) {
        log::report(&fail, request);
    }
}

fn try_run(entry: &Entry, state: &State, kind: u8, status: Status) -> Result<(), Fail<'static>> {
    let mut work = super::work();
    let work = &mut *work;
    let mut spec = Spec::new(&mut work.words);
    let text = sys::openat(entry.dir, CONFIG, sys::O_RDONLY, 0).and_then(|f| sys::read_text(f, LIMIT));
    let text = match text {
        // What there was of it went before the rest.
        Err(Errno::ENOENT) => return Ok(()),
        text => text.at(Stage::State, entry.id)?,
    };
    config::read_hooks(Reader::of(text), &mut spec, &mut work.lists)?;
    run_of(&work.lists.bundle, state, kind, status)
}

/// Runs those of a kind that are known.
pub fn run_of(bundle: &Bundle, state: &State, kind: u8, status: Status) -> Result<(), Fail<'static>> {
    if !bundle.has_hook(kind) {
        return Ok(());
    }
    let mut mask = SigSet::ALL;
    sys::swap_mask(&mut mask).at(Stage::Signals, None)?;
    let tell = |fd: Fd| {
        let mut out = Out::to(fd, b"");
        state.tell(status, None, &mut out);
        let _ = out.done();
    };
    let done = hook::run(bundle, kind, &tell, mask);
    let _ = sys::swap_mask(&mut mask);
    done
}
