//! A tmpfs that begins with what it covers: `tmpcopyup`.

use crate::sys::{self, Errno, Fd, Node, ZStr};

/// How deep directories may lie in each other.
const DEPTH: u8 = 64;
/// The longest target of a link, with its NUL.
const TARGET: usize = 4096;

/// Copies all that lies in `from`, a directory, to `to`, that of a tmpfs of our own.
pub(super) fn all(from: Fd, to: Fd) -> sys::Result<()> {
    directory(from, to, DEPTH)
}

#[inline(never)]
fn directory(from: Fd, to: Fd, depth: u8) -> sys::Result<()> {
    let Some(depth) = depth.checked_sub(1) else { return Err(Errno::ELOOP) };
    let list = sys::openat(from, crate::z!("."), sys::O_RDONLY | sys::O_DIRECTORY, 0)?;
    let done = sys::names(list, &mut |name, _| {
        let there = sys::openat(list, name, sys::O_PATH | sys::O_NOFOLLOW, 0)?;
        let done = sys::node(there).and_then(|node| one(list, there, to, name, node, depth));
        sys::close(there);
        done
    });
    sys::close(list);
    done
}

/// Copies what is called so in `list`: `there`.
fn one(list: Fd, there: Fd, to: Fd, name: ZStr<'_>, node: Node, depth: u8) -> sys::Result<()> {
    let Node { mode, uid, gid, rdev: (major, minor) } = node;
    match mode & sys::S_IFMT {
        sys::S_IFDIR => {
            sys::mkdirat(to, name, 0o700)?;
            let inner = sys::openat(to, name, sys::O_PATH | sys::O_DIRECTORY, 0)?;
            let done = directory(there, inner, depth);
            sys::close(inner);
            done?;
        }
        sys::S_IFLNK => link(list, to, name)?,
        sys::S_IFREG => file(list, to, name)?,
        sys::S_IFCHR => sys::mknod_device(to, name, b'c', 0, major, minor)?,
        sys::S_IFBLK => sys::mknod_device(to, name, b'b', 0, major, minor)?,
        sys::S_IFIFO => sys::mknod_device(to, name, b'p', 0, 0, 0)?,
        // A socket is nothing without the one who listens.
        _ => return Ok(()),
    }
    match sys::lchown(to, name, uid, gid) {
        // Somebody who does not exist in our user namespace.
        Err(Errno::EINVAL) => {}
        done => done?,
    }
    // A change of owner takes set-id bits away.
    if mode & sys::S_IFMT == sys::S_IFLNK { Ok(()) } else { sys::chmodat(to, name, mode & 0o7777) }
}

#[inline(never)]
fn link(list: Fd, to: Fd, name: ZStr<'_>) -> sys::Result<()> {
    let mut room = [0; TARGET];
    let target = sys::readlinkat(list, name, &mut room).ok_or(Errno::ENAMETOOLONG)?;
    sys::symlinkat(target, to, name)
}

fn file(list: Fd, to: Fd, name: ZStr<'_>) -> sys::Result<()> {
    // Whatever is there by now: it is no link, and it is not waited for.
    let from = sys::openat(list, name, sys::O_RDONLY | sys::O_NOFOLLOW | sys::O_NONBLOCK | sys::O_NOCTTY, 0)?;
    let done = sys::openat(to, name, sys::O_WRONLY | sys::O_CREAT | sys::O_EXCL, 0o600).and_then(|copy| {
        let done = sys::send_all(copy, from);
        sys::close(copy);
        done
    });
    sys::close(from);
    done
}
