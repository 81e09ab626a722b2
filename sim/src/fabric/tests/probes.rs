//! Health checks through the network: quorum, timeouts, services.

use core::net::SocketAddr;

use locum_engine::Outcome;
use locum_engine::ids::CheckId;
use locum_engine::probe::{HttpTarget, Probe, ProbeKind};

use super::*;

const CHECK: CheckId = CheckId(3);
const TIMEOUT: Duration = Duration::from_secs(2);

fn probe(kind: ProbeKind, quorum: u32) -> Probe {
    Probe {
        kind,
        quorum,
        timeout: Duration::from_secs(1),
    }
}

fn ping(targets: &[HostId], quorum: u32) -> Probe {
    let targets = targets.iter().map(|&host| IpAddr::V4(ip(host))).collect();
    probe(ProbeKind::Ping { targets }, quorum)
}

fn tcp(host: HostId) -> Probe {
    let targets = vec![SocketAddr::new(ip(host).into(), 80)];
    probe(ProbeKind::Tcp { targets }, 1)
}

fn http(host: HostId, status: u16) -> Probe {
    let target = HttpTarget {
        address: SocketAddr::new(ip(host).into(), 80),
        host: "localhost".into(),
        path: "/".into(),
    };
    let targets = vec![target];
    probe(ProbeKind::Http { targets, status }, 1)
}

/// Runs a probe from A after the given faults: how it ends, and after how many microseconds.
fn run(faults: &[Fault], probe: &Probe, timeout: Duration) -> (Outcome, u64) {
    let mut fabric = quiet();
    fabric.open(A);
    fabric.add_address(A, &vip(), None);
    apply(&mut fabric, faults.iter().cloned());
    while fabric.poll(A).is_some() {}
    fabric.start_probe(A, CHECK, probe, timeout);
    loop {
        match fabric.poll(A) {
            Some(Delivery::Probe(CHECK, outcome)) => {
                return (outcome, fabric.now().as_nanos() / 1_000);
            }
            Some(other) => panic!("{other:?}"),
            None => {
                let next = fabric.next_event().expect("a probe ends");
                fabric.advance(next);
            }
        }
    }
}

const GOOD: Outcome = Outcome::Success;
const BAD: Outcome = Outcome::Failure(1);
const LATE: Outcome = Outcome::TimedOut;
/// A question and its answer, without and with ARP before.
const ROUND: u64 = 200;
const WITH_ARP: u64 = 400;
const PATIENCE: u64 = 1_000_000;

#[test]
fn a_ping_is_answered_after_arp_and_a_round_trip() {
    assert_eq!(run(&[], &ping(&[G], 1), TIMEOUT), (GOOD, WITH_ARP));
    assert_eq!(run(&[], &ping(&[A], 1), TIMEOUT), (GOOD, 0));
}

#[test]
fn a_quorum_decides_as_soon_as_it_can() {
    let gone = [Fault::PowerOff(G)];
    let ask = |quorum| run(&gone, &ping(&[G, B], quorum), TIMEOUT);
    assert_eq!(ask(1), (GOOD, WITH_ARP));
    assert_eq!(ask(2), (BAD, PATIENCE));
    assert_eq!(run(&[], &ping(&[G, B], 2), TIMEOUT), (GOOD, WITH_ARP));
}

#[test]
fn the_earlier_timeout_names_the_end() {
    let gone = [Fault::PowerOff(G)];
    let ask = |timeout| run(&gone, &ping(&[G], 1), Duration::from_millis(timeout));
    assert_eq!(ask(1_001), (BAD, PATIENCE));
    assert_eq!(ask(1_000), (LATE, PATIENCE));
    assert_eq!(ask(300), (LATE, 300_000));
}

#[test]
fn an_arp_probe_needs_no_neighbour_entry() {
    let kind = ProbeKind::Arp {
        targets: vec![ip(G)],
        interface: None,
    };
    let probe = probe(kind, 1);
    assert_eq!(run(&[], &probe, TIMEOUT), (GOOD, ROUND));
    assert_eq!(run(&[Fault::PowerOff(G)], &probe, TIMEOUT), (BAD, PATIENCE));
}

