//! `rehearse show` and `rehearse diff` as they are called, on recordings of keepalived and on what
//! `rehearse run` writes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn rehearse(args: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_rehearse"))
        .args(args)
        .output()
        .expect("the program can be started");
    let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
    (status.code(), text(stdout), text(stderr))
}

fn recording(name: &str) -> String {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../captures/keepalived");
    captures.join(name).join("wire.pcap").display().to_string()
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn show_lists_every_frame_and_daemons_only_theirs() {
    let file = recording("founding-cable-pull");
    let (code, all, _) = rehearse(&["show", &file]);
    assert_eq!(code, Some(0));
    assert_eq!(all.lines().count(), 54);
    assert!(all.contains("192.168.0.12       ADVERT v2 vrid 51 priority 99 every 1 s"));
    let (_, daemons, _) = rehearse(&["show", "--daemons", &file]);
    assert_eq!(
        daemons.lines().count(),
        39,
        "19 adverts and 20 announcements"
    );
    assert!(!daemons.contains("arp who has"));
}

#[test]
fn a_recording_is_the_same_as_itself() {
    let file = recording("split-and-heal");
    let (code, out, _) = rehearse(&["diff", &file, &file, "--tolerance", "0s"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.ends_with("the same\n"), "{out}");
}

#[test]
fn a_run_is_the_same_as_its_recording() {
    let folder = scratch("diff-run");
    let scenario = recording("split-and-heal").replace("wire.pcap", "scenario.toml");
    let folder_name = folder.to_str().expect("it is UTF-8");
    let (code, out, _) = rehearse(&["run", &scenario, "--pcap", folder_name]);
    assert_eq!(code, Some(0), "{out}");
    let run = folder.join("sw1.pcap").display().to_string();
    let (code, out, _) = rehearse(&["diff", &recording("split-and-heal"), &run]);
    assert_eq!(code, Some(0), "{out}");
    let (code, out, _) = rehearse(&[
        "diff",
        &recording("split-and-heal"),
        &run,
        "--tolerance",
        "1us",
    ]);
    assert_eq!(code, Some(1), "a machine isn't that exact: {out}");
}

/// Both formats hold the same frames; pcapng also says what happened, and `show` shows it.
#[test]
fn a_run_is_written_in_both_formats() {
    let folder = scratch("both-formats");
    let folder_name = folder.to_str().expect("it is UTF-8");
    let (code, out, _) = rehearse(&["run", "founding-cable-pull", "--pcap", folder_name]);
    assert_eq!(code, Some(0), "{out}");
    let file = |name: &str| folder.join(name).display().to_string();
    let (_, plain, _) = rehearse(&["show", &file("sw1.pcap")]);
    let (_, commented, _) = rehearse(&["show", &file("sw1.pcapng")]);
    let (comments, frames): (Vec<&str>, Vec<&str>) =
        commented.lines().partition(|line| line.starts_with('#'));
    assert_eq!(frames, plain.lines().collect::<Vec<_>>());
    let pulled_and_plugged = [
        r#"# { at = "8s", pull = "A - sw1" }"#,
        r#"# { at = "16s", plug = "A - sw1" }"#,
    ];
    assert_eq!(comments, pulled_and_plugged);
}

#[test]
fn what_differs_is_shown_field_by_field() {
    let (a, b) = (recording("founding-cable-pull"), recording("graceful-stop"));
    let (code, out, _) = rehearse(&["diff", &a, &b, "--first", "1"]);
    assert_eq!(code, Some(1));
    assert!(
        out.contains("    vrrp priority              100 | 0\n"),
        "{out}"
    );
    assert!(out.contains("... and 9 more\n"), "{out}");
    assert!(out.ends_with("10 differences\n"), "{out}");
}

#[test]
fn a_deviation_is_taken_by_its_name() {
    let file = recording("track-script-fault");
    let args = [
        "diff",
        &file,
        &file,
        "--deviation",
        "single-priority-0",
        "--first",
        "1",
    ];
    let (code, out, _) = rehearse(&args);
    assert_eq!(code, Some(1), "the second has both resignations");
    assert!(
        out.starts_with("single-priority-0: 1 on purpose\n"),
        "{out}"
    );
    assert!(out.contains("RESIGNS v2 vrid 51"), "{out}");
    let (code, _, err) = rehearse(&["diff", &file, &file, "--deviation", "louder"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("there is no deviation `louder`"), "{err}");
}

#[test]
fn what_cannot_be_compared_is_not_called_the_same() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for args in [
        vec!["show", manifest],
        vec!["diff", manifest, manifest],
        vec!["diff", "/nowhere.pcap", "/nowhere.pcap"],
    ] {
        let (code, _, err) = rehearse(&args);
        assert_eq!(code, Some(2), "{args:?}");
        assert!(err.contains(args[1]), "{err}");
    }
    let empty = scratch("empty.pcap");
    locum_captures::write_file(&empty, []).expect("it can be written");
    let empty = empty.to_str().expect("it is UTF-8");
    let (code, _, err) = rehearse(&["diff", empty, empty]);
    assert_eq!(code, Some(2));
    assert!(err.contains("nothing to compare"), "{err}");
}
