//! `features`: what of the specification there is here, in the words of its features structure.

use super::{Done, written};
use crate::cli::cap;
use crate::oci::out::{Out, PACKED};
use crate::oci::seccomp;
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
    list(&mut out, b"actions", seccomp::ACTION, &|_| true);
    list(&mut out, b"operators", seccomp::OP, &|_| true);
    list(&mut out, b"archs", seccomp::ARCH, &seccomp::has_arch);
    list(&mut out, b"knownFlags", seccomp::FLAG, &|_| true);
    list(&mut out, b"supportedFlags", seccomp::FLAG, &seccomp::has_flag);
    out.packed(Words::say, Words::End as usize);
    written(out.plain(b"\n"))
}

/// A field that is a list of words.
fn words(out: &mut Out, name: &[u8], words: Words) {
    let mut room = [0; PACKED];
    let mut text = Text::on(&mut room);
    Words::say(words as usize, &mut text);
    list(out, name, (b"", text.get()), &|_| true);
}

/// The same of words that begin alike, as far as they are `had`: each by its number.
fn list(out: &mut Out, name: &[u8], (prefix, words): seccomp::Words<'_>, had: &dyn Fn(usize) -> bool) {
    out.key(name).json(b"[");
    for (_, word) in fields(words, b' ').enumerate().filter(|(which, _)| had(*which)) {
        out.item().json(b"\"").json(prefix).json(word).json(b"\"");
    }
    out.json(b"]");
}
