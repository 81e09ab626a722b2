//! X5 to X8.

use core::time::Duration;

use locum_engine::Event;
use locum_engine::config::Preempt;
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::{CheckId, InstanceId, Priority, Vrid};

use crate::fault::{Fault, Forgery};
use crate::oracle::testing::{
    A, B, Play, VIP, arbitrating, config, outranked, preempted, resigned, silent,
};
use crate::record::DaemonChange;
use crate::topology::HostId;

const BACKUP: StateKind = StateKind::Backup;
const MASTER: StateKind = StateKind::Master;

/// `b` starts alone, `a` later, and overthrows it after 3.61 s.
fn overthrow(a: locum_engine::config::Config) -> Play {
    let mut play = Play::pair(a, config(99));
    play.starts(0, "b")
        .takes_over(3_614, "b", silent(None))
        .adverts("b", 4_614, 9_000)
        .second_burst(8_614, "b")
        .starts(6_000, "a")
        .takes_over(9_610, "a", preempted(B, 99))
        .lets_go(9_611, "b", BACKUP, outranked(A, 100))
        .advert(9_612, "a", 100)
        .announces(9_612, "a", 5)
        .adverts("a", 10_612, 20_000)
        .second_burst(14_612, "a");
    play
}

fn forgery(ttl: u8) -> Forgery {
    Forgery {
        source: A.into(),
        vrid: Vrid::new(51).unwrap(),
        priority: Priority::RELEASE,
        password: None,
        addresses: vec![VIP.into()],
        ttl,
        count: 1,
        every: Duration::from_secs(1),
    }
}

#[test]
fn an_overthrow() {
    let report = overthrow(config(100)).passes(20_500);
    assert!(report.finding("X5").unwrap().verdict.slack.checked >= 2);
}

#[test]
fn x5_forged_resignation() {
    let mut play = Play::plain().with_master(10_700);
    play.fault(10_700, Fault::Forge(HostId(2), forgery(64)))
        .takes_over(11_314, "b", resigned(A))
        .fails(
            11_400,
            "X5",
            "b/VI_1: acted on an advert of priority 0 from",
        );
}

#[test]
fn x5_suspends_when_the_forgery_is_perfect() {
    let mut play = Play::plain().with_master(10_700);
    let report = play
        .fault(10_700, Fault::Forge(HostId(2), forgery(255)))
        .takes_over(11_314, "b", resigned(A))
        .judge(11_400);
    let verdict = &report.finding("X5").unwrap().verdict;
    assert!(verdict.holds() && verdict.slack.suspended > 0, "{report}");
}

#[test]
fn x6_owner_in_the_second_row() {
    let mut play = Play::pair(config(255), config(99));
    play.starts(0, "a")
        .fails(100, "X6", "owns the addresses and became backup");
    let mut play = Play::pair(config(255), config(99));
    play.daemon(0, "a", DaemonChange::Started)
        .advert(0, "a", 255)
        .adds(0, "a")
        .announces(0, "a", 5)
        .state(0, "a", StateKind::Init, MASTER, Reason::Owner)
        .passes(500);
}

#[test]
fn x6_weights() {
    let changed = |from, to| Event::PriorityChanged {
        instance: InstanceId(0),
        from: Priority(from),
        to: Priority(to),
    };
    let failed = Event::CheckChanged {
        check: CheckId(0),
        good: false,
    };
    let mut play = Play::pair(arbitrating(100, -20), config(99)).with_master(9_700);
    let mut late = play.clone();
    let gateway = play.cable("gw", "sw1");
    play.fault(6_000, Fault::Pull(gateway))
        .event(9_500, "a", failed.clone())
        .event(9_500, "a", changed(100, 80))
        .without(|r| r.at > crate::oracle::testing::ms(9_501));
    let mut wrong = play.clone();
    play.advert(9_610, "a", 80).passes(9_700);
    wrong
        .advert(9_610, "a", 100)
        .fails(9_700, "X6", "advertised priority 100, its own is 80");
    late.event(9_500, "a", failed).fails(
        9_700,
        "X6",
        "has priority 100 where its checks give 80 to 80",
    );
}

#[test]
fn x7_early_after_start() {
    let mut play = Play::plain();
    play.starts(0, "a")
        .takes_over(3_000, "a", silent(None))
        .fails(3_500, "X7", "a/VI_1: became master after listening for 3s");
}

#[test]
fn x8_overthrow_in_spite_of_nopreempt() {
    let mut a = config(100);
    a.instances[0].preempt = Preempt::Never;
    overthrow(a).fails(20_500, "X8", "in spite of nopreempt");
}

#[test]
fn x8_overthrow_before_the_delay() {
    let mut a = config(100);
    a.instances[0].preempt = Preempt::After(Duration::from_secs(60));
    overthrow(a).fails(20_500, "X8", "preempt_delay is 60s");
}

#[test]
fn x8_stepping_back_for_a_weaker_one() {
    let mut play = Play::plain().with_master(9_700);
    play.advert(9_800, "b", 99)
        .lets_go(9_801, "a", BACKUP, outranked(B, 99))
        .fails(9_900, "X8", "stepped back without need");
}

#[test]
fn x8_giving_in_without_being_told_to() {
    let by = Duration::from_secs(5);
    let gives_in = |a: locum_engine::config::Config| {
        let mut play = Play::pair(a, config(99)).with_master(9_700);
        play.lets_go(9_801, "a", BACKUP, Reason::HeldUp { by });
        play.judge(9_900)
    };
    let violated = |report: &crate::oracle::Report| {
        let x8 = report.finding("X8").expect("it is always there");
        !x8.verdict.violations.is_empty()
    };
    assert!(violated(&gives_in(config(100))));
    let mut told = config(100);
    told.instances[0].tuning.timer_expired_backup = Some(Priority(254));
    assert!(!violated(&gives_in(told)));
}
