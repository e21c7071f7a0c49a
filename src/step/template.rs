//! A template: what a child does to begin there.
//!
//! Nothing of the template's /proc is believed: who is root in there may have made it.

use super::World;
use crate::cli::Opt;
#[cfg(any(feature = "users", feature = "report", feature = "veth"))]
use crate::plan::Numbers;
use crate::sys::{self, CLONE_NEWNS, CLONE_NEWUSER, Errno, Fd};
use crate::z;

/// Joins its namespaces, and makes a copy of its mounts.
#[inline(never)]
pub(super) fn join(world: &mut World<'_, '_>) -> sys::Result<()> {
    let plan = &mut *world.plan;
    let Some(target) = plan.template.target else { return Ok(()) };
    world.doing.subject = plan.text(Opt::Template);
    let mounts = plan.enters(CLONE_NEWNS);
    #[cfg(feature = "fs")]
    let needed = mounts && !plan.lists.operations.is_empty();
    #[cfg(not(feature = "fs"))]
    let needed = false;
    #[cfg(feature = "report")]
    let needed = needed || plan.spec.has(Opt::InfoFd) || plan.spec.has(Opt::JsonStatusFd);
    if needed {
        plan.template.proc = Some(sys::open(z!("/proc/self"), sys::O_PATH | sys::O_DIRECTORY)?);
    }
    let ours = if mounts { root()? } else { 0 };
    let kinds = plan.joined_by_child();
    if kinds != 0 {
        sys::setns(target, kinds)?;
    }
    if mounts {
        if root()? == ours {
            // Whoever shares our mounts is no container; its network is the caller's.
            return Err(Errno::EINVAL);
        }
        if plan.makes(CLONE_NEWNS) {
            sys::unshare(CLONE_NEWNS)?;
        }
    }
    if plan.enters(CLONE_NEWUSER) {
        // What is made from here on belongs to root there. Where there is none it is as it is, and --uid and --gid tell.
        for done in [sys::setresgid(0), sys::setresuid(0)] {
            match done {
                Err(Errno::EINVAL) => {}
                done => done?,
            }
        }
    }
    #[cfg(any(feature = "users", feature = "report", feature = "veth"))]
    if let Some((_, tell)) = plan.template.joined {
        tell_namespaces(tell, plan.template.proc)?;
    }
    Ok(())
}

/// Tells the launcher that we are there, and the numbers of our namespaces: who is not root may not look at those of a process
/// that is not dumpable.
#[cfg(any(feature = "users", feature = "report", feature = "veth"))]
#[inline(never)]
fn tell_namespaces(tell: Fd, proc: Option<Fd>) -> sys::Result<()> {
    #[cfg_attr(not(feature = "report"), allow(unused_mut))]
    let mut numbers = Numbers::default();
    #[cfg(feature = "report")]
    if let Some(proc) = proc {
        for (number, (_, file)) in numbers.iter_mut().zip(sys::NAMESPACES) {
            match sys::statx(proc, file.skip(sys::NS_SELF)) {
                // A kernel without this kind.
                Err(Errno::ENOENT) => {}
                ns => *number = ns?.ino.to_ne_bytes(),
            }
        }
    }
    let _ = proc;
    sys::write(tell, numbers.as_flattened())
}

/// Which mount the root is, by an id that no other has.
#[inline(never)]
fn root() -> sys::Result<u64> {
    sys::statx(Fd::CWD, z!("/")).map(|root| root.mount)
}
