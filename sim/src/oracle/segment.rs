//! Classes and segments: who could hear whom, and who does.
//!
//! A *class* is the members that accept each other's adverts: same VRID, version, password, and in
//! version 2 the same interval. A *segment* is a part of a class whose members are connected now;
//! the timed properties hold per segment, from the last change of its environment on.

use core::time::Duration;

use locum_engine::Instant;
use locum_engine::config::{Preempt, Version};
use locum_engine::ids::Priority;

use super::member::{HostState, Member, MemberId};
use super::network::Network;
use super::timing::{Drift, skew};

/// Members that accept each other's adverts.
#[derive(Clone, Debug)]
pub(super) struct Class {
    /// Who.
    pub(super) members: Vec<MemberId>,
    /// Some of them belong to a sync group.
    pub(super) grouped: bool,
    /// Protocol version.
    pub(super) version: Version,
    /// The shortest configured interval.
    pub(super) shortest: Duration,
    /// The longest.
    pub(super) longest: Duration,
    /// The fewest and the most adverts that must be missing before somebody takes over.
    pub(super) missed: (u32, u32),
}

impl Class {
    /// Sorts the members into classes and tells each its own.
    pub(super) fn sort(members: &mut [Member]) -> Vec<Self> {
        let mut keys = Vec::new();
        let mut classes: Vec<Self> = Vec::new();
        for (i, member) in members.iter_mut().enumerate() {
            if !member.present {
                continue;
            }
            let key = member.key();
            let position = keys.iter().position(|k| *k == key).unwrap_or_else(|| {
                keys.push(key);
                classes.push(Self {
                    members: Vec::new(),
                    grouped: false,
                    version: member.spec().version,
                    shortest: member.interval,
                    longest: member.interval,
                    missed: (u32::MAX, 0),
                });
                keys.len() - 1
            });
            let class = &mut classes[position];
            class.members.push(MemberId(i));
            class.grouped |= member.grouped;
            class.shortest = class.shortest.min(member.interval);
            class.longest = class.longest.max(member.interval);
            let missed = member.missed_adverts();
            class.missed = (class.missed.0.min(missed), class.missed.1.max(missed));
            member.class = position;
        }
        classes
    }

    /// So long may what was heard from a master hold a backup back, paths and drift aside: the
    /// missed adverts and at most one interval of skew.
    pub(super) fn memory(&self) -> Duration {
        self.longest * (self.missed.1 + 1)
    }

    /// The least and the most that the skew time of that priority can be.
    pub(super) fn skew(&self, priority: Priority) -> (Duration, Duration) {
        (
            skew(self.version, self.shortest, priority),
            skew(self.version, self.longest, priority),
        )
    }
}

/// Members of a class that are connected, their daemons acting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Who, in order.
    pub(super) members: Vec<MemberId>,
    /// Why the timed properties can't be asserted here, if so.
    pub(super) unclean: Option<&'static str>,
    /// `t0`: when its environment last changed. Lies in the future while forged adverts that its
    /// members accept may arrive.
    pub(super) since: Instant,
    /// `L`: the longest time under way between two of its members.
    pub(super) latency: Duration,
    /// The longest advertisement interval in force.
    pub(super) interval: Duration,
    /// `B`: the universal bound, `4A + 3L` (three missed adverts and the skew), with the quantum at
    /// each hop and each timer; with more than two routers `5A + 3L`, for a resignation may put a
    /// takeover off by a skew time.
    pub(super) bound: Duration,
    /// What `preempt_delay` adds to it.
    pub(super) patience: Duration,
}

impl Segment {
    /// From then on the environment has been constant for the bound.
    pub(super) fn settled(&self) -> Instant {
        self.since + self.bound
    }

    /// The same with `preempt_delay`: from then on nobody has a reason to move.
    pub(super) fn at_rest(&self) -> Instant {
        self.settled() + self.patience
    }
}

/// What segments are made from.
pub(super) struct Ground<'a> {
    /// Routes.
    pub(super) network: &'a Network,
    /// Liveness and drift.
    pub(super) hosts: &'a [HostState],
    /// Everybody.
    pub(super) members: &'a [Member],
    /// The runner's grid.
    pub(super) quantum: Duration,
}

impl Ground<'_> {
    /// The segments of all classes; those that are as before keep their `since`.
    pub(super) fn segments(
        &self,
        classes: &[Class],
        old: &[Segment],
        now: Instant,
    ) -> Vec<Segment> {
        let mut segments = Vec::new();
        for class in classes {
            let mut left: Vec<MemberId> = class.members.clone();
            left.retain(|m| self.hosts[self.host(*m)].acts());
            while let Some(first) = left.first().copied() {
                let together = self.connected(first, &left);
                left.retain(|m| !together.contains(m));
                let mut segment = self.describe(class, together, now);
                if let Some(before) = old.iter().find(|s| s.members == segment.members) {
                    let since = core::mem::replace(&mut segment.since, before.since);
                    if segment != *before {
                        segment.since = before.since.max(since);
                    }
                }
                segments.push(segment);
            }
        }
        segments
    }

    fn host(&self, member: MemberId) -> usize {
        self.members[member.0].host.index()
    }

    /// Those of `among` that can be reached from `first`, or reach it, over any number of others.
    fn connected(&self, first: MemberId, among: &[MemberId]) -> Vec<MemberId> {
        let mut found = vec![first];
        let mut next = 0;
        while next < found.len() {
            let x = &self.members[found[next].0];
            for m in among {
                let y = &self.members[m.0];
                let touches = x.way(self.network, y).is_some() || y.way(self.network, x).is_some();
                if touches && !found.contains(m) {
                    found.push(*m);
                }
            }
            next += 1;
        }
        found.sort();
        found
    }

    fn describe(&self, class: &Class, members: Vec<MemberId>, now: Instant) -> Segment {
        let mut unclean = None;
        let mut latency = Duration::ZERO;
        let mut drift = Drift::default();
        let mut patience = Duration::ZERO;
        let mut since = now;
        for a in &members {
            let member = &self.members[a.0];
            since = since.max(member.hearing.spoiled);
            drift = drift.or(self.hosts[member.host.index()].drift);
            if let Preempt::After(delay) = member.spec().preempt {
                // It begins with the first advert of a weaker master, who may need all of `4A` himself.
                patience = patience.max(delay + class.longest * 5);
            }
            for b in members.iter().filter(|b| *b != a) {
                match member.way(self.network, &self.members[b.0]) {
                    None => unclean = Some("not everybody hears everybody"),
                    Some(route) => {
                        latency = latency.max(member.longest_way(route));
                        if route.lossy {
                            unclean = unclean.or(Some("adverts may be lost"));
                        }
                    }
                }
            }
        }
        let owners = members
            .iter()
            .filter(|m| self.members[m.0].spec().is_owner());
        if owners.count() > 1 {
            unclean = unclean.or(Some("two owners"));
        }
        let interval = class.longest;
        // A third router's timer that is about to run out is set back to the skew time when a
        // loser yields audibly.
        let put_off = interval * u32::from(members.len() > 2);
        let timers = class.memory() + put_off;
        let shortest = drift.shortest(interval * class.missed.0);
        if drift.longest(interval) + latency + self.quantum * 3 >= shortest {
            unclean = unclean.or(Some("clocks or paths too slow for the interval"));
        }
        Segment {
            unclean,
            since,
            latency,
            interval: drift.longest(interval),
            bound: drift.longest(timers) + (latency + self.quantum) * 3 + self.quantum * 2,
            patience: drift.longest(patience),
            members,
        }
    }
}
