//! The filesystem operations, in the order given.

use super::Plan;
use crate::cli::Opt;
use crate::fail::{At, Fail, Stage, Why};
#[cfg(feature = "bwrap")]
use crate::spec::misuse;
use crate::spec::{Given, Spec};
use crate::sys::{
    CLONE_NEWCGROUP, CLONE_NEWNS, CLONE_NEWUSER, Fd, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_RDONLY, MS_RDONLY, ZStr,
};
use crate::z;

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Do {
    /// Bind `source`.
    Bind,
    /// Bind what the descriptor `number` has open.
    BindFd,
    /// Mount a tmpfs of `number` bytes (0: the kernel's default) with permissions `mode`.
    Tmpfs,
    /// Mount a minimal /dev.
    Dev,
    /// Mount sysfs, read-only.
    Sysfs,
    /// Mount cgroup2, with these MS_* as its `mode`.
    Cgroup,
    /// Mount the POSIX message queues.
    Mqueue,
    /// Make a directory with permissions `mode`.
    Dir,
    /// Make a symbolic link that says `source`.
    Symlink,
    /// Write what the descriptor `number` says to a file; one that is made has permissions `mode`.
    File,
    /// Bind a file in memory, with permissions `mode`, that holds what the descriptor `number` says.
    Data,
    /// The same, read-only.
    RoData,
    /// Change the permissions of what is there to `number`.
    Chmod,
    /// Make the mount there read-only, and none below it.
    RemountRo,
    /// Cover what is there with nothing.
    Mask,
    /// Take `source` as a layer of the next overlay.
    #[cfg(feature = "overlay")]
    Layer,
    /// Mount an overlay of the last `number` layers; of these the last two are its upper and its work directory.
    #[cfg(feature = "overlay")]
    Overlay,
    /// The same, with an upper directory in memory.
    #[cfg(feature = "overlay")]
    TmpOverlay,
    /// The same without one.
    #[cfg(feature = "overlay")]
    RoOverlay,
    /// Mount proc, or bind the caller's.
    #[cfg(feature = "bwrap")]
    Proc,
    /// Nothing yet: an init locks it.
    #[cfg(feature = "bwrap")]
    Lock,
    /// Bind `source`, with the attributes of mount `number` of the bundle.
    #[cfg(feature = "oci")]
    Attach,
    /// Mount the file system `source`, with the options of mount `number` of the bundle.
    #[cfg(feature = "oci")]
    Mount,
    /// Make the devices that are always there, and those of the bundle.
    #[cfg(feature = "oci")]
    Devices,
    /// Make a terminal, send its master to who asked for it, and bind its other end.
    #[cfg(feature = "oci")]
    Console,
    /// Make what is there read-only, by a mount of its own.
    #[cfg(feature = "oci")]
    ReadOnly,
}

/// One of them.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub struct Operation {
    /// What it does.
    pub what: Do,
    /// Whether a missing source is no failure.
    pub optional: bool,
    /// Permissions of what is made; of a bind the MOUNT_ATTR_* of mount_setattr(2); of an overlay how many layers it
    /// needs.
    pub mode: u32,
    /// Where.
    pub dest: ZStr<'static>,
    /// What, of the host.
    pub source: ZStr<'static>,
    /// A size, a descriptor, permissions, how many layers.
    pub number: u64,
    /// The source, once it was taken: of a bind the mount, of /dev the host's, of a mask its /dev/null, of a layer the
    /// directory.
    pub taken: Option<Fd>,
    /// The terminal on stdout, once it was taken, for a /dev.
    pub console: Option<Fd>,
}

