//! What is accepted, and what is said of what isn't. Why something isn't: `ladder`.

mod common;

use std::time::Duration;

use common::packet::{Packet, STRANGER, configured, unicast};
use common::*;
use locum_engine::Output;
use locum_engine::config::{InstanceConfig, Unicast, Version};
use locum_engine::event::{Discard, Event, StateKind};

#[test]
fn a_unicast_advert_may_come_from_afar_and_must_come_from_a_peer_to_our_own_address() {
    for version in [Version::V2, Version::V3] {
        let takes = |instance: &InstanceConfig, packet: Packet| {
            let mut bench = Bench::master(instance.clone());
            packet.deliver(&mut bench);
            bench.state() == StateKind::Backup
        };
        let instance = unicast(configured(version, 100));
        let packet = Packet::of(&unicast(configured(version, 200)));
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
        Packet::of(&configured(version, 200)).deliver(&mut bench);
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
    let mut flood = Packet::of(&configured(Version::V2, 200));
    flood.advert[12..20].copy_from_slice(b"wrong!!!");
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
