//! Hears the adverts that come from our own virtual MAC address.
//!
//! A router with `use_vmac` advertises from the virtual MAC address, which the macvlan device of
//! each of its peers has too. The kernel takes such a frame for one of the device's and hands it to
//! the device alone, so that the raw socket on the interface below doesn't hear it. A packet socket
//! on the device does: it joins no group, so that no IGMP report from a backup ever tells the
//! switches that the address is here (keepalived needs a firewall rule against that). IPv4 and IPv6 have
//! one each.

use std::io::{self, Read};
use std::num::NonZeroU32;
use std::os::fd::{AsFd, BorrowedFd};

use locum_engine::driver::Received;
use locum_engine::ids::{InterfaceId, MacAddr};
use locum_engine::wire::{self, Family, ethernet, ipv6};
use socket2::{Domain, SockFilter, Socket, Type};

use super::socket::received_v4;
use crate::sys::packet::link_address;

/// A packet socket on a device with a virtual MAC address.
#[derive(Debug)]
pub(super) struct Ear {
    socket: Socket,
    index: NonZeroU32,
    family: Family,
}

impl Ear {
    /// Needs `CAP_NET_RAW`.
    pub(super) fn open(index: NonZeroU32, mac: MacAddr, family: Family) -> io::Result<Self> {
        // Protocol 0 until the filter is there: nothing else may queue up before.
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        socket.set_nonblocking(true)?;
        let kind = match family {
            Family::V4 => {
                socket.attach_filter(&filter_v4(mac))?;
                ethernet::ETHERTYPE_IPV4
            }
            Family::V6 => {
                socket.attach_filter(&filter_v6(mac))?;
                ethernet::ETHERTYPE_IPV6
            }
        };
        socket.bind(&link_address(index.get(), kind))?;
        Ok(Self {
            socket,
            index,
            family,
        })
    }

    /// The kernel's index of the device.
    pub(super) fn index(&self) -> NonZeroU32 {
        self.index
    }

    /// The next packet, which came in on `interface`, the device's base; `None` for what isn't a
    /// whole packet.
    pub(super) fn receive(
        &self,
        interface: InterfaceId,
        buffer: &mut [u8],
    ) -> io::Result<Option<Received>> {
        let length = (&self.socket).read(buffer)?;
        let packet = buffer.get(ethernet::LEN..length).unwrap_or_default();
        let received = match self.family {
            Family::V4 => received_v4(interface, packet),
            Family::V6 => received_v6(interface, packet),
        };
        let received = received.map(|mut received| {
            received.payload.start += ethernet::LEN;
            received.payload.end += ethernet::LEN;
            received
        });
        Ok(received)
    }
}

impl AsFd for Ear {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What the IP header says. `None` for what isn't a whole IPv6 packet.
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

const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
const EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const EVERYTHING: u32 = 0xffff;

const fn load(code: u16, at: u32) -> SockFilter {
    SockFilter::new(code, 0, 0, at)
}

/// A comparison that jumps over so many instructions when it fails.
const fn equal(over: u8, value: u32) -> SockFilter {
    SockFilter::new(EQUAL, 0, over, value)
}

/// The two comparisons of a sender, as numbers.
fn parts(mac: MacAddr) -> (u32, u32) {
    let [a, b, c, d, e, f] = mac.0;
    let end = u16::from_be_bytes([e, f]);
    (u32::from_be_bytes([a, b, c, d]), end.into())
}

/// Passes frames of VRRP over IPv4, also behind an authentication header, that come from this address.
fn filter_v4(mac: MacAddr) -> [SockFilter; 11] {
    let (front, back) = parts(mac);
    // Each comparison that fails jumps to the last instruction.
    [
        load(LOAD_HALF, 12),
        equal(8, ethernet::ETHERTYPE_IPV4.into()),
        load(LOAD_BYTE, 23),
        // The next comparison is passed over.
        SockFilter::new(EQUAL, 1, 0, wire::PROTOCOL.into()),
        equal(5, wire::ah::PROTOCOL.into()),
        load(LOAD_WORD, 6),
        equal(3, front),
        load(LOAD_HALF, 10),
        equal(1, back),
        SockFilter::new(RETURN, 0, 0, EVERYTHING),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

/// Passes frames of VRRP over IPv6 that come from this address.
fn filter_v6(mac: MacAddr) -> [SockFilter; 10] {
    let (front, back) = parts(mac);
    [
        load(LOAD_HALF, 12),
        equal(7, ethernet::ETHERTYPE_IPV6.into()),
        load(LOAD_BYTE, 20),
        equal(5, wire::PROTOCOL.into()),
        load(LOAD_WORD, 6),
        equal(3, front),
        load(LOAD_HALF, 10),
        equal(1, back),
        SockFilter::new(RETURN, 0, 0, EVERYTHING),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}
