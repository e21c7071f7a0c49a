//! `linux.resources`: what is written to the files of a cgroup, the kernel's Documentation/admin-guide/cgroup-v2.rst; values
//! are those of version 1, converted as runc and crun do.

use super::{Read, Source, push};
use crate::fail::Why;
use crate::oci::known::{known, names};
use crate::plan::DeviceRule;
use crate::sys::ZStr;
use crate::text::Text;
use crate::z;

/// No limit.
const MAX: ZStr<'static> = z!("max");

impl Source<'_, '_> {
    /// Those of a container, or those of an update.
    pub(in crate::oci) fn resources(&mut self) -> Read<()> {
        self.members(z!("linux.resources"), &mut |file, key| {
            known!(match key {
                b"memory" => file.memory(),
                b"cpu" => file.cpu(),
                b"pids" => file.members(z!("linux.resources.pids"), &mut |file, key| {
                    let name = z!("linux.resources.pids.limit");
                    known!(match key {
                        b"limit" => match file.number(name, i64::MIN, i64::MAX)? {
                            0 => Ok(()),
                            limit => file.limit(z!("pids.max"), name, limit),
                        },
                        _ => file.skip(),
                    })
                }),
                b"blockIO" => file.block_io(),
                b"hugepageLimits" => file.items(z!("linux.resources.hugepageLimits"), &mut Self::huge_pages),
                b"rdma" => file.members(z!("linux.resources.rdma"), &mut Self::rdma),
                b"network" =>
                    file.members(z!("linux.resources.network"), &mut |file, key| known!(match key {
                        b"classID" => match file.id(z!("linux.resources.network.classID"))? {
                            0 => Ok(()),
                            _ => file.refused(z!("linux.resources.network.classID")),
                        },
                        b"priorities" => file.items(z!("linux.resources.network.priorities"), &mut |file| {
                            file.refused(z!("linux.resources.network.priorities"))
                        }),
                        _ => file.skip(),
                    })),
                b"devices" => file.items(z!("linux.resources.devices"), &mut Self::device_rule),
                b"unified" => file.pairs(z!("linux.resources.unified"), &mut |file, name, value| {
                    // A file of the cgroup itself.
                    if name.has(b'/') || !name.has(b'.') || name.first() == b'.' {
                        return file.bad(z!("linux.resources.unified"), Why::CgroupFile);
                    }
                    file.put(name, value)
                }),
                _ => file.skip(),
            })
        })
    }

    /// Writes `value` to a file of the cgroup.
    fn put(&mut self, file: ZStr<'static>, value: ZStr<'static>) -> Read<()> {
        push(&mut self.lists.bundle.writes, (file, value), z!("linux.resources"))
    }

    /// A number, or if it is negative no limit.
    fn limit(&mut self, to: ZStr<'static>, name: ZStr<'static>, limit: i64) -> Read<()> {
        let value = if limit < 0 { MAX } else { self.numbers(name, &[limit as u64])? };
        self.put(to, value)
    }

    /// Numbers with a blank between them.
    fn numbers(&mut self, name: ZStr<'static>, numbers: &[u64]) -> Read<ZStr<'static>> {
        self.compose(name, &|text: &mut Text<'_>| {
            for (i, number) in numbers.iter().enumerate() {
                if i > 0 {
                    text.put(b' ');
                }
                text.number(*number);
            }
        })
    }

    fn memory(&mut self) -> Read<()> {
        let name = z!("linux.resources.memory");
        let (mut limit, mut swap, mut reservation) = (0, 0, 0);
        self.members(name, &mut |file, key| {
            let slot = known!(match key {
                b"limit" => &mut limit,
                b"swap" => &mut swap,
                b"reservation" => &mut reservation,
                b"disableOOMKiller" => {
                    let name = z!("linux.resources.memory.disableOOMKiller");
                    return if file.boolean(name)? { file.refused(name) } else { Ok(()) };
                }
                // Version 2 has none of `swappiness`, `kernel` and `kernelTCP`, and engines always say them.
                _ => return file.skip(),
            });
            *slot = file.number(name, -1, i64::MAX)?;
            Ok(())
        })?;
        if limit != 0 {
            self.limit(z!("memory.max"), name, limit)?;
        }
        if swap != 0 {
            // Of version 1 it is both together.
            let swap = match (swap, limit) {
                (-1, _) => -1,
                (swap, limit) if limit > 0 && swap >= limit => swap.wrapping_sub(limit),
                _ => return self.bad(z!("linux.resources.memory.swap"), Why::Swap),
            };
            self.limit(z!("memory.swap.max"), name, swap)?;
        }
        if reservation != 0 { self.limit(z!("memory.low"), name, reservation) } else { Ok(()) }
    }

