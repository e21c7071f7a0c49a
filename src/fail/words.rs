//! The errnos that our calls can return, as errno(3) and strerror(3) have them, and what to do where they mislead.

use super::Stage;
use crate::text::{nth, pack, packed_len, texts};

macro_rules! errno_texts {
    ($($name:ident $text:literal)*) => {
        /// In the order of the texts.
        const NUMBERS: &[u16] = &[$(linux_raw_sys::errno::$name as u16),*];
        /// `Permission denied (`, then `EACCES`: as they stand in a message.
        const ALL: &[&str] = &[$(concat!($text, " ("), stringify!($name)),*];
        static PACKED: [u8; packed_len(ALL)] = pack(ALL);
    };
}

errno_texts! {
    EPERM "Operation not permitted"
    ENOENT "No such file or directory"
    ESRCH "No such process"
    EIO "Input/output error"
    ENXIO "No such device or address"
    E2BIG "Argument list too long"
    ENOEXEC "Exec format error"
    EBADF "Bad file descriptor"
    EAGAIN "Resource temporarily unavailable"
    ENOMEM "Cannot allocate memory"
    EACCES "Permission denied"
    EBUSY "Device or resource busy"
    EEXIST "File exists"
    EXDEV "Invalid cross-device link"
    ENODEV "No such device"
    ENOTDIR "Not a directory"
    EISDIR "Is a directory"
    EINVAL "Invalid argument"
    ENFILE "Too many open files in system"
    EMFILE "Too many open files"
    ETXTBSY "Text file busy"
    EFBIG "File too large"
    ENOSPC "No space left on device"
    EROFS "Read-only file system"
    EPIPE "Broken pipe"
    ERANGE "Numerical result out of range"
    ENAMETOOLONG "File name too long"
    ENOSYS "Function not implemented"
    ELOOP "Too many levels of symbolic links"
    ELIBBAD "Accessing a corrupted shared library"
    EUSERS "Too many users"
    EOPNOTSUPP "Operation not supported"
    EAFNOSUPPORT "Address family not supported by protocol"
    EDQUOT "Disk quota exceeded"
}

/// The text with an open bracket, and the name.
pub(super) fn errno(e: u16) -> Option<(&'static [u8], &'static [u8])> {
    let i = NUMBERS.iter().position(|n| *n == e)?;
    Some((nth(&PACKED, i * 2), nth(&PACKED, i * 2 + 1)))
}

texts! {
    /// What to do.
    Hint {
        None = ""
        CloneEperm = ": user namespaces are switched off, or root lacks CAP_SYS_ADMIN here: look at kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns, and the seccomp profile of an outer container"
        CloneEnospc = ": a limit on namespaces is reached: look at user.max_user_namespaces and its neighbours in /proc/sys/user"
        CloneEagain = ": a limit on processes is reached: look at ulimit -u, pids.max of the cgroup, kernel.pid_max"
        CloneEinval = ": this kernel lacks one of the namespaces, or forbids the combination"
        CloneEusers = ": namespaces are nested too deep"
        IdMapEperm = ": no right to map this id: an unprivileged caller maps itself (--uid, --gid) or, through newuidmap, ranges of /etc/subuid; kernel.apparmor_restrict_unprivileged_userns forbids it too"
        Proc = ": the host's /proc must be mounted"
        MountEperm = ": in a user namespace the kernel mounts proc and sysfs only where the host's own is wholly visible: an outer container masks it; try --no-proc"
        NoProc = ": ROOTFS has no such directory: make it, or use --no-proc"
        Rootfs = ": ROOTFS must be a directory"
        Loop = ": a symbolic link in ROOTFS stands where a real directory must be"
        RootEinval = ": the present root is not a mount point (a chroot): use --chroot"
        Old = ": this kernel is too old for it: binds and --read-only need Linux 5.12, the rest 5.10"
        NoFiles = ": raise the hard limit of open files (ulimit -Hn): each bind needs one"
        LoEperm = ": this network namespace gives no rights: kernel.apparmor_restrict_unprivileged_userns does that"
        WrongKind = ": not a namespace of this kind, or one that we are in already"
        NoRights = ": joining takes rights over the namespace: join its owner too (--userns), or be root"
        HostName = ": 64 bytes at most"
        Interpreter = ": the file is there, its ELF interpreter, shared loader or #! line names one that is not"
        NotFound = ": not in the container's PATH"
        Machine = ": the file is for another CPU"
        Format = ": neither an ELF file for this machine nor a script with a #! line"
        Executable = ": no execute permission, a directory, or a file system mounted noexec"
        Groups = ": a single-id map denies setgroups; use --map-groups"
        Unmapped = ": this id is not in the id map: see --map-users and --map-groups"
        TimeRange = ": an offset may not move a clock below zero or beyond 146 years"
    }
}

/// What to do about `e` at `stage`; empty where the errno speaks for itself.
pub(super) fn hint(stage: Stage, e: u16) -> &'static [u8] {
    use linux_raw_sys::errno as E;
    let hint = match (stage, u32::from(e)) {
        (Stage::Clone, E::EPERM) => Hint::CloneEperm,
        (Stage::Clone, E::ENOSPC) => Hint::CloneEnospc,
        (Stage::Clone, E::EAGAIN) => Hint::CloneEagain,
        (Stage::Clone, E::EINVAL) => Hint::CloneEinval,
        (Stage::Clone, E::EUSERS) => Hint::CloneEusers,
        (Stage::IdMap, E::EPERM) => Hint::IdMapEperm,
        (Stage::IdMap | Stage::Time, E::ENOENT) => Hint::Proc,
        (Stage::Time, E::EINVAL | E::ERANGE) => Hint::TimeRange,
        (Stage::Mount | Stage::Proc, E::EPERM) => Hint::MountEperm,
        (Stage::Proc, E::ENOENT) => Hint::NoProc,
        (Stage::Mount | Stage::Proc | Stage::Create | Stage::Chdir, E::ELOOP) => Hint::Loop,
        (Stage::Rootfs, E::ENOTDIR) => Hint::Rootfs,
        (Stage::Root, E::EINVAL) => Hint::RootEinval,
        (_, E::ENOSYS) => Hint::Old,
        (Stage::Source, E::EMFILE) => Hint::NoFiles,
        (Stage::Loopback, E::EPERM) => Hint::LoEperm,
        (Stage::Join, E::EINVAL) => Hint::WrongKind,
        (Stage::Join, E::EPERM) => Hint::NoRights,
        (Stage::HostName | Stage::DomainName, E::EINVAL) => Hint::HostName,
        (Stage::Groups, E::EPERM) => Hint::Groups,
        (Stage::Uid | Stage::Gid, E::EINVAL) => Hint::Unmapped,
        (Stage::Exec | Stage::ExecPath, E::EACCES) => Hint::Executable,
        (Stage::Exec, E::ENOEXEC) => Hint::Format,
        (Stage::ExecPath, E::ENOENT) => Hint::NotFound,
        (Stage::ExecLoader, _) => Hint::Interpreter,
        (Stage::ExecMachine, _) => Hint::Machine,
        _ => Hint::None,
    };
    hint.text()
}
