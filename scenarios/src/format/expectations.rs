//! Reading expectations: a time or a window, and what has to be true of it.
//!
//! `{ from = "4.2s", to = "8s", holder = "A" }`; without a time, the whole run is meant.

use core::net::IpAddr;
use core::time::Duration;

use locum_engine::Instant;
use locum_engine::event::StateKind;
use locum_sim::topology::{Role, Topology};
use toml::de::DeValue;

use super::faults::instance;
use super::fields::{Fields, Value, word};
use super::network::{Named, virtual_address};
use crate::expect::{Bounds, Expectation, Expected, HANDOVER, Sent, Window};
use crate::words::{REASONS, STATES, did_you_mean};

const SHAPE: &str = r#"{ at = "7s", holder = "A" }"#;
const KINDS: [&str; 9] = [
    "holder",
    "longest_outage",
    "double_master",
    "state",
    "becomes",
    "never_becomes",
    "transitions",
    "sends",
    "never_sends",
];

/// Reads `expect`.
pub(crate) fn read_expectations(
    fields: &Fields<'_, '_>,
    topology: &Topology,
    lasts: Duration,
) -> Vec<Expectation> {
    let mut expectations = Vec::new();
    for value in fields.list("expect") {
        let Some(entry) = Fields::of(fields.sink, value, SHAPE) else {
            continue;
        };
        let what = read_expected(&entry, topology, lasts);
        if what.is_none() && KINDS.iter().any(|kind| entry.has(kind)) {
            // What was wrong has been said; the other keys mean nothing without it.
            continue;
        }
        if let Some(what) = what {
            let source = fields.sink.source;
            let text = source.text.get(value.span()).unwrap_or_default();
            let text = text.trim_matches(['{', '}', ' ']);
            expectations.push(Expectation {
                text: text.split_whitespace().collect::<Vec<_>>().join(" ").into(),
                line: source.place(value.span()).line,
                what,
            });
        }
        entry.finish();
    }
    expectations
}

fn read_expected(entry: &Fields<'_, '_>, topology: &Topology, lasts: Duration) -> Option<Expected> {
    let within = read_window(entry, lasts);
    let kind = entry.only(&KINDS, "an expectation says one thing")?;
    match kind {
        "holder" => {
            let hosts = read_holders(entry, topology);
            let address = read_address(entry, topology)?;
            Some(Expected::Holders {
                address,
                within: within?,
                hosts: hosts?,
            })
        }
        "longest_outage" => {
            let client = read_client(entry, topology);
            let bounds = read_bounds(entry);
            if bounds == Bounds::default() {
                return entry.missing("at_most", r#"write at_most = "3s""#);
            }
            Some(Expected::LongestOutage {
                client: client?,
                within: within?,
                bounds,
            })
        }
        "double_master" => {
            let address = read_address(entry, topology);
            Some(Expected::DoubleMaster {
                bounds: read_double_master(entry)?,
                address: address?,
                within: within?,
            })
        }
        "transitions" => read_quiet(entry, topology, within),
        "sends" | "never_sends" => read_sends(entry, topology, kind, within),
        _ => read_node_expectation(entry, topology, kind, within),
    }
}

/// `at`, or `from` and `to`; the whole run without them.
fn read_window(entry: &Fields<'_, '_>, lasts: Duration) -> Option<Window> {
    let instant = |key| {
        let span = entry.span_of_time(key)?;
        if span > lasts {
            let value = entry.value(key)?;
            let help = "let the run last longer: `lasts`".to_owned();
            return entry
                .sink
                .error(value.span(), "this lies behind the end of the run", help);
        }
        Some(Instant::ZERO + span)
    };
    let bounds = (entry.has("from"), entry.has("to"));
    if entry.has("at") {
        if bounds != (false, false) {
            return entry.error("`at` excludes `from` and `to`", None);
        }
        return instant("at").map(Window::instant);
    }
    let from = if bounds.0 {
        instant("from")?
    } else {
        Instant::ZERO
    };
    let to = if bounds.1 {
        instant("to")?
    } else {
        Instant::ZERO + lasts
    };
    if from >= to {
        return entry.error(
            "this window is empty",
            "let `from` be earlier than `to`".to_owned(),
        );
    }
    Some(Window { from, to })
}

/// `"A"`, `["A", "B"]` or `"nobody"`.
fn read_holders(
    entry: &Fields<'_, '_>,
    topology: &Topology,
) -> Option<std::collections::BTreeSet<locum_sim::topology::HostId>> {
    let value = entry.value("holder")?;
    let names: Vec<&Value<'_>> = match value.get_ref() {
        DeValue::Array(names) => names.iter().collect(),
        DeValue::String(text) if text == "nobody" => Vec::new(),
        _ => vec![value],
    };
    names
        .into_iter()
        .map(|name| topology.find_host(entry.sink, &word(entry.sink, name, "`holder`")?))
        .collect()
}

