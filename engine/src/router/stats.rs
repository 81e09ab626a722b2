//! Counters of one virtual router.

use core::ops::Index;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::accept::Discard;
use crate::event::{Announcement, Reason, StateKind};
use crate::time::Instant;
use crate::wire::ChecksumForm;

/// Between two reports of discarded packets: they are counted one by one, but reported rarely.
const REPORT_PAUSE: Duration = Duration::from_secs(1);

/// What a virtual router has counted since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Adverts sent, resignations included.
    pub sent: u64,
    /// Of these with priority 0.
    pub resigned: u64,
    /// Packets for this VRID, discarded ones included.
    pub received: u64,
    /// Accepted adverts with priority 0.
    pub resignations: u64,
    /// Accepted adverts that list other addresses than ours.
    pub addresses_differed: u64,
    /// Accepted adverts whose checksum is of the message alone: all of VRRPv2, and of VRRPv3 over
    /// IPv4 those of routers that go by RFC 9568 5.2.8 (`v3_checksum_as_v2`).
    pub summed_alone: u64,
    /// Accepted adverts whose checksum includes the pseudo-header.
    pub summed_with_pseudo_header: u64,
    /// Times it became master.
    pub became_master: u64,
    /// Times it stopped being master.
    pub released_master: u64,
    /// Discarded packets by [`Discard::index`].
    pub discarded: Tally,
    /// Announcements of all addresses, by [`Announcement::index`]: one for each burst.
    pub announced: Tally,
    /// Single announcements (gratuitous ARPs, neighbour advertisements), also those that still wait
    /// for their turn.
    pub announcements: u64,
    /// Prolonged leases: one for each address and refresh.
    pub refreshed: u64,
    /// How late the last deadline was honoured.
    pub late_last: Duration,
    /// The same of the latest one ever.
    pub late_most: Duration,
    transitions: Vec<Transitions>,
    reported_at: Option<Instant>,
}

/// How often a virtual router changed to a state for a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transitions {
    /// The new state.
    pub to: StateKind,
    /// [`Reason::index`].
    why: u8,
    /// How often.
    pub count: u64,
}

/// Counters by small numbers, most of which are zero: only the others take memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally(Vec<(u8, u64)>);

impl Transitions {
    /// The reason as one word ([`Reason::label`]).
    pub fn why(&self) -> &'static str {
        Reason::label_at(self.why)
    }
}

impl Tally {
    /// What isn't zero, in order.
    pub fn iter(&self) -> impl Iterator<Item = (usize, u64)> {
        self.0
            .iter()
            .map(|(key, count)| (usize::from(*key), *count))
    }

    /// The sum.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// One more. Takes memory the first time only.
    fn add(&mut self, key: usize) {
        let key = u8::try_from(key).expect("tables of counters are short");
        match self.0.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(at) => self.0[at].1 += 1,
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (key, 1));
            }
        }
    }
}

impl Index<usize> for Tally {
    type Output = u64;

    fn index(&self, key: usize) -> &u64 {
        let found = self.0.iter().find(|(known, _)| usize::from(*known) == key);
        found.map_or(&0, |(_, count)| count)
    }
}

impl Stats {
    /// Adverts that were used.
    pub fn accepted(&self) -> u64 {
        self.received.saturating_sub(self.discarded.total())
    }

    /// How often the state changed, by the new state and the reason, in the order in which they first
    /// happened.
    pub fn transitions(&self) -> &[Transitions] {
        &self.transitions
    }

    pub(super) fn count_discard(&mut self, why: Discard) {
        self.discarded.add(why.index());
    }

    pub(super) fn count_burst(&mut self, why: Announcement) {
        self.announced.add(why.index());
    }

    pub(super) fn count_transition(&mut self, from: StateKind, to: StateKind, why: &Reason) {
        let why = why.index();
        let became = from != StateKind::Master && to == StateKind::Master;
        let released = from == StateKind::Master && to != StateKind::Master;
        self.became_master += u64::from(became);
        self.released_master += u64::from(released);
        let mut known = self.transitions.iter_mut();
        match known.find(|t| t.to == to && t.why == why) {
            Some(transitions) => transitions.count += 1,
            None => {
                self.transitions.reserve_exact(1);
                let count = 1;
                self.transitions.push(Transitions { to, why, count });
            }
        }
    }

    pub(super) fn note_lateness(&mut self, late: Duration) {
        self.late_last = late;
        self.late_most = self.late_most.max(late);
    }

    /// Counts the checksum of an accepted advert.
    pub(super) fn count_checksum(&mut self, form: ChecksumForm) {
        match form {
            ChecksumForm::Message => self.summed_alone += 1,
            ChecksumForm::PseudoHeader => self.summed_with_pseudo_header += 1,
        }
    }

    /// Whether a discard may be reported now; if so, the next ones may not for a second.
    pub(super) fn may_report(&mut self, now: Instant) -> bool {
        let may = self.reported_at.is_none_or(|at| now >= at + REPORT_PAUSE);
        if may {
            self.reported_at = Some(now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_counts_by_number_and_lists_what_is_not_zero_in_order() {
        let mut tally = Tally::default();
        for key in [7, 2, 7, 200, 7] {
            tally.add(key);
        }
        assert_eq!((tally[7], tally[2], tally[3]), (3, 1, 0));
        assert_eq!(tally.iter().collect::<Vec<_>>(), [(2, 1), (7, 3), (200, 1)]);
        assert_eq!(tally.total(), 5);
    }
}
