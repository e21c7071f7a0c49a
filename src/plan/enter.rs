//! The plan of `vesicle enter`: a child that makes no namespace, and whose root is there already.

use super::{Plan, Root, Step, Steps, choose};
use crate::cli::Opt;
use crate::fail::{Fail, Why};
use crate::spec::{Spec, misuse};
use crate::sys::{
    CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER,
    CLONE_NEWUTS,
};

/// A CLONE_NEW* by the number of its bit.
const fn bit(kind: u32) -> u8 {
    kind.trailing_zeros() as u8
}

/// The namespaces that PID has, by the options that name them.
pub const ENTERED: &[(Opt, u8)] = &[
    (Opt::Userns, bit(CLONE_NEWUSER)),
    (Opt::Pidns, bit(CLONE_NEWPID)),
    (Opt::Netns, bit(CLONE_NEWNET)),
    (Opt::Utsns, bit(CLONE_NEWUTS)),
    (Opt::Ipcns, bit(CLONE_NEWIPC)),
    (Opt::Cgroupns, bit(CLONE_NEWCGROUP)),
    (Opt::Timens, bit(CLONE_NEWTIME)),
    (Opt::Mntns, bit(CLONE_NEWNS)),
];

/// Which namespaces of PID are joined, and what the child does.
#[inline(never)]
pub(super) fn build(spec: &Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    let all = spec.has(Opt::All) || ENTERED.iter().all(|(opt, _)| !spec.has(*opt));
    for (opt, bit) in ENTERED {
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
    plan.guards_terminal = !privileged;
    let filters = !privileged || spec.has(Opt::Seccomp);
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
    /// Whether PID's namespace of this kind (CLONE_NEW*) is joined, if it is another one.
    pub fn enters(&self, kind: u32) -> bool {
        self.entered & kind != 0
    }

    /// Whether COMMAND has PID's ids and no more capabilities: where it goes to PID's root, or to its users.
    pub fn becomes_theirs(&self) -> bool {
        self.enters(CLONE_NEWNS | CLONE_NEWUSER)
    }
}
