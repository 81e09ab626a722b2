//! The acceptance ladder: every rung, the order of the rungs, and that nothing below the last one
//! moves a timer.

mod common;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use common::*;
use locum_engine::config::{Auth, InstanceConfig, OldChecksum, Peer, Unicast, Version};
use locum_engine::event::{Discard, Event, StateKind};
use locum_engine::wire::GROUP_V4;
use locum_engine::{Datagram, Input, Output};

/// A packet to spoil: the founding peer's advert with priority 200.
#[derive(Clone)]
struct Packet {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    ttl: u8,
    payload: Vec<u8>,
    /// The checksum is mended after everything else, or spoilt.
    sum: bool,
    /// The destination that goes into the checksum, when it isn't the packet's.
    summed_to: Option<Ipv4Addr>,
}

impl Packet {
    fn good(version: Version) -> Self {
        let peer = configured(version, 200);
        let payload = payload(PEER, &peer);
        Self {
            source: PEER,
            destination: GROUP_V4,
            ttl: 255,
            payload,
            sum: true,
            summed_to: None,
        }
    }

    /// The same, from peer to peer.
    fn unicast(version: Version) -> Self {
        Self {
            destination: US,
            ttl: 64,
            ..Self::good(version)
        }
    }

    fn pseudo_header(&self) -> Vec<u8> {
        let length = u8::try_from(self.payload.len()).expect("a short packet");
        let to = self.summed_to.unwrap_or(self.destination);
        let mut header = [self.source.octets(), to.octets()].concat();
        header.extend([0, 112, 0, length]);
        header
    }

