//! What a scenario expects of its run, as data. [`check`](crate::check()) holds it against the
//! records.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

use locum_engine::Instant;
use locum_engine::event::StateKind;
use locum_engine::ids::InstanceId;
use locum_sim::topology::HostId;

/// The longest time for which two hosts may hold an address without it being a double master: in
/// every handover to a master of higher priority the old one hears of it one network delay later.
pub const HANDOVER: Duration = Duration::from_millis(10);

/// One expectation, with the words it was written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// As it stands in the file, on one line.
    pub text: Arc<str>,
    /// The line in the file, from 1.
    pub line: u32,
    /// What it means.
    pub what: Expected,
}

/// A stretch of the run: from its first instant up to, but not including, its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Included.
    pub from: Instant,
    /// Not included.
    pub to: Instant,
}

impl Window {
    /// Whether an instant lies in it.
    pub fn contains(self, at: Instant) -> bool {
        self.from <= at && at < self.to
    }

    /// One instant.
    pub fn instant(at: Instant) -> Self {
        let to = at + Duration::from_nanos(1);
        Self { from: at, to }
    }
}

/// A span's lower and upper bound, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// At least.
    pub at_least: Option<Duration>,
    /// At most.
    pub at_most: Option<Duration>,
}

impl Bounds {
    /// Whether a span lies between them.
    pub fn admit(self, span: Duration) -> bool {
        self.at_least.is_none_or(|least| span >= least)
            && self.at_most.is_none_or(|most| span <= most)
    }
}

/// What a daemon sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// An advert of a master that means to stay; to several peers it counts once.
    Advert,
    /// An advert of priority 0.
    Resignation,
    /// The announcement of one address.
    Announcement,
}

impl Sent {
    /// All, with their words.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("advert", Self::Advert),
        ("resignation", Self::Resignation),
        ("announcement", Self::Announcement),
    ];
}

/// What can be expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Exactly these hosts hold the address, all the time.
    Holders {
        /// The virtual address.
        address: IpAddr,
        /// When.
        within: Window,
        /// Who; empty for nobody.
        hosts: BTreeSet<HostId>,
    },
    /// The longest outage of a client that ends, or is still going on at the end, in the window.
    /// No outage counts as zero.
    LongestOutage {
        /// Who pings.
        client: HostId,
        /// When.
        within: Window,
        /// How long.
        bounds: Bounds,
    },
    /// The longest time for which several hosts hold the address. None counts as zero.
    DoubleMaster {
        /// The virtual address.
        address: IpAddr,
        /// When.
        within: Window,
        /// How long.
        bounds: Bounds,
    },
    /// A node is in this state all the time; `None` when its daemon isn't running.
    State {
        /// The node.
        node: HostId,
        /// Its virtual router.
        instance: InstanceId,
        /// When.
        within: Window,
        /// Which.
        state: Option<StateKind>,
    },
    /// A transition happens, or doesn't.
    Transition {
        /// The node.
        node: HostId,
        /// Its virtual router.
        instance: InstanceId,
        /// When.
        within: Window,
        /// To which state.
        to: StateKind,
        /// For which reason, as in [`words::REASONS`](crate::words::REASONS); any when absent.
        because: Option<&'static str>,
        /// How often; `None` for at least once.
        times: Option<u32>,
    },
    /// A node's daemon sends something, so often.
    Sends {
        /// The node.
        node: HostId,
        /// Its virtual router.
        instance: InstanceId,
        /// When.
        within: Window,
        /// What.
        what: Sent,
        /// How often; `None` for at least once.
        times: Option<u32>,
    },
    /// No transition at all.
    Quiet {
        /// Of this node; of any when absent.
        node: Option<HostId>,
        /// When.
        within: Window,
    },
}
