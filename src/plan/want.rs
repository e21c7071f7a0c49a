//! What the options with one value ask for, before it is known whether it makes sense together.

use super::{Descriptor, Plan};
use crate::cli::Opt;
use crate::fail::Why;
use crate::spec::{Given, Misuse, Spec, bit};
use crate::sys::{CLONE_NEWNS, CLONE_NEWUSER, ZStr};
use crate::text;

#[derive(Default)]
pub(super) struct Want<'s> {
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub chdir: Option<ZStr<'static>>,
    pub proc_dest: Option<ZStr<'static>>,
    pub proc_opts: Option<ZStr<'static>>,
    #[cfg(feature = "host")]
    pub hostname: Option<ZStr<'static>>,
    #[cfg(feature = "host")]
    pub domainname: Option<ZStr<'static>>,
    #[cfg(feature = "host")]
    pub boottime: (i64, u32),
    #[cfg(feature = "host")]
    pub monotonic: (i64, u32),
    pub umask: Option<u32>,
    pub block: Option<Descriptor>,
    pub joins_user: bool,
    pub joins_pid: bool,
    /// The last option that needs a UTS, a time, a user namespace of our own.
    needs: [Option<&'s Given>; 3],
}

impl<'s> Want<'s> {
    /// Takes note of one option.
    pub(super) fn note(&mut self, given: &'s Given, plan: &mut Plan<'_>) -> Result<(), Misuse<'s>> {
        match given.opt {
            Opt::Uid => self.uid = Some(id(given)?),
            Opt::Gid => self.gid = Some(id(given)?),
            Opt::Chdir => self.chdir = Some(given.a),
            #[cfg(feature = "root")]
            Opt::Proc => self.proc_dest = Some(super::below_root(given, given.a)?),
            #[cfg(feature = "root")]
            Opt::ProcOpts => self.proc_opts = Some(given.a),
            #[cfg(feature = "host")]
            Opt::Hostname => {
                self.hostname = Some(given.a);
                self.needs[0] = Some(given);
            }
            #[cfg(feature = "host")]
            Opt::Domainname => {
                self.domainname = Some(given.a);
                self.needs[0] = Some(given);
            }
            #[cfg(feature = "host")]
            Opt::Boottime => {
                self.boottime = seconds(given)?;
                self.needs[1] = Some(given);
            }
            #[cfg(feature = "host")]
            Opt::Monotonic => {
                self.monotonic = seconds(given)?;
                self.needs[1] = Some(given);
            }
            #[cfg(feature = "users")]
            Opt::MapUsers | Opt::MapGroups => {
                self.needs[2] = Some(given);
                super::users::note(given, plan)?;
            }
            #[cfg(feature = "process")]
            Opt::Argv0 => plan.exec.argv0 = Some(given.a),
            #[cfg(feature = "process")]
            Opt::Umask => match text::octal(given.a.bytes()).filter(|m| *m <= 0o777) {
                None => return Err(given.bad(Why::Mode)),
                mode => self.umask = mode,
            },
            #[cfg(feature = "process")]
            Opt::KeepFd => keep(given, plan)?,
            #[cfg(feature = "report")]
            Opt::PidFile => plan.reports.pid_file = Some(given.a),
            #[cfg(feature = "report")]
            Opt::InfoFd => plan.reports.info = Some(descriptor(given)?),
            #[cfg(feature = "report")]
            Opt::SyncFd => plan.reports.sync = Some(descriptor(given)?),
            #[cfg(feature = "report")]
            Opt::BlockFd => {
                self.block = Some(descriptor(given)?);
                keep(given, plan)?;
            }
            #[cfg(feature = "join")]
            Opt::Userns => self.join(given, bit::USER, plan)?,
            #[cfg(feature = "join")]
            Opt::Pidns => self.join(given, bit::PID, plan)?,
            #[cfg(feature = "join")]
            Opt::Netns => self.join(given, bit::NET, plan)?,
            #[cfg(feature = "join")]
            Opt::Utsns => self.join(given, bit::UTS, plan)?,
            #[cfg(feature = "join")]
            Opt::Ipcns => self.join(given, bit::IPC, plan)?,
            #[cfg(feature = "join")]
            Opt::Cgroupns => self.join(given, bit::CGROUP, plan)?,
            #[cfg(feature = "join")]
            Opt::Timens => self.join(given, bit::TIME, plan)?,
            // Filesystem operations and variables have an order of their own.
            _ => {}
        }
        Ok(())
    }

    /// Which namespaces are new, and whether everything has the one that it needs.
    pub(super) fn check(&mut self, spec: &'s Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Misuse<'s>> {
        const DEFAULT: u32 = 1 << bit::PID | 1 << bit::UTS | 1 << bit::IPC | 1 << bit::NET | 1 << bit::CGROUP;
        let mut new = DEFAULT & !(spec.flags as u32) | CLONE_NEWNS;
        if spec.has(bit::USER) || plan.ids.uid != 0 && !self.joins_user {
            new |= CLONE_NEWUSER;
        }
        #[cfg(feature = "join")]
        {
            if self.joins_user && spec.has(bit::USER) {
                return Err(Why::Joined.into());
            }
            for join in &plan.lists.joins {
                new &= !join.kind;
            }
        }
        let user = new & CLONE_NEWUSER != 0;
        let met = [new & 1 << bit::UTS != 0, spec.has(bit::TIME), user];
        for ((need, met), why) in
            self.needs.iter().zip(met).zip([Why::NeedsUts, Why::NeedsTime, Why::NeedsUser])
        {
            if let (Some(given), false) = (need, met) {
                return Err(given.bad(why));
            }
        }
        #[cfg(feature = "init")]
        if spec.has(bit::WAIT_ALL) && !spec.has(bit::INIT) {
            return Err(Why::NeedsInit.into());
        }
        plan.namespaces = new;
        #[cfg(feature = "users")]
        {
            super::users::check(self, plan);
            plan.held |= plan.maps;
        }
        #[cfg(feature = "report")]
        {
            plan.held |=
                plan.reports.pid_file.is_some() || plan.reports.info.is_some() || self.block.is_some();
        }
        Ok(())
    }

    #[cfg(feature = "join")]
    fn join(&mut self, given: &'s Given, bit: u8, plan: &mut Plan<'_>) -> Result<(), Misuse<'s>> {
        self.joins_user |= bit == bit::USER;
        self.joins_pid |= bit == bit::PID;
        match plan.lists.joins.push(super::Join { kind: 1 << bit, from: given.a }) {
            Ok(()) => Ok(()),
            Err(_) => Err(given.bad(Why::TooMany)),
        }
    }
}

