//! Reading `[chaos]`: which random faults the seed expands into.

use core::time::Duration;
use std::collections::BTreeSet;

use locum_engine::Instant;
use locum_sim::topology::Topology;

use super::fields::{Fields, Word, word};
use super::network::Named;
use crate::chaos::{Chaos, KINDS, Kind, Place};
use crate::words::did_you_mean;

const SHAPE: &str = r#"[chaos] with from, to, faults, longest, kinds"#;

/// Reads `chaos`, if it is there.
pub(crate) fn read_chaos(
    fields: &Fields<'_, '_>,
    topology: &Topology,
    lasts: Duration,
) -> Option<Chaos> {
    let entry = Fields::of(fields.sink, fields.value("chaos")?, SHAPE)?;
    let time = |key: &'static str| match entry.has(key) {
        true => entry.span_of_time(key),
        false => entry.missing(key, "write when the faults begin, and when all are over"),
    };
    let (from, to) = (time("from"), time("to"));
    let faults = match entry.has("faults") {
        true => entry.integer("faults", 1..=10_000),
        false => entry.missing("faults", "write how many: faults = 6"),
    };
    let longest = entry
        .span_of_time("longest")
        .unwrap_or(Duration::from_secs(5));
    let kinds: Vec<Kind> = match entry.has("kinds") {
        true => entry
            .list("kinds")
            .into_iter()
            .filter_map(|v| kind(&entry, &word(entry.sink, v, "a kind")?))
            .collect(),
        false => KINDS.map(|(_, kind)| kind).to_vec(),
    };
    let spare: BTreeSet<Place> = entry
        .list("spare")
        .into_iter()
        .filter_map(|value| place(&entry, topology, &word(entry.sink, value, "a name")?))
        .collect();
    let (from, to) = (from?, to?);
    if from >= to || to > lasts {
        let help = "from < to <= lasts".to_owned();
        return entry.error("these times don't fit the run", help);
    }
    let chaos = Chaos {
        from: Instant::ZERO + from,
        to: Instant::ZERO + to,
        faults: u32::try_from(faults?).ok()?,
        longest,
        kinds,
        spare,
    };
    entry.finish();
    Some(chaos)
}

fn kind(entry: &Fields<'_, '_>, name: &Word<'_>) -> Option<Kind> {
    let known = KINDS.into_iter().find(|(word, _)| *word == name.text);
    known.map(|(_, kind)| kind).or_else(|| {
        let words = KINDS.map(|(word, _)| word);
        let help = did_you_mean(name.text, words)
            .unwrap_or_else(|| format!("the kinds are {}", words.join(", ")));
        let message = format!("chaos knows no `{}`", name.text);
        entry.sink.error(name.span.clone(), message, help)
    })
}

fn place(entry: &Fields<'_, '_>, topology: &Topology, name: &Word<'_>) -> Option<Place> {
    if name.text.contains(" - ") {
        let (cable, _) = topology.find_cable(entry.sink, name)?;
        return Some(Place::Cable(cable));
    }
    if let Some(switch) = topology.switch(name.text) {
        return Some(Place::Switch(switch));
    }
    topology.find_host(entry.sink, name).map(Place::Host)
}
