//! The child: its steps in order, then COMMAND. It reports its own failure, and never returns.

use crate::fail::Fail;
use crate::plan::Step;
use crate::step::{self, World};
use crate::sys::{self, Errno};
use crate::z;
use core::mem;

/// A life: what is left to do, and what it does it with.
pub struct Child<'p> {
    /// The steps that are still to come.
    pub steps: &'p mut [Step],
    #[allow(missing_docs)]
    pub world: World<'p>,
}

/// Lives it.
pub fn live(child: &mut Child<'_>) -> ! {
    let reason = child.go().into();
    let World { stage, subject, .. } = child.world;
    sys::exit(Fail { stage, subject, reason }.report())
}

impl Child<'_> {
    /// It comes back only with what ended it.
    fn go(&mut self) -> Errno {
        while let Some((step, rest)) = mem::take(&mut self.steps).split_first_mut() {
            self.steps = rest;
            let done = match step {
                Step::Rootfs { .. } => {
                    // The last sight of the host's tree.
                    self.steps
                        .iter_mut()
                        .try_for_each(|later| step::resolve(later, &mut self.world))
                        .and_then(|()| {
                            self.world.now(step.stage(), step.subject());
                            step::run(step, &mut self.world)
                        })
                }
                #[cfg(feature = "init")]
                Step::Init { wait_all, first, borrow } => {
                    let (wait_all, first, borrow) = (*wait_all, *first, *borrow);
                    self.world.now(step.stage(), None);
                    self.split(wait_all, first, borrow)
                }
                _ => {
                    self.world.now(step.stage(), step.subject());
                    step::run(step, &mut self.world)
                }
            };
            if let Err(e) = done {
                return e;
            }
        }
        // The last step is execve.
        Errno::ENOEXEC
    }

    /// The rest of this life is our child's; we are its init, and hold nothing.
    #[cfg(feature = "init")]
    fn split(&mut self, wait_all: bool, first: bool, borrow: bool) -> sys::Result<()> {
        use crate::init::{Role, supervise};
        if !first {
            sys::become_subreaper()?;
        }
        let flags = if borrow { sys::CLONE_VM | sys::CLONE_VFORK } else { 0 };
        let main = sys::clone(flags, live, self)?;
        // No file system is kept busy by our working directory, no pipe open by a descriptor of ours. If that fails, all
        // else is well, and COMMAND runs.
        let _ = sys::chdir(z!("/"));
        let _ = sys::close_range(3, i32::MAX as u32);
        sys::exit(supervise(main, Role::Init { wait_all }))
    }
}
