//! The state machine as a table and as a drawing, both snapshotted, with the rules they must obey
//! asserted beside them.

use core::fmt::Write as _;
use core::net::Ipv4Addr;
use std::collections::BTreeSet;

use super::*;
use crate::time::Seconds;

const NOW: Instant = Instant::from_millis(100_000);
const US: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

fn centis(n: u16) -> Centis {
    Centis::new(n).expect("not zero")
}

fn params(priority: u8, preempt: Preempt) -> Params {
    Params {
        version: Version::V3,
        priority: Priority(priority),
        interval: centis(100),
        missed_adverts: 3,
        preempt,
        source: US,
        answer_lower: true,
        grouped: false,
        stands: false,
        steps_back: None,
    }
}

fn heard(priority: u8, last_octet: u8) -> Signal {
    Signal::Advert(Heard {
        source: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last_octet)),
        priority: Priority(priority),
        interval: centis(50),
    })
}

fn signals() -> Vec<(&'static str, Signal)> {
    vec![
        ("start", Signal::Start),
        ("timeout", Signal::Timeout),
        ("advert 0", heard(0, 3)),
        ("advert lower", heard(99, 3)),
        ("advert equal, lower address", heard(100, 1)),
        ("advert equal, higher address", heard(100, 3)),
        ("advert higher", heard(101, 1)),
        ("obstacle", Signal::Obstacle(Reason::LinkDown)),
        ("clear", Signal::Clear),
        (
            "priority changed",
            Signal::PriorityChanged { from: Priority(90) },
        ),
        ("resign", Signal::Resign),
        ("promote", Signal::Promote),
        ("yield", Signal::Yield(Reason::Drained)),
        ("stop", Signal::Stop(Reason::Stopping)),
    ]
}

/// Every state, with its timer still running and just run out.
fn states(params: &Params) -> Vec<(&'static str, State)> {
    let waiting = Backup::begin(params, NOW);
    let due = Backup {
        down_at: NOW,
        ..waiting
    };
    vec![
        ("init", State::Init),
        ("backup", State::Backup(waiting)),
        ("backup, due", State::Backup(due)),
        ("master", State::Master(Master::begin(params, NOW))),
        ("master, due", State::Master(Master { advert_at: NOW })),
        ("fault", State::Fault),
    ]
}

fn describe(before: &State, taken: &Step) -> String {
    let mut text = taken.state.kind().to_string();
    match taken.say {
        Say::Nothing => {}
        Say::Advert { .. } => text.push_str(", advert"),
        Say::Answer(_) => text.push_str(", answer"),
        Say::Point(_) => text.push_str(", point"),
    }
    if let (Some(old), Some(new)) = (before.deadline(), taken.state.deadline())
        && old != new
        && before.kind() == taken.state.kind()
    {
        let span = Seconds(new.saturating_since(NOW));
        write!(text, ", timer {span}").expect("a String takes everything");
    }
    text
}

fn table() -> String {
    let mut text = String::new();
    let preempts = [
        ("preempt", Preempt::Always),
        ("nopreempt", Preempt::Never),
        (
            "preempt_delay 30 s",
            Preempt::After(Duration::from_secs(30)),
        ),
    ];
    for (name, preempt) in preempts {
        let params = params(100, preempt);
        writeln!(text, "priority 100, 1 s, v3, {name}; adverts carry 0.5 s").expect("a String");
        for (state_name, state) in states(&params) {
            for (signal_name, signal) in signals() {
                let outcome = describe(&state, &step(state, &params, NOW, signal));
                writeln!(text, "  {state_name:11} | {signal_name:28} | {outcome}")
                    .expect("a String");
            }
        }
    }
    text
}

/// The drawing, for Graphviz: every transition that some signal causes.
fn dot() -> String {
    let mut edges = BTreeSet::new();
    for priority in [100, 255] {
        let params = params(priority, Preempt::Always);
        for (_, state) in states(&params) {
            for (name, signal) in signals() {
                let taken = step(state, &params, NOW, signal);
                if taken.state.kind() != state.kind() {
                    let (from, to) = (state.kind(), taken.state.kind());
                    let owner = if priority == 255 { " (owner)" } else { "" };
                    edges.insert(format!("  {from} -> {to} [label=\"{name}{owner}\"];\n"));
                }
            }
        }
    }
    format!(
        "digraph vrrp {{\n{}}}\n",
        edges.into_iter().collect::<String>()
    )
}

