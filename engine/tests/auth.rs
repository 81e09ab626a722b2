//! Authentication: AH and the signatures of `auth_hmac`. What is refused, and in which order: `ladder`.

mod common;

use std::net::Ipv4Addr;
use std::time::Duration;

use common::packet::{KEY, Packet, hmac, prepared, with_header, with_trailer};
use common::*;
use locum_engine::config::{Hmac, HmacMode, InstanceConfig, OldChecksum, Peer, Unicast, Version};
use locum_engine::event::{Discard, StateKind};
use locum_engine::wire::{ah, ipv4, trailer};
use locum_engine::{Output, Transmit};

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
fn a_signed_peer_is_heard_and_a_signed_stranger_is_not() {
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
    let stranger = Ipv4Addr::new(192, 168, 0, 99);
    for (peer, state) in [(stranger, StateKind::Master), (PEER, StateKind::Backup)] {
        let mut bench = prepared(&us(peer), StateKind::Master);
        packet.deliver(&mut bench);
        assert_eq!(bench.state(), state);
    }
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
