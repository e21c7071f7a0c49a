//! config.json → [`Spec`]: what has an option becomes one, the rest stands in the plan's [`Bundle`]. Pure.
//!
//! What is unknown is passed over, as the specification wants it; what is known and can't be had is refused by name.

mod hooks;
mod linux;
mod mount;
mod process;
mod resources;
mod task;

use super::json::{Bad, Reader};
use super::known::{find, known};
use crate::cli::Opt;
use crate::fail::{At, Fail, Stage, Why};
use crate::plan::{Bundle, Lists};
use crate::spec::{Given, Spec};
use crate::sys::{self, LongList, ZStr};
use crate::text::Text;
use crate::z;

/// What a reading gives, or a complaint that names a property.
pub type Read<T> = Result<T, Fail<'static>>;

/// A file that is being read, and where what it says is noted.
pub struct Source<'a, 'w> {
    reader: Reader,
    #[allow(missing_docs)]
    pub spec: &'a mut Spec<'w>,
    #[allow(missing_docs)]
    pub lists: &'a mut Lists,
    /// What the container is called.
    id: ZStr<'static>,
    /// What a complaint is about: the name of a property.
    name: ZStr<'static>,
    /// Whether it is of a process that is executed in a container.
    executes: bool,
    /// Where texts are composed.
    room: &'static mut [u8],
}

/// Room for them: for every limit that there is, and for the longest id maps.
const ROOM: usize = 64 << 10;

/// Reads a whole config.json.
pub fn read(reader: Reader, id: ZStr<'static>, spec: &mut Spec<'_>, lists: &mut Lists) -> Read<()> {
    let mut source = Source::of(reader, id, spec, lists);
    let mut version = None;
    source.members(z!("config.json"), &mut |file, key| {
        known!(match key {
            b"ociVersion" => {
                version = file.text(z!("ociVersion"))?;
                Ok(())
            }
            b"process" => file.process(),
            b"root" => file.root(),
            b"hostname" => file.given(Opt::Hostname, z!("hostname")),
            b"domainname" => file.given(Opt::Domainname, z!("domainname")),
            b"mounts" => file.mounts(),
            b"linux" => file.linux(),
            b"hooks" => file.hooks(),
            b"annotations" => {
                let read = file.reader.raw();
                file.bundle().annotations = Some(file.told(z!("annotations"), read)?);
                Ok(())
            }
            b"vm" | b"windows" | b"solaris" | b"zos" | b"freebsd" => {
                file.refused(z!("a platform that is not Linux"))
            }
            _ => file.skip(),
        })
    })?;
    source.end()?;
    source.words_end()?;
    let Some(version) = version else { return source.bad(z!("ociVersion"), Why::Missing) };
    if version.value_of(b"1.").is_none() {
        return source.bad(z!("ociVersion"), Why::OciVersion);
    }
    if source.spec.word.is_none() {
        return source.bad(z!("root"), Why::Missing);
    }
    source.whole()
}

/// Reads a process that is to be executed in a container.
pub fn read_process(reader: Reader, spec: &mut Spec<'_>, lists: &mut Lists) -> Read<()> {
    let mut source = Source::of(reader, z!(""), spec, lists);
    source.executes = true;
    source.process()?;
    source.end()?;
    source.words_end()
}

/// Reads what of a config.json is also true of such a process: the filter of system calls; and where that says nothing itself,
/// the whole process.
pub fn read_container(reader: Reader, whole: bool, spec: &mut Spec<'_>, lists: &mut Lists) -> Read<()> {
    let mut source = Source::of(reader, z!(""), spec, lists);
    source.executes = true;
    source.members(z!("config.json"), &mut |file, key| {
        known!(match key {
            b"process" if whole => file.process(),
            b"linux" => file.members(z!("linux"), &mut |file, key| known!(match key {
                b"seccomp" => file.seccomp(),
                b"personality" => file.personality(),
                _ => file.skip(),
            })),
            _ => file.skip(),
        })
    })?;
    source.end()
}

/// Reads resources alone.
pub fn read_resources(reader: Reader, spec: &mut Spec<'_>, lists: &mut Lists) -> Read<()> {
    let mut source = Source::of(reader, z!(""), spec, lists);
    source.resources()?;
    source.end()
}

/// Reads no more than its hooks.
pub fn read_hooks(reader: Reader, spec: &mut Spec<'_>, lists: &mut Lists) -> Read<()> {
    let mut source = Source::of(reader, z!(""), spec, lists);
    source.members(z!("config.json"), &mut |file, key| {
        known!(match key {
            b"hooks" => file.hooks(),
            _ => file.skip(),
        })
    })
}

