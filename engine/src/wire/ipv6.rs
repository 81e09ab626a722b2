//! IPv6 headers as adverts and neighbour discovery need them: no extension headers (RFC 8200 3).
//!
//! A payload behind an extension header is not looked for: nothing that is sent to a VRRP router
//! has a reason to carry one. Its `next_header` is then that header's number, and nobody's protocol.

use core::net::Ipv6Addr;

use etherparse::{Ipv6FlowLabel, Ipv6HeaderSlice};

/// Bytes of the header.
pub const LEN: usize = 40;

/// What is to be said about a packet. The flow label is zero, which says that there is no flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Sender.
    pub source: Ipv6Addr,
    /// Receiver or group.
    pub destination: Ipv6Addr,
    /// Hop limit.
    pub hop_limit: u8,
    /// Traffic class: six bits DSCP, two bits ECN.
    pub traffic_class: u8,
    /// Protocol of the payload.
    pub next_header: u8,
}

impl Header {
    /// The header in front of `payload_len` bytes. IPv6 ends at 65,535 bytes of payload; the length
    /// stays there.
    pub fn encode(&self, payload_len: usize) -> [u8; LEN] {
        etherparse::Ipv6Header {
            traffic_class: self.traffic_class,
            flow_label: Ipv6FlowLabel::ZERO,
            payload_length: u16::try_from(payload_len).unwrap_or(u16::MAX),
            next_header: self.next_header.into(),
            hop_limit: self.hop_limit,
            source: self.source.octets(),
            destination: self.destination.octets(),
        }
        .to_bytes()
    }
}

/// A received packet with a sound header.
#[derive(Clone, Debug)]
pub struct View<'a> {
    header: Ipv6HeaderSlice<'a>,
    payload: &'a [u8],
}

/// Why bytes are not an IPv6 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Shorter than the header, or another version.
    #[error("no IPv6 header")]
    Header,
    /// The payload length is more than there is.
    #[error("the payload length doesn't fit the packet")]
    PayloadLength,
}

impl<'a> View<'a> {
    /// Checks version and payload length. Bytes behind the payload (Ethernet's padding) are
    /// tolerated. There is no checksum in this header.
    pub fn new(packet: &'a [u8]) -> Result<Self, Malformed> {
        let header = Ipv6HeaderSlice::from_slice(packet).map_err(|_| Malformed::Header)?;
        let payload = packet
            .get(LEN..LEN + usize::from(header.payload_length()))
            .ok_or(Malformed::PayloadLength)?;
        Ok(Self { header, payload })
    }

    /// The header's fields; the flow label is left out.
    pub fn header(&self) -> Header {
        Header {
            source: self.source(),
            destination: self.destination(),
            hop_limit: self.hop_limit(),
            traffic_class: self.header.traffic_class(),
            next_header: self.next_header(),
        }
    }

    /// Sender.
    pub fn source(&self) -> Ipv6Addr {
        self.header.source_addr()
    }

    /// Receiver or group.
    pub fn destination(&self) -> Ipv6Addr {
        self.header.destination_addr()
    }

    /// Hop limit on arrival.
    pub fn hop_limit(&self) -> u8 {
        self.header.hop_limit()
    }

    /// Protocol of the payload.
    pub fn next_header(&self) -> u8 {
        self.header.next_header().0
    }

    /// 20 bits that tell flows apart; Linux fills in a hash.
    pub fn flow_label(&self) -> u32 {
        self.header.flow_label().value()
    }

    /// The bytes behind the header, up to the payload length.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// The link-local address that Linux gives an Ethernet interface: `fe80::` and the hardware address
/// with `ff:fe` in its middle and one bit flipped (RFC 4291 2.5.6 and appendix A).
pub const fn link_local(mac: crate::ids::MacAddr) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    Ipv6Addr::from_octets([
        0xfe,
        0x80,
        0,
        0,
        0,
        0,
        0,
        0,
        a ^ 2,
        b,
        c,
        0xff,
        0xfe,
        d,
        e,
        f,
    ])
}

/// The group of a host's neighbours who may have this address: the last 24 bits of it
/// (RFC 4291 2.7.1).
pub const fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::from_octets([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::MacAddr;
    use crate::wire::golden::{self, hex};
    use crate::wire::{GROUP_V6, PROTOCOL};

    /// The header in front of `golden::V3_IPV6`, without the kernel's flow label.
    const ADVERT: Header = Header {
        source: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 0x10),
        destination: GROUP_V6,
        hop_limit: 255,
        traffic_class: 0xc0,
        next_header: PROTOCOL,
    };

    #[test]
    fn deconstruct() {
        let packet = hex(golden::V3_IPV6_PACKET);
        let view = View::new(&packet).unwrap();
        assert_eq!(view.header(), ADVERT);
        assert_eq!(view.flow_label(), 0xfd6b7);
        assert_eq!(view.payload(), hex(golden::V3_IPV6.1));
    }

    #[test]
    fn construct() {
        let mut golden = hex(golden::V3_IPV6_PACKET);
        // The flow label is the kernel's.
        golden[1] &= 0xf0;
        golden[2..4].fill(0);
        assert_eq!(ADVERT.encode(40), golden[..LEN]);
    }

    #[test]
    fn malformed_headers_are_refused_and_padding_is_cut_off() {
        let good = hex(golden::V3_IPV6_PACKET);
        for len in 0..good.len() {
            assert!(View::new(&good[..len]).is_err(), "{len} bytes");
        }
        let mut other = good.clone();
        other[0] = 0x4c;
        assert_eq!(View::new(&other).unwrap_err(), Malformed::Header);
        let mut long = good.clone();
        long[5] = 41;
        assert_eq!(View::new(&long).unwrap_err(), Malformed::PayloadLength);
        let padded = [&good[..], &[0xa5; 4]].concat();
        assert_eq!(View::new(&padded).unwrap().payload(), &good[LEN..]);
    }

    #[test]
    fn the_payload_length_stays_in_16_bits() {
        assert_eq!(ADVERT.encode(usize::MAX)[4..6], [0xff, 0xff]);
    }

    #[test]
    fn addresses_made_of_addresses() {
        let mac = MacAddr([2, 0, 0, 0, 0, 0x10]);
        assert_eq!(link_local(mac), ADVERT.source);
        let vip: Ipv6Addr = "fd00::12:3456".parse().unwrap();
        let group: Ipv6Addr = "ff02::1:ff12:3456".parse().unwrap();
        assert_eq!(solicited_node(vip), group);
    }
}
