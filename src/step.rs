//! What each step of a child's life does: one arm a step, over the calls of [`sys`]. A step gives an errno; what was
//! being done, and to what, stands in the [`World`].

#[cfg(feature = "oci")]
mod bundle;
#[cfg(feature = "bwrap")]
pub(crate) mod bwrap;
#[cfg(feature = "caps")]
pub(crate) mod caps;
#[cfg(feature = "cgroup")]
mod cgroup;
#[cfg(feature = "oci")]
mod console;
#[cfg(feature = "oci")]
mod copy;
#[cfg(feature = "fs")]
mod data;
#[cfg(feature = "deny-net")]
mod deny_net;
#[cfg(any(feature = "fs", feature = "root"))]
mod dest;
#[cfg(feature = "fs")]
mod dev;
#[cfg(feature = "enter")]
mod enter;
pub mod exec;
#[cfg(feature = "seccomp")]
mod filter;
#[cfg(feature = "fs")]
mod fs;
#[cfg(feature = "safe")]
mod hide;
#[cfg(feature = "oci")]
pub(crate) mod hook;
#[cfg(feature = "host")]
mod host;
mod ids;
#[cfg(feature = "landlock")]
mod landlock;
#[cfg(feature = "limits")]
mod limits;
#[cfg(feature = "fs")]
mod mask;
#[cfg(feature = "linux7")]
mod mounts;
#[cfg(all(feature = "options", not(feature = "linux7")))]
#[path = "step/mounts/off.rs"]
mod mounts;
#[cfg(feature = "overlay")]
mod overlay;
#[cfg(feature = "path")]
pub(crate) mod path;
#[cfg(feature = "pivot")]
mod pivot;
#[cfg(feature = "placement")]
mod placement;
mod root;
#[cfg(feature = "oci")]
mod task;
#[cfg(feature = "template")]
mod template;
#[cfg(feature = "veth")]
mod veth;

#[cfg(feature = "oci")]
pub(crate) use bundle::bind as take_bind;
#[cfg(feature = "bwrap")]
pub use bwrap::Own;
#[cfg(feature = "enter")]
pub use enter::Entry;
#[cfg(feature = "options")]
pub use mounts::Mounts;
pub use root::Rootfs;

#[cfg(any(feature = "host", feature = "process", feature = "report"))]
use crate::cli::Opt;
use crate::fail::Stage;
#[cfg(feature = "oci")]
use crate::plan::kind;
use crate::plan::{Plan, Step};
#[cfg(any(feature = "options", feature = "process"))]
use crate::sys::Fd;
#[cfg(any(feature = "init", feature = "process"))]
use crate::sys::Pid;
use crate::sys::{self, SigSet, ZStr};
use crate::timings::Clock;
use crate::z;

/// What is being done, and to what: for the message if it fails, and for the timings.
#[allow(missing_docs)]
pub struct Doing {
    pub stage: Stage,
    pub subject: Option<ZStr<'static>>,
    pub clock: Clock,
}

impl Doing {
    /// This is being done now.
    #[inline(always)]
    pub fn now(&mut self, stage: Stage, subject: impl Into<Option<ZStr<'static>>>) {
        self.is(stage, subject.into());
    }

    #[cfg_attr(feature = "timings", inline(never))]
    fn is(&mut self, stage: Stage, subject: Option<ZStr<'static>>) {
        self.over();
        (self.stage, self.subject) = (stage, subject);
    }

    /// It is over, or has failed.
    pub fn over(&self) {
        self.clock.lap(self.stage, self.subject);
    }

    /// The execve that is the last.
    fn last(&mut self, command: ZStr<'static>) {
        self.subject = Some(command);
        self.clock.last(self.stage, self.subject);
    }
}

