//! Who should have taken over by now: what the oracles of the two timers, T3 and T4, have in common.

use locum_engine::Instant;
use locum_engine::event::{Event, Reason, StateKind};

use super::member::{Member, MemberId};
use super::tracker::Tracker;
use crate::record::{Observed, Record};

/// Members that are late, each reported once until its state changes.
pub(super) struct Overdue {
    reported: Vec<bool>,
    generation: u64,
    /// Nobody is due earlier.
    due: Instant,
}

impl Overdue {
    pub(super) fn new(world: &Tracker) -> Self {
        Self {
            reported: vec![false; world.members.len()],
            generation: 0,
            due: Instant::ZERO,
        }
    }

    /// Who is late at `to`, and since when; `latest` says when a member has to have taken over, if it
    /// has to.
    pub(super) fn late<'a>(
        &mut self,
        world: &'a Tracker,
        to: Instant,
        latest: impl Fn(&Tracker, &Member) -> Option<Instant>,
    ) -> Vec<(&'a Member, Instant)> {
        let mut late = Vec::new();
        if world.generation == self.generation && to <= self.due {
            return late;
        }
        self.generation = world.generation;
        self.due = Instant::FAR_FUTURE;
        for (id, member) in world.all() {
            let Some(due) = latest(world, member).filter(|_| !self.reported[id.0]) else {
                continue;
            };
            if due >= to {
                self.due = self.due.min(due);
                continue;
            }
            self.reported[id.0] = true;
            late.push((member, due));
        }
        late
    }

    /// A record may be a member's takeover: says whose, and why.
    pub(super) fn takeover(
        &mut self,
        world: &Tracker,
        record: &Record,
    ) -> Option<(MemberId, Reason)> {
        let Observed::Engine(host, event) = &record.what else {
            return None;
        };
        let Event::StateChanged {
            instance,
            from,
            to,
            why,
        } = event
        else {
            return None;
        };
        let id = world.id(*host, *instance);
        self.reported[id.0] = false;
        let taken = (*from, *to) == (StateKind::Backup, StateKind::Master);
        taken.then_some((id, *why))
    }
}
