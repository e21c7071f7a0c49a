//! Programs for the kernel, bpf(2): as much as a cgroup's devices need. Numbers are those of include/uapi/linux/bpf.h and
//! bpf_common.h, which linux-raw-sys does not have.

use super::{Fd, Result, call, done};
use core::mem::size_of;

/// struct bpf_insn.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Insn {
    code: u8,
    /// Where to: low four bits; where from: high four bits.
    registers: u8,
    offset: i16,
    value: i32,
}

/// The instructions.
#[allow(missing_docs)]
pub mod insn {
    use super::Insn;

    /// BPF_DEVCG_DEV_BLOCK and BPF_DEVCG_DEV_CHAR.
    pub const BLOCK: i32 = 1;
    pub const CHARACTER: i32 = 2;

    const fn insn(code: u8, to: u8, from: u8, offset: i16, value: i32) -> Insn {
        Insn { code, registers: to | from << 4, offset, value }
    }

    /// BPF_LDX, BPF_MEM, BPF_W: 32 bits.
    pub const fn load(to: u8, from: u8, offset: i16) -> Insn {
        insn(0x61, to, from, offset, 0)
    }
    /// BPF_ALU, BPF_MOV, BPF_X.
    pub const fn copy(to: u8, from: u8) -> Insn {
        insn(0xbc, to, from, 0, 0)
    }
    /// BPF_ALU, BPF_RSH.
    pub const fn shift_right(to: u8, by: i32) -> Insn {
        insn(0x74, to, 0, 0, by)
    }
    /// BPF_ALU, BPF_AND.
    pub const fn and(to: u8, with: i32) -> Insn {
        insn(0x54, to, 0, 0, with)
    }
    /// BPF_ALU64, BPF_MOV.
    pub const fn set(to: u8, value: i32) -> Insn {
        insn(0xb7, to, 0, 0, value)
    }
    /// BPF_JMP, BPF_JNE: past so many when it is another value.
    pub const fn unless(register: u8, value: i32, past: i16) -> Insn {
        insn(0x55, register, 0, past, value)
    }
    /// BPF_JMP, BPF_JEQ: past so many when it is this value.
    pub const fn when(register: u8, value: i32, past: i16) -> Insn {
        insn(0x15, register, 0, past, value)
    }
    /// BPF_JMP, BPF_JNE, BPF_X.
    pub const fn unless_equal(register: u8, other: u8, past: i16) -> Insn {
        insn(0x5d, register, other, past, 0)
    }
    /// BPF_JMP, BPF_EXIT.
    pub const fn exit() -> Insn {
        insn(0x95, 0, 0, 0, 0)
    }
}

/// BPF_PROG_LOAD of BPF_PROG_TYPE_CGROUP_DEVICE, and BPF_PROG_ATTACH of that to a cgroup as BPF_CGROUP_DEVICE, beside those that
/// are there (BPF_F_ALLOW_MULTI): each of them can refuse. It stays as long as the cgroup.
pub fn attach_device_program(cgroup: Fd, program: &[Insn]) -> Result<()> {
    const PROG_LOAD: u32 = 5;
    const PROG_ATTACH: u32 = 8;
    const CGROUP_DEVICE: u32 = 15;
    const DEVICE: u32 = 6;
    const ALLOW_MULTI: u32 = 2;
    /// union bpf_attr, as far as BPF_PROG_LOAD needs it.
    #[repr(C)]
    struct Load {
        kind: u32,
        count: u32,
        insns: u64,
        license: u64,
        rest: [u32; 6],
    }
    let license = crate::z!("Apache-2.0");
    let load = Load {
        kind: CGROUP_DEVICE,
        count: program.len() as u32,
        insns: program.as_ptr() as u64,
        license: license.as_ptr() as u64,
        rest: [0; 6],
    };
    // SAFETY: the kernel reads the struct, whose size it is given, so many instructions and a NUL-terminated string.
    let loaded = Fd::new(unsafe { call!(bpf, PROG_LOAD, &raw const load, size_of::<Load>()) }? as usize)?;
    let attach = [cgroup.number(), loaded.number(), DEVICE, ALLOW_MULTI];
    // SAFETY: the kernel reads four numbers.
    let attached = unsafe { done!(bpf, PROG_ATTACH, attach.as_ptr(), size_of::<[u32; 4]>()) };
    super::close(loaded);
    attached
}
