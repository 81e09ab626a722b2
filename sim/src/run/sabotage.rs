//! Planted bugs, at the seam between a router's driver and its world.
//!
//! An oracle that was never seen to fail proves nothing. Each [`Bug`] makes one router misbehave in
//! one way, without a line of it in the engine; the tests show which oracle notices.

use core::net::IpAddr;
use core::time::Duration;
use std::sync::Arc;

use locum_engine::config::{Config, ObjectId, Preempt};
use locum_engine::driver::Received;
use locum_engine::ids::{InterfaceId, Priority};
use locum_engine::{Effect, Instant, Outcome, Transmit};

/// How a router misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// Addresses are never removed.
    KeepsAddresses,
    /// Routes and rules are never removed.
    KeepsRoutes,
    /// Routes and rules are never put up.
    ForgetsRoutes,
    /// Addresses are never added.
    ForgetsAddresses,
    /// Addresses are added for ever, whatever lease they should have.
    NeverExpires,
    /// Addresses are leased, and not refreshed.
    LetsExpire,
    /// Every second advert isn't sent.
    SkipsAdverts,
    /// Announcements aren't sent.
    NeverAnnounces,
    /// Announcements are sent on becoming master only.
    AnnouncesTakeoversOnly,
    /// Says that it resigns before it removes its addresses, as keepalived does.
    ResignsFirst,
    /// Doesn't say that it resigns.
    NeverResigns,
    /// Uses adverts that came from another network.
    BelievesAnyTtl,
    /// Hears no advert.
    Deaf,
    /// Hears one advert in five.
    Inattentive,
    /// Its timers run out in half the time.
    Hasty,
    /// Wakes up 700 ms late.
    Sluggish,
    /// Preempts although it is told not to.
    Pushy,
    /// Doesn't preempt although it should.
    Modest,
    /// An owner that starts as a mere backup.
    TimidOwner,
    /// Takes every failed check for a good one.
    IgnoresChecks,
    /// After one failed run, takes every run for failed.
    BearsAGrudge,
    /// Its virtual routers go their own ways in spite of their group.
    Disunited,
    /// Its timers don't wake it.
    Dozes,
    /// Advertises once more when it reloads, whatever has changed, as keepalived does.
    ChattersOnReload,
    /// Takes its addresses away and puts them back when it reloads.
    ShufflesOnReload,
    /// The same of its routes and rules.
    ShufflesRoutesOnReload,
    /// Panics when it first has something to say.
    Dies,
}

const LATENESS: Duration = Duration::from_millis(700);

/// One router's bug, with what it has to remember.
#[derive(Clone, Debug, Default)]
pub(super) struct Sabotage {
    bug: Option<Bug>,
    count: u32,
    held_back: Vec<(InterfaceId, IpAddr)>,
    last_advert: Option<Transmit>,
    held: Vec<IpAddr>,
    installed: Vec<ObjectId>,
}

impl Sabotage {
    pub(super) fn new(bug: Bug) -> Self {
        Self {
            bug: Some(bug),
            ..Self::default()
        }
    }

