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
