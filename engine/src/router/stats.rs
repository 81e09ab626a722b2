//! Counters of one virtual router.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::accept::Discard;
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
    /// Accepted adverts whose checksum is of the message alone: all of VRRPv2, and of VRRPv3 over
    /// IPv4 those of routers that go by RFC 9568 5.2.8 (`v3_checksum_as_v2`).
    pub summed_alone: u64,
    /// Accepted adverts whose checksum includes the pseudo-header.
    pub summed_with_pseudo_header: u64,
    /// Times it became master.
    pub became_master: u64,
    /// Discarded packets by [`Discard::index`].
    pub discarded: [u64; Discard::COUNT],
    reported_at: Option<Instant>,
}

impl Stats {
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
