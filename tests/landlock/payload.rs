//! What the tests' own program does as a hostile payload. Each word names something to try, `OP:ARGUMENT…`; it says `OP:ARGUMENT…` and `ok`, or the errno, one a line.

use crate::common::libc;
use crate::common::payload::as_payload;
use nix::errno::Errno;
use std::ffi::{CString, OsString};

/// The words that make it a payload.
pub fn payload(tries: &[&str]) -> Vec<OsString> {
    as_payload(tries)
}

crate::payload_lives!(live);

fn live(tries: &[&str]) -> i32 {
    for word in tries {
        let mut parts = word.split(':');
        let (what, rest) = (parts.next().unwrap_or_default(), parts.collect::<Vec<_>>());
        let how = match attempt(what, &rest) {
            Ok(()) => "ok".to_string(),
            Err(e) => format!("{e:?}"),
        };
        let line = format!("{word} {how}\n");
        // SAFETY: pointer and length come from one slice.
        unsafe { libc::write(1, line.as_ptr().cast(), line.len()) };
    }
    0
}

type Tried = Result<(), Errno>;

fn done(returned: impl Into<i64>) -> Result<i64, Errno> {
    match returned.into() {
        -1 => Err(Errno::last()),
        n => Ok(n),
    }
}

fn open(path: &CString, flags: i32) -> Result<i32, Errno> {
    // SAFETY: the kernel reads a text that ends with a NUL.
    done(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, 0o600) }).map(|fd| fd as i32)
}

fn close(fd: i64) {
    // SAFETY: the descriptor is ours.
    unsafe { libc::close(fd as i32) };
}

/// The address of a local socket: `@NAME` is an abstract one.
fn local(name: &str) -> (libc::sockaddr_un, u32) {
    // SAFETY: zero is a value of each of its fields.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as u16;
    for (to, from) in address.sun_path.iter_mut().zip(name.bytes()) {
        *to = if from == b'@' { 0 } else { from as libc::c_char };
    }
    (address, (2 + name.len()) as u32)
}

