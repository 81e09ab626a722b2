//! T14: where every router checks the same gateway with weight 0, at most one of them holds the
//! address in the whole network, and only one that reaches the gateway; and while a cut is still
//! unnoticed, both sides hold it for at most `D - (2A + skew)`.
//!
//! The first holds from `D + B` after the last change outside the daemons on. The second (T14w)
//! is asserted for a cut that, in a calm network, separates some routers from the gateway and
//! from all others at once. Split brains among routers that all reach the gateway are nobody's
//! fault, and not asserted. Killed and stalled daemons are T11's matter.

use core::time::Duration;

use locum_engine::Instant;
use locum_engine::config::{CheckCommand, Config, InstanceConfig};
use locum_engine::ids::CheckId;
use locum_engine::probe::ProbeKind;

use super::condition::Finding;
use super::health::{acting, all_connected, is_uncertain, reaction};
use super::member::MemberId;
use super::settling::{Pending, Settling, names};
use super::timing::minus;
use super::tracker::Tracker;
use super::{Oracle, Verdict};
use crate::fault::Fault;
use crate::record::{Observed, Record};
use crate::topology::HostId;

/// The oracle.
pub(super) struct Arbitration {
    verdict: Verdict,
    settled: Settling,
    windows: Settling,
    generation: u64,
    classes: Vec<Arbitrated>,
}

/// A class whose routers all have such a check.
struct Arbitrated {
    class: usize,
    /// Each member's check of the gateway.
    gates: Vec<(MemberId, CheckId)>,
    /// From then on the network has been calm and whole.
    calm_from: Option<Instant>,
    /// After a cut: how long both sides may hold the address, and since when they do.
    window: Option<(Duration, Option<Instant>)>,
}

impl Arbitration {
    pub(super) fn new(world: &Tracker) -> Self {
        let classes = world.classes.iter().enumerate().filter_map(|(i, class)| {
            if class.grouped {
                return None; // T17
            }
            let mut gates = Vec::new();
            let mut targets = None;
            for id in &class.members {
                let member = world.member(*id);
                let (check, kind) = gate(member.config(), member.spec())?;
                if *targets.get_or_insert(kind) != kind {
                    return None;
                }
                gates.push((*id, check));
            }
            Some(Arbitrated {
                class: i,
                gates,
                calm_from: None,
                window: None,
            })
        });
        Self {
            verdict: Verdict::default(),
            settled: Settling::default(),
            windows: Settling::default(),
            generation: 0,
            classes: classes.collect(),
        }
    }
}

/// The check of a gateway that puts an instance in fault.
fn gate<'a>(config: &'a Config, spec: &InstanceConfig) -> Option<(CheckId, &'a ProbeKind)> {
    let barring = |t: &&locum_engine::config::Track| t.weight.value == 0 && !t.weight.reverse;
    spec.tracks.iter().filter(barring).find_map(|track| {
        let CheckCommand::Probe(probe) = &config.check(track.check).command else {
            return None;
        };
        let asks = matches!(probe.kind, ProbeKind::Ping { .. } | ProbeKind::Arp { .. });
        asks.then_some((track.check, &probe.kind))
    })
}

impl Arbitrated {
    fn finding(&self, world: &Tracker, id: MemberId) -> Finding {
        let gate = self.gates.iter().find(|(member, _)| *member == id);
        gate.map_or(Finding::Unknown, |(_, check)| {
            world.conditions.get(world.member(id).host, *check).finding
        })
    }

    fn split(&self, world: &Tracker, members: &[MemberId]) -> (Vec<MemberId>, Vec<MemberId>) {
        let good = |id: &MemberId| self.finding(world, *id) == Finding::Good;
        members.iter().copied().partition(good)
    }

    /// More than one holder, or one that doesn't reach the gateway.
    fn wrong(&self, world: &Tracker, verdict: &mut Verdict) -> Option<Pending> {
        let members = acting(world, &world.classes[self.class]);
        let (inside, outside) = self.split(world, &members);
        if is_uncertain(world, &members) || !all_connected(world, &inside) {
            verdict.suspended();
            return None;
        }
        verdict.checked();
        let holders = holders(world, &members);
        let stray = holders.iter().find(|id| outside.contains(id));
        let what = match (stray, holders.len()) {
            (Some(stray), _) => format!(
                "{} holds the address without reaching the gateway",
                world.name(world.member(*stray))
            ),
            (None, 0 | 1) => return None,
            (None, _) => format!("{} hold the address", names(world, &holders)),
        };
        Some(Pending {
            key: self.class,
            who: None,
            from: world.disturbed,
            until: world.disturbed + reaction(world, &members),
            what,
        })
    }

