//! What keepalived does about a priority that is another in its file: it starts the instance over. A
//! master says its old priority once more and then the new one, counted from 1, and forgets the
//! announcements that were due; a backup begins to wait anew, whatever it has heard.
//!
//! With us nothing but the priority changes: adverts come in their turn, and all that follows from
//! them comes earlier, by as much as keepalived's moment was later than the advert in turn before it.

use locum_engine::config::Version;
use locum_engine::fsm::master_down;
use locum_engine::time::Centis;

use super::audible::its_burst;
use super::{advert, interval_ns, of, renumber};
use crate::listing::{Advert, Entry, Sender};

/// The last advert before it starts over and the first one after it are so close together.
const AT_ONCE_NS: u64 = 10_000_000;
/// keepalived's default of `garp_master_delay`.
const DELAY_NS: u64 = 5_000_000_000;
/// keepalived's default of `down_timer_adverts`.
const MISSED: u8 = 3;

/// What a sender who started its instance over would have sent had it not, and what the others would
/// have sent then: says how often it did, as master and as backup.
pub(super) fn priority_in_place(entries: &mut Vec<Entry>, sender: Sender) -> usize {
    let Some([turn, said, over]) = started_over(entries, sender) else {
        return 0;
    };
    let id = advert(&entries[turn]).map_or(0, |(_, id)| id);
    let begin = entries[turn].at_ns();
    stay_master(entries, sender, [turn, said, over]);
    let as_backup =
        returns(entries, sender, begin).is_some_and(|at| stay_backup(entries, sender, at));
    entries.sort_by_key(Entry::at_ns);
    let later = of(entries, sender).into_iter();
    let later = later.filter(|&index| entries[index].at_ns() > begin);
    let adverts: Vec<usize> = later
        .filter(|&i| entries[i].kind.advert().is_some())
        .collect();
    for (index, id) in adverts.into_iter().zip(id + 1..) {
        renumber(&mut entries[index], id);
    }
    1 + usize::from(as_backup)
}

/// The master's last advert in turn, its last with the old priority, and its first with the new.
fn started_over(entries: &[Entry], sender: Sender) -> Option<[usize; 3]> {
    let own = of(entries, sender).into_iter();
    let own: Vec<usize> = own.filter(|&i| advert(&entries[i]).is_some()).collect();
    let three = own.windows(3).find(|three| {
        let read = |place: usize| advert(&entries[three[place]]);
        let (Some((said, _)), Some((over, 1))) = (read(1), read(2)) else {
            return false;
        };
        let gap = entries[three[2]].at_ns() - entries[three[1]].at_ns();
        !said.resigns() && said.priority != over.priority && gap < AT_ONCE_NS
    })?;
    three.try_into().ok()
}

/// Puts a master's adverts back in their turn, its announcements when they were due; the backup
/// counted from the old priority's last advert, and comes earlier with all that it sends.
fn stay_master(entries: &mut Vec<Entry>, sender: Sender, [turn, said, over]: [usize; 3]) {
    let at = |entries: &[Entry], index: usize| entries[index].at_ns();
    let (begin, was, again) = (at(entries, turn), at(entries, said), at(entries, over));
    let Some((mine, _)) = advert(&entries[turn]) else {
        return;
    };
    let (earlier, later) = (was - begin, begin + interval_ns(mine) - again);
    let relieved = entries[over..]
        .iter()
        .find(|e| e.sender != sender && e.kind.is_daemons());
    let relieved = relieved.map_or(u64::MAX, Entry::at_ns);
    let back = returns(entries, sender, relieved).unwrap_or(u64::MAX);
    let first = its_burst(entries, sender, said);
    let due: Vec<Entry> = first
        .into_iter()
        .map(|index| entries[index].clone())
        .collect();

    entries.remove(said);
    entries.retain_mut(|entry| {
        let now = entry.at_ns();
        if !entry.kind.is_daemons() || now < again || now >= back {
            return true;
        }
        if entry.sender != sender {
            entry.frame.at_ns -= earlier;
            return true;
        }
        entry.frame.at_ns += later;
        entry.at_ns() < relieved.saturating_sub(earlier)
    });
    for mut entry in due {
        entry.frame.at_ns += DELAY_NS;
        if (begin..relieved.saturating_sub(earlier)).contains(&entry.at_ns()) {
            entries.push(entry);
        }
    }
    entries.sort_by_key(Entry::at_ns);
}

/// When a sender is master again that was relieved, if it began to count from 1 then.
fn returns(entries: &[Entry], sender: Sender, after: u64) -> Option<u64> {
    let mut relieved = false;
    for entry in entries.iter().filter(|entry| entry.at_ns() >= after) {
        match advert(entry) {
            Some((_, 1)) if relieved && entry.sender == sender => return Some(entry.at_ns()),
            Some(_) => relieved |= entry.sender != sender,
            None => {}
        }
    }
    None
}

/// A backup that began to wait anew before it returned at `back` has heard an advert before, and waits
/// from there. It speaks until it resigns, and nobody else does.
fn stay_backup(entries: &mut Vec<Entry>, sender: Sender, back: u64) -> bool {
    let first = entries
        .iter()
        .find(|e| e.sender == sender && e.at_ns() == back);
    let Some(mine) = first.and_then(|entry| entry.kind.advert()).cloned() else {
        return false;
    };
    let Some(wait) = wait_ns(&mine) else {
        return false;
    };
    let heard = |entry: &&Entry| {
        entry.sender != sender && entry.kind.advert().is_some() && entry.at_ns() + wait <= back
    };
    let Some(heard) = entries.iter().rev().find(heard).map(Entry::at_ns) else {
        return false;
    };
    let earlier = back - heard - wait;
    let stops = |entry: &Entry| entry.kind.advert().is_some_and(Advert::resigns);
    let mine_too = |entry: &Entry| entry.sender == sender && entry.kind.is_daemons();
    let end = entries
        .iter()
        .find(|e| mine_too(e) && e.at_ns() > back && stops(e));
    let end = end.map_or(u64::MAX, Entry::at_ns);
    entries.retain(|entry| {
        let others = entry.sender != sender && entry.kind.is_daemons();
        !others || !(back - earlier..end).contains(&entry.at_ns())
    });
    let mut last = None;
    for entry in entries.iter_mut().filter(|entry| mine_too(entry)) {
        if (back..end).contains(&entry.at_ns()) {
            entry.frame.at_ns -= earlier;
            last = entry.kind.advert().map(|_| entry.clone()).or(last);
        }
    }
    while let Some(mut next) = last {
        next.frame.at_ns += interval_ns(&mine);
        last = (end < u64::MAX && next.at_ns() < end).then(|| next.clone());
        entries.extend(last.clone());
    }
    true
}

/// The Master_Down_Interval of whoever sends this.
fn wait_ns(advert: &Advert) -> Option<u64> {
    let version = match advert.version {
        2 => Version::V2,
        _ => Version::V3,
    };
    let interval = Centis::new(advert.interval)?;
    let wait = master_down(version, advert.priority, interval, MISSED);
    u64::try_from(wait.as_nanos()).ok()
}