fn attempt(what: &str, args: &[&str]) -> Tried {
    let text = |n: usize| CString::new(*args.get(n).unwrap_or(&"")).expect("no NUL");
    let number = |n: usize| args.get(n).and_then(|a| a.parse::<i64>().ok()).unwrap_or(0);
    let (a, b) = (text(0), text(1));
    let mode = |kind: u32| kind | 0o600;
    // SAFETY: what is called reads no more than a local, or nothing.
    let call = |n: libc::c_long, a: [i64; 5]| unsafe { libc::syscall(n, a[0], a[1], a[2], a[3], a[4]) };
    // SAFETY: the kernel reads texts that end with a NUL, and structs of the size that is said, and writes to locals.
    let returned = unsafe {
        match what {
            "read" => return read(&a),
            "write" => open(&a, libc::O_WRONLY)?.into(),
            "empty" => open(&a, libc::O_WRONLY | libc::O_TRUNC)?.into(),
            "create" => open(&a, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL)?.into(),
            "list" => open(&a, libc::O_RDONLY | libc::O_DIRECTORY)?.into(),
            "tmpfile" => open(&a, libc::O_RDWR | libc::O_TMPFILE)?.into(),
            "truncate" => libc::truncate(a.as_ptr(), 1).into(),
            "exec" => return exec(&a),
            "mkdir" => libc::mkdir(a.as_ptr(), 0o700).into(),
            "rmdir" => libc::rmdir(a.as_ptr()).into(),
            "unlink" => libc::unlink(a.as_ptr()).into(),
            "symlink" => libc::symlink(c"x".as_ptr(), a.as_ptr()).into(),
            "fifo" => libc::mknod(a.as_ptr(), mode(libc::S_IFIFO), 0).into(),
            "sock" => libc::mknod(a.as_ptr(), mode(libc::S_IFSOCK), 0).into(),
            "char" => libc::mknod(a.as_ptr(), mode(libc::S_IFCHR), libc::makedev(1, 3)).into(),
            "block" => libc::mknod(a.as_ptr(), mode(libc::S_IFBLK), libc::makedev(7, 0)).into(),
            "rename" => libc::rename(a.as_ptr(), b.as_ptr()).into(),
            "link" => libc::link(a.as_ptr(), b.as_ptr()).into(),
            "stat" => libc::access(a.as_ptr(), libc::F_OK).into(),
            "chmod" => libc::chmod(a.as_ptr(), 0o640).into(),
            "mount" => {
                libc::mount(a.as_ptr(), a.as_ptr(), c"".as_ptr(), libc::MS_BIND, std::ptr::null()).into()
            }
            "ioctl" => libc::ioctl(open(&a, libc::O_RDONLY)?, libc::TCGETS, [0u64; 16].as_mut_ptr()).into(),
            "socket" => i64::from(libc::socket(number(0) as i32, number(1) as i32, number(2) as i32)),
            "pair" => libc::socketpair(number(0) as i32, number(1) as i32, 0, [0i32; 2].as_mut_ptr()).into(),
            "connect" => return connect(number(0) as i32, args.get(1).unwrap_or(&"")),
            "own" => return own(args.first().unwrap_or(&"")),
            // An inherited socket, and a port of the loopback.
            "tcp" | "udp" | "bind" => return internet(what, number(0) as i32, number(1) as u16),
            "uring" => call(425, [8, [0u64; 16].as_mut_ptr() as i64, 0, 0, 0]),
            "x32" => call(0x4000_0000 | libc::SYS_socket, [libc::AF_INET.into(), 1, 0, 0, 0]),
            "int80" => return int80(number(0) as u32, [number(1) as u32, number(2) as u32]),
            "trace" => call(libc::SYS_ptrace, [libc::PTRACE_SEIZE.into(), number(0), 0, 0, 0]),
            "take" => return take(number(0)),
            "mem" => {
                open(&CString::new(format!("/proc/{}/mem", number(0))).expect("a path"), libc::O_RDWR)?.into()
            }
            "unshare" => return child(|| done(libc::unshare(libc::CLONE_NEWUSER)).map(drop)),
            "clone" => return clone(),
            "clone3" => return clone3(),
            // The limit of our user namespace, raised again.
            "raise" => return raise(&a),
            "proc" => {
                return child(|| {
                    done(libc::unshare(libc::CLONE_NEWNS))?;
                    done(libc::mount(c"proc".as_ptr(), a.as_ptr(), c"proc".as_ptr(), 0, std::ptr::null()))?;
                    raise(&CString::new(format!("{}/sys/user/max_user_namespaces", args[0])).expect("a path"))
                });
            }
            _ => panic!("what is {what}?"),
        }
    };
    done(returned).map(drop)
}

fn read(path: &CString) -> Tried {
    let fd = open(path, libc::O_RDONLY)?;
    // SAFETY: one byte is written to a local.
    done(unsafe { libc::read(fd, [0u8].as_mut_ptr().cast(), 1) } as i64).map(drop)
}

/// A child tries it; its errno.
fn child(f: impl FnOnce() -> Tried) -> Tried {
    // SAFETY: there is one thread.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let code = f().map_or_else(|e| e as i32, |()| 0);
        // SAFETY: it never returns.
        unsafe { libc::_exit(code) }
    }
    let mut status = 0;
    // SAFETY: the kernel writes an int.
    done(unsafe { libc::waitpid(pid, &mut status, 0) })?;
    if !libc::WIFEXITED(status) {
        return Err(Errno::UnknownErrno);
    }
    match libc::WEXITSTATUS(status) {
        0 => Ok(()),
        e => Err(Errno::from_raw(e)),
    }
}

