//! What the network is made of, as plain data: switches, hosts, cables.
//!
//! Ids are dense positions in the lists of [`Topology`]; their order is the tie-break for
//! everything that happens at one instant.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use std::sync::Arc;

use locum_engine::config::Config;
use locum_engine::ids::MacAddr;
use locum_engine::wire::ipv6::link_local;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u16);

        impl $name {
            /// The position in the topology's list.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id! {
    /// A host with its NIC: router, gateway, client or bystander; or one more NIC of a router.
    HostId
}
id! {
    /// A learning switch.
    SwitchId
}
id! {
    /// A cable between two of them.
    CableId
}

/// The whole network of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// Learning switches.
    pub switches: Vec<SwitchSpec>,
    /// Everything with a NIC.
    pub hosts: Vec<HostSpec>,
    /// Every NIC has at most one cable; switches have as many ports as cables.
    pub cables: Vec<CableSpec>,
}

/// A learning switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchSpec {
    /// Its name.
    pub name: Arc<str>,
    /// How long an unused table entry lives; 300 s by default.
    pub ageing: Duration,
    /// Forgets what it learned on a port that loses carrier; true by default.
    pub flush_on_carrier_loss: bool,
}

/// A host with one NIC, `eth0`; or one more NIC of such a host, with a kernel of its own for
/// what belongs to it (addresses, neighbours, sockets). The host's life and clock are its too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSpec {
    /// Its name.
    pub name: Arc<str>,
    /// Its NIC's address.
    pub mac: MacAddr,
    /// Its own IPv4 address.
    pub address: Ipv4Addr,
    /// Prefix length of its network.
    pub prefix: u8,
    /// Its own IPv6 address, with its prefix length, besides the link-local one that every host
    /// has from its MAC address.
    pub ipv6: Option<(Ipv6Addr, u8)>,
    /// What it does.
    pub role: Role,
}

/// What a host does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Runs Locum.
    Router(RouterSpec),
    /// Answers ARP, neighbour solicitations and ping; nothing more. Gateways and bystanders.
    Plain,
    /// Pings an address without pause, through its own neighbour cache, and measures the outages.
    Client(ClientSpec),
    /// Is one more NIC of a router.
    Nic(NicSpec),
}

/// One more NIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NicSpec {
    /// Whose.
    pub of: HostId,
    /// What the router's configuration calls it. Its first NIC is what no other is called.
    pub interface: Arc<str>,
}

/// A node with the daemon on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterSpec {
    /// What its keepalived.conf says.
    pub config: Arc<Config>,
    /// When its daemon is first started; `None` for never (a fault may start it).
    pub starts_at: Option<Duration>,
    /// What its wall clock shows after the true time at first, in nanoseconds; negative is before it.
    pub wall_error: i64,
}

/// A user of the virtual address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSpec {
    /// The address it pings.
    pub target: IpAddr,
    /// Between pings; 10 ms by default.
    pub every: Duration,
    /// How long a confirmed ARP entry is used before it is asked for again; 30 s by default
    /// (Linux's `base_reachable_time`, without its randomness).
    pub arp_lifetime: Duration,
    /// When the pinging starts.
    pub from: Duration,
}

/// One end of a cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The NIC of a host.
    Host(HostId),
    /// Some port of a switch.
    Switch(SwitchId),
}

/// A cable; `a` to `b` and `b` to `a` have their own properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CableSpec {
    /// One end.
    pub a: End,
    /// The other.
    pub b: End,
    /// Frames from `a` to `b`.
    pub a_to_b: Path,
    /// Frames from `b` to `a`.
    pub b_to_a: Path,
}

/// What happens to frames in one direction of a cable. Rates are in parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// Time under way, at least 1 µs; 50 µs by default.
    pub latency: Duration,
    /// Each frame is lost with this probability, independently.
    pub loss_ppm: u32,
    /// Losses that come in bursts.
    pub burst: Option<Burst>,
    /// Each frame arrives twice with this probability.
    pub duplicate_ppm: u32,
    /// Each frame is held back by up to `reorder_by`, and so overtaken, with this probability.
    pub reorder_ppm: u32,
    /// How long at most.
    pub reorder_by: Duration,
    /// Each frame has one bit flipped with this probability.
    pub corrupt_ppm: u32,
}

impl Default for Path {
    fn default() -> Self {
        Self {
            latency: Duration::from_micros(50),
            loss_ppm: 0,
            burst: None,
            duplicate_ppm: 0,
            reorder_ppm: 0,
            reorder_by: Duration::from_millis(5),
            corrupt_ppm: 0,
        }
    }
}

