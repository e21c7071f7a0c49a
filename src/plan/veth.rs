//! Pairs of interfaces, veth(4): one end is the caller's, the other one is inside.

use super::{Plan, Step};
use crate::cli::Opt;
use crate::fail::{Fail, Why};
use crate::spec::{Given, Spec};
use crate::sys::{CLONE_NEWNET, Fd, Name};
use crate::text::{Ip, Text, field, fields, small};

/// How many pairs there can be.
pub const MAX_PAIRS: usize = 16;

/// What a --veth asks for: NAME[,ADDR/LEN[,GATEWAY]].
pub struct Veth {
    /// The name of the caller's end.
    pub name: Name,
    /// The number of its pair, which is that of the `eth` inside.
    pub nth: usize,
    /// Whether it is the first of its pair.
    pub first: bool,
    /// The address of the end inside.
    pub ip: Ip,
    /// How long the prefix of its network is.
    pub len: u8,
    /// The address of the caller's end, or of the bridge that it is a port of.
    pub gateway: Ip,
}

impl Veth {
    const NONE: Veth = Veth { name: [0; 16], nth: 0, first: false, ip: Ip::NONE, len: 0, gateway: Ip::NONE };

    /// The name of the end inside.
    pub fn inside(&self) -> Name {
        let mut name = [0; 16];
        Text::on(&mut name).push(b"eth").number(self.nth as u64);
        name
    }

    /// Reads a value.
    fn read(&mut self, text: &[u8]) -> Result<(), Why> {
        let mut parts = fields(text, b',');
        *self = Veth::NONE;
        name(parts.next().unwrap_or_default(), &mut self.name).ok_or(Why::VethName)?;
        let Some(network) = parts.next() else { return Ok(()) };
        self.ip = Ip::of(field(network, b'/', 0));
        self.len = small(field(network, b'/', 1), self.ip.bits()).unwrap_or(0);
        if self.len == 0 || fields(network, b'/').count() > 2 {
            return Err(Why::VethAddress);
        }
        if let Some(gateway) = parts.next() {
            self.gateway = Ip::of(gateway);
            if !self.ip.has_neighbour(self.len, &self.gateway) || parts.next().is_some() {
                return Err(Why::VethGateway);
            }
        }
        Ok(())
    }
}

/// What the kernel takes for a name, dev_valid_name(); one with a `%` would be a template.
#[inline(never)]
fn name(text: &[u8], to: &mut Name) -> Option<()> {
    let refused = |b: &u8| matches!(b, b'/' | b':' | b'%' | b' ' | 9..=13 | 0xa0);
    if matches!(text, [] | b"." | b"..") || text.len() > 15 || text.iter().any(refused) {
        return None;
    }
    Text::on(to).push(text);
    Some(())
}

/// All of them, in the order given.
pub struct Veths<'s> {
    given: core::slice::Iter<'s, Given>,
    /// The names of the pairs.
    names: [Name; MAX_PAIRS],
    count: usize,
    /// What the last one asks for.
    pub veth: Veth,
}

impl<'s> Veths<'s> {
    #[allow(missing_docs)]
    #[inline(always)]
    pub fn of(spec: &'s Spec<'_>) -> Veths<'s> {
        Veths { given: spec.given.iter(), names: [[0; 16]; MAX_PAIRS], count: 0, veth: Veth::NONE }
    }

    /// The next one; none where there is none, or where it was refused before.
    pub fn advance(&mut self) -> Option<&'s Given> {
        self.read().ok().flatten()
    }

    /// The next one, or why it makes no sense.
    #[inline(never)]
    fn read(&mut self) -> Result<Option<&'s Given>, Fail<'static>> {
        let Some(given) = self.given.find(|given| given.opt == Opt::Veth) else { return Ok(None) };
        if let Err(why) = self.veth.read(given.a.bytes()) {
            return given.bad(why);
        }
        let known = self.names.iter().take(self.count).position(|name| *name == self.veth.name);
        self.veth.nth = known.unwrap_or(self.count);
        if known.is_none() {
            let Some(place) = self.names.get_mut(self.count) else { return given.bad(Why::TooManyVeths) };
            (*place, self.veth.first) = (self.veth.name, true);
            self.count = self.count.wrapping_add(1);
        }
        Ok(Some(given))
    }
}

/// The caller's ends that were made: what they are removed by.
#[derive(Clone, Copy)]
pub struct Ends {
    /// The socket that they were made by.
    pub socket: Option<Fd>,
    /// Their indices; 0 for none.
    pub list: [u32; MAX_PAIRS],
}

impl Ends {
    /// None.
    pub const NONE: Ends = Ends { socket: None, list: [0; MAX_PAIRS] };
}

/// Whether each makes sense.
#[inline(never)]
pub(super) fn build(spec: &Spec<'_>, plan: &mut Plan<'_>) -> Result<(), Fail<'static>> {
    if !spec.has(Opt::Veth) {
        return Ok(());
    }
    let mut veths = Veths::of(spec);
    while let Some(given) = veths.read()? {
        if !plan.makes(CLONE_NEWNET) {
            return given.bad(Why::NeedsNet);
        }
    }
    plan.steps.add(Step::Veth, true);
    plan.steps.add(Step::Released, true);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_strictly() {
        let mut veth = Veth::NONE;
        let good = [
            "v",
            "a23456789012345",
            "v,10.0.0.2/24",
            "v,10.0.0.2/31,10.0.0.3",
            "é,fd00::2/64,fd00::1",
            "v,1.1.1.1/32",
        ];
        for text in good {
            assert!(veth.read(text.as_bytes()).is_ok(), "{text}");
        }
        let bad = [
            ("", Why::VethName),
            (",10.0.0.2/24", Why::VethName),
            ("a234567890123456", Why::VethName),
            ("a/b", Why::VethName),
            ("a:b", Why::VethName),
            ("a b", Why::VethName),
            ("a\tb", Why::VethName),
            ("veth%d", Why::VethName),
            (".", Why::VethName),
            ("..", Why::VethName),
            ("v,", Why::VethAddress),
            ("v,10.0.0.2", Why::VethAddress),
            ("v,10.0.0.2/", Why::VethAddress),
            ("v,10.0.0.2/0", Why::VethAddress),
            ("v,10.0.0.2/33", Why::VethAddress),
            ("v,10.0.0.2/024", Why::VethAddress),
            ("v,10.0.0.2/+4", Why::VethAddress),
            ("v,10.0.0.2/24/1", Why::VethAddress),
            ("v,10.0.0.256/24", Why::VethAddress),
            ("v,fd00::2/129", Why::VethAddress),
            ("v,fd00::2%1/64", Why::VethAddress),
            ("v,10.0.0.2/24,", Why::VethGateway),
            ("v,10.0.0.2/24,10.0.0.2", Why::VethGateway),
            ("v,10.0.0.2/24,10.0.1.1", Why::VethGateway),
            ("v,10.0.0.2/24,fd00::1", Why::VethGateway),
            ("v,fd00::2/64,fd01::1", Why::VethGateway),
            ("v,10.0.0.2/32,10.0.0.1", Why::VethGateway),
            ("v,10.0.0.2/24,10.0.0.1,", Why::VethGateway),
        ];
        for (text, why) in bad {
            assert!(veth.read(text.as_bytes()) == Err(why), "{text}");
        }
    }
}
