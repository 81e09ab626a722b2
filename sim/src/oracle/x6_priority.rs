//! X6: an owner serves at once and never steps back, unless there are two; everybody else has the priority that its
//! configuration, its operator and its checks give it, between 1 and 254.
//!
//! The effective priority is computed here a second time from the verdicts. Where a check has
//! given none since the daemon's start, both outcomes are allowed. A change may take one quantum
//! to be seen.

use std::collections::BTreeMap;

use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::{FileId, Priority, ProcessId};
use locum_engine::{Event, Instant};

use super::member::{Member, MemberId};
use super::tracker::Tracker;
use super::{Oracle, Verdict, blame};
use crate::fault::Fault;
use crate::record::{Observed, Record};
use crate::topology::HostId;

/// The oracle.
pub(super) struct Priorities {
    verdict: Verdict,
    /// Members whose priority may have changed, and when.
    waiting: Vec<(Instant, MemberId)>,
    /// What the daemons have read in tracked files.
    files: BTreeMap<(HostId, FileId), i32>,
    /// What they think of tracked processes.
    processes: BTreeMap<(HostId, ProcessId), bool>,
}

impl Priorities {
    pub(super) fn new(_: &Tracker) -> Self {
        Self {
            verdict: Verdict::default(),
            waiting: Vec::new(),
            files: BTreeMap::new(),
            processes: BTreeMap::new(),
        }
    }

    /// What tracked files and processes add to a member's priority.
    fn watched(&self, member: &Member) -> i32 {
        let spec = member.spec();
        let files = spec.files.iter().map(|track| {
            let value = self.files.get(&(member.host, track.file));
            let shift = i64::from(track.weight.value) * i64::from(value.copied().unwrap_or(0));
            let signed = if track.weight.reverse { -shift } else { shift };
            match signed {
                // A fault: the priority stays.
                ..=-254 => 0,
                _ => signed.min(253) as i32,
            }
        });
        let processes = spec.processes.iter().map(|track| {
            let good = self.processes.get(&(member.host, track.process));
            let value = i32::from(track.weight.value);
            match good {
                Some(good) if *good == (value > 0) && track.weight.reverse => -value,
                Some(good) if *good == (value > 0) => value,
                Some(_) | None => 0,
            }
        });
        files.chain(processes).sum()
    }

    fn check(&mut self, world: &Tracker, id: MemberId, at: Instant) {
        let member = world.member(id);
        if !world.host(member).acts() {
            self.verdict.suspended();
            return;
        }
        self.verdict.checked();
        let (least, most) = expected(world, member, self.watched(member));
        if member.priority < least || member.priority > most {
            let what = format!(
                "has priority {} where its checks give {least} to {most}",
                member.priority
            );
            self.verdict.violated(blame(world, member, at, &what));
        }
    }

    fn owner(&mut self, world: &Tracker, id: MemberId, to: StateKind, why: Reason) {
        let member = world.member(id);
        self.verdict.checked();
        let mut others = world.classes[member.class].members.iter();
        let conflict = others.any(|other| *other != id && world.member(*other).is_owner());
        let owner = member.is_owner() && !conflict;
        if owner && to == StateKind::Backup && why != Reason::Drained {
            let what = "owns the addresses and became backup";
            self.verdict.violated(blame(world, member, world.now, what));
        }
    }

    fn sent(&mut self, world: &Tracker, id: MemberId, priority: Priority) {
        let member = world.member(id);
        let settled = member.priority_since + world.quantum * 2 < world.now;
        if settled && priority != member.priority && priority != Priority::RELEASE {
            let what = format!(
                "advertised priority {priority}, its own is {}",
                member.priority
            );
            self.verdict
                .violated(blame(world, member, world.now, &what));
        }
    }
}

/// The least and the greatest effective priority that the verdicts allow (keepalived's weights:
/// a positive one counts while the check is good, a negative one while it has failed).
fn expected(world: &Tracker, member: &Member, watched: i32) -> (Priority, Priority) {
    if member.draining {
        return (Priority::LOWEST, Priority::LOWEST);
    }
    let base = member
        .set_priority
        .unwrap_or_else(|| member.spec().priority);
    if base == Priority::OWNER {
        return (base, base);
    }
    let start = i32::from(base.get()) + watched;
    let (mut least, mut most) = (start, start);
    for track in &member.spec().tracks {
        let value = i32::from(track.weight.value);
        let verdict = world.conditions.get(member.host, track.check).verdict;
        let counts = verdict.map(|good| (good != track.weight.reverse) == (value > 0));
        if counts != Some(false) {
            least += value.min(if counts.is_none() { 0 } else { value });
            most += value.max(if counts.is_none() { 0 } else { value });
        }
    }
    let clamp = |p: i32| Priority(p.clamp(1, 254) as u8);
    (clamp(least), clamp(most))
}

impl Oracle for Priorities {
    fn name(&self) -> &'static str {
        "X6"
    }

    fn property(&self) -> &'static str {
        "owners serve; priorities as weighed"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        while let Some((at, id)) = self.waiting.first().copied() {
            let due = at + world.quantum;
            if due >= to {
                return;
            }
            self.waiting.remove(0);
            self.check(world, id, due);
        }
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        match &record.what {
            Observed::Engine(host, Event::FileChanged { file, value }) => {
                self.files.insert((*host, *file), *value);
            }
            Observed::Engine(host, Event::ProcessChanged { process, good, .. }) => {
                self.processes.insert((*host, *process), *good);
            }
            _ => {}
        }
        let host = match &record.what {
            Observed::Advert {
                host,
                instance,
                priority,
            } => {
                self.sent(world, world.id(*host, *instance), *priority);
                return;
            }
            Observed::Engine(
                host,
                Event::StateChanged {
                    instance, to, why, ..
                },
            ) => {
                self.owner(world, world.id(*host, *instance), *to, *why);
                return;
            }
            Observed::Reloaded(host, _)
            | Observed::Engine(
                host,
                Event::PriorityChanged { .. }
                | Event::CheckChanged { .. }
                | Event::FileChanged { .. }
                | Event::ProcessChanged { .. },
            )
            | Observed::Fault(
                Fault::SetPriority(host, ..)
                | Fault::Drain(host, ..)
                | Fault::Undrain(host, _)
                | Fault::Resume(host)
                | Fault::ResumeVm(host),
            ) => *host,
            _ => return,
        };
        for id in world.on(host) {
            self.waiting.push((record.at, id));
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
