//! `interface_up_down_delays`: a change of a link counts only once it has lasted for a while.

mod common;

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use common::*;
use locum_engine::config::{Config, InstanceConfig, LinkDelay, TrackLink, Weight};
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::{InterfaceId, MacAddr};
use locum_engine::{Command, Input, Instant, LinkState};

const ETH1: InterfaceId = InterfaceId(1);
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x11);

fn delay(interface: InterfaceId, down: u64, up: u64) -> LinkDelay {
    LinkDelay {
        interface,
        down: Duration::from_millis(down),
        up: Duration::from_millis(up),
    }
}

fn delayed(delays: Vec<LinkDelay>, instance: InstanceConfig) -> Config {
    Config {
        interfaces: vec!["eth0".into(), "eth1".into()],
        link_delays: delays,
        ..config(instance)
    }
}

fn link() -> LinkState {
    LinkState {
        up: true,
        mac: MacAddr([2, 0, 0, 0, 0, 0x10]),
        address: Some(IpAddr::V4(US)),
        link_local: Some(LINK_LOCAL),
        forwards_ipv6: false,
    }
}

fn tell(bench: &mut Bench, interface: InterfaceId, state: LinkState) {
    bench.give(Input::Link { interface, state });
}

/// Master for some time; a loss of eth0 counts after 1 s, its return after 2 s.
fn master(instance: InstanceConfig) -> Bench {
    let mut bench = Bench::new(delayed(vec![delay(ETH0, 1000, 2000)], instance));
    tell(&mut bench, ETH0, link());
    tell(&mut bench, ETH1, link());
    bench.give(Input::Command(Command::Start));
    bench.run_until_state(StateKind::Master);
    bench.said.clear();
    bench
}

#[test]
fn a_loss_counts_after_its_delay_and_a_return_after_its_own() {
    let mut bench = master(instance(100));
    let lost = bench.now;
    bench.link(false);
    assert_eq!(
        bench.words(),
        ["eth0 is down, which counts in 1 s unless it is back by then"]
    );
    bench.run_to(lost + Duration::from_millis(999));
    assert_eq!(bench.state(), StateKind::Master);
    assert_eq!(bench.adverts(), [], "the next is due after 1 s");
    bench.run_to(lost + secs(1));
    assert_eq!(
        bench.words(),
        ["remove 192.168.0.200", "master -> fault: link down"],
        "no advert: there is no link"
    );
    bench.link(true);
    let back = bench.now;
    assert_eq!(
        bench.words(),
        ["eth0 is up, which counts in 2 s unless it is lost by then"]
    );
    bench.run_to(back + Duration::from_millis(1999));
    assert_eq!(bench.state(), StateKind::Fault);
    bench.run_to(back + secs(2));
    assert_eq!(bench.words(), ["fault -> backup: recovered"]);
    let down = back + secs(2) + Duration::from_nanos(3_609_375_000);
    assert_eq!(bench.engine.poll_timeout().map(|w| w.at), Some(down));
}

#[test]
fn a_change_that_is_undone_in_time_never_happened() {
    let mut bench = master(instance(100));
    let lost = bench.now;
    bench.link(false);
    bench.words();
    bench.run_to(lost + Duration::from_millis(700));
    tell(&mut bench, ETH0, link());
    assert_eq!(bench.words(), ["eth0 is up again: nothing has changed"]);
    bench.run_to(lost + secs(3));
    let adverts = bench.adverts();
    let at: Vec<Instant> = adverts.iter().map(|(at, _)| *at).collect();
    assert_eq!(at, [1, 2, 3].map(|n| lost + secs(n)), "no timer has moved");
    // Each loss has its whole delay: two short ones don't add up.
    for _ in 0..3 {
        bench.link(false);
        bench.run_for(Duration::from_millis(900));
        tell(&mut bench, ETH0, link());
        bench.run_for(Duration::from_millis(100));
    }
    assert_eq!(bench.transitions(), []);
}

#[test]
fn a_return_that_does_not_last_is_none() {
    let mut bench = master(instance(100));
    bench.link(false);
    bench.run_for(secs(1));
    assert_eq!(bench.state(), StateKind::Fault);
    for _ in 0..3 {
        bench.link(true);
        bench.run_for(Duration::from_millis(1900));
        bench.link(false);
        bench.run_for(Duration::from_millis(100));
    }
    bench.run_for(secs(60));
    assert_eq!(bench.state(), StateKind::Fault);
    assert_eq!(bench.transitions(), [(StateKind::Fault, Reason::LinkDown)]);
}

