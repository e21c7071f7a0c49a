//! An init from its entry to its wait: signals blocked, COMMAND set apart and started, everything else let go.

use super::say::{Event, say};
use super::serve::Init;
use super::{supervise, usage};
use crate::cli;
use crate::fail::{At, Fail, Stage, Why, fail};
#[cfg(feature = "drop-in")]
use crate::spec::duties::level;
use crate::spec::duties::{Apart, Duties, Tool};
use crate::step::exec;
use crate::sys::{self, Errno, Fd, Pid, SigSet, Stack, ZStr};
use crate::text::Text;
use crate::z;

/// `vesicle init`, or a tool in whose place we are called; options begin at argument `at`. The exit code.
#[inline(never)]
pub fn start(stack: Stack, tool: Tool, at: usize) -> u8 {
    let mut duties = Duties::new(tool);
    if let Err(instead) = cli::init::parse(stack, at, &mut duties) {
        return usage::tell(tool, stack, instead);
    }
    run(stack, &duties).unwrap_or_else(|fail| report(&duties, &fail))
}

/// Says what failed, unless nothing shall be said; the exit code.
fn report(duties: &Duties, fail: &Fail<'_>) -> u8 {
    if duties.verbosity == 0 { fail.code() } else { fail.report() }
}

/// What becomes COMMAND: a child that borrows our memory until then.
struct Life<'a> {
    duties: &'a Duties,
    stack: Stack,
    /// Our parent's doing: the mask, and whether CHLD was ignored.
    mask: SigSet,
    ignored: bool,
    /// Us, and the terminal whose foreground COMMAND gets.
    init: Pid,
    terminal: Option<Fd>,
}

#[inline(never)]
fn run(stack: Stack, duties: &Duties) -> Result<u8, Fail<'static>> {
    if stack.ids().secure {
        return fail(Stage::Usage, None, Why::Secure);
    }
    // Asked before all else: a parent that ends from here on is noticed by the change of its id.
    let parent = if duties.parent_death != 0 { sys::parent() } else { Pid(0) };
    // What comes from here on is not lost. Process 1 would drop it, any other would die of it.
    let mut mask = SigSet::ALL;
    sys::swap_mask(&mut mask).at(Stage::Signals, None)?;
    // Ignored, as nohup leaves it, it would make children vanish before they are waited for.
    let mut ignored = false;
    sys::swap_sigchld(&mut ignored).at(Stage::Signals, None)?;
    if duties.parent_death != 0 {
        sys::parent_death(duties.parent_death).at(Stage::Parent, None)?;
        if sys::parent() != parent {
            sys::raise(duties.parent_death);
        }
    }
    let me = sys::me().at(Stage::Start, None)?;
    let mut init = Init::new(duties, me == Pid(1));
    reaper(duties, init.first)?;
    if duties.pause {
        let_go();
        return Ok(supervise(None, &mut init));
    }
    tell_environment(duties, stack);
    let terminal = set_apart(&mut init);
    let mut life = Life { duties, stack, mask, ignored, init: me, terminal };
    let main = sys::clone(sys::CLONE_VM | sys::CLONE_VFORK, live, &mut life).at(Stage::Start, None)?;
    say(duties, Event::Runs, main.0 as u32, 0, stack.arg(duties.command).map_or(b"", ZStr::bytes));
    let_go();
    Ok(supervise(Some(main), &mut init))
}

/// No file system is kept busy by our working directory, no pipe open by a descriptor that COMMAND was given. If that
/// fails, all else is well.
pub fn let_go() {
    let _ = sys::chdir(z!("/"));
    let _ = sys::close_range(3, i32::MAX as u32);
}

/// Orphans become our children, or we say that they don't.
fn reaper(duties: &Duties, first: bool) -> Result<(), Fail<'static>> {
    if duties.subreaper || duties.adopts && !first {
        return match sys::become_subreaper() {
            Ok(()) => {
                say(duties, Event::Adopts, 0, 0, b"");
                Ok(())
            }
            // Asked for, it has to be had.
            Err(e) if duties.subreaper => Err(e).at(Stage::Subreaper, None),
            Err(e) => {
                say(duties, Event::CannotReap, errno(e), 0, b"");
                Ok(())
            }
        };
    }
    #[cfg(feature = "drop-in")]
    if duties.tool == Tool::Tini && !first && !sys::is_subreaper() {
        say(duties, Event::CannotReap, 0, 0, b"");
    }
    Ok(())
}

fn errno(e: Errno) -> u32 {
    e.raw().get().unsigned_abs()
}