/// What the steps of one child hand on to each other.
pub struct World<'p, 'w> {
    #[allow(missing_docs)]
    pub plan: &'p mut Plan<'w>,
    #[allow(missing_docs)]
    pub doing: Doing,
    /// The caller's signal mask.
    pub mask: SigSet,
    /// Whether the caller had SIGCHLD ignored.
    pub ignored: bool,
    /// The cgroup.procs of the cgroup, where the clone could not do it.
    #[cfg(feature = "cgroup")]
    pub procs: Option<Fd>,
    /// The launcher, to see whether it lives.
    #[cfg(feature = "process")]
    pub launcher: Option<Fd>,
    /// The init that is our parent, where there is one.
    #[cfg(any(feature = "init", feature = "process"))]
    pub init: Option<Pid>,
    /// Where the launcher's word is read, and where it is written: that end is the launcher's alone.
    #[cfg(any(feature = "users", feature = "report", feature = "veth"))]
    pub gate: Option<(Fd, Fd)>,
    /// The state of a bundle's container, for its hooks, once it was read.
    #[cfg(feature = "oci")]
    pub state: &'static [u8],
    /// What is written to right before COMMAND's execve, and again when that has failed.
    #[cfg(feature = "report")]
    pub mark: Option<Fd>,
    /// Where an init tells the end of COMMAND, when others are left.
    #[cfg(feature = "bwrap")]
    pub early: Option<Fd>,
    #[allow(missing_docs)]
    #[cfg(feature = "bwrap")]
    pub own: Own,
    /// The caller's CPUs, where the launcher is pinned to one of them.
    #[cfg(feature = "placement")]
    pub cpus: Option<sys::Affinity>,
    /// What was there before.
    #[cfg(feature = "enter")]
    pub entry: Entry,
    /// Where the mount namespace comes from.
    #[cfg(feature = "options")]
    pub mounts: Mounts,
    /// ROOTFS, once it is taken.
    pub root: Rootfs,
    /// The caller's /proc, once it is taken.
    #[cfg(feature = "options")]
    pub proc: Option<Fd>,
    /// The caller's file mode creation mask, once it was changed.
    #[cfg(any(feature = "fs", feature = "root", feature = "process"))]
    pub umask: u32,
    /// The version of Landlock's ABI, once it was asked for; 0 where there is none.
    #[cfg(feature = "deny-net")]
    pub landlock: u32,
    /// The caller's limit of open files, once it was raised.
    #[cfg(feature = "fs")]
    pub files: Option<u32>,
}

