//! When leased addresses are refreshed: spread over time, and never before adverts.
//!
//! Refreshes fall into slots, so that many instances wake the daemon, and make the kernel look
//! through its addresses, a few times a second only. Which slot is an instance's own follows from
//! its id: some neighbours share one, because the kernel walks along all addresses of an interface
//! for each refresh, and does so much faster when it has just been there; the next ones are far apart.

use core::time::Duration;
use std::collections::BTreeSet;

use crate::ids::InstanceId;
use crate::time::Instant;

/// Refreshes fall on multiples of this.
const SLOT: Duration = Duration::from_millis(20);
/// So many neighbours, as a power of two, are refreshed together.
const NEIGHBOURS: u32 = 6;
/// At most so many instances are refreshed in one go. Between two goes arrivals are read and
/// adverts that have become due are sent.
pub(crate) const AT_ONCE: usize = 64;

/// Which instances are refreshed when.
#[derive(Debug)]
pub(crate) struct Refreshes {
    due: BTreeSet<(Instant, InstanceId)>,
    /// The other side of `due`.
    scheduled: Vec<Option<Instant>>,
}

impl Refreshes {
    pub(crate) fn new(instances: usize) -> Self {
        Self {
            due: BTreeSet::new(),
            scheduled: vec![None; instances],
        }
    }

    /// Keeps what a router wants.
    pub(crate) fn keep(&mut self, id: InstanceId, wanted: Option<Instant>) {
        let scheduled = &mut self.scheduled[id.index()];
        if *scheduled == wanted {
            return;
        }
        // In this order a set of one never becomes empty, which would free its memory and take it again.
        if let Some(at) = wanted {
            self.due.insert((at, id));
        }
        if let Some(at) = *scheduled {
            self.due.remove(&(at, id));
        }
        *scheduled = wanted;
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The instance whose refresh has been due for longest.
    pub(crate) fn first_due(&self, now: Instant) -> Option<InstanceId> {
        self.due.first().filter(|(at, _)| *at <= now).map(|d| d.1)
    }
}

/// The first refresh after the addresses were added: within the second half of a `period`.
pub(crate) fn first(id: InstanceId, now: Instant, period: Duration) -> Instant {
    // The bits of a number in reverse: any few numbers in a row are spread evenly.
    let share = u32::from((id.0 >> NEIGHBOURS).reverse_bits());
    slot(now + period / 2 + period / 2 * share / 65_536)
}

/// The one after that, never later than a `period` from now.
pub(crate) fn next(now: Instant, period: Duration) -> Instant {
    slot(now + period)
}

/// The slot before.
fn slot(at: Instant) -> Instant {
    let length = u64::try_from(SLOT.as_nanos()).unwrap_or(1);
    Instant::from_nanos(at.as_nanos() / length * length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_thousand_first_refreshes_are_spread() {
        let now = Instant::from_millis(12_345);
        let period = Duration::from_secs(5) / 3;
        let mut slots = std::collections::BTreeMap::<Instant, usize>::new();
        for id in 0..4000 {
            let at = first(InstanceId(id), now, period);
            assert!(at > now && at <= now + period);
            *slots.entry(at).or_default() += 1;
        }
        let fullest = slots.values().max().copied();
        assert!(fullest <= Some(AT_ONCE * 2), "{fullest:?}");
        assert!(slots.len() >= 40, "{}", slots.len());
    }
}
