//! The simulated network as plain data with its own event queue.
//!
//! A run is: [`Fabric::advance`] to an instant, hand what [`Fabric::poll`] gives to the daemons,
//! give back what they send. Everything within an instant happens in order of (time, sequence);
//! nothing here knows a runtime, and nothing happens at the instant it was sent: the shortest
//! cable takes 1 µs. Chance is confined to [`noise`].

mod cable;
mod carry;
mod daemon;
mod faults;
pub mod noise;
mod queue;
mod switch;
#[cfg(test)]
mod tests;

use core::net::IpAddr;
use std::collections::VecDeque;
use std::sync::Arc;

use locum_engine::Instant;
use locum_engine::ids::MacAddr;

use self::cable::{Cable, Way};
use self::queue::Queue;
use self::switch::{Port, Switch};
use crate::capture::{Bytes, TapId, TapPoint, Taps};
use crate::clock::LocalClock;
use crate::forge::Forger;
use crate::kernel::{Context, Kernel, Service};
use crate::record::{Observed, Record};
use crate::topology::{CableId, End, HostId, SwitchId, Topology};

/// Frames that a paused machine's NIC keeps; later ones are dropped.
const RING: usize = 256;

/// The whole network: cables, switches, and every host's kernel and clock.
#[derive(Clone, Debug)]
pub struct Fabric {
    topology: Arc<Topology>,
    now: Instant,
    queue: Queue<Event>,
    cables: Vec<Cable>,
    switches: Vec<Switch>,
    hosts: Vec<Host>,
    /// By host: itself and its further NICs.
    parts: Vec<Vec<HostId>>,
    services: Vec<Service>,
    /// Whether frames from one host to another are dropped: `from * hosts + to`.
    parted: Vec<bool>,
    forgers: Vec<Forger>,
    taps: Taps,
    records: Vec<Record>,
    /// Kept for its capacity.
    outbox: Vec<Bytes>,
}

/// A host around its kernel.
#[derive(Clone, Debug)]
struct Host {
    kernel: Kernel,
    clock: LocalClock,
    nic: Option<(CableId, Way)>,
    powered: bool,
    ring: VecDeque<Frame>,
    /// The world time for which the kernel's timer event is in the queue.
    armed: Option<Instant>,
    /// Counts such events: earlier ones are void.
    generation: u32,
}

/// A frame under way.
#[derive(Clone, Debug)]
struct Frame {
    bytes: Bytes,
    origin: HostId,
    hops: u8,
}

#[derive(Clone, Debug)]
enum Event {
    /// A frame comes out of a cable that has had carrier since `epoch`.
    Arrive {
        cable: CableId,
        way: Way,
        epoch: u32,
        frame: Frame,
    },
    /// A deadline of a kernel has come.
    Kernel { host: HostId, generation: u32 },
    /// A switch has booted.
    SwitchBack { switch: SwitchId, epoch: u32 },
    /// The next forged advert is due.
    Forge { forger: usize },
}

impl Fabric {
    /// A network at time zero, powered, plugged, quiet. Client pings are already due at their
    /// times; daemons are the caller's to start. Cables that name ends outside the topology, and
    /// the second cable of a NIC, are the caller's mistake.
    pub fn new(topology: Arc<Topology>, seed: u64) -> Self {
        let cables = topology.cables.iter().enumerate();
        let cables: Vec<_> = cables
            .map(|(i, spec)| Cable::new(spec, CableId(i as u16), seed))
            .collect();
        let switches = topology.switches.iter().enumerate();
        let switches = switches
            .map(|(i, spec)| Switch::new(spec, ports(&cables, SwitchId(i as u16))))
            .collect();
        let hosts = topology.hosts.iter().enumerate();
        let hosts = hosts
            .map(|(i, spec)| Host {
                kernel: Kernel::new(HostId(i as u16), topology.owner(HostId(i as u16)), spec),
                clock: LocalClock::default(),
                nic: nic(&cables, HostId(i as u16)),
                powered: true,
                ring: VecDeque::new(),
                armed: None,
                generation: 0,
            })
            .collect();
        let ids = (0..topology.hosts.len()).map(|i| HostId(i as u16));
        let parts = ids.clone().map(|id| topology.parts(id).collect()).collect();
        let services = topology.hosts.iter().zip(ids).map(|(spec, id)| Service {
            mac: spec.mac,
            owner: topology.owner(id),
            status: Some(200),
        });
        let mut fabric = Self {
            services: services.collect(),
            parts,
            parted: vec![false; topology.hosts.len() * topology.hosts.len()],
            topology,
            now: Instant::ZERO,
            queue: Queue::new(),
            cables,
            switches,
            hosts,
            forgers: Vec::new(),
            taps: Taps::default(),
            records: Vec::new(),
            outbox: Vec::new(),
        };
        fabric.boot();
        fabric
    }

