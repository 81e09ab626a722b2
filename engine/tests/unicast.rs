//! Adverts to peers: who gets one, with which identification, TTL and checksum, and an instance
//! that has no peers. What is accepted from peers is in `accept.rs`.

mod common;

use std::net::{IpAddr, Ipv4Addr};

use common::*;
use locum_engine::config::{Auth, InstanceConfig, OldChecksum, Peer, Unicast, Version};
use locum_engine::event::{Reason, StateKind};
use locum_engine::wire::{AdvertView, ChecksumForm, Family, GROUP_V4, ipv4};
use locum_engine::{Input, Output, Transmit};

/// A second peer.
const THIRD: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 13);

fn unicast(peers: &[Ipv4Addr], priority: u8) -> InstanceConfig {
    let peer = |address: &Ipv4Addr| Peer {
        address: (*address).into(),
        ttl: 0..=255,
    };
    InstanceConfig {
        auth: Auth::None,
        unicast: Some(Unicast {
            peers: peers.iter().map(peer).collect(),
            ttl: 255,
            check_source: true,
            old_checksum: OldChecksum::Detect,
        }),
        ..instance(priority)
    }
}

fn with(mut instance: InstanceConfig, change: impl Fn(&mut Unicast)) -> InstanceConfig {
    change(instance.unicast.as_mut().expect("it is unicast"));
    instance
}

/// Destination, whether it is a copy, and packet of every advert said since the last call.
fn sent(bench: &mut Bench) -> Vec<(IpAddr, bool, Vec<u8>)> {
    let said = bench.said.drain(..);
    let adverts = said.filter_map(|(_, output)| match output {
        Output::Transmit(Transmit::Advert {
            destination,
            copy,
            packet,
            ..
        }) => Some((destination, copy, packet)),
        _ => None,
    });
    adverts.collect()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).expect("ASCII");
        u8::from_str_radix(text, 16).expect("two digits")
    };
    digits.chunks(2).map(pair).collect()
}

/// The recording `unicast` of keepalived 2.2.7: its first three adverts, and its resignation
/// after five more, from the IP header on.
#[test]
fn the_bytes_are_those_of_keepalived() {
    let mut bench = Bench::started(unicast(&[PEER], 100));
    bench.run_until_state(StateKind::Master);
    bench.run_for(secs(2));
    let packets: Vec<_> = sent(&mut bench).into_iter().map(|(_, _, p)| p).collect();
    let body = "213364010001b959c0a800c80000000000000000";
    let expected = [
        "0001 0000ff70393d",
        "0002 0000ff70393c",
        "0003 0000ff70393b",
    ]
    .map(|id| hex(&format!("45c00028{id}c0a8000bc0a8000c{body}")));
    assert_eq!(packets, expected);
    bench.run_for(secs(5));
    bench.said.clear();
    bench.give(Input::Command(locum_engine::Command::Stop));
    let (to, _, packet) = sent(&mut bench).remove(0);
    assert_eq!(to, IpAddr::V4(PEER));
    let resigned =
        "45c0002800090000ff703935c0a8000bc0a8000c 2133000100011d5ac0a800c80000000000000000";
    assert_eq!(packet, hex(resigned));
}

#[test]
fn every_peer_gets_the_same_advert_under_the_same_number() {
    let mut bench = Bench::started(with(unicast(&[PEER, US, THIRD], 100), |u| u.ttl = 7));
    bench.run_until_state(StateKind::Master);
    bench.run_for(secs(1));
    let sent = sent(&mut bench);
    let to: Vec<_> = sent.iter().map(|(to, copy, _)| (*to, *copy)).collect();
    let pair = [(IpAddr::V4(PEER), false), (IpAddr::V4(THIRD), true)];
    assert_eq!(to, [pair, pair].concat(), "not to ourselves");
    for (i, (to, _, packet)) in sent.iter().enumerate() {
        let view = ipv4::View::new(packet).expect("a sound packet");
        assert_eq!(IpAddr::V4(view.destination()), *to);
        assert_eq!(view.ttl(), 7);
        let id = u16::try_from(1 + i / 2).expect("a few").to_be_bytes();
        assert_eq!(packet[4..6], id, "advert {i}");
    }
    assert_eq!(bench.engine.stats(VI).sent, 2, "copies aren't counted");
}

#[test]
fn without_peers_it_stays_in_fault() {
    let mut bench = Bench::started(unicast(&[], 100));
    assert_eq!(bench.transitions(), [(StateKind::Fault, Reason::NoPeers)]);
    bench.run_for(secs(10));
    bench.link(true);
    assert_eq!(bench.state(), StateKind::Fault);
    assert_eq!(sent(&mut bench), []);
}

/// The form of a VRRPv3 checksum: of today, or with the group in the pseudo-header.
fn is_old(packet: &[u8]) -> bool {
    let ip = ipv4::View::new(packet).expect("a sound packet");
    let view = AdvertView::new(ip.payload(), Version::V3, Family::V4).expect("an advert");
    let form = |to: Ipv4Addr| view.checksum_form(ip.source().into(), to.into());
    let pseudo = Some(ChecksumForm::PseudoHeader);
    assert!((form(GROUP_V4) == pseudo) != (form(ip.destination()) == pseudo));
    form(GROUP_V4) == pseudo
}

/// A VRRPv3 advert of lower priority arrives from a peer, which makes the master answer.
fn hear_v3(bench: &mut Bench, from: Ipv4Addr, old: bool) {
    let peer = InstanceConfig {
        version: Version::V3,
        ..unicast(&[US], 50)
    };
    let summed_to = if old { GROUP_V4 } else { US };
    let payload = payload_to(from, summed_to, &peer);
    bench.receive_at(US, from, 255, &payload);
}

#[test]
fn a_peer_of_the_old_checksum_is_answered_in_kind() {
    let v3 = |change: fn(&mut Unicast)| {
        let instance = InstanceConfig {
            version: Version::V3,
            ..with(unicast(&[PEER, THIRD], 100), change)
        };
        Bench::master(instance)
    };
    let answers = |bench: &mut Bench| -> Vec<bool> {
        sent(bench).iter().map(|(_, _, p)| is_old(p)).collect()
    };
    let mut bench = v3(|_| {});
    hear_v3(&mut bench, PEER, true);
    assert_eq!(answers(&mut bench), [true, false], "to that peer alone");
    hear_v3(&mut bench, PEER, false);
    assert_eq!(answers(&mut bench), [false, false], "it has been upgraded");

    let mut bench = v3(|u| u.old_checksum = OldChecksum::Never);
    hear_v3(&mut bench, PEER, true);
    assert_eq!(answers(&mut bench), [false; 0], "discarded");
    hear_v3(&mut bench, PEER, false);
    assert_eq!(answers(&mut bench), [false, false]);

    let mut bench = v3(|u| u.old_checksum = OldChecksum::Always);
    hear_v3(&mut bench, PEER, false);
    assert_eq!(answers(&mut bench), [true; 0], "discarded");
    hear_v3(&mut bench, PEER, true);
    assert_eq!(answers(&mut bench), [true, true]);
}
