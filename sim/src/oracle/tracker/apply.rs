//! What each record changes in the picture.

use core::net::IpAddr;
use core::time::Duration;

use locum_engine::config::ObjectId;
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::Priority;
use locum_engine::wire::Family;
use locum_engine::{Event, Instant};

use super::Tracker;
use crate::fault::{Fault, Forgery, Replay};
use crate::oracle::member::{Hearing, HostState, MemberId, Seal, Transition};
use crate::oracle::network::Route;
use crate::oracle::segment::Ground;
use crate::oracle::timing::Drift;
use crate::record::{DaemonChange, Observed, Record};
use crate::topology::HostId;

impl Tracker {
    /// Takes in one record.
    pub(in crate::oracle) fn apply(&mut self, record: &Record) {
        self.now = record.at;
        match &record.what {
            Observed::Advert {
                host,
                instance,
                priority,
            } => self.advert(self.id(*host, *instance), *priority),
            Observed::Fault(fault) => self.fault(fault),
            Observed::SwitchBack(switch) => {
                self.network.switch_back(*switch);
                self.network_changed();
            }
            Observed::Daemon(host, change) => self.daemon(*host, *change),
            Observed::Reloaded(host, _) => self.reload(*host),
            Observed::Engine(host, event) => self.event(*host, event),
            Observed::AddressAdded { host, address } => self.address(*host, *address, true),
            Observed::AddressRemoved { host, address, .. } => self.address(*host, *address, false),
            Observed::ObjectAdded { host, object } => self.object(*host, *object, true),
            Observed::ObjectRemoved { host, object, .. } => self.object(*host, *object, false),
            Observed::Announcement { .. } | Observed::Outage { .. } | Observed::ServedBy { .. } => {
            }
        }
    }

    fn advert(&mut self, from: MemberId, priority: Priority) {
        let now = self.now;
        let sender = &mut self.members[from.0];
        sender.advert = Some((now, priority));
        sender.sent[usize::from(priority.get())] = Some(now);
        let sender = &self.members[from.0];
        let heard = self.classes[sender.class].members.iter().filter_map(|to| {
            let member = &self.members[to.0];
            let hears = *to != from && self.hosts[member.host.index()].acts();
            let way = sender.way(&self.network, member).filter(|_| hears);
            Some((*to, way?))
        });
        let heard: Vec<(MemberId, Route, Duration)> = heard
            .map(|(to, route)| (to, route, sender.longest_way(route)))
            .collect();
        for (to, route, longest) in heard {
            let member = &mut self.members[to.0];
            let earliest = now + route.latency;
            let latest = now + longest + self.quantum;
            let whole = !route.lossy && route.jitter == Duration::ZERO;
            member.hearing.any = member.hearing.any.max(latest);
            if priority == Priority::RELEASE {
                member.hearing.resign(earliest, latest, whole);
                continue;
            }
            let (certainly, perhaps) = member.is_held_back_by(priority);
            if perhaps {
                let sure = certainly && whole && !member.draining;
                member.hearing.arm(now, earliest, latest, sure);
            }
        }
    }

    fn fault(&mut self, fault: &Fault) {
        self.disturb();
        let at = self.now;
        match fault {
            Fault::PowerOff(host) => {
                let state = &mut self.hosts[host.index()];
                state.powered = false;
                // A pause ends with the power.
                state.paused = false;
            }
            Fault::PowerOn(host) => {
                let state = &mut self.hosts[host.index()];
                if !state.powered {
                    state.booted = at;
                }
                state.powered = true;
            }
            Fault::Hang(host) => self.stall(*host, |h| h.hung = h.running),
            Fault::Resume(host) => self.stall(*host, |h| h.hung = false),
            Fault::PauseVm(host) => self.stall(*host, |h| h.paused = true),
            Fault::ResumeVm(host) => self.stall(*host, |h| h.paused = false),
            Fault::Drift(host, ppm) => {
                self.hosts[host.index()].drift.note(*ppm);
                self.touch_host(*host);
                self.resegment();
            }
            Fault::SetPriority(host, instance, priority) => {
                let id = self.daemons[host.index()].first[instance.index()];
                self.members[id.0].set_priority = *priority;
                self.touch(id, at);
            }
            Fault::Drain(host, instance, _) | Fault::Undrain(host, instance) => {
                let draining = matches!(fault, Fault::Drain(..));
                for id in self.meant(*host, *instance) {
                    self.members[id.0].draining = draining;
                    self.members[id.0].priority_since = at;
                }
                self.touch_host(*host);
            }
            Fault::Reload(host, file) => self.written(*host, file),
            Fault::Forge(_, forgery) => self.forge(forgery),
            Fault::Replay(_, replay) => self.replay(replay),
            _ => {}
        }
        if self.network.apply(fault) {
            self.network_changed();
        }
        self.refresh_conditions(Some(fault));
    }

    fn disturb(&mut self) {
        self.disturbed = self.now;
        self.generation += 1;
    }

