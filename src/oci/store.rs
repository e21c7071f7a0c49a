//! Where containers are kept: a directory each, of the name of its ID, below that of `--root`.
//!
//! In it there are `state.json`, `exec.fifo` until the container is started, and `lock`. Verbs that change something hold
//! the lock, one at a time; those that only look take none: what they read is replaced as a whole, and hooks that ask for
//! the state while `create` waits for them get an answer. Everything is reached from the directory, once that is open: what
//! somebody else removes or makes anew meanwhile is another one.

use super::cli::{Opt, Request};
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::launch::is_in_user_namespace;
pub use crate::sys::names;
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::{Text, fields};
use crate::z;

/// What the state is called.
pub const STATE: ZStr<'static> = z!("state.json");
/// The config.json of its bundle, as it was when the container was made.
pub const CONFIG: ZStr<'static> = z!("config.json");
/// And before it is whole.
pub const TEMPORARY: ZStr<'static> = z!("state.json.new");
/// By which a container is started.
pub const FIFO: ZStr<'static> = z!("exec.fifo");
const LOCK: ZStr<'static> = z!("lock");

/// Where it is for root, and below that of its run-time files for anybody else.
const DEFAULT: ZStr<'static> = z!("/run/vesicle-oci");
const NAME: &[u8] = b"/vesicle-oci";

const DIRECTORY: u32 = sys::O_RDONLY | sys::O_DIRECTORY;
/// To open what lies in the directory of a container.
pub const NO_LINK: u32 = sys::O_NOFOLLOW | sys::O_NOCTTY;

/// The directory of all of them.
#[derive(Clone, Copy)]
pub struct Root {
    dir: Fd,
}

impl Root {
    /// The one that there is; none where no container has ever been made.
    pub fn find(request: &Request) -> Result<Option<Root>, Fail<'static>> {
        let path = path(request)?;
        match sys::open(path, DIRECTORY) {
            Err(Errno::ENOENT) => Ok(None),
            dir => dir.at(Stage::StateDir, path).map(|dir| Some(Root { dir })),
        }
    }

    /// The same, made if it is missing, with what leads to it: nobody else may look into it. The sticky bit keeps it where
    /// somebody tidies run-time files (XDG Base Directory Specification).
    pub fn make(request: &Request) -> Result<Root, Fail<'static>> {
        if let Some(root) = Root::find(request)? {
            return Ok(root);
        }
        let path = path(request)?;
        make_path(path)
            .and_then(|()| sys::open(path, DIRECTORY))
            .at(Stage::StateDir, path)
            .map(|dir| Root { dir })
    }

    /// Its descriptor, to list it.
    pub fn dir(self) -> Fd {
        self.dir
    }
}

/// Where the directory is.
#[inline(never)]
fn path(request: &Request) -> Result<ZStr<'static>, Fail<'static>> {
    if let Some(path) = request.text(Opt::Root) {
        return Ok(path);
    }
    let Some(above) = users_directory(request) else { return Ok(DEFAULT) };
    let room =
        sys::room(above.bytes().len().wrapping_add(NAME.len()).wrapping_add(1)).at(Stage::Memory, None)?;
    Text::on(room).push(above.bytes()).push(NAME);
    Ok(ZStr::until_nul(room).unwrap_or(DEFAULT))
}

/// That of the run-time files of a user who is not root.
pub fn users_directory(request: &Request) -> Option<ZStr<'static>> {
    let stack = request.stack();
    let dir = stack.envp().variable(b"XDG_RUNTIME_DIR=").filter(|dir| dir.first() == b'/');
    dir.filter(|_| stack.ids().uid != 0 || is_rootless(request))
}

/// Whether root is another user's in a user namespace of his, and not himself a user that is called root.
fn is_rootless(request: &Request) -> bool {
    let named = request.stack().envp().variable(b"USER=").is_some_and(|user| user.is(b"root"));
    !named && is_in_user_namespace()
}

/// Makes a directory, and what leads to it.
#[cold]
fn make_path(path: ZStr<'_>) -> sys::Result<()> {
    const STICKY: u32 = 0o1000;
    let room = sys::room(path.bytes_with_nul().len())?;
    let mut text = Text::on(room);
    let mut made = Ok(());
    for (n, part) in fields(path.bytes(), b'/').enumerate() {
        if n > 0 {
            text.put(b'/');
        }
        if part.is_empty() {
            continue;
        }
        made = sys::mkdirat(Fd::CWD, text.push(part).zstr().ok_or(Errno::ENAMETOOLONG)?, STICKY | 0o700);
    }
    // Others are here too.
    if made == Err(Errno::EEXIST) { Ok(()) } else { made }
}

/// The directory of a container.
pub struct Entry {
    root: Fd,
    /// Its name, and the container's.
    pub id: ZStr<'static>,
    /// What lies in it.
    pub dir: Fd,
    /// The lock, as long as we have it.
    lock: Option<Fd>,
}

