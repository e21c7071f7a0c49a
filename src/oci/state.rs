//! What is known of a container: state.json, written by `create`, read by every other verb.
//!
//! Nothing in it says whether the container runs: that is asked of the kernel each time, see [`Status`].

use super::cli::Request;
use super::json::{Bad, Reader};
use super::known::known;
use super::out::Out;
use super::process::Process;
use super::store::{Entry, NO_LINK, STATE, TEMPORARY};
use super::{cgroup, time};
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::sys::{self, Errno, Pid, ZStr};
use crate::text::Text;
use crate::z;

/// The version of the specification.
pub const OCI_VERSION: &str = "1.2.0";

/// What `create` leaves behind.
#[derive(Clone, Copy)]
pub struct State {
    /// The container's name.
    pub id: ZStr<'static>,
    /// Its first process in the PID namespace of the runtime, and when that began, in clock ticks since the machine did:
    /// field 22 of proc_pid_stat(5). Only both together name a process. 0 while there is none.
    pub pid: Pid,
    /// See above.
    pub start: u64,
    /// The directory of config.json: absolute, without links, UTF-8.
    pub bundle: ZStr<'static>,
    /// That of the root, the same.
    pub rootfs: ZStr<'static>,
    /// When it was made, RFC 3339.
    pub created: ZStr<'static>,
    /// Its cgroup of version 2, from the root of the hierarchy on: `/a/b`. Empty when it has none that is its own.
    pub cgroup: ZStr<'static>,
    /// The unit of systemd that this cgroup is; empty when it is none.
    pub unit: ZStr<'static>,
    /// The object of its annotations, as it stands in config.json; empty when there is none.
    pub annotations: ZStr<'static>,
    /// Which kinds of hooks it has, a bit each: else nobody reads config.json again to find none.
    pub hooks: u8,
}

/// A container that there is, and how it is with it.
pub struct Found {
    #[allow(missing_docs)]
    pub entry: Entry,
    #[allow(missing_docs)]
    pub state: State,
    #[allow(missing_docs)]
    pub status: Status,
    /// Its first process, while there is that.
    pub process: Option<Process>,
}

impl Found {
    /// The one that is asked for; with its lock, where something is to be done with it.
    #[inline(never)]
    pub fn by(request: &Request, locked: bool) -> Result<Found, Fail<'static>> {
        let mut entry = Entry::find(request)?;
        if locked {
            entry = entry.locked()?;
        }
        let state = State::load(&entry)?;
        let (status, process) = Status::of(&entry, &state)?;
        Ok(Found { entry, state, status, process })
    }
}

impl State {
    /// Of a container about which nothing is known yet; it is made now.
    pub fn new(id: ZStr<'static>) -> Result<State, Fail<'static>> {
        let none = z!("");
        let room = sys::room(time::ROOM).at(Stage::Memory, None)?;
        let (seconds, nanoseconds) = sys::time_of_day();
        time::write(&mut Text::on(room), seconds, Some(nanoseconds));
        let created = ZStr::until_nul(room).unwrap_or(none);
        Ok(State {
            id,
            pid: Pid(0),
            start: 0,
            bundle: none,
            rootfs: none,
            created,
            cgroup: none,
            unit: none,
            annotations: none,
            hooks: 0,
        })
    }

    /// Writes it, all or nothing; whoever does so has the lock. A path that is no UTF-8 is none in JSON: EINVAL.
    #[inline(never)]
    pub fn save(&self, entry: &Entry) -> Result<(), Fail<'static>> {
        for path in [self.bundle, self.rootfs, self.cgroup] {
            if core::str::from_utf8(path.bytes()).is_err() {
                return Err(Errno::EINVAL).at(Stage::Bundle, path);
            }
        }
        self.try_save(entry).at(Stage::State, self.id)
    }

    fn try_save(&self, entry: &Entry) -> sys::Result<()> {
        let flags = sys::O_WRONLY | sys::O_CREAT | sys::O_TRUNC | NO_LINK;
        let file = sys::openat(entry.dir, TEMPORARY, flags, 0o600)?;
        let mut out = Out::to(file, b"");
        self.begin(&mut out);
        out.key(b"start").number(self.start).key(b"hooks").number(self.hooks.into());
        out.field(b"cgroup", self.cgroup).field(b"rootfs", self.rootfs).field(b"created", self.created);
        if self.unit.first() != 0 {
            out.field(b"unit", self.unit);
        }
        self.end(&mut out);
        let done = out.done();
        sys::close(file);
        done?;
        sys::rename(entry.dir, TEMPORARY, STATE)
    }

    /// Opens an object with what a state begins with, but for its status.
    fn begin(&self, out: &mut Out) {
        out.json(b"{").key(b"ociVersion").text(OCI_VERSION.as_bytes()).field(b"id", self.id);
        out.key(b"pid").number(self.pid.0 as u64).field(b"bundle", self.bundle);
    }

    /// Closes it, behind the annotations.
    fn end(&self, out: &mut Out) {
        if self.annotations.first() != 0 {
            out.key(b"annotations").json(self.annotations.bytes());
        }
        out.json(b"}");
    }

