//! Reloads of what is around the addresses: routes, filters, devices, groups.

mod common;

use std::sync::Arc;

use common::*;
use locum_engine::conf::{NoIncludes, read};
use locum_engine::config::{
    Config, Network, NextHop, Object, Route, RouteExtras, RouteKind, VirtualDevice, Vmac,
    virtual_mac_v4,
};
use locum_engine::event::{Event, StateKind};
use locum_engine::ids::{InstanceId, InterfaceId};
use locum_engine::{Command, Effect, Input, Output};

fn conf(text: &str) -> Config {
    let reading = read("k.conf", text, &mut NoIncludes);
    reading
        .config
        .unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
}

fn router(name: &str, vrid: u8, rest: &str, address: &str) -> String {
    format!(
        "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\n{rest}\n\
         virtual_ipaddress {{\n{address}\n}}\n}}\n"
    )
}

fn started(text: &str) -> Bench {
    started_on(conf(text))
}

fn started_on(config: Config) -> Bench {
    let mut bench = Bench::new(config);
    bench.give(Input::Command(Command::Start));
    bench.run_for(secs(30));
    bench.said.clear();
    bench
}

fn state(bench: &Bench, i: u16) -> StateKind {
    bench.engine.state(InstanceId(i)).0
}

/// What a reload does to the host.
fn effects_of(bench: &mut Bench, config: Config) -> Vec<String> {
    bench.give(Input::Command(Command::Reload(Box::new(config))));
    let config = bench.engine.config().clone();
    let word = |output| match output {
        Output::Effect(Effect::Install { object, .. }) => {
            Some(format!("+ {}", object.display(&config)))
        }
        Output::Effect(Effect::Uninstall { object, .. }) => {
            Some(format!("- {}", object.display(&config)))
        }
        Output::Effect(Effect::AddAddress { address, .. }) => {
            Some(format!("+ {}", address.address))
        }
        Output::Effect(Effect::RemoveAddress { address, .. }) => {
            Some(format!("- {}", address.address))
        }
        Output::Effect(Effect::AddStaticAddress { address, .. }) => {
            Some(format!("+ static {}", address.address))
        }
        Output::Effect(Effect::RemoveStaticAddress { address, .. }) => {
            Some(format!("- static {}", address.address))
        }
        Output::Effect(Effect::CreateDevice { device }) => Some(format!("+ device {}", device.mac)),
        Output::Effect(Effect::RemoveDevice { device }) => Some(format!("- device {}", device.mac)),
        Output::Effect(Effect::Shut { addresses, .. }) => Some(format!("shut {addresses:?}")),
        Output::Effect(Effect::Unshut { addresses, .. }) => Some(format!("open {addresses:?}")),
        _ => None,
    };
    bench
        .said
        .drain(..)
        .filter_map(|(_, output)| word(output))
        .collect()
}

fn route(destination: &str) -> Object {
    Object::Route(Arc::new(Route {
        kind: RouteKind::Unicast,
        destination: Network {
            address: destination.parse().expect("an address"),
            prefix: 16,
        },
        hops: vec![NextHop {
            gateway: Some(PEER.into()),
            interface: Some(ETH0),
            weight: 1,
            on_link: false,
        }],
        source: None,
        table: 254,
        scope: None,
        metric: None,
        tos: 0,
        protocol: 18,
        metrics: vec![],
        extras: RouteExtras::default(),
        tracked: true,
    }))
}

/// One instance with these routes.
fn routes(destinations: &[&str]) -> Config {
    let mut config = conf(&router("A", 51, "", "10.0.0.1"));
    config.instances[0].objects = destinations.iter().map(|d| route(d)).collect();
    config
}

