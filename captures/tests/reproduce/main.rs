//! What the simulation sends is what keepalived sent: every recording, carried out again.
//!
//! A recording and a run of the same scenario are compared per daemon, frame by frame, to the byte;
//! times within 20 ms of the recording, because it was made on a shared machine, and within 1 ms of
//! the formula, because a simulated host acts on a grid.

#![allow(
    clippy::print_stdout,
    reason = "how many recordings are reproduced is quoted in the README"
)]

mod planted;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use locum_captures::listing::Sender;
use locum_captures::recordings::{self, NOT_REPRODUCED, REPRODUCED, Recording};
use locum_captures::timing::{Cause, timings};
use locum_captures::{Deviation, Frame, Listing, Options, compare, read_file, signed};
use locum_scenarios::Scenario;
use locum_sim::capture::TapPoint;
use locum_sim::run::{self, Runner, Setup};
use locum_sim::topology::SwitchId;

const MS: u64 = 1_000_000;
/// How far a run may be from the recording.
const FROM_RECORDING_NS: u64 = 20 * MS;
/// How far a run may be from the formula.
const FROM_FORMULA_NS: i64 = MS.cast_signed();
/// The grid on which simulated hosts act: an advert is heard on it, and a timer ends on it.
const GRID: Duration = Duration::from_micros(100);
/// How long a recorded daemon may have taken from the command to its first timer.
const START_UP_NS: u64 = 150 * MS;

macro_rules! recorded {
    ($($test:ident: $name:literal;)+) => {
        $(#[test]
        fn $test() {
            reproduce($name);
        })+

        /// Each has a test of its own above.
        const TESTED: &[&str] = &[$($name),+];
    };
}

recorded! {
    founding_cable_pull: "founding-cable-pull";
    graceful_stop: "graceful-stop";
    nopreempt: "nopreempt";
    split_and_heal: "split-and-heal";
    three_nodes: "three-nodes";
    track_script_fault: "track-script-fault";
    track_script_weight: "track-script-weight";
    unicast: "unicast";
    v3_centiseconds: "v3-centiseconds";
    preempt_delay: "preempt-delay";
    nopreempt_return: "nopreempt-return";
    owner: "owner";
    garp_tuning: "garp-tuning";
    three_nodes_tie: "three-nodes-tie";
    excluded_addresses: "excluded-addresses";
    kill_and_return: "kill-and-return";
    slow_adverts: "slow-adverts";
    higher_prio_send_advert: "higher-prio-send-advert";
    lower_prio_no_advert: "lower-prio-no-advert";
    strict: "strict";
    track_interface_weight: "track-interface-weight";
    vip_list_mismatch: "vip-list-mismatch";
    sync_group: "sync-group";
    v3_ipv6: "v3-ipv6";
    auth_ah: "auth-ah";
    ipv6_unicast: "ipv6-unicast";
    priority_change: "priority-change";
    track_file: "track-file";
    reload: "reload";
    vmac: "vmac";
    priority_change_of_master: "priority-change-of-master";
    auth_hmac: "auth-hmac";
    auth_hmac_v2: "auth-hmac-v2";
    auth_hmac_ipv6: "auth-hmac-ipv6";
}