    /// The state as the specification has it: for a hook's stdin, and with the owner of the container for a caller.
    #[inline(never)]
    pub fn tell(&self, status: Status, owner: Option<u32>, out: &mut Out) {
        let pid = if status == Status::Stopped { Pid(0) } else { self.pid };
        State { pid, ..*self }.begin(out);
        out.key(b"status").text(status.name());
        if let Some(owner) = owner {
            out.field(b"rootfs", self.rootfs).field(b"created", self.created);
            let mut room = [0; 16];
            out.key(b"owner").text(owner_name(owner, &mut room));
        }
        self.end(out);
    }

    /// Its first process, while there is that.
    pub fn process(&self) -> Result<Option<Process>, Fail<'static>> {
        if self.pid.0 == 0 {
            return Ok(None);
        }
        Process::find(self.pid, self.start).at(Stage::State, self.id)
    }

    /// Reads that of a container. There is none where `create` did not get so far, or is still at it.
    pub fn load(entry: &Entry) -> Result<State, Fail<'static>> {
        let Some(state) = State::find(entry)? else {
            return fail(Stage::Container, entry.id, Why::NoContainer);
        };
        Ok(state)
    }

    /// The same where it may well be missing.
    #[inline(never)]
    pub fn find(entry: &Entry) -> Result<Option<State>, Fail<'static>> {
        let text = match read(entry) {
            Err(Errno::ENOENT) => return Ok(None),
            text => text.at(Stage::State, entry.id)?,
        };
        match State::parse(text, entry.id) {
            Ok(Some(state)) => Ok(Some(state)),
            _ => fail(Stage::State, entry.id, Why::BadState),
        }
    }

    /// Reads it, unless something is missing. What it doesn't know is for others.
    fn parse(text: &'static mut [u8], id: ZStr<'static>) -> Result<Option<State>, Bad> {
        let mut reader = Reader::of(text);
        let none = z!("");
        let mut state = State {
            id,
            pid: Pid(0),
            start: 0,
            bundle: none,
            rootfs: none,
            created: none,
            cgroup: none,
            unit: none,
            annotations: none,
            // Where it is not said there may be any.
            hooks: u8::MAX,
        };
        let mut found = 0u8;
        reader.object()?;
        while let Some(key) = reader.key()? {
            found |= known!(match key.bytes() {
                b"pid" => {
                    state.pid = i32::try_from(reader.number()?).map(Pid).map_err(|_| Bad::Range)?;
                    1
                }
                b"start" => {
                    state.start = reader.number()?;
                    2
                }
                b"bundle" => {
                    state.bundle = reader.text()?;
                    4
                }
                b"rootfs" => {
                    state.rootfs = reader.text()?;
                    8
                }
                b"created" => {
                    state.created = reader.text()?;
                    16
                }
                b"cgroup" => {
                    state.cgroup = reader.text()?;
                    32
                }
                b"unit" => {
                    state.unit = reader.text()?;
                    0
                }
                b"annotations" => {
                    state.annotations = reader.raw()?;
                    0
                }
                b"hooks" => {
                    state.hooks = reader.number()? as u8;
                    0
                }
                _ => {
                    reader.skip()?;
                    0
                }
            });
        }
        reader.end()?;
        Ok((found == 63).then_some(state))
    }
}

/// The bytes of state.json.
fn read(entry: &Entry) -> sys::Result<&'static mut [u8]> {
    let file = sys::openat(entry.dir, STATE, sys::O_RDONLY | NO_LINK, 0)?;
    // It never grows: another one takes its place.
    let text = sys::size_and_owner(file).and_then(|(size, _)| sys::read_text(file, size as usize + 1));
    sys::close(file);
    text
}

/// The name of a user, as far as it needs no list of them; `#1000` else, as runc has it.
pub fn owner_name(uid: u32, room: &mut [u8; 16]) -> &[u8] {
    if uid == 0 {
        return b"root";
    }
    let len = Text::on(room).put(b'#').number(uid.into()).len();
    room.get(..len).unwrap_or_default()
}

/// What a container is doing.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Status {
    /// It has no process yet.
    Creating,
    /// It waits to be started.
    Created,
    /// It has been started.
    Running,
    /// Its processes are frozen.
    Paused,
    /// Its first process has ended.
    Stopped,
}

impl Status {
    /// As the specification calls it.
    pub fn name(self) -> &'static [u8] {
        match self {
            Status::Creating => b"creating",
            Status::Created => b"created",
            Status::Running => b"running",
            Status::Paused => b"paused",
            Status::Stopped => b"stopped",
        }
    }

    /// That of a container, with its first process while there is that.
    #[inline(never)]
    pub fn of(entry: &Entry, state: &State) -> Result<(Status, Option<Process>), Fail<'static>> {
        if state.pid.0 == 0 {
            return Ok((Status::Creating, None));
        }
        let process = state.process()?;
        let status = if process.is_none() {
            Status::Stopped
        } else if cgroup::has_frozen(state.cgroup).at(Stage::Cgroup, entry.id)? {
            Status::Paused
        } else if entry.has_fifo().at(Stage::State, entry.id)? {
            Status::Created
        } else {
            Status::Running
        };
        Ok((status, process))
    }
}

#[cfg(test)]
mod tests;