impl<'a, 'w> Source<'a, 'w> {
    fn of(reader: Reader, id: ZStr<'static>, spec: &'a mut Spec<'w>, lists: &'a mut Lists) -> Source<'a, 'w> {
        spec.oci = true;
        // Bare mechanism: what is to be hidden, dropped or mounted the file says.
        for opt in [Opt::Privileged, Opt::AllowNewPrivs, Opt::NoProc] {
            spec.ask(opt);
        }
        Source { reader, id, spec, lists, name: z!("config.json"), executes: false, room: &mut [] }
    }
}

impl Source<'_, '_> {
    /// A complaint about a property.
    #[cold]
    fn bad<T>(&self, name: ZStr<'static>, why: Why) -> Read<T> {
        Err(why).at(Stage::Config, name)
    }

    /// What the reader says, about a property.
    fn told<T>(&self, name: ZStr<'static>, read: Result<T, Bad>) -> Read<T> {
        read.map_err(|bad| Fail::new(Stage::Config, name, Why::from(bad)))
    }

    /// Known, and not to be had.
    fn refused(&mut self, name: ZStr<'static>) -> Read<()> {
        self.bad(name, Why::NotSupported)
    }

    fn skip(&mut self) -> Read<()> {
        let read = self.reader.skip();
        self.told(self.name, read)
    }

    fn end(&mut self) -> Read<()> {
        let read = self.reader.end();
        self.told(self.name, read)
    }

    /// Each member of an object that is not `null`.
    fn members(
        &mut self,
        name: ZStr<'static>,
        each: &mut dyn FnMut(&mut Self, &[u8]) -> Read<()>,
    ) -> Read<()> {
        self.name = name;
        let read = self.reader.object();
        self.told(name, read)?;
        loop {
            let read = self.reader.field();
            let Some(key) = self.told(name, read)? else { return Ok(()) };
            each(self, key.bytes())?;
            self.name = name;
        }
    }

    /// Each name and its value, a string, of an object.
    fn pairs(
        &mut self,
        name: ZStr<'static>,
        each: &mut dyn FnMut(&mut Self, ZStr<'static>, ZStr<'static>) -> Read<()>,
    ) -> Read<()> {
        let read = self.reader.object();
        self.told(name, read)?;
        loop {
            let read = self.reader.key();
            let Some(key) = self.told(name, read)? else { return Ok(()) };
            let read = self.reader.text();
            let value = self.told(name, read)?;
            each(self, key, value)?;
        }
    }

    /// Each item of an array.
    fn items(&mut self, name: ZStr<'static>, each: &mut dyn FnMut(&mut Self) -> Read<()>) -> Read<()> {
        let read = self.reader.array();
        self.told(name, read)?;
        loop {
            let read = self.reader.item();
            if !self.told(name, read)? {
                return Ok(());
            }
            each(self)?;
        }
    }

    /// A string; an empty one is none, as those who write these files have it.
    fn text(&mut self, name: ZStr<'static>) -> Read<Option<ZStr<'static>>> {
        let read = self.reader.text();
        Ok(Some(self.told(name, read)?).filter(|text| text.first() != 0))
    }

    /// A string that must be there.
    fn word(&mut self, name: ZStr<'static>) -> Read<ZStr<'static>> {
        match self.text(name)? {
            Some(word) => Ok(word),
            None => self.bad(name, Why::Missing),
        }
    }

    /// A number from `least` to `most`.
    fn number(&mut self, name: ZStr<'static>, least: i64, most: i64) -> Read<i64> {
        let read = self.reader.integer();
        match self.told(name, read)? {
            n if least <= n && n <= most => Ok(n),
            _ => self.bad(name, Why::Number),
        }
    }

    /// An id, or a count of them.
    fn id(&mut self, name: ZStr<'static>) -> Read<u32> {
        self.number(name, 0, u32::MAX.into()).map(|n| n as u32)
    }

    /// The numbers of an object that have these names, from 0 to `most`; what others it has is passed over.
    fn numbers_of(
        &mut self,
        name: ZStr<'static>,
        names: &[u8],
        most: i64,
        numbers: &mut [Option<i64>],
    ) -> Read<()> {
        self.members(name, &mut |file, key| match numbers.get_mut(find(names, key)) {
            None => file.skip(),
            Some(slot) => {
                *slot = Some(file.number(name, 0, most)?);
                Ok(())
            }
        })
    }

    fn boolean(&mut self, name: ZStr<'static>) -> Read<bool> {
        let read = self.reader.boolean();
        self.told(name, read)
    }

    /// A string that is the value of an option.
    fn given(&mut self, opt: Opt, name: ZStr<'static>) -> Read<()> {
        match self.text(name)? {
            Some(text) => self.give(opt, name, text, 0),
            None => Ok(()),
        }
    }

    fn give(&mut self, opt: Opt, name: ZStr<'static>, text: ZStr<'static>, number: u64) -> Read<()> {
        give(self.spec, opt, name, text, number)
    }

    /// A text of several that were read.
    fn compose(&mut self, name: ZStr<'static>, write: &dyn Fn(&mut Text<'_>)) -> Read<ZStr<'static>> {
        if self.room.is_empty() {
            self.room = sys::room(ROOM).at(Stage::Memory, None)?;
        }
        let mut text = Text::on(self.room);
        write(&mut text);
        let end = text.get().len().saturating_add(1);
        let (text, rest) = core::mem::take(&mut self.room).split_at_mut_checked(end).unwrap_or_default();
        self.room = rest;
        match ZStr::until_nul(text) {
            Some(text) if text.first() != 0 => Ok(text),
            _ => self.bad(name, Why::TooManyItems),
        }
    }