    fn boot(&mut self) {
        for i in 0..self.hosts.len() {
            let up = self.hosts[i].nic.is_some();
            self.hosts[i].kernel.set_link(up);
            self.rearm(HostId(i as u16));
        }
    }

    /// The network that is simulated.
    pub fn topology(&self) -> &Arc<Topology> {
        &self.topology
    }

    /// World time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// The time of the earliest internal event. It may turn out to be void.
    pub fn next_event(&self) -> Option<Instant> {
        self.queue.next_at()
    }

    /// Processes every internal event up to and including `until`, and moves the time there.
    /// Times before [`now`](Self::now) change nothing.
    pub fn advance(&mut self, until: Instant) {
        while let Some((at, event)) = self.queue.pop_until(until) {
            self.now = self.now.max(at);
            self.handle(event);
        }
        self.now = self.now.max(until);
    }

    /// Ends the run: records the outages that are still open.
    pub fn finish(&mut self) {
        for i in 0..self.hosts.len() {
            let open = self.hosts[i].kernel.pinger();
            if let Some(lasted) = open.and_then(|pinger| pinger.open_outage(self.now)) {
                let client = HostId(i as u16);
                self.record(Observed::Outage { client, lasted });
            }
        }
    }

    /// Adds an observation, made now, to the stream.
    pub fn record(&mut self, what: Observed) {
        self.records.push(Record { at: self.now, what });
    }

