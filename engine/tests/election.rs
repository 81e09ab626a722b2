//! Start, takeover, handover, ties: RFC 9568 6.4 and RFC 3768 6.4, as keepalived runs them.

mod common;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use common::*;
use locum_engine::config::{InstanceConfig, Version};
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::Priority;
use locum_engine::{Command, Input, Instant};

/// Master_Down_Interval at priority 100, 1 s, v2: 3 s + 156/256 s.
const DOWN_100: Instant = Instant::from_nanos(3_609_375_000);

#[test]
fn a_node_alone_takes_the_address_after_exactly_the_master_down_interval() {
    let mut bench = Bench::started(instance(100));
    bench.run_to(Instant::from_nanos(DOWN_100.as_nanos() - 1));
    assert_eq!(
        bench.words(),
        ["remove 192.168.0.200", "init -> backup: started"]
    );
    bench.run_to(DOWN_100);
    assert_eq!(
        bench.words(),
        [
            "advert 100",
            "add 192.168.0.200",
            "garp 192.168.0.200",
            "garp 192.168.0.200",
            "garp 192.168.0.200",
            "garp 192.168.0.200",
            "garp 192.168.0.200",
            "announces its addresses: became master",
            "backup -> master: no master heard for 3.609 s",
        ],
    );
}

#[test]
fn a_master_advertises_every_interval_from_the_last_send() {
    let mut bench = Bench::master(instance(100));
    bench.run_for(secs(3));
    let times: Vec<_> = bench
        .adverts()
        .iter()
        .map(|(at, _)| at.saturating_since(DOWN_100))
        .collect();
    assert_eq!(times, [secs(1), secs(2), secs(3)]);
}

#[test]
fn an_advert_rearms_the_timer_and_silence_is_counted_from_it() {
    let mut bench = Bench::started(instance(99));
    bench.run_to(at_ms(2000));
    bench.hear(100);
    let expected = at_ms(2000) + secs(3) + Duration::from_nanos(157 * 1_000_000_000 / 256);
    assert_eq!(bench.engine.poll_timeout().map(|w| w.at), Some(expected));
    bench.run_until_state(StateKind::Master);
    let silence = Duration::from_nanos(3_613_281_250);
    let master = Some(IpAddr::V4(PEER));
    assert!(
        bench
            .transitions()
            .contains(&(StateKind::Master, Reason::MasterSilent { master, silence }))
    );
}

#[test]
fn priority_zero_shortens_the_wait_to_the_skew_time() {
    let mut bench = Bench::started(instance(99));
    bench.hear(100);
    bench.run_to(at_ms(500));
    bench.hear(0);
    bench.run_until_state(StateKind::Master);
    assert_eq!(
        bench.now,
        at_ms(500) + Duration::from_nanos(157 * 1_000_000_000 / 256)
    );
    let resigned = Reason::MasterResigned {
        master: IpAddr::V4(PEER),
    };
    assert_eq!(
        bench.transitions().last(),
        Some(&(StateKind::Master, resigned))
    );
}

#[test]
fn a_resignation_never_delays_a_takeover() {
    let mut bench = Bench::started(instance(100));
    bench.run_to(at_ms(3500));
    bench.hear(0);
    assert_eq!(bench.engine.poll_timeout().map(|w| w.at), Some(DOWN_100));
    bench.run_until_state(StateKind::Master);
    let (_, why) = *bench.transitions().last().expect("it took over");
    assert!(
        matches!(why, Reason::MasterSilent { .. }),
        "its own timer ran out: {why:?}"
    );
}

#[test]
fn the_owner_takes_its_addresses_at_once() {
    let bench = Bench::started(instance(255));
    assert_eq!(
        (bench.state(), bench.now),
        (StateKind::Master, Instant::ZERO)
    );
}

#[test]
fn a_master_of_lower_priority_is_preempted_although_it_is_heard() {
    let mut bench = Bench::started(instance(100));
    for second in 0..4 {
        bench.run_to(at_ms(second * 1000));
        bench.hear(99);
    }
    bench.run_to(DOWN_100);
    let why = Reason::Preempted {
        master: IpAddr::V4(PEER),
        priority: Priority(99),
    };
    assert_eq!(bench.transitions().last(), Some(&(StateKind::Master, why)));
}

#[test]
fn a_master_yields_to_a_higher_priority_audibly() {
    let mut bench = Bench::master(instance(99));
    bench.hear(100);
    assert_eq!(
        bench.words(),
        [
            "remove 192.168.0.200",
            "advert 0",
            "master -> backup: 192.168.0.12 has priority 100"
        ],
    );
}

