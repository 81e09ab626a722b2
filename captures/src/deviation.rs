//! What may differ between a recording of keepalived and us, each by its name.
//!
//! A deviation isn't a tolerance: it is an exact change to a recording, which makes of it what the
//! recording would be if keepalived did as we do. What was recorded is then compared to the byte. A
//! deviation that finds nothing to change says so, so that none can be declared in vain.

mod audible;
mod mismatch;
mod priority;
mod six;
mod unicast;

use std::fmt;
use std::str::FromStr;

use locum_engine::wire::{ethernet, ipv4};

use crate::listing::{Advert, Entry, Kind, Listing, Sender};
use crate::pcap::Frame;

/// A known difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deviation {
    /// A master that fails a check resigns once. keepalived says it twice; so the second is taken
    /// out, and the adverts after it are counted one less.
    SinglePriorityZero,
    /// A master without carrier sends nothing. keepalived sends two resignations, which can't leave
    /// but are counted; so the adverts after it are counted two less.
    SilentWithoutCarrier,
    /// A burst of announcements that is due at the same moment as an advert comes before it, as
    /// nearly always with keepalived. Where a stalled machine recorded it behind the advert, the two
    /// change places.
    BurstBeforeAdvert,
    /// A master whose advert is due sends it. keepalived re-arms its timer a tenth of a millisecond
    /// late at each advert, which adds up: where a recorded master was relieved when its advert was
    /// overdue already, that advert is put in.
    DueAdvertSent,
    /// A master that yields says so with priority 0, and the winner answers with an advert and
    /// announcements. keepalived's yields in silence, and the winner of a split doesn't announce; so
    /// all of that is put in. With `quiet_yield` we are as silent.
    AudibleYield,
    /// The first advert to a unicast peer waits in the kernel until the peer's MAC address is known, by
    /// ARP or neighbour discovery;
    /// our announcements don't wait for it. keepalived takes long enough between the two for the
    /// answer to come first; so they change places.
    AdvertWaitsForArp,
    /// We don't announce a router's own address. keepalived with unicast peers does, once, when
    /// carrier comes back; so that is taken out.
    SourceUnannounced,
    /// A backup believes a master that lists other addresses than its own, as keepalived does since
    /// 2.3.3. 2.2.7 discards its adverts and becomes master as well; so all that it sent is taken out.
    OtherAddressesBelieved,
    /// Our adverts over IPv6 have flow label zero. keepalived leaves it to the kernel, which fills in a
    /// hash that changes with each boot; so it is set to zero.
    FlowUnlabelled,
    /// Our adverts have hop limit 255 wherever they go. keepalived leaves that of unicast adverts over
    /// IPv6 to the kernel, which has 64; so it is set to 255.
    FullHopLimit,
    /// A priority that changes is said by the next advert, in its turn. keepalived starts the instance
    /// over: it says the old priority once more and counts from 1, or waits anew; so adverts and
    /// announcements go back to their turn, and what follows from them comes as much earlier.
    PriorityInPlace,
}

impl Deviation {
    /// Every one there is.
    pub const ALL: [Self; 11] = [
        Self::SinglePriorityZero,
        Self::SilentWithoutCarrier,
        Self::BurstBeforeAdvert,
        Self::DueAdvertSent,
        Self::AudibleYield,
        Self::AdvertWaitsForArp,
        Self::SourceUnannounced,
        Self::OtherAddressesBelieved,
        Self::FlowUnlabelled,
        Self::FullHopLimit,
        Self::PriorityInPlace,
    ];