    /// Whether one master serves everybody, and from when on that can be relied upon.
    fn calm(&self, world: &Tracker) -> Option<Instant> {
        let members = acting(world, &world.classes[self.class]);
        let first = members.first()?;
        let segment = world.segment(world.member(*first))?;
        let whole = segment.members == members && segment.unclean.is_none();
        let (_, outside) = self.split(world, &members);
        let one = holders(world, &members).len() == 1;
        let calm = whole && one && outside.is_empty() && !is_uncertain(world, &members);
        calm.then(|| segment.at_rest())
    }

    /// After a change in a calm network: the window in which both sides may hold the address, if
    /// it was such a cut.
    fn cut(&self, world: &Tracker) -> Option<Duration> {
        let members = acting(world, &world.classes[self.class]);
        let (inside, outside) = self.split(world, &members);
        if inside.is_empty() || outside.is_empty() || is_uncertain(world, &members) {
            return None;
        }
        let touch = inside.iter().any(|a| {
            let a = world.member(*a).port;
            outside.iter().any(|b| {
                let b = world.member(*b).port;
                world.network.route(a, b).is_some() || world.network.route(b, a).is_some()
            })
        });
        if touch {
            return None;
        }
        let interval = world.classes[self.class].longest;
        let soonest = members.iter().map(|id| {
            let member = world.member(*id);
            let interval = world.host(member).drift.longest(interval);
            minus(world.master_down(member).0, interval + world.quantum * 2)
        });
        let detected = self.gates.iter().filter(|(id, _)| outside.contains(id));
        let detected = detected.map(|(id, check)| {
            let host = world.member(*id).host;
            let condition = world.conditions.get(host, *check);
            let drift = world.hosts[host.index()].drift;
            drift.longest(condition.slowest_fall(world.quantum))
        });
        Some(minus(detected.max()?, soonest.min()?) + world.quantum * 2)
    }
}

fn holders(world: &Tracker, members: &[MemberId]) -> Vec<MemberId> {
    let members = members.iter().copied();
    members.filter(|id| world.member(*id).held > 0).collect()
}

impl Oracle for Arbitration {
    fn name(&self) -> &'static str {
        "T14"
    }

    fn property(&self) -> &'static str {
        "one holder, who reaches the gateway"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        if self.classes.is_empty() {
            return;
        }
        let classes = &mut self.classes;
        if self.generation != world.generation {
            self.generation = world.generation;
            for class in classes.iter_mut() {
                class.calm_from = class.calm(world);
                let members = acting(world, &world.classes[class.class]);
                let both = holders(world, &members).len() > 1;
                if let Some((_, since)) = &mut class.window {
                    *since = both.then(|| since.unwrap_or(world.now));
                }
            }
        }
        self.settled
            .review(world, to, &mut self.verdict, |verdict, found| {
                found.extend(classes.iter().filter_map(|c| c.wrong(world, verdict)));
            });
        self.windows
            .review(world, to, &mut self.verdict, |_, found| {
                for class in classes.iter() {
                    if let Some((bound, Some(since))) = class.window {
                        found.push(Pending {
                            key: class.class,
                            who: None,
                            from: since,
                            until: since + bound,
                            what: "both sides of a cut hold the address for too long".into(),
                        });
                    }
                }
            });
    }

    fn reload(&mut self, world: &Tracker, _host: HostId) {
        let verdict = core::mem::take(&mut self.verdict);
        *self = Self {
            verdict,
            ..Self::new(world)
        };
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        let outside = matches!(
            record.what,
            Observed::Fault(_) | Observed::SwitchBack(_) | Observed::Daemon(..)
        );
        if !outside {
            return;
        }
        for class in &mut self.classes {
            let calm = class.calm_from.take().is_some_and(|from| from < record.at);
            let cuts = matches!(
                record.what,
                Observed::Fault(
                    Fault::Pull(_)
                        | Fault::Dark(..)
                        | Fault::Partition(..)
                        | Fault::RebootSwitch(..)
                )
            );
            class.window = if calm && cuts {
                class.cut(world).map(|bound| (bound, None))
            } else {
                None
            };
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
