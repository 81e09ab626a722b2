//! Things that must come right within a bound: the common part of most timed oracles.
//!
//! An oracle says what is not right at present, since when it might have been, and until when it
//! may stay so. What is still not right then is a violation; what came right is an observation.

use locum_engine::Instant;

use super::member::MemberId;
use super::segment::Segment;
use super::tracker::Tracker;
use super::{Verdict, Violation, blame};

/// Something that is not right.
pub(super) struct Pending {
    /// Whose matter it is; at most one matter per key at a time.
    pub(super) key: usize,
    /// Whom to blame.
    pub(super) who: Option<MemberId>,
    /// The beginning of the bound. Another beginning is another matter.
    pub(super) from: Instant,
    /// Its end.
    pub(super) until: Instant,
    /// What is not right.
    pub(super) what: String,
}

/// The open matters of one oracle.
#[derive(Default)]
pub(super) struct Settling {
    generation: Option<u64>,
    open: Vec<(Pending, bool)>,
    due: Option<Instant>,
}

impl Settling {
    /// Nothing happens until `to`. `find` is asked what is not right whenever something changed.
    pub(super) fn review(
        &mut self,
        world: &Tracker,
        to: Instant,
        verdict: &mut Verdict,
        find: impl FnOnce(&mut Verdict, &mut Vec<Pending>),
    ) {
        if self.generation != Some(world.generation) {
            self.generation = Some(world.generation);
            let mut found = Vec::new();
            find(verdict, &mut found);
            self.replace(world.now, verdict, found);
        }
        if self.due.is_some_and(|due| due < to) {
            self.expire(world, to, verdict);
        }
    }

    /// Compares what is not right now with what was not.
    fn replace(&mut self, now: Instant, verdict: &mut Verdict, found: Vec<Pending>) {
        let old = core::mem::take(&mut self.open);
        for (pending, reported) in &old {
            let still = found.iter().any(|p| p.key == pending.key);
            if !still && !reported {
                let took = now.saturating_since(pending.from);
                verdict.at_most(took, pending.until.saturating_since(pending.from));
            }
        }
        for pending in found {
            let reported = old
                .iter()
                .any(|(p, reported)| *reported && p.key == pending.key && p.from == pending.from);
            self.open.push((pending, reported));
        }
        let open = self.open.iter().filter(|(_, reported)| !reported);
        self.due = open.map(|(pending, _)| pending.until).min();
    }

    fn expire(&mut self, world: &Tracker, to: Instant, verdict: &mut Verdict) {
        self.due = None;
        for (pending, reported) in &mut self.open {
            if *reported {
                continue;
            }
            if pending.until >= to {
                let due = self.due.unwrap_or(pending.until);
                self.due = Some(due.min(pending.until));
                continue;
            }
            *reported = true;
            let at = pending.until.max(world.now);
            verdict.at_most(
                at.saturating_since(pending.from),
                pending.until.saturating_since(pending.from),
            );
            verdict.violated(match pending.who {
                Some(id) => blame(world, world.member(id), at, &pending.what),
                None => Violation {
                    at,
                    host: None,
                    instance: None,
                    what: pending.what.clone(),
                },
            });
        }
    }
}

/// The segments in which timed properties can be asserted; the others are counted.
pub(super) fn clean<'a>(
    world: &'a Tracker,
    verdict: &mut Verdict,
) -> impl Iterator<Item = &'a Segment> + use<'a> {
    let unclean = world.segments.iter().filter(|s| s.unclean.is_some());
    for _ in unclean {
        verdict.suspended();
    }
    world.segments.iter().filter(|s| s.unclean.is_none())
}

/// The key of a segment's matters.
pub(super) fn key(segment: &Segment) -> usize {
    segment.members[0].0
}

/// The masters of a segment.
pub(super) fn masters(world: &Tracker, segment: &Segment) -> Vec<MemberId> {
    let members = segment.members.iter().copied();
    members.filter(|id| world.member(*id).is_master()).collect()
}

/// `a/VI_1 and b/VI_1`.
pub(super) fn names(world: &Tracker, members: &[MemberId]) -> String {
    let names: Vec<String> = members
        .iter()
        .map(|id| world.name(world.member(*id)))
        .collect();
    names.join(" and ")
}

/// Those of a segment who ought to be master in place of one who is: of higher priority, and
/// configured to preempt. Equal priorities leave the incumbent alone.
pub(super) fn overlooked(world: &Tracker, segment: &Segment) -> Option<(MemberId, MemberId)> {
    let preempts = |m: &super::member::Member| {
        m.spec().preempt != locum_engine::config::Preempt::Never || m.is_owner()
    };
    for id in &segment.members {
        let master = world.member(*id);
        if !master.is_master() {
            continue;
        }
        let stronger = segment.members.iter().copied().find(|other| {
            let other = world.member(*other);
            other.state == locum_engine::event::StateKind::Backup
                && !other.draining
                && preempts(other)
                && other.rank().0 > master.rank().0
        });
        if let Some(stronger) = stronger {
            return Some((stronger, *id));
        }
    }
    None
}
