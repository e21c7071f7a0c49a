//! The parent: everything between the plan and the child, and then the wait.

#[cfg(feature = "join")]
mod join;
#[cfg(feature = "users")]
mod maps;
#[cfg(feature = "report")]
mod report;

use crate::child::{self, Child};
use crate::cli::Source;
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::init::{Role, supervise};
#[cfg(any(feature = "process", feature = "report"))]
use crate::plan::Descriptor;
use crate::plan::{Lists, Plan};
use crate::step::World;
use crate::sys::{self, AtFd, Block, Fd, Pid, SigSet, ZStr};
use crate::z;

/// A container that has been started.
pub struct Running {
    main: Pid,
    first: bool,
    #[cfg(feature = "report")]
    pid_file: Option<ZStr<'static>>,
}

impl Running {
    /// Waits for its end; the exit code.
    pub fn wait(self) -> u8 {
        let code = supervise(self.main, Role::Launcher { first: self.first });
        #[cfg(feature = "report")]
        report::remove(self.pid_file);
        code
    }
}

/// Starts it.
pub fn start(plan: &mut Plan<'_>) -> Result<Running, Fail<'static>> {
    if plan.ids.secure {
        return fail(Stage::Usage, None, Why::Secure);
    }
    #[cfg(any(feature = "process", feature = "report"))]
    check_descriptors(plan)?;
    #[cfg(feature = "join")]
    join::join(&plan.lists.joins)?;
    // From here on no signal is lost: what comes is pending until the wait.
    let mask = sys::set_mask(SigSet::ALL).at(Stage::Signals, None)?;
    // Ignored, as nohup leaves it, it would make children vanish before they are waited for.
    let ignored = sys::ignore_sigchld(false).at(Stage::Signals, None)?;
    #[cfg(feature = "process")]
    let launcher = if plan.die_with_parent { Some(die_with_parent()?) } else { None };
    #[cfg(not(feature = "process"))]
    let launcher = None;
    let (gate, opener) = if plan.held {
        let (read, write) = sys::pipe().at(Stage::Handshake, None)?;
        (Some(read), Some(write))
    } else {
        (None, None)
    };
    let Lists { steps, kept, env, .. } = &mut *plan.lists;
    let world = World {
        stage: Stage::Clone,
        subject: None,
        ids: plan.ids,
        mask,
        ignored,
        launcher,
        gate,
        root: None,
        umask: 0,
        files: None,
        kept,
        exec: plan.exec,
        env: env.words(plan.exec.stack),
        path: env.path(plan.exec.stack),
    };
    let mut child = Child { steps, world };
    // What the child waits for ends with us.
    let hold = if plan.borrow { sys::CLONE_VM | sys::CLONE_VFORK } else { 0 };
    let main = sys::clone(plan.namespaces | hold, child::live, &mut child).at(Stage::Clone, None)?;
    let running = Running {
        main,
        first: plan.first,
        #[cfg(feature = "report")]
        pid_file: plan.reports.pid_file,
    };
    drop(child.world.gate.take());
    // The rest of what it holds are descriptors of the child's, where it borrowed our memory.
    core::mem::forget(child);
    if let Some(opener) = opener
        && let Err(failure) = release(plan, main, mask, &opener)
    {
        // It waits for a word that will not come.
        #[cfg(feature = "report")]
        report::remove(plan.reports.pid_file);
        sys::kill(main, sys::SIGKILL);
        let _ = sys::wait_for(main);
        return Err(failure);
    }
    Ok(running)
}

/// What has to be written before the child goes on; then it may.
fn release(plan: &mut Plan<'_>, main: Pid, mask: SigSet, opener: &Fd) -> Result<(), Fail<'static>> {
    #[cfg(feature = "users")]
    maps::write(plan, main, mask)?;
    #[cfg(feature = "report")]
    report::write(&plan.reports, main)?;
    let _ = (plan, main, mask);
    match sys::write(opener.at(), b"!") {
        // It has ended already, and said why.
        Err(sys::Errno::EPIPE) => Ok(()),
        done => done.at(Stage::Handshake, None),
    }
}

/// Those that are named must be open: a closed one would soon be one of our own.
#[cfg(any(feature = "process", feature = "report"))]
fn check_descriptors(plan: &Plan<'_>) -> Result<(), Fail<'static>> {
    let check = |d: &Descriptor| sys::is_open(d.at()).at(Stage::Descriptor, d.word);
    #[cfg(feature = "report")]
    plan.reports.info.iter().chain(&plan.reports.sync).try_for_each(check)?;
    plan.lists.kept.iter().try_for_each(check)
}

/// We end with our parent; and the child can see whether we have.
#[cfg(feature = "process")]
fn die_with_parent() -> Result<Fd, Fail<'static>> {
    let parent = sys::parent();
    sys::die_with_parent().at(Stage::Parent, None)?;
    if sys::parent() != parent {
        // It ended between the two.
        sys::exit(crate::status::OWN)
    }
    sys::pidfd_self().at(Stage::Parent, None)
}

/// Options from elsewhere, as words that stand one behind the other.
pub fn load(source: Source) -> Result<Block, Fail<'static>> {
    const LIMIT: usize = 2 << 20;
    match source {
        Source::Fd(number) => {
            let fd = match crate::text::decimal(number.bytes()) {
                Some(n) if n <= i32::MAX as u64 => AtFd::inherited(n as u32),
                _ => return fail(Stage::Option, z!("--args"), Why::Number),
            };
            sys::read_words(fd, 0, LIMIT).at(Stage::Read, number)
        }
        Source::File(path) => sys::openat(AtFd::CWD, path, sys::O_RDONLY, 0)
            .and_then(|file| sys::read_words(file.at(), b'\n', LIMIT))
            .at(Stage::Read, path),
    }
}

/// A text on stdout.
pub fn print(text: &[u8]) -> Result<u8, Fail<'static>> {
    sys::write(AtFd::STDOUT, text).at(Stage::Report, z!("standard output")).map(|()| 0)
}
