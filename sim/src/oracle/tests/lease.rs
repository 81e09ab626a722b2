//! T12: leases that end when their daemon does.

use core::time::Duration;

use locum_engine::config::Config;

use crate::fault::Fault;
use crate::oracle::testing::{A, Play, config, silent};
use crate::record::{DaemonChange, Remover};
use crate::topology::HostId;

fn leased(priority: u8) -> Config {
    let mut config = config(priority);
    config.instances[0].lease = Some(Duration::from_secs(5));
    config
}

/// `a` is killed at 10 s, and its address goes at `gone`.
fn killed(gone: u64) -> Play {
    let mut play = Play::pair(leased(100), leased(99)).with_master(9_700);
    play.fault(10_000, Fault::Kill(HostId(0)))
        .daemon(10_000, "a", DaemonChange::Killed)
        .takes_over(13_224, "b", silent(Some(A)))
        .adverts("b", 14_224, 20_000)
        .second_burst(18_224, "b")
        .removes(gone, "a", Remover::Lifetime);
    play
}

#[test]
fn a_dead_daemon_s_address_goes_in_time() {
    let report = killed(14_400).passes(20_100);
    let verdict = &report.finding("T12").unwrap().verdict;
    assert_eq!(verdict.metric.as_deref(), Some("longest 4.4 s"));
}

#[test]
fn a_dead_daemon_s_address_stays_too_long() {
    killed(15_010).fails(20_100, "T12", "a/VI_1: still has 1 addresses");
}

#[test]
fn a_healthy_daemon_forgets_to_refresh() {
    Play::pair(leased(100), leased(99))
        .with_master(9_700)
        .removes(8_700, "a", Remover::Lifetime)
        .adds(8_700, "a")
        .fails(
            9_900,
            "T12",
            "a/VI_1: 192.168.0.200 was not refreshed in time",
        );
}
