//! rtnetlink(7): what is asked for about links, addresses and routes, and what the kernel says to it. Nobody else can speak on
//! such a socket, but who has CAP_NET_ADMIN over its namespace anyway.

use super::{Errno, Fd, Result, opened};
use linux_raw_sys::{general as c, net, netlink as n};

/// A name of an interface, with zeros behind it.
pub type Name = [u8; 16];

/// How long requests can be that are sent at once.
const ROOM: usize = 256;

/// How much of an answer is read: as far as what is asked for stands in it.
const ANSWER: usize = 256;

/// How many times is looked for what a worker of the kernel's does, a millisecond between two looks.
const LOOKS: u32 = 2000;

/// The kinds of requests.
#[allow(missing_docs)]
pub mod ask {
    use linux_raw_sys::netlink as n;
    pub const NEW_LINK: u32 = n::RTM_NEWLINK as u32;
    pub const DELETE_LINK: u32 = n::RTM_DELLINK as u32;
    pub const GET_LINK: u32 = n::RTM_GETLINK as u32;
    pub const SET_LINK: u32 = n::RTM_SETLINK as u32;
    pub const NEW_ADDRESS: u32 = n::RTM_NEWADDR as u32;
    pub const GET_ADDRESS: u32 = n::RTM_GETADDR as u32;
    pub const NEW_ROUTE: u32 = n::RTM_NEWROUTE as u32;
    pub const GET_ROUTE: u32 = n::RTM_GETROUTE as u32;
    /// Of what must not be there yet.
    pub const NEW: u32 = n::NLM_F_CREATE | n::NLM_F_EXCL;
}

/// The kinds of attributes.
#[allow(missing_docs)]
pub mod attribute {
    use linux_raw_sys::netlink as n;
    pub const NAME: u32 = n::IFLA_IFNAME as u32;
    pub const MASTER: u32 = n::IFLA_MASTER as u32;
    pub const LINK_INFO: u32 = n::IFLA_LINKINFO as u32;
    pub const NAMESPACE_OF: u32 = n::IFLA_NET_NS_PID as u32;
    pub const KIND: u32 = n::IFLA_INFO_KIND as u32;
    pub const DATA: u32 = n::IFLA_INFO_DATA as u32;
    /// VETH_INFO_PEER of linux/veth.h.
    pub const PEER: u32 = 1;
    pub const ADDRESS: u32 = n::IFA_LOCAL as u32;
    pub const DESTINATION: u32 = n::rtattr_type_t::RTA_DST as u32;
    pub const INTERFACE: u32 = n::rtattr_type_t::RTA_OIF as u32;
    pub const PRIORITY: u32 = n::rtattr_type_t::RTA_PRIORITY as u32;
    pub const GATEWAY: u32 = n::rtattr_type_t::RTA_GATEWAY as u32;
}

const UP: u32 = net::net_device_flags::IFF_UP as u32;

/// An ifinfomsg of that interface (0: of none yet), which says nothing of its state.
pub fn link(index: u32) -> [u32; 4] {
    [0, index, 0, 0]
}

/// The same of one that shall be up.
pub fn link_up(index: u32) -> [u32; 4] {
    [0, index, UP, UP]
}

fn family(ip: &[u8]) -> u32 {
    if ip.len() > 4 { net::AF_INET6 } else { net::AF_INET }
}

/// An ifaddrmsg: an address of a network whose prefix is so long. An IPv6 address is not asked about among the neighbours: until
/// that is done it could not be used.
pub fn address(index: u32, ip: &[u8], len: u8) -> [u32; 2] {
    let flags = if ip.len() > 4 { n::IFA_F_NODAD } else { 0 };
    [family(ip) | u32::from(len) << 8 | flags << 16, index]
}

/// An rtmsg that asks which entry of the tables an address matches.
fn match_for(ip: &[u8]) -> [u32; 3] {
    [family(ip) | (ip.len() as u32) << 11, 0, n::RTM_F_FIB_MATCH]
}

/// An rtmsg of a default route.
pub fn default_route(gateway: &[u8]) -> [u32; 3] {
    [
        family(gateway),
        n::rt_class_t::RT_TABLE_MAIN as u32 | n::RTPROT_BOOT << 8 | (n::RTN_UNICAST as u32) << 24,
        0,
    ]
}

