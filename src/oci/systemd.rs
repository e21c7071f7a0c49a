//! The cgroup of a container as a scope of systemd, org.freedesktop.systemd1(5): `--systemd-cgroup`.
//!
//! systemd makes a scope for processes that are there. Ours is kept by one that does nothing until the container's first one
//! is born in it: so limits and device rules are there before that, as without systemd. Where the scope lies is read from
//! that keeper and not computed. If we are killed it ends, and systemd removes what is empty.

mod annotations;
mod properties;

use super::cli::Request;
use super::dbus::{Bus, Message, Parser, Peer};
use super::store::users_directory;
use super::{config, log};
use crate::cli::Opt as Asked;
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::launch::cgroup_of;
use crate::plan::Lists;
use crate::spec::Spec;
use crate::sys::{self, Errno, Pid, SigSet, ZStr};
use crate::text::{Text, before, decimal, fields};
use crate::z;

type Done<T> = Result<T, Fail<'static>>;

const MANAGER: Peer = Peer {
    name: b"org.freedesktop.systemd1",
    path: b"/org/freedesktop/systemd1",
    interface: b"org.freedesktop.systemd1.Manager",
};
/// What we want to hear of.
const SIGNALS: &[u8] = b"type='signal',interface='org.freedesktop.systemd1.Manager',member='JobRemoved'";

/// A unit.
pub struct Unit {
    /// Its name.
    pub name: ZStr<'static>,
    bus: Bus,
    /// Who keeps it as long as nobody else is in it.
    keeper: Option<Pid>,
    /// There was one of this name, which is somebody else's.
    existed: bool,
}

/// What systemd makes of what it was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Well,
    /// There is such a unit.
    Exists,
    /// There is none.
    Missing,
}

/// What is written to the files of its cgroup.
pub type Writes = [(ZStr<'static>, ZStr<'static>)];

/// Makes the unit of a container; its cgroup is that of `spec` from here on. What is in `to` is to be stopped, if it comes to
/// nothing.
#[inline(never)]
pub fn start(request: &Request, spec: &mut Spec<'_>, lists: &Lists, to: &mut Option<Unit>) -> Done<()> {
    let subject = z!("linux.cgroupsPath");
    let (slice, prefix, name) = match lists.bundle.cgroups_path {
        None => (&b""[..], &b"vesicle"[..], request.id.bytes()),
        Some(path) => {
            let mut parts = fields(path.bytes(), b':');
            match (parts.next(), parts.next(), parts.next(), parts.next()) {
                (Some(slice), Some(prefix), Some(name), None)
                    if !name.is_empty() && !name.ends_with(b".slice") =>
                {
                    (slice, prefix, name)
                }
                _ => return fail(Stage::Config, subject, Why::UnitPath),
            }
        }
    };
    let slice = match slice {
        b"" if users_directory(request).is_some() => &b"user.slice"[..],
        b"" => b"system.slice",
        slice => slice,
    };
    let dash: &[u8] = if prefix.is_empty() { b"" } else { b"-" };
    let unit = to.insert(Unit::of(request, text(&[prefix, dash, name, b".scope"])?)?);
    let name = unit.name;
    let keeper = sys::me().and_then(|mut me| sys::clone(0, keep, &mut me)).at(Stage::Clone, None)?;
    unit.keeper = Some(keeper);
    let make = |unit: &mut Unit| {
        unit.ask(b"StartTransientUnit", b"ssa(sv)a(sa(sv))", &mut |message| {
            message.text(b"fail");
            let list = message.open(8);
            properties::scope(message, request.id, slice, keeper);
            properties::resources(message, &lists.bundle.writes);
            annotations::properties(message, lists.bundle.annotations)?;
            message.close(list);
            let others = message.open(8);
            message.close(others);
            Ok(())
        })
    };
    if make(unit)? == Answer::Exists {
        // One of this name has failed before, and is known still.
        unit.forget()?;
        if make(unit)? != Answer::Well {
            unit.existed = true;
            return fail(Stage::Unit, name, Why::UnitExists);
        }
    }
    let path = cgroup_of(keeper).at(Stage::Cgroup, name)?;
    let is_its =
        |path: &ZStr<'static>| path.bytes().strip_suffix(name.bytes()).is_some_and(|p| p.ends_with(b"/"));
    let Some(path) = path.filter(is_its) else { return fail(Stage::Unit, name, Why::NoCgroup2) };
    config::give(spec, Asked::Cgroup, subject, path.skip(1), 0)
}

/// Sets what systemd knows by itself, so that it doesn't set it otherwise some time.
pub fn update(request: &Request, name: ZStr<'static>, writes: &Writes) -> Done<()> {
    let mut unit = Unit::of(request, name)?;
    let answer = unit.ask(b"SetUnitProperties", b"sba(sv)", &mut |message| {
        // Until the machine ends.
        message.number32(1);
        let list = message.open(8);
        properties::resources(message, writes);
        message.close(list);
        Ok(())
    });
    unit.release();
    if answer? == Answer::Well { Ok(()) } else { fail(Stage::Unit, name, Why::UnitRefused) }
}

/// Ends a unit in which nobody lives any more, if systemd knows it.
pub fn stop(request: &Request, name: ZStr<'static>) -> Done<()> {
    let mut unit = Unit::of(request, name)?;
    let done = unit.stop();
    unit.release();
    done
}

