//! Unicast: who hears whom is what the peer lists say, and nothing is certain while ARP looks for a
//! neighbour.

use core::net::Ipv4Addr;

use locum_engine::config::{Config, OldChecksum, Peer, Unicast};

use crate::fault::Fault;
use crate::oracle::testing::{A, B, Play, config, silent};

/// The configuration of a router with these peers.
fn unicast(priority: u8, peers: &[Ipv4Addr]) -> Config {
    let mut config = config(priority);
    let peer = |address: &Ipv4Addr| Peer {
        address: (*address).into(),
        ttl: 0..=255,
    };
    config.instances[0].unicast = Some(Unicast {
        peers: peers.iter().map(peer).collect(),
        ttl: 255,
        check_source: true,
        old_checksum: OldChecksum::Detect,
    });
    config
}

/// Both are masters for good. Whether T0 minds.
fn two_masters(a: Config, b: Config) -> bool {
    let mut play = Play::pair(a, b).with_master(40_000);
    play.takes_over(3614, "b", silent(None));
    play.adverts("b", 4614, 40_000);
    play.second_burst(8614, "b");
    let report = play.judge(40_500);
    let found = report.violations();
    found.iter().any(|(oracle, _)| *oracle == "T0")
}

#[test]
fn two_masters_are_wrong_only_where_they_hear_each_other() {
    let other = Ipv4Addr::new(192, 168, 0, 99);
    let a = || unicast(100, &[B]);
    assert!(two_masters(a(), unicast(99, &[A])));
    assert!(!two_masters(a(), unicast(99, &[other])), "B doesn't write");
    assert!(!two_masters(a(), config(99)), "B writes to the group");
    let mut deaf = unicast(99, &[A]);
    let limits = deaf.instances[0].unicast.as_mut().expect("it is unicast");
    limits.peers[0].ttl = 0..=64;
    assert!(!two_masters(a(), deaf), "A's adverts have TTL 255");
    let mut credulous = unicast(99, &[A, other]);
    let unicast = credulous.instances[0].unicast.as_mut();
    unicast.expect("it is unicast").check_source = false;
    assert!(two_masters(a(), credulous));
}

/// `b` hears nothing for a second after the switch has come back, and takes over.
fn takes_over_after_a_blip(a: Config, b: Config, blip: u64) -> bool {
    let mut play = Play::pair(a, b).with_master(40_000);
    let cable = play.cable("gw", "sw1");
    play.fault(blip, Fault::Pull(cable));
    play.fault(blip + 10, Fault::Plug(cable));
    play.takes_over(20_224, "b", silent(Some(A)));
    let report = play.judge(20_300);
    let found = report.violations();
    found.iter().any(|(oracle, _)| *oracle == "T3")
}

#[test]
fn an_advert_may_be_lost_while_arp_looks_for_a_neighbour() {
    let pair = || (unicast(100, &[B]), unicast(99, &[A]));
    let (a, b) = pair();
    assert!(
        takes_over_after_a_blip(a, b, 12_000),
        "it was settled long ago"
    );
    let (a, b) = pair();
    assert!(!takes_over_after_a_blip(a, b, 19_000));
    assert!(takes_over_after_a_blip(config(100), config(99), 19_000));
}
