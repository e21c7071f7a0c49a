//! What of proc and sysfs is dangerous where root inside is root outside: out of reach or read-only, as container engines
//! have it. It takes a mount each, but no new file system and nothing of the host's: a bind inherits that the mount it is
//! made of is read-only. All names are those of a true proc or sysfs, where nobody makes links.

use super::Doing;
use super::World;
#[cfg(feature = "root")]
use crate::cli::Opt;
use crate::fail::Stage;
use crate::plan::Step;
use crate::sys::{self, CLONE_NEWNS, Errno, Fd, ZStr};
use crate::z;

/// Of proc. First what changes the kernel and its devices: each is bound upon itself. From `-` on the first of `=`, `=` and `?`
/// that is there is bound upon the others; what `?` names always is.
///
/// sysrq-trigger and drop_caches are files that can't be read, and as they are read-only here not be written; ldisc is a
/// directory that is always empty. (timer_stats went in Linux 4.11; sched_debug is elsewhere since 5.13.)
const PROC: &[u8] = b"bus\0fs\0irq\0sys\0sysrq-trigger\0\
    -\0=sysrq-trigger\0=sys/vm/drop_caches\0?version\0kcore\0keys\0latency_stats\0sched_debug\0timer_list\0\
    -\0=tty/ldisc\0?driver\0acpi\0asound\0scsi\0";
/// Of sysfs, where firmware is masked already.
const SYSFS: &[u8] = b"?firmware\0devices/virtual/powercap\0";

/// A proc, masked before it is where it shall be, with its root as the working directory. It is mounted upon the root,
/// where `..` alone leads to it and no name: so what is done to it is done to no other.
pub(super) fn make_proc(world: &mut World<'_, '_>, options: Option<ZStr<'_>>) -> sys::Result<()> {
    let mut read_only = false;
    match world.proc {
        Some(tree) => {
            (_, read_only) = sys::file_system(tree)?;
            sys::move_mount(tree, Fd::CWD, z!("/"))?;
        }
        None => sys::mount(z!("/"), z!("proc"), sys::MS_NODEV | sys::MS_NOEXEC, options)?,
    }
    sys::chdir(z!("/.."))?;
    proc(read_only, &mut world.doing)
}

/// Masks what ROOTFS itself has of proc and sysfs.
pub(super) fn rootfs(world: &mut World<'_, '_>) -> sys::Result<()> {
    #[cfg(feature = "root")]
    let elsewhere = world.plan.spec.has(Opt::Proc);
    #[cfg(not(feature = "root"))]
    let elsewhere = false;
    if (elsewhere || !world.plan.steps.has(Step::Proc))
        && let Some((there, read_only)) = there(z!("/proc"), sys::PROC_SUPER_MAGIC, world)?
    {
        sys::fchdir(there)?;
        proc(read_only, &mut world.doing)?;
    }
    let Some((there, _)) = there(z!("/sys"), sys::SYSFS_MAGIC, world)? else { return Ok(()) };
    match sys::mount_setattr(there, true, sys::MOUNT_ATTR_RDONLY, 0) {
        // Before Linux 5.12: out of sight, with all that is mounted in it.
        Err(Errno::ENOSYS) => sysfs(there, &mut world.doing),
        done => {
            done?;
            sys::fchdir(there)?;
            below_sysfs(&mut world.doing)
        }
    }
}

/// A sysfs at `place`, read-only and masked.
pub(super) fn sysfs(place: Fd, doing: &mut Doing) -> sys::Result<()> {
    sys::mount(z!("/"), z!("sysfs"), sys::MS_NODEV | sys::MS_NOEXEC | sys::MS_RDONLY, None)?;
    sys::chdir(z!("/.."))?;
    below_sysfs(doing)?;
    sys::move_mount(Fd::CWD, place, z!(""))
}

/// What is at `path`, if it is of this kind of file system, and whether it is read-only.
#[inline(never)]
fn there(path: ZStr<'static>, kind: u32, world: &mut World<'_, '_>) -> sys::Result<Option<(Fd, bool)>> {
    world.doing.now(Stage::Hide, path);
    let place = match world.root.open(path, 0, 0) {
        Err(Errno::ENOENT | Errno::ELOOP) => return Ok(None),
        place => place?,
    };
    let (found, read_only) = sys::file_system(place)?;
    if found != kind {
        Ok(None)
    } else if world.plan.makes(CLONE_NEWNS) {
        Ok(Some((place, read_only)))
    } else {
        // A mask would be one for everybody.
        Err(Errno::EPERM)
    }
}

/// The proc that the working directory is the root of.
#[inline(never)]
fn proc(read_only: bool, doing: &mut Doing) -> sys::Result<()> {
    if read_only {
        return each(PROC, doing);
    }
    sys::remount_here(sys::MS_RDONLY)?;
    each(PROC, doing)?;
    sys::remount_here(0)
}

/// The sysfs that the working directory is the root of: what the firmware tells, and what the CPU uses.
#[inline(never)]
fn below_sysfs(doing: &mut Doing) -> sys::Result<()> {
    let firmware = z!("firmware");
    doing.now(Stage::Hide, firmware);
    sys::mount(firmware, z!("tmpfs"), sys::MS_NODEV | sys::MS_NOEXEC | sys::MS_RDONLY, Some(z!("mode=555")))?;
    each(SYSFS, doing)
}

/// Binds on each of these names, if it is there.
#[inline(never)]
fn each(mut names: &'static [u8], doing: &mut Doing) -> sys::Result<()> {
    let mut source = None;
    while let Some(name) = crate::text::word(&mut names) {
        let other = name.skip(1);
        match name.first() {
            b'-' => source = None,
            b'=' | b'?' if source.is_some() => {}
            b'=' => source = sys::exists(other).then_some(other),
            b'?' => source = Some(other),
            _ => {
                doing.now(Stage::Hide, name);
                match sys::bind(source.unwrap_or(name), name) {
                    Err(Errno::ENOENT) => {}
                    done => done?,
                }
            }
        }
    }
    Ok(())
}
