//! T11: how long two hosts held an address at once because one of them was frozen or dead.
//!
//! A metric, never a failure: without fencing nobody can take an address from a machine that
//! doesn't listen. It tells what address leases are worth.

use core::time::Duration;

use locum_engine::Instant;
use locum_engine::time::Seconds;

use super::tracker::Tracker;
use super::{Oracle, Verdict};
use crate::record::Record;
use crate::topology::HostId;

/// The oracle.
pub(super) struct DoubleHold {
    verdict: Verdict,
    generation: u64,
    /// Since when, per class.
    since: Vec<Option<Instant>>,
    longest: Duration,
    total: Duration,
}

impl DoubleHold {
    pub(super) fn new(world: &Tracker) -> Self {
        Self {
            verdict: Verdict::default(),
            generation: 0,
            since: vec![None; world.classes.len()],
            longest: Duration::ZERO,
            total: Duration::ZERO,
        }
    }

    fn close(&mut self, class: usize, at: Instant) {
        if let Some(since) = self.since[class].take() {
            let lasted = at.saturating_since(since);
            self.verdict.checked();
            self.longest = self.longest.max(lasted);
            self.total += lasted;
            self.verdict.metric = Some(format!(
                "longest {}, in all {}",
                Seconds(self.longest),
                Seconds(self.total)
            ));
        }
    }
}

impl Oracle for DoubleHold {
    fn name(&self) -> &'static str {
        "T11"
    }

    fn property(&self) -> &'static str {
        "held by a dead or frozen node too"
    }

    fn elapse(&mut self, world: &Tracker, _: Instant) {
        if self.generation == world.generation {
            return;
        }
        self.generation = world.generation;
        for (i, class) in world.classes.iter().enumerate() {
            let holders = class.members.iter().map(|id| world.member(*id));
            let holders = holders.filter(|m| m.held > 0);
            let (all, dead) = holders.fold((0, 0), |(all, dead), m| {
                (all + 1, dead + usize::from(!world.host(m).acts()))
            });
            if all > 1 && dead > 0 {
                self.since[i].get_or_insert(world.now);
            } else {
                self.close(i, world.now);
            }
        }
    }

    fn observe(&mut self, _: &Tracker, _: &Record) {}

    /// Classes have other places now, and there may be more of them.
    fn reload(&mut self, world: &Tracker, _: HostId) {
        self.finish(world);
        self.since = vec![None; world.classes.len()];
    }

    fn finish(&mut self, world: &Tracker) {
        for class in 0..self.since.len() {
            self.close(class, world.now);
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
