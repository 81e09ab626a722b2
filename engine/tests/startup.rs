//! `vrrp_startup_delay`: nothing is heard, said or held before it ends; then everything begins.

mod common;

use std::time::Duration;

use common::*;
use locum_engine::config::{Config, InstanceConfig};
use locum_engine::event::{Discard, StateKind};
use locum_engine::{Command, Input, Instant};

const DELAY: Duration = Duration::from_secs(30);

fn delayed(instance: InstanceConfig) -> Bench {
    let mut bench = Bench::new(Config {
        startup_delay: DELAY,
        ..config(instance)
    });
    bench.run_to(at_ms(500));
    bench.give(Input::Command(Command::Start));
    bench
}

/// When the delay is over.
const OVER: Instant = Instant::from_millis(30_500);

#[test]
fn timers_start_when_the_delay_ends() {
    let mut bench = delayed(instance(100));
    assert_eq!(
        bench.words(),
        [
            "remove 192.168.0.200",
            "takes part in 30 s, as vrrp_startup_delay says"
        ],
        "what a crash left behind goes at once"
    );
    assert_eq!(bench.engine.poll_timeout().map(|wake| wake.at), Some(OVER));
    bench.run_to(Instant::from_nanos(OVER.as_nanos() - 1));
    assert_eq!((bench.words(), bench.state()), (vec![], StateKind::Init));
    bench.run_to(OVER);
    assert_eq!(
        bench.words(),
        ["remove 192.168.0.200", "init -> backup: started"]
    );
    let down = OVER + Duration::from_nanos(3_609_375_000);
    assert_eq!(bench.engine.poll_timeout().map(|wake| wake.at), Some(down));
}

#[test]
fn the_owner_waits_too() {
    let mut bench = delayed(instance(255));
    bench.run_to(Instant::from_nanos(OVER.as_nanos() - 1));
    assert_eq!(bench.state(), StateKind::Init);
    bench.run_to(OVER);
    assert_eq!(bench.state(), StateKind::Master);
}

#[test]
fn what_is_heard_meanwhile_is_discarded() {
    let mut bench = delayed(instance(100));
    bench.run_to(at_ms(30_000));
    bench.hear(200);
    bench.hear(0);
    let stats = bench.engine.stats(VI);
    assert_eq!(stats.discarded[Discard::NotListening.index()], 2);
    bench.run_to(OVER);
    let down = OVER + Duration::from_nanos(3_609_375_000);
    assert_eq!(bench.engine.poll_timeout().map(|wake| wake.at), Some(down));
}

#[test]
fn links_and_operators_change_nothing_before_it_ends() {
    let mut bench = delayed(instance(100));
    bench.said.clear();
    bench.link(false);
    bench.give(Input::Command(Command::Drain {
        instance: None,
        within: DELAY,
    }));
    bench.give(Input::Command(Command::Resume { instance: None }));
    assert_eq!(
        bench.words(),
        ["priority 100 -> 1", "priority 1 -> 100"],
        "no state yet to leave"
    );
    bench.run_to(OVER);
    assert_eq!(
        bench.words(),
        ["remove 192.168.0.200", "init -> fault: link down"]
    );
}

#[test]
fn a_stop_ends_the_wait_and_another_start_begins_it_again() {
    let mut bench = delayed(instance(100));
    bench.run_to(at_ms(10_000));
    bench.give(Input::Command(Command::Stop));
    assert_eq!(bench.engine.poll_timeout(), None);
    bench.run_to(at_ms(40_000));
    assert_eq!(bench.state(), StateKind::Init);
    bench.give(Input::Command(Command::Start));
    let over = at_ms(40_000) + DELAY;
    assert_eq!(bench.engine.poll_timeout().map(|wake| wake.at), Some(over));
}

/// What has passed since the machine started counts, and the longer of the two waits.
#[test]
fn the_delay_after_boot_is_what_is_left_of_it() {
    for (startup, after_boot, uptime, left) in [
        (0, 60, 0, 60),
        (0, 60, 45, 15),
        (0, 60, 60, 0),
        (0, 60, 86_400, 0),
        (30, 60, 45, 30),
        (10, 60, 45, 15),
    ] {
        let config = Config {
            startup_delay: secs(startup),
            delay_after_boot: secs(after_boot),
            ..config(instance(100))
        };
        let mut bench = Bench::new(config.clone());
        bench.engine = locum_engine::Engine::new(config).with_uptime(secs(uptime));
        bench.link(true);
        bench.give(Input::Command(Command::Start));
        let said = bench.words();
        let expected = match (left, left == startup) {
            (0, _) => "init -> backup: started".to_owned(),
            (_, true) => format!("takes part in {left} s, as vrrp_startup_delay says"),
            (_, false) => format!("takes part in {left} s, as vrrp_delay_after_boot says"),
        };
        assert!(said.contains(&expected), "{said:?}, {expected}");
        bench.run_to(Instant::ZERO + secs(left));
        assert_eq!(bench.state(), StateKind::Backup);
    }
}
