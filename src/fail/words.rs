//! The errnos that our calls can return, as errno(3) and strerror(3) have them, and what to do where they mislead.

use super::Stage;
use crate::text::{Text, pack, packed_len};

macro_rules! errno_texts {
    ($($(#[cfg($($c:tt)*)])? $name:ident $text:literal)*) => {
        /// In the order of the texts.
        const NUMBERS: &[u8] = &[$($(#[cfg($($c)*)])? { linux_raw_sys::errno::$name as u8 }),*];
        /// As they stand in a message: `Permission denied (EACCES)`.
        const ALL: &[&str] = &[$($(#[cfg($($c)*)])? { concat!($text, " (", stringify!($name), ")") }),*];
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
    ENOTTY "Inappropriate ioctl for device"
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
    ESTALE "Stale file handle"
    ERANGE "Numerical result out of range"
    ENAMETOOLONG "File name too long"
    ENOSYS "Function not implemented"
    ELOOP "Too many levels of symbolic links"
    ELIBBAD "Accessing a corrupted shared library"
    EUSERS "Too many users"
    EOPNOTSUPP "Operation not supported"
    EAFNOSUPPORT "Address family not supported by protocol"
    EADDRNOTAVAIL "Cannot assign requested address"
    #[cfg(feature = "oci")] EPROTOTYPE "Protocol wrong type for socket"
    #[cfg(feature = "oci")] ECONNREFUSED "Connection refused"
    EDQUOT "Disk quota exceeded"
    ETIMEDOUT "Connection timed out"
    ENOMEDIUM "No medium found"
    EUCLEAN "Structure needs cleaning"
}

/// What to do, where an errno is known to mislead.
macro_rules! hints {
    ($($(#[cfg($($c:tt)*)])? $($stage:ident)|+ => $errno:ident $text:literal)*) => {
        /// The stages and the errno of each hint.
        const HINTS: &[(&[Stage], u32)] = &[$($(#[cfg($($c)*)])? (&[$(Stage::$stage),+], linux_raw_sys::errno::$errno)),*];
        const HINT_TEXTS: &[&str] = &[$($(#[cfg($($c)*)])? { if is_for_all(&[$(Stage::$stage),+], $text) { $text } else { "" } }),*];
        static PACKED_HINTS: [u8; packed_len(HINT_TEXTS)] = pack(HINT_TEXTS);
        /// Stage, errno, and which hint: no pointers.
        static ROWS: [[u8; 3]; count(HINTS)] = rows(HINTS);
    };
}

/// Whether every build can need the hint. Where vesicle-oci is alone none helps that names an option of the launcher, or is
/// about what only those do.
const fn is_for_all(stages: &[Stage], text: &str) -> bool {
    use Stage::*;
    let (mut i, text) = (1, text.as_bytes());
    if cfg!(any(not(feature = "oci"), feature = "help")) {
        return true;
    }
    while i < text.len() {
        if text[i - 1] == b'-' && text[i] == b'-' {
            return false;
        }
        i += 1;
    }
    !matches!(
        stages[0],
        Address
            | Bridge
            | DenyNet
            | ExecRules
            | FindRoot
            | Hide
            | Landlock
            | MountRoot
            | Nice
            | Overlay
            | Template
            | Veth
    )
}

/// How many rows there are.
const fn count(hints: &[(&[Stage], u32)]) -> usize {
    let (mut count, mut hint) = (0, 0);
    while hint < hints.len() {
        (count, hint) = (count + hints[hint].0.len(), hint + 1);
    }
    count
}

const fn rows<const N: usize>(hints: &[(&[Stage], u32)]) -> [[u8; 3]; N] {
    let (mut rows, mut row, mut hint) = ([[0; 3]; N], 0, 0);
    while hint < hints.len() {
        let ((stages, errno), mut i) = (hints[hint], 0);
        while i < stages.len() {
            rows[row] = [stages[i] as u8, errno as u8, hint as u8];
            (row, i) = (row + 1, i + 1);
        }
        hint += 1;
    }
    rows
}

hints! {
    Clone => EPERM ": user namespaces are off, or root lacks CAP_SYS_ADMIN: see kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns, an outer container's seccomp profile"
    Clone => ENOSPC ": too many namespaces: see user.max_user_namespaces and its neighbours"
    Clone|Start => EAGAIN ": too many processes: see ulimit -u, pids.max of the cgroup, kernel.pid_max"
    Clone => EINVAL ": this kernel lacks one of the namespaces"
    Clone => EUSERS ": namespaces are nested too deep"
    JoinCgroup => EBUSY ": it has controllers enabled for cgroups below it, and so can hold no process itself"
    JoinCgroup => EOPNOTSUPP ": a cgroup on the way is threaded, or has processes beside threaded controllers"
    JoinCgroup|MakeCgroup|Controller|Limit => EACCES ": the caller's own cgroup is not delegated (Delegate=yes of systemd)"
    MakeCgroup => EBUSY ": there is one of this name, with processes in it"
    Controller => EBUSY ": there are processes in a cgroup on the way, which then can't pass it on"
    Limit => ENOENT ": this kernel does not have that limit"
    IdMap => EPERM ": no right to map this id: the caller may map itself (--uid, --gid), and by newuidmap the ranges of /etc/subuid; kernel.apparmor_restrict_unprivileged_userns forbids it too"
    IdMap|Time|Overlay|Userns|OomScore => ENOENT ": the host's /proc must be mounted"
    Userns => EROFS ": the host's /proc/sys is read-only, as an outer container makes it"
    Time => EINVAL ": no clock below zero"
    Time => EACCES ": only root sets clocks and joins a user or PID namespace"
    Time => ERANGE ": no clock below zero or beyond 146 years"
    Propagation => EINVAL ": the present root is no mount point: vesicle can't run inside of a chroot"
    Mount|Proc => EPERM ": a user namespace mounts proc and sysfs only of PID and network namespaces of its own, and where the host's are wholly visible (an outer container masks them): try --no-proc"
    Mount|Proc => EBUSY ": that is the root itself: give that directory as ROOTFS"
    Mount|Proc|Create|Chdir => ELOOP ": a symbolic link stands where a directory must be"
    Proc => ENOENT ": ROOTFS has no such directory: make it, or use --no-proc"
    Proc => EINVAL ": not an option of proc: see --proc-opts"
    Rootfs => ENOTDIR ": ROOTFS must be a directory"
    Mount|ReadOnly => ENOSYS ": needs Linux 5.12"
    ReadOnly => EINVAL ": no mount point"
    Source => ESTALE ": what the descriptor has open is not what its name leads to"
    Overlay => EPERM ": in a user namespace this needs Linux 5.11"
    Overlay => ENODEV ": this kernel has no overlayfs, or as a module: vesicle loads none"
    Overlay => ELOOP ": no layer may lie in another"
    Overlay => EINVAL ": RWSRC and WORK must lie on one file system, which can be an upper layer"
    Source => EMFILE ": each bind needs one: raise ulimit -Hn"
    Loopback => EPERM ": no rights over this network namespace: see kernel.apparmor_restrict_unprivileged_userns"
    Veth => EPERM ": needs CAP_NET_ADMIN over the caller's network namespace: run it as root, or within unshare -Urn"
    Veth => EEXIST ": NAME is an interface already"
    Veth => EOPNOTSUPP ": Linux without veth, or with it as a module: modprobe veth"
    Address => EOPNOTSUPP ": Linux without IPv6"
    Bridge => EOPNOTSUPP ": GATEWAY is the address of an interface that is no bridge"
    Address => EACCES ": IPv6 is off: see net.ipv6.conf.all.disable_ipv6"
    Join => EINVAL ": no namespace of this kind, or the one we are in"
    Join => EPERM ": no rights over it: join its owner too (--userns), or be root"
    Target => EACCES ": it is another user's, or shows nothing of itself: be root, or the owner of its user namespace"
    Target => EINVAL ": a thread of a process"
    Target => ENOENT ": a thread of a process"
    Template => EINVAL ": it lives in the caller's own mount namespace (or, of a user's, user namespace), so it is no container, but perhaps another process that has got its id"
    Template|JoinAll => EPERM ": no rights over them: be root, or the owner of its user namespace"
    JoinAll => EINVAL ": needs Linux 5.8"
    TheirCgroup => ENOENT ": not below the cgroup2 of /sys/fs/cgroup, as the caller sees it: --no-cgroup stays outside"
    TheirCgroup => EACCES ": no right to move there: --no-cgroup stays outside"
    TheirCgroup => EPERM ": no right to move there: --no-cgroup stays outside"
    HostName|DomainName => EINVAL ": 64 bytes at most"
    Filter => EINVAL ": not a BPF program for this kernel: 1 to 4096 instructions of 8 bytes, whose every path ends in a return"
    Filter => ENOSYS ": the kernel lacks CONFIG_SECCOMP_FILTER; --privileged does without the one of a terminal"
    #[cfg(feature = "oci")] Filter => EBUSY ": there is a listener already, of a filter that the caller lives under"
    Filter => EACCES ": without no_new_privs it takes CAP_SYS_ADMIN"
    Caps => EINVAL ": this kernel has no such capability"
    Caps => EPERM ": the caller does not have it, or not CAP_SETPCAP to drop others"
    Rlimit => EPERM ": above the hard limit of the caller it takes CAP_SYS_RESOURCE; nofile ends at fs.nr_open"
    Nice => EACCES ": lower than the caller's takes CAP_SYS_NICE, or a limit of that name (see --rlimit)"
    OomScore => EACCES ": lower than the caller's takes CAP_SYS_RESOURCE; only root sets one and joins a user or PID namespace"
    OomScore => EINVAL ": the host's /proc is no proc"
    Cpuset => EINVAL ": not all of them are there, online, and in the caller's own cpuset: see nproc(1), cpuset(7)"
    #[cfg(feature = "oci")] MapIds => EPERM ": only who owns its file system and these ids may, and once"
    #[cfg(feature = "oci")] MapIds => EINVAL ": ranges overlap, or its file system (or one below) has no such thing"
    #[cfg(feature = "oci")] MapIds => ENOSYS ": needs Linux 5.12"
    #[cfg(feature = "oci")] Apparmor => EINVAL ": AppArmor is off in this kernel, or the name is none"
    #[cfg(feature = "oci")] Apparmor => ENOENT ": no such profile is loaded (apparmor_parser)"
    #[cfg(feature = "oci")] Selinux => EINVAL ": SELinux is off in this kernel, or its policy has no such label"
    #[cfg(feature = "oci")] Scheduler => EINVAL ": the numbers do not go with the policy, or this kernel lacks it"
    #[cfg(feature = "oci")] Scheduler|IoPriority => EPERM ": it takes CAP_SYS_NICE"
    Hide => EPERM ": no right to mask it (with --share-mount there is none): --privileged leaves it as it is"
    FindRoot => ETIMEDOUT ": no such device has come up; its driver may be a module: vesicle loads none"
    MountRoot => ENODEV ": this kernel does not have that file system, or as a module: vesicle loads none"
    MountRoot => EINVAL ": not that file system, a damaged one, or an option that it doesn't know; of a tag: the host doesn't offer it"
    MountRoot => ENOENT ": the host doesn't offer it"
    MountRoot => EUCLEAN ": the file system is damaged: repair it with its fsck"
    Template => ESRCH ": it has ended"
    Groups => EPERM ": this id map denies setgroups: use --map-groups"
    Uid|Gid => EINVAL ": not in the id map: see --map-users and --map-groups"
    DenyNet => EINVAL ": needs a kernel with CONFIG_SECCOMP_FILTER"
    DenyNet => EACCES ": needs no_new_privs (not with --allow-new-privs)"
    Landlock => EPERM ": needs no_new_privs (not with --allow-new-privs)"
    Landlock => ENOSYS ": needs Linux 6.2 with CONFIG_SECURITY_LANDLOCK: what came before lets any file be truncated"
    Landlock => EOPNOTSUPP ": Landlock is off: lsm= on the kernel's command line must name it"
    Landlock => E2BIG ": more than 16 rulesets are upon each other"
    ExecRules => EACCES ": no execute permission, or no --landlock-ro or --landlock-rw for COMMAND, its interpreter or its loader"
    Exec|ExecPath => EACCES ": no execute permission, a directory, or a mount with noexec"
    Exec|ExecPath => EAGAIN ": more processes of this user than its limit nproc: see --rlimit, ulimit -u"
    Exec => ENOEXEC ": neither an ELF file nor a script with a #! line"
    ExecPath => ENOENT ": not in its PATH"
    ExecLoader => ENOENT ": the file is there; its ELF interpreter, loader or #! line names one that is not"
    ExecMachine => ENOEXEC ": the file is for another CPU"
}

/// Says what an errno means, and what to do about it at this stage, unless it speaks for itself. `None`: it has no text.
pub(super) fn describe(stage: u8, e: u16, line: &mut Text<'_>) -> Option<()> {
    line.say_nth(&PACKED, NUMBERS.iter().position(|n| u16::from(*n) == e)?);
    let row = ROWS.iter().find(|[at, errno, _]| *at == stage && u16::from(*errno) == e);
    if let Some([.., hint]) = row {
        line.say_nth(&PACKED_HINTS, (*hint).into());
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hint_is_found_and_none_hides_behind_another() {
        let told = |stage: Stage, e: u32| {
            let mut room = [0; 512];
            let mut line = Text::on(&mut room);
            describe(stage as u8, e as u16, &mut line)
                .map(|()| String::from_utf8(line.get().to_vec()).unwrap())
        };
        for ((stages, e), hint) in HINTS.iter().zip(HINT_TEXTS) {
            assert!(!stages.is_empty());
            for stage in *stages {
                assert_eq!(told(*stage, *e).unwrap(), told(Stage::Close, *e).unwrap() + hint);
            }
        }
        assert_eq!(
            told(Stage::Close, linux_raw_sys::errno::EPERM).unwrap(),
            "Operation not permitted (EPERM)"
        );
        assert_eq!(told(Stage::Close, 4095), None);
    }
}
