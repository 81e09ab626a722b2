//! The timeline: when a fault happens, for how long, and how often.
//!
//! `{ at = "8s", pull = "A - sw1" }`; `for = "2s"` puts it right again after so long;
//! `repeat = 5, every = "1s"` does both again.

use core::ops::Range;
use core::time::Duration;
use std::path::Path;

use locum_engine::Instant;
use locum_sim::fault::{Fault, TimedFault};
use locum_sim::topology::Topology;

use super::config::Configs;
use super::faults::{VERBS, read_fault, undo};
use super::fields::{Fields, Sink};

const SHAPE: &str = r#"{ at = "8s", pull = "A - sw1" }"#;
/// More repetitions than this are a slip of the pen.
const REPEAT_MAX: i64 = 10_000;

/// Reads `timeline`: faults in order of time, equal times in the order of the file; each with the
/// place of its entry.
pub(crate) fn read_timeline(
    fields: &Fields<'_, '_>,
    topology: &Topology,
    (mut configs, folder): (Configs, Option<&Path>),
    lasts: Duration,
) -> Vec<(TimedFault, Range<usize>)> {
    let mut faults = Vec::new();
    for value in fields.list("timeline") {
        let Some(entry) = Fields::of(fields.sink, value, SHAPE) else {
            continue;
        };
        match read_entry(&entry, topology, (&mut configs, folder), lasts) {
            Some(read) => {
                faults.extend(read.into_iter().map(|fault| (fault, entry.span())));
            }
            // What was wrong with the verb has been said; its other keys mean nothing without it.
            None if VERBS.iter().any(|verb| entry.has(verb)) => continue,
            None => {}
        }
        entry.finish();
    }
    faults.sort_by_key(|(fault, _)| fault.at);
    faults
}

fn read_entry(
    entry: &Fields<'_, '_>,
    topology: &Topology,
    files: (&mut Configs, Option<&Path>),
    lasts: Duration,
) -> Option<Vec<TimedFault>> {
    let at = match entry.has("at") {
        true => entry.span_of_time("at"),
        false => entry.missing("at", r#"write at = "8s""#),
    };
    let lasting = entry.span_of_time("for");
    let times = entry.integer("repeat", 1..=REPEAT_MAX);
    let fault = read_fault(entry, topology, files)?;
    // Forged adverts have an interval of their own under this name.
    let every = match fault {
        Fault::Forge(..) | Fault::Replay(..) => None,
        _ => entry.span_of_time("every"),
    };
    let (at, sink) = (at?, entry.sink);
    check_within(sink, entry, at, lasts);
    let back = match (lasting, &fault) {
        (None, _) | (_, Fault::RebootSwitch(..)) => None,
        (Some(lasting), _) => match undo(&fault, topology) {
            Some(back) => Some((lasting, back)),
            None => return entry.error("`for` has no meaning here: nothing undoes this", None),
        },
    };
    let every = match (times, every) {
        (Some(_), Some(every)) => every,
        (None, None) => Duration::ZERO,
        _ => {
            let help = r#"write repeat = 5, every = "1s""#.to_owned();
            return entry.error("`repeat` and `every` belong together", help);
        }
    };
    let mut faults = Vec::new();
    for round in 0..u32::try_from(times.unwrap_or(1)).unwrap_or(1) {
        let at = Instant::ZERO + at + every * round;
        let fault = fault.clone();
        faults.push(TimedFault { at, fault });
        if let Some((lasting, back)) = &back {
            let at = at + *lasting;
            faults.extend(back.iter().cloned().map(|fault| TimedFault { at, fault }));
        }
    }
    Some(faults)
}

fn check_within(sink: &Sink<'_>, entry: &Fields<'_, '_>, at: Duration, lasts: Duration) {
    if let Some(value) = entry.value("at")
        && at >= lasts
    {
        let message = "this lies behind the end of the run";
        let help = "let the run last longer: `lasts`".to_owned();
        sink.error::<()>(value.span(), message, help);
    }
}
