//! One probe of several targets: all are asked at once, and enough answers end it.

use std::fmt;
use std::io;
use std::net::IpAddr;

use locum_engine::Outcome;
use locum_engine::probe::{Probe, ProbeKind};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{arp, http, ping, tcp};

/// How a probe went. `Display` says it in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Targets that answered before it was decided.
    pub answered: u32,
    /// Targets asked.
    pub asked: u32,
    /// Answers needed.
    pub needed: u32,
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
        let Self {
            answered,
            asked,
            needed,
        } = self;
        write!(f, "{answered} of {asked} answered, {needed} needed")
    }
}

/// Asks every target at once; ends as soon as the result is certain.
pub async fn ask(probe: &Probe) -> Tally {
    let mut answers = start(probe);
    let mut tally = Tally {
        answered: 0,
        asked: u32::try_from(answers.len()).unwrap_or(u32::MAX),
        needed: probe.quorum.max(1),
    };
    let mut open = tally.asked;
    while !tally.succeeded() && tally.answered + open >= tally.needed {
        let Some(answer) = answers.join_next().await else {
            break;
        };
        open -= 1;
        tally.answered += u32::from(answer.unwrap_or(false));
    }
    tally
}

/// One task per target. Dropping the set ends them.
fn start(probe: &Probe) -> JoinSet<bool> {
    let (mut set, limit) = (JoinSet::new(), probe.timeout);
    match &probe.kind {
        ProbeKind::Ping { targets } => {
            for target in targets.clone() {
                set.spawn(async move { answered(timeout(limit, ping_any(target)).await) });
            }
        }
        ProbeKind::Arp { targets, interface } => {
            for target in targets.clone() {
                let interface = interface.clone();
                let ask = async move { arp::ask(target, interface.as_deref()).await };
                set.spawn(async move { answered(timeout(limit, ask).await) });
            }
        }
        ProbeKind::Tcp { targets } => {
            for target in targets.clone() {
                set.spawn(async move { answered(timeout(limit, tcp::ask(target)).await) });
            }
        }
        ProbeKind::Http { targets, status } => {
            let status = *status;
            for target in targets.clone() {
                let ask = async move { http::ask(&target, status).await };
                set.spawn(async move { answered(timeout(limit, ask).await) });
            }
        }
    }
    set
}

async fn ping_any(target: IpAddr) -> io::Result<()> {
    match target {
        IpAddr::V4(target) => ping::ask(target).await,
        IpAddr::V6(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn answered<E>(result: Result<io::Result<()>, E>) -> bool {
    matches!(result, Ok(Ok(())))
}
