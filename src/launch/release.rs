//! A child that waits until what is written from outside is there.

#[cfg(feature = "limits")]
use super::limits;
#[cfg(feature = "users")]
use super::maps;
#[cfg(feature = "report")]
use super::report;
#[cfg(feature = "template")]
use super::template;
#[cfg(feature = "veth")]
use super::veth;
#[cfg(feature = "report")]
use crate::cli::Opt;
use crate::fail::{At, Fail, Stage};
use crate::plan::{Plan, Step};
use crate::sys::{self, Fd, Pid, SigSet};
use crate::timings::Clock;

/// A pipe on which the child reads our word: (its end, ours); none where it needs none.
pub(super) fn gate(plan: &Plan<'_>) -> Result<Option<(Fd, Fd)>, Fail<'static>> {
    if plan.steps.has(Step::Released) { sys::pipe().map(Some).at(Stage::Handshake, None) } else { Ok(None) }
}

/// Writes what has to be there before the child goes on; then it may.
pub(super) fn release(
    plan: &mut Plan<'_>,
    main: Pid,
    mask: SigSet,
    gate: Option<(Fd, Fd)>,
    #[cfg(feature = "oci")] witness: Option<&mut dyn super::Witness>,
    clock: Clock,
) -> Result<(), Fail<'static>> {
    let Some((gate, opener)) = gate else { return Ok(()) };
    sys::close(gate);
    #[cfg(feature = "template")]
    let there = template::is_there(plan).at(Stage::Handshake, None);
    #[cfg(not(feature = "template"))]
    let there = Ok(true);
    let done = match there {
        // It has ended, and said why.
        Ok(false) => return Ok(()),
        Ok(true) => write(
            plan,
            main,
            mask,
            opener,
            #[cfg(feature = "oci")]
            witness,
            clock,
        ),
        Err(e) => Err(e),
    };
    if done.is_err() {
        // It waits for a word that will not come.
        #[cfg(feature = "report")]
        report::remove(plan.text(Opt::PidFile));
        sys::kill(main, sys::SIGKILL);
        let _ = sys::wait_for(main);
        #[cfg(feature = "veth")]
        veth::remove(&mut plan.ends);
    }
    done
}

#[inline(never)]
fn write(
    plan: &mut Plan<'_>,
    main: Pid,
    mask: SigSet,
    opener: Fd,
    #[cfg(feature = "oci")] mut witness: Option<&mut dyn super::Witness>,
    clock: Clock,
) -> Result<(), Fail<'static>> {
    #[cfg(feature = "users")]
    maps::write(plan, main, mask, clock)?;
    #[cfg(feature = "limits")]
    limits::set(plan, main, clock)?;
    #[cfg(feature = "veth")]
    veth::make(plan, main, clock)?;
    #[cfg(feature = "report")]
    report::write(plan, main, clock)?;
    #[cfg(feature = "oci")]
    if let Some(witness) = &mut witness {
        witness.waits(main, &plan.lists.bundle, mask)?;
    }
    let _ = (&plan, main, mask, clock);
    let done = sys::write(opener, b"!");
    #[cfg(feature = "oci")]
    if let Some(witness) = witness {
        witness.goes_on(&plan.lists.bundle, opener);
    }
    sys::close(opener);
    match done {
        // It has ended already, and said why.
        Err(sys::Errno::EPIPE) => Ok(()),
        done => done.at(Stage::Handshake, None),
    }
}
