//! X3: becoming master is an advert, then the addresses, then their announcements, all within one
//! quantum; and a second round of announcements after `garp_master_delay`. Announcements that keep a
//! distance have the time that takes; at least one leaves at once if nothing is under way.
//!
//! The advert comes first so that other backups are held back before anything slow happens. The
//! second burst is demanded while the router stays master undisturbed; a contest replaces it by
//! the contest's own (`garp_lower_prio_delay`).

use core::net::IpAddr;
use core::time::Duration;

use locum_engine::event::StateKind;
use locum_engine::ids::Priority;
use locum_engine::{Event, Instant};

use super::member::{Member, MemberId};
use super::pacing::longest_burst;
use super::tracker::Tracker;
use super::{Oracle, Verdict, blame};
use crate::record::{Observed, Record};
use crate::topology::HostId;

/// The oracle.
pub(super) struct Takeover {
    verdict: Verdict,
    books: Vec<Book>,
    /// Nothing is owed earlier than that.
    due: Instant,
}

/// What one member has done lately.
#[derive(Clone, Default)]
struct Book {
    /// When the present run of effects began.
    began: Instant,
    /// When it last went on.
    last: Instant,
    advert: bool,
    /// The most addresses held during it.
    held: usize,
    /// Announcements of each address during it.
    announced: Vec<u32>,
    /// The first thing that came out of order.
    wrong: Option<&'static str>,
    /// Became master, and the effects have not been judged.
    judged_at: Option<Instant>,
    /// The first burst, when its announcements keep a distance.
    first: Option<Second>,
    second: Option<Second>,
}

/// A burst that is still owed.
#[derive(Clone)]
struct Second {
    takeover: Instant,
    from: Instant,
    until: Instant,
    announced: Vec<u32>,
}

impl Takeover {
    pub(super) fn new(world: &Tracker) -> Self {
        let book = |member: &Member| Book {
            announced: vec![0; member.addresses.len()],
            ..Book::default()
        };
        Self {
            verdict: Verdict::default(),
            books: world.members.iter().map(book).collect(),
            due: Instant::FAR_FUTURE,
        }
    }

    /// The book of a member, at the beginning of a new run of effects if the old one is over.
    fn book(&mut self, world: &Tracker, id: MemberId) -> &mut Book {
        let book = &mut self.books[id.0];
        if book.began + world.quantum < world.now {
            book.began = world.now;
            book.advert = false;
            book.held = 0;
            book.wrong = None;
            book.announced.fill(0);
        }
        book.last = world.now;
        book
    }

    fn announced(&mut self, world: &Tracker, id: MemberId, address: IpAddr) {
        let member = world.member(id);
        let Some(i) = member.addresses.iter().position(|a| *a == address) else {
            return;
        };
        let present = world.host(member).addresses.contains(&address);
        let book = self.book(world, id);
        book.announced[i] += 1;
        if !present {
            book.wrong = book
                .wrong
                .or(Some("an address was announced before it was there"));
        }
        for owed in [&mut book.first, &mut book.second].into_iter().flatten() {
            if world.now >= owed.from {
                owed.announced[i] += 1;
            }
        }
    }

    fn state(&mut self, world: &Tracker, id: MemberId, to: StateKind) {
        let member = world.member(id);
        if to != StateKind::Master {
            self.judge(world, id);
            self.books[id.0].first = None;
            self.books[id.0].second = None;
            return;
        }
        let garp = member.spec().garp;
        let burst = longest_burst(member);
        let drift = world.host(member).drift;
        let count = member.addresses.len();
        let book = self.book(world, id);
        book.held = book.held.max(member.held);
        book.judged_at = Some(world.now);
        let soonest = match garp.contest_delay {
            Duration::ZERO => garp.delay,
            contest => contest.min(garp.delay),
        };
        book.second = (garp.delay > Duration::ZERO).then(|| Second {
            takeover: world.now,
            from: (world.now + drift.shortest(soonest)).saturating_sub(world.quantum),
            until: world.now + drift.longest(garp.delay + burst) + world.quantum * 2,
            announced: vec![0; count],
        });
        book.first = (burst > Duration::ZERO).then(|| Second {
            takeover: world.now,
            from: book.began,
            until: world.now + drift.longest(burst) + world.quantum,
            announced: book.announced.clone(),
        });
        self.due = self.due.min(world.now + world.quantum);
    }

