//! What each check ought to find, computed from the faults: the second opinion on health.
//!
//! A check's *condition* is what its target is like now; its *verdict* is what the engine made of
//! it. A simulated script succeeds unless it is forced not to. Where the records can't tell the
//! condition (a lossy path, a virtual address as target) it is `Unknown`, and nothing is asserted
//! about the verdict.

use core::net::IpAddr;
use core::time::Duration;
use std::sync::Arc;

use locum_engine::Instant;
use locum_engine::config::{CheckCommand, CheckConfig, Config};
use locum_engine::ids::CheckId;
use locum_engine::input::Outcome;
use locum_engine::probe::{Probe, ProbeKind};
use locum_engine::time::nanos;

use super::member::HostState;
use super::network::Network;
use super::reload;
use super::timing::minus;
use crate::fault::{Fault, TimedFault};
use crate::topology::{HostId, Topology};

/// Linux repeats an unanswered ARP request after a second (`retrans_time`).
const ASK_AGAIN: Duration = Duration::from_millis(1_100);

/// What a run of the check would find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It succeeds.
    Good,
    /// It fails.
    Bad,
    /// The records don't tell.
    Unknown,
}

/// One check of one router.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    /// Whose.
    pub(super) host: HostId,
    /// Which.
    pub(super) check: CheckId,
    /// What it ought to find.
    pub(super) finding: Finding,
    /// Since when, or since the daemon can act.
    pub(super) since: Instant,
    /// What the engine made of it; `None` until it first said so.
    pub(super) verdict: Option<bool>,
    /// What it made of it before.
    pub(super) verdict_before: Option<bool>,
    /// When the verdict last changed.
    pub(super) judged: Instant,
    /// Every run since then may have failed.
    pub(super) not_good_since: Instant,
    /// Every run since then may have succeeded.
    pub(super) not_bad_since: Instant,
    forced: Option<Outcome>,
    /// The present configuration of its host has it.
    present: bool,
    config: Arc<Config>,
}

impl Condition {
    fn new(host: HostId, check: CheckId, config: &Arc<Config>, present: bool) -> Self {
        Self {
            host,
            check,
            finding: Finding::Unknown,
            since: Instant::ZERO,
            verdict: None,
            verdict_before: None,
            judged: Instant::ZERO,
            not_good_since: Instant::ZERO,
            not_bad_since: Instant::ZERO,
            forced: None,
            present,
            config: Arc::clone(config),
        }
    }

    /// Its configuration.
    pub(super) fn spec(&self) -> &CheckConfig {
        self.config.check(self.check)
    }

    /// From the start of one run to the start of the next, when runs take as long as they may:
    /// runs start on a grid of one interval and don't overlap.
    pub(super) fn step(&self) -> Duration {
        let spec = self.spec();
        let interval = nanos(spec.interval).max(1);
        let steps = nanos(spec.timeout).div_ceil(interval).max(1);
        Duration::from_nanos(interval.saturating_mul(steps))
    }

    /// A stretch of time that contains a whole run for certain.
    pub(super) fn whole_run(&self, quantum: Duration) -> Duration {
        ASK_AGAIN + self.step() + self.spec().timeout + quantum * 4
    }

    /// The most time that it takes to fall after its target fails: `F I + T`.
    pub(super) fn slowest_fall(&self, quantum: Duration) -> Duration {
        self.slowest(self.spec().fall, quantum)
    }

    /// The most time that it takes to rise after its target returns: `R I + T`, and up to a second
    /// until the kernel asks again at which hardware address it is.
    pub(super) fn slowest_rise(&self, quantum: Duration) -> Duration {
        ASK_AGAIN + self.slowest(self.spec().rise, quantum)
    }

    /// The most time that so many results in a row can take, with the grid.
    fn slowest(&self, runs: u32, quantum: Duration) -> Duration {
        let runs = runs.max(1);
        self.step() * runs + self.spec().timeout + quantum * (2 * runs + 3)
    }

    /// The least: `(F - 1) I`, less a run that was under way when the change came.
    pub(super) fn fastest(&self, runs: u32, quantum: Duration) -> Duration {
        let spec = self.spec();
        minus(
            spec.interval * runs.max(1).saturating_sub(1),
            spec.timeout + quantum * 2,
        )
    }

