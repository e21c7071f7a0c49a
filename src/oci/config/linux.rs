//! `linux`: namespaces, id maps, devices, resources, what is hidden.

use super::{Read, Source, push};
use crate::cli::Opt;
use crate::fail::{At, Stage, Why};
use crate::oci::known::{known, names};
use crate::oci::seccomp::{self, Filter, Problem, Wrong};
use crate::plan::{Device, Do, Range};
use crate::sys::{MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE, ZStr};
use crate::text::Text;
use crate::z;

/// A namespace by its type: what is said where the file leaves it out, where it is to be made, and where it is joined.
struct Kind {
    name: &'static [u8],
    without: Option<Opt>,
    new: Option<Opt>,
    join: Opt,
}

#[rustfmt::skip]
const KINDS: [Kind; 8] = [
    Kind { name: b"mount", without: Some(Opt::ShareMount), new: None, join: Opt::Mntns },
    Kind { name: b"pid", without: Some(Opt::SharePid), new: None, join: Opt::Pidns },
    Kind { name: b"network", without: Some(Opt::ShareNet), new: None, join: Opt::Netns },
    Kind { name: b"uts", without: Some(Opt::ShareUts), new: None, join: Opt::Utsns },
    Kind { name: b"ipc", without: Some(Opt::ShareIpc), new: None, join: Opt::Ipcns },
    Kind { name: b"user", without: None, new: Some(Opt::UnshareUser), join: Opt::Userns },
    Kind { name: b"cgroup", without: Some(Opt::ShareCgroup), new: None, join: Opt::Cgroupns },
    Kind { name: b"time", without: None, new: Some(Opt::UnshareTime), join: Opt::Timens },
];

impl Source<'_, '_> {
    pub(super) fn linux(&mut self) -> Read<()> {
        self.members(z!("linux"), &mut |file, key| {
            known!(match key {
                b"namespaces" => file.items(z!("linux.namespaces"), &mut Self::namespace),
                b"uidMappings" => file.map(Opt::MapUsers, z!("linux.uidMappings")),
                b"gidMappings" => file.map(Opt::MapGroups, z!("linux.gidMappings")),
                b"timeOffsets" => file.members(z!("linux.timeOffsets"), &mut |file, key| known!(match key {
                    b"boottime" => file.offset(Opt::Boottime, z!("linux.timeOffsets.boottime")),
                    b"monotonic" => file.offset(Opt::Monotonic, z!("linux.timeOffsets.monotonic")),
                    _ => file.skip(),
                })),
                b"devices" => file.items(z!("linux.devices"), &mut Self::device),
                b"cgroupsPath" => {
                    file.bundle().cgroups_path = file.text(z!("linux.cgroupsPath"))?;
                    Ok(())
                }
                b"resources" => file.resources(),
                b"rootfsPropagation" => {
                    let name = z!("linux.rootfsPropagation");
                    let Some(word) = file.text(name)? else { return Ok(()) };
                    file.bundle().propagation = known!(match word.bytes() {
                        b"private" | b"rprivate" => MS_PRIVATE,
                        b"slave" | b"rslave" => MS_SLAVE,
                        b"shared" | b"rshared" => MS_SHARED,
                        b"unbindable" | b"runbindable" => MS_UNBINDABLE,
                        _ => return file.bad(name, Why::Propagation),
                    });
                    Ok(())
                }
                b"sysctl" => file.pairs(z!("linux.sysctl"), &mut |file, name, value| {
                    push(&mut file.lists.bundle.sysctls, (name, value), z!("linux.sysctl"))
                }),
                b"maskedPaths" => file.paths(Do::Mask, z!("linux.maskedPaths")),
                b"readonlyPaths" => file.paths(Do::ReadOnly, z!("linux.readonlyPaths")),
                b"seccomp" => file.seccomp(),
                b"mountLabel" => {
                    file.bundle().mount_label = file.text(z!("linux.mountLabel"))?;
                    Ok(())
                }
                b"personality" => file.personality(),
                b"intelRdt" => file.refused(z!("linux.intelRdt")),
                b"memoryPolicy" => file.refused(z!("linux.memoryPolicy")),
                b"netDevices" => file.refused(z!("linux.netDevices")),
                _ => file.skip(),
            })
        })
    }

    /// A filter of system calls.
    pub(super) fn seccomp(&mut self) -> Read<()> {
        let filter = match seccomp::read(&mut self.reader) {
            Ok(filter) => filter,
            Err(wrong) => return self.wrong(wrong),
        };
        let Some(Filter { program, flags, listener, metadata }) = filter else { return Ok(()) };
        if listener.is_some_and(|path| path.first() != b'/') {
            return self.bad(z!("linux.seccomp.listenerPath"), Why::Absolute);
        }
        self.bundle().filter = Some((program, flags));
        self.bundle().listener = listener.map(|path| (path, metadata));
        Ok(())
    }

    #[cold]
    fn wrong(&mut self, Wrong { name, problem }: Wrong) -> Read<()> {
        match problem {
            Problem::Json(bad) => self.told(name, Err(bad)),
            Problem::Unknown(word) => self.bad(word, Why::SeccompWord),
            Problem::Missing => self.bad(name, Why::Missing),
            Problem::NoErrno => self.bad(name, Why::SeccompErrno),
            Problem::Notify => self.bad(name, Why::SeccompNotify),
            Problem::TooMany => self.bad(name, Why::TooManyItems),
            Problem::Memory(e) => Err(e).at(Stage::Memory, None),
        }
    }

