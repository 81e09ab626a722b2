//! T0 to T8, T10 and T11.

use core::time::Duration;

use locum_engine::Event;
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::{InstanceId, Priority};

use crate::fault::{Direction, Fault};
use crate::oracle::testing::{A, B, Play, config, ms, outranked, preempted, resigned, silent};
use crate::record::{DaemonChange, Observed};
use crate::topology::HostId;

const BACKUP: StateKind = StateKind::Backup;

/// `b` takes over while `a` is well, and neither yields.
fn rogue() -> Play {
    let mut play = Play::plain().with_master(30_000);
    play.takes_over(20_000, "b", silent(Some(A)))
        .adverts("b", 21_000, 30_000);
    play
}

fn killed() -> Play {
    let mut play = Play::plain().with_master(9_700);
    play.fault(10_000, Fault::Kill(HostId(0)))
        .daemon(10_000, "a", DaemonChange::Killed);
    play
}

fn stopped(b_takes_over: u64) -> Play {
    let mut play = Play::plain().with_master(9_700);
    play.fault(10_000, Fault::Stop(HostId(0)))
        .lets_go(10_000, "a", StateKind::Init, Reason::Stopping)
        .daemon(10_000, "a", DaemonChange::Stopped)
        .takes_over(b_takes_over, "b", resigned(A));
    play
}

fn hung() -> Play {
    let mut play = Play::plain().with_master(9_700);
    play.fault(10_000, Fault::Hang(HostId(0)));
    play
}

#[test]
fn a_rogue_is_seen_from_every_side() {
    let report = rogue().judge(30_500);
    for (oracle, words) in [
        ("T0", "a/VI_1 and b/VI_1 are master at once"),
        ("T3", "b/VI_1: took over"),
        ("T5", "hear each other and stay master"),
        ("T8", "b/VI_1: went from backup to master after"),
    ] {
        let found = report.violations();
        let found = found
            .iter()
            .any(|(o, v)| *o == oracle && v.what.contains(words));
        assert!(found, "{oracle}\n{report}");
    }
}

#[test]
fn loss_suspends_but_not_punctuality() {
    let mut play = rogue();
    let cable = play.cable("b", "sw1");
    let report = play
        .fault(15_000, Fault::Loss(cable, Direction::AToB, 200_000, None))
        .judge(30_500);
    for oracle in ["T0", "T5", "T8"] {
        let verdict = &report.finding(oracle).unwrap().verdict;
        assert!(verdict.holds() && verdict.slack.suspended > 0, "{report}");
    }
    assert!(!report.finding("T3").unwrap().verdict.holds(), "{report}");
}

#[test]
fn one_way_paths_suspend() {
    let mut play = Play::plain().with_master(30_000);
    let cable = play.cable("b", "sw1");
    let report = play
        .fault(15_000, Fault::Dark(cable, Direction::BToA))
        .takes_over(18_224, "b", silent(Some(A)))
        .adverts("b", 19_224, 30_000)
        .second_burst(23_224, "b")
        .without(|r| {
            r.at > ms(15_000)
                && matches!(
                    r.what,
                    Observed::Advert {
                        host: HostId(0),
                        ..
                    }
                )
        })
        .judge(30_500);
    assert!(report.finding("T0").unwrap().verdict.holds(), "{report}");
}

#[test]
fn t1_and_t3_nobody_takes_over() {
    killed().fails(20_000, "T1", "b/VI_1: could serve, but nobody is master");
    killed().fails(
        20_000,
        "T3",
        "b/VI_1: heard nothing that held it back since",
    );
}

#[test]
fn t1_and_t3_punctual_takeover() {
    let report = killed()
        .takes_over(13_224, "b", silent(Some(A)))
        .adverts("b", 14_224, 20_000)
        .second_burst(18_224, "b")
        .passes(20_000);
    let slack = report.finding("T3").unwrap().verdict.slack;
    assert!(slack.at_most.unwrap().ratio() > 9_990 && slack.at_least.unwrap().ratio() < 10_010);
}

#[test]
fn t3_three_milliseconds_early() {
    killed().takes_over(13_220, "b", silent(Some(A))).fails(
        14_000,
        "T3",
        "b/VI_1: took over 3.6099s after",
    );
}

#[test]
fn t2_overlooked() {
    let mut play = Play::plain();
    play.starts(0, "b")
        .takes_over(3_614, "b", silent(None))
        .adverts("b", 4_614, 30_000)
        .second_burst(8_614, "b")
        .starts(6_000, "a")
        .fails(
            30_500,
            "T2",
            "a/VI_1: is backup with priority 100 while b/VI_1",
        );
}

#[test]
fn t4_late_and_early() {
    stopped(10_640).fails(10_700, "T4", "b/VI_1: heard the master resign and did not");
    stopped(10_600).fails(10_700, "T4", "after a resignation, not 613");
    stopped(10_614).passes(10_700);
}

