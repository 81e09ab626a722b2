//! Both runners on the founding network: the same records, and the right ones.

mod common;

use std::time::Duration;

use common::*;
use locum_sim::fault::Fault;
use locum_sim::run::{Bug, Options, Runner};
use locum_sim::trace;

#[test]
fn cable_pull_is_survived_and_both_runners_agree() {
    let topology = founding(
        config(instance(100)),
        config(instance(99)),
        Duration::from_millis(10),
    );
    let setup = setup(
        topology,
        24,
        vec![
            (8_000, Fault::Pull(CABLE_A)),
            (16_000, Fault::Plug(CABLE_A)),
        ],
    );
    let event = Runner::Event.run(&setup, &Options::default());
    let text = trace::render(&setup.topology, &event.records);
    let turmoil = Runner::Turmoil.run(&setup, &Options::default());
    assert_eq!(trace::render(&setup.topology, &turmoil.records), text);
    assert_eq!(turmoil.records, event.records);
    for run in [&event, &turmoil] {
        let report = run.report.as_ref().expect("the oracles watched");
        assert!(report.holds(), "{report}");
    }
    // v2, priority 99: three adverts and 157/256 s after the last one, on the 1 ms grid.
    assert!(
        text.contains("00:00:10.725000  b        + 192.168.0.200"),
        "{text}"
    );
    assert!(
        text.contains("00:00:19.610000  a        + 192.168.0.200"),
        "{text}"
    );
}

/// A panic in a task that nobody awaits would be lost; the runners have no such task.
fn a_router_that_panics(runner: Runner) {
    let topology = founding(
        config(instance(100)),
        config(instance(99)),
        Duration::from_millis(10),
    );
    let options = Options {
        bug: Some((A, Bug::Dies)),
        ..Options::default()
    };
    runner.run(&setup(topology, 10, vec![]), &options);
}

#[test]
#[should_panic(expected = "a router failed at 00:00:04.110000000")]
fn turmoil_loses_no_panic() {
    a_router_that_panics(Runner::Turmoil);
}

#[test]
#[should_panic(expected = "a planted bug")]
fn the_event_runner_loses_no_panic() {
    a_router_that_panics(Runner::Event);
}
