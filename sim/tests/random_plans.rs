//! Random networks under random faults: the engine is right, so no oracle may object.
//!
//! What is drawn here is narrow on purpose: two to four routers on one to three switches, up to
//! eight faults in two minutes. `LOCUM_SEEDS=from..to` runs others than the few of a plain test run.

mod common;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use locum_engine::config::{
    Auth, CheckCommand, CheckConfig, Config, InstanceConfig, OldChecksum, Peer, Preempt, Track,
    Unicast, Version, Weight,
};
use locum_engine::ids::{CheckId, InstanceId, MacAddr, Priority};
use locum_engine::probe::{Probe, ProbeKind};
use locum_engine::{Centis, Instant, Outcome};
use locum_sim::fault::{Direction, Fault, Forgery, Plan, TimedFault};
use locum_sim::run::{Listeners, Options, Runner, Setup};
use locum_sim::shadow::{Findings, Shadow};
use locum_sim::topology::{
    CableId, CableSpec, ClientSpec, End, HostId, HostSpec, Path, Role, RouterSpec, SwitchId,
    SwitchSpec, Topology,
};
use locum_sim::trace;

/// SplitMix64: enough to spread seeds.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

fn instance_of(
    dice: &mut Dice,
    version: Version,
    interval: Centis,
    checked: Option<i16>,
) -> InstanceConfig {
    let priority = [100, 99, 100, 50, 254, 255, 1, 150][dice.below(8) as usize];
    let mut spec = instance(priority);
    spec.version = version;
    spec.advert_interval = interval;
    if version == Version::V3 {
        spec.auth = Auth::None;
    }
    spec.preempt = match dice.below(6) {
        0 => Preempt::Never,
        1 => Preempt::After(Duration::from_secs(1 + dice.below(8))),
        _ => Preempt::Always,
    };
    if let Some(value) = checked {
        spec.tracks.push(Track {
            check: CheckId(0),
            weight: Weight {
                value,
                reverse: false,
            },
        });
    }
    spec
}

fn gateway_check(dice: &mut Dice) -> CheckConfig {
    let interval = Duration::from_secs(1 + dice.below(3));
    CheckConfig {
        name: "gateway".into(),
        command: CheckCommand::Probe(Probe {
            kind: ProbeKind::Ping {
                targets: vec![IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 0, 1))],
            },
            quorum: 1,
            timeout: Duration::from_millis(500),
        }),
        interval,
        timeout: interval / (1 + dice.below(3) as u32),
        rise: 1 + dice.below(3) as u32,
        fall: 1 + dice.below(4) as u32,
        init_fail: dice.one_in(4),
        user: None,
    }
}

fn network(dice: &mut Dice) -> Topology {
    let switches = 1 + dice.below(3) as u16;
    let routers = 2 + dice.below(3);
    let version = if dice.one_in(2) {
        Version::V2
    } else {
        Version::V3
    };
    let interval = match (version, dice.below(3)) {
        (Version::V3, 0) => Centis::new(10),
        (Version::V3, 1) => Centis::new(50),
        _ => Centis::new(100),
    };
    let interval = interval.expect("not zero");
    let checked = [None, None, Some(0), Some(0), Some(-20), Some(10)][dice.below(6) as usize];
    let switch = |i| SwitchSpec {
        name: format!("sw{i}").into(),
        ageing: Duration::from_secs(300),
        flush_on_carrier_loss: true,
    };
    let mut topology = Topology {
        switches: (1..=switches).map(switch).collect(),
        ..Topology::default()
    };
    for i in 1..switches {
        wire(&mut topology, End::Switch(SwitchId(i - 1)), SwitchId(i));
    }
    place(&mut topology, "gw", 1, Role::Plain, SwitchId(0));
    for i in 0..routers {
        let instance = instance_of(dice, version, interval, checked);
        let mut config: Config = config(instance);
        if checked.is_some() {
            config.checks.push(gateway_check(dice));
        }
        let role = Role::Router(RouterSpec {
            config: Arc::new(config),
            starts_at: Some(Duration::from_millis(dice.below(3000))),
            wall_error: 0,
        });
        let name = char::from(b'a' + i as u8).to_string();
        let at = SwitchId(dice.below(u64::from(switches)) as u16);
        place(&mut topology, &name, 11 + i as u8, role, at);
    }
    let client = Role::Client(ClientSpec {
        target: VIP.into(),
        every: Duration::from_millis(100),
        arp_lifetime: Duration::from_secs(30),
        from: Duration::from_secs(10),
    });
    place(&mut topology, "x", 50, client, SwitchId(switches - 1));
    topology
}