    /// Takes the observations since the last call, in order.
    pub fn take_records(&mut self) -> impl Iterator<Item = Record> + '_ {
        self.records.drain(..)
    }

    /// Sets a tap; it collects from now on.
    pub fn tap(&mut self, point: TapPoint) -> TapId {
        self.taps.set(point)
    }

    /// What a tap has collected so far, in order.
    pub fn captured(&self, tap: TapId) -> &[(Instant, Bytes)] {
        self.taps.frames(tap)
    }

    /// Whether the NIC of a host has carrier.
    pub fn has_carrier(&self, host: HostId) -> bool {
        let nic = self.hosts[host.index()].nic;
        nic.is_some_and(|(cable, _)| self.cables[cable.index()].carrier)
    }

    /// Whether a host has power.
    pub fn is_powered(&self, host: HostId) -> bool {
        self.hosts[host.index()].powered
    }

    /// Whether a host is paused with its clock.
    pub fn is_paused(&self, host: HostId) -> bool {
        self.hosts[host.index()].clock.is_paused()
    }

    /// Who has that address, in order of id. Several do in a split brain.
    pub fn holders(&self, address: impl Into<IpAddr>) -> impl Iterator<Item = HostId> {
        let address = address.into();
        let hosts = self.hosts.iter().enumerate();
        let holding = hosts.filter(move |(_, host)| host.powered && host.kernel.holds(address));
        holding.map(|(i, _)| self.topology.owner(HostId(i as u16)))
    }

    /// Every address of a NIC, its own included, oldest first.
    pub fn addresses(&self, host: HostId) -> impl Iterator<Item = IpAddr> + '_ {
        self.hosts[host.index()].kernel.addresses()
    }

    /// The hardware address at which a host believes an address to be.
    pub fn neighbour(&self, host: HostId, address: impl Into<IpAddr>) -> Option<MacAddr> {
        use crate::kernel::NeighbourState::{Failed, Incomplete};
        let (mac, state) = self.hosts[host.index()].kernel.neighbour(address.into())?;
        (!matches!(state, Incomplete | Failed)).then_some(mac)
    }

    /// The local time of a host.
    pub fn local_now(&self, host: HostId) -> Instant {
        self.hosts[host.index()].clock.local(self.now)
    }

    /// The world time at which a host's clock reaches `deadline`, as things stand;
    /// [`Instant::FAR_FUTURE`] while it is paused.
    pub fn world_of(&self, host: HostId, deadline: Instant) -> Instant {
        self.hosts[host.index()].clock.world_of(deadline)
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrive {
                cable,
                way,
                epoch,
                frame,
            } => self.arrive(cable, way, epoch, frame),
            Event::Kernel { host, generation } => self.run_kernel(host, generation),
            Event::SwitchBack { switch, epoch } => self.switch_back(switch, epoch),
            Event::Forge { forger } => self.forge(forger),
        }
    }

    fn run_kernel(&mut self, id: HostId, generation: u32) {
        let host = &mut self.hosts[id.index()];
        if host.generation == generation {
            host.armed = None;
            self.with_kernel(id, Kernel::run_timers);
        }
    }

    /// Lets a kernel do something, sends what it sends, and sees to its next deadline.
    fn with_kernel<R>(
        &mut self,
        id: HostId,
        action: impl FnOnce(&mut Kernel, &mut Context<'_>) -> R,
    ) -> R {
        let mut outbox = core::mem::take(&mut self.outbox);
        let host = &mut self.hosts[id.index()];
        let mut cx = Context {
            now: self.now,
            local: host.clock.local(self.now),
            services: &self.services,
            out: &mut outbox,
            records: &mut self.records,
        };
        let result = action(&mut host.kernel, &mut cx);
        for bytes in outbox.drain(..) {
            self.transmit(id, bytes);
        }
        self.outbox = outbox;
        self.rearm(id);
        result
    }

    /// Puts the kernel's next deadline into the queue, unless it is there.
    fn rearm(&mut self, id: HostId) {
        let host = &mut self.hosts[id.index()];
        let runs = host.powered && !host.clock.is_paused();
        let deadline = host.kernel.next_deadline().filter(|_| runs);
        let at = deadline.map(|deadline| host.clock.world_of(deadline).max(self.now));
        if at == host.armed {
            return;
        }
        host.armed = at;
        host.generation = host.generation.wrapping_add(1);
        if let Some(at) = at {
            let generation = host.generation;
            let event = Event::Kernel {
                host: id,
                generation,
            };
            self.queue.push(at, event);
        }
    }

    /// Recomputes the carrier of a cable and tells both ends when it has changed.
    fn refresh_carrier(&mut self, id: CableId) {
        let ends = self.cables[id.index()].ends;
        let powered = ends.iter().all(|&end| match end {
            End::Host(host) => self.hosts[host.index()].powered,
            End::Switch(switch) => self.switches[switch.index()].on,
        });
        let cable = &mut self.cables[id.index()];
        let carrier = cable.plugged && powered;
        if carrier == cable.carrier {
            return;
        }
        cable.carrier = carrier;
        if !carrier {
            cable.epoch = cable.epoch.wrapping_add(1);
        }
        for end in ends {
            match end {
                End::Host(host) => self.with_kernel(host, |kernel, _| kernel.set_link(carrier)),
                End::Switch(switch) => {
                    let switch = &mut self.switches[switch.index()];
                    if !carrier && switch.flush_on_carrier_loss {
                        switch.flush(id);
                    }
                }
            }
        }
    }
}

/// The cables that end at a switch, in order of id.
fn ports(cables: &[Cable], id: SwitchId) -> Vec<Port> {
    let mut ports = Vec::new();
    for (i, cable) in cables.iter().enumerate() {
        for out in [Way::AToB, Way::BToA] {
            if cable.source(out) == End::Switch(id) {
                let cable = CableId(i as u16);
                ports.push(Port { cable, out });
            }
        }
    }
    ports
}

/// The first cable that ends at a host.
fn nic(cables: &[Cable], id: HostId) -> Option<(CableId, Way)> {
    cables.iter().enumerate().find_map(|(i, cable)| {
        let ways = [Way::AToB, Way::BToA];
        let out = ways.into_iter().find(|&w| cable.source(w) == End::Host(id));
        out.map(|out| (CableId(i as u16), out))
    })
}
