//! X1 to X8.

use locum_engine::config::{Config, Pace};
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::InterfaceId;

use crate::fault::Fault;
use crate::oracle::testing::{A, B, Play, config, ms, outranked, resigned, silent};
use crate::record::{DaemonChange, Observed, Remover};
use crate::topology::HostId;

const BACKUP: StateKind = StateKind::Backup;
const MASTER: StateKind = StateKind::Master;
const FAULT: StateKind = StateKind::Fault;

fn is_announcement(what: &Observed) -> bool {
    matches!(what, Observed::Announcement { .. })
}

#[test]
fn a_quiet_pair() {
    let report = Play::plain().with_master(60_000).passes(60_500);
    for name in ["X1", "X2", "X3"] {
        let finding = report.finding(name).unwrap();
        assert!(finding.verdict.slack.checked > 0, "{report}");
    }
}

#[test]
fn a_graceful_stop() {
    let mut play = Play::plain().with_master(9_700);
    play.fault(10_000, Fault::Stop(HostId(0)))
        .lets_go(10_000, "a", StateKind::Init, Reason::Stopping)
        .daemon(10_000, "a", DaemonChange::Stopped)
        .takes_over(10_615, "b", resigned(A))
        .adverts("b", 11_615, 30_000)
        .second_burst(15_615, "b")
        .passes(30_500);
}

#[test]
fn x1_address_that_stays() {
    let mut play = Play::plain().with_master(9_700);
    play.fault(10_000, Fault::Stop(HostId(0)))
        .advert(10_000, "a", 0)
        .state(10_000, "a", MASTER, StateKind::Init, Reason::Stopping)
        .daemon(10_000, "a", DaemonChange::Stopped)
        .fails(10_500, "X1", "a/VI_1: is init and its host has 1 of its 1");
}

#[test]
fn x1_address_that_is_not_put_back() {
    let mut play = Play::plain().with_master(30_000);
    play.removes(12_000, "a", Remover::Foreigner).fails(
        30_500,
        "X1",
        "is master and its host has 0",
    );
    let mut play = Play::plain().with_master(30_000);
    play.removes(12_000, "a", Remover::Foreigner)
        .adds(12_001, "a")
        .announces(12_001, "a", 1)
        .passes(30_500);
}

#[test]
fn x1_orphans_must_go_at_the_next_start() {
    let mut play = Play::plain().with_master(9_700);
    play.fault(10_000, Fault::Kill(HostId(0)))
        .daemon(10_000, "a", DaemonChange::Killed)
        .takes_over(13_224, "b", silent(Some(A)))
        .adverts("b", 14_224, 15_300)
        .fault(15_500, Fault::Start(HostId(0)))
        .starts(15_500, "a");
    let report = play
        .clone()
        .fails(15_600, "X1", "is backup and its host has 1");
    assert!(report.finding("X1").unwrap().verdict.slack.suspended > 0);
    play.removes(15_501, "a", Remover::Daemon).passes(15_600);
}

#[test]
fn x2_advert_of_a_backup() {
    let mut play = Play::plain().with_master(30_000);
    play.advert(12_345, "b", 99)
        .fails(30_500, "X2", "b/VI_1: sent an advert while backup");
}

#[test]
fn x2_silent_master() {
    let mut play = Play::plain().with_master(30_000);
    play.without(|r| r.at == ms(20_610));
    play.fails(30_500, "X2", "a/VI_1: is master and sent no advert since");
}

#[test]
fn x2_hasty_master() {
    let mut play = Play::plain().with_master(30_000);
    play.advert(20_900, "a", 100)
        .fails(30_500, "X2", "unprovoked");
}

#[test]
fn x2_hung_master_owes_nothing() {
    let mut play = Play::plain().with_master(9_700);
    play.fault(10_000, Fault::Hang(HostId(0)))
        .fault(12_000, Fault::Resume(HostId(0)))
        .adverts("a", 12_000, 30_000)
        .passes(30_500);
}

#[test]
fn x3_addresses_before_the_advert() {
    let mut play = Play::plain();
    play.starts(0, "a").starts(0, "b").adds(3_610, "a");
    play.advert(3_610, "a", 100)
        .announces(3_610, "a", 5)
        .state(3_610, "a", BACKUP, MASTER, silent(None))
        .fails(4_000, "X3", "added before the advert");
}

#[test]
fn x3_announcement_before_the_address() {
    let mut play = Play::plain();
    play.starts(0, "a").starts(0, "b").advert(3_610, "a", 100);
    play.announces(3_610, "a", 5)
        .adds(3_610, "a")
        .state(3_610, "a", BACKUP, MASTER, silent(None))
        .fails(4_000, "X3", "announced before it was there");
}

#[test]
fn x3_missing_announcements() {
    let mut play = Play::plain().with_master(30_000);
    play.without(|r| r.at == ms(3_610) && is_announcement(&r.what))
        .fails(30_500, "X3", "as often as configured");
    let mut play = Play::plain().with_master(30_000);
    play.without(|r| r.at == ms(8_610) && is_announcement(&r.what))
        .fails(30_500, "X3", "after garp_master_delay");
}