    fn stall(&mut self, host: HostId, change: impl FnOnce(&mut HostState)) {
        let state = &mut self.hosts[host.index()];
        change(state);
        state.stalled_at = self.now;
        for id in self.on(host) {
            let member = &mut self.members[id.0];
            member.hearing.spoiled = member.hearing.spoiled.max(self.now);
            member.changed = self.now;
        }
        self.resegment();
        self.unsettle();
    }

    /// Forged adverts that nobody could tell from real ones make everything possible for as long
    /// as they come; all others must be without effect.
    fn forge(&mut self, forgery: &Forgery) {
        let longest = self.segments.iter().map(|s| s.latency).max();
        let over = self.now
            + forgery.every * forgery.count
            + longest.unwrap_or_default()
            + self.quantum * 2;
        let forged = forgery.password.map_or(Seal::Nothing, Seal::Password);
        for i in 0..self.members.len() {
            let (vrid, family, _, seal, _, unicast, group) = self.members[i].key();
            // Forged adverts go to the usual group.
            let of = Family::of(forgery.source);
            let addressed = (vrid, family) == (forgery.vrid, of) && !unicast && group == of.group();
            let fits = addressed && seal == forged;
            if fits && forgery.ttl == 255 {
                self.make_possible(MemberId(i), over);
            }
        }
    }

    /// Adverts that are played again make everything possible where nothing tells them from the first
    /// time; where they are numbered or dated they must be without effect.
    fn replay(&mut self, replay: &Replay) {
        let longest = self.segments.iter().map(|s| s.latency).max();
        let over = self.now
            + replay.listens
            + replay.every * replay.count
            + longest.unwrap_or_default()
            + self.quantum * 2;
        for i in 0..self.members.len() {
            let (_, family, _, seal, ..) = self.members[i].key();
            let alike = matches!(seal, Seal::Nothing | Seal::Password(_));
            if alike && family == Family::of(replay.source) {
                self.make_possible(MemberId(i), over);
            }
        }
    }

    /// Until then, anything may have been heard.
    fn make_possible(&mut self, id: MemberId, over: Instant) {
        let hearing = &mut self.members[id.0].hearing;
        hearing.spoiled = hearing.spoiled.max(over);
        hearing.maybe = hearing.maybe.max(over);
        hearing.any = hearing.any.max(over);
        self.touch(id, over);
    }

    fn network_changed(&mut self) {
        self.disturb();
        for member in &mut self.members {
            member.hearing.cut(self.now, self.quantum);
        }
        self.resegment();
        self.unsettle();
        self.refresh_conditions(None);
    }

    /// Unicast adverts may be late or lost until ARP has found the neighbours again.
    fn unsettle(&mut self) {
        let longest = self.segments.iter().map(|s| s.latency).max();
        let under_way = longest.unwrap_or_default() + self.quantum * 4;
        for i in 0..self.members.len() {
            let wait = self.members[i].uncertainty();
            if wait.is_zero() {
                continue;
            }
            let drift = self
                .hosts
                .iter()
                .fold(Drift::default(), |d, h| d.or(h.drift));
            let over = self.now + drift.longest(wait) + under_way;
            let hearing = &mut self.members[i].hearing;
            hearing.spoiled = hearing.spoiled.max(over);
            hearing.maybe = hearing.maybe.max(over);
            hearing.any = hearing.any.max(over);
            self.unsettled = self.unsettled.max(over);
            self.touch(MemberId(i), over);
        }
    }

    fn daemon(&mut self, host: HostId, change: DaemonChange) {
        self.disturb();
        let state = &mut self.hosts[host.index()];
        state.running = change == DaemonChange::Started;
        if state.running {
            state.started = self.now;
            self.reload(host);
        } else {
            state.hung = false;
        }
        for id in self.on(host) {
            self.members[id.0].forget(self.now);
        }
        self.resegment();
        if change == DaemonChange::Started {
            self.wait_for_start(host);
        }
        self.refresh_conditions(None);
        self.conditions.restart(host, self.now);
    }

    /// What a daemon with `vrrp_startup_delay` or `vrrp_delay_after_boot` will do to its segments is open until it takes part.
    fn wait_for_start(&mut self, host: HostId) {
        for id in self.on(host) {
            let config = self.members[id.0].config();
            let state = &self.hosts[host.index()];
            let (drift, uptime) = (state.drift, self.now.saturating_since(state.booted));
            let after_boot = config
                .delay_after_boot
                .saturating_sub(drift.shortest(uptime));
            let delay = config.startup_delay.max(after_boot);
            let at = self.now + drift.longest(delay);
            self.hosts[host.index()].takes_part_at = at;
            self.touch(id, at);
        }
    }

