//! What a bundle wants COMMAND to be for the kernel: see the plan's task.

use super::World;
use crate::fail::Stage;
use crate::plan::{MODULES, Task};
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::Text;
use crate::z;

/// What is done, and what is written before a label.
const MODULE: [(Stage, &[u8]); MODULES] = [(Stage::Apparmor, b"exec "), (Stage::Selinux, b"")];
/// The file of AppArmor alone, Linux 5.8; and that of the one module that there is.
const FILES: [ZStr<'static>; 2] = [z!("self/attr/apparmor/exec"), z!("self/attr/exec")];

/// Opens the files that labels are written to, as long as nothing of the container can be in the way.
pub(super) fn open_files(world: &mut World<'_, '_>) -> sys::Result<()> {
    let Task { proc, labels, files, .. } = &mut world.plan.lists.bundle.task;
    let proc = proc.take().ok_or(Errno::ENOENT)?;
    for (n, (label, file)) in labels.iter().zip(files).enumerate() {
        if label.is_none() {
            continue;
        }
        world.doing.now(MODULE.get(n).map_or(Stage::Selinux, |module| module.0), *label);
        let mut opened = Err(Errno::ENOENT);
        for path in FILES.iter().skip(n) {
            opened = match opened {
                Err(Errno::ENOENT) => sys::openat(proc, *path, sys::O_WRONLY, 0),
                opened => opened,
            };
        }
        *file = Some(opened?);
    }
    sys::close(proc);
    Ok(())
}

/// The labels of what is executed from here on. A file is written to by whoever has opened it alone.
pub(super) fn label(world: &mut World<'_, '_>) -> sys::Result<()> {
    let Task { labels, files, .. } = &world.plan.lists.bundle.task;
    for ((label, file), (stage, prefix)) in labels.iter().zip(files).zip(MODULE) {
        let (Some(label), Some(file)) = (label, file) else { continue };
        world.doing.now(stage, *label);
        write(*file, prefix, *label)?;
        sys::close(*file);
    }
    Ok(())
}

/// By one call, as the kernel wants it.
#[inline(never)]
fn write(file: Fd, prefix: &[u8], label: ZStr<'_>) -> sys::Result<()> {
    let mut room = [0; 4096];
    let mut text = Text::on(&mut room);
    let text = text.push(prefix).push(label.bytes()).zstr().ok_or(Errno::ENAMETOOLONG)?;
    sys::write(file, text.bytes())
}