/// socket(2), NETLINK_ROUTE: of the network namespace that we are in.
pub fn netlink() -> Result<Fd> {
    // SAFETY: no memory is involved.
    unsafe { opened!(socket, net::AF_NETLINK, net::SOCK_RAW | c::O_CLOEXEC, n::NETLINK_ROUTE) }
}

/// Requests that are sent at once, netlink(7). All that they consist of is a multiple of four bytes.
pub struct Requests {
    room: [u8; ROOM],
    len: usize,
    /// Where the last one begins.
    last: usize,
    /// How many there are.
    pub count: u32,
}

impl Requests {
    #[allow(missing_docs)]
    #[inline(always)]
    pub fn none() -> Requests {
        Requests { room: [0; ROOM], len: 0, last: 0, count: 0 }
    }

    /// One more: its kind, its flags, and what stands before the attributes of such a request. They are counted from 1.
    #[inline(never)]
    pub fn add(&mut self, kind: u32, flags: u32, body: &[u32]) -> &mut Self {
        self.close(self.last);
        self.last = self.len;
        self.count = self.count.wrapping_add(1);
        self.words(&[0, kind | (n::NLM_F_REQUEST | flags) << 16, self.count, 0]).words(body)
    }

    /// An attribute of the last one.
    #[inline(never)]
    pub fn attribute(&mut self, kind: u32, value: &[u8]) -> &mut Self {
        let len = value.len().wrapping_add(4);
        self.words(&[len as u32 | kind << 16]);
        for byte in value {
            self.put(*byte);
        }
        self
    }

    /// The same, of a number.
    pub fn number(&mut self, kind: u32, value: u32) -> &mut Self {
        self.attribute(kind, &value.to_ne_bytes())
    }

    /// An attribute of further ones: where it begins, for [`Requests::close`].
    #[inline(never)]
    pub fn open(&mut self, kind: u32) -> usize {
        let at = self.len;
        self.words(&[kind << 16]);
        at
    }

