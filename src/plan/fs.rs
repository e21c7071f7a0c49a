//! The filesystem operations, in the order given.

use super::{Plan, Step, below_root};
use crate::cli::Opt;
use crate::fail::Why;
use crate::spec::{Given, Misuse, Spec};
use crate::sys::{MOUNT_ATTR_NODEV, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY};
use crate::text;

/// Whether anything is asked for that may have to make a file or a directory.
pub(super) fn creates(spec: &Spec<'_>) -> bool {
    spec.given.iter().any(|g| is_operation(g.opt))
}

fn is_operation(opt: Opt) -> bool {
    use Opt::*;
    matches!(
        opt,
        Bind | BindTry | RoBind | RoBindTry | DevBind | DevBindTry | Tmpfs | Dev | Sysfs | Dir | Symlink
    )
}

/// One step for each operation.
pub(super) fn order<'s>(spec: &'s Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Misuse<'s>> {
    // What --perms and --size say waits for the next operation.
    let (mut perms, mut size): (Option<(&'s Given, u32)>, Option<(&'s Given, u64)>) = (None, None);
    for given in spec.given.iter() {
        match given.opt {
            Opt::Perms => match text::octal(given.a.bytes()) {
                Some(mode) => perms = Some((given, mode)),
                None => return Err(given.bad(Why::Mode)),
            },
            Opt::Size => match bytes(given.a.bytes()) {
                Some(n) => size = Some((given, n)),
                None => return Err(given.bad(Why::Size)),
            },
            opt if is_operation(opt) => {
                let step = operation(given, perms, size)?;
                if matches!(step, Step::Tmpfs { .. } | Step::Dir { .. }) {
                    perms = None;
                }
                if matches!(step, Step::Tmpfs { .. }) {
                    size = None;
                }
                unused(perms, size)?;
                plan.lists.then(step);
            }
            _ => {}
        }
    }
    unused(perms, size)
}

fn unused<'s>(perms: Option<(&'s Given, u32)>, size: Option<(&'s Given, u64)>) -> Result<(), Misuse<'s>> {
    match (perms, size) {
        (Some((given, _)), _) => Err(given.bad(Why::NeedsTmpfsOrDir)),
        (_, Some((given, _))) => Err(given.bad(Why::NeedsTmpfs)),
        _ => Ok(()),
    }
}

fn operation<'s>(
    given: &'s Given,
    perms: Option<(&'s Given, u32)>,
    size: Option<(&'s Given, u64)>,
) -> Result<Step, Misuse<'s>> {
    let (nothing, read_only) = (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, MOUNT_ATTR_RDONLY);
    let dest = below_root(given, given.b)?;
    let mode = perms.map_or(0o755, |p| p.1);
    let bind = |attributes, optional| Step::Bind { source: given.a, dest, attributes, optional, tree: None };
    Ok(match given.opt {
        Opt::BindTry => bind(nothing, true),
        Opt::RoBind => bind(nothing | read_only, false),
        Opt::RoBindTry => bind(nothing | read_only, true),
        Opt::DevBind => bind(0, false),
        Opt::DevBindTry => bind(0, true),
        Opt::Tmpfs => Step::Tmpfs { dest, mode, size: size.map_or(0, |s| s.1) },
        Opt::Dev => Step::Dev { dest, host: None, console: None },
        Opt::Sysfs => Step::Sysfs(dest),
        Opt::Dir => Step::Dir { dest, mode },
        Opt::Symlink => Step::Symlink { target: given.a, dest },
        _ => bind(nothing, false),
    })
}

/// BYTES: digits, then K, M, G or T for powers of 1024; at least one.
fn bytes(text: &[u8]) -> Option<u64> {
    let (digits, shift) = match text {
        [digits @ .., b'K'] => (digits, 10),
        [digits @ .., b'M'] => (digits, 20),
        [digits @ .., b'G'] => (digits, 30),
        [digits @ .., b'T'] => (digits, 40),
        _ => (text, 0),
    };
    text::decimal(digits)?.checked_mul(1 << shift).filter(|n| *n > 0)
}
