//! T1: at least one master per segment that has a router fit to serve, from the universal bound
//! after the last change of its environment on.
//!
//! Fit is who listens or serves, with carrier, and isn't being drained.

use locum_engine::Instant;

use super::settling::{Pending, Settling, clean, key, masters};
use super::tracker::Tracker;
use super::{Oracle, Verdict};
use crate::record::Record;

/// The oracle.
#[derive(Default)]
pub(super) struct Presence {
    verdict: Verdict,
    settling: Settling,
}

impl Oracle for Presence {
    fn name(&self) -> &'static str {
        "T1"
    }

    fn property(&self) -> &'static str {
        "at least one master per segment"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        self.settling
            .review(world, to, &mut self.verdict, |verdict, found| {
                for segment in clean(world, verdict).filter(|s| world.decides(s)) {
                    let fit = segment.members.iter().copied().find(|id| {
                        let member = world.member(*id);
                        member.takes_part()
                            && !member.draining
                            && world.network.carrier(member.port)
                    });
                    let Some(fit) = fit else {
                        continue;
                    };
                    verdict.checked();
                    if masters(world, segment).is_empty() {
                        found.push(Pending {
                            key: key(segment),
                            who: Some(fit),
                            from: segment.since,
                            until: segment.settled(),
                            what: "could serve, but nobody is master".into(),
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