    /// The name by which it is declared.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SinglePriorityZero => "single-priority-0",
            Self::SilentWithoutCarrier => "silent-without-carrier",
            Self::BurstBeforeAdvert => "burst-before-advert",
            Self::DueAdvertSent => "due-advert-sent",
            Self::AudibleYield => "audible-yield",
            Self::AdvertWaitsForArp => "advert-waits-for-arp",
            Self::SourceUnannounced => "source-unannounced",
            Self::OtherAddressesBelieved => "other-addresses-believed",
            Self::FlowUnlabelled => "flow-unlabelled",
            Self::FullHopLimit => "full-hop-limit",
            Self::PriorityInPlace => "priority-in-place",
        }
    }

    /// Changes a recording of keepalived; says at how many places.
    pub fn apply(self, recording: Vec<Frame>) -> (Vec<Frame>, usize) {
        let listing = Listing::new(recording);
        let mut changed = 0;
        let mut entries = listing.entries.clone();
        for sender in listing.routers() {
            changed += match self {
                Self::SinglePriorityZero => single_priority_zero(&mut entries, sender),
                Self::SilentWithoutCarrier => silent_without_carrier(&mut entries, sender),
                Self::BurstBeforeAdvert => burst_before_advert(&mut entries, sender),
                Self::DueAdvertSent => due_advert_sent(&mut entries, sender),
                Self::AudibleYield => audible::audible_yield(&mut entries, sender),
                Self::AdvertWaitsForArp => unicast::advert_waits_for_arp(&mut entries, sender),
                Self::SourceUnannounced => unicast::source_unannounced(&mut entries, sender),
                Self::OtherAddressesBelieved => {
                    mismatch::other_addresses_believed(&mut entries, sender)
                }
                Self::FlowUnlabelled => six::flow_unlabelled(&mut entries, sender),
                Self::FullHopLimit => six::full_hop_limit(&mut entries, sender),
                Self::PriorityInPlace => priority::priority_in_place(&mut entries, sender),
            };
        }
        (
            entries.into_iter().map(|entry| entry.frame).collect(),
            changed,
        )
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Deviation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|d| d.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no deviation `{name}`; there are {names}")
        })
    }
}

/// Positions of a sender's frames.
fn of(entries: &[Entry], sender: Sender) -> Vec<usize> {
    let own = |(_, entry): &(usize, &Entry)| entry.sender == sender && entry.kind.is_daemons();
    entries
        .iter()
        .enumerate()
        .filter(own)
        .map(|(i, _)| i)
        .collect()
}

fn advert(entry: &Entry) -> Option<(&Advert, u16)> {
    let advert = entry.kind.advert()?;
    Some((advert, advert.id?))
}

fn single_priority_zero(entries: &mut Vec<Entry>, sender: Sender) -> usize {
    let mut changed = 0;
    let mut at = 0;
    while let Some(second) = second_resignation(entries, sender, at) {
        let vrid = vrid(&entries.remove(second));
        recount(entries, (sender, vrid), second, |id| id - 1);
        changed += 1;
        at = second;
    }
    changed
}

/// The second of two resignations that follow each other, from a position on.
fn second_resignation(entries: &[Entry], sender: Sender, from: usize) -> Option<usize> {
    of(entries, sender)
        .windows(2)
        .filter(|pair| pair[1] >= from)
        .find(|pair| {
            let [first, second] = [pair[0], pair[1]].map(|i| advert(&entries[i]));
            matches!((first, second), (Some((a, x)), Some((b, y)))
                if a.resigns() && b.resigns() && y == x.wrapping_add(1))
        })
        .map(|pair| pair[1])
}

fn silent_without_carrier(entries: &mut [Entry], sender: Sender) -> usize {
    let mut changed = 0;
    let mut before = None;
    for index in of(entries, sender) {
        let Some((_, id)) = advert(&entries[index]) else {
            continue;
        };
        if before.is_some_and(|before: u16| id == before.wrapping_add(3)) {
            let vrid = vrid(&entries[index]);
            recount(entries, (sender, vrid), index, |id| id - 2);
            changed += 1;
        }
        before = advert(&entries[index]).map(|(_, id)| id);
    }
    changed
}