    fn event(&mut self, host: HostId, event: &Event) {
        match event {
            Event::StateChanged {
                instance,
                from,
                to,
                why,
            } => self.transition(self.id(host, *instance), *from, *to, *why),
            Event::PriorityChanged { instance, to, .. } => {
                let id = self.id(host, *instance);
                self.members[id.0].priority = *to;
                self.members[id.0].priority_since = self.now;
                self.members[id.0].hearing.cut(self.now, self.quantum);
                self.generation += 1;
                self.touch(id, self.now);
            }
            Event::CheckChanged { check, good } => {
                self.generation += 1;
                self.conditions.verdict(host, *check, *good, self.now);
            }
            _ => {}
        }
    }

    fn transition(&mut self, id: MemberId, from: StateKind, to: StateKind, why: Reason) {
        self.generation += 1;
        let at = self.now;
        let calm = self.calm(id, at);
        let member = &mut self.members[id.0];
        let hearing: Hearing = member.hearing;
        member.transition = Some(Transition {
            at,
            from,
            to,
            why,
            entered: member.since,
            priority: member.priority,
            calm,
            hearing,
        });
        member.state = to;
        member.changed = at;
        if from != to {
            member.since = at;
        }
        if to == StateKind::Backup {
            member.hearing.enter(at);
        }
        let protocol = [from, to]
            .iter()
            .all(|s| matches!(s, StateKind::Backup | StateKind::Master));
        if !protocol || why == Reason::Drained {
            self.touch(id, at);
        }
    }

    /// For how long the environment of a member and of its partners has been settled.
    fn calm(&self, id: MemberId, at: Instant) -> Option<Duration> {
        let member = &self.members[id.0];
        let settled = |id: MemberId| {
            self.segment(&self.members[id.0])
                .filter(|s| s.unclean.is_none() && s.at_rest() < at)
                .map(|s| at.saturating_since(s.at_rest()))
        };
        let partners = member.partners().iter();
        let partners = partners.map(|instance| self.id(member.host, *instance));
        let calm = core::iter::once(id).chain(partners).map(settled);
        calm.collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    fn address(&mut self, host: HostId, address: IpAddr, added: bool) {
        self.generation += 1;
        let state = &mut self.hosts[host.index()];
        state.addresses.retain(|a| *a != address);
        if added {
            state.addresses.push(address);
        }
        for id in self.on(host) {
            let held = &self.hosts[host.index()].addresses;
            let member = &mut self.members[id.0];
            if member.addresses.contains(&address) {
                member.held = member.addresses.iter().filter(|a| held.contains(a)).count();
                member.changed = self.now;
            }
        }
    }

    fn object(&mut self, host: HostId, object: ObjectId, added: bool) {
        self.generation += 1;
        let Some(owner) = object.owner else { return };
        let id = self.id(host, owner);
        let member = &mut self.members[id.0];
        member.objects.retain(|there| *there != object.index);
        if added {
            member.objects.push(object.index);
        }
        member.changed = self.now;
    }

    /// The environment of a member's segment changes at `at`.
    fn touch(&mut self, id: MemberId, at: Instant) {
        if let Some(i) = self.members[id.0].segment {
            let segment = &mut self.segments[i];
            segment.since = segment.since.max(at);
        }
        if self.members[id.0].grouped {
            self.share();
        }
    }

    /// What happens on one network of a sync group happens to all of them.
    fn share(&mut self) {
        for id in 0..self.members.len() {
            let member = &self.members[id];
            let host = member.host;
            let partners: Vec<usize> = member
                .partners()
                .iter()
                .filter_map(|instance| self.members[self.id(host, *instance).0].segment)
                .collect();
            let since = partners.iter().map(|i| self.segments[*i].since).max();
            let unclean = partners.iter().find_map(|i| self.segments[*i].unclean);
            for i in partners {
                let segment = &mut self.segments[i];
                segment.since = segment.since.max(since.unwrap_or(Instant::ZERO));
                segment.unclean = segment.unclean.or(unclean);
            }
        }
    }

    fn touch_host(&mut self, host: HostId) {
        for id in self.on(host) {
            self.touch(id, self.now);
        }
    }

    pub(in crate::oracle) fn resegment(&mut self) {
        self.generation += 1;
        let ground = Ground {
            network: &self.network,
            hosts: &self.hosts,
            members: &self.members,
            quantum: self.quantum,
        };
        self.segments = ground.segments(&self.classes, &self.segments, self.now);
        for member in &mut self.members {
            member.segment = None;
        }
        for (i, segment) in self.segments.iter_mut().enumerate() {
            for id in &segment.members {
                self.members[id.0].segment = Some(i);
                if self.members[id.0].is_unicast() {
                    segment.since = segment.since.max(self.unsettled);
                }
            }
        }
        self.share();
    }

    pub(in crate::oracle) fn refresh_conditions(&mut self, fault: Option<&Fault>) {
        if let Some(fault) = fault {
            self.conditions.fault(fault);
        }
        self.conditions.refresh(
            &self.topology,
            &self.network,
            &self.hosts,
            self.now,
            self.quantum,
        );
    }
}
