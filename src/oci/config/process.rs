//! `process`: what is executed, as whom, and with which rights and limits.

use super::{Read, Source, push};
use crate::cli::{Opt, capability};
use crate::fail::Why;
use crate::oci::known::known;
use crate::sys::ZStr;
use crate::text;
use crate::z;

/// The sets of capabilities, in the order of their places in the plan.
const SETS: [(&[u8], ZStr<'static>); 5] = [
    (b"bounding", z!("process.capabilities.bounding")),
    (b"effective", z!("process.capabilities.effective")),
    (b"inheritable", z!("process.capabilities.inheritable")),
    (b"permitted", z!("process.capabilities.permitted")),
    (b"ambient", z!("process.capabilities.ambient")),
];

impl Source<'_, '_> {
    /// The process: of a container, or one that is executed in it.
    pub(in crate::oci) fn process(&mut self) -> Read<()> {
        self.members(z!("process"), &mut |file, key| {
            known!(match key {
                b"terminal" => {
                    file.bundle().terminal = file.boolean(z!("process.terminal"))?;
                    Ok(())
                }
                b"consoleSize" => file.console_size(),
                b"user" => file.user(),
                b"args" => file.items(z!("process.args"), &mut |file| {
                    let word = file.reader.text();
                    // One that is empty is a word too.
                    let word = file.told(z!("process.args"), word)?;
                    push(&mut file.lists.bundle.args, Some(word), z!("process.args"))
                }),
                b"env" => file.items(z!("process.env"), &mut |file| {
                    let word = file.word(z!("process.env"))?;
                    if text::before(word.bytes(), b'=').is_empty() || !word.has(b'=') {
                        return file.bad(z!("process.env"), Why::Name);
                    }
                    push(&mut file.lists.env, Some(word), z!("process.env"))
                }),
                b"cwd" => {
                    let dir = file.word(z!("process.cwd"))?;
                    if dir.first() != b'/' {
                        return file.bad(z!("process.cwd"), Why::Absolute);
                    }
                    file.give(Opt::Chdir, z!("process.cwd"), dir, 0)
                }
                b"capabilities" => file.capabilities(),
                b"rlimits" => file.items(z!("process.rlimits"), &mut Self::rlimit),
                b"noNewPrivileges" => {
                    if file.boolean(z!("process.noNewPrivileges"))? {
                        file.spec.unask(Opt::AllowNewPrivs);
                    }
                    Ok(())
                }
                b"oomScoreAdj" => {
                    let name = z!("process.oomScoreAdj");
                    let score = file.number(name, -1000, 1000)?;
                    file.give(Opt::OomScoreAdj, name, name, score as u64)
                }
                b"apparmorProfile" => file.label(0, z!("process.apparmorProfile")),
                b"selinuxLabel" => file.label(1, z!("process.selinuxLabel")),
                b"scheduler" => file.scheduler(),
                b"ioPriority" => file.io_priority(),
                b"execCPUAffinity" => file.exec_affinity(),
                _ => file.skip(),
            })
        })
    }

    fn console_size(&mut self) -> Read<()> {
        self.members(z!("process.consoleSize"), &mut |file, key| {
            let size = known!(match key {
                b"height" => 0,
                b"width" => 1,
                _ => return file.skip(),
            });
            let number = file.number(z!("process.consoleSize"), 0, u16::MAX.into())?;
            if let Some(slot) = file.bundle().console_size.get_mut(size) {
                *slot = number as u16;
            }
            Ok(())
        })
    }

    fn user(&mut self) -> Read<()> {
        self.members(z!("process.user"), &mut |file, key| {
            known!(match key {
                b"uid" => {
                    let (name, uid) = (z!("process.user.uid"), file.id(z!("process.user.uid"))?);
                    file.give(Opt::Uid, name, name, uid.into())
                }
                b"gid" => {
                    let (name, gid) = (z!("process.user.gid"), file.id(z!("process.user.gid"))?);
                    file.give(Opt::Gid, name, name, gid.into())
                }
                b"umask" => {
                    let name = z!("process.user.umask");
                    let umask = file.number(name, 0, 0o777)?;
                    file.give(Opt::Umask, name, name, umask as u64)
                }
                b"additionalGids" => file.items(z!("process.user.additionalGids"), &mut |file| {
                    let gid = file.id(z!("process.user.additionalGids"))?;
                    push(&mut file.lists.groups, gid, z!("process.user.additionalGids"))
                }),
                _ => file.skip(),
            })
        })
    }

    fn capabilities(&mut self) -> Read<()> {
        self.members(z!("process.capabilities"), &mut |file, key| {
            let Some(at) = SETS.iter().position(|(set, _)| *set == key) else { return file.skip() };
            let name = SETS.get(at).map_or(z!("process.capabilities"), |(_, name)| *name);
            file.items(name, &mut |file| {
                let word = file.word(name)?;
                // ALL would be more than a name says.
                let known = word.value_of(b"CAP_").and_then(|_| capability(word.bytes()));
                let Some(cap) = known.filter(|cap| cap.is_power_of_two()) else {
                    return file.bad(name, Why::Capability);
                };
                if let Some(set) = file.bundle().caps.get_mut(at) {
                    *set |= cap;
                }
                Ok(())
            })
        })
    }

    /// One limit, in the words of --rlimit.
    fn rlimit(&mut self) -> Read<()> {
        let name = z!("process.rlimits");
        let (mut kind, mut soft, mut hard) = (None, None, None);
        self.members(name, &mut |file, key| {
            let slot = known!(match key {
                b"type" => {
                    kind = file.text(name)?;
                    return Ok(());
                }
                b"soft" => &mut soft,
                b"hard" => &mut hard,
                _ => return file.skip(),
            });
            let read = file.reader.number();
            *slot = Some(file.told(name, read)?);
            Ok(())
        })?;
        let (Some(kind), Some(soft), Some(hard)) = (kind, soft, hard) else {
            return self.bad(name, Why::Missing);
        };
        let Some(kind) = kind.value_of(b"RLIMIT_") else { return self.bad(name, Why::Rlimit) };
        let text = self.compose(name, &|text| {
            text.push(kind.bytes());
            for (before, limit) in [(b'=', soft), (b':', hard)] {
                text.put(before);
                if limit == u64::MAX {
                    text.push(b"unlimited");
                } else {
                    text.number(limit);
                }
            }
        })?;
        let Some(limit) = crate::spec::limits::rlimit(text.bytes()) else {
            return self.bad(name, Why::Rlimit);
        };
        let twice = |given: &crate::spec::Given| {
            given.opt == Opt::Rlimit
                && crate::spec::limits::rlimit(given.a.bytes()).is_some_and(|l| l.resource == limit.resource)
        };
        if self.spec.given.iter().any(twice) {
            return self.bad(name, Why::Twice);
        }
        self.give(Opt::Rlimit, name, text, 0)
    }
}
