//! One virtual router around its state machine: what stands in its way, its effective priority,
//! its adverts on the wire, its addresses on the host, its announcements.

pub mod accept;
mod advertised;
mod announce;
mod conditions;
pub mod effects;
mod guard;
mod lease;
mod look;
mod maintenance;
mod objects;
mod partners;
mod peers;
mod reload;
mod remarks;
mod stats;
mod transmit;

use core::net::IpAddr;
use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

use crate::config::{Config, InstanceConfig};
use crate::event::{Event, Reason, StateKind};
use crate::fixtures::Fixtures;
use crate::fsm::{Heard, Params, Say, Signal, State, step};
use crate::ids::{InstanceId, Priority};
use crate::input::{Datagram, LinkState};
use crate::links::Sources;
use crate::output::{Effect, Output};
use crate::pacing::Pacer;
use crate::rare::Rare;
use crate::time::Instant;
use crate::track::Checks;

use accept::{Discard, Ladder};
use advertised::Advertised;
use announce::Announcer;
pub(crate) use conditions::Sight;
use effects::{Addresses, Resign, effects};
use guard::Guard;
pub(crate) use maintenance::Drain;
use maintenance::PutBack;
pub(crate) use objects::Missing;
pub(crate) use partners::Face;
use partners::Partners;
use peers::Peers;
pub use peers::Seen;
use remarks::Told;
pub use stats::{Stats, Tally, Transitions};
pub(crate) use transmit::announcement;

/// What a router sees of the engine around it while it handles one input.
pub(crate) struct Surroundings<'a> {
    pub(crate) now: Instant,
    /// The wall clock, since 1970.
    pub(crate) utc: Duration,
    pub(crate) config: &'a Config,
    pub(crate) links: &'a [LinkState],
    pub(crate) sources: &'a Sources,
    pub(crate) checks: &'a Checks,
    pub(crate) fixtures: &'a Fixtures,
    pub(crate) pacer: &'a mut Pacer,
    pub(crate) out: &'a mut VecDeque<Output>,
}

/// When a state was entered.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Entered {
    pub(crate) at: Instant,
    /// Why; `None` before the first transition, and when a reload took away what it was about.
    pub(crate) why: Option<Reason>,
}

/// One virtual router.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Router {
    id: InstanceId,
    state: State,
    /// Since when, and why.
    entered: Entered,
    started: bool,
    /// Effective priority, as last reported.
    priority: Priority,
    /// The operator's priority, in place of the configured one.
    override_priority: Option<Priority>,
    drain: Option<Drain>,
    refused: Option<(IpAddr, Instant)>,
    put_back: Rare<PutBack>,
    /// When its leased addresses are refreshed.
    refresh_at: Option<Instant>,
    /// Routes and rules that should be there and aren't.
    missing: Rare<Missing>,
    /// What it has to do with its group; `None` without one.
    partners: Option<Box<Partners>>,
    announcer: Announcer,
    /// IPv4 identification of the last advert; the first is 1, and 0 is never used, as keepalived.
    ip_id: u16,
    guard: Rare<Guard>,
    /// The unicast peers whose last advert had the old checksum.
    old_checksum: Rare<BTreeSet<IpAddr>>,
    /// The advertised addresses, ready for the wire.
    advertised: Advertised,
    stats: Stats,
    peers: Peers,
    told: Rare<Told>,
}

impl Router {
    pub(crate) fn new(
        id: InstanceId,
        config: &InstanceConfig,
        grouped: bool,
        now: Instant,
    ) -> Self {
        Self {
            id,
            state: State::Init,
            entered: Entered { at: now, why: None },
            started: false,
            priority: config.priority,
            override_priority: None,
            drain: None,
            refused: None,
            put_back: Rare::default(),
            refresh_at: None,
            missing: Rare::default(),
            partners: grouped.then(Box::default),
            announcer: Announcer::default(),
            ip_id: 0,
            guard: Rare::default(),
            old_checksum: Rare::default(),
            advertised: Advertised::of(config),
            stats: Stats::default(),
            peers: Peers::default(),
            told: Rare::default(),
        }
    }

    pub(crate) fn id(&self) -> InstanceId {
        self.id
    }

    /// The next moment at which [`Router::timeout`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [
            self.state.deadline(),
            self.announcer.deadline(),
            self.maintenance_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(crate) fn start(&mut self, s: &mut Surroundings<'_>) {
        self.started = true;
        self.reconsider(s);
        if matches!(self.state, State::Init) {
            // It waits for a check. What a crash has left behind must not wait with it.
            self.remove_everything(s);
        }
    }

