//! Leased addresses: the lifetime they are added with, when they are refreshed, and what a master
//! that was asleep does.

mod common;

use std::net::IpAddr;
use std::time::Duration;

use common::*;
use locum_engine::config::{Config, InstanceConfig};
use locum_engine::event::StateKind;
use locum_engine::ids::{InstanceId, Vrid};
use locum_engine::{Command, Effect, Input, Instant, Output, Transmit};

const LEASE: Duration = Duration::from_secs(5);

fn leased(priority: u8) -> InstanceConfig {
    InstanceConfig {
        lease: Some(LEASE),
        ..instance(priority)
    }
}

fn removed() -> Input<'static> {
    Input::AddressRemoved {
        interface: ETH0,
        address: IpAddr::V4(VIP),
    }
}

fn refreshes(bench: &Bench) -> Vec<Instant> {
    let refresh = |o: &Output| matches!(o, Output::Effect(Effect::RefreshAddress { lifetime, .. }) if *lifetime == LEASE);
    let said = bench.said.iter().filter(|(_, o)| refresh(o));
    said.map(|(at, _)| *at).collect()
}

#[test]
fn a_master_adds_with_a_lifetime_and_refreshes_at_a_third_of_it() {
    let mut bench = Bench::started(leased(100));
    bench.run_until_state(StateKind::Master);
    let added = |o: &Output| matches!(o, Output::Effect(Effect::AddAddress { lifetime, .. }) if *lifetime == Some(LEASE));
    assert!(bench.said.iter().any(|(_, o)| added(o)));
    let mut last = bench.now;
    bench.run_for(secs(60));
    let at = refreshes(&bench);
    assert!((36..=40).contains(&at.len()), "{}", at.len());
    for at in at {
        assert!(at.saturating_since(last) <= LEASE / 3, "{at:?}");
        last = at;
    }
}

#[test]
fn whoever_lets_go_refreshes_nothing_more() {
    let mut bench = Bench::master(leased(100));
    bench.hear(200);
    bench.said.clear();
    bench.run_for(secs(3));
    assert_eq!(refreshes(&bench), []);
    let mut bench = Bench::master(leased(100));
    bench.give(Input::Command(Command::Stop));
    bench.said.clear();
    bench.run_for(secs(10));
    assert_eq!(refreshes(&bench), []);
}

#[test]
fn without_a_lease_nothing_is_refreshed() {
    let mut bench = Bench::master(instance(100));
    bench.run_for(secs(60));
    let refresh = |o: &Output| matches!(o, Output::Effect(Effect::RefreshAddress { .. }));
    assert!(!bench.said.iter().any(|(_, o)| refresh(o)));
}

/// The order of the driver after a stall: the kernel's report, what has arrived, the timer.
#[test]
fn a_master_that_was_replaced_asleep_neither_puts_back_nor_refreshes() {
    let mut bench = Bench::master(leased(100));
    bench.now = bench.now + secs(20);
    bench.give(removed());
    bench.hear(200);
    bench.give(Input::Timeout);
    assert_eq!(bench.state(), StateKind::Backup);
    let words = bench.words();
    let grabs = |w: &&String| w.starts_with("add") || w.starts_with("refresh");
    assert_eq!(words.iter().find(grabs), None, "{words:?}");
}

#[test]
fn a_master_that_is_still_the_best_takes_its_address_back_before_it_announces() {
    let mut bench = Bench::master(leased(100));
    bench.now = bench.now + secs(20);
    bench.give(removed());
    bench.hear(99);
    let announces =
        |(_, o): &(Instant, Output)| matches!(o, Output::Transmit(Transmit::GratuitousArp { .. }));
    let announced = bench.said.iter().any(announces);
    assert!(!announced, "not what it doesn't hold");
    assert!(!bench.words().iter().any(|w| w.starts_with("add")));
    bench.give(removed());
    bench.give(Input::Timeout);
    assert!(bench.said.iter().any(announces));
    let words = bench.words();
    assert_eq!(words.iter().filter(|w| w.starts_with("add")).count(), 1);
    assert_eq!(bench.state(), StateKind::Master);
}

/// Not in one instant, and after a stall not in one go: what arrives is read in between.
#[test]
fn refreshes_of_many_are_spread_and_a_heap_of_them_is_broken_up() {
    let instances = (0..1000_u16).map(|n| InstanceConfig {
        name: format!("VI_{n}").into(),
        interface: locum_engine::ids::InterfaceId(n / 250),
        vrid: Vrid::new(u8::try_from(n % 250 + 1).expect("a byte")).expect("not zero"),
        ..leased(100)
    });
    let interfaces = (0..4).map(|n| format!("eth{n}").into()).collect();
    let mut bench = Bench::new(Config {
        interfaces,
        instances: instances.collect(),
        ..Config::default()
    });
    for n in 0..4 {
        bench.give(Input::Link {
            interface: locum_engine::ids::InterfaceId(n),
            state: locum_engine::LinkState {
                up: true,
                address: Some(IpAddr::V4(US)),
                ..locum_engine::LinkState::default()
            },
        });
    }
    bench.give(Input::Command(Command::Start));
    bench.run_for(secs(10));
    let all = (0..1000).all(|n| bench.engine.state(InstanceId(n)).0 == StateKind::Master);
    assert!(all);
    bench.said.clear();
    bench.run_for(secs(10));
    let at = refreshes(&bench);
    assert!(at.len() >= 6000, "{}", at.len());
    let fullest = at.chunk_by(|a, b| a == b).map(<[_]>::len).max();
    assert!(fullest <= Some(96), "{fullest:?}");

    bench.said.clear();
    bench.now = bench.now + secs(20);
    bench.give(Input::Timeout);
    assert_eq!(refreshes(&bench).len(), 64);
    let advert = |o: &Output| matches!(o, Output::Transmit(Transmit::Advert { .. }));
    let last = bench.said.iter().rposition(|(_, o)| advert(o));
    let refresh = |o: &Output| matches!(o, Output::Effect(Effect::RefreshAddress { .. }));
    let first = bench.said.iter().position(|(_, o)| refresh(o));
    assert!(last < first, "all adverts go before: {last:?} {first:?}");
    bench.run_to(bench.now);
    assert_eq!(refreshes(&bench).len(), 1000, "and nobody is left out");
}
