//! Failures in bubblewrap's words, where somebody may match on them; in ours where it has none.

use super::{Fail, Stage, Why, escape, strerror};
use crate::sys::ZStr;
use crate::text::{Text, pack, packed_len};

/// Errno 0 is no errno: any that is not named before.
const ANY: u32 = 0;
/// In the place of an errno: a reason of ours.
const OURS: u8 = 255;

/// What it says at a stage for an errno, or for a reason of ours. `%` stands for the subject, `$` for the value of the
/// option, `^` for how many layers it needs, `&` for what kind of number that should be, `@` for strerror(3).
macro_rules! words {
    ($($stage:ident $errno:ident $text:literal)* ; $($why:ident $reason:literal)*) => {
        const NUMBER: usize = [$($text,)* $($reason,)*].len();
        /// Which one it is: no pointers.
        static ROWS: [[u8; 2]; NUMBER] = {
            use linux_raw_sys::errno::*;
            [$([Stage::$stage as u8, $errno as u8],)* $([Why::$why as u8, OURS],)*]
        };
        const TEXTS: &[&str] = &[$($text,)* $($reason,)*];
        static PACKED: [u8; packed_len(TEXTS)] = pack(TEXTS);
    };
}

words! {
    Clone EPERM "No permissions to create a new namespace, likely because the kernel does not allow non-privileged user namespaces. On e.g. debian this can be enabled with 'sysctl kernel.unprivileged_userns_clone=1'."
    Clone ENOSPC "Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)"
    Clone ANY "Creating new namespace failed: @"
    Join EINVAL "Joining the specified user namespace failed, it might not be a descendant of the current user namespace."
    Join ANY "Joining specified user namespace failed: @"
    JoinPid ANY "Setting pidns failed: @"
    Join2 ANY "Setting userns2 failed: @"
    IdMap ANY "setting up uid map: @"
    Userns ANY "sysctl user.max_user_namespaces = 1: @"
    Loopback ANY "loopback: Failed RTM_NEWADDR: @"
    HostName ANY "Can't set hostname to %: @"
    Propagation ANY "Failed to make / slave: @"
    Rootfs ANY "Failed to mount tmpfs: @"
    Root ANY "pivot_root: @"
    Source ANY "Can't find source path %: @"
    Mount EROFS "Can't mkdir %: @"
    Proc EROFS "Can't mkdir %: @"
    Mount ANY "Can't mount on /newroot%: @"
    Proc ANY "Can't mount proc on /newroot%: @"
    Create ANY "Can't mkdir %: @"
    Link ANY "Can't make symlink at %"
    Overlay ELOOP "Can't make overlay mount on %: Overlay directories may not overlap"
    Overlay ANY "Can't make overlay mount on %: @"
    Chmod ANY "Can't chmod %: @"
    ReadOnly ANY "Can't remount readonly on %: @"
    ReadFilter EINVAL "Invalid seccomp data, must be multiple of 8"
    ReadFilter ANY "Can't read seccomp data: @"
    Filter EINVAL "Unable to set up system call filtering as requested: prctl(PR_SET_SECCOMP) reported EINVAL. (Hint: this requires a kernel configured with CONFIG_SECCOMP and CONFIG_SECCOMP_FILTER.)"
    Lock ENOENT "Unable to open lock file %: @"
    Lock EACCES "Unable to open lock file %: @"
    Lock ANY "Unable to lock file %: @"
    Chdir ANY "Can't chdir to %: @"
    Session ANY "setsid: @"
    Read ANY "Can't read --args data: @"
    Exec ANY "execvp %: @"
    ExecPath ANY "execvp %: @"
    ExecLoader ANY "execvp %: @"
    ExecMachine ANY "execvp %: @"
    NotDisabled ANY "creation of new user namespaces was not disabled as requested"
    ;
    Unknown "Unknown option %"
    NoValue "% takes an argument"
    NoValues "% takes two arguments"
    Number "Invalid &: $"
    Capability "unknown cap: $"
    Mode "% takes an octal argument <= 07777"
    Size "% takes a non-zero number of bytes"
    Name "setenv failed"
    NeedsMade "--perms must be followed by an option that creates a file"
    NeedsTmpfs "--size must be followed by --tmpfs"
    NeedsLayers "% requires at least ^ --overlay-src"
    NeedsOverlay "--overlay-src must be followed by another --overlay-src or one of --overlay, --tmp-overlay, or --ro-overlay"
    NeedsUts "Specifying --hostname requires --unshare-uts"
    NotAnOption "--args not supported in arguments file"
    Joined "--userns not compatible --unshare-user"
}

/// Appends it; `None`: it has no words for this.
pub(super) fn tell(fail: &Fail<'_>, value: Option<ZStr<'_>>, line: &mut Text<'_>) -> Option<()> {
    let (stage, reason) = fail.parts();
    let errno = u16::try_from(-reason).ok();
    let row = |[key, errno_or]: &[u8; 2]| match errno {
        Some(e) => *key == stage && (u16::from(*errno_or) == e || *errno_or == 0),
        None => *key == reason as u8 && *errno_or == OURS,
    };
    let Some(n) = ROWS.iter().position(row) else {
        return (stage == Stage::Usage as u8).then(|| Why::say((reason & 0xff) as usize, line));
    };
    let mut room = [0; 256];
    let mut text = Text::on(&mut room);
    let subject = fail.subject.unwrap_or(crate::z!(""));
    for byte in text.say_nth(&PACKED, n).get() {
        match byte {
            b'%' => escape(line, subject),
            b'$' => escape(line, value.unwrap_or(subject)),
            b'&' => {
                let kind = subject.skip(2);
                line.push(if kind.is(b"uid") || kind.is(b"gid") { kind.bytes() } else { b"fd" });
            }
            b'^' => {
                line.push(if subject.is(b"--ro-overlay") { b"two" } else { b"one" });
            }
            b'@' => {
                strerror(errno.unwrap_or(0), line);
            }
            byte => {
                line.put(*byte);
            }
        }
    }
    Some(())
}
