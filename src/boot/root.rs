//! The real root: its device found, waited for, and mounted; attached nowhere yet.

use super::device::{self, By};
use super::machine::{Machine, Watch};
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::init::supervise;
use crate::spec::boot::Boot;
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::{Text, before, fields};
use crate::z;

/// A mount; none when a signal came first.
type Mounted = Result<Option<Fd>, Fail<'static>>;

/// Finds and mounts what `--root` names.
#[inline(never)]
pub(super) fn find_and_mount(root: ZStr<'static>, boot: &Boot, machine: &mut Machine) -> Mounted {
    match root.value_of(b"overlay:") {
        Some(lower) => match mount_one(lower, boot, machine, true)? {
            Some(lower) => overlay(lower, boot.root_flags).at(Stage::MountRoot, root).map(Some),
            None => Ok(None),
        },
        None => mount_one(root, boot, machine, false),
    }
}

fn mount_one(root: ZStr<'static>, boot: &Boot, machine: &mut Machine, read_only: bool) -> Mounted {
    // A tag of the host's: the driver knows it once the device is there.
    let tagged = if let Some(tag) = root.value_of(b"virtiofs:") {
        Some((z!("virtiofs"), tag, None))
    } else if let Some(tag) = root.value_of(b"9p:") {
        Some((z!("9p"), tag, Some(z!("trans=virtio,version=9p2000.L"))))
    } else if let (Some(kind), b'a'..=b'z') = (boot.root_type, root.first()) {
        // A source that has no device: it means something to its file system alone.
        Some((kind, root, None))
    } else {
        None
    };
    let mut mounted = Err(Errno::ETIMEDOUT);
    let mut found = [0; 128];
    if let Some((kind, source, options)) = tagged {
        wait(machine, boot.root_wait, &mut || {
            mounted = mount(kind, source, options, boot.root_flags, read_only);
            !matches!(mounted, Err(Errno::EINVAL | Errno::ENOENT))
        });
    } else {
        let name = before(root.bytes(), b'=');
        let by = match fields(b"LABEL UUID PARTUUID", b' ').position(|known| known == name) {
            None if root.first() == b'/' => None,
            None => return fail(Stage::FindRoot, root, Why::Root),
            Some(0) => Some(By::Label),
            Some(1) => Some(By::Uuid),
            Some(_) => Some(By::PartUuid),
        };
        let value = root.skip(name.len().saturating_add(1));
        let mut device = Err(Errno::ETIMEDOUT);
        wait(machine, boot.root_wait, &mut || {
            if by.is_none_or(|by| device::find(by, value.bytes(), &mut found)) {
                device = sys::open(path(root, &found), sys::O_RDONLY);
            }
            // No node yet, or nothing behind it.
            !matches!(device, Err(Errno::ETIMEDOUT | Errno::ENOENT | Errno::ENXIO | Errno::ENOMEDIUM))
        });
        if !machine.is_told() {
            let device = match device {
                Err(Errno::ENOENT | Errno::ENXIO) => Err(Errno::ETIMEDOUT),
                device => device,
            }
            .at(Stage::FindRoot, root)?;
            let kind = boot.root_type.or_else(|| device::kind(device));
            sys::close(device);
            let Some(kind) = kind else { return fail(Stage::MountRoot, root, Why::NoType) };
            for read_only in [read_only, true] {
                mounted = mount(kind, path(root, &found), None, boot.root_flags, read_only);
                // A disk that is write-protected gets a second chance, as mount(8) gives it.
                if !matches!(mounted, Err(Errno::EROFS | Errno::EACCES)) {
                    break;
                }
            }
        }
    }
    if machine.is_told() { Ok(None) } else { mounted.at(Stage::MountRoot, root).map(Some) }
}

/// The path of the device: what was found, or what was named.
fn path<'b>(root: ZStr<'b>, found: &'b [u8]) -> ZStr<'b> {
    ZStr::until_nul(found).filter(|found| found.first() != 0).unwrap_or(root)
}

/// Looks, and looks again whenever the kernel tells of a device, until it is there, the time is over or a signal says that
/// we end.
fn wait(machine: &mut Machine, time: u64, look: &mut dyn FnMut() -> bool) {
    // Listens first: what comes between the look and the wait is heard. Where the kernel can't tell, one look at the end
    // has to do.
    let events = sys::uevents();
    if !look() && time > 0 {
        let deadline = sys::now().saturating_add(time);
        let mut look_again = || {
            if let Ok(events) = events {
                // Which device it is doesn't matter: several may be behind one signal. Also when some were lost, ENOBUFS, the
                // kernel tells of no other before all is read.
                while sys::read(events, &mut [0; 16]) != Err(Errno::EAGAIN) {}
            }
            look()
        };
        supervise(None, &mut Watch { machine, look: &mut look_again, deadline });
    }
    if let Ok(events) = events {
        sys::close(events);
        sys::take_pending(sys::SIGIO);
    }
}

