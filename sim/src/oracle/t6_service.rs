//! T6: what a user feels: the virtual address answers, from its master, soon after the routers
//! have settled: `B + A + 3L` after the last change, and a second to ask again who has it. A client
//! that was cut off when the master last announced itself finds it by its own efforts only; one that
//! has just believed somebody else, by the second burst.
//!
//! An outage must end by then, and none may begin later; whoever answers must hold the address.
//! Suspended while the client's path to the master is not clean, while somebody else holds the
//! address (orphans and frozen masters answer ARP too) and for as long as the client may believe
//! in such an impostor afterwards, where `quiet_yield` forgoes the remedy for a healed split, and where
//! `no_accept` forbids an answer.

use core::net::IpAddr;
use core::time::Duration;

use locum_engine::Instant;

use super::member::{Member, MemberId};
use super::pacing::longest_burst;
use super::tracker::Tracker;
use super::{Oracle, Verdict, Violation};
use crate::record::{Observed, Record, Remover};
use crate::topology::{ClientSpec, HostId, Role};

/// How long a client takes beyond its ARP entry's lifetime to give up on a wrong one: Linux waits
/// for 5 s, asks three times, 1 s apart, and then everybody.
const DISBELIEF: Duration = Duration::from_secs(9);
/// How long it takes to ask again when it knows of none.
const ASK_AGAIN: Duration = Duration::from_millis(1_100);

/// For how long a client leaves an entry alone that has just changed, with a margin.
const LOCKTIME: Duration = Duration::from_millis(1_100);

/// The oracle.
pub(super) struct Service {
    verdict: Verdict,
    /// Clients may believe in an impostor until then.
    murky_until: Instant,
    lifetime: Duration,
    generation: u64,
    /// Every client, with the time from which on frames get through to each host and back.
    clients: Vec<(HostId, Vec<Option<Instant>>)>,
    /// When each member last announced its addresses.
    announced: Vec<Option<Instant>>,
}

impl Service {
    pub(super) fn new(world: &Tracker) -> Self {
        let hosts = world.topology.hosts.len();
        let ids = (0..hosts).map(|i| HostId(i as u16));
        let clients = ids.filter(|id| client_of(world, *id).is_some());
        let lifetimes = world.topology.hosts.iter().map(|host| match &host.role {
            Role::Client(spec) => spec.arp_lifetime,
            Role::Router(_) | Role::Plain | Role::Nic(_) => Duration::ZERO,
        });
        Self {
            verdict: Verdict::default(),
            murky_until: Instant::ZERO,
            lifetime: lifetimes.max().unwrap_or_default(),
            generation: 0,
            announced: vec![None; world.members.len()],
            clients: clients
                .map(|id| (id, vec![Some(Instant::ZERO); hosts]))
                .collect(),
        }
    }

    /// Keeps the books on who is connected with whom.
    fn connect(&mut self, world: &Tracker) {
        for (client, whole) in &mut self.clients {
            for (i, since) in whole.iter_mut().enumerate() {
                let host = HostId(i as u16);
                let good = |a, b| world.network.route(a, b).is_some_and(|r| !r.lossy);
                if !(good(*client, host) && good(host, *client)) {
                    *since = None;
                } else if since.is_none() {
                    *since = Some(world.now);
                }
            }
        }
    }

    /// Whether the client has heard the announcements of that master.
    fn has_heard(&self, world: &Tracker, client: HostId, master: MemberId) -> bool {
        let found = self.clients.iter().find(|(id, _)| *id == client);
        let host = world.member(master).port;
        let since = found.and_then(|(_, whole)| whole[host.index()]);
        since.is_some_and(|since| self.announced[master.0] >= Some(since))
    }

    /// Whether another member announced itself so shortly before it that the client took no notice:
    /// Linux leaves an entry alone for a second after it has changed (`locktime`).
    fn has_rival(&self, world: &Tracker, master: MemberId) -> bool {
        let since = world.member(master).since.saturating_sub(LOCKTIME);
        let class = &world.classes[world.member(master).class];
        let mut others = class.members.iter().filter(|id| **id != master);
        others.any(|id| self.announced[id.0] >= Some(since))
    }

    fn outage(&mut self, world: &Tracker, client: HostId, lasted: Duration, at: Instant) {
        let Some(spec) = client_of(world, client) else {
            return;
        };
        let Some((from, bound)) = self.expectation(world, client, spec) else {
            self.verdict.suspended();
            return;
        };
        let bound = bound + spec.every * 2;
        if !self.verdict.at_most(at.saturating_since(from), bound) {
            self.violated(
                world,
                client,
                at,
                format!(
                    "had no answer from {} for {lasted:?}, until {at}",
                    spec.target
                ),
            );
        }
    }

