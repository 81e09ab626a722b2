//! Independent eyes: Wireshark's dissectors read every capture that the catalogue's runs write, and
//! find no malformed field and no wrong checksum.
//!
//! Needs tshark, so it only runs when asked for; `.ci/run tshark` installs it and asks.

use std::path::{Path, PathBuf};
use std::process::Command;

use locum_captures::listing::Auth;
use locum_captures::pcapng::{self, Commented};
use locum_captures::{Listing, pcap};
use locum_engine::Instant;
use locum_engine::wire::ChecksumForm;
use locum_scenarios::performance::Frames;
use locum_scenarios::{Performance, Scenario, catalogue};
use locum_sim::fault::Fault;
use locum_sim::run::Runner;

/// What Wireshark would colour red: malformed frames, errors of its experts, checksums that are
/// bad. That an address moves to another MAC is only a warning.
const BAD: &str = "_ws.malformed or _ws.expert.severity >= 0x800000 or ip.checksum.status == 0 \
    or vrrp.checksum.status == 0 or icmp.checksum.status == 0 or tcp.checksum.status == 0";

/// The numbers of the frames that match a filter.
fn tshark(file: &Path, filter: &str) -> Vec<usize> {
    let output = Command::new("tshark")
        .args([
            "-n",
            "-o",
            "ip.check_checksum:TRUE",
            "-o",
            "tcp.check_checksum:TRUE",
        ])
        .args(["-T", "fields", "-e", "frame.number", "-Y", filter, "-r"])
        .arg(file)
        .output()
        .expect("tshark can be started");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {complaints}", file.display());
    let lines = String::from_utf8(output.stdout).expect("it prints numbers");
    lines
        .lines()
        .map(|line| line.parse().expect("it prints numbers"))
        .collect()
}

fn write(name: &str, frames: &Frames) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tshark-{name}.pcap"));
    let frames = frames.iter().map(|(at, bytes)| (*at, &**bytes));
    pcap::write_file(&path, frames).expect("it can be written");
    path
}

fn listing(frames: &Frames) -> Listing {
    let frames = frames.iter().map(|(at, bytes)| locum_captures::Frame {
        at_ns: at.as_nanos(),
        bytes: bytes.to_vec(),
        comments: Vec::new(),
    });
    Listing::new(frames.collect())
}

#[test]
#[ignore = "needs tshark; .ci/run installs it and runs this"]
fn tshark_finds_nothing_wrong_in_any_run_of_the_catalogue() {
    let mut adverts = 0;
    for entry in catalogue::ALL {
        let scenario =
            Scenario::read(entry.name, entry.text, None).expect("it is in the catalogue");
        let damaged =
            |fault: &locum_sim::fault::TimedFault| matches!(fault.fault, Fault::Corrupt(..));
        if scenario.plan(0).faults.iter().any(damaged) {
            continue;
        }
        let performance = Performance::new(&scenario, 0, Runner::Event, true);
        // The switches see everything; what a host sees is a part of that.
        let segments = scenario.topology.switches.len();
        for (point, frames) in &performance.captures[..segments] {
            let file = write(&format!("{}-{point}", entry.name), frames);
            let listing = listing(frames);
            // Wireshark knows one of the two forms that routers use over IPv4, keepalived's.
            let rfc_form = listing.entries.iter().filter(|e| {
                let advert = e.kind.advert();
                advert.is_some_and(|a| a.version == 3 && a.checksum == Some(ChecksumForm::Message))
            });
            let rfc_form: Vec<usize> = rfc_form.map(|entry| entry.number).collect();
            let asked_for = entry.text.contains("v3_checksum_as_v2");
            assert!(
                asked_for || rfc_form.is_empty(),
                "{}: {rfc_form:?}",
                file.display()
            );
            // It sums version 2 over IPv6 without the pseudo-header, which keepalived 2.2.7 includes:
            // it objects to keepalived's own adverts in the same way. And it doesn't know the trailer
            // of `auth_hmac`.
            let no_standard = listing.entries.iter().filter(|e| {
                let advert = e.kind.advert();
                let trailer = |auth: &Auth| matches!(auth, Auth::Trailer { .. });
                advert.is_some_and(|a| a.version == 2 && a.source.is_ipv6() || trailer(&a.auth))
            });
            let mut expected = rfc_form;
            expected.extend(no_standard.map(|entry| entry.number));
            assert_eq!(tshark(&file, BAD), expected, "{}", file.display());
            let ours = listing.entries.iter().filter(|e| e.kind.advert().is_some());
            let ours: Vec<usize> = ours.map(|entry| entry.number).collect();
            assert_eq!(tshark(&file, "vrrp"), ours, "{}: adverts", file.display());
            adverts += ours.len();
            std::fs::remove_file(&file).expect("it was there");
        }
    }
    assert!(adverts > 1_000, "only {adverts} adverts were looked at");
}

/// The filter sees what it is there to see.
#[test]
#[ignore = "needs tshark; .ci/run installs it and runs this"]
fn tshark_sees_damage_that_is_planted() {
    let entry = catalogue::find("founding-cable-pull").expect("it is in the catalogue");
    let scenario = Scenario::read(entry.name, entry.text, None).expect("it is in the catalogue");
    let performance = Performance::new(&scenario, 0, Runner::Event, true);
    let frames = &performance.captures[0].1;
    let advert = listing(frames)
        .entries
        .iter()
        .position(|e| e.kind.advert().is_some());
    let advert = advert.expect("somebody sends one");
    // TTL: the header's checksum. Priority: the advert's. Count of addresses: malformed.
    for byte in [22, 36, 37] {
        let mut frames = frames.clone();
        let mut bytes = frames[advert].1.to_vec();
        bytes[byte] ^= 0x40;
        frames[advert].1 = bytes.into();
        let file = write(&format!("planted-{byte}"), &frames);
        assert_eq!(tshark(&file, BAD), [advert + 1], "byte {byte}");
    }
}

#[test]
#[ignore = "needs tshark; .ci/run installs it and runs this"]
fn tshark_finds_times_and_comments_in_our_pcapng() {
    let comments = ["8s: pull A - sw1".to_owned(), "and another".to_owned()];
    let mut file = Vec::new();
    let frame = |at_ns, comments| Commented {
        at: Instant::from_nanos(at_ns),
        bytes: &[0xff; 60],
        comments,
    };
    let frames = [frame(0, &[][..]), frame(8_000_000_001, &comments)];
    pcapng::write(&mut file, "sw1", frames).expect("a Vec takes every byte");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tshark-comments.pcapng");
    std::fs::write(&path, file).expect("it can be written");
    let found = |filter: &str| tshark(&path, filter);
    assert_eq!(found("frame.comment == \"8s: pull A - sw1\""), [2]);
    assert_eq!(found("frame.comment == \"and another\""), [2]);
    assert_eq!(found("frame.time_relative == 8.000000001"), [2]);
    assert_eq!(found("frame.interface_name == \"sw1\""), [1, 2]);
}