    fn is(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// What the router reads as its configuration.
    pub(super) fn tamper(&self, config: &mut Option<Arc<Config>>) {
        let Some(config) = config else { return };
        if self.is(Bug::Disunited) {
            Arc::make_mut(config).groups.clear();
        }
        for instance in &mut Arc::make_mut(config).instances {
            match self.bug {
                Some(Bug::Pushy) => instance.preempt = Preempt::Always,
                Some(Bug::Modest) => instance.preempt = Preempt::Never,
                Some(Bug::TimidOwner) => instance.priority = Priority(254),
                _ => {}
            }
        }
    }

    /// What the router takes for the time.
    pub(super) fn clock(&self, now: Instant) -> Instant {
        if self.is(Bug::Hasty) {
            Instant::from_nanos(now.as_nanos() * 2)
        } else {
            now
        }
    }

    /// When the router is woken who wants to be woken at `until`.
    pub(super) fn alarm(&self, until: Instant) -> Instant {
        match self.bug {
            Some(Bug::Hasty) => Instant::from_nanos(until.as_nanos().div_ceil(2)),
            Some(Bug::Sluggish) => until + LATENESS,
            Some(Bug::Dozes) => until + Duration::from_secs(1000),
            _ => until,
        }
    }

    /// What the router hears of a packet, if it does.
    pub(super) fn hear(&mut self, mut packet: Received, _payload: &mut [u8]) -> Option<Received> {
        match self.bug {
            Some(Bug::Deaf) => return None,
            Some(Bug::Inattentive) => {
                self.count += 1;
                if !self.count.is_multiple_of(5) {
                    return None;
                }
            }
            Some(Bug::BelievesAnyTtl) => packet.ttl = 255,
            _ => {}
        }
        Some(packet)
    }

    /// What the router sends, and which addresses it removes after that.
    pub(super) fn say(
        &mut self,
        transmit: Transmit,
    ) -> (Option<Transmit>, Vec<(InterfaceId, IpAddr)>) {
        assert!(!self.is(Bug::Dies), "a planted bug");
        if let (true, Transmit::Advert { .. }) = (self.is(Bug::ChattersOnReload), &transmit) {
            self.last_advert = Some(transmit.clone());
        }
        let sent = match (&transmit, self.bug) {
            (
                Transmit::Advert {
                    priority: Priority::RELEASE,
                    ..
                },
                Some(Bug::NeverResigns),
            ) => false,
            (Transmit::Advert { .. }, Some(Bug::SkipsAdverts)) => {
                self.count += 1;
                !self.count.is_multiple_of(2)
            }
            (
                Transmit::GratuitousArp { .. } | Transmit::NeighbourAdvert { .. },
                Some(Bug::NeverAnnounces),
            ) => false,
            (
                Transmit::GratuitousArp { .. } | Transmit::NeighbourAdvert { .. },
                Some(Bug::AnnouncesTakeoversOnly),
            ) => {
                self.count = self.count.saturating_sub(1);
                self.count > 0
            }
            _ => true,
        };
        (
            sent.then_some(transmit),
            std::mem::take(&mut self.held_back),
        )
    }

    /// What the router says because it reloads.
    pub(super) fn chatter(&self) -> Option<Transmit> {
        let again = self.last_advert.clone();
        again.filter(|_| self.is(Bug::ChattersOnReload))
    }

    /// The addresses that it takes away and puts back because it reloads.
    pub(super) fn shuffle(&self) -> Vec<IpAddr> {
        if self.is(Bug::ShufflesOnReload) {
            self.held.clone()
        } else {
            Vec::new()
        }
    }

    /// The routes and rules that it takes away and puts back because it reloads, at their old places.
    pub(super) fn shuffle_objects(&mut self) -> Vec<ObjectId> {
        std::mem::take(&mut self.installed)
    }

    /// What the router does to its host.
    pub(super) fn apply(&mut self, mut effect: Effect) -> Option<Effect> {
        if let (true, Effect::AddAddress { address, .. }) =
            (self.is(Bug::ShufflesOnReload), &effect)
        {
            self.held.push(address.address);
        }
        if let (true, Effect::Install { id, .. }) = (self.is(Bug::ShufflesRoutesOnReload), &effect)
        {
            self.installed.push(*id);
        }
        if let (Effect::AddAddress { lifetime, .. }, true) =
            (&mut effect, self.is(Bug::NeverExpires))
        {
            *lifetime = None;
        }
        match (&effect, self.bug) {
            (Effect::RefreshAddress { .. }, Some(Bug::NeverExpires | Bug::LetsExpire)) => None,
            (
                Effect::AddAddress { .. } | Effect::RefreshAddress { .. },
                Some(Bug::ForgetsAddresses),
            )
            | (Effect::RemoveAddress { .. }, Some(Bug::KeepsAddresses))
            | (Effect::Install { .. }, Some(Bug::ForgetsRoutes))
            | (Effect::Uninstall { .. }, Some(Bug::KeepsRoutes)) => None,
            (Effect::RemoveAddress { address, .. }, Some(Bug::ResignsFirst)) => {
                let held = (address.interface, address.address);
                self.held_back.push(held);
                None
            }
            (Effect::AddAddress { .. }, Some(Bug::AnnouncesTakeoversOnly)) => {
                // The burst of a takeover: five rounds, and one more for the comparison above.
                self.count = if self.count == 0 { 6 } else { self.count + 5 };
                Some(effect)
            }
            _ => Some(effect),
        }
    }

    /// What the router takes for the result of a check.
    pub(super) fn judge(&mut self, outcome: Outcome) -> Outcome {
        match self.bug {
            Some(Bug::IgnoresChecks) => Outcome::Success,
            Some(Bug::BearsAGrudge) => {
                self.count += u32::from(outcome != Outcome::Success);
                if self.count > 0 {
                    Outcome::Failure(1)
                } else {
                    outcome
                }
            }
            _ => outcome,
        }
    }
}
