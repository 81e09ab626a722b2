//! One host's kernel: addresses, neighbour table, sockets, answers to ARP, solicitations and ping.
//!
//! It outlives the daemon: killing or hanging the process leaves everything here as it is. It is
//! plain data that is told the time and handed frames, and puts the frames it sends into
//! `Context::out`. Its timers run on the host's local clock, so that a paused machine's leases
//! and neighbours stand still with it.

mod belongings;
mod ndisc;
mod neighbour;
mod receive;
mod socket;
mod tcp;
mod transmit;

use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;

use belongings::Belongings;
pub(crate) use neighbour::State as NeighbourState;
use neighbour::{Neighbours, Route, Waiting};
pub(crate) use socket::Socket;
pub use socket::{Delivery, Packet, Payload, RECEIVE_BUFFER};

use locum_engine::ids::MacAddr;
use locum_engine::{Instant, LinkState};

use crate::capture::Bytes;
use crate::client::Pinger;
use crate::probe::ProbeRun;
use crate::record::{Observed, Record, Remover};
use crate::topology::{HostId, HostSpec, Role};

/// Linux's `base_reachable_time`, for hosts whose specification doesn't say otherwise.
const REACHABLE: Duration = Duration::from_secs(30);

/// What a host serves, visible to whoever has reached it: looked up beside the network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    pub(crate) mac: MacAddr,
    /// The host whose NIC that is.
    pub(crate) owner: HostId,
    /// The status its web server answers with; `None` is silence.
    pub(crate) status: Option<u16>,
}

/// What a kernel may use while it handles something.
pub(crate) struct Context<'a> {
    /// World time.
    pub(crate) now: Instant,
    /// The host's local time.
    pub(crate) local: Instant,
    /// By host.
    pub(crate) services: &'a [Service],
    /// Frames to send.
    pub(crate) out: &'a mut Vec<Bytes>,
    /// What is observed.
    pub(crate) records: &'a mut Vec<Record>,
}

impl Context<'_> {
    fn record(&mut self, what: Observed) {
        self.records.push(Record { at: self.now, what });
    }

    fn status_of(&self, mac: MacAddr) -> Option<u16> {
        self.services.iter().find(|s| s.mac == mac)?.status
    }
}

/// An address on the NIC.
#[derive(Clone, Copy, Debug)]
struct Held {
    address: IpAddr,
    /// Local time at which it goes by itself.
    until: Option<Instant>,
    /// The hardware address of the NIC, or of the device on it.
    on: MacAddr,
}

impl Held {
    const fn forever(address: IpAddr, on: MacAddr) -> Self {
        Self {
            address,
            until: None,
            on,
        }
    }
}

/// The state of one host.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    id: HostId,
    /// The host whose NIC this is, for what is observed.
    owner: HostId,
    mac: MacAddr,
    /// The NIC's own addresses, from the specification: IPv4, link-local, perhaps another IPv6 one.
    own: Vec<IpAddr>,
    link_local: Ipv6Addr,
    up: bool,
    addresses: Vec<Held>,
    belongings: Belongings,
    neighbours: Neighbours,
    socket: Option<Socket>,
    probes: Vec<ProbeRun>,
    pinger: Option<Pinger>,
    /// Counts the packets that the kernel itself sends.
    packets: u16,
    /// Counts the runs of checks.
    runs: u16,
}

impl Kernel {
    pub(crate) fn new(id: HostId, owner: HostId, spec: &HostSpec) -> Self {
        let (pinger, reachable) = match &spec.role {
            Role::Client(client) => (Some(Pinger::new(client)), client.arp_lifetime),
            Role::Router(_) | Role::Plain | Role::Nic(_) => (None, REACHABLE),
        };
        Self {
            id,
            owner,
            mac: spec.mac,
            own: spec.own_addresses().collect(),
            link_local: spec.link_local(),
            up: false,
            addresses: spec
                .own_addresses()
                .map(|own| Held::forever(own, spec.mac))
                .collect(),
            belongings: Belongings::default(),
            neighbours: Neighbours::new(reachable),
            socket: None,
            probes: Vec::new(),
            pinger,
            packets: 0,
            runs: 0,
        }
    }