#[test]
fn a_port_is_answered_while_the_service_is_up() {
    assert_eq!(run(&[], &tcp(B), TIMEOUT), (GOOD, WITH_ARP));
    let silent = [Fault::Service(B, None)];
    assert_eq!(run(&silent, &tcp(B), TIMEOUT), (BAD, PATIENCE));
}

#[test]
fn http_compares_the_status() {
    for (host, delay) in [(A, 0), (B, WITH_ARP)] {
        assert_eq!(run(&[], &http(host, 200), TIMEOUT), (GOOD, delay));
        let broken = [Fault::Service(host, Some(503))];
        assert_eq!(run(&broken, &http(host, 200), TIMEOUT), (BAD, delay));
        assert_eq!(run(&broken, &http(host, 503), TIMEOUT), (GOOD, delay));
        let silent = [Fault::Service(host, None)];
        assert_eq!(run(&silent, &http(host, 200), TIMEOUT), (BAD, PATIENCE));
    }
}

#[test]
fn loopback_is_the_host_itself() {
    for name in ["127.0.0.1:80", "[::1]:80"] {
        let targets = vec![name.parse().expect("an address")];
        let probe = probe(ProbeKind::Tcp { targets }, 1);
        assert_eq!(run(&[], &probe, TIMEOUT), (GOOD, 0));
        let silent = [Fault::Service(A, None)];
        assert_eq!(run(&silent, &probe, TIMEOUT), (BAD, PATIENCE));
    }
    let elsewhere = ["fd00::1".parse().expect("an address")];
    let targets = elsewhere.to_vec();
    let probe = probe(ProbeKind::Ping { targets }, 1);
    assert_eq!(run(&[], &probe, TIMEOUT), (BAD, PATIENCE));
}

#[test]
fn a_cancelled_run_says_nothing() {
    let mut fabric = quiet();
    fabric.open(A);
    assert!(fabric.poll(A).is_some());
    fabric.start_probe(A, CHECK, &ping(&[G], 1), TIMEOUT);
    fabric.cancel_probe(A, CHECK);
    pass(&mut fabric, 5_000);
    assert_eq!(fabric.poll(A), None);
}

#[test]
fn a_run_ignores_the_answer_to_an_earlier_one() {
    for probe in [ping(&[G], 1), tcp(G)] {
        ignores_the_answer_to_an_earlier_run(&probe);
    }
}

fn ignores_the_answer_to_an_earlier_run(probe: &Probe) {
    let mut fabric = quiet();
    fabric.open(A);
    assert!(fabric.poll(A).is_some());
    fabric.start_probe(A, CHECK, probe, TIMEOUT);
    fabric.cancel_probe(A, CHECK);
    pass(&mut fabric, 5_000);
    // G's answer to the second run is under way when the third starts and G falls silent.
    fabric.start_probe(A, CHECK, probe, TIMEOUT);
    fabric.advance(fabric.now() + Duration::from_micros(180));
    fabric.apply(&Fault::Dark(cable_of(G), crate::fault::Direction::AToB));
    fabric.start_probe(A, CHECK, probe, TIMEOUT);
    pass(&mut fabric, 999);
    assert_eq!(fabric.poll(A), None);
    pass(&mut fabric, 5);
    assert_eq!(fabric.poll(A), Some(Delivery::Probe(CHECK, BAD)));
}

#[test]
fn a_result_that_waits_is_cancelled_too() {
    let mut fabric = quiet();
    fabric.open(A);
    assert!(fabric.poll(A).is_some());
    let other = CheckId(4);
    fabric.start_probe(A, CHECK, &http(A, 200), TIMEOUT);
    fabric.start_probe(A, other, &http(A, 200), TIMEOUT);
    fabric.cancel_probe(A, CHECK);
    assert_eq!(fabric.poll(A), Some(Delivery::Probe(other, GOOD)));
    assert!(!fabric.has_delivery(A));
}

#[test]
fn the_end_of_the_daemon_ends_its_checks() {
    let mut fabric = quiet();
    fabric.open(A);
    fabric.start_probe(A, CHECK, &ping(&[G], 1), TIMEOUT);
    fabric.close(A);
    fabric.open(A);
    assert!(matches!(fabric.poll(A), Some(Delivery::Link(_))));
    pass(&mut fabric, 5_000);
    assert_eq!(fabric.poll(A), None);
}