/// What an option does, whether its source may be missing, and the mode by default.
const OPERATIONS: &[(Opt, Do, bool, u16)] = &[
    (Opt::Bind, Do::Bind, false, SAFE),
    (Opt::BindTry, Do::Bind, true, SAFE),
    (Opt::RoBind, Do::Bind, false, SAFE | MOUNT_ATTR_RDONLY as u16),
    (Opt::RoBindTry, Do::Bind, true, SAFE | MOUNT_ATTR_RDONLY as u16),
    (Opt::DevBind, Do::Bind, false, 0),
    (Opt::DevBindTry, Do::Bind, true, 0),
    (Opt::BindFd, Do::BindFd, false, SAFE),
    (Opt::RoBindFd, Do::BindFd, false, SAFE | MOUNT_ATTR_RDONLY as u16),
    (Opt::Tmpfs, Do::Tmpfs, false, 0o755),
    (Opt::Dev, Do::Dev, false, 0),
    (Opt::Sysfs, Do::Sysfs, false, 0),
    (Opt::Cgroup, Do::Cgroup, false, 0),
    (Opt::Mqueue, Do::Mqueue, false, 0),
    (Opt::Dir, Do::Dir, false, 0o755),
    (Opt::Symlink, Do::Symlink, false, 0),
    (Opt::File, Do::File, false, 0o666),
    (Opt::BindData, Do::Data, false, 0o600),
    (Opt::RoBindData, Do::RoData, false, 0o600),
    (Opt::Chmod, Do::Chmod, false, 0),
    (Opt::RemountRo, Do::RemountRo, false, 0),
    (Opt::Mask, Do::Mask, false, 0),
    #[cfg(feature = "overlay")]
    (Opt::OverlaySrc, Do::Layer, false, 0),
    #[cfg(feature = "overlay")]
    (Opt::Overlay, Do::Overlay, false, 3),
    #[cfg(feature = "overlay")]
    (Opt::TmpOverlay, Do::TmpOverlay, false, 1),
    #[cfg(feature = "overlay")]
    (Opt::RoOverlay, Do::RoOverlay, false, 2),
    #[cfg(feature = "bwrap")]
    (Opt::Proc, Do::Proc, false, 0),
    #[cfg(feature = "bwrap")]
    (Opt::LockFile, Do::Lock, false, 0),
];

/// No set-id program and no device of a source works inside.
const SAFE: u16 = (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV) as u16;

/// Of the host's cgroups also no program.
const CGROUP: u32 = SAFE as u32 | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC;

/// Reads them from the options; what --perms and --size say is for the next one, and --overlay-src for the next overlay.
#[inline(never)]
pub(super) fn build(spec: &Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    #[cfg(feature = "oci")]
    if spec.is_oci() {
        return super::bundle::operations(plan);
    }
    let mut waiting = Waiting::default();
    for given in spec.given.iter() {
        #[cfg(feature = "bwrap")]
        if spec.bwrap {
            waiting.once(given)?;
        } else if given.opt == Opt::Proc {
            continue;
        }
        #[cfg(feature = "cgroup")]
        if spec.is_cgroup(given) {
            continue;
        }
        if given.opt == Opt::Perms {
            waiting.perms = Some(given);
        } else if given.opt == Opt::Size {
            waiting.size = Some(given);
        } else if let Some((_, what, optional, mode)) = OPERATIONS.iter().find(|o| o.0 == given.opt) {
            let mut operation = Operation {
                what: *what,
                optional: *optional,
                mode: u32::from(*mode),
                dest: given.b,
                source: given.a,
                number: given.number,
                taken: None,
                console: None,
            };
            if matches!(what, Do::Tmpfs | Do::Dir | Do::File | Do::Data | Do::RoData) {
                operation.mode = waiting.perms.take().map_or(operation.mode, |p| p.number as u32);
            }
            if *what == Do::Tmpfs {
                operation.number = waiting.size.take().map_or(0, |s| s.number);
            }
            #[cfg(feature = "overlay")]
            waiting.layer(given, &mut operation)?;
            waiting.none()?;
            if !matches!(what, Do::Dir | Do::Symlink | Do::File | Do::Chmod) && !plan.makes(CLONE_NEWNS) {
                return given.bad(Why::NeedsMount);
            }
            #[cfg(feature = "bwrap")]
            if spec.bwrap {
                // No set-id program works inside, whatever is bound.
                if matches!(what, Do::Bind | Do::BindFd) {
                    operation.mode |= MOUNT_ATTR_NOSUID;
                }
                plan.lists.operations.push(operation).at(Stage::Memory, None)?;
                continue;
            }
            // What is mounted on the root itself would be seen by nobody.
            if is_root(given.b) && !ON_ROOT.contains(what) {
                return given.bad(Why::DestRoot);
            }
            if *what == Do::Cgroup {
                cgroup(&mut operation, plan);
            }
            // Nothing is left for whoever reads it next.
            let reads = |o: &Operation| matches!(o.what, Do::File | Do::Data | Do::RoData);
            if reads(&operation)
                && plan.lists.operations.iter().any(|o| reads(o) && o.number == operation.number)
            {
                return given.bad(Why::ReadTwice);
            }
            // As many fit as options.
            plan.lists.operations.push(operation).at(Stage::Memory, None)?;
        }
    }
    #[cfg(feature = "overlay")]
    waiting.no_layer()?;
    waiting.none()
}

