//! Files that hold what a descriptor says.

use super::dest::{Kind, PATH_MAX};
use super::fs::own;
#[cfg(feature = "overlay")]
use super::overlay;
use super::{Doing, Rootfs, World};
use crate::fail::Stage;
use crate::plan::{Do, Operation};
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::{Text, descriptor_path};
use crate::z;

/// Makes what lives in memory: files to bind, overlays. On a tmpfs upon the present root, which nobody reaches but by
/// `/..`, and which is gone before the first path in ROOTFS is looked up: of it only those copies of mounts are left.
pub(super) fn make(world: &mut World<'_, '_>) -> sys::Result<()> {
    let World { plan, doing, .. } = world;
    let (root, mut mounted, mut at) = (z!("/"), false, 0);
    while let Some(operation) = plan.lists.operations.get(at) {
        let what = match operation.what {
            what @ (Do::Data | Do::RoData) => what,
            #[cfg(feature = "overlay")]
            Do::TmpOverlay => Do::TmpOverlay,
            _ => Do::Bind,
        };
        if what != Do::Bind {
            doing.now(Stage::Mount, operation.dest);
            if !mounted {
                mounted = true;
                sys::mount(root, z!("tmpfs"), sys::MS_NODEV, Some(z!("mode=0755")))?;
                sys::chdir(z!("/.."))?;
            }
            let made = match what {
                #[cfg(feature = "overlay")]
                Do::TmpOverlay => overlay::in_memory(at, plan, doing)?,
                _ => data(operation, doing)?,
            };
            if let Some(operation) = plan.lists.operations.get_mut(at) {
                operation.taken = Some(made);
            }
        }
        at = at.wrapping_add(1);
    }
    if mounted { sys::umount2(root, sys::MNT_DETACH) } else { Ok(()) }
}

/// A file by the number of its descriptor. (One without a name can't be mounted: ENOENT.)
fn data(operation: &Operation, doing: &mut Doing) -> sys::Result<Fd> {
    doing.stage = Stage::Create;
    let mut room = [0; 24];
    Text::on(&mut room).number(operation.number);
    let name = ZStr::until_nul(&room).unwrap_or(z!(""));
    let file = sys::openat(Fd::CWD, name, sys::O_CREAT | sys::O_EXCL | sys::O_WRONLY, operation.mode)?;
    copy(operation, file, doing)?;
    let tree = sys::clone_opened(file)?;
    sys::close(file);
    if operation.what == Do::RoData {
        doing.stage = Stage::ReadOnly;
        sys::mount_setattr(tree, false, sys::MOUNT_ATTR_RDONLY, 0)?;
    }
    Ok(tree)
}

/// A file of ROOTFS: one that is there is written anew, and what is no file is left alone. It is opened by its descriptor,
/// once it is known what it is: by then its name may lead to a device.
pub(super) fn file(operation: &Operation, root: Rootfs, doing: &mut Doing) -> sys::Result<()> {
    doing.stage = Stage::Create;
    let place = root.place(operation.dest, Kind::File(operation.mode))?;
    if !sys::stat(place)?.is_file() {
        return Err(Errno::EEXIST);
    }
    let room = &mut [0; 32];
    let (dir, path) = own(operation.taken, descriptor_path(place, room));
    let file = sys::openat(dir, path, sys::O_WRONLY | sys::O_TRUNC, 0)?;
    sys::close(place);
    copy(operation, file, doing)?;
    // Open, it would keep its mount from becoming read-only.
    sys::close(file);
    Ok(())
}

/// Everything up to the end of it.
#[inline(never)]
fn copy(operation: &Operation, to: Fd, doing: &mut Doing) -> sys::Result<()> {
    let mut room = [0; PATH_MAX];
    loop {
        let read = sys::read(Fd::inherited(operation.number as u32), &mut room);
        if read.is_err() {
            (doing.stage, doing.subject) = (Stage::Read, Some(operation.source));
        }
        match read? as usize {
            0 => return Ok(()),
            n => sys::write(to, room.get(..n).unwrap_or_default())?,
        }
    }
}
