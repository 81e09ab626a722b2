//! The wire formats: VRRP adverts and the little of Ethernet, ARP, neighbour discovery, IP and ICMP
//! around them.
//!
//! Each format has a *view*, which borrows received bytes and is checked once, and a *value*, which
//! encodes itself. What a view's constructor lets through no accessor panics on, and nothing here
//! judges: whether an advert is to be believed is decided by the [router](crate::router).
//!
//! Adverts are written here (RFC 9568 5, RFC 3768 5, keepalived's behaviour); the other formats
//! come from etherparse, which callers don't get to see, but for neighbour discovery, of which it
//! knows the parts only.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ids::Vrid;

pub mod advert;
pub mod ah;
pub mod arp;
pub mod checksum;
pub mod ethernet;
pub mod icmp;
pub mod ipv4;
pub mod ipv6;
pub mod ndp;
pub mod trailer;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;

pub use advert::{Advert, AdvertView, TooShort, advert_packet, advert_packet_v6, set_checksum};
pub use checksum::ChecksumForm;

/// IP protocol number of VRRP (RFC 9568 5.1.1.4).
pub const PROTOCOL: u8 = 112;
/// Where IPv4 adverts go (RFC 9568 5.1.1.2).
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// Where IPv6 adverts go (RFC 9568 5.1.2.2).
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);
/// TTL and hop limit of every advert: shows that no router has forwarded it (RFC 9568 5.1.1.3).
pub const TTL: u8 = 255;
/// Type of service or traffic class of adverts: CS6, internetwork control, as keepalived sends it.
pub const TOS: u8 = 0xc0;

/// The address family of a virtual router: its adverts and its addresses are of the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// Bytes of an IP header without options.
    pub const fn header_len(self) -> usize {
        match self {
            Self::V4 => ipv4::LEN,
            Self::V6 => ipv6::LEN,
        }
    }

    /// The prefix length of a single host.
    pub const fn host_prefix(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    /// The group that adverts go to.
    pub const fn group(self) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(GROUP_V4),
            Self::V6 => IpAddr::V6(GROUP_V6),
        }
    }

    /// Bytes of one address on the wire.
    pub const fn address_len(self) -> usize {
        match self {
            Self::V4 => 4,
            Self::V6 => 16,
        }
    }
}

/// The VRRP message of a packet: its payload, or what is behind the authentication header in it.
/// `None` when it is neither.
pub fn message(protocol: u8, payload: &[u8]) -> Option<&[u8]> {
    match protocol {
        PROTOCOL => Some(payload),
        ah::PROTOCOL => ah::View::new(payload).map(|view| view.advert()),
        _ => None,
    }
}

/// The virtual router that a VRRP payload is for, before anything else is checked: the second
/// byte in every version. `None` when it isn't there or is zero.
pub fn peek_vrid(payload: &[u8]) -> Option<Vrid> {
    Vrid::new(*payload.get(1)?)
}

impl core::fmt::Display for Family {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peeks_at_the_second_byte_only() {
        assert_eq!(peek_vrid(&[]), None);
        assert_eq!(peek_vrid(&[0x21]), None);
        assert_eq!(peek_vrid(&[0x21, 0]), None);
        assert_eq!(peek_vrid(&[0xff, 51]), Vrid::new(51));
    }
}