impl Unit {
    fn of(request: &Request, name: ZStr<'static>) -> Done<Unit> {
        Ok(Unit { name, bus: connect(request)?, keeper: None, existed: false })
    }

    /// There are others in it, and systemd has nothing to do for us any more.
    pub fn release(self) {
        if let Some(keeper) = self.keeper {
            sys::kill(keeper, sys::SIGKILL);
            let _ = sys::wait_for(keeper);
        }
        self.bus.close();
    }

    /// It came to nothing: so does the unit.
    pub fn undo(mut self) {
        if !self.existed {
            let _ = self.stop();
        }
        self.release();
    }

    fn stop(&mut self) -> Done<()> {
        self.ask(b"StopUnit", b"ss", &mut |message| {
            message.text(b"replace");
            Ok(())
        })?;
        self.forget()
    }

    /// That it has failed.
    fn forget(&mut self) -> Done<()> {
        self.ask(b"ResetFailedUnit", b"s", &mut |_| Ok(())).map(drop)
    }

    /// Asks for something about it: behind its name stands what `body` says. Where that is a job it waits for its end.
    #[inline(never)]
    fn ask(
        &mut self,
        method: &[u8],
        signature: &[u8],
        body: &mut dyn FnMut(&mut Message) -> Done<()>,
    ) -> Done<Answer> {
        let (name, bus) = (self.name, &mut self.bus);
        bus.patience();
        let mut message = bus.compose(&MANAGER, method, signature).at(Stage::Unit, name)?;
        message.text(name.bytes());
        body(&mut message)?;
        let mut job = match bus.call(message).at(Stage::Unit, name)? {
            Ok(body) => Parser::of(body),
            Err((b"org.freedesktop.systemd1.UnitExists", _)) => return Ok(Answer::Exists),
            Err((b"org.freedesktop.systemd1.NoSuchUnit", _)) => return Ok(Answer::Missing),
            Err((error, text)) => return refused(name, &[error, b": ", text]),
        };
        // `/org/freedesktop/systemd1/job/4711`
        let job = job.text().and_then(|path| fields(path, b'/').last().and_then(decimal));
        let Some(job) = job else { return Ok(Answer::Well) };
        let done = bus.signal(b"JobRemoved", &mut |body| {
            let mut values = Parser::of(body);
            if u64::from(values.number32()?) != job {
                return None;
            }
            // Its path, and the unit.
            let (_, _, result) = (values.text()?, values.text()?, values.text()?);
            Some(if result == b"done" { Ok(Answer::Well) } else { refused(name, &[result]) })
        });
        done.at(Stage::Unit, name)?
    }
}

/// What systemd says of it.
#[cold]
#[inline(never)]
fn refused<T>(name: ZStr<'static>, why: &[&[u8]]) -> Done<T> {
    let why = text(why)?;
    fail(Stage::Unit, text(&[name.bytes(), b": ", why.bytes()])?, Why::UnitRefused)
}

/// Parts of a text, one behind the other.
fn text(parts: &[&[u8]]) -> Done<ZStr<'static>> {
    let len = parts.iter().fold(1, |len: usize, part| len.wrapping_add(part.len()));
    let room = sys::room(len).at(Stage::Memory, None)?;
    let mut text = Text::on(room);
    for part in parts {
        text.push(part);
    }
    Ok(ZStr::until_nul(room).unwrap_or(z!("")))
}

/// To systemd itself, or where it does not listen, by the bus: that of the system, or for a user his own.
#[inline(never)]
fn connect(request: &Request) -> Done<Bus> {
    let envp = request.stack().envp();
    let (own, variable, bus) = match users_directory(request) {
        None => (
            z!("/run/systemd/private"),
            &b"DBUS_SYSTEM_BUS_ADDRESS=unix:path="[..],
            z!("/run/dbus/system_bus_socket"),
        ),
        Some(dir) => (
            text(&[dir.bytes(), b"/systemd/private"])?,
            &b"DBUS_SESSION_BUS_ADDRESS=unix:path="[..],
            text(&[dir.bytes(), b"/bus"])?,
        ),
    };
    if let Ok(bus) = Bus::connect(own, false, SIGNALS) {
        return Ok(bus);
    }
    let named = envp.variable(variable);
    let bus = match named {
        // Behind it stand other properties, and other addresses.
        Some(address) => text(&[before(before(address.bytes(), b';'), b',')])?,
        None => bus,
    };
    match Bus::connect(bus, true, SIGNALS) {
        Err(Errno::EACCES | Errno::EPERM) => Err(Errno::EACCES).at(Stage::Unit, bus),
        Err(Errno::ETIMEDOUT) => Err(Errno::ETIMEDOUT).at(Stage::Unit, bus),
        Err(_) => fail(Stage::Unit, own, Why::NoSystemd),
        Ok(mut bus) => {
            // It tells of jobs only where somebody wants to know.
            let wish = bus.compose(&MANAGER, b"Subscribe", b"").at(Stage::Memory, None)?;
            let _ = bus.call(wish).at(Stage::Unit, own)?;
            Ok(bus)
        }
    }
}

/// The life of a keeper: as long as that of its maker.
extern "C" fn keep(maker: &mut Pid) -> ! {
    // None of the terminal's is for it.
    let mut mask = SigSet::ALL;
    let _ = sys::swap_mask(&mut mask);
    if sys::parent_death(sys::SIGKILL).is_err() || sys::parent() != *maker {
        sys::exit(log::FAILED)
    }
    loop {
        let _ = sys::wait_signal(None);
    }
}
