//! The IPsec authentication header (RFC 4302) in the one shape that VRRP has: in front of a VRRPv2
//! advert over IPv4, HMAC-MD5-96 (RFC 2403), byte for byte as keepalived sends it.
//!
//! The ICV covers the IP header with its mutable fields zeroed (type of service, flags, offset and
//! checksum; towards peers also the TTL, which RFC 4302 3.3.3.1.1.1 calls mutable, but not towards
//! the group), this header with the ICV zeroed, and the advert. Options of the IP header aren't
//! supported: nobody sends adverts with them.

use core::net::Ipv4Addr;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use super::{PROTOCOL as VRRP, ipv4};
use crate::config::HeaderKey;

/// IP protocol number of the header.
pub const PROTOCOL: u8 = 51;
/// Bytes of the header.
pub const LEN: usize = 24;
/// Bytes of the ICV: 96 bits.
pub const ICV_LEN: usize = 12;
/// The length field: 32-bit words less two.
const WORDS: u8 = 4;
/// Where the ICV begins.
const ICV_AT: usize = LEN - ICV_LEN;

/// A received header with VRRP behind it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; LEN],
    advert: &'a [u8],
}

impl<'a> View<'a> {
    /// Reads what is behind an IPv4 header of protocol 51. `None` when it is too short, of another
    /// length than [`LEN`], or in front of something else than VRRP.
    pub fn new(payload: &'a [u8]) -> Option<Self> {
        let (header, advert) = payload.split_first_chunk::<LEN>()?;
        (header[0] == VRRP && header[1] == WORDS).then_some(Self { header, advert })
    }

    /// What is behind it.
    pub fn advert(&self) -> &'a [u8] {
        self.advert
    }

    /// Security parameters index; keepalived puts the sender's address there.
    pub fn spi(&self) -> u32 {
        u32::from_be_bytes([
            self.header[4],
            self.header[5],
            self.header[6],
            self.header[7],
        ])
    }

    /// Sequence number.
    pub fn sequence(&self) -> u32 {
        u32::from_be_bytes([
            self.header[8],
            self.header[9],
            self.header[10],
            self.header[11],
        ])
    }

    /// Whether the ICV is right, compared in constant time. `packet` is the IP header it came
    /// behind; its protocol and type of service don't matter.
    pub fn verify(&self, key: &HeaderKey, packet: &ipv4::Header) -> bool {
        let (front, icv) = self.header.split_at(ICV_AT);
        let mac = mac(key, packet, front, self.advert);
        mac.verify_truncated_left(icv).is_ok()
    }
}

/// Puts a header in front of the advert in `packet`, a whole IPv4 packet without options, and
/// mends the IP header: protocol, length, checksum. Allocates nothing when the capacity is there.
///
/// # Panics
/// When `packet` is shorter than an IPv4 header.
pub fn insert(key: &HeaderKey, sequence: u32, header: ipv4::Header, packet: &mut Vec<u8>) {
    let behind = packet.len() - ipv4::LEN;
    packet.resize(packet.len() + LEN, 0);
    packet.copy_within(ipv4::LEN..ipv4::LEN + behind, ipv4::LEN + LEN);
    let header = ipv4::Header {
        protocol: PROTOCOL,
        ..header
    };
    packet[..ipv4::LEN].copy_from_slice(&header.encode(LEN + behind));
    let mut front = [0; ICV_AT];
    front[..2].copy_from_slice(&[VRRP, WORDS]);
    front[4..8].copy_from_slice(&header.source.octets());
    front[8..].copy_from_slice(&sequence.to_be_bytes());
    let (own, advert) = packet[ipv4::LEN..].split_at_mut(LEN);
    let icv = mac(key, &header, &front, advert).finalize().into_bytes();
    own[..ICV_AT].copy_from_slice(&front);
    own[ICV_AT..].copy_from_slice(&icv[..ICV_LEN]);
}

fn mac(key: &HeaderKey, packet: &ipv4::Header, front: &[u8], advert: &[u8]) -> Hmac<Md5> {
    let mut mac = Hmac::<Md5>::new_from_slice(&key.0).expect("HMAC takes keys of any length");
    mac.update(&immutable(packet, LEN + advert.len()));
    mac.update(front);
    mac.update(&[0; ICV_LEN]);
    mac.update(advert);
    mac
}

