//! X2: adverts come from masters only, and regularly.
//!
//! Between two adverts of a master lies at most its interval and two quanta (its own rounding and
//! that of the advert before), and at least its interval less one quantum, unless it asserts
//! itself: it has just heard somebody, has just become master, or has just been changed by its
//! operator or a check. The first advert of a takeover comes before the report of the new state,
//! so a sender has the rest of the quantum to turn out to be master.

use core::time::Duration;

use locum_engine::ids::Priority;
use locum_engine::{Event, Instant};

use super::member::{Member, MemberId};
use super::timing::minus;
use super::tracker::Tracker;
use super::{Oracle, Verdict, blame};
use crate::fault::Fault;
use crate::record::{Observed, Record};
use crate::topology::HostId;

/// The oracle.
pub(super) struct Adverts {
    verdict: Verdict,
    books: Vec<Book>,
    /// No master owes an advert earlier than that.
    due: Instant,
}

#[derive(Clone, Copy, Default)]
struct Book {
    /// The last advert with a priority above zero.
    last: Option<Instant>,
    /// Sent one while not master, and has not become master since.
    unexplained: Option<Instant>,
    /// Has a reason to send out of turn.
    excused: Option<Instant>,
    /// Already reported as silent.
    reported: bool,
    /// The interval may have changed since the last advert.
    reloaded: bool,
}

impl Adverts {
    pub(super) fn new(world: &Tracker) -> Self {
        Self {
            verdict: Verdict::default(),
            books: vec![Book::default(); world.members.len()],
            due: Instant::ZERO,
        }
    }

    fn longest(world: &Tracker, member: &Member) -> Duration {
        world.host(member).drift.longest(member.interval) + world.quantum * 2
    }

    fn advert(&mut self, world: &Tracker, id: MemberId, at: Instant) {
        let member = world.member(id);
        let book = &mut self.books[id.0];
        let before = book.last.replace(at);
        book.reported = false;
        let reloaded = core::mem::take(&mut book.reloaded);
        if !member.is_master() || reloaded {
            book.unexplained = Some(at).filter(|_| !member.is_master());
            return;
        }
        let Some(before) = before.filter(|b| *b >= member.since) else {
            return;
        };
        let stalled = world.host(member).stalled_at >= before;
        let gap = at.saturating_since(before);
        let longest = Self::longest(world, member);
        if !stalled && !self.verdict.at_most(gap, longest) {
            let what = format!("sent no advert for {gap:?}");
            self.verdict.violated(blame(world, member, at, &what));
        }
        let window = world.quantum * 3;
        let heard = member.hearing.any + window >= at || member.hearing.spoiled >= before;
        let excused = self.books[id.0].excused.is_some_and(|e| e + window >= at);
        let drift = world.host(member).drift;
        let shortest = minus(drift.shortest(member.interval), world.quantum);
        if !heard && !excused && !stalled && !self.verdict.at_least(gap, shortest) {
            let what = format!("sent an advert {gap:?} after the last one, unprovoked");
            self.verdict.violated(blame(world, member, at, &what));
        }
    }

    fn unexplained(&mut self, world: &Tracker, to: Instant) {
        for (id, member) in world.all() {
            let Some(at) = self.books[id.0].unexplained else {
                continue;
            };
            if at + world.quantum < to {
                self.books[id.0].unexplained = None;
                let what = format!("sent an advert while {}", member.state);
                self.verdict.violated(blame(world, member, at, &what));
            }
        }
    }

    fn silent(&mut self, world: &Tracker, to: Instant) {
        self.due = Instant::FAR_FUTURE;
        for (id, member) in world.all() {
            let book = &mut self.books[id.0];
            let quiet = book.reported || book.reloaded;
            if !member.is_master() || !world.host(member).acts() || quiet {
                continue;
            }
            let last = book
                .last
                .unwrap_or(member.since)
                .max(member.since)
                .max(world.host(member).stalled_at);
            let due = last + Self::longest(world, member);
            if due < to {
                book.reported = true;
                let what = format!("is master and sent no advert since {last}");
                self.verdict.violated(blame(world, member, due, &what));
            } else {
                self.due = self.due.min(due);
            }
        }
    }
}

impl Oracle for Adverts {
    fn name(&self) -> &'static str {
        "X2"
    }

    fn property(&self) -> &'static str {
        "adverts from masters, regularly"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        if to > self.due {
            self.silent(world, to);
        }
        if self.books.iter().any(|b| b.unexplained.is_some()) {
            self.unexplained(world, to);
        }
    }

    fn reload(&mut self, world: &Tracker, host: HostId) {
        for id in world.on(host) {
            // Only who is different is: unchanged ones keep their schedule.
            let changed = world.member(id).changed == world.now;
            self.books[id.0].reloaded |= changed && world.member(id).interval_changed;
        }
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        match &record.what {
            Observed::Advert {
                host,
                instance,
                priority,
            } if *priority > Priority::RELEASE => {
                self.advert(world, world.id(*host, *instance), record.at);
            }
            Observed::Engine(host, Event::StateChanged { instance, .. }) => {
                let id = world.id(*host, *instance);
                if world.member(id).is_master() {
                    self.books[id.0].unexplained = None;
                    self.due = record.at;
                }
                self.books[id.0].excused = Some(record.at);
            }
            Observed::Engine(host, Event::PriorityChanged { .. })
            | Observed::Fault(
                Fault::Drain(host, ..)
                | Fault::Undrain(host, _)
                | Fault::SetPriority(host, ..)
                | Fault::Resume(host)
                | Fault::ResumeVm(host),
            ) => {
                for id in world.on(*host) {
                    self.books[id.0].excused = Some(record.at);
                }
                self.due = record.at;
            }
            _ => {}
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
