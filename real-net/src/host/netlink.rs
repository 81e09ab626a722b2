//! NETLINK_ROUTE: the few messages that are needed, and the walk through a datagram.
//!
//! Requests are built by `netlink-packet-route`. What the kernel sends is read attribute by
//! attribute, and only the attributes that matter: a newer kernel may add others, of any shape,
//! without hiding a link from us.

mod address;
mod batch;
mod keys;
mod lease;
mod leftovers;
mod monitor;
mod objects;
mod vmac;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd};

use locum_engine::ids::MacAddr;
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader,
    NetlinkMessage, NetlinkPayload, NlasIterator,
};
use netlink_packet_route::address::{AddressHeader, AddressMessage};
use netlink_packet_route::link::{LinkFlags, LinkHeader, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

pub(crate) use batch::Batch;
pub(crate) use keys::{RouteKey, RuleKey};

/// A datagram never exceeds this; the kernel builds dumps in pieces of at most 32 KiB.
const DATAGRAM_MAX: usize = 64 * 1024;
/// Dumps that were disturbed by changes are repeated this often before they are taken as is.
const DUMP_ATTEMPTS: u32 = 5;

/// `struct nlmsghdr`.
const RAW_HEADER: usize = 16;
const LINK_HEADER: usize = 16;
const ADDRESS_HEADER: usize = 8;
/// `struct netconfmsg`, padded.
const NETCONF_HEADER: usize = 4;

// linux/rtnetlink.h, linux/netconf.h and linux/if_link.h
const RTM_NEWNETCONF: u16 = 80;
const NETCONFA_IFINDEX: u16 = 1;
const NETCONFA_FORWARDING: u16 = 2;
const IFLA_INET6_CONF: u16 = 2;

/// One socket.
#[derive(Debug)]
pub(crate) struct Netlink {
    socket: Socket,
    sequence: u32,
    /// Room for the kernel's answers to requests.
    answers: Vec<u8>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A device is there, with these properties.
    Link {
        index: u32,
        name: String,
        up: bool,
        mac: MacAddr,
        /// Over IPv6, if the message says so.
        forwards: Option<bool>,
    },
    /// A device is gone, with its addresses.
    LinkGone { index: u32 },
    /// A device has an address.
    Address {
        index: u32,
        address: IpAddr,
        secondary: bool,
        /// Duplicate address detection is over, and found none.
        usable: bool,
        /// The prefix length, if the address has our tag.
        tagged: Option<u8>,
    },
    /// Whether it forwards over IPv6 has changed.
    Forwarding { index: u32, forwards: bool },
    /// It lost one.
    AddressGone { index: u32, address: IpAddr },
    /// A route is gone.
    RouteGone(RouteKey),
    /// A rule is gone.
    RuleGone(RuleKey),
}

/// A buffer that [`Netlink::receive`] can use.
pub(crate) fn buffer() -> Vec<u8> {
    Vec::with_capacity(DATAGRAM_MAX)
}

impl Netlink {
    /// For requests; doesn't block.
    pub(crate) fn requests() -> io::Result<Self> {
        let this = Self::open(0)?;
        this.socket.set_non_blocking(true)?;
        Ok(this)
    }

    fn open(groups: u32) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind(&SocketAddr::new(0, groups))?;
        // Port 0, group 0: the kernel.
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self {
            socket,
            sequence: 0,
            answers: Vec::new(),
        })
    }

    /// Reads one datagram of the kernel's; others are passed over.
    pub(crate) fn receive(&self, buffer: &mut Vec<u8>) -> io::Result<()> {
        loop {
            buffer.clear();
            let (_, sender) = self.socket.recv_from(buffer, 0)?;
            if sender.port_number() == 0 {
                return Ok(());
            }
        }
    }

    /// Reads all links, then all addresses. Waits for the kernel, which answers at once.
    pub(crate) fn dump(mut each: impl FnMut(Change)) -> io::Result<()> {
        let mut socket = Self::open(0)?;
        let links = RouteNetlinkMessage::GetLink(LinkMessage::default());
        let addresses = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        for question in [links, addresses] {
            for attempt in 1..=DUMP_ATTEMPTS {
                socket.send(question.clone(), NLM_F_DUMP)?;
                let (answer, disturbed) = socket.read_dump(change)?;
                if !disturbed || attempt == DUMP_ATTEMPTS {
                    answer.into_iter().for_each(&mut each);
                    break;
                }
            }
        }
        Ok(())
    }

    /// What `read` makes of the answer, and whether it was disturbed by changes.
    fn read_dump<T>(
        &mut self,
        read: impl Fn(&NetlinkBuffer<&[u8]>) -> Option<T>,
    ) -> io::Result<(Vec<T>, bool)> {
        let (mut buffer, mut found, mut disturbed) = (buffer(), Vec::new(), false);
        loop {
            self.receive(&mut buffer)?;
            for message in messages(&buffer) {
                if message.sequence_number() != self.sequence {
                    continue;
                }
                disturbed |= message.flags() & NLM_F_DUMP_INTR != 0;
                match i32::from(message.message_type()) {
                    libc::NLMSG_DONE => return Ok((found, disturbed)),
                    libc::NLMSG_ERROR => acknowledgement(message.payload())?,
                    _ => found.extend(read(&message)),
                }
            }
        }
    }

    /// Sends a request and reads its acknowledgement, which lies in the queue when `send` is back.
    fn ask(&mut self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.send(message, flags | NLM_F_ACK)?;
        self.read_verdict()
    }

    /// The same with a payload in the kernel's own words.
    fn ask_raw(&mut self, kind: u16, payload: &[u8]) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let length = RAW_HEADER + payload.len();
        let mut bytes = Vec::with_capacity(length);
        bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes());
        bytes.extend(self.sequence.to_ne_bytes());
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend(payload);
        self.socket.send(&bytes, 0)?;
        self.read_verdict()
    }

    fn read_verdict(&mut self) -> io::Result<()> {
        let mut buffer = buffer();
        loop {
            self.receive(&mut buffer)?;
            for message in messages(&buffer) {
                let ours = message.sequence_number() == self.sequence;
                if ours && i32::from(message.message_type()) == libc::NLMSG_ERROR {
                    return acknowledgement(message.payload());
                }
            }
        }
    }

    fn send(&mut self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0).map(drop)
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The changes in a datagram, in order.
pub(crate) fn changes(datagram: &[u8]) -> impl Iterator<Item = Change> {
    messages(datagram).filter_map(|m| change(&m))
}

