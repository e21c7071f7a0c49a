//! Landlock: what COMMAND may do with files by their paths, and the second wall of --deny-net.

#[cfg(feature = "init")]
use super::Rootfs;
use super::World;
use crate::cli::Opt;
use crate::fail::Stage;
use crate::spec::Spec;
use crate::sys::{self, Errno};
#[cfg(feature = "init")]
use crate::z;

/// What --landlock-ro allows.
const READ: u32 =
    sys::LANDLOCK_ACCESS_FS_READ_FILE | sys::LANDLOCK_ACCESS_FS_READ_DIR | sys::LANDLOCK_ACCESS_FS_EXECUTE;

// The versions of the ABI that brought something.
/// Linux 6.2: no file can be truncated that is not to be written.
const TRUNCATE: u32 = 3;
/// Linux 6.7: ports of TCP.
#[cfg(feature = "deny-net")]
const TCP: u32 = 4;
/// Linux 6.10: ioctl(2) of devices.
const IOCTL: u32 = 5;
/// Linux 6.12: local sockets by abstract names.
#[cfg(feature = "deny-net")]
const ABSTRACT: u32 = 6;
/// Local sockets by paths.
const RESOLVE: u32 = 9;
/// Ports of UDP.
#[cfg(feature = "deny-net")]
const UDP: u32 = 10;

/// All rights to files that an ABI knows, as far as we do: bits, from the lowest on.
fn rights(abi: u32) -> u32 {
    match abi {
        RESOLVE.. => sys::LANDLOCK_ACCESS_FS_RESOLVE_UNIX * 2 - 1,
        IOCTL.. => sys::LANDLOCK_ACCESS_FS_IOCTL_DEV * 2 - 1,
        _ => sys::LANDLOCK_ACCESS_FS_TRUNCATE * 2 - 1,
    }
}

/// The same of ports.
#[cfg(feature = "deny-net")]
fn ports(abi: u32) -> u32 {
    match abi {
        UDP.. => sys::LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP * 2 - 1,
        TCP.. => sys::LANDLOCK_ACCESS_NET_CONNECT_TCP * 2 - 1,
        _ => 0,
    }
}

/// Whether paths are named.
pub(super) fn by_path(spec: &Spec<'_>) -> bool {
    spec.has(Opt::LandlockRo) || spec.has(Opt::LandlockRw)
}

/// The filter of --deny-net. Where Landlock does not keep the abstract names of others from us, for whatever reason, there
/// are no local sockets but pairs.
#[cfg(feature = "deny-net")]
pub(super) fn deny_net(world: &mut World<'_, '_>) -> sys::Result<()> {
    world.landlock = sys::landlock_abi().unwrap_or(0);
    super::deny_net::load_filter(world.landlock >= ABSTRACT)
}

/// One ruleset for all: the paths that were named, and no port and no abstract name of others.
#[inline(never)]
pub(super) fn restrict(world: &mut World<'_, '_>) -> sys::Result<()> {
    let spec = world.plan.spec;
    // Without --deny-net nobody has asked for it yet.
    #[cfg(feature = "deny-net")]
    let mut abi = world.landlock;
    #[cfg(not(feature = "deny-net"))]
    let mut abi = 0;
    #[cfg(feature = "deny-net")]
    let (ports, scopes) =
        (ports(abi), if abi < ABSTRACT { 0 } else { sys::LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET });
    #[cfg(not(feature = "deny-net"))]
    let (ports, scopes) = (0, 0);
    let mut files = 0;
    if by_path(spec) {
        if abi == 0 {
            abi = sys::landlock_abi()?;
        }
        if abi < TRUNCATE {
            return Err(Errno::ENOSYS);
        }
        files = rights(abi);
    }
    // Nothing that this kernel could do: the filter is all.
    if files | ports == 0 {
        return Ok(());
    }
    let ruleset = sys::landlock_ruleset(files, ports, scopes)?;
    // An init has let go of it.
    #[cfg(feature = "init")]
    if files != 0 && world.init.is_some() {
        world.root = Rootfs(sys::open(z!("/"), sys::O_PATH | sys::O_DIRECTORY)?);
    }
    for given in spec.given.iter() {
        let access = match given.opt {
            Opt::LandlockRo => READ,
            Opt::LandlockRw => files,
            _ => continue,
        };
        world.doing.now(Stage::Landlock, given.a);
        let place = world.root.open(given.a, 0, 0)?;
        sys::landlock_allow(ruleset, place, access)?;
        // A few of them stay open until all is closed; there may be more than the caller's limit.
        if place.number() > 64 {
            sys::close(place);
        }
    }
    world.doing.now(Stage::Landlock, None);
    sys::landlock_restrict_self(ruleset)
}
