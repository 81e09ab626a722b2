//! The trailer of `auth_hmac` (keepalived 2.4, draft-cassen-vrrp-auth-hmac): 28 bytes behind an
//! advert.
//!
//! Layout: type 1; key id; two bytes zero; the [stamp](Stamp), eight bytes; HMAC-SHA256 truncated
//! to its first 16 bytes. The HMAC covers a pseudo-header of 20 bytes (family 4 or 6, version, VRID,
//! zero, source address left-aligned in 16), the advert with its checksum zeroed, the trailer's
//! first twelve bytes and 16 zeros. The destination isn't covered, so that all peers get the same.
//! Over IPv4 the advert's checksum doesn't include the trailer, over IPv6 it does.

use core::net::IpAddr;
use core::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use serde::{Deserialize, Serialize};

use super::Family;
use crate::config::HmacKey;

/// Bytes of the trailer.
pub const LEN: usize = 28;
/// The only type there is: HMAC-SHA256, truncated.
pub const TYPE_SHA256: u8 = 1;
/// Bytes of the HMAC.
const MAC_LEN: usize = 16;
/// Where the HMAC begins.
const MAC_AT: usize = LEN - MAC_LEN;
/// Where the advert has its checksum.
const CHECKSUM: core::ops::Range<usize> = 6..8;

/// When an advert was signed: seconds since 1970 (32 bits), 2^-16 seconds (16 bits), and a counter
/// (16 bits) that makes it grow when the clock doesn't. Compared by serial number arithmetic (RFC
/// 1982), so that it survives 2106.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp(pub u64);

impl Stamp {
    /// The stamp of that wall-clock time since 1970, counter zero.
    pub fn of(utc: Duration) -> Self {
        let fraction = (u64::from(utc.subsec_nanos()) << 16) / 1_000_000_000;
        Self((utc.as_secs() & 0xffff_ffff) << 32 | fraction << 16)
    }

    /// Whether it is later than another.
    pub fn is_after(self, other: Self) -> bool {
        0 < self.0.wrapping_sub(other.0).cast_signed()
    }

    /// Its seconds.
    pub fn seconds(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Whole seconds by which the other's clock is ahead of this one's; negative when behind.
    pub fn seconds_to(self, other: Self) -> i32 {
        other.seconds().wrapping_sub(self.seconds()).cast_signed()
    }

    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// What the HMAC covers besides advert and trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Version number: 2 or 3.
    pub version: u8,
    /// Virtual router.
    pub vrid: u8,
    /// IP source.
    pub source: IpAddr,
}

/// A received trailer.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    bytes: &'a [u8; LEN],
    advert: &'a [u8],
}

impl<'a> View<'a> {
    /// The trailer of `payload`, whose advert has `advert_len` bytes: there is one when exactly
    /// [`LEN`] bytes are behind the advert, as in keepalived. Padding is never that long.
    pub fn behind(payload: &'a [u8], advert_len: usize) -> Option<Self> {
        let (advert, rest) = payload.split_at_checked(advert_len)?;
        let bytes = rest.try_into().ok()?;
        (advert.len() >= CHECKSUM.end).then_some(Self { bytes, advert })
    }

    /// Whether type and reserved bytes are what they have to be.
    pub fn is_well_formed(&self) -> bool {
        self.bytes[0] == TYPE_SHA256 && self.bytes[2..4] == [0, 0]
    }

    /// Id of the key; may be zero, which no key has.
    pub fn key(&self) -> u8 {
        self.bytes[1]
    }

    /// When it was signed, as it says.
    pub fn stamp(&self) -> Stamp {
        Stamp(
            self.bytes[4..MAC_AT]
                .iter()
                .fold(0, |all, byte| all << 8 | u64::from(*byte)),
        )
    }

    /// Whether the HMAC is right, compared in constant time.
    pub fn verify(&self, key: &HmacKey, origin: &Origin) -> bool {
        let (front, sent) = self.bytes.split_at(MAC_AT);
        let mac = mac(key, origin, self.advert, front);
        mac.verify_truncated_left(sent).is_ok()
    }
}

/// The trailer to put behind an encoded advert, whose checksum doesn't matter.
///
/// # Panics
/// When the advert is shorter than its header.
pub fn sign(key: &HmacKey, stamp: Stamp, origin: &Origin, advert: &[u8]) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    bytes[..2].copy_from_slice(&[TYPE_SHA256, key.id()]);
    bytes[4..MAC_AT].copy_from_slice(&stamp.0.to_be_bytes());
    let sum = mac(key, origin, advert, &bytes[..MAC_AT]);
    bytes[MAC_AT..].copy_from_slice(&sum.finalize().into_bytes()[..MAC_LEN]);
    bytes
}

fn mac(key: &HmacKey, origin: &Origin, advert: &[u8], front: &[u8]) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.bytes()).expect("HMAC takes keys of any length");
    mac.update(&pseudo_header(origin));
    mac.update(&advert[..CHECKSUM.start]);
    mac.update(&[0; 2]);
    mac.update(&advert[CHECKSUM.end..]);
    mac.update(front);
    mac.update(&[0; MAC_LEN]);
    mac
}

