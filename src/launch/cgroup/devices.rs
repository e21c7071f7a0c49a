//! Which devices a cgroup's processes may make and use: a BPF program that is asked each time, as version 2 of cgroups has no
//! other way, Documentation/admin-guide/cgroup-v2.rst, "Device controller".

use super::Cgroup;
use super::rootless::has_no_devices;
use crate::fail::{At, Fail, Stage};
use crate::plan::{DeviceRule, Plan};
use crate::sys::{self, CLONE_NEWUSER, Errno, Insn, LongList};
use crate::z;

/// What every container may do behind what its bundle says, as engines rely on: make any device, and use the devices that
/// are always there, its terminals and their master.
const ALWAYS: [DeviceRule; 10] = [
    rule(b'c', -1, -1, MAKE),
    rule(b'b', -1, -1, MAKE),
    rule(b'c', 1, 3, ALL),
    rule(b'c', 1, 5, ALL),
    rule(b'c', 1, 7, ALL),
    rule(b'c', 1, 8, ALL),
    rule(b'c', 1, 9, ALL),
    rule(b'c', 5, 0, ALL),
    rule(b'c', 5, 2, ALL),
    rule(b'c', 136, -1, ALL),
];

const MAKE: u8 = 1;
const ALL: u8 = 7;

const fn rule(kind: u8, major: i32, minor: i32, access: u8) -> DeviceRule {
    DeviceRule { allow: true, kind, major, minor, access }
}

/// A program has at most so many instructions: enough for all rules that a bundle can have.
type Program = LongList<Insn, 16384>;

/// Attaches the program of a bundle's rules.
#[inline(never)]
pub(super) fn restrict(plan: &Plan<'_>, cgroup: &Cgroup) -> Result<(), Fail<'static>> {
    let rules = &plan.lists.bundle.rules;
    let program = program(rules).at(Stage::Memory, None)?;
    match sys::attach_device_program(cgroup.dir, &program) {
        // Who has no rights over devices can't give any away.
        Err(Errno::EPERM) if plan.makes(CLONE_NEWUSER) || has_no_devices(plan) => Ok(()),
        done => done.at(Stage::Limit, z!("devices")),
    }
}

/// The last rule that is about what is asked for decides; where there is none the answer is no.
fn program(rules: &[DeviceRule]) -> sys::Result<Program> {
    use sys::insn::*;
    let mut program = Program::default();
    // R2: the kind, R3: what is to be done, R4 and R5: the numbers.
    for insn in [load(2, 1, 0), copy(3, 2), shift_right(3, 16), and(2, 0xffff), load(4, 1, 4), load(5, 1, 8)]
    {
        program.push(insn)?;
    }
    for rule in ALWAYS.iter().rev().chain(rules.iter().rev()) {
        append(&mut program, rule)?;
        // About everything: what stands behind it is never reached, and the kernel takes no such program.
        if matches!(rule, DeviceRule { kind: 0, major: ..0, minor: ..0, access: ALL, .. }) {
            return Ok(program);
        }
    }
    program.push(set(0, 0))?;
    program.push(exit())?;
    Ok(program)
}

#[inline(never)]
fn append(program: &mut Program, rule: &DeviceRule) -> sys::Result<()> {
    use sys::insn::*;
    // What is not so is looked at in this order, so that it is known how far the next rule is.
    let kind = rule.kind != 0;
    let access = rule.access & ALL != ALL;
    let (major, minor) = (rule.major >= 0, rule.minor >= 0);
    let mut left = 2 + i16::from(major) + i16::from(minor) + if access { 3 } else { 0 } + i16::from(kind);
    if kind {
        left -= 1;
        let kind = if rule.kind == b'b' { BLOCK } else { CHARACTER };
        program.push(unless(2, kind, left))?;
    }
    if access {
        left -= 3;
        program.push(copy(6, 3))?;
        program.push(and(6, rule.access.into()))?;
        // A rule that allows must allow all that is to be done; of one that refuses any of it is enough.
        program.push(if rule.allow { unless_equal(6, 3, left) } else { when(6, 0, left) })?;
    }
    for (is, register, number) in [(major, 4, rule.major), (minor, 5, rule.minor)] {
        if is {
            left -= 1;
            program.push(unless(register, number, left))?;
        }
    }
    program.push(set(0, rule.allow.into()))?;
    program.push(exit())?;
    Ok(())
}
