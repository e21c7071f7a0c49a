//! From a bundle to a container: `create` and `run`.
//!
//! What is known of it is written down while its first process still waits for a word of ours: if we are killed before
//! that, so ends the process; if later, `delete` finds all that there is.

use super::cli::{Opt, Request};
use super::json::Reader;
use super::out::Out;
use super::outside::{self, Outside};
use super::process;
use super::state::{State, Status};
use super::store::{CONFIG, Entry, FIFO, Root};
use super::systemd::{self, Unit};
use super::{agent, cgroup, config, hooks, log};
use crate::cli::Opt as Asked;
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::launch::{Container, Witness};
use crate::plan::{self, Bundle, Lists, Task, kind};
use crate::spec::Spec;
use crate::step::hook;
use crate::sys::{self, Errno, Fd, Pid, SigSet, ZStr};
use crate::text::Text;
use crate::timings::Timings;
use crate::z;

type Done = Result<u8, Fail<'static>>;

/// The largest config.json that is read.
pub(super) const LIMIT: usize = 16 << 20;

/// Makes a container that waits for its start.
pub fn create(request: &Request) -> Done {
    make(request, false)
}

/// Makes one and starts it; with `--detach` it is left alone then.
pub fn run(request: &Request) -> Done {
    make(request, true)
}

#[inline(never)]
fn make(request: &Request, runs: bool) -> Done {
    // What was named is named from where we were called.
    let pid_file = PidFile::find(request)?;
    let console = console(request)?;
    let bundle = request.text(Opt::Bundle).unwrap_or(z!("."));
    let mut state = State::new(request.id)?;
    let mut entry = Entry::create(Root::make(request)?, request.id)?;
    let mut unit = None;
    let done = begin(request, &mut entry, bundle, &mut state, &mut unit, (pid_file, console), runs);
    if !matches!(done, Ok(Outcome { stays: true, .. })) {
        if state.unit.first() != 0 {
            // systemd would ask them to end, and wait.
            let _ = cgroup::remove(state.cgroup);
        }
        match unit {
            Some(unit) => unit.undo(),
            None if state.unit.first() != 0 => _ = systemd::stop(request, state.unit),
            None => {}
        }
        entry.remove()?;
    }
    done.map(|outcome| outcome.code)
}

/// The exit code, and whether the container is to be known from here on.
struct Outcome {
    code: u8,
    stays: bool,
}

