//! The ends of pairs of interfaces that are inside.

use super::World;
use crate::fail::Stage;
use crate::plan::Veths;
use crate::sys::{self, Requests, ask, attribute};

/// What the metric of a default route is: of a later pair more, so that the first one's is taken.
const METRIC: u32 = 1024;

/// `lo` up, in the same breath: its index is 1 in every network namespace. Then the addresses and routes of each end.
#[inline(never)]
pub(super) fn configure(world: &mut World<'_, '_>) -> sys::Result<()> {
    let socket = sys::netlink()?;
    let mut requests = Requests::none();
    requests.add(ask::SET_LINK, 0, &sys::link_up(1));
    let mut veths = Veths::of(world.plan.spec);
    while let Some(given) = veths.advance() {
        let veth = &veths.veth;
        world.doing.now(Stage::Veth, given.a);
        let index = requests.until_runs(socket, &veth.inside()).map_err(|(_, e)| e)?;
        let (ip, gateway) = (veth.ip.bytes(), veth.gateway.bytes());
        if ip.is_empty() {
            continue;
        }
        requests
            .add(ask::NEW_ADDRESS, ask::NEW, &sys::address(index, ip, veth.len))
            .attribute(attribute::ADDRESS, ip);
        if !gateway.is_empty() {
            requests
                .add(ask::NEW_ROUTE, ask::NEW, &sys::default_route(gateway))
                .number(attribute::INTERFACE, index)
                .number(attribute::PRIORITY, METRIC.wrapping_add(veth.nth as u32))
                .attribute(attribute::GATEWAY, gateway);
        }
        if let Err((which, e)) = requests.until_usable(socket, ip) {
            world.doing.stage = if which == 2 { Stage::Route } else { Stage::Address };
            return Err(e);
        }
    }
    Ok(())
}
