//! The cgroup of a container, cgroups(7): made before the child is, which is born in it, and removed behind the last of them.
//!
//! All is found from one descriptor: the caller's own cgroup.

mod controllers;
#[cfg(feature = "oci")]
mod devices;
mod end;
mod limits;
#[cfg(feature = "oci")]
mod rootless;

#[cfg(feature = "oci")]
pub(crate) use end::clear;
pub(super) use end::over;
#[cfg(feature = "oci")]
pub(crate) use limits::write_limit;
#[cfg(feature = "oci")]
pub(crate) use rootless::is_in_user_namespace;

use super::cgroup2;
use crate::child::{self, Child};
use crate::cli::Opt;
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::plan::{Plan, Step};
use crate::sys::{self, Errno, Fd, Pid, ZStr};
use crate::text::{Text, fields};
use crate::timings::Clock;
use crate::z;

/// A cgroup that a container has.
pub(super) struct Cgroup {
    /// The caller's own, which it lies in.
    own: Fd,
    /// That is the root of the hierarchy instead, whoever is in it.
    #[cfg(feature = "oci")]
    from_root: bool,
    /// What it is called there, as far as that was not said: `vesicle-PID`.
    name: [u8; NAME],
    /// What it was called.
    path: Option<ZStr<'static>>,
    /// The directory itself.
    dir: Fd,
    /// How many of the last components of its path we have made: none where it was there.
    new: usize,
    /// The controllers that we have enabled in the caller's own cgroup, a bit each, after we had left it ourselves.
    moved: u8,
    /// memory.max, where it was asked for.
    memory: Option<u64>,
    /// How many processes had been killed for want of memory before.
    killed: u64,
}

/// Room for a name of ours.
const NAME: usize = 32;
/// PATH_MAX of limits.h.
const PATH_MAX: usize = 4096;
/// To open a directory by, or to start a child in it.
const DIRECTORY: u32 = sys::O_PATH | sys::O_DIRECTORY | sys::O_NOFOLLOW;
/// There is no link in a cgroup2, and nothing else of ours to reach from there.
const BENEATH: u32 = sys::RESOLVE_BENEATH | sys::RESOLVE_NO_SYMLINKS | sys::RESOLVE_NO_XDEV;

/// The caller's own cgroup, where a container needs one: before a cgroup namespace is joined, in which it reads differently.
pub(super) fn find(plan: &Plan<'_>, clock: Clock) -> Result<Option<Fd>, Fail<'static>> {
    if !plan.steps.has(Step::Cgroup) {
        return Ok(None);
    }
    #[cfg(feature = "oci")]
    if plan.spec.is_oci() {
        // Where there is no version 2 at all, a container without limits does without.
        let at = z!("/sys/fs/cgroup");
        return match cgroup2::root() {
            Err(Errno::ENODEV) if plan.lists.bundle.writes.is_empty() => Ok(None),
            Err(Errno::ENODEV) => fail(Stage::FindCgroup, at, Why::NoCgroup2),
            root => root.map(Some).at(Stage::FindCgroup, at),
        };
    }
    let own = own()?;
    clock.lap(Stage::FindCgroup, None);
    Ok(Some(own))
}

/// The directory of the path that /proc/self/cgroup tells.
#[inline(never)]
fn own() -> Result<Fd, Fail<'static>> {
    let from = z!("/proc/self/cgroup");
    let mut room = [0; cgroup2::ROOM];
    let place = cgroup2::place(Fd::CWD, from, &mut room).at(Stage::Read, from)?;
    let own = place.and_then(cgroup2::Place::open);
    own.map_or_else(|| fail(Stage::FindCgroup, z!("/sys/fs/cgroup"), Why::NoCgroup2), Ok)
}

/// Makes the cgroup in the caller's `own`, with its limits. It is in `to` from the first moment when something could be left.
#[inline(never)]
pub(super) fn make(
    plan: &mut Plan<'_>,
    own: Option<Fd>,
    to: &mut Option<Cgroup>,
    clock: Clock,
) -> Result<(), Fail<'static>> {
    let Some(own) = own else { return Ok(()) };
    let cgroup = to.insert(Cgroup {
        own,
        #[cfg(feature = "oci")]
        from_root: plan.spec.is_oci(),
        name: [0; NAME],
        path: plan.spec.cgroup(),
        dir: own,
        new: 0,
        moved: 0,
        memory: plan.spec.number(Opt::Memory),
        killed: 0,
    });
    let done = cgroup.make_path();
    #[cfg(feature = "oci")]
    if plan.spec.is_oci() && rootless::is_denied(cgroup, done) && rootless::does_without(plan) {
        *to = None;
        return Ok(());
    }
    cgroup.told(Stage::MakeCgroup, done)?;
    clock.lap(Stage::MakeCgroup, cgroup.path);
    limits::set(plan, cgroup, clock)?;
    if cgroup.new == 0 && cgroup.memory.is_some() {
        cgroup.killed = end::killed(cgroup.dir);
    }
    #[cfg(feature = "oci")]
    {
        plan.lists.bundle.has_cgroup = true;
    }
    Ok(())
}