    fn deliver(mut self, bench: &mut Bench) {
        if self.payload.len() >= 8 {
            self.payload[6..8].fill(0);
            let pseudo = self.payload[0] >> 4 == 3;
            let mut words = if pseudo { self.pseudo_header() } else { vec![] };
            words.extend_from_slice(&self.payload);
            let sum = internet_checksum(&words);
            let sum = if self.sum { sum } else { !sum };
            self.payload[6..8].copy_from_slice(&sum.to_be_bytes());
        }
        bench.give(Input::Receive(Datagram {
            interface: ETH0,
            source: IpAddr::V4(self.source),
            destination: IpAddr::V4(self.destination),
            ttl: self.ttl,
            protocol: 112,
            id: 1,
            payload: &self.payload,
        }));
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

fn configured(version: Version, priority: u8) -> InstanceConfig {
    let auth = if version == Version::V2 {
        PASSWORD
    } else {
        Auth::None
    };
    InstanceConfig {
        version,
        auth,
        ..instance(priority)
    }
}

/// The same with that peer, whose TTL is limited.
fn unicast(version: Version, priority: u8) -> InstanceConfig {
    InstanceConfig {
        unicast: Some(Unicast {
            peers: vec![Peer {
                address: PEER.into(),
                ttl: 60..=64,
            }],
            ttl: 255,
            check_source: true,
            old_checksum: OldChecksum::Detect,
        }),
        ..configured(version, priority)
    }
}

/// A way to spoil a packet.
type Spoil = fn(&mut Packet);

/// One way to fail each rung of v2, in the order of the ladder.
const V2_RUNGS: &[(Discard, Spoil)] = &[
    (Discard::Own, |p| p.source = US),
    (Discard::Length, |p| p.payload[3] = 200),
    (Discard::Ttl, |p| p.ttl = 254),
    (Discard::Version, |p| p.payload[0] = 0x41),
    (Discard::AuthTypeUnknown, |p| p.payload[4] = 9),
    (Discard::IntervalMismatch, |p| p.payload[5] = 2),
    (Discard::Type, |p| p.payload[0] = p.payload[0] & 0xf0 | 2),
    (Discard::Checksum, |p| p.sum = false),
    (Discard::Destination, |p| p.destination = US),
];

/// The rungs that exclude [`Discard::AuthTypeUnknown`], each in its place.
const V2_AUTH: &[(Discard, Spoil)] = &[
    (Discard::AuthTypeMismatch, |p| p.payload[4] = 0),
    (Discard::AuthFailed, |p| p.payload[12] = b'x'),
];

const V3_RUNGS: &[(Discard, Spoil)] = &[
    (Discard::Own, |p| p.source = US),
    (Discard::Length, |p| p.payload[3] = 200),
    (Discard::Ttl, |p| p.ttl = 1),
    (Discard::Version, |p| p.payload[0] = 0x51),
    (Discard::IntervalZero, |p| p.payload[4..6].fill(0)),
    (Discard::Type, |p| p.payload[0] = 0x32),
    (Discard::Checksum, |p| p.sum = false),
    (Discard::Destination, |p| p.destination = US),
];

/// In unicast mode the TTL isn't a rung of its own, and there are three more at the end.
const UNICAST_RUNGS: &[(Discard, Spoil)] = &[
    (Discard::Own, |p| p.source = US),
    (Discard::Length, |p| p.payload[3] = 200),
    (Discard::Version, |p| p.payload[0] = 0x51),
    (Discard::Type, |p| {
        p.payload[0] = p.payload[0] & 0xf0 | 2;
    }),
    (Discard::Checksum, |p| p.sum = false),
    (Discard::NotToUs, |p| p.destination = GROUP_V4),
    (Discard::NotAPeer, |p| p.source = STRANGER),
    (Discard::PeerTtl, |p| p.ttl = 59),
];

/// Somebody who isn't a peer.
const STRANGER: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 77);

/// Delivers a spoilt packet to a backup and to a master; neither may move. Returns the reason.
fn refused(version: Version, spoil: &[Spoil]) -> Discard {
    refuses(&configured(version, 100), &Packet::good(version), spoil)
}

fn refuses(instance: &InstanceConfig, packet: &Packet, spoil: &[Spoil]) -> Discard {
    let mut reasons = [StateKind::Backup, StateKind::Master].map(|state| {
        let mut bench = Bench::started(instance.clone());
        bench.run_until_state(state);
        bench.run_for(Duration::from_millis(250));
        bench.said.clear();
        let before = (bench.state(), bench.engine.poll_timeout());
        let mut packet = packet.clone();
        for spoil in spoil {
            spoil(&mut packet);
        }
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
    reasons.sort_unstable();
    assert_eq!(reasons[0], reasons[1]);
    let all = V2_RUNGS
        .iter()
        .chain(V2_AUTH)
        .chain(V3_RUNGS)
        .chain(UNICAST_RUNGS)
        .map(|(d, _)| *d);
    all.into_iter()
        .find(|d| d.index() == reasons[0])
        .expect("a reason of the ladder")
}

#[test]
fn every_rung_refuses_and_moves_nothing() {
    for (version, rungs) in [
        (Version::V2, V2_RUNGS),
        (Version::V2, V2_AUTH),
        (Version::V3, V3_RUNGS),
    ] {
        for (discard, spoil) in rungs {
            assert_eq!(refused(version, &[*spoil]), *discard, "{version:?}");
        }
    }
}

#[test]
fn of_two_faults_the_earlier_rung_is_reported() {
    for (version, rungs) in [(Version::V2, V2_RUNGS), (Version::V3, V3_RUNGS)] {
        for (i, (earlier, spoil)) in rungs.iter().enumerate() {
            for (_, later) in &rungs[i + 1..] {
                assert_eq!(refused(version, &[*later, *spoil]), *earlier, "{version:?}");
            }
        }
    }
    for (auth, spoil) in V2_AUTH {
        for (_, later) in &V2_RUNGS[5..] {
            assert_eq!(refused(Version::V2, &[*later, *spoil]), *auth);
        }
        for (earlier, before) in &V2_RUNGS[..4] {
            assert_eq!(refused(Version::V2, &[*spoil, *before]), *earlier);
        }
    }
}

#[test]
fn every_rung_of_unicast_refuses_in_its_place() {
    for version in [Version::V2, Version::V3] {
        let (instance, packet) = (unicast(version, 100), Packet::unicast(version));
        for (i, (earlier, spoil)) in UNICAST_RUNGS.iter().enumerate() {
            assert_eq!(refuses(&instance, &packet, &[*spoil]), *earlier);
            for (discard, later) in &UNICAST_RUNGS[i + 1..] {
                // A stranger has no limits, and only one of two sources can be given.
                if (*earlier, *discard) == (Discard::Own, Discard::NotAPeer) {
                    continue;
                }
                let why = refuses(&instance, &packet, &[*later, *spoil]);
                assert_eq!(why, *earlier, "{version:?}, with {discard:?}");
            }
        }
    }
}

#[test]
fn a_unicast_advert_may_come_from_afar_and_must_come_from_a_peer_to_our_own_address() {
    for version in [Version::V2, Version::V3] {
        let takes = |instance: &InstanceConfig, packet: Packet| {
            let mut bench = Bench::master(instance.clone());
            packet.deliver(&mut bench);
            bench.state() == StateKind::Backup
        };
        let instance = unicast(version, 100);
        let packet = Packet::unicast(version);
        assert!(takes(&instance, packet.clone()));
        let with = |change: fn(&mut Unicast)| {
            let mut instance = instance.clone();
            change(instance.unicast.as_mut().expect("it is unicast"));
            instance
        };
        let near = Packet {
            ttl: 1,
            ..packet.clone()
        };
        assert!(takes(&with(|u| u.peers[0].ttl = 0..=255), near));
        let strange = Packet {
            source: STRANGER,
            ..packet.clone()
        };
        assert!(takes(&with(|u| u.check_source = false), strange.clone()));
        assert!(!takes(&with(|u| u.check_source = true), strange));
        let vip = Packet {
            destination: VIP,
            ..packet
        };
        assert!(!takes(&instance, vip), "only the address that we send from");
    }
}

#[test]
fn the_unspoilt_packet_is_accepted() {
    for version in [Version::V2, Version::V3] {
        let mut bench = Bench::master(configured(version, 100));
        Packet::good(version).deliver(&mut bench);
        assert_eq!(bench.state(), StateKind::Backup, "{version:?}");
    }
}

/// Two routers with one address would be two masters that never hear each other: it must be said.
#[test]
fn an_advert_from_our_own_address_is_reported() {
    let mut bench = Bench::master(instance(100));
    bench.hear_from(US, &instance(200));
    assert_eq!(bench.state(), StateKind::Master);
    let expected = "advert from 192.168.0.11 ignored: sent from our own address, by a loop or by a \
                    second router that has it";
    assert_eq!(bench.words(), [expected]);
}

#[test]
fn strangers_are_counted_and_nothing_else() {
    let mut bench = Bench::started(instance(100));
    bench.said.clear();
    for payload in [&[][..], &[0x21], &[0x21, 0], &[0x21, 52, 0, 0]] {
        bench.receive(PEER, 255, payload);
    }
    assert_eq!(bench.engine.strays(), 4);
    assert!(bench.said.is_empty());
}

/// keepalived re-arms its advert timer on any packet, so that such a stream silences the master.
#[test]
fn a_flood_of_wrong_passwords_delays_no_advert_and_is_reported_once() {
    let mut bench = Bench::master(instance(100));
    let from = bench.now;
    let mut flood = Packet::good(Version::V2);
    flood.payload[12..20].copy_from_slice(b"wrong!!!");
    for tick in 0..3000 {
        bench.run_to(from + Duration::from_millis(tick));
        flood.clone().deliver(&mut bench);
    }
    let reports = bench.said.iter().filter(|(_, output)| {
        matches!(
            output,
            Output::Event(Event::Discarded {
                why: Discard::AuthFailed,
                ..
            })
        )
    });
    assert_eq!(reports.count(), 1);
    let times: Vec<_> = bench
        .adverts()
        .iter()
        .map(|(at, _)| at.saturating_since(from))
        .collect();
    assert_eq!(times, [secs(1), secs(2)]);
    assert_eq!(
        bench.engine.stats(VI).discarded[Discard::AuthFailed.index()],
        3000
    );
}

#[test]
fn an_advert_with_other_addresses_counts_and_is_reported_once() {
    let mut bench = Bench::started(instance(99));
    let mut peer = instance(100);
    peer.addresses[0].address = "192.168.0.222".parse().expect("an address");
    bench.said.clear();
    for _ in 0..3 {
        bench.hear_from(PEER, &peer);
    }
    assert_eq!(
        bench.words(),
        ["192.168.0.12 advertises other addresses than ours"]
    );
    assert_eq!(
        bench.engine.poll_timeout().map(|w| w.at),
        Some(bench.now + Duration::from_nanos(3_613_281_250))
    );
}