#[test]
fn routes_and_rules_are_compared_one_by_one() {
    let mut bench = started_on(routes(&["10.1.0.0", "10.2.0.0"]));
    assert!(effects_of(&mut bench, routes(&["10.1.0.0", "10.2.0.0"])).is_empty());
    let said = effects_of(&mut bench, routes(&["10.2.0.0", "10.3.0.0"]));
    let via = "via 192.168.0.12 dev eth0";
    let expected = [
        format!("- route 10.1.0.0/16 {via}"),
        format!("+ route 10.3.0.0/16 {via}"),
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_route_that_moves_to_another_instance_stays() {
    let both = |owner: usize| {
        let mut config = conf(&format!(
            "{}{}",
            router("A", 51, "", "10.0.0.1"),
            router("B", 52, "", "10.0.0.2")
        ));
        config.instances[owner].objects.push(route("10.1.0.0"));
        config
    };
    let mut bench = started_on(both(0));
    assert!(effects_of(&mut bench, both(1)).is_empty());
}

#[test]
fn no_accept_is_closed_before_an_address_comes() {
    let text = |accept, address: &str| {
        let mut config = conf(&router("A", 51, "", address));
        config.instances[0].accept = accept;
        config
    };
    let mut bench = started_on(text(false, "10.0.0.1"));
    let said = effects_of(&mut bench, text(false, "10.0.0.1\n10.0.0.2"));
    assert_eq!(said, ["shut [10.0.0.2]", "+ 10.0.0.2"]);
    let said = effects_of(&mut bench, text(true, "10.0.0.1\n10.0.0.2"));
    assert_eq!(said, ["open [10.0.0.1, 10.0.0.2]"]);
}

#[test]
fn a_device_comes_before_its_addresses_and_goes_after_them() {
    let without = || conf(&router("A", 51, "", "10.0.0.1"));
    let with = || {
        let mut config = without();
        let device = InterfaceId(1);
        config.interfaces.push("vrrp.51".into());
        config.devices.push(VirtualDevice {
            interface: device,
            base: ETH0,
            mac: virtual_mac_v4(config.instances[0].vrid),
        });
        let instance = &mut config.instances[0];
        instance.addresses[0].interface = device;
        instance.vmac = Some(Vmac {
            device,
            xmit_base: false,
        });
        config
    };
    let mut bench = started_on(without());
    let said = effects_of(&mut bench, with());
    assert_eq!(
        said,
        ["- 10.0.0.1", "+ device 00:00:5e:00:01:33", "+ 10.0.0.1"]
    );
    assert_eq!(state(&bench, 0), StateKind::Master);
    let said = effects_of(&mut bench, without());
    assert_eq!(
        said,
        ["- 10.0.0.1", "- device 00:00:5e:00:01:33", "+ 10.0.0.1"]
    );
    assert_eq!(state(&bench, 0), StateKind::Master);
}

#[test]
fn static_addresses_are_compared_too() {
    let statics = |last: [u8; 2]| {
        let mut config = conf(&router("A", 51, "", "10.0.0.1"));
        let addresses = last.map(|n| virtual_address([10, 9, 0, n].into()));
        config.statics.addresses = addresses.to_vec();
        config
    };
    let mut bench = started_on(statics([1, 2]));
    let said = effects_of(&mut bench, statics([2, 3]));
    assert_eq!(said, ["- static 10.9.0.1", "+ static 10.9.0.3"]);
}

fn grouped(members: &[&str]) -> String {
    let group = format!(
        "vrrp_sync_group G {{\ngroup {{\n{}\n}}\n}}\n",
        members.join("\n")
    );
    let numbers = |name: &str| name.bytes().next().expect("a letter") - b'A';
    let routers = members.iter().map(|name| {
        let n = numbers(name);
        router(name, 51 + n, "", &format!("10.0.0.{}", n + 1))
    });
    group + &routers.collect::<String>()
}

fn transitions(bench: &mut Bench) -> Vec<StateKind> {
    let said = bench.said.drain(..);
    let to = |(_, output)| match output {
        Output::Event(Event::StateChanged { to, .. }) => Some(to),
        _ => None,
    };
    said.filter_map(to).collect()
}

/// In keepalived the whole group steps down for a member that joins.
#[test]
fn a_new_member_does_not_bring_its_group_down() {
    let mut bench = started(&grouped(&["A", "B"]));
    bench.give(Input::Command(Command::Reload(Box::new(conf(&grouped(
        &["A", "B", "C"],
    ))))));
    assert_eq!([0, 1, 2].map(|i| state(&bench, i)), [StateKind::Master; 3]);
    assert_eq!(
        transitions(&mut bench),
        [StateKind::Backup, StateKind::Master],
        "C alone"
    );
    bench.run_for(secs(10));
    assert_eq!(transitions(&mut bench), []);
}

#[test]
fn a_member_that_leaves_goes_on_alone() {
    let mut bench = started(&grouped(&["A", "B"]));
    let apart = format!(
        "{}{}",
        router("A", 51, "", "10.0.0.1"),
        router("B", 52, "", "10.0.0.2")
    );
    bench.give(Input::Command(Command::Reload(Box::new(conf(&apart)))));
    bench.run_for(secs(5));
    assert_eq!(transitions(&mut bench), []);
    bench.hear(200);
    assert_eq!(
        [0, 1].map(|i| state(&bench, i)),
        [StateKind::Master; 2],
        "a wrong password"
    );
}

#[test]
fn a_removed_member_leaves_the_others_in_peace() {
    let mut bench = started(&grouped(&["A", "B", "C"]));
    bench.give(Input::Command(Command::Reload(Box::new(conf(&grouped(
        &["A", "C"],
    ))))));
    assert_eq!(transitions(&mut bench), [StateKind::Init]);
    assert_eq!([0, 1].map(|i| state(&bench, i)), [StateKind::Master; 2]);
}

#[test]
fn two_that_become_a_group_end_in_one_state() {
    let apart = format!(
        "{}{}",
        router("A", 51, "", "10.0.0.1"),
        router("B", 52, "", "10.0.0.2")
    );
    let mut bench = started(&apart);
    let mut peer = conf(&router("A", 51, "priority 200", "10.0.0.1"))
        .instances
        .remove(0);
    peer.interface = ETH0;
    bench.hear_from(PEER, &peer);
    assert_eq!(
        [0, 1].map(|i| state(&bench, i)),
        [StateKind::Backup, StateKind::Master]
    );
    bench.said.clear();
    bench.give(Input::Command(Command::Reload(Box::new(conf(&grouped(
        &["A", "B"],
    ))))));
    // Both are new to the group; who is master stays so for as long as nobody objects.
    assert_eq!([0, 1].map(|i| state(&bench, i)), [StateKind::Master; 2]);
    bench.hear_from(PEER, &peer);
    assert_eq!([0, 1].map(|i| state(&bench, i)), [StateKind::Backup; 2]);
}
