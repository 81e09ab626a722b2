//! Ethernet II frames without frame check sequence, as packet sockets show them.

use core::net::Ipv4Addr;

use etherparse::{EtherType, Ethernet2Header, Ethernet2Slice};

use crate::ids::MacAddr;

/// Bytes of the header.
pub const LEN: usize = 14;
/// IPv4.
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// ARP.
pub const ETHERTYPE_ARP: u16 = 0x0806;
/// IPv6.
pub const ETHERTYPE_IPV6: u16 = 0x86dd;

/// A received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// Receiver, or a group.
    pub destination: MacAddr,
    /// Sender.
    pub source: MacAddr,
    /// What the payload is, one of `ETHERTYPE_*` or another.
    pub ethertype: u16,
    /// The rest of the frame, padding included.
    pub payload: &'a [u8],
}

impl<'a> View<'a> {
    /// `None` when the frame is shorter than the header. VLAN tags aren't looked behind.
    pub fn new(frame: &'a [u8]) -> Option<Self> {
        let slice = Ethernet2Slice::from_slice_without_fcs(frame).ok()?;
        Some(Self {
            destination: MacAddr(slice.destination()),
            source: MacAddr(slice.source()),
            ethertype: slice.ether_type().0,
            payload: slice.payload_slice(),
        })
    }
}

/// A frame, not padded.
pub fn encode(destination: MacAddr, source: MacAddr, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(LEN + payload.len());
    frame.extend_from_slice(&header(destination, source, ethertype));
    frame.extend_from_slice(payload);
    frame
}

/// The group address that an IPv4 group is mapped to: its lower 23 bits (RFC 1112 6.4).
pub const fn multicast_mac(group: Ipv4Addr) -> MacAddr {
    let [_, b, c, d] = group.octets();
    MacAddr([0x01, 0x00, 0x5e, b & 0x7f, c, d])
}

/// The bytes in front of the payload.
pub(super) fn header(destination: MacAddr, source: MacAddr, ethertype: u16) -> [u8; LEN] {
    Ethernet2Header {
        destination: destination.0,
        source: source.0,
        ether_type: EtherType(ethertype),
    }
    .to_bytes()
}
