//! T3: a backup takes over one master-down time after the last advert that held it back, not
//! earlier and not later.
//!
//! Too early is measured from the latest advert that certainly arrived, too late from the latest
//! that may have: the one bound holds under loss too, and the other is loosened by what was lost.
//! The grid is counted once for the advert's arrival and once for the timer. While a router is
//! stalled, or may hear perfect forgeries, nothing is asserted.

use locum_engine::Instant;
use locum_engine::event::{Reason, StateKind};

use super::member::{Member, MemberId};
use super::overdue::Overdue;
use super::tracker::Tracker;
use super::{Oracle, Verdict, blame};
use crate::record::Record;

/// The oracle.
pub(super) struct Silence {
    verdict: Verdict,
    overdue: Overdue,
}

impl Silence {
    pub(super) fn new(world: &Tracker) -> Self {
        Self {
            verdict: Verdict::default(),
            overdue: Overdue::new(world),
        }
    }

    /// When it must have taken over at the latest, if it must.
    fn latest(world: &Tracker, member: &Member) -> Option<Instant> {
        let waits = member.state == StateKind::Backup
            && !member.grouped
            && !member.draining
            && world.host(member).acts()
            && world.network.carrier(member.port);
        let resumed = member.hearing.spoiled + world.quantum * 2;
        let silent = member.hearing.maybe.max(resumed) + world.master_down(member).1;
        // A loser's resignation sets a timer that was about to run out back to the skew time.
        let resigned = member.hearing.resigned.map_or(silent, |resigned| {
            resigned.last + world.skew(member, resigned.first).1
        });
        waits.then(|| silent.max(resigned) + world.quantum)
    }

    fn took_over(&mut self, world: &Tracker, id: MemberId) {
        let member = world.member(id);
        let Some(change) = member.transition else {
            return;
        };
        let hearing = &change.hearing;
        let armed = hearing.armed_by(change.at).max(change.entered);
        if hearing.spoiled >= armed && hearing.spoiled > Instant::ZERO {
            self.verdict.suspended();
            return;
        }
        let (least, most) = world.master_down(member);
        let waited = change.at.saturating_since(armed);
        if !self.verdict.at_least(waited, least) {
            let what = format!("took over {waited:?} after it was last held back, not {least:?}");
            self.verdict
                .violated(blame(world, member, change.at, &what));
        }
        if !member.draining && !member.grouped {
            let waited = change
                .at
                .saturating_since(hearing.maybe.max(change.entered));
            self.verdict.at_most(waited, most + world.quantum);
        }
    }
}

impl Oracle for Silence {
    fn name(&self) -> &'static str {
        "T3"
    }

    fn property(&self) -> &'static str {
        "takeover after the master-down time"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        for (member, due) in self.overdue.late(world, to, Self::latest) {
            let what = format!(
                "heard nothing that held it back since {} and did not take over",
                member.hearing.maybe
            );
            self.verdict.violated(blame(world, member, due, &what));
        }
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        let taken = self.overdue.takeover(world, record);
        if let Some((id, Reason::MasterSilent { .. } | Reason::Preempted { .. })) = taken {
            self.took_over(world, id);
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
