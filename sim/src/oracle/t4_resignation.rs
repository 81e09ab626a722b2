//! T4: after a resignation a backup takes over one skew time later, not earlier and not later.
//!
//! Too late is asserted where the resignation certainly arrived, nothing that may hold back came
//! after it, and the segment has no other master (whose answer to a loser's resignation settles the
//! matter at once).

use locum_engine::Instant;
use locum_engine::event::{Reason, StateKind};

use super::member::{Member, MemberId};
use super::overdue::Overdue;
use super::settling::masters;
use super::tracker::Tracker;
use super::{Oracle, Verdict, blame};
use crate::record::Record;

/// The oracle.
pub(super) struct Resignation {
    verdict: Verdict,
    overdue: Overdue,
}

impl Resignation {
    pub(super) fn new(world: &Tracker) -> Self {
        Self {
            verdict: Verdict::default(),
            overdue: Overdue::new(world),
        }
    }

    /// When it must have taken over at the latest, if it must.
    fn latest(world: &Tracker, member: &Member) -> Option<Instant> {
        let resigned = member
            .hearing
            .resigned
            .filter(|r| r.certain && r.overruled.is_none())?;
        let segment = world.segment(member).filter(|s| s.unclean.is_none())?;
        let waits = member.state == StateKind::Backup
            && !member.grouped
            && !member.draining
            && member.hearing.maybe < resigned.first
            && member.hearing.spoiled < resigned.first
            && masters(world, segment).is_empty();
        let skew = world.skew(member, resigned.first).1;
        waits.then(|| resigned.last + skew + world.quantum)
    }

    fn took_over(&mut self, world: &Tracker, id: MemberId) {
        let member = world.member(id);
        let Some(change) = member.transition else {
            return;
        };
        let unsettled = member.priority_since + world.classes[member.class].memory() > change.at
            && member.priority_since > Instant::ZERO;
        if change.hearing.spoiled >= change.entered && change.hearing.spoiled > Instant::ZERO {
            self.verdict.suspended();
            return;
        }
        let Some(resigned) = change.hearing.resigned_by(change.at) else {
            if !unsettled {
                let what = "took over from somebody who had resigned, but has been held back since";
                self.verdict.violated(blame(world, member, change.at, what));
            }
            return;
        };
        let (least, most) = world.skew(member, resigned.first);
        let waited = change
            .at
            .saturating_since(resigned.first.max(change.entered));
        if !self.verdict.at_least(waited, least) {
            let what = format!("took over {waited:?} after a resignation, not {least:?}");
            self.verdict
                .violated(blame(world, member, change.at, &what));
        }
        if resigned.certain {
            let waited = change.at.saturating_since(resigned.last);
            self.verdict.at_most(waited, most + world.quantum);
        }
    }
}

impl Oracle for Resignation {
    fn name(&self) -> &'static str {
        "T4"
    }

    fn property(&self) -> &'static str {
        "handover after the skew time"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        for (member, due) in self.overdue.late(world, to, Self::latest) {
            let what = "heard the master resign and did not take over";
            self.verdict.violated(blame(world, member, due, what));
        }
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        let taken = self.overdue.takeover(world, record);
        if let Some((id, Reason::MasterResigned { .. })) = taken {
            self.took_over(world, id);
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
