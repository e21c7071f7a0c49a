//! What only process 1 of a machine does: whole file systems, the kernel's events, the end of it all.

use super::{Block, Fd, Result, ZStr, call, done, opened};
use core::mem::size_of;
use linux_raw_sys::general as c;
pub use linux_raw_sys::general::{
    LINUX_REBOOT_CMD_CAD_OFF, LINUX_REBOOT_CMD_CAD_ON, LINUX_REBOOT_CMD_HALT, LINUX_REBOOT_CMD_POWER_OFF,
    LINUX_REBOOT_CMD_RESTART, MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODIRATIME, O_RDWR,
};
use linux_raw_sys::{net, netlink};

/// reboot(2); comes back when it changed Ctrl-Alt-Del, or with the reason why not.
pub fn reboot(command: u32) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { done!(reboot, c::LINUX_REBOOT_MAGIC1, c::LINUX_REBOOT_MAGIC2, command, 0) }
}

/// sync(2).
pub fn sync() {
    // SAFETY: no memory is involved; it never fails.
    let _ = unsafe { call!(sync) };
}

/// umount2(2), UMOUNT_NOFOLLOW; what is busy becomes read-only: mount(2), MS_REMOUNT.
pub fn unmount_or_freeze(path: ZStr<'_>) {
    let flags = c::MS_REMOUNT | c::MS_RDONLY;
    if super::umount2(path, c::UMOUNT_NOFOLLOW).is_err() {
        // SAFETY: the kernel reads one NUL-terminated string; a remount looks at no other.
        let _ = unsafe { done!(mount, 0, path.as_ptr(), 0, flags, 0) };
    }
}

/// pread64(2) of a whole buffer; whether there was that much.
pub fn read_at(file: Fd, at: u64, buf: &mut [u8]) -> bool {
    // SAFETY: the kernel writes at most `len` bytes at the pointer; both come from one slice.
    let read = unsafe { call!(pread64, file.0, buf.as_mut_ptr(), buf.len(), at) };
    read == Ok(buf.len() as u32)
}

/// BLKSSZGET: the logical sector size of a block device, in bytes.
pub fn sector_size(disk: Fd) -> u32 {
    let mut size = 512u32;
    // SAFETY: the kernel writes an int.
    let _ = unsafe { done!(ioctl, disk.0, linux_raw_sys::ioctl::BLKSSZGET, &raw mut size) };
    size
}

/// A socket on which the kernel tells of devices, netlink(7), NETLINK_KOBJECT_UEVENT; each message comes with a SIGIO for
/// us, so that whoever waits for signals hears of it: O_ASYNC, fcntl(2).
pub fn uevents() -> Result<Fd> {
    // The kernel's own group.
    let address =
        netlink::sockaddr_nl { nl_family: net::AF_NETLINK as u16, nl_pad: 0, nl_pid: 0, nl_groups: 1 };
    let kind = net::SOCK_DGRAM | c::O_CLOEXEC | c::O_NONBLOCK;
    // SAFETY: the kernel reads an address, whose size it is given.
    unsafe {
        let socket = opened!(socket, net::AF_NETLINK, kind, netlink::NETLINK_KOBJECT_UEVENT)?;
        done!(bind, socket.0, &raw const address, size_of::<netlink::sockaddr_nl>())?;
        super::fd::signals_us(socket)?;
        Ok(socket)
    }
}

/// /proc/cmdline as words: it is split at blanks, but not between quotes, which are taken away.
pub fn kernel_command_line() -> Result<Block> {
    // COMMAND_LINE_SIZE is 2048 on both CPUs.
    const LIMIT: usize = 8192;
    let start = super::room::map(LIMIT)?.as_ptr();
    // SAFETY: the mapping is of that size, and nobody else knows of it. Its last byte stays zero.
    let bytes = unsafe { core::slice::from_raw_parts_mut(start, LIMIT - 1) };
    let len = super::read_start(crate::z!("/proc/cmdline"), bytes)?.len();
    let len = split(bytes.get_mut(..len).unwrap_or_default());
    // SAFETY: the word that is last has its NUL within the text, or behind it: the mapping is one byte longer.
    Ok(unsafe { Block::new(start, len) })
}

/// Takes the quotes away and ends each word with a NUL; how long it is then, with the last one.
fn split(bytes: &mut [u8]) -> usize {
    let cells = core::cell::Cell::from_mut(bytes).as_slice_of_cells();
    let (mut quoted, mut last, mut to) = (false, 0, cells.iter());
    for from in cells {
        match from.get() {
            b'"' => quoted = !quoted,
            byte => {
                let ends = !quoted && matches!(byte, b' ' | b'\t' | b'\n');
                // Of several blanks one ends the word. What is written never gets ahead of what is read.
                if (!ends || last != 0)
                    && let Some(to) = to.next()
                {
                    last = if ends { 0 } else { byte };
                    to.set(last);
                }
            }
        }
    }
    let left = to.as_slice();
    left.iter().for_each(|byte| byte.set(0));
    cells.len().saturating_sub(left.len()).saturating_add((last != 0).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_kernel_end_at_blanks_but_not_between_quotes() {
        for (text, words) in [
            ("a b\n", "a\0b\0"),
            ("a=\"b c\" -- \"sh -c\" x\n", "a=b c\0--\0sh -c\0x\0"),
            ("  a   b \n", "a\0b\0"),
            ("a", "a\0"),
            ("\"\"", ""),
            ("", ""),
        ] {
            let mut bytes = text.as_bytes().to_vec();
            let len = split(&mut bytes);
            // As the mapping has it.
            bytes.push(0);
            assert_eq!(&bytes[..len], words.as_bytes(), "{text:?}");
            assert!(bytes[len..].iter().all(|b| *b == 0));
        }
    }
}