    /// From when on, and after how long at most, the client must be served; `None` if that can't
    /// be said.
    fn expectation(
        &self,
        world: &Tracker,
        client: HostId,
        spec: &ClientSpec,
    ) -> Option<(Instant, Duration)> {
        if self.murky_until >= world.now {
            return None;
        }
        let mut serving = world
            .members
            .iter()
            .filter(|m| m.addresses.contains(&spec.target));
        let quiet = serving.clone().any(|m| !m.yields_audibly());
        let holders = world
            .hosts
            .iter()
            .filter(|h| h.addresses.contains(&spec.target));
        let master: &Member = serving.find(|m| m.is_master() && world.host(m).acts())?;
        if master.spec().refuses_access() {
            return None;
        }
        let segment = world.segment(master)?;
        let there = world.network.route(client, master.port)?;
        let back = world.network.route(master.port, client)?;
        let unclean = segment.unclean.is_some() || there.lossy || back.lossy || there != back;
        if quiet || unclean || holders.count() > 1 {
            return None;
        }
        let from = world
            .disturbed
            .max(segment.since)
            .max(Instant::ZERO + spec.from);
        let paths = (segment.latency.max(there.longest()) + world.quantum) * 6;
        let id = world.id(master.host, master.instance);
        let garp = master.spec().garp;
        let again = garp.delay.max(garp.contest_delay) + longest_burst(master);
        let own_effort = if self.has_heard(world, client, id) {
            if self.has_rival(world, id) {
                again + ASK_AGAIN
            } else {
                ASK_AGAIN
            }
        } else {
            self.lifetime + DISBELIEF + ASK_AGAIN
        };
        let bound = segment.bound + segment.patience + segment.interval + paths;
        Some((from, bound + own_effort))
    }

    fn served_by(&mut self, world: &Tracker, client: HostId, server: HostId) {
        let Some(spec) = client_of(world, client) else {
            return;
        };
        // A flipped bit may turn one server's hardware address into another's.
        let noisy = world.members.iter().any(|m| {
            let route = world.network.route(m.port, client);
            route.is_some_and(|r| r.lossy)
        });
        if noisy {
            self.verdict.suspended();
            return;
        }
        self.verdict.checked();
        let holds = world.hosts[server.index()].addresses.contains(&spec.target);
        let just_now = world.on(server).any(|id| {
            // An answer may have waited for the client's own hardware address.
            let grace = ASK_AGAIN * 3;
            world.member(id).changed + grace >= world.now
        });
        if !holds && !just_now {
            let name = &world.topology.hosts[server.index()].name;
            let what = format!("was answered by {name}, which doesn't have {}", spec.target);
            self.violated(world, client, world.now, what);
        }
    }

    fn removed(&mut self, world: &Tracker, host: HostId, address: IpAddr, by: Remover) {
        let virtual_address = world.members.iter().any(|m| m.addresses.contains(&address));
        let impostor = by != Remover::Daemon || !world.on(host).any(|id| had_served(world, id));
        // A side of a split that nobody else could hear: nobody knows that it has ended.
        let mut own = world.on(host).map(|id| world.member(id));
        let port = own.find(|m| m.addresses.contains(&address));
        let port = port.map_or(host, |m| m.port);
        let unheard = world.members.iter().any(|m| {
            let heard = |a, b| world.network.route(a, b).is_some_and(|r| !r.lossy);
            let holds = m.host != host && m.addresses.contains(&address) && m.held > 0;
            holds && !(heard(m.port, port) && heard(port, m.port))
        });
        let impostor = impostor || unheard;
        if virtual_address && impostor {
            self.murky_until = world.now + self.lifetime + DISBELIEF;
        }
    }

    fn violated(&mut self, world: &Tracker, client: HostId, at: Instant, what: String) {
        let name = &world.topology.hosts[client.index()].name;
        self.verdict.violated(Violation {
            at,
            host: Some(client),
            instance: None,
            what: format!("{name}: {what}"),
        });
    }
}

fn client_of(world: &Tracker, client: HostId) -> Option<&ClientSpec> {
    match &world.topology.hosts[client.index()].role {
        Role::Client(spec) => Some(spec),
        Role::Router(_) | Role::Plain | Role::Nic(_) => None,
    }
}

/// Was a master until now, and has been acting since: nobody's impostor.
fn had_served(world: &Tracker, id: MemberId) -> bool {
    let member = world.member(id);
    let stalled = world.host(member).stalled_at + world.quantum * 4 >= world.now
        && world.host(member).stalled_at > Instant::ZERO;
    member.is_master() && !stalled
}

impl Oracle for Service {
    fn name(&self) -> &'static str {
        "T6"
    }

    fn property(&self) -> &'static str {
        "clients are served by the master"
    }

    fn elapse(&mut self, world: &Tracker, _: Instant) {
        if self.generation != world.generation {
            self.generation = world.generation;
            self.connect(world);
        }
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        match &record.what {
            Observed::Outage { client, lasted } => {
                self.outage(world, *client, *lasted, record.at);
            }
            Observed::Announcement { host, instance, .. } => {
                self.announced[world.id(*host, *instance).0] = Some(record.at);
            }
            Observed::ServedBy { client, server } => self.served_by(world, *client, *server),
            Observed::AddressRemoved { host, address, by } => {
                self.removed(world, *host, *address, *by);
            }
            _ => {}
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
