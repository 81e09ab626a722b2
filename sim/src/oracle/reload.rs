//! Configurations that change while a daemon runs: who is who across them.
//!
//! Every virtual router and every check that a router has in any configuration of the run is known
//! from the beginning; those that the present one lacks are absent. A virtual router is the same when
//! interface name, VRID and family are (and the peers, where several share these), a check when its
//! name is.

use core::net::IpAddr;
use std::sync::Arc;

use locum_engine::Instant;
use locum_engine::config::{Config, InstanceConfig, ObjectId};
use locum_engine::ids::{CheckId, InstanceId, Vrid};
use locum_engine::plan::Plan;
use locum_engine::wire::Family;

use super::member::{Member, MemberId};
use super::segment::Class;
use super::tracker::Tracker;
use crate::fault::{Fault, NewFile, TimedFault};
use crate::topology::{HostId, Role, Topology};

/// What the routers of one host run on, and where its things are in the tracker's lists.
#[derive(Clone, Debug, Default)]
pub(super) struct Daemon {
    /// What a daemon reads that is started.
    file: Option<Arc<Config>>,
    /// What it runs on.
    pub(super) config: Option<Arc<Config>>,
    /// By [`InstanceId`].
    pub(super) members: Vec<MemberId>,
    /// The same of the first configuration, which is the one that faults speak of.
    pub(super) first: Vec<MemberId>,
    /// Every one it ever has.
    all: Vec<MemberId>,
}

/// The configurations of one host in the order in which they are written.
pub(super) fn configs(
    topology: &Topology,
    faults: &[TimedFault],
    host: HostId,
) -> Vec<Arc<Config>> {
    let Role::Router(spec) = &topology.hosts[host.index()].role else {
        return Vec::new();
    };
    let later = faults.iter().filter_map(|f| match &f.fault {
        Fault::Reload(at, NewFile { config, .. }) if *at == host => config.clone(),
        _ => None,
    });
    core::iter::once(Arc::clone(&spec.config))
        .chain(later)
        .collect()
}

/// Interface, VRID, family; and the peers, when several share the rest.
type Identity<'a> = (&'a str, Vrid, Family, Option<Vec<IpAddr>>);

fn identity(config: &Config, instance: InstanceId) -> Identity<'_> {
    let instance = config.instance(instance);
    let key = |i: &InstanceConfig| (i.interface, i.vrid, i.family);
    let alike = config.instances.iter().filter(|i| key(i) == key(instance));
    let transport = |i: &InstanceConfig| {
        let peers = i.unicast.iter().flat_map(|u| &u.peers);
        let peers = peers.map(|peer| peer.address);
        i.source
            .into_iter()
            .chain([i.group()])
            .chain(peers)
            .collect()
    };
    let shared = (alike.count() > 1).then(|| transport(instance));
    let interface = config.interface_name(instance.interface);
    (interface, instance.vrid, instance.family, shared)
}

fn instances(config: &Config) -> impl Iterator<Item = InstanceId> + use<> {
    (0..config.instances.len()).map(|i| InstanceId(i as u16))
}

impl Daemon {
    /// Adds the members of one host to the list.
    pub(super) fn new(
        topology: &Topology,
        faults: &[TimedFault],
        host: HostId,
        members: &mut Vec<Member>,
    ) -> Self {
        let mut daemon = Self::default();
        for config in configs(topology, faults, host) {
            for instance in instances(&config) {
                let same = daemon.all.iter().any(|id| {
                    let member = &members[id.0];
                    identity(member.config(), member.instance) == identity(&config, instance)
                });
                if same {
                    continue;
                }
                let mut member = member(topology, host, instance, &config);
                member.present = daemon.file.is_none();
                daemon.all.push(MemberId(members.len()));
                members.push(member);
            }
            if daemon.file.is_none() {
                daemon.members.clone_from(&daemon.all);
                daemon.first.clone_from(&daemon.all);
                daemon.config = Some(Arc::clone(&config));
                daemon.file = Some(config);
            }
        }
        daemon
    }
}

