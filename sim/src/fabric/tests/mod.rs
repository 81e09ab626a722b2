//! Each mechanism of the network by itself, on the smallest network that shows it.

mod arp;
mod belongings;
mod daemons;
mod hostile;
mod impairments;
mod probes;
mod switching;

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use std::sync::Arc;

use locum_engine::config::{Broadcast, VirtualAddress};
use locum_engine::ids::{InstanceId, InterfaceId, MacAddr, Priority, Vrid};
use locum_engine::wire::{self, Advert, arp as wire_arp};
use locum_engine::{Centis, Instant, Transmit};

use super::Fabric;
use crate::fault::Fault;
use crate::kernel::{Delivery, Packet};
use crate::record::{Observed, Record};
use crate::topology::{
    CableId, CableSpec, ClientSpec, End, HostId, HostSpec, Path, Role, SwitchId, SwitchSpec,
    Topology,
};

/// Hosts A and B, gateway G and client C on one switch; cable `n` is host `n`'s.
pub(super) const A: HostId = HostId(0);
pub(super) const B: HostId = HostId(1);
pub(super) const G: HostId = HostId(2);
pub(super) const C: HostId = HostId(3);
pub(super) const SWITCH: SwitchId = SwitchId(0);
pub(super) const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 200);

pub(super) const fn cable_of(host: HostId) -> CableId {
    CableId(host.0)
}

pub(super) const fn mac(host: HostId) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, 0x10 + host.0 as u8])
}

pub(super) const fn ip(host: HostId) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 0, 11 + host.0 as u8)
}

pub(super) fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// A topology of so many plain hosts, one of them the client, on one switch.
pub(super) fn star(every: Duration) -> Topology {
    let client = Role::Client(ClientSpec {
        target: VIP.into(),
        every,
        arp_lifetime: Duration::from_secs(30),
        from: Duration::ZERO,
    });
    let roles = [Role::Plain, Role::Plain, Role::Plain, client];
    let host = |(i, role)| HostSpec {
        name: format!("host{i}").into(),
        mac: mac(HostId(i)),
        address: ip(HostId(i)),
        prefix: 24,
        ipv6: None,
        role,
    };
    let cable = |i| CableSpec {
        a: End::Host(HostId(i)),
        b: End::Switch(SWITCH),
        a_to_b: Path::default(),
        b_to_a: Path::default(),
    };
    Topology {
        switches: vec![SwitchSpec {
            name: "sw".into(),
            ageing: Duration::from_secs(300),
            flush_on_carrier_loss: true,
        }],
        hosts: (0..).zip(roles).map(host).collect(),
        cables: (0..4).map(cable).collect(),
    }
}

/// A network without pings: the client starts long after every test.
pub(super) fn quiet() -> Fabric {
    fabric(quiet_topology(), 1)
}

pub(super) fn quiet_topology() -> Topology {
    let mut topology = star(Duration::from_secs(1));
    if let Role::Client(client) = &mut topology.hosts[C.index()].role {
        client.from = Duration::from_secs(1_000_000);
    }
    topology
}

/// A network with a client that pings every 10 ms from the start.
pub(super) fn busy() -> Fabric {
    fabric(star(Duration::from_millis(10)), 1)
}

pub(super) fn fabric(topology: Topology, seed: u64) -> Fabric {
    Fabric::new(Arc::new(topology), seed)
}

pub(super) fn vip() -> VirtualAddress {
    VirtualAddress {
        address: IpAddr::V4(VIP),
        prefix: 24,
        interface: InterfaceId(0),
        label: None,
        scope: 0,
        broadcast: Broadcast::None,
        options: locum_engine::Rare::default(),
    }
}

/// An advert of a host's; `id` shows in the IP header only.
pub(super) fn advert(from: HostId, to: Ipv4Addr, priority: u8) -> Transmit {
    let addresses = [IpAddr::V4(VIP)];
    let advert = Advert {
        version: locum_engine::config::Version::V2,
        vrid: Vrid::new(51).expect("51 is a VRID"),
        priority: Priority(priority),
        interval: Centis::from_seconds(1).expect("one second is an interval"),
        auth: locum_engine::config::Auth::None,
        addresses: &addresses,
    };
    let mut packet = Vec::new();
    wire::advert_packet(1, wire::TTL, ip(from), to, &advert, &mut packet);
    Transmit::Advert {
        instance: InstanceId(0),
        interface: InterfaceId(0),
        destination: IpAddr::V4(to),
        priority: Priority(priority),
        copy: false,
        packet,
    }
}

pub(super) fn announcement(from: HostId) -> Transmit {
    Transmit::GratuitousArp {
        instance: InstanceId(0),
        interface: InterfaceId(0),
        address: VIP,
        mac: mac(from),
        frame: wire_arp::gratuitous(mac(from), VIP),
    }
}

/// Sends an advert to the group.
pub(super) fn shout(fabric: &mut Fabric, from: HostId) {
    fabric.send(from, advert(from, wire::GROUP_V4, 100));
}

/// Takes the packets that wait for a host's daemon.
pub(super) fn heard(fabric: &mut Fabric, host: HostId) -> Vec<Packet> {
    let mut packets = Vec::new();
    while let Some(delivery) = fabric.poll(host) {
        if let Delivery::Packet(packet) = delivery {
            packets.push(packet);
        }
    }
    packets
}

/// Advances by so many milliseconds.
pub(super) fn pass(fabric: &mut Fabric, millis: u64) {
    let until = fabric.now() + Duration::from_millis(millis);
    fabric.advance(until);
}

pub(super) fn records(fabric: &mut Fabric) -> Vec<Record> {
    fabric.take_records().collect()
}

/// The outages recorded so far, with the time of their end.
pub(super) fn outages(fabric: &mut Fabric) -> Vec<(Instant, Duration)> {
    let outage = |record: Record| match record.what {
        Observed::Outage { lasted, .. } => Some((record.at, lasted)),
        _ => None,
    };
    fabric.take_records().filter_map(outage).collect()
}

/// Moves the address from one host to another, announced or not.
pub(super) fn hand_over(fabric: &mut Fabric, from: HostId, to: HostId, announced: bool) {
    fabric.remove_address(from, VIP);
    fabric.add_address(to, &vip(), None);
    if announced {
        fabric.send(to, announcement(to));
    }
}

pub(super) fn apply(fabric: &mut Fabric, faults: impl IntoIterator<Item = Fault>) {
    for fault in faults {
        fabric.apply(&fault);
    }
}
