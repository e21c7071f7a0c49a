//! How the kernel is to treat a process: its scheduling, its personality, the labels of security modules.

use super::{Read, Source, known};
use crate::cli::Opt;
use crate::fail::Why;
use crate::spec::limits;
use crate::sys::{Scheduler, ZStr};
use crate::text::fields;
use crate::z;

/// In the order of their numbers, sched(7); behind SCHED_.
const POLICIES: &[u8] = b"OTHER FIFO RR BATCH ISO IDLE DEADLINE";
/// In the order of their bits, sched_setattr(2); behind SCHED_FLAG_.
const FLAGS: &[u8] =
    b"RESET_ON_FORK RECLAIM DL_OVERRUN KEEP_POLICY KEEP_PARAMS UTIL_CLAMP_MIN UTIL_CLAMP_MAX";
/// In the order of their numbers from 1 on, ioprio_set(2); behind IOPRIO_CLASS_.
const CLASSES: &[u8] = b"RT BE IDLE";

/// Which of `words` it is, behind a prefix.
fn index(word: ZStr<'_>, prefix: &[u8], words: &[u8]) -> Option<u32> {
    let word = word.value_of(prefix)?;
    fields(words, b' ').position(|known| word.is(known)).map(|n| n as u32)
}

impl Source<'_, '_> {
    pub(super) fn scheduler(&mut self) -> Read<()> {
        let name = z!("process.scheduler");
        let mut scheduler = Scheduler::default();
        let mut policy = None;
        self.members(name, &mut |file, key| {
            known!(match key {
                b"policy" => {
                    let word = file.word(name)?;
                    policy = Some(file.one_of(name, index(word, b"SCHED_", POLICIES))?);
                }
                b"flags" => file.items(name, &mut |file| {
                    let word = file.word(name)?;
                    let bit = file.one_of(name, index(word, b"SCHED_FLAG_", FLAGS))?;
                    scheduler.flags |= 1 << bit;
                    Ok(())
                })?,
                b"nice" => scheduler.nice = file.number(name, -20, 19)? as i32,
                b"priority" => scheduler.priority = file.number(name, 0, 99)? as u32,
                b"runtime" => scheduler.runtime = file.time(name)?,
                b"deadline" => scheduler.deadline = file.time(name)?,
                b"period" => scheduler.period = file.time(name)?,
                _ => return file.skip(),
            });
            Ok(())
        })?;
        scheduler.policy = match policy {
            Some(policy) => policy,
            None => return self.bad(name, Why::Missing),
        };
        self.bundle().task.scheduler = Some(scheduler);
        Ok(())
    }

    /// Nanoseconds.
    fn time(&mut self, name: ZStr<'static>) -> Read<u64> {
        self.number(name, 0, i64::MAX).map(|time| time as u64)
    }

    /// What a word means, if anything.
    fn one_of(&mut self, name: ZStr<'static>, found: Option<u32>) -> Read<u32> {
        match found {
            Some(number) => Ok(number),
            None => self.bad(name, Why::Unknown),
        }
    }

    pub(super) fn io_priority(&mut self) -> Read<()> {
        const CLASS_SHIFT: u32 = 13;
        let name = z!("process.ioPriority");
        let (mut class, mut priority) = (None, 0);
        self.members(name, &mut |file, key| {
            known!(match key {
                b"class" => {
                    let word = file.word(name)?;
                    class = Some(file.one_of(name, index(word, b"IOPRIO_CLASS_", CLASSES))?);
                }
                b"priority" => priority = file.number(name, 0, 7)? as u32,
                _ => return file.skip(),
            });
            Ok(())
        })?;
        let Some(class) = class else { return self.bad(name, Why::Missing) };
        self.bundle().task.io_priority = Some((class.wrapping_add(1) << CLASS_SHIFT | priority) as u16);
        Ok(())
    }

    /// For processes that are executed in a container; its first one has the CPUs of its cgroup.
    pub(super) fn exec_affinity(&mut self) -> Read<()> {
        let name = z!("process.execCPUAffinity");
        self.members(name, &mut |file, key| {
            let first = known!(match key {
                b"initial" => true,
                b"final" => false,
                _ => return file.skip(),
            });
            let Some(list) = file.text(name)? else { return Ok(()) };
            if limits::cpus(list.bytes(), &mut |_| {}).is_none() {
                return file.bad(name, Why::Number);
            }
            match (file.executes, first) {
                (false, _) => Ok(()),
                (true, true) => {
                    file.bundle().task.first_cpus = Some(list);
                    Ok(())
                }
                (true, false) => file.give(Opt::Cpuset, name, list, 0),
            }
        })
    }

    pub(super) fn personality(&mut self) -> Read<()> {
        const PER_LINUX32: u32 = 8;
        let name = z!("linux.personality");
        self.members(name, &mut |file, key| {
            known!(match key {
                b"domain" => {
                    let domain = match file.word(name)?.bytes() {
                        b"LINUX" => 0,
                        b"LINUX32" => PER_LINUX32,
                        _ => return file.bad(name, Why::Unknown),
                    };
                    file.bundle().task.personality = Some(domain);
                    Ok(())
                }
                // The specification has none so far.
                b"flags" => file.items(name, &mut |file| file.bad(name, Why::NotSupported)),
                _ => file.skip(),
            })
        })
    }

    /// What AppArmor or SELinux shall call it.
    pub(super) fn label(&mut self, module: usize, name: ZStr<'static>) -> Read<()> {
        let label = self.text(name)?;
        if let Some(slot) = self.bundle().task.labels.get_mut(module) {
            *slot = label;
        }
        Ok(())
    }
}