/// Bursty loss (Gilbert-Elliott): in the bad state every frame is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// From good to bad, per frame.
    pub enter_ppm: u32,
    /// From bad to good, per frame.
    pub leave_ppm: u32,
}

impl HostSpec {
    /// Its IPv6 link-local address.
    pub const fn link_local(&self) -> Ipv6Addr {
        link_local(self.mac)
    }

    /// Every address of its own: the IPv4 one, the link-local one, and perhaps another IPv6 one.
    pub fn own_addresses(&self) -> impl Iterator<Item = IpAddr> + use<> {
        let global = self.ipv6.map(|(address, _)| address);
        let ipv6 = core::iter::once(self.link_local()).chain(global);
        core::iter::once(IpAddr::V4(self.address)).chain(ipv6.map(IpAddr::V6))
    }
}

impl Topology {
    /// The host of that name.
    pub fn host(&self, name: &str) -> Option<HostId> {
        position(self.hosts.iter().map(|h| &*h.name), name).map(HostId)
    }

    /// The switch of that name.
    pub fn switch(&self, name: &str) -> Option<SwitchId> {
        position(self.switches.iter().map(|s| &*s.name), name).map(SwitchId)
    }

    /// The name of either end.
    pub fn end_name(&self, end: End) -> &str {
        match end {
            End::Host(id) => &self.hosts[id.index()].name,
            End::Switch(id) => &self.switches[id.index()].name,
        }
    }

    /// Every router with its specification.
    pub fn routers(&self) -> impl Iterator<Item = (HostId, &RouterSpec)> {
        self.hosts
            .iter()
            .enumerate()
            .filter_map(|(i, host)| match &host.role {
                Role::Router(spec) => Some((HostId(i as u16), spec)),
                Role::Plain | Role::Client(_) | Role::Nic(_) => None,
            })
    }

    /// The host that a NIC belongs to; itself for a host.
    pub fn owner(&self, id: HostId) -> HostId {
        match &self.hosts[id.index()].role {
            Role::Nic(nic) => nic.of,
            Role::Router(_) | Role::Plain | Role::Client(_) => id,
        }
    }

    /// A host and its further NICs.
    pub fn parts(&self, host: HostId) -> impl Iterator<Item = HostId> + '_ {
        let ids = (0..self.hosts.len()).map(|i| HostId(i as u16));
        let others = ids.filter(move |&id| id != host && self.owner(id) == host);
        core::iter::once(host).chain(others)
    }

    /// The NICs behind the interfaces that a router's configuration names, by interface. The first
    /// one that is no further NIC's is `eth0`, whatever it is called; others aren't there. Devices that
    /// the daemon makes are none.
    pub fn ports(&self, host: HostId, config: &Config) -> Vec<Option<HostId>> {
        let further = |name: &str| {
            self.parts(host)
                .find(|id| match &self.hosts[id.index()].role {
                    Role::Nic(nic) => &*nic.interface == name,
                    Role::Router(_) | Role::Plain | Role::Client(_) => false,
                })
        };
        let mut ports: Vec<_> = config.interfaces.iter().map(|name| further(name)).collect();
        let is_device = |at: usize| config.devices.iter().any(|d| d.interface.index() == at);
        let mut unnamed = (0..ports.len()).filter(|&at| ports[at].is_none() && !is_device(at));
        if let Some(first) = unnamed.next() {
            ports[first] = Some(host);
        }
        ports
    }

    /// The NIC from which a host reaches an address: the one in its network, or else the first.
    pub fn port_towards(&self, host: HostId, target: IpAddr) -> HostId {
        let near = |id: &HostId| {
            let spec = &self.hosts[id.index()];
            match (target, spec.ipv6) {
                (IpAddr::V4(target), _) => {
                    let shift = 32_u32.saturating_sub(spec.prefix.into());
                    let network = |address: Ipv4Addr| u64::from(address.to_bits()) >> shift;
                    network(spec.address) == network(target)
                }
                (IpAddr::V6(target), Some((address, prefix))) => {
                    let shift = 128_u32.saturating_sub(prefix.into());
                    let network = |address: Ipv6Addr| address.to_bits().checked_shr(shift);
                    network(address) == network(target)
                }
                (IpAddr::V6(_), None) => false,
            }
        };
        self.parts(host).find(near).unwrap_or(host)
    }
}

fn position<'a>(mut names: impl Iterator<Item = &'a str>, name: &str) -> Option<u16> {
    names
        .position(|n| n == name)
        .and_then(|i| u16::try_from(i).ok())
}