    pub(crate) fn stop(&mut self, s: &mut Surroundings<'_>) {
        self.started = false;
        self.signal(s, Signal::Stop(Reason::Stopping));
    }

    /// [`Router::timeout`] for a deadline that was at `due`.
    pub(crate) fn timeout_of(&mut self, s: &mut Surroundings<'_>, due: Instant) {
        self.stats.note_lateness(s.now.saturating_since(due));
        self.timeout(s);
    }

    /// Honours every deadline that has passed.
    pub(crate) fn timeout(&mut self, s: &mut Surroundings<'_>) {
        if self.refused.is_some_and(|(_, until)| s.now >= until) {
            self.refused = None;
            self.reconsider(s);
        }
        if self.gives_in(s) {
            // Before anything is announced that may be another's by now.
            self.signal(s, Signal::Timeout);
        }
        self.put_back_missing(s);
        while let Some(burst) = self.announcer.due(&s.config.instance(self.id).garp, s.now) {
            self.announce(s, burst);
        }
        self.put_back_objects(s);
        if self.is_master() && self.drain.is_some_and(|d| !d.over && s.now >= d.until) {
            self.signal(s, Signal::Resign);
        }
        self.signal(s, Signal::Timeout);
    }

    /// A packet for this virtual router.
    pub(crate) fn receive(&mut self, s: &mut Surroundings<'_>, datagram: &Datagram<'_>) {
        self.stats.received += 1;
        let config = s.config.instance(self.id);
        let us = self.source(s.sight());
        let climbed = match self.state {
            State::Init | State::Fault => Err(Discard::NotListening),
            _ if Some(datagram.source) == us => Err(Discard::Own),
            State::Backup(_) | State::Master(_) => Ladder {
                config,
                us,
                utc: s.utc,
                owner_ignores: self.priority == Priority::OWNER
                    && config.tuning.owner_ignore_adverts,
                guard: &mut self.guard,
            }
            .climb(datagram),
        };
        match climbed {
            Ok(accepted) => {
                self.forget_discard();
                self.stats.count_checksum(accepted.checksum.summed());
                self.note_checksum(config, accepted.checksum, datagram.source);
                self.compare_addresses(s, accepted.addresses_differ, datagram.source);
                self.compare_interval(s, &accepted.heard);
                self.signal(s, Signal::Advert(accepted.heard));
                self.note_peer(&accepted.heard, s.now);
            }
            Err(why) => self.discard(s, datagram, why),
        }
    }

    /// Links, checks or commands changed: is there an obstacle, and what is the priority now?
    pub(crate) fn reconsider(&mut self, s: &mut Surroundings<'_>) {
        self.refresh_priority(s);
        if !self.started {
            return;
        }
        let obstacle = self.obstacle(s.sight());
        match &mut self.partners {
            // The engine acts on it, for the whole group.
            Some(partners) => partners.blocked = obstacle,
            None => self.act_on(s, obstacle),
        }
    }

    /// Starts, or goes into fault, or leaves it.
    fn act_on(&mut self, s: &mut Surroundings<'_>, obstacle: Option<Reason>) {
        match (obstacle, &self.state) {
            // The first result of a check decides where to begin.
            (Some(why), State::Init) if why.is_pending() => {}
            // What is new to a router that runs has to speak against it first.
            (Some(why), State::Backup(_) | State::Master(_)) if why.is_pending() => {}
            (Some(why), _) => self.signal(s, Signal::Obstacle(why)),
            (None, State::Init) => self.signal(s, Signal::Start),
            (None, State::Fault) => self.signal(s, Signal::Clear),
            (None, State::Backup(_) | State::Master(_)) => {}
        }
    }

    /// A master that was held up for too long, if it is told to step back then.
    fn gives_in(&self, s: &Surroundings<'_>) -> bool {
        if s.config
            .instance(self.id)
            .tuning
            .timer_expired_backup
            .is_none()
        {
            return false;
        }
        let taken = step(self.state, &self.params(s), s.now, Signal::Timeout);
        matches!(taken.why, Some(Reason::HeldUp { .. }))
    }

    /// Whether that is the master it has been listening to.
    fn follows(&self, source: IpAddr) -> bool {
        matches!(self.state, State::Backup(backup) if backup.master.is_some_and(|m| m.source == source))
    }

    pub(crate) fn is_master(&self) -> bool {
        matches!(self.state, State::Master(_))
    }

