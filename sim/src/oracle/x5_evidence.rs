//! X5: only genuine adverts move a state.
//!
//! Whoever changes state because of an advert names its sender and priority. That sender must be
//! a member of the class, and must have sent that priority lately; a forgery with the wrong
//! password or TTL, or a broken packet, leaves no such evidence. (That such packets move no timer
//! either is for X2 and T3 to see: adverts stay regular, takeovers punctual.)

use core::net::IpAddr;
use core::time::Duration;

use locum_engine::event::Reason;
use locum_engine::ids::Priority;
use locum_engine::{Event, Instant};

use super::member::Member;
use super::tracker::Tracker;
use super::{Oracle, Verdict, blame};
use crate::record::{Observed, Record};

/// The oracle.
pub(super) struct Evidence {
    verdict: Verdict,
}

/// What somebody claims to have heard.
struct Claim {
    source: IpAddr,
    priority: Priority,
    /// It was heard at most so long ago, besides the time under way.
    within: Duration,
}

impl Evidence {
    pub(super) fn new(_: &Tracker) -> Self {
        Self {
            verdict: Verdict::default(),
        }
    }

    fn check(&mut self, world: &Tracker, member: &Member, at: Instant, claim: &Claim) {
        let memory = world.classes[member.class].memory();
        if member.hearing.spoiled + memory >= at && member.hearing.spoiled > Instant::ZERO {
            self.verdict.suspended();
            return;
        }
        let is_sender = |m: &&Member| m.source == claim.source && m.host != member.host;
        let class = &world.classes[member.class].members;
        // Who isn't configured any more may have resigned because of that.
        let gone = || {
            let mut absent = world.members.iter().filter(|m| !m.present);
            absent.find(|m| is_sender(m) && m.key() == member.key())
        };
        let sender = class.iter().map(|id| world.member(*id)).find(is_sender);
        let sender = sender.or_else(gone);
        let sent = sender.and_then(|m| m.sent[usize::from(claim.priority.get())]);
        let under_way = sender
            .and_then(|m| Some((m, m.way(&world.network, member)?)))
            .map_or(claim.within, |(m, route)| m.longest_way(route));
        let bound = claim.within + under_way + world.quantum * 2;
        let genuine = match sent {
            // It may have waited for its partners ever since.
            Some(_) if member.grouped && claim.within > Duration::ZERO => {
                self.verdict.checked();
                true
            }
            Some(sent) => self.verdict.at_most(at.saturating_since(sent), bound),
            None => {
                self.verdict.checked();
                false
            }
        };
        if !genuine {
            let what = format!(
                "acted on an advert of priority {} from {}, which sent none lately",
                claim.priority, claim.source
            );
            self.verdict.violated(blame(world, member, at, &what));
        }
    }
}

/// What a transition says that it was caused by.
fn claim(member: &Member, own: Priority, why: &Reason, memory: Duration) -> Option<Claim> {
    let now = Duration::ZERO;
    let (source, priority, within) = match *why {
        Reason::HigherPriority { master, priority } => (master, priority, now),
        Reason::EqualPriorityHigherAddress { master } => (master, own, now),
        Reason::Preempted { master, priority } => (master, priority, memory),
        Reason::MasterResigned { master } => {
            (master, Priority::RELEASE, member.interval.max(memory))
        }
        _ => return None,
    };
    Some(Claim {
        source,
        priority,
        within,
    })
}

impl Oracle for Evidence {
    fn name(&self) -> &'static str {
        "X5"
    }

    fn property(&self) -> &'static str {
        "only genuine adverts move a state"
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        let Observed::Engine(host, event) = &record.what else {
            return;
        };
        match event {
            Event::StateChanged { instance, why, .. } => {
                let member = world.member(world.id(*host, *instance));
                let own = member.transition.map_or(member.priority, |t| t.priority);
                let memory = world.classes[member.class].memory();
                if let Some(claim) = claim(member, own, why, memory) {
                    self.check(world, member, record.at, &claim);
                }
            }
            Event::Contested {
                instance,
                by,
                priority,
            } => {
                let member = world.member(world.id(*host, *instance));
                let claim = Claim {
                    source: *by,
                    priority: *priority,
                    within: Duration::ZERO,
                };
                self.check(world, member, record.at, &claim);
            }
            Event::Discarded { .. } => self.verdict.checked(),
            _ => {}
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
