//! A split that heals, in a network of learning switches and ARP caches: how long the client is
//! left talking to the node that has let go.

mod common;

use std::time::Duration;

use common::*;
use locum_engine::config::InstanceConfig;
use locum_sim::fault::Fault;
use locum_sim::record::Observed;
use locum_sim::run::{Options, Runner};

/// The client's longest outage after the heal, which comes at 14 s.
fn outage(audible_yield: bool, b_delay_ms: u64) -> Duration {
    let with = |priority| {
        config(InstanceConfig {
            audible_yield,
            ..instance(priority)
        })
    };
    let mut topology = founding(with(100), with(99), Duration::from_millis(10));
    // When B starts decides whose advert comes first after the heal.
    if let locum_sim::topology::Role::Router(b) = &mut topology.hosts[B.index()].role {
        b.starts_at = Some(Duration::from_millis(1500 + b_delay_ms));
    }
    let faults = vec![
        (7_000 + b_delay_ms, Fault::Partition(vec![A], vec![B])),
        (14_000 + b_delay_ms, Fault::Heal),
    ];
    let setup = setup(topology, 40, faults);
    let run = Runner::Event.run(&setup, &Options::default());
    let outages = run.records.iter().filter_map(|record| match record.what {
        Observed::Outage { lasted, .. } if record.at.as_nanos() > 14_000_000_000 => Some(lasted),
        _ => None,
    });
    outages.max().unwrap_or_default()
}

#[test]
fn the_client_is_served_again_in_under_100_ms() {
    for phase in (0..1000).step_by(100) {
        let ours = outage(true, phase);
        assert!(
            ours < Duration::from_millis(100),
            "heal at phase {phase} ms: {ours:?}"
        );
    }
}

/// keepalived's way, shown and measured: with `quiet_yield` nobody announces when the winner's
/// advert is the first to come through, and the client waits for its ARP entry to go stale.
#[test]
fn without_the_audible_yield_it_takes_seconds() {
    let worst = (0..1000)
        .step_by(100)
        .map(|phase| outage(false, phase))
        .max();
    let worst = worst.expect("ten phases");
    assert!(worst > Duration::from_secs(3), "{worst:?}");
}
