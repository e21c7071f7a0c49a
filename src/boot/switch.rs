//! From the initramfs to the real root, as switch_root(8) does it: pivot_root(2) refuses to move the first root.

use crate::fail::{At, Fail, Stage};
use crate::sys::{self, Fd, ZStr};
use crate::z;

/// What moves with us, by its place in either root. What lies in it comes along.
const MOVED: [(ZStr<'static>, ZStr<'static>); 4] =
    [(z!("/dev"), z!("dev")), (z!("/proc"), z!("proc")), (z!("/sys"), z!("sys")), (z!("/run"), z!("run"))];

/// Our root, if it is an initramfs: nobody else's is ever left behind, and emptied.
pub(super) fn initramfs() -> Option<Fd> {
    let root = sys::open(z!("/"), sys::O_RDONLY | sys::O_DIRECTORY).ok()?;
    if sys::is_in_memory(root) {
        return Some(root);
    }
    sys::close(root);
    None
}

/// Makes the mount `root` our root, and empties `initramfs`, which was it.
#[inline(never)]
pub(super) fn switch(initramfs: Fd, root: Fd) -> Result<(), Fail<'static>> {
    let here = z!("/");
    // Upon the old root: paths still begin in that.
    sys::move_mount(root, Fd::CWD, here).at(Stage::Root, here)?;
    for &(path, name) in &MOVED {
        if move_into(path, root, name).is_err() {
            let _ = sys::umount2(path, sys::MNT_DETACH);
        }
    }
    sys::fchdir(root).and_then(|()| sys::chroot(z!("."))).at(Stage::Root, here)?;
    sys::close(root);
    empty(initramfs);
    sys::close(initramfs);
    Ok(())
}

/// Moves what is mounted at `path` to the directory `name` of the new root, if it has that: no link is followed there.
fn move_into(path: ZStr<'_>, root: Fd, name: ZStr<'_>) -> sys::Result<()> {
    let flags = sys::O_PATH | sys::O_DIRECTORY | sys::O_NOFOLLOW;
    let place = sys::openat(root, name, flags, 0)?;
    let moved = sys::open(path, flags).and_then(|tree| {
        let moved = sys::move_mount(tree, place, z!(""));
        sys::close(tree);
        moved
    });
    sys::close(place);
    moved
}

/// Deletes all that lies in a directory, and nothing of what is mounted there.
fn empty(dir: Fd) {
    let mut room = [0; 1024];
    while let Ok(len @ 1..) = sys::getdents(dir, &mut room) {
        let mut rest = room.get(..len as usize).unwrap_or_default();
        // struct linux_dirent64, getdents(2): the length of the entry, its type and its name are behind two numbers.
        while let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, low, high, kind, name @ ..] = rest {
            if let Some(name) = ZStr::until_nul(name)
                && !name.is(b".")
                && !name.is(b"..")
            {
                remove(dir, name, u32::from(*kind) == sys::DT_DIR);
            }
            rest = rest.get(usize::from(u16::from_le_bytes([*low, *high]))..).unwrap_or_default();
        }
    }
}

fn remove(dir: Fd, name: ZStr<'_>, is_dir: bool) {
    if is_dir {
        let flags = sys::O_RDONLY | sys::O_DIRECTORY | sys::O_NOFOLLOW;
        // EXDEV: something is mounted on it. It survives, and so does the directory.
        let Ok(inner) = sys::openat2(dir, name, flags, sys::RESOLVE_NO_XDEV) else { return };
        empty(inner);
        sys::close(inner);
    }
    let _ = sys::unlinkat(dir, name, is_dir);
}
