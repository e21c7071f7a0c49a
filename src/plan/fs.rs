//! The filesystem operations, in the order given.

use super::Plan;
use crate::cli::Opt;
use crate::fail::{Fail, Why};
use crate::spec::{Given, Spec};
use crate::sys::{Fd, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY, ZStr};

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

/// Reads them from the options; what --perms and --size say is for the next one.
pub(super) fn build(spec: &Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    let (mut perms, mut size): (Option<&Given>, Option<&Given>) = (None, None);
    for given in spec.given.iter() {
        match given.opt {
            Opt::Perms => perms = Some(given),
            Opt::Size => size = Some(given),
            opt => {
                let Some((what, mode, optional)) = operation(opt) else { continue };
                let mode = match what {
                    Do::Tmpfs | Do::Dir => perms.take().map_or(mode, |p| p.number as u32),
                    _ => mode,
                };
                let number = if what == Do::Tmpfs { size.take().map_or(0, |s| s.number) } else { 0 };
                unused(perms, size)?;
                // What is mounted on the root itself would be seen by nobody.
                if given.b.bytes().iter().all(|b| matches!(b, b'/' | b'.')) {
                    return given.bad(Why::Root);
                }
                let (dest, source) = (given.b, given.a);
                // As many fit as options.
                let _ = plan.lists.operations.push(Operation {
                    what,
                    optional,
                    mode,
                    dest,
                    source,
                    number,
                    taken: None,
                    console: None,
                });
            }
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

/// What an option does, with which mode by default, and whether its source may be missing.
fn operation(opt: Opt) -> Option<(Do, u32, bool)> {
    const SAFE: u32 = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    Some(match opt {
        Opt::Bind => (Do::Bind, SAFE, false),
        Opt::BindTry => (Do::Bind, SAFE, true),
        Opt::RoBind => (Do::Bind, SAFE | MOUNT_ATTR_RDONLY, false),
        Opt::RoBindTry => (Do::Bind, SAFE | MOUNT_ATTR_RDONLY, true),
        Opt::DevBind => (Do::Bind, 0, false),
        Opt::DevBindTry => (Do::Bind, 0, true),
        Opt::Tmpfs => (Do::Tmpfs, 0o755, false),
        Opt::Dev => (Do::Dev, 0, false),
        Opt::Sysfs => (Do::Sysfs, 0, false),
        Opt::Dir => (Do::Dir, 0o755, false),
        Opt::Symlink => (Do::Symlink, 0, false),
        _ => return None,
    })
}
