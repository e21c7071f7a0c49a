//! What one launch does, counted by a tracer: its system calls, its instructions, and those among them that trap to a
//! hypervisor (CPUID). It is launched twice, as the second count goes step by step: a stop for each instruction, which takes
//! 17 to 25 µs in a virtual machine, where the step itself traps to the hypervisor.
//!
//! All of its processes and threads are traced, in whatever namespaces, with ptrace(2). The tracer and all that it traces
//! share one CPU: a stop is then a switch and no wake-up of another CPU, and the counts differ less. (What counts CPUs sees
//! one.) The tracer is a thread of its own, and waits for nothing but its own.
#![allow(unsafe_code)]

use nix::errno::Errno;
use nix::libc::{self, c_int, c_long, c_uint, pid_t};
use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::sys::ptrace::{self, Options};
use nix::unistd::{ForkResult, Pid, fork};
use std::collections::{HashMap, HashSet};
use std::ffi::{CString, c_char};
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// A number, and whether it is the least that it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    pub number: u64,
    pub at_least: bool,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}{}", if self.at_least { "≥ " } else { "" }, self.number)
    }
}

/// What one launch does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// System calls of all its processes until the payload's execve had succeeded, that one too, without the execve that
    /// began it; None where that did not come.
    pub system_calls: Option<u64>,
    /// The most KiB that one of its processes had in memory, the payload left out.
    pub peak_kib: Option<u64>,
    /// CPUID instructions of all its processes until the payload's execve had succeeded. None on a CPU that has none.
    pub cpuid: Option<Figure>,
    /// Instructions in user mode, as far; a repeated string instruction is one. None where they cannot be counted: an
    /// exclusive store of aarch64 fails for ever when a stop comes between it and its load.
    pub instructions: Option<Figure>,
}

/// Counts what a launch does that executes the file `payload` at its end: `argv`, with `env`, as user and group `uid`
/// without other groups (None: as the caller). Instructions only where `steps` is, and either count for as long as `limit`:
/// then all is killed, and what was counted is the least that it can be. What is at its limit with its system calls already
/// is not launched again: what it left may be in the way.
///
/// Fails where `argv` cannot be executed or nothing can be traced. The payload is known by its device and inode. What a
/// launch has done by a service that ran before is not counted.
pub fn count(
    argv: &[CString],
    env: &[CString],
    payload: &Path,
    uid: Option<u32>,
    steps: bool,
    limit: Duration,
) -> io::Result<Counts> {
    let payload = identity(&payload.to_string_lossy())?;
    let launch = Launch { argv, env, payload, uid, limit };
    let (calls, whole) = launch.trace(Way::Calls)?;
    let mut counts = Counts {
        system_calls: calls.to_exec,
        peak_kib: (calls.peak_kib > 0).then_some(calls.peak_kib),
        ..Counts::default()
    };
    if steps && whole && cfg!(target_arch = "x86_64") {
        let (steps, _) = launch.trace(Way::Steps)?;
        let figure = |number| Some(Figure { number, at_least: steps.to_exec.is_none() });
        (counts.cpuid, counts.instructions) = (figure(steps.cpuid), figure(steps.instructions));
    }
    Ok(counts)
}

/// A file is this and no other: its device and inode.
fn identity(path: &str) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|m| (m.dev(), m.ino()))
}

/// KiB that a process has in memory. Asked of its page tables: the counters of small processes lag behind, and say nothing.
fn resident(pid: pid_t) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("Rss:"));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

struct Launch<'a> {
    argv: &'a [CString],
    env: &'a [CString],
    payload: (u64, u64),
    uid: Option<u32>,
    limit: Duration,
}

/// How a process goes on from a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// To the begin or the end of a system call.
    Calls,
    /// Over one instruction.
    Steps,
    /// To its end.
    On,
    /// There is no way: it is to die.
    Die,
}

/// The stop for a system call, as PTRACE_O_TRACESYSGOOD has it.
const SYSTEM_CALL: c_int = libc::SIGTRAP | 0x80;

/// What was counted.
#[derive(Default)]
struct Trace {
    calls: u64,
    cpuid: u64,
    instructions: u64,
    /// The most KiB that one of its processes had in memory.
    peak_kib: u64,
    /// System calls when the payload's execve had succeeded.
    to_exec: Option<u64>,
}

