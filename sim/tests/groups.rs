//! Sync groups on two networks: planted bugs that the oracles see, and random plans that they don't
//! object to, with either runner.

mod common;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use locum_engine::conf::{self, NoIncludes};
use locum_engine::config::Config;
use locum_engine::ids::{InstanceId, MacAddr, Priority};
use locum_sim::fault::{Direction, Fault};
use locum_sim::run::{Bug, Options, Runner};
use locum_sim::topology::{
    CableId, CableSpec, End, HostId, HostSpec, NicSpec, Path, Role, RouterSpec, SwitchId,
    SwitchSpec, Topology,
};

/// Three routers at most; each has its second NIC behind it in the list.
const NODES: [(&str, HostId); 3] = [("a", HostId(0)), ("b", HostId(2)), ("c", HostId(4))];

/// Priorities on the two sides, and more lines for both.
fn gateway(lan: u8, wan: u8, lines: &str) -> Config {
    let instance = |name: &str, nic: &str, vrid: u8, priority: u8, net: &str| {
        format!(
            "vrrp_instance {name} {{\n interface {nic}\n virtual_router_id {vrid}\n \
             priority {priority}\n {lines}\n virtual_ipaddress {{\n {net}.200/24\n }}\n}}\n"
        )
    };
    let text = format!(
        "vrrp_sync_group G {{\n group {{\n LAN\n WAN\n }}\n}}\n{}{}",
        instance("LAN", "eth0", 51, lan, "192.168.0"),
        instance("WAN", "eth1", 52, wan, "10.0.0"),
    );
    let reading = conf::read("gateway.conf", &text, &mut NoIncludes);
    reading.config.expect("it can be read")
}

/// Switches lan1 - lan2 and wan1 - wan2. Router `i` has cables 2i (LAN) and 2i + 1 (WAN).
fn network(configs: Vec<Config>) -> Topology {
    let mut topology = Topology::default();
    for name in ["lan1", "lan2", "wan1", "wan2"] {
        topology.switches.push(SwitchSpec {
            name: name.into(),
            ageing: Duration::from_secs(300),
            flush_on_carrier_loss: true,
        });
    }
    for (i, config) in configs.into_iter().enumerate() {
        let (name, host) = NODES[i];
        let last = 11 + i as u8;
        let router = Role::Router(RouterSpec {
            config: Arc::new(config),
            starts_at: Some(Duration::from_millis(500 * i as u64)),
            wall_error: 0,
        });
        let nic = Role::Nic(NicSpec {
            of: host,
            interface: "eth1".into(),
        });
        for (side, role) in [router, nic].into_iter().enumerate() {
            let net = [[192, 168, 0, last], [10, 0, 0, last]][side];
            topology.hosts.push(HostSpec {
                name: [name.to_owned(), format!("{name}:eth1")][side]
                    .as_str()
                    .into(),
                mac: MacAddr([2, 0, 0, 0, side as u8, last]),
                address: Ipv4Addr::from(net),
                prefix: 24,
                ipv6: None,
                role,
            });
            let nic = End::Host(HostId(topology.hosts.len() as u16 - 1));
            let switch = End::Switch(SwitchId((side * 2 + i % 2) as u16));
            topology.cables.push(cable(nic, switch));
        }
    }
    for (a, b) in [(0, 1), (2, 3)] {
        let (a, b) = (End::Switch(SwitchId(a)), End::Switch(SwitchId(b)));
        topology.cables.push(cable(a, b));
    }
    topology
}

fn cable(a: End, b: End) -> CableSpec {
    CableSpec {
        a,
        b,
        a_to_b: Path::default(),
        b_to_a: Path::default(),
    }
}

fn pair() -> Vec<Config> {
    vec![gateway(150, 150, ""), gateway(100, 100, "")]
}

/// Runs it, and names the oracles that object.
#[expect(clippy::print_stdout, reason = "seen when the test fails")]
fn objections(
    configs: Vec<Config>,
    faults: &[(u64, Fault)],
    bug: Option<(usize, Bug)>,
) -> Vec<&'static str> {
    let options = Options {
        bug: bug.map(|(node, bug)| (NODES[node].1, bug)),
        ..Options::default()
    };
    let setup = setup(network(configs), 60, faults.to_vec());
    let run = Runner::Event.run(&setup, &options);
    let report = run.report.expect("the oracles watched");
    if bug.is_none() && !report.holds() {
        let trace = locum_sim::trace::render(&setup.topology, &run.records);
        println!("{trace}{report}");
    }
    let found = report.findings.iter().filter(|f| !f.verdict.holds());
    found.map(|f| f.name).collect()
}

const PULL_A_LAN: [(u64, Fault); 2] = [
    (20_000, Fault::Pull(CableId(0))),
    (40_000, Fault::Plug(CableId(0))),
];

#[test]
fn a_pulled_cable_is_survived() {
    assert_eq!(objections(pair(), &PULL_A_LAN, None), [""; 0]);
}

