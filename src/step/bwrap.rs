//! What a child does in another way in bubblewrap's place: its root is made of operations, it goes back to the caller's
//! working directory, it may change user namespaces at the end.

use super::dest::PATH_MAX;
use super::fs::{attach, tmpfs};
use super::ids::map_line;
use super::root::INSIDE;
use super::{Rootfs, World};
use crate::cli::Opt;
use crate::fail::Stage;
use crate::plan::{Do, Operation, Plan, Step, is_root};
use crate::sys::{self, Errno, Fd, ZStr};
use crate::text::Text;
use crate::z;

/// What it hands on from one step to another.
#[derive(Default)]
pub struct Own {
    /// Its own folder of the host's /proc, for id maps that are written when the root has changed.
    process: Option<Fd>,
    /// How many mounts lie one upon the other where the root is.
    layers: u8,
    /// `PWD=` and the caller's working directory.
    pwd: Option<ZStr<'static>>,
}

/// Takes what is needed of the host, while its tree is as it was.
#[inline(never)]
pub(super) fn take(world: &mut World<'_, '_>) -> sys::Result<()> {
    if world.plan.second_ids() {
        world.doing.now(Stage::Source, z!("/proc/self"));
        world.own.process = Some(sys::open(z!("/proc/self"), sys::O_PATH | sys::O_DIRECTORY)?);
    }
    // One that was removed, or lies outside of our root, is none.
    let mut room = [0; PATH_MAX];
    if let Ok(dir) = sys::working_directory(&mut room) {
        world.own.pwd = Some(joined(&[PWD, dir.bytes()])?);
    }
    Ok(())
}

/// Parts of proc by which root could harm the host; bubblewrap makes them read-only.
const RISKY: [ZStr<'static>; 4] = [z!("sys"), z!("sysrq-trigger"), z!("irq"), z!("bus")];

/// proc, on a directory that is made where it is missing. Nobody but the host's `root` could write to the risky parts.
pub(super) fn proc(operation: &Operation, root: bool, rootfs: Rootfs) -> sys::Result<()> {
    let dest = operation.dest;
    sys::close(rootfs.directory(dest)?);
    super::root::mount_proc(dest, operation.taken, None, rootfs)?;
    if !root {
        return Ok(());
    }
    let proc = rootfs.open(dest, sys::O_DIRECTORY, sys::RESOLVE_NO_SYMLINKS)?;
    for part in RISKY {
        if sys::can_write(proc, part)? {
            let tree = sys::clone_tree(proc, part, true)?;
            sys::mount_setattr(tree, true, sys::MOUNT_ATTR_RDONLY, 0)?;
            attach(tree, sys::openat(proc, part, sys::O_PATH | sys::O_NOFOLLOW, 0)?)?;
        }
    }
    sys::close(proc);
    Ok(())
}

/// DEST of a link that can't be made, and what is there instead.
#[cold]
#[inline(never)]
pub(super) fn existing(dest: ZStr<'static>, root: Rootfs) -> Option<ZStr<'static>> {
    let mut room = [0; PATH_MAX];
    let place = root.open(dest, sys::O_NOFOLLOW, 0).ok()?;
    let (what, target): (&[u8], _) = match sys::readlinkat(place, z!(""), &mut room) {
        Some(target) => (b": existing destination is ", target),
        None => (b": destination exists and is not a symlink", z!("")),
    };
    joined(&[dest.bytes(), what, target.bytes()]).ok()
}

/// An empty tmpfs upon the present root becomes ROOTFS; nothing is made where an operation begins with a bind on the root.
pub(super) fn make_root(world: &mut World<'_, '_>) -> sys::Result<()> {
    if let Some(Operation { what: Do::Bind | Do::BindFd, taken, dest, .. }) =
        world.plan.lists.operations.first_mut()
        && is_root(*dest)
        && let Some(tree) = taken.take()
    {
        sys::move_mount(tree, Fd::CWD, z!("/"))?;
        sys::close(tree);
    } else {
        sys::mount(z!("/"), z!("tmpfs"), sys::MS_NODEV, Some(z!("mode=0755")))?;
    }
    world.own.covered(&mut world.root)
}

impl Own {
    /// Something was mounted upon the root: that is ROOTFS from here on. `..` of the root leads to what lies on top.
    fn covered(&mut self, root: &mut Rootfs) -> sys::Result<()> {
        self.layers = self.layers.wrapping_add(1);
        *root = Rootfs(sys::open(z!("/.."), sys::O_PATH | sys::O_DIRECTORY)?);
        Ok(())
    }

    /// Operation number `at`, whose DEST is the root; whether it was done, and not to be done as for any other DEST.
    pub(super) fn upon_root(&mut self, at: usize, plan: &Plan<'_>, root: &mut Rootfs) -> sys::Result<bool> {
        let Some(operation) = plan.lists.operations.get(at) else { return Ok(false) };
        match (operation.what, operation.taken) {
            (Do::Bind | Do::BindFd | Do::TmpOverlay, Some(tree)) => attach(tree, root.0)?,
            (Do::Tmpfs, _) => tmpfs(operation, root.0)?,
            (Do::Overlay | Do::RoOverlay, _) => super::overlay::mount(at, plan, root.0)?,
            _ => return Ok(false),
        }
        self.covered(root)?;
        Ok(true)
    }
}

/// The working directory is the root to be, the topmost of all layers. The others are upon it then, and go.
pub(super) fn pivot(world: &World<'_, '_>) -> sys::Result<()> {
    sys::pivot_root(z!("."), z!("."))?;
    for _ in 0..world.own.layers {
        sys::umount2(z!("/"), sys::MNT_DETACH)?;
    }
    Ok(())
}

/// A user namespace in the one that root was needed in, with the ids of COMMAND.
pub(super) fn second_user(world: &mut World<'_, '_>) -> sys::Result<()> {
    sys::unshare(sys::CLONE_NEWUSER)?;
    let Some(process) = world.own.process else { return Ok(()) };
    let (plan, first) = (&*world.plan, world.plan.first_ids());
    for (file, id, outside) in [(z!("uid_map"), plan.uid, first.0), (z!("gid_map"), plan.gid, first.1)] {
        let file = sys::openat(process, file, sys::O_WRONLY, 0)?;
        sys::write(file, map_line(&mut Text::on(&mut [0; 32]), id, outside))?;
        sys::close(file);
    }
    Ok(())
}

/// Whether no user namespace can be made any more: by trying.
pub(super) fn assert_userns_disabled() -> sys::Result<()> {
    match sys::unshare(sys::CLONE_NEWUSER) {
        Ok(()) => Err(Errno::EEXIST),
        Err(_) => Ok(()),
    }
}

/// All these texts in one, in memory that lives as long as the process.
#[inline(never)]
fn joined(texts: &[&[u8]]) -> sys::Result<ZStr<'static>> {
    let room = sys::room(PATH_MAX * 2)?;
    let mut text = Text::on(room);
    for part in texts {
        text.push(part);
    }
    text.put(0);
    ZStr::until_nul(room).ok_or(Errno::ENAMETOOLONG)
}

/// The variable that names it.
const PWD: &[u8] = b"PWD=";

/// The working directory: the one that is asked for; else the caller's, the home, the root, the first that can be entered.
pub(super) fn chdir(world: &mut World<'_, '_>) -> sys::Result<()> {
    let asked = world.plan.text(Opt::Chdir);
    world.doing.subject = asked;
    let home = world.plan.lists.env(world.plan.stack).variable(b"HOME=");
    let dir = match (asked, world.own.pwd, home) {
        (Some(dir), ..) => {
            enter(dir, world.root)?;
            joined(&[PWD, dir.bytes()])?
        }
        (_, Some(pwd), _) if is_entered(pwd.skip(PWD.len()), world.root)? => pwd,
        (_, _, Some(home)) if is_entered(home, world.root)? => joined(&[PWD, home.bytes()])?,
        _ => z!("PWD=/"),
    };
    // A place was kept for it.
    if let Some(slot) =
        world.plan.lists.env.iter_mut().find(|slot| slot.is_some_and(|word| word.value_of(PWD).is_some()))
    {
        *slot = Some(dir);
    }
    Ok(())
}

fn enter(dir: ZStr<'_>, root: Rootfs) -> sys::Result<()> {
    let place = sys::openat2(root.0, dir, sys::O_PATH | sys::O_DIRECTORY, INSIDE)?;
    sys::fchdir(place)?;
    sys::close(place);
    Ok(())
}

/// Whether it is there and may be entered.
#[inline(never)]
fn is_entered(dir: ZStr<'_>, root: Rootfs) -> sys::Result<bool> {
    match enter(dir, root) {
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES | Errno::ELOOP) => Ok(false),
        done => done.map(|()| true),
    }
}

