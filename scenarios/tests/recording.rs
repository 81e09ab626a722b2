//! Every scenario of the catalogue with somebody listening: engines made of checkpoints say the same
//! as the daemons they come from, and a recording is replayed to the bit.

use locum_scenarios::catalogue;
use locum_scenarios::playback::Played;
use locum_sim::run::Listeners;
use locum_sim::shadow::{Findings, Shadow};

mod listened;
use listened::{recordings, run, scenario};

#[test]
fn engines_made_of_checkpoints_say_the_same() {
    let mut restored = 0;
    for entry in catalogue::ALL {
        let scenario = scenario(entry);
        let findings = Findings::default();
        let seen = findings.clone();
        let listeners = Listeners::new(move |host, _| {
            let every = [5, 97][host.index() % 2];
            Some(Box::new(Shadow::new(&seen, every)))
        });
        run(&scenario, listeners);
        assert_eq!(findings.difference(), None, "{}", entry.name);
        restored += findings.restored();
    }
    assert!(restored > 1000, "{restored}");
}

/// Played from each segment's own beginning, every daemon of the catalogue decides again as it did.
#[test]
fn every_daemon_s_recording_is_replayed_to_the_bit() {
    let mut segments = 0;
    for entry in catalogue::ALL {
        let scenario = scenario(entry);
        for (_, recording) in recordings(&scenario, 1000) {
            for run in &recording.runs {
                segments += run.segments.len();
                let mut said = Vec::new();
                let verdict = run.play(|played| match played {
                    Played::Begins { config_differs, .. } if !config_differs => {}
                    Played::Input(step, _) if step.difference.is_none() => {}
                    other => said.push(format!("{other:?}")),
                });
                assert!(
                    verdict.is_same() && said.is_empty(),
                    "{}: {said:#?}",
                    entry.name
                );
                assert_eq!(verdict.missing, 0, "{}", entry.name);
            }
        }
    }
    assert!(segments > 200, "{segments}");
}
