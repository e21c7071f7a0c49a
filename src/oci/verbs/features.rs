//! `features`: what of the specification there is here, in the words of its features structure.

use super::{Done, written};
use crate::cli::cap;
use crate::oci::out::Out;
use crate::oci::state::OCI_VERSION;
use crate::sys::Fd;
use crate::text::{Text, fields};

/// Between a word and the next there is a blank.
const HOOKS: &[u8] = b"prestart createRuntime createContainer startContainer poststart poststop";
const MOUNT_OPTIONS: &[u8] =
    b"async atime bind defaults dev diratime dirsync exec idmap lazytime noatime nodev nodiratime \
noexec nolazytime norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev \
rdiratime relatime rexec ridmap rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime \
rnosuid rnosymfollow ro rprivate rrelatime rro rrw rshared rslave rstrictatime rsuid \
rsymfollow runbindable rw shared slave strictatime suid symfollow sync tmpcopyup \
unbindable";
const NAMESPACES: &[u8] = b"cgroup ipc mount network pid time user uts";
const ACTIONS: &[u8] =
    b"SCMP_ACT_ALLOW SCMP_ACT_ERRNO SCMP_ACT_KILL SCMP_ACT_KILL_PROCESS SCMP_ACT_KILL_THREAD \
SCMP_ACT_LOG SCMP_ACT_TRACE SCMP_ACT_TRAP";
const OPERATORS: &[u8] =
    b"SCMP_CMP_EQ SCMP_CMP_GE SCMP_CMP_GT SCMP_CMP_LE SCMP_CMP_LT SCMP_CMP_MASKED_EQ SCMP_CMP_NE";
#[cfg(target_arch = "x86_64")]
const ARCHS: &[u8] = b"SCMP_ARCH_X32 SCMP_ARCH_X86 SCMP_ARCH_X86_64";
#[cfg(target_arch = "aarch64")]
const ARCHS: &[u8] = b"SCMP_ARCH_AARCH64 SCMP_ARCH_ARM";

#[inline(never)]
pub(super) fn features() -> Done {
    let mut out = Out::to(Fd::STDOUT, b"    ");
    out.json(b"{").key(b"ociVersionMin").text(b"1.0.0").key(b"ociVersionMax").text(OCI_VERSION.as_bytes());
    words(&mut out, b"hooks", HOOKS);
    words(&mut out, b"mountOptions", MOUNT_OPTIONS);
    out.key(b"linux").json(b"{");
    words(&mut out, b"namespaces", NAMESPACES);
    out.key(b"capabilities").json(b"[");
    for n in 0..cap::COUNT {
        let mut room = [0; 32];
        let mut text = Text::on(&mut room);
        let len = cap::name(n, text.push(b"CAP_")).len();
        let upper = room.get_mut(..len).unwrap_or_default();
        upper.make_ascii_uppercase();
        out.item().text(upper);
    }
    out.json(b"]")
        .key(b"cgroup")
        .json(br#"{"v1":false,"v2":true,"systemd":true,"systemdUser":true,"rdma":true}"#);
    out.key(b"seccomp").json(b"{").key(b"enabled").json(b"true");
    words(&mut out, b"actions", ACTIONS);
    words(&mut out, b"operators", OPERATORS);
    words(&mut out, b"archs", ARCHS);
    out.json(b"}");
    out.key(b"apparmor").json(br#"{"enabled":true}"#).key(b"selinux").json(br#"{"enabled":true}"#);
    out.key(b"intelRdt").json(br#"{"enabled":false}"#);
    out.key(b"mountExtensions").json(br#"{"idmap":{"enabled":true}}"#).json(b"}").json(b"}");
    written(out.plain(b"\n"))
}

/// A field that is a list of words.
fn words(out: &mut Out, name: &[u8], list: &[u8]) {
    out.key(name).json(b"[");
    for word in fields(list, b' ') {
        out.item().text(word);
    }
    out.json(b"]");
}
