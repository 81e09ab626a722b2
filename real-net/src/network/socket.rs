//! One socket on one interface: opening it, sending and receiving, for both families.
//!
//! It is a raw socket, or the ear of a device (`ear`). Whole IP packets are sent, headers included, as
//! the engine builds them. What is received comes with its header; on a raw socket over IPv6 the kernel
//! keeps the header and tells the hop limit and the destination beside the payload.

use std::io::{self, IoSliceMut, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::num::NonZeroU32;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use locum_engine::driver::Received;
use locum_engine::ids::{InterfaceId, MacAddr};
use locum_engine::wire::{self, Family, ipv4, ipv6};
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrIn6, recvmsg, setsockopt,
    sockopt::{Ipv6RecvPacketInfo, RcvBufForce},
};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, SockFilter, Socket, Type};

use super::{ear, sieve, strays};
use crate::sys;

/// In bytes; the kernel takes it for twice as much.
const RECEIVE_BUFFER: usize = 512 << 10;

/// What a socket is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Purpose {
    /// IPv4 or IPv6.
    pub(super) family: Family,
    /// The IP protocol: 112, or 51 for VRRP behind an authentication header.
    pub(super) protocol: u8,
    /// The multicast groups to join; none for instances that talk to peers only.
    pub(super) groups: Vec<IpAddr>,
    /// Only who sends from here is heard, whatever the protocol and the group: on a device with that
    /// address.
    pub(super) sender: Option<MacAddr>,
}

/// A socket that is bound to an interface.
#[derive(Debug)]
pub(super) struct RawSocket {
    socket: Socket,
    index: NonZeroU32,
    family: Family,
    is_ear: bool,
}

impl RawSocket {
    /// Nothing comes before a filter says what. Needs `CAP_NET_RAW`.
    pub(super) fn open(index: NonZeroU32, purpose: &Purpose) -> io::Result<Self> {
        let socket = match (purpose.sender, purpose.family) {
            (Some(_), family) => ear::open(index, family)?,
            (None, Family::V4) => open_v4(index, purpose)?,
            (None, Family::V6) => open_v6(index, purpose)?,
        };
        // Adverts of very many instances may arrive at once, while the kernel is busy with as many
        // addresses. Without the privilege, the usual room has to do.
        let _ = setsockopt(&socket, RcvBufForce, &RECEIVE_BUFFER);
        Ok(Self {
            socket,
            index,
            family: purpose.family,
            is_ear: purpose.sender.is_some(),
        })
    }

    /// As [`open`](Self::open), for what doesn't pass the sieve: with a short queue, because most of a
    /// flood comes here.
    pub(super) fn open_for_strays(index: NonZeroU32, purpose: &Purpose) -> io::Result<Self> {
        let this = Self::open(index, purpose)?;
        this.socket.set_recv_buffer_size(strays::QUEUE)?;
        Ok(this)
    }

    /// Lets the kernel drop everything else from now on.
    pub(super) fn pass(&self, filter: &[SockFilter]) -> io::Result<()> {
        self.socket.attach_filter(filter)
    }

    /// How many packets its queue had no room for.
    pub(super) fn dropped(&self) -> io::Result<u32> {
        sys::dropped::dropped(&self.socket)
    }

    /// The kernel's index of the interface it is bound to.
    pub(super) fn index(&self) -> NonZeroU32 {
        self.index
    }

    /// Whether it sends over this family. Of two either sends anything: the packets have their headers.
    pub(super) fn sends(&self, family: Family) -> bool {
        self.family == family && !self.is_ear
    }

    /// Sends a whole IP packet, now or never.
    pub(super) fn send(&self, destination: IpAddr, packet: &[u8]) -> io::Result<()> {
        let to = match destination {
            IpAddr::V4(_) => SocketAddr::new(destination, 0),
            // A link-local address or a group means something on one interface only.
            IpAddr::V6(to) => SocketAddrV6::new(to, 0, 0, self.index.get()).into(),
        };
        // The group is on this link by definition, whatever the routing table says.
        let direct = destination.is_multicast() && destination.is_ipv4();
        let flags = if direct { libc::MSG_DONTROUTE } else { 0 };
        let sent = self
            .socket
            .send_to_with_flags(packet, &SockAddr::from(to), flags);
        sent.map(drop)
    }

    /// The next packet, its payload in `buffer`; `None` for what isn't a whole packet.
    pub(super) fn receive(
        &self,
        interface: InterfaceId,
        buffer: &mut [u8],
    ) -> io::Result<Option<Received>> {
        if self.family == Family::V6 && !self.is_ear {
            return receive_v6(&self.socket, interface, buffer);
        }
        let length = (&self.socket).read(buffer)?;
        let packet = buffer.get(..length).unwrap_or_default();
        Ok(match self.family {
            Family::V4 => received_v4(interface, packet),
            Family::V6 => received_v6(interface, packet),
        })
    }
}

impl AsFd for RawSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn raw(domain: Domain, protocol: u8) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(i32::from(protocol))))?;
    socket.set_nonblocking(true)?;
    socket.attach_filter(&sieve::NOTHING)?;
    Ok(socket)
}

