//! A look at the engine: what every instance, group and tracker is, has been and has counted.
//!
//! Nothing is copied and nothing allocated: [`Status`] and what it hands out borrow the engine, and
//! iterators are in the order of the configuration. Whoever shows the daemon's state, in a table,
//! as metrics or in keepalived's dumps, looks here and nowhere else.
//!
//! Configurations are handed out as they are. They hold passwords and keys, which must not be
//! shown.

mod group;
mod instance;
mod tracked;

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::engine::Engine;
use crate::event::StateKind;
use crate::ids::{CheckId, FileId, GroupId, InstanceId, InterfaceId, Priority, ProcessId};
use crate::lateness::Lateness;
use crate::router::accept::Discard;
use crate::router::{Sight, Stats};
use crate::time::Instant;

pub use crate::router::{Seen, Tally, Transitions};
pub use crate::track::{Runs, Standing, Verdict};
pub use group::GroupView;
pub use instance::{DrainState, InstanceView, Master};
pub use tracked::{CheckView, FileView, LinkView, ProcessView, Tracked, Tracker};

/// The engine, to look at.
#[derive(Clone, Copy, Debug)]
pub struct Status<'a> {
    engine: &'a Engine,
}

/// Packets that belonged to none of our virtual routers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strays {
    /// Too short to tell for which virtual router they were.
    pub truncated: u64,
    /// Of a virtual router that isn't configured where they came in.
    pub unknown: u64,
}

impl Strays {
    pub(crate) fn count(&mut self, why: Discard) {
        match why {
            Discard::UnknownVrid => self.unknown += 1,
            _ => self.truncated += 1,
        }
    }

    /// All of them.
    pub const fn total(&self) -> u64 {
        self.truncated + self.unknown
    }
}

impl Engine {
    /// All there is to see.
    pub fn status(&self) -> Status<'_> {
        Status { engine: self }
    }

    /// Whose adverts have been good, on which interfaces, and who is configured as a peer there. Some
    /// come several times.
    pub fn senders(&self) -> impl Iterator<Item = (InterfaceId, IpAddr)> {
        self.routers.iter().flat_map(|router| {
            let config = self.config.instance(router.id());
            let peers = config.unicast.iter().flat_map(|u| &u.peers);
            let heard = router.peers().map(|seen| seen.source);
            let all = heard.chain(peers.map(|peer| peer.address));
            all.map(|source| (config.interface, source))
        })
    }

    /// State and effective priority of an instance.
    pub fn state(&self, instance: InstanceId) -> (StateKind, Priority) {
        let router = &self.routers[instance.index()];
        (router.state().kind(), router.priority())
    }

    /// Counters of an instance.
    pub fn stats(&self, instance: InstanceId) -> &Stats {
        self.routers[instance.index()].stats()
    }

    /// Packets that belonged to none of our virtual routers.
    pub fn strays(&self) -> u64 {
        self.strays.total()
    }
}

impl<'a> Status<'a> {
    /// The time of the last input.
    pub fn now(self) -> Instant {
        self.engine.now
    }

    /// The configuration it runs on.
    pub fn config(self) -> &'a Config {
        &self.engine.config
    }

    /// Started and not stopped.
    pub fn is_running(self) -> bool {
        self.engine.running
    }

    /// `vrrp_startup_delay`: the instances take part then.
    pub fn starts_at(self) -> Option<Instant> {
        self.engine.starts_at
    }

    /// The next deadline of all.
    pub fn deadline(self) -> Option<Instant> {
        self.engine.poll_timeout().map(|wake| wake.at)
    }

    /// How often it went on with another configuration.
    pub fn reloads(self) -> u64 {
        self.engine.reloads
    }

    /// How late deadlines were honoured.
    pub fn lateness(self) -> &'a Lateness {
        &self.engine.lateness
    }

    /// Packets that belonged to none of our virtual routers.
    pub fn strays(self) -> Strays {
        self.engine.strays
    }

    /// All instances.
    pub fn instances(self) -> impl ExactSizeIterator<Item = InstanceView<'a>> {
        let routers = self.engine.routers.iter();
        routers.map(move |router| InstanceView {
            status: self,
            router,
        })
    }

    /// One instance.
    pub fn instance(self, id: InstanceId) -> InstanceView<'a> {
        InstanceView {
            status: self,
            router: &self.engine.routers[id.index()],
        }
    }

    /// All groups.
    pub fn groups(self) -> impl Iterator<Item = GroupView<'a>> {
        let groups = self.config().groups();
        groups.map(move |(id, _)| self.group(id))
    }

    /// One group.
    pub fn group(self, id: GroupId) -> GroupView<'a> {
        GroupView { status: self, id }
    }

    /// All checks.
    pub fn checks(self) -> impl ExactSizeIterator<Item = CheckView<'a>> {
        let count = self.config().checks.len();
        (0..count).map(move |i| self.check(CheckId(i as u16)))
    }

    /// One check.
    pub fn check(self, id: CheckId) -> CheckView<'a> {
        CheckView { status: self, id }
    }

    /// All tracked files.
    pub fn files(self) -> impl ExactSizeIterator<Item = FileView<'a>> {
        let count = self.config().files.len();
        (0..count).map(move |i| self.file(FileId(i as u16)))
    }

    /// One tracked file.
    pub fn file(self, id: FileId) -> FileView<'a> {
        FileView { status: self, id }
    }

    /// All tracked processes.
    pub fn processes(self) -> impl ExactSizeIterator<Item = ProcessView<'a>> {
        let count = self.config().processes.len();
        (0..count).map(move |i| self.process(ProcessId(i as u16)))
    }

    /// One tracked process.
    pub fn process(self, id: ProcessId) -> ProcessView<'a> {
        ProcessView { status: self, id }
    }

    /// All interfaces.
    pub fn links(self) -> impl ExactSizeIterator<Item = LinkView<'a>> {
        let count = self.config().interfaces.len();
        (0..count).map(move |i| self.link(InterfaceId(i as u16)))
    }

    /// One interface.
    pub fn link(self, id: InterfaceId) -> LinkView<'a> {
        LinkView { status: self, id }
    }

    fn sight(self) -> Sight<'a> {
        let engine = self.engine;
        Sight {
            config: &engine.config,
            links: engine.links.all(),
            sources: engine.links.sources(),
            checks: &engine.checks,
            fixtures: &engine.fixtures,
        }
    }
}