/// A process or thread that is traced.
#[derive(Default)]
struct Task {
    /// It is in a system call: its next stop for one is the end of it.
    inside: bool,
    /// It is another program than it began as.
    executed: bool,
    /// It is the payload.
    is_payload: bool,
    /// Who made it by vfork(2), and is stopped at the end of that: what it does next comes after the execve that it waited
    /// for, also where it is told first.
    maker: Option<pid_t>,
    /// It goes over one instruction, and stops with SIGTRAP.
    stepping: bool,
    /// That stop is the end of the execve that all began with.
    first: bool,
    /// It was given a signal: that stop may be the begin of its handler.
    signalled: bool,
    /// Where that instruction is, and what.
    at: u64,
    kind: Kind,
}

/// What an instruction is, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Other,
    /// CPUID, of so many bytes.
    Cpuid(u64),
    /// A string instruction with a prefix that repeats it: there is a stop after each time, in the same place.
    Repeated,
}

impl Kind {
    /// Of the instruction that begins with these bytes.
    fn of(code: &[u8]) -> Kind {
        let is_prefix =
            |b: &u8| matches!(b, 0x26 | 0x2e | 0x36 | 0x3e | 0x40..=0x4f | 0x64..=0x67 | 0xf2 | 0xf3);
        let prefixes = code.iter().take_while(|b| is_prefix(b)).count();
        let (before, code) = code.split_at(prefixes);
        match code {
            [0x0f, 0xa2, ..] => Kind::Cpuid(prefixes as u64 + 2),
            [0x6c..=0x6f | 0xa4..=0xa7 | 0xaa..=0xaf, ..]
                if before.iter().any(|b| *b == 0xf2 || *b == 0xf3) =>
            {
                Kind::Repeated
            }
            _ => Kind::Other,
        }
    }
}

/// Where a stopped process is.
#[cfg(target_arch = "x86_64")]
fn place(pid: Pid) -> nix::Result<u64> {
    let rip = std::mem::offset_of!(libc::user, regs) + std::mem::offset_of!(libc::user_regs_struct, rip);
    ptrace::read_user(pid, rip as ptrace::AddressType).map(|n| n as u64)
}

/// Nobody asks: no instruction is counted on this CPU.
#[cfg(not(target_arch = "x86_64"))]
fn place(_: Pid) -> nix::Result<u64> {
    Err(Errno::ENOTSUP)
}

/// The instruction at a place. It is read each time: a copy would spare 6 % of a step, and could be out of date.
fn kind(pid: Pid, at: u64) -> Kind {
    let word = |at: u64| ptrace::read(pid, at as ptrace::AddressType).map(c_long::to_ne_bytes);
    // At the end of a mapping a whole word from there on can't be read, but one that ends there can.
    let (begin, skip) = (at & !7, (at & 7) as usize);
    match word(at) {
        Ok(code) => Kind::of(&code),
        Err(_) => word(begin).map_or(Kind::Other, |code| Kind::of(&code[skip..])),
    }
}

impl Launch<'_> {
    /// Launches it and counts; and whether it came to its own end.
    fn trace(&self, way: Way) -> io::Result<(Trace, bool)> {
        // What a thread traces and waits for is nobody else's, and is killed when it ends.
        std::thread::scope(|scope| scope.spawn(|| self.follow(way)).join()).expect("the tracer")
    }

    fn follow(&self, way: Way) -> io::Result<(Trace, bool)> {
        let mut cpu = CpuSet::new();
        cpu.set(sched_getcpu()?)?;
        sched_setaffinity(Pid::from_raw(0), &cpu)?;
        let clock = Clock::start(self.limit)?;
        let first = self.begin()?;
        let tasks = HashMap::from([(first, Task::default())]);
        let (early, trace) = (HashSet::new(), Trace::default());
        Tracer { way, first, payload: self.payload, begun: false, status: 0, tasks, early, trace }.run(clock)
    }

    /// Starts the first process. It executes nothing before it is traced.
    fn begin(&self) -> io::Result<pid_t> {
        let pointers = |list: &[CString]| -> Vec<*const c_char> {
            list.iter().map(|w| w.as_ptr()).chain([std::ptr::null()]).collect()
        };
        let (argv, env) = (pointers(self.argv), pointers(self.env));
        let (gate, mut key) = io::pipe()?;
        // SAFETY: the child makes system calls only, until it is another program or has ended.
        let first = match unsafe { fork() }? {
            ForkResult::Child => child(&argv, &env, self.uid, gate.as_raw_fd(), key.as_raw_fd()),
            ForkResult::Parent { child } => child,
        };
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_TRACEVFORK
            | Options::PTRACE_O_TRACEVFORKDONE
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_EXITKILL;
        let opened =
            ptrace::seize(first, options).map_err(io::Error::from).and_then(|()| key.write_all(b"."));
        if opened.is_err() {
            end(first.as_raw());
        }
        opened.map(|()| first.as_raw())
    }
}

