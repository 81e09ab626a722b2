//! Authentication: AH and the signatures of `auth_hmac`, each rung of the ladder in its place, and
//! that nothing unauthenticated moves a timer.

mod common;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use common::*;
use locum_engine::config::{
    Auth, HeaderKey, Hmac, HmacKey, HmacMode, InstanceConfig, OldChecksum, Peer, Unicast, Version,
};
use locum_engine::event::{Discard, StateKind};
use locum_engine::wire::trailer::{self, Origin, Stamp};
use locum_engine::wire::{GROUP_V4, TTL, ah, ipv4};
use locum_engine::{Datagram, Input, Output, Transmit};

const KEY: HeaderKey = HeaderKey(*b"sesame\0\0");
/// What the wall clock says when a test begins.
const UTC: Duration = Duration::from_secs(1_767_225_600);

fn key(id: u8) -> HmacKey {
    HmacKey::new(id, &[id; 32]).expect("32 bytes")
}

fn hmac(mode: HmacMode) -> Hmac {
    Hmac {
        keys: vec![key(1), key(2)],
        active: 1,
        mode,
        window: Some(secs(5)),
    }
}

fn with_header(priority: u8) -> InstanceConfig {
    InstanceConfig {
        auth: Auth::Header(KEY),
        ..instance(priority)
    }
}

fn with_trailer(version: Version, priority: u8, hmac: Hmac) -> InstanceConfig {
    InstanceConfig {
        version,
        auth: Auth::None,
        hmac: Some(Arc::new(hmac)),
        ..instance(priority)
    }
}

/// An advert to spoil before and after it is authenticated.
#[derive(Clone)]
struct Packet {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    ttl: u8,
    advert: Vec<u8>,
    sum: bool,
    /// `None` leaves the header out.
    header: Option<(HeaderKey, u32)>,
    spi: bool,
    trailer: Option<(HmacKey, Stamp)>,
    reserved: u8,
    forged: bool,
}

impl Packet {
    fn of(peer: &InstanceConfig) -> Self {
        let header = match peer.auth {
            Auth::Header(key) => Some((key, 1)),
            Auth::None | Auth::Password(_) => None,
        };
        Self {
            source: PEER,
            destination: GROUP_V4,
            ttl: TTL,
            advert: payload(PEER, peer),
            sum: true,
            header,
            spi: true,
            trailer: peer.hmac.as_ref().map(|_| (key(1), Stamp::of(UTC))),
            reserved: 0,
            forged: false,
        }
    }

