//! `mounts`: each is an operation, with what its options say.

use super::{Read, Source, push};
use crate::fail::Why;
use crate::oci::known::known;
use crate::plan::{Do, MAX_RANGES, Mount, Operation};
use crate::sys::{
    MOUNT_ATTR_ATIME, MOUNT_ATTR_IDMAP, MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODEV, MOUNT_ATTR_NODIRATIME,
    MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_RDONLY, MOUNT_ATTR_STRICTATIME,
    MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE, ZStr,
};
use crate::z;

/// What an option does.
#[derive(Clone, Copy)]
enum Effect {
    /// Sets attributes of the mount.
    Set(u32),
    /// Clears them.
    Clear(u32),
    /// How it is with other mount namespaces.
    Propagate(u32),
    /// It is a bind, of all below it or not.
    Bind(bool),
    /// What was there shall be seen in a tmpfs.
    CopyUp,
    /// What is so anyway.
    Nothing,
}
use Effect::{Bind, Clear, CopyUp, Nothing, Propagate, Set};

/// Those of the specification that are no file system's. Behind an `r` the same is meant of all that is mounted below.
const OPTIONS: &[(&[u8], Effect)] = &[
    (b"ro", Set(MOUNT_ATTR_RDONLY)),
    (b"rw", Clear(MOUNT_ATTR_RDONLY)),
    (b"nosuid", Set(MOUNT_ATTR_NOSUID)),
    (b"suid", Clear(MOUNT_ATTR_NOSUID)),
    (b"nodev", Set(MOUNT_ATTR_NODEV)),
    (b"dev", Clear(MOUNT_ATTR_NODEV)),
    (b"noexec", Set(MOUNT_ATTR_NOEXEC)),
    (b"exec", Clear(MOUNT_ATTR_NOEXEC)),
    (b"noatime", Set(MOUNT_ATTR_NOATIME)),
    (b"atime", Clear(MOUNT_ATTR_ATIME)),
    (b"strictatime", Set(MOUNT_ATTR_STRICTATIME)),
    (b"nostrictatime", Clear(MOUNT_ATTR_ATIME)),
    (b"relatime", Clear(MOUNT_ATTR_ATIME)),
    (b"norelatime", Clear(MOUNT_ATTR_ATIME)),
    (b"nodiratime", Set(MOUNT_ATTR_NODIRATIME)),
    (b"diratime", Clear(MOUNT_ATTR_NODIRATIME)),
    (b"nosymfollow", Set(MOUNT_ATTR_NOSYMFOLLOW)),
    (b"symfollow", Clear(MOUNT_ATTR_NOSYMFOLLOW)),
    (b"bind", Bind(false)),
    (b"rbind", Bind(true)),
    (b"private", Propagate(MS_PRIVATE)),
    (b"slave", Propagate(MS_SLAVE)),
    (b"shared", Propagate(MS_SHARED)),
    (b"unbindable", Propagate(MS_UNBINDABLE)),
    (b"tmpcopyup", CopyUp),
    (b"defaults", Nothing),
    (b"idmap", Set(MOUNT_ATTR_IDMAP)),
];

/// What the option is, and whether it is meant of all below too.
fn find(option: &[u8]) -> Option<(Effect, bool)> {
    let named = |name: &[u8]| OPTIONS.iter().find(|(known, _)| *known == name).map(|(_, effect)| *effect);
    if let Some(effect) = named(option) {
        return Some((effect, false));
    }
    let effect = named(option.strip_prefix(b"r")?)?;
    // There is no `rbind` of a bind, and no `rdefaults`.
    if matches!(effect, Bind(_) | CopyUp | Nothing) { None } else { Some((effect, true)) }
}

impl Source<'_, '_> {
    /// All of them, in their order.
    pub(super) fn mounts(&mut self) -> Read<()> {
        self.items(z!("mounts"), &mut Self::mount)
    }

