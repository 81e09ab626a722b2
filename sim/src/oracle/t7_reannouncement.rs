//! T7: when of two masters one yields, the other announces its addresses again, at once.
//!
//! Neighbours may have learned the loser's hardware address last. The winner knows of the contest
//! by the loser's last advert at the latest, of priority 0 unless `higher_prio_send_advert` is on: one path and the grid's steps later its
//! announcements must be out, well within `B + A + 3L`. Suspended where yields are silent, where the
//! segment isn't clean, and where contests may be answered together: with more than three routers,
//! or when the winner has just gone on after a stall and finds many adverts waiting.

use locum_engine::event::{Reason, StateKind};
use locum_engine::{Event, Instant};

use super::member::MemberId;
use super::pacing::longest_burst;
use super::tracker::Tracker;
use super::{Oracle, Verdict, blame};
use crate::record::{Observed, Record};

/// The oracle.
#[derive(Default)]
pub(super) struct Reannouncement {
    verdict: Verdict,
    owed: Vec<Owed>,
}

struct Owed {
    by: MemberId,
    from: Instant,
    until: Instant,
    announced: usize,
}

impl Reannouncement {
    fn yielded(&mut self, world: &Tracker, loser: MemberId) {
        let member = world.member(loser);
        let Some(segment) = world.segment(member) else {
            return;
        };
        let winner = segment
            .members
            .iter()
            .copied()
            .find(|id| *id != loser && world.member(*id).is_master());
        let Some(winner) = winner else {
            return;
        };
        let spec = world.member(winner).spec();
        let hushed = spec.lower_prio_no_advert && member.spec().tuning.higher_prio_send_advert;
        let answers = spec.garp.contest_repeat > 0 && !hushed;
        let host = world.host(world.member(winner));
        let busy = host.stalled_at + segment.interval + segment.bound >= world.now
            && host.stalled_at > Instant::ZERO;
        let clear = segment.unclean.is_none()
            && segment.since <= world.now
            && segment.members.len() <= 3
            && !busy;
        if !clear || !answers || !member.yields_audibly() {
            self.verdict.suspended();
            return;
        }
        self.owed.push(Owed {
            by: winner,
            from: world.now,
            until: world.now
                + segment.latency
                + longest_burst(world.member(winner))
                + world.quantum * 3,
            announced: 0,
        });
    }

    fn announced(&mut self, world: &Tracker, by: MemberId) {
        let wanted = world.member(by).addresses.len();
        for owed in self.owed.iter_mut().filter(|o| o.by == by) {
            owed.announced += 1;
            if owed.announced == wanted {
                let took = world.now.saturating_since(owed.from);
                let bound = owed.until.saturating_since(owed.from);
                self.verdict.at_most(took, bound);
            }
        }
        self.owed.retain(|o| o.by != by || o.announced < wanted);
    }
}

impl Oracle for Reannouncement {
    fn name(&self) -> &'static str {
        "T7"
    }

    fn property(&self) -> &'static str {
        "the winner announces again"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        if self.owed.is_empty() {
            return;
        }
        for owed in core::mem::take(&mut self.owed) {
            let member = world.member(owed.by);
            if !member.is_master() || world.disturbed >= owed.from {
                self.verdict.suspended();
            } else if owed.until < to {
                let what = "won a contest and did not announce its addresses again";
                self.verdict
                    .violated(blame(world, member, owed.until, what));
            } else {
                self.owed.push(owed);
            }
        }
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        match &record.what {
            Observed::Announcement { host, instance, .. } => {
                self.announced(world, world.id(*host, *instance));
            }
            Observed::Engine(
                host,
                Event::StateChanged {
                    instance,
                    from: StateKind::Master,
                    why: Reason::HigherPriority { .. } | Reason::EqualPriorityHigherAddress { .. },
                    ..
                },
            ) => self.yielded(world, world.id(*host, *instance)),
            _ => {}
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
