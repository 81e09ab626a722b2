//! Announcements one at a time, where the configuration asks for a gap between them
//! (`vrrp_garp_interval`, `vrrp_gna_interval`, `garp_group`).
//!
//! A lane is what shares a gap: the gratuitous ARPs, or the neighbour advertisements, of some
//! interfaces. A burst becomes one job of each lane it needs, whatever its length, and a new burst
//! of the same router takes the old one's place: nothing piles up. Routers take turns round by
//! round, so that the first announcement of each waits for no second one. Adverts never come here.
//!
//! keepalived queues an address once, however many repeats are asked for [measured, 2.2.7]; here
//! each repeat is sent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{Config, VirtualAddress};
use crate::ids::InstanceId;
use crate::input::LinkState;
use crate::output::Output;
use crate::plan::Plan;
use crate::router::announcement;
use crate::time::Instant;
use crate::wire::Family;

/// All lanes of one engine.
#[derive(Debug)]
pub(crate) struct Pacer {
    lanes: Vec<Lane>,
    /// By [`InterfaceId`](crate::ids::InterfaceId) and family.
    by_interface: Vec<[Option<usize>; 2]>,
    /// The lanes with something to send, by the time at which they may.
    waiting: BTreeSet<(Instant, usize)>,
}

/// What has to keep a distance.
#[derive(Debug)]
struct Lane {
    gap: Duration,
    /// The next announcement may leave then.
    free_at: Instant,
    /// Earlier rounds first.
    jobs: VecDeque<Job>,
    /// Its entry in `waiting`.
    listed: Option<Instant>,
}

/// The rest of a burst of one router.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    instance: InstanceId,
    /// Rounds behind it.
    round: u32,
    /// Single announcements.
    left: u32,
    /// Position among the addresses held, where to go on.
    next: usize,
    scope: Scope,
}

/// Which addresses a burst is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Scope {
    /// All.
    All,
    /// Those on other interfaces than the instance's own.
    Elsewhere,
}

/// What it takes to make an announcement.
pub(crate) struct Stage<'a> {
    pub(crate) now: Instant,
    pub(crate) config: &'a Config,
    pub(crate) links: &'a [LinkState],
    pub(crate) out: &'a mut VecDeque<Output>,
}

impl Scope {
    /// Whether it covers an address of that instance.
    pub(crate) fn covers(self, config: &Config, id: InstanceId, held: &VirtualAddress) -> bool {
        match self {
            Self::All => true,
            Self::Elsewhere => held.interface != config.instance(id).interface,
        }
    }
}

impl Pacer {
    pub(crate) fn new(config: &Config) -> Self {
        let mut pacer = Self {
            lanes: Vec::new(),
            by_interface: vec![[None; 2]; config.interfaces.len()],
            waiting: BTreeSet::new(),
        };
        for pace in &config.pacing {
            for (family, gap) in [(Family::V4, pace.garp), (Family::V6, pace.gna)] {
                if gap.is_zero() {
                    continue;
                }
                for interface in &pace.interfaces {
                    let lane = pacer.lanes.len();
                    pacer.by_interface[interface.index()][slot(family)] = Some(lane);
                }
                pacer.lanes.push(Lane {
                    gap,
                    free_at: Instant::ZERO,
                    jobs: VecDeque::new(),
                    listed: None,
                });
            }
        }
        pacer
    }

    /// Another configuration. Where the distances are as before, what waits goes on waiting; where
    /// they aren't, it is dropped, and the next burst is on time again.
    pub(crate) fn move_in(&mut self, plan: &Plan, config: &Config) {
        let moves = &plan.moves;
        let mut new = Self::new(config);
        let mut old_lanes = vec![None; new.lanes.len()];
        for (old, lanes) in self.by_interface.iter().enumerate() {
            let interface = moves.interfaces.get(old).copied().flatten();
            let Some(interface) = interface else { continue };
            for (family, lane) in lanes.iter().enumerate() {
                if let (Some(new), Some(old)) = (new.by_interface[interface.index()][family], lane)
                {
                    old_lanes[new] = Some(*old);
                }
            }
        }
        for (at, old) in old_lanes.into_iter().enumerate() {
            let Some(old) = old else { continue };
            let (lane, old) = (&mut new.lanes[at], &self.lanes[old]);
            if lane.gap != old.gap {
                continue;
            }
            lane.free_at = old.free_at;
            let moved = |job: &Job| {
                let instance = moves.instance(job.instance)?;
                Some(Job { instance, ..*job })
            };
            lane.jobs = old.jobs.iter().filter_map(moved).collect();
            new.list(at);
        }
        *self = new;
    }

    /// Whether the announcements of that address have to keep a distance.
    pub(crate) fn paces(&self, held: &VirtualAddress) -> bool {
        self.lane(held).is_some()
    }

    fn lane(&self, held: &VirtualAddress) -> Option<usize> {
        self.by_interface[held.interface.index()][slot(Family::of(held.address))]
    }

