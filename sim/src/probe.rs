//! A health check under way: who was asked, who has answered, when it is over.
//!
//! Pings, ARP and TCP go through the network as real frames of the host's kernel. A check of the
//! host's own address, or of loopback, doesn't leave it: its kernel answers pings, its service
//! ([`Fault::Service`](crate::fault::Fault::Service)) answers TCP and HTTP. HTTP elsewhere is the
//! TCP exchange plus that host's status. One question is asked per target and run, not repeated.

use core::net::IpAddr;
use core::time::Duration;

use locum_engine::ids::CheckId;
use locum_engine::probe::{Probe, ProbeKind};
use locum_engine::{Instant, Outcome};

/// How a target is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Ping,
    Arp,
    Tcp,
    /// Expects this status.
    Http(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Pending,
    Good,
    Bad,
}

/// One of the targets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    answer: Answer,
}

/// A run of a check.
#[derive(Clone, Debug)]
pub(crate) struct ProbeRun {
    pub(crate) check: CheckId,
    /// Tells this run's answers from those to an earlier one.
    pub(crate) run: u16,
    pub(crate) ask: Ask,
    pub(crate) targets: Vec<Target>,
    /// In local time.
    pub(crate) deadline: Instant,
    /// What the run ends with at the deadline.
    pub(crate) expiry: Outcome,
    quorum: usize,
}

/// The first address that a probe asks.
pub(crate) fn first_target(probe: &Probe) -> Option<IpAddr> {
    match &probe.kind {
        ProbeKind::Ping { targets } => targets.first().copied(),
        ProbeKind::Arp { targets, .. } => targets.first().copied().map(IpAddr::V4),
        ProbeKind::Tcp { targets } => targets.first().map(|target| target.ip()),
        ProbeKind::Http { targets, .. } => targets.first().map(|target| target.address.ip()),
    }
}

impl ProbeRun {
    /// A run that starts at `now` (local time), with nobody asked yet. Too few answers within the
    /// probe's own timeout are a failure; when the check's `timeout` comes no later than that, the
    /// run has timed out.
    pub(crate) fn new(
        check: CheckId,
        run: u16,
        probe: &Probe,
        now: Instant,
        timeout: Duration,
    ) -> Self {
        let (ask, targets) = targets(&probe.kind);
        let (patience, expiry) = if probe.timeout < timeout {
            (probe.timeout, Outcome::Failure(1))
        } else {
            (timeout, Outcome::TimedOut)
        };
        Self {
            check,
            run,
            ask,
            quorum: usize::try_from(probe.quorum).unwrap_or(usize::MAX).max(1),
            targets,
            deadline: now + patience,
            expiry,
        }
    }

    /// Takes an answer from an address (and port, when asked by TCP).
    pub(crate) fn answer(&mut self, from: IpAddr, port: Option<u16>, good: bool) {
        for target in &mut self.targets {
            let same_port = port.is_none_or(|port| port == target.port);
            if target.address == from && same_port {
                target.answer = if good { Answer::Good } else { Answer::Bad };
            }
        }
    }

    /// How it ended, if it can be told already.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        let count = |answer| self.targets.iter().filter(|t| t.answer == answer).count();
        let good = count(Answer::Good);
        if good >= self.quorum {
            Some(Outcome::Success)
        } else if good + count(Answer::Pending) < self.quorum {
            Some(Outcome::Failure(1))
        } else {
            None
        }
    }
}

fn targets(kind: &ProbeKind) -> (Ask, Vec<Target>) {
    let target = |address: IpAddr, port| Target {
        address,
        port,
        answer: Answer::Pending,
    };
    match kind {
        ProbeKind::Ping { targets } => (Ask::Ping, targets.iter().map(|&a| target(a, 0)).collect()),
        ProbeKind::Arp { targets, .. } => {
            let targets = targets.iter().map(|&a| target(a.into(), 0));
            (Ask::Arp, targets.collect())
        }
        ProbeKind::Tcp { targets } => {
            let targets = targets.iter().map(|a| target(a.ip(), a.port()));
            (Ask::Tcp, targets.collect())
        }
        ProbeKind::Http { targets, status } => {
            let targets = targets
                .iter()
                .map(|t| target(t.address.ip(), t.address.port()));
            (Ask::Http(*status), targets.collect())
        }
    }
}
