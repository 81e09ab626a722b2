//! What the engine shows of itself is what has happened to it, instance by instance.

mod common;

use std::net::IpAddr;

use common::*;
use locum_engine::config::{
    CheckCommand, CheckConfig, Config, InstanceConfig, Preempt, Track, Weight,
};
use locum_engine::event::{Announcement, Discard, Reason, StateKind};
use locum_engine::ids::{CheckId, Priority};
use locum_engine::status::{DrainState, InstanceView, Master, Standing, Tracked, Verdict};
use locum_engine::{Command, Input, Outcome};

const CHECK: CheckId = CheckId(0);

fn view(bench: &Bench) -> InstanceView<'_> {
    bench.engine.status().instance(VI)
}

fn peer() -> IpAddr {
    IpAddr::V4(PEER)
}

#[test]
fn a_backup_shows_its_master_and_when_it_was_last_heard() {
    let mut bench = Bench::started(instance(100));
    assert_eq!(view(&bench).master(), Master::Unknown);
    assert_eq!(view(&bench).why(), Some(Reason::Started));
    for at in [1000, 2000] {
        bench.run_to(at_ms(at));
        bench.hear(150);
    }
    bench.run_to(at_ms(2500));
    let seen = view(&bench);
    let Master::Other(master) = seen.master() else {
        panic!("{:?}", seen.master());
    };
    assert_eq!(
        (master.source, master.priority, master.at),
        (peer(), Priority(150), at_ms(2000))
    );
    assert_eq!(seen.state(), StateKind::Backup);
    assert_eq!(seen.since(), at_ms(0));
    assert_eq!(seen.timer(), Some(at_ms(2000) + seen.master_down()));
    assert_eq!(seen.peers().count(), 1);
    assert_eq!(seen.rivals().count(), 0);
    assert_eq!((seen.stats().received, seen.stats().accepted()), (2, 2));
    bench.hear(0);
    assert_eq!(view(&bench).master(), Master::Unknown, "it has resigned");
    assert_eq!(view(&bench).stats().resignations, 1);
}

#[test]
fn a_master_shows_itself_and_who_contests_it_until_that_is_over() {
    let mut bench = Bench::master(instance(100));
    let since = bench.now;
    assert_eq!(view(&bench).since(), since);
    let us = Master::Us {
        source: Some(US.into()),
        priority: Priority(100),
    };
    assert_eq!(view(&bench).master(), us);
    bench.hear(90);
    let rival = *view(&bench).rivals().next().expect("it acts as master");
    assert_eq!((rival.source, rival.priority), (peer(), Priority(90)));
    let until = view(&bench).contested_until(&rival);
    assert_eq!(
        until,
        since
            + locum_engine::fsm::master_down(
                locum_engine::config::Version::V2,
                Priority(90),
                centis(100),
                3,
            )
    );
    bench.run_to(until);
    bench.give(Input::Timeout);
    assert_eq!(view(&bench).rivals().count(), 0, "it is heard no more");
    bench.hear(90);
    bench.hear(0);
    assert_eq!(view(&bench).rivals().count(), 0, "it has given in");
    let stats = view(&bench).stats();
    assert_eq!((stats.became_master, stats.released_master), (1, 0));
    let bursts = |why: Announcement| stats.announced[why.index()];
    assert_eq!(bursts(Announcement::Takeover), 1);
    assert!(bursts(Announcement::Contest) >= 2, "{stats:?}");
    assert!(stats.announcements >= 7, "five, and one for each contest");
}

#[test]
fn transitions_are_counted_by_their_reason() {
    let mut bench = Bench::master(instance(100));
    bench.hear(200);
    assert_eq!(view(&bench).state(), StateKind::Backup);
    let why = Reason::HigherPriority {
        master: peer(),
        priority: Priority(200),
    };
    assert_eq!(view(&bench).why(), Some(why));
    bench.link(false);
    assert_eq!(view(&bench).obstacle(), Some(Reason::LinkDown));
    bench.link(true);
    bench.link(false);
    let stats = view(&bench).stats();
    let counted: Vec<_> = stats
        .transitions()
        .iter()
        .map(|t| (t.to, t.why(), t.count))
        .collect();
    assert_eq!(
        counted,
        [
            (StateKind::Backup, "started", 1),
            (StateKind::Master, "master_silent", 1),
            (StateKind::Backup, "higher_priority", 1),
            (StateKind::Fault, "link_down", 2),
            (StateKind::Backup, "recovered", 1),
        ]
    );
    assert_eq!((stats.became_master, stats.released_master), (1, 1));
    assert_eq!(stats.resigned, 1, "an audible yield");
}

#[test]
fn a_master_of_lower_rank_is_the_master_until_it_is_replaced() {
    let patient = InstanceConfig {
        preempt: Preempt::Never,
        ..instance(100)
    };
    for config in [patient, instance(100)] {
        let mut bench = Bench::started(config);
        bench.run_to(at_ms(500));
        bench.hear(50);
        let Master::Other(master) = view(&bench).master() else {
            panic!("it is heard");
        };
        assert_eq!(master.priority, Priority(50));
    }
}