impl Cgroup {
    /// Where it lies below the caller's own.
    fn path(&self) -> ZStr<'_> {
        self.path.or(ZStr::until_nul(&self.name)).unwrap_or(z!(""))
    }

    /// With a failure that names it.
    fn told<T>(&self, stage: Stage, done: sys::Result<T>) -> Result<T, Fail<'static>> {
        done.map_err(|e| Fail::new(stage, self.path.or_else(|| lasting(&[self.path().bytes()])), e))
    }

    /// Makes it, and what leads to it.
    fn make_path(&mut self) -> sys::Result<()> {
        if self.path.is_none() {
            Text::on(&mut self.name).push(b"vesicle-").number(sys::me()?.0 as u64);
        }
        match sys::mkdirat(self.own, self.path(), 0o755) {
            Ok(()) => self.new = 1,
            Err(Errno::EEXIST) if self.path.is_none() => {
                // Of a launcher that had our process id and was killed, or of one in another PID namespace.
                end::remove_stale(self.own, self.path())?;
                sys::mkdirat(self.own, self.path(), 0o755)?;
                self.new = 1;
            }
            Err(Errno::EEXIST) => {}
            Err(Errno::ENOENT) => self.make_all()?,
            Err(e) => return Err(e),
        }
        self.dir = sys::openat2(self.own, self.path(), DIRECTORY, BENEATH)?;
        Ok(())
    }

    /// The same where something on the way is missing, one by one.
    #[inline(never)]
    fn make_all(&mut self) -> sys::Result<()> {
        let mut room = [0; PATH_MAX];
        let mut text = Text::on(&mut room);
        for part in fields(self.path.map_or(b"", ZStr::bytes), b'/') {
            let before = text.len();
            if before > 0 {
                text.put(b'/');
            }
            let made = text
                .push(part)
                .zstr()
                .map_or(Err(Errno::ENAMETOOLONG), |path| sys::mkdirat(self.own, path, 0o755));
            match made {
                Ok(()) => self.new = self.new.wrapping_add(1),
                Err(Errno::EEXIST) if self.new == 0 => {}
                Err(e) => {
                    // What there is of it so far goes.
                    let so_far = text.get().get(..before).unwrap_or_default();
                    end::remove_path(self.own, so_far, self.new);
                    self.new = 0;
                    return Err(e);
                }
            }
        }
        Ok(())
    }

    /// clone(2) of a child in it: by one call, or where there is none, as the child's own first step.
    pub(super) fn bear(&self, flags: u32, child: &mut Child<'_, '_>) -> Result<Pid, Fail<'static>> {
        // The child makes it when it is where the root of it shall be.
        let flags = flags & !sys::CLONE_NEWCGROUP;
        #[cfg(feature = "linux7")]
        let born = super::mounts::clone(flags, Some(self.dir), child);
        #[cfg(not(feature = "linux7"))]
        let born = sys::clone_into(self.dir, flags, child::live, child);
        #[cfg(feature = "oci")]
        let born = match born {
            // As many are in it as may be born there. Who comes in from outside is not counted so.
            Err(Errno::EAGAIN) if child.world.plan.spec.is_oci() => Err(Errno::EPERM),
            born => born,
        };
        let born = match born {
            // It may be a filter of system calls that says so.
            Err(Errno::ENOSYS | Errno::EPERM) => {
                let procs = sys::openat(self.dir, z!("cgroup.procs"), sys::O_WRONLY, 0);
                let procs = self.told(Stage::JoinCgroup, procs)?;
                child.world.procs = Some(procs);
                #[cfg(feature = "linux7")]
                let flags = if child.world.mounts.alone { flags & !sys::CLONE_NEWNS } else { flags };
                let born = sys::clone(flags, child::live, child);
                #[cfg(feature = "oci")]
                if let Ok(pid) = born
                    && child.world.plan.spec.is_oci()
                {
                    // It is in it before we go on, or will say what stands against that.
                    let _ = sys::write(procs, Text::on(&mut [0; 24]).number(pid.0 as u64).get());
                }
                sys::close(procs);
                born
            }
            Err(e @ (Errno::ENOENT | Errno::EACCES | Errno::EBUSY | Errno::ENODEV | Errno::EOPNOTSUPP)) => {
                return self.told(Stage::JoinCgroup, Err(e));
            }
            born => born,
        };
        born.at(Stage::Clone, None)
    }
}

/// Opens a file of a cgroup, writes it and closes it.
#[inline(never)]
pub(crate) fn write(dir: Fd, file: ZStr<'_>, text: &[u8]) -> sys::Result<()> {
    let file = sys::openat2(dir, file, sys::O_WRONLY, BENEATH)?;
    let done = sys::write(file, text);
    sys::close(file);
    done
}

/// Opens it, reads it once and closes it: what it says, as far as there is room.
#[inline(never)]
fn read<'r>(dir: Fd, file: ZStr<'_>, room: &'r mut [u8]) -> sys::Result<&'r [u8]> {
    let file = sys::openat(dir, file, sys::O_RDONLY, 0)?;
    let len = sys::read(file, room);
    sys::close(file);
    Ok(room.get(..len? as usize).unwrap_or_default())
}

/// A text for a message, which outlives whoever failed.
#[cold]
#[inline(never)]
fn lasting(parts: &[&[u8]]) -> Option<ZStr<'static>> {
    let room = sys::room(2 * PATH_MAX).ok()?;
    let mut text = Text::on(room);
    for part in parts {
        text.push(part);
    }
    ZStr::until_nul(room)
}