    fn turn(&mut self, finding: Finding, now: Instant, quantum: Duration) {
        if finding == self.finding {
            return;
        }
        let lasted = now.saturating_since(self.since);
        if lasted >= self.whole_run(quantum) {
            match self.finding {
                Finding::Good => self.not_good_since = now,
                Finding::Bad => self.not_bad_since = now,
                Finding::Unknown => {}
            }
        }
        if self.verdict.is_none() {
            match self.finding {
                Finding::Good if lasted > self.slowest_rise(quantum) => self.verdict = Some(true),
                Finding::Bad if lasted > self.slowest_fall(quantum) => self.verdict = Some(false),
                _ => {}
            }
        }
        self.finding = finding;
        self.since = now;
    }
}

/// All checks of all routers.
#[derive(Clone, Debug)]
pub(super) struct Conditions {
    /// In order of host and check.
    pub(super) list: Vec<Condition>,
    /// By host and [`CheckId`], positions in the list.
    at: Vec<Vec<usize>>,
    /// The same of the first configuration, which is the one that faults speak of.
    first: Vec<Vec<usize>>,
    /// What each host's web service answers: 200 from the beginning.
    services: Vec<Option<Option<u16>>>,
}

impl Conditions {
    /// Nothing is known. Every check of every configuration is there from the beginning.
    pub(super) fn new(topology: &Topology, faults: &[TimedFault]) -> Self {
        let mut list: Vec<Condition> = Vec::new();
        let mut first = Vec::new();
        for host in (0..topology.hosts.len()).map(|i| HostId(i as u16)) {
            let from = list.len();
            let configs = reload::configs(topology, faults, host);
            for (written, config) in configs.iter().enumerate() {
                for (i, check) in config.checks.iter().enumerate() {
                    let known = |c: &Condition| c.spec().name == check.name;
                    if !list[from..].iter().any(known) {
                        let check = CheckId(i as u16);
                        list.push(Condition::new(host, check, config, written == 0));
                    }
                }
            }
            let count = configs.first().map_or(0, |config| config.checks.len());
            first.push((from..from + count).collect());
        }
        Self {
            list,
            at: first.clone(),
            first,
            services: vec![Some(Some(200)); topology.hosts.len()],
        }
    }

    /// The condition of that check.
    pub(super) fn get(&self, host: HostId, check: CheckId) -> &Condition {
        &self.list[self.at[host.index()][check.index()]]
    }

    /// The daemon of that host has another configuration. What was forced or found stays.
    pub(super) fn reload(&mut self, host: HostId, config: &Arc<Config>, now: Instant) {
        let mut at = vec![0; config.checks.len()];
        let own = self.list.iter_mut().enumerate();
        for (position, condition) in own.filter(|(_, c)| c.host == host) {
            let found = reload::find_check(config, &condition.spec().name);
            let same = found.is_some_and(|check| config.check(check) == condition.spec());
            if !same || !condition.present {
                condition.not_good_since = now;
                condition.not_bad_since = now;
                condition.since = now;
            }
            if !condition.present {
                condition.verdict = None;
            }
            condition.present = found.is_some();
            if let Some(check) = found {
                (condition.check, condition.config) = (check, Arc::clone(config));
                at[check.index()] = position;
            }
        }
        self.at[host.index()] = at;
    }

    /// Those of one host.
    pub(super) fn of(&self, host: HostId) -> impl Iterator<Item = &Condition> {
        self.list.iter().filter(move |c| c.host == host)
    }

    /// Takes in what a fault says about checks.
    pub(super) fn fault(&mut self, fault: &Fault) {
        match fault {
            Fault::ForceCheck(host, check, outcome) => {
                let position = self.first[host.index()][check.index()];
                self.list[position].forced = *outcome;
            }
            Fault::Service(host, answer) => self.services[host.index()] = Some(*answer),
            _ => {}
        }
    }

    /// The engine's verdict changed.
    pub(super) fn verdict(&mut self, host: HostId, check: CheckId, good: bool, now: Instant) {
        let position = self.at[host.index()][check.index()];
        let condition = &mut self.list[position];
        condition.verdict_before = condition.verdict.replace(good);
        condition.judged = now;
    }

    /// The daemon begins anew, and with it the counting.
    pub(super) fn restart(&mut self, host: HostId, now: Instant) {
        for condition in self.list.iter_mut().filter(|c| c.host == host) {
            condition.verdict = None;
            condition.since = now;
            condition.not_good_since = now;
            condition.not_bad_since = now;
        }
    }

