//! T3: a backup takes over one master-down time after the last advert that held it back, not
//! earlier and not later.
//!
//! Too early is measured from the latest advert that certainly arrived, too late from the latest
//! that may have: the one bound holds under loss too, and the other is loosened by what was lost.
//! The grid is counted once for the advert's arrival and once for the timer. While a router is
//! stalled, or may hear perfect forgeries, nothing is asserted.

use locum_engine::event::{Reason, StateKind};
use locum_engine::{Event, Instant};

use super::member::{Member, MemberId};
use super::tracker::Tracker;
use super::{Oracle, Verdict, blame};
use crate::record::{Observed, Record};

/// The oracle.
pub(super) struct Silence {
    verdict: Verdict,
    /// Already reported as late, until its state changes.
    reported: Vec<bool>,
    generation: u64,
    /// Nobody is due earlier.
    due: Instant,
}

impl Silence {
    pub(super) fn new(world: &Tracker) -> Self {
        Self {
            verdict: Verdict::default(),
            reported: vec![false; world.members.len()],
            generation: 0,
            due: Instant::ZERO,
        }
    }

    fn latest(world: &Tracker, member: &Member) -> Instant {
        let resumed = member.hearing.spoiled + world.quantum * 2;
        let silent = member.hearing.maybe.max(resumed) + world.master_down(member).1;
        // A loser's resignation sets a timer that was about to run out back to the skew time.
        let resigned = member.hearing.resigned.map_or(silent, |resigned| {
            resigned.last + world.skew(member, resigned.first).1
        });
        silent.max(resigned) + world.quantum
    }

    fn late(&mut self, world: &Tracker, to: Instant) {
        self.due = Instant::FAR_FUTURE;
        for (id, member) in world.all() {
            let waits = member.state == StateKind::Backup
                && !member.grouped
                && !member.draining
                && world.host(member).acts()
                && world.network.carrier(member.port);
            if !waits || self.reported[id.0] {
                continue;
            }
            let due = Self::latest(world, member);
            if due >= to {
                self.due = self.due.min(due);
                continue;
            }
            self.reported[id.0] = true;
            let what = format!(
                "heard nothing that held it back since {} and did not take over",
                member.hearing.maybe
            );
            self.verdict.violated(blame(world, member, due, &what));
        }
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
        if world.generation != self.generation || to > self.due {
            self.generation = world.generation;
            self.late(world, to);
        }
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        let Observed::Engine(
            host,
            Event::StateChanged {
                instance,
                from,
                to,
                why,
            },
        ) = &record.what
        else {
            return;
        };
        let id = world.id(*host, *instance);
        self.reported[id.0] = false;
        let by_timer = matches!(why, Reason::MasterSilent { .. } | Reason::Preempted { .. });
        if (*from, *to) == (StateKind::Backup, StateKind::Master) && by_timer {
            self.took_over(world, id);
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
