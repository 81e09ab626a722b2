//! Sync groups: whose addresses are announced when a member wins a contest, and how often.

mod common;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use common::*;
use locum_engine::conf::{self, NoIncludes};
use locum_engine::event::StateKind;
use locum_engine::ids::{InstanceId, InterfaceId, MacAddr, Priority};
use locum_engine::wire::GROUP_V4;
use locum_engine::{Command, Datagram, Input, LinkState, Output, Transmit};

const LAN: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 200);
const WAN: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 200);
const DMZ: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 200);

/// Master on three networks, a while after the takeover, with two rounds an answer.
fn master(grouped: bool) -> Bench {
    let arm = |name: &str, which: u8| {
        format!(
            "vrrp_instance {name} {{\n interface {name}\n virtual_router_id {}\n priority 100\n \
             garp_lower_prio_repeat 2\n garp_lower_prio_delay 3\n virtual_ipaddress {{\n \
             192.168.{which}.200/24\n }}\n}}\n",
            51 + which
        )
    };
    let group = "vrrp_sync_group G {\n group {\n lan\n wan\n dmz\n }\n}\n";
    let group = if grouped { group } else { "" };
    let text = format!("{group}{}{}{}", arm("lan", 0), arm("wan", 1), arm("dmz", 2));
    let reading = conf::read("gateway.conf", &text, &mut NoIncludes);
    let mut bench = Bench::new(reading.config.expect("it can be read"));
    for which in [0, 1, 2] {
        bench.give(Input::Link {
            interface: InterfaceId(which.into()),
            state: LinkState {
                up: true,
                mac: MacAddr([2, 0, 0, 0, which, 0x10]),
                address: Some(IpAddr::V4(Ipv4Addr::new(192, 168, which, 11))),
                ..LinkState::default()
            },
        });
    }
    bench.give(Input::Command(Command::Start));
    bench.run_for(secs(20));
    for id in [0, 1, 2] {
        assert_eq!(bench.engine.state(InstanceId(id)).0, StateKind::Master);
    }
    bench.said.clear();
    bench
}

/// An advert of a rival on a network.
fn hear(bench: &mut Bench, which: u8, priority: u8) {
    let mut peer = bench.engine.config().instances[usize::from(which)].clone();
    peer.priority = Priority(priority);
    let source = Ipv4Addr::new(192, 168, which, 12);
    let payload = payload(source, &peer);
    bench.give(Input::Receive(Datagram {
        interface: InterfaceId(which.into()),
        source: IpAddr::V4(source),
        destination: IpAddr::V4(GROUP_V4),
        ttl: 255,
        protocol: 112,
        id: 1,
        payload: &payload,
    }));
}

/// How many announcements of the addresses went out.
fn announced(bench: &Bench) -> [usize; 3] {
    let sender = |output: &Output| match output {
        Output::Transmit(Transmit::GratuitousArp { address, .. }) => Some(*address),
        _ => None,
    };
    let senders: Vec<Ipv4Addr> = bench.said.iter().filter_map(|(_, o)| sender(o)).collect();
    [LAN, WAN, DMZ].map(|address| senders.iter().filter(|ip| **ip == address).count())
}

#[test]
fn one_contest_is_announced_on_all_networks_now_and_once_more() {
    let mut bench = master(true);
    hear(&mut bench, 0, 90);
    assert_eq!(announced(&bench), [2, 2, 2]);
    bench.said.clear();
    bench.run_for(Duration::from_millis(2900));
    let settled = announced(&bench);
    assert_eq!(
        settled,
        [1, 0, 0],
        "for neighbours deaf at first: where it was"
    );
    bench.said.clear();
    bench.run_for(Duration::from_millis(200));
    assert_eq!(announced(&bench), [2, 2, 2]);
    bench.said.clear();
    bench.run_for(secs(30));
    assert_eq!(announced(&bench), [0, 0, 0]);
}

#[test]
fn a_neighbour_that_is_no_partner_keeps_still() {
    let mut bench = master(false);
    hear(&mut bench, 0, 90);
    assert_eq!(announced(&bench), [2, 0, 0]);
}

#[test]
fn a_rival_that_resigns_is_no_matter_for_partners() {
    let mut bench = master(true);
    hear(&mut bench, 0, 0);
    let [lan, wan, dmz] = announced(&bench);
    assert_eq!([wan, dmz], [0, 0]);
    assert!(lan > 0);
}

/// Floods on two networks make no larger one on the third.
#[test]
fn floods_are_answered_a_few_times_an_interval_on_all_networks() {
    let mut bench = master(true);
    for _ in 0..900 {
        hear(&mut bench, 0, 90);
        hear(&mut bench, 1, 90);
        bench.run_for(Duration::from_millis(1));
    }
    // Two rounds an answer, four answers to its own rival and four to those of its partners.
    let [lan, wan, dmz] = announced(&bench);
    assert!((1..=16).contains(&lan), "{lan}");
    assert!((1..=16).contains(&wan), "{wan}");
    assert!((1..=8).contains(&dmz), "{dmz}");
}
