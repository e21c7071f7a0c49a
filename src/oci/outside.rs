//! Hooks in the runtime's namespaces, where the launcher joins those of others: they are run by a process that was made before,
//! on request, until the launcher lets go of it or ends.

use crate::fail::{At, Fail, Stage};
use crate::plan::{Bundle, JOINS, kind};
use crate::spec::Spec;
use crate::step::hook::{self, Tell};
use crate::sys::{self, Errno, Fd, Pid, SigSet, ZStr};

/// It.
pub struct Outside {
    socket: Fd,
    pid: Pid,
}

/// Room for what is asked for: the kind, and the state up to a NUL, which JSON has none of.
const ROOM: usize = 1 << 20;

/// What it needs to know.
struct Life<'l> {
    bundle: &'l Bundle,
    maker: Pid,
    ours: Fd,
    theirs: Fd,
}

/// Makes it, if there are such hooks and namespaces.
#[inline(never)]
pub fn start(spec: &Spec<'_>, bundle: &Bundle) -> Result<Option<Outside>, Fail<'static>> {
    let inside = [kind::CREATE_CONTAINER, kind::START_CONTAINER];
    let any = bundle.hooks.iter().any(|hook| !inside.contains(&hook.kind));
    if !any || JOINS.iter().all(|(opt, _)| !spec.has(*opt)) {
        return Ok(None);
    }
    let make = || {
        let [theirs, ours] = sys::pair()?;
        let mut life = Life { bundle, maker: sys::me()?, ours, theirs };
        let pid = sys::clone(0, live, &mut life);
        sys::close(theirs);
        pid.map(|pid| Some(Outside { socket: ours, pid }))
    };
    make().at(Stage::Clone, None)
}

impl Outside {
    /// Runs those of a kind, as [`hook::run`]. (SIGPIPE is blocked all the while.)
    #[inline(never)]
    pub fn run(&self, bundle: &Bundle, kind: u8, tell: &Tell<'_>) -> Result<(), Fail<'static>> {
        let mut said = [0; 8];
        let mut talk = || {
            sys::write(self.socket, &[kind])?;
            tell(self.socket);
            sys::write(self.socket, b"\0")?;
            match sys::read(self.socket, &mut said)? {
                8 => Ok(()),
                _ => Err(Errno::EPIPE),
            }
        };
        talk().at(Stage::Hook, None)?;
        let [a, b, c, d, why @ ..] = said;
        match bundle.hooks.get(u32::from_le_bytes([a, b, c, d]) as usize) {
            None => Ok(()),
            Some(hook) => Err(Fail::again(Stage::Hook, hook.path, i32::from_le_bytes(why))),
        }
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        sys::kill(self.pid, sys::SIGKILL);
        let _ = sys::wait_for(self.pid);
        sys::close(self.socket);
    }
}

extern "C" fn live(life: &mut Life<'_>) -> ! {
    sys::close(life.ours);
    let mut mask = SigSet::ALL;
    let mut ignored = false;
    let ready = sys::parent_death(sys::SIGKILL)
        .and_then(|()| sys::swap_mask(&mut mask))
        .and_then(|()| sys::swap_sigchld(&mut ignored));
    if ready.is_ok() && sys::parent() == life.maker {
        while serve(life, mask).is_ok() {}
    }
    sys::exit(super::log::FAILED)
}

/// One request.
#[inline(never)]
fn serve(life: &Life<'_>, mask: SigSet) -> sys::Result<()> {
    let room = sys::room(ROOM)?;
    let mut len = 0usize;
    while len < 2 || room.get(len.wrapping_sub(1)) != Some(&0) {
        match sys::read(life.theirs, room.get_mut(len..).unwrap_or_default())? {
            0 => return Err(Errno::EPIPE),
            n => len = len.wrapping_add(n as usize),
        }
    }
    let (kind, state) = room.get(..len.wrapping_sub(1)).and_then(<[u8]>::split_first).ok_or(Errno::EINVAL)?;
    let (kind, tell) = (*kind, |fd| {
        let _ = sys::write(fd, state);
    });
    let (mut at, mut why) = (u32::MAX, 0);
    if let Err(fail) = hook::run(life.bundle, kind, &tell, mask) {
        let is_it = |path: ZStr<'_>| fail.subject.is_some_and(|subject| subject.is(path.bytes()));
        at = life.bundle.hooks.iter().position(|h| h.kind == kind && is_it(h.path)).unwrap_or(0) as u32;
        why = fail.parts().1;
    }
    let mut said = [0; 8];
    let numbers = at.to_le_bytes().into_iter().chain(why.to_le_bytes());
    said.iter_mut().zip(numbers).for_each(|(to, byte)| *to = byte);
    sys::write(life.theirs, &said)
}
