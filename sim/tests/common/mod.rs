//! The founding network in code, for tests below the scenario format.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test file uses a part of it"
)]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use locum_engine::Instant;
use locum_engine::conf::{self, NoIncludes};
use locum_engine::config::{Config, InstanceConfig};
use locum_engine::ids::MacAddr;
use locum_sim::fault::{Fault, Plan, TimedFault};
use locum_sim::run::Setup;
use locum_sim::topology::{
    CableId, CableSpec, ClientSpec, End, HostId, HostSpec, Path, Role, RouterSpec, SwitchId,
    SwitchSpec, Topology,
};

pub const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 200);
pub const GATEWAY: HostId = HostId(0);
pub const A: HostId = HostId(1);
pub const B: HostId = HostId(2);
pub const CLIENT: HostId = HostId(3);
/// gateway - sw1
pub const UPLINK: CableId = CableId(0);
/// sw1 - a
pub const CABLE_A: CableId = CableId(1);
/// sw1 - sw2
pub const TRUNK: CableId = CableId(2);
/// sw2 - b
pub const CABLE_B: CableId = CableId(3);

/// The founding configuration with another priority, as it is read from its file.
pub fn instance(priority: u8) -> InstanceConfig {
    let text = format!(
        "vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n priority {priority}\n \
         advert_int 1\n authentication {{\n auth_type PASS\n auth_pass 1111\n }}\n \
         virtual_ipaddress {{\n {VIP}/24\n }}\n}}\n"
    );
    let reading = conf::read("founding.conf", &text, &mut NoIncludes);
    reading.config.expect("it can be read").instances.remove(0)
}

pub fn config(instance: InstanceConfig) -> Config {
    Config {
        interfaces: vec!["eth0".into()],
        instances: vec![instance],
        ..Config::default()
    }
}

fn host(name: &str, last: u8, role: Role) -> HostSpec {
    HostSpec {
        name: name.into(),
        mac: MacAddr([2, 0, 0, 0, 0, last]),
        address: Ipv4Addr::new(192, 168, 0, last),
        prefix: 24,
        ipv6: None,
        role,
    }
}

fn router(config: Config, starts_at: Duration) -> Role {
    Role::Router(RouterSpec {
        config: Arc::new(config),
        starts_at: Some(starts_at),
        wall_error: 0,
    })
}

/// gateway - sw1 - a; sw1 - sw2; sw2 - b and a client.
pub fn founding(a: Config, b: Config, ping_every: Duration) -> Topology {
    let client = ClientSpec {
        target: VIP.into(),
        every: ping_every,
        arp_lifetime: Duration::from_secs(30),
        from: Duration::from_secs(5),
    };
    let switch = |name: &str| SwitchSpec {
        name: name.into(),
        ageing: Duration::from_secs(300),
        flush_on_carrier_loss: true,
    };
    let cable = |a, b| CableSpec {
        a,
        b,
        a_to_b: Path::default(),
        b_to_a: Path::default(),
    };
    let (sw1, sw2) = (End::Switch(SwitchId(0)), End::Switch(SwitchId(1)));
    Topology {
        switches: vec![switch("sw1"), switch("sw2")],
        hosts: vec![
            host("gateway", 1, Role::Plain),
            host("a", 11, router(a, Duration::from_millis(500))),
            host("b", 12, router(b, Duration::from_millis(1500))),
            host("x", 50, Role::Client(client)),
        ],
        cables: vec![
            cable(End::Host(GATEWAY), sw1),
            cable(sw1, End::Host(A)),
            cable(sw1, sw2),
            cable(sw2, End::Host(B)),
            cable(sw2, End::Host(CLIENT)),
        ],
    }
}

pub fn setup(topology: Topology, seconds: u64, faults: Vec<(u64, Fault)>) -> Setup {
    let faults = faults
        .into_iter()
        .map(|(ms, fault)| TimedFault {
            at: Instant::from_millis(ms),
            fault,
        })
        .collect();
    let plan = Plan {
        seed: 7,
        duration: Duration::from_secs(seconds),
        faults,
    };
    Setup {
        topology: Arc::new(topology),
        plan,
    }
}

/// The seeds of random plans: `LOCUM_SEEDS=from..to`, or the first few.
#[expect(
    clippy::disallowed_methods,
    reason = "chooses which runs, not what happens in them"
)]
pub fn seeds(few: u64) -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("LOCUM_SEEDS") else {
        return 0..few;
    };
    let (from, to) = text
        .split_once("..")
        .expect("LOCUM_SEEDS is written from..to");
    let number = |n: &str| n.parse().expect("LOCUM_SEEDS has two numbers");
    number(from)..number(to)
}
