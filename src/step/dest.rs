//! DEST: found below the root, and made where it is missing.

use super::World;
use crate::sys::{self, Errno, Fd, ZStr};

/// The longest path that the kernel takes, with its NUL: PATH_MAX of limits.h.
pub(super) const PATH_MAX: usize = 4096;

impl World<'_, '_> {
    /// The directory `path`; it and what leads to it is made where missing, `path` itself with `mode`.
    #[inline(never)]
    pub(super) fn directory(&self, path: ZStr<'_>, mode: u32) -> sys::Result<Fd> {
        match self.open(path, sys::O_DIRECTORY, 0) {
            Err(Errno::ENOENT) => {
                let mut buf = [0; PATH_MAX];
                let (parent, name) = self.parent(path, &mut buf)?;
                sys::mkdirat(parent, name, mode)?;
                sys::openat(parent, name, sys::O_PATH | sys::O_DIRECTORY | sys::O_NOFOLLOW, 0)
            }
            found => self.not_root(found?),
        }
    }

    /// The file `path`, which is no directory; made empty where missing.
    #[cfg(feature = "fs")]
    #[inline(never)]
    pub(super) fn file(&self, path: ZStr<'_>) -> sys::Result<Fd> {
        let file = match self.open(path, 0, 0) {
            Err(Errno::ENOENT) => {
                let mut buf = [0; PATH_MAX];
                let (parent, name) = self.parent(path, &mut buf)?;
                sys::openat(parent, name, sys::O_CREAT | sys::O_EXCL | sys::O_WRONLY, 0o644)
            }
            found => found,
        }?;
        if sys::stat(file)?.is_dir() { Err(Errno::EISDIR) } else { Ok(file) }
    }

    /// EBUSY for the root itself, by whatever way it was reached: what is mounted upon it would be seen by nobody, and an
    /// image could so make a mount vanish.
    fn not_root(&self, place: Fd) -> sys::Result<Fd> {
        let (there, root) = (sys::stat(place)?, sys::stat(self.root)?);
        if (there.mount, there.ino) == (root.mount, root.ino) { Err(Errno::EBUSY) } else { Ok(place) }
    }

    /// The directory that shall hold `path`, made where missing, and the last word of `path`. Each directory on the way
    /// is opened below the root, so that a link which somebody puts in its place meanwhile leads nowhere.
    #[inline(never)]
    pub(super) fn parent<'b>(
        &self,
        path: ZStr<'_>,
        buf: &'b mut [u8; PATH_MAX],
    ) -> sys::Result<(Fd, ZStr<'b>)> {
        // Without the slashes at the end.
        let bytes = path.bytes();
        let len = bytes.iter().rposition(|b| *b != b'/').map_or(0, |n| n + 1);
        if len >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        buf.iter_mut().zip(bytes.iter().take(len)).for_each(|(to, from)| *to = *from);
        let (mut parent, mut end) = (self.root, 0);
        let start = loop {
            // The next word: from the first byte that is no slash to the one before the next that is.
            let rest = |from: usize| bytes.get(from..len).unwrap_or_default();
            let start = end + rest(end).iter().take_while(|b| **b == b'/').count();
            end = start + rest(start).iter().take_while(|b| **b != b'/').count();
            if end >= len {
                break start;
            }
            if let Some(slash) = buf.get_mut(end) {
                *slash = 0;
            }
            let (whole, word) = (ZStr::until_nul(buf), buf.get(start..).and_then(ZStr::until_nul));
            let (Some(whole), Some(word)) = (whole, word) else { return Err(Errno::ENAMETOOLONG) };
            let mut found = self.open(whole, sys::O_DIRECTORY, 0);
            if let Err(Errno::ENOENT) = found {
                // EEXIST: a dangling link, or somebody was faster; the second look tells.
                match sys::mkdirat(parent, word, 0o755) {
                    Ok(()) | Err(Errno::EEXIST) => found = self.open(whole, sys::O_DIRECTORY, 0),
                    Err(e) => return Err(e),
                }
            }
            parent = found?;
            if let Some(slash) = buf.get_mut(end) {
                *slash = b'/';
            }
        };
        let word = buf.get(start..).and_then(ZStr::until_nul);
        Ok((parent, word.ok_or(Errno::ENAMETOOLONG)?))
    }
}
