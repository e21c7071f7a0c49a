//! The child: its steps in order, then COMMAND. It reports its own failure, and never returns.

#[cfg(any(feature = "cgroup", feature = "init"))]
use crate::cli::Opt;
use crate::fail::Fail;
#[cfg(feature = "init")]
use crate::fail::Stage;
#[cfg(feature = "cgroup")]
use crate::fail::Why;
#[cfg(feature = "init")]
use crate::plan::Step;
use crate::plan::{NAMED_WITHIN, STEPS};
use crate::step::{self, Doing, World};
use crate::sys::{self, Errno};

/// A life: how far it is, and what it does it with.
pub struct Child<'p, 'w> {
    /// Which step is next.
    pub next: usize,
    #[allow(missing_docs)]
    pub world: World<'p, 'w>,
}

/// Lives it.
pub extern "C" fn live(child: &mut Child<'_, '_>) -> ! {
    #[cfg(feature = "init")]
    if child.world.init.is_some() {
        child.world.doing.clock.born();
    }
    let reason = child.go();
    child.world.doing.over();
    // Where it must not write, a signal would end it before its exit code does.
    #[cfg(feature = "limits")]
    if child.world.plan.steps.has(crate::plan::Step::Rlimits) {
        let _ = sys::swap_mask(&mut { sys::SigSet::ALL });
    }
    let Doing { stage, subject, .. } = child.world.doing;
    // The kernel kills nobody who has borrowed memory for want of it.
    #[cfg(feature = "cgroup")]
    if reason == Errno::ENOMEM && child.world.plan.spec.has(Opt::Memory) {
        let fail = Fail::new(stage, subject, Why::OutOfMemory);
        sys::exit(fail.report_in(child.world.plan.spec.voice()))
    }
    #[cfg(feature = "oci")]
    if child.world.plan.spec.is_oci()
        && let Some(mark) = child.world.mark
    {
        Fail::new(stage, subject, reason).report_to(mark);
        sys::exit(crate::status::OWN)
    }
    sys::exit(Fail::new(stage, subject, reason).report_in(child.world.plan.spec.voice()))
}

impl Child<'_, '_> {
    /// It comes back only with what ended it.
    fn go(&mut self) -> Errno {
        while let Some(&(step, stage)) = STEPS.get(self.world.plan.steps.first_from(self.next)) {
            self.next = step as usize + 1;
            if !(cfg!(feature = "timings") && NAMED_WITHIN.has(step)) {
                self.world.doing.now(stage, None);
            }
            #[cfg(feature = "init")]
            if step == Step::Init
                && let Err(e) = self.split()
            {
                return e;
            }
            if let Err(e) = step::run(step, &mut self.world) {
                return e;
            }
        }
        // The last step is execve.
        Errno::ENOEXEC
    }

    /// The rest of this life is our child's; we are its init, and hold nothing.
    #[cfg(feature = "init")]
    fn split(&mut self) -> sys::Result<()> {
        use crate::init::{serve::Init, start::let_go, supervise};
        use crate::spec::duties::{Duties, Tool};
        let plan = &*self.world.plan;
        let (first, wait_all, lends) =
            (plan.makes(sys::CLONE_NEWPID), plan.spec.has(Opt::WaitAll), plan.init_lends);
        #[cfg(feature = "caps")]
        let limited = plan.steps.has(Step::Caps);
        if !first && !plan.spec.is_bwrap() {
            self.world.doing.now(Stage::Subreaper, None);
            sys::become_subreaper()?;
        }
        // Before COMMAND is there: it could look at /proc/1/fd, and find what the caller had open.
        self.world.doing.now(Stage::Close, None);
        #[cfg(feature = "bwrap")]
        let bwrap = self.world.plan.spec.bwrap;
        #[cfg(not(feature = "bwrap"))]
        let bwrap = false;
        if bwrap {
            #[cfg(feature = "bwrap")]
            step::bwrap::become_init(&mut self.world)?;
        } else {
            step::exec::close(&self.world)?;
        }
        self.world.doing.now(Stage::Start, None);
        self.world.init = Some(sys::me()?);
        let hold = if lends { sys::CLONE_VM | sys::CLONE_VFORK } else { 0 };
        let main = sys::clone(hold, live, self)?;
        self.world.doing.clock.let_go(lends);
        #[cfg(feature = "caps")]
        if limited && !bwrap {
            self.world.doing.now(Stage::Caps, None);
            step::caps::of_init()?;
        }
        let duties = Duties { wait_all, ..Duties::new(Tool::Vesicle) };
        let mut init = Init::new(&duties, first);
        #[cfg(feature = "bwrap")]
        if bwrap {
            init.early = self.world.early;
            step::bwrap::let_go(&mut self.world)?;
            sys::exit(supervise(Some(main), &mut init))
        }
        let_go();
        sys::exit(supervise(Some(main), &mut init))
    }
}