    /// The root filesystem.
    fn root(&mut self) -> Read<()> {
        self.members(z!("root"), &mut |file, key| {
            known!(match key {
                b"path" => {
                    file.spec.word = Some(file.word(z!("root.path"))?);
                    Ok(())
                }
                b"readonly" => {
                    if file.boolean(z!("root.readonly"))? {
                        file.spec.ask(Opt::ReadOnly);
                    }
                    Ok(())
                }
                _ => file.skip(),
            })
        })
    }

    /// What several properties are needed for.
    fn whole(&mut self) -> Read<()> {
        self.namespaces_left_out();
        self.cgroup()
    }

    /// There are no more words of COMMAND, and no more variables.
    fn words_end(&mut self) -> Read<()> {
        if self.bundle().args.is_empty() {
            return self.bad(z!("process.args"), Why::Missing);
        }
        for list in [&mut self.lists.bundle.args, &mut self.lists.env] {
            push(list, None, z!("process"))?;
        }
        Ok(())
    }

    /// Where its cgroup is below the root of the hierarchy; by default it is called as the container.
    fn cgroup(&mut self) -> Read<()> {
        let name = z!("linux.cgroupsPath");
        let mut path = self.bundle().cgroups_path.unwrap_or(self.id);
        while path.first() == b'/' {
            path = path.skip(1);
        }
        let mut parts = crate::text::fields(path.bytes(), b'/');
        if path.first() == 0 || parts.any(|part| matches!(part, b"" | b"." | b"..")) {
            return self.bad(name, Why::CgroupFile);
        }
        self.give(Opt::Cgroup, name, path, 0)
    }

    fn bundle(&mut self) -> &mut Bundle {
        &mut self.lists.bundle
    }
}

/// An option, as if it was on a command line.
pub fn give(
    spec: &mut Spec<'_>,
    opt: Opt,
    name: ZStr<'static>,
    text: ZStr<'static>,
    number: u64,
) -> Read<()> {
    spec.ask(opt);
    push(&mut *spec.given, Given { opt, word: name, a: text, b: text, number }, name)
}

/// Adds to a list, unless it is full.
fn push<T, const MAX: usize>(list: &mut LongList<T, MAX>, value: T, name: ZStr<'static>) -> Read<()> {
    if list.push(value).at(Stage::Memory, None)? {
        Ok(())
    } else {
        Err(Why::TooManyItems).at(Stage::Config, name)
    }
}

impl From<Bad> for Why {
    fn from(bad: Bad) -> Why {
        match bad {
            Bad::Syntax => Why::JsonSyntax,
            Bad::End => Why::JsonEnd,
            Bad::Depth => Why::JsonDepth,
            Bad::Nul => Why::JsonNul,
            Bad::Control => Why::JsonControl,
            Bad::Utf8 => Why::JsonUtf8,
            Bad::Escape => Why::JsonEscape,
            Bad::Bool => Why::JsonBool,
            Bad::Integer => Why::JsonInteger,
            Bad::Text => Why::JsonText,
            Bad::Array => Why::JsonArray,
            Bad::Object => Why::JsonObject,
            Bad::Range => Why::Number,
        }
    }
}
