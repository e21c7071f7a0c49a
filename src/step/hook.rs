//! Hooks: each gets the state of the container on its stdin, and has to end well in its time.

use crate::fail::{At, Fail, Stage, Why, fail};
use crate::plan::{Bundle, Hook};
use crate::step::{World, exec};
use crate::sys::{self, Errno, Fd, Pid, SigSet, Strings, ZStr};

/// Writes the state.
pub type Tell<'t> = dyn Fn(Fd) + 't;

/// Runs those of a kind, one after the other, until one fails.
#[inline(never)]
pub fn run(bundle: &Bundle, kind: u8, tell: &Tell<'_>, mask: SigSet) -> Result<(), Fail<'static>> {
    for hook in bundle.hooks.iter().filter(|hook| hook.kind == kind) {
        match one(bundle, hook, tell, mask).at(Stage::Hook, hook.path)? {
            0 => {}
            _ => return fail(Stage::Hook, hook.path, Why::HookFailed),
        }
    }
    Ok(())
}

/// Its wait status; ETIMEDOUT for one that took too long.
#[inline(never)]
fn one(bundle: &Bundle, hook: &Hook, tell: &Tell<'_>, mask: SigSet) -> sys::Result<u32> {
    let (read, write) = sys::pipe()?;
    let words = |at: Option<u16>| Strings::of(bundle.words.get(usize::from(at?)..)?);
    let (Some(argv), Some(envp)) = (words(hook.args), words(hook.env).or_else(|| Strings::of(&[None])))
    else {
        return Err(Errno::EINVAL);
    };
    let mut life = Life { path: hook.path, argv, envp, stdin: read, mask };
    let pid = sys::clone(sys::CLONE_VM | sys::CLONE_VFORK, live, &mut life);
    sys::close(read);
    if pid.is_ok() {
        // One that does not read it has no use for it. SIGPIPE is blocked all the while, and nobody shall get it later.
        tell(write);
        sys::take_pending(sys::SIGPIPE);
    }
    sys::close(write);
    wait(pid?, hook.timeout)
}

/// Its wait status; whoever takes longer than its timeout is killed.
fn wait(pid: Pid, timeout: u32) -> sys::Result<u32> {
    const SECOND: u64 = 1_000_000_000;
    if timeout != 0 {
        let pidfd = sys::pidfd_open(pid)?;
        let ended = sys::wait_for_input(pidfd, u64::from(timeout).wrapping_mul(SECOND));
        sys::close(pidfd);
        if ended != Ok(true) {
            sys::kill(pid, sys::SIGKILL);
            sys::wait_for(pid)?;
            return Err(Errno::ETIMEDOUT);
        }
    }
    sys::wait_for(pid)
}

struct Life<'h> {
    path: ZStr<'h>,
    argv: Strings<'h>,
    envp: Strings<'h>,
    stdin: Fd,
    mask: SigSet,
}

extern "C" fn live(life: &mut Life<'_>) -> ! {
    let Life { path, argv, envp, stdin, mut mask } = *life;
    if sys::dup_onto(stdin, 0).is_ok() {
        let _ = exec::close_but(&|_| u32::MAX);
        let _ = sys::swap_mask(&mut mask);
        let _ = exec::run(path, argv, envp);
    }
    sys::exit(crate::status::NOT_FOUND)
}

/// Runs those of a kind in the container, by its first process: it has the state from the launcher.
pub(super) fn inside(kind: u8, world: &mut World<'_, '_>) -> sys::Result<()> {
    if world.state.is_empty() {
        const ROOM: usize = 1 << 20;
        let room = sys::room(ROOM)?;
        let mut len = 0;
        while let Some((gate, _)) = world.gate {
            match sys::read(gate, room.get_mut(len..).unwrap_or_default())? {
                0 => break,
                n => len = len.wrapping_add(n as usize),
            }
        }
        world.state = room.get(..len).unwrap_or_default();
    }
    let state = world.state;
    let tell = |fd| {
        let _ = sys::write(fd, state);
    };
    if let Err(fail) = run(&world.plan.lists.bundle, kind, &tell, world.mask) {
        match world.mark {
            Some(mark) => fail.report_to(mark),
            None => drop(fail.report()),
        }
        sys::exit(crate::status::OWN)
    }
    Ok(())
}
