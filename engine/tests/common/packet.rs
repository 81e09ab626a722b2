//! An advert to spoil before and after it is authenticated, whichever way.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use locum_engine::config::{
    Auth, HeaderKey, Hmac, HmacKey, HmacMode, InstanceConfig, OldChecksum, Peer, Unicast, Version,
};
use locum_engine::event::StateKind;
use locum_engine::wire::trailer::{self, Origin, Stamp};
use locum_engine::wire::{GROUP_V4, TTL, ah, ipv4};
use locum_engine::{Command, Datagram, Input};

use super::{Bench, ETH0, PASSWORD, PEER, US, config, instance, payload, secs};

pub const KEY: HeaderKey = HeaderKey(*b"sesame\0\0");
/// Somebody who isn't a peer.
pub const STRANGER: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 77);
/// What the wall clock says when a test begins.
pub const UTC: Duration = Duration::from_secs(1_767_225_600);

pub fn key(id: u8) -> HmacKey {
    HmacKey::new(id, &[id; 32]).expect("32 bytes")
}

pub fn hmac(mode: HmacMode) -> Hmac {
    Hmac {
        keys: vec![key(1), key(2)],
        active: 1,
        mode,
        window: Some(secs(5)),
    }
}

pub fn with_header(priority: u8) -> InstanceConfig {
    InstanceConfig {
        auth: Auth::Header(KEY),
        ..instance(priority)
    }
}

pub fn with_trailer(version: Version, priority: u8, hmac: Hmac) -> InstanceConfig {
    InstanceConfig {
        version,
        auth: Auth::None,
        hmac: Some(Arc::new(hmac)),
        ..instance(priority)
    }
}

/// RFC 1071, written out: a second opinion on the engine's own.
fn internet_checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|w| u32::from(w[0]) << 8 | u32::from(*w.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("folded to 16 bits")
}

/// The founding password in version 2, nothing in version 3.
pub fn configured(version: Version, priority: u8) -> InstanceConfig {
    let auth = match version {
        Version::V2 => PASSWORD,
        Version::V3 => Auth::None,
    };
    InstanceConfig {
        version,
        auth,
        ..instance(priority)
    }
}

/// The same with the peer as its only one, whose TTL is limited.
pub fn unicast(instance: InstanceConfig) -> InstanceConfig {
    let peer = Peer {
        address: PEER.into(),
        ttl: 60..=64,
    };
    InstanceConfig {
        unicast: Some(Unicast {
            peers: vec![peer],
            ttl: 255,
            check_source: true,
            old_checksum: OldChecksum::Detect,
        }),
        ..instance
    }
}

/// An advert to spoil before and after it is authenticated.
#[derive(Clone)]
pub struct Packet {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub ttl: u8,
    pub advert: Vec<u8>,
    pub sum: bool,
    /// `None` leaves the header out.
    pub header: Option<(HeaderKey, u32)>,
    pub spi: bool,
    pub trailer: Option<(HmacKey, Stamp)>,
    pub reserved: u8,
    pub forged: bool,
    /// The end is missing: so many bytes arrive.
    pub arrives: usize,
}

impl Packet {
    pub fn of(peer: &InstanceConfig) -> Self {
        let header = match peer.auth {
            Auth::Header(key) => Some((key, 1)),
            Auth::None | Auth::Password(_) => None,
        };
        Self {
            source: PEER,
            destination: if peer.unicast.is_some() { US } else { GROUP_V4 },
            ttl: if peer.unicast.is_some() { 64 } else { TTL },
            advert: payload(PEER, peer),
            sum: true,
            header,
            spi: true,
            trailer: peer.hmac.as_ref().map(|_| (key(1), Stamp::of(UTC))),
            reserved: 0,
            forged: false,
            arrives: usize::MAX,
        }
    }

    fn payload(&self) -> Vec<u8> {
        let mut advert = self.advert.clone();
        advert[6..8].fill(0);
        let mut words = match advert[0] >> 4 {
            3 => self.pseudo_header(advert.len()),
            _ => vec![],
        };
        words.extend_from_slice(&advert);
        let sum = internet_checksum(&words);
        let sum = if self.sum { sum } else { !sum };
        advert[6..8].copy_from_slice(&sum.to_be_bytes());
        if let Some((key, sequence)) = &self.header {
            let header = ipv4::Header {
                source: if self.spi { self.source } else { US },
                destination: self.destination,
                ttl: self.ttl,
                tos: 0xc0,
                id: 1,
                protocol: 112,
            };
            return self.behind_header(key, *sequence, header, &advert);
        }
        if let Some((key, stamp)) = &self.trailer {
            let origin = Origin {
                version: advert[0] >> 4,
                vrid: advert[1],
                source: self.source.into(),
            };
            let mut bytes = trailer::sign(key, *stamp, &origin, &advert);
            bytes[3] ^= self.reserved;
            bytes[27] ^= u8::from(self.forged);
            advert.extend(bytes);
        }
        advert
    }

    fn pseudo_header(&self, length: usize) -> Vec<u8> {
        let mut header = [self.source.octets(), self.destination.octets()].concat();
        header.extend([0, 112, 0, u8::try_from(length).expect("a short packet")]);
        header
    }

    fn behind_header(
        &self,
        key: &HeaderKey,
        sequence: u32,
        header: ipv4::Header,
        advert: &[u8],
    ) -> Vec<u8> {
        let mut packet = header.encode(advert.len()).to_vec();
        packet.extend(advert);
        ah::insert(key, sequence, header, &mut packet);
        if !self.spi {
            // A right ICV over the wrong SPI: keyed by hand, since nothing of ours makes one.
            let right = ipv4::Header {
                source: self.source,
                ..header
            };
            return wrong_spi(key, right, &packet[ipv4::LEN..]);
        }
        packet.split_off(ipv4::LEN)
    }

    pub fn deliver(&self, bench: &mut Bench) {
        let mut payload = self.payload();
        payload.truncate(self.arrives);
        bench.give(Input::Receive(Datagram {
            interface: ETH0,
            source: IpAddr::V4(self.source),
            destination: IpAddr::V4(self.destination),
            ttl: self.ttl,
            protocol: if self.header.is_some() { 51 } else { 112 },
            id: 1,
            payload: &payload,
        }));
    }
}

/// The payload with its ICV computed anew for that header, SPI as it stands.
fn wrong_spi(key: &HeaderKey, header: ipv4::Header, payload: &[u8]) -> Vec<u8> {
    use hmac::{KeyInit, Mac};
    let mut front = ipv4::Header {
        tos: 0,
        protocol: 51,
        ..header
    }
    .encode(payload.len());
    front[10..12].fill(0);
    if !header.destination.is_multicast() {
        front[8] = 0;
    }
    let mut bytes = payload.to_vec();
    bytes[12..24].fill(0);
    let mut mac = hmac::Hmac::<md5::Md5>::new_from_slice(&key.0).expect("any length");
    mac.update(&front);
    mac.update(&bytes);
    bytes[12..24].copy_from_slice(&mac.finalize().into_bytes()[..12]);
    bytes
}

/// A quarter of a second in that state, with the clock told.
pub fn prepared(instance: &InstanceConfig, state: StateKind) -> Bench {
    let mut bench = Bench::new(config(instance.clone()));
    bench.give(Input::Command(Command::Start));
    bench.run_until_state(state);
    bench.run_for(Duration::from_millis(250));
    bench.said.clear();
    bench.give(Input::Utc(UTC));
    bench
}
