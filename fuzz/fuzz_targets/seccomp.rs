//! A profile for seccomp(2): what it is compiled to the kernel takes for a program.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use vesicle::oci::seccomp;
use vesicle_fuzz::reader;

thread_local!(static SOCKET: UdpSocket = UdpSocket::bind("127.0.0.1:0").expect("a socket"));

/// Whether the kernel can check it, and finds nothing wrong: all jumps lead to something, and the last is an end.
fn is_good(program: &[u64]) -> bool {
    let len = program.len() as u16;
    let fprog = libc::sock_fprog { len, filter: program.as_ptr() as *mut libc::sock_filter };
    let size = size_of_val(&fprog) as libc::socklen_t;
    let attach = libc::SO_ATTACH_FILTER;
    // SAFETY: the kernel reads the program, of which each number is an instruction.
    let done = SOCKET.with(|socket| unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, attach, (&raw const fprog).cast(), size)
    });
    // A socket may have less memory than a filter of system calls.
    done == 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::ENOMEM)
}

fuzz_target!(|text: &[u8]| {
    if let Ok(Some(filter)) = seccomp::read(&mut reader(text)) {
        assert!(is_good(filter.program), "{:x?}", filter.program);
    }
});