/// A user or group id: decimal, and not the one that means "no change" to setresuid(2).
fn id<'s>(given: &'s Given) -> Result<u32, Misuse<'s>> {
    match text::decimal(given.a.bytes()).filter(|n| *n < u64::from(u32::MAX)) {
        Some(n) => Ok(n as u32),
        None => Err(given.bad(Why::Number)),
    }
}

/// The number of a descriptor.
#[cfg(any(feature = "process", feature = "report"))]
fn descriptor<'s>(given: &'s Given) -> Result<Descriptor, Misuse<'s>> {
    match text::decimal(given.a.bytes()).filter(|n| *n <= i32::MAX as u64) {
        Some(n) => Ok(Descriptor { number: n as u32, word: given.a }),
        None => Err(given.bad(Why::Number)),
    }
}

/// Seconds with a fraction, of either sign.
#[cfg(feature = "host")]
fn seconds<'s>(given: &'s Given) -> Result<(i64, u32), Misuse<'s>> {
    match text::seconds(given.a.bytes()) {
        Some(time) => Ok(time),
        None => Err(given.bad(Why::Number)),
    }
}

/// One descriptor more that stays open, in ascending order.
#[cfg(any(feature = "process", feature = "report"))]
fn keep<'s>(given: &'s Given, plan: &mut Plan<'_>) -> Result<(), Misuse<'s>> {
    let fd = descriptor(given)?;
    let at = plan.lists.kept.iter().position(|k| k.number >= fd.number).unwrap_or(plan.lists.kept.len());
    match plan.lists.kept.insert(at, fd) {
        Ok(()) => Ok(()),
        Err(_) => Err(given.bad(Why::TooManyKept)),
    }
}