impl Entry {
    /// A new one, for `create`, which has its lock.
    pub fn create(root: Root, id: ZStr<'static>) -> Result<Entry, Fail<'static>> {
        match sys::mkdirat(root.dir, id, 0o700) {
            Err(Errno::EEXIST) => return fail(Stage::Container, id, Why::HasContainer),
            made => made.at(Stage::StateDir, id)?,
        }
        let entry = Entry::open(root, id).and_then(Entry::locked);
        if entry.is_err()
            && let Ok(made) = Entry::open(root, id)
        {
            made.remove()?;
        }
        entry
    }

    /// The one that there is, to look at.
    pub fn find(request: &Request) -> Result<Entry, Fail<'static>> {
        match Root::find(request)? {
            Some(root) => Entry::open(root, request.id),
            None => fail(Stage::Container, request.id, Why::NoContainer),
        }
    }

    /// The same, to look at, below a root that is known.
    pub fn open(root: Root, id: ZStr<'static>) -> Result<Entry, Fail<'static>> {
        let dir = sys::openat(root.dir, id, DIRECTORY | sys::O_NOFOLLOW, 0);
        let dir = dir.map_err(|e| missing(e, id))?;
        Ok(Entry { root: root.dir, id, dir, lock: None })
    }

    /// With its lock, once nobody else has it. No child inherits it; whoever stays as long as the container runs has to give
    /// it back. (A file and not the directory itself: that can't be open for writing, as such a lock wants.)
    pub fn locked(mut self) -> Result<Entry, Fail<'static>> {
        let flags = sys::O_WRONLY | sys::O_CREAT | NO_LINK;
        let lock = sys::openat(self.dir, LOCK, flags, 0o600).map_err(|e| missing(e, self.id))?;
        sys::lock(lock).at(Stage::State, self.id)?;
        self.lock = Some(lock);
        Ok(self)
    }

    /// A new file in it.
    pub fn write(&self, name: ZStr<'_>, text: &[u8]) -> sys::Result<()> {
        let flags = sys::O_WRONLY | sys::O_CREAT | sys::O_EXCL | NO_LINK;
        let file = sys::openat(self.dir, name, flags, 0o600)?;
        let done = sys::write(file, text);
        sys::close(file);
        done
    }

    /// Gives it back.
    pub fn unlock(&mut self) {
        if let Some(lock) = self.lock.take() {
            sys::close(lock);
        }
    }

    /// Makes the FIFO by which it is started, for whoever has the lock; the end that its first process reads, which gets it
    /// as it is: opened in there it would be another one.
    pub fn make_fifo(&self) -> Result<Fd, Fail<'static>> {
        // Nobody waits here for somebody who writes.
        let flags = sys::O_RDONLY | sys::O_NONBLOCK | NO_LINK;
        sys::mknod_fifo(self.dir, FIFO, 0o600)
            .and_then(|()| sys::openat(self.dir, FIFO, flags, 0))
            .at(Stage::State, self.id)
    }

    /// Whether it waits to be started.
    pub fn has_fifo(&self) -> sys::Result<bool> {
        match sys::statx(self.dir, FIFO) {
            Err(Errno::ENOENT) => Ok(false),
            there => there.map(|_| true),
        }
    }

    /// Removes it with all that lies in it. Who waits for its lock meanwhile may make a new one: then once more. What
    /// somebody else has removed is left alone: there may be another one of its name.
    pub fn remove(&self) -> Result<(), Fail<'static>> {
        self.try_remove().at(Stage::State, self.id)
    }

    fn try_remove(&self) -> sys::Result<()> {
        const TRIES: u8 = 100;
        let mut done = Ok(());
        for _ in 0..TRIES {
            match self.empty() {
                Err(Errno::ENOENT) => return Ok(()),
                done => done?,
            }
            done = sys::unlinkat(self.root, self.id, true);
            match done {
                Err(Errno::ENOTEMPTY | Errno::EEXIST) => {}
                Err(Errno::ENOENT) => return Ok(()),
                done => return done,
            }
        }
        done
    }

    /// Removes what lies in it. ENOENT: it is removed itself.
    fn empty(&self) -> sys::Result<()> {
        // From the beginning, whoever has read it before.
        let list = sys::openat(self.dir, z!("."), DIRECTORY, 0)?;
        let done = names(list, &mut |name, is_dir| match sys::unlinkat(self.dir, name, is_dir) {
            Err(Errno::ENOENT) => Ok(()),
            done => done,
        });
        sys::close(list);
        done
    }
}

/// What the first process of a container waits for, at that end: whether it is started. If not, whoever was about to do so
/// has ended before: then it ends too, see `start`.
pub fn is_started(fifo: Fd) -> sys::Result<bool> {
    sys::wait_for_input(fifo, u64::MAX)?;
    Ok(sys::read(fifo, &mut [0])? > 0)
}

/// What an open in the directory of a container says.
fn missing(e: Errno, id: ZStr<'static>) -> Fail<'static> {
    match e {
        Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP => Fail::new(Stage::Container, id, Why::NoContainer),
        e => Fail::new(Stage::State, id, e),
    }
}
