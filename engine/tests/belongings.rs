//! What a master has besides its addresses: a virtual MAC address, routes, rules, a filter; and
//! what belongs to no instance.

mod common;

use std::sync::Arc;

use common::*;
use locum_engine::config::{
    Config, InstanceConfig, Network, NextHop, Object, ObjectId, Route, RouteExtras, RouteKind,
    StaticItem, StaticTrack, Statics, TABLE_MAIN, VirtualDevice, Vmac, virtual_mac_v4,
};
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::{InterfaceId, MacAddr, Vrid};
use locum_engine::{Command, Event, Input, LinkState, Output, Transmit};

const VMAC: InterfaceId = InterfaceId(1);

fn route(third: u8) -> Object {
    Object::Route(Arc::new(Route {
        kind: RouteKind::Unicast,
        destination: Network {
            address: [10, 9, third, 0].into(),
            prefix: 24,
        },
        hops: vec![NextHop {
            gateway: Some([192, 168, 0, 1].into()),
            ..NextHop::default()
        }],
        source: None,
        table: TABLE_MAIN,
        scope: None,
        metric: None,
        tos: 0,
        protocol: 18,
        metrics: vec![],
        extras: RouteExtras::default(),
        tracked: third != 9,
    }))
}

fn id(index: u16) -> ObjectId {
    let owner = Some(VI);
    ObjectId { owner, index }
}

fn with_routes() -> InstanceConfig {
    InstanceConfig {
        objects: vec![route(1), route(9)],
        ..instance(100)
    }
}

fn with_vmac(priority: u8, xmit_base: bool) -> Config {
    let vmac = Vmac {
        device: VMAC,
        xmit_base,
    };
    let mut held = virtual_address(VIP);
    held.interface = VMAC;
    Config {
        interfaces: vec!["eth0".into(), "vrrp.51".into()],
        devices: vec![VirtualDevice {
            interface: VMAC,
            base: ETH0,
            mac: virtual_mac_v4(Vrid::new(51).expect("not zero")),
        }],
        ..config(InstanceConfig {
            vmac: Some(vmac),
            addresses: vec![held],
            ..instance(priority)
        })
    }
}

fn started(config: Config) -> Bench {
    let mut bench = Bench::new(config);
    bench.give(Input::Command(Command::Start));
    bench
}

#[test]
fn routes_go_up_after_the_addresses_and_down_before_them() {
    let mut bench = Bench::started(with_routes());
    bench.said.clear();
    bench.run_until_state(StateKind::Master);
    let words = bench.words();
    assert_eq!(
        words[..5],
        [
            "advert 100",
            "add 192.168.0.200",
            "install route 10.9.1.0/24 via 192.168.0.1",
            "install route 10.9.9.0/24 via 192.168.0.1",
            "garp 192.168.0.200"
        ]
    );
    bench.said.clear();
    bench.give(Input::Command(Command::Stop));
    assert_eq!(
        bench.words()[..4],
        [
            "uninstall route 10.9.9.0/24 via 192.168.0.1",
            "uninstall route 10.9.1.0/24 via 192.168.0.1",
            "remove 192.168.0.200",
            "advert 0"
        ]
    );
}

#[test]
fn what_a_crash_left_behind_goes_at_the_start() {
    let mut bench = Bench::started(with_routes());
    let words = bench.words();
    assert!(
        words.contains(&"uninstall route 10.9.1.0/24 via 192.168.0.1".to_owned()),
        "{words:?}"
    );
}

#[test]
fn a_route_removed_by_somebody_is_put_back_once_a_second() {
    let mut bench = Bench::master(with_routes());
    bench.give(Input::ObjectRemoved(id(0)));
    let back = "install route 10.9.1.0/24 via 192.168.0.1";
    let said = "route 10.9.1.0/24 via 192.168.0.1 was missing, put back";
    assert_eq!(bench.words(), [back, said]);
    bench.said.clear();
    bench.give(Input::ObjectRemoved(id(0)));
    assert_eq!(bench.words(), [""; 0], "not again at once");
    let wake = bench.engine.poll_timeout().expect("it is due").at;
    assert_eq!(wake, bench.now + secs(1), "advert and route");
    bench.now = wake;
    bench.give(Input::Timeout);
    assert!(bench.words().contains(&back.to_owned()));
    assert_eq!(bench.state(), StateKind::Master);
}

#[test]
fn no_track_leaves_it_removed() {
    let mut bench = Bench::master(with_routes());
    bench.give(Input::ObjectRemoved(id(1)));
    assert_eq!(bench.words(), [""; 0]);
}

#[test]
fn a_backup_puts_nothing_back() {
    let mut bench = Bench::started(with_routes());
    bench.said.clear();
    bench.give(Input::ObjectRemoved(id(0)));
    bench.give(Input::ObjectRefused(id(0)));
    assert_eq!(bench.words(), [""; 0]);
}

#[test]
fn a_refused_route_is_said_and_tried_again_after_ten_seconds() {
    let mut bench = Bench::master(with_routes());
    let since = bench.now;
    bench.give(Input::ObjectRefused(id(0)));
    let refused = "the kernel refused route 10.9.1.0/24 via 192.168.0.1";
    assert_eq!(bench.words(), [refused]);
    bench.run_to(since + secs(9));
    let back = "install route 10.9.1.0/24 via 192.168.0.1".to_owned();
    assert!(!bench.words().contains(&back));
    bench.run_to(since + secs(10));
    assert!(bench.words().contains(&back));
    assert_eq!(bench.state(), StateKind::Master, "it serves meanwhile");
}

