//! Shared fixtures of the benches: the founding configuration and the founding network.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use locum_engine::conf::{self, NoIncludes};
use locum_engine::config::{Auth, Config};
use locum_engine::ids::{MacAddr, Priority};
use locum_engine::wire::{self, Advert, GROUP_V4};
use locum_sim::fault::Plan;
use locum_sim::run::Setup;
use locum_sim::topology::{
    CableSpec, ClientSpec, End, HostId, HostSpec, Path, Role, RouterSpec, SwitchId, SwitchSpec,
    Topology,
};

/// Node A of the founding case.
pub const MASTER: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 11);
/// Node B.
pub const BACKUP: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 12);
/// The virtual address.
pub const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 200);

/// The founding configuration with that priority.
///
/// # Panics
/// When the reader doesn't understand it any more.
pub fn founding_config(priority: u8) -> Config {
    let text = format!(
        "vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n priority {priority}\n \
         advert_int 1\n authentication {{\n auth_type PASS\n auth_pass 1111\n }}\n \
         virtual_ipaddress {{\n {VIP}/24\n }}\n}}\n"
    );
    let reading = conf::read("founding.conf", &text, &mut NoIncludes);
    reading.config.expect("the founding configuration is read")
}

/// The VRRP payload of node A's advert.
pub fn founding_payload(priority: u8) -> Vec<u8> {
    let config = founding_config(priority);
    let instance = &config.instances[0];
    let advert = Advert {
        version: instance.version,
        vrid: instance.vrid,
        priority: Priority(priority),
        interval: instance.advert_interval,
        auth: Auth::Password(*b"1111\0\0\0\0"),
        addresses: &[IpAddr::V4(VIP)],
    };
    let mut packet = Vec::new();
    wire::advert_packet(1, wire::TTL, MASTER, GROUP_V4, &advert, &mut packet);
    packet.split_off(wire::ipv4::LEN)
}

/// Two routers, a gateway and a client on one switch; the client pings each second.
pub fn founding_setup(duration: Duration) -> Setup {
    let router = |priority| {
        Role::Router(RouterSpec {
            config: Arc::new(founding_config(priority)),
            starts_at: Some(Duration::ZERO),
            wall_error: 0,
        })
    };
    let client = Role::Client(ClientSpec {
        target: VIP.into(),
        every: Duration::from_secs(1),
        arp_lifetime: Duration::from_secs(30),
        from: Duration::from_secs(5),
    });
    let roles = [
        ("gateway", 1, Role::Plain),
        ("a", 11, router(100)),
        ("b", 12, router(99)),
        ("x", 50, client),
    ];
    let hosts: Vec<_> = roles
        .into_iter()
        .map(|(name, last, role)| HostSpec {
            name: name.into(),
            mac: MacAddr([2, 0, 0, 0, 0, last]),
            address: Ipv4Addr::new(192, 168, 0, last),
            prefix: 24,
            ipv6: None,
            role,
        })
        .collect();
    let cable = |i| CableSpec {
        a: End::Host(HostId(i)),
        b: End::Switch(SwitchId(0)),
        a_to_b: Path::default(),
        b_to_a: Path::default(),
    };
    let switch = SwitchSpec {
        name: "sw".into(),
        ageing: Duration::from_secs(300),
        flush_on_carrier_loss: true,
    };
    let topology = Topology {
        switches: vec![switch],
        cables: (0..4).map(cable).collect(),
        hosts,
    };
    let plan = Plan {
        seed: 1,
        duration,
        faults: Vec::new(),
    };
    Setup {
        topology: Arc::new(topology),
        plan,
    }
}
