//! T13: a failure is noticed after `(F-1) I` at the earliest and `F I + T` at the latest, and an
//! instance with a weight-0 check lets go as soon as it is noticed.
//!
//! Runs that were under way when the failure came may count, so the lower bound is less one
//! timeout; it starts where the last run that must have succeeded ended. One blip shorter than
//! that must not fail over. The first result after a start decides alone and is not measured.

use locum_engine::{Event, Instant};

use super::condition::{Condition, Finding};
use super::member::{Member, MemberId};
use super::settling::{Pending, Settling};
use super::tracker::Tracker;
use super::{Oracle, Verdict, Violation};
use crate::record::{Observed, Record};

/// The oracle.
#[derive(Default)]
pub(super) struct Detection {
    verdict: Verdict,
    noticing: Settling,
    letting_go: Settling,
}

impl Detection {
    fn early(&mut self, world: &Tracker, condition: &Condition) {
        if condition.verdict_before != Some(true) {
            return;
        }
        let healthy = condition.finding == Finding::Good
            && world.now.saturating_since(condition.since) > condition.whole_run(world.quantum);
        if healthy {
            let what = format!("{} failed without a cause", name(world, condition));
            self.violated(world, condition, what);
            return;
        }
        let drift = world.hosts[condition.host.index()].drift;
        let fall = condition.spec().fall;
        let took = world.now.saturating_since(condition.not_good_since);
        let bound = drift.shortest(condition.fastest(fall, world.quantum));
        if !self.verdict.at_least(took, bound) {
            let what = format!(
                "{} counts as failed {took:?} after it last was good, fall is {fall}",
                name(world, condition)
            );
            self.violated(world, condition, what);
        }
    }

    fn violated(&mut self, world: &Tracker, condition: &Condition, what: String) {
        self.verdict.violated(Violation {
            at: world.now,
            host: Some(condition.host),
            instance: None,
            what,
        });
    }
}

/// `a: check gateway`.
pub(super) fn name(world: &Tracker, condition: &Condition) -> String {
    let host = &world.topology.hosts[condition.host.index()].name;
    format!("{host}: check {}", condition.spec().name)
}

/// The members that such a verdict of a check puts into fault.
pub(super) fn barred<'a>(
    world: &'a Tracker,
    condition: &'a Condition,
    good: bool,
) -> impl Iterator<Item = (MemberId, &'a Member)> {
    world
        .on(condition.host)
        .map(|id| (id, world.member(id)))
        .filter(move |(_, member)| {
            let mut tracks = member.spec().tracks.iter();
            tracks.any(|t| {
                t.check == condition.check && t.weight.value == 0 && t.weight.reverse == good
            })
        })
}

/// Failures that the engine has not noticed.
fn unnoticed(world: &Tracker, condition: &Condition, key: usize) -> Option<Pending> {
    let bad = condition.finding == Finding::Bad && condition.verdict != Some(false);
    let serves = || barred(world, condition, false).any(|(_, m)| m.takes_part());
    if !bad || !(condition.verdict == Some(true) || serves()) {
        return None;
    }
    let drift = world.hosts[condition.host.index()].drift;
    let bound = drift.longest(condition.slowest_fall(world.quantum));
    Some(Pending {
        key,
        who: None,
        from: condition.since,
        until: condition.since + bound,
        what: format!("{} does not notice a failure", name(world, condition)),
    })
}

impl Oracle for Detection {
    fn name(&self) -> &'static str {
        "T13"
    }

    fn property(&self) -> &'static str {
        "failures noticed in F I + T"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        let verdict = &mut self.verdict;
        self.noticing.review(world, to, verdict, |verdict, found| {
            for (key, condition) in world.conditions.list.iter().enumerate() {
                match condition.finding {
                    Finding::Unknown => verdict.suspended(),
                    _ => found.extend(unnoticed(world, condition, key)),
                }
            }
        });
        self.letting_go.review(world, to, verdict, |_, found| {
            for condition in &world.conditions.list {
                let Some(good) = condition.verdict else {
                    continue;
                };
                let serving = barred(world, condition, good);
                for (id, _) in serving.filter(|(_, m)| m.takes_part() && world.host(m).acts()) {
                    let from = condition
                        .judged
                        .max(world.host(world.member(id)).stalled_at);
                    found.push(Pending {
                        key: id.0,
                        who: Some(id),
                        from,
                        until: from + world.quantum * 3,
                        what: format!("goes on while {} forbids it", name(world, condition)),
                    });
                }
            }
        });
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        if let Observed::Engine(host, Event::CheckChanged { check, good: false }) = &record.what {
            self.early(world, world.conditions.get(*host, *check));
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
