//! The wall clock as the engine was last told it.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Instant;

/// Since 1970, and the instant at which that was so.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Utc {
    told: Duration,
    at: Instant,
}

impl Utc {
    /// It is now `utc` after 1970.
    pub(crate) fn set(&mut self, now: Instant, utc: Duration) {
        (self.told, self.at) = (utc, now);
    }

    /// What it says now. Never told, it is 1970: stamps of the present are then refused, not
    /// believed.
    pub(crate) fn at(self, now: Instant) -> Duration {
        self.told.saturating_add(now.saturating_since(self.at))
    }
}
