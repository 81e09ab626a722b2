//! `timer_expired_backup`: a master that was held up for too long gives in instead of going on.

mod common;

use std::time::Duration;

use common::*;
use locum_engine::Input;
use locum_engine::config::{InstanceConfig, Preempt, Tuning};
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::Priority;

/// It gives in to peers of up to that priority.
fn meek(priority: u8, rival: u8, preempt: Preempt) -> InstanceConfig {
    InstanceConfig {
        preempt,
        tuning: Tuning {
            timer_expired_backup: Some(Priority(rival)),
            ..Tuning::default()
        },
        ..instance(priority)
    }
}

/// A master whose advert is so many microseconds late.
fn late(instance: InstanceConfig, micros: u64) -> Bench {
    let mut bench = Bench::master(instance);
    bench.now = bench.now + secs(1) + Duration::from_micros(micros);
    bench
}

/// The priority given decides from when on: two intervals and its skew time.
#[test]
fn a_master_held_up_for_longer_than_a_peer_waits_gives_in() {
    for (rival, micros, gives_in) in [
        (254, 2_007_812, false),
        (254, 2_007_813, true),
        (1, 2_996_093, false),
        (1, 2_996_094, true),
    ] {
        let mut bench = late(meek(100, rival, Preempt::Never), micros);
        bench.give(Input::Timeout);
        let state = match gives_in {
            true => StateKind::Backup,
            false => StateKind::Master,
        };
        assert_eq!(bench.state(), state, "{rival}, {micros}");
        let said = bench.words();
        let expected = match gives_in {
            true => "master -> backup: was held up for",
            false => "advert 100",
        };
        assert!(
            said.iter().any(|word| word.starts_with(expected)),
            "{said:?}"
        );
        let announced = said.iter().any(|word| word.starts_with("garp"));
        assert!(!(gives_in && announced), "{said:?}");
    }
}

#[test]
fn it_lets_go_before_it_says_so_and_listens_for_the_full_time() {
    let mut bench = late(meek(100, 254, Preempt::Never), 5_000_000);
    bench.give(Input::Timeout);
    assert_eq!(
        bench.words(),
        [
            "remove 192.168.0.200",
            "advert 0",
            "master -> backup: was held up for 5 s: may have been replaced meanwhile"
        ]
    );
    let down = bench.now + Duration::from_nanos(3_609_375_000);
    assert_eq!(bench.engine.poll_timeout().map(|wake| wake.at), Some(down));
}

/// What waited in the socket is heard before the timer is honoured: it doesn't argue with it, and
/// `nopreempt` keeps it from taking over again.
#[test]
fn a_lower_master_that_is_heard_first_is_followed() {
    let mut bench = late(meek(100, 254, Preempt::Never), 5_000_000);
    bench.hear(99);
    let why = Reason::HeldUp { by: secs(5) };
    assert_eq!(bench.transitions(), [(StateKind::Backup, why)]);
    for _ in 0..10 {
        bench.run_for(secs(1));
        bench.hear(99);
    }
    assert_eq!(bench.state(), StateKind::Backup);
    let mut higher = late(meek(100, 254, Preempt::Never), 5_000_000);
    higher.hear(200);
    let reasons = higher.transitions();
    assert!(
        matches!(reasons[..], [(_, Reason::HigherPriority { .. })]),
        "{reasons:?}"
    );
}

#[test]
fn the_owner_and_whoever_preempts_go_on() {
    for router in [
        meek(255, 254, Preempt::Never),
        meek(100, 254, Preempt::Always),
        meek(100, 254, Preempt::After(secs(30))),
    ] {
        let mut bench = late(router, 5_000_000);
        bench.hear(99);
        bench.give(Input::Timeout);
        assert_eq!(bench.state(), StateKind::Master);
        let said = bench.words();
        assert!(said.iter().any(|w| w.starts_with("garp")), "{said:?}");
    }
}
