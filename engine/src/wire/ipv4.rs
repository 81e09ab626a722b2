//! IPv4 headers as adverts need them: no options, not fragmented (RFC 791).
//!
//! Reading accepts options, because other senders may have them; the payload then starts later.

use core::net::Ipv4Addr;

use etherparse::{IpDscp, IpEcn, Ipv4HeaderSlice};

use super::checksum::Checksum;

/// Bytes of a header without options.
pub const LEN: usize = 20;

/// What is to be said about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Sender.
    pub source: Ipv4Addr,
    /// Receiver or group.
    pub destination: Ipv4Addr,
    /// Time to live.
    pub ttl: u8,
    /// Type of service: six bits DSCP, two bits ECN.
    pub tos: u8,
    /// Identification.
    pub id: u16,
    /// Protocol of the payload.
    pub protocol: u8,
}

impl Header {
    /// The header in front of `payload_len` bytes: "don't fragment" clear (as keepalived sends
    /// adverts), checksum computed. IPv4 ends at 65,515 bytes of payload; the length stays there.
    pub fn encode(&self, payload_len: usize) -> [u8; LEN] {
        let mut header = etherparse::Ipv4Header {
            dscp: IpDscp::try_new(self.tos >> 2).unwrap_or_default(),
            ecn: IpEcn::try_new(self.tos & 3).unwrap_or_default(),
            total_len: u16::try_from(LEN.saturating_add(payload_len)).unwrap_or(u16::MAX),
            identification: self.id,
            dont_fragment: false,
            time_to_live: self.ttl,
            protocol: self.protocol.into(),
            source: self.source.octets(),
            destination: self.destination.octets(),
            ..Default::default()
        };
        header.header_checksum = header.calc_header_checksum();
        let mut bytes = [0; LEN];
        bytes.copy_from_slice(&header.to_bytes());
        bytes
    }
}

/// A received packet with a sound header.
#[derive(Clone, Debug)]
pub struct View<'a> {
    header: Ipv4HeaderSlice<'a>,
    payload: &'a [u8],
}

/// Why bytes are not an IPv4 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Shorter than the header, another version, or a header length below 20.
    #[error("no IPv4 header")]
    Header,
    /// The total length is less than the header's or more than there is.
    #[error("the total length doesn't fit the packet")]
    TotalLength,
    /// The header checksum is wrong.
    #[error("wrong header checksum")]
    Checksum,
}

impl<'a> View<'a> {
    /// Checks version, header length, total length and header checksum, in that order. Bytes
    /// behind the total length (Ethernet's padding) are tolerated.
    pub fn new(packet: &'a [u8]) -> Result<Self, Malformed> {
        let header = Ipv4HeaderSlice::from_slice(packet).map_err(|_| Malformed::Header)?;
        let payload = packet
            .get(header.slice().len()..usize::from(header.total_len()))
            .ok_or(Malformed::TotalLength)?;
        if !Checksum::default().add(header.slice()).holds() {
            return Err(Malformed::Checksum);
        }
        Ok(Self { header, payload })
    }

    /// The header's fields; options are left out.
    pub fn header(&self) -> Header {
        Header {
            source: self.source(),
            destination: self.destination(),
            ttl: self.ttl(),
            tos: self.header.dcp().value() << 2 | self.header.ecn().value(),
            id: self.header.identification(),
            protocol: self.protocol(),
        }
    }

    /// Sender.
    pub fn source(&self) -> Ipv4Addr {
        self.header.source_addr()
    }

    /// Receiver or group.
    pub fn destination(&self) -> Ipv4Addr {
        self.header.destination_addr()
    }

    /// Time to live on arrival.
    pub fn ttl(&self) -> u8 {
        self.header.ttl()
    }

    /// Protocol of the payload.
    pub fn protocol(&self) -> u8 {
        self.header.protocol().0
    }

    /// Bytes of the header, 20 to 60.
    pub fn header_len(&self) -> usize {
        self.header.slice().len()
    }

    /// Whether this is only a part of a packet.
    pub fn is_fragment(&self) -> bool {
        self.header.is_fragmenting_payload()
    }

    /// The bytes behind the header, up to the total length.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::golden::{self, hex, slow_checksum};

    /// The header in front of `golden::V2_PASS`.
    const ADVERT: Header = Header {
        source: Ipv4Addr::new(192, 168, 0, 11),
        destination: Ipv4Addr::new(224, 0, 0, 18),
        ttl: 255,
        tos: 0xc0,
        id: 1,
        protocol: 112,
    };

    #[test]
    fn deconstruct() {
        let packet = hex(golden::V2_PASS);
        let view = View::new(&packet).unwrap();
        assert_eq!(
            (view.source(), view.destination()),
            (ADVERT.source, ADVERT.destination)
        );
        assert_eq!((view.ttl(), view.protocol()), (255, 112));
        assert_eq!(view.header_len(), LEN);
        assert!(!view.is_fragment());
        assert_eq!(view.payload(), &packet[LEN..]);
    }

    #[test]
    fn construct() {
        let mut buffer = [0xa5; LEN];
        buffer.copy_from_slice(&ADVERT.encode(20));
        assert_eq!(buffer, hex(golden::V2_PASS)[..LEN]);
    }

    #[test]
    fn parse_and_emit() {
        for text in golden::IPV4_PACKETS {
            let packet = hex(text);
            let view = View::new(&packet).unwrap();
            assert_eq!(view.header().encode(view.payload().len()), packet[..LEN]);
        }
    }

    #[test]
    fn options_are_skipped_and_padding_is_cut_off() {
        let mut packet = hex(golden::IGMP_REPORT).split_off(14);
        packet.extend([0xa5; 6]);
        let view = View::new(&packet).unwrap();
        assert_eq!(view.header_len(), 24);
        assert_eq!(view.protocol(), 2);
        assert_eq!(view.payload(), &packet[24..40]);
        assert_eq!(slow_checksum(view.payload()), 0);
    }

    #[test]
    fn malformed_headers_are_refused() {
        let good = hex(golden::V2_PASS);
        let refused = |at: usize, value: u8, error| {
            let mut packet = good.clone();
            packet[at] = value;
            assert_eq!(
                View::new(&packet).unwrap_err(),
                error,
                "byte {at} = {value}"
            );
        };
        refused(0, 0x65, Malformed::Header);
        refused(0, 0x44, Malformed::Header);
        refused(0, 0x4f, Malformed::Header);
        refused(3, 19, Malformed::TotalLength);
        refused(3, 41, Malformed::TotalLength);
        refused(8, 254, Malformed::Checksum);
        for len in 0..good.len() {
            assert!(View::new(&good[..len]).is_err());
        }
    }

    #[test]
    fn the_total_length_stays_in_16_bits() {
        let header = ADVERT.encode(usize::MAX);
        assert_eq!(header[2..4], [0xff, 0xff]);
        assert_eq!(slow_checksum(&header), 0);
    }
}
