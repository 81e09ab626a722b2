//! `audible-yield`: a recorded master that yields in silence is made to say so, and the winner to
//! answer and to announce, as `locum` does unless `quiet_yield` is set.

use std::net::IpAddr;

use locum_engine::config::Version;
use locum_engine::ids::Priority;
use locum_engine::wire::{self, AdvertView, Family, ethernet, ipv4};

use super::{advert, interval_ns, of, recount, renumber, vrid};
use crate::listing::{Advert, Entry, Kind, Sender};

/// keepalived's default of `garp_lower_prio_delay`: announcements after a contest are repeated so
/// much later.
const DELAY_NS: u64 = 5_000_000_000;
/// Neighbours that believed the loser are told once more, in one round, when they listen again.
const SETTLED_NS: u64 = 1_100_000_000;
/// Frames so close together are one burst.
const BURST_NS: u64 = 50_000_000;

/// Where `loser` yields: says how often.
pub(super) fn audible_yield(entries: &mut Vec<Entry>, loser: Sender) -> usize {
    let mut changed = 0;
    let mut from = 0;
    while let Some((last, victory)) = yields(entries, loser, from) {
        from = speak(entries, loser, last, victory);
        changed += 1;
    }
    changed
}

/// The last advert of a master that falls silent, and the advert of higher priority that silences
/// it, from a position on.
fn yields(entries: &[Entry], loser: Sender, from: usize) -> Option<(usize, usize)> {
    let own: Vec<usize> = of(entries, loser)
        .into_iter()
        .filter(|&index| advert(&entries[index]).is_some())
        .collect();
    own.iter().enumerate().find_map(|(place, &last)| {
        let (mine, _) = advert(&entries[last]).filter(|(mine, _)| !mine.resigns())?;
        let next = own.get(place + 1).copied();
        let reign = entries[last].at_ns() + interval_ns(mine) * 3 / 2;
        let silent = next.is_none_or(|next| entries[next].at_ns() > reign);
        let victory = (last + 1..next.unwrap_or(entries.len()))
            .take_while(|&index| entries[index].at_ns() <= reign)
            .find(|&index| entries[index].sender != loser && outranks(&entries[index], mine))?;
        (silent && victory >= from).then_some((last, victory))
    })
}

fn outranks(entry: &Entry, mine: &Advert) -> bool {
    let rank = |advert: &Advert| (advert.priority, advert.source);
    advert(entry).is_some_and(|(a, _)| a.vrid == mine.vrid && rank(a) > rank(mine))
}

/// Puts in the loser's resignation, the winner's answer and its announcements. Returns where to
/// go on.
fn speak(entries: &mut Vec<Entry>, loser: Sender, last: usize, victory: usize) -> usize {
    let winner = entries[victory].sender;
    let at_victory = burst(entries, winner, victory);
    let rounds = match at_victory.is_empty() {
        true => its_burst(entries, winner, victory),
        false => at_victory.clone(),
    };
    let rounds: Vec<Entry> = rounds
        .into_iter()
        .map(|index| entries[index].clone())
        .collect();
    let place = at_victory.last().copied().unwrap_or(victory) + 1;
    let now = entries[place - 1].at_ns();

    let mut resignation = entries[last].clone();
    let mut answer = entries[victory].clone();
    for (entry, count) in [(&mut resignation, 1), (&mut answer, 1)] {
        let id = advert(entry).map_or(0, |(_, id)| id);
        renumber(entry, id + count);
        entry.frame.at_ns = now;
    }
    resign(&mut resignation);
    let router = vrid(&answer);
    recount(entries, (loser, router), place, |id| id + 1);
    recount(entries, (winner, router), place, |id| id + 1);
    let mut later = vec![(SETTLED_NS, one_round(&rounds))];
    if at_victory.is_empty() {
        // One that has just taken over repeats its announcements anyway.
        later.push((DELAY_NS, rounds.clone()));
    }
    for (delay, announcements) in later {
        let due = now + delay;
        let place = entries.partition_point(|entry| entry.at_ns() < due);
        if place < entries.len() {
            entries.splice(place..place, timed(&announcements, due));
        }
    }
    let spoken = [resignation, answer].into_iter().chain(timed(&rounds, now));
    let spoken: Vec<Entry> = spoken.collect();
    let next = place + spoken.len();
    entries.splice(place..place, spoken);
    next
}

fn timed(rounds: &[Entry], at_ns: u64) -> Vec<Entry> {
    let mut rounds = rounds.to_vec();
    for entry in &mut rounds {
        entry.frame.at_ns = at_ns;
    }
    rounds
}

/// Each announcement once.
fn one_round(rounds: &[Entry]) -> Vec<Entry> {
    let mut round: Vec<Entry> = Vec::new();
    for entry in rounds {
        if round.iter().all(|other| other.kind != entry.kind) {
            round.push(entry.clone());
        }
    }
    round
}

/// The announcements right behind an advert of the same sender.
fn burst(entries: &[Entry], sender: Sender, after: usize) -> Vec<usize> {
    let begin = entries[after].at_ns();
    (after + 1..entries.len())
        .filter(|&index| entries[index].sender == sender && entries[index].kind.is_daemons())
        .take_while(|&index| matches!(entries[index].kind, Kind::Announcement(_)))
        .take_while(|&index| entries[index].at_ns() - begin < BURST_NS)
        .collect()
}

/// The announcements with which a sender took over before.
pub(super) fn its_burst(entries: &[Entry], sender: Sender, before: usize) -> Vec<usize> {
    let own = of(entries, sender).into_iter().rev();
    own.filter(|&index| index < before && advert(&entries[index]).is_some())
        .map(|index| burst(entries, sender, index))
        .find(|burst| !burst.is_empty())
        .unwrap_or_default()
}

/// Makes a resignation of an IPv4 advert.
fn resign(entry: &mut Entry) {
    let Kind::Advert(said) = &mut entry.kind else {
        return;
    };
    let (IpAddr::V4(source), IpAddr::V4(destination)) = (said.source, said.destination) else {
        return;
    };
    let id = said.id.unwrap_or_default();
    let version = match said.version {
        2 => Version::V2,
        _ => Version::V3,
    };
    let payload = entry
        .frame
        .bytes
        .get(ethernet::LEN + ipv4::LEN..)
        .unwrap_or_default();
    let Ok(view) = AdvertView::new(payload, version, Family::V4) else {
        return;
    };
    let mut addresses = Vec::new();
    let Some(advert) = wire::Advert::parse(&view, &mut addresses) else {
        return;
    };
    let advert = wire::Advert {
        priority: Priority::RELEASE,
        ..advert
    };
    let mut packet = Vec::new();
    wire::advert_packet(id, said.ttl, source, destination, &advert, &mut packet);
    said.priority = Priority::RELEASE;
    entry.frame.bytes.truncate(ethernet::LEN);
    entry.frame.bytes.extend(packet);
}
