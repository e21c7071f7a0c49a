//! IP addresses as they are written.

use super::{before, fields, radix};

/// An address, IPv4 or IPv6; or none.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Ip {
    bytes: [u8; 16],
    len: u8,
}

impl Ip {
    #[allow(missing_docs)]
    pub const NONE: Ip = Ip { bytes: [0; 16], len: 0 };

    /// As inet_pton(3) reads it: four decimals, or groups of hex digits with `::` for some that are 0 and, at the end, an IPv4
    /// address for the last two; no zone. What is no address is none.
    #[inline(never)]
    pub(crate) fn of(text: &[u8]) -> Ip {
        let mut ip = Ip::NONE;
        if before(text, b':').len() == text.len() {
            if v4(text, &mut ip.bytes, 0).is_some() {
                ip.len = 4;
            }
        } else if v6(text, &mut ip.bytes).is_some() {
            ip.len = 16;
        }
        ip
    }

    #[allow(missing_docs)]
    pub fn is_none(&self) -> bool {
        self.len == 0
    }

    /// Its bytes in the order of the network: 4 or 16.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len.into()).unwrap_or_default()
    }

    /// How many bits it has.
    pub fn bits(&self) -> u8 {
        self.len << 3
    }

    /// Whether `other` is another address of the network that the first `len` bits name.
    pub(crate) fn has_neighbour(&self, len: u8, other: &Ip) -> bool {
        let differ = u128::from_be_bytes(self.bytes) ^ u128::from_be_bytes(other.bytes);
        self.len == other.len
            && differ != 0
            && differ.checked_shr(128u32.wrapping_sub(len.into())).unwrap_or(0) == 0
    }
}

/// A decimal without a leading 0: some take that for octal.
#[inline(never)]
pub(crate) fn small(text: &[u8], max: u8) -> Option<u8> {
    let strict = !matches!(text, [b'0', _, ..]);
    radix(text, 10).filter(|n| strict && *n <= max.into()).map(|n| n as u8)
}

/// Writes the four bytes to the place `at`.
#[inline(never)]
fn v4(text: &[u8], to: &mut [u8; 16], at: usize) -> Option<()> {
    let mut parts = fields(text, b'.');
    for byte in to.get_mut(at..)?.get_mut(..4)? {
        *byte = small(parts.next()?, u8::MAX)?;
    }
    if parts.next().is_some() { None } else { Some(()) }
}

#[inline(never)]
fn v6(text: &[u8], to: &mut [u8; 16]) -> Option<()> {
    const NO_GAP: usize = usize::MAX;
    let (mut rest, mut at, mut gap) = (text, 0usize, NO_GAP);
    while !rest.is_empty() {
        match rest {
            [b':', b':', more @ ..] if gap == NO_GAP => {
                (gap, rest) = (at, more);
                if rest.is_empty() {
                    break;
                }
            }
            [b':', more @ ..] if at > 0 => rest = more,
            _ if at > 0 => return None,
            _ => {}
        }
        let group = before(rest, b':');
        rest = rest.get(group.len()..)?;
        // An IPv4 address stands for the last two groups.
        if before(group, b'.').len() < group.len() {
            v4(group, to, at)?;
            at = at.wrapping_add(4);
            if !rest.is_empty() {
                return None;
            }
        } else {
            let number = hex(group)?;
            *to.get_mut(at)? = (number >> 8) as u8;
            *to.get_mut(at.wrapping_add(1))? = number as u8;
            at = at.wrapping_add(2);
        }
    }
    if gap == NO_GAP {
        return if at == 16 { Some(()) } else { None };
    }
    // It stands for one group at least. What is behind it goes to the end.
    if at > 14 {
        return None;
    }
    let mut end = 16usize;
    while at > gap {
        (at, end) = (at.wrapping_sub(1), end.wrapping_sub(1));
        to[end & 15] = core::mem::take(&mut to[at & 15]);
    }
    Some(())
}

/// One to four hex digits.
fn hex(group: &[u8]) -> Option<u32> {
    if group.is_empty() || group.len() > 4 {
        return None;
    }
    let mut n = 0;
    for b in group {
        n = n << 4 | (*b as char).to_digit(16)?;
    }
    Some(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::IpAddr;

    fn same_as_std(text: &str) {
        let std = text.parse::<IpAddr>().ok().map(|ip| match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        });
        let ours = Ip::of(text.as_bytes());
        assert_eq!(ours.bytes(), std.unwrap_or_default(), "{text:?}");
    }

    #[test]
    fn addresses_that_other_tools_misread_are_refused() {
        for text in [
            "",
            ":",
            "::",
            ":::",
            "1",
            "1.2.3",
            "1.2.3.4",
            "1.2.3.4.5",
            "01.2.3.4",
            "1.2.3.00",
            "256.1.1.1",
            "1..2.3",
            "1.2.3.4 ",
            " 1.2.3.4",
            "0x1.2.3.4",
            "1.2.3.-4",
            "+1.2.3.4",
            "::1",
            "1::",
            "1::2",
            "1::2::3",
            "1:::2",
            ":1::2",
            "1::2:",
            "1:2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7::",
            "::2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7:8::",
            "1:2:3:4::5:6:7:8",
            "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7",
            "12345::",
            "00001::",
            "g::",
            "::ffff:1.2.3.4",
            "::1.2.3.4:1",
            "1.2.3.4::",
            "1:2:3:4:5:6:1.2.3.4",
            "1:2:3:4:5:6:7:1.2.3.4",
            "1:2:3:4:5:6::1.2.3.4",
            "1:2:3:4:5::1.2.3.4",
            "fe80::1%eth0",
            "[::1]",
            "::1/64",
            "::-1",
            "::FFFF",
            "4294967297.1.1.1",
        ] {
            same_as_std(text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn any_text_is_read_as_std_reads_it(text in "[0-9a-g:.]{0,24}") {
            same_as_std(&text);
        }

        #[test]
        fn groups_are_read_as_std_reads_them(text in "(::)?([0-9a-f]{1,5}::?){0,9}([0-9]{1,3}(\\.[0-9]{1,3}){2,4}|[0-9a-f]{1,4})?") {
            same_as_std(&text);
        }

        #[test]
        fn every_address_is_read_as_it_is_written(a: [u8; 4], b: [u8; 16], zeros in 0usize..16, many in 0usize..16) {
            let mut b = b;
            b.iter_mut().skip(zeros).take(many).for_each(|b| *b = 0);
            for ip in [IpAddr::from(a), IpAddr::from(b)] {
                same_as_std(&ip.to_string());
                prop_assert!(!Ip::of(ip.to_string().as_bytes()).is_none());
            }
        }

        #[test]
        fn neighbours_share_the_bits_of_their_network(a: [u8; 16], bit in 0u8..128, len in 0u8..=128) {
            let mut b = a;
            b[usize::from(bit / 8)] ^= 0x80 >> (bit % 8);
            let [a, b] = [a, b].map(|bytes| Ip { bytes, len: 16 });
            prop_assert_eq!(a.has_neighbour(len, &b), bit >= len);
            prop_assert!(!a.has_neighbour(len, &a));
        }
    }
}