/// Before an init has a child. What the caller had open COMMAND has too, but what is ours and still open here it must not
/// reach: so nobody may look at us.
pub(crate) fn become_init(world: &mut World<'_, '_>) -> sys::Result<()> {
    lock(world)?;
    sys::dumpable(false)
}

/// An init holds its locks and the descriptor of --sync-fd, and nothing else; and it has COMMAND's filters, now that it has
/// started it.
pub(crate) fn let_go(world: &mut World<'_, '_>) -> sys::Result<()> {
    let _ = sys::chdir(z!("/"));
    let _ = super::exec::close_but(&|first| kept_by_init(world, first));
    let _ = sys::capset(0, 0);
    // Nothing is left to be found here; and by its folder in /proc others join the sandbox.
    let _ = sys::dumpable(true);
    if world.plan.steps.has(Step::Filter) { super::filter::load(world) } else { Ok(()) }
}

/// Takes the locks that last as long as an init does. Of the open file, so that closing another descriptor of the same file
/// does not end it: fcntl(2), F_OFD_SETLK.
fn lock(world: &mut World<'_, '_>) -> sys::Result<()> {
    let World { plan, doing, .. } = world;
    for operation in plan.lists.operations.iter_mut().filter(|operation| operation.what == Do::Lock) {
        doing.now(Stage::Lock, operation.dest);
        let file = sys::open(operation.dest, sys::O_RDONLY)?;
        sys::lock_shared(file)?;
        operation.taken = Some(file);
    }
    Ok(())
}

/// The least descriptor from `first` on that an init keeps.
fn kept_by_init(world: &World<'_, '_>, first: u32) -> u32 {
    let locks = world.plan.lists.operations.iter().filter(|operation| operation.what == Do::Lock);
    let sync = world.plan.spec.get(Opt::SyncFd).map(|given| given.fd());
    let least = super::exec::least(&[world.early, sync], first);
    locks.fold(least, |least, lock| least.min(super::exec::least(&[lock.taken], first)))
}

/// Those that were passed to us and not to COMMAND.
pub(super) fn close(world: &World<'_, '_>) {
    for given in world.plan.spec.given.iter() {
        let kept = match given.opt {
            // Read later.
            Opt::BlockFd => true,
            Opt::Seccomp => false,
            Opt::SyncFd => world.plan.spec.has(Opt::AsPid1),
            opt => !opt.is_fd(),
        };
        if !kept {
            sys::close(given.fd());
        }
    }
}