#[test]
fn x3_announcements_that_keep_a_distance() {
    let paced = |priority| {
        let mut config = config(priority);
        config.pacing.push(Pace {
            garp: core::time::Duration::from_millis(100),
            gna: core::time::Duration::ZERO,
            interfaces: vec![InterfaceId(0)],
        });
        config
    };
    let late = |count| {
        let mut play = Play::pair(paced(100), paced(99)).with_master(30_000);
        play.without(|r| r.at == ms(3_610) && is_announcement(&r.what));
        for n in 0..count {
            play.announces(3_610 + n * 100, "a", 1);
        }
        play
    };
    late(5).passes(30_500);
    late(4).fails(30_500, "X3", "less often than configured");
}

#[test]
fn x4_priority_zero_before_the_removal() {
    let mut play = Play::plain().with_master(9_700);
    play.fault(10_000, Fault::Stop(HostId(0)))
        .advert(10_000, "a", 0)
        .removes(10_000, "a", Remover::Daemon)
        .state(10_000, "a", MASTER, StateKind::Init, Reason::Stopping)
        .fails(10_500, "X4", "while its host still had 1");
}

#[test]
fn x4_silent_exit() {
    let mut play = Play::plain().with_master(9_700);
    play.fault(10_000, Fault::Stop(HostId(0)))
        .removes(10_000, "a", Remover::Daemon)
        .state(10_000, "a", MASTER, StateKind::Init, Reason::Stopping)
        .fails(10_500, "X4", "a/VI_1: let go without");
}

#[test]
fn x4_link_loss_is_silent() {
    let mut play = Play::plain().with_master(9_700);
    let cable = play.cable("a", "sw1");
    play.fault(10_000, Fault::Pull(cable))
        .removes(10_000, "a", Remover::Daemon)
        .state(10_000, "a", MASTER, FAULT, Reason::LinkDown)
        .passes(10_500);
}

/// `b` is master; `a`, which outranks it, takes over at 9.61 s.
fn contested(b: Config) -> Play {
    let mut play = Play::pair(config(100), b);
    play.starts(0, "b")
        .takes_over(3_614, "b", silent(None))
        .adverts("b", 4_614, 9_000)
        .second_burst(8_614, "b")
        .starts(6_000, "a")
        .takes_over(9_610, "a", crate::oracle::testing::preempted(B, 99));
    play
}

#[test]
fn x4_quiet_yield() {
    let mut quiet = config(99);
    quiet.instances[0].audible_yield = false;
    let mut play = contested(quiet);
    let mut audible = play.clone();
    play.removes(9_611, "b", Remover::Daemon)
        .state(9_611, "b", MASTER, BACKUP, outranked(A, 100))
        .passes(10_000);
    audible
        .lets_go(9_611, "b", BACKUP, outranked(A, 100))
        .fails(10_000, "X4", "although it is told not to");
}

#[test]
fn x4_last_advert_of_a_loser() {
    let mut b = config(99);
    b.instances[0].tuning.higher_prio_send_advert = true;
    let mut told = contested(b);
    let mut silent = told.clone();
    let mut resigns = told.clone();
    told.advert(9_611, "b", 99)
        .removes(9_611, "b", Remover::Daemon)
        .state(9_611, "b", MASTER, BACKUP, outranked(A, 100))
        .announces(9_612, "a", 5)
        .passes(10_000);
    silent
        .removes(9_611, "b", Remover::Daemon)
        .state(9_611, "b", MASTER, BACKUP, outranked(A, 100))
        .fails(10_000, "X4", "without the last advert");
    resigns
        .advert(9_611, "b", 99)
        .lets_go(9_611, "b", BACKUP, outranked(A, 100))
        .fails(10_000, "X4", "although it is told not to");
}

#[test]
fn x7_startup_delay() {
    let mut b = config(99);
    b.startup_delay = core::time::Duration::from_secs(5);
    let begins = |at| {
        let mut play = Play::pair(config(100), b.clone());
        play.starts(0, "a")
            .takes_over(3_610, "a", silent(None))
            .adverts("a", 4_610, 20_000)
            .second_burst(8_610, "a")
            .daemon(1_000, "b", DaemonChange::Started)
            .state(at, "b", StateKind::Init, BACKUP, Reason::Started);
        play
    };
    begins(6_000).passes(20_500);
    begins(5_990).fails(20_500, "X7", "took part 4.99s after its start");
    begins(6_010).fails(20_500, "T8", "went from init to backup");
}

/// It counts from the time at which the machine got power, which is before the daemon's start.
#[test]
fn x7_delay_after_boot() {
    let mut b = config(99);
    b.delay_after_boot = core::time::Duration::from_secs(5);
    let begins = |at| {
        let mut play = Play::pair(config(100), b.clone());
        play.starts(0, "a")
            .takes_over(3_610, "a", silent(None))
            .adverts("a", 4_610, 20_000)
            .second_burst(8_610, "a")
            .daemon(1_000, "b", DaemonChange::Started)
            .state(at, "b", StateKind::Init, BACKUP, Reason::Started);
        play
    };
    begins(5_000).passes(20_500);
    begins(4_990).fails(20_500, "X7", "took part 4.99s after its boot");
}
