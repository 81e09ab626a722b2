//! Links, checks, priorities, drain, addresses that others touch: everything around the election.

mod common;

use std::net::IpAddr;
use std::time::Duration;

use common::*;
use locum_engine::config::{
    CheckCommand, CheckConfig, Config, InstanceConfig, Track, VirtualAddress, Weight,
};
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::{CheckId, Priority};
use locum_engine::{Command, Input, Outcome};

const CHECK: CheckId = CheckId(0);

/// The founding arbitration: every second, three failures in a row, two successes to return.
fn arbitrated(priority: u8, weight: i16) -> Config {
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
    let track = Track {
        check: CHECK,
        weight: Weight {
            value: weight,
            reverse: false,
        },
    };
    let instance = InstanceConfig {
        tracks: vec![track],
        ..instance(priority)
    };
    Config {
        checks: vec![check],
        ..config(instance)
    }
}

/// Answers every run of the check the same way for so many seconds.
fn answer_for(bench: &mut Bench, seconds: u64, outcome: Outcome) {
    for _ in 0..seconds {
        bench.give(Input::CheckDone {
            check: CHECK,
            outcome,
        });
        bench.run_for(secs(1));
    }
}

fn started(config: Config) -> Bench {
    let mut bench = Bench::new(config);
    bench.give(Input::Command(Command::Start));
    bench.run_for(Duration::ZERO);
    bench
}

#[test]
fn nothing_is_sent_before_the_first_result_of_a_fault_check() {
    let mut bench = started(arbitrated(100, 0));
    assert_eq!(bench.state(), StateKind::Init);
    bench.give(Input::CheckDone {
        check: CHECK,
        outcome: Outcome::Success,
    });
    assert_eq!(bench.state(), StateKind::Backup);
    let mut failing = started(arbitrated(100, 0));
    failing.give(Input::CheckDone {
        check: CHECK,
        outcome: Outcome::Failure(1),
    });
    assert_eq!(failing.state(), StateKind::Fault);
}

#[test]
fn one_failure_proves_nothing_three_in_a_row_let_go_two_successes_return() {
    let mut bench = started(arbitrated(100, 0));
    answer_for(&mut bench, 5, Outcome::Success);
    assert_eq!(bench.state(), StateKind::Master);
    answer_for(&mut bench, 2, Outcome::Failure(1));
    answer_for(&mut bench, 1, Outcome::Success);
    answer_for(&mut bench, 2, Outcome::TimedOut);
    assert_eq!(bench.state(), StateKind::Master, "never three in a row");
    bench.said.clear();
    answer_for(&mut bench, 1, Outcome::Failure(1));
    assert_eq!(bench.state(), StateKind::Fault);
    let said = bench.words();
    assert_eq!(
        said[..4],
        [
            "check gateway: failed",
            "remove 192.168.0.200",
            "advert 0",
            "master -> fault: check gateway failed",
        ],
    );
    answer_for(&mut bench, 1, Outcome::Success);
    assert_eq!(bench.state(), StateKind::Fault);
    answer_for(&mut bench, 1, Outcome::Success);
    assert_eq!(bench.state(), StateKind::Backup, "and it returns by itself");
}

#[test]
fn a_run_that_never_ends_counts_as_a_failure_after_its_timeout() {
    let mut bench = started(arbitrated(100, 0));
    bench.give(Input::CheckDone {
        check: CHECK,
        outcome: Outcome::Success,
    });
    bench.said.clear();
    bench.run_for(secs(4));
    assert_eq!(
        bench.state(),
        StateKind::Fault,
        "three runs, each given up after one second"
    );
    let cancels = bench.words().iter().filter(|w| *w == "cancel 0").count();
    assert_eq!(cancels, 3);
}

#[test]
fn a_weighted_check_moves_the_priority_and_the_next_advert_carries_it() {
    let mut bench = started(arbitrated(100, -20));
    assert_eq!(
        bench.state(),
        StateKind::Backup,
        "a weighted check doesn't hold up the start"
    );
    answer_for(&mut bench, 5, Outcome::Success);
    assert_eq!(bench.engine.state(VI), (StateKind::Master, Priority(100)));
    answer_for(&mut bench, 3, Outcome::Failure(1));
    assert_eq!(bench.engine.state(VI), (StateKind::Master, Priority(80)));
    bench.said.clear();
    answer_for(&mut bench, 1, Outcome::Failure(1));
    assert_eq!(bench.adverts().last().map(|a| a.1), Some(80));
    answer_for(&mut bench, 2, Outcome::Success);
    assert_eq!(bench.engine.state(VI), (StateKind::Master, Priority(100)));
}

