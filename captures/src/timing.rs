//! Why a frame was sent when it was sent, as far as the wire shows: what it follows, by how much,
//! and by how much it should.
//!
//! Times of two captures are compared relative to their causes, because that is what the protocol
//! promises: an advert follows the one before by an interval, a takeover follows the last advert
//! that was heard by the master-down time. What an operator or a check did isn't on the wire; such
//! frames have no cause here.

use std::collections::BTreeMap;
use std::time::Duration;

use locum_engine::config::Version;
use locum_engine::fsm::{master_down, skew};
use locum_engine::time::{Centis, nanos};
use locum_engine::wire::Family;

use crate::listing::{Advert, Kind, Listing, Sender};

/// Adverts that must be missing before a takeover: a capture doesn't tell `down_timer_adverts`.
const MISSED: u8 = 3;

/// How far from the formula an advert may come and still be taken for its consequence: so far, but
/// never so far that the next advert before or after would do as well.
const NEAR_NS: u64 = 25_000_000;
const NEAR_PART: u64 = 8;

/// What a frame follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Nothing: the daemon has just been started (the sender's first frame, or its counter of
    /// adverts begins again), and nobody was heard before.
    Start,
    /// The sender's advert before, by an interval.
    Interval,
    /// The last advert that was heard from another master, by the master-down time.
    Silence,
    /// Another master's resignation, by the skew time.
    Resignation,
    /// Another's advert, at once.
    Answer,
    /// The sender's frame before; announcements follow an advert, or each other.
    Before,
    /// Nothing that can be seen: somebody stopped the daemon, a cable was plugged in, a check failed.
    Unseen,
}

/// A frame's place in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// What it follows.
    pub cause: Cause,
    /// The entry of that, by index; `None` when there is none to be seen.
    pub of: Option<usize>,
    /// Nanoseconds since then; zero without one.
    pub gap_ns: u64,
    /// What the gap should be, where a formula says it.
    pub formula_ns: Option<u64>,
}

impl Timing {
    /// How much later than the formula it came, in nanoseconds; negative when earlier.
    pub fn late_ns(&self) -> Option<i64> {
        Some(self.gap_ns.cast_signed() - self.formula_ns?.cast_signed())
    }
}

/// The timing of every entry; `None` for what isn't the daemon's.
pub fn timings(listing: &Listing) -> Vec<Option<Timing>> {
    let mut story = Story {
        listing,
        last: BTreeMap::new(),
        own: BTreeMap::new(),
        adverts: BTreeMap::new(),
    };
    (0..listing.entries.len())
        .map(|index| story.tell(index))
        .collect()
}

/// One virtual router: its identifier and family.
type Group = (u8, Family);

/// What was seen up to an entry.
struct Story<'a> {
    listing: &'a Listing,
    /// Each sender's last frame.
    last: BTreeMap<Sender, usize>,
    /// Each sender's last advert for a virtual router.
    own: BTreeMap<(Sender, Group), usize>,
    /// Every advert for a virtual router, in order.
    adverts: BTreeMap<Group, Vec<usize>>,
}

