//! Announcements at a distance from each other: how many, when, in which order, and never before an
//! advert.

mod common;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use common::*;
use locum_engine::config::{Config, GarpConfig, InstanceConfig, Pace, VirtualAddress};
use locum_engine::event::StateKind;
use locum_engine::ids::{InstanceId, InterfaceId, MacAddr, Vrid};
use locum_engine::{Command, Input, Instant, LinkState, Output, Transmit};

const ETH1: InterfaceId = InterfaceId(1);
const OTHER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 200);

fn pace(millis: u64, interfaces: &[InterfaceId]) -> Pace {
    Pace {
        garp: Duration::from_millis(millis),
        gna: Duration::ZERO,
        interfaces: interfaces.to_vec(),
    }
}

/// The owner of these addresses, that many of them on `eth1`, and so many rounds.
fn owner(addresses: &[Ipv4Addr], on_eth1: usize, repeat: u32) -> InstanceConfig {
    let mut held: Vec<_> = addresses.iter().map(|&a| virtual_address(a)).collect();
    let own = held.len() - on_eth1;
    held[own..].iter_mut().for_each(|a| a.interface = ETH1);
    InstanceConfig {
        addresses: held,
        garp: GarpConfig {
            repeat,
            ..GarpConfig::default()
        },
        ..instance(255)
    }
}

/// Started at time zero, with both links up.
fn started(instances: Vec<InstanceConfig>, pacing: Vec<Pace>) -> Bench {
    let mut bench = Bench::new(Config {
        interfaces: vec!["eth0".into(), "eth1".into()],
        instances,
        pacing,
        ..Config::default()
    });
    link(&mut bench, ETH1, true);
    bench.give(Input::Command(Command::Start));
    bench
}

fn link(bench: &mut Bench, interface: InterfaceId, up: bool) {
    let state = LinkState {
        up,
        mac: MacAddr([2, 0, 0, 0, 0, 0x10]),
        address: Some(US.into()),
        ..LinkState::default()
    };
    bench.give(Input::Link { interface, state });
}

/// The announcements said since the last call: milliseconds and the address's last number.
fn announced(bench: &mut Bench) -> Vec<(u64, u8)> {
    let said = bench
        .said
        .drain(..)
        .filter_map(|(at, output)| match output {
            Output::Transmit(Transmit::GratuitousArp { address, .. }) => {
                Some((at.as_nanos() / 1_000_000, address.octets()[3]))
            }
            _ => None,
        });
    said.collect()
}

fn addresses(count: u8) -> Vec<Ipv4Addr> {
    (1..=count).map(|n| Ipv4Addr::new(192, 168, 0, n)).collect()
}

#[test]
fn every_repeat_is_sent_one_by_one_round_by_round() {
    let mut bench = started(vec![owner(&addresses(2), 0, 3)], vec![pace(100, &[ETH0])]);
    bench.run_to(at_ms(4_900));
    let first = [(0, 1), (100, 2), (200, 1), (300, 2), (400, 1), (500, 2)];
    assert_eq!(announced(&mut bench), first);
    bench.run_to(at_ms(9_000));
    let second = first.map(|(at, address)| (at + 5_000, address));
    assert_eq!(announced(&mut bench), second, "the delayed burst");
    assert_eq!(
        bench.engine.poll_timeout().map(|w| w.at),
        Some(at_ms(10_000))
    );
}

#[test]
fn interfaces_of_a_group_share_a_distance_and_others_do_not() {
    let held = vec![VIP, OTHER];
    let router = || vec![owner(&held, 1, 2)];
    let mut shared = started(router(), vec![pace(100, &[ETH0, ETH1])]);
    shared.run_to(at_ms(1_000));
    let times: Vec<u64> = announced(&mut shared).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [0, 100, 200, 300]);
    let mut apart = started(router(), vec![pace(100, &[ETH0]), pace(50, &[ETH1])]);
    apart.run_to(at_ms(1_000));
    let times: Vec<u64> = announced(&mut apart).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [0, 0, 50, 100]);
    let mut one = started(router(), vec![pace(100, &[ETH0])]);
    one.run_to(at_ms(1_000));
    let times: Vec<u64> = announced(&mut one).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [0, 0, 0, 100], "eth1 has no distance to keep");
}

/// Neighbour advertisements have a distance of their own, and keep it as ARPs keep theirs.
#[test]
fn neighbour_advertisements_keep_their_own_distance() {
    let v6 = |n: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n));
    let mixed = || {
        let mut router = owner(&addresses(2), 0, 2);
        for n in 1..=2 {
            let address = v6(n);
            let (prefix, like) = (64, router.addresses[0].clone());
            router.excluded.push(VirtualAddress {
                address,
                prefix,
                ..like
            });
        }
        router
    };
    let advertised = |bench: &mut Bench| -> Vec<(u64, IpAddr)> {
        let said = bench.said.iter().filter_map(|(at, output)| match output {
            Output::Transmit(Transmit::NeighbourAdvert { address, .. }) => {
                Some((at.as_nanos() / 1_000_000, IpAddr::V6(*address)))
            }
            _ => None,
        });
        said.collect()
    };
    let gna = Pace {
        gna: Duration::from_millis(250),
        ..pace(100, &[ETH0])
    };
    let mut bench = started(vec![mixed()], vec![gna]);
    bench.run_to(at_ms(4_000));
    let expected = [(0, v6(1)), (250, v6(2)), (500, v6(1)), (750, v6(2))];
    assert_eq!(advertised(&mut bench), expected);
    let arps: Vec<u64> = announced(&mut bench).iter().map(|(at, _)| *at).collect();
    assert_eq!(arps, [0, 100, 200, 300], "they don't wait for each other");
    // With a distance for ARPs alone the others leave together.
    let mut bench = started(vec![mixed()], vec![pace(100, &[ETH0])]);
    bench.run_to(at_ms(4_000));
    let expected = [(0, v6(1)), (0, v6(2)), (0, v6(1)), (0, v6(2))];
    assert_eq!(advertised(&mut bench), expected);
    assert_eq!(announced(&mut bench).len(), 4);
}

