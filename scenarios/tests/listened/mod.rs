//! Scenarios of the catalogue carried out with somebody listening, which is all that matters: no oracle
//! watches.

use locum_scenarios::Scenario;
use locum_scenarios::catalogue::Entry;
use locum_scenarios::playback::Recording;
use locum_scenarios::recorder::Recorder;
use locum_sim::run::{Listeners, Options, Run, Runner, Setup};
use locum_sim::topology::HostId;

pub(crate) fn scenario(entry: &Entry) -> Scenario {
    Scenario::read(entry.name, entry.text, None).expect("it is in the catalogue")
}

pub(crate) fn run(scenario: &Scenario, listeners: Listeners) -> Run {
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

/// What the daemons of the routers that ran have recorded, in segments of so many bytes.
pub(crate) fn recordings(scenario: &Scenario, segment: usize) -> Vec<(HostId, Recording)> {
    let recorder = Recorder::new(scenario, segment);
    run(scenario, recorder.listeners());
    let routers = scenario.topology.routers().map(|(host, _)| host);
    let ran = routers.filter_map(|host| Some((host, recorder.file(host)?)));
    ran.map(|(host, file)| (host, Recording::read(&file).expect("it is one")))
        .collect()
}
