//! Several virtual routers with one number on an interface: told apart by whom they talk to.

mod common;

use std::net::Ipv4Addr;

use common::*;
use locum_engine::conf::{self, NoIncludes};
use locum_engine::config::{Config, InstanceConfig};
use locum_engine::event::{Discard, StateKind};
use locum_engine::ids::{InstanceId, Priority};
use locum_engine::{Command, Event, Input, Output};

const SECOND: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 21);
const OTHER: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 13);

fn instance(name: &str, lines: &str, address: u8) -> String {
    format!(
        "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id 51\npriority 100\n{lines}\n\
         virtual_ipaddress {{\n192.168.0.{address}/24\n}}\n}}\n"
    )
}

/// Instances with those lines, started; the errors that they were read with.
fn read(lines: &[&str]) -> (Option<Config>, Vec<String>) {
    let instances = lines.iter().zip(1..);
    let text: String = instances
        .map(|(lines, n)| instance(&format!("VI_{n}"), lines, 200 + n))
        .collect();
    let reading = conf::read("k.conf", &text, &mut NoIncludes);
    let said = reading.diagnostics.iter().map(|d| d.message.clone());
    (reading.config, said.collect())
}

fn started(lines: &[&str]) -> Bench {
    let (config, said) = read(lines);
    let mut bench = Bench::new(config.unwrap_or_else(|| panic!("{said:?}")));
    bench.give(Input::Command(Command::Start));
    bench.said.clear();
    bench
}

fn like(bench: &Bench, position: u16, priority: u8) -> InstanceConfig {
    InstanceConfig {
        priority: Priority(priority),
        ..bench.engine.config().instance(InstanceId(position)).clone()
    }
}

/// Who has accepted how many adverts.
fn accepted(bench: &Bench) -> Vec<u64> {
    let count = bench.engine.config().instances.len();
    (0..count)
        .map(|i| {
            let stats = bench
                .engine
                .stats(InstanceId(u16::try_from(i).expect("few")));
            stats.received
        })
        .collect()
}

fn hear(bench: &mut Bench, from: Ipv4Addr, to: Ipv4Addr, peer: &InstanceConfig) {
    let payload = payload_to(from, to, peer);
    bench.receive_at(to, from, 255, &payload);
}

#[test]
fn peers_tell_them_apart() {
    let lines = [
        "unicast_peer {\n192.168.0.12\n}",
        "unicast_peer {\n192.168.0.13\n}",
    ];
    let mut bench = started(&lines);
    let better = like(&bench, 0, 200);
    for _ in 0..5 {
        hear(&mut bench, PEER, US, &better);
        bench.run_for(secs(1));
    }
    assert_eq!(accepted(&bench), [5, 0]);
    let states: Vec<_> = [0, 1].map(|i| bench.engine.state(InstanceId(i)).0).into();
    assert_eq!(states, [StateKind::Backup, StateKind::Master]);
    hear(&mut bench, OTHER, US, &better);
    assert_eq!(accepted(&bench), [5, 1]);
    assert_eq!(bench.engine.state(InstanceId(1)).0, StateKind::Backup);
}

#[test]
fn sources_tell_them_apart_although_the_peer_is_the_same() {
    let lines = [
        "unicast_src_ip 192.168.0.11\nunicast_peer {\n192.168.0.12\n}",
        "unicast_src_ip 192.168.0.21\nunicast_peer {\n192.168.0.12\n}",
    ];
    let mut bench = started(&lines);
    let better = like(&bench, 0, 200);
    hear(&mut bench, PEER, SECOND, &better);
    assert_eq!(accepted(&bench), [0, 1]);
    hear(&mut bench, PEER, US, &better);
    assert_eq!(accepted(&bench), [1, 1]);
}

#[test]
fn groups_and_peers_tell_them_apart() {
    let lines = [
        "",
        "mcast_dst_ip 224.0.0.20",
        "unicast_peer {\n192.168.0.12\n}",
    ];
    let mut bench = started(&lines);
    let better = like(&bench, 0, 200);
    hear(&mut bench, PEER, locum_engine::wire::GROUP_V4, &better);
    assert_eq!(accepted(&bench), [1, 0, 0]);
    hear(&mut bench, PEER, Ipv4Addr::new(224, 0, 0, 20), &better);
    assert_eq!(accepted(&bench), [1, 1, 0]);
    hear(&mut bench, PEER, US, &better);
    assert_eq!(accepted(&bench), [1, 1, 1]);
}

/// What is nobody's is discarded by one of them, with a reason.
#[test]
fn a_stranger_s_advert_is_discarded_once() {
    let lines = [
        "unicast_peer {\n192.168.0.12\n}",
        "unicast_peer {\n192.168.0.13\n}",
    ];
    let mut bench = started(&lines);
    let better = like(&bench, 0, 200);
    hear(&mut bench, Ipv4Addr::new(192, 168, 0, 99), US, &better);
    let why = bench.said.iter().filter_map(|(_, said)| match said {
        Output::Event(Event::Discarded { instance, why, .. }) => Some((*instance, *why)),
        _ => None,
    });
    assert_eq!(
        why.collect::<Vec<_>>(),
        [(Some(InstanceId(0)), Discard::NotAPeer)]
    );
}

#[test]
fn what_can_t_be_told_apart_is_an_error_that_says_why() {
    let peer = "unicast_peer {\n192.168.0.12\n}";
    let open = "check_unicast_src off\nunicast_peer {\n192.168.0.13\n}";
    for (lines, part) in [
        (["", ""], "share the virtual router id 51 on one interface"),
        (
            [peer, peer],
            "on one interface, and the peer 192.168.0.12: whose",
        ),
        (
            [peer, open],
            "on one interface, and hear whoever writes to them",
        ),
    ] {
        let (config, said) = read(&lines);
        assert!(config.is_none(), "{lines:?}");
        assert!(said.iter().any(|s| s.contains(part)), "{said:?}");
    }
    let vmac = "use_vmac vrrp.1\nmcast_dst_ip 224.0.0.20";
    let (config, said) = read(&["use_vmac vrrp.2", vmac]);
    assert!(config.is_none());
    assert!(
        said.iter()
            .any(|s| s.contains("the virtual MAC address 00:00:5e:00:01:33")),
        "{said:?}"
    );
}

/// On a reload each goes on as itself, wherever it stands in the file.
#[test]
fn a_reload_knows_which_is_which() {
    let lines = [
        "unicast_peer {\n192.168.0.12\n}",
        "unicast_peer {\n192.168.0.13\n}",
    ];
    let (config, _) = read(&lines);
    let mut config = config.expect("it can be used");
    let mut bench = Bench::new(config.clone());
    bench.give(Input::Command(Command::Start));
    let better = like(&bench, 0, 200);
    for _ in 0..5 {
        hear(&mut bench, PEER, US, &better);
        bench.run_for(secs(1));
    }
    bench.said.clear();
    config.instances.reverse();
    bench.give(Input::Command(Command::Reload(Box::new(config))));
    let states: Vec<_> = [0, 1].map(|i| bench.engine.state(InstanceId(i)).0).into();
    assert_eq!(states, [StateKind::Master, StateKind::Backup]);
    assert_eq!(bench.words(), ["reloaded"]);
}
