//! `spec`: a config.json to begin with.

use super::Done;
use crate::fail::{At, Stage, Why, fail};
use crate::oci::cli::{Opt, Request};
use crate::oci::out::Out;
use crate::oci::state::OCI_VERSION;
use crate::sys::{self, Errno};
use crate::text::texts;
use crate::z;

texts! {
    /// What stands in it, behind the version.
    Part {
        Process = r#","process":{"terminal":true,"user":{"uid":0,"gid":0},"args":["sh"],"env":[
"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","TERM=xterm"],"cwd":"/","capabilities":{"bounding":"#
        Caps = r#"["CAP_AUDIT_WRITE","CAP_KILL","CAP_NET_BIND_SERVICE"]"#
        Mounts = r#"},"rlimits":[{"type":"RLIMIT_NOFILE","hard":1024,"soft":1024}],"noNewPrivileges":true},
"root":{"path":"rootfs","readonly":true},"hostname":"vesicle","mounts":[
{"destination":"/proc","type":"proc","source":"proc"},
{"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","strictatime","mode=755","size=65536k"]},
{"destination":"/dev/pts","type":"devpts","source":"devpts","options":["nosuid","noexec","newinstance","ptmxmode=0666","mode=0620""#
        More = r#"]},
{"destination":"/dev/shm","type":"tmpfs","source":"shm","options":["nosuid","noexec","nodev","mode=1777","size=65536k"]},
{"destination":"/dev/mqueue","type":"mqueue","source":"mqueue","options":["nosuid","noexec","nodev"]},
{"destination":"/sys","type":"#
        Cgroup = r#""nosuid","noexec","nodev","ro"]},
{"destination":"/sys/fs/cgroup","type":"cgroup","source":"cgroup","options":["nosuid","noexec","nodev","relatime","ro"]}],
"linux":{"#
        Masks = r#"{"type":"pid"},{"type":"ipc"},{"type":"uts"},{"type":"mount"},{"type":"cgroup"}],"maskedPaths":[
"/proc/acpi","/proc/asound","/proc/kcore","/proc/keys","/proc/latency_stats","/proc/timer_list","/proc/timer_stats",
"/proc/sched_debug","/sys/firmware","/proc/scsi"],"readonlyPaths":[
"/proc/bus","/proc/fs","/proc/irq","/proc/sys","/proc/sysrq-trigger"]}}"#
        Sysfs = r#""sysfs","source":"sysfs","options":["#
        Bound = r#""none","source":"/sys","options":["rbind","#
        Map = r#"[{"containerID":0,"hostID":"#
        Devices = r#"{"devices":[{"allow":false,"access":"rwm"}]}"#
    }
}

/// Writes config.json to the bundle, where there is none; for a caller who is not root, one that needs no rights.
#[inline(never)]
pub(super) fn spec(request: &Request) -> Done {
    let bundle = request.text(Opt::Bundle).unwrap_or(z!("."));
    let dir = sys::open(bundle, sys::O_PATH | sys::O_DIRECTORY).at(Stage::Bundle, bundle)?;
    let (file, flags) = (z!("config.json"), sys::O_WRONLY | sys::O_CREAT | sys::O_EXCL);
    let to = match sys::openat(dir, file, flags, 0o666) {
        Err(Errno::EEXIST) => return fail(Stage::Create, file, Why::ConfigThere),
        to => to.at(Stage::Create, file)?,
    };
    let mut out = Out::to(to, b"\t");
    write(&mut out, request);
    let done = out.plain(b"\n").done();
    if done.is_err() {
        // Half of it is none.
        let _ = sys::unlinkat(dir, file, false);
    }
    done.at(Stage::Report, file).map(|()| 0)
}

fn write(out: &mut Out, request: &Request) {
    let rootless = request.has(Opt::Rootless);
    let ids = request.stack().ids();
    out.json(b"{").key(b"ociVersion").text(OCI_VERSION.as_bytes());
    say(say(out, Part::Process), Part::Caps);
    for set in [b"effective".as_slice(), b"permitted"] {
        say(out.key(set), Part::Caps);
    }
    say(out, Part::Mounts);
    if !rootless {
        out.json(b",\"gid=5\"");
    }
    say(out, Part::More);
    say(out, if rootless { Part::Bound } else { Part::Sysfs });
    say(out, Part::Cgroup);
    if rootless {
        for (name, id) in [(b"uidMappings", ids.uid), (b"gidMappings", ids.gid)] {
            say(out.key(name), Part::Map).number(id.into()).json(br#","size":1}]"#);
        }
    } else {
        say(out.key(b"resources"), Part::Devices);
    }
    out.key(b"namespaces").json(b"[").json(b"{").key(b"type");
    out.text(if rootless { b"user" } else { b"network" }).json(b"},");
    say(out, Part::Masks);
}

fn say(out: &mut Out, part: Part) -> &mut Out {
    out.packed(Part::say, part as usize)
}
