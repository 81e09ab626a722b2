//! One probe of several targets: all are asked at once, and enough answers end it.

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use locum_engine::Outcome;
use locum_engine::probe::{Probe, ProbeKind};
use locum_engine::time::Seconds;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{arp, http, ping, tcp};

/// How a probe went. `Display` says it in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Targets that answered before it was decided.
    pub answered: u32,
    /// Targets asked.
    pub asked: u32,
    /// Answers needed.
    pub needed: u32,
    /// One sentence for each target that had failed by then.
    pub failures: Vec<String>,
}

impl Tally {
    /// Whether enough targets answered.
    pub const fn succeeded(&self) -> bool {
        self.answered >= self.needed
    }

    pub(super) const fn outcome(&self) -> Outcome {
        if self.succeeded() {
            Outcome::Success
        } else {
            Outcome::Failure(1)
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (answered, asked, needed) = (self.answered, self.asked, self.needed);
        write!(f, "{answered} of {asked} answered, {needed} needed")?;
        self.failures.iter().try_for_each(|e| write!(f, "; {e}"))
    }
}

/// Asks every target at once; ends as soon as the result is certain.
pub async fn ask(probe: &Probe) -> Tally {
    let mut answers = start(probe);
    let mut tally = Tally {
        answered: 0,
        asked: u32::try_from(answers.len()).unwrap_or(u32::MAX),
        needed: probe.quorum.max(1),
        failures: Vec::new(),
    };
    let mut open = tally.asked;
    while !tally.succeeded() && tally.answered + open >= tally.needed {
        let Some(answer) = answers.join_next().await else {
            break;
        };
        open -= 1;
        match answer {
            Ok(Ok(())) => tally.answered += 1,
            Ok(Err(failure)) => tally.failures.push(failure),
            // Only the end of the runtime ends a task in between.
            Err(_) => {}
        }
    }
    tally
}

type Answers = JoinSet<Result<(), String>>;

/// One task per target. Dropping the set ends them.
fn start(probe: &Probe) -> Answers {
    let (mut set, limit) = (JoinSet::new(), probe.timeout);
    match probe.kind.clone() {
        ProbeKind::Ping { targets } => {
            for target in targets {
                spawn(&mut set, limit, target.to_string(), ping::ask(target));
            }
        }
        ProbeKind::Arp { targets, interface } => {
            for target in targets {
                let answer = arp::ask(target, interface.clone());
                spawn(&mut set, limit, target.to_string(), answer);
            }
        }
        ProbeKind::Tcp { targets } => {
            for target in targets {
                spawn(&mut set, limit, target.to_string(), tcp::ask(target));
            }
        }
        ProbeKind::Http { targets, status } => {
            for target in targets {
                let name = format!("http://{}{}", target.address, target.path);
                spawn(&mut set, limit, name, http::ask(target, status));
            }
        }
    }
    set
}

fn spawn(
    set: &mut Answers,
    limit: Duration,
    name: String,
    answer: impl Future<Output = io::Result<()>> + Send + 'static,
) {
    set.spawn(async move {
        match timeout(limit, answer).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => Err(format!("{name}: {e}")),
            Err(_) => Err(format!("{name}: no answer within {}", Seconds(limit))),
        }
    });
}
