//! Who a router has heard adverts from, for those who look at it. Nothing is decided by this.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Router;
use crate::event::StateKind;
use crate::fsm::{Heard, State};
use crate::ids::Priority;
use crate::rare::{Blank, Rare};
use crate::time::{Centis, Instant};

/// So many senders are remembered, the latest. Only masters send, so more are never there at once.
const PEERS_MAX: usize = 8;

/// Another router, by its last accepted advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its address.
    pub source: IpAddr,
    /// The priority it sent; 0 when it resigned.
    pub priority: Priority,
    /// The interval it advertises at.
    pub interval: Centis,
    /// When.
    pub at: Instant,
    /// We were master then, and stayed it.
    pub(crate) rival: bool,
}

/// The memory. The one that is heard all the time is at hand; others take memory when they come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Peers {
    latest: Option<Seen>,
    others: Rare<Vec<Seen>>,
}

impl Blank for Vec<Seen> {
    fn blank() -> &'static Self {
        static BLANK: Vec<Seen> = Vec::new();
        &BLANK
    }
}

impl Peers {
    pub(super) fn note(&mut self, heard: &Heard, at: Instant, rival: bool) {
        let seen = Seen {
            source: heard.source,
            priority: heard.priority,
            interval: heard.interval,
            at,
            rival,
        };
        let Some(before) = self.latest.replace(seen) else {
            return;
        };
        if before.source != seen.source {
            self.keep(before, seen.source);
        }
    }

    /// Sets `before` aside, in place of whoever is at hand now, or of the one not heard for longest.
    fn keep(&mut self, before: Seen, latest: IpAddr) {
        let others = &mut *self.others;
        if let Some(place) = others.iter_mut().find(|s| s.source == latest) {
            *place = before;
        } else if others.len() + 1 < PEERS_MAX {
            others.reserve_exact(1);
            others.push(before);
        } else if let Some(oldest) = others.iter_mut().min_by_key(|s| s.at) {
            *oldest = before;
        }
    }

    /// All of them, the latest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Seen> + Clone {
        self.latest.iter().chain(self.others.iter())
    }
}

impl Router {
    /// An accepted advert has been handled.
    pub(super) fn note_peer(&mut self, heard: &Heard, now: Instant) {
        let rival = self.state.kind() == StateKind::Master;
        self.stats.resignations += u64::from(heard.priority == Priority::RELEASE);
        self.peers.note(heard, now, rival);
    }

    /// The router whose adverts this backup goes by: the master, or one of lower rank that it is about to
    /// replace.
    pub(crate) fn listens_to(&self) -> Option<Heard> {
        let State::Backup(backup) = self.state else {
            return None;
        };
        let gone = |heard: &Heard| backup.resigned == Some(heard.source);
        let of_lower_rank = backup.outranked.filter(|heard| !gone(heard));
        of_lower_rank.or_else(|| backup.master.filter(|heard| !gone(heard)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(last_octet: u8) -> Heard {
        Heard {
            source: IpAddr::from([192, 0, 2, last_octet]),
            priority: Priority(100),
            interval: Centis::new(100).expect("not zero"),
        }
    }

    #[test]
    fn at_most_eight_are_remembered_each_once_and_the_latest_stay() {
        let mut peers = Peers::default();
        for n in 1..=100_u8 {
            let at = Instant::from_millis(n.into());
            peers.note(&heard(n), at, false);
            peers.note(&heard(n.saturating_sub(1).max(1)), at, false);
            peers.note(&heard(n), at, false);
        }
        let mut known: Vec<IpAddr> = peers.iter().map(|seen| seen.source).collect();
        assert_eq!(known.first(), Some(&heard(100).source));
        known.sort();
        let expected: Vec<IpAddr> = (93..=100).map(|n| heard(n).source).collect();
        assert_eq!(known, expected);
    }
}
