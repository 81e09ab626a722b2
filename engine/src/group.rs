//! Virtual routers that change state together (`vrrp_sync_group`).
//!
//! Each member runs its own election: its adverts, its timer, its rank. The group decides what comes
//! of them, after every input, before anything else is asked of the engine:
//!
//! - **fault**: something stands in the way of a member; all members are in fault. What the group
//!   tracks stands in the way of each of its members.
//! - **backup to master**: the timers of all members have run out. A member whose timer has run out
//!   waits, silently, for as long as no advert holds it back again. So one member that hears a
//!   master to which it yields keeps the whole group back; and when nobody is master, nobody is held
//!   back.
//! - **master to backup**: a member hears a master that outranks it; all members let go.
//!
//! The last rule alone makes two groups let go of each other for ever when each outranks the other
//! on another network. Members therefore have an order that is the same on all routers, their
//! virtual router ids: a member whose rival is winning doesn't count while an earlier one is winning
//! its own contest. That ends after a master-down time, in which a rival that hears us has let go.
//!
//! A member that answers a rival of lower rank makes all members announce their addresses.
//!
//! The members of a group are always in the same state when an input has been handled. The member
//! that began a transition makes it first, then the others in the order of the file.

use std::collections::BTreeMap;
use std::sync::Arc;

use core::net::IpAddr;

use crate::config::Config;
use crate::engine::Engine;
use crate::event::{Event, Reason, StateKind};
use crate::ids::{GroupId, InstanceId};
use crate::output::Output;
use crate::plan::{Fate, Plan};
use crate::router::{Entered, Face, Router};
use crate::time::Instant;

/// The groups of an engine.
#[derive(Debug)]
pub(crate) struct Groups {
    /// By [`InstanceId`]: the group, and the place in the order in which contests count.
    of: Vec<Option<(GroupId, u16)>>,
    /// By [`GroupId`].
    states: Vec<(StateKind, Entered)>,
    /// Groups a member of which has changed its face.
    unsettled: std::collections::BTreeSet<GroupId>,
}

impl Groups {
    pub(crate) fn new(config: &Config) -> Self {
        let mut of = vec![None; config.instances.len()];
        for (id, group) in config.groups() {
            let mut order: BTreeMap<(u8, Option<IpAddr>, InstanceId), InstanceId> = BTreeMap::new();
            for &member in &group.members {
                let instance = config.instance(member);
                let address = instance.held_addresses().map(|a| a.address).min();
                order.insert((instance.vrid.get(), address, member), member);
            }
            for (place, member) in (0..).zip(order.into_values()) {
                of[member.index()] = Some((id, place));
            }
        }
        let unmoved = Entered {
            at: Instant::ZERO,
            why: None,
        };
        Self {
            of,
            states: vec![(StateKind::Init, unmoved); config.groups.len()],
            unsettled: std::collections::BTreeSet::new(),
        }
    }

    /// What there is to know of them besides the configuration, between two inputs: their states.
    pub(crate) fn save(&self) -> &[(StateKind, Entered)] {
        &self.states
    }

    /// The inverse; `None` when that was of another configuration.
    pub(crate) fn restored(config: &Config, states: Vec<(StateKind, Entered)>) -> Option<Self> {
        let groups = Self::new(config);
        let fits = states.len() == groups.states.len();
        fits.then_some(Self { states, ..groups })
    }

    /// The same groups, known by name, at other positions and with other members. `self` is as it
    /// was, the rest as the new configuration has it.
    pub(crate) fn moved(self, plan: &Plan, config: &Config) -> Self {
        let mut groups = Self::new(config);
        for step in &plan.groups {
            let Some(to) = step.to else { continue };
            if let Some(from) = step.from {
                let (state, entered) = self.states[from.index()];
                let why = entered.why.and_then(|why| why.moved(&plan.moves));
                groups.states[to.index()] = (state, Entered { why, ..entered });
            }
            if step.fate != Fate::Unchanged
                || step.from.is_some_and(|f| self.unsettled.contains(&f))
            {
                groups.unsettled.insert(to);
            }
        }
        groups
    }

    /// The group of an instance.
    pub(crate) fn of(&self, id: InstanceId) -> Option<GroupId> {
        self.of[id.index()].map(|(group, _)| group)
    }

    /// When a group came into its state, and why.
    pub(crate) fn entered(&self, id: GroupId) -> Entered {
        self.states[id.index()].1
    }

    /// Whether an instance has partners.
    pub(crate) fn is_grouped(&self, id: InstanceId) -> bool {
        self.of[id.index()].is_some()
    }

    /// A member acted: it looked like this before and after.
    pub(crate) fn compare(&mut self, id: InstanceId, before: Option<Face>, after: Option<Face>) {
        if let (true, Some((group, _))) = (before != after, self.of[id.index()]) {
            self.unsettled.insert(group);
        }
    }
}

impl Engine {
    /// State of a group: that of all its members.
    pub fn group_state(&self, group: GroupId) -> StateKind {
        self.groups.states[group.index()].0
    }

