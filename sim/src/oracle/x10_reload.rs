//! X10: a reload leaves alone what it doesn't change.
//!
//! At the time of a reload an instance that is configured as before changes no state and announces
//! nothing, and what a master keeps, even if as another instance's, doesn't leave its host: addresses,
//! routes and rules. (That it doesn't advertise either is X2's: adverts keep their distance.)
//! Afterwards the host has nothing that nobody configures.

use core::net::IpAddr;
use std::collections::BTreeSet;
use std::sync::Arc;

use locum_engine::config::{Config, InstanceConfig, ObjectId};
use locum_engine::{Event, Instant};

use super::member::{Member, MemberId};
use super::tracker::Tracker;
use super::{Oracle, Verdict, Violation, blame};
use crate::record::{Observed, Record};
use crate::topology::HostId;

/// The oracle.
pub(super) struct Reload {
    verdict: Verdict,
    /// What each host ran on before its last reload.
    before: Vec<Option<Arc<Config>>>,
    last: Option<Last>,
    /// Addresses that went in the present instant.
    gone: Vec<(Instant, HostId, IpAddr)>,
    /// The routes and rules of instances on each host, in words.
    objects: BTreeSet<(HostId, String)>,
    /// Those that went in the present instant.
    gone_objects: Vec<(Instant, HostId, String)>,
}

/// A reload, and who has nothing to do with it.
struct Last {
    at: Instant,
    host: HostId,
    unchanged: Vec<MemberId>,
}

impl Reload {
    pub(super) fn new(world: &Tracker) -> Self {
        Self {
            verdict: Verdict::default(),
            before: world.daemons.iter().map(|d| d.config.clone()).collect(),
            last: None,
            gone: Vec::new(),
            objects: BTreeSet::new(),
            gone_objects: Vec::new(),
        }
    }

    /// Whether something happens to a member that the reload of this instant doesn't concern.
    fn touches(&self, world: &Tracker, id: MemberId) -> bool {
        let just = self.last.as_ref().filter(|last| last.at == world.now);
        just.is_some_and(|last| last.unchanged.contains(&id))
    }

    fn object(&mut self, world: &Tracker, id: MemberId, what: &str) {
        let member = world.member(id);
        self.verdict.violated(blame(world, member, world.now, what));
    }

    /// Addresses that went just now although masters had them and masters have them.
    fn left(&mut self, world: &Tracker, host: HostId) {
        for (at, of, address) in core::mem::take(&mut self.gone) {
            if (at, of) != (world.now, host) {
                continue;
            }
            let kept = world.on(host).any(|id| {
                let member = world.member(id);
                member.is_master() && member.since < at && member.addresses.contains(&address)
            });
            let before = self.before[host.index()].as_deref();
            let as_before = before.is_some_and(|config| {
                config.instances.iter().any(|i| {
                    let mut held = i.held_addresses();
                    held.any(|a| a.address == address && is_kept(world, host, config, a))
                })
            });
            if kept && as_before {
                self.violated(world, host, format!("{address} left its host for a moment"));
            }
        }
    }

    /// The same of routes and rules.
    fn left_objects(&mut self, world: &Tracker, host: HostId) {
        for (at, of, object) in core::mem::take(&mut self.gone_objects) {
            if (at, of) != (world.now, host) {
                continue;
            }
            let kept = world.on(host).any(|id| {
                let member = world.member(id);
                member.is_master() && member.since < at && has_object(member, &object)
            });
            let before = self.before[host.index()].as_deref();
            let as_before = before.is_some_and(|config| {
                let mut all = config.instances.iter().flat_map(|i| &i.objects);
                all.any(|o| o.display(config).to_string() == object)
            });
            if kept && as_before {
                self.violated(world, host, format!("{object} left its host for a moment"));
            }
        }
    }

    /// A route or a rule came or went. `name` is its place in the present configuration.
    fn count_object(&mut self, world: &Tracker, host: HostId, name: ObjectId, there: bool) {
        let config = world.daemons[host.index()].config.as_deref();
        let Some((config, owner)) = config.zip(name.owner) else {
            return;
        };
        let object = config.instance(owner).objects.get(usize::from(name.index));
        let Some(object) = object.map(|o| o.display(config).to_string()) else {
            return;
        };
        if there {
            self.objects.insert((host, object));
            return;
        }
        self.objects.remove(&(host, object.clone()));
        self.gone_objects.retain(|(at, ..)| *at == world.now);
        self.gone_objects.push((world.now, host, object));
        let just = self.last.as_ref().filter(|last| last.at == world.now);
        if just.is_some_and(|last| last.host == host) {
            self.left_objects(world, host);
        }
    }

    fn violated(&mut self, world: &Tracker, host: HostId, what: String) {
        self.verdict.violated(Violation {
            at: world.now,
            host: Some(host),
            instance: None,
            what,
        });
    }
}

/// Whether a member has a route or a rule that reads like this.
fn has_object(member: &Member, object: &str) -> bool {
    let mut objects = member.spec().objects.iter();
    objects.any(|o| o.display(member.config()).to_string() == object)
}

