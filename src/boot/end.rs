//! The end of the machine: nothing runs any more; what is mounted is given back clean.

use super::machine::Machine;
use crate::spec::boot::OnExit;
use crate::sys;
use crate::text::{Text, field};
use crate::z;

/// So large the mount table may be.
const LIMIT: usize = 1 << 20;

/// Ends it. It comes back with `code` when the kernel shall panic. Of a container, which ends with us, that is its own code;
/// its file systems may be its host's too, and stay as they are.
pub(super) fn end(machine: &Machine, code: u8) -> u8 {
    let action = machine.action();
    if machine.is_real {
        sys::sync();
        unmount();
        sys::sync();
    } else if action != OnExit::Reboot {
        return code;
    }
    let mut command = match action {
        OnExit::Reboot => sys::LINUX_REBOOT_CMD_RESTART,
        OnExit::Halt => sys::LINUX_REBOOT_CMD_HALT,
        OnExit::Panic => return code,
        // Nothing is started again that could not be started.
        OnExit::PowerOff | OnExit::Respawn => sys::LINUX_REBOOT_CMD_POWER_OFF,
    };
    // Where the machine can't, the kernel ends whoever has asked: kernel/reboot.c.
    if sys::clone(sys::CLONE_VM | sys::CLONE_VFORK, ask, &mut command).is_err() {
        // There can be no process more.
        let _ = sys::reboot(command);
    }
    if machine.is_real {
        loop {
            let _ = sys::wait_signal(None);
        }
    }
    code
}

extern "C" fn ask(command: &mut u32) -> ! {
    let _ = sys::reboot(*command);
    sys::exit(0)
}

/// Unmounts all that can be, the last mount first, and makes the others read-only.
#[inline(never)]
fn unmount() {
    let Ok(table) = sys::read_file(z!("/proc/self/mounts"), b'\n', LIMIT) else {
        // The root may have no /proc.
        return sys::unmount_or_freeze(z!("/"));
    };
    let mut rest = table.bytes();
    while let [lines @ .., _] = rest {
        let start = lines.iter().rposition(|b| *b == 0).map_or(0, |nul| nul.saturating_add(1));
        let (before, line) = rest.split_at_checked(start).unwrap_or_default();
        rest = before;
        let mut room = [0; 4096];
        let mut path = Text::on(&mut room);
        unescape(field(line, b' ', 1), &mut path);
        if let Some(path) = path.zstr() {
            sys::unmount_or_freeze(path);
        }
    }
}

/// The kernel writes blanks and backslashes as three digits in octal, proc_pid_mounts(5).
fn unescape(mut escaped: &[u8], path: &mut Text<'_>) {
    while let [first, rest @ ..] = escaped {
        escaped = match rest {
            [a @ b'0'..=b'3', b, c, rest @ ..] if *first == b'\\' => {
                let digit = |d: &u8| d.wrapping_sub(b'0') & 7;
                path.push(&[digit(a) << 6 | digit(b) << 3 | digit(c)]);
                rest
            }
            rest => {
                path.push(&[*first]);
                rest
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_in_the_mount_table_are_read_back() {
        for (escaped, path) in
            [("/a", "/a"), ("/a\\040b\\134c", "/a b\\c"), ("\\", "\\"), ("/x\\011", "/x\t")]
        {
            let mut room = [0; 32];
            let mut text = Text::on(&mut room);
            unescape(escaped.as_bytes(), &mut text);
            assert_eq!(text.get(), path.as_bytes());
        }
    }
}
