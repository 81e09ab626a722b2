//! Two captures compared as protocols: what each daemon sent, frame by frame, and when.
//!
//! Frames are compared per sender and virtual router, in order, byte for byte from the Ethernet
//! header up; times relative to their causes ([`timing`](crate::timing)). What the kernels sent is counted, not compared.
//!
//! A frame whose cause can't be seen is compared by two clocks, and has to be right by one of them:
//! the capture's (somebody did something to the network at a certain time) and its sender's (a check
//! ran so long after the daemon's start), which begins with the sender's first frame.

mod align;
mod report;

use std::collections::BTreeMap;

use crate::fields::{self, FieldDifference};
use crate::listing::{Kind, Listing, Sender};
use crate::timing::{Cause, Timing, timings};

use align::{Step, align};

/// How to compare.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How far two times may be apart, in nanoseconds.
    pub tolerance_ns: u64,
    /// The moment in each capture that counts as zero on the captures' clocks; that of the first
    /// frame a daemon sent, when not given.
    pub start_ns: [Option<u64>; 2],
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// One entry for each daemon in either capture.
    pub senders: Vec<Summary>,
    /// In order of sender, then virtual router, then time.
    pub differences: Vec<Difference>,
    /// Frames of the kernels in each capture.
    pub kernel: [usize; 2],
}

/// How one sender came out.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Who.
    pub sender: Sender,
    /// Its adverts in each capture.
    pub adverts: [usize; 2],
    /// Its announcements in each capture.
    pub announcements: [usize; 2],
    /// Frames that are the same to the byte in both.
    pub equal: usize,
    /// How many differences there are.
    pub differences: usize,
    /// The largest difference in time among frames that are in both, in nanoseconds.
    pub worst_ns: u64,
}

impl Summary {
    fn new(sender: Sender) -> Self {
        Self {
            sender,
            adverts: [0; 2],
            announcements: [0; 2],
            equal: 0,
            differences: 0,
            worst_ns: 0,
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Whose frame.
    pub sender: Sender,
    /// The frame in each capture, by index into [`Listing::entries`].
    pub frames: [Option<usize>; 2],
    /// What is different about it.
    pub what: What,
}

/// What is different about a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// These fields.
    Bytes(Vec<FieldDifference>),
    /// It is only in the first capture.
    Missing,
    /// It is only in the second capture.
    Extra,
    /// The second comes so much later after its cause than the first, in nanoseconds; negative when
    /// earlier.
    Time {
        /// Seen in the first.
        a: Timing,
        /// Seen in the second.
        b: Timing,
        /// How much later.
        by_ns: i64,
    },
}

impl Comparison {
    /// Whether nothing differs.
    pub fn is_same(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Compares `b` with `a`, which is what is expected.
pub fn compare(a: &Listing, b: &Listing, options: &Options) -> Comparison {
    let sides = [
        Side::new(a, options.start_ns[0]),
        Side::new(b, options.start_ns[1]),
    ];
    let mut senders = [a.routers(), b.routers()].concat();
    senders.sort_unstable();
    senders.dedup();
    let mut comparison = Comparison {
        senders: Vec::new(),
        differences: Vec::new(),
        kernel: [a, b].map(|l| l.entries.iter().filter(|e| !e.kind.is_daemons()).count()),
    };
    for sender in senders {
        let mut summary = Summary::new(sender);
        let own = |side: &Side<'_>| side.frames.keys().copied().collect::<Vec<_>>();
        let mut groups = [own(&sides[0]), own(&sides[1])].concat();
        groups.retain(|(of, _)| *of == sender);
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            let pair = Pair::new(&sides, group, options.tolerance_ns);
            pair.compare(&mut summary, &mut comparison.differences);
        }
        comparison.senders.push(summary);
    }
    comparison
}

/// A daemon's frames for one virtual router. Those of several have no order among each other.
type Group = (Sender, u8);

/// The virtual router that each of a daemon's frames is about. An announcement is about the one whose
/// adverts list the address, or, if none does, about that of the advert before.
fn virtual_routers(listing: &Listing) -> Vec<u8> {
    let mut listed = BTreeMap::new();
    let mut last: BTreeMap<Sender, u8> = BTreeMap::new();
    for entry in &listing.entries {
        if let Some(advert) = entry.kind.advert() {
            last.entry(entry.sender).or_insert(advert.vrid);
            for address in &advert.addresses {
                listed.insert((entry.sender, *address), advert.vrid);
            }
        }
    }
    let about = listing.entries.iter().map(|entry| {
        let before = last.get(&entry.sender).copied().unwrap_or(0);
        let vrid = match &entry.kind {
            Kind::Advert(advert) => advert.vrid,
            Kind::Announcement(address) => {
                *listed.get(&(entry.sender, *address)).unwrap_or(&before)
            }
            Kind::Unreadable(_) | Kind::Kernel(_) => before,
        };
        if entry.kind.advert().is_some() {
            last.insert(entry.sender, vrid);
        }
        vrid
    });
    about.collect()
}

/// One capture, ready to be compared.
struct Side<'a> {
    listing: &'a Listing,
    timings: Vec<Option<Timing>>,
    start_ns: u64,
    /// Indices of each sender's frames for each virtual router.
    frames: BTreeMap<Group, Vec<usize>>,
}

impl<'a> Side<'a> {
    fn new(listing: &'a Listing, start_ns: Option<u64>) -> Self {
        let mut frames: BTreeMap<Group, Vec<usize>> = BTreeMap::new();
        let about = virtual_routers(listing);
        for (index, entry) in listing.entries.iter().enumerate() {
            if entry.kind.is_daemons() {
                frames
                    .entry((entry.sender, about[index]))
                    .or_default()
                    .push(index);
            }
        }
        let first = listing.entries.iter().find(|e| e.kind.is_daemons());
        Self {
            listing,
            timings: timings(listing),
            start_ns: start_ns.unwrap_or_else(|| first.map_or(0, |entry| entry.at_ns())),
            frames,
        }
    }

