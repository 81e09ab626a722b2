//! Incidents retold: a daemon of the catalogue is recorded, its recording is made into a scenario, and
//! in that the node changes state as it did, for the same reasons, in the same order.

use locum_engine::config::{Config, ObjectId};
use locum_engine::event::StateKind;
use locum_engine::ids::InstanceId;
use locum_engine::{Event, Output};
use locum_scenarios::history::{self, History};
use locum_scenarios::incident::{self, Story, Transition};
use locum_scenarios::playback::{self, Played, Recording};
use locum_scenarios::{Performance, Scenario, catalogue, words};
use locum_sim::run::{Listeners, Runner};
use locum_sim::topology::HostId;

mod listened;
use listened::{recordings, run, scenario};

/// A change of state: of which instance of the first configuration, if it is one, from, to, why.
type Change = (Option<InstanceId>, StateKind, StateKind, &'static str);

/// A node's recording, made into a scenario.
struct Retold {
    /// Scenario and node.
    of: String,
    /// What the last run of its daemon did.
    recorded: Vec<Change>,
    /// The routes and rules that it put back, in words.
    put_back: Vec<String>,
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
            put_back: put_back(last),
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

/// The routes and rules that a daemon put back.
fn put_back(run: &playback::Run) -> Vec<String> {
    let mut all = Vec::new();
    run.play(|played| {
        let Played::Input(step, _) = played else {
            return;
        };
        let events = step.outputs.iter().filter_map(|output| match output {
            Output::Event(Event::ObjectPutBack { object }) => Some(object),
            _ => None,
        });
        let words = |object: &ObjectId| {
            step.config
                .object(*object)
                .display(&step.config)
                .to_string()
        };
        all.extend(events.map(words));
    });
    all
}

/// What A starts with.
fn first_config(scenario: &Scenario) -> &Config {
    let mut routers = scenario.topology.routers();
    let found = routers.find(|(host, _)| &*scenario.topology.hosts[host.index()].name == "A");
    &found.expect("a story has an A").1.config
}

/// Every node's story of a scenario.
fn retold(scenario: &Scenario) -> Vec<Retold> {
    let name_of = |host: HostId| &scenario.topology.hosts[host.index()].name;
    let all = recordings(scenario, usize::MAX).into_iter();
    all.map(|(host, recording)| Retold::new(&scenario.name, name_of(host), &recording))
        .collect()
}

/// Every incident of the catalogue, seen from every node, and none is left out.
#[test]
fn what_happened_to_a_node_happens_again() {
    let mut nodes = 0;
    for entry in catalogue::ALL {
        for story in retold(&scenario(entry)) {
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
        let entry = catalogue::find(name).expect("it is in the catalogue");
        for Retold {
            of, text, again, ..
        } in retold(&scenario(entry))
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

const ROUTES: &str = r#"
idea = "Somebody deletes what a node has put up"
lasts = "20s"
switches = ["sw1"]
cables = ["A - sw1", "B - sw1"]
timeline = [
    { at = "6s", remove_route = "10.9.1.0/24", node = "A" },
    { at = "8s", remove_route = "route 10.9.1.0/24 via 192.168.0.1 table 100", node = "A" },
    { at = "10s", remove_route = "rule 16384: from 192.168.0.200 lookup 100", node = "A" },
    { at = "12s", remove_route = "10.8.0.0/16", node = "B" },
    { at = "13s", remove_route = "10.9.1.0/24", node = "B" },
]
expect = [{ at = "15s", holder = "A" }]
[nodes.A]
address = "192.168.0.11/24"
config = """
static_routes {
    10.8.0.0/16 via 192.168.0.1
}
vrrp_instance VI_1 {
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 100
    advert_int 1
    virtual_routes {
        10.9.1.0/24 via 192.168.0.1
        10.9.1.0/24 via 192.168.0.1 table 100
    }
    virtual_rules {
        from 192.168.0.200 lookup 100
    }
    virtual_ipaddress {
        192.168.0.200/24
    }
}
"""
[nodes.B]
address = "192.168.0.12/24"
copies = "A"
changing = ["state BACKUP", "priority 99"]
"#;

/// Routes and rules that somebody deletes are deleted again, each of several with one destination, and
/// static ones too; what isn't there isn't.
#[test]
fn what_somebody_deletes_is_deleted_again() {
    let ours = Scenario::read("routes", ROUTES, None).expect("it can be read");
    let known = ["virtual-routes", "reload-routes"].map(catalogue::find);
    let known = known.into_iter().flatten().map(scenario);
    let mut counts = Vec::new();
    for scenario in known.chain([ours]) {
        for Retold {
            of,
            put_back: before,
            text,
            again,
            ..
        } in retold(&scenario)
        {
            let again = recordings(&again, usize::MAX);
            let (_, recording) = &again[0];
            let last = recording.runs.last().expect("A ran");
            assert_eq!(before, put_back(last), "{of}\n{text}");
            counts.push(before.len());
        }
    }
    assert_eq!(counts, [1, 0, 1, 0, 3, 1]);
}
