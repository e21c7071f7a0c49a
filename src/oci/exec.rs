//! One more process in a container: `exec`.
//!
//! The way in is that of `vesicle enter`; who it is and what it may do the file of --process says, or config.json as it was
//! when the container was made, with what the command line says instead.

use super::cli::{Opt, Request};
use super::create::{LIMIT, PidFile, console, take_proc, terminal};
use super::json::Reader;
use super::state::{Found, Status};
use super::store::{CONFIG, Entry};
use super::{agent, config, log};
use crate::cli::Opt as Asked;
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::launch::Container;
use crate::plan::{self, Lists};
use crate::spec::{Spec, limits};
use crate::sys::{self, CpuSet, LongList, ZStr};
use crate::text::{self, decimal, fields};
use crate::timings::Timings;
use crate::z;

type Done = Result<u8, Fail<'static>>;

/// Starts it; with `--detach` it is left alone then.
#[inline(never)]
pub fn exec(request: &Request) -> Done {
    let pid_file = PidFile::find(request)?;
    let Found { entry, state, status, process } = Found::by(request, false)?;
    match status {
        Status::Created | Status::Running => {}
        Status::Paused if request.has(Opt::IgnorePaused) => {}
        Status::Paused => return fail(Stage::Container, entry.id, Why::Paused),
        _ => return fail(Stage::Container, entry.id, Why::NotRunning),
    }
    let mut work = super::work();
    let work = &mut *work;
    let mut spec = Spec::new(&mut work.words);
    work.lists.bundle.console = console(request)?;
    read(request, &entry, &mut spec, &mut work.lists)?;
    terminal(&work.lists.bundle)?;
    take_proc(&mut work.lists.bundle.task)?;
    spec.enter = true;
    // Another one may have its number by now.
    (spec.target, spec.word) = (state.pid, Some(entry.id));
    spec.pidfd = process.map(|process| process.pidfd());
    spec.ask(Asked::NewSession);
    if state.cgroup.first() == 0 {
        spec.ask(Asked::NoCgroup);
    }
    for n in 0..request.number(Opt::PreserveFds) {
        config::give(&mut spec, Asked::KeepFd, z!("--preserve-fds"), z!(""), n.wrapping_add(3))?;
    }
    if let Some(score) = spec.get(Asked::OomScoreAdj) {
        // Ours, which it inherits: inside there is no /proc to be trusted.
        sys::set_oom_score(z!("/proc/self/oom_score_adj"), score.number as i64)
            .at(Stage::OomScore, score.word)?;
    }
    if let Some(list) = work.lists.bundle.task.first_cpus {
        let mut cpus = CpuSet::default();
        let _ = limits::cpus(list.bytes(), &mut |cpu| cpus.add(cpu));
        sys::set_affinity(&cpus).at(Stage::Cpuset, list)?;
    }
    let mut timings = Timings::begin(request.stack());
    let mut plan = plan::build(&spec, request.stack(), &mut work.lists)?;
    let mut container = Container::of(&plan, &mut timings);
    agent::connect(&mut plan.lists.bundle)?;
    container.start(&mut plan)?;
    let mut room = [0; 2048];
    let word = match agent::word(&container, &mut room, &plan.lists.bundle, &state, status) {
        Err(fail) => {
            container.undo();
            return Err(fail);
        }
        Ok(word) => word,
    };
    if !word.is_empty() {
        container.undo();
        return Ok(log::report_text(word, request));
    }
    pid_file.write(container.main())?;
    Ok(if request.has(Opt::Detach) { 0 } else { container.wait() })
}

/// What is to be executed.
fn read(
    request: &Request,
    entry: &Entry,
    spec: &mut Spec<'_>,
    lists: &mut Lists,
) -> Result<(), Fail<'static>> {
    let own = sys::openat(entry.dir, CONFIG, sys::O_RDONLY, 0).and_then(|f| sys::read_text(f, LIMIT));
    let own = Reader::of(own.at(Stage::State, entry.id)?);
    if let Some(path) = request.text(Opt::Process) {
        config::read_container(own, false, spec, lists)?;
        let text =
            sys::open(path, sys::O_RDONLY).and_then(|f| sys::read_text(f, LIMIT)).at(Stage::Read, path)?;
        return config::read_process(Reader::of(text), spec, lists);
    }
    config::read_container(own, true, spec, lists)?;
    lists.bundle.terminal = request.has(Opt::Tty);
    let full = |name| fail(Stage::Option, name, Why::TooManyItems);
    let words = request.rest();
    if words.first().is_some() {
        lists.bundle.args = LongList::default();
    }
    let mut at = 0;
    while let Some(word) = words.nth(at) {
        if !lists.bundle.args.push(Some(word)).at(Stage::Memory, None)? {
            return full(z!("COMMAND"));
        }
        at = at.wrapping_add(1);
    }
    for variable in request.all(Opt::Env) {
        if !variable.has(b'=') || variable.first() == b'=' {
            return fail(Stage::Option, z!("--env"), Why::Name);
        }
        set(lists, variable)?;
    }
    if let Some(dir) = request.text(Opt::Cwd) {
        config::give(spec, Asked::Chdir, z!("--cwd"), dir, 0)?;
    }
    user(request, spec)?;
    for gid in request.all(Opt::AdditionalGids) {
        let Some(id) = text::id(gid.bytes()) else {
            return fail(Stage::Option, z!("--additional-gids"), Why::Number);
        };
        lists.groups.push(id).at(Stage::Memory, None)?;
    }
    for cap in request.all(Opt::Cap) {
        let Some(cap) = crate::cli::capability(cap.bytes()) else {
            return fail(Stage::Option, z!("--cap"), Why::Capability);
        };
        lists.bundle.caps.iter_mut().for_each(|set| *set |= cap);
    }
    if request.has(Opt::NoNewPrivs) {
        spec.unask(Asked::AllowNewPrivs);
    }
    lists.bundle.args.push(None).at(Stage::Memory, None)?;
    lists.env.push(None).at(Stage::Memory, None)?;
    Ok(())
}

/// A variable in the place of the one of its name, or behind all of them.
fn set(lists: &mut Lists, variable: ZStr<'static>) -> Result<(), Fail<'static>> {
    let name = text::before(variable.bytes(), b'=');
    let same = |old: &ZStr<'static>| old.value_of(name).is_some_and(|rest| rest.first() == b'=');
    if let Some(old) = lists.env.iter_mut().flatten().find(|old| same(old)) {
        *old = variable;
        return Ok(());
    }
    match lists.env.push(Some(variable)).at(Stage::Memory, None)? {
        true => Ok(()),
        false => fail(Stage::Option, z!("--env"), Why::TooManyItems),
    }
}

/// `UID[:GID]`.
fn user(request: &Request, spec: &mut Spec<'_>) -> Result<(), Fail<'static>> {
    let Some(user) = request.text(Opt::User) else { return Ok(()) };
    let name = z!("--user");
    let mut ids = fields(user.bytes(), b':').map(decimal);
    for opt in [Asked::Uid, Asked::Gid] {
        match ids.next() {
            Some(Some(id)) if id < u64::from(u32::MAX) => config::give(spec, opt, name, user, id)?,
            None if opt == Asked::Gid => {}
            _ => return fail(Stage::Option, name, Why::Number),
        }
    }
    if ids.next().is_some() { fail(Stage::Option, name, Why::Number) } else { Ok(()) }
}
