//! The filter of --deny-net: no socket but local ones.

use crate::sys::{self, FOREIGN, NATIVE, SockFilter};

/// Of a local pair, and where Landlock keeps those of the caller's network namespace apart, of any local socket.
const AF_UNIX: u32 = 1;
/// io_uring_setup(2), the same for every ABI: what a ring does, no filter sees.
const IO_URING_SETUP: u32 = 425;
/// Numbers of x32, and no others, begin here: __X32_SYSCALL_BIT.
const X32: u32 = 0x4000_0000;
/// socketcall(2) of an x86 ABI with 32 bits: its arguments lie in memory, where no filter reads.
const SOCKETCALL: u32 = 102;

// struct seccomp_data, seccomp(2): where the number, the ABI and the lower half of the first argument stand.
const NR: u32 = 0;
const ABI: u32 = 4;
const FAMILY: u32 = 16;

const fn load(at: u32) -> SockFilter {
    SockFilter { code: (sys::BPF_LD | sys::BPF_W | sys::BPF_ABS) as u16, jt: 0, jf: 0, k: at }
}

const fn end(what: u32) -> SockFilter {
    SockFilter { code: (sys::BPF_RET | sys::BPF_K) as u16, jt: 0, jf: 0, k: what }
}

/// Where it is `k` (or not below `k`, for JGE) on to instruction `yes`, else to `no`; this is instruction `at`.
const fn jump(how: u32, at: u8, k: u32, yes: u8, no: u8) -> SockFilter {
    SockFilter { code: (sys::BPF_JMP | sys::BPF_K | how) as u16, jt: yes - at - 1, jf: no - at - 1, k }
}

/// The instructions that several come to.
const FAMILY_IS: u8 = 16;
const NO_SOCKET: u8 = 18;
const REFUSED: u8 = 19;
const ALLOWED: u8 = 20;

/// The places of the two jumps for socket(2).
const OF_SOCKET: [usize; 2] = [4, 13];

/// What number and ABI alone decide is remembered by the kernel, and the filter never run for it: of all but the calls about
/// sockets. For that the kernel goes through it once with each number, which is most of what it costs: so its paths are short.
/// EACCES is what socket(2) says where a family is not permitted, EPERM what io_uring_setup(2) says.
static FILTER: [SockFilter; 21] = {
    use sys::{BPF_JEQ as EQ, BPF_JGE as GE};
    [
        load(ABI),
        jump(EQ, 1, NATIVE.arch, 2, 9),
        load(NR),
        jump(GE, 3, NATIVE.socketpair + 1, 6, 4),
        jump(EQ, 4, NATIVE.socket, FAMILY_IS, 5),
        jump(EQ, 5, NATIVE.socketpair, FAMILY_IS, ALLOWED),
        jump(GE, 6, IO_URING_SETUP, 7, ALLOWED),
        jump(EQ, 7, IO_URING_SETUP, REFUSED, 8),
        jump(GE, 8, X32, REFUSED, ALLOWED),
        jump(EQ, 9, FOREIGN.arch, 10, REFUSED),
        load(NR),
        jump(GE, 11, FOREIGN.socket, 13, 12),
        jump(EQ, 12, SOCKETCALL, NO_SOCKET, ALLOWED),
        jump(EQ, 13, FOREIGN.socket, FAMILY_IS, 14),
        jump(EQ, 14, FOREIGN.socketpair, FAMILY_IS, 15),
        jump(EQ, 15, IO_URING_SETUP, REFUSED, ALLOWED),
        load(FAMILY),
        jump(EQ, 17, AF_UNIX, ALLOWED, NO_SOCKET),
        end(sys::SECCOMP_RET_ERRNO | linux_raw_sys::errno::EACCES),
        end(sys::SECCOMP_RET_ERRNO | linux_raw_sys::errno::EPERM),
        end(sys::SECCOMP_RET_ALLOW),
    ]
};

const _: () = assert!(NATIVE.socket < NATIVE.socketpair && FOREIGN.socket > SOCKETCALL);

/// Loads it. Without `local` no socket is made at all, but a pair.
pub(super) fn load_filter(local: bool) -> sys::Result<()> {
    let mut filter = FILTER;
    if !local {
        for at in OF_SOCKET {
            if let Some(jump) = filter.get_mut(at) {
                jump.jt = NO_SOCKET - at as u8 - 1;
            }
        }
    }
    sys::load_filter(&filter)
}
