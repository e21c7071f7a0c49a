//! What the floor of a sandbox has more: ten binds that are read-only, a tmpfs, a /dev in a user namespace, the default filter.
//! The calls are those of vesicle, one by one.

use super::raw::{AT_FDCWD, new, nr};
use super::{O_DIRECTORY, O_PATH, at, must};

const CLOEXEC: usize = 0o2000000;
const NOFOLLOW: usize = if cfg!(target_arch = "x86_64") { 0o400000 } else { 0o100000 };
const EMPTY_PATH: usize = 0x1000;
const RECURSIVE: usize = 0x8000;
const COPY: usize = 1;
const BINDS: usize = 10;
const DEVICES: [&str; 6] = ["null\0", "zero\0", "full\0", "random\0", "urandom\0", "tty\0"];
include!(env!("FLOOR_FILTERS"));

/// What is taken of the host: (binds, its /dev).
pub type Sources = ([usize; BINDS], usize);

/// `PREFIX` with a digit in the place of its `?`.
fn numbered<const N: usize>(text: &str, digit: usize) -> [u8; N] {
    let mut path = [0; N];
    for (slot, byte) in path.iter_mut().zip(text.as_bytes()) {
        *slot = if *byte == b'?' { b'0' + digit as u8 } else { *byte };
    }
    path
}

/// Takes them.
pub fn sources() -> Sources {
    let mut binds = [0; BINDS];
    for (n, bind) in binds.iter_mut().enumerate() {
        let path: [u8; 256] = numbered(concat!(env!("FLOOR_ROOT"), "/src/?"), n);
        *bind = must(new::OPEN_TREE, &[AT_FDCWD, path.as_ptr() as usize, COPY | RECURSIVE | CLOEXEC]);
        // MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV
        let attributes = [7u64, 0, 0, 0];
        must(
            new::MOUNT_SETATTR,
            &[*bind, at("\0"), EMPTY_PATH | RECURSIVE, attributes.as_ptr() as usize, size_of_val(&attributes)],
        );
    }
    (binds, must(nr::OPENAT, &[AT_FDCWD, at("/dev\0"), O_PATH | O_DIRECTORY | CLOEXEC]))
}

/// A place below the root.
fn place(root: usize, path: usize) -> usize {
    // RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
    let how = [(O_PATH | O_DIRECTORY | CLOEXEC) as u64, 0, 0x10 | 0x02];
    must(new::OPENAT2, &[root, path, how.as_ptr() as usize, size_of_val(&how)])
}

/// What something is.
fn look(fd: usize) {
    let mut stat = [0u64; 32];
    // STATX_BASIC_STATS | STATX_MNT_ID
    must(nr::STATX, &[fd, at("\0"), EMPTY_PATH, 0x7ff | 0x1000, stat.as_mut_ptr() as usize]);
}

fn attach(tree: usize, place: usize) {
    // MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH
    must(new::MOVE_MOUNT, &[tree, at("\0"), place, at("\0"), 4 | 0x40]);
    must(nr::CLOSE, &[tree]);
    must(nr::CLOSE, &[place]);
}

fn mount(place: usize, kind: &'static str, flags: usize, options: &'static str) {
    must(nr::FCHDIR, &[place]);
    must(nr::MOUNT, &[at(kind), at(".\0"), at(kind), flags, at(options)]);
}

/// Mounts all of it.
pub fn mounts(root: usize, (binds, host): Sources) {
    for (n, bind) in binds.into_iter().enumerate() {
        look(bind);
        let path: [u8; 8] = numbered("/mnt/?", n);
        attach(bind, place(root, path.as_ptr() as usize));
    }
    // MS_NOSUID | MS_NODEV
    mount(place(root, at("/tmp\0")), "tmpfs\0", 2 | 4, "mode=755\0");
    mount(place(root, at("/dev\0")), "tmpfs\0", 2, "mode=0755\0");
    let dev = place(root, at("/dev\0"));
    for name in DEVICES {
        let tree = must(new::OPEN_TREE, &[host, at(name), COPY | CLOEXEC]);
        look(tree);
        // O_CREAT | O_EXCL | O_WRONLY
        attach(tree, must(nr::OPENAT, &[dev, at(name), 0o100 | 0o200 | 1 | CLOEXEC, 0o666]));
    }
    for (to, name) in [
        ("/proc/self/fd\0", "fd\0"),
        ("/proc/self/fd/0\0", "stdin\0"),
        ("/proc/self/fd/1\0", "stdout\0"),
        ("/proc/self/fd/2\0", "stderr\0"),
        ("/proc/kcore\0", "core\0"),
        ("pts/ptmx\0", "ptmx\0"),
    ] {
        must(nr::SYMLINKAT, &[at(to), dev, at(name)]);
    }
    must(nr::MKDIRAT, &[dev, at("shm\0"), 0o1777]);
    must(nr::MKDIRAT, &[dev, at("pts\0"), 0o755]);
    let pts = must(nr::OPENAT, &[dev, at("pts\0"), O_PATH | O_DIRECTORY | NOFOLLOW | CLOEXEC]);
    // MS_NOSUID | MS_NOEXEC
    mount(pts, "devpts\0", 2 | 8, "newinstance,ptmxmode=0666,mode=0620\0");
}

/// struct sock_fprog, seccomp(2).
#[repr(C)]
struct Program {
    len: u16,
    filter: *const u64,
}

/// The filter.
pub fn filter() {
    let program = Program { len: DEFAULT.len() as u16, filter: DEFAULT.as_ptr() };
    // SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW
    must(nr::SECCOMP, &[1, 4, &raw const program as usize]);
}
