//! Holds a run's records against what the scenario expects, and says what was found instead.

use core::time::Duration;

use locum_engine::event::StateKind;
use locum_engine::time::Seconds;
use locum_sim::record::Record;
use locum_sim::topology::{HostId, Topology};

use crate::expect::{Bounds, Expectation, Expected, Window};
use crate::history::{History, Holders, Transition};
use crate::words;

/// What became of one expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it was met.
    pub met: bool,
    /// What was found, in words, whether met or not.
    pub found: String,
}

/// Checks every expectation, in order.
pub fn check(
    records: &[Record],
    topology: &Topology,
    expectations: &[Expectation],
) -> Vec<Outcome> {
    let run = Run {
        history: History::new(records),
        topology,
    };
    expectations
        .iter()
        .map(|expectation| run.check(&expectation.what))
        .collect()
}

struct Run<'a> {
    history: History,
    topology: &'a Topology,
}

impl Run<'_> {
    fn check(&self, expected: &Expected) -> Outcome {
        match expected {
            Expected::Holders {
                address,
                within,
                hosts,
            } => {
                let found = self.history.holders(*address, *within);
                let met = found.iter().all(|(_, holders)| holders == hosts);
                story(met, *within, &found, |holders| {
                    show_holders(self.topology, holders)
                })
            }
            Expected::State {
                node,
                instance,
                within,
                state,
            } => {
                let found = self.history.states(*node, *instance, *within);
                let met = found.iter().all(|(_, found)| found == state);
                story(met, *within, &found, |state| show_state(*state).to_owned())
            }
            Expected::LongestOutage {
                client,
                within,
                bounds,
            } => self.longest_outage(*client, *within, *bounds),
            Expected::DoubleMaster {
                address,
                within,
                bounds,
            } => {
                let found = self.history.double_masters(*address, *within);
                let lengths = found
                    .iter()
                    .map(|w| (w.from, w.to.saturating_since(w.from)));
                longest(lengths.collect(), *bounds, "from")
            }
            Expected::Transition {
                node,
                instance,
                within,
                to,
                because,
                times,
            } => {
                let fits = |t: &Transition| {
                    (t.node, t.instance, t.to) == (*node, *instance, *to)
                        && t.from != t.to
                        && because.is_none_or(|reason| words::reason(t.why) == reason)
                };
                let found = self.transitions(*within, fits);
                let met = times.map_or(!found.is_empty(), |n| found.len() == n as usize);
                Outcome {
                    met,
                    found: self.show_transitions(&found),
                }
            }
            Expected::Sends {
                node,
                instance,
                within,
                what,
                times,
            } => {
                let key = (*node, *instance, *what);
                let sent = self.history.sent.iter();
                let sent = sent.filter(|(at, k)| within.contains(*at) && *k == key);
                let count = sent.count();
                Outcome {
                    met: times.map_or(count > 0, |n| count == n as usize),
                    found: format!("sent {count}"),
                }
            }
            Expected::Quiet { node, within } => {
                let fits =
                    |t: &Transition| node.is_none_or(|node| t.node == node) && t.from != t.to;
                let found = self.transitions(*within, fits);
                let met = found.is_empty();
                Outcome {
                    met,
                    found: self.show_transitions(&found),
                }
            }
        }
    }

    fn longest_outage(&self, client: HostId, within: Window, bounds: Bounds) -> Outcome {
        let ends_within = |end| within.from < end && end <= within.to;
        let outages = self.history.outages.iter();
        let lengths = outages
            .filter(|outage| outage.client == client && ends_within(outage.end))
            .map(|outage| (outage.end, outage.lasted));
        longest(lengths.collect(), bounds, "until")
    }

    fn transitions(&self, within: Window, fits: impl Fn(&Transition) -> bool) -> Vec<Transition> {
        let all = self.history.transitions.iter();
        all.filter(|t| within.contains(t.at) && fits(t))
            .copied()
            .collect()
    }

    fn show_transitions(&self, transitions: &[Transition]) -> String {
        const SHOWN: usize = 4;
        let show = |t: &Transition| {
            let name = &self.topology.hosts[t.node.index()].name;
            let why = words::reason(t.why);
            format!(
                "{} {name} {} ({why})",
                show_instant(t.at),
                show_state(Some(t.to))
            )
        };
        let mut parts: Vec<String> = transitions.iter().take(SHOWN).map(show).collect();
        if parts.is_empty() {
            return "no such transition".to_owned();
        }
        if transitions.len() > SHOWN {
            parts.push(format!("{} more", transitions.len() - SHOWN));
        }
        parts.join(", ")
    }
}

/// An instant as it is written in scenario files.
pub fn show_instant(at: locum_engine::Instant) -> String {
    crate::units::show_span(Duration::from_nanos(at.as_nanos()))
}

/// The names of holders, or "nobody".
pub fn show_holders(topology: &Topology, holders: &Holders) -> String {
    let names = holders
        .iter()
        .map(|host| &*topology.hosts[host.index()].name);
    match names.collect::<Vec<_>>().join(" and ") {
        names if names.is_empty() => "nobody".to_owned(),
        names => names,
    }
}

/// The word for a state.
pub fn show_state(state: Option<StateKind>) -> &'static str {
    let known = words::STATES.into_iter().find(|(_, known)| *known == state);
    known.map_or("?", |(word, _)| word)
}

/// A value over a window in words: `A until 8s, then nobody until 10.7s, then B`.
fn story<T>(
    met: bool,
    within: Window,
    found: &[(Window, T)],
    show: impl Fn(&T) -> String,
) -> Outcome {
    let parts = found
        .iter()
        .map(|(stretch, value)| match stretch.to == within.to {
            true => show(value),
            false => format!("{} until {}", show(value), show_instant(stretch.to)),
        });
    let found = parts.collect::<Vec<_>>().join(", then ");
    Outcome { met, found }
}

/// The longest of some spans against bounds; none counts as zero.
fn longest(
    lengths: Vec<(locum_engine::Instant, Duration)>,
    bounds: Bounds,
    preposition: &str,
) -> Outcome {
    // Of equally long ones the first is shown.
    let longest = lengths.iter().rev().max_by_key(|(_, length)| *length);
    let (length, found) = match longest {
        None => (Duration::ZERO, "none".to_owned()),
        Some((at, length)) => {
            let text = format!("{} {preposition} {}", Seconds(*length), show_instant(*at));
            (*length, text)
        }
    };
    Outcome {
        met: bounds.admit(length),
        found,
    }
}
