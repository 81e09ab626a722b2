//! The oracles: what must be true of every run, watched record by record.
//!
//! They see the topology, with each router's configuration, and the stream of [`Record`]s; they
//! share no code with the engine. Intervals, ranks and reachability are computed here a second
//! time, so that an error there doesn't hide itself. One property per file, `X` for structure and
//! `T` for time; each keeps the observation closest to its bound. Where the environment is not
//! clean (loss, one-way paths, stalls) a timed property is suspended, and that is counted.
//!
//! The bounds are those of RFC 9568 timers plus path delay; the order of effects is the one that
//! [`locum_engine::output`] promises.

use core::time::Duration;

use locum_engine::Instant;

use crate::fault::TimedFault;
use crate::record::{Observed, Record};
use crate::topology::{HostId, Topology};

mod condition;
mod health;
mod member;
mod network;
mod overdue;
mod pacing;
mod reload;
mod segment;
mod settling;
mod stamps;
mod timing;
mod tracker;
mod unicast;
mod verdict;

mod x10_reload;
mod x1_addresses;
mod x2_adverts;
mod x3_takeover;
mod x4_letting_go;
mod x5_evidence;
mod x6_priority;
mod x7_restart;
mod x8_preemption;
mod x9_agreement;

mod t0_uniqueness;
mod t10_stall;
mod t11_double_hold;
mod t12_lease;
mod t13_detection;
mod t14_arbitration;
mod t15_dead_gateway;
mod t16_recovery;
mod t17_groups;
mod t1_presence;
mod t2_rank;
mod t3_silence;
mod t4_resignation;
mod t5_dual;
mod t6_service;
mod t7_reannouncement;
mod t8_flapping;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use tracker::Tracker;
pub use verdict::{Extreme, Finding, Report, Slack, Verdict, Violation};

/// What the oracles know before the first record.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// What the network is made of.
    pub topology: &'a Topology,
    /// The plan, for the configurations in it.
    pub faults: &'a [TimedFault],
    /// δ: the grid on which the runner lets hosts act; zero when they act at once.
    pub quantum: Duration,
    /// When the run ends. Nothing is demanded of what would come later.
    pub until: Instant,
}

/// One property.
trait Oracle {
    /// `X1` to `T17`.
    fn name(&self) -> &'static str;

    /// The property in at most 34 characters.
    fn property(&self) -> &'static str;

    /// Nothing is recorded from `world.now` until `to`; what should have happened before `to` has
    /// not.
    fn elapse(&mut self, world: &Tracker, to: Instant) {
        let _ = (world, to);
    }

    /// Something is recorded; `world` shows it already.
    fn observe(&mut self, world: &Tracker, record: &Record);

    /// The daemon of a host has another configuration; `world` shows it already.
    fn reload(&mut self, world: &Tracker, host: HostId) {
        let _ = (world, host);
    }

    /// The run ends at `world.now`.
    fn finish(&mut self, world: &Tracker) {
        let _ = world;
    }

    /// What was found.
    fn verdict(&mut self) -> &mut Verdict;
}

/// All oracles over one run.
pub struct Jury {
    tracker: Tracker,
    oracles: Vec<Box<dyn Oracle>>,
    until: Instant,
}

impl Jury {
    /// Before the first record.
    pub fn new(setup: Setup<'_>) -> Self {
        let tracker = Tracker::new(setup.topology, setup.faults, setup.quantum);
        let oracles: Vec<Box<dyn Oracle>> = vec![
            Box::new(x1_addresses::Addresses::new(&tracker)),
            Box::new(x2_adverts::Adverts::new(&tracker)),
            Box::new(x3_takeover::Takeover::new(&tracker)),
            Box::new(x4_letting_go::LettingGo::new(&tracker)),
            Box::new(x5_evidence::Evidence::new(&tracker)),
            Box::new(x6_priority::Priorities::new(&tracker)),
            Box::new(x7_restart::Restart::new(&tracker)),
            Box::new(x8_preemption::Preemption::new(&tracker)),
            Box::new(x9_agreement::Agreement::new(&tracker)),
            Box::new(x10_reload::Reload::new(&tracker)),
            Box::new(t0_uniqueness::Uniqueness::default()),
            Box::new(t1_presence::Presence::default()),
            Box::new(t2_rank::Rank::default()),
            Box::new(t3_silence::Silence::new(&tracker)),
            Box::new(t4_resignation::Resignation::new(&tracker)),
            Box::new(t5_dual::Dual::default()),
            Box::new(t6_service::Service::new(&tracker)),
            Box::new(t7_reannouncement::Reannouncement::default()),
            Box::new(t8_flapping::Flapping::default()),
            Box::new(t10_stall::Stall::default()),
            Box::new(t11_double_hold::DoubleHold::new(&tracker)),
            Box::new(t12_lease::Lease::new(&tracker)),
            Box::new(t13_detection::Detection::default()),
            Box::new(t14_arbitration::Arbitration::new(&tracker)),
            Box::new(t15_dead_gateway::DeadGateway::default()),
            Box::new(t16_recovery::Recovery::default()),
            Box::new(t17_groups::Groups::new(&tracker)),
        ];
        Self {
            tracker,
            oracles,
            until: setup.until,
        }
    }

    /// Takes in one record. Times never go back; within one instant the order is that in which
    /// things happened.
    pub fn observe(&mut self, record: &Record) {
        self.elapse(record.at);
        self.tracker.apply(record);
        for oracle in &mut self.oracles {
            if let Observed::Reloaded(host, _) = record.what {
                oracle.reload(&self.tracker, host);
            }
            oracle.observe(&self.tracker, record);
        }
    }

    /// The run is over.
    pub fn finish(mut self) -> Report {
        self.elapse(self.until);
        for oracle in &mut self.oracles {
            oracle.finish(&self.tracker);
        }
        let findings = self.oracles.iter_mut().map(|oracle| Finding {
            name: oracle.name(),
            property: oracle.property(),
            verdict: oracle.verdict().clone(),
        });
        Report {
            findings: findings.collect(),
        }
    }

    fn elapse(&mut self, to: Instant) {
        if to > self.tracker.now {
            for oracle in &mut self.oracles {
                oracle.elapse(&self.tracker, to);
            }
            self.tracker.now = to;
        }
    }
}

impl core::fmt::Debug for Jury {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Jury")
            .field("until", &self.until)
            .field("oracles", &self.oracles.len())
            .finish_non_exhaustive()
    }
}

/// A violation to be blamed on a member of a virtual router.
fn blame(world: &Tracker, member: &member::Member, at: Instant, what: &str) -> Violation {
    Violation {
        at,
        host: Some(member.host),
        instance: Some(member.instance),
        what: format!("{}: {what}", world.name(member)),
    }
}
