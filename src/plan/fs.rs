//! The filesystem operations, in the order given.

use super::Plan;
use crate::cli::Opt;
use crate::fail::{At, Fail, Stage, Why};
use crate::spec::{Given, Spec};
use crate::sys::{CLONE_NEWNS, Fd, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY, ZStr};

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Do {
    /// Bind `source`.
    Bind,
    /// Mount a tmpfs of `number` bytes (0: the kernel's default) with permissions `mode`.
    Tmpfs,
    /// Mount a minimal /dev.
    Dev,
    /// Mount sysfs, read-only.
    Sysfs,
    /// Make a directory with permissions `mode`.
    Dir,
    /// Make a symbolic link that says `source`.
    Symlink,
}

/// One of them.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub struct Operation {
    /// What it does.
    pub what: Do,
    /// Whether a missing source is no failure.
    pub optional: bool,
    /// Permissions of what is made; of a bind the MOUNT_ATTR_* of mount_setattr(2).
    pub mode: u32,
    /// Where.
    pub dest: ZStr<'static>,
    /// What, of the host.
    pub source: ZStr<'static>,
    /// A size.
    pub number: u64,
    /// The source, once it was taken: of a bind the mount, of /dev the host's.
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
    (Opt::Tmpfs, Do::Tmpfs, false, 0o755),
    (Opt::Dev, Do::Dev, false, 0),
    (Opt::Sysfs, Do::Sysfs, false, 0),
    (Opt::Dir, Do::Dir, false, 0o755),
    (Opt::Symlink, Do::Symlink, false, 0),
];

/// No set-id program and no device of a source works inside.
const SAFE: u16 = (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV) as u16;

/// Reads them from the options; what --perms and --size say is for the next one.
#[inline(never)]
pub(super) fn build(spec: &Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    let (mut perms, mut size): (Option<&Given>, Option<&Given>) = (None, None);
    for given in spec.given.iter() {
        if given.opt == Opt::Perms {
            perms = Some(given);
        } else if given.opt == Opt::Size {
            size = Some(given);
        } else if let Some((_, what, optional, mode)) = OPERATIONS.iter().find(|o| o.0 == given.opt) {
            let mut operation = Operation {
                what: *what,
                optional: *optional,
                mode: u32::from(*mode),
                dest: given.b,
                source: given.a,
                number: 0,
                taken: None,
                console: None,
            };
            if matches!(what, Do::Tmpfs | Do::Dir) {
                operation.mode = perms.take().map_or(operation.mode, |p| p.number as u32);
            }
            if *what == Do::Tmpfs {
                operation.number = size.take().map_or(0, |s| s.number);
            }
            unused(perms, size)?;
            if !matches!(what, Do::Dir | Do::Symlink) && !plan.makes(CLONE_NEWNS) {
                return given.bad(Why::NeedsMount);
            }
            // What is mounted on the root itself would be seen by nobody.
            if given.b.bytes().iter().all(|b| matches!(b, b'/' | b'.')) {
                return given.bad(Why::DestRoot);
            }
            // As many fit as options.
            plan.lists.operations.push(operation).at(Stage::Memory, None)?;
        }
    }
    unused(perms, size)
}

fn unused(perms: Option<&Given>, size: Option<&Given>) -> Result<(), Fail<'static>> {
    match (perms, size) {
        (Some(given), _) => given.bad(Why::NeedsTmpfsOrDir),
        (_, Some(given)) => given.bad(Why::NeedsTmpfs),
        _ => Ok(()),
    }
}