/// The IP header as both ends see it, whatever happens on the way.
fn immutable(packet: &ipv4::Header, payload_len: usize) -> [u8; ipv4::LEN] {
    let to: Ipv4Addr = packet.destination;
    let still = ipv4::Header {
        tos: 0,
        protocol: PROTOCOL,
        ttl: if to.is_multicast() { packet.ttl } else { 0 },
        ..*packet
    };
    let mut bytes = still.encode(payload_len);
    bytes[10..12].fill(0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::golden::hex;

    /// The first advert of keepalived 2.2.7 (192.0.2.11, priority 150, `auth_pass sesame`), as
    /// recorded on a veth pair on 2026-11-24.
    const KEEPALIVED: &str = "45c00040000100 00ff3318acc000020be0000012 70040000c000020b00000001 \
        445d0426a0c4e1cfc5928c36 213396010201 8465c00002640000000000000000";
    const KEY: HeaderKey = HeaderKey(*b"sesame\0\0");

    fn recorded() -> Vec<u8> {
        hex(&KEEPALIVED.replace(' ', ""))
    }

    #[test]
    fn verifies_what_keepalived_sent() {
        let packet = recorded();
        let ip = ipv4::View::new(&packet).expect("sound");
        let view = View::new(ip.payload()).expect("VRRP behind it");
        assert_eq!((view.spi(), view.sequence()), (0xc000_020b, 1));
        assert!(view.verify(&KEY, &ip.header()));
        assert!(!view.verify(&HeaderKey(*b"sesamf\0\0"), &ip.header()));
    }

    #[test]
    fn sends_what_keepalived_sends() {
        let packet = recorded();
        let header = ipv4::View::new(&packet).expect("sound").header();
        let mut ours = packet.clone();
        ours.drain(ipv4::LEN..ipv4::LEN + LEN);
        insert(&KEY, 1, header, &mut ours);
        assert_eq!(ours, packet);
    }

    #[test]
    fn every_byte_that_stays_the_same_is_covered() {
        let packet = recorded();
        let sound = |bytes: &[u8]| {
            let header = ipv4::View::new(&packet).expect("sound").header();
            View::new(bytes).is_some_and(|view| view.verify(&KEY, &header))
        };
        for at in 0..packet.len() - ipv4::LEN {
            let mut payload = packet[ipv4::LEN..].to_vec();
            assert!(sound(&payload));
            payload[at] ^= 1;
            // The reserved bytes are covered too.
            assert!(!sound(&payload), "byte {at}");
        }
        let ip = ipv4::View::new(&packet).expect("sound");
        let view = View::new(ip.payload()).expect("VRRP behind it");
        for other in [
            ipv4::Header {
                id: 2,
                ..ip.header()
            },
            ipv4::Header {
                ttl: 254,
                ..ip.header()
            },
            ipv4::Header {
                source: Ipv4Addr::new(192, 0, 2, 13),
                ..ip.header()
            },
            ipv4::Header {
                destination: Ipv4Addr::new(224, 0, 0, 19),
                ..ip.header()
            },
        ] {
            assert!(!view.verify(&KEY, &other));
        }
        let marked = ipv4::Header {
            tos: 0,
            ..ip.header()
        };
        assert!(
            view.verify(&KEY, &marked),
            "routers may rewrite the type of service"
        );
    }

    #[test]
    fn towards_a_peer_the_ttl_may_change_on_the_way() {
        let mut packet = recorded();
        let header = ipv4::Header {
            destination: Ipv4Addr::new(192, 0, 2, 12),
            ..ipv4::View::new(&packet).expect("sound").header()
        };
        packet.drain(ipv4::LEN..ipv4::LEN + LEN);
        insert(&KEY, 9, header, &mut packet);
        let view = View::new(&packet[ipv4::LEN..]).expect("VRRP behind it");
        assert!(view.verify(&KEY, &ipv4::Header { ttl: 3, ..header }));
    }

    #[test]
    fn other_headers_are_none() {
        let packet = recorded();
        let good = &packet[ipv4::LEN..];
        for (at, value) in [(0, 6), (1, 5)] {
            let mut bytes = good.to_vec();
            bytes[at] = value;
            assert!(View::new(&bytes).is_none());
        }
        for len in 0..LEN {
            assert!(View::new(&good[..len]).is_none());
        }
    }
}
