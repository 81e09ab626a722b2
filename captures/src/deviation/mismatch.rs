//! What keepalived before 2.3.3 does about a master that lists other addresses than its own: it
//! doesn't listen to it. The better master in its turn discards the other's adverts, but each
//! of them puts off its own next advert; so it falls silent.

use std::collections::BTreeSet;

use super::{advert, interval_ns, recount, renumber, vrid};
use crate::listing::{Advert, Entry, Sender};

/// Everything that a sender says who would have been backup, had it believed the better master with
/// the other list.
pub(super) fn other_addresses_believed(entries: &mut Vec<Entry>, sender: Sender) -> usize {
    let rank = |advert: &Advert| (advert.priority, advert.source);
    let adverts = |mine: bool| {
        let of = move |entry: &&Entry| (entry.sender == sender) == mine;
        let all = entries.iter().filter(of).filter_map(|entry| {
            let advert = entry.kind.advert().filter(|advert| !advert.resigns())?;
            Some((entry.at_ns(), advert))
        });
        all.collect::<Vec<_>>()
    };
    let list = |advert: &Advert| advert.addresses.iter().copied().collect::<BTreeSet<_>>();
    let (own, others) = (adverts(true), adverts(false));
    let Some((first_at, first)) = own.first() else {
        return 0;
    };
    let deaf = others.iter().any(|(at, other)| {
        at < first_at
            && other.vrid == first.vrid
            && rank(other) > rank(first)
            && list(other) != list(first)
    });
    if deaf {
        let silenced: BTreeSet<Sender> = entries
            .iter()
            .filter(|entry| entry.sender != sender && entry.kind.advert().is_some())
            .map(|entry| entry.sender)
            .collect();
        entries.retain(|entry| entry.sender != sender || !entry.kind.is_daemons());
        silenced.iter().for_each(|other| speak_on(entries, *other));
    }
    usize::from(deaf)
}

/// Frames so close together are due together.
const TOGETHER_NS: u64 = 10_000_000;

/// What a master left out because the other's adverts, which it discarded, put off its own again
/// and again: every advert that was due.
fn speak_on(entries: &mut Vec<Entry>, sender: Sender) {
    let mut place = 0;
    while place < entries.len() {
        if let Some(due) = missing(entries, sender, place) {
            // Announcements that are due with it come first.
            let at = entries.partition_point(|entry| entry.at_ns() < due.at_ns() + TOGETHER_NS);
            recount(entries, (sender, vrid(&due)), at, |id| id + 1);
            entries.insert(at, due);
        }
        place += 1;
    }
}

/// The advert that should follow the one at a place, when the next comes much later.
fn missing(entries: &[Entry], sender: Sender, place: usize) -> Option<Entry> {
    let before = entries.get(place).filter(|entry| entry.sender == sender)?;
    let (said, id) = advert(before).filter(|(said, _)| !said.resigns())?;
    let adverts = entries[place + 1..].iter().filter(|e| e.sender == sender);
    let next = adverts.into_iter().find(|e| e.kind.advert().is_some())?;
    let interval = interval_ns(said);
    let mut due = before.clone();
    due.frame.at_ns += interval;
    let much_later = next.at_ns() > due.at_ns() + interval / 4
        || next.kind.advert().is_some_and(Advert::resigns) && next.at_ns() > due.at_ns();
    renumber(&mut due, id + 1);
    much_later.then_some(due)
}