    fn namespace(&mut self) -> Read<()> {
        let (mut kind, mut path) = (None, None);
        self.members(z!("linux.namespaces"), &mut |file, key| {
            let slot = known!(match key {
                b"type" => &mut kind,
                b"path" => &mut path,
                _ => return file.skip(),
            });
            *slot = file.text(z!("linux.namespaces"))?;
            Ok(())
        })?;
        let name = z!("linux.namespaces");
        let Some(kind) = kind else { return self.bad(name, Why::Missing) };
        let Some(at) = KINDS.iter().position(|known| kind.is(known.name)) else {
            return self.bad(name, Why::Namespace);
        };
        let (Some(known), bit) = (KINDS.get(at), 1 << at) else { return Ok(()) };
        if self.bundle().namespaces & bit != 0 {
            return self.bad(name, Why::Twice);
        }
        self.bundle().namespaces |= bit;
        match path {
            Some(path) => self.give(known.join, name, path, 0),
            None => {
                known.new.into_iter().for_each(|opt| self.spec.ask(opt));
                Ok(())
            }
        }
    }

    /// Those that are not in the file are the caller's.
    pub(super) fn namespaces_left_out(&mut self) {
        let there = self.bundle().namespaces;
        let left_out = KINDS.iter().enumerate().filter(|(at, _)| there >> at & 1 == 0);
        left_out.filter_map(|(_, kind)| kind.without).for_each(|opt| self.spec.ask(opt));
    }

    /// Ranges of ids, in the words of --map-users.
    fn map(&mut self, opt: Opt, name: ZStr<'static>) -> Read<()> {
        self.ranges(name, &mut |file, Range { inside, outside, count }| {
            let text = file.compose(name, &|text: &mut Text<'_>| {
                text.number(inside.into()).put(b':').number(outside.into()).put(b':').number(count.into());
            })?;
            file.give(opt, name, text, 0)
        })
    }

    /// The ranges of an id map.
    pub(super) fn ranges(
        &mut self,
        name: ZStr<'static>,
        each: &mut dyn FnMut(&mut Self, Range) -> Read<()>,
    ) -> Read<()> {
        self.items(name, &mut |file| {
            let mut numbers = [None; 3];
            file.numbers_of(name, names!(b"containerID", b"hostID", b"size"), u32::MAX.into(), &mut numbers)?;
            let [Some(inside), Some(outside), Some(count)] = numbers.map(|number| number.map(|n| n as u32))
            else {
                return file.bad(name, Why::Missing);
            };
            each(file, Range { inside, outside, count })
        })
    }

    fn offset(&mut self, opt: Opt, name: ZStr<'static>) -> Read<()> {
        let (mut seconds, mut rest) = (0, 0);
        self.members(name, &mut |file, key| {
            known!(match key {
                b"secs" => {
                    seconds = file.number(name, i64::MIN, i64::MAX)?;
                    Ok(())
                }
                b"nanosecs" => {
                    rest = file.number(name, 0, 999_999_999)?;
                    Ok(())
                }
                _ => file.skip(),
            })
        })?;
        match seconds.checked_mul(1_000_000_000).and_then(|n| n.checked_add(rest)) {
            Some(0) => Ok(()),
            Some(offset) => self.give(opt, name, name, offset as u64),
            None => self.bad(name, Why::Number),
        }
    }

    fn device(&mut self) -> Read<()> {
        let name = z!("linux.devices");
        let mut device = Device::default();
        let mut path = None;
        self.members(name, &mut |file, key| {
            known!(match key {
                b"path" => path = file.text(z!("linux.devices.path"))?,
                b"type" => device.kind = file.word(z!("linux.devices.type"))?.first(),
                b"major" => device.major = file.number(z!("linux.devices.major"), 0, 0xfff)? as u32,
                b"minor" => device.minor = file.number(z!("linux.devices.minor"), 0, 0xf_ffff)? as u32,
                b"fileMode" => {
                    // Some say there again of what type it is.
                    device.mode = file.number(z!("linux.devices.fileMode"), 0, 0o177_777)? as u32 & 0o7777;
                }
                b"uid" => device.uid = file.id(z!("linux.devices.uid"))?,
                b"gid" => device.gid = file.id(z!("linux.devices.gid"))?,
                _ => return file.skip(),
            });
            Ok(())
        })?;
        let Some(path) = path else { return self.bad(z!("linux.devices.path"), Why::Missing) };
        if !matches!(device.kind, b'b' | b'c' | b'u' | b'p') {
            return self.bad(z!("linux.devices.type"), Why::DeviceType);
        }
        device.path = path;
        push(&mut self.lists.bundle.devices, device, name)
    }

    /// What is done to each of these paths, behind all mounts.
    fn paths(&mut self, what: Do, name: ZStr<'static>) -> Read<()> {
        self.items(name, &mut |file| {
            let path = file.word(name)?;
            if path.first() != b'/' {
                return file.bad(name, Why::Absolute);
            }
            push(&mut file.lists.bundle.hidden, (what, path), name)
        })
    }
}
