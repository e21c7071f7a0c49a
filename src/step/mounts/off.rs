//! A mount namespace that begins with a copy of the caller's mounts, whatever the kernel could do.

use crate::sys::{self, Fd, ZStr};

/// Where the mount namespace comes from: clone(2).
#[derive(Clone, Copy, Default)]
pub struct Mounts;

impl Mounts {
    /// A detached copy of the mount at `path`, with what is mounted below when `recursive`.
    pub(super) fn copy(self, dir: Fd, path: ZStr<'_>, recursive: bool) -> sys::Result<Fd> {
        sys::clone_tree(dir, path, recursive)
    }

    /// The host's /dev: as it is.
    #[cfg(feature = "fs")]
    pub(super) fn dev(self) -> sys::Result<Fd> {
        sys::open(crate::z!("/dev"), sys::O_PATH | sys::O_DIRECTORY)
    }

    /// What [`Mounts::dev`] gave is of our mount namespace; whether something has to be taken away again.
    #[cfg(feature = "fs")]
    pub(super) fn show(self, _: Fd) -> sys::Result<bool> {
        Ok(false)
    }
}
