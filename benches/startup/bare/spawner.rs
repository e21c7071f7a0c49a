//! The parent of what is measured: small, so that a fork of it costs what a fork costs at least, and so that its own memory
//! is not taken for its child's. It reads requests from its standard input and answers on
//! its standard output; what it starts has neither, but what its standard error is.
//!
//! A request: how often, the length of what follows (two u32), then the words of the command, an empty word, and its
//! environment, each with its NUL. An answer
//! for each time: nanoseconds from before the clone(2) until it was waited for, its wait status, and page faults without
//! and with a read (four u64).
#![no_std]
#![no_main]

mod raw;
use raw::{call, exit, nr, spawn, wait};

const REQUESTS: usize = 3;
const ANSWERS: usize = 4;
const MAX_WORDS: usize = 128;

extern "C" fn main() -> ! {
    for (fd, to) in [(0, REQUESTS), (1, ANSWERS)] {
        // F_DUPFD_CLOEXEC. SAFETY: numbers alone.
        unsafe {
            call(nr::FCNTL, &[fd, 1030, to]);
            call(nr::DUP3, &[2, fd, 0]);
        }
    }
    let mut text = [0u8; 8192];
    loop {
        let mut head = [0u32; 2];
        fill(head.as_mut_ptr().cast(), 8);
        let [times, len] = head;
        if len as usize > text.len() {
            exit(125)
        }
        fill(text.as_mut_ptr(), len as usize);
        // Both lists end with a null, the first one where an empty word is.
        let mut list = [core::ptr::null(); MAX_WORDS + 2];
        let (mut words, mut start, mut env) = (0, 0, 0);
        for i in 0..len as usize {
            if text[i] == 0 && words < MAX_WORDS {
                if i == start && env == 0 {
                    env = words + 1;
                } else {
                    list[words] = text[start..].as_ptr();
                }
                (words, start) = (words + 1, i + 1);
            }
        }
        for _ in 0..times {
            answer(&launch(&list, &list[env..]));
        }
    }
}

fn launch(argv: &[*const u8], envp: &[*const u8]) -> [u64; 4] {
    let mut usage = [0; 18];
    let begin = now();
    // SAFETY: words with their NUL, and a null behind the last.
    let pid = unsafe { spawn(argv[0], argv.as_ptr(), envp.as_ptr()) };
    let status = wait(pid, &raw mut usage);
    let took = now() - begin;
    // getrusage(2): ru_minflt and ru_majflt are the ninth and tenth word.
    [took, status as u32 as u64, usage[8], usage[9]]
}

/// CLOCK_MONOTONIC, nanoseconds.
fn now() -> u64 {
    let mut time = [0u64; 2];
    // SAFETY: room for a timespec.
    unsafe { call(nr::CLOCK_GETTIME, &[1, time.as_mut_ptr() as usize]) };
    time[0] * 1_000_000_000 + time[1]
}

/// Reads so many bytes; the end of all requests is ours.
fn fill(mut to: *mut u8, mut len: usize) {
    while len > 0 {
        // SAFETY: `len` bytes are left at `to`.
        let n = unsafe { call(nr::READ, &[REQUESTS, to as usize, len]) };
        if n <= 0 {
            exit(0)
        }
        to = to.wrapping_add(n as usize);
        len -= n as usize;
    }
}

fn answer(words: &[u64; 4]) {
    // SAFETY: thirty-two bytes at `words`; a pipe takes so few at once.
    unsafe { call(nr::WRITE, &[ANSWERS, words.as_ptr() as usize, 32]) };
}