    /// The effects of becoming master are all there, or missing.
    fn judge(&mut self, world: &Tracker, id: MemberId) {
        let member = world.member(id);
        let book = &mut self.books[id.0];
        let Some(at) = book.judged_at.take() else {
            return;
        };
        let repeat = member.spec().garp.repeat;
        let missing = book.first.is_none() && book.announced.iter().any(|n| *n < repeat);
        let what = if !book.advert {
            Some("became master without an advert")
        } else if book.wrong.is_some() {
            book.wrong
        } else if book.held < member.addresses.len() {
            Some("became master without all its addresses")
        } else if missing {
            Some("became master without announcing its addresses as often as configured")
        } else {
            None
        };
        let took = book.last.saturating_since(book.began);
        self.verdict.at_most(took, world.quantum);
        if let Some(what) = what {
            self.verdict.violated(blame(world, member, at, what));
        }
    }

    /// The first burst, when it takes its time.
    fn first(&mut self, world: &Tracker, id: MemberId, to: Instant) {
        let member = world.member(id);
        let host = world.host(member);
        let book = &mut self.books[id.0];
        let Some(first) = book.first.take_if(|first| first.until < to) else {
            return;
        };
        if !host.acts() || host.stalled_at > first.takeover {
            return self.verdict.suspended();
        }
        self.verdict.checked();
        let repeat = member.spec().garp.repeat;
        if first.announced.iter().any(|n| *n < repeat) {
            let what = "announced its addresses less often than configured, at a distance";
            self.verdict
                .violated(blame(world, member, first.until, what));
        }
    }

    fn second(&mut self, world: &Tracker, id: MemberId, to: Instant) {
        let member = world.member(id);
        let garp = member.spec().garp;
        let book = &mut self.books[id.0];
        let Some(second) = &mut book.second else {
            return;
        };
        let host = world.host(member);
        if !host.acts() || host.stalled_at > second.takeover {
            self.verdict.suspended();
            book.second = None;
            return;
        }
        let contested = member.hearing.any > second.takeover;
        let contest = garp.contest_delay > Duration::ZERO;
        if contested && contest {
            let until = member.hearing.any
                + host
                    .drift
                    .longest(garp.contest_delay + longest_burst(member))
                + world.quantum * 2;
            second.until = second.until.max(until);
        }
        if second.until >= to {
            return;
        }
        let repeat = if contested {
            garp.repeat.min(garp.contest_repeat)
        } else {
            garp.repeat
        };
        let missing = second.announced.iter().any(|n| *n < repeat);
        let until = second.until;
        book.second = None;
        self.verdict.checked();
        if missing {
            let what = "did not announce its addresses again after garp_master_delay";
            self.verdict.violated(blame(world, member, until, what));
        }
    }
}

impl Oracle for Takeover {
    fn name(&self) -> &'static str {
        "X3"
    }

    fn property(&self) -> &'static str {
        "advert, addresses, announcements"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        if to <= self.due {
            return;
        }
        self.due = Instant::FAR_FUTURE;
        for (id, _) in world.all() {
            if let Some(at) = self.books[id.0].judged_at {
                if at + world.quantum < to {
                    self.judge(world, id);
                } else {
                    self.due = self.due.min(at + world.quantum);
                }
            }
            self.first(world, id, to);
            self.second(world, id, to);
            let book = &self.books[id.0];
            for owed in [&book.first, &book.second].into_iter().flatten() {
                self.due = self.due.min(owed.until);
            }
        }
    }

    /// Another list of addresses: what was counted is void, and no second burst is owed for it.
    fn reload(&mut self, world: &Tracker, host: HostId) {
        for id in world.on(host) {
            let count = world.member(id).addresses.len();
            let book = &mut self.books[id.0];
            if world.member(id).changed == world.now {
                book.announced = vec![0; count];
                book.second = None;
                book.judged_at = None;
            }
        }
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        match &record.what {
            Observed::Advert {
                host,
                instance,
                priority,
            } => {
                let id = world.id(*host, *instance);
                if *priority == Priority::RELEASE {
                    self.judge(world, id);
                } else if self.books[id.0].judged_at.is_none() {
                    self.book(world, id).advert = true;
                }
            }
            Observed::AddressAdded { host, address } => {
                for id in world.on(*host) {
                    let member = world.member(id);
                    if member.addresses.contains(address) {
                        let book = self.book(world, id);
                        book.held = book.held.max(member.held);
                        if !book.advert {
                            book.wrong = Some("an address was added before the advert was sent");
                        }
                    }
                }
            }
            Observed::AddressRemoved { host, .. } => {
                for id in world.on(*host) {
                    self.judge(world, id);
                }
            }
            Observed::Announcement {
                host,
                instance,
                address,
            } => self.announced(world, world.id(*host, *instance), *address),
            Observed::Engine(host, Event::StateChanged { instance, to, .. }) => {
                self.state(world, world.id(*host, *instance), *to);
            }
            Observed::Daemon(host, _) => {
                for id in world.on(*host) {
                    self.books[id.0].judged_at = None;
                    self.books[id.0].first = None;
                    self.books[id.0].second = None;
                }
            }
            _ => {}
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