    /// Whether the NIC has that address.
    pub(crate) fn holds(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|held| held.address == address)
    }

    /// Whether that address is this host, on the NIC or as loopback.
    fn is_local(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.holds(address)
    }

    /// Every address of the NIC, oldest first.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().map(|held| held.address)
    }

    fn own_v4(&self) -> Option<IpAddr> {
        let own = self.own.iter().find(|own| own.is_ipv4());
        own.copied().filter(|&own| self.holds(own))
    }

    /// In whose name the kernel itself writes to an address: the NIC's own one of that family, over
    /// IPv6 of the same scope (RFC 6724 5, rule 2). Virtual addresses are never chosen.
    fn source_towards(&self, to: IpAddr) -> IpAddr {
        let near = |address: &IpAddr| match address {
            IpAddr::V4(_) => false,
            IpAddr::V6(address) => address.is_unicast_link_local() || address.is_multicast(),
        };
        let family = |own: &&IpAddr| own.is_ipv4() == to.is_ipv4();
        let mut own = self.own.iter().filter(family);
        let same_scope = own.clone().find(|own| near(own) == near(&to));
        same_scope.or_else(|| own.next()).copied().unwrap_or(to)
    }

    /// What the daemon is told about the NIC.
    pub(crate) fn link(&self) -> LinkState {
        LinkState {
            up: self.up,
            mac: self.mac,
            address: self.own_v4(),
            link_local: self
                .holds(self.link_local.into())
                .then_some(self.link_local),
            forwards_ipv6: false,
        }
    }

    pub(crate) fn pinger(&self) -> Option<&Pinger> {
        self.pinger.as_ref()
    }

    pub(crate) fn neighbour(&self, ip: IpAddr) -> Option<(MacAddr, NeighbourState)> {
        self.neighbours.lookup(ip)
    }

    /// Carrier came or went. Without it Linux forgets its neighbours.
    pub(crate) fn set_link(&mut self, up: bool) {
        if self.up == up {
            return;
        }
        self.up = up;
        if !up {
            self.neighbours.clear();
        }
        self.tell_link();
    }

    /// Adds an address, or gives one that is there another lifetime. The NIC's own address has
    /// none, whatever is asked. Nothing can be put on a device that isn't there.
    pub(crate) fn add_address(
        &mut self,
        cx: &mut Context<'_>,
        address: IpAddr,
        lifetime: Option<Duration>,
        on: MacAddr,
    ) {
        if !self.has_mac(on) {
            return;
        }
        let until = lifetime.map(|lifetime| cx.local + lifetime);
        if let Some(held) = self.addresses.iter_mut().find(|h| h.address == address) {
            held.until = until.filter(|_| !self.own.contains(&address));
            return;
        }
        self.addresses.push(Held { address, until, on });
        cx.record(Observed::AddressAdded {
            host: self.owner,
            address,
        });
        if self.own.contains(&address) {
            self.tell_link();
        }
        self.tell_source(address);
    }

    /// The daemon removes an address. It never takes the NIC's own: that was there before it.
    pub(crate) fn release_address(&mut self, cx: &mut Context<'_>, address: IpAddr) {
        if !self.own.contains(&address) {
            self.drop_address(cx, address, Remover::Daemon);
        }
    }

    /// An address goes; the daemon is told unless it did this itself.
    pub(crate) fn drop_address(&mut self, cx: &mut Context<'_>, address: IpAddr, by: Remover) {
        let Some(at) = self.addresses.iter().position(|h| h.address == address) else {
            return;
        };
        self.addresses.remove(at);
        cx.record(Observed::AddressRemoved {
            host: self.owner,
            address,
            by,
        });
        let Some(socket) = &mut self.socket else {
            return;
        };
        if by != Remover::Daemon {
            socket.change(Delivery::AddressRemoved(address));
        }
        if self.own.contains(&address) {
            self.tell_link();
        }
        self.tell_source(address);
    }

    /// The power fails: nothing of what was added remains.
    pub(crate) fn power_off(&mut self, cx: &mut Context<'_>) {
        self.close();
        let lost: Vec<_> = self.addresses().filter(|a| !self.own.contains(a)).collect();
        for address in lost {
            self.drop_address(cx, address, Remover::PowerLoss);
        }
        self.lose_belongings(cx);
    }

    /// The host boots: its own address is there, a client goes on pinging.
    pub(crate) fn power_on(&mut self, local: Instant) {
        for own in self.own.clone() {
            if !self.holds(own) {
                self.addresses.push(Held::forever(own, self.mac));
            }
        }
        if let Some(pinger) = &mut self.pinger {
            pinger.next = local.max(pinger.next);
        }
    }

    /// Opens the daemon's sockets; what waited in earlier ones is gone.
    pub(crate) fn open(&mut self) {
        self.close();
        self.socket = Some(Socket::new());
        self.tell_link();
    }

    /// The groups that the daemon's sockets join, in place of the usual one.
    pub(crate) fn join(&mut self, groups: &[IpAddr]) {
        if let Some(socket) = &mut self.socket {
            socket.groups = groups.to_vec();
        }
    }

    /// The addresses that the daemon sends from; it is told of those it didn't watch before.
    pub(crate) fn watch(&mut self, sources: &[IpAddr]) {
        let new = self.socket.as_mut().map(|socket| socket.watch(sources));
        for address in new.unwrap_or_default() {
            self.tell_source(address);
        }
    }

    fn tell_source(&mut self, address: IpAddr) {
        let present = self.holds(address);
        if let Some(socket) = self.socket.as_mut().filter(|s| s.watches(address)) {
            socket.change(Delivery::Source(address, present));
        }
    }

    /// Closes the daemon's sockets; its checks end with it.
    pub(crate) fn close(&mut self) {
        self.socket = None;
        self.probes.clear();
    }

    pub(crate) fn socket(&self) -> Option<&Socket> {
        self.socket.as_ref()
    }

    pub(crate) fn socket_mut(&mut self) -> Option<&mut Socket> {
        self.socket.as_mut()
    }

    /// The earliest of the kernel's own deadlines, in local time.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let leases = self.addresses.iter().filter_map(|held| held.until).min();
        let probes = self.probes.iter().map(|run| run.deadline).min();
        let ping = self.pinger.as_ref().map(|pinger| pinger.next);
        [leases, self.neighbours.next_deadline(), probes, ping]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due: leases, neighbours, checks, pings, in this order.
    pub(crate) fn run_timers(&mut self, cx: &mut Context<'_>) {
        while let Some(address) = self.expired_lease(cx.local) {
            self.drop_address(cx, address, Remover::Lifetime);
        }
        let mut asks = Vec::new();
        self.neighbours.run_timers(cx.local, &mut asks);
        for ask in asks {
            self.ask(cx, ask);
        }
        self.expire_probes(cx.local);
        self.ping_target(cx);
    }

    fn expired_lease(&self, local: Instant) -> Option<IpAddr> {
        let due = |held: &&Held| held.until.is_some_and(|until| until <= local);
        self.addresses.iter().find(due).map(|held| held.address)
    }

    pub(crate) fn tell_link(&mut self) {
        let link = self.link();
        if let Some(socket) = &mut self.socket {
            socket.change(Delivery::Link(link));
        }
    }
}
