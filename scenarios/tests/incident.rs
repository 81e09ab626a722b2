//! Incidents retold: a daemon of the catalogue is recorded, its recording is made into a scenario, and
//! in that the node changes state as it did, for the same reasons, in the same order.

use locum_engine::config::Config;
use locum_engine::event::StateKind;
use locum_engine::ids::InstanceId;
use locum_scenarios::history::{self, History};
use locum_scenarios::incident::{self, Story, Transition};
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

/// A change of state: of which instance of the first configuration, if it is one, from, to, why.
type Change = (Option<InstanceId>, StateKind, StateKind, &'static str);

/// A node's recording, made into a scenario.
struct Retold {
    /// Scenario and node.
    of: String,
    /// What the last run of its daemon did.
    recorded: Vec<Change>,
    /// The file.
    text: String,
    again: Scenario,
}

impl Retold {
    fn new(name: &str, node: &str, recording: &Recording) -> Self {
        let of = format!("{name}, {node}");
        let last = recording.runs.last().expect("it ran");
        let story = Story::of(last).expect("there is one");
        let changes = story.transitions.iter();
        let text = incident::scenario(last).expect("there is a story");
        let again = Scenario::read("again", &text, None).unwrap_or_else(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("{of}: {}\n{text}", problems.join("\n"));
        });
        let first = first_config(&again);
        let change = |t: &Transition| {
            let instance = first.find_instance(&t.instance);
            (instance, t.from, t.to, words::reason(t.why))
        };
        Self {
            recorded: changes.map(change).collect(),
            of,
            text,
            again,
        }
    }

    /// What the node does now.
    fn changes(&self) -> Vec<Change> {
        let records = run(&self.again, Listeners::default()).records;
        let history = History::new(&records);
        let hosts = &self.again.topology.hosts;
        let ours = history.transitions.iter();
        let ours = ours.filter(|t| &*hosts[t.node.index()].name == "A");
        let known = first_config(&self.again).instances.len();
        let change = |t: &history::Transition| {
            let instance = Some(t.instance).filter(|id| id.index() < known);
            (instance, t.from, t.to, words::reason(t.why))
        };
        ours.map(change).collect()
    }
}

/// What A starts with.
fn first_config(scenario: &Scenario) -> &Config {
    let mut routers = scenario.topology.routers();
    let found = routers.find(|(host, _)| &*scenario.topology.hosts[host.index()].name == "A");
    &found.expect("a story has an A").1.config
}

/// Every node's story of a scenario of the catalogue.
fn retold(name: &str) -> Vec<Retold> {
    let entry = catalogue::find(name).expect("it is in the catalogue");
    let scenario = Scenario::read(name, entry.text, None).expect("it can be read");
    let recorder = Recorder::new(&scenario, usize::MAX);
    run(&scenario, recorder.listeners());
    let hosts = &scenario.topology.hosts;
    let routers = scenario.topology.routers().map(|(host, _)| host);
    let ran = routers.filter_map(|host| Some((host, recorder.file(host)?)));
    ran.map(|(host, file)| {
        let recording = Recording::read(&file).expect("it is one");
        Retold::new(name, &hosts[host.index()].name, &recording)
    })
    .collect()
}

/// Every incident of the catalogue, seen from every node, and none is left out.
#[test]
fn what_happened_to_a_node_happens_again() {
    let mut nodes = 0;
    for entry in catalogue::ALL {
        for story in retold(entry.name) {
            let Retold {
                of, recorded, text, ..
            } = &story;
            assert_eq!(*recorded, story.changes(), "{of}\n{text}");
            nodes += usize::from(recorded.len() > 1);
        }
    }
    assert!(nodes > 100, "something happened to {nodes}");
}

/// The file says what is to be expected, and that comes.
#[test]
fn what_the_file_expects_comes() {
    for name in [
        "founding-cable-pull",
        "gateway-lost",
        "drain",
        "drain-one",
        "gateway-pair",
    ] {
        for Retold {
            of, text, again, ..
        } in retold(name)
        {
            let performance = Performance::new(&again, 0, Runner::Event, false);
            assert!(!again.expectations.is_empty(), "{text}");
            for (expectation, outcome) in again.expectations.iter().zip(&performance.outcomes) {
                let (line, found) = (&expectation.text, &outcome.found);
                assert!(outcome.met, "{of}: {line}\nfound: {found}\n{text}");
            }
        }
    }
}
