//! What the checks of a whole class say together: the ground of T14, T15 and T16.

use core::time::Duration;

use super::condition::{Condition, Finding};
use super::member::{Member, MemberId};
use super::segment::{Class, Segment};
use super::tracker::Tracker;

/// The members of a class whose daemons act.
pub(super) fn acting(world: &Tracker, class: &Class) -> Vec<MemberId> {
    let members = class.members.iter().copied();
    members
        .filter(|id| world.host(world.member(*id)).acts())
        .collect()
}

/// The conditions of what a member tracks.
pub(super) fn tracked<'a>(
    world: &'a Tracker,
    member: &'a Member,
) -> impl Iterator<Item = &'a Condition> {
    let tracks = member.spec().tracks.iter();
    tracks.map(|t| world.conditions.get(member.host, t.check))
}

/// Something about them can't be told, or an operator has a hand in it.
pub(super) fn is_uncertain(world: &Tracker, members: &[MemberId]) -> bool {
    members.iter().any(|id| {
        let member = world.member(*id);
        member.draining || tracked(world, member).any(|c| c.finding == Finding::Unknown)
    })
}

/// How long the slowest of their checks takes to fall or to rise.
fn slowest_check(world: &Tracker, members: &[MemberId]) -> Duration {
    let mut slowest = Duration::ZERO;
    for id in members {
        let member = world.member(*id);
        let drift = world.host(member).drift;
        for condition in tracked(world, member) {
            let fall = condition.slowest_fall(world.quantum);
            let rise = condition.slowest_rise(world.quantum);
            slowest = slowest.max(drift.longest(fall.max(rise)));
        }
    }
    slowest
}

/// How long it takes at most until a lost link, or one that is back, counts for one of them.
pub(super) fn slowest_link(world: &Tracker, member: &Member) -> Duration {
    let delays = member.config().link_delays.iter();
    let longest = delays.map(|d| d.down.max(d.up)).max();
    let drift = world.host(member).drift;
    drift.longest(longest.unwrap_or_default())
}

/// How long from an outside change until everything has come to rest: links and checks, then the
/// election.
pub(super) fn reaction(world: &Tracker, members: &[MemberId]) -> Duration {
    let rest = |s: &Segment| s.bound + s.patience;
    let segments = members
        .iter()
        .filter_map(|id| world.segment(world.member(*id)));
    let election = segments.map(rest).max().unwrap_or_default();
    let links = members
        .iter()
        .map(|id| slowest_link(world, world.member(*id)));
    slowest_check(world, members).max(links.max().unwrap_or_default()) + election
}

/// The segments that these members are in, each once.
pub(super) fn segments<'a>(world: &'a Tracker, members: &[MemberId]) -> Vec<&'a Segment> {
    let firsts = |s: &&Segment| members.contains(&s.members[0]);
    world.segments.iter().filter(firsts).collect()
}

/// Everybody among them hears everybody else, without loss.
pub(super) fn all_connected(world: &Tracker, members: &[MemberId]) -> bool {
    members.iter().all(|a| {
        members.iter().filter(|b| *b != a).all(|b| {
            let (a, b) = (world.member(*a).port, world.member(*b).port);
            world.network.route(a, b).is_some_and(|r| !r.lossy)
        })
    })
}
