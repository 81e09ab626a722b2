//! Health checks: the engine's [`Probes`], on the runtime's tasks.
//!
//! A check is either a script, run as its own process group, or a built-in probe, run right here
//! without a fork. Each run is a task; taking the runner's end of its channel away cancels it.

mod arp;
mod http;
mod ping;
mod quorum;
mod script;
mod tcp;
mod watch;

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use locum_engine::Outcome;
use locum_engine::config::{CheckCommand, CheckConfig, Config};
use locum_engine::driver::{Probes, Watched};
use locum_engine::ids::CheckId;
use locum_engine::probe::Probe;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::debug;

pub use quorum::{Tally, ask};
pub(crate) use script::Script;
pub use script::UnknownUser;
use watch::Watch;

/// Runs checks as tasks.
#[derive(Debug)]
pub struct TaskProbes {
    checks: Vec<Slot>,
    watch: Watch,
    runs: JoinSet<(CheckId, u64, Outcome)>,
}

/// One configured check.
#[derive(Debug)]
struct Slot {
    work: Work,
    /// The run under way; dropped, it ends the run.
    running: Option<oneshot::Sender<()>>,
    /// Tells a run's result from that of an earlier one that was cancelled.
    run: u64,
}

#[derive(Clone, Debug)]
enum Work {
    Script(Arc<Script>),
    Probe(Arc<Probe>),
}

impl TaskProbes {
    /// Begins to watch what is tracked, and looks up the users that scripts run as. Must be used inside a tokio runtime.
    ///
    /// # Errors
    /// When a user or group of the configuration doesn't exist on this host.
    pub fn new(config: &Config) -> Result<Self, UnknownUser> {
        let checks = config.checks.iter().map(Slot::new);
        Ok(Self {
            checks: checks.collect::<Result<_, _>>()?,
            watch: Watch::new(config),
            runs: JoinSet::new(),
        })
    }
}

impl Slot {
    fn new(config: &CheckConfig) -> Result<Self, UnknownUser> {
        let work = match &config.command {
            CheckCommand::Script(words) => {
                Work::Script(Arc::new(Script::new(words, config.user.as_ref())?))
            }
            CheckCommand::Probe(probe) => Work::Probe(Arc::new(probe.clone())),
        };
        Ok(Self {
            work,
            running: None,
            run: 0,
        })
    }
}

impl Probes for TaskProbes {
    fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<(CheckId, Outcome)> {
        loop {
            let Some(ended) = ready!(self.runs.poll_join_next(cx)) else {
                // Nothing runs; `start` is called by the task that polls here.
                return Poll::Pending;
            };
            // Only the end of the runtime makes a run end without a result.
            let Ok((check, run, outcome)) = ended else {
                continue;
            };
            let slot = &mut self.checks[check.index()];
            if slot.run == run && slot.running.take().is_some() {
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
        slot.run += 1;
        slot.running = Some(sender);
        let (work, run) = (slot.work.clone(), slot.run);
        self.runs
            .spawn(async move { (check, run, work.run(timeout, cancelled).await) });
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
