//! What the config.json of a bundle asks for that no option says, OCI runtime specification 1.2.

use super::{Do, Lists, Operation, Plan, Range, Task};
use crate::cli::Opt;
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::sys::{
    CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUTS, Fd, LongList, MOUNT_ATTR_IDMAP, ZStr,
};
use crate::z;

/// How many words COMMAND has, at most.
pub const MAX_ARGS: usize = 4096;
/// How many mounts there are.
pub const MAX_MOUNTS: usize = 1024;

/// It, in the order of the file.
#[derive(Default)]
pub struct Bundle {
    /// COMMAND with its arguments, `None` behind the last.
    pub args: LongList<Option<ZStr<'static>>, { MAX_ARGS + 1 }>,
    /// Whether there is a terminal of its own, and its rows and columns.
    pub terminal: bool,
    #[allow(missing_docs)]
    pub console_size: [u16; 2],
    /// Whom its master goes to.
    pub console: Option<Fd>,
    /// Capabilities: bounding, effective, inheritable, permitted, ambient.
    pub caps: [u64; 5],
    /// The mounts, whose operations have their places in here as a number.
    pub mounts: LongList<Mount, MAX_MOUNTS>,
    /// What is said to file systems, by all mounts.
    pub options: LongList<ZStr<'static>, 8192>,
    /// The id maps of mounts.
    pub ranges: LongList<Range, 8192>,
    /// Devices beside those that are always there.
    pub devices: LongList<Device, 1024>,
    /// What is masked or made read-only behind all mounts.
    pub hidden: LongList<(Do, ZStr<'static>), 1024>,
    /// Names and values below /proc/sys.
    pub sysctls: LongList<(ZStr<'static>, ZStr<'static>), 256>,
    /// Which types of namespaces were named.
    pub namespaces: u8,
    /// MS_* of the root mount; 0 where nothing was said.
    pub propagation: u32,
    /// Where the cgroup is.
    pub cgroups_path: Option<ZStr<'static>>,
    /// Whether there is one, once that is known.
    pub has_cgroup: bool,
    /// The filter of system calls, and its SECCOMP_FILTER_FLAG_*.
    pub filter: Option<(&'static [u64], u32)>,
    /// Where its agent listens, which calls are notified to, and what that is told beside the state.
    pub listener: Option<(ZStr<'static>, Option<ZStr<'static>>)>,
    /// The connection to it.
    pub agent: Option<Fd>,
    /// The object of annotations, as it stands in the file.
    pub annotations: Option<ZStr<'static>>,
    /// Programs to be run at certain times.
    pub hooks: LongList<Hook, 256>,
    /// Their words: those of one, and `None` behind the last.
    pub words: LongList<Option<ZStr<'static>>, 8192>,
    /// How SELinux labels the files of file systems that are mounted.
    pub mount_label: Option<ZStr<'static>>,
    /// What the kernel is to take COMMAND for.
    pub task: Task,
    /// What is written to its files.
    pub writes: LongList<(ZStr<'static>, ZStr<'static>), 512>,
    /// Which devices may be made and used inside.
    pub rules: LongList<DeviceRule, 1024>,
}

/// A mount.
#[derive(Clone, Copy, Default)]
pub struct Mount {
    /// Whether it is a bind, and with all that is mounted below.
    pub bind: bool,
    #[allow(missing_docs)]
    pub all: bool,
    /// What was named as its source.
    pub source: Option<ZStr<'static>>,
    /// What it is to be itself, and what all below it.
    pub own: Attributes,
    #[allow(missing_docs)]
    pub below: Attributes,
    /// Which options are its file system's: from the first to the one before the last.
    pub first: u16,
    #[allow(missing_docs)]
    pub last: u16,
    /// Whether what it covers is copied into it.
    pub copy_up: bool,
    /// The ranges of its id maps, users' and groups', as with options; none where they are those of the container.
    pub maps: [(u16, u16); 2],
}

impl Mount {
    /// Whether its files are other ids' inside.
    pub fn is_mapped(&self) -> bool {
        (self.own.set | self.below.set) & MOUNT_ATTR_IDMAP != 0
    }
}

/// MOUNT_ATTR_* to set and to clear, and an MS_* or 0; mount_setattr(2).
#[derive(Clone, Copy, Default)]
#[allow(missing_docs)]
pub struct Attributes {
    pub set: u32,
    pub clear: u32,
    pub propagation: u32,
}

/// A device.
#[derive(Clone, Copy)]
pub struct Device {
    /// Where.
    pub path: ZStr<'static>,
    /// `c`, `u`, `b` or `p`.
    pub kind: u8,
    #[allow(missing_docs)]
    pub major: u32,
    #[allow(missing_docs)]
    pub minor: u32,
    #[allow(missing_docs)]
    pub mode: u32,
    #[allow(missing_docs)]
    pub uid: u32,
    #[allow(missing_docs)]
    pub gid: u32,
}

impl Default for Device {
    fn default() -> Self {
        Device { path: crate::z!(""), kind: 0, major: 0, minor: 0, mode: 0o666, uid: 0, gid: 0 }
    }
}

impl Plan<'_> {
    /// Whether the child joins a mount namespace that exists, in the place of a new one.
    pub fn joins_mounts(&self) -> bool {
        self.spec.is_oci() && !self.spec.is_enter() && self.spec.has(Opt::Mntns)
    }
}

/// What is done behind all mounts: devices, unless the host's /dev is there, and what is hidden.
#[inline(never)]
pub(super) fn operations(plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    let Lists { operations, bundle, .. } = &mut *plan.lists;
    let bound = operations.iter().any(|o| o.what == Do::Attach && o.dest.is(b"/dev"));
    let mut add = |what, dest| {
        let operation = Operation {
            what,
            optional: false,
            mode: 0o755,
            dest,
            source: dest,
            number: u64::MAX,
            taken: None,
            console: None,
        };
        operations.push(operation).at(Stage::Memory, None)
    };
    if !bound {
        add(Do::Devices, z!("/dev"))?;
    }
    if bundle.console.is_some() {
        add(Do::Console, z!("/dev/console"))?;
    }
    // Made where it is missing, as other runtimes do.
    if let Some(dir) = plan.spec.text(Opt::Chdir) {
        add(Do::Dir, dir)?;
    }
    for (what, path) in bundle.hidden.iter() {
        add(*what, *path)?;
    }
    if plan.makes(CLONE_NEWNS) {
        return sysctls(plan);
    }
    // There is no tree of our own to mount anything in.
    match plan.lists.operations.iter().any(|o| o.what != Do::Devices) {
        true => fail(Stage::Config, z!("mounts"), Why::NeedsMount),
        false => sysctls(plan),
    }
}

/// A variable of the host would be everybody's: each must be one of a namespace that is not the host's.
fn sysctls(plan: &Plan<'_>) -> Result<(), Fail<'static>> {
    for (name, _) in plan.lists.bundle.sysctls.iter() {
        let kinds = if name.value_of(b"net.").or(name.value_of(b"net/")).is_some() {
            CLONE_NEWNET
        } else if name.value_of(b"fs.mqueue.").is_some() || IPC.iter().any(|known| name.is(known)) {
            CLONE_NEWIPC
        } else if name.is(b"kernel.domainname") {
            CLONE_NEWUTS
        } else {
            return fail(Stage::Config, *name, Why::NotSupported);
        };
        let joined = match kinds {
            CLONE_NEWNET => Opt::Netns,
            CLONE_NEWIPC => Opt::Ipcns,
            _ => Opt::Utsns,
        };
        if !plan.makes(kinds) && !plan.spec.has(joined) {
            return fail(Stage::Config, *name, Why::NeedsNamespace);
        }
    }
    Ok(())
}

/// Those that are of an IPC namespace, namespaces(7).
const IPC: [&[u8]; 8] = [
    b"kernel.msgmax",
    b"kernel.msgmnb",
    b"kernel.msgmni",
    b"kernel.sem",
    b"kernel.shmall",
    b"kernel.shmmax",
    b"kernel.shmmni",
    b"kernel.shm_rmid_forced",
];

/// Whether devices may be made and used.
#[derive(Clone, Copy)]
pub struct DeviceRule {
    #[allow(missing_docs)]
    pub allow: bool,
    /// `b` or `c`; 0 for both.
    pub kind: u8,
    /// The numbers; negative for all.
    pub major: i32,
    #[allow(missing_docs)]
    pub minor: i32,
    /// BPF_DEVCG_ACC_* of linux/bpf.h: to make (1), read (2), write (4).
    pub access: u8,
}

impl Default for DeviceRule {
    fn default() -> Self {
        DeviceRule { allow: false, kind: 0, major: -1, minor: -1, access: 7 }
    }
}

/// A program to be run at a certain time.
#[derive(Clone, Copy)]
pub struct Hook {
    /// When: see [`kind`].
    pub kind: u8,
    /// Seconds; 0 for no end.
    pub timeout: u32,
    #[allow(missing_docs)]
    pub path: ZStr<'static>,
    /// Where its words begin in those of the bundle.
    pub args: Option<u16>,
    #[allow(missing_docs)]
    pub env: Option<u16>,
}

impl Default for Hook {
    fn default() -> Self {
        Hook { kind: 0, timeout: 0, path: z!(""), args: None, env: None }
    }
}

/// When a hook is run, in their own order.
#[allow(missing_docs)]
pub mod kind {
    pub const PRESTART: u8 = 0;
    pub const CREATE_RUNTIME: u8 = 1;
    pub const CREATE_CONTAINER: u8 = 2;
    pub const START_CONTAINER: u8 = 3;
    pub const POSTSTART: u8 = 4;
    pub const POSTSTOP: u8 = 5;
}

impl Bundle {
    /// Whether there is a hook of this kind.
    pub fn has_hook(&self, kind: u8) -> bool {
        self.hooks.iter().any(|hook| hook.kind == kind)
    }
}

/// Whether a bundle can have it done in its root filesystem.
#[inline(always)]
pub const fn does(what: Do) -> bool {
    !crate::spec::asked::ALONE
        || matches!(
            what,
            Do::Attach | Do::Mount | Do::Devices | Do::Console | Do::Dir | Do::Mask | Do::ReadOnly
        )
}
