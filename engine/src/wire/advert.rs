//! VRRP adverts: the value that is sent. The [view](AdvertView) of received ones is next door.
//!
//! Layout (RFC 3768 5.1, RFC 9568 5.1): version and type, VRID, priority, address count; then in
//! VRRPv2 authentication type and interval in seconds, in VRRPv3 the interval in centiseconds
//! (12 bits); checksum; addresses; in VRRPv2 eight bytes of authentication data, always.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::checksum::{Checksum, ChecksumForm};
use super::{Family, PROTOCOL, TOS, ipv4, ipv6};
use crate::config::{Auth, Version};
use crate::ids::{Priority, Vrid};
use crate::time::Centis;

mod view;

pub use view::{AdvertView, TooShort};

/// Bytes in front of the addresses.
const HEADER_LEN: usize = 8;
/// Bytes of authentication data behind the addresses (VRRPv2).
const AUTH_LEN: usize = 8;
/// The most addresses that the count byte can announce.
const ADDRESSES_MAX: usize = 255;
/// The only type of VRRP packet there is (RFC 9568 5.2.2).
pub const TYPE_ADVERTISEMENT: u8 = 1;
/// VRRPv2 authentication type: none.
pub const AUTH_NONE: u8 = 0;
/// VRRPv2 authentication type: password in clear (RFC 2338 5.3.6; keepalived's `PASS`).
pub const AUTH_PASS: u8 = 1;
/// VRRPv2 authentication type: IPsec AH; see [`ah`](super::ah).
pub const AUTH_AH: u8 = 2;

/// An advert to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advert<'a> {
    /// Protocol version.
    pub version: Version,
    /// Virtual router.
    pub vrid: Vrid,
    /// Priority of the sender.
    pub priority: Priority,
    /// Interval between adverts. VRRPv2 rounds to whole seconds (1 to 255), VRRPv3 sends at most
    /// [`Centis::MAX_V3`].
    pub interval: Centis,
    /// Authentication. VRRPv3 has none and ignores this. The header of `auth_type AH` isn't part of
    /// the advert: [`ah::insert`](super::ah::insert) puts it in front.
    pub auth: Auth,
    /// The addresses in configuration order, all of the sender's family. Only the first 255 are
    /// sent: the count on the wire is one byte.
    pub addresses: &'a [IpAddr],
}

impl<'a> Advert<'a> {
    /// Bytes of the advert encoded for packets of this family, at most 4096. The family decides
    /// whether VRRPv2 has authentication data, and an advert may be without addresses.
    pub fn encoded_len(&self, family: Family) -> usize {
        let addresses = self.sent_addresses().len() * family.address_len();
        HEADER_LEN + addresses + auth_len(self.version, family)
    }

    /// Writes the advert into a buffer of exactly [`encoded_len`](Self::encoded_len) bytes (for the
    /// source's family), with
    /// the checksum that keepalived sends between these two addresses: VRRPv2 over IPv4 sums the
    /// message alone, everything else includes the pseudo-header.
    ///
    /// # Panics
    /// When the buffer has another length.
    pub fn encode(&self, buffer: &mut [u8], source: IpAddr, destination: IpAddr) {
        assert_eq!(
            buffer.len(),
            self.encoded_len(Family::of(source)),
            "buffer of encoded_len bytes"
        );
        let (header, mut rest) = buffer.split_at_mut(HEADER_LEN);
        header.copy_from_slice(&self.header());
        for address in self.sent_addresses() {
            let (field, tail) = rest.split_at_mut(Family::of(*address).address_len());
            match address {
                IpAddr::V4(address) => field.copy_from_slice(&address.octets()),
                IpAddr::V6(address) => field.copy_from_slice(&address.octets()),
            }
            rest = tail;
        }
        if let Some(field) = rest.first_chunk_mut() {
            *field = match self.auth {
                Auth::None | Auth::Header(_) => [0; AUTH_LEN],
                Auth::Password(password) => password,
            };
        }
        let form = sent_form(self.version, Family::of(source));
        set_checksum(form, buffer, source, destination);
    }

    /// The value of a received advert, its addresses put into `addresses` (which is emptied).
    ///
    /// `None` when no `Advert` encodes like it: another version or type than the view was made
    /// for, VRID or interval zero, an authentication other than none or password. The checksum
    /// isn't looked at.
    pub fn parse(view: &AdvertView<'_>, addresses: &'a mut Vec<IpAddr>) -> Option<Self> {
        let version = view.version();
        if view.version_number() != version_number(version) || view.kind() != TYPE_ADVERTISEMENT {
            return None;
        }
        let auth = match (version, view.auth_type()) {
            (Version::V3, _) | (Version::V2, AUTH_NONE) => Auth::None,
            (Version::V2, AUTH_PASS) => Auth::Password(view.auth_data()),
            (Version::V2, _) => return None,
        };
        addresses.clear();
        addresses.extend(view.addresses());
        Some(Self {
            version,
            vrid: Vrid::new(view.vrid())?,
            priority: view.priority(),
            interval: Centis::new(view.interval())?,
            auth,
            addresses,
        })
    }

