//! DEST: found below the root, and made where it is missing.

use super::Rootfs;
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::{Text, fields};

/// The longest path that the kernel takes, with its NUL: PATH_MAX of limits.h.
pub(super) const PATH_MAX: usize = 4096;

/// What there shall be.
pub(super) enum Kind {
    /// A directory; made with this mode.
    Directory(u32),
    /// A file, which is no directory; made empty, with this mode.
    #[cfg(feature = "fs")]
    File(u32),
}

impl Rootfs {
    /// The directory `path`, to mount on.
    #[inline(never)]
    pub(super) fn directory(self, path: ZStr<'_>) -> sys::Result<Fd> {
        self.place(path, Kind::Directory(0o755))
    }

    /// The directory or file `path`; it and what leads to it is made where missing.
    #[inline(never)]
    pub(super) fn place(self, path: ZStr<'_>, kind: Kind) -> sys::Result<Fd> {
        let (flags, mode, simple) = match kind {
            // A directory that is found without a link and without `..` is not the root.
            Kind::Directory(mode) => (sys::O_DIRECTORY, mode, !path.has(b'.')),
            #[cfg(feature = "fs")]
            Kind::File(mode) => (0, mode, false),
        };
        let mut found = Err(Errno::ELOOP);
        if simple {
            found = self.open(path, flags, sys::RESOLVE_NO_SYMLINKS);
        }
        if found == Err(Errno::ELOOP) {
            found = self.open(path, flags, 0).and_then(|place| self.check(place, &kind));
        }
        if found != Err(Errno::ENOENT) {
            return found;
        }
        let mut room = [0; PATH_MAX];
        let mut text = Text::on(&mut room);
        // What leads to something that is kept from others is kept from them too.
        let others = |all: u32, some: u32| if mode & all == 0 { 0 } else { some };
        let leading = 0o700 | others(0o070, 0o050) | others(0o007, 0o005);
        let (parent, name) = self.parent(path, leading, &mut text)?;
        match kind {
            Kind::Directory(_) => sys::mkdirat(parent, name, mode),
            #[cfg(feature = "fs")]
            Kind::File(_) => sys::mknod_file(parent, name, mode),
        }?;
        sys::openat(parent, name, sys::O_PATH | sys::O_NOFOLLOW | flags, 0)
    }

    /// EISDIR for a directory that should be a file; EBUSY for the root itself, by whatever way it was reached: what is
    /// mounted upon it would be seen by nobody, and an image could so make a mount vanish.
    fn check(self, place: Fd, kind: &Kind) -> sys::Result<Fd> {
        let there = sys::stat(place)?;
        match kind {
            Kind::Directory(_) => self.is_not(&there)?,
            #[cfg(feature = "fs")]
            Kind::File(_) if there.is_dir() => return Err(Errno::EISDIR),
            #[cfg(feature = "fs")]
            Kind::File(_) => {}
        }
        Ok(place)
    }

    /// EBUSY when this is the root itself.
    pub(super) fn is_not(self, there: &sys::Stat) -> sys::Result<()> {
        let root = sys::stat(self.0)?;
        if (there.mount, there.ino) == (root.mount, root.ino) { Err(Errno::EBUSY) } else { Ok(()) }
    }

    /// The directory that shall hold `path`, made with this mode where missing, and the last word of `path`. Each directory on the way
    /// is opened below the root, so that a link which somebody puts in its place meanwhile leads nowhere.
    #[inline(never)]
    pub(super) fn parent<'t>(
        self,
        path: ZStr<'_>,
        mode: u32,
        whole: &'t mut Text<'_>,
    ) -> sys::Result<(Fd, ZStr<'t>)> {
        let mut words = fields(path.bytes(), b'/').filter(|word| !word.is_empty());
        let (mut parent, mut word) = (self.0, words.next().unwrap_or_default());
        for next in words {
            let start = whole.len();
            let path = whole.push(word).zstr().ok_or(Errno::ENAMETOOLONG)?;
            // EEXIST, as most often, says that something is there already: what it is, open tells.
            match sys::mkdirat(parent, path.skip(start), mode) {
                Ok(()) | Err(Errno::EEXIST) => parent = self.open(path, sys::O_DIRECTORY, 0)?,
                Err(e) => return Err(e),
            }
            whole.put(b'/');
            word = next;
        }
        let start = whole.len();
        let path = whole.push(word).zstr().ok_or(Errno::ENAMETOOLONG)?;
        Ok((parent, path.skip(start)))
    }
}
