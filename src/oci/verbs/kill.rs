//! The end of a container: signals, and what is left of it.

use super::Done;
use crate::cli::signal::number;
use crate::fail::{At, Stage, Why, fail};
use crate::oci::cli::{Opt, Request};
use crate::oci::state::{State, Status};
use crate::oci::store::{Entry, Root};
use crate::oci::{cgroup, hooks, systemd};
use crate::plan::kind;
use crate::sys::{self, Errno, ZStr};
use crate::text::decimal;

/// `kill`: the first process of a container gets a signal, if it is paused too; or with `--all` everybody in its cgroup: that also when the
/// first one has ended, as long as there are others.
#[inline(never)]
pub(super) fn kill(request: &Request) -> Done {
    let signal = match request.operand {
        None => sys::SIGTERM,
        Some(word) => match signal(word) {
            Some(signal) => signal,
            None => return fail(Stage::Argument, word, Why::Signal),
        },
    };
    let entry = Entry::find(request)?.locked()?;
    let state = State::load(&entry)?;
    let process = state.process()?;
    if request.has(Opt::All)
        && let Some(dir) = cgroup::open(state.cgroup).at(Stage::Cgroup, entry.id)?
    {
        return cgroup::signal(dir, signal).at(Stage::SendSignal, entry.id).map(|()| 0);
    }
    let Some(process) = process else {
        // Nobody is left: to all of them it has been sent.
        if request.has(Opt::All) && state.pid.0 > 0 {
            return Ok(0);
        }
        return fail(Stage::Container, entry.id, Why::NotRunning);
    };
    match process.signal(signal) {
        Err(Errno::ESRCH) => fail(Stage::Container, entry.id, Why::NotRunning),
        done => done.at(Stage::SendSignal, entry.id).map(|()| 0),
    }
}

/// A signal: its number, 0 for none; its name in any case, with SIG or without.
fn signal(word: ZStr<'_>) -> Option<u8> {
    if decimal(word.bytes()) == Some(0) {
        return Some(0);
    }
    let mut room = [0; 16];
    let bytes = word.bytes();
    for (place, byte) in room.iter_mut().zip(bytes) {
        *place = byte.to_ascii_uppercase();
    }
    number(room.get(..bytes.len())?)
}

/// `delete`: what is left of a container that has stopped. With `--force` it is killed before, and all is well where there
/// is none. What a `create` that was cut short left is removed in any case.
#[inline(never)]
pub(super) fn delete(request: &Request) -> Done {
    let force = request.has(Opt::Force);
    let gone = || if force { Ok(0) } else { fail(Stage::Container, request.id, Why::NoContainer) };
    let Some(root) = Root::find(request)? else { return gone() };
    let entry = match Entry::open(root, request.id).and_then(Entry::locked) {
        Err(e) if e.is(Why::NoContainer) => return gone(),
        entry => entry?,
    };
    let state = match State::find(&entry) {
        // What was in it is not known; that it goes was asked for.
        Err(e) if force && e.is(Why::BadState) => None,
        state => state?,
    };
    let Some(state) = state else {
        entry.remove()?;
        return gone();
    };
    match state.process()? {
        None => {}
        Some(process) if force => match process.signal(sys::SIGKILL) {
            Err(Errno::ESRCH) => {}
            done => done.and_then(|()| process.wait()).at(Stage::SendSignal, entry.id)?,
        },
        Some(_) => return fail(Stage::Container, entry.id, Why::NotStopped),
    }
    cgroup::remove(state.cgroup).at(Stage::Cgroup, entry.id)?;
    if state.unit.first() != 0 {
        match systemd::stop(request, state.unit) {
            // With it went its units.
            Err(e) if e.is(Why::NoSystemd) => {}
            done => done?,
        }
    }
    hooks::run(request, &entry, &state, kind::POSTSTOP, Status::Stopped);
    entry.remove()?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::z;

    #[test]
    fn signals_are_numbers_or_names_in_any_case() {
        for (word, want) in [
            (z!("0"), Some(0)),
            (z!("9"), Some(9)),
            (z!("64"), Some(64)),
            (z!("TERM"), Some(15)),
            (z!("SIGTERM"), Some(15)),
            (z!("sigterm"), Some(15)),
            (z!("Kill"), Some(9)),
            (z!("rtmin+3"), Some(37)),
            (z!("SIGRTMAX-14"), Some(50)),
            (z!("65"), None),
            (z!("-9"), None),
            (z!(""), None),
            (z!("SIG"), None),
            (z!("SIGNOTHINGATALL"), None),
            (z!("SIGNOTHINGATALLANDMORE"), None),
        ] {
            assert_eq!(signal(word), want, "{word:?}");
        }
    }
}