    /// A burst of `rounds` over the paced addresses of a router; what may leave at once does.
    pub(crate) fn ask(&mut self, stage: &mut Stage<'_>, id: InstanceId, rounds: u32, scope: Scope) {
        let mut wanted: BTreeMap<usize, u32> = BTreeMap::new();
        for held in stage.config.instance(id).held_addresses() {
            if let Some(lane) = self
                .lane(held)
                .filter(|_| scope.covers(stage.config, id, held))
            {
                *wanted.entry(lane).or_default() += 1;
            }
        }
        for (at, addresses) in wanted {
            let lane = &mut self.lanes[at];
            let left = addresses.saturating_mul(rounds);
            let waits = lane.jobs.iter_mut().find(|job| job.instance == id);
            match waits {
                Some(job) => {
                    job.left = job.left.max(left);
                    if job.scope != scope {
                        job.scope = Scope::All;
                    }
                }
                None => lane.insert(Job {
                    instance: id,
                    round: 0,
                    left,
                    next: 0,
                    scope,
                }),
            }
            self.serve(stage, at);
        }
    }

    /// A router has nothing to announce any more.
    pub(crate) fn forget(&mut self, id: InstanceId) {
        let lanes: Vec<usize> = self.waiting.iter().map(|(_, at)| *at).collect();
        for at in lanes {
            self.lanes[at].jobs.retain(|job| job.instance != id);
            self.list(at);
        }
    }

    /// Sends what is due: one announcement of a lane, however late the call.
    pub(crate) fn release(&mut self, stage: &mut Stage<'_>) {
        let due = self.waiting.iter().take_while(|(at, _)| *at <= stage.now);
        let due: Vec<usize> = due.map(|(_, lane)| *lane).collect();
        for lane in due {
            self.serve(stage, lane);
        }
    }

    /// When [`Pacer::release`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.waiting.first().map(|(at, _)| *at)
    }

    /// What there is to know of it besides the configuration: of each lane, when it is free and what
    /// waits.
    pub(crate) fn save(&self) -> Vec<(Instant, &VecDeque<Job>)> {
        let lanes = self.lanes.iter();
        lanes.map(|lane| (lane.free_at, &lane.jobs)).collect()
    }

    /// The inverse; `None` when that was of another configuration.
    pub(crate) fn restored(config: &Config, saved: Vec<(Instant, VecDeque<Job>)>) -> Option<Self> {
        let mut pacer = Self::new(config);
        let fits = |job: &Job| job.instance.index() < config.instances.len();
        if saved.len() != pacer.lanes.len() || !saved.iter().all(|(_, jobs)| jobs.iter().all(fits))
        {
            return None;
        }
        for (at, (free_at, jobs)) in saved.into_iter().enumerate() {
            (pacer.lanes[at].free_at, pacer.lanes[at].jobs) = (free_at, jobs);
            pacer.list(at);
        }
        Some(pacer)
    }

    fn serve(&mut self, stage: &mut Stage<'_>, at: usize) {
        if stage.now >= self.lanes[at].free_at {
            while let Some(job) = self.lanes[at].jobs.pop_front() {
                let sent = self.take_turn(stage, at, job);
                if sent {
                    self.lanes[at].free_at = stage.now + self.lanes[at].gap;
                    break;
                }
            }
        }
        self.list(at);
    }

    /// The next announcement of a job. Its turn ends with the round. False when nothing of it can be
    /// sent; the job is over then.
    fn take_turn(&mut self, stage: &mut Stage<'_>, at: usize, mut job: Job) -> bool {
        let id = job.instance;
        let held: Vec<(usize, &VirtualAddress)> = stage
            .config
            .instance(id)
            .held_addresses()
            .enumerate()
            .filter(|(_, held)| self.lane(held) == Some(at))
            .filter(|(_, held)| job.scope.covers(stage.config, id, held))
            .collect();
        let start = held.iter().position(|(n, _)| *n >= job.next).unwrap_or(0);
        for offset in 0..held.len() {
            let position = (start + offset) % held.len();
            let Some(transmit) = announcement(stage.links, id, held[position].1) else {
                continue; // Its link is down.
            };
            stage.out.push_back(Output::Transmit(transmit));
            job.left = job.left.saturating_sub(1);
            let next = held.get(position + 1);
            job.next = next.map_or(0, |(n, _)| *n);
            let lane = &mut self.lanes[at];
            match (job.left, next) {
                (0, _) => {}
                (_, Some(_)) => lane.resume(job),
                (_, None) => {
                    job.round += 1;
                    lane.insert(job);
                }
            }
            return true;
        }
        false
    }

    /// Keeps the lane's entry in `waiting`.
    fn list(&mut self, at: usize) {
        let lane = &mut self.lanes[at];
        let wanted = (!lane.jobs.is_empty()).then_some(lane.free_at);
        if let Some(old) = lane.listed {
            self.waiting.remove(&(old, at));
        }
        if let Some(new) = wanted {
            self.waiting.insert((new, at));
        }
        lane.listed = wanted;
    }
}

impl Lane {
    /// Behind the jobs of the same round.
    fn insert(&mut self, job: Job) {
        let at = self.jobs.partition_point(|other| other.round <= job.round);
        self.jobs.insert(at, job);
    }

    /// Before the jobs of the same round.
    fn resume(&mut self, job: Job) {
        let at = self.jobs.partition_point(|other| other.round < job.round);
        self.jobs.insert(at, job);
    }
}

fn slot(family: Family) -> usize {
    match family {
        Family::V4 => 0,
        Family::V6 => 1,
    }
}
