//! Two thousand instances, and somebody who wants to know everything: dumps, status, metrics. What
//! they send goes out in time meanwhile.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::flood::prefer;
use crate::capture::Capture;
use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::must;

const INTERFACES: usize = 8;
const EACH: usize = 250;
/// How far adverts may be from their time.
const OFF_MAX: Duration = Duration::from_millis(10);
/// A machine that is busy with something else delays adverts, too. A daemon that is held up by an
/// answer is late each time.
const ATTEMPTS: usize = 6;
const SETTLED: Duration = Duration::from_secs(60);
/// Second bursts of announcements come after a second, as configured.
const QUIET: Duration = Duration::from_secs(3);

#[test]
#[ignore = "needs root, network namespaces, tcpdump: run by .ci/run"]
fn who_asks_two_thousand_instances_delays_no_advert() {
    let mut lab = Lab::alone(&["A"]);
    wire(&lab);
    lab.start("A", Kind::Locum, &configuration(&lab));
    let start = Instant::now();
    while held(&lab) < INTERFACES * EACH {
        assert!(start.elapsed() < SETTLED, "{} are held", held(&lab));
        std::thread::sleep(Duration::from_millis(200));
    }
    prefer(lab.daemon("A").pid());
    std::thread::sleep(QUIET);
    let mut complaints = Vec::new();
    for _ in 0..ATTEMPTS {
        match attempt(&mut lab) {
            Ok(()) => return,
            Err(complaint) => complaints.push(complaint),
        }
    }
    panic!("{complaints:#?}");
}

fn attempt(lab: &mut Lab) -> Result<(), String> {
    let capture = lab.capture();
    let start = Instant::now();
    std::thread::sleep(Duration::from_secs(1));
    for (signal, file) in [(Signal::SIGUSR1, "data"), (Signal::SIGUSR2, "stats")] {
        let _ = fs::remove_file(lab.file(file));
        lab.daemon("A").signal(signal);
        await_file(lab, file, "VI_2000");
    }
    for words in [&["status"][..], &["status", "--json"]] {
        let said = Command::new(env!("CARGO_BIN_EXE_locum"))
            .args(words)
            .arg("--control")
            .arg(lab.daemon("A").control())
            .output()
            .expect("it was built");
        let text = String::from_utf8_lossy(&said.stdout);
        assert!(text.contains("VI_2000"), "{words:?}: {text}");
    }
    let metrics = must(&format!(
        "curl -sS --unix-socket {} http://localhost/metrics",
        lab.file("metrics").display()
    ));
    assert!(metrics.contains("VI_2000"), "{} bytes", metrics.len());
    std::thread::sleep(Duration::from_secs(4).saturating_sub(start.elapsed()));
    let (adverts, off) = off(&capture);
    eprintln!("{adverts} adverts within {off:.2?}");
    match off <= OFF_MAX {
        true => Ok(()),
        false => Err(format!("an advert was {off:?} off")),
    }
}

/// Interfaces that hear nothing of each other.
fn wire(lab: &Lab) {
    let (here, switch) = (lab.namespace("A"), lab.namespace("sw"));
    for number in 1..INTERFACES {
        must(&format!(
            "ip -n {here} link add eth{number} type veth peer name pA{number} netns {switch}"
        ));
        must(&format!("ip -n {switch} link set pA{number} master br0 up"));
        must(&format!(
            "ip -n {here} addr add 10.9.{number}.11/24 dev eth{number}"
        ));
        must(&format!("ip -n {here} link set eth{number} up"));
        must(&format!(
            "ip -n {switch} link set pA{number} type bridge_slave isolated on"
        ));
    }
    must(&format!(
        "ip -n {switch} link set pA type bridge_slave isolated on"
    ));
}

fn configuration(lab: &Lab) -> String {
    let file = |name| lab.file(name).display().to_string();
    let mut text = format!(
        "global_defs {{\n vrrp_garp_master_delay 1\n metrics {}\n state_dump_file {}\n stats_dump_file {}\n}}\n",
        file("metrics"),
        file("data"),
        file("stats")
    );
    for number in 0..INTERFACES * EACH {
        let (interface, vrid) = (number / EACH, number % EACH + 1);
        let name = number + 1;
        writeln!(
            text,
            "vrrp_instance VI_{name} {{\n interface eth{interface}\n virtual_router_id {vrid}\n \
             priority 200\n advert_int 1\n virtual_ipaddress {{\n  10.77.{interface}.{vrid}/32\n }}\n}}"
        )
        .expect("a String takes everything");
    }
    text
}

fn held(lab: &Lab) -> usize {
    let shown = must(&format!("ip -n {} -4 -o addr show", lab.namespace("A")));
    shown.matches("inet 10.77.").count()
}

fn await_file(lab: &Lab, name: &str, words: &str) {
    let start = Instant::now();
    while !fs::read_to_string(lab.file(name)).is_ok_and(|text| text.contains(words)) {
        assert!(start.elapsed() < SETTLED, "{name} is not written");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How many adverts there were, and how far the worst of them was from once a second.
fn off(capture: &Capture) -> (usize, Duration) {
    let adverts = capture.adverts();
    let mut last: BTreeMap<(Ipv4Addr, u8), Duration> = BTreeMap::new();
    let mut off = Duration::ZERO;
    for advert in &adverts {
        // The VRID is the second byte behind the IP header.
        let key = (advert.source, advert.packet[21]);
        if let Some(before) = last.insert(key, advert.at) {
            off = off.max((advert.at - before).abs_diff(Duration::from_secs(1)));
        }
    }
    assert_eq!(last.len(), INTERFACES * EACH, "all of them");
    (adverts.len(), off)
}