/// A member before its daemon's first start.
fn member(topology: &Topology, host: HostId, instance: InstanceId, config: &Arc<Config>) -> Member {
    let ports = topology.ports(host, config);
    let port = ports[config.instance(instance).interface.index()].unwrap_or(host);
    let nic = &topology.hosts[port.index()];
    Member::new((host, port), instance, nic, Arc::clone(config))
}

impl Tracker {
    /// What each router runs on.
    pub(super) fn configs(&self) -> impl Iterator<Item = (HostId, &Config)> {
        let daemons = self.daemons.iter().enumerate();
        daemons.filter_map(|(i, d)| Some((HostId(i as u16), d.config.as_deref()?)))
    }

    /// A file was written.
    pub(super) fn written(&mut self, host: HostId, file: &NewFile) {
        if let Some(config) = &file.config {
            self.daemons[host.index()].file = Some(Arc::clone(config));
        }
    }

    /// The daemon of that host runs on what its file says from now on.
    pub(super) fn reload(&mut self, host: HostId) {
        let daemon = &mut self.daemons[host.index()];
        let Some(config) = daemon.file.clone() else {
            return;
        };
        let before = daemon.config.replace(Arc::clone(&config));
        let Some(before) = before.filter(|before| *before != config) else {
            return;
        };
        let moves = Plan::new(&before, &config).moves;
        self.generation += 1;
        let now = self.now;
        let all = daemon.all.clone();
        let objects = self.objects(host);
        let mut order = vec![MemberId(0); config.instances.len()];
        for id in all {
            let member = &mut self.members[id.0];
            let was = (member.present, member.spec().clone());
            let own = identity(member.config(), member.instance);
            let found = instances(&config).find(|i| identity(&config, *i) == own);
            member.present = found.is_some();
            let Some(instance) = found else {
                member.forget(now);
                continue;
            };
            order[instance.index()] = id;
            let interval = member.interval;
            member.configure(self::member(&self.topology, host, instance, &config));
            member.interval_changed = member.interval != interval;
            if !was.0 {
                member.forget(now);
            } else if *member.spec() != was.1 {
                member.changed = now;
                // Its timer was armed under the old configuration.
                let class = &self.classes[member.class];
                member.hearing.spoil(now + class.memory() + class.longest);
            }
            let held = &self.hosts[host.index()].addresses;
            member.held = member.addresses.iter().filter(|a| held.contains(a)).count();
        }
        self.daemons[host.index()].members = order;
        for id in objects {
            let heir = moves.heir(id, &before, &config);
            if let Some((owner, index)) = heir.and_then(|id| Some((id.owner?, id.index))) {
                let member = self.id(host, owner);
                self.members[member.0].objects.push(index);
            }
        }
        self.conditions.reload(host, &config, now);
        self.classes = Class::sort(&mut self.members);
        self.segments.clear();
        self.resegment();
        self.refresh_conditions(None);
    }
}

impl Tracker {
    /// The routes and rules of instances that a host has.
    fn objects(&self, host: HostId) -> Vec<ObjectId> {
        let members = self.on(host).map(|id| self.member(id));
        let of = |member: &Member| {
            let owner = Some(member.instance);
            let indices = member.objects.clone().into_iter();
            indices.map(move |index| ObjectId { owner, index })
        };
        members.flat_map(of).collect()
    }
}

impl Member {
    /// The same router with another configuration.
    fn configure(&mut self, new: Self) {
        *self = Self {
            class: self.class,
            segment: self.segment,
            present: true,
            state: self.state,
            since: self.since,
            transition: self.transition,
            priority: self.priority,
            priority_since: self.priority_since,
            set_priority: self.set_priority,
            draining: self.draining,
            held: self.held,
            changed: self.changed,
            advert: self.advert,
            sent: core::mem::take(&mut self.sent),
            hearing: self.hearing,
            ..new
        };
    }
}

impl super::member::Hearing {
    /// Until then nothing is certain.
    fn spoil(&mut self, over: Instant) {
        self.spoiled = self.spoiled.max(over);
        self.maybe = self.maybe.max(over);
        self.any = self.any.max(over);
    }
}

/// The position of a check, by name.
pub(super) fn find_check(config: &Config, name: &str) -> Option<CheckId> {
    let at = config
        .checks
        .iter()
        .position(|check| &*check.name == name)?;
    Some(CheckId(at as u16))
}