#[test]
fn members_that_go_their_own_ways_are_seen() {
    let found = objections(pair(), &PULL_A_LAN, Some((0, Bug::Disunited)));
    assert!(found.contains(&"X9"), "{found:?}");
}

#[test]
fn a_second_group_that_is_master_is_seen() {
    let found = objections(pair(), &PULL_A_LAN, Some((1, Bug::Deaf)));
    assert!(found.contains(&"T17"), "{found:?}");
}

#[test]
fn a_group_that_never_takes_over_is_seen() {
    let killed = [(20_000, Fault::PowerOff(NODES[0].1))];
    let found = objections(pair(), &killed, Some((1, Bug::Dozes)));
    assert!(found.contains(&"T17"), "{found:?}");
}

/// The networks are split one after the other, and both.
#[test]
fn splits_of_one_network_leave_one_master_and_of_both_two() {
    let (lan, wan) = (CableId(4), CableId(5));
    for cut in [vec![lan], vec![wan], vec![lan, wan]] {
        let mut faults: Vec<_> = cut.iter().map(|c| (15_000, Fault::Pull(*c))).collect();
        faults.extend(cut.iter().map(|c| (40_000, Fault::Plug(*c))));
        assert_eq!(objections(pair(), &faults, None), [""; 0], "{cut:?}");
    }
}

/// Each router outranks the other on one side. keepalived lets go on both for ever.
#[test]
fn ranks_that_contradict_each_other_leave_one_master() {
    let crossed = || vec![gateway(100, 90, ""), gateway(90, 100, "")];
    assert_eq!(objections(crossed(), &[], None), [""; 0]);
    // Both are alone until 20 s, master, and meet.
    for together in [[CableId(4), CableId(5)], [CableId(5), CableId(4)]] {
        let apart = together.map(|c| (1, Fault::Pull(c)));
        let meet = [
            (20_000, Fault::Plug(together[0])),
            (20_300, Fault::Plug(together[1])),
        ];
        let faults: Vec<_> = apart.into_iter().chain(meet).collect();
        assert_eq!(objections(crossed(), &faults, None), [""; 0]);
    }
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn fault(dice: &mut Dice, routers: usize) -> (Fault, Option<Fault>) {
    let cable = CableId(dice.below(routers as u64 * 2 + 2) as u16);
    let host = NODES[dice.below(routers as u64) as usize].1;
    match dice.below(12) {
        0..=4 => (Fault::Pull(cable), Some(Fault::Plug(cable))),
        5 => {
            let way = [Direction::AToB, Direction::BToA, Direction::Both][dice.below(3) as usize];
            (Fault::Dark(cable, way), Some(Fault::Light(cable, way)))
        }
        6 => (Fault::PowerOff(host), Some(Fault::PowerOn(host))),
        7 => (Fault::Stop(host), Some(Fault::Start(host))),
        8 => (Fault::Hang(host), Some(Fault::Resume(host))),
        9 => (Fault::PauseVm(host), Some(Fault::ResumeVm(host))),
        10 => (
            Fault::Drain(host, None, Duration::from_millis(dice.below(8_000))),
            Some(Fault::Undrain(host, None)),
        ),
        _ => {
            let instance = InstanceId(dice.below(2) as u16);
            let priority = Priority(1 + dice.below(254) as u8);
            (
                Fault::SetPriority(host, instance, Some(priority)),
                Some(Fault::SetPriority(host, instance, None)),
            )
        }
    }
}

fn random(seed: u64) -> locum_sim::run::Setup {
    let mut dice = Dice(seed);
    let routers = 2 + dice.below(2) as usize;
    let configs = (0..routers).map(|_| {
        let priority = 90 + dice.below(20) as u8;
        let other = if dice.below(3) == 0 {
            90 + dice.below(20) as u8
        } else {
            priority
        };
        let lines = ["", "", "nopreempt", "preempt_delay 3"][dice.below(4) as usize];
        gateway(priority, other, lines)
    });
    let topology = network(configs.collect());
    let mut faults = Vec::new();
    for _ in 0..dice.below(7) {
        let (fault, undo) = fault(&mut dice, routers);
        let at = 5_000 + dice.below(60_000);
        faults.push((at, fault));
        if let Some(undo) = undo.filter(|_| dice.below(5) > 0) {
            faults.push((at + 1 + dice.below(25_000), undo));
        }
    }
    faults.sort_by_key(|(at, _)| *at);
    setup(topology, 120, faults)
}

#[test]
fn no_oracle_objects_to_any_plan() {
    for seed in seeds(120) {
        let setup = random(seed);
        let run = Runner::Event.run(&setup, &Options::default());
        let report = run.report.expect("the oracles watched");
        let trace = || locum_sim::trace::render(&setup.topology, &run.records);
        assert!(report.holds(), "seed {seed}:\n{}{report}", trace());
    }
}

#[test]
fn both_runners_see_the_same() {
    for seed in 0..12 {
        let setup = random(seed);
        let event = Runner::Event.run(&setup, &Options::default());
        let turmoil = Runner::Turmoil.run(&setup, &Options::default());
        assert_eq!(event.records, turmoil.records, "seed {seed}");
    }
}
