//! `track_file` and `track_process`: what is read, and what is said of mistakes.

use core::time::Duration;

use super::{conf, instance_with, only_instance, printed};
use crate::conf::explain::explain;
use crate::config::{Config, InitFile, ParameterMatch, Weight};

const BLOCKS: &str = "vrrp_track_file load {\n file /run/load\n weight -2\n init_file 3 overwrite\n}\n\
    track_process web {\n process \"nginx -g x\"\n param_match initial\n quorum 2\n quorum_max 4\n \
    weight 10\n delay 2\n fork_delay 0.5\n full_command\n}\n";

fn config(lines: &str) -> Config {
    let text = format!("{BLOCKS}{}", instance_with(lines));
    conf(&text).config.expect("it can be used")
}

#[test]
fn every_keyword_reaches_the_configuration() {
    let lines = "track_file {\n load\n}\ntrack_process {\n web weight -7 reverse\n}";
    let config = config(lines);
    let file = &config.files[0];
    assert_eq!((&*file.name, &*file.path), ("load", "/run/load"));
    let init = InitFile {
        value: 3,
        overwrite: true,
    };
    assert_eq!(file.init, Some(init));
    let process = &config.processes[0];
    let pattern = &process.pattern;
    assert_eq!(&*pattern.command, "nginx");
    assert_eq!(pattern.parameters, ["-g".into(), "x".into()]);
    assert_eq!(pattern.parameter_match, ParameterMatch::Initial);
    assert!(pattern.full_command);
    assert_eq!((process.quorum, process.quorum_max), (2, 4));
    assert_eq!(process.fork_delay, Duration::from_millis(500));
    assert_eq!(process.terminate_delay, Duration::from_secs(2));
    let weight = |value, reverse| Weight { value, reverse };
    let instance = &config.instances[0];
    assert_eq!(instance.files[0].weight, weight(-2, false), "the block's");
    assert_eq!(instance.processes[0].weight, weight(-7, true), "the line's");
}

#[test]
fn the_explanation_says_what_follows() {
    let lines = "priority 150\ntrack_file {\n load\n}\ntrack_process {\n web\n}\n\
                 track_interface {\n eth9 weight -20\n}";
    let text = explain(&config(lines));
    for sentence in [
        "The number in /run/load (`load`), times -2, is added to its priority: at 1 it is 148.",
        "While 2 to 4 of `web` run its priority is 160, while they don't for 2 s 150",
        "While eth9 is up its priority is 150, while eth9 is down 130: at 130 a peer above 130",
    ] {
        assert!(text.contains(sentence), "{sentence}\n{text}");
    }
}

#[test]
fn mistakes_are_told_at_their_place() {
    let rows = [
        (
            "track_file f {\n}\n",
            "track_file {\n f\n}",
            "`f` has no file",
        ),
        (
            "track_file f {\n file load\n}\n",
            "track_file {\n f\n}",
            "not the path of a file",
        ),
        (
            "track_process p {\n}\n",
            "track_process {\n p\n}",
            "names no process",
        ),
        (
            "track_file load {\n file /a\n}\n",
            "track_file {\n laod\n}",
            "did you mean `load`?",
        ),
        (
            "track_file f {\n file /a\n}\n",
            "",
            "no instance tracks `f`",
        ),
        (
            "track_file f {\n file /a\n}\nvrrp_track_file f {\n file /b\n}\n",
            "track_file {\n f\n}",
            "already a `track_file` named `f`",
        ),
        (
            "track_process p {\n process a\n quorum 3\n quorum_max 2\n}\n",
            "track_process {\n p\n}",
            "below the quorum of 3",
        ),
        (
            "track_file f {\n file /a\n}\n",
            "priority 255\ntrack_file {\n f\n}",
            "priority 255 never changes",
        ),
    ];
    for (blocks, lines, message) in rows {
        let said = printed(&format!("{blocks}{}", instance_with(lines)));
        assert!(said.contains(message), "{message}\n{said}");
    }
    let none = "track_process p {\n process a\n quorum_max 0\n}\n";
    let text = format!("{none}{}", instance_with("track_process {\n p\n}"));
    let config = conf(&text).config.expect("it can be used");
    assert!(config.processes[0].is_good(0) && !config.processes[0].is_good(1));
    assert!(only_instance(&instance_with("priority 9")).files.is_empty());
}
