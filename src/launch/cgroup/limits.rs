//! What is written to the files of a cgroup, as the kernel's Documentation/admin-guide/cgroup-v2.rst has them.

use super::{Cgroup, controllers, write};
use crate::cli::{MAX, Opt, PERIOD};
use crate::fail::{At, Fail, Stage};
use crate::plan::Plan;
#[cfg(feature = "oci")]
use crate::spec::limits::io_weight;
#[cfg(feature = "oci")]
use crate::sys::{self, Fd};
use crate::sys::{Errno, ZStr};
use crate::text::Text;
use crate::timings::Clock;
use crate::z;

/// Each with its controller's bit, and its file.
const LIMITS: &[(Opt, u8, ZStr<'static>)] = &[
    (Opt::Memory, controllers::MEMORY, z!("memory.max")),
    (Opt::Swap, controllers::MEMORY, z!("memory.swap.max")),
    (Opt::Pids, controllers::PIDS, z!("pids.max")),
    (Opt::Cpus, controllers::CPU, z!("cpu.max")),
    (Opt::CpuWeight, controllers::CPU, z!("cpu.weight")),
    (Opt::IoWeight, controllers::IO, z!("io.weight")),
];

/// Sets those that were asked for. Only where the file of one is missing its controller has to be enabled.
#[inline(never)]
pub(super) fn set(plan: &Plan<'_>, cgroup: &mut Cgroup, clock: Clock) -> Result<(), Fail<'static>> {
    let mut enabled = false;
    for (opt, _, file) in LIMITS {
        let Some(number) = plan.spec.number(*opt) else { continue };
        let mut done = put(cgroup, *opt, *file, number);
        if done == Err(Errno::ENOENT) && !enabled {
            let asked = LIMITS.iter().filter(|(opt, ..)| plan.spec.has(*opt));
            controllers::enable(cgroup, asked.fold(0, |set, (_, controller, _)| set | controller))?;
            enabled = true;
            done = put(cgroup, *opt, *file, number);
        }
        done.at(Stage::Limit, *file)?;
        clock.lap(Stage::Limit, Some(*file));
    }
    #[cfg(feature = "oci")]
    if plan.spec.is_oci() {
        write_all(plan, cgroup)?;
        return super::devices::restrict(plan, cgroup);
    }
    #[cfg(feature = "limits")]
    if let Some(list) = plan.text(Opt::Cpuset) {
        let file = z!("cpuset.cpus");
        let mut done = write(cgroup.dir, file, list.bytes());
        if done == Err(Errno::ENOENT) && controllers::enable(cgroup, controllers::CPUSET).is_ok() {
            done = write(cgroup.dir, file, list.bytes());
        }
        // Where that can't be had there is still the affinity, which the child sees to.
        if done != Err(Errno::ENOENT) {
            done.at(Stage::Limit, file)?;
            clock.lap(Stage::Limit, Some(file));
        }
    }
    Ok(())
}

#[inline(never)]
fn put(cgroup: &Cgroup, opt: Opt, file: ZStr<'_>, number: u64) -> Result<(), Errno> {
    let mut room = [0; 48];
    let mut text = Text::on(&mut room);
    if number == MAX {
        text.push(b"max");
    } else {
        text.number(number);
    }
    if opt == Opt::Cpus {
        text.put(b' ').number(PERIOD);
    }
    let done = write(cgroup.dir, file, text.get());
    if opt == Opt::IoWeight && done == Err(Errno::ENOENT) {
        // Without CONFIG_BLK_CGROUP_IOCOST there is that of the BFQ scheduler, from 1 to 1000; 100 is the default of both.
        let weight = if number > 100 { 100 + (number - 100) / 11 } else { number };
        let text = text.clear().number(weight);
        return write(cgroup.dir, z!("io.bfq.weight"), text.get());
    }
    done
}

/// Writes what a bundle says to the files that it names; where one is missing its controller may have to be enabled.
#[cfg(feature = "oci")]
fn write_all(plan: &Plan<'_>, cgroup: &mut Cgroup) -> Result<(), Fail<'static>> {
    let mut enabled = false;
    for (file, value) in plan.lists.bundle.writes.iter() {
        let mut done = write_limit(cgroup.dir, *file, *value);
        if done == Err(Errno::ENOENT) && !enabled {
            let set = plan.lists.bundle.writes.iter().fold(0, |set, (file, _)| set | controllers::of(*file));
            let passed_on = controllers::enable(cgroup, set);
            enabled = true;
            done = write_limit(cgroup.dir, *file, *value);
            if done == Err(Errno::ENOENT) {
                passed_on?;
            }
        }
        done.at(Stage::Limit, *file)?;
    }
    Ok(())
}

/// Writes what a bundle says to one of its files. Weights of disks go to both schedulers that know them: of each a kernel, or a
/// disk, may have none.
#[cfg(feature = "oci")]
#[inline(never)]
pub(crate) fn write_limit(dir: Fd, file: ZStr<'_>, value: ZStr<'_>) -> sys::Result<()> {
    let done = write(dir, file, value.bytes());
    let mut room = [0; 48];
    match io_weight(value.bytes()) {
        Some((disk, weight)) if file.is(b"io.bfq.weight") => {
            write(dir, z!("io.weight"), Text::on(&mut room).push(disk).number(weight).get()).or(done)
        }
        _ => done,
    }
}
