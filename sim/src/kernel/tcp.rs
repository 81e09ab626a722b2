//! As much TCP as a health check needs: SYN, and its answer (RFC 9293 3.1).
//!
//! No connection ever exists. A port is answered when the host's service is up; the status that an
//! HTTP check expects is looked up beside the network, once the SYN has been answered through it.

use core::net::Ipv4Addr;

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
    pub(crate) fn encode(&self, source: Ipv4Addr, destination: Ipv4Addr) -> [u8; LEN] {
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
    pub(crate) fn parse(source: Ipv4Addr, destination: Ipv4Addr, bytes: &[u8]) -> Option<Self> {
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
fn sum(source: Ipv4Addr, destination: Ipv4Addr, segment: &[u8]) -> u16 {
    let word = |pair: &[u8]| {
        let low = pair.get(1).copied().unwrap_or(0);
        u32::from(u16::from_be_bytes([pair[0], low]))
    };
    let addresses = source.octets().into_iter().chain(destination.octets());
    let addresses: [u8; 8] = {
        let mut bytes = [0; 8];
        for (slot, byte) in bytes.iter_mut().zip(addresses) {
            *slot = byte;
        }
        bytes
    };
    let mut sum = u32::from(PROTOCOL) + segment.len() as u32;
    sum += addresses.chunks(2).map(word).sum::<u32>();
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
        let (here, there) = (
            Ipv4Addr::new(192, 168, 0, 11),
            Ipv4Addr::new(192, 168, 0, 1),
        );
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