/// An address that is written just so in the new configuration, too.
fn is_kept(
    world: &Tracker,
    host: HostId,
    before: &Config,
    address: &locum_engine::config::VirtualAddress,
) -> bool {
    let Some(config) = &world.daemons[host.index()].config else {
        return false;
    };
    let name = before.interface_name(address.interface);
    let mut all = config
        .instances
        .iter()
        .flat_map(InstanceConfig::held_addresses);
    all.any(|a| {
        let same = (a.address, a.prefix, a.scope, &a.label, &a.broadcast)
            == (
                address.address,
                address.prefix,
                address.scope,
                &address.label,
                &address.broadcast,
            );
        same && config.interface_name(a.interface) == name
    })
}

/// The members of a host whose configuration reads as before.
fn unchanged(world: &Tracker, host: HostId, before: &Config) -> Vec<MemberId> {
    let same = |id: &MemberId| {
        let member = world.member(*id);
        let mut old = before.instances.iter();
        old.any(|instance| same_text(before, instance, member.config(), member.spec()))
    };
    world.on(host).filter(same).collect()
}

/// Both read the same, with names for positions.
fn same_text(before: &Config, old: &InstanceConfig, after: &Config, new: &InstanceConfig) -> bool {
    // Positions as they are in the new configuration.
    let interface = |id| {
        let name = before.interface_name(id);
        let at = after.interfaces.iter().position(|n| &**n == name)?;
        Some(locum_engine::ids::InterfaceId(at as u16))
    };
    let mut old = old.clone();
    let Some(own) = interface(old.interface) else {
        return false;
    };
    old.interface = own;
    for address in old.addresses.iter_mut().chain(&mut old.excluded) {
        let Some(at) = interface(address.interface) else {
            return false;
        };
        address.interface = at;
    }
    for link in &mut old.links {
        let Some(at) = interface(link.interface) else {
            return false;
        };
        link.interface = at;
    }
    for track in &mut old.tracks {
        let name = &before.check(track.check).name;
        let Some(at) = super::reload::find_check(after, name) else {
            return false;
        };
        track.check = at;
    }
    // So do routes and rules.
    let words = |config: &Config, instance: &InstanceConfig| -> Vec<String> {
        let objects = instance.objects.iter();
        objects.map(|o| o.display(config).to_string()).collect()
    };
    if words(before, &old) == words(after, new) {
        old.objects.clone_from(&new.objects);
    }
    if let Some(vmac) = &mut old.vmac {
        let Some(at) = interface(vmac.device) else {
            return false;
        };
        vmac.device = at;
    }
    old == *new
}

impl Oracle for Reload {
    fn name(&self) -> &'static str {
        "X10"
    }

    fn property(&self) -> &'static str {
        "reloads touch only what changes"
    }

    fn reload(&mut self, world: &Tracker, host: HostId) {
        self.verdict.checked();
        self.left(world, host);
        self.left_objects(world, host);
        let before = self.before[host.index()].take();
        self.before[host.index()] = world.daemons[host.index()].config.clone();
        self.last = before.map(|before| Last {
            at: world.now,
            host,
            unchanged: unchanged(world, host, &before),
        });
    }

    fn elapse(&mut self, world: &Tracker, _to: Instant) {
        let Some(last) = self.last.take_if(|last| last.at == world.now) else {
            return;
        };
        let host = &world.hosts[last.host.index()];
        let configured = |address: &IpAddr| {
            let mut members = world.on(last.host).map(|id| world.member(id));
            members.any(|member| member.addresses.contains(address))
        };
        let strays: Vec<_> = host.addresses.iter().filter(|a| !configured(a)).collect();
        if let Some(stray) = strays.first() {
            let what = format!("{stray} stayed although nobody configures it");
            self.violated(world, last.host, what);
        }
        let known = |object: &str| {
            let mut members = world.on(last.host).map(|id| world.member(id));
            members.any(|member| has_object(member, object))
        };
        let there = self.objects.iter().filter(|(of, _)| *of == last.host);
        if let Some(stray) = there.map(|(_, o)| o).find(|o| !known(o)) {
            let what = format!("{stray} stayed although nobody configures it");
            self.violated(world, last.host, what);
        }
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        match &record.what {
            Observed::Daemon(host, _) => {
                self.before[host.index()] = world.daemons[host.index()].config.clone();
            }
            Observed::AddressRemoved { host, address, .. } => {
                self.gone.retain(|(at, ..)| *at == record.at);
                self.gone.push((record.at, *host, *address));
                let just = self.last.as_ref().filter(|last| last.at == record.at);
                if just.is_some_and(|last| last.host == *host) {
                    self.left(world, *host);
                }
            }
            Observed::ObjectAdded { host, object } => {
                self.count_object(world, *host, *object, true);
            }
            Observed::ObjectRemoved { host, object, .. } => {
                self.count_object(world, *host, *object, false);
            }
            Observed::Announcement { host, instance, .. } => {
                let id = world.id(*host, *instance);
                if self.touches(world, id) {
                    self.object(
                        world,
                        id,
                        "announced itself because of a reload that is not about it",
                    );
                }
            }
            Observed::Engine(host, Event::StateChanged { instance, .. }) => {
                let id = world.id(*host, *instance);
                if self.touches(world, id) {
                    self.object(
                        world,
                        id,
                        "changed its state at a reload that is not about it",
                    );
                }
            }
            _ => {}
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
