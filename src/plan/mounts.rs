//! Whether a mount namespace can begin with ROOTFS alone, where the kernel makes one.

#[cfg(feature = "fs")]
use super::Do;
use super::{Plan, Root, Step, Steps};
#[cfg(any(feature = "report", feature = "template"))]
use crate::cli::Opt;

/// Steps that look something up below ROOTFS, or change ROOTFS itself, when the working directory may be another one.
const BELOW: Steps = Steps::of(&[
    #[cfg(feature = "safe")]
    Step::Masks,
    #[cfg(feature = "fs")]
    Step::Operations,
    #[cfg(feature = "root")]
    Step::ReadOnly,
    #[cfg(feature = "landlock")]
    Step::Landlock,
]);

/// Operations that need the caller's mounts when ROOTFS has been entered: layers are looked up by the kernel when an overlay is
/// mounted.
#[cfg(feature = "fs")]
fn is_overlay(what: Do) -> bool {
    #[cfg(feature = "overlay")]
    return matches!(what, Do::Layer | Do::Overlay | Do::TmpOverlay | Do::RoOverlay);
    #[cfg(not(feature = "overlay"))]
    {
        let _ = what;
        false
    }
}

/// Those that take copies of them before: whoever does not own them can't copy them one by one. And a sysfs, which in a user
/// namespace can be mounted where one is seen.
#[cfg(feature = "fs")]
fn takes(what: Do) -> bool {
    matches!(what, Do::Bind | Do::BindFd | Do::Dev | Do::Mask | Do::Sysfs)
}

impl Plan<'_> {
    /// Whether it can begin with ROOTFS alone, for somebody who owns the caller's mounts, or not: what is needed of them can be
    /// taken before, and what namespace it is can be told before it is there.
    pub fn begins_with_rootfs(&self, owner: bool) -> bool {
        // A copy of a template's mounts costs next to nothing, and its /proc tells nothing that can be believed.
        #[cfg(feature = "template")]
        if self.spec.has(Opt::Template) {
            return false;
        }
        #[cfg(feature = "oci")]
        if self.joins_mounts() {
            return false;
        }
        #[cfg(feature = "report")]
        if !owner && (self.spec.has(Opt::InfoFd) || self.spec.has(Opt::JsonStatusFd)) {
            return false;
        }
        #[cfg(feature = "fs")]
        if self.lists.operations.iter().any(|o| is_overlay(o.what) || !owner && takes(o.what)) {
            return false;
        }
        let shares_proc = self.shared_proc && self.steps.has(Step::Proc);
        self.how == Root::Pivot && !self.joins_user() && (owner || !shares_proc)
    }

    /// Whether ROOTFS has to be open for later steps.
    pub fn looks_below_rootfs(&self) -> bool {
        self.steps.meet(BELOW)
    }
}
