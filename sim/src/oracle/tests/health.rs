//! T13 to T16: arbitration.

use locum_engine::Event;
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::{CheckId, InstanceId, Priority};

use crate::fault::Fault;
use crate::oracle::testing::{A, Play, arbitrating, silent};
use crate::record::Observed;

const BACKUP: StateKind = StateKind::Backup;
const FAULT: StateKind = StateKind::Fault;

fn check(good: bool) -> Event {
    let check = CheckId(0);
    Event::CheckChanged { check, good }
}

fn failed() -> Reason {
    Reason::CheckFailed { check: CheckId(0) }
}

/// `a` is master and all checks are good; at 20 s the trunk between the switches is pulled.
fn cut() -> Play {
    let mut play = Play::founding().with_master(60_000);
    let trunk = play.cable("sw1", "sw2");
    play.event(1, "a", check(true))
        .event(1, "b", check(true))
        .fault(20_000, Fault::Pull(trunk));
    play
}

/// Both sides hold the address for 0.68 s, then `b` notices.
fn noticed() -> Play {
    let mut play = cut();
    play.takes_over(23_224, "b", silent(Some(A)))
        .event(23_900, "b", check(false))
        .lets_go(23_900, "b", FAULT, failed());
    play
}

/// `b` never notices.
fn unnoticed() -> Play {
    let mut play = cut();
    play.takes_over(23_224, "b", silent(Some(A)))
        .adverts("b", 24_224, 40_000)
        .second_burst(28_224, "b");
    play
}

fn changed(from: u8, to: u8) -> Event {
    Event::PriorityChanged {
        instance: InstanceId(0),
        from: Priority(from),
        to: Priority(to),
    }
}

/// Both routers lose 20 when the gateway is dead.
fn weighted() -> Play {
    let mut play = Play::pair(arbitrating(100, -20), arbitrating(99, -20)).with_master(22_700);
    let gateway = play.cable("gw", "sw1");
    play.event(1, "a", check(true))
        .event(1, "b", check(true))
        .fault(20_000, Fault::Pull(gateway))
        .event(23_000, "b", check(false))
        .event(23_000, "b", changed(99, 79))
        .event(23_001, "a", check(false))
        .event(23_001, "a", changed(100, 80));
    play
}

#[test]
fn the_founding_case() {
    let report = noticed().passes(60_500);
    for name in ["T13", "T14"] {
        let slack = report.finding(name).unwrap().verdict.slack;
        assert!(slack.at_most.is_some(), "{report}");
    }
}

#[test]
fn t13_failure_not_noticed() {
    unnoticed().fails(40_500, "T13", "b: check gateway does not notice a failure");
}

#[test]
fn t13_too_eager() {
    cut()
        .event(20_500, "b", check(false))
        .state(20_500, "b", BACKUP, FAULT, failed())
        .fails(
            21_000,
            "T13",
            "counts as failed 500ms after it last was good",
        );
}

#[test]
fn t13_without_a_cause() {
    Play::founding()
        .with_master(30_000)
        .event(1, "b", check(true))
        .event(15_000, "b", check(false))
        .state(15_000, "b", BACKUP, FAULT, failed())
        .fails(15_500, "T13", "b: check gateway failed without a cause");
}

#[test]
fn t13_goes_on_regardless() {
    cut().event(23_100, "b", check(false)).fails(
        24_000,
        "T13",
        "b/VI_1: goes on while b: check gateway forbids it",
    );
}

#[test]
fn t14_both_sides_for_too_long() {
    unnoticed().fails(
        40_500,
        "T14",
        "both sides of a cut hold the address for too long",
    );
    unnoticed().fails(
        40_500,
        "T14",
        "b/VI_1 holds the address without reaching the gateway",
    );
}

#[test]
fn t15_nobody_serves_without_a_gateway() {
    let mut play = Play::founding().with_master(40_000);
    let gateway = play.cable("gw", "sw1");
    play.fault(20_000, Fault::Pull(gateway)).fails(
        40_500,
        "T15",
        "a/VI_1: holds the address while its check fails",
    );
}

#[test]
fn t15_weights_keep_the_rank() {
    let mut play = weighted();
    for second in 0..20 {
        play.advert(23_610 + second * 1000, "a", 80);
    }
    play.passes(43_000);
    weighted()
        .lets_go(23_610, "a", FAULT, failed())
        .without(|r| matches!(r.what, Observed::Outage { .. }))
        .fails(43_000, "T15", "is in a segment with 0 masters");
}

#[test]
fn t16_recovery_not_noticed() {
    let mut play = noticed();
    let trunk = play.cable("sw1", "sw2");
    play.fault(30_000, Fault::Plug(trunk));
    let mut well = play.clone();
    play.clone()
        .fails(60_500, "T16", "b: check gateway does not notice a recovery");
    play.event(32_000, "b", check(true)).fails(
        60_500,
        "T16",
        "b/VI_1: is still fault although all is well",
    );
    well.event(32_000, "b", check(true))
        .state(32_000, "b", FAULT, BACKUP, Reason::Recovered)
        .passes(60_500);
}

#[test]
fn t16_too_trusting() {
    noticed()
        .event(26_500, "b", check(true))
        .state(26_500, "b", FAULT, BACKUP, Reason::Recovered)
        .fails(27_000, "T16", "b: check gateway counts as good");
}
