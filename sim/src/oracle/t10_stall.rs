//! T10: a master that stalls for less than `2A + skew` is not replaced, and for more than
//! `3A + skew` it is; between the two it depends on when its last advert was sent.
//!
//! Asserted for stalls in a clean segment where nothing had changed for five intervals, as long as
//! nothing else changes. Both edges are widened
//! by the path and the grid.

use core::time::Duration;

use locum_engine::event::{Reason, StateKind};
use locum_engine::{Event, Instant};

use super::member::{Member, MemberId};
use super::timing::minus;
use super::tracker::Tracker;
use super::{Oracle, Verdict, blame};
use crate::fault::Fault;
use crate::record::{Observed, Record};
use crate::topology::HostId;

/// The oracle.
#[derive(Default)]
pub(super) struct Stall {
    verdict: Verdict,
    stalls: Vec<Stalled>,
    /// When anything outside the daemons changed before the last such change, and then.
    disturbed: (Instant, Instant),
}

struct Stalled {
    master: MemberId,
    from: Instant,
    /// The backups that hear it cleanly.
    peers: Vec<MemberId>,
    /// By then one of them must have taken over.
    until: Instant,
}

impl Stall {
    fn begins(&mut self, world: &Tracker, host: HostId) {
        for id in world.on(host) {
            let member = world.member(id);
            let stalled =
                world.hosts[host.index()].stalled() && member.is_master() && !member.grouped;
            if !stalled || self.stalls.iter().any(|s| s.master == id) {
                continue;
            }
            let class = &world.classes[member.class];
            let hears = |peer: &MemberId| {
                let peer = world.member(*peer);
                let route = member.way(&world.network, peer);
                peer.state == StateKind::Backup
                    && !peer.draining
                    && world.host(peer).acts()
                    && route.is_some_and(|r| !r.lossy)
                    && world.segment(peer).is_some_and(|s| s.unclean.is_none())
            };
            let peers: Vec<_> = class.members.iter().copied().filter(hears).collect();
            let alone = class
                .members
                .iter()
                .all(|m| *m == id || !world.member(*m).is_master());
            let settle = class.longest * 5;
            let calm = self.disturbed.0 + settle < world.now;
            let longest = peers
                .iter()
                .map(|p| longest(world, member, world.member(*p)))
                .min();
            let Some(longest) = longest.filter(|_| alone && calm) else {
                self.verdict.suspended();
                continue;
            };
            self.stalls.push(Stalled {
                master: id,
                from: world.now,
                peers,
                until: world.now + longest,
            });
        }
    }

    fn takeover(&mut self, world: &Tracker, id: MemberId, silent: bool) {
        let Some(i) = self.stalls.iter().position(|s| s.peers.contains(&id)) else {
            return;
        };
        let stalled = self.stalls.remove(i);
        let peer = world.member(id);
        let master = world.member(stalled.master);
        let after = world.now.saturating_since(stalled.from);
        let shortest = shortest(world, master, peer);
        if silent && !self.verdict.at_least(after, shortest) {
            let what = format!(
                "replaced {}, which had stalled for {after:?} only",
                world.name(master)
            );
            self.verdict.violated(blame(world, peer, world.now, &what));
        }
        let bound = stalled.until.saturating_since(stalled.from);
        self.verdict.at_most(after, bound);
    }
}

/// The master-down time less one interval (`2A + skew` by default), less what the grid may have delayed the last advert.
fn shortest(world: &Tracker, master: &Member, peer: &Member) -> Duration {
    let interval = world.host(master).drift.longest(master.interval);
    minus(world.master_down(peer).0, interval + world.quantum * 2)
}

/// The master-down time (`3A + skew` by default), and the path and the grid.
fn longest(world: &Tracker, master: &Member, peer: &Member) -> Duration {
    let route = world.network.route(master.port, peer.port);
    let path = route.map_or(Duration::ZERO, |r| r.longest());
    world.master_down(peer).1 + path + world.quantum * 3
}

impl Oracle for Stall {
    fn name(&self) -> &'static str {
        "T10"
    }

    fn property(&self) -> &'static str {
        "stalls between 2A and 3A plus skew"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        if self.stalls.is_empty() {
            return;
        }
        for stalled in core::mem::take(&mut self.stalls) {
            if stalled.until >= to {
                self.stalls.push(stalled);
                continue;
            }
            let master = world.member(stalled.master);
            let what = "stalled as master, and no backup has replaced it";
            self.verdict
                .violated(blame(world, master, stalled.until, what));
        }
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        let outside = matches!(
            record.what,
            Observed::Fault(_) | Observed::SwitchBack(_) | Observed::Daemon(..)
        );
        if outside {
            self.disturbed = (self.disturbed.1, record.at);
        }
        match &record.what {
            Observed::Fault(Fault::Hang(host) | Fault::PauseVm(host)) => {
                self.stalls.retain(|s| world.member(s.master).host == *host);
                self.begins(world, *host);
            }
            // Anything else outside the daemons makes it another story.
            Observed::Fault(_) | Observed::SwitchBack(_) | Observed::Daemon(..) => {
                self.stalls.clear();
            }
            Observed::Engine(
                host,
                Event::StateChanged {
                    instance,
                    to: StateKind::Master,
                    why,
                    ..
                },
            ) => {
                let silent = matches!(why, Reason::MasterSilent { .. });
                self.takeover(world, world.id(*host, *instance), silent);
            }
            Observed::Engine(
                host,
                Event::StateChanged {
                    to: StateKind::Fault,
                    ..
                },
            ) => {
                let gone: Vec<_> = world.on(*host).collect();
                self.stalls
                    .retain(|s| s.peers.iter().all(|p| !gone.contains(p)));
            }
            _ => {}
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
