//! What begins in the namespaces of a running container: which of them are joined, and what that changes.

#[cfg(feature = "safe")]
use super::Caps;
use super::{Plan, Step};
use crate::cli::Opt;
use crate::fail::{Fail, Why};
use crate::spec::Spec;
use crate::sys::{CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER, Fd, Pid};

/// Those that a process is in from its birth on: they are joined by whoever makes it.
const BORN: u32 = CLONE_NEWPID | CLONE_NEWTIME;

/// The number of a namespace of each of NAMESPACES that is told of, as a process has told them; 0 of none.
pub type Numbers = [[u8; 8]; 6];

/// What launcher and child have of it.
pub struct Template {
    /// The process.
    pub target: Option<Fd>,
    /// Where the child tells that it is there, if it is waited for: (the launcher's end, its own).
    pub joined: Option<(Fd, Fd)>,
    /// What it tells: its namespaces.
    pub numbers: Numbers,
    /// The caller's /proc/self, for what needs it when that is out of sight.
    pub proc: Option<Fd>,
}

impl Template {
    pub(super) const NONE: Template =
        Template { target: None, joined: None, numbers: [[0; 8]; 6], proc: None };
}

/// Takes those that are joined out of the `new` ones, but for the mount namespace: that is a copy of the template's.
/// `others` are those that other options share or join.
#[inline(never)]
pub(super) fn build(
    spec: &Spec<'_>,
    plan: &mut Plan<'_>,
    others: u32,
    new: &mut u32,
) -> Result<(), Fail<'static>> {
    let Some(given) = spec.get(Opt::Template) else { return Ok(()) };
    // That of its users is joined where it is another one, which only the kernel knows.
    plan.entered = (given.number >> 32) as u32 & !CLONE_NEWUSER;
    let mut others = others & !CLONE_NEWNS;
    if spec.has(Opt::UnshareUser) {
        others |= CLONE_NEWUSER;
    }
    #[cfg(feature = "host")]
    if spec.has(Opt::UnshareTime) {
        others |= CLONE_NEWTIME;
    }
    if others & (plan.entered | CLONE_NEWUSER) != 0 {
        return given.bad(Why::TemplateOther);
    }
    #[cfg(feature = "overlay")]
    if plan.enters(CLONE_NEWNS)
        && let Some(layer) = spec.get(Opt::OverlaySrc)
    {
        return layer.bad(Why::TemplateOverlay);
    }
    *new &= !(plan.entered & !CLONE_NEWNS | CLONE_NEWUSER);
    Ok(())
}

impl Plan<'_> {
    /// The process that is the template.
    pub fn template_pid(&self) -> Pid {
        Pid(self.spec.number(Opt::Template).unwrap_or(0) as i32)
    }

    /// CLONE_NEW* that whoever makes the child joins, and those that it joins itself.
    pub fn joined_before(&self) -> u32 {
        self.entered & BORN
    }

    #[allow(missing_docs)]
    pub fn joined_by_child(&self) -> u32 {
        self.entered & !(BORN | CLONE_NEWUSER)
    }

    /// CLONE_NEW* for clone(2): a mount namespace would be a copy of the caller's.
    pub fn born_with(&self) -> u32 {
        if self.enters(CLONE_NEWNS) { self.namespaces & !CLONE_NEWNS } else { self.namespaces }
    }

    /// The template's user namespace turned out to be another one, and is joined: root in there is none outside, and COMMAND
    /// has ids of that namespace.
    #[inline(never)]
    pub fn joins_their_users(&mut self) {
        self.entered |= CLONE_NEWUSER;
        #[cfg(feature = "safe")]
        {
            self.steps.remove(Step::Masks);
            if !self.spec.has(Opt::CapAdd) && !self.spec.has(Opt::CapDrop) {
                self.steps.remove(Step::Bound);
                self.steps.remove(Step::Caps);
            }
            self.caps = Caps::of(self.spec, false, self.how, self.caller.uid == 0);
        }
        self.steps.add(Step::Ids, true);
        #[cfg(feature = "process")]
        self.steps.add(Step::DieWithParentStill, self.spec.has(Opt::DieWithParent));
        // Whoever is in there already could reach into the memory that the child borrowed.
        self.borrow = false;
        #[cfg(feature = "init")]
        {
            self.init_lends = false;
        }
    }
}