/// dumb-init says what its environment has told it.
fn tell_environment(duties: &Duties, stack: Stack) {
    #[cfg(feature = "drop-in")]
    if duties.tool == Tool::DumbInit && duties.verbosity >= level::INFO {
        if stack.envp().variable(b"DUMB_INIT_DEBUG=").is_some_and(|v| v.is(b"1")) {
            say(duties, Event::Debugs, 0, 0, b"");
        }
        if stack.envp().variable(b"DUMB_INIT_SETSID=").is_some_and(|v| v.is(b"0")) {
            say(duties, Event::NoSession, 0, 0, b"");
        }
    }
    let _ = (duties, stack);
}

/// Our part of setting COMMAND apart: which terminal's foreground it shall get, if we have that; of a session of its own it
/// gets the terminal itself.
fn set_apart(init: &mut Init<'_>) -> Option<Fd> {
    match init.duties.apart {
        Apart::No => {}
        Apart::Group => {
            let mut why = Errno::EBADF;
            for fd in [Fd::STDIN, Fd::STDOUT, Fd::STDERR] {
                match sys::foreground(fd).and_then(|group| Ok((group, sys::process_group(None)?))) {
                    Ok((group, own)) => {
                        init.terminal = Some((fd, own));
                        // In the background it is not ours to give.
                        return (group == own).then_some(fd);
                    }
                    Err(e) => why = e,
                }
            }
            say(init.duties, Event::NoTerminal, errno(why), 0, b"");
        }
        #[cfg(feature = "drop-in")]
        Apart::Session => match sys::give_up_terminal(Fd::STDIN) {
            Err(e) => say(init.duties, Event::NoTerminal, errno(e), 0, b""),
            // Of a session's leader the kernel takes it with a HUP and a CONT for the foreground, and that is us.
            Ok(()) if sys::session() == sys::me() => {
                init.own = SigSet::of(&[sys::SIGHUP, sys::SIGCONT]);
                say(init.duties, Event::LetGo, 0, 0, b"");
            }
            Ok(()) => say(init.duties, Event::LetGoAlone, 0, 0, b""),
        },
    }
    None
}

/// The child's life.
extern "C" fn live(life: &mut Life<'_>) -> ! {
    sys::exit(life.go())
}

impl Life<'_> {
    /// It comes back only with the exit code for what ended it.
    fn go(&mut self) -> u8 {
        if let Err(fail) = self.prepare() {
            return report(self.duties, &fail);
        }
        let mut room = [0; 24];
        self.rewrite_listen_pid(&mut room);
        let argv = self.stack.argv_from(self.duties.command);
        let Some(command) = argv.first() else { return crate::status::OWN };
        let (stage, e) = exec::run(command, argv, self.stack.envp());
        let failure = Fail::new(stage, command, e);
        if self.duties.tool == Tool::Vesicle {
            return report(self.duties, &failure);
        }
        say(self.duties, Event::NotExecuted, errno(e), 0, command.bytes());
        failure.code()
    }

    /// Apart from its init, with the signals as our parent left them. TTOU is still blocked when the terminal is taken.
    fn prepare(&mut self) -> Result<(), Fail<'static>> {
        match self.duties.apart {
            Apart::No => {}
            Apart::Group => {
                sys::own_process_group().at(Stage::Group, None)?;
                if let Some(fd) = self.terminal
                    && let Ok(me) = sys::me()
                {
                    let _ = sys::set_foreground(fd, me);
                }
            }
            #[cfg(feature = "drop-in")]
            Apart::Session => {
                sys::setsid().at(Stage::Session, None)?;
                if let Err(e) = sys::take_terminal(Fd::STDIN) {
                    say(self.duties, Event::NotTaken, errno(e), 0, b"");
                }
                say(self.duties, Event::Session, 0, 0, b"");
            }
        }
        if self.ignored {
            sys::swap_sigchld(&mut self.ignored).at(Stage::Mask, None)?;
        }
        sys::swap_mask(&mut self.mask).at(Stage::Mask, None)
    }

    /// sd_listen_fds(3): the descriptors that were passed are for the process whose id this variable has. That was ours;
    /// now they are COMMAND's.
    fn rewrite_listen_pid(&self, room: &mut [u8; 24]) {
        let ours = self.stack.envp().variable(b"LISTEN_PID=");
        let ours = ours.and_then(|pid| crate::text::decimal(pid.bytes()));
        if ours == Some(self.init.0 as u64)
            && let Ok(me) = sys::me()
        {
            Text::on(room).push(b"LISTEN_PID=").number(me.0 as u64);
            self.stack.set_env(b"LISTEN_PID=", room);
        }
    }
}