#[test]
fn the_table_is_what_it_was() {
    insta::assert_snapshot!(table());
}

#[test]
fn the_drawing_is_what_it_was() {
    insta::assert_snapshot!(dot());
}

/// Rules over every state, signal and policy, written down apart from the code they check.
#[test]
fn the_rules_hold_everywhere() {
    for preempt in [
        Preempt::Always,
        Preempt::Never,
        Preempt::After(Duration::from_secs(30)),
    ] {
        for priority in [1, 100, 254, 255] {
            let params = params(priority, preempt);
            for (name, state) in states(&params) {
                for (signal_name, signal) in signals() {
                    let taken = step(state, &params, NOW, signal);
                    rules(&params, &state, signal, &taken)
                        .unwrap_or_else(|rule| panic!("{name} on {signal_name}: {rule}"));
                }
            }
        }
    }
}

fn rules(params: &Params, state: &State, signal: Signal, taken: &Step) -> Result<(), &'static str> {
    let (from, to) = (state.kind(), taken.state.kind());
    let check = |holds: bool, rule| if holds { Ok(()) } else { Err(rule) };
    check(
        (from != to) == taken.why.is_some(),
        "every transition has a reason, nothing else has",
    )?;
    let moved = taken.state.deadline() != state.deadline();
    let shifted = matches!(signal, Signal::PriorityChanged { .. });
    check(
        !moved || shifted || taken.state.deadline().is_none_or(|d| d > NOW),
        "a new deadline lies ahead",
    )?;
    check(
        taken.say == Say::Nothing || (from == StateKind::Master && to == StateKind::Master),
        "only a master that stays one speaks",
    )?;
    if to == StateKind::Master && from != StateKind::Master {
        let due = state.deadline().is_some_and(|d| d <= NOW);
        check(
            due || params.priority == Priority::OWNER,
            "nobody but the owner becomes master before its timer",
        )?;
    }
    if let (StateKind::Master, StateKind::Backup, Signal::Advert(h)) = (from, to, signal) {
        check(
            (h.priority, h.source) > (params.priority, params.source),
            "a master yields to higher rank only",
        )?;
    }
    if let (StateKind::Init | StateKind::Fault, Signal::Advert(_) | Signal::Timeout) =
        (from, signal)
    {
        check(taken.state == *state, "who doesn't take part hears nothing")?;
    }
    Ok(())
}

#[test]
fn preempt_delay_runs_from_the_first_lower_advert_and_then_waits_out_the_timer() {
    let params = params(100, Preempt::After(Duration::from_secs(30)));
    let mut state = State::Backup(Backup::begin(&params, NOW));
    let mut last = NOW;
    for second in 0..=29 {
        last = NOW + Duration::from_secs(second);
        state = step(state, &params, last, heard(99, 3)).state;
    }
    let armed = last + params.master_down(centis(50));
    assert_eq!(
        state.deadline(),
        Some(armed),
        "tolerated, on the interval it advertises"
    );
    state = step(state, &params, NOW + Duration::from_secs(30), heard(99, 3)).state;
    assert_eq!(state.deadline(), Some(armed), "let pass from now on");
    state = step(state, &params, NOW + Duration::from_secs(31), heard(120, 3)).state;
    let State::Backup(backup) = state else {
        panic!("still a backup")
    };
    assert_eq!(
        backup.preempt,
        PreemptDelay::Idle,
        "a higher advert cancels the delay"
    );
}

#[test]
fn a_changed_priority_moves_the_running_timer_by_the_difference_in_skew() {
    let before = params(100, Preempt::Always);
    let state = State::Backup(Backup::begin(&before, NOW));
    let raised = params(200, Preempt::Always);
    let taken = step(
        state,
        &raised,
        NOW,
        Signal::PriorityChanged {
            from: Priority(100),
        },
    );
    assert_eq!(
        taken.state.deadline(),
        Some(NOW + raised.master_down(centis(100)))
    );
}
