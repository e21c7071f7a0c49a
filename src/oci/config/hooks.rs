//! `hooks`: programs that somebody wants run while a container comes and goes.

use super::{Read, Source, push};
use crate::fail::Why;
use crate::oci::known::known;
use crate::plan::Hook;
use crate::sys::ZStr;
use crate::z;

/// The kinds, in the order of their times.
pub const KINDS: [(&[u8], ZStr<'static>); 6] = [
    (b"prestart", z!("hooks.prestart")),
    (b"createRuntime", z!("hooks.createRuntime")),
    (b"createContainer", z!("hooks.createContainer")),
    (b"startContainer", z!("hooks.startContainer")),
    (b"poststart", z!("hooks.poststart")),
    (b"poststop", z!("hooks.poststop")),
];

impl Source<'_, '_> {
    pub(in crate::oci) fn hooks(&mut self) -> Read<()> {
        self.members(z!("hooks"), &mut |file, key| {
            let Some(kind) = KINDS.iter().position(|(name, _)| *name == key) else { return file.skip() };
            let name = KINDS.get(kind).map_or(z!("hooks"), |(_, name)| *name);
            file.items(name, &mut |file| file.hook(kind as u8, name))
        })
    }

    fn hook(&mut self, kind: u8, name: ZStr<'static>) -> Read<()> {
        let mut path = None;
        let mut hook = Hook { kind, ..Hook::default() };
        self.members(name, &mut |file, key| {
            let list = known!(match key {
                b"path" => {
                    path = file.text(name)?;
                    return Ok(());
                }
                b"timeout" => {
                    hook.timeout = match file.number(name, i64::MIN, i64::from(u32::MAX))? {
                        ..1 => return file.bad(name, Why::Number),
                        seconds => seconds as u32,
                    };
                    return Ok(());
                }
                b"args" => &mut hook.args,
                b"env" => &mut hook.env,
                _ => return file.skip(),
            });
            let first = file.bundle().words.len() as u16;
            *list = Some(first);
            file.items(name, &mut |file| {
                let read = file.reader.text();
                let word = file.told(name, read)?;
                push(&mut file.lists.bundle.words, Some(word), name)
            })?;
            push(&mut file.lists.bundle.words, None, name)
        })?;
        let Some(path) = path else { return self.bad(name, Why::Missing) };
        if path.first() != b'/' {
            return self.bad(name, Why::Absolute);
        }
        hook.path = path;
        if hook.args.is_none() {
            // Its name alone.
            hook.args = Some(self.bundle().words.len() as u16);
            push(&mut self.lists.bundle.words, Some(path), name)?;
            push(&mut self.lists.bundle.words, None, name)?;
        }
        push(&mut self.lists.bundle.hooks, hook, name)
    }
}