    /// Works out every condition again.
    pub(super) fn refresh(
        &mut self,
        topology: &Topology,
        network: &Network,
        hosts: &[HostState],
        now: Instant,
        quantum: Duration,
    ) {
        let view = View {
            topology,
            network,
            hosts,
            services: &self.services,
            quantum,
        };
        for condition in &mut self.list {
            let finding = view.finding(condition);
            condition.turn(finding, now, quantum);
        }
    }
}

/// What a finding depends on.
struct View<'a> {
    topology: &'a Topology,
    network: &'a Network,
    hosts: &'a [HostState],
    services: &'a [Option<Option<u16>>],
    quantum: Duration,
}

impl View<'_> {
    fn finding(&self, condition: &Condition) -> Finding {
        if !condition.present || !self.hosts[condition.host.index()].acts() {
            return Finding::Unknown;
        }
        match (condition.forced, &condition.spec().command) {
            (Some(Outcome::Success), _) => Finding::Good,
            (Some(Outcome::NotRun(_)), _) => Finding::Unknown,
            (Some(Outcome::Failure(_) | Outcome::TimedOut), _) => Finding::Bad,
            (None, CheckCommand::Script(_)) => Finding::Good,
            (None, CheckCommand::Probe(probe)) => {
                self.probe(condition.host, probe, condition.spec().timeout)
            }
        }
    }

    fn probe(&self, host: HostId, probe: &Probe, timeout: Duration) -> Finding {
        let timeout = timeout.min(probe.timeout);
        let answers: Vec<Finding> = match &probe.kind {
            ProbeKind::Ping { targets } => targets
                .iter()
                .map(|t| self.answers(host, *t, timeout))
                .collect(),
            ProbeKind::Arp { targets, .. } => targets
                .iter()
                .map(|t| self.answers(host, IpAddr::V4(*t), timeout))
                .collect(),
            ProbeKind::Tcp { targets } => targets
                .iter()
                .map(|t| self.serves(host, t.ip(), None, timeout))
                .collect(),
            ProbeKind::Http { targets, status } => targets
                .iter()
                .map(|t| self.serves(host, t.address.ip(), Some(*status), timeout))
                .collect(),
        };
        let count = |f| answers.iter().filter(|a| **a == f).count() as u32;
        if count(Finding::Good) >= probe.quorum {
            Finding::Good
        } else if count(Finding::Good) + count(Finding::Unknown) < probe.quorum {
            Finding::Bad
        } else {
            Finding::Unknown
        }
    }

    /// Whether the owner of an address answers within the timeout. Resolving the address may
    /// take a round trip of its own. Virtual addresses are left open.
    fn answers(&self, from: HostId, target: IpAddr, timeout: Duration) -> Finding {
        let Some(to) = self.owner(from, target) else {
            return Finding::Unknown;
        };
        if to == from {
            return Finding::Good;
        }
        let from = self.topology.port_towards(from, target);
        let state = &self.hosts[self.topology.owner(to).index()];
        if !state.powered || state.paused {
            return Finding::Bad;
        }
        let (Some(there), Some(back)) =
            (self.network.route(from, to), self.network.route(to, from))
        else {
            return Finding::Bad;
        };
        let slow = (there.longest() + back.longest()) * 2 + self.quantum * 4 >= timeout;
        if there.lossy || back.lossy || slow {
            return Finding::Unknown;
        }
        Finding::Good
    }

    /// Whether the service at an address gives that answer, or, with no status, any.
    fn serves(
        &self,
        from: HostId,
        target: IpAddr,
        status: Option<u16>,
        timeout: Duration,
    ) -> Finding {
        let reached = self.answers(from, target, timeout);
        if reached != Finding::Good {
            return reached;
        }
        let told = self
            .owner(from, target)
            .and_then(|h| self.services[h.index()]);
        match (told, status) {
            (None, _) => Finding::Unknown,
            (Some(None), _) => Finding::Bad,
            (Some(Some(_)), None) => Finding::Good,
            (Some(Some(answer)), Some(wanted)) if answer == wanted => Finding::Good,
            (Some(Some(_)), Some(_)) => Finding::Bad,
        }
    }

    fn owner(&self, from: HostId, target: IpAddr) -> Option<HostId> {
        if target.is_loopback() {
            return Some(from);
        }
        owner(self.topology, target)
    }
}

/// The host whose own address that is.
pub(super) fn owner(topology: &Topology, target: IpAddr) -> Option<HostId> {
    let position = topology
        .hosts
        .iter()
        .position(|h| h.own_addresses().any(|own| own == target))?;
    Some(HostId(position as u16))
}