/// An advert in turn, and announcements right behind it: as many as at a takeover, or else they are
/// a refresh, which belongs there.
fn burst_before_advert(entries: &mut [Entry], sender: Sender) -> usize {
    const RIGHT_BEHIND_NS: u64 = 10_000_000;
    let mut changed = 0;
    let own = of(entries, sender);
    let announces = |&&index: &&usize| matches!(entries[index].kind, Kind::Announcement(_));
    let takeover = own.iter().skip(1).take_while(announces).count();
    for place in 1..own.len() {
        let (before, late) = (&entries[own[place - 1]], &entries[own[place]]);
        let (Some((before_advert, _)), Some((late_advert, _))) = (advert(before), advert(late))
        else {
            continue;
        };
        let gap = late.at_ns() - before.at_ns();
        let interval = interval_ns(late_advert);
        let in_turn =
            (interval * 3 / 4..interval * 3 / 2).contains(&gap) && !before_advert.resigns();
        let due = late.at_ns();
        let burst = own[place + 1..]
            .iter()
            .take_while(|&&index| {
                let entry = &entries[index];
                matches!(entry.kind, Kind::Announcement(_)) && entry.at_ns() - due < RIGHT_BEHIND_NS
            })
            .count();
        if in_turn && burst > 0 && burst >= takeover {
            for step in place..place + burst {
                entries.swap(own[step], own[step + 1]);
                // What was late was due with the advert.
                entries[own[step]].frame.at_ns = due;
            }
            changed += 1;
        }
    }
    changed
}

/// A sender's last advert before another takes over, when its next one was due by then.
fn due_advert_sent(entries: &mut Vec<Entry>, sender: Sender) -> usize {
    let mut changed = 0;
    let mut index = 0;
    while index < entries.len() {
        if let Some(place) = overdue(entries, sender, index) {
            let mut due = entries[index].clone();
            if let Some((advert, id)) = advert(&entries[index]) {
                due.frame.at_ns += interval_ns(advert);
                renumber(&mut due, id + 1);
            }
            entries.insert(place, due);
            let vrid = vrid(&entries[index]);
            recount(entries, (sender, vrid), place + 1, |id| id + 1);
            changed += 1;
            index = place;
        }
        index += 1;
    }
    changed
}

/// Where the advert after `index` belongs, if it was due but not sent before another's.
fn overdue(entries: &[Entry], sender: Sender, index: usize) -> Option<usize> {
    let (mine, _) = advert(&entries[index]).filter(|(a, _)| !a.resigns())?;
    if entries[index].sender != sender {
        return None;
    }
    let interval = interval_ns(mine);
    let same_router = |entry: &Entry| {
        advert(entry).is_some_and(|(other, _)| {
            (other.vrid, &other.addresses) == (mine.vrid, &mine.addresses)
        })
    };
    let next = entries[index + 1..].iter().position(same_router)? + index + 1;
    let gap = entries[next].at_ns() - entries[index].at_ns();
    let relieved = entries[next].sender != sender && (interval..interval * 3 / 2).contains(&gap);
    let outranked = advert(&entries[next]).is_some_and(|(a, _)| a.priority > mine.priority);
    (relieved && outranked).then_some(next)
}

/// Counts a virtual router's adverts anew from a position on, up to its daemon's next start.
fn recount(
    entries: &mut [Entry],
    (sender, router): (Sender, u8),
    from: usize,
    count: impl Fn(u16) -> u16,
) {
    let own = |entry: &&mut Entry| entry.sender == sender && vrid(entry) == router;
    for entry in entries[from..].iter_mut().filter(own) {
        match advert(entry) {
            Some((_, 1)) => return,
            Some((_, id)) => renumber(entry, count(id)),
            None => {}
        }
    }
}

/// The virtual router that an advert is about; 0 for what is none.
fn vrid(entry: &Entry) -> u8 {
    entry.kind.advert().map_or(0, |advert| advert.vrid)
}

/// Gives an IPv4 advert another identification. A frame that isn't quite as a daemon sends it is
/// left alone, and will show.
fn renumber(entry: &mut Entry, id: u16) {
    let bytes = &mut entry.frame.bytes;
    let Some(packet) = bytes.get(ethernet::LEN..) else {
        return;
    };
    let Ok(view) = ipv4::View::new(packet) else {
        return;
    };
    let header = view.header();
    let length = view.payload().len();
    if packet.get(..ipv4::LEN) != Some(&header.encode(length)[..]) {
        return;
    }
    let header = ipv4::Header { id, ..header };
    bytes[ethernet::LEN..ethernet::LEN + ipv4::LEN].copy_from_slice(&header.encode(length));
    if let Kind::Advert(advert) = &mut entry.kind {
        advert.id = Some(id);
    }
}

fn interval_ns(advert: &Advert) -> u64 {
    u64::from(advert.interval) * 10_000_000
}
