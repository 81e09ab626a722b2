//! Counters of one virtual router.

use core::time::Duration;

use super::accept::Discard;
use crate::time::Instant;

/// Between two reports of discarded packets: they are counted one by one, but reported rarely.
const REPORT_PAUSE: Duration = Duration::from_secs(1);

/// What a virtual router has counted since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Adverts sent, resignations included.
    pub sent: u64,
    /// Of these with priority 0.
    pub resigned: u64,
    /// Packets for this VRID, discarded ones included.
    pub received: u64,
    /// Times it became master.
    pub became_master: u64,
    /// Discarded packets by [`Discard::index`].
    pub discarded: [u64; Discard::COUNT],
    reported_at: Option<Instant>,
}

impl Stats {
    /// Whether a discard may be reported now; if so, the next ones may not for a second.
    pub(super) fn may_report(&mut self, now: Instant) -> bool {
        let may = self.reported_at.is_none_or(|at| now >= at + REPORT_PAUSE);
        if may {
            self.reported_at = Some(now);
        }
        may
    }
}