    fn mount(&mut self) -> Read<()> {
        let name = z!("mounts");
        let (mut dest, mut source, mut kind) = (None, None, None);
        let (mut users, mut groups) = ((0, 0), (0, 0));
        let first = self.bundle().options.len() as u16;
        let mut mount = Mount { first, last: first, ..Mount::default() };
        self.members(name, &mut |file, key| {
            known!(match key {
                b"destination" => {
                    dest = file.text(z!("mounts.destination"))?;
                    Ok(())
                }
                b"source" => {
                    source = file.text(z!("mounts.source"))?;
                    Ok(())
                }
                b"type" => {
                    kind = file.text(z!("mounts.type"))?;
                    Ok(())
                }
                b"options" => file.items(z!("mounts.options"), &mut |file| file.mount_option(&mut mount)),
                b"uidMappings" => file.mount_map(z!("mounts.uidMappings"), &mut users),
                b"gidMappings" => file.mount_map(z!("mounts.gidMappings"), &mut groups),
                _ => file.skip(),
            })
        })?;
        let Some(dest) = dest else { return self.bad(z!("mounts.destination"), Why::Missing) };
        if dest.bytes().iter().all(|b| matches!(b, b'/' | b'.')) {
            return self.bad(z!("mounts.destination"), Why::DestRoot);
        }
        mount.bind |= kind.is_some_and(|kind| kind.is(b"bind"));
        mount.last = self.bundle().options.len() as u16;
        let Some(from) = (if mount.bind { source } else { kind }) else {
            return self.bad(if mount.bind { z!("mounts.source") } else { z!("mounts.type") }, Why::Missing);
        };
        if mount.bind && mount.first != mount.last {
            // The kernel would pass over it.
            return self.bad(z!("mounts.options"), Why::MountOption);
        }
        mount.maps = [users, groups];
        let [of_users, of_groups] = mount.maps.map(|(first, last)| first != last);
        if of_users && !mount.is_mapped() {
            mount.own.set |= MOUNT_ATTR_IDMAP;
        }
        if of_users != of_groups || mount.is_mapped() && !mount.bind {
            return self.bad(z!("mounts.uidMappings"), Why::Mapped);
        }
        let what = if mount.bind { Do::Attach } else { Do::Mount };
        mount.source = source;
        let number = self.bundle().mounts.len() as u64;
        push(&mut self.lists.bundle.mounts, mount, name)?;
        self.operation(what, dest, from, number)
    }

    /// An id map: where its ranges are.
    fn mount_map(&mut self, name: ZStr<'static>, map: &mut (u16, u16)) -> Read<()> {
        map.0 = self.bundle().ranges.len() as u16;
        self.ranges(name, &mut |file, range| push(&mut file.lists.bundle.ranges, range, name))?;
        map.1 = self.bundle().ranges.len() as u16;
        if usize::from(map.1.wrapping_sub(map.0)) > MAX_RANGES {
            return self.bad(name, Why::TooManyRanges);
        }
        Ok(())
    }

    /// One more thing to be done in the root filesystem.
    pub(super) fn operation(
        &mut self,
        what: Do,
        dest: ZStr<'static>,
        source: ZStr<'static>,
        number: u64,
    ) -> Read<()> {
        let operation =
            Operation { what, optional: false, mode: 0, dest, source, number, taken: None, console: None };
        push(&mut self.lists.operations, operation, z!("mounts"))
    }

    fn mount_option(&mut self, mount: &mut Mount) -> Read<()> {
        // buildah has an empty one behind those of a volume.
        let Some(option) = self.text(z!("mounts.options"))? else { return Ok(()) };
        let Some((effect, all)) = find(option.bytes()) else {
            return push(&mut self.lists.bundle.options, option, z!("mounts.options"));
        };
        let attributes = if all { &mut mount.below } else { &mut mount.own };
        match effect {
            Set(set) => {
                // Of the ways to keep access times there is one.
                let clear = if set & MOUNT_ATTR_ATIME != 0 { MOUNT_ATTR_ATIME } else { set };
                attributes.clear |= clear & MOUNT_ATTR_ATIME;
                attributes.set = attributes.set & !clear | set;
            }
            Clear(clear) => {
                attributes.set &= !clear;
                attributes.clear |= clear;
            }
            Propagate(how) => attributes.propagation = how,
            Bind(all) => (mount.bind, mount.all) = (true, all),
            CopyUp => mount.copy_up = true,
            Nothing => {}
        }
        Ok(())
    }
}