fn place(topology: &mut Topology, name: &str, last: u8, role: Role, at: SwitchId) {
    topology.hosts.push(HostSpec {
        name: name.into(),
        mac: MacAddr([2, 0, 0, 0, 0, last]),
        address: std::net::Ipv4Addr::new(192, 168, 0, last),
        prefix: 24,
        ipv6: None,
        role,
    });
    let host = HostId(topology.hosts.len() as u16 - 1);
    wire(topology, End::Host(host), at);
}

fn wire(topology: &mut Topology, a: End, b: SwitchId) {
    topology.cables.push(CableSpec {
        a,
        b: End::Switch(b),
        a_to_b: Path::default(),
        b_to_a: Path::default(),
    });
}

/// A fault, and what undoes it.
fn fault(dice: &mut Dice, topology: &Topology) -> (Fault, Option<Fault>) {
    let cable = CableId(dice.below(topology.cables.len() as u64) as u16);
    let routers: Vec<HostId> = topology.routers().map(|(id, _)| id).collect();
    let host = routers[dice.below(routers.len() as u64) as usize];
    let way = [Direction::AToB, Direction::BToA, Direction::Both][dice.below(3) as usize];
    let checks = topology
        .routers()
        .all(|(_, spec)| !spec.config.checks.is_empty());
    match dice.below(23) {
        0..=2 => (Fault::Pull(cable), Some(Fault::Plug(cable))),
        3 => (Fault::Dark(cable, way), Some(Fault::Light(cable, way))),
        4 => (
            Fault::Loss(cable, way, 200_000, None),
            Some(Fault::Loss(cable, way, 0, None)),
        ),
        5 => (
            Fault::Partition(
                vec![host],
                routers.iter().copied().filter(|r| *r != host).collect(),
            ),
            Some(Fault::Heal),
        ),
        6 => {
            let switch = SwitchId(dice.below(topology.switches.len() as u64) as u16);
            (
                Fault::RebootSwitch(switch, Duration::from_millis(500 + dice.below(20_000))),
                None,
            )
        }
        7 => (Fault::PowerOff(host), Some(Fault::PowerOn(host))),
        8 => (Fault::Kill(host), Some(Fault::Start(host))),
        9 | 10 => (Fault::Stop(host), Some(Fault::Start(host))),
        11 => (Fault::Hang(host), Some(Fault::Resume(host))),
        12 => (Fault::PauseVm(host), Some(Fault::ResumeVm(host))),
        13 => (Fault::Drift(host, dice.below(1000) as i32 - 500), None),
        14 if checks => (
            Fault::ForceCheck(host, CheckId(0), Some(Outcome::Failure(1))),
            Some(Fault::ForceCheck(host, CheckId(0), None)),
        ),
        14 | 15 => {
            let priority = Priority(1 + dice.below(254) as u8);
            (
                Fault::SetPriority(host, InstanceId(0), Some(priority)),
                Some(Fault::SetPriority(host, InstanceId(0), None)),
            )
        }
        16 => (
            Fault::Drain(host, None, Duration::from_millis(dice.below(10_000))),
            Some(Fault::Undrain(host, None)),
        ),
        17 => (Fault::Duplicate(cable, 300_000), None),
        18 => (
            Fault::Corrupt(cable, 100_000),
            Some(Fault::Corrupt(cable, 0)),
        ),
        19 => (
            Fault::Reorder(cable, 200_000, Duration::from_millis(5)),
            None,
        ),
        20 => (
            Fault::Latency(cable, way, Duration::from_micros(1 + dice.below(5_000))),
            None,
        ),
        21 => (Fault::Forge(HostId(0), forgery(dice, topology)), None),
        _ => (Fault::RemoveAddress(host, VIP.into()), None),
    }
}

