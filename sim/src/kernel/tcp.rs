//! As much TCP as a health check needs: SYN, and its answer (RFC 9293 3.1).
//!
//! No connection ever exists. A port is answered when the host's service is up; the status that an
//! HTTP check expects is looked up beside the network, once the SYN has been answered through it.

use core::net::IpAddr;

/// IP protocol number of TCP.
pub(crate) const PROTOCOL: u8 = 6;
const LEN: usize = 20;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const WINDOW: u16 = 64_240;

/// A segment without data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) sequence: u32,
    pub(crate) acknowledged: u32,
    pub(crate) flags: Flags,
}

/// The two kinds that are sent here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flags {
    Syn,
    SynAck,
}

impl Segment {
    /// The bytes behind the IP header.
    pub(crate) fn encode(&self, source: IpAddr, destination: IpAddr) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[0..2].copy_from_slice(&self.source_port.to_be_bytes());
        bytes[2..4].copy_from_slice(&self.destination_port.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.acknowledged.to_be_bytes());
        bytes[12] = 5 << 4;
        bytes[13] = match self.flags {
            Flags::Syn => SYN,
            Flags::SynAck => SYN | ACK,
        };
        bytes[14..16].copy_from_slice(&WINDOW.to_be_bytes());
        let checksum = !sum(source, destination, &bytes);
        bytes[16..18].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    /// `None` for anything but a sound SYN or SYN-ACK.
    pub(crate) fn parse(source: IpAddr, destination: IpAddr, bytes: &[u8]) -> Option<Self> {
        let header: &[u8; LEN] = bytes.first_chunk()?;
        if sum(source, destination, bytes) != 0xffff {
            return None;
        }
        let flags = match header[13] {
            SYN => Flags::Syn,
            both if both == SYN | ACK => Flags::SynAck,
            _ => return None,
        };
        let long = |at: usize| {
            u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        Some(Self {
            source_port: u16::from_be_bytes([header[0], header[1]]),
            destination_port: u16::from_be_bytes([header[2], header[3]]),
            sequence: long(4),
            acknowledged: long(8),
            flags,
        })
    }

    /// The answer of a port that is open.
    pub(crate) const fn to_answer(self) -> Self {
        Self {
            source_port: self.destination_port,
            destination_port: self.source_port,
            sequence: !self.sequence,
            acknowledged: self.sequence.wrapping_add(1),
            flags: Flags::SynAck,
        }
    }
}

/// The one's complement sum over pseudo-header and segment.
fn sum(source: IpAddr, destination: IpAddr, segment: &[u8]) -> u16 {
    let word = |pair: &[u8]| {
        let low = pair.get(1).copied().unwrap_or(0);
        u32::from(u16::from_be_bytes([pair[0], low]))
    };
    let address = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets().chunks(2).map(word).sum::<u32>(),
        IpAddr::V6(address) => address.octets().chunks(2).map(word).sum::<u32>(),
    };
    let mut sum = u32::from(PROTOCOL) + segment.len() as u32;
    sum += address(source) + address(destination);
    sum += segment.chunks(2).map(word).sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_survives_the_wire_and_a_flipped_bit_does_not() {
        let v4 = [[192, 168, 0, 11], [192, 168, 0, 1]].map(IpAddr::from);
        let v6 = [11_u8, 1].map(|n| IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, u16::from(n)]));
        for [here, there] in [v4, v6] {
            survives(here, there);
        }
    }

    fn survives(here: IpAddr, there: IpAddr) {
        let syn = Segment {
            source_port: 49_152,
            destination_port: 80,
            sequence: 7,
            acknowledged: 0,
            flags: Flags::Syn,
        };
        let bytes = syn.encode(here, there);
        assert_eq!(Segment::parse(here, there, &bytes), Some(syn));
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Segment::parse(here, there, &bad), None, "bit {bit}");
        }
        assert_eq!(syn.to_answer().acknowledged, 8);
    }
}