fn exec(path: &CString) -> Tried {
    child(|| {
        let argv = [path.as_ptr(), std::ptr::null()];
        // SAFETY: a list of texts that ends with a null pointer.
        done(unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), argv[1..].as_ptr().cast()) }).map(drop)
    })
}

fn connect(kind: i32, name: &str) -> Tried {
    let (address, len) = local(name);
    // SAFETY: the kernel reads `len` bytes of a local.
    unsafe {
        let socket = done(libc::socket(libc::AF_UNIX, kind, 0))?;
        let end = done(libc::connect(socket as i32, (&raw const address).cast(), len)).map(drop);
        close(socket);
        end
    }
}

/// A listener of its own, and a connection to it.
fn own(name: &str) -> Tried {
    let (address, len) = local(name);
    // SAFETY: as above.
    unsafe {
        let listener = done(libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0))?;
        done(libc::bind(listener as i32, (&raw const address).cast(), len))?;
        done(libc::listen(listener as i32, 1))?;
    }
    connect(libc::SOCK_STREAM, name)
}

fn internet(what: &str, fd: i32, port: u16) -> Tried {
    let to = libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) },
        sin_zero: [0; 8],
    };
    let (to, len) = ((&raw const to).cast(), size_of::<libc::sockaddr_in>() as u32);
    // SAFETY: the kernel reads a struct of that size, and a byte.
    done(unsafe {
        match what {
            "tcp" => i64::from(libc::connect(fd, to, len)),
            "bind" => libc::bind(fd, to, len).into(),
            _ => libc::sendto(fd, c"x".as_ptr().cast(), 1, 0, to, len) as i64,
        }
    })
    .map(drop)
}

/// A call of the ABI with 32 bits.
fn int80(number: u32, arguments: [u32; 2]) -> Tried {
    #[cfg(target_arch = "x86_64")]
    {
        let mut eax = number as i32;
        // SAFETY: the arguments are numbers, and the kernel preserves all registers but the result's.
        unsafe {
            std::arch::asm!(
                "xchg rbx, {a}", "int 0x80", "xchg rbx, {a}",
                a = inout(reg) u64::from(arguments[0]) => _, inout("eax") eax, in("ecx") arguments[1], in("edx") 0,
                out("r8") _, out("r9") _, out("r10") _, out("r11") _,
            );
        }
        if eax < 0 { Err(Errno::from_raw(-eax)) } else { Ok(()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (number, arguments);
        Err(Errno::ENOSYS)
    }
}

/// Descriptor 1 of another process.
fn take(pid: i64) -> Tried {
    // SAFETY: no memory is involved.
    unsafe {
        let pidfd = done(libc::syscall(libc::SYS_pidfd_open, pid, 0))?;
        done(libc::syscall(libc::SYS_pidfd_getfd, pidfd, 1, 0)).map(drop)
    }
}

fn clone() -> Tried {
    let flags = libc::CLONE_NEWUSER | libc::SIGCHLD;
    // SAFETY: without CLONE_VM it is a fork.
    match done(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })? {
        // SAFETY: it never returns.
        0 => unsafe { libc::_exit(0) },
        _ => Ok(()),
    }
}

fn clone3() -> Tried {
    // struct clone_args: flags first, and the signal of its end as the fifth.
    let arguments = [libc::CLONE_NEWUSER as u64, 0, 0, 0, libc::SIGCHLD as u64, 0, 0, 0];
    // SAFETY: the kernel reads so many bytes of a local; without CLONE_VM it is a fork.
    match done(unsafe { libc::syscall(libc::SYS_clone3, arguments.as_ptr(), size_of_val(&arguments)) })? {
        // SAFETY: it never returns.
        0 => unsafe { libc::_exit(0) },
        _ => Ok(()),
    }
}

fn raise(path: &CString) -> Tried {
    let fd = open(path, libc::O_WRONLY)?;
    // SAFETY: the kernel reads three bytes.
    done(unsafe { libc::write(fd, c"100".as_ptr().cast(), 3) } as i64).map(drop)
}