/// Adverts keep their time to the nanosecond, and go out before what was due with them.
#[test]
fn adverts_never_wait_behind_announcements() {
    let mut bench = started(vec![owner(&addresses(50), 0, 5)], vec![pace(40, &[ETH0])]);
    bench.run_to(at_ms(4_500));
    let said: Vec<(Instant, bool)> = bench
        .said
        .drain(..)
        .filter_map(|(at, output)| match output {
            Output::Transmit(Transmit::Advert { .. }) => Some((at, true)),
            Output::Transmit(Transmit::GratuitousArp { .. }) => Some((at, false)),
            _ => None,
        })
        .collect();
    for second in 0..=4 {
        let now: Vec<bool> = said
            .iter()
            .filter(|(at, _)| *at == at_ms(second * 1_000))
            .map(|(_, advert)| *advert)
            .collect();
        assert_eq!(now, [true, false], "second {second}");
    }
    assert_eq!(said.iter().filter(|(_, advert)| !advert).count(), 113);
}

#[test]
fn nothing_is_announced_after_letting_go() {
    let mut bench = started(vec![owner(&addresses(9), 0, 5)], vec![pace(100, &[ETH0])]);
    bench.run_to(at_ms(250));
    assert_eq!(announced(&mut bench).len(), 3);
    link(&mut bench, ETH0, false);
    assert_eq!(bench.state(), StateKind::Fault);
    bench.run_to(at_ms(900));
    assert_eq!(bench.engine.poll_timeout(), None, "the queue is empty");
    link(&mut bench, ETH0, true);
    bench.run_to(at_ms(1_000));
    let again = announced(&mut bench);
    assert_eq!(
        again,
        [(900, 1), (1_000, 2)],
        "from the start, with the distance"
    );
}

/// The first round of the last router comes before the second round of the first.
#[test]
fn routers_take_turns() {
    let routers = (1..=4)
        .map(|n| InstanceConfig {
            vrid: Vrid::new(n).expect("not zero"),
            ..owner(&[Ipv4Addr::new(192, 168, 0, n)], 0, 2)
        })
        .collect();
    let mut bench = started(routers, vec![pace(10, &[ETH0])]);
    bench.run_to(at_ms(1_000));
    let order: Vec<u8> = announced(&mut bench).iter().map(|(_, a)| *a).collect();
    assert_eq!(order, [1, 2, 3, 4, 1, 2, 3, 4]);
    assert_eq!(bench.engine.state(InstanceId(3)).0, StateKind::Master);
}

#[test]
fn a_flood_of_contests_does_not_pile_up() {
    let router = InstanceConfig {
        priority: locum_engine::ids::Priority(200),
        ..owner(&addresses(3), 0, 5)
    };
    let peer = InstanceConfig {
        priority: locum_engine::ids::Priority(7),
        ..router.clone()
    };
    let mut bench = started(vec![router], vec![pace(100, &[ETH0])]);
    bench.run_until_state(StateKind::Master);
    for _ in 0..100 {
        bench.run_for(Duration::from_millis(20));
        bench.hear_from(PEER, &peer);
    }
    bench.said.clear();
    // At most a burst is left of all of it: 15 announcements.
    let from = bench.now;
    bench.run_to(from + Duration::from_millis(3_000));
    assert!(announced(&mut bench).len() <= 16);
}

/// Late as after a stall, the queue goes on at its distance instead of making up for lost time.
#[test]
fn a_late_wake_up_does_not_bunch() {
    let mut bench = started(vec![owner(&addresses(9), 0, 1)], vec![pace(100, &[ETH0])]);
    bench.said.clear();
    bench.now = at_ms(650);
    bench.give(Input::Timeout);
    bench.run_to(at_ms(800));
    assert_eq!(announced(&mut bench), [(650, 2), (750, 3)]);
}

#[test]
fn a_dead_link_elsewhere_holds_up_nobody() {
    let held = vec![VIP, OTHER];
    let mut bench = started(vec![owner(&held, 1, 3)], vec![pace(100, &[ETH0, ETH1])]);
    link(&mut bench, ETH1, false);
    bench.said.clear();
    bench.run_to(at_ms(2_000));
    let left = announced(&mut bench);
    assert!(
        !left.is_empty() && left.iter().all(|(_, a)| *a == 200),
        "{left:?}"
    );
    assert!(
        bench
            .engine
            .poll_timeout()
            .is_some_and(|w| w.at >= at_ms(2_000))
    );
}

#[test]
fn what_is_held_elsewhere_is_announced_at_times() {
    let mut router = owner(&[VIP, OTHER], 1, 1);
    router.addresses[1].address = Ipv4Addr::new(192, 168, 1, 77).into();
    router.garp.delay = Duration::ZERO;
    router.garp.elsewhere = Duration::from_secs(30);
    let mut bench = started(vec![router], vec![]);
    bench.run_to(at_ms(61_000));
    let expected = [(0, 200), (0, 77), (30_000, 77), (60_000, 77)];
    assert_eq!(announced(&mut bench), expected);
}
