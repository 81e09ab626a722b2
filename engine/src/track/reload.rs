//! Checks whose configuration changes while they run. A verdict stays until somebody says otherwise.

use std::collections::VecDeque;

use super::Checks;
use super::check::Check;
use super::watch::Process;
use crate::config::Config;
use crate::output::{Effect, Output};
use crate::plan::{Fate, Plan};
use crate::time::Instant;

impl Checks {
    /// Under the old configuration: ends the runs of commands that aren't wanted any more.
    pub(crate) fn cancel(&mut self, plan: &Plan, out: &mut VecDeque<Output>) {
        for step in &plan.checks {
            let Some(id) = step.from else { continue };
            let ends = match step.fate {
                Fate::Restarted(_) | Fate::Removed => true,
                Fate::Unchanged | Fate::Changed(_) | Fate::Added => false,
            };
            if ends && self.checks[id.index()].stop() {
                out.push_back(Output::Effect(Effect::CancelCheck { check: id }));
            }
        }
    }

    /// Under the new configuration: what goes on keeps verdict and schedule, what is new or has
    /// another command runs at once.
    pub(crate) fn move_in(&mut self, plan: &Plan, config: &Config, now: Instant, running: bool) {
        let mut old: Vec<Option<Check>> = self.checks.drain(..).map(Some).collect();
        for step in &plan.checks {
            let Some(to) = step.to else { continue };
            let spec = config.check(to);
            let kept = step.from.and_then(|from| old[from.index()].take());
            let mut check = kept.unwrap_or_else(|| Check::new(spec));
            match step.fate {
                Fate::Unchanged => {}
                Fate::Changed(_) => check.hasten(spec, now),
                Fate::Added | Fate::Restarted(_) | Fate::Removed if running => check.start(now),
                Fate::Added | Fate::Restarted(_) | Fate::Removed => {}
            }
            self.checks.push(check);
        }
        self.move_watched(plan, config);
    }

    /// What is known of files and processes goes along; of new ones nothing is known yet.
    fn move_watched(&mut self, plan: &Plan, config: &Config) {
        let files = core::mem::replace(&mut self.files, vec![None; config.files.len()]);
        for (value, to) in files.into_iter().zip(&plan.moves.files) {
            if let Some(to) = to {
                self.files[to.index()] = value;
            }
        }
        let unknown = vec![Process::default(); config.processes.len()];
        let processes = core::mem::replace(&mut self.processes, unknown);
        for (known, to) in processes.into_iter().zip(&plan.moves.processes) {
            if let Some(to) = to {
                self.processes[to.index()] = known;
            }
        }
    }
}
