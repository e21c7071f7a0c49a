//! The parent: everything between the plan and the child, and then the wait.

#[cfg(feature = "oci")]
mod bundle;
#[cfg(feature = "bwrap")]
pub mod bwrap;
#[cfg(feature = "cgroup")]
mod cgroup;
#[cfg(any(feature = "cgroup", feature = "enter"))]
mod cgroup2;
#[cfg(feature = "enter")]
mod enter;
#[cfg(feature = "seccomp")]
mod filter;
#[cfg(feature = "join")]
mod join;
#[cfg(all(feature = "limits", any(feature = "users", feature = "report", feature = "veth")))]
mod limits;
#[cfg(feature = "args")]
mod load;
#[cfg(feature = "users")]
mod maps;
#[cfg(feature = "linux7")]
mod mounts;
#[cfg(feature = "placement")]
mod placement;
#[cfg(any(feature = "users", feature = "report", feature = "veth"))]
mod release;
#[cfg(feature = "report")]
mod report;
#[cfg(feature = "report")]
mod status;
#[cfg(any(feature = "enter", feature = "template"))]
mod target;
#[cfg(feature = "template")]
mod template;
#[cfg(feature = "veth")]
mod veth;
#[cfg(not(feature = "jobs"))]
mod wait;

#[cfg(feature = "oci")]
pub use bundle::Witness;
#[cfg(feature = "oci")]
pub(crate) use cgroup::{clear as clear_cgroup, is_in_user_namespace, write as write_cgroup, write_limit};
#[cfg(feature = "oci")]
pub(crate) use cgroup2::{of as cgroup_of, root as cgroup_root};
#[cfg(feature = "args")]
pub use load::load;

#[cfg(any(feature = "bwrap", not(feature = "linux7")))]
use crate::child;
use crate::child::Child;
#[cfg(feature = "report")]
use crate::cli::Opt;
#[cfg(any(feature = "bwrap", feature = "cgroup", feature = "timings"))]
use crate::fail::Voice;
use crate::fail::{At, Fail, Stage, Why, fail};
#[cfg(feature = "timeout")]
use crate::init::timeout::Timeout;
#[cfg(feature = "jobs")]
use crate::init::{launcher::Launcher, supervise};
#[cfg(feature = "veth")]
use crate::plan::Ends;
use crate::plan::Plan;
#[cfg(any(feature = "process", feature = "init"))]
use crate::plan::Step;
#[cfg(not(feature = "enter"))]
use crate::step::Rootfs;
use crate::step::{Doing, World};
#[cfg(any(feature = "args", feature = "join", feature = "seccomp"))]
use crate::sys::ZStr;
use crate::sys::{self, Fd, Pid, SigSet};
use crate::timings::Timings;
use crate::z;

/// A container: what has to be known of it until its end.
pub struct Container<'t> {
    main: Pid,
    #[cfg(feature = "jobs")]
    first: bool,
    #[cfg(feature = "jobs")]
    init: bool,
    #[cfg(feature = "report")]
    pid_file: Option<sys::ZStr<'static>>,
    #[cfg(feature = "report")]
    status: status::Status,
    #[cfg(feature = "cgroup")]
    cgroup: Option<cgroup::Cgroup>,
    #[cfg(feature = "veth")]
    ends: Ends,
    #[cfg(feature = "bwrap")]
    early: Option<Fd>,
    #[cfg(feature = "timeout")]
    timeout: Timeout,
    #[cfg(any(feature = "bwrap", feature = "cgroup", feature = "timings"))]
    voice: Voice,
    timings: &'t mut Timings,
}

impl<'t> Container<'t> {
    /// One that is still to be started.
    pub fn of(#[allow(unused_variables)] plan: &Plan<'_>, timings: &'t mut Timings) -> Container<'t> {
        Container {
            main: Pid(0),
            #[cfg(feature = "jobs")]
            first: plan.makes(sys::CLONE_NEWPID),
            #[cfg(feature = "jobs")]
            init: init(plan),
            #[cfg(feature = "report")]
            pid_file: plan.text(Opt::PidFile),
            #[cfg(feature = "report")]
            status: status::Status::of(plan),
            #[cfg(feature = "cgroup")]
            cgroup: None,
            #[cfg(feature = "veth")]
            ends: Ends::NONE,
            #[cfg(feature = "bwrap")]
            early: None,
            #[cfg(feature = "timeout")]
            timeout: Timeout::of(plan),
            #[cfg(any(feature = "bwrap", feature = "cgroup", feature = "timings"))]
            voice: plan.spec.voice(),
            timings,
        }
    }

    /// Starts it.
    pub fn start(&mut self, plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
        start(
            plan,
            self,
            #[cfg(feature = "oci")]
            None,
        )
    }

    /// It could not be started: says why, and when; the exit code.
    #[cfg(any(feature = "bwrap", feature = "cgroup", feature = "timings"))]
    #[cold]
    #[inline(never)]
    pub fn failed(&self, fail: &Fail<'_>) -> u8 {
        self.timings.failed(fail);
        let code = fail.report_in(self.voice);
        #[cfg(feature = "cgroup")]
        if let Some(cgroup) = &self.cgroup {
            cgroup.remove();
        }
        self.timings.tell(code);
        code
    }