/// Whose root is root outside, or who sees all cgroups, may read them only.
fn cgroup(operation: &mut Operation, plan: &Plan<'_>) {
    if !plan.makes(CLONE_NEWCGROUP) {
        // A mount of our own in the host's cgroup namespace would change the options that the host's mount has.
        (operation.what, operation.mode, operation.source) = (Do::Bind, CGROUP, z!("/sys/fs/cgroup"));
    } else if !plan.makes(CLONE_NEWUSER) {
        operation.mode = MS_RDONLY;
    }
}

/// Whether DEST is the root itself.
pub fn is_root(dest: ZStr<'_>) -> bool {
    dest.bytes().iter().all(|b| matches!(b, b'/' | b'.'))
}

/// What can be done to the root itself; a layer is none of its places.
const ON_ROOT: &[Do] = &[
    Do::Dir,
    Do::Chmod,
    Do::RemountRo,
    #[cfg(feature = "overlay")]
    Do::Layer,
];

/// What is said for the next operation.
#[derive(Default)]
struct Waiting<'s> {
    perms: Option<&'s Given>,
    size: Option<&'s Given>,
    #[cfg(feature = "overlay")]
    layer: Option<&'s Given>,
    #[cfg(feature = "overlay")]
    layers: u64,
}

impl<'s> Waiting<'s> {
    /// It was for none that it changes.
    fn none(&self) -> Result<(), Fail<'static>> {
        match (self.perms, self.size) {
            (Some(given), _) => given.bad(Why::NeedsMade),
            (_, Some(given)) => given.bad(Why::NeedsTmpfs),
            _ => Ok(()),
        }
    }

    /// Counts a layer, or gives an overlay those before it.
    #[cfg(feature = "overlay")]
    fn layer(&mut self, given: &'s Given, operation: &mut Operation) -> Result<(), Fail<'static>> {
        match operation.what {
            Do::Layer => (self.layer, self.layers) = (Some(given), self.layers.wrapping_add(1)),
            Do::Overlay | Do::TmpOverlay | Do::RoOverlay => {
                operation.number = self.layers;
                if self.layers < operation.mode.into() {
                    return given.bad(Why::NeedsLayers);
                }
                (self.layer, self.layers) = (None, 0);
            }
            _ => self.no_layer()?,
        }
        Ok(())
    }

    /// There is no layer without an overlay.
    #[cfg(feature = "overlay")]
    fn no_layer(&self) -> Result<(), Fail<'static>> {
        self.layer.map_or(Ok(()), |given| given.bad(Why::NeedsOverlay))
    }

    /// bubblewrap refuses what would be overridden unseen.
    #[cfg(feature = "bwrap")]
    fn once(&self, given: &Given) -> Result<(), Fail<'static>> {
        match given.opt {
            Opt::Perms if self.perms.is_some() => misuse(Why::PermsTwice),
            Opt::Size if self.size.is_some() => misuse(Why::SizeTwice),
            Opt::Size if given.number > i64::MAX as u64 => misuse(Why::SizeLimit),
            _ => Ok(()),
        }
    }
}
