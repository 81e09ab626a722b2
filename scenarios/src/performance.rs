//! A scenario carried out: the run, its trace, and what became of the expectations.

use std::fmt;

use locum_sim::capture::{Bytes, TapPoint};
use locum_sim::oracle::Report;
use locum_sim::record::Record;
use locum_sim::run::{Options, Runner, Setup};
use locum_sim::topology::{HostId, SwitchId, Topology};
use locum_sim::trace;

use crate::check::{Outcome, check};
use crate::scenario::Scenario;

/// Frames with their times.
pub type Frames = Vec<(locum_engine::Instant, Bytes)>;

/// What came of a scenario with one seed.
#[derive(Debug)]
pub struct Performance {
    /// Everything that was seen.
    pub records: Vec<Record>,
    /// The run as text.
    pub trace: String,
    /// In the order of [`Scenario::expectations`].
    pub outcomes: Vec<Outcome>,
    /// What the oracles say.
    pub report: Report,
    /// One capture for each observation point, by name; empty unless they were asked for.
    pub captures: Vec<(String, Frames)>,
}

impl Performance {
    /// Carries a scenario out.
    pub fn new(scenario: &Scenario, seed: u64, runner: Runner, capture: bool) -> Self {
        let setup = Setup {
            topology: scenario.topology.clone(),
            plan: scenario.plan(seed),
        };
        let points = match capture {
            true => observation_points(&scenario.topology),
            false => Vec::new(),
        };
        let options = Options {
            taps: points.iter().map(|(_, point)| *point).collect(),
            ..Options::default()
        };
        let run = runner.run(&setup, &options);
        Self {
            trace: trace::render(&scenario.topology, &run.records),
            outcomes: check(&run.records, &scenario.topology, &scenario.expectations),
            captures: points
                .into_iter()
                .map(|(name, _)| name)
                .zip(run.captures)
                .collect(),
            records: run.records,
            report: run.report.expect("oracles watch unless told not to"),
        }
    }

    /// Whether everything came as expected, and no oracle found fault.
    pub fn is_good(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.met) && self.report.holds()
    }
}

/// Every switch, as if a bridge were watched, and the NIC of every host.
fn observation_points(topology: &Topology) -> Vec<(String, TapPoint)> {
    let switches = topology.switches.iter().enumerate().map(|(index, switch)| {
        let point = TapPoint::Segment(SwitchId(index as u16));
        (switch.name.to_string(), point)
    });
    let hosts = topology.hosts.iter().enumerate().map(|(index, host)| {
        let point = TapPoint::Nic(HostId(index as u16));
        (host.name.to_string(), point)
    });
    switches.chain(hosts).collect()
}

/// The command that does the same again.
#[derive(Clone, Copy, Debug)]
pub struct Replay<'a> {
    /// The catalogue name or the file.
    pub file: &'a str,
    /// The seed.
    pub seed: u64,
    /// The runner.
    pub runner: Runner,
}

impl fmt::Display for Replay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, seed, runner } = self;
        write!(f, "rehearse run {file} --seed {seed} --runner {runner}")
    }
}