#[test]
fn every_recording_is_reproduced_or_said_not_to_be() {
    let folders =
        std::fs::read_dir(recordings::folder()).expect("the recordings are in the repository");
    let mut recorded: Vec<String> = folders
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.is_dir())
        .map(|path| {
            path.file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    recorded.sort_unstable();
    let mut known: Vec<&str> = REPRODUCED.iter().map(|r| r.name).collect();
    known.extend(NOT_REPRODUCED);
    known.sort_unstable();
    assert_eq!(recorded, known);
    let table =
        std::fs::read_to_string(recordings::folder().join("README.md")).expect("there is one");
    for reproduced in REPRODUCED {
        let names: Vec<String> = reproduced
            .deviations
            .iter()
            .map(|(deviation, _)| format!("`{deviation}`"))
            .collect();
        let name = reproduced.name;
        let row = format!("| [{name}]({name}) | yes | {} |", names.join(", "));
        assert!(
            table.contains(&row.replace("  ", " ")),
            "README.md lacks {row}"
        );
    }
    let rows = table.lines().filter(|line| line.starts_with("| [")).count();
    assert_eq!(rows, recorded.len(), "README.md has one row for each");
    for name in NOT_REPRODUCED {
        let row = format!("| [{name}]({name}) | **no**: ");
        assert!(table.contains(&row), "README.md lacks {row}");
    }
    let names: Vec<&str> = REPRODUCED.iter().map(|r| r.name).collect();
    assert_eq!(names, TESTED);
    let quoted = format!(
        "Captures reproduced: {} of {}",
        REPRODUCED.len(),
        recorded.len()
    );
    println!("{quoted}");
    let readme = recordings::folder().join("../../README.md");
    let readme = std::fs::read_to_string(readme).expect("there is one");
    assert!(readme.contains(&quoted), "README.md lacks \"{quoted}\"");
}

/// The scenario's configurations are the recorded ones, with one keyword more.
#[test]
fn configurations_are_the_recorded_ones() {
    for Recording { name, .. } in REPRODUCED {
        let folder = recordings::folder().join(name);
        let text = |file: &str| std::fs::read_to_string(folder.join(file)).expect(file);
        // What `rehearse real` recorded was recorded with these very files.
        if !folder.join("scenario.json").exists() {
            continue;
        }
        let recorded = text("scenario.json");
        for node in ["A", "B", "D"] {
            let file = format!("{node}.conf");
            if !folder.join(&file).exists() {
                assert_eq!(node, "D", "{name} has {node}.conf");
                continue;
            }
            let conf: String = text(&file)
                .lines()
                .filter(|line| !line.contains("quiet_yield"))
                .map(|line| format!("{line}\\n"))
                .collect();
            assert!(
                recorded.contains(&conf.replace('"', "\\\"")),
                "{name}/{file}"
            );
        }
    }
}

/// Deviations only ever change what they are about: on the other recordings they do nothing.
#[test]
fn deviations_do_nothing_elsewhere() {
    for reproduced in REPRODUCED {
        for deviation in Deviation::ALL {
            let recording = recording(reproduced.name);
            let (changed, places) = deviation.apply(recording.clone());
            let declared = reproduced.deviations.iter().find(|(d, _)| *d == deviation);
            let expected = match deviation {
                Deviation::AudibleYield => reproduced.yields,
                _ => declared.map_or(0, |(_, places)| *places),
            };
            assert_eq!(places, expected, "{deviation} in {}", reproduced.name);
            assert_eq!(
                changed == recording,
                expected == 0,
                "{deviation} in {}",
                reproduced.name
            );
        }
    }
}

/// The production driver in an async runtime for each node sends the same, though its hosts act on
/// a coarser grid.
#[test]
fn the_turmoil_runner_reproduces_them_too() {
    for Recording { name, .. } in REPRODUCED {
        let recording = Listing::new(expected(name));
        let run = Listing::new(carry_out(&scenario(name), Runner::Turmoil));
        let comparison = compare(&recording, &run, &options(&recording));
        let differences = comparison.differences_in_words(&recording, &run, 10);
        assert!(comparison.is_same(), "{name}\n{differences}");
    }
}

/// As a user has it who doesn't ask for silence: the recording with every yield made audible.
#[test]
fn without_quiet_yield_the_recordings_differ_by_audible_yields() {
    for reproduced in REPRODUCED.iter().filter(|r| !r.tuned) {
        let name = reproduced.name;
        let (expected, places) = Deviation::AudibleYield.apply(expected(name));
        assert_eq!(places, reproduced.yields, "{name}");
        let expected = Listing::new(expected);
        let run = Listing::new(carry_out(&audible(name), Runner::Event));
        let options = options(&expected);
        let comparison = compare(&expected, &run, &options);
        assert!(
            comparison.is_same(),
            "{name}\n{}{}",
            comparison.differences_in_words(&expected, &run, 10),
            comparison.table(&options),
        );
    }
}

/// Without its deviations a recording differs: none is declared in vain.
#[test]
fn deviations_are_seen_without_being_declared() {
    for reproduced in REPRODUCED.iter().filter(|r| !r.deviations.is_empty()) {
        let recording = Listing::new(recording(reproduced.name));
        let run = Listing::new(simulate(reproduced.name));
        let comparison = compare(&recording, &run, &options(&recording));
        assert!(!comparison.is_same(), "{}", reproduced.name);
    }
}

fn reproduce(name: &str) {
    let scenario = scenario(name);
    let recording = Listing::new(expected(name));
    let run = Listing::new(simulate(name));
    let options = options(&recording);
    let comparison = compare(&recording, &run, &options);
    assert!(
        comparison.is_same(),
        "{name}\n{}{}",
        comparison.differences_in_words(&recording, &run, 10),
        comparison.table(&options),
    );
    by_the_formula(name, &run, FROM_FORMULA_NS);
    by_the_formula(name, &recording, FROM_RECORDING_NS.cast_signed());
    start_up(&scenario, &recording, &run);
}

/// Whatever has a formula comes when it says, at most so much later.
fn by_the_formula(name: &str, listing: &Listing, at_most_ns: i64) {
    let mut checked = BTreeMap::new();
    for (entry, timing) in listing.entries.iter().zip(timings(listing)) {
        let Some(timing) = timing else { continue };
        if let Some(late) = timing.late_ns() {
            *checked.entry(timing.cause).or_insert(0) += 1;
            let early = -MS.cast_signed();
            assert!(
                (early..=at_most_ns).contains(&late),
                "{name}: frame {} is {late} ns late",
                entry.number
            );
        }
    }
    let takeovers = [Cause::Silence, Cause::Resignation].map(|cause| checked.get(&cause).copied());
    let alone = listing.routers().len() == 1;
    assert!(
        alone || takeovers.iter().flatten().sum::<i32>() > 0,
        "{name}: {checked:?}"
    );
    assert!(
        checked.get(&Cause::Interval).is_some_and(|n| *n >= 5),
        "{name}: {checked:?}"
    );
}

/// The first to be master starts by the formula; a recorded one a little later, because it was a
/// process that had to be loaded.
fn start_up(scenario: &Scenario, recording: &Listing, run: &Listing) {
    let ((first_in_recording, _), (first_in_run, first)) =
        (first_advert(recording), first_advert(run));
    let late = first_in_recording - start_ns(recording) - first_in_run;
    assert!(late < START_UP_NS, "{}: {late} ns", scenario.name);
    let routers = scenario.topology.routers();
    let found = routers
        .map(|(id, router)| (&scenario.topology.hosts[id.index()], router))
        .find(|(host, _)| host.own_addresses().any(|own| Sender::Router(own) == first));
    let (_, router) = found.expect("it is one of the nodes");
    let config = &router.config.instances[0];
    let wait = locum_engine::fsm::master_down(
        config.version,
        config.priority,
        config.advert_interval,
        config.tuning.down_timer_adverts,
    );
    let due = locum_engine::Instant::ZERO + router.starts_at.expect("it starts") + wait;
    let late = first_in_run - due.as_nanos();
    assert!(
        late <= FROM_FORMULA_NS.unsigned_abs(),
        "{}: {late} ns",
        scenario.name
    );
}

fn first_advert(listing: &Listing) -> (u64, Sender) {
    let mut adverts = listing.entries.iter().filter(|e| e.kind.advert().is_some());
    let first = adverts.next().expect("somebody is master");
    (first.at_ns(), first.sender)
}

/// The recording, with what is otherwise on purpose.
fn expected(name: &str) -> Vec<Frame> {
    let reproduced = REPRODUCED.iter().find(|r| r.name == name);
    let deviations = reproduced.expect("it is in the table").deviations;
    deviations
        .iter()
        .fold(recording(name), |frames, (deviation, places)| {
            let (frames, changed) = deviation.apply(frames);
            assert_eq!(changed, *places, "{deviation} in {name}");
            frames
        })
}

fn options(recording: &Listing) -> Options {
    Options {
        tolerance_ns: FROM_RECORDING_NS,
        start_ns: [Some(start_ns(recording)), Some(0)],
    }
}

/// The scenario's start: zero in what `rehearse real` records. In a recording with the time of day it
/// is where the first frame is, the client's first question; but over IPv6 nobody asked, so that the
/// first frame is A's first advert. A's resignation, at 8 s, tells how late that was.
fn start_ns(recording: &Listing) -> u64 {
    const YEAR_NS: u64 = 365 * 86_400 * 1_000_000_000;
    const UNASKED_NS: u64 = 4150 * MS;
    let asked = recording
        .entries
        .first()
        .is_none_or(|first| first.kind.advert().is_none());
    match recording.begin_ns() {
        0..YEAR_NS => 0,
        begin if asked => begin,
        begin => begin - UNASKED_NS,
    }
}

fn simulate(name: &str) -> Vec<Frame> {
    carry_out(&scenario(name), Runner::Event)
}

fn carry_out(scenario: &Scenario, runner: Runner) -> Vec<Frame> {
    let name = &scenario.name;
    let setup = Setup {
        topology: scenario.topology.clone(),
        plan: scenario.plan(0),
    };
    let options = run::Options {
        taps: vec![TapPoint::Segment(SwitchId(0))],
        quantum: GRID,
        ..run::Options::default()
    };
    let run = runner.run(&setup, &options);
    let outcomes = locum_scenarios::check(&run.records, &scenario.topology, &scenario.expectations);
    for (expectation, outcome) in scenario.expectations.iter().zip(&outcomes) {
        assert!(outcome.met, "{name}: {}: {outcome:?}", expectation.text);
    }
    let frames = run.captures[0].iter().map(|(at, bytes)| Frame {
        at_ns: at.as_nanos(),
        bytes: bytes.to_vec(),
        comments: Vec::new(),
    });
    unstamped(scenario, frames.collect())
}

fn scenario(name: &str) -> Scenario {
    load(&recordings::folder().join(name))
}

/// The same without `quiet_yield`.
fn audible(name: &str) -> Scenario {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("audible")
        .join(name);
    std::fs::create_dir_all(&folder).expect("a folder of our own");
    for entry in std::fs::read_dir(recordings::folder().join(name)).expect("it is there") {
        let path = entry.expect("a readable folder").path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if matches!(ending, Some("conf" | "toml")) {
            let text = std::fs::read_to_string(&path).expect("it is text");
            let lines = text.lines().filter(|line| !line.contains("quiet_yield"));
            let text: String = lines.map(|line| format!("{line}\n")).collect();
            let copy = folder.join(path.file_name().expect("a name"));
            std::fs::write(copy, text).expect("a file of our own");
        }
    }
    load(&folder)
}

fn load(folder: &Path) -> Scenario {
    let file = folder.join("scenario.toml");
    Scenario::load(&file).unwrap_or_else(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", problems.join("\n"))
    })
}

/// Adverts signed by `auth_hmac` without the time of day, which no run has in common with another.
fn recording(name: &str) -> Vec<Frame> {
    let file = recordings::folder().join(name).join("wire.pcap");
    unstamped(&scenario(name), read_file(&file).expect("tcpdump wrote it"))
}

/// Every trailer is verified, and there is one wherever the configuration wants one.
fn unstamped(scenario: &Scenario, frames: Vec<Frame>) -> Vec<Frame> {
    let mut instances = scenario
        .topology
        .routers()
        .map(|(_, r)| &r.config.instances[0]);
    let hmac = instances.find_map(|instance| instance.hmac.as_ref());
    let keys = hmac.map_or(&[][..], |hmac| &hmac.keys);
    let (frames, signed) = signed::unstamped(frames, keys)
        .unwrap_or_else(|wrong| panic!("{}: {wrong}", scenario.name));
    let listing = Listing::new(frames.clone());
    let adverts = listing.entries.iter().filter(|e| e.kind.advert().is_some());
    let expected = hmac.map_or(0, |_| adverts.count());
    assert_eq!(signed, expected, "{}: signed adverts", scenario.name);
    frames
}
