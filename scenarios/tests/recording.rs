//! Every scenario of the catalogue with somebody listening: engines made of checkpoints say the same
//! as the daemons they come from.

use locum_scenarios::{Scenario, catalogue};
use locum_sim::run::{Listeners, Options, Run, Runner, Setup};
use locum_sim::shadow::{Findings, Shadow};

fn run(scenario: &Scenario, listeners: Listeners) -> Run {
    let setup = Setup {
        topology: scenario.topology.clone(),
        plan: scenario.plan(0),
    };
    let options = Options {
        listeners,
        ..Options::default()
    };
    Runner::Event.run(&setup, &options)
}

#[test]
fn engines_made_of_checkpoints_say_the_same() {
    for entry in catalogue::ALL {
        let scenario =
            Scenario::read(entry.name, entry.text, None).expect("it is in the catalogue");
        let findings = Findings::default();
        let seen = findings.clone();
        let listeners = Listeners::new(move |host| {
            let every = [11, 211][host.index() % 2];
            Some(Box::new(Shadow::new(&seen, every)))
        });
        run(&scenario, listeners);
        assert_eq!(findings.difference(), None, "{}", entry.name);
        assert!(findings.restored() > 3, "{}", entry.name);
    }
}
