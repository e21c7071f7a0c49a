//! The container of a bundle: what else is done with one than with that of `vesicle run`.

mod idmap;

use super::{Container, start};
use crate::fail::{At, Fail, Stage};
use crate::plan::{Bundle, Plan};
use crate::sys::{self, Fd, Pid, SigSet};

/// Who does something while the first process waits.
pub trait Witness {
    /// It waits, and is this one.
    fn waits(&mut self, main: Pid, bundle: &Bundle, mask: SigSet) -> Result<(), Fail<'static>>;
    /// It goes on; what it needs to know more it reads here.
    fn goes_on(&mut self, bundle: &Bundle, to: Fd);
}

impl Container<'_> {
    /// The same, and something is done while its first process waits.
    pub fn start_after(
        &mut self,
        plan: &mut Plan<'_>,
        witness: &mut dyn Witness,
    ) -> Result<(), Fail<'static>> {
        // While no namespace is joined, and there is nothing that could be left behind.
        idmap::take(plan)?;
        start(plan, self, Some(witness))?;
        idmap::let_go(plan);
        Ok(())
    }

    /// What the child of a bundle says of its set-up: `!` once it waits for its start, nothing once it has become COMMAND or was
    /// killed, or else why it has failed. Before that, the listener of its filter is handed to `agent`: so long it waits.
    pub fn word<'r>(
        &self,
        room: &'r mut [u8],
        agent: &mut dyn FnMut(Fd) -> Result<(), Fail<'static>>,
    ) -> Result<&'r [u8], Fail<'static>> {
        let Some(mark) = self.status.mark else { return Ok(b"") };
        loop {
            match sys::receive(mark, room).at(Stage::Handshake, None)? {
                (len, None) => return Ok(room.get(..len as usize).unwrap_or_default()),
                (_, Some(listener)) => agent(listener)?,
            }
            sys::send(mark, b"!").at(Stage::Handshake, None)?;
        }
    }

    /// It was started in vain: nothing of it is left.
    pub fn undo(&self) {
        if self.main.0 != 0 {
            sys::kill(self.main, sys::SIGKILL);
            let _ = sys::wait_for(self.main);
        }
        if let Some(cgroup) = &self.cgroup {
            cgroup.remove();
        }
    }

    /// The process that lives in it first.
    pub fn main(&self) -> Pid {
        self.main
    }
}
