//! T8: nothing changes while nothing changes.
//!
//! In a segment at rest no router changes between master and backup. And no router changes its
//! priority, or goes to fault and back, later than its slowest check can take, or a link's change
//! to count, after the last change anywhere outside the daemons. Where a path loses frames the
//! first is suspended, where the records can't tell what a check finds the second.

use core::time::Duration;

use locum_engine::Event;
use locum_engine::event::{Reason, StateKind};

use super::condition::Finding;
use super::health::slowest_link;
use super::member::{Member, Transition};
use super::tracker::Tracker;
use super::{Oracle, Verdict, blame};
use crate::record::{Observed, Record};

/// The oracle.
#[derive(Default)]
pub(super) struct Flapping {
    verdict: Verdict,
}

impl Flapping {
    fn transition(&mut self, world: &Tracker, member: &Member, change: &Transition) {
        let protocol = |s| matches!(s, StateKind::Backup | StateKind::Master);
        if !(protocol(change.from) && protocol(change.to)) {
            self.judged(
                world,
                member,
                &format!("went from {} to {}", change.from, change.to),
            );
            return;
        }
        if change.why == Reason::Drained {
            return;
        }
        match (world.segment(member), change.calm) {
            (Some(segment), _) if segment.unclean.is_some() => self.verdict.suspended(),
            (_, None) => self.verdict.checked(),
            (_, Some(rest)) => {
                self.verdict.checked();
                let what = format!(
                    "went from {} to {} after {rest:?} at rest: {:?}",
                    change.from, change.to, change.why
                );
                self.verdict
                    .violated(blame(world, member, change.at, &what));
            }
        }
    }

    /// Something that only checks, links and operators can bring about.
    fn judged(&mut self, world: &Tracker, member: &Member, what: &str) {
        let mut slowest = world.quantum * 4;
        if member.transition.is_some_and(|t| t.from == StateKind::Init) {
            let config = member.config();
            slowest += config.startup_delay.max(config.delay_after_boot);
        }
        slowest = slowest.max(slowest_link(world, member) + world.quantum * 4);
        for track in &member.spec().processes {
            let process = member.config().process(track.process);
            let waits = process.fork_delay.max(process.terminate_delay);
            slowest = slowest.max(waits + world.quantum * 4);
        }
        let mut unknown = false;
        for condition in world.conditions.of(member.host) {
            let fall = condition.slowest_fall(world.quantum);
            slowest = slowest.max(fall).max(condition.slowest_rise(world.quantum));
            unknown |= condition.finding == Finding::Unknown;
        }
        if unknown {
            self.verdict.suspended();
            return;
        }
        let bound = world.host(member).drift.longest(slowest);
        let after: Duration = world.now.saturating_since(world.disturbed);
        if !self.verdict.at_most(after, bound) {
            let what = format!("{what} {after:?} after anything had changed");
            self.verdict
                .violated(blame(world, member, world.now, &what));
        }
    }
}

impl Oracle for Flapping {
    fn name(&self) -> &'static str {
        "T8"
    }

    fn property(&self) -> &'static str {
        "no change without a cause"
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        let Observed::Engine(host, event) = &record.what else {
            return;
        };
        match event {
            Event::StateChanged { instance, .. } => {
                let member = world.member(world.id(*host, *instance));
                if let Some(change) = member.transition {
                    self.transition(world, member, &change);
                }
            }
            Event::PriorityChanged { instance, from, to } => {
                let member = world.member(world.id(*host, *instance));
                self.judged(
                    world,
                    member,
                    &format!("changed its priority from {from} to {to}"),
                );
            }
            _ => {}
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