    /// Waits for its end; the exit code.
    pub fn wait(#[allow(unused_mut)] mut self) -> u8 {
        #[cfg(not(feature = "jobs"))]
        let code = wait::wait(self.main, self.timings);
        #[cfg(feature = "jobs")]
        let code = {
            let mut launcher = Launcher::new(self.first, self.init, self.timings);
            #[cfg(feature = "bwrap")]
            {
                launcher.early = self.early;
            }
            #[cfg(feature = "timeout")]
            {
                launcher.timeout = self.timeout;
            }
            let code = supervise(Some(self.main), &mut launcher);
            #[cfg(all(feature = "report", feature = "timeout"))]
            {
                self.status.timed_out = launcher.timeout.is_up;
            }
            code
        };
        self.timings.waited();
        #[cfg(feature = "cgroup")]
        let killed = cgroup::over(self.cgroup);
        #[cfg(all(feature = "cgroup", not(feature = "report")))]
        let _ = killed;
        #[cfg(all(feature = "report", not(feature = "cgroup")))]
        let killed = 0;
        #[cfg(feature = "veth")]
        veth::remove(&mut self.ends);
        #[cfg(feature = "report")]
        report::remove(self.pid_file);
        #[cfg(feature = "report")]
        self.status.tell(code, killed);
        self.timings.tell(code);
        code
    }
}

/// With a frame of its own, as all that is large here: in a large one each access costs three bytes more.
fn start(
    plan: &mut Plan<'_>,
    container: &mut Container<'_>,
    #[cfg(feature = "oci")] witness: Option<&mut dyn Witness>,
) -> Result<(), Fail<'static>> {
    let Container { main, timings, .. } = container;
    if plan.caller.secure {
        return fail(Stage::Usage, None, Why::Secure);
    }
    timings.open(plan.spec)?;
    #[cfg(any(feature = "fs", feature = "process", feature = "report"))]
    check_descriptors(plan)?;
    #[cfg(feature = "seccomp")]
    filter::prepare(plan, timings.clock)?;
    #[cfg(feature = "cgroup")]
    let own = cgroup::find(plan, timings.clock)?;
    #[cfg(feature = "template")]
    template::begin(plan, timings.clock)?;
    // From here on no signal is lost: what comes is pending until the wait.
    let mut mask = SigSet::ALL;
    sys::swap_mask(&mut mask).at(Stage::Signals, None)?;
    // Ignored, as nohup leaves it, it would make children vanish before they are waited for.
    let mut ignored = false;
    sys::swap_sigchld(&mut ignored).at(Stage::Signals, None)?;
    #[cfg(feature = "cgroup")]
    cgroup::make(plan, own, &mut container.cgroup, timings.clock)?;
    // Behind the cgroup: in a user namespace of others we may have no right to that.
    #[cfg(feature = "enter")]
    let entry = enter::begin(plan, timings.clock)?;
    #[cfg(all(feature = "join", not(feature = "enter")))]
    join::join(plan, timings.clock)?;
    #[cfg(feature = "process")]
    let launcher = if plan.steps.has(Step::DieWithParent) { Some(die_with_parent(plan)?) } else { None };
    #[cfg(any(feature = "users", feature = "report", feature = "veth"))]
    let gate = release::gate(plan)?;
    #[cfg(feature = "report")]
    let mark = container.status.open()?;
    #[cfg(feature = "bwrap")]
    bwrap::limit(plan)?;
    #[cfg(feature = "bwrap")]
    let early = bwrap::early(plan, &mut container.early)?;
    #[cfg(feature = "timeout")]
    container.timeout.begin()?;
    #[cfg(feature = "linux7")]
    let mounts = mounts::make(plan);
    let clock = timings.child(plan)?;
    // What the child borrows is ours again when it has become COMMAND, or has ended.
    let hold = if plan.borrow { sys::CLONE_VM | sys::CLONE_VFORK } else { 0 };
    #[cfg(feature = "template")]
    let namespaces = plan.born_with();
    #[cfg(not(feature = "template"))]
    let namespaces = plan.namespaces;
    let world = World {
        plan: &mut *plan,
        doing: Doing { stage: Stage::Clone, subject: None, clock },
        mask,
        ignored,
        #[cfg(feature = "cgroup")]
        procs: None,
        #[cfg(feature = "process")]
        launcher,
        #[cfg(any(feature = "init", feature = "process"))]
        init: None,
        #[cfg(any(feature = "users", feature = "report", feature = "veth"))]
        gate,
        #[cfg(feature = "oci")]
        state: &[],
        #[cfg(feature = "report")]
        mark,
        #[cfg(feature = "bwrap")]
        early,
        #[cfg(feature = "bwrap")]
        own: crate::step::Own::default(),
        #[cfg(feature = "enter")]
        entry,
        #[cfg(feature = "linux7")]
        mounts,
        #[cfg(all(feature = "options", not(feature = "linux7")))]
        mounts: crate::step::Mounts,
        #[cfg(feature = "enter")]
        root: entry.root,
        #[cfg(not(feature = "enter"))]
        root: Rootfs(Fd::CWD),
        #[cfg(feature = "placement")]
        cpus: None,
        #[cfg(feature = "options")]
        proc: None,
        #[cfg(any(feature = "fs", feature = "root", feature = "process"))]
        umask: 0,
        #[cfg(feature = "deny-net")]
        landlock: 0,
        #[cfg(feature = "fs")]
        files: None,
    };
    let mut child = Child { next: 0, world };
    #[cfg(feature = "placement")]
    placement::pin(&mut child.world);
    #[cfg(feature = "cgroup")]
    let made = match &container.cgroup {
        Some(cgroup) => cgroup.bear(namespaces | hold, &mut child),
        #[cfg(feature = "linux7")]
        None => mounts::clone(namespaces | hold, None, &mut child).at(Stage::Clone, None),
        #[cfg(not(feature = "linux7"))]
        None => sys::clone(namespaces | hold, child::live, &mut child).at(Stage::Clone, None),
    };
    #[cfg(all(feature = "linux7", not(feature = "cgroup")))]
    let made = mounts::clone(namespaces | hold, None, &mut child).at(Stage::Clone, None);
    #[cfg(not(any(feature = "cgroup", feature = "linux7")))]
    let made = sys::clone(namespaces | hold, child::live, &mut child).at(Stage::Clone, None);
    #[cfg(feature = "bwrap")]
    let made = match made {
        // What was asked for if it can be had.
        Err(_) if child.world.plan.tries != 0 => {
            let left = child.world.plan.without_tries();
            sys::clone(left | hold, child::live, &mut child).at(Stage::Clone, None)
        }
        made => made,
    };
    #[cfg(feature = "placement")]
    placement::unpin(&child.world);
    *main = made?;
    timings.cloned(hold != 0);
    #[cfg(any(feature = "users", feature = "report", feature = "veth"))]
    release::release(
        plan,
        *main,
        mask,
        gate,
        #[cfg(feature = "oci")]
        witness,
        timings.clock,
    )?;
    #[cfg(feature = "linux7")]
    mounts::let_go(plan);
    #[cfg(feature = "veth")]
    {
        container.ends = plan.ends;
    }
    #[cfg(feature = "report")]
    if let Some(mark) = mark {
        sys::close(mark);
    }
    #[cfg(feature = "bwrap")]
    bwrap::let_go(plan, container);
    Ok(())
}