fn pseudo_header(origin: &Origin) -> [u8; 20] {
    let family = match Family::of(origin.source) {
        Family::V4 => 4,
        Family::V6 => 6,
    };
    let mut bytes = [0; 20];
    bytes[..3].copy_from_slice(&[family, origin.version, origin.vrid]);
    match origin.source {
        IpAddr::V4(source) => bytes[4..8].copy_from_slice(&source.octets()),
        IpAddr::V6(source) => bytes[4..].copy_from_slice(&source.octets()),
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::golden::hex;

    /// The vectors of the draft's appendix: source, advert, trailer. The key counts from 00 to 1f.
    const PUBLISHED: [(&str, &str, &str); 2] = [
        (
            "198.51.100.10",
            "3133c80100644402c0000264",
            "0101000068000000800000001b84bc4e8e43892dc6d98448f8ee2265",
        ),
        (
            "fe80::10",
            "3133c8010064a2e9fe800000000000000000000000000100",
            "010100006800000080000000c8c56146ebfd66ee10ec4d8186461b78",
        ),
    ];

    fn key() -> HmacKey {
        let bytes: Vec<u8> = (0..32).collect();
        HmacKey::new(1, &bytes).expect("long enough")
    }

    fn origin(source: &str) -> Origin {
        Origin {
            version: 3,
            vrid: 51,
            source: source.parse().expect("an address"),
        }
    }

    #[test]
    fn the_published_vectors_are_sent_and_verified() {
        for (source, advert, trailer) in PUBLISHED {
            let (advert, trailer) = (hex(advert), hex(trailer));
            let stamp = Stamp(0x6800_0000_8000_0000);
            assert_eq!(sign(&key(), stamp, &origin(source), &advert)[..], trailer);
            let payload = [advert.clone(), trailer].concat();
            let view = View::behind(&payload, advert.len()).expect("a trailer");
            assert!(view.is_well_formed() && view.verify(&key(), &origin(source)));
            assert_eq!((view.key(), view.stamp()), (1, stamp));
        }
    }

    /// Adverts of keepalived 2.4.3 with the vectors' key (192.0.2.11, priority 150), as recorded on a
    /// veth pair on 2026-11-24: version, advert, trailer.
    const RECORDED: [(u8, &str, &str); 2] = [
        (
            3,
            "313396010064d367c0000264",
            "010100006b0570181a640000c4c1f3c0754b19946a8f54316d11e3b8",
        ),
        (
            2,
            "2133960100018665c00002640000000000000000",
            "010100006b057031420400008780de561d03a201e8ee37dace379f40",
        ),
    ];

    #[test]
    fn what_keepalived_sent_is_sent_and_verified() {
        for (version, advert, trailer) in RECORDED {
            let (advert, trailer) = (hex(advert), hex(trailer));
            let payload = [advert.clone(), trailer.clone()].concat();
            let view = View::behind(&payload, advert.len()).expect("a trailer");
            let origin = Origin {
                version,
                ..origin("192.0.2.11")
            };
            assert!(view.is_well_formed() && view.verify(&key(), &origin));
            assert_eq!(sign(&key(), view.stamp(), &origin, &advert)[..], trailer);
        }
    }

    #[test]
    fn every_bit_is_covered_but_the_checksum() {
        let (source, advert, trailer) = PUBLISHED[0];
        let payload = [hex(advert), hex(trailer)].concat();
        for bit in 0..payload.len() * 8 {
            let mut bytes = payload.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let view = View::behind(&bytes, 12).expect("a trailer");
            let checksum = CHECKSUM.contains(&(bit / 8));
            assert_eq!(view.verify(&key(), &origin(source)), checksum, "bit {bit}");
        }
        let view = View::behind(&payload, 12).expect("a trailer");
        let right = origin(source);
        let others = [
            Origin {
                version: 2,
                ..right
            },
            Origin { vrid: 52, ..right },
            origin("198.51.100.11"),
        ];
        for other in others {
            assert!(!view.verify(&key(), &other));
        }
    }

    #[test]
    fn only_28_bytes_are_a_trailer() {
        let payload = [0; 60];
        for len in 0..60 {
            assert_eq!(
                View::behind(&payload[..len], 12).is_some(),
                len == 40,
                "{len}"
            );
        }
        assert!(
            View::behind(&payload[..28], 0).is_none(),
            "no advert in front"
        );
    }

    #[test]
    fn stamps_are_serial_numbers() {
        let half = Stamp::of(Duration::new(0x6800_0000, 500_000_000));
        assert_eq!(half, Stamp(0x6800_0000_8000_0000));
        assert!(half.next().is_after(half) && !half.is_after(half));
        let last = Stamp(u64::MAX);
        assert!(last.next().is_after(last) && !last.is_after(last.next()));
        let later = Stamp::of(Duration::from_secs(0x1_0000_0002));
        assert_eq!(later.seconds(), 2);
        assert_eq!(Stamp(0xffff_ffff << 32).seconds_to(later), 3);
        assert_eq!(later.seconds_to(Stamp(0xffff_ffff << 32)), -3);
    }
}
