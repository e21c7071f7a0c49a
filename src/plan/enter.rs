//! The plan of `vesicle enter`: a child that makes no namespace, and whose root is there already.

use super::{JOINS, Plan, Root, Step, Steps, choose};
use crate::cli::Opt;
use crate::fail::{Fail, Why};
use crate::spec::{Spec, misuse};
use crate::sys::{CLONE_NEWCGROUP, CLONE_NEWNS, CLONE_NEWUSER};

/// Which namespaces of PID are joined, and what the child does.
#[inline(never)]
pub(super) fn build(spec: &Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    let all = spec.has(Opt::All) || JOINS.iter().all(|(opt, _)| !spec.has(*opt));
    for (opt, bit) in JOINS {
        if spec.text(*opt).is_none() && (all || spec.has(*opt)) {
            plan.entered |= 1 << bit;
        }
    }
    let root = plan.enters(CLONE_NEWNS);
    if spec.has(Opt::TheirEnv) && !root {
        return misuse(Why::EnvNeedsRoot);
    }
    let other = spec.has(Opt::Uid) || spec.has(Opt::Gid);
    let becomes = plan.becomes_theirs();
    let privileged = plan.is_privileged();
    let grants = plan.grants();
    let mut steps = Steps::of(&[Step::Close, Step::Signals, Step::Exec]);
    choose::asked(spec, &mut steps);
    steps.add(Step::TheirCgroup, plan.enters(CLONE_NEWCGROUP) && !spec.has(Opt::NoCgroup));
    steps.add(Step::Enter, root);
    steps.add(Step::NoNewPrivs, !grants);
    steps.add(Step::Bound, becomes && !privileged);
    steps.add(Step::Caps, becomes && !privileged);
    steps.add(Step::Ids, becomes || other);
    steps.add(Step::DieWithParentStill, (becomes || other) && spec.has(Opt::DieWithParent));
    #[cfg(feature = "oci")]
    if spec.is_oci() {
        steps.add_all(Steps::of(&[Step::Bound, Step::Caps]));
        steps.add(Step::Terminal, plan.lists.bundle.console.is_some());
        plan.lists.bundle.task.steps(&mut steps);
    }
    plan.guards_terminal = !privileged;
    let filters = !privileged || spec.has(Opt::Seccomp);
    #[cfg(feature = "oci")]
    let filters = filters || plan.lists.bundle.filter.is_some();
    steps.add(Step::FilterEarly, filters && grants);
    steps.add(Step::Filter, filters && !grants);
    plan.namespaces = 0;
    plan.how = Root::Chroot;
    // Whoever is in there already could reach into the memory that the child borrowed.
    plan.borrow = false;
    plan.steps = steps;
    Ok(())
}

impl Plan<'_> {
    /// Whether COMMAND has PID's ids and no more capabilities: where it goes to PID's root, or to its users.
    pub fn becomes_theirs(&self) -> bool {
        self.enters(CLONE_NEWNS | CLONE_NEWUSER)
    }
}
