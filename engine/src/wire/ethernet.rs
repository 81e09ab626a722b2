//! Ethernet II frames without frame check sequence, as packet sockets show them.

use core::net::{Ipv4Addr, Ipv6Addr};

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

/// The group address that an IPv6 group is mapped to: its lower 32 bits (RFC 2464 7).
pub const fn multicast_mac_v6(group: Ipv6Addr) -> MacAddr {
    let [.., a, b, c, d] = group.octets();
    MacAddr([0x33, 0x33, a, b, c, d])
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::GROUP_V4;
    use crate::wire::golden::{self, hex};

    const SENDER: MacAddr = MacAddr([0x22, 0x78, 0x27, 0x95, 0x21, 0x08]);

    #[test]
    fn deconstruct() {
        let frame = hex(golden::IGMP_REPORT);
        let view = View::new(&frame).unwrap();
        assert_eq!(
            view.destination,
            multicast_mac(Ipv4Addr::new(224, 0, 0, 22))
        );
        assert_eq!(view.source, SENDER);
        assert_eq!(view.ethertype, ETHERTYPE_IPV4);
        assert_eq!(view.payload, &frame[LEN..]);
    }

    #[test]
    fn construct() {
        let golden = hex(golden::IGMP_REPORT);
        let group = multicast_mac(Ipv4Addr::new(224, 0, 0, 22));
        assert_eq!(
            encode(group, SENDER, ETHERTYPE_IPV4, &golden[LEN..]),
            golden
        );
    }

    #[test]
    fn shorter_than_the_header_is_refused() {
        let frame = hex(golden::GRATUITOUS_ARP);
        assert_eq!(View::new(&frame[..LEN - 1]), None);
        assert_eq!(View::new(&frame[..LEN]).unwrap().payload, []);
    }

    #[test]
    fn groups_are_mapped_by_23_bits() {
        assert_eq!(multicast_mac(GROUP_V4).to_string(), "01:00:5e:00:00:12");
        let mac = multicast_mac(Ipv4Addr::new(239, 255, 1, 2));
        assert_eq!(mac.to_string(), "01:00:5e:7f:01:02");
        assert!(mac.is_group());
        let mac = multicast_mac_v6(crate::wire::GROUP_V6);
        assert_eq!(mac.to_string(), "33:33:00:00:00:12");
        assert!(mac.is_group());
    }
}
