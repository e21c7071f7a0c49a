//! `spec`: a config.json to begin with.

use super::Done;
use crate::fail::{At, Stage, Why, fail};
use crate::oci::cli::{Opt, Request};
use crate::oci::out::Out;
use crate::oci::state::OCI_VERSION;
use crate::sys::{self, Errno};
use crate::z;

/// Behind the version.
const PROCESS: &[u8] = br#","process":{"terminal":true,"user":{"uid":0,"gid":0},"args":["sh"],"env":[
"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","TERM=xterm"],"cwd":"/","capabilities":{"bounding":"#;
const CAPS: &[u8] = br#"["CAP_AUDIT_WRITE","CAP_KILL","CAP_NET_BIND_SERVICE"]"#;
const MOUNTS: &[u8] = br#"},"rlimits":[{"type":"RLIMIT_NOFILE","hard":1024,"soft":1024}],"noNewPrivileges":true},
"root":{"path":"rootfs","readonly":true},"hostname":"vesicle","mounts":[
{"destination":"/proc","type":"proc","source":"proc"},
{"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","strictatime","mode=755","size=65536k"]},
{"destination":"/dev/pts","type":"devpts","source":"devpts","options":["nosuid","noexec","newinstance","ptmxmode=0666","mode=0620""#;
const MORE: &[u8] = br#"]},
{"destination":"/dev/shm","type":"tmpfs","source":"shm","options":["nosuid","noexec","nodev","mode=1777","size=65536k"]},
{"destination":"/dev/mqueue","type":"mqueue","source":"mqueue","options":["nosuid","noexec","nodev"]},
{"destination":"/sys","type":"#;
const CGROUP: &[u8] = br#""nosuid","noexec","nodev","ro"]},
{"destination":"/sys/fs/cgroup","type":"cgroup","source":"cgroup","options":["nosuid","noexec","nodev","relatime","ro"]}],
"linux":{"#;
const MASKS: &[u8] = br#"{"type":"pid"},{"type":"ipc"},{"type":"uts"},{"type":"mount"},{"type":"cgroup"}],"maskedPaths":[
"/proc/acpi","/proc/asound","/proc/kcore","/proc/keys","/proc/latency_stats","/proc/timer_list","/proc/timer_stats",
"/proc/sched_debug","/sys/firmware","/proc/scsi"],"readonlyPaths":[
"/proc/bus","/proc/fs","/proc/irq","/proc/sys","/proc/sysrq-trigger"]}}"#;

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
    out.json(b"{").key(b"ociVersion").text(OCI_VERSION.as_bytes()).json(PROCESS).json(CAPS);
    for set in [b"effective".as_slice(), b"permitted"] {
        out.key(set).json(CAPS);
    }
    out.json(MOUNTS);
    if !rootless {
        out.json(b",\"gid=5\"");
    }
    out.json(MORE);
    out.json(if rootless {
        br#""none","source":"/sys","options":["rbind","#.as_slice()
    } else {
        br#""sysfs","source":"sysfs","options":["#
    });
    out.json(CGROUP);
    if rootless {
        for (name, id) in [(b"uidMappings", ids.uid), (b"gidMappings", ids.gid)] {
            out.key(name).json(br#"[{"containerID":0,"hostID":"#).number(id.into()).json(br#","size":1}]"#);
        }
        out.key(b"namespaces").json(br#"[{"type":"user"},"#);
    } else {
        out.key(b"resources").json(br#"{"devices":[{"allow":false,"access":"rwm"}]}"#);
        out.key(b"namespaces").json(br#"[{"type":"network"},"#);
    }
    out.json(MASKS);
}