#[test]
fn link_loss_is_a_fault_without_a_word_and_its_return_a_full_wait() {
    let mut bench = Bench::master(instance(100));
    bench.link(false);
    assert_eq!(
        bench.words(),
        ["remove 192.168.0.200", "master -> fault: link down"]
    );
    bench.run_for(secs(60));
    bench.link(true);
    assert_eq!(
        bench.transitions(),
        [(StateKind::Backup, Reason::Recovered)]
    );
    let from = bench.now;
    bench.run_until_state(StateKind::Master);
    assert_eq!(
        bench.now.saturating_since(from),
        Duration::from_nanos(3_609_375_000)
    );
}

#[test]
fn drain_waits_for_a_peer_at_the_lowest_priority_and_resigns_at_its_deadline() {
    let mut bench = Bench::master(instance(100));
    let drain = Command::Drain {
        instance: None,
        within: secs(10),
    };
    bench.give(Input::Command(drain));
    bench.run_for(secs(1));
    assert_eq!(bench.adverts().last().map(|a| a.1), Some(1));
    assert_eq!(
        bench.state(),
        StateKind::Master,
        "it serves until somebody else does"
    );
    bench.run_for(secs(9));
    let said = bench.words();
    let resigned = said
        .iter()
        .position(|w| w == "advert 0")
        .expect("it resigns");
    assert_eq!(said[resigned - 1], "remove 192.168.0.200");
    assert_eq!(said[resigned + 1], "master -> backup: drained");
    bench.give(Input::Command(Command::Resume { instance: None }));
    assert_eq!(bench.engine.state(VI), (StateKind::Backup, Priority(100)));
}

#[test]
fn a_drained_node_lets_go_as_soon_as_a_peer_has_taken_over() {
    let mut bench = Bench::master(instance(100));
    bench.give(Input::Command(Command::Drain {
        instance: Some(VI),
        within: secs(10),
    }));
    bench.hear(99);
    assert_eq!(bench.state(), StateKind::Backup);
}

#[test]
fn an_address_that_someone_removes_is_put_back_at_once_but_not_as_a_habit() {
    let mut bench = Bench::master(instance(100));
    let removed = Input::AddressRemoved {
        interface: ETH0,
        address: IpAddr::V4(VIP),
    };
    bench.give(removed.clone());
    assert_eq!(bench.words()[0], "add 192.168.0.200");
    for _ in 0..50 {
        bench.run_for(Duration::from_millis(10));
        bench.give(removed.clone());
    }
    let adds = |bench: &mut Bench| {
        bench
            .words()
            .iter()
            .filter(|w| w.starts_with("add"))
            .count()
    };
    assert_eq!(adds(&mut bench), 0, "not again within the second");
    bench.run_for(secs(1));
    assert_eq!(adds(&mut bench), 1);
    assert_eq!(bench.state(), StateKind::Master);
}

#[test]
fn our_own_removals_are_not_put_back() {
    let mut bench = Bench::master(instance(100));
    bench.hear(200);
    bench.said.clear();
    bench.give(Input::AddressRemoved {
        interface: ETH0,
        address: IpAddr::V4(VIP),
    });
    assert_eq!(bench.words(), Vec::<String>::new());
}

#[test]
fn an_address_the_kernel_refuses_is_not_claimed() {
    let mut bench = Bench::master(instance(100));
    bench.give(Input::AddressRefused {
        instance: VI,
        address: IpAddr::V4(VIP),
    });
    assert_eq!(bench.state(), StateKind::Fault);
    bench.run_for(secs(10));
    assert_eq!(bench.state(), StateKind::Backup, "it tries again later");
}

#[test]
fn excluded_addresses_are_held_and_announced_but_not_advertised() {
    let extra = VirtualAddress {
        address: "192.168.0.201".parse().expect("an address"),
        ..virtual_address(VIP)
    };
    let mut bench = Bench::master(InstanceConfig {
        excluded: vec![extra],
        ..instance(100)
    });
    bench.hear(99);
    let said = bench.words();
    assert_eq!(
        said[1..3],
        [
            "contest: 192.168.0.12 acts as master with priority 99",
            "garp 192.168.0.200"
        ]
    );
    assert_eq!(said[3], "garp 192.168.0.201");
    assert_eq!(payload(US, bench.engine.config().instance(VI)).len(), 20);
}

#[test]
fn a_master_that_overslept_says_so_and_announces() {
    let mut bench = Bench::master(instance(100));
    bench.now = bench.now + secs(8);
    bench.give(Input::Timeout);
    let said = bench.words();
    assert!(said.contains(&"advert late by 7 s: may have been replaced meanwhile".to_owned()));
    assert!(said.contains(&"announces its addresses: was asleep".to_owned()));
}
