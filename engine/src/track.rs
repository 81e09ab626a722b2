//! Health checks: when they run, what a result in a row of results is worth, and what that does to
//! an instance's priority. Tracked links and processes weigh the same, files by their number.

mod check;
mod reload;
mod watch;
mod weight;

use core::time::Duration;
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::config::{Config, InstanceConfig, Weight};
use crate::event::{Event, Reason};
use crate::ids::{CheckId, FileId, Priority, ProcessId};
use crate::input::{LinkState, Outcome};
use crate::output::{Effect, Output};
use crate::time::Instant;

use check::{Action, Check};
pub use check::{Runs, Verdict};
pub use watch::tracked_value;
use watch::{Process, file_standing};
pub use weight::Standing;
pub(crate) use weight::link_standing;

/// All checks of one daemon. A check that several instances track runs once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Checks {
    checks: Vec<Check>,
    /// What is in each tracked file, once it is known.
    files: Vec<Option<i32>>,
    processes: Vec<Process>,
}

impl Checks {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            checks: config.checks.iter().map(Check::new).collect(),
            files: vec![None; config.files.len()],
            processes: vec![Process::default(); config.processes.len()],
        }
    }

    /// Whether these are the verdicts of that configuration's checks, files and processes.
    pub(crate) fn fit(&self, config: &Config) -> bool {
        let sizes = [self.checks.len(), self.files.len(), self.processes.len()];
        let wanted = [
            &config.checks.len(),
            &config.files.len(),
            &config.processes.len(),
        ];
        sizes.iter().eq(wanted)
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
        let checks = self.checks.iter().filter_map(Check::deadline);
        let processes = self.processes.iter().filter_map(Process::deadline);
        checks.chain(processes).min()
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
                        changed |= report(id, check.judge(spec, now, Outcome::TimedOut), out);
                    }
                }
            }
        }
        for (id, process) in (0..=u16::MAX).map(ProcessId).zip(&mut self.processes) {
            if let Some(good) = process.due(config.process(id), now) {
                out.push_back(turned(id, process, good));
                changed = true;
            }
        }
        changed
    }

    /// A tracked file was read. True when that may change something.
    pub(crate) fn file_read(
        &mut self,
        file: FileId,
        value: i32,
        out: &mut VecDeque<Output>,
    ) -> bool {
        let changed = self.files[file.index()].replace(value) != Some(value);
        if changed {
            out.push_back(Output::Event(Event::FileChanged { file, value }));
        }
        changed
    }

    /// Processes were counted. True when the verdict changed.
    pub(crate) fn counted(
        &mut self,
        config: &Config,
        now: Instant,
        id: ProcessId,
        count: u32,
        out: &mut VecDeque<Output>,
    ) -> bool {
        let process = &mut self.processes[id.index()];
        let verdict = process.counted(config.process(id), count, now);
        out.extend(verdict.map(|good| turned(id, process, good)));
        verdict.is_some()
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
        check.finish(spec, now) && report(id, check.judge(spec, now, outcome), out)
    }

    pub(crate) fn check(&self, id: CheckId) -> &Check {
        &self.checks[id.index()]
    }

    pub(crate) fn file(&self, id: FileId) -> Option<i32> {
        self.files[id.index()]
    }

    pub(crate) fn process(&self, id: ProcessId) -> &Process {
        &self.processes[id.index()]
    }

    /// What a check of that weight means for an instance now.
    pub(crate) fn standing(&self, id: CheckId, weight: Weight) -> Standing {
        weight::standing(self.checks[id.index()].verdict(), weight)
    }

    /// What each file that an instance follows means for it.
    pub(crate) fn files<'a>(
        &'a self,
        config: &'a InstanceConfig,
    ) -> impl Iterator<Item = (FileId, Standing)> + 'a {
        let files = config.files.iter();
        files.map(|t| (t.file, file_standing(self.files[t.file.index()], t.weight)))
    }

    /// The same of processes.
    pub(crate) fn processes<'a>(
        &'a self,
        config: &'a InstanceConfig,
    ) -> impl Iterator<Item = (ProcessId, Standing)> + 'a {
        let processes = config.processes.iter();
        processes.map(|t| {
            let process = &self.processes[t.process.index()];
            (t.process, process.standing(t.weight))
        })
    }

    /// What stands in an instance's way here. What has failed outranks what has said nothing yet.
    pub(crate) fn obstacle(&self, config: &InstanceConfig) -> Option<Reason> {
        let of = |wanted: Standing| {
            let failed = wanted == Standing::Fault;
            let mut checks = config.tracks.iter();
            let check = checks.find(|t| self.standing(t.check, t.weight) == wanted);
            let check = check.map(|t| t.check).map(|check| match failed {
                true => Reason::CheckFailed { check },
                false => Reason::CheckPending { check },
            });
            let file = self.files(config).find(|(_, s)| *s == wanted);
            let file = file.map(|(file, _)| match self.files[file.index()] {
                Some(value) => Reason::FileFault { file, value },
                None => Reason::FilePending { file },
            });
            let process = self.processes(config).find(|(_, s)| *s == wanted);
            let process = process.map(|(process, _)| match failed {
                true => Reason::ProcessFault { process },
                false => Reason::ProcessPending { process },
            });
            check.or(file).or(process)
        };
        of(Standing::Fault).or_else(|| of(Standing::Pending))
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
        let watched = self.files(config).map(|(_, s)| s);
        let watched = watched.chain(self.processes(config).map(|(_, s)| s));
        weight::effective(base, checks.chain(tracked).chain(watched))
    }
}

fn ids() -> impl Iterator<Item = CheckId> {
    (0..=u16::MAX).map(CheckId)
}

fn turned(id: ProcessId, process: &Process, good: bool) -> Output {
    Output::Event(Event::ProcessChanged {
        process: id,
        count: process.count(),
        good,
    })
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
        check::Judgement::NotRun { why, good } => {
            let event = Event::CheckNotRun {
                check: id,
                why,
                good,
            };
            out.push_back(Output::Event(event));
            true
        }
    }
}
