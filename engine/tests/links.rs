//! `track_interface` and `dont_track_primary`: what other links, and the loss of its own, do to an
//! instance.

mod common;

use std::net::IpAddr;
use std::time::Duration;

use common::*;
use locum_engine::config::{Config, InstanceConfig, TrackLink, Weight};
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::{InterfaceId, MacAddr, Priority};
use locum_engine::{Command, Input, LinkState};

const ETH1: InterfaceId = InterfaceId(1);
const ETH2: InterfaceId = InterfaceId(2);

fn tracked(interface: InterfaceId, value: i16, reverse: bool) -> TrackLink {
    let weight = Weight { value, reverse };
    TrackLink { interface, weight }
}

fn set(bench: &mut Bench, interface: InterfaceId, up: bool) {
    let state = LinkState {
        up,
        mac: MacAddr([2, 0, 0, 0, 0, 0x10]),
        address: (interface == ETH0).then_some(IpAddr::V4(US)),
        ..LinkState::default()
    };
    bench.give(Input::Link { interface, state });
}

/// Priority 100; every link is up.
fn bench(links: Vec<TrackLink>, dont_track_primary: bool) -> Bench {
    let mut bench = Bench::new(Config {
        interfaces: vec!["eth0".into(), "eth1".into(), "eth2".into()],
        ..config(InstanceConfig {
            links,
            dont_track_primary,
            ..instance(100)
        })
    });
    set(&mut bench, ETH1, true);
    set(&mut bench, ETH2, true);
    bench.give(Input::Command(Command::Start));
    bench
}

fn master(links: Vec<TrackLink>, dont_track_primary: bool) -> Bench {
    let mut bench = bench(links, dont_track_primary);
    bench.run_until_state(StateKind::Master);
    bench.said.clear();
    bench
}

#[test]
fn the_loss_of_a_tracked_link_is_a_fault_that_is_said_aloud() {
    let mut bench = master(vec![tracked(ETH1, 0, false)], false);
    set(&mut bench, ETH2, false);
    assert_eq!(bench.words(), [""; 0], "not this one");
    set(&mut bench, ETH1, false);
    assert_eq!(
        bench.words(),
        [
            "remove 192.168.0.200",
            "advert 0",
            "master -> fault: eth1 is down"
        ]
    );
    set(&mut bench, ETH1, true);
    assert_eq!(bench.words(), ["fault -> backup: recovered"]);
    let down = bench.now + Duration::from_nanos(3_609_375_000);
    assert_eq!(bench.engine.poll_timeout().map(|wake| wake.at), Some(down));
}

/// keepalived keeps one bit for all tracked interfaces: the first to return clears it.
#[test]
fn with_two_links_down_one_that_returns_is_not_enough() {
    let links = vec![tracked(ETH1, 0, false), tracked(ETH2, 0, false)];
    let mut bench = master(links, false);
    set(&mut bench, ETH1, false);
    set(&mut bench, ETH1, false);
    set(&mut bench, ETH2, false);
    set(&mut bench, ETH1, true);
    assert_eq!(bench.state(), StateKind::Fault);
    set(&mut bench, ETH2, true);
    assert_eq!(bench.state(), StateKind::Backup);
}

#[test]
fn a_link_that_is_not_there_is_down() {
    let mut bench = Bench::new(Config {
        interfaces: vec!["eth0".into(), "eth1".into()],
        ..config(InstanceConfig {
            links: vec![tracked(ETH1, 0, false)],
            ..instance(100)
        })
    });
    bench.give(Input::Command(Command::Start));
    let why = Reason::TrackedLink {
        interface: ETH1,
        up: false,
    };
    assert_eq!(bench.transitions(), [(StateKind::Fault, why)]);
}

#[test]
fn in_reverse_a_link_that_is_up_is_the_fault() {
    let mut bench = bench(vec![tracked(ETH1, 0, true)], false);
    assert_eq!(
        bench.words(),
        ["remove 192.168.0.200", "init -> fault: eth1 is up"]
    );
    set(&mut bench, ETH1, false);
    assert_eq!(bench.state(), StateKind::Backup);
}

#[test]
fn weights_move_the_priority_as_the_table_says() {
    for (value, reverse, up, down) in [
        (20, false, 120, 100),
        (-20, false, 100, 80),
        (20, true, 80, 100),
        (-20, true, 100, 120),
        (253, false, 254, 100),
        (-253, false, 100, 1),
    ] {
        let mut bench = master(vec![tracked(ETH1, value, reverse)], false);
        let mut seen = Vec::new();
        for link in [true, false, true] {
            set(&mut bench, ETH1, link);
            seen.push(bench.engine.state(VI).1);
        }
        assert_eq!(seen, [up, down, up].map(Priority), "{value} {reverse}");
        assert_eq!(bench.state(), StateKind::Master);
    }
}

#[test]
fn weights_of_several_links_add_up() {
    let links = vec![tracked(ETH1, -20, false), tracked(ETH2, -30, false)];
    let mut bench = master(links, false);
    set(&mut bench, ETH2, false);
    set(&mut bench, ETH1, false);
    bench.run_for(secs(1));
    assert_eq!(bench.adverts(), [(bench.now, 50)], "with the next advert");
    set(&mut bench, ETH2, true);
    assert_eq!(bench.engine.state(VI).1, Priority(80));
}

#[test]
fn dont_track_primary_stays_master_without_a_link_but_not_without_an_address() {
    let mut bench = master(vec![], true);
    bench.link(false);
    assert_eq!(bench.state(), StateKind::Master);
    bench.run_for(secs(3));
    assert_eq!(bench.adverts(), [], "there is no link to send on");
    bench.link(true);
    bench.run_for(secs(1));
    assert_eq!(bench.adverts(), [(bench.now, 100)]);
    let state = LinkState {
        up: true,
        mac: MacAddr::default(),
        address: None,
        ..LinkState::default()
    };
    bench.give(Input::Link {
        interface: ETH0,
        state,
    });
    let why = Reason::NoSourceAddress;
    assert_eq!(bench.transitions(), [(StateKind::Fault, why)]);
}

#[test]
fn dont_track_primary_leaves_its_own_link_s_weight() {
    let mut bench = master(vec![tracked(ETH0, -50, false)], true);
    bench.link(false);
    assert_eq!(
        bench.engine.state(VI),
        (StateKind::Master, Priority(50)),
        "{:?}",
        bench.words()
    );
}