    fn bytes(&self, index: usize) -> &'a [u8] {
        &self.listing.entries[index].frame.bytes
    }

    fn at(&self, index: usize) -> i64 {
        self.listing.entries[index].at_ns().cast_signed()
    }
}

/// One sender in both captures.
struct Pair<'a> {
    sides: &'a [Side<'a>; 2],
    sender: Sender,
    frames: [&'a [usize]; 2],
    tolerance_ns: u64,
}

impl<'a> Pair<'a> {
    fn new(sides: &'a [Side<'a>; 2], group: Group, tolerance_ns: u64) -> Self {
        let frames = [&sides[0], &sides[1]].map(|s| s.frames.get(&group).map_or(&[][..], |f| f));
        Self {
            sides,
            sender: group.0,
            frames,
            tolerance_ns,
        }
    }

    fn compare(&self, summary: &mut Summary, differences: &mut Vec<Difference>) {
        let before = differences.len();
        let [a, b] = self.frames;
        let adverts = self.count(|kind| kind.advert().is_some());
        let announcements = self.count(|kind| matches!(kind, Kind::Announcement(_)));
        for side in [0, 1] {
            summary.adverts[side] += adverts[side];
            summary.announcements[side] += announcements[side];
        }
        let same = |i: usize, j: usize| self.is_same(a[i], b[j]);
        // An advert isn't another announcement, whatever their fields say.
        let announces = |side: usize, index: usize| {
            let kind = &self.sides[side].listing.entries[index].kind;
            matches!(kind, Kind::Announcement(_))
        };
        let alike = |i: usize, j: usize| announces(0, a[i]) == announces(1, b[j]);
        for step in align(a.len(), b.len(), same, alike) {
            match step {
                Step::Both(i, j) => self.pair(a[i], b[j], summary, differences),
                Step::OnlyA(i) => {
                    differences.push(self.difference([Some(a[i]), None], What::Missing));
                }
                Step::OnlyB(j) => {
                    differences.push(self.difference([None, Some(b[j])], What::Extra));
                }
            }
        }
        summary.differences += differences.len() - before;
    }

    /// Two frames that belong together: their bytes, then their times.
    fn pair(&self, i: usize, j: usize, summary: &mut Summary, differences: &mut Vec<Difference>) {
        let frames = [Some(i), Some(j)];
        if self.is_same(i, j) {
            summary.equal += 1;
        } else {
            let fields = fields::differences(self.sides[0].bytes(i), self.sides[1].bytes(j));
            differences.push(self.difference(frames, What::Bytes(fields)));
        }
        let by_ns = self.apart(i, j);
        summary.worst_ns = summary.worst_ns.max(by_ns.unsigned_abs());
        if let Some(what) = self.time(i, j, by_ns) {
            differences.push(self.difference(frames, what));
        }
    }

    fn is_same(&self, i: usize, j: usize) -> bool {
        self.sides[0].bytes(i) == self.sides[1].bytes(j)
    }

    fn difference(&self, frames: [Option<usize>; 2], what: What) -> Difference {
        Difference {
            sender: self.sender,
            frames,
            what,
        }
    }

    fn count(&self, of: impl Fn(&Kind) -> bool) -> [usize; 2] {
        [0, 1].map(|side| {
            let entries = &self.sides[side].listing.entries;
            let frames = self.frames[side].iter();
            frames.filter(|&&index| of(&entries[index].kind)).count()
        })
    }

    fn time(&self, i: usize, j: usize, by_ns: i64) -> Option<What> {
        let late = by_ns.unsigned_abs() > self.tolerance_ns;
        let (a, b) = (self.sides[0].timings[i]?, self.sides[1].timings[j]?);
        late.then_some(What::Time { a, b, by_ns })
    }

    /// How much later the second came, judged by its cause.
    fn apart(&self, i: usize, j: usize) -> i64 {
        let (Some(a), Some(b)) = (self.sides[0].timings[i], self.sides[1].timings[j]) else {
            return 0;
        };
        match (a.cause, b.cause) {
            (Cause::Start, Cause::Start) => 0,
            (Cause::Unseen, Cause::Unseen) => self.by_clocks(i, j),
            (a_cause, b_cause) if a_cause == b_cause => {
                b.gap_ns.cast_signed() - a.gap_ns.cast_signed()
            }
            // A first frame always is where its sender's clock begins; that clock can't judge it.
            (Cause::Start, _) | (_, Cause::Start) => self.by_capture(i, j),
            _ => self.by_clocks(i, j),
        }
    }

    fn by_capture(&self, i: usize, j: usize) -> i64 {
        let since = |side: usize, index| {
            self.sides[side].at(index) - self.sides[side].start_ns.cast_signed()
        };
        since(1, j) - since(0, i)
    }

    fn by_clocks(&self, i: usize, j: usize) -> i64 {
        let since = |side: usize, index| {
            let first = self.frames[side].first().copied().unwrap_or(index);
            self.sides[side].at(index) - self.sides[side].at(first)
        };
        let by_sender = since(1, j) - since(0, i);
        let by_capture = self.by_capture(i, j);
        match by_sender.abs() < by_capture.abs() {
            true => by_sender,
            false => by_capture,
        }
    }
}
