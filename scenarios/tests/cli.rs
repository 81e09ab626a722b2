//! `rehearse` as it is called: what it prints, and how it ends.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn rehearse(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rehearse"))
        .args(args)
        .output()
        .expect("the program can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it prints UTF-8")
}

/// A file of our own, made from one of the catalogue.
fn file(name: &str, change: impl Fn(&str) -> String) -> PathBuf {
    let catalogue = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalogue");
    let original = std::fs::read_to_string(catalogue.join("founding-cable-pull.toml"));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, change(&original.expect("it is there"))).expect("it can be written");
    path
}

#[test]
fn the_founding_case_ends_well_and_reads_like_a_story() {
    let output = rehearse(&["run", "founding-cable-pull"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(text(&output.stdout));
    assert!(output.stderr.is_empty());
}

#[test]
fn a_failed_expectation_is_shown_with_what_was_found_and_how_to_see_it_again() {
    let path = file("too-strict.toml", |text| {
        text.replace(r#"at_most = "2.76s""#, r#"at_most = "2.72s""#)
    });
    let path = path.to_str().expect("it is UTF-8");
    let output = rehearse(&["run", path, "--seed", "7", "--runner", "turmoil"]);
    assert_eq!(output.status.code(), Some(1));
    let text = text(&output.stdout);
    assert!(text.contains("found: 2.7402 s until 10.7304s"), "{text}");
    assert!(text.contains("not as expected (9 of 10)"), "{text}");
    let again = format!("again: rehearse run {path} --seed 7 --runner turmoil\n");
    assert!(text.ends_with(&again), "{text}");
}

#[test]
fn a_sweep_groups_failures_and_says_how_to_see_them() {
    let path = file("never.toml", |text| {
        text.replace(r#"at_most = "2.76s""#, r#"at_most = "2.72s""#)
    });
    let path = path.to_str().expect("it is UTF-8");
    let output = rehearse(&["sweep", path, "--seeds", "5..9"]);
    assert_eq!(output.status.code(), Some(1));
    let text = text(&output.stdout);
    assert!(
        text.starts_with("4 of 4 seeds: line 20: longest_outage"),
        "{text}"
    );
    assert!(
        text.contains(&format!("rehearse run {path} --seed 5 --runner event")),
        "{text}"
    );
    assert!(text.contains("0 of 4 seeds as expected"), "{text}");
}

#[test]
fn a_wrong_question_has_a_status_of_its_own() {
    let output = rehearse(&["run", "founding-cable-pul"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean `founding-cable-pull`?"));
    let path = file("bad.toml", |text| text.replace("lasts", "last"));
    let output = rehearse(&["run", path.to_str().expect("it is UTF-8")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean `lasts`?"));
    assert_eq!(
        rehearse(&["run", "nowhere/to-be.toml"]).status.code(),
        Some(2)
    );
}

#[test]
fn a_configuration_may_lie_in_a_file_beside_the_scenario() {
    let path = file("with-file.toml", |text| {
        let (before, rest) = text.split_once("config = \"\"\"\n").expect("A has one");
        let (config, after) = rest.split_once("\"\"\"\n").expect("it ends");
        let beside = Path::new(env!("CARGO_TARGET_TMPDIR")).join("with-file.conf");
        std::fs::write(beside, config.replace("state MASTER", "stat MASTER")).expect("written");
        let after = after.replace("\"state BACKUP\", ", "");
        format!("{before}config_file = \"with-file.conf\"\n{after}")
    });
    let output = rehearse(&["run", path.to_str().expect("it is UTF-8")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let remarks = text(&output.stderr);
    assert!(remarks.contains("with-file.conf:5:5: warning"), "{remarks}");
}

#[test]
fn the_catalogue_is_listed() {
    let output = rehearse(&["list"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(text(&output.stdout));
}

#[test]
fn what_real_time_cannot_do_is_said_with_its_line() {
    let path = file("real.toml", |text| {
        let faults = r#"timeline = [
    { at = "2s", drift = "300ppm", node = "A" },
    { at = "2s", clock = "+30s", node = "A", for = "1s" },
    { at = "3s", pause_vm = "B", for = "1s" },"#;
        text.replacen("timeline = [", faults, 1)
    });
    let path = path.to_str().expect("it is UTF-8");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real");
    let out = out.to_str().expect("it is UTF-8");
    let output = rehearse(&["real", path, "--daemon", "keepalived", "--out", out]);
    assert_eq!(output.status.code(), Some(2));
    let text = text(&output.stderr);
    let line = std::fs::read_to_string(path).expect("it was written");
    let line = 1 + line
        .lines()
        .position(|l| l.contains("drift"))
        .expect("it is there");
    assert!(text.contains(&format!("real.toml:{line}:")), "{text}");
    assert!(text.contains("all clocks are this machine's"), "{text}");
    assert!(text.contains("can't be paused with its clock"), "{text}");
}

#[test]
fn a_recording_of_another_format_is_refused_with_who_made_it() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("another-format");
    let layout = locum_engine::recording::ring::Layout {
        slots: 2,
        slot_size: 4096,
    };
    let mut header = layout.header("9.8.7");
    header[8] += 1;
    std::fs::write(&path, header).expect("it can be written");
    let output = rehearse(&["replay", path.to_str().expect("it is UTF-8")]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("made by locum 9.8.7"), "{said}");
    assert!(said.contains("use `rehearse` of that version"), "{said}");
}

/// As tcpdump leaves a file when it is killed, or the disk is full.
#[test]
fn a_capture_that_is_cut_off_is_read_up_to_there() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cut-off");
    let name = folder.to_str().expect("it is UTF-8");
    let run = rehearse(&["run", "founding-cable-pull", "--pcap", name]);
    assert_eq!(run.status.code(), Some(0));
    for format in ["pcap", "pcapng"] {
        let whole = folder.join(format!("sw1.{format}"));
        let cut = folder.join(format!("cut.{format}"));
        let bytes = std::fs::read(&whole).expect("it was written");
        std::fs::write(&cut, &bytes[..bytes.len() - 9]).expect("there is room");
        let [whole, cut] = [whole, cut].map(|path| path.to_str().expect("UTF-8").to_owned());
        let all = rehearse(&["show", &whole]);
        assert_eq!(
            (all.status.code(), text(&all.stderr)),
            (Some(0), String::new())
        );
        let shown = rehearse(&["show", &cut]);
        assert_eq!(shown.status.code(), Some(1));
        let frames = text(&all.stdout)
            .lines()
            .filter(|l| !l.starts_with('#'))
            .count();
        let said =
            format!("{cut}: the file ends inside frame {frames}; what comes before is whole\n");
        assert_eq!(text(&shown.stderr), said);
        let shown = text(&shown.stdout);
        assert!(text(&all.stdout).starts_with(&shown), "{shown}");
        assert_eq!(
            shown.lines().filter(|l| !l.starts_with('#')).count() + 1,
            frames
        );
        // Even one that is the same as far as it goes isn't the whole.
        let same = rehearse(&["diff", &cut, &cut]);
        assert_eq!(same.status.code(), Some(1));
        assert!(text(&same.stdout).ends_with("the same\n"), "{same:?}");
        assert_eq!(text(&same.stderr), said.repeat(2));
    }
}
