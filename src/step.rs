//! What each step of a child's life does: one arm a step, over the calls of [`sys`]. A step gives an errno; what was
//! being done, and to what, stands in the [`World`].

#[cfg(any(feature = "fs", feature = "root"))]
mod dest;
#[cfg(feature = "fs")]
mod dev;
pub mod exec;
#[cfg(feature = "fs")]
mod fs;
#[cfg(feature = "host")]
mod host;
mod ids;
mod root;

use crate::fail::Stage;
use crate::plan::{Descriptor, Exec, Step};
use crate::sys::{self, Fd, SigSet, Strings, ZStr};
use crate::z;

/// What the steps of one child hand on to each other.
pub struct World<'p> {
    /// What is being done.
    pub stage: Stage,
    /// To what.
    pub subject: Option<ZStr<'static>>,
    /// The caller's ids.
    pub ids: sys::Ids,
    /// The caller's signal mask.
    pub mask: SigSet,
    /// Whether the caller had SIGCHLD ignored.
    pub ignored: bool,
    /// The launcher, to see whether it lives.
    pub launcher: Option<Fd>,
    /// Where the launcher's word is read.
    pub gate: Option<Fd>,
    /// ROOTFS, once it is the root.
    pub root: Option<Fd>,
    /// The caller's file mode creation mask, once it was changed.
    pub umask: u32,
    /// The caller's limit of open files, once it was raised.
    pub files: Option<u64>,
    /// Descriptors that COMMAND gets, ascending.
    pub kept: &'p [Descriptor],
    /// COMMAND.
    pub exec: Exec,
    /// Its environment.
    pub env: Strings<'p>,
    /// Where it is looked for.
    pub path: Option<ZStr<'static>>,
}

impl World<'_> {
    /// What is being done now, for the message if it fails.
    pub fn now(&mut self, stage: Stage, subject: Option<ZStr<'static>>) {
        (self.stage, self.subject) = (stage, subject);
    }
}

/// Takes what a step will need of the host, while the host's tree is in sight.
pub fn resolve(step: &mut Step, world: &mut World<'_>) -> sys::Result<()> {
    match step {
        Step::Proc { shared: true, tree, .. } => {
            world.now(Stage::Source, Some(z!("/proc")));
            *tree = Some(sys::clone_tree(sys::AtFd::CWD, z!("/proc"), true)?);
        }
        #[cfg(feature = "fs")]
        Step::Bind { source, attributes, optional, tree, .. } => {
            world.now(Stage::Source, Some(*source));
            *tree = fs::take(*source, *attributes, *optional, world)?;
        }
        #[cfg(feature = "fs")]
        Step::Dev { host, console, .. } => {
            world.now(Stage::Source, Some(z!("/dev")));
            *host = Some(dev::host()?);
            *console = dev::console();
        }
        _ => {}
    }
    Ok(())
}

/// Does one step.
pub fn run(step: &mut Step, world: &mut World<'_>) -> sys::Result<()> {
    match step {
        #[cfg(feature = "process")]
        Step::DieWithParent => {
            sys::die_with_parent()?;
            // It may have ended before we asked to be told.
            match &world.launcher {
                Some(launcher) if sys::has_ended(launcher.at())? => sys::exit(crate::status::OWN),
                _ => Ok(()),
            }
        }
        #[cfg(feature = "process")]
        Step::Session => sys::setsid(),
        Step::IdMap { uid, gid } => ids::write_own_maps(world.ids, *uid, *gid),
        #[cfg(any(feature = "users", feature = "report"))]
        Step::Released => ids::wait_for_launcher(world),
        #[cfg(feature = "host")]
        Step::Time { boottime, monotonic } => host::new_clocks(*boottime, *monotonic),
        #[cfg(feature = "host")]
        Step::HostName(name) => sys::sethostname(name.bytes()),
        #[cfg(feature = "host")]
        Step::DomainName(name) => sys::setdomainname(name.bytes()),
        Step::Loopback => sys::loopback_up(),
        // Without this pivot_root(2) says EINVAL, and what we mount would show up in the host's own tree.
        Step::Private => sys::make_private(z!("/")),
        Step::Rootfs { how, path, read_only } => root::take(*how, *path, *read_only, world),
        Step::Proc { dest, options, make, tree, .. } => root::proc(*dest, *options, *make, tree, world),
        #[cfg(feature = "fs")]
        Step::Bind { dest, tree, .. } => fs::attach(*dest, tree, world),
        #[cfg(feature = "fs")]
        Step::Tmpfs { dest, mode, size } => fs::tmpfs(*dest, *mode, *size, world),
        #[cfg(feature = "fs")]
        Step::Dev { dest, host, console } => dev::mount(*dest, host, console, world),
        #[cfg(feature = "fs")]
        Step::Sysfs(dest) => fs::sysfs(*dest, world),
        #[cfg(feature = "fs")]
        Step::Dir { dest, mode } => world.directory(*dest, *mode).map(drop),
        #[cfg(feature = "fs")]
        Step::Symlink { target, dest } => fs::symlink(*target, *dest, world),
        Step::Enter(how, _) => root::enter(*how, world),
        #[cfg(feature = "root")]
        Step::ReadOnly => root::read_only(world),
        Step::Chdir(dir) => root::chdir(*dir, world),
        Step::Ids { uid, gid } => ids::take_on(*uid, *gid, world),
        Step::NoNewPrivs => sys::no_new_privs(),
        #[cfg(any(feature = "fs", feature = "root", feature = "process"))]
        Step::Umask(mode) => {
            let old = sys::umask(mode.unwrap_or(world.umask));
            if *mode == Some(0) {
                world.umask = old;
            }
            Ok(())
        }
        Step::Close => exec::close(world),
        Step::Signals => {
            if world.ignored {
                sys::ignore_sigchld(true)?;
            }
            sys::set_mask(world.mask).map(drop)
        }
        #[cfg(feature = "report")]
        Step::Block(fd) => exec::block(*fd),
        Step::Exec => Err(exec::exec(world)),
        // The one step that makes two lives of one: child.rs.
        #[cfg(feature = "init")]
        Step::Init { .. } => Ok(()),
    }
}