fn open_v4(index: NonZeroU32, purpose: &Purpose) -> io::Result<Socket> {
    let socket = raw(Domain::IPV4, purpose.protocol)?;
    socket.set_header_included_v4(true)?;
    // By index: a device of the same name that comes later is another one.
    socket.bind_device_by_index_v4(Some(index))?;
    // Only the groups joined here, not every group that some other program has joined.
    socket.set_multicast_all_v4(false)?;
    socket.set_multicast_loop_v4(false)?;
    // Sets the queueing priority; the bytes of the header are the engine's.
    socket.set_tos_v4(wire::TOS.into())?;
    let interface = InterfaceIndexOrAddress::Index(index.get());
    for group in groups_v4(purpose) {
        socket.join_multicast_v4_n(&group, &interface)?;
    }
    Ok(socket)
}

fn open_v6(index: NonZeroU32, purpose: &Purpose) -> io::Result<Socket> {
    let socket = raw(Domain::IPV6, purpose.protocol)?;
    socket.set_header_included_v6(true)?;
    socket.bind_device_by_index_v6(Some(index))?;
    socket.set_multicast_all_v6(false)?;
    socket.set_multicast_loop_v6(false)?;
    socket.set_recv_hoplimit_v6(true)?;
    setsockopt(&socket, Ipv6RecvPacketInfo, &true)?;
    for group in groups_v6(purpose) {
        socket.join_multicast_v6(&group, index.get())?;
    }
    Ok(socket)
}

fn groups_v4(purpose: &Purpose) -> impl Iterator<Item = Ipv4Addr> {
    purpose.groups.iter().filter_map(|group| match group {
        IpAddr::V4(group) => Some(*group),
        IpAddr::V6(_) => None,
    })
}

fn groups_v6(purpose: &Purpose) -> impl Iterator<Item = Ipv6Addr> {
    purpose.groups.iter().filter_map(|group| match group {
        IpAddr::V6(group) => Some(*group),
        IpAddr::V4(_) => None,
    })
}

/// What the IP header says. `None` for what isn't a whole IPv4 packet: nothing to tell of, since
/// the kernel lets none through.
fn received_v4(interface: InterfaceId, packet: &[u8]) -> Option<Received> {
    let view = ipv4::View::new(packet).ok()?;
    let start = view.header_len();
    Some(Received {
        interface,
        source: view.source().into(),
        destination: view.destination().into(),
        ttl: view.ttl(),
        protocol: view.protocol(),
        id: view.header().id,
        payload: start..start + view.payload().len(),
    })
}

/// The same of a whole IPv6 packet.
fn received_v6(interface: InterfaceId, packet: &[u8]) -> Option<Received> {
    let view = ipv6::View::new(packet).ok()?;
    Some(Received {
        interface,
        source: view.source().into(),
        destination: view.destination().into(),
        ttl: view.hop_limit(),
        protocol: view.next_header(),
        id: 0,
        payload: ipv6::LEN..ipv6::LEN + view.payload().len(),
    })
}

/// `None` when the kernel leaves out what was asked for: such a packet can't be judged.
fn receive_v6(
    socket: &Socket,
    interface: InterfaceId,
    buffer: &mut [u8],
) -> io::Result<Option<Received>> {
    let mut iov = [IoSliceMut::new(buffer)];
    let mut control = nix::cmsg_space!(libc::in6_pktinfo, libc::c_int);
    let message = recvmsg::<SockaddrIn6>(
        socket.as_raw_fd(),
        &mut iov,
        Some(&mut control),
        MsgFlags::empty(),
    )?;
    let (mut destination, mut ttl) = (None, None);
    for item in message.cmsgs()? {
        match item {
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                destination = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr));
            }
            ControlMessageOwned::Ipv6HopLimit(limit) => ttl = u8::try_from(limit).ok(),
            _ => {}
        }
    }
    // A datagram that fills the buffer and more isn't VRRP's: it couldn't be read whole.
    let whole = !message.flags.contains(MsgFlags::MSG_TRUNC);
    let (source, length) = (message.address.map(|from| from.ip()), message.bytes);
    let parts = source.zip(destination).zip(ttl).filter(|_| whole);
    Ok(parts.map(|((source, destination), ttl)| Received {
        interface,
        source: source.into(),
        destination: destination.into(),
        ttl,
        protocol: wire::PROTOCOL,
        id: 0,
        payload: 0..length,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_lies_behind_the_header_and_ends_with_the_packet() {
        let header = ipv4::Header {
            source: [192, 168, 0, 11].into(),
            destination: wire::GROUP_V4,
            ttl: 255,
            tos: wire::TOS,
            id: 1,
            protocol: wire::PROTOCOL,
        };
        let mut packet = header.encode(3).to_vec();
        packet.extend([1, 2, 3, 0, 0]);
        let received = received_v4(InterfaceId(4), &packet).expect("a sound packet");
        assert_eq!(&packet[received.payload.clone()], [1, 2, 3]);
        assert_eq!((received.ttl, received.protocol), (255, 112));
        assert_eq!(received.interface, InterfaceId(4));
    }

    #[test]
    fn half_a_header_is_nothing() {
        assert_eq!(received_v4(InterfaceId(0), &[0x45; 19]), None);
        assert_eq!(received_v4(InterfaceId(0), &[]), None);
    }
}