#[test]
fn quiet_yield_is_keepalived_s_way() {
    let mut bench = Bench::master(InstanceConfig {
        audible_yield: false,
        ..instance(99)
    });
    bench.hear(100);
    assert_eq!(bench.adverts(), []);
    assert_eq!(bench.state(), StateKind::Backup);
}

#[test]
fn ties_are_broken_by_the_higher_address() {
    let mut bench = Bench::master(instance(100));
    bench.hear_from(Ipv4Addr::new(192, 168, 0, 9), &instance(100));
    assert_eq!(bench.state(), StateKind::Master);
    bench.hear_from(Ipv4Addr::new(192, 168, 0, 100), &instance(100));
    assert_eq!(
        bench.state(),
        StateKind::Backup,
        "compared as numbers, not as text"
    );
}

#[test]
fn a_lower_advert_is_answered_at_once_with_an_advert_and_announcements() {
    let mut bench = Bench::master(instance(100));
    bench.run_for(Duration::from_millis(400));
    bench.said.clear();
    bench.hear(99);
    let said = bench.words();
    assert_eq!(said[0], "advert 100");
    assert_eq!(said.iter().filter(|w| w.starts_with("garp")).count(), 5);
    assert_eq!(
        bench.engine.poll_timeout().map(|w| w.at),
        Some(bench.now + secs(1))
    );
}

#[test]
fn a_resignation_is_answered_by_the_master_that_stays() {
    let mut bench = Bench::master(instance(100));
    bench.hear(0);
    let said = bench.words();
    assert_eq!(said[0], "advert 100");
    assert!(said.contains(&"announces its addresses: another master was heard".to_owned()));
}

#[test]
fn lower_prio_no_advert_silences_the_answer() {
    let quiet = InstanceConfig {
        lower_prio_no_advert: true,
        ..instance(100)
    };
    let mut bench = Bench::master(quiet);
    bench.hear(99);
    let said = bench.words();
    assert!(said.contains(&"announces its addresses: another master was heard".to_owned()));
    assert!(
        !said.iter().any(|word| word.starts_with("advert")),
        "{said:?}"
    );
}

#[test]
fn stop_lets_go_before_it_resigns() {
    let mut bench = Bench::master(instance(100));
    bench.give(Input::Command(Command::Stop));
    assert_eq!(
        bench.words(),
        [
            "remove 192.168.0.200",
            "advert 0",
            "master -> init: stopping",
            "stopped"
        ],
    );
    assert_eq!(bench.engine.poll_timeout(), None);
}

#[test]
fn v3_learns_the_interval_of_the_master_and_forgets_it_as_master() {
    let v3 = |priority, centi| InstanceConfig {
        version: Version::V3,
        advert_interval: centis(centi),
        auth: locum_engine::config::Auth::None,
        ..instance(priority)
    };
    let mut bench = Bench::started(v3(100, 100));
    bench.hear_from(PEER, &v3(200, 20));
    let down = Duration::from_nanos(600_000_000 + 156 * 200_000_000 / 256);
    assert_eq!(
        bench.engine.poll_timeout().map(|w| w.at),
        Some(Instant::ZERO + down)
    );
    bench.run_until_state(StateKind::Master);
    bench.said.clear();
    bench.run_for(secs(2));
    assert_eq!(
        bench.adverts().len(),
        2,
        "our own interval of one second again"
    );
}

#[test]
fn another_interval_is_said_once_and_followed() {
    let v3 = |priority, centi| InstanceConfig {
        version: Version::V3,
        advert_interval: centis(centi),
        auth: locum_engine::config::Auth::None,
        ..instance(priority)
    };
    let mut bench = Bench::started(v3(100, 100));
    bench.said.clear();
    for _ in 0..3 {
        bench.hear_from(PEER, &v3(200, 20));
        bench.run_for(Duration::from_millis(200));
    }
    assert_eq!(
        bench.words(),
        ["192.168.0.12 advertises every 0.2 s, which is not our interval"],
    );
    bench.run_for(secs(1));
    bench.hear_from(PEER, &v3(200, 100));
    assert!(
        !bench.words().iter().any(|w| w.contains("interval")),
        "ours is not worth a word"
    );
}

#[test]
fn adverts_sent_in_fault_and_init_are_not_listened_to() {
    let mut bench = Bench::new(config(instance(100)));
    bench.hear(200);
    bench.give(Input::Command(Command::Start));
    bench.link(false);
    bench.hear(200);
    assert_eq!(bench.state(), StateKind::Fault);
    assert_eq!(bench.engine.poll_timeout(), None);
}