#[test]
fn with_a_virtual_mac_adverts_and_announcements_leave_through_its_device() {
    let mut bench = started(with_vmac(255, false));
    let mut seen = 0;
    for (_, output) in &bench.said {
        match output {
            Output::Transmit(Transmit::Advert { interface, .. }) => assert_eq!(*interface, VMAC),
            Output::Transmit(Transmit::GratuitousArp {
                interface,
                mac,
                frame,
                ..
            }) => {
                assert_eq!(*interface, VMAC);
                assert_eq!(mac.to_string(), "00:00:5e:00:01:33");
                assert_eq!(frame[6..12], mac.0);
                assert_eq!(frame[22..28], mac.0);
                seen += 1;
            }
            _ => {}
        }
    }
    assert_eq!(seen, 5, "an owner announces at once");
    assert_eq!(
        bench.words()[0],
        "create vrrp.51",
        "before anything is on it"
    );
    bench.give(Input::Command(Command::Stop));
    let words = bench.words();
    assert_eq!(words[words.len() - 2..], ["delete vrrp.51", "stopped"]);
}

#[test]
fn vmac_xmit_base_sends_adverts_from_the_interface_and_announces_the_virtual_mac() {
    let bench = started(with_vmac(255, true));
    for (_, output) in &bench.said {
        match output {
            Output::Transmit(Transmit::Advert { interface, .. }) => assert_eq!(*interface, ETH0),
            Output::Transmit(Transmit::GratuitousArp { interface, .. }) => {
                assert_eq!(*interface, VMAC);
            }
            _ => {}
        }
    }
}

#[test]
fn a_lost_device_is_a_fault_and_is_made_again_once_a_second() {
    let mut bench = started(with_vmac(100, false));
    bench.run_until_state(StateKind::Master);
    bench.said.clear();
    let gone = LinkState {
        up: false,
        mac: MacAddr::default(),
        address: None,
        ..LinkState::default()
    };
    let since = bench.now;
    bench.give(Input::Link {
        interface: VMAC,
        state: gone,
    });
    assert_eq!(bench.state(), StateKind::Fault);
    assert_eq!(bench.words()[0], "create vrrp.51");
    bench.run_to(since + secs(3));
    let made = bench
        .words()
        .iter()
        .filter(|w| *w == "create vrrp.51")
        .count();
    assert_eq!(made, 3, "and once at once");
    bench.give(Input::Link {
        interface: VMAC,
        state: LinkState { up: true, ..gone },
    });
    assert_eq!(bench.state(), StateKind::Backup);
}

#[test]
fn no_accept_shuts_the_addresses_before_they_are_there() {
    let mut bench = Bench::started(InstanceConfig {
        accept: false,
        ..instance(100)
    });
    bench.said.clear();
    bench.run_until_state(StateKind::Master);
    assert_eq!(
        bench.words()[..3],
        ["advert 100", "shut [192.168.0.200]", "add 192.168.0.200"]
    );
    bench.said.clear();
    bench.give(Input::Command(Command::Stop));
    assert_eq!(
        bench.words()[..2],
        ["remove 192.168.0.200", "unshut [192.168.0.200]"]
    );
}

#[test]
fn an_owner_answers_whatever_is_said() {
    let mut bench = Bench::started(InstanceConfig {
        accept: false,
        ..instance(255)
    });
    assert!(!bench.words().iter().any(|w| w.starts_with("shut")));
}

fn with_statics() -> Config {
    Config {
        statics: Statics {
            addresses: vec![virtual_address([192, 168, 0, 210].into())],
            objects: vec![route(3)],
            tracked: vec![StaticTrack {
                what: StaticItem::Object(0),
                instances: vec![VI],
            }],
        },
        ..config(instance(100))
    }
}

#[test]
fn static_objects_live_as_long_as_the_daemon() {
    let mut bench = started(with_statics());
    let route = "route 10.9.3.0/24 via 192.168.0.1";
    assert_eq!(
        bench.words()[..2],
        [
            "add static 192.168.0.210".to_owned(),
            format!("install {route}")
        ]
    );
    bench.said.clear();
    bench.give(Input::AddressRemoved {
        interface: ETH0,
        address: [192, 168, 0, 210].into(),
    });
    assert_eq!(bench.words()[0], "add static 192.168.0.210");
    bench.give(Input::Command(Command::Stop));
    let words = bench.words();
    let end = &words[words.len() - 3..];
    assert_eq!(
        end,
        [
            format!("uninstall {route}"),
            "remove static 192.168.0.210".to_owned(),
            "stopped".to_owned()
        ]
    );
}

#[test]
fn a_track_group_is_in_fault_while_its_route_is_refused() {
    let mut bench = started(with_statics());
    bench.said.clear();
    let since = bench.now;
    let object = ObjectId {
        owner: None,
        index: 0,
    };
    bench.give(Input::ObjectRemoved(object));
    assert_eq!(bench.state(), StateKind::Backup, "it was put back at once");
    bench.give(Input::ObjectRefused(object));
    assert_eq!(bench.state(), StateKind::Fault);
    let why = bench
        .said
        .iter()
        .rev()
        .find_map(|(_, output)| match output {
            Output::Event(Event::StateChanged { why, .. }) => Some(*why),
            _ => None,
        });
    let item = StaticItem::Object(0);
    assert_eq!(why, Some(Reason::StaticMissing { item }));
    bench.run_to(since + secs(10));
    assert_eq!(bench.state(), StateKind::Backup, "it was tried again");
}
