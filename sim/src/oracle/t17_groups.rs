//! T17: of the routers that have a sync group over the same virtual routers, one is master of all of
//! them, where one can.
//!
//! At least one: while a router's group can serve, somebody's is master. At most one: of those that
//! hear each other on one of the networks, whatever happened to the others. Both from twice the
//! universal bound after the last change on: a group that lets go makes the timers of all its
//! members begin afresh, and its rival may do so once more.

use std::collections::BTreeMap;

use locum_engine::Instant;
use locum_engine::event::StateKind;

use super::member::MemberId;
use super::segment::Segment;
use super::settling::{Pending, Settling};
use super::tracker::Tracker;
use super::{Oracle, Verdict};
use crate::record::Record;
use crate::topology::HostId;

/// The oracle.
pub(super) struct Groups {
    verdict: Verdict,
    settling: Settling,
    /// By the classes that the groups are over: each router's members, in order of the classes.
    teams: BTreeMap<Vec<usize>, Vec<Vec<MemberId>>>,
}

impl Groups {
    pub(super) fn new(world: &Tracker) -> Self {
        let mut teams: BTreeMap<Vec<usize>, Vec<Vec<MemberId>>> = BTreeMap::new();
        for (host, config) in world.configs() {
            for group in &config.groups {
                let ids = group.members.iter().map(|id| world.id(host, *id));
                let mut members: Vec<_> = ids.collect();
                members.sort_by_key(|id| world.member(*id).class);
                let classes = members.iter().map(|id| world.member(*id).class);
                teams.entry(classes.collect()).or_default().push(members);
            }
        }
        // Where others take part too, they may hold one member back for ever.
        teams.retain(|classes, groups| {
            let mut classes = classes.iter();
            classes.all(|class| world.classes[*class].members.len() == groups.len())
        });
        Self {
            verdict: Verdict::default(),
            settling: Settling::default(),
            teams,
        }
    }
}

/// What is wrong with a team, and until when it may be.
fn wrong(world: &Tracker, groups: &[Vec<MemberId>], key: usize) -> Option<Pending> {
    let acting: Vec<_> = groups
        .iter()
        .filter(|members| world.host(world.member(members[0])).acts())
        .collect();
    let of = |members: &Vec<MemberId>| {
        let segments = members.iter().map(|id| world.segment(world.member(*id)));
        segments.collect::<Option<Vec<&Segment>>>()
    };
    let segments: Vec<Vec<&Segment>> = acting.iter().map(|m| of(m)).collect::<Option<_>>()?;
    let all = || segments.iter().flatten();
    let from = all().map(|s| s.since).max()?;
    let until = all().map(|s| s.at_rest()).max()? + all().map(|s| s.bound).max()?;
    let pending = |who: MemberId, what: &str| {
        Some(Pending {
            key,
            who: Some(who),
            from,
            until,
            what: what.to_owned(),
        })
    };
    let state = |members: &[MemberId]| world.member(members[0]).state;
    let masters: Vec<_> = (0..acting.len())
        .filter(|i| state(acting[*i]) == StateKind::Master)
        .collect();
    if masters.is_empty() {
        let fit = acting.iter().find(|m| state(m) == StateKind::Backup)?;
        return pending(fit[0], "and its group could serve, but nobody does");
    }
    for (n, a) in masters.iter().enumerate() {
        for b in &masters[n + 1..] {
            let shared = segments[*a].iter().zip(&segments[*b]).any(|(x, y)| x == y);
            if shared {
                return pending(acting[*b][0], "and its group are master, and so is another");
            }
        }
    }
    None
}

impl Oracle for Groups {
    fn name(&self) -> &'static str {
        "T17"
    }

    fn property(&self) -> &'static str {
        "one sync group is master"
    }

    fn reload(&mut self, world: &Tracker, _host: HostId) {
        let verdict = core::mem::take(&mut self.verdict);
        *self = Self {
            verdict,
            ..Self::new(world)
        };
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        let teams = &self.teams;
        self.settling
            .review(world, to, &mut self.verdict, |verdict, found| {
                for (key, groups) in teams.values().enumerate() {
                    let members = || groups.iter().flatten().map(|id| world.member(*id));
                    let mut segments = members().filter_map(|m| world.segment(m));
                    let unclean = segments.any(|s| s.unclean.is_some());
                    if unclean || members().any(|m| m.draining) {
                        verdict.suspended();
                        continue;
                    }
                    verdict.checked();
                    found.extend(wrong(world, groups, key));
                }
            });
    }

    fn observe(&mut self, _: &Tracker, _: &Record) {}

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
