//! Health checks: when they run, what a result in a row of results is worth, and what that does to
//! an instance's priority. Tracked links weigh the same.

mod check;
mod weight;

use core::time::Duration;
use std::collections::VecDeque;

use crate::config::{Config, InstanceConfig, Weight};
use crate::event::Event;
use crate::ids::{CheckId, Priority};
use crate::input::{LinkState, Outcome};
use crate::output::{Effect, Output};
use crate::time::Instant;

use check::{Action, Check};
pub(crate) use weight::{Standing, link_standing};

/// All checks of one daemon. A check that several instances track runs once.
#[derive(Debug)]
pub(crate) struct Checks {
    checks: Vec<Check>,
}

impl Checks {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            checks: config.checks.iter().map(Check::new).collect(),
        }
    }

    /// Every check runs for the first time now.
    pub(crate) fn start(&mut self, now: Instant) {
        for check in &mut self.checks {
            check.start(now);
        }
    }

    /// No check runs any more; runs under way are ended.
    pub(crate) fn stop(&mut self, out: &mut VecDeque<Output>) {
        for (id, check) in ids().zip(&mut self.checks) {
            if check.stop() {
                out.push_back(Output::Effect(Effect::CancelCheck { check: id }));
            }
        }
    }

    /// The next moment at which [`Checks::timeout`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.checks.iter().filter_map(Check::deadline).min()
    }

    /// Starts what is due and gives up on what takes too long. True when a verdict changed.
    pub(crate) fn timeout(
        &mut self,
        config: &Config,
        now: Instant,
        out: &mut VecDeque<Output>,
    ) -> bool {
        let mut changed = false;
        for (id, check) in ids().zip(&mut self.checks) {
            let spec = config.check(id);
            // Giving up makes the next run due, if its time has come meanwhile.
            while let Some(action) = check.due(spec, now) {
                match action {
                    Action::Start => {
                        let timeout: Duration = spec.timeout;
                        out.push_back(Output::Effect(Effect::StartCheck { check: id, timeout }));
                    }
                    Action::GiveUp => {
                        out.push_back(Output::Effect(Effect::CancelCheck { check: id }));
                        changed |= report(id, check.judge(spec, Outcome::TimedOut), out);
                    }
                }
            }
        }
        changed
    }

    /// A run has ended. True when the verdict changed.
    pub(crate) fn done(
        &mut self,
        config: &Config,
        now: Instant,
        id: CheckId,
        outcome: Outcome,
        out: &mut VecDeque<Output>,
    ) -> bool {
        let spec = config.check(id);
        let check = &mut self.checks[id.index()];
        check.finish(spec, now) && report(id, check.judge(spec, outcome), out)
    }

    /// What a check of that weight means for an instance now.
    pub(crate) fn standing(&self, id: CheckId, weight: Weight) -> Standing {
        weight::standing(self.checks[id.index()].verdict(), weight)
    }

    /// Effective priority: the base and every weight, within 1 to 254. An owner's never moves.
    pub(crate) fn weigh(
        &self,
        base: Priority,
        config: &InstanceConfig,
        links: &[LinkState],
    ) -> Priority {
        let checks = config.tracks.iter();
        let checks = checks.map(|t| self.standing(t.check, t.weight));
        let tracked = config.links.iter();
        let tracked = tracked.map(|t| link_standing(links[t.interface.index()].up, t.weight));
        weight::effective(base, checks.chain(tracked))
    }
}

fn ids() -> impl Iterator<Item = CheckId> {
    (0..=u16::MAX).map(CheckId)
}

/// Passes a judgement on. True when the verdict changed.
fn report(id: CheckId, judgement: check::Judgement, out: &mut VecDeque<Output>) -> bool {
    match judgement {
        check::Judgement::Same => false,
        check::Judgement::Failing {
            outcome,
            failures,
            fall,
        } => {
            let event = Event::CheckFailing {
                check: id,
                outcome,
                failures,
                fall,
            };
            out.push_back(Output::Event(event));
            false
        }
        check::Judgement::Changed { good } => {
            out.push_back(Output::Event(Event::CheckChanged { check: id, good }));
            true
        }
    }
}
