//! The engine: all virtual routers and checks of one daemon behind one input, one output and one
//! deadline.
//!
//! The contract is quinn's and str0m's: hand over one [`Input`], drain [`Engine::poll_output`] to
//! `None`, ask [`Engine::poll_timeout`], wait. Nothing fails: a bad packet is counted and reported.

mod checkpoint;
mod deadlines;
mod holders;
mod link;
mod reload;

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::addressees::Addressees;
use crate::config::{Config, ObjectId};
use crate::event::Event;
use crate::fixtures::Fixtures;
use crate::group::Groups;
use crate::ids::{InstanceId, InterfaceId, Vrid};
use crate::input::{Command, Datagram, Input};
use crate::lateness::Lateness;
use crate::lease::{AT_ONCE, Refreshes};
use crate::links::Links;
use crate::output::Output;
use crate::pacing::{Pacer, Stage};
use crate::router::accept::Discard;
use crate::router::{Router, Surroundings};
use crate::status::Strays;
use crate::time::Instant;
use crate::track::Checks;
use crate::utc::Utc;
use crate::wire;

pub use checkpoint::Unrestorable;

use deadlines::Deadlines;
use holders::Holders;

/// Room for so many outputs is kept.
const OUT_KEPT: usize = 1024;

/// All virtual routers and checks of one daemon.
#[derive(Debug)]
pub struct Engine {
    pub(crate) config: Arc<Config>,
    pub(crate) routers: Vec<Router>,
    pub(crate) groups: Groups,
    pub(crate) checks: Checks,
    pub(crate) fixtures: Fixtures,
    pacer: Pacer,
    refreshes: Refreshes,
    pub(crate) links: Links,
    addressees: Addressees,
    holders: Holders,
    /// Kept by [`Engine::one`].
    deadlines: Deadlines,
    pub(crate) now: Instant,
    utc: Utc,
    /// Some instance has `auth_hmac`.
    stamps: bool,
    pub(crate) running: bool,
    /// `vrrp_startup_delay`: the routers start then.
    pub(crate) starts_at: Option<Instant>,
    pub(crate) strays: Strays,
    pub(crate) lateness: Lateness,
    pub(crate) reloads: u64,
    /// VRIDs that `log_unknown_vrids` has told of.
    unknown: BTreeSet<(InterfaceId, Vrid)>,
    /// How long the machine had been up before [`Command::Start`].
    uptime: Duration,
    asked: u64,
    pub(crate) out: VecDeque<Output>,
}

/// When the engine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// [`Input::Timeout`] is due at this time.
    pub at: Instant,
}

impl Engine {
    /// An engine that has not started. Tell it of the links, then [`Command::Start`].
    ///
    /// # Panics
    /// When the configuration has more than 65,536 instances.
    pub fn new(config: impl Into<Arc<Config>>) -> Self {
        let config = config.into();
        let groups = Groups::new(&config);
        Self {
            routers: ids(&config)
                .map(|id| {
                    let grouped = groups.is_grouped(id);
                    Router::new(id, config.instance(id), grouped, Instant::ZERO)
                })
                .collect(),
            groups,
            checks: Checks::new(&config),
            fixtures: Fixtures::default(),
            pacer: Pacer::new(&config),
            refreshes: Refreshes::new(config.instances.len()),
            links: Links::new(&config),
            addressees: Addressees::new(&config),
            holders: Holders::new(&config),
            deadlines: Deadlines::new(config.instances.len()),
            now: Instant::ZERO,
            utc: Utc::default(),
            stamps: config.instances.iter().any(|i| i.hmac.is_some()),
            running: false,
            starts_at: None,
            strays: Strays::default(),
            lateness: Lateness::default(),
            reloads: 0,
            unknown: BTreeSet::new(),
            uptime: Duration::ZERO,
            asked: 0,
            out: VecDeque::new(),
            config,
        }
    }

    /// Tells it for how long the machine has been up, for `vrrp_delay_after_boot`. Zero otherwise.
    #[must_use]
    pub fn with_uptime(self, uptime: Duration) -> Self {
        Self { uptime, ..self }
    }

    /// How long the machine had been up when it was made, as it was told.
    pub(crate) fn uptime(&self) -> Duration {
        self.uptime
    }

    /// The configuration it runs on.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The same, shared.
    pub(crate) fn shared_config(&self) -> Arc<Config> {
        Arc::clone(&self.config)
    }

    /// How often a router was asked to do something: what an input costs. Not part of the state.
    pub fn asked(&self) -> u64 {
        self.asked
    }

    /// Whether anything depends on [`Input::Utc`].
    pub fn wants_utc(&self) -> bool {
        self.stamps
    }

