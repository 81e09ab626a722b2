//! Incidents retold: a daemon of the catalogue is recorded, its recording is made into a scenario, and
//! in that the node changes state as it did, for the same reasons, in the same order.

use locum_engine::event::StateKind;
use locum_scenarios::history::History;
use locum_scenarios::incident::{self, Story};
use locum_scenarios::playback::Recording;
use locum_scenarios::recorder::Recorder;
use locum_scenarios::{Performance, Scenario, catalogue, words};
use locum_sim::run::{Listeners, Options, Run, Runner, Setup};

fn run(scenario: &Scenario, listeners: Listeners) -> Run {
    let setup = Setup {
        topology: scenario.topology.clone(),
        plan: scenario.plan(0),
    };
    let options = Options {
        listeners,
        oracles: false,
        ..Options::default()
    };
    Runner::Event.run(&setup, &options)
}

/// A change of state in words: from, to, why.
type Change = (StateKind, StateKind, &'static str);

/// What the last run of a node's daemon did, what the retold node does, and the file.
fn retold(name: &str, node: &str) -> (Vec<Change>, Vec<Change>, String) {
    let entry = catalogue::find(name).expect("it is in the catalogue");
    let scenario = Scenario::read(name, entry.text, None).expect("it can be read");
    let recorder = Recorder::new(&scenario, usize::MAX);
    run(&scenario, recorder.listeners());
    let hosts = &scenario.topology.hosts;
    let mut routers = scenario.topology.routers().map(|(host, _)| host);
    let host = routers.find(|h| &*hosts[h.index()].name == node);
    let file = recorder.file(host.expect("it is a node")).expect("it ran");
    let recording = Recording::read(&file).expect("it is one");
    let last = recording.runs.last().expect("it ran");
    let story = Story::of(last).expect("there is one");
    let changes = story.transitions.iter();
    let recorded = changes
        .map(|t| (t.from, t.to, words::reason(t.why)))
        .collect();
    let text = incident::scenario(last).expect("there is a story");
    let again = match Scenario::read("again", &text, None) {
        Ok(again) => again,
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("{name}, {node}: {}\n{text}", problems.join("\n"));
        }
    };
    let records = run(&again, Listeners::default()).records;
    let history = History::new(&records);
    let ours = history.transitions.iter();
    let ours = ours.filter(|t| &*again.topology.hosts[t.node.index()].name == "A");
    let ours = ours.map(|t| (t.from, t.to, words::reason(t.why))).collect();
    (recorded, ours, text)
}

fn same(name: &str, node: &str) {
    let (recorded, again, text) = retold(name, node);
    assert_eq!(recorded, again, "{name}, {node}\n{text}");
    assert!(recorded.len() > 1, "{name}, {node}: nothing happened");
}

/// Each kind of incident, seen from both nodes.
#[test]
fn what_happened_to_a_node_happens_again() {
    let incidents = [
        "founding-cable-pull",
        "gateway-lost",
        "split-brain-with-arbitration",
        "tracked-file",
        "tracked-process",
        "daemon-killed",
        "graceful-stop",
        "power-failure",
        "hang-between",
        "hang-longer",
        "drain",
        "reload-priority",
        "switch-reboot",
        "priority-flap-slow",
        "dual-stack",
    ];
    for name in incidents {
        same(name, "A");
        same(name, "B");
    }
}

/// The file says what is to be expected, and that comes.
#[test]
fn what_the_file_expects_comes() {
    for name in [
        "founding-cable-pull",
        "gateway-lost",
        "drain",
        "gateway-pair",
    ] {
        let (_, _, text) = retold(name, "A");
        let again = Scenario::read("again", &text, None).expect("it was read before");
        let performance = Performance::new(&again, 0, Runner::Event, false);
        assert!(!again.expectations.is_empty(), "{text}");
        for (expectation, outcome) in again.expectations.iter().zip(&performance.outcomes) {
            let (line, found) = (&expectation.text, &outcome.found);
            assert!(outcome.met, "{name}: {line}\nfound: {found}\n{text}");
        }
    }
}