/// The rest, from when there is something that can be left behind.
fn begin(
    request: &Request,
    entry: &mut Entry,
    bundle: ZStr<'static>,
    state: &mut State,
    unit: &mut Option<Unit>,
    (pid_file, console): (PidFile, Option<Fd>),
    runs: bool,
) -> Result<Outcome, Fail<'static>> {
    let mut timings = Timings::begin(request.stack());
    let mut work = super::work();
    let work = &mut *work;
    let mut spec = Spec::new(&mut work.words);
    state.bundle = sys::enter_directory(bundle).at(Stage::Bundle, bundle)?;
    let file = z!("config.json");
    let text = sys::open(file, sys::O_RDONLY).and_then(|f| sys::read_text(f, LIMIT)).at(Stage::Read, file)?;
    let config = text.split_last().map_or(&[][..], |(_, config)| config);
    // As it was, for those who come later: it is read in place.
    entry.write(CONFIG, config).at(Stage::State, request.id)?;
    work.lists.bundle.console = console;
    config::read(Reader::of(text), request.id, &mut spec, &mut work.lists)?;
    terminal(&work.lists.bundle)?;
    take_proc(&mut work.lists.bundle.task)?;
    options(request, &mut spec)?;
    if runs && !request.has(Opt::Detach) {
        // Nobody would wait for it, and it would hold our caller's pipes open.
        spec.ask(Asked::DieWithParent);
    }
    if request.has(Opt::SystemdCgroup) {
        systemd::start(request, &mut spec, &work.lists, unit)?;
    }
    state.unit = unit.as_ref().map_or(z!(""), |unit| unit.name);
    complete(state, &spec, &work.lists)?;
    if !runs {
        let fifo = entry.make_fifo()?;
        config::give(&mut spec, Asked::BlockFd, FIFO, FIFO, fifo.number().into())?;
    }
    let mut plan = plan::build(&spec, request.stack(), &mut work.lists)?;
    // What is made from here on is found by it, if we don't come to the end.
    state.save(entry)?;
    let mut container = Container::of(&plan, &mut timings);
    let outside = outside::start(&spec, &plan.lists.bundle)?;
    agent::connect(&mut plan.lists.bundle)?;
    let mut writer = Writer { state: &mut *state, entry: &*entry, outside: outside.as_ref() };
    let started = container.start_after(&mut plan, &mut writer);
    let mut room = [0; 2048];
    let said = started
        .and_then(|()| agent::word(&container, &mut room, &plan.lists.bundle, state, Status::Creating));
    let word = *said.as_ref().unwrap_or(&&b""[..]);
    let ready = said.is_ok() && if runs { word.is_empty() } else { word == b"!" };
    let done = said.and_then(|_| if ready { pid_file.write(container.main()) } else { Ok(()) });
    let late = |kind, status| {
        let bundle = &plan.lists.bundle;
        let done = match &outside {
            None => hooks::run_of(bundle, state, kind, status),
            Some(outside) => outside.run(bundle, kind, &|fd| tell(state, status, fd)),
        };
        if let Err(fail) = done {
            log::report(&fail, request);
        }
    };
    if done.is_ok() && ready {
        if let Some(unit) = unit.take() {
            unit.release();
        }
        if runs {
            late(kind::POSTSTART, Status::Running);
        }
        if !runs || request.has(Opt::Detach) {
            return Ok(Outcome { code: 0, stays: true });
        }
        // Others may do with it what they want meanwhile.
        entry.unlock();
        let code = container.wait();
        let stays = request.has(Opt::Keep);
        if !stays {
            late(kind::POSTSTOP, Status::Stopped);
        }
        return Ok(Outcome { code, stays });
    }
    container.undo();
    done?;
    if word.is_empty() || word == b"!" {
        return fail(Stage::Container, request.id, Why::Killed);
    }
    Ok(Outcome { code: log::report_text(word, request), stays: false })
}

/// Whom the master of a terminal goes to.
pub(super) fn console(request: &Request) -> Result<Option<Fd>, Fail<'static>> {
    let Some(path) = request.text(Opt::ConsoleSocket) else { return Ok(None) };
    sys::connect(path).map(Some).at(Stage::Console, path)
}

/// Nobody else could show it, and nobody gets one that does not ask for it.
pub(super) fn terminal(bundle: &Bundle) -> Result<(), Fail<'static>> {
    let name = z!("process.terminal");
    match (bundle.terminal, bundle.console) {
        (true, None) => fail(Stage::Config, name, Why::NeedsConsole),
        (false, Some(_)) => fail(Stage::Config, name, Why::NeedsTerminal),
        _ => Ok(()),
    }
}

/// The proc by which the child tells how it is to be labelled: the caller's, before another mount namespace is joined.
pub(super) fn take_proc(task: &mut Task) -> Result<(), Fail<'static>> {
    if !task.has_label() {
        return Ok(());
    }
    let path = z!("/proc");
    let proc = sys::open(path, sys::O_PATH | sys::O_DIRECTORY).at(Stage::Label, path)?;
    match sys::file_system(proc) {
        Ok((sys::PROC_SUPER_MAGIC, _)) => {}
        other => other.and(Err(Errno::EINVAL)).at(Stage::Label, path)?,
    }
    task.proc = Some(proc);
    Ok(())
}