    /// Takes one input. Drain [`Engine::poll_output`] before the next. A `now` before that of an
    /// earlier call is taken for the earlier one: time doesn't go back.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.now = self.now.max(now);
        match input {
            Input::Timeout => self.timeout(),
            Input::Utc(utc) => self.utc.set(self.now, utc),
            Input::Receive(datagram) => self.receive(&datagram),
            Input::Link { interface, state } => self.link(interface, state),
            Input::Source { address, present } => self.source(address, present),
            Input::AddressRemoved { interface, address } => {
                let (config, now) = (&self.config, self.now);
                if self
                    .fixtures
                    .address_removed(config, interface, address, now)
                {
                    self.fixtures_changed();
                }
                for id in self.holders.of(address) {
                    let instance = self.config.instance(id);
                    if instance.held_addresses().any(|a| a.interface == interface) {
                        self.one(id, |router, s| router.address_removed(s, address));
                    }
                }
            }
            Input::ObjectRemoved(object) => self.object_removed(object),
            Input::ObjectRefused(object) => self.object_refused(object),
            Input::StaticAddressRefused(index) => {
                self.fixtures.address_refused(index, self.now);
                self.reconsider_all();
            }
            Input::AddressRefused { instance, address } => {
                self.one(instance, |router, s| router.address_refused(s, address));
            }
            Input::CheckDone { check, outcome } => {
                let (config, now) = (&self.config, self.now);
                if self.checks.done(config, now, check, outcome, &mut self.out) {
                    self.reconsider_all();
                }
            }
            Input::FileValue { file, value } => {
                if self.checks.file_read(file, value, &mut self.out) {
                    self.reconsider_all();
                }
            }
            Input::ProcessCount { process, count } => {
                let (config, now) = (&self.config, self.now);
                if self
                    .checks
                    .counted(config, now, process, count, &mut self.out)
                {
                    self.reconsider_all();
                }
            }
            Input::Command(command) => self.command(command),
        }
        self.settle_groups();
    }

    /// The next thing to do, or `None` when all is said. The order matters; see [`Output`].
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.out.pop_front();
        if output.is_none() && self.out.capacity() > OUT_KEPT {
            // The start of very many instances; nothing else says so much at once.
            self.out = VecDeque::new();
        }
        output
    }

    /// The next deadline, or `None` when only an input can change anything. May change after every
    /// [`Engine::handle`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Wake> {
        let router = self.deadlines.next();
        let check = self.checks.deadline();
        let fixture = self.fixtures.deadline();
        let paced = self.pacer.deadline();
        let refresh = self.refreshes.deadline();
        let link = self.links.deadline();
        let all = [router, check, fixture, paced, refresh, link, self.starts_at];
        all.into_iter().flatten().min().map(|at| Wake { at })
    }

    fn timeout(&mut self) {
        while let Some((interface, before)) = self.links.due(self.now) {
            self.link_counts(interface, before, false);
        }
        self.fixtures_changed();
        if self.checks.timeout(&self.config, self.now, &mut self.out) {
            self.reconsider_all();
        }
        if self.starts_at.is_some_and(|at| self.now >= at) {
            self.starts_at = None;
            self.each(Router::start);
        }
        // Whoever has no turn this time has it next time: the deadline stays.
        for _ in 0..deadlines::AT_ONCE {
            let Some((at, id)) = self.deadlines.first_due(self.now) else {
                break;
            };
            self.lateness.note(self.now.saturating_since(at));
            self.one(id, |router, s| router.timeout_of(s, at));
            let next = self.deadlines.of(id);
            assert!(
                next.is_none_or(|next| next > self.now),
                "a deadline was not honoured"
            );
        }
        // Adverts first: whatever is due above never waits for an announcement.
        self.pacer.release(&mut Stage {
            now: self.now,
            config: &self.config,
            links: self.links.all(),
            out: &mut self.out,
        });
        for _ in 0..AT_ONCE {
            let Some(id) = self.refreshes.first_due(self.now) else {
                break;
            };
            self.one(id, Router::refresh);
        }
    }

    fn receive(&mut self, datagram: &Datagram<'_>) {
        match self.addressee(datagram) {
            Ok(id) => {
                self.weigh_contests(id);
                self.one(id, |router, s| router.receive(s, datagram));
                self.announce_along(id);
            }
            Err(why) => {
                self.strays.count(why);
                if why == Discard::UnknownVrid && self.config.log_unknown_vrids {
                    self.tell_of_stranger(datagram);
                }
            }
        }
    }

    /// Once for each VRID on an interface, so that no flood makes a flood of these.
    fn tell_of_stranger(&mut self, datagram: &Datagram<'_>) {
        let (interface, source) = (datagram.interface, datagram.source);
        let Some(vrid) = wire::peek_vrid(datagram.payload) else {
            return;
        };
        if self.unknown.insert((interface, vrid)) {
            let event = Event::UnknownVrid {
                interface,
                source,
                vrid,
            };
            self.out.push_back(Output::Event(event));
        }
    }

    fn addressee(&self, datagram: &Datagram<'_>) -> Result<InstanceId, Discard> {
        let message = wire::message(datagram.protocol, datagram.payload);
        let vrid = message.and_then(wire::peek_vrid);
        let vrid = vrid.ok_or(Discard::Truncated)?;
        let (config, links) = (&self.config, self.links.all());
        let found = self.addressees.find(config, links, datagram, vrid);
        found.ok_or(Discard::UnknownVrid)
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Start if self.running => {}
            Command::Start => {
                self.running = true;
                self.fixtures.start(&self.config, &mut self.out);
                self.checks.start(self.now);
                self.start_routers();
            }
            Command::Stop => {
                self.running = false;
                self.starts_at = None;
                self.checks.stop(&mut self.out);
                self.each(Router::stop);
                self.settle_groups();
                self.fixtures.stop(&self.config, &mut self.out);
                self.out.push_back(Output::Stopped);
            }
            Command::Drain { instance, within } => {
                self.these(instance, |router, s| router.drain(s, within));
            }
            Command::Resume { instance } => self.these(instance, Router::resume),
            Command::SetPriority { instance, priority } => {
                self.one(instance, |router, s| router.set_priority(s, priority));
            }
            Command::Reload(config) => self.reload(*config),
        }
    }

    /// At once, or after `vrrp_startup_delay` and `vrrp_delay_after_boot`. Checks run meanwhile, and adverts aren't heard.
    fn start_routers(&mut self) {
        let since_boot = self.config.delay_after_boot.saturating_sub(self.uptime);
        let by = self.config.startup_delay.max(since_boot);
        if by.is_zero() {
            return self.each(Router::start);
        }
        self.starts_at = Some(self.now + by);
        self.each(Router::clean_up);
        self.out
            .push_back(Output::Event(Event::StartDelayed { by }));
    }

    fn object_removed(&mut self, object: ObjectId) {
        match object.owner {
            Some(id) => self.one(id, |router, s| router.object_removed(s, object.index)),
            None => {
                let (config, now) = (&self.config, self.now);
                self.fixtures.object_removed(config, object.index, now);
                self.fixtures_changed();
            }
        }
    }

    fn object_refused(&mut self, object: ObjectId) {
        match object.owner {
            Some(id) => self.one(id, |router, s| router.object_refused(s, object.index)),
            None => {
                self.fixtures.object_refused(object.index, self.now);
                let event = Event::ObjectRefused { object };
                self.out.push_back(Output::Event(event));
                self.reconsider_all();
            }
        }
    }

    /// Puts back what may be put back now; whoever depends on the rest goes to fault.
    fn fixtures_changed(&mut self) {
        let (config, now) = (&self.config, self.now);
        let put_back = self.fixtures.timeout(config, now, &mut self.out);
        if !self.config.statics.tracked.is_empty() || put_back {
            self.reconsider_all();
        }
    }

    fn reconsider_all(&mut self) {
        self.each(Router::reconsider);
    }

    fn these(
        &mut self,
        instance: Option<InstanceId>,
        mut act: impl FnMut(&mut Router, &mut Surroundings<'_>),
    ) {
        match instance {
            Some(id) => {
                for id in self.with_partners(id) {
                    self.one(id, &mut act);
                }
            }
            None => self.each(act),
        }
    }

    fn each(&mut self, mut act: impl FnMut(&mut Router, &mut Surroundings<'_>)) {
        for i in 0..self.routers.len() {
            let id = self.routers[i].id();
            self.one(id, &mut act);
        }
    }

    /// Lets one router act and keeps its deadline.
    pub(crate) fn one(
        &mut self,
        id: InstanceId,
        mut act: impl FnMut(&mut Router, &mut Surroundings<'_>),
    ) {
        self.asked += 1;
        let router = &mut self.routers[id.index()];
        let before = router.face();
        let mut surroundings = Surroundings {
            now: self.now,
            utc: self.utc.at(self.now),
            config: &self.config,
            links: self.links.all(),
            sources: self.links.sources(),
            checks: &self.checks,
            fixtures: &self.fixtures,
            pacer: &mut self.pacer,
            out: &mut self.out,
        };
        act(router, &mut surroundings);
        self.groups.compare(id, before, router.face());
        self.refreshes.keep(id, router.refresh_at());
        self.deadlines
            .keep(id, router.is_master(), router.deadline());
    }
}

fn ids(config: &Config) -> impl Iterator<Item = InstanceId> + use<> {
    (0..config.instances.len())
        .map(|i| InstanceId(u16::try_from(i).expect("at most 65,536 instances")))
}
