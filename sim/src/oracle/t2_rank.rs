//! T2: the master has the highest priority of its segment, from the universal bound and
//! `preempt_delay` after the last change on.
//!
//! An equal one may stay; whoever has `nopreempt` (and is no owner) waits for as long as it takes;
//! a router that is being drained ranks below all others.

use locum_engine::Instant;

use super::settling::{Pending, Settling, clean, key, overlooked};
use super::tracker::Tracker;
use super::{Oracle, Verdict};
use crate::record::Record;

/// The oracle.
#[derive(Default)]
pub(super) struct Rank {
    verdict: Verdict,
    settling: Settling,
}

impl Oracle for Rank {
    fn name(&self) -> &'static str {
        "T2"
    }

    fn property(&self) -> &'static str {
        "the master outranks its segment"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        self.settling
            .review(world, to, &mut self.verdict, |verdict, found| {
                for segment in clean(world, verdict).filter(|s| world.decides(s)) {
                    verdict.checked();
                    let Some((stronger, weaker)) = overlooked(world, segment) else {
                        continue;
                    };
                    let (strong, weak) = (world.member(stronger), world.member(weaker));
                    found.push(Pending {
                        key: key(segment),
                        who: Some(stronger),
                        from: segment.since,
                        until: segment.at_rest(),
                        what: format!(
                            "is backup with priority {} while {} is master with {}",
                            strong.priority,
                            world.name(weak),
                            weak.priority
                        ),
                    });
                }
            });
    }

    fn observe(&mut self, _: &Tracker, _: &Record) {}

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