impl Story<'_> {
    fn tell(&mut self, index: usize) -> Option<Timing> {
        let entry = &self.listing.entries[index];
        let timing = match &entry.kind {
            Kind::Kernel(_) => return None,
            Kind::Advert(advert) => self.advert(index, advert),
            Kind::Announcement(_) | Kind::Unreadable(_) => match self.last.get(&entry.sender) {
                Some(&before) => self.follows(index, Cause::Before, before, None),
                None => UNSEEN,
            },
        };
        self.last.insert(entry.sender, index);
        if let Some(advert) = entry.kind.advert() {
            let group = group(advert);
            self.own.insert((entry.sender, group), index);
            self.adverts.entry(group).or_default().push(index);
        }
        Some(timing)
    }

    fn advert(&self, index: usize, advert: &Advert) -> Timing {
        let own = self.own.get(&(self.sender(index), group(advert))).copied();
        let reign = own.filter(|&own| self.still_master(index, own, advert));
        if let Some(heard) = self.just_heard(index, advert, reign) {
            return self.follows(index, Cause::Answer, heard, Some(0));
        }
        if advert.resigns() {
            return UNSEEN;
        }
        let interval = interval(advert).nanos();
        if let Some(own) = reign {
            return self.follows(index, Cause::Interval, own, Some(interval));
        }
        if let Some(timing) = self.takeover(index, advert) {
            return timing;
        }
        match own.is_none() || advert.id == Some(1) {
            true => Timing {
                cause: Cause::Start,
                ..UNSEEN
            },
            false => UNSEEN,
        }
    }

    /// Whether the sender was master all the time since its own advert before.
    fn still_master(&self, index: usize, own: usize, advert: &Advert) -> bool {
        let interval = interval(advert).nanos();
        let before = self.listing.entries[own].kind.advert();
        let resigned = before.is_none_or(Advert::resigns);
        !resigned && self.gap(index, own) <= interval + interval / 2
    }

    /// Another's advert right before this one, which comes out of turn: a master that answers a
    /// contender, or one that yields.
    fn just_heard(&self, index: usize, advert: &Advert, reign: Option<usize>) -> Option<usize> {
        let in_turn = reign.is_some_and(|own| {
            let interval = interval(advert).nanos();
            !advert.resigns() && self.gap(index, own) + interval / 4 >= interval
        });
        let reigns = reign.is_some();
        let heard = self.others(index, advert, near(advert)).next()?;
        (reigns && !in_turn).then_some(heard)
    }

    /// A takeover: the formula says when the last advert must have been heard. Adverts after that
    /// may have been lost on their way, or been of too low a priority to count.
    fn takeover(&self, index: usize, advert: &Advert) -> Option<Timing> {
        let (version, interval) = (version(advert), interval(advert));
        let silence = nanos(master_down(version, advert.priority, interval, MISSED));
        let skew = nanos(skew(version, advert.priority, interval));
        let near = near(advert);
        for heard in self.others(index, advert, silence + near) {
            let gap = self.gap(index, heard);
            let resigns = self.listing.entries[heard]
                .kind
                .advert()
                .is_some_and(Advert::resigns);
            if resigns && gap.abs_diff(skew) <= near {
                return Some(self.follows(index, Cause::Resignation, heard, Some(skew)));
            }
            if !resigns && gap.abs_diff(silence) <= near {
                return Some(self.follows(index, Cause::Silence, heard, Some(silence)));
            }
        }
        None
    }

    /// Adverts of others for the same virtual router, not longer ago than `most`, the latest first.
    fn others<'b>(
        &'b self,
        index: usize,
        advert: &Advert,
        most: u64,
    ) -> impl Iterator<Item = usize> + 'b {
        let sender = self.sender(index);
        let all = self.adverts.get(&group(advert)).map_or(&[][..], |v| v);
        let recent = move |i: &usize| self.gap(index, *i) <= most;
        let others = move |i: &usize| self.sender(*i) != sender;
        all.iter().rev().copied().take_while(recent).filter(others)
    }

    fn sender(&self, index: usize) -> Sender {
        self.listing.entries[index].sender
    }

    fn gap(&self, index: usize, since: usize) -> u64 {
        let at = |index: usize| self.listing.entries[index].at_ns();
        at(index).saturating_sub(at(since))
    }

    fn follows(&self, index: usize, cause: Cause, of: usize, formula_ns: Option<u64>) -> Timing {
        Timing {
            cause,
            of: Some(of),
            gap_ns: self.gap(index, of),
            formula_ns,
        }
    }
}

const UNSEEN: Timing = Timing {
    cause: Cause::Unseen,
    of: None,
    gap_ns: 0,
    formula_ns: None,
};

fn group(advert: &Advert) -> Group {
    (advert.vrid, Family::of(advert.source))
}

fn near(advert: &Advert) -> u64 {
    NEAR_NS.min(interval(advert).nanos() / NEAR_PART)
}

fn version(advert: &Advert) -> Version {
    match advert.version {
        2 => Version::V2,
        _ => Version::V3,
    }
}

/// Zero isn't a legal interval; one second is keepalived's and the RFC's default.
fn interval(advert: &Advert) -> Centis {
    let second = const { Centis::from_seconds(1).expect("one isn't zero") };
    Centis::new(advert.interval).unwrap_or(second)
}

/// A span with its sign, in seconds: `+0.012 s`.
pub(crate) fn signed(ns: i64) -> String {
    let sign = if ns < 0 { '-' } else { '+' };
    let span = Duration::from_nanos(ns.unsigned_abs());
    format!("{sign}{}", locum_engine::time::Seconds(span))
}