#[test]
fn what_is_told_first_counts_at_once() {
    let delays = vec![delay(ETH0, 1000, 200_000)];
    let mut bench = Bench::new(delayed(delays, instance(100)));
    bench.give(Input::Command(Command::Start));
    assert_eq!(bench.state(), StateKind::Backup);
}

/// Set down, an interface loses its IPv6 addresses; they come back later than the link.
#[test]
fn addresses_that_go_with_the_link_are_lost_with_it() {
    let mut bench = master(instance(100));
    let lost = bench.now;
    let bare = LinkState {
        up: false,
        address: None,
        link_local: None,
        ..link()
    };
    tell(&mut bench, ETH0, bare);
    bench.run_to(lost + Duration::from_millis(500));
    tell(&mut bench, ETH0, LinkState { up: true, ..bare });
    bench.run_to(lost + Duration::from_millis(900));
    assert_eq!(bench.state(), StateKind::Master);
    tell(&mut bench, ETH0, link());
    bench.run_to(lost + secs(5));
    assert_eq!(bench.transitions(), []);
    // When they don't come back in time, they are lost.
    let lost = bench.now;
    tell(&mut bench, ETH0, bare);
    bench.run_to(lost + Duration::from_millis(500));
    tell(&mut bench, ETH0, LinkState { up: true, ..bare });
    bench.run_to(lost + secs(1));
    let why = Reason::NoSourceAddress;
    assert_eq!(bench.transitions(), [(StateKind::Fault, why)]);
}

#[test]
fn an_address_that_is_taken_from_a_link_that_stays_up_is_gone_at_once() {
    let mut bench = master(instance(100));
    tell(
        &mut bench,
        ETH0,
        LinkState {
            address: None,
            ..link()
        },
    );
    let why = Reason::NoSourceAddress;
    assert_eq!(bench.transitions(), [(StateKind::Fault, why)]);
}

#[test]
fn a_tracked_link_s_delay_is_its_own_whatever_the_adverts() {
    let weight = Weight::default();
    let tracks = InstanceConfig {
        links: vec![TrackLink {
            interface: ETH1,
            weight,
        }],
        ..instance(100)
    };
    let mut bench = Bench::new(delayed(vec![delay(ETH1, 60_000, 0)], tracks));
    tell(&mut bench, ETH1, link());
    bench.give(Input::Command(Command::Start));
    bench.run_until_state(StateKind::Master);
    bench.said.clear();
    let lost = bench.now;
    tell(
        &mut bench,
        ETH1,
        LinkState {
            up: false,
            ..link()
        },
    );
    bench.run_to(lost + Duration::from_millis(59_999));
    assert_eq!(bench.state(), StateKind::Master);
    bench.run_to(lost + secs(60));
    assert_eq!(bench.state(), StateKind::Fault);
    tell(&mut bench, ETH1, link());
    assert_eq!(bench.state(), StateKind::Backup, "no delay, at once");
}

/// A v3 backup follows the master's interval. With one of 0.2 s it would become master 0.6 s and
/// its skew after the last advert, whatever delay suits its own.
#[test]
fn a_backup_without_a_link_never_becomes_master_for_want_of_adverts() {
    let own = InstanceConfig {
        version: locum_engine::config::Version::V3,
        auth: locum_engine::config::Auth::None,
        ..instance(100)
    };
    let delays = vec![delay(ETH0, 2000, 0)];
    let mut bench = Bench::new(delayed(delays, own.clone()));
    bench.give(Input::Command(Command::Start));
    let master = InstanceConfig {
        priority: locum_engine::ids::Priority(200),
        advert_interval: centis(20),
        ..own
    };
    for _ in 0..10 {
        bench.hear_from(PEER, &master);
        bench.run_for(Duration::from_millis(199));
    }
    bench.said.clear();
    bench.link(false);
    bench.run_for(secs(5));
    assert_eq!(bench.transitions(), [(StateKind::Fault, Reason::LinkDown)]);
}

#[test]
fn a_reload_without_the_delay_ends_the_wait() {
    let mut bench = master(instance(100));
    bench.link(false);
    let longer = vec![delay(ETH0, 1500, 0)];
    bench.give(Input::Command(Command::Reload(Box::new(delayed(
        longer,
        instance(100),
    )))));
    bench.run_for(Duration::from_millis(500));
    assert_eq!(bench.state(), StateKind::Master);
    bench.give(Input::Command(Command::Reload(Box::new(delayed(
        vec![],
        instance(100),
    )))));
    bench.run_for(Duration::ZERO);
    assert_eq!(bench.transitions(), [(StateKind::Fault, Reason::LinkDown)]);
}
