//! Health checks: the engine's [`Probes`], on the runtime's tasks.
//!
//! A check is either a script, run as its own process group, or a built-in probe, run right here
//! without a fork. Each run is a task; taking the runner's end of its channel away cancels it.

mod arp;
mod http;
mod ping;
mod quorum;
mod script;
mod secure;
mod tcp;
mod watch;

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use locum_engine::config::{CheckCommand, CheckConfig, Config};
use locum_engine::driver::{Probes, Watched};
use locum_engine::ids::CheckId;
use locum_engine::plan::Reloaded;
use locum_engine::probe::Probe;
use locum_engine::{NotRun, Outcome};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::debug;

pub use quorum::{Tally, ask};
pub(crate) use script::{CantRun, Script, runs_as_ids, runs_as_root};
use watch::Watch;

/// Runs checks as tasks.
#[derive(Debug)]
pub struct TaskProbes {
    checks: Vec<Slot>,
    watch: Watch,
    runs: JoinSet<(u64, Outcome)>,
    /// The number of the last run, over all checks.
    last_run: u64,
}

/// One configured check.
#[derive(Debug)]
struct Slot {
    /// `None`: there is no such user as it is to run as.
    work: Option<Work>,
    /// The run under way: its number, and what ends it when dropped. A check may move to another
    /// place of the configuration meanwhile; the number stays.
    running: Option<(u64, oneshot::Sender<()>)>,
}

#[derive(Clone, Debug)]
enum Work {
    Script(Arc<Script>),
    Probe(Arc<Probe>),
}

impl TaskProbes {
    /// Begins to watch what is tracked, and looks up the users that scripts run as. Must be used inside a tokio runtime.
    pub fn new(config: &Config) -> Self {
        let security = config.operation.script_security;
        let checks = config.checks.iter().map(|c| Slot::new(c, security));
        Self {
            checks: checks.collect(),
            watch: Watch::new(config),
            runs: JoinSet::new(),
            last_run: 0,
        }
    }
}

impl Slot {
    fn new(config: &CheckConfig, security: bool) -> Self {
        let work = match &config.command {
            CheckCommand::Script(words) => {
                let script = Script::new(words, config.user.as_ref(), security);
                script.ok().map(|script| Work::Script(Arc::new(script)))
            }
            CheckCommand::Probe(probe) => Some(Work::Probe(Arc::new(probe.clone()))),
        };
        Self {
            work,
            running: None,
        }
    }
}

impl Probes for TaskProbes {
    /// Checks that aren't cancelled keep their runs.
    fn reload(&mut self, reloaded: &Reloaded) {
        let Reloaded { config, plan, .. } = reloaded;
        let mut old: Vec<Option<Slot>> = self.checks.drain(..).map(Some).collect();
        for step in &plan.checks {
            let Some(to) = step.to else { continue };
            let kept = plan.moves.check_before(to);
            let kept = kept.and_then(|from| old[from.index()].take());
            let mut slot = Slot::new(config.check(to), config.operation.script_security);
            if let Some(kept) = kept {
                slot.running = kept.running;
                slot.work = kept.work.or(slot.work);
            }
            self.checks.push(slot);
        }
        // Everything watched is told once more; what is known already changes nothing.
        self.watch = Watch::again(config);
    }

    fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<(CheckId, Outcome)> {
        loop {
            let Some(ended) = ready!(self.runs.poll_join_next(cx)) else {
                // Nothing runs; `start` is called by the task that polls here.
                return Poll::Pending;
            };
            // Only the end of the runtime makes a run end without a result.
            let Ok((run, outcome)) = ended else {
                continue;
            };
            let of = |slot: &Slot| {
                slot.running
                    .as_ref()
                    .is_some_and(|(number, _)| *number == run)
            };
            // A run that was cancelled is nobody's.
            if let Some(at) = self.checks.iter().position(of) {
                self.checks[at].running = None;
                let check = CheckId(u16::try_from(at).expect("as many as ids"));
                return Poll::Ready((check, outcome));
            }
        }
    }

    fn poll_watched(&mut self, cx: &mut Context<'_>) -> Poll<Watched> {
        match self.watch.news().poll_recv(cx) {
            Poll::Ready(Some(news)) => Poll::Ready(news),
            // Nothing is watched.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn start(&mut self, check: CheckId, timeout: Duration) {
        let slot = &mut self.checks[check.index()];
        let (sender, cancelled) = oneshot::channel();
        self.last_run += 1;
        let run = self.last_run;
        slot.running = Some((run, sender));
        let work = slot.work.clone();
        self.runs.spawn(async move {
            match work {
                Some(work) => (run, work.run(timeout, cancelled).await),
                None => (run, Outcome::NotRun(NotRun::NoSuchUser)),
            }
        });
    }

    fn cancel(&mut self, check: CheckId) {
        self.checks[check.index()].running = None;
    }
}

impl Work {
    async fn run(self, timeout: Duration, cancelled: oneshot::Receiver<()>) -> Outcome {
        let given_up = async {
            tokio::select! {
                biased;
                _ = cancelled => {}
                () = tokio::time::sleep(timeout) => {}
            }
        };
        match self {
            Self::Script(script) => script.run(given_up).await,
            Self::Probe(probe) => tokio::select! {
                biased;
                tally = ask(&probe) => {
                    if !tally.succeeded() {
                        debug!("probe: {tally}");
                    }
                    tally.outcome()
                }
                () = given_up => Outcome::TimedOut,
            },
        }
    }
}

#[cfg(test)]
mod tests;