/// What the first process does before it is the program: it waits until it is traced. If it fails it ends with the errno.
fn child(argv: &[*const c_char], env: &[*const c_char], uid: Option<u32>, gate: RawFd, key: RawFd) -> ! {
    let mut byte = 0u8;
    // SAFETY: `byte` is one byte; both lists are of C strings that outlive this, and end with a null pointer.
    unsafe {
        // What it says is of no interest here.
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        (0..3).for_each(|fd| _ = libc::dup2(null, fd));
        // Its own copy: where the tracer dies it reads the end of the pipe.
        libc::close(key);
        if libc::read(gate, (&raw mut byte).cast(), 1) != 1 {
            libc::_exit(libc::EPIPE);
        }
        // The system calls themselves: the C library's functions would ask the other threads of the caller.
        let changed = uid.map(c_long::from).is_none_or(|id| {
            libc::syscall(libc::SYS_setgroups, 0, 0) == 0
                && libc::syscall(libc::SYS_setresgid, id, id, id) == 0
                && libc::syscall(libc::SYS_setresuid, id, id, id) == 0
        });
        if changed {
            libc::execve(argv[0], argv.as_ptr(), env.as_ptr());
        }
        libc::_exit(Errno::last_raw())
    }
}

/// A child that ends at the limit, and so wakes whoever waits for any child.
struct Clock(pid_t);

impl Clock {
    fn start(limit: Duration) -> io::Result<Clock> {
        let time = libc::timespec { tv_sec: limit.as_secs() as _, tv_nsec: limit.subsec_nanos().into() };
        // SAFETY: the child makes system calls only.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(Clock(child.as_raw())),
            // SAFETY: `time` is valid; where a null pointer stands, nothing is asked for.
            ForkResult::Child => unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                libc::nanosleep(&time, std::ptr::null_mut());
                libc::_exit(0)
            },
        }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        end(self.0);
    }
}

