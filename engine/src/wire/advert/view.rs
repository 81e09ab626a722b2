//! A borrowed view of a received advert: where the fields are, and nothing about what to believe.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{AUTH_LEN, HEADER_LEN, auth_len};
use crate::config::Version;
use crate::ids::Priority;
use crate::wire::Family;
use crate::wire::checksum::{Checksum, ChecksumForm};

/// A received VRRP payload, long enough for what it announces. Everything else in it may be wrong.
#[derive(Clone, Copy, Debug)]
pub struct AdvertView<'a> {
    version: Version,
    header: &'a [u8; HEADER_LEN],
    addresses: Addresses<'a>,
    auth: [u8; AUTH_LEN],
    /// Header, addresses and authentication data, without padding.
    message: &'a [u8],
    payload: &'a [u8],
}

/// The payload ends before the advert does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{have} bytes where the header or its address count demands {need}")]
pub struct TooShort {
    /// Bytes that are there.
    pub have: usize,
    /// Bytes that should be.
    pub need: usize,
}

/// The addresses in place, by family.
#[derive(Clone, Copy, Debug)]
enum Addresses<'a> {
    V4(&'a [[u8; 4]]),
    V6(&'a [[u8; 16]]),
}

impl<'a> AdvertView<'a> {
    /// Reads a payload as if it were of `version`, with addresses of `family`.
    ///
    /// Checks only the length: header, as many addresses as the count says, and for VRRPv2 the
    /// authentication data must be there. Bytes behind them are tolerated (keepalived 2.3.2 and
    /// later).
    pub fn new(payload: &'a [u8], version: Version, family: Family) -> Result<Self, TooShort> {
        let too_short = |need| TooShort {
            have: payload.len(),
            need,
        };
        let (header, rest) = payload
            .split_first_chunk::<HEADER_LEN>()
            .ok_or_else(|| too_short(HEADER_LEN))?;
        let addresses_len = usize::from(header[3]) * family.address_len();
        let need = HEADER_LEN + addresses_len + auth_len(version, family);
        let message = payload.get(..need).ok_or_else(|| too_short(need))?;
        let (addresses, rest) = rest.split_at(addresses_len);
        let auth = match (version, family) {
            (Version::V2, Family::V4) => rest.first_chunk().copied().unwrap_or_default(),
            (Version::V2, Family::V6) | (Version::V3, _) => [0; AUTH_LEN],
        };
        Ok(Self {
            version,
            header,
            addresses: match family {
                Family::V4 => Addresses::V4(addresses.as_chunks().0),
                Family::V6 => Addresses::V6(addresses.as_chunks().0),
            },
            auth,
            message,
            payload,
        })
    }

    /// The version it is read as; [`version_number`](Self::version_number) says what it claims.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Bytes of the advert, without what is behind it.
    #[expect(clippy::len_without_is_empty, reason = "an advert is never empty")]
    pub fn len(&self) -> usize {
        self.message.len()
    }

    /// Version in the packet, 0 to 15.
    pub fn version_number(&self) -> u8 {
        self.header[0] >> 4
    }

    /// Type in the packet, 0 to 15; adverts are [`TYPE_ADVERTISEMENT`](super::TYPE_ADVERTISEMENT).
    pub fn kind(&self) -> u8 {
        self.header[0] & 0x0f
    }

    /// Virtual router identifier; may be zero.
    pub fn vrid(&self) -> u8 {
        self.header[1]
    }

    /// Priority of the sender.
    pub fn priority(&self) -> Priority {
        Priority(self.header[2])
    }

    /// Number of addresses.
    pub fn count(&self) -> u8 {
        self.header[3]
    }

    /// VRRPv2: authentication type. Zero for VRRPv3.
    pub fn auth_type(&self) -> u8 {
        match self.version {
            Version::V2 => self.header[4],
            Version::V3 => 0,
        }
    }

    /// Interval in centiseconds; may be zero. VRRPv2 has whole seconds, VRRPv3 at most 4095.
    pub fn interval(&self) -> u16 {
        match self.version {
            Version::V2 => u16::from(self.header[5]) * 100,
            Version::V3 => u16::from_be_bytes([self.header[4] & 0x0f, self.header[5]]),
        }
    }

    /// The checksum as it stands there.
    pub fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.header[6], self.header[7]])
    }

    /// The addresses in the order of the packet.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + Clone + use<'a> {
        let (v4, v6): (&'a [_], &'a [_]) = match self.addresses {
            Addresses::V4(v4) => (v4, &[]),
            Addresses::V6(v6) => (&[], v6),
        };
        let v4 = v4.iter().map(|octets| IpAddr::V4(Ipv4Addr::from(*octets)));
        v4.chain(v6.iter().map(|octets| IpAddr::V6(Ipv6Addr::from(*octets))))
    }

    /// VRRPv2: the eight bytes behind the addresses. Zeros for VRRPv3.
    pub fn auth_data(&self) -> [u8; AUTH_LEN] {
        self.auth
    }

    /// Which of the forms allowed here the checksum is right in; `None` when it is wrong.
    ///
    /// Over IPv4, VRRPv2 has the message alone, and VRRPv3 may have either: keepalived and FRR
    /// include the pseudo-header, RFC 9568 doesn't. Over IPv6 the pseudo-header belongs to it, and
    /// so do bytes behind the message (RFC 8200 8.1), which IPv4 leaves out as keepalived does.
    pub fn checksum_form(&self, source: IpAddr, destination: IpAddr) -> Option<ChecksumForm> {
        let (message_allowed, pseudo_allowed, summed) = match (self.version, Family::of(source)) {
            (Version::V2, Family::V4) => (true, false, self.message),
            (Version::V3, Family::V4) => (true, true, self.message),
            (_, Family::V6) => (false, true, self.payload),
        };
        let sum = Checksum::default().add(summed);
        if message_allowed && sum.holds() {
            return Some(ChecksumForm::Message);
        }
        let sum = sum.add_pseudo_header(source, destination, summed.len());
        (pseudo_allowed && sum.holds()).then_some(ChecksumForm::PseudoHeader)
    }
}
