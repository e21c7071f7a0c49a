//! Block devices: what lies on them, by their superblocks and partition tables.

use crate::sys::{self, Fd, ZStr};
use crate::text::{Text, behind, decimal, field, fields};
use crate::z;

/// What is read of a device: its start, and what lies at 64 KiB, behind that.
const START: usize = 2048;
const FAR: u64 = 64 << 10;
type Head = [u8; START + 1024];

/// A file system: where its superblock has its magic number, its UUID and its label. Offset 0 stands for none; nobody has
/// any of them there.
struct Known {
    kind: ZStr<'static>,
    magic: &'static [u8],
    at: u16,
    uuid: u16,
    label: u16,
    label_len: u16,
}

/// From include/linux/ or fs/ of the kernel, each file system's super_block. ext4 mounts its elders too; its two bytes can
/// stand in the superblock of one that begins before, and those of a btrfs that was there may be left behind its own.
const KNOWN: [Known; 5] = [
    Known { kind: z!("xfs"), magic: b"XFSB", at: 0, uuid: 32, label: 108, label_len: 12 },
    Known { kind: z!("squashfs"), magic: b"hsqs", at: 0, uuid: 0, label: 0, label_len: 0 },
    Known { kind: z!("erofs"), magic: b"\xe2\xe1\xf5\xe0", at: 1024, uuid: 1072, label: 1088, label_len: 16 },
    Known { kind: z!("ext4"), magic: b"\x53\xef", at: 1080, uuid: 1128, label: 1144, label_len: 16 },
    Known { kind: z!("btrfs"), magic: b"_BHRfS_M", at: 2112, uuid: 2080, label: 2347, label_len: 256 },
];

/// By what a device is asked for.
#[derive(Clone, Copy)]
pub(super) enum By {
    Label,
    Uuid,
    PartUuid,
}

/// Whether there is a block device that has this label or UUID; the path of the first one, NUL-terminated, is then in
/// `room`.
pub(super) fn find(by: By, value: &[u8], room: &mut [u8]) -> bool {
    let mut table = [0; 4096];
    let Ok(file) = sys::open(z!("/proc/partitions"), sys::O_RDONLY) else { return false };
    let mut len = 0usize;
    // It comes in several pieces.
    while let Ok(n @ 1..) = sys::read(file, table.get_mut(len..).unwrap_or_default()) {
        len = len.saturating_add(n as usize);
    }
    sys::close(file);
    let mut path = Text::on(room);
    // "major minor #blocks name"; two lines of it are a heading.
    fields(table.get(..len).unwrap_or_default(), b'\n').any(|line| {
        let name = behind(line, b' ');
        path.clear().push(b"/dev/").push(name);
        let found = match by {
            _ if name.is_empty() => None,
            By::PartUuid => path.zstr().and_then(|_| is_partition(name, value)),
            _ => has(&mut path, by, value),
        };
        found == Some(true)
    })
}

/// Whether the file system on a device has this label or UUID.
fn has(path: &mut Text<'_>, by: By, value: &[u8]) -> Option<bool> {
    let device = sys::open(path.zstr()?, sys::O_RDONLY).ok()?;
    let mut head = [0; START + 1024];
    let known = read(device, &mut head);
    sys::close(device);
    let known = known?;
    let part = |at: u16, len: u16| head.get(usize::from(at)..usize::from(at.checked_add(len)?));
    Some(match by {
        By::Label if known.label != 0 => {
            let label = field(part(known.label, known.label_len)?, 0, 0);
            !label.is_empty() && label == value
        }
        By::Uuid if known.uuid != 0 => is_uuid(part(known.uuid, 16)?, false, value),
        _ => false,
    })
}

/// Which file system is on a device.
pub(super) fn kind(device: Fd) -> Option<ZStr<'static>> {
    read(device, &mut [0; START + 1024]).map(|known| known.kind)
}

fn read(device: Fd, head: &mut Head) -> Option<&'static Known> {
    let (start, far) = head.split_at_mut_checked(START)?;
    if !sys::read_at(device, 0, start) {
        return None;
    }
    // A small device has nothing there.
    sys::read_at(device, FAR, far);
    const ROWS: &[Known] = &KNOWN;
    ROWS.iter().find(|known| head.get(known.at.into()..).is_some_and(|rest| rest.starts_with(known.magic)))
}

/// Whether a UUID, of which `mixed` has its first three numbers with their lowest bytes first, is written so: in hex, with
/// its four hyphens, small letters or large ones.
fn is_uuid(uuid: &[u8], mixed: bool, text: &[u8]) -> bool {
    const MIXED: [u8; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut room = [0; 37];
    let mut written = Text::on(&mut room);
    for (i, from) in MIXED.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            written.push(b"-");
        }
        hex(uuid.get(if mixed { usize::from(*from) } else { i }).copied().unwrap_or(0), &mut written);
    }
    is_same(written.get(), text)
}

/// Whether `text` is that, in small letters or large ones.
fn is_same(written: &[u8], text: &[u8]) -> bool {
    written.len() == text.len() && written.iter().zip(text).all(|(a, b)| *a == b.to_ascii_lowercase())
}

