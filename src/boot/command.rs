//! COMMAND: which it is, and its life as a child or in our place.

use super::machine::Machine;
use super::{Kernel, console};
use crate::cli::boot::{OURSELVES, is_init};
use crate::fail::{At, Fail, Stage, Why, fail};
use crate::init::Parent;
use crate::spec::boot::{Boot, Command, MAX_WORDS};
use crate::status;
use crate::step::{exec, path};
use crate::sys::{self, Fd, Pid, SigSet, Stack, Strings, ZStr};
use crate::text::word;
use crate::z;

/// What is run when nothing else is there.
const SHELL: ZStr<'static> = z!("/bin/sh");

/// So many variables the kernel hands on, CONFIG_INIT_ENV_ARG_LIMIT, its own two, and PATH.
const MAX_ENV: usize = 64;

/// Runs COMMAND, again and again where it is asked to; its last code. An init is executed in our place.
pub(super) fn run(
    stack: Stack,
    boot: &mut Boot,
    kernel: &Kernel,
    machine: &mut Machine,
) -> Result<u8, Fail<'static>> {
    let mut room = [None; MAX_ENV + 1];
    let envp = environment(stack, &mut room);
    let command = &mut boot.command;
    if command.is_empty() {
        // A container may see its host's files, and run its host's init on them.
        if !machine.is_real {
            return fail(Stage::Start, None, Why::NoCommandHere);
        }
        // The first one that is there.
        let named = if boot.root.is_some() { init_of(kernel.line) } else { None };
        for path in &[named, Some(z!("/sbin/init")), Some(z!("/etc/init")), Some(z!("/bin/init"))] {
            // What can't be executed is told, and the next one has its turn.
            if let Some(path) = *path
                && sys::exists(path)
                && !is_us(path)
                && let Err(failure) = become_init(only(command, path), stack, kernel, envp, machine)
            {
                console::fail(&failure, None);
            }
        }
        if !sys::exists(SHELL) {
            return fail(Stage::Start, None, Why::NoInit);
        }
        only(command, SHELL);
    } else if let [Some(path), ..] = **command
        && is_init(path)
    {
        become_init(command, stack, kernel, envp, machine)?;
    }
    loop {
        let code = start(command, envp, machine);
        if !machine.respawns() {
            return Ok(code);
        }
    }
}

/// COMMAND is that, without an ARG.
fn only<'c>(command: &'c mut Command, path: ZStr<'static>) -> &'c mut Command {
    command.clear();
    let _ = command.push(Some(path));
    command
}

/// A shell, as far as there is one: somebody looks what went wrong.
pub(super) fn rescue(stack: Stack, command: &mut Command, machine: &mut Machine) {
    machine.is_rescued = true;
    start(only(command, SHELL), stack.envp(), machine);
}

/// Starts it as a child and waits for its end; its code. That it can't be started is told, and is an end like another: what
/// it left behind when it ran before may be too much for now.
#[inline(never)]
fn start(command: &mut Command, envp: Strings<'_>, machine: &mut Machine) -> u8 {
    let Some(Some(name)) = command.first().copied() else { return status::OWN };
    // `run` is what was asked for.
    let told = if name.is(OURSELVES) { command.get(1).copied().flatten() } else { None };
    machine.begin(told.unwrap_or(name));
    let _ = command.push(None);
    let argv = Strings::of(command).unwrap_or(envp);
    let mut life = Life { command: name, argv, envp, mask: machine.mask, is_real: machine.is_real };
    let child = sys::clone(sys::CLONE_VM | sys::CLONE_VFORK, live, &mut life);
    command.pop();
    match child {
        Ok(child) => machine.wait_for(child),
        Err(e) => {
            let failure = Fail::new(Stage::Start, name, e);
            console::fail(&failure, None);
            machine.ended(Pid(0), failure.code(), true);
            failure.code()
        }
    }
}

/// Executes an init in our place: it is process 1 from here on. It comes back with the reason why it can't be.
#[inline(never)]
fn become_init(
    command: &mut Command,
    stack: Stack,
    kernel: &Kernel,
    envp: Strings<'_>,
    machine: &Machine,
) -> Result<(), Fail<'static>> {
    let Some(Some(path)) = command.first().copied() else { return Ok(()) };
    let len = command.len();
    // Words that the kernel did not know, as "single", are for the init.
    for at in kernel.foreign.clone() {
        let _ = command.push(stack.arg(at));
    }
    command.truncate(MAX_WORDS);
    let _ = command.push(None);
    // As the kernel has it for whoever comes first.
    let _ = sys::reboot(sys::LINUX_REBOOT_CMD_CAD_ON);
    let mut mask = machine.mask;
    let _ = sys::swap_mask(&mut mask);
    let (stage, e) = exec::run(path, Strings::of(command).unwrap_or(envp), envp);
    let _ = sys::swap_mask(&mut mask);
    let _ = sys::reboot(sys::LINUX_REBOOT_CMD_CAD_OFF);
    command.truncate(len);
    Err(e).at(stage, path)
}

/// Whether it is the file that we are: it would start us over and over.
fn is_us(path: ZStr<'_>) -> bool {
    let of = |path| sys::statx(Fd::CWD, path).map(|s| (s.mount, s.ino));
    matches!((of(path), of(z!("/proc/self/exe"))), (Ok(this), Ok(us)) if this == us)
}

/// `init=` of the kernel's command line: the last one counts.
fn init_of(mut line: &'static [u8]) -> Option<ZStr<'static>> {
    let mut init = None;
    while let Some(next) = word(&mut line) {
        init = next.value_of(b"init=").or(init);
    }
    init
}

/// What the kernel gave us, and a PATH where there is none.
fn environment<'r>(stack: Stack, room: &'r mut [Option<ZStr<'static>>; MAX_ENV + 1]) -> Strings<'r> {
    let envp = stack.envp();
    if envp.variable(b"PATH=").is_some() {
        return envp;
    }
    let mut at = 0;
    for slot in room.iter_mut() {
        *slot = stack.env(at);
        if slot.is_none() {
            // For those that look for programs themselves.
            *slot = Some(path::DEFAULT);
            break;
        }
        at = at.saturating_add(1);
    }
    // It doesn't close with a null when there are too many: then without.
    Strings::of(room).unwrap_or(envp)
}

/// What becomes COMMAND: a child that borrows our memory until then.
struct Life<'a> {
    command: ZStr<'static>,
    argv: Strings<'a>,
    envp: Strings<'a>,
    mask: SigSet,
    is_real: bool,
}

extern "C" fn live(life: &mut Life<'_>) -> ! {
    sys::exit(life.go())
}

impl Life<'_> {
    /// In a session of its own, with the console as its controlling terminal. It comes back only with the exit code for
    /// what ended it.
    fn go(&mut self) -> u8 {
        let _ = sys::setsid();
        // Without one it goes on, and a shell will say that it has no job control.
        if self.is_real
            && let Ok(terminal) = console::terminal()
        {
            console::become_standard(terminal);
        }
        let _ = sys::take_terminal(Fd::STDIN);
        let _ = sys::swap_mask(&mut self.mask);
        // Wherever that is, and also when it was deleted with the initramfs.
        let file = if self.command.is(OURSELVES) { z!("/proc/self/exe") } else { self.command };
        let (stage, e) = exec::run(file, self.argv, self.envp);
        let failure = Fail::new(stage, self.command, e);
        console::fail(&failure, None);
        failure.code()
    }
}