/// What the state tells of config.json.
fn complete(state: &mut State, spec: &Spec<'_>, lists: &Lists) -> Result<(), Fail<'static>> {
    let root = spec.word.unwrap_or(z!(""));
    state.rootfs = if root.first() == b'/' { root } else { join(state.bundle, root)? };
    state.cgroup = join(z!(""), spec.cgroup().unwrap_or(z!("")))?;
    state.annotations = lists.bundle.annotations.unwrap_or(z!(""));
    state.hooks = lists.bundle.hooks.iter().fold(0, |kinds, hook| kinds | 1 << hook.kind);
    Ok(())
}

fn join(dir: ZStr<'_>, name: ZStr<'_>) -> Result<ZStr<'static>, Fail<'static>> {
    let len = dir.bytes().len().wrapping_add(name.bytes().len()).wrapping_add(2);
    let room = sys::room(len).at(Stage::Memory, None)?;
    Text::on(room).push(dir.bytes()).put(b'/').push(name.bytes());
    Ok(ZStr::until_nul(room).unwrap_or(z!("")))
}

/// What the command line says beside the file.
fn options(request: &Request, spec: &mut Spec<'_>) -> Result<(), Fail<'static>> {
    spec.ask(Asked::NewSession);
    if request.has(Opt::NoPivot) {
        spec.ask(Asked::Chroot);
    }
    for n in 0..request.number(Opt::PreserveFds) {
        config::give(spec, Asked::KeepFd, z!("--preserve-fds"), z!(""), n.wrapping_add(3))?;
    }
    Ok(())
}

/// Who writes down what there is.
struct Writer<'w> {
    state: &'w mut State,
    entry: &'w Entry,
    /// Who runs hooks where we can't any more.
    outside: Option<&'w Outside>,
}

impl Writer<'_> {
    fn tell(&self, to: Fd) {
        tell(self.state, Status::Creating, to);
    }
}

/// The state, for hooks.
fn tell(state: &State, status: Status, to: Fd) {
    let mut out = Out::to(to, b"");
    state.tell(status, None, &mut out);
    // Who does not read it has no use for it.
    let _ = out.done();
}

impl Witness for Writer<'_> {
    fn waits(&mut self, main: Pid, bundle: &Bundle, mask: SigSet) -> Result<(), Fail<'static>> {
        self.state.pid = main;
        if !bundle.has_cgroup {
            self.state.cgroup = z!("");
        }
        self.state.start = process::begun(main).at(Stage::State, self.state.id)?.1;
        self.state.save(self.entry)?;
        for kind in [kind::PRESTART, kind::CREATE_RUNTIME] {
            match self.outside {
                Some(outside) => outside.run(bundle, kind, &|fd| self.tell(fd))?,
                None => hook::run(bundle, kind, &|fd| self.tell(fd), mask)?,
            }
        }
        Ok(())
    }

    fn goes_on(&mut self, bundle: &Bundle, to: Fd) {
        if bundle.has_hook(kind::CREATE_CONTAINER) || bundle.has_hook(kind::START_CONTAINER) {
            self.tell(to);
        }
    }
}

/// Where the process id is to be written, for those who wait for it. Its directory is found before anything changes: later
/// the path may mean something else, in a mount namespace that was joined.
pub(super) struct PidFile(Option<(Fd, ZStr<'static>)>);

impl PidFile {
    pub(super) fn find(request: &Request) -> Result<PidFile, Fail<'static>> {
        let Some(path) = request.text(Opt::PidFile) else { return Ok(PidFile(None)) };
        let len = path.bytes().iter().rposition(|byte| *byte == b'/').map_or(0, |at| at.wrapping_add(1));
        let dir = match path.bytes().get(..len) {
            None | Some([]) => z!("."),
            Some(dir) => {
                let room = sys::room(len.wrapping_add(1)).at(Stage::Memory, None)?;
                Text::on(room).push(dir);
                ZStr::until_nul(room).unwrap_or(z!("."))
            }
        };
        let dir = sys::open(dir, sys::O_PATH | sys::O_DIRECTORY).at(Stage::Report, path)?;
        Ok(PidFile(Some((dir, path.skip(len)))))
    }

    /// Writes it, by one call.
    pub(super) fn write(&self, main: Pid) -> Result<(), Fail<'static>> {
        let Some((dir, name)) = self.0 else { return Ok(()) };
        let flags = sys::O_WRONLY | sys::O_CREAT | sys::O_TRUNC;
        let file = sys::openat(dir, name, flags, 0o644).at(Stage::Report, name)?;
        let done = sys::write(file, Text::on(&mut [0; 24]).number(main.0 as u64).get());
        sys::close(file);
        done.at(Stage::Report, name)
    }
}