/// A new mount of that file system: fsopen(2). Of `flags` also the file system's own are taken.
#[inline(never)]
fn mount(
    kind: ZStr<'_>,
    source: ZStr<'_>,
    options: Option<ZStr<'_>>,
    flags: Option<ZStr<'_>>,
    read_only: bool,
) -> sys::Result<Fd> {
    let fs = sys::fsopen(kind)?;
    let mounted = configure(fs, source, [options, flags], read_only);
    sys::close(fs);
    mounted
}

fn configure(fs: Fd, source: ZStr<'_>, options: [Option<ZStr<'_>>; 2], read_only: bool) -> sys::Result<Fd> {
    sys::fsconfig(fs, z!("source"), Some(source))?;
    let mut attributes = 0;
    for list in options.iter().flatten() {
        for option in fields(list.bytes(), b',') {
            match attribute(option) {
                Some(attribute) => attributes |= attribute,
                None if option.is_empty() => {}
                None => set(fs, option)?,
            }
        }
    }
    if read_only {
        set(fs, b"ro")?;
    }
    sys::fsmount(fs, attributes)
}

/// What an option is to mount_setattr(2), if it is one of the mount and not of its file system.
fn attribute(option: &[u8]) -> Option<u32> {
    const NAMES: &[u8] = b"nosuid nodev noexec noatime nodiratime relatime defaults";
    const ATTRIBUTES: &[u8; 7] = &[
        sys::MOUNT_ATTR_NOSUID as u8,
        sys::MOUNT_ATTR_NODEV as u8,
        sys::MOUNT_ATTR_NOEXEC as u8,
        sys::MOUNT_ATTR_NOATIME as u8,
        sys::MOUNT_ATTR_NODIRATIME as u8,
        0,
        0,
    ];
    let known = fields(NAMES, b' ').position(|name| name == option)?;
    ATTRIBUTES.get(known).map(|attribute| u32::from(*attribute))
}

/// One option, with its value behind `=` or without.
#[inline(never)]
fn set(fs: Fd, option: &[u8]) -> sys::Result<()> {
    let mut room = [0; 512];
    let mut text = Text::on(&mut room);
    let option = text.push(option).zstr().ok_or(Errno::E2BIG)?;
    let len = before(option.bytes(), b'=').len();
    if len == option.bytes().len() {
        return sys::fsconfig(fs, option, None);
    }
    if let Some(equals) = room.get_mut(len) {
        *equals = 0;
    }
    let key = ZStr::until_nul(&room).ok_or(Errno::E2BIG)?;
    sys::fsconfig(fs, key, room.get(len.saturating_add(1)..).and_then(ZStr::until_nul))
}

/// `lower`, which stays as it is, with what is changed in memory above it. The attributes among `flags` are for the whole.
fn overlay(lower: Fd, flags: Option<ZStr<'_>>) -> sys::Result<Fd> {
    // The parts need places until the overlay has them: it keeps mounts of its own.
    let place = z!("/sysroot");
    let _ = sys::mkdirat(Fd::CWD, place, 0o700);
    let memory = mount(z!("tmpfs"), z!("tmpfs"), None, None, false)?;
    sys::move_mount(memory, Fd::CWD, place)?;
    for name in [z!("lower"), z!("upper"), z!("work")] {
        sys::mkdirat(memory, name, 0o755)?;
    }
    sys::move_mount(lower, memory, z!("lower"))?;
    let options = b"source=overlay,lowerdir=/sysroot/lower,upperdir=/sysroot/upper,workdir=/sysroot/work";
    let fs = sys::fsopen(z!("overlay"))?;
    for option in fields(options, b',') {
        set(fs, option)?;
    }
    let flags = flags.map_or(&b""[..], ZStr::bytes);
    let attributes = fields(flags, b',').filter_map(attribute).fold(0, |all, one| all | one);
    let mounted = sys::fsmount(fs, attributes);
    for done in [fs, lower, memory] {
        sys::close(done);
    }
    let _ = sys::umount2(place, sys::MNT_DETACH);
    mounted
}