/// An advert in a router's name: some are perfect, most are not.
fn forgery(dice: &mut Dice, topology: &Topology) -> Forgery {
    let (host, spec) = topology.routers().next().expect("there are routers");
    let password = match spec.config.instances[0].auth {
        Auth::Password(password) if dice.one_in(3) => Some(password),
        _ => None,
    };
    Forgery {
        source: topology.hosts[host.index()].address.into(),
        vrid: spec.config.instances[0].vrid,
        priority: Priority([0, 255, 120][dice.below(3) as usize]),
        password,
        addresses: vec![VIP.into()],
        ttl: if dice.one_in(2) { 64 } else { 255 },
        count: 1 + dice.below(50) as u32,
        every: Duration::from_millis(1 + dice.below(500)),
    }
}

fn setup_of(seed: u64) -> Setup {
    let mut dice = Dice(seed);
    let topology = network(&mut dice);
    let mut faults = Vec::new();
    for _ in 0..dice.below(9) {
        let (fault, undo) = fault(&mut dice, &topology);
        let at = 5_000 + dice.below(60_000);
        faults.push((at, fault));
        if let Some(undo) = undo.filter(|_| dice.below(5) > 0) {
            faults.push((at + 1 + dice.below(25_000), undo));
        }
    }
    faults.sort_by_key(|(at, _)| *at);
    let timed = |(at, fault)| TimedFault {
        at: Instant::from_millis(at),
        fault,
    };
    let plan = Plan {
        seed,
        duration: Duration::from_secs(120),
        faults: faults.into_iter().map(timed).collect(),
    };
    Setup {
        topology: Arc::new(topology),
        plan,
    }
}

/// The same with routers that write to each other alone.
fn over_unicast(mut setup: Setup) -> Setup {
    let topology = Arc::make_mut(&mut setup.topology);
    let peers: Vec<_> = topology.routers().map(|(id, _)| id).collect();
    let peers = peers.iter().map(|id| Peer {
        address: IpAddr::V4(topology.hosts[id.index()].address),
        ttl: 0..=255,
    });
    let unicast = Unicast {
        peers: peers.collect(),
        ttl: 255,
        check_source: true,
        old_checksum: OldChecksum::Detect,
    };
    for host in &mut topology.hosts {
        if let Role::Router(spec) = &mut host.role {
            Arc::make_mut(&mut spec.config).instances[0].unicast = Some(unicast.clone());
        }
    }
    setup
}

#[test]
fn no_oracle_objects_to_random_plans() {
    objects_to_none(setup_of);
}

#[test]
fn nor_to_random_plans_over_unicast() {
    objects_to_none(|seed| over_unicast(setup_of(seed)));
}

#[test]
fn engines_made_of_checkpoints_say_the_same_under_random_plans() {
    let mut restored = 0;
    for seed in seeds(20) {
        let (setup, findings) = (setup_of(seed), Findings::default());
        let seen = findings.clone();
        let listeners = Listeners::new(move |host, _| {
            let every = [11, 211][host.index() % 2];
            Some(Box::new(Shadow::new(&seen, every)))
        });
        let options = Options {
            listeners,
            ..Options::default()
        };
        Runner::Event.run(&setup, &options);
        assert_eq!(findings.difference(), None, "seed {seed}");
        restored += findings.restored();
    }
    assert!(restored > 500, "{restored}");
}

fn objects_to_none(setup_of: impl Fn(u64) -> Setup) {
    let mut failed = Vec::new();
    for seed in seeds(40) {
        let setup = setup_of(seed);
        let run = Runner::Event.run(&setup, &Options::default());
        let report = run.report.expect("the oracles watched");
        if !report.holds() {
            let text = trace::render(&setup.topology, &run.records);
            failed.push((seed, setup, report, text));
        }
    }
    let all: Vec<String> = failed
        .iter()
        .flat_map(|(seed, _, report, _)| {
            let violations = report.violations();
            violations
                .into_iter()
                .map(move |(name, v)| format!("{seed}: {name} {v}\n"))
        })
        .collect();
    if let Some((seed, setup, report, text)) = failed.first() {
        let configs: Vec<_> = setup.topology.routers().collect();
        let faults = &setup.plan.faults;
        panic!(
            "{}\nseed {seed}:\n{configs:#?}\n{faults:#?}\n{text}\n{report}",
            all.concat()
        );
    }
}