    fn cpu(&mut self) -> Read<()> {
        let name = z!("linux.resources.cpu");
        let (mut quota, mut period) = (0, 0);
        self.members(name, &mut |file, key| {
            known!(match key {
                b"quota" => {
                    quota = file.number(z!("linux.resources.cpu.quota"), i64::MIN, i64::MAX)?;
                    Ok(())
                }
                b"period" => {
                    period = file.number(z!("linux.resources.cpu.period"), 0, i64::MAX)?;
                    Ok(())
                }
                b"shares" => match file.number(z!("linux.resources.cpu.shares"), 0, i64::MAX)? {
                    0 => Ok(()),
                    // 2 to 262144 become 1 to 10000.
                    shares => {
                        let weight = 1 + (shares.clamp(2, 262_144) - 2) as u64 * 9999 / 262_142;
                        let value = file.numbers(name, &[weight])?;
                        file.put(z!("cpu.weight"), value)
                    }
                },
                b"burst" => {
                    let burst = file.number(z!("linux.resources.cpu.burst"), 0, i64::MAX)?;
                    file.limit(z!("cpu.max.burst"), name, burst)
                }
                b"idle" => {
                    let idle = file.number(z!("linux.resources.cpu.idle"), 0, 1)?;
                    file.limit(z!("cpu.idle"), name, idle)
                }
                b"cpus" => match file.text(z!("linux.resources.cpu.cpus"))? {
                    Some(list) => file.put(z!("cpuset.cpus"), list),
                    None => Ok(()),
                },
                b"mems" => match file.text(z!("linux.resources.cpu.mems"))? {
                    Some(list) => file.put(z!("cpuset.mems"), list),
                    None => Ok(()),
                },
                b"realtimeRuntime" | b"realtimePeriod" => {
                    match file.number(z!("linux.resources.cpu.realtimeRuntime"), i64::MIN, i64::MAX)? {
                        0 => Ok(()),
                        _ => file.refused(z!("linux.resources.cpu.realtimeRuntime")),
                    }
                }
                _ => file.skip(),
            })
        })?;
        if (quota, period) == (0, 0) {
            return Ok(());
        }
        let period = if period == 0 { 100_000 } else { period as u64 };
        let value = self.compose(name, &|text: &mut Text<'_>| {
            if quota > 0 {
                text.number(quota as u64);
            } else {
                text.push(MAX.bytes());
            }
            text.put(b' ').number(period);
        })?;
        self.put(z!("cpu.max"), value)
    }

    fn block_io(&mut self) -> Read<()> {
        self.members(z!("linux.resources.blockIO"), &mut |file, key| {
            let rate: &[u8] = known!(match key {
                b"weight" => {
                    let name = z!("linux.resources.blockIO.weight");
                    return match file.number(name, 0, 1000)? {
                        0 => Ok(()),
                        weight => {
                            let value = file.numbers(name, &[weight as u64])?;
                            file.put(z!("io.bfq.weight"), value)
                        }
                    };
                }
                b"throttleReadBpsDevice" => b" rbps=",
                b"throttleWriteBpsDevice" => b" wbps=",
                b"throttleReadIOPSDevice" => b" riops=",
                b"throttleWriteIOPSDevice" => b" wiops=",
                b"weightDevice" => b" ",
                // Of version 1 alone.
                _ => return file.skip(),
            });
            file.items(z!("linux.resources.blockIO"), &mut |file| file.disk(rate))
        })
    }

    /// A limit of one disk, or its weight.
    fn disk(&mut self, what: &[u8]) -> Read<()> {
        let name = z!("linux.resources.blockIO");
        let mut numbers = [None; 4];
        self.numbers_of(name, names!(b"major", b"minor", b"rate", b"weight"), i64::MAX, &mut numbers)?;
        let [major, minor, rate, weight] = numbers.map(|number| number.unwrap_or(0) as u64);
        let (to, number) = match what {
            b" " if weight > 1000 => {
                return self.bad(z!("linux.resources.blockIO.weightDevice"), Why::Number);
            }
            b" " => (z!("io.bfq.weight"), weight),
            _ => (z!("io.max"), rate),
        };
        let value = self.compose(name, &|text: &mut Text<'_>| {
            text.number(major).put(b':').number(minor).push(what).number(number);
        })?;
        self.put(to, value)
    }

    /// The limits of an RDMA device.
    fn rdma(&mut self, device: &[u8]) -> Read<()> {
        let name = z!("linux.resources.rdma");
        let mut numbers = [None; 2];
        self.numbers_of(name, names!(b"hcaHandles", b"hcaObjects"), u32::MAX.into(), &mut numbers)?;
        let value = self.compose(name, &|text: &mut Text<'_>| {
            text.push(device);
            for (what, number) in [&b" hca_handle="[..], b" hca_object="].iter().zip(numbers) {
                if let Some(number) = number {
                    text.push(what).number(number as u64);
                }
            }
        })?;
        self.put(z!("rdma.max"), value)
    }

    fn huge_pages(&mut self) -> Read<()> {
        let name = z!("linux.resources.hugepageLimits");
        let (mut size, mut limit) = (None, 0);
        self.members(name, &mut |file, key| {
            known!(match key {
                b"pageSize" => {
                    size = file.text(name)?;
                    Ok(())
                }
                b"limit" => {
                    limit = file.number(name, 0, i64::MAX)?;
                    Ok(())
                }
                _ => file.skip(),
            })
        })?;
        let Some(size) = size.filter(|size| !size.has(b'/')) else { return self.bad(name, Why::Missing) };
        let to = self.compose(name, &|text: &mut Text<'_>| {
            text.push(b"hugetlb.").push(size.bytes()).push(b".max");
        })?;
        self.limit(to, name, limit)
    }

    /// Which devices may be made and used: the last rule that is about one counts.
    fn device_rule(&mut self) -> Read<()> {
        let name = z!("linux.resources.devices");
        let mut rule = DeviceRule::default();
        let mut allow = None;
        self.members(name, &mut |file, key| {
            known!(match key {
                b"allow" => allow = Some(file.boolean(z!("linux.resources.devices.allow"))?),
                b"type" => {
                    rule.kind = match file.word(z!("linux.resources.devices.type"))?.bytes() {
                        b"a" => 0,
                        [kind @ (b'b' | b'c')] => *kind,
                        _ => return file.bad(z!("linux.resources.devices.type"), Why::DeviceType),
                    }
                }
                b"major" => {
                    rule.major = file.number(z!("linux.resources.devices.major"), -1, 0xfff_ffff)? as i32
                }
                b"minor" => {
                    rule.minor = file.number(z!("linux.resources.devices.minor"), -1, 0xfff_ffff)? as i32
                }
                b"access" => {
                    rule.access = 0;
                    for letter in file.word(z!("linux.resources.devices.access"))?.bytes() {
                        rule.access |= match letter {
                            b'm' => 1,
                            b'r' => 2,
                            b'w' => 4,
                            _ => return file.bad(z!("linux.resources.devices.access"), Why::DeviceAccess),
                        };
                    }
                }
                _ => return file.skip(),
            });
            Ok(())
        })?;
        let Some(allow) = allow else { return self.bad(z!("linux.resources.devices.allow"), Why::Missing) };
        rule.allow = allow;
        push(&mut self.lists.bundle.rules, rule, name)
    }
}
