//! The Internet checksum (RFC 1071) and the pseudo-header that some adverts include in it.
//!
//! VRRPv2 sums the message alone. For VRRPv3 over IPv4 the world is divided: RFC 9568 5.2.8 sums
//! the message alone, keepalived and FRR include a pseudo-header. IPv6 always includes it
//! (RFC 8200 8.1).

use core::net::{IpAddr, Ipv6Addr};

use etherparse::checksum::Sum16BitWords;

use super::PROTOCOL;

/// What an advert's checksum was computed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChecksumForm {
    /// The VRRP message alone.
    Message,
    /// A pseudo-header (source, destination, length, protocol 112), then the message.
    PseudoHeader,
}

/// A running one's complement sum of 16-bit words in network order.
#[derive(Clone, Debug, Default)]
pub(super) struct Checksum(Sum16BitWords);

impl Checksum {
    /// Adds bytes. A part of odd length is padded with a zero byte, so only the last may be odd.
    pub(super) fn add(self, bytes: &[u8]) -> Self {
        Self(self.0.add_slice(bytes))
    }

    /// Adds the pseudo-header in front of a VRRP message of `length` bytes.
    pub(super) fn add_pseudo_header(
        self,
        source: IpAddr,
        destination: IpAddr,
        length: usize,
    ) -> Self {
        self.add_pseudo_header_of(PROTOCOL, source, destination, length)
    }

    /// A whole message behind an IPv6 header, with its pseudo-header.
    pub(super) fn of_ipv6(
        source: Ipv6Addr,
        destination: Ipv6Addr,
        protocol: u8,
        message: &[u8],
    ) -> Self {
        Self::default()
            .add_pseudo_header_of(protocol, source.into(), destination.into(), message.len())
            .add(message)
    }

    fn add_pseudo_header_of(
        self,
        protocol: u8,
        source: IpAddr,
        destination: IpAddr,
        length: usize,
    ) -> Self {
        // IPv4 carries the length in 16 bits and IPv6 in 32; with zeros in the upper half, as
        // here, both give the same sum.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.add_address(source)
            .add_address(destination)
            .add(&length.to_be_bytes())
            .add(&[0, protocol])
    }

    fn add_address(self, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => self.add(&address.octets()),
            IpAddr::V6(address) => self.add(&address.octets()),
        }
    }

    /// The number for the checksum field, which was zero in what was added.
    pub(super) fn finish(&self) -> u16 {
        self.0.ones_complement().to_be()
    }

    /// Whether what was added, checksum field included, is sound.
    pub(super) fn holds(&self) -> bool {
        self.finish() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_the_example_of_rfc_1071() {
        let sum = Checksum::default().add(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.finish(), !0xddf2);
        assert!(!sum.holds());
        assert!(sum.add(&(!0xddf2_u16).to_be_bytes()).holds());
    }

    #[test]
    fn pads_an_odd_end() {
        let odd = Checksum::default().add(&[0x12, 0x34, 0x56]);
        let even = Checksum::default().add(&[0x12, 0x34, 0x56, 0x00]);
        assert_eq!(odd.finish(), even.finish());
    }
}