    /// One step of the state machine, and everything that follows from it.
    fn signal(&mut self, s: &mut Surroundings<'_>, signal: Signal) {
        let params = self.params(s);
        let from = self.state.kind();
        let taken = step(self.state, &params, s.now, signal);
        self.state = taken.state;
        match taken.say {
            Say::Nothing => {}
            Say::Advert { late } => self.advert_due(s, &params, late),
            Say::Answer(heard) => {
                if let Some(guard) = self.guard.present() {
                    guard.outrank();
                }
                self.send_advert(s, self.priority);
                self.point(s, &params, heard);
            }
            Say::Point(heard) => self.point(s, &params, heard),
        }
        if let Some(why) = taken.why {
            self.transition(s, from, why);
        }
    }

    /// Another router acts as master and is outranked: everybody who may have believed it hears an
    /// announcement.
    fn point(&mut self, s: &mut Surroundings<'_>, params: &Params, heard: Heard) {
        self.note_contest(params, s.now, heard);
        let config = s.config.instance(self.id);
        if config.audible_yield {
            self.announcer.settle(s.now);
        }
        if !self.put_back.missing.is_empty() {
            // Announced when they are there again, at the next deadline.
            return;
        }
        let garp = &config.garp;
        if let Some(burst) = self.announcer.contest(
            garp,
            s.now,
            params.interval.duration(),
            heard.priority == Priority::RELEASE,
        ) {
            let (by, priority) = (heard.source, heard.priority);
            s.out.push_back(Output::Event(Event::Contested {
                instance: self.id,
                by,
                priority,
            }));
            self.announce(s, burst);
            self.point_partners(heard);
        }
    }

    fn transition(&mut self, s: &mut Surroundings<'_>, from: StateKind, why: Reason) {
        let to = self.state.kind();
        if let Some(partners) = &mut self.partners {
            partners.why = Some(why);
        }
        self.stats.count_transition(from, to, &why);
        self.entered = Entered {
            at: s.now,
            why: Some(why),
        };
        match effects(from, to) {
            Addresses::Leave => {}
            Addresses::Take => self.take(s),
            Addresses::Drop { resign } => self.drop_addresses(s, resign, why),
        }
        let event = Event::StateChanged {
            instance: self.id,
            from,
            to,
            why,
        };
        s.out.push_back(Output::Event(event));
    }

    fn take(&mut self, s: &mut Surroundings<'_>) {
        if let Some(guard) = self.guard.present() {
            guard.begin_reign();
        }
        self.send_advert(s, self.priority);
        self.shut(s, true);
        let config = s.config.instance(self.id);
        for address in config.held_addresses() {
            let effect = Effect::AddAddress {
                instance: self.id,
                address: address.clone(),
                lifetime: config.lease,
            };
            s.out.push_back(Output::Effect(effect));
        }
        self.lease_begins(s);
        self.install_objects(s);
        let burst = self
            .announcer
            .takeover(&s.config.instance(self.id).garp, s.now);
        self.announce(s, burst);
    }

    fn drop_addresses(&mut self, s: &mut Surroundings<'_>, resign: Resign, why: Reason) {
        let lost = matches!(
            why,
            Reason::HigherPriority { .. } | Reason::EqualPriorityHigherAddress { .. }
        );
        let last_word = lost && s.config.instance(self.id).tuning.higher_prio_send_advert;
        if last_word {
            self.send_advert(s, self.priority);
        }
        self.announcer.clear();
        s.pacer.forget(self.id);
        self.put_back = Rare::default();
        self.refresh_at = None;
        self.remove_everything(s);
        let says_so = match resign {
            Resign::Silent => false,
            Resign::Audible if last_word => false,
            Resign::Always => true,
            Resign::Audible => s.config.instance(self.id).audible_yield || why == Reason::Drained,
        };
        if says_so {
            self.send_advert(s, Priority::RELEASE);
        }
        if let Some(drain) = &mut self.drain {
            drain.over = true;
        }
    }

    /// Whatever this router may have put on the host, by itself or before a crash.
    fn remove_everything(&mut self, s: &mut Surroundings<'_>) {
        self.uninstall_objects(s);
        self.remove_addresses(s);
        self.shut(s, false);
    }

    /// `no_accept`: the addresses are there for others to route through, not to be talked to.
    fn shut(&self, s: &mut Surroundings<'_>, on: bool) {
        let (instance, config) = (self.id, s.config.instance(self.id));
        if !config.refuses_access() {
            return;
        }
        let addresses = config.held_addresses().map(|a| a.address).collect();
        s.out.push_back(Output::Effect(if on {
            Effect::Shut {
                instance,
                addresses,
            }
        } else {
            Effect::Unshut {
                instance,
                addresses,
            }
        }));
    }
}