/// Whether the child is an init.
#[cfg(feature = "jobs")]
fn init(plan: &Plan<'_>) -> bool {
    #[cfg(feature = "init")]
    return plan.steps.has(Step::Init);
    #[cfg(not(feature = "init"))]
    {
        let _ = plan;
        false
    }
}

/// Those that are named must be open: a closed one would soon be one of our own.
#[cfg(any(feature = "fs", feature = "process", feature = "report"))]
fn check_descriptors(plan: &Plan<'_>) -> Result<(), Fail<'static>> {
    let mut named = plan.spec.given.iter().filter(|g| g.opt.is_fd());
    named.try_for_each(|g| sys::is_open(g.fd()).at(Stage::Descriptor, g.a))
}

/// We end with our parent, but for a bundle, which has its child end with us alone; and the child can see whether we have.
#[cfg(feature = "process")]
fn die_with_parent(plan: &Plan<'_>) -> Result<Fd, Fail<'static>> {
    if !plan.spec.is_oci() {
        let parent = sys::parent();
        sys::parent_death(sys::SIGKILL).at(Stage::Parent, None)?;
        if sys::parent() != parent {
            sys::exit(crate::status::OWN) // It ended between the two.
        }
    }
    sys::pidfd_self().at(Stage::Parent, None)
}

/// Nobody asks for it.
#[cfg(not(feature = "args"))]
pub fn load(source: crate::cli::Source) -> Result<sys::Block, Fail<'static>> {
    let (crate::cli::Source::Fd(word) | crate::cli::Source::File(word)) = source;
    fail(Stage::Argument, word, Why::Unknown)
}

/// The descriptor that has this number; none where it isn't one.
#[cfg(any(feature = "args", feature = "join", feature = "seccomp"))]
#[inline(never)]
fn descriptor(number: ZStr<'_>) -> Option<Fd> {
    crate::text::decimal(number.bytes()).and_then(|n| i32::try_from(n).ok()).map(|n| Fd::inherited(n as u32))
}

/// A text on stdout.
pub fn print(text: &[u8]) -> Result<(), Fail<'static>> {
    sys::write(Fd::STDOUT, text).at(Stage::Report, z!("standard output"))
}

/// A usage text on stdout. With a frame of its own: nobody else pays for its pages.
#[cfg(feature = "help")]
#[inline(never)]
pub fn help(help: crate::cli::Help) -> Result<(), Fail<'static>> {
    let mut room = [0; 8192];
    let mut text = crate::text::Text::on(&mut room);
    help.write(&mut text);
    print(text.get())
}
