//! T5: two masters that hear each other settle it within one interval and two paths.
//!
//! The stronger one's next advert comes within its interval and makes the weaker one yield; the
//! weaker one's is answered at once. The grid counts at each of the four steps. Measured from the
//! moment at which both are master and their segment is clean.

use locum_engine::Instant;

use super::segment::Segment;
use super::settling::{Pending, Settling, clean, key, masters, names};
use super::tracker::Tracker;
use super::{Oracle, Verdict};
use crate::record::Record;

/// The oracle.
#[derive(Default)]
pub(super) struct Dual {
    verdict: Verdict,
    settling: Settling,
}

/// Since when the segment has had two masters.
fn began(world: &Tracker, segment: &Segment) -> Instant {
    let masters = masters(world, segment);
    let mut since: Vec<Instant> = masters.iter().map(|id| world.member(*id).since).collect();
    since.sort();
    since[1].max(segment.since)
}

impl Oracle for Dual {
    fn name(&self) -> &'static str {
        "T5"
    }

    fn property(&self) -> &'static str {
        "two masters settle it"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        self.settling
            .review(world, to, &mut self.verdict, |verdict, found| {
                for segment in clean(world, verdict) {
                    let masters = masters(world, segment);
                    if masters.len() < 2 {
                        continue;
                    }
                    let from = began(world, segment);
                    let bound = segment.interval + segment.latency * 2 + world.quantum * 4;
                    found.push(Pending {
                        key: key(segment),
                        who: masters.first().copied(),
                        from,
                        until: from + bound,
                        what: format!("{} hear each other and stay master", names(world, &masters)),
                    });
                }
            });
    }

    fn observe(&mut self, _: &Tracker, _: &Record) {}

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
