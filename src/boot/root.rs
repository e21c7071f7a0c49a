//! The real root: its device found, waited for, and mounted; attached nowhere yet.

use super::device::{self, By};
use super::machine::{Machine, Watch};
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::init::supervise;
use crate::spec::boot::Boot;
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::{Text, fields};
use crate::z;

/// A mount; none when a signal came first.
type Mounted = Result<Option<Fd>, Fail<'static>>;

/// Finds and mounts what `--root` names.
#[inline(never)]
pub(super) fn find_and_mount(root: ZStr<'static>, boot: &Boot, machine: &mut Machine) -> Mounted {
    match root.value_of(b"overlay:") {
        Some(lower) => match mount_one(lower, boot, machine, true)? {
            Some(lower) => overlay(lower).at(Stage::MountRoot, root).map(Some),
            None => Ok(None),
        },
        None => mount_one(root, boot, machine, false),
    }
}

fn mount_one(root: ZStr<'static>, boot: &Boot, machine: &mut Machine, read_only: bool) -> Mounted {
    let flags = boot.root_flags;
    // A tag of the host's: the driver knows it once the device is there.
    for (prefix, kind, options) in [
        (&b"virtiofs:"[..], z!("virtiofs"), None),
        (b"9p:", z!("9p"), Some(z!("trans=virtio,version=9p2000.L"))),
    ] {
        if let Some(tag) = root.value_of(prefix) {
            let mut mounted = Err(Errno::ENODEV);
            wait(machine, boot.root_wait, &mut || {
                mounted = mount(kind, tag, [options, flags], read_only);
                !matches!(mounted, Err(Errno::EINVAL | Errno::ENOENT))
            });
            return if machine.is_told() { Ok(None) } else { mounted.at(Stage::MountRoot, root).map(Some) };
        }
    }
    let by = [(&b"LABEL="[..], By::Label), (b"UUID=", By::Uuid), (b"PARTUUID=", By::PartUuid)]
        .into_iter()
        .find_map(|(prefix, by)| root.value_of(prefix).map(|value| (by, value)));
    if by.is_none() && root.first() != b'/' {
        // What is no device has a name of its file system's own.
        let Some(kind) = boot.root_type else { return fail(Stage::FindRoot, root, Why::Root) };
        return mount(kind, root, [None, flags], read_only).at(Stage::MountRoot, root).map(Some);
    }
    let mut room = [0; 128];
    let mut device = Err(Errno::ETIMEDOUT);
    wait(machine, boot.root_wait, &mut || {
        if by.is_none_or(|(by, value)| device::find(by, value.bytes(), &mut room)) {
            device = sys::open(path(root, by.is_some(), &room), sys::O_RDONLY);
        }
        // No node yet, or nothing behind it.
        !matches!(device, Err(Errno::ETIMEDOUT | Errno::ENOENT | Errno::ENXIO | Errno::ENOMEDIUM))
    });
    if machine.is_told() {
        return Ok(None);
    }
    let device = match device {
        Err(Errno::ENOENT | Errno::ENXIO) => Err(Errno::ETIMEDOUT),
        device => device,
    }
    .at(Stage::FindRoot, root)?;
    let kind = boot.root_type.or_else(|| device::kind(device));
    sys::close(device);
    let Some(kind) = kind else { return fail(Stage::MountRoot, root, Why::NoType) };
    let path = path(root, by.is_some(), &room);
    let mounted = match mount(kind, path, [None, flags], read_only) {
        // A disk that is write-protected, as mount(8) does.
        Err(Errno::EROFS | Errno::EACCES) => mount(kind, path, [None, flags], true),
        mounted => mounted,
    };
    mounted.at(Stage::MountRoot, root).map(Some)
}

/// The path of the device: what was found, or what was named.
fn path<'b>(root: ZStr<'b>, is_found: bool, found: &'b [u8]) -> ZStr<'b> {
    if is_found { ZStr::until_nul(found).unwrap_or(root) } else { root }
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
                // Which device it is doesn't matter: several may be behind one signal.
                while sys::read(events, &mut [0; 16]).is_ok() {}
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

/// A new mount of that file system: fsopen(2).
#[inline(never)]
fn mount(
    kind: ZStr<'_>,
    source: ZStr<'_>,
    options: [Option<ZStr<'_>>; 2],
    read_only: bool,
) -> sys::Result<Fd> {
    let fs = sys::fsopen(kind)?;
    let mounted = configure(fs, source, options, read_only);
    sys::close(fs);
    mounted
}

fn configure(fs: Fd, source: ZStr<'_>, options: [Option<ZStr<'_>>; 2], read_only: bool) -> sys::Result<Fd> {
    /// Options of a mount and not of its file system, mount_setattr(2).
    const ATTRIBUTES: [(&[u8], u32); 5] = [
        (b"nosuid", sys::MOUNT_ATTR_NOSUID),
        (b"nodev", sys::MOUNT_ATTR_NODEV),
        (b"noexec", sys::MOUNT_ATTR_NOEXEC),
        (b"noatime", sys::MOUNT_ATTR_NOATIME),
        (b"nodiratime", sys::MOUNT_ATTR_NODIRATIME),
    ];
    sys::fsconfig(fs, z!("source"), Some(source))?;
    let mut attributes = 0;
    for option in options.iter().flatten().flat_map(|list| fields(list.bytes(), b',')) {
        if let Some((_, attribute)) = ATTRIBUTES.iter().find(|(name, _)| *name == option) {
            attributes |= attribute;
        } else if !matches!(option, b"" | b"defaults" | b"relatime") {
            let mut room = [0; 1024];
            let mut text = Text::on(&mut room);
            let name = crate::text::before(option, b'=');
            text.push(name).push(b"\0").push(option.get(name.len().saturating_add(1)..).unwrap_or_default());
            text.zstr().ok_or(Errno::E2BIG)?;
            let key = ZStr::until_nul(&room).ok_or(Errno::E2BIG)?;
            let value = room.get(key.bytes_with_nul().len()..).and_then(ZStr::until_nul);
            sys::fsconfig(fs, key, value.filter(|_| name.len() < option.len()))?;
        }
    }
    if read_only {
        sys::fsconfig(fs, z!("ro"), None)?;
    }
    sys::fsmount(fs, attributes)
}

/// `lower`, which stays as it is, with what is changed in memory above it.
fn overlay(lower: Fd) -> sys::Result<Fd> {
    // The parts need places until the overlay has them: it keeps mounts of its own.
    let place = z!("/sysroot");
    let _ = sys::mkdirat(Fd::CWD, place, 0o700);
    let memory = mount(z!("tmpfs"), z!("tmpfs"), [None, None], false)?;
    sys::move_mount(memory, Fd::CWD, place)?;
    for name in [z!("lower"), z!("upper"), z!("work")] {
        sys::mkdirat(memory, name, 0o755)?;
    }
    sys::move_mount(lower, memory, z!("lower"))?;
    let options = z!("lowerdir=/sysroot/lower,upperdir=/sysroot/upper,workdir=/sysroot/work");
    let mounted = mount(z!("overlay"), z!("overlay"), [Some(options), None], false);
    sys::close(lower);
    sys::close(memory);
    let _ = sys::umount2(place, sys::MNT_DETACH);
    mounted
}
