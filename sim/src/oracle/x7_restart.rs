//! X7: a router that has just started listens first: no master before the master-down time, or
//! the skew time when somebody resigns meanwhile. A restart never grabs the address early.
//!
//! Owners are excepted (X6).

use core::time::Duration;

use locum_engine::Event;
use locum_engine::event::StateKind;

use super::member::MemberId;
use super::tracker::Tracker;
use super::{Oracle, Verdict, blame};
use crate::record::{DaemonChange, Observed, Record};

/// The oracle.
pub(super) struct Restart {
    verdict: Verdict,
    /// Has not been master since its daemon was started.
    fresh: Vec<bool>,
}

impl Restart {
    pub(super) fn new(world: &Tracker) -> Self {
        Self {
            verdict: Verdict::default(),
            fresh: vec![false; world.members.len()],
        }
    }

    /// Nobody takes part before `vrrp_startup_delay` and `vrrp_delay_after_boot` are over.
    fn first_step(&mut self, world: &Tracker, id: MemberId) {
        let member = world.member(id);
        let (host, config) = (world.host(member), member.config());
        for (since, delay, what) in [
            (host.started, config.startup_delay, "start"),
            (host.booted, config.delay_after_boot, "boot"),
        ] {
            let delay = host.drift.shortest(delay);
            let waited = world.now.saturating_since(since);
            if !self.verdict.at_least(waited + world.quantum, delay) {
                let what = format!("took part {waited:?} after its {what}, not {delay:?}");
                self.verdict
                    .violated(blame(world, member, world.now, &what));
            }
        }
    }

    fn check(&mut self, world: &Tracker, id: MemberId) {
        let member = world.member(id);
        let Some(change) = member.transition else {
            return;
        };
        if member.is_owner() {
            return;
        }
        if change.hearing.spoiled > world.host(member).started {
            self.verdict.suspended();
            return;
        }
        let listened = if change.from == StateKind::Backup {
            change.at.saturating_since(change.entered)
        } else {
            Duration::ZERO
        };
        let bound = match change.hearing.resigned_by(change.at) {
            Some(_) => world.skew(member, change.entered).0,
            None => world.master_down(member).0,
        };
        if !self.verdict.at_least(listened, bound) {
            let what = format!("became master after listening for {listened:?}, not {bound:?}");
            self.verdict
                .violated(blame(world, member, change.at, &what));
        }
    }
}

impl Oracle for Restart {
    fn name(&self) -> &'static str {
        "X7"
    }

    fn property(&self) -> &'static str {
        "listens before it first serves"
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        match &record.what {
            Observed::Daemon(host, DaemonChange::Started) => {
                for id in world.on(*host) {
                    self.fresh[id.0] = true;
                }
            }
            Observed::Engine(
                host,
                Event::StateChanged {
                    instance,
                    from: StateKind::Init,
                    to: StateKind::Backup | StateKind::Fault,
                    ..
                },
            ) => self.first_step(world, world.id(*host, *instance)),
            Observed::Engine(
                host,
                Event::StateChanged {
                    instance,
                    from,
                    to: StateKind::Master,
                    ..
                },
            ) => {
                let id = world.id(*host, *instance);
                if *from == StateKind::Init {
                    self.first_step(world, id);
                }
                if core::mem::replace(&mut self.fresh[id.0], false) {
                    self.check(world, id);
                }
            }
            _ => {}
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
