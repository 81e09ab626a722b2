//! X4: letting go is removing the addresses, then saying so with a priority-0 advert.
//!
//! In that order: a peer may take over one skew time after it hears of it, under 4 ms at the
//! highest priority. Everybody who lets go says so, a loser of a contest too (`audible_yield`),
//! unless a last advert with its own priority says it instead (`higher_prio_send_advert`);
//! only a router whose link is gone can't. Nobody else sends priority 0.

use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::Priority;
use locum_engine::{Event, Instant};

use super::member::{Member, MemberId};
use super::tracker::Tracker;
use super::{Oracle, Verdict, blame};
use crate::record::{Observed, Record};

/// The oracle.
pub(super) struct LettingGo {
    verdict: Verdict,
    books: Vec<Book>,
    /// Some book has something open.
    open: bool,
}

#[derive(Clone, Copy, Default)]
struct Book {
    /// The last priority-0 advert, and whether a transition has accounted for it.
    resigned: Option<(Instant, bool)>,
    /// Let go then, and must have said so.
    owes: Option<Instant>,
}

impl LettingGo {
    pub(super) fn new(world: &Tracker) -> Self {
        Self {
            verdict: Verdict::default(),
            books: vec![Book::default(); world.members.len()],
            open: false,
        }
    }

    fn resigned(&mut self, world: &Tracker, id: MemberId, at: Instant) {
        let member = world.member(id);
        self.verdict.checked();
        if member.held > 0 {
            let what = format!(
                "sent priority 0 while its host still had {} of its addresses",
                member.held
            );
            self.verdict.violated(blame(world, member, at, &what));
        }
        let book = &mut self.books[id.0];
        let accounted = book.owes.take().is_some();
        book.resigned = Some((at, accounted));
        self.open = true;
    }

    fn transition(&mut self, world: &Tracker, id: MemberId) {
        let member = world.member(id);
        let Some(change) = member.transition else {
            return;
        };
        if change.from != StateKind::Master || change.to == StateKind::Master {
            return;
        }
        self.verdict.checked();
        if lacks_last_word(world, member, &change.why) {
            let what = "yielded without the last advert of higher_prio_send_advert";
            self.verdict.violated(blame(world, member, change.at, what));
        }
        let said = self.books[id.0]
            .resigned
            .filter(|(at, accounted)| !accounted && *at + world.quantum >= change.at);
        if let Some((at, _)) = said {
            self.books[id.0].resigned = Some((at, true));
            if is_quiet(member, &change.why) {
                let what = "yielded with a priority-0 advert although it is told not to";
                self.verdict.violated(blame(world, member, at, what));
            }
        } else if must_say(world, member, &change.why) {
            self.books[id.0].owes = Some(change.at);
            self.open = true;
        }
    }

    fn settle(&mut self, world: &Tracker, to: Instant) {
        self.open = false;
        for (id, member) in world.all() {
            let book = &mut self.books[id.0];
            if let Some((at, false)) = book.resigned {
                if at + world.quantum < to {
                    book.resigned = None;
                    let what = "sent priority 0 without having been master";
                    self.verdict.violated(blame(world, member, at, what));
                } else {
                    self.open = true;
                }
            }
            if let Some(at) = book.owes {
                if at + world.quantum < to {
                    book.owes = None;
                    let what = "let go without a priority-0 advert";
                    self.verdict.violated(blame(world, member, at, what));
                } else {
                    self.open = true;
                }
            }
        }
    }
}

fn yields(why: &Reason) -> bool {
    matches!(
        why,
        Reason::HigherPriority { .. } | Reason::EqualPriorityHigherAddress { .. }
    )
}

/// Yields that must be said with an advert, just before, and are not.
fn lacks_last_word(world: &Tracker, member: &Member, why: &Reason) -> bool {
    let just_now =
        |(at, priority)| priority != Priority::RELEASE && at + world.quantum >= world.now;
    yields(why)
        && member.spec().tuning.higher_prio_send_advert
        && world.network.carrier(member.port)
        && !member.advert.is_some_and(just_now)
}

/// Yields that are configured to be without a priority-0 advert.
fn is_quiet(member: &Member, why: &Reason) -> bool {
    yields(why) && (!member.spec().audible_yield || member.spec().tuning.higher_prio_send_advert)
}

fn must_say(world: &Tracker, member: &Member, why: &Reason) -> bool {
    let unable = matches!(why, Reason::LinkDown | Reason::NoSourceAddress);
    !unable && !is_quiet(member, why) && world.network.carrier(member.port)
}

impl Oracle for LettingGo {
    fn name(&self) -> &'static str {
        "X4"
    }

    fn property(&self) -> &'static str {
        "addresses removed, then priority 0"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        if self.open {
            self.settle(world, to);
        }
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        match &record.what {
            Observed::Advert {
                host,
                instance,
                priority: Priority::RELEASE,
            } => self.resigned(world, world.id(*host, *instance), record.at),
            Observed::Engine(host, Event::StateChanged { instance, .. }) => {
                self.transition(world, world.id(*host, *instance));
            }
            _ => {}
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
