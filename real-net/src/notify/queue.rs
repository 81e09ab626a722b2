//! Scripts in order: one at a time for each instance and group, the latest state when they are slow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::warn;

use super::Subject;
use crate::probes::Script;

/// A script that takes longer is killed, with its process group.
const DEADLINE: Duration = Duration::from_secs(60);
/// So many scripts run at once, of all instances: a switch that dies moves thousands of them.
const AT_ONCE: usize = 64;

/// Command lines that run one after the other.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) runs: Vec<(Vec<Arc<str>>, User)>,
}

type User = Option<(Arc<str>, Option<Arc<str>>)>;

/// A queue for each subject, and one beside it for what isn't a state.
#[derive(Debug)]
pub(super) struct Queues {
    queues: BTreeMap<(Subject, bool), Arc<Mutex<Queue>>>,
    workers: JoinSet<()>,
    room: Arc<Semaphore>,
    /// `enable_script_security`
    security: bool,
}

/// Room for one job: the latest.
#[derive(Debug, Default)]
struct Queue {
    running: bool,
    next: Option<Job>,
}

impl Queues {
    /// Without scripts so far. `security` is `enable_script_security`.
    pub(super) fn new(security: bool) -> Self {
        Self {
            security,
            queues: BTreeMap::new(),
            workers: JoinSet::new(),
            room: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Runs a job after the one under way. It takes the place of one that still waits.
    pub(super) fn post(&mut self, subject: Subject, job: Job) {
        self.add((subject, false), job);
    }

    /// The same, in a queue of its own: the job doesn't tell a state, and must not displace one.
    pub(super) fn post_beside(&mut self, subject: Subject, job: Job) {
        self.add((subject, true), job);
    }

    fn add(&mut self, key: (Subject, bool), job: Job) {
        // What has ended is taken out, so that the set doesn't grow.
        while self.workers.try_join_next().is_some() {}
        let queue = Arc::clone(self.queues.entry(key).or_default());
        {
            let mut state = queue.lock().unwrap_or_else(PoisonError::into_inner);
            if state.running {
                state.next = Some(job);
                return;
            }
            state.running = true;
        }
        let (room, security) = (Arc::clone(&self.room), self.security);
        self.workers.spawn(work(queue, job, room, security));
    }

    /// Positions mean other subjects from now on; what is under way goes on.
    pub(super) fn forget(&mut self, security: bool) {
        self.security = security;
        self.queues.clear();
    }

    /// Waits until nothing runs any more, at most so long; what still runs then is killed.
    pub(super) async fn finish(&mut self, limit: Duration) {
        let all = async { while self.workers.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, all).await.is_err() {
            warn!("notify scripts still run after {limit:?}: they are killed");
            self.workers.shutdown().await;
        }
    }
}

async fn work(queue: Arc<Mutex<Queue>>, first: Job, room: Arc<Semaphore>, security: bool) {
    let mut job = first;
    loop {
        for (words, user) in job.runs {
            // The semaphore is never closed.
            let _permit = room.acquire().await;
            run(&words, user.as_ref(), security).await;
        }
        let mut state = queue.lock().unwrap_or_else(PoisonError::into_inner);
        match state.next.take() {
            Some(next) => job = next,
            None => {
                state.running = false;
                return;
            }
        }
    }
}

async fn run(words: &[Arc<str>], user: Option<&(Arc<str>, Option<Arc<str>>)>, security: bool) {
    let command = words.join(" ");
    match Script::new(words, user, security) {
        Ok(script) => {
            let outcome = script.run(tokio::time::sleep(DEADLINE)).await;
            if outcome != locum_engine::Outcome::Success {
                warn!(command, "notify script: {outcome}");
            }
        }
        Err(e) => warn!(command, "notify script not run: {e}"),
    }
}