/// Does one step.
pub fn run(step: Step, world: &mut World<'_, '_>) -> sys::Result<()> {
    match step {
        // No bundle asks for it.
        #[cfg(feature = "oci")]
        Step::Masks | Step::Proc | Step::Nice | Step::NoUserns if crate::plan::ALONE => {
            Err(sys::Errno::EOPNOTSUPP)
        }
        #[cfg(feature = "cgroup")]
        Step::Cgroup => cgroup::join(world),
        #[cfg(feature = "process")]
        Step::DieWithParent | Step::DieWithParentStill => {
            sys::parent_death(sys::SIGKILL)?;
            // It may have ended before we asked to be told. (In a new PID namespace a parent outside reads as 0.)
            let ended = match (world.init, world.launcher) {
                (Some(init), _) => sys::parent() != init,
                (None, Some(launcher)) => sys::has_ended(launcher)?,
                _ => false,
            };
            if ended { sys::exit(crate::status::OWN) } else { Ok(()) }
        }
        #[cfg(feature = "process")]
        Step::Session => sys::setsid(),
        #[cfg(any(feature = "users", feature = "report", feature = "veth"))]
        Step::Released => ids::wait_for_launcher(world),
        #[cfg(feature = "template")]
        Step::Template => template::join(world),
        #[cfg(feature = "enter")]
        Step::TheirCgroup => enter::join_cgroup(world),
        Step::IdMap => ids::write_own_maps(world.plan),
        #[cfg(feature = "disable-userns")]
        Step::NoUserns => ids::no_user_namespaces(world.plan),
        #[cfg(feature = "host")]
        Step::Time => host::new_clocks(world),
        #[cfg(feature = "host")]
        Step::HostName => sys::sethostname(world.names(Opt::Hostname)),
        #[cfg(feature = "host")]
        Step::DomainName => sys::setdomainname(world.names(Opt::Domainname)),
        #[cfg(feature = "loopback")]
        Step::Loopback => sys::loopback_up(),
        #[cfg(feature = "veth")]
        Step::Veth => veth::configure(world),
        // It is not there yet.
        #[cfg(feature = "linux7")]
        Step::Private if world.mounts.alone => Ok(()),
        #[cfg(feature = "oci")]
        Step::JoinMounts => bundle::join_mounts(world),
        // Without this pivot_root(2) says EINVAL, and what we mount would show up in the host's own tree.
        Step::Private => sys::set_propagation(
            z!("/"),
            // bubblewrap's binds see what is mounted on the host later.
            if world.plan.spec.is_bwrap() || world.plan.receives() { sys::MS_SLAVE } else { sys::MS_PRIVATE },
        ),
        #[cfg(feature = "oci")]
        Step::HooksInside => hook::inside(kind::CREATE_CONTAINER, world),
        #[cfg(feature = "oci")]
        Step::HooksBefore => hook::inside(kind::START_CONTAINER, world),
        #[cfg(feature = "oci")]
        Step::Terminal => console::make(world.plan, world.root, false),
        #[cfg(feature = "oci")]
        Step::Propagation => sys::set_propagation(z!("/"), world.plan.lists.bundle.propagation),
        #[cfg(feature = "oci")]
        Step::LabelFiles => task::open_files(world),
        #[cfg(feature = "oci")]
        Step::Labels => task::label(world),
        #[cfg(feature = "oci")]
        Step::Scheduler => world.plan.lists.bundle.task.scheduler.map_or(Ok(()), sys::set_scheduler),
        #[cfg(feature = "oci")]
        Step::IoPriority => world.plan.lists.bundle.task.io_priority.map_or(Ok(()), sys::set_io_priority),
        #[cfg(feature = "oci")]
        Step::Personality => world.plan.lists.bundle.task.personality.map_or(Ok(()), sys::set_personality),
        #[cfg(feature = "oci")]
        Step::Sysctls => bundle::sysctls(world),
        #[cfg(feature = "options")]
        Step::Sources => root::sources(world),
        Step::Rootfs => root::take(world),
        #[cfg(feature = "users")]
        Step::IdsInside => ids::inside(world),
        #[cfg(any(feature = "fs", feature = "root"))]
        Step::NoUmask => {
            world.umask = sys::umask(0);
            Ok(())
        }
        Step::Proc => root::proc(world),
        #[cfg(feature = "safe")]
        Step::Masks => hide::rootfs(world),
        #[cfg(feature = "fs")]
        Step::Operations => fs::operations(world),
        Step::Enter => root::enter(world),
        #[cfg(feature = "root")]
        Step::ReadOnly => pivot::read_only(world),
        #[cfg(feature = "bwrap")]
        Step::SecondUser => bwrap::second_user(world),
        #[cfg(feature = "bwrap")]
        Step::Userns2 => match world.plan.spec.get(Opt::Userns2) {
            Some(given) => sys::setns(given.fd(), sys::CLONE_NEWUSER),
            None => Ok(()),
        },
        #[cfg(feature = "bwrap")]
        Step::NotDisabled => bwrap::assert_userns_disabled(),
        #[cfg(feature = "bwrap")]
        Step::Chdir if world.plan.spec.bwrap => bwrap::chdir(world),
        #[cfg(feature = "process")]
        Step::Chdir => root::chdir(world),
        #[cfg(feature = "limits")]
        Step::OomScore => limits::oom_score(world),
        #[cfg(feature = "limits")]
        Step::Nice => limits::nice(world),
        #[cfg(feature = "limits")]
        Step::Rlimits => limits::rlimits(world),
        #[cfg(feature = "placement")]
        Step::Unpin => placement::unpin(world),
        #[cfg(feature = "limits")]
        Step::Cpuset => limits::cpuset(world),
        #[cfg(feature = "caps")]
        Step::Bound => caps::bound(world),
        #[cfg(feature = "caps")]
        Step::Caps => caps::take_on(world),
        #[cfg(feature = "deny-net")]
        Step::DenyNet => landlock::deny_net(world),
        #[cfg(feature = "landlock")]
        Step::Landlock => landlock::restrict(world),
        #[cfg(feature = "ids")]
        Step::Ids => ids::take_on(world.plan.uid, world.plan.gid, world),
        Step::NoNewPrivs => sys::no_new_privs(),
        #[cfg(any(feature = "fs", feature = "root", feature = "process"))]
        Step::Umask => {
            #[cfg(feature = "process")]
            if let Some(asked) = world.plan.spec.number(Opt::Umask) {
                world.umask = asked as u32;
            }
            sys::umask(world.umask);
            Ok(())
        }
        Step::Close => exec::close(world),
        Step::Signals => {
            if world.ignored {
                sys::swap_sigchld(&mut world.ignored)?;
            }
            sys::swap_mask(&mut world.mask)
        }
        #[cfg(feature = "report")]
        Step::Block => exec::block(world),
        #[cfg(feature = "seccomp")]
        Step::FilterEarly | Step::Filter => filter::load(world),
        #[cfg(feature = "oci")]
        Step::FilterNotify => filter::load(world),
        Step::Exec => Err(exec::exec(world)),
        // The one step that makes two lives of one: child.rs.
        #[cfg(feature = "init")]
        Step::Init => Ok(()),
    }
}

#[cfg(feature = "host")]
impl World<'_, '_> {
    /// The name that an option gives.
    fn names(&mut self, opt: Opt) -> &'static [u8] {
        self.doing.subject = self.plan.text(opt);
        self.doing.subject.map_or(b"", ZStr::bytes)
    }
}
