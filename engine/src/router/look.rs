//! What can be seen of a router from outside.

use super::{Drain, Entered, Router, Seen, Stats};
use crate::fsm::State;
use crate::ids::Priority;
use crate::time::Instant;

impl Router {
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn entered(&self) -> Entered {
        self.entered
    }

    pub(crate) fn priority(&self) -> Priority {
        self.priority
    }

    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    pub(crate) fn drain_state(&self) -> Option<Drain> {
        self.drain
    }

    /// Whom it has heard, the latest first.
    pub(crate) fn peers(&self) -> impl Iterator<Item = &Seen> + Clone {
        self.peers.iter()
    }

    /// When addresses are announced next; refreshes are due with an advert.
    pub(crate) fn announces_at(&self) -> Option<Instant> {
        self.announcer.next()
    }
}