fn messages(datagram: &[u8]) -> impl Iterator<Item = NetlinkBuffer<&[u8]>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let message = NetlinkBuffer::new_checked(rest).ok()?;
        let length = (message.length() as usize).next_multiple_of(4);
        rest = rest.get(length..).unwrap_or_default();
        Some(message)
    })
}

/// The kernel's verdict on a request: an errno, negated, or zero.
fn acknowledgement(payload: &[u8]) -> io::Result<()> {
    let code = payload.first_chunk().copied().map(i32::from_ne_bytes);
    match code {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(code.saturating_neg())),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn change(message: &NetlinkBuffer<&[u8]>) -> Option<Change> {
    let payload = message.payload();
    match message.message_type() {
        libc::RTM_NEWLINK => link(payload),
        libc::RTM_DELLINK => {
            let header = link_header(payload)?;
            Some(Change::LinkGone {
                index: header.index,
            })
        }
        libc::RTM_NEWADDR => address(payload).map(|(index, address, flags)| Change::Address {
            index,
            address,
            secondary: flags & libc::IFA_F_SECONDARY != 0 && address.is_ipv4(),
            usable: flags & (libc::IFA_F_TENTATIVE | libc::IFA_F_DADFAILED) == 0,
            tagged: tag(payload),
        }),
        libc::RTM_DELADDR => {
            address(payload).map(|(index, address, _)| Change::AddressGone { index, address })
        }
        RTM_NEWNETCONF => forwarding(payload),
        libc::RTM_DELROUTE => RouteKey::read(payload).map(Change::RouteGone),
        libc::RTM_DELRULE => RuleKey::read(payload).map(Change::RuleGone),
        _ => None,
    }
}

/// A link message about a device itself. A bridge tells of its ports in messages of the same
/// types and another family; there, "gone" means gone from the bridge.
fn link_header(payload: &[u8]) -> Option<LinkHeader> {
    let header = LinkHeader::parse(payload).ok()?;
    (header.interface_family == AddressFamily::Unspec).then_some(header)
}

fn link(payload: &[u8]) -> Option<Change> {
    let header = link_header(payload)?;
    let (mut name, mut mac, mut forwards) = (None, MacAddr::default(), None);
    for (kind, value) in attributes(payload.get(LINK_HEADER..)?) {
        match kind {
            libc::IFLA_IFNAME => {
                let text = value.split(|b| *b == 0).next().unwrap_or_default();
                name = Some(String::from_utf8_lossy(text).into_owned());
            }
            libc::IFLA_ADDRESS => mac = MacAddr(value.try_into().unwrap_or_default()),
            libc::IFLA_AF_SPEC => forwards = forwards_ipv6(value),
            _ => {}
        }
    }
    Some(Change::Link {
        index: header.index,
        name: name?,
        up: header.flags.contains(LinkFlags::Up | LinkFlags::Running),
        mac,
        forwards,
    })
}

/// The prefix length of an address with our tag.
fn tag(payload: &[u8]) -> Option<u8> {
    let header = AddressHeader::parse(payload).ok()?;
    lease::is_tagged(payload.get(ADDRESS_HEADER..)?).then_some(header.prefix_len)
}

/// Device, address and flags.
fn address(payload: &[u8]) -> Option<(u32, IpAddr, u32)> {
    let header = AddressHeader::parse(payload).ok()?;
    let mut flags = u32::from(header.flags.bits());
    let (mut local, mut remote) = (None, None);
    for (kind, value) in attributes(payload.get(ADDRESS_HEADER..)?) {
        match kind {
            libc::IFA_LOCAL => local = ip(value),
            libc::IFA_ADDRESS => remote = ip(value),
            // All flags; the header has room for the first eight.
            libc::IFA_FLAGS => flags = u32::from_ne_bytes(*value.first_chunk()?),
            _ => {}
        }
    }
    // They differ on a point-to-point link, where IFA_ADDRESS is the other end.
    Some((header.index, local.or(remote)?, flags))
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|a| Ipv4Addr::from(a).into());
    let v6 = || <[u8; 16]>::try_from(bytes).map(|a| Ipv6Addr::from(a).into());
    v4.or_else(|_| v6()).ok()
}