#[test]
fn a_drain_shows_how_far_it_is() {
    let mut bench = Bench::master(instance(100));
    let begun = bench.now;
    bench.give(Input::Command(Command::Drain {
        instance: None,
        within: secs(5),
    }));
    let until = begun + secs(5);
    assert_eq!(
        view(&bench).drain(),
        Some(DrainState::HandingOver { until })
    );
    assert_eq!(view(&bench).base_priority(), Priority(100));
    assert_eq!(view(&bench).priority(), Priority::LOWEST);
    bench.hear(90);
    assert_eq!(view(&bench).drain(), Some(DrainState::Over));
    bench.give(Input::Command(Command::Resume { instance: None }));
    assert_eq!(view(&bench).drain(), None);
}

#[test]
fn lateness_is_kept_for_each_instance_and_for_all() {
    let mut bench = Bench::master(instance(100));
    let due = view(&bench).deadline().expect("an advert");
    let (before, _) = (bench.engine.status().lateness().count(), ());
    bench.now = due + secs(1);
    bench.give(Input::Timeout);
    bench.run_for(secs(1));
    let stats = view(&bench).stats();
    assert_eq!((stats.late_most, stats.late_last), (secs(1), secs(0)));
    let lateness = bench.engine.status().lateness();
    assert_eq!(lateness.most(), secs(1));
    assert_eq!(lateness.total(), secs(1));
    assert_eq!(lateness.count(), before + 2);
}

#[test]
fn discards_are_shown_by_reason_and_only_those() {
    let mut bench = Bench::started(instance(100));
    let wrong = InstanceConfig {
        vrid: instance(1).vrid,
        auth: locum_engine::config::Auth::Password(*b"2222\0\0\0\0"),
        ..instance(150)
    };
    bench.hear_from(PEER, &wrong);
    bench.hear_from(PEER, &wrong);
    let stats = view(&bench).stats();
    let discarded: Vec<_> = stats.discarded.iter().collect();
    assert_eq!(discarded, [(Discard::AuthFailed.index(), 2)]);
    assert_eq!((stats.received, stats.accepted()), (2, 0));
    assert_eq!(view(&bench).peers().count(), 0, "not authentic: nobody");
}

fn checked(weight: i16) -> Config {
    let check = CheckConfig {
        name: "gateway".into(),
        command: CheckCommand::Script(vec!["/bin/true".into()]),
        interval: secs(1),
        timeout: secs(1),
        rise: 2,
        fall: 3,
        init_fail: false,
        user: None,
    };
    let weight = Weight {
        value: weight,
        reverse: false,
    };
    let tracks = vec![Track {
        check: CHECK,
        weight,
    }];
    Config {
        checks: vec![check],
        ..config(InstanceConfig {
            tracks,
            ..instance(100)
        })
    }
}

#[test]
fn a_check_shows_its_runs_and_what_it_means() {
    let mut bench = Bench::new(checked(-20));
    bench.give(Input::Command(Command::Start));
    bench.run_for(secs(0));
    let check = |bench: &Bench| bench.engine.status().check(CHECK).verdict();
    assert_eq!(check(&bench), Verdict::Unknown);
    assert!(bench.engine.status().check(CHECK).running_since().is_some());
    let mut done = |outcome| {
        bench.now = bench.now + secs(1) / 4;
        let check = CHECK;
        bench.give(Input::CheckDone { check, outcome });
        bench.run_for(secs(1) - secs(1) / 4);
    };
    done(Outcome::Success);
    done(Outcome::Failure(7));
    let runs = bench.engine.status().check(CHECK).runs();
    assert_eq!((runs.succeeded, runs.failed, runs.timed_out), (1, 1, 0));
    assert_eq!(runs.last, Some(Outcome::Failure(7)));
    assert_eq!((runs.took, runs.took_all), (secs(1) / 4, secs(1) / 2));
    assert_eq!(runs.changed_at, at_ms(250));
    assert_eq!(check(&bench), Verdict::Good { failures: 1 });
    bench.run_for(secs(4));
    assert_eq!(check(&bench), Verdict::Failed { successes: 0 });
    let runs = bench.engine.status().check(CHECK).runs();
    assert!(runs.timed_out >= 2, "{runs:?}");
    let tracker = view(&bench).trackers().next().expect("one");
    assert_eq!(tracker.what, Tracked::Check(CHECK));
    assert_eq!(tracker.standing, Standing::Shift(-20));
    assert_eq!(view(&bench).priority(), Priority(80));
}

/// A reason names a check by its position, which a reload may change or take away.
#[test]
fn a_reason_survives_a_reload_only_with_what_it_is_about() {
    let mut bench = Bench::new(checked(0));
    bench.give(Input::Command(Command::Start));
    bench.run_for(secs(0));
    let (check, outcome) = (CHECK, Outcome::Failure(1));
    bench.give(Input::CheckDone { check, outcome });
    assert_eq!(view(&bench).why(), Some(Reason::CheckFailed { check }));
    let mut longer = checked(0);
    let mut other = longer.checks[0].clone();
    other.name = "other".into();
    longer.checks.insert(0, other);
    longer.instances[0].tracks[0].check = CheckId(1);
    bench.give(Input::Command(Command::Reload(Box::new(longer))));
    let check = CheckId(1);
    assert_eq!(view(&bench).why(), Some(Reason::CheckFailed { check }));
    assert_eq!(view(&bench).since(), at_ms(0), "it goes on");
    assert_eq!(bench.engine.status().reloads(), 1);
    bench.give(Input::Command(Command::Reload(Box::new(config(instance(
        100,
    ))))));
    assert_eq!(view(&bench).state(), StateKind::Backup);
    assert_eq!(view(&bench).why(), Some(Reason::Recovered));
}