fn read_address(entry: &Fields<'_, '_>, topology: &Topology) -> Option<IpAddr> {
    let Some(word) = entry.word("address") else {
        let first = virtual_address(topology);
        return first.or_else(|| entry.missing("address", r#"write address = "192.168.0.200""#));
    };
    word.text.parse().ok().or_else(|| {
        let message = format!("`{}` is no IP address", word.text);
        entry.sink.error(
            word.span,
            message,
            "write it like 192.168.0.200 or fd00::200".to_owned(),
        )
    })
}

fn read_client(entry: &Fields<'_, '_>, topology: &Topology) -> Option<locum_sim::topology::HostId> {
    let name = entry.word("longest_outage")?;
    let host = topology.find_host(entry.sink, &name)?;
    match topology.hosts[host.index()].role {
        Role::Client(_) => Some(host),
        Role::Router(_) | Role::Plain | Role::Nic(_) => {
            let message = format!("{} is no client: it measures no outages", name.text);
            let help = "write it under [clients]".to_owned();
            entry.sink.error(name.span, message, help)
        }
    }
}

fn read_bounds(entry: &Fields<'_, '_>) -> Bounds {
    Bounds {
        at_least: entry.span_of_time("at_least"),
        at_most: entry.span_of_time("at_most"),
    }
}

/// `"never"`, or `"expected"` with bounds.
fn read_double_master(entry: &Fields<'_, '_>) -> Option<Bounds> {
    let word = entry.word("double_master")?;
    let bounds = read_bounds(entry);
    match (word.text, bounds.at_least, bounds.at_most) {
        ("never", None, None) => Some(Bounds {
            at_least: None,
            at_most: Some(HANDOVER),
        }),
        ("never", ..) => entry.error("`never` has no bounds", None),
        ("expected", None, _) => {
            let help = r#"write at_least = "2s": what is expected must be able to fail to come"#;
            entry.missing("at_least", help)
        }
        ("expected", ..) => Some(bounds),
        _ => {
            let help = r#"write double_master = "never", or "expected" with at_least and at_most"#;
            entry.sink.error(
                word.span,
                "this is neither never nor expected",
                help.to_owned(),
            )
        }
    }
}

/// `transitions = "none"`, of one node or of all.
fn read_quiet(
    entry: &Fields<'_, '_>,
    topology: &Topology,
    within: Option<Window>,
) -> Option<Expected> {
    let none = entry.word("transitions")?;
    if none.text != "none" {
        let help = r#"write transitions = "none", or becomes = "master", node = "A""#.to_owned();
        return entry
            .sink
            .error(none.span, "only their absence can be expected here", help);
    }
    let node = match entry.word("node") {
        Some(name) => Some(topology.find_node(entry.sink, &name)?.0),
        None => None,
    };
    let within = within?;
    Some(Expected::Quiet { node, within })
}

/// `sends` and `never_sends`.
fn read_sends(
    entry: &Fields<'_, '_>,
    topology: &Topology,
    kind: &'static str,
    within: Option<Window>,
) -> Option<Expected> {
    let what = entry.word(kind).and_then(|name| {
        let known = Sent::WORDS.iter().find(|(word, _)| *word == name.text);
        known.map(|(_, what)| *what).or_else(|| {
            let words = Sent::WORDS.map(|(word, _)| word);
            let help = did_you_mean(name.text, words)
                .unwrap_or_else(|| format!("it is one of {}", words.join(", ")));
            let message = format!("no daemon sends `{}`", name.text);
            entry.sink.error(name.span, message, help)
        })
    });
    let name = entry.required("node", r#"write node = "A""#)?;
    let (node, config) = topology.find_node(entry.sink, &name)?;
    let instance = instance(entry, config)?;
    Some(Expected::Sends {
        node,
        instance,
        within: within?,
        what: what?,
        times: read_times(entry, kind == "never_sends"),
    })
}

fn read_times(entry: &Fields<'_, '_>, never: bool) -> Option<u32> {
    if never {
        return Some(0);
    }
    let times = entry.integer("times", 1..=1_000_000);
    times.and_then(|n| u32::try_from(n).ok())
}

/// `state`, `becomes` and `never_becomes`, all of one node.
fn read_node_expectation(
    entry: &Fields<'_, '_>,
    topology: &Topology,
    kind: &'static str,
    within: Option<Window>,
) -> Option<Expected> {
    let state = read_state(entry, kind);
    let name = entry.required("node", r#"write node = "A""#)?;
    let (node, config) = topology.find_node(entry.sink, &name)?;
    let instance = instance(entry, config)?;
    if kind == "state" {
        return Some(Expected::State {
            node,
            instance,
            within: within?,
            state: state?,
        });
    }
    let times = read_times(entry, kind == "never_becomes");
    let because = match entry.word("because") {
        Some(reason) => Some(read_reason(entry, &reason)?),
        None => None,
    };
    let Some(to) = state? else {
        return entry.error("daemons going down are no transitions", None);
    };
    Some(Expected::Transition {
        node,
        instance,
        within: within?,
        to,
        because,
        times,
    })
}

fn read_state(entry: &Fields<'_, '_>, key: &'static str) -> Option<Option<StateKind>> {
    let name = entry.word(key)?;
    let known = STATES.iter().find(|(state, _)| *state == name.text);
    known.map(|(_, state)| *state).or_else(|| {
        let words = STATES.map(|(state, _)| state);
        let help = did_you_mean(name.text, words)
            .unwrap_or_else(|| format!("the states are {}", words.join(", ")));
        entry.sink.error(
            name.span,
            format!("there is no state `{}`", name.text),
            help,
        )
    })
}

fn read_reason(entry: &Fields<'_, '_>, name: &super::fields::Word<'_>) -> Option<&'static str> {
    let known = REASONS.into_iter().find(|reason| *reason == name.text);
    known.or_else(|| {
        let help = did_you_mean(name.text, REASONS)
            .unwrap_or_else(|| format!("the reasons are {}", REASONS.join(", ")));
        let message = format!("there is no reason `{}`", name.text);
        entry.sink.error(name.span.clone(), message, help)
    })
}
