//! The child: its steps in order, then COMMAND. It reports its own failure, and never returns.

use crate::fail::Fail;
use crate::plan::STEPS;
#[cfg(feature = "init")]
use crate::plan::Step;
use crate::step::{self, World};
use crate::sys::{self, Errno};

/// A life: how far it is, and what it does it with.
pub struct Child<'p, 'w> {
    /// Which step is next.
    pub next: usize,
    #[allow(missing_docs)]
    pub world: World<'p, 'w>,
}

/// Lives it.
pub fn live(child: &mut Child<'_, '_>) -> ! {
    let reason = child.go().into();
    let World { stage, subject, .. } = child.world;
    sys::exit(Fail::new(stage, subject, reason).report())
}

impl Child<'_, '_> {
    /// It comes back only with what ended it.
    fn go(&mut self) -> Errno {
        while let Some(&(step, stage)) = STEPS.get(self.next) {
            self.next += 1;
            if !self.world.plan.steps.has(step) {
                continue;
            }
            self.world.now(stage, None);
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
        use crate::init::{Role, supervise};
        let plan = &*self.world.plan;
        let (first, wait_all) = (plan.makes(sys::CLONE_NEWPID), plan.wait_all);
        if !first {
            sys::become_subreaper()?;
        }
        let hold = if plan.init_lends { sys::CLONE_VM | sys::CLONE_VFORK } else { 0 };
        let main = sys::clone(hold, live, self)?;
        // No file system is kept busy by our working directory, no pipe open by a descriptor of ours. If that fails, all
        // else is well, and COMMAND runs.
        let _ = sys::chdir(crate::z!("/"));
        let _ = sys::close_range(3, i32::MAX as u32);
        sys::exit(supervise(main, Role::Init { first, wait_all }))
    }
}
