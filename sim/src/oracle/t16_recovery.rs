//! T16: everything comes back by itself. A mended check counts after `R I + T` at the latest (and up
//! to a second for ARP) and not before `(R-1) I`; and when all is well outside the daemons, every router takes part again
//! and each segment has one master, the right one, after that, `preempt_delay` and `4A + 3L`.
//!
//! The second is measured from the last change outside the daemons, whatever they did meanwhile:
//! it can't be put off by an engine that keeps changing its mind.

use locum_engine::{Event, Instant};

use super::condition::{Condition, Finding};
use super::health::{acting, is_uncertain, reaction, segments, tracked};
use super::member::MemberId;
use super::segment::Class;
use super::settling::{Pending, Settling, masters, overlooked};
use super::t13_detection::name;
use super::tracker::Tracker;
use super::{Oracle, Verdict, Violation};
use crate::record::{Observed, Record};

/// The oracle.
#[derive(Default)]
pub(super) struct Recovery {
    verdict: Verdict,
    checks: Settling,
    service: Settling,
}

impl Recovery {
    fn early(&mut self, world: &Tracker, condition: &Condition) {
        if condition.verdict_before != Some(false) {
            return;
        }
        let drift = world.hosts[condition.host.index()].drift;
        let rise = condition.spec().rise;
        let took = world.now.saturating_since(condition.not_bad_since);
        let bound = drift.shortest(condition.fastest(rise, world.quantum));
        let ill = condition.finding == Finding::Bad
            && world.now.saturating_since(condition.since) > condition.whole_run(world.quantum);
        if !self.verdict.at_least(took, bound) || ill {
            self.verdict.violated(Violation {
                at: world.now,
                host: Some(condition.host),
                instance: None,
                what: format!(
                    "{} counts as good {took:?} after it last was bad, rise is {rise}",
                    name(world, condition)
                ),
            });
        }
    }
}

/// Recoveries that the engine has not noticed.
fn unnoticed(world: &Tracker, condition: &Condition, key: usize) -> Option<Pending> {
    if condition.finding != Finding::Good || condition.verdict != Some(false) {
        return None;
    }
    let drift = world.hosts[condition.host.index()].drift;
    let bound = drift.longest(condition.slowest_rise(world.quantum));
    Some(Pending {
        key,
        who: None,
        from: condition.since,
        until: condition.since + bound,
        what: format!("{} does not notice a recovery", name(world, condition)),
    })
}

/// What is not as it should be while nothing is wrong outside.
fn wrong(world: &Tracker, class: &Class, verdict: &mut Verdict) -> Option<(MemberId, String)> {
    if class.grouped {
        return None; // T17
    }
    let members = acting(world, class);
    let well = members.iter().all(|id| {
        let member = world.member(*id);
        world.network.carrier(member.port)
            && !world.network.lacks(member.host, member.source)
            // What is in files, and which processes run, is X6's to follow.
            && member.spec().files.is_empty()
            && member.spec().processes.is_empty()
            && member.spec().tracks.iter().all(|t| !t.weight.reverse)
            && tracked(world, member).all(|c| c.finding == Finding::Good)
    });
    let segments = segments(world, &members);
    let unclean = segments.iter().any(|s| s.unclean.is_some());
    if !well || unclean || is_uncertain(world, &members) {
        verdict.suspended();
        return None;
    }
    verdict.checked();
    for segment in segments {
        let idle = segment
            .members
            .iter()
            .find(|id| !world.member(**id).takes_part());
        if let Some(id) = idle {
            let what = format!("is still {} although all is well", world.member(*id).state);
            return Some((*id, what));
        }
        let count = masters(world, segment).len();
        if count != 1 {
            let what = format!("is in a segment with {count} masters although all is well");
            return Some((segment.members[0], what));
        }
        if let Some((stronger, _)) = overlooked(world, segment) {
            return Some((stronger, "is not master although all is well".into()));
        }
    }
    None
}

impl Oracle for Recovery {
    fn name(&self) -> &'static str {
        "T16"
    }

    fn property(&self) -> &'static str {
        "everything comes back by itself"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        let verdict = &mut self.verdict;
        self.checks.review(world, to, verdict, |_, found| {
            for (key, condition) in world.conditions.list.iter().enumerate() {
                found.extend(unnoticed(world, condition, key));
            }
        });
        self.service.review(world, to, verdict, |verdict, found| {
            for (key, class) in world.classes.iter().enumerate() {
                let Some((who, what)) = wrong(world, class, verdict) else {
                    continue;
                };
                let until_forged = segments(world, &class.members)
                    .iter()
                    .map(|s| s.since)
                    .max();
                let members = acting(world, class);
                let begun = members
                    .iter()
                    .map(|id| world.host(world.member(*id)).takes_part_at);
                let begun = begun.max().unwrap_or(Instant::ZERO);
                // Perfect forgeries put the beginning off; nothing that daemons do may.
                let from = match until_forged {
                    Some(since) if since > world.now => since,
                    _ => world.disturbed,
                };
                found.push(Pending {
                    key,
                    who: Some(who),
                    from,
                    until: from.max(begun) + reaction(world, &members),
                    what,
                });
            }
        });
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        if let Observed::Engine(host, Event::CheckChanged { check, good: true }) = &record.what {
            self.early(world, world.conditions.get(*host, *check));
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
