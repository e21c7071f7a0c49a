//! Masks: what shall not be seen is covered, files by the host's /dev/null and directories by an empty one.

use super::Rootfs;
use crate::plan::Operation;
use crate::sys::{self, Errno, Fd};
use crate::z;

/// What covers files, and what covers directories: each the last one that was mounted, of which the next is a copy.
#[derive(Default)]
pub(super) struct Masks {
    /// The host's, as it was taken.
    null: Option<Fd>,
    file: Option<Fd>,
    directory: Option<Fd>,
}

impl Masks {
    /// Covers it; what is not there needs no cover.
    pub(super) fn cover(&mut self, operation: &Operation, root: Rootfs) -> sys::Result<()> {
        // It comes with the first of them.
        self.null = self.null.or(operation.taken);
        let place = match root.open(operation.dest, 0, 0) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(()),
            place => place?,
        };
        let there = sys::stat(place)?;
        let is_dir = there.is_dir();
        if is_dir {
            root.is_not(&there)?;
        }
        let last = if is_dir { &mut self.directory } else { &mut self.file };
        let tree = match (*last, is_dir) {
            (Some(last), _) => {
                let tree = sys::clone_opened(last)?;
                sys::close(last);
                tree
            }
            (None, true) => empty()?,
            (None, false) => self.null.ok_or(Errno::ENXIO)?,
        };
        *last = Some(tree);
        sys::move_mount(tree, place, z!(""))?;
        sys::close(place);
        Ok(())
    }
}

/// An empty directory, and nobody makes anything in it. Made apart, for a descriptor of it: what is mounted by mount(2)
/// could be had by its name only.
fn empty() -> sys::Result<Fd> {
    let fs = sys::fsopen(z!("tmpfs"))?;
    sys::fsconfig(fs, z!("mode"), Some(z!("0555")))?;
    let safe = sys::MOUNT_ATTR_NOSUID | sys::MOUNT_ATTR_NODEV | sys::MOUNT_ATTR_NOEXEC;
    let made = sys::fsmount(fs, safe | sys::MOUNT_ATTR_RDONLY);
    sys::close(fs);
    made
}