fn hex(byte: u8, out: &mut Text<'_>) {
    for digit in [byte >> 4, byte & 15] {
        out.push(&[if digit > 9 { digit - 10 + b'a' } else { digit + b'0' }]);
    }
}

/// Whether block device `name` is the partition that this PARTUUID means, by the table on its disk: the kernel tells it by
/// its uevents only since Linux 6.10.
fn is_partition(name: &[u8], value: &[u8]) -> Option<bool> {
    let mut room = [0; 256];
    // Its number, and what its disk is called.
    let number = decimal(field(attribute(name, b"/partition", &mut room)?, b'\n', 0))?;
    let uevent = attribute(name, b"/../uevent", &mut room)?;
    let disk = fields(uevent, b'\n').find_map(|line| line.strip_prefix(b"DEVNAME="))?;
    let mut room = [0; 64];
    let disk = sys::open(Text::on(&mut room).push(b"/dev/").push(disk).zstr()?, sys::O_RDONLY).ok()?;
    let is = is_entry(disk, number, value);
    sys::close(disk);
    is
}

/// A file of /sys/class/block/NAME.
fn attribute<'b>(name: &[u8], file: &[u8], room: &'b mut [u8]) -> Option<&'b [u8]> {
    let mut path = [0; 96];
    let mut path = Text::on(&mut path);
    sys::read_start(path.push(b"/sys/class/block/").push(name).push(file).zstr()?, room).ok()
}

/// Whether entry `number`, from 1, of a disk's partition table has this UUID: of GPT its own; of MBR the signature of the
/// disk and the number, as the kernel puts them together.
fn is_entry(disk: Fd, number: u64, value: &[u8]) -> Option<bool> {
    let mut block = [0; 512];
    let sector = u64::from(sys::sector_size(disk));
    // UEFI 2.10, 5.2.3 and 5.3: one of the four types in the first sector says that the header is in the second.
    if !sys::read_at(disk, 0, &mut block) {
        return None;
    }
    let protects = [450u16, 466, 482, 498].iter().any(|at| block.get(usize::from(*at)) == Some(&0xee));
    if protects && sys::read_at(disk, sector, &mut block) && block.starts_with(b"EFI PART") {
        let word = |at: usize| Some(u32::from_le_bytes(block.get(at..)?.first_chunk().copied()?));
        let (start, count, size) = (word(72)?, word(80)?, word(84)?);
        let entry = number.checked_sub(1)?.checked_mul(size.into())?;
        let at = u64::from(start).checked_mul(sector)?.checked_add(entry)?;
        let mut entry = [0; 32];
        return Some(
            number <= count.into()
                && sys::read_at(disk, at, &mut entry)
                && is_uuid(entry.get(16..)?, true, value),
        );
    }
    let table = sys::read_at(disk, 0, &mut block) && block.ends_with(b"\x55\xaa");
    let mut room = [0; 16];
    let mut written = Text::on(&mut room);
    for byte in block.get(440..444)?.iter().rev() {
        hex(*byte, &mut written);
    }
    hex(u8::try_from(number).ok()?, written.push(b"-"));
    Some(table && is_same(written.get(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each superblock alone, and with what others may have left on the device.
    #[test]
    fn file_system_is_told_by_what_cannot_be_a_part_of_another() {
        let kind = |marks: &[(usize, &[u8])]| {
            let mut device = vec![0; START + 1024 + FAR as usize];
            for (at, mark) in marks {
                device[*at..at + mark.len()].copy_from_slice(mark);
            }
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &device).unwrap();
            let path = format!("{}\0", file.path().display());
            let file = sys::open(ZStr::until_nul(path.as_bytes()).unwrap(), sys::O_RDONLY).unwrap();
            let known = super::kind(file).map(|kind| String::from_utf8(kind.bytes().to_vec()).unwrap());
            sys::close(file);
            known.unwrap_or_default()
        };
        let ext4: (usize, &[u8]) = (1080, b"\x53\xef");
        let btrfs: (usize, &[u8]) = (FAR as usize + 64, b"_BHRfS_M");
        assert_eq!(kind(&[]), "");
        assert_eq!((kind(&[ext4]), kind(&[btrfs])), ("ext4".into(), "btrfs".into()));
        assert_eq!(kind(&[ext4, btrfs]), "ext4", "mkfs.ext4 does not write so far");
        for (name, mark) in
            [("xfs", (0, &b"XFSB"[..])), ("squashfs", (0, b"hsqs")), ("erofs", (1024, b"\xe2\xe1\xf5\xe0"))]
        {
            assert_eq!((kind(&[mark]), kind(&[ext4, mark])), (name.into(), name.into()));
        }
    }

    #[test]
    fn uuids_are_written_as_blkid_writes_them() {
        let bytes: Vec<u8> = (0..16).map(|i| i * 17).collect();
        assert!(is_uuid(&bytes, false, b"00112233-4455-6677-8899-AABBCCDDEEFF"));
        assert!(is_uuid(&bytes, true, b"33221100-5544-7766-8899-aabbccddeeff"));
        for other in
            ["", "00112233", "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeefe"]
        {
            assert!(!is_uuid(&bytes, false, other.as_bytes()), "{other}");
        }
    }
}