/// Whether a device forwards over IPv6: the first of its IPv6 settings in a link message.
fn forwards_ipv6(af_spec: &[u8]) -> Option<bool> {
    let v6 = attribute_kind(libc::AF_INET6);
    let (_, v6) = attributes(af_spec).find(|(kind, _)| *kind == v6)?;
    let (_, conf) = attributes(v6).find(|(kind, _)| *kind == IFLA_INET6_CONF)?;
    Some(i32::from_ne_bytes(*conf.first_chunk()?) != 0)
}

/// A setting of one device changed; messages about all devices or the default are passed over.
fn forwarding(payload: &[u8]) -> Option<Change> {
    if i32::from(*payload.first()?) != libc::AF_INET6 {
        return None;
    }
    let (mut index, mut forwards) = (None, None);
    for (kind, value) in attributes(payload.get(NETCONF_HEADER..)?) {
        let number = || value.first_chunk().copied().map(i32::from_ne_bytes);
        match kind {
            NETCONFA_IFINDEX => index = number().and_then(|n| u32::try_from(n).ok()),
            NETCONFA_FORWARDING => forwards = number().map(|n| n != 0),
            _ => {}
        }
    }
    Some(Change::Forwarding {
        index: index.filter(|index| *index != 0)?,
        forwards: forwards?,
    })
}

/// An address family as the number of an attribute.
fn attribute_kind(family: i32) -> u16 {
    u16::try_from(family).expect("families are small")
}

fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    NlasIterator::new(bytes).map_while(|nla| {
        let nla = nla.ok()?;
        let (kind, end) = (nla.kind(), usize::from(nla.length()));
        Some((kind, nla.into_inner().get(4..end)?))
    })
}

#[cfg(test)]
mod tests;
