//! T15: when a check fails for every router, the declared policy decides, from `D + B` on: nobody
//! serves where the checks have weight 0; where they have other weights, rank order stays and
//! exactly one router per segment is master.
//!
//! Where policies are mixed, nothing is asserted.

use locum_engine::Instant;

use super::condition::Finding;
use super::health::{acting, is_uncertain, reaction, segments};
use super::member::{Member, MemberId};
use super::segment::Class;
use super::settling::{Pending, Settling, masters, overlooked};
use super::tracker::Tracker;
use super::{Oracle, Verdict};
use crate::record::Record;

/// The oracle.
#[derive(Default)]
pub(super) struct DeadGateway {
    verdict: Verdict,
    settling: Settling,
}

/// What a router does about its failing checks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Policy {
    /// Lets go.
    Nobody,
    /// Loses weight.
    Weighted,
}

fn policy(world: &Tracker, member: &Member) -> Option<Policy> {
    let mut policy = None;
    for track in &member.spec().tracks {
        if world.conditions.get(member.host, track.check).finding != Finding::Bad {
            continue;
        }
        if track.weight.reverse {
            return None;
        }
        if track.weight.value == 0 {
            return Some(Policy::Nobody);
        }
        policy = Some(Policy::Weighted);
    }
    policy
}

/// The policy that all of them share, when a check fails for each.
fn common(world: &Tracker, members: &[MemberId]) -> Option<Policy> {
    let mut policies = members.iter().map(|id| policy(world, world.member(*id)));
    let first = policies.next()??;
    policies.all(|p| p == Some(first)).then_some(first)
}

fn wrong(world: &Tracker, class: &Class, verdict: &mut Verdict) -> Option<(MemberId, String)> {
    if class.grouped {
        return None; // T17
    }
    let members = acting(world, class);
    if members.is_empty() || is_uncertain(world, &members) {
        verdict.suspended();
        return None;
    }
    match common(world, &members)? {
        Policy::Nobody => {
            verdict.checked();
            let holder = members.iter().find(|id| world.member(**id).held > 0)?;
            Some((*holder, "holds the address while its check fails".into()))
        }
        Policy::Weighted => {
            for segment in segments(world, &members) {
                if segment.unclean.is_some() {
                    verdict.suspended();
                    continue;
                }
                verdict.checked();
                let count = masters(world, segment).len();
                if count != 1 && world.network.carrier(world.member(segment.members[0]).port) {
                    let what = format!("is in a segment with {count} masters, not one");
                    return Some((segment.members[0], what));
                }
                if let Some((stronger, _)) = overlooked(world, segment) {
                    return Some((stronger, "is overlooked although it ranks first".into()));
                }
            }
            None
        }
    }
}

impl Oracle for DeadGateway {
    fn name(&self) -> &'static str {
        "T15"
    }

    fn property(&self) -> &'static str {
        "declared policy when all checks fail"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        self.settling
            .review(world, to, &mut self.verdict, |verdict, found| {
                for (key, class) in world.classes.iter().enumerate() {
                    let Some((who, what)) = wrong(world, class, verdict) else {
                        continue;
                    };
                    let members = acting(world, class);
                    found.push(Pending {
                        key,
                        who: Some(who),
                        from: world.disturbed,
                        until: world.disturbed + reaction(world, &members),
                        what,
                    });
                }
            });
    }

    fn observe(&mut self, _: &Tracker, _: &Record) {}

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
