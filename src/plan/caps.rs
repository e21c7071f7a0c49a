//! Which capabilities COMMAND has, capabilities(7).

use super::Root;
use crate::cli::Opt;
use crate::spec::Spec;

/// Sets of capabilities: a bit each.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub struct Caps {
    /// All that there are inside: the bounding set, and what root there has.
    pub set: u64,
    /// Those of them that were asked for by name: any other user has these.
    pub named: u64,
}

/// What podman(1) leaves to root: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE,
/// SYS_CHROOT, SETFCAP. Docker's MKNOD is safe behind a device cgroup only, and its NET_RAW and AUDIT_WRITE few need.
#[cfg(feature = "safe")]
const DEFAULT: u64 = 0x8004_05fb;

/// SYS_CHROOT, by which a chroot is left.
#[cfg(feature = "safe")]
const CHROOT: u64 = 1 << 18;

impl Caps {
    /// As the kernel gives them.
    pub(super) const ALL: Caps = Caps { set: u64::MAX, named: 0 };

    /// What the options leave and add, in the order given: of all, or of the default set where it has to be `safe`.
    #[inline(never)]
    pub(super) fn of(spec: &Spec<'_>, safe: bool, root: Root, by_root: bool) -> Caps {
        let mut caps = Caps::ALL;
        #[cfg(feature = "safe")]
        if safe {
            caps.set = if root.is_chroot() { DEFAULT & !CHROOT } else { DEFAULT };
        }
        #[cfg(feature = "bwrap")]
        if spec.bwrap {
            // Whoever it is, it has them by name.
            let set = if by_root { u64::MAX } else { 0 };
            caps = Caps { set, named: set };
        }
        let _ = (safe, root, by_root);
        for given in spec.given.iter() {
            if given.opt == Opt::CapAdd {
                caps = Caps { set: caps.set | given.number, named: caps.named | given.number };
            } else if given.opt == Opt::CapDrop {
                caps = Caps { set: caps.set & !given.number, named: caps.named & !given.number };
            }
        }
        caps
    }
}
