//! `features`: what of the specification there is here, in the words of its features structure.

use super::{Done, written};
use crate::cli::cap;
use crate::oci::out::{Out, PACKED};
use crate::oci::state::OCI_VERSION;
use crate::sys::Fd;
use crate::text::{Text, fields, texts};

texts! {
    /// Between a word and the next there is a blank.
    Words {
        Hooks = "prestart createRuntime createContainer startContainer poststart poststop"
        MountOptions = "async atime bind defaults dev diratime dirsync exec idmap lazytime noatime nodev nodiratime noexec \
            nolazytime norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev rdiratime \
            relatime rexec ridmap rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid \
            rnosymfollow ro rprivate rrelatime rro rrw rshared rslave rstrictatime rsuid rsymfollow \
            runbindable rw shared slave strictatime suid symfollow sync tmpcopyup unbindable"
        Namespaces = "cgroup ipc mount network pid time user uts"
        Actions = "SCMP_ACT_ALLOW SCMP_ACT_ERRNO SCMP_ACT_KILL SCMP_ACT_KILL_PROCESS SCMP_ACT_KILL_THREAD \
            SCMP_ACT_LOG SCMP_ACT_TRACE SCMP_ACT_TRAP"
        Operators = "SCMP_CMP_EQ SCMP_CMP_GE SCMP_CMP_GT SCMP_CMP_LE SCMP_CMP_LT SCMP_CMP_MASKED_EQ SCMP_CMP_NE"
        #[cfg(target_arch = "x86_64")] Archs = "SCMP_ARCH_X32 SCMP_ARCH_X86 SCMP_ARCH_X86_64"
        #[cfg(target_arch = "aarch64")] Archs = "SCMP_ARCH_AARCH64 SCMP_ARCH_ARM"
        Cgroup = r#"{"v1":false,"v2":true,"systemd":true,"systemdUser":true,"rdma":true}"#
        End = r#"},"apparmor":{"enabled":true},"selinux":{"enabled":true},"intelRdt":{"enabled":false},"mountExtensions":{"idmap":{"enabled":true}}}}"#
    }
}

#[inline(never)]
pub(super) fn features() -> Done {
    let mut out = Out::to(Fd::STDOUT, b"    ");
    out.json(b"{").key(b"ociVersionMin").text(b"1.0.0").key(b"ociVersionMax").text(OCI_VERSION.as_bytes());
    words(&mut out, b"hooks", Words::Hooks);
    words(&mut out, b"mountOptions", Words::MountOptions);
    out.key(b"linux").json(b"{");
    words(&mut out, b"namespaces", Words::Namespaces);
    out.key(b"capabilities").json(b"[");
    for n in 0..cap::COUNT {
        let mut room = [0; 32];
        let mut text = Text::on(&mut room);
        let len = cap::name(n, text.push(b"CAP_")).len();
        let upper = room.get_mut(..len).unwrap_or_default();
        upper.make_ascii_uppercase();
        out.item().text(upper);
    }
    out.json(b"]").key(b"cgroup").packed(Words::say, Words::Cgroup as usize);
    out.key(b"seccomp").json(b"{").key(b"enabled").json(b"true");
    words(&mut out, b"actions", Words::Actions);
    words(&mut out, b"operators", Words::Operators);
    words(&mut out, b"archs", Words::Archs);
    out.packed(Words::say, Words::End as usize);
    written(out.plain(b"\n"))
}

/// A field that is a list of words.
fn words(out: &mut Out, name: &[u8], list: Words) {
    let mut room = [0; PACKED];
    let mut text = Text::on(&mut room);
    Words::say(list as usize, &mut text);
    out.key(name).json(b"[");
    for word in fields(text.get(), b' ') {
        out.item().text(word);
    }
    out.json(b"]");
}