#[test]
fn t6_outage_in_a_calm_network() {
    let user = Play::plain().host("user");
    let outage = |lasted| Observed::Outage {
        client: user,
        lasted: Duration::from_millis(lasted),
    };
    let mut play = Play::plain().with_master(30_000);
    play.record(3_620, outage(3_620)).passes(30_500);
    play.record(25_000, outage(500)).fails(
        30_500,
        "T6",
        "user: had no answer from 192.168.0.200 for 500ms",
    );
}

#[test]
fn t6_answered_by_the_wrong_one() {
    let mut play = Play::plain().with_master(30_000);
    let (client, server) = (play.host("user"), play.host("b"));
    play.record(12_000, Observed::ServedBy { client, server })
        .fails(30_500, "T6", "user: was answered by b, which doesn't have");
}

#[test]
fn t7_silent_winner() {
    let mut play = Play::plain();
    play.starts(0, "b")
        .takes_over(3_614, "b", silent(None))
        .adverts("b", 4_614, 9_000)
        .second_burst(8_614, "b")
        .starts(6_000, "a")
        .takes_over(9_610, "a", preempted(B, 99))
        .lets_go(9_611, "b", BACKUP, outranked(A, 100))
        .advert(9_612, "a", 100)
        .adverts("a", 10_612, 12_000)
        .fails(12_000, "T7", "a/VI_1: won a contest and did not announce");
}

#[test]
fn t8_priority_that_moves_by_itself() {
    let changed = Event::PriorityChanged {
        instance: InstanceId(0),
        from: Priority(99),
        to: Priority(98),
    };
    let mut play = Play::plain().with_master(30_000);
    play.event(20_000, "b", changed).fails(
        30_500,
        "T8",
        "b/VI_1: changed its priority from 99 to 98",
    );
}

#[test]
fn t10_replaced_too_early_or_never() {
    hung().takes_over(12_000, "b", silent(Some(A))).fails(
        12_500,
        "T10",
        "which had stalled for 2s only",
    );
    hung().fails(20_000, "T10", "a/VI_1: stalled as master, and no backup");
}

/// Like [`killed`], but `b` takes over after two missing adverts.
fn killed_before_an_impatient_backup() -> Play {
    let mut b = config(99);
    b.instances[0].tuning.down_timer_adverts = 2;
    let mut play = Play::pair(config(100), b);
    play.starts(0, "a")
        .takes_over(3610, "a", silent(None))
        .adverts("a", 4610, 9_700)
        .second_burst(8610, "a")
        .starts(6_000, "b")
        .fault(10_000, Fault::Kill(HostId(0)))
        .daemon(10_000, "a", DaemonChange::Killed);
    play
}

#[test]
fn t1_and_t3_count_the_adverts_that_the_configuration_says() {
    let report = killed_before_an_impatient_backup()
        .takes_over(12_224, "b", silent(Some(A)))
        .adverts("b", 13_224, 20_000)
        .second_burst(17_224, "b")
        .passes(20_000);
    let slack = report.finding("T3").unwrap().verdict.slack;
    assert!(slack.at_most.unwrap().ratio() > 9_990 && slack.at_least.unwrap().ratio() < 10_010);
    killed_before_an_impatient_backup()
        .takes_over(13_224, "b", silent(Some(A)))
        .fails(14_000, "T3", "b/VI_1: heard nothing that held it back");
}

#[test]
fn t10_and_t11_a_long_stall() {
    let report = hung()
        .takes_over(13_224, "b", silent(Some(A)))
        .adverts("b", 14_224, 14_900)
        .fault(15_000, Fault::Resume(HostId(0)))
        .advert(15_000, "a", 100)
        .announces(15_000, "a", 5)
        .lets_go(15_001, "b", BACKUP, outranked(A, 100))
        .advert(15_002, "a", 100)
        .announces(15_002, "a", 5)
        .adverts("a", 16_002, 30_002)
        .passes(31_000);
    let t10 = &report.finding("T10").unwrap().verdict;
    assert!(t10.slack.checked > 0, "{report}");
    let t11 = &report.finding("T11").unwrap().verdict;
    assert_eq!(
        t11.metric.as_deref(),
        Some("longest 1.776 s, in all 1.776 s")
    );
}

#[test]
fn nopreempt_and_drained_routers_are_not_overlooked() {
    let mut a = config(100);
    a.instances[0].preempt = locum_engine::config::Preempt::Never;
    let mut play = Play::pair(a, config(99));
    play.starts(0, "b")
        .takes_over(3_614, "b", silent(None))
        .adverts("b", 4_614, 30_000)
        .second_burst(8_614, "b")
        .starts(6_000, "a")
        .passes(30_500);
}
