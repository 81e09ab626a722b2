//! T0: at most one master per segment, from the universal bound `4A + 3L` after the last change
//! of its environment on.
//!
//! `preempt_delay` is added: an overthrow that it has put off makes two masters for the time that
//! an advert takes. Two owners never resolve; they are a configuration error.

use locum_engine::Instant;

use super::settling::{Pending, Settling, clean, key, masters, names};
use super::tracker::Tracker;
use super::{Oracle, Verdict};
use crate::record::Record;

/// The oracle.
#[derive(Default)]
pub(super) struct Uniqueness {
    verdict: Verdict,
    settling: Settling,
}

impl Oracle for Uniqueness {
    fn name(&self) -> &'static str {
        "T0"
    }

    fn property(&self) -> &'static str {
        "at most one master per segment"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        self.settling
            .review(world, to, &mut self.verdict, |verdict, found| {
                for segment in clean(world, verdict) {
                    verdict.checked();
                    let masters = masters(world, segment);
                    if masters.len() > 1 {
                        found.push(Pending {
                            key: key(segment),
                            who: masters.first().copied(),
                            from: segment.since,
                            until: segment.at_rest(),
                            what: format!("{} are master at once", names(world, &masters)),
                        });
                    }
                }
            });
    }

    fn observe(&mut self, _: &Tracker, _: &Record) {}

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