/// Kills a process that is traced by this thread, or its child. It was not waited for: the id is still its own.
fn kill(pid: pid_t) {
    // SAFETY: kill(2) takes no pointer.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// Kills a child and waits for it.
fn end(child: pid_t) {
    kill(child);
    // SAFETY: no status is asked for.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), libc::__WALL) };
}

/// One count: it goes from stop to stop until nobody is left.
struct Tracer {
    way: Way,
    first: pid_t,
    payload: (u64, u64),
    /// The first process is the program.
    begun: bool,
    /// The wait status of the first process.
    status: c_int,
    tasks: HashMap<pid_t, Task>,
    /// Those that stopped before who made them did: they are not to be added again, they may have ended by then.
    early: HashSet<pid_t>,
    trace: Trace,
}

impl Tracer {
    fn run(mut self, clock: Clock) -> io::Result<(Trace, bool)> {
        let mut clock = Some(clock);
        loop {
            let mut status = 0;
            // SAFETY: `status` is an int. Not nix's: it has no word for a stop by a real-time signal.
            let pid = unsafe { libc::waitpid(-1, &mut status, libc::__WALL | libc::__WNOTHREAD) };
            match Errno::result(pid) {
                Ok(pid) if clock.as_ref().is_some_and(|c| c.0 == pid) => {
                    // It was waited for.
                    std::mem::forget(clock.take());
                    self.way = Way::Die;
                    self.tasks.keys().for_each(|pid| kill(*pid));
                }
                Ok(pid) if libc::WIFSTOPPED(status) => self.stopped(pid, status),
                Ok(pid) => {
                    if let Some(maker) = self.tasks.remove(&pid).and_then(|task| task.maker) {
                        self.resume(maker, 0, None);
                    }
                    if pid == self.first {
                        self.status = status;
                    }
                }
                Err(Errno::EINTR) => {}
                Err(Errno::ECHILD) => break,
                Err(error) => return Err(error.into()),
            }
            if self.tasks.is_empty() {
                drop(clock.take());
            }
        }
        match (self.way, self.begun) {
            (Way::Die, _) => Ok((self.trace, false)),
            (_, false) => Err(io::Error::from_raw_os_error(libc::WEXITSTATUS(self.status))),
            _ => Ok((self.trace, true)),
        }
    }

    /// Answers a stop.
    fn stopped(&mut self, pid: pid_t, status: c_int) {
        let early = &mut self.early;
        let task = self.tasks.entry(pid).or_insert_with(|| {
            early.insert(pid);
            Task::default()
        });
        if self.way == Way::Die {
            kill(pid);
            return self.resume(pid, 0, None);
        }
        let stepped = std::mem::take(&mut task.stepping);
        let here = (self.way == Way::Steps).then(|| place(Pid::from_raw(pid)).ok()).flatten();
        match (status >> 16, libc::WSTOPSIG(status)) {
            (0, SYSTEM_CALL) => {
                task.inside = !task.inside;
                self.trace.calls += u64::from(task.inside);
                if task.inside && !task.is_payload && self.way == Way::Calls {
                    self.trace.peak_kib = self.trace.peak_kib.max(resident(pid));
                }
            }
            (0, libc::SIGTRAP) if stepped => self.stepped(pid, here),
            (0, signal) => return self.resume(pid, signal, here),
            (libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE, _) => {
                if let Some(child) = message(pid).filter(|c| !self.early.remove(c)) {
                    self.tasks.entry(child).or_default();
                }
                // In the middle of a system call: its end comes next, and no instruction.
                return self.resume(pid, 0, None);
            }
            (libc::PTRACE_EVENT_VFORK_DONE, _) => {
                let child = message(pid).and_then(|c| self.tasks.get_mut(&c)).filter(|c| !c.executed);
                match child {
                    Some(child) => child.maker = Some(pid),
                    None => self.resume(pid, 0, None),
                }
                return;
            }
            (libc::PTRACE_EVENT_EXEC, _) => {
                let maker = self.executed(pid);
                self.resume(pid, 0, None);
                return maker.into_iter().for_each(|maker| self.resume(maker, 0, None));
            }
            // As other processes it stays stopped until a SIGCONT.
            (libc::PTRACE_EVENT_STOP, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU) => {
                return request(libc::PTRACE_LISTEN, pid, 0);
            }
            // The begin of a process or a thread.
            _ => {}
        }
        self.resume(pid, 0, here);
    }

    /// A process is another program. Says who was held back until then.
    fn executed(&mut self, pid: pid_t) -> Option<pid_t> {
        // A thread that executes goes on by the id of its process; nobody tells the end of its own.
        if let Some(former) = message(pid).filter(|f| *f != pid) {
            self.tasks.remove(&former);
        }
        let task = self.tasks.entry(pid).or_default();
        (task.inside, task.executed) = (true, true);
        let maker = task.maker.take();
        task.first = !std::mem::replace(&mut self.begun, true);
        if self.trace.to_exec.is_none()
            && identity(&format!("/proc/{pid}/exe")).is_ok_and(|file| file == self.payload)
        {
            task.is_payload = true;
            self.trace.to_exec = Some(self.trace.calls);
            if self.way == Way::Steps {
                self.way = Way::On;
            }
        }
        maker
    }

    /// An instruction was executed, unless the stop has another reason.
    fn stepped(&mut self, pid: pid_t, here: Option<u64>) {
        let (Some(task), Some(here)) = (self.tasks.get_mut(&pid), here) else { return };
        // The stop before a handler's first instruction has this code, not TRAP_TRACE.
        let is_handler = |pid| ptrace::getsiginfo(pid).is_ok_and(|i| i.si_code == libc::SIGTRAP);
        if std::mem::take(&mut task.first) || (task.signalled && is_handler(Pid::from_raw(pid))) {
            return;
        }
        match task.kind {
            Kind::Repeated if here == task.at => return,
            // It is not, where a system call was to be made again first.
            Kind::Cpuid(size) if here == task.at + size => self.trace.cpuid += 1,
            _ => {}
        }
        self.trace.instructions += 1;
    }

    /// Lets it go on, with a signal or 0; `here` is where its next instruction is, if that is what comes next.
    fn resume(&mut self, pid: pid_t, signal: c_int, here: Option<u64>) {
        let how = match self.way {
            Way::Calls => libc::PTRACE_SYSCALL,
            Way::Steps => libc::PTRACE_SINGLESTEP,
            Way::On | Way::Die => libc::PTRACE_CONT,
        };
        if let Some(task) = self.tasks.get_mut(&pid).filter(|_| self.way == Way::Steps) {
            (task.stepping, task.signalled) = (true, signal != 0);
            (task.at, task.kind) =
                here.map_or_else(Default::default, |at| (at, kind(Pid::from_raw(pid), at)));
        }
        request(how, pid, signal);
    }
}

/// What an event is about: a new process, or the former id of one that executed.
fn message(pid: pid_t) -> Option<pid_t> {
    ptrace::getevent(Pid::from_raw(pid)).ok().map(|m| m as pid_t)
}

/// A request of ptrace(2) that has a signal at most. It fails where the process was killed meanwhile: its end is told later.
fn request(what: c_uint, pid: pid_t, signal: c_int) {
    // SAFETY: these requests take no pointer.
    unsafe { libc::ptrace(what as _, pid, 0, c_long::from(signal)) };
}