    /// Something that begins `at` ends here. (The length of a request has 32 bits, but all are short.)
    #[inline(never)]
    pub fn close(&mut self, at: usize) {
        let len = self.len.wrapping_sub(at) as u16;
        if let Some(place) = self.room.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
            *place = len.to_ne_bytes();
        }
    }

    /// Sends them, which leaves none. Those that are well-formed are done when this returns.
    #[inline(never)]
    fn send(&mut self, socket: Fd) -> core::result::Result<(), (u32, Errno)> {
        self.close(self.last);
        let sent = self.room.get(..self.len).ok_or(Errno::EINVAL).and_then(|all| super::write(socket, all));
        (self.len, self.last, self.count) = (0, 0, 0);
        sent.map_err(|e| (0, e))
    }

    /// Sends them, and hears that all are done. The kernel does them in order and tells of each that fails, and of the last one
    /// here that it has succeeded too: one answer is enough.
    #[inline(never)]
    pub fn done(&mut self, socket: Fd) -> core::result::Result<(), (u32, Errno)> {
        if let Some(flags) = self.room.get_mut(self.last.wrapping_add(6)) {
            *flags |= n::NLM_F_ACK as u8;
        }
        self.send(socket)?;
        answer(socket, &mut [0; ANSWER])
    }

    /// The same without an answer, where nothing could be done about it.
    pub fn forget(&mut self, socket: Fd) {
        let _ = self.send(socket);
    }

    /// Sends them, and behind them asks for the interface of this name: its index, and whether all is well with it and the other
    /// end of it.
    #[inline(never)]
    pub fn link(&mut self, socket: Fd, name: &Name) -> core::result::Result<(u32, bool), (u32, Errno)> {
        self.add(ask::GET_LINK, 0, &link(0)).attribute(attribute::NAME, name).send(socket)?;
        let mut room = [0; ANSWER];
        answer(socket, &mut room)?;
        let word = |at| word(&room, at).unwrap_or(0);
        Ok((word(20), word(24) & net::net_device_flags::IFF_RUNNING as u32 != 0))
    }

    /// The same, once all is well: until a worker of the kernel's has noticed that an end is up, what is sent there is dropped.
    #[inline(never)]
    pub fn until_runs(&mut self, socket: Fd, name: &Name) -> core::result::Result<u32, (u32, Errno)> {
        let mut looks = 0;
        loop {
            let (index, runs) = self.link(socket, name)?;
            if runs || looks == LOOKS {
                return Ok(index);
            }
            looks = looks.wrapping_add(1);
            super::sleep_a_millisecond();
        }
    }

    /// Which interface has this address; none where nobody has. An IPv6 address that was set just now may be no route yet.
    #[inline(never)]
    pub fn holder(&mut self, socket: Fd, ip: &[u8]) -> core::result::Result<Option<u32>, (u32, Errno)> {
        if ip.len() == 4 {
            return self.owner(socket, ip);
        }
        self.add(ask::GET_ADDRESS, 0, &address(0, ip, 0)).attribute(attribute::ADDRESS, ip).send(socket)?;
        let mut room = [0; ANSWER];
        match answer(socket, &mut room) {
            // The index in an ifaddrmsg.
            Ok(()) => Ok(word(&room, 20)),
            Err((1, Errno::EADDRNOTAVAIL)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Sends them, and behind them asks which interface this address leads to as one of ours; none where it is none.
    #[inline(never)]
    fn owner(&mut self, socket: Fd, ip: &[u8]) -> core::result::Result<Option<u32>, (u32, Errno)> {
        self.add(ask::GET_ROUTE, 0, &match_for(ip)).attribute(attribute::DESTINATION, ip);
        let asked = self.count;
        self.send(socket)?;
        let mut room = [0; ANSWER];
        match answer(socket, &mut room) {
            Ok(()) => Ok(local_interface(&room)),
            // No route, or one that says no.
            Err((n, Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::EACCES | Errno::EINVAL))
                if n == asked =>
            {
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// Sends them, the last of which sets this address; and comes back when it can be used. An IPv6 address is there at once, but
    /// what is sent to it is dropped until a worker of the kernel's has made it a route.
    #[inline(never)]
    pub fn until_usable(&mut self, socket: Fd, ip: &[u8]) -> core::result::Result<(), (u32, Errno)> {
        if ip.len() == 4 {
            return self.done(socket);
        }
        let mut looks = 0;
        while self.owner(socket, ip)?.is_none() && looks < LOOKS {
            looks = looks.wrapping_add(1);
            super::sleep_a_millisecond();
        }
        Ok(())
    }

    /// Bytes that an attribute of further ones begins with.
    #[inline(never)]
    pub fn words(&mut self, words: &[u32]) -> &mut Self {
        for word in words {
            for byte in word.to_ne_bytes() {
                self.put(byte);
            }
        }
        self
    }

    fn put(&mut self, byte: u8) {
        if let Some(place) = self.room.get_mut(self.len) {
            *place = byte;
        }
        self.len = self.len.wrapping_add(1);
    }
}

/// The next answer: of an interface or a route, or that all is done. Of a failure the number of the request is told; 0 where there
/// is no answer.
#[inline(never)]
fn answer(socket: Fd, room: &mut [u8; ANSWER]) -> core::result::Result<(), (u32, Errno)> {
    let len = super::read(socket, room).map_err(|e| (0, e))?;
    let word = |at| word(room, at).unwrap_or(0);
    if len < 20 {
        return Err((0, Errno::EINVAL));
    }
    // An nlmsgerr holds an errno, or 0.
    if word(4) as u16 == n::NLMSG_ERROR as u16 {
        return super::nothing(word(16) as usize).map_err(|e| (word(8), e));
    }
    Ok(())
}

/// The interface whose own address is what an answer matches; none where it is no address of ours.
#[inline(never)]
fn local_interface(answer: &[u8; ANSWER]) -> Option<u32> {
    // The type of an rtmsg is its last byte before the flags.
    if word(answer, 20)? >> 24 != n::RTN_LOCAL as u32 {
        return None;
    }
    let mut at = 28;
    loop {
        let head = word(answer, at)?;
        if head >> 16 == attribute::INTERFACE {
            return word(answer, at.wrapping_add(4));
        }
        // No attribute is shorter than its head.
        let len = (head as u16).max(4);
        at = at.wrapping_add(usize::from(len).wrapping_add(3) & !3);
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_ne_bytes(*word))
}
