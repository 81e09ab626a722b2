//! Planted bugs, and the oracles that see them: each has been seen to fail.

mod common;

use std::time::Duration;

use common::*;
use locum_engine::conf::{self, NoIncludes};
use locum_engine::config::{CheckCommand, CheckConfig, Config, Preempt, Track, Version, Weight};
use locum_engine::ids::{CheckId, Priority};
use locum_engine::probe::{Probe, ProbeKind};
use locum_sim::fault::{Fault, Forgery, NewFile};
use locum_sim::run::{Bug, Options, Runner};
use locum_sim::topology::HostId;

/// The oracles that object when this host has this bug.
fn objections(
    bug: (HostId, Bug),
    a: Config,
    b: Config,
    faults: &[(u64, Fault)],
) -> Vec<&'static str> {
    let run = |bug| {
        let topology = founding(a.clone(), b.clone(), Duration::from_millis(100));
        let options = Options {
            bug,
            ..Options::default()
        };
        let run = Runner::Event.run(&setup(topology, 60, faults.to_vec()), &options);
        run.report.expect("the oracles watched")
    };
    let sound = run(None);
    assert!(sound.holds(), "without the bug:\n{sound}");
    let report = run(Some(bug));
    let found = report.findings.iter().filter(|f| !f.verdict.holds());
    found.map(|f| f.name).collect()
}

fn sees(oracles: &[&str], bug: (HostId, Bug), a: Config, b: Config, faults: &[(u64, Fault)]) {
    let found = objections(bug, a, b, faults);
    let missing: Vec<_> = oracles.iter().filter(|o| !found.contains(o)).collect();
    assert!(
        missing.is_empty(),
        "{bug:?}: {found:?}, without {missing:?}"
    );
}

fn plain(priority: u8) -> Config {
    config(instance(priority))
}

fn arbitrating(priority: u8) -> Config {
    let mut config = plain(priority);
    config.checks.push(CheckConfig {
        name: "gateway".into(),
        command: CheckCommand::Probe(Probe {
            kind: ProbeKind::Ping {
                targets: vec![std::net::Ipv4Addr::new(192, 168, 0, 1).into()],
            },
            quorum: 1,
            timeout: Duration::from_millis(500),
        }),
        interval: Duration::from_secs(1),
        timeout: Duration::from_millis(500),
        rise: 2,
        fall: 3,
        init_fail: false,
        user: None,
    });
    config.instances[0].tracks.push(Track {
        check: CheckId(0),
        weight: Weight {
            value: 0,
            reverse: false,
        },
    });
    config
}

fn forgery() -> Forgery {
    Forgery {
        source: [192, 168, 0, 11].into(),
        vrid: instance(1).vrid,
        priority: Priority::RELEASE,
        password: Some(*b"1111\0\0\0\0"),
        addresses: vec![VIP.into()],
        ttl: 64,
        count: 1,
        every: Duration::from_secs(1),
    }
}

fn preempting(priority: u8, preempt: Preempt) -> Config {
    let mut config = plain(priority);
    config.instances[0].preempt = preempt;
    config
}

const RESTART: [(u64, Fault); 2] = [(20_000, Fault::Stop(A)), (30_000, Fault::Start(A))];
const CUT: [(u64, Fault); 2] = [(20_000, Fault::Pull(TRUNK)), (40_000, Fault::Plug(TRUNK))];

#[test]
fn structure() {
    for (oracles, bug) in [
        (vec!["X1", "X4"], Bug::KeepsAddresses),
        (vec!["X1", "X3", "T6"], Bug::ForgetsAddresses),
        (vec!["X2"], Bug::SkipsAdverts),
        (vec!["X3"], Bug::NeverAnnounces),
        (vec!["X4"], Bug::ResignsFirst),
        (vec!["X4"], Bug::NeverResigns),
    ] {
        sees(&oracles, (A, bug), plain(100), plain(99), &RESTART);
    }
    sees(
        &["X6"],
        (A, Bug::TimidOwner),
        plain(255),
        plain(99),
        &RESTART,
    );
    let forged = [(20_200, Fault::Forge(GATEWAY, forgery()))];
    sees(
        &["X5", "T8"],
        (B, Bug::BelievesAnyTtl),
        plain(100),
        plain(99),
        &forged,
    );
}

#[test]
fn routes_of_a_master() {
    let text = format!(
        "vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n priority 100\n advert_int 1\n \
         virtual_ipaddress {{\n {VIP}/24\n }}\n \
         virtual_routes {{\n 10.9.1.0/24 via 192.168.0.1\n }}\n}}\n"
    );
    let a = || {
        let reading = conf::read("routes.conf", &text, &mut NoIncludes);
        reading.config.expect("it can be read")
    };
    let b = || {
        let mut config = a();
        config.instances[0].priority = Priority(99);
        config
    };
    let object = a().instances[0].objects.len();
    assert_eq!(object, 1);
    for bug in [Bug::KeepsRoutes, Bug::ForgetsRoutes] {
        assert_eq!(objections((A, bug), a(), b(), &RESTART), ["X1"], "{bug:?}");
    }
}

