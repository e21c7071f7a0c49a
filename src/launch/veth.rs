//! The caller's ends of pairs of interfaces: made before the child goes on, and removed when it has ended.

use crate::fail::{At, Fail, Stage, Why};
use crate::plan::{Ends, MAX_PAIRS, Plan, Step, Veth, Veths};
use crate::sys::{self, Errno, Fd, Pid, Requests, ask, attribute};
use crate::timings::Clock;

/// Makes them. The other ends are in the network namespace of the child at once.
#[inline(never)]
pub(super) fn make(plan: &mut Plan<'_>, main: Pid, clock: Clock) -> Result<(), Fail<'static>> {
    if !plan.steps.has(Step::Veth) {
        return Ok(());
    }
    let socket = sys::netlink().at(Stage::Veth, None)?;
    plan.ends.socket = Some(socket);
    // What each is a port of; 0 of none, once that is known.
    let mut masters = [None; MAX_PAIRS];
    let mut veths = Veths::of(plan.spec);
    while let Some(given) = veths.advance() {
        let veth = &veths.veth;
        let (Some(end), Some(master)) = (plan.ends.list.get_mut(veth.nth), masters.get_mut(veth.nth)) else {
            continue;
        };
        if let Err((stage, e)) = add(veth, main, socket, end, master) {
            return match e {
                // The child has ended already, and said why; or somebody has removed it, and the child will say so.
                Failed::By(Errno::ESRCH | Errno::ENODEV) => Ok(()),
                Failed::By(e) => Err(e).at(stage, given.a),
                Failed::Mixed => given.bad(Why::VethBridge),
            };
        }
        clock.lap(Stage::Veth, Some(given.a));
    }
    Ok(())
}

enum Failed {
    By(Errno),
    /// One GATEWAY is a bridge's, another one of the same pair is not.
    Mixed,
}

/// Does what one option asks for.
#[inline(never)]
fn add(
    veth: &Veth,
    main: Pid,
    socket: Fd,
    end: &mut u32,
    master: &mut Option<u32>,
) -> Result<(), (Stage, Failed)> {
    let at = |stage| move |(_, e)| (stage, Failed::By(e));
    let mut requests = Requests::none();
    let (known, mut there) = (*master, 0);
    let gateway = veth.gateway.bytes();
    if !gateway.is_empty() {
        // An address that is on the end already is none of a bridge.
        let owner = requests.holder(socket, gateway).map_err(at(Stage::Address))?;
        there = owner.filter(|owner| owner != end).unwrap_or(0);
        if known.is_some_and(|known| known != there) {
            return Err((Stage::Bridge, Failed::Mixed));
        }
        *master = Some(there);
    }
    if veth.first {
        new_pair(&mut requests, veth, main);
        (*end, _) = requests.link(socket, &veth.name).map_err(at(Stage::Veth))?;
    }
    let joins = there != 0 && known.is_none();
    if veth.first || joins {
        requests.add(ask::SET_LINK, 0, &sys::link_up(*end));
        if joins {
            requests.number(attribute::MASTER, there);
        }
    }
    let links = requests.count;
    let done = if !gateway.is_empty() && there == 0 {
        requests
            .add(ask::NEW_ADDRESS, ask::NEW, &sys::address(*end, gateway, veth.len))
            .attribute(attribute::ADDRESS, gateway)
            .until_usable(socket, gateway)
    } else if links > 0 {
        requests.done(socket)
    } else {
        Ok(())
    };
    done.map_err(|(which, e)| {
        let stage = match which {
            which if which > links => Stage::Address,
            _ if joins => Stage::Bridge,
            _ => Stage::Veth,
        };
        (stage, Failed::By(e))
    })
}

/// A pair whose one end is up in the namespace of `main`, and whose other one is here: that can't be up before there is the first.
/// So it is the first that the kernel notices late.
#[inline(never)]
fn new_pair(requests: &mut Requests, veth: &Veth, main: Pid) {
    requests
        .add(ask::NEW_LINK, ask::NEW, &sys::link_up(0))
        .attribute(attribute::NAME, &veth.inside())
        .number(attribute::NAMESPACE_OF, main.0 as u32);
    let info = requests.open(attribute::LINK_INFO);
    requests.attribute(attribute::KIND, b"veth");
    let data = requests.open(attribute::DATA);
    let peer = requests.open(attribute::PEER);
    requests.words(&sys::link(0)).attribute(attribute::NAME, &veth.name);
    for nest in [info, data, peer] {
        requests.close(nest);
    }
}

/// Removes them; the kernel has, where their other ends are gone. When this returns their names are free.
#[inline(never)]
pub(super) fn remove(ends: &mut Ends) {
    let Some(socket) = ends.socket else { return };
    for end in &mut ends.list {
        if *end != 0 {
            Requests::none().add(ask::DELETE_LINK, 0, &sys::link(*end)).forget(socket);
            *end = 0;
        }
    }
}