    /// The members of an instance's group, or the instance alone.
    pub(crate) fn with_partners(&self, id: InstanceId) -> Vec<InstanceId> {
        match self.groups.of[id.index()] {
            Some((group, _)) => self.config.group(group).members.clone(),
            None => vec![id],
        }
    }

    /// A packet for a member is about to be handled: does an earlier member win its contest?
    pub(crate) fn weigh_contests(&mut self, id: InstanceId) {
        let Some((group, place)) = self.groups.of[id.index()] else {
            return;
        };
        if self.routers[id.index()].state().kind() != StateKind::Master {
            return;
        }
        let mut members = self.config.group(group).members.iter();
        let stands = members.any(|member| {
            let earlier = matches!(self.groups.of[member.index()], Some((_, p)) if p < place);
            earlier && self.routers[member.index()].wins(self.now)
        });
        self.routers[id.index()].stand(stands);
    }

    /// After a reload: who is new to a group whose others are master becomes master with them, as
    /// soon as nothing stands in its way. A group isn't brought down by a member that joins.
    pub(crate) fn join_groups(&mut self, plan: &Plan, old: &Config) {
        let config = Arc::clone(&self.config);
        let name = |config: &Config, id| {
            let group = config.group_of(id).map(|group| config.group(group));
            group.map(|group| Arc::clone(&group.name))
        };
        if old.groups.is_empty() && config.groups.is_empty() {
            return;
        }
        for step in &plan.instances {
            let Some(to) = step.to else { continue };
            let before = plan.came_from(step).and_then(|id| name(old, id));
            if before != name(&config, to) {
                self.routers[to.index()].join();
                self.one(to, Router::reconsider);
            }
        }
    }

    /// A member has answered a rival: its partners announce theirs as well, as in keepalived.
    pub(crate) fn announce_along(&mut self, id: InstanceId) {
        if !self.routers[id.index()].take_pointed() {
            return;
        }
        for partner in self.with_partners(id) {
            if partner != id {
                self.one(partner, Router::point_along);
            }
        }
    }

    /// Brings every group whose members differ into one state.
    pub(crate) fn settle_groups(&mut self) {
        while let Some(group) = self.groups.unsettled.pop_first() {
            self.settle(group);
        }
    }

    /// One round; what it changes makes for another, until nothing does.
    fn settle(&mut self, group: GroupId) {
        let members = self.config.group(group).members.clone();
        self.share_obstacles(&members);
        let faces = self.faces(&members);
        let any_master = faces.iter().any(|(_, f)| f.kind == StateKind::Master);
        let joins = |f: &Face| any_master && f.joins && f.kind == StateKind::Backup;
        for (member, _) in faces.iter().filter(|(_, f)| joins(f)) {
            self.one(*member, |router, s| router.promote(s));
        }
        let faces = self.faces(&members);
        let gone = faces.iter().find(|(_, f)| f.kind == StateKind::Backup);
        if let (Some(&(partner, face)), true) = (gone, any_master) {
            let why = match face.why {
                Some(Reason::Drained) => Reason::Drained,
                _ => Reason::PartnerYielded { partner },
            };
            for &member in &members {
                self.one(member, |router, s| router.yield_with(s, why));
            }
        } else if faces.iter().all(|(_, f)| f.ripe) {
            for &member in &members {
                self.one(member, |router, s| router.promote(s));
            }
        }
        self.report(group, &members);
    }

    fn faces(&self, members: &[InstanceId]) -> Vec<(InstanceId, Face)> {
        let face = |&id: &InstanceId| Some((id, self.routers[id.index()].face()?));
        members.iter().filter_map(face).collect()
    }

    /// What stands in one member's way stands in the way of all.
    fn share_obstacles(&mut self, members: &[InstanceId]) {
        let faces = self.faces(members);
        let blocked = || faces.iter().filter_map(|(id, f)| Some((*id, f.blocked?)));
        let is_pending = |why: &Reason| why.is_pending();
        let fault = blocked().find(|(_, why)| !is_pending(why));
        let pending = blocked().find(|(_, why)| is_pending(why));
        let imposed = match (fault, pending) {
            (Some((partner, _)), _) => Some(Reason::PartnerFault { partner }),
            (None, Some((_, why))) => Some(why),
            (None, None) => None,
        };
        for &member in members {
            self.one(member, |router, s| router.impose(s, imposed));
        }
    }

    fn report(&mut self, group: GroupId, members: &[InstanceId]) {
        let faces = self.faces(members);
        let Some((_, first)) = faces.first() else {
            return;
        };
        let (from, to) = (self.groups.states[group.index()].0, first.kind);
        if from == to || faces.iter().any(|(_, f)| f.kind != to) {
            return;
        }
        let follows = |why: &Reason| {
            matches!(
                why,
                Reason::PartnerFault { .. } | Reason::PartnerYielded { .. }
            )
        };
        let mut reasons = faces.iter().filter_map(|(_, f)| f.why);
        let why = reasons.find(|why| !follows(why)).or(first.why);
        let entered = Entered { at: self.now, why };
        self.groups.states[group.index()] = (to, entered);
        if let Some(why) = why {
            let event = Event::GroupChanged {
                group,
                from,
                to,
                why,
            };
            self.out.push_back(Output::Event(event));
        }
    }
}
