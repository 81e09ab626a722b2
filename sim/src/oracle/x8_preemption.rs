//! X8: a master steps back for a stronger one only, and a backup overthrows a weaker master only
//! where its configuration lets it: never with `nopreempt`, not before `preempt_delay` is over.
//!
//! Stronger is a higher priority, or the same one from a higher address. A priority that changed
//! in the last two quanta may count either way.

use locum_engine::Event;
use locum_engine::config::Preempt;
use locum_engine::event::{Reason, StateKind};

use super::member::{Member, Transition};
use super::tracker::Tracker;
use super::{Oracle, Verdict, blame};
use crate::record::{Observed, Record};

/// The oracle.
pub(super) struct Preemption {
    verdict: Verdict,
}

impl Preemption {
    pub(super) fn new(_: &Tracker) -> Self {
        Self {
            verdict: Verdict::default(),
        }
    }

    fn steps_back(&mut self, world: &Tracker, member: &Member, change: &Transition) {
        let fresh = member.priority_since + world.quantum * 2 >= change.at;
        let stronger = match change.why {
            Reason::HigherPriority { priority, .. } => {
                priority > change.priority || fresh || member.draining
            }
            Reason::EqualPriorityHigherAddress { master } => master > member.source,
            Reason::Drained | Reason::PartnerYielded { .. } => true,
            Reason::HeldUp { .. } => member.spec().tuning.timer_expired_backup.is_some(),
            _ => false,
        };
        self.verdict.checked();
        if !stronger {
            let what = format!("was master and stepped back without need: {:?}", change.why);
            self.verdict
                .violated(blame(world, member, change.at, &what));
        }
    }

    fn overthrows(&mut self, world: &Tracker, member: &Member, change: &Transition) {
        if member.is_owner() {
            return;
        }
        match member.spec().preempt {
            Preempt::Always => self.verdict.checked(),
            Preempt::Never => {
                self.verdict.checked();
                let what = "overthrew a living master in spite of nopreempt";
                self.verdict.violated(blame(world, member, change.at, what));
            }
            Preempt::After(delay) => {
                let waited = change.at.saturating_since(change.entered);
                let bound = world.host(member).drift.shortest(delay);
                if change.hearing.spoiled > change.entered {
                    self.verdict.suspended();
                } else if !self.verdict.at_least(waited, bound) {
                    let what = format!(
                        "overthrew a master {waited:?} after its start, preempt_delay is {delay:?}"
                    );
                    self.verdict
                        .violated(blame(world, member, change.at, &what));
                }
            }
        }
    }
}

impl Oracle for Preemption {
    fn name(&self) -> &'static str {
        "X8"
    }

    fn property(&self) -> &'static str {
        "yields and preempts as configured"
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        let Observed::Engine(host, Event::StateChanged { instance, .. }) = &record.what else {
            return;
        };
        let member = world.member(world.id(*host, *instance));
        let Some(change) = member.transition else {
            return;
        };
        match (change.from, change.to, change.why) {
            (StateKind::Master, StateKind::Backup, _) => self.steps_back(world, member, &change),
            (StateKind::Backup, StateKind::Master, Reason::Preempted { .. }) => {
                self.overthrows(world, member, &change);
            }
            _ => {}
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