#[test]
fn preemption() {
    let never = || preempting(100, Preempt::Never);
    sees(&["X8"], (A, Bug::Pushy), never(), plain(99), &RESTART);
    sees(
        &["T2", "T16"],
        (A, Bug::Modest),
        plain(100),
        plain(99),
        &RESTART,
    );
}

#[test]
fn timers() {
    let (a, b) = (|| plain(100), || plain(99));
    sees(&["X7", "T3"], (A, Bug::Hasty), a(), b(), &RESTART);
    sees(&["T4"], (B, Bug::Sluggish), a(), b(), &RESTART);
    // Just after an advert: 700 ms late is beyond even the universal bound.
    let killed = [(20_112, Fault::Kill(A))];
    sees(&["T1", "T3"], (B, Bug::Sluggish), a(), b(), &killed);
    sees(&["T0", "T3", "T5"], (B, Bug::Deaf), a(), b(), &RESTART);
    sees(&["T3", "T8"], (B, Bug::Inattentive), a(), b(), &RESTART);
}

#[test]
fn stalls() {
    let (a, b) = (|| plain(100), || plain(99));
    let short = [(20_000, Fault::Hang(A)), (21_500, Fault::Resume(A))];
    sees(&["T10"], (B, Bug::Hasty), a(), b(), &short);
    let long = [(20_112, Fault::Hang(A)), (40_000, Fault::Resume(A))];
    sees(&["T1", "T10"], (B, Bug::Sluggish), a(), b(), &long);
}

/// A kernel that keeps what a dead or frozen daemon has left.
#[test]
fn leases() {
    let (a, b) = (|| plain(100), || plain(99));
    let killed = [(20_112, Fault::Kill(A))];
    sees(&["T12"], (A, Bug::NeverExpires), a(), b(), &killed);
    let hung = [(20_112, Fault::Hang(A)), (40_000, Fault::Resume(A))];
    sees(&["T12"], (A, Bug::NeverExpires), a(), b(), &hung);
    sees(&["T12"], (A, Bug::LetsExpire), a(), b(), &[]);
}

#[test]
fn arbitration() {
    let pair = || (arbitrating(100), arbitrating(99));
    let (a, b) = pair();
    sees(&["T13", "T14"], (B, Bug::IgnoresChecks), a, b, &CUT);
    let (a, b) = pair();
    sees(&["T16"], (B, Bug::BearsAGrudge), a, b, &CUT);
    let (a, b) = pair();
    let dead = [(20_000, Fault::Pull(UPLINK))];
    sees(&["T13", "T15"], (A, Bug::IgnoresChecks), a, b, &dead);
}

#[test]
fn announcements() {
    let mut configs = [instance(100), instance(99)].map(config);
    for config in &mut configs {
        config.instances[0].version = Version::V2;
    }
    let [a, b] = configs;
    sees(&["T7"], (A, Bug::AnnouncesTakeoversOnly), a, b, &CUT);
}

/// A file is written and loaded.
fn reload(host: HostId, config: Config) -> Fault {
    let (text, config) = ("".into(), Some(config.into()));
    Fault::Reload(host, NewFile { text, config })
}

#[test]
fn reloads() {
    let (a, b) = (|| plain(100), || plain(99));
    let same = [(20_300, reload(A, a())), (30_300, reload(A, a()))];
    sees(&["X2"], (A, Bug::ChattersOnReload), a(), b(), &same);
    sees(&["X10"], (A, Bug::ShufflesOnReload), a(), b(), &same);
    let mut more = plain(101);
    let mut address = more.instances[0].addresses[0].clone();
    address.address = std::net::Ipv4Addr::new(192, 168, 0, 201).into();
    more.instances[0].addresses.push(address);
    let other = [(20_300, reload(A, more)), (30_300, reload(A, a()))];
    sees(&["X10"], (A, Bug::ShufflesOnReload), a(), b(), &other);
    sees(&["X10"], (A, Bug::KeepsAddresses), a(), b(), &other);
}

/// The routes of a master are at other places after the reload, behind another instance's.
#[test]
fn reloads_with_routes() {
    let instance = |name: &str, vrid: u8, address: &str, routes: &str| {
        format!(
            "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n priority 100\n \
             virtual_ipaddress {{\n {address}/24\n }}\n virtual_routes {{\n{routes}\n }}\n}}\n"
        )
    };
    let read = |text: &str| {
        let reading = conf::read("routes.conf", text, &mut NoIncludes);
        reading.config.expect("it can be read")
    };
    let kept = "10.9.1.0/24 via 192.168.0.1 dev eth0";
    let gone = "10.9.7.0/24 via 192.168.0.1";
    let first = |routes: &str| instance("VI_1", 51, &VIP.to_string(), routes);
    let more = instance("VI_2", 52, "192.168.0.210", "10.9.2.0/24 via 192.168.0.1");
    let a = || read(&first(&format!("{gone}\n{kept}")));
    let b = || {
        let mut config = a();
        config.instances[0].priority = Priority(99);
        config
    };
    let other = read(&format!("{more}{}", first(kept)));
    let other = [
        (20_300, reload(A, other)),
        (30_300, reload(A, read(&first(kept)))),
    ];
    sees(&["X10"], (A, Bug::ShufflesRoutesOnReload), a(), b(), &other);
    sees(&["X10"], (A, Bug::KeepsRoutes), a(), b(), &other);
}