    /// The first eight bytes, checksum zero.
    fn header(&self) -> [u8; HEADER_LEN] {
        let [high, low] = match self.version {
            Version::V2 => [self.auth_type(), self.interval.to_seconds()],
            Version::V3 => self.interval.min(Centis::MAX_V3).get().to_be_bytes(),
        };
        let count = u8::try_from(self.sent_addresses().len()).unwrap_or(u8::MAX);
        [
            version_number(self.version) << 4 | TYPE_ADVERTISEMENT,
            self.vrid.get(),
            self.priority.get(),
            count,
            high,
            low,
            0,
            0,
        ]
    }

    fn auth_type(&self) -> u8 {
        match self.auth {
            Auth::None => AUTH_NONE,
            Auth::Password(_) => AUTH_PASS,
            Auth::Header(_) => AUTH_AH,
        }
    }

    fn sent_addresses(&self) -> &'a [IpAddr] {
        &self.addresses[..self.addresses.len().min(ADDRESSES_MAX)]
    }
}

/// Replaces what is in `packet` by an advert as a whole IPv4 packet.
///
/// Allocates nothing when the capacity is there. `id` is the IP identification (keepalived counts
/// adverts from 1), `ttl` is [`TTL`](super::TTL) unless `unicast_ttl` says otherwise.
pub fn advert_packet(
    id: u16,
    ttl: u8,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    advert: &Advert<'_>,
    packet: &mut Vec<u8>,
) {
    let len = advert.encoded_len(Family::V4);
    let header = ipv4::Header {
        source,
        destination,
        ttl,
        tos: TOS,
        id,
        protocol: PROTOCOL,
    };
    packet.clear();
    packet.extend_from_slice(&header.encode(len));
    packet.resize(ipv4::LEN + len, 0);
    advert.encode(&mut packet[ipv4::LEN..], source.into(), destination.into());
}

/// As [`advert_packet`], as a whole IPv6 packet, which has no identification.
pub fn advert_packet_v6(
    hop_limit: u8,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    advert: &Advert<'_>,
    packet: &mut Vec<u8>,
) {
    let len = advert.encoded_len(Family::V6);
    let header = ipv6::Header {
        source,
        destination,
        hop_limit,
        traffic_class: TOS,
        next_header: PROTOCOL,
    };
    packet.clear();
    packet.extend_from_slice(&header.encode(len));
    packet.resize(ipv6::LEN + len, 0);
    advert.encode(&mut packet[ipv6::LEN..], source.into(), destination.into());
}

/// The number in the upper four bits of the first byte.
pub const fn version_number(version: Version) -> u8 {
    match version {
        Version::V2 => 2,
        Version::V3 => 3,
    }
}

/// keepalived 2.2.7 sends VRRPv2 over IPv6 without authentication data.
const fn auth_len(version: Version, family: Family) -> usize {
    match (version, family) {
        (Version::V2, Family::V4) => AUTH_LEN,
        (Version::V2, Family::V6) | (Version::V3, _) => 0,
    }
}

/// The checksum form that keepalived sends. VRRPv2 over IPv6 is in no RFC; keepalived allows it,
/// and there the kernel computes the usual IPv6 checksum.
const fn sent_form(version: Version, family: Family) -> ChecksumForm {
    match (version, family) {
        (Version::V2, Family::V4) => ChecksumForm::Message,
        (Version::V3, Family::V4) | (_, Family::V6) => ChecksumForm::PseudoHeader,
    }
}

/// Gives an encoded advert the checksum of that form, in place of the one it has.
///
/// # Panics
/// When the message is shorter than its header.
pub fn set_checksum(form: ChecksumForm, message: &mut [u8], source: IpAddr, destination: IpAddr) {
    message[6..HEADER_LEN].fill(0);
    let sum = match form {
        ChecksumForm::Message => Checksum::default(),
        ChecksumForm::PseudoHeader => {
            Checksum::default().add_pseudo_header(source, destination, message.len())
        }
    };
    let checksum = sum.add(message).finish();
    message[6..HEADER_LEN].copy_from_slice(&checksum.to_be_bytes());
}

#[cfg(test)]
mod tests;