    fn payload(&self) -> Vec<u8> {
        let mut advert = self.advert.clone();
        let sum = if self.sum { 0 } else { 0x55 };
        if sum != 0 {
            advert[6] ^= sum;
        } else {
            let (from, to) = (self.source.into(), self.destination.into());
            let form = match advert[0] >> 4 {
                3 => locum_engine::wire::ChecksumForm::PseudoHeader,
                _ => locum_engine::wire::ChecksumForm::Message,
            };
            locum_engine::wire::set_checksum(form, &mut advert, from, to);
        }
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

    fn deliver(&self, bench: &mut Bench) {
        let payload = self.payload();
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

type Spoil = fn(&mut Packet);
type Rungs<'a> = &'a [(Discard, Spoil)];

const HEADER_RUNGS: Rungs<'_> = &[
    (Discard::Own, |p| p.source = US),
    (Discard::HeaderMismatch, |p| p.header = None),
    (Discard::Length, |p| p.advert[3] = 200),
    (Discard::Ttl, |p| p.ttl = 254),
    (Discard::Version, |p| p.advert[0] = 0x41),
    (Discard::AuthTypeUnknown, |p| p.advert[4] = 9),
    (Discard::HeaderForged, |p| {
        p.header = p
            .header
            .map(|(_, sequence)| (HeaderKey(*b"wrong!!!"), sequence));
    }),
    (Discard::HeaderSpi, |p| p.spi = false),
    (Discard::HeaderReplayed, |p| {
        p.header = p.header.map(|(key, _)| (key, 0))
    }),
    (Discard::IntervalMismatch, |p| p.advert[5] = 2),
    (Discard::Type, |p| p.advert[0] = p.advert[0] & 0xf0 | 2),
    (Discard::Checksum, |p| p.sum = false),
    (Discard::Destination, |p| p.destination = US),
];

const TRAILER_RUNGS: Rungs<'_> = &[
    (Discard::Own, |p| p.source = US),
    (Discard::HeaderMismatch, |p| p.header = Some((KEY, 1))),
    (Discard::Length, |p| p.advert[3] = 200),
    (Discard::Ttl, |p| p.ttl = 254),
    (Discard::Version, |p| p.advert[0] = 0x51),
    (Discard::TrailerMissing, |p| p.trailer = None),
    (Discard::TrailerMalformed, |p| p.reserved = 1),
    (Discard::TrailerStale, |p| {
        p.trailer = p
            .trailer
            .take()
            .map(|(key, _)| (key, Stamp::of(UTC - secs(60))));
    }),
    (Discard::TrailerKey, |p| {
        p.trailer = p.trailer.take().map(|(_, stamp)| (key(3), stamp))
    }),
    (Discard::TrailerForged, |p| p.forged = true),
    (Discard::Type, |p| p.advert[0] = p.advert[0] & 0xf0 | 2),
    (Discard::Checksum, |p| p.sum = false),
    (Discard::Destination, |p| p.destination = US),
];

fn prepared(instance: &InstanceConfig, state: StateKind) -> Bench {
    let mut bench = Bench::new(config(instance.clone()));
    bench.give(Input::Command(locum_engine::Command::Start));
    bench.run_until_state(state);
    bench.run_for(Duration::from_millis(250));
    bench.said.clear();
    bench.give(Input::Utc(UTC));
    bench
}

/// Why it is refused by a backup and by a master, neither of which may move.
fn refused(instance: &InstanceConfig, packet: &Packet) -> usize {
    let reasons = [StateKind::Backup, StateKind::Master].map(|state| {
        let mut bench = prepared(instance, state);
        let before = (bench.state(), bench.engine.poll_timeout());
        // A master has counted its own adverts: the sequence of a good packet is later.
        let mut packet = packet.clone();
        packet.header = packet.header.map(|(key, n)| (key, n * 1000));
        packet.deliver(&mut bench);
        assert_eq!(
            (bench.state(), bench.engine.poll_timeout()),
            before,
            "a timer moved"
        );
        let stats = bench.engine.stats(VI);
        let found: Vec<_> = (0..Discard::COUNT)
            .filter(|&i| stats.discarded[i] > 0)
            .collect();
        assert_eq!(found.len(), 1, "exactly one reason");
        found[0]
    });
    assert_eq!(reasons[0], reasons[1]);
    reasons[0]
}

fn pairs(instance: &InstanceConfig, good: &Packet, rungs: Rungs<'_>) {
    for (i, (earlier, spoil)) in rungs.iter().enumerate() {
        let mut packet = good.clone();
        spoil(&mut packet);
        assert_eq!(refused(instance, &packet), earlier.index(), "{earlier:?}");
        for (later, other) in &rungs[i + 1..] {
            let mut packet = good.clone();
            other(&mut packet);
            spoil(&mut packet);
            let why = refused(instance, &packet);
            assert_eq!(why, earlier.index(), "{earlier:?} with {later:?}");
        }
    }
}

#[test]
fn of_two_faults_behind_a_header_the_earlier_rung_is_reported() {
    let (us, peer) = (with_header(100), with_header(200));
    pairs(&us, &Packet::of(&peer), HEADER_RUNGS);
}

#[test]
fn of_two_faults_with_a_trailer_the_earlier_rung_is_reported() {
    for version in [Version::V2, Version::V3] {
        let mode = || hmac(HmacMode::Enforce);
        let (us, peer) = (
            with_trailer(version, 100, mode()),
            with_trailer(version, 200, mode()),
        );
        pairs(&us, &Packet::of(&peer), TRAILER_RUNGS);
    }
}

#[test]
fn the_ladder_is_in_the_order_of_the_tables() {
    for rungs in [HEADER_RUNGS, TRAILER_RUNGS] {
        assert!(rungs.is_sorted_by(|(a, _), (b, _)| a.index() < b.index()));
    }
    assert_eq!(Discard::PeerTtl.index() + 1, Discard::COUNT);
}

#[test]
fn what_is_authentic_is_believed_once() {
    let header = (with_header(100), with_header(200));
    let signed = |version| {
        let mode = || hmac(HmacMode::Enforce);
        (
            with_trailer(version, 100, mode()),
            with_trailer(version, 200, mode()),
        )
    };
    for (us, peer) in [header, signed(Version::V2), signed(Version::V3)] {
        let mut bench = prepared(&us, StateKind::Master);
        let mut packet = Packet::of(&peer);
        packet.header = packet.header.map(|(key, _)| (key, 1000));
        packet.deliver(&mut bench);
        assert_eq!(bench.state(), StateKind::Backup);
        let deadline = bench.engine.poll_timeout();
        bench.run_for(Duration::from_millis(500));
        packet.deliver(&mut bench);
        assert_eq!(
            bench.engine.poll_timeout(),
            deadline,
            "a replay moved the timer"
        );
        let discarded = &bench.engine.stats(VI).discarded;
        let replays = [Discard::HeaderReplayed, Discard::TrailerReplayed];
        assert_eq!(replays.map(|d| discarded[d.index()]).iter().sum::<u64>(), 1);
    }
}

/// The bytes of the adverts said since the last call.
fn sent(bench: &mut Bench) -> Vec<Vec<u8>> {
    let packets = bench.said.drain(..).filter_map(|(_, output)| match output {
        Output::Transmit(Transmit::Advert { packet, .. }) => Some(packet),
        _ => None,
    });
    packets.collect()
}

#[test]
fn a_new_master_goes_on_with_the_sequence_it_heard() {
    let mut bench = prepared(&with_header(100), StateKind::Backup);
    let mut packet = Packet::of(&with_header(200));
    packet.header = Some((KEY, 77));
    packet.deliver(&mut bench);
    bench.run_until_state(StateKind::Master);
    bench.run_for(secs(2));
    let sequences: Vec<_> = sent(&mut bench)
        .iter()
        .map(|packet| {
            ah::View::new(&packet[ipv4::LEN..])
                .expect("a header")
                .sequence()
        })
        .collect();
    assert_eq!(sequences, [78, 79, 80]);
}

#[test]
fn an_outranked_rival_is_answered_at_a_distance() {
    let mut bench = prepared(&with_header(100), StateKind::Master);
    let mut packet = Packet::of(&with_header(50));
    packet.header = Some((KEY, 77));
    packet.deliver(&mut bench);
    let answer = &sent(&mut bench)[0];
    let view = ah::View::new(&answer[ipv4::LEN..]).expect("a header");
    assert_eq!(
        view.sequence(),
        79,
        "as keepalived: the rival's, plus one, plus one"
    );
}

#[test]
fn a_key_is_rolled_over_without_a_gap() {
    let rolled = Hmac {
        active: 2,
        ..hmac(HmacMode::Enforce)
    };
    let mut bench = prepared(&with_trailer(Version::V3, 100, rolled), StateKind::Master);
    bench.run_for(secs(1));
    let packet = sent(&mut bench).pop().expect("an advert");
    assert_eq!(packet[packet.len() - 27], 2, "the active key signs");
    Packet::of(&with_trailer(Version::V3, 200, hmac(HmacMode::Enforce))).deliver(&mut bench);
    assert_eq!(
        bench.state(),
        StateKind::Backup,
        "the old key still verifies"
    );
}

#[test]
fn the_modes_differ_in_what_is_sent_and_in_what_may_be_missing() {
    for (mode, signs, tolerant) in [
        (HmacMode::Enforce, true, false),
        (HmacMode::Permissive, true, true),
        (HmacMode::ReceiveOnly, false, true),
    ] {
        let us = with_trailer(Version::V3, 100, hmac(mode));
        let mut bench = prepared(&us, StateKind::Master);
        bench.run_for(secs(1));
        let length = sent(&mut bench).pop().expect("an advert").len();
        assert_eq!(
            length,
            ipv4::LEN + 12 + if signs { trailer::LEN } else { 0 }
        );
        let mut packet = Packet::of(&with_trailer(Version::V3, 200, hmac(mode)));
        packet.forged = true;
        packet.deliver(&mut bench);
        assert_eq!(
            bench.state(),
            StateKind::Master,
            "a wrong signature is wrong in every mode"
        );
        packet.trailer = None;
        packet.deliver(&mut bench);
        assert_eq!(bench.state() == StateKind::Backup, tolerant, "{mode:?}");
    }
}

#[test]
fn a_signed_stranger_is_no_peer() {
    let peers = |address: Ipv4Addr| Unicast {
        peers: vec![Peer {
            address: address.into(),
            ttl: 0..=255,
        }],
        ttl: 255,
        check_source: false,
        old_checksum: OldChecksum::Never,
    };
    let us = |peer| InstanceConfig {
        unicast: Some(peers(peer)),
        ..with_trailer(Version::V3, 100, hmac(HmacMode::Enforce))
    };
    let mut packet = Packet::of(&with_trailer(Version::V3, 200, hmac(HmacMode::Enforce)));
    packet.destination = US;
    let stranger = us(Ipv4Addr::new(192, 168, 0, 99));
    assert_eq!(
        refused(&stranger, &packet),
        Discard::TrailerStranger.index()
    );
    let mut bench = prepared(&us(PEER), StateKind::Master);
    packet.deliver(&mut bench);
    assert_eq!(bench.state(), StateKind::Backup);
}

#[test]
fn a_wall_clock_that_was_never_told_believes_no_stamp() {
    let us = with_trailer(Version::V3, 100, hmac(HmacMode::Enforce));
    let mut bench = Bench::master(us);
    assert!(bench.engine.wants_utc());
    Packet::of(&with_trailer(Version::V3, 200, hmac(HmacMode::Enforce))).deliver(&mut bench);
    assert_eq!(bench.state(), StateKind::Master);
    assert!(!Bench::started(instance(100)).engine.wants_utc());
}
