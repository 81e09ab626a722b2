//! A look at one instance.

use core::net::IpAddr;
use core::time::Duration;

use super::{Seen, Status, Tracker, tracked};
use crate::config::InstanceConfig;
use crate::event::{Reason, StateKind};
use crate::fsm::{State, master_down};
use crate::ids::{GroupId, InstanceId, Priority};
use crate::router::{Router, Stats};
use crate::time::{Centis, Instant};

/// One virtual router.
#[derive(Clone, Copy, Debug)]
pub struct InstanceView<'a> {
    pub(super) status: Status<'a>,
    pub(super) router: &'a Router,
}

/// Who holds the addresses, as far as this router knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Master {
    /// This router.
    Us {
        /// Where its adverts come from; `None` when the interface has no address.
        source: Option<IpAddr>,
        /// Its priority.
        priority: Priority,
    },
    /// Another one, which is heard.
    Other(Seen),
    /// Nobody is heard, the last master has resigned, or this router doesn't listen.
    Unknown,
}

/// A planned hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainState {
    /// Still master; resigns then, if nobody has taken over.
    HandingOver {
        /// When.
        until: Instant,
    },
    /// Not master any more, or wasn't; keeps the lowest priority until it is resumed.
    Over,
}

impl<'a> InstanceView<'a> {
    /// Its position.
    pub fn id(self) -> InstanceId {
        self.router.id()
    }

    /// Its configuration. Not to be shown as a whole: it holds passwords.
    pub fn config(self) -> &'a InstanceConfig {
        self.status.config().instance(self.id())
    }

    /// The name of the interface that it runs on.
    pub fn interface(self) -> &'a str {
        self.status.config().interface_name(self.config().interface)
    }

    /// Its state.
    pub fn state(self) -> StateKind {
        self.router.state().kind()
    }

    /// The state it would be in but for its partners: a backup whose timer has run out waits for
    /// theirs to be master.
    pub fn wanted(self) -> StateKind {
        match self.router.state() {
            State::Backup(backup) if backup.ripe => StateKind::Master,
            state => state.kind(),
        }
    }

    /// Since when it is in its state.
    pub fn since(self) -> Instant {
        self.router.entered().at
    }

    /// Why it came into its state. `None` before the first transition, and after a reload that took
    /// away what it was about.
    pub fn why(self) -> Option<Reason> {
        self.router.entered().why
    }

    /// What stands in its own way now, whatever its group says.
    pub fn obstacle(self) -> Option<Reason> {
        self.router.obstacle(self.status.sight())
    }

    /// Whether it has been told to take part.
    pub fn is_started(self) -> bool {
        self.router.is_started()
    }

    /// The priority before tracking: the operator's, or else the configured one.
    pub fn base_priority(self) -> Priority {
        self.router.base_priority(self.config())
    }

    /// The priority that it advertises.
    pub fn priority(self) -> Priority {
        self.router.priority()
    }

    /// Where its adverts come from.
    pub fn source(self) -> Option<IpAddr> {
        self.router.source(self.status.sight())
    }

    /// The master's advert interval, or our own when there is none.
    pub fn interval(self) -> Centis {
        match self.router.state() {
            State::Backup(backup) => backup.interval,
            State::Init | State::Master(_) | State::Fault => self.config().advert_interval,
        }
    }

    /// Who holds the addresses.
    pub fn master(self) -> Master {
        if self.state() == StateKind::Master {
            return Master::Us {
                source: self.source(),
                priority: self.priority(),
            };
        }
        let heard = self.router.listens_to();
        let seen = heard.and_then(|heard| self.peers().find(|peer| peer.source == heard.source));
        seen.map_or(Master::Unknown, |seen| Master::Other(*seen))
    }

    /// The routers that adverts were accepted from, the latest first. At most eight: only masters
    /// send.
    pub fn peers(self) -> impl Iterator<Item = &'a Seen> + Clone {
        self.router.peers()
    }

    /// Configured unicast peers from which nothing was accepted, as of backups that have always
    /// been that.
    pub fn silent_peers(self) -> impl Iterator<Item = IpAddr> + 'a {
        let unicast = self.config().unicast.as_ref();
        let configured = unicast.into_iter().flat_map(|u| &u.peers);
        let configured = configured.map(|peer| peer.address);
        configured.filter(move |address| self.peers().all(|seen| seen.source != *address))
    }

    /// Other routers that act as master while we do.
    pub fn rivals(self) -> impl Iterator<Item = &'a Seen> + Clone {
        let rules = self.state() == StateKind::Master;
        let acts = move |peer: &&Seen| {
            let now = self.status.now();
            rules
                && peer.rival
                && peer.priority != Priority::RELEASE
                && peer.at >= self.since()
                && now < self.contested_until(peer)
        };
        self.peers().filter(acts)
    }

    /// Until when a rival counts if it isn't heard again: its master-down time.
    pub fn contested_until(self, rival: &Seen) -> Instant {
        let config = self.config();
        let missed = config.tuning.down_timer_adverts;
        let span = master_down(config.version, rival.priority, rival.interval, missed);
        rival.at + span
    }

    /// The hand-over that the operator asked for.
    pub fn drain(self) -> Option<DrainState> {
        let drain = self.router.drain_state()?;
        let still = !drain.over && self.state() == StateKind::Master;
        let until = drain.until;
        Some(if still {
            DrainState::HandingOver { until }
        } else {
            DrainState::Over
        })
    }

    /// Its counters.
    pub fn stats(self) -> &'a Stats {
        self.router.stats()
    }

    /// When a backup takes over if it hears nothing; when a master advertises next.
    pub fn timer(self) -> Option<Instant> {
        self.router.state().deadline()
    }

    /// Its next deadline of any kind.
    pub fn deadline(self) -> Option<Instant> {
        self.router.deadline()
    }

    /// When a master announces its addresses next, on its own account.
    pub fn announces_at(self) -> Option<Instant> {
        self.router.announces_at()
    }

    /// When a master refreshes its leased addresses next.
    pub fn refreshes_at(self) -> Option<Instant> {
        self.router.refresh_at()
    }

    /// The time a backup waits for the master, from the last advert.
    pub fn master_down(self) -> Duration {
        let config = self.config();
        let missed = config.tuning.down_timer_adverts;
        master_down(config.version, self.priority(), self.interval(), missed)
    }

    /// Its group.
    pub fn group(self) -> Option<GroupId> {
        self.status.engine.groups.of(self.id())
    }

    /// What it tracks, and what that means for it now: checks, links, files, processes, each in the
    /// order of the configuration.
    pub fn trackers(self) -> impl Iterator<Item = Tracker> + 'a {
        tracked::of(self.status, self.config())
    }
}
