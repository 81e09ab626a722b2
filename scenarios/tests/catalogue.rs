//! Every scenario of the catalogue, carried out: both runners see the same to the byte, everything
//! comes as expected, and the trace is the one that was reviewed.

use locum_captures::pcap;
use locum_scenarios::{Performance, Scenario, catalogue};
use locum_sim::run::Runner;

/// One test for each scenario, named after it.
macro_rules! replay {
    ($($name:ident)+) => {
        $(#[test] fn $name() { replay(&stringify!($name).replace('_', "-")); })+
        const REPLAYED: &[&str] = &[$(stringify!($name)),+];
    };
}

replay! {
    founding_cable_pull founding_configuration split_brain_without_arbitration
    split_brain_with_arbitration node_alone gateway_blip gateway_lost web_service_fails
    tracked_file tracked_process
    gateway_dead_nobody gateway_dead_rank_order isolated_node_rank_order graceful_stop drain drain_one
    daemon_killed hang_shorter hang_between hang_longer hang_gives_in hang_replaced
    master_killed_lease master_hangs_lease backup_hangs vm_paused power_failure address_removed source_address_vanishes
    reload_unchanged reload_priority reload_addresses reload_swapped_numbers
    reload_instance_removed reload_routes reload_broken_file
    both_start_at_once startup_delay delay_after_boot equal_priorities address_owner nopreempt preempt_delay
    priority_flap_fast priority_flap_slow three_nodes_cascade subsecond_takeover
    two_missing_adverts two_checksums own_interval_as_master one_resignation address_lists_differ split_that_heals split_that_heals_last_advert one_way_loss
    dark_cable link_flaps switch_reboot random_loss duplicated_and_corrupted clock_drift unicast one_id_two_peers paced_announcements another_group
    gateway_pair gateway_pair_uplink gateway_pair_weights
    virtual_mac no_accept virtual_routes
    ipv6_failover ipv6_unicast dual_stack v2_over_ipv6
    wrong_password
    wrong_password_flood hmac_key_change replayed_adverts wrong_clock clock_jumps forged_from_afar any_day
}

#[test]
fn every_scenario_is_replayed() {
    let replayed: Vec<String> = REPLAYED.iter().map(|name| name.replace('_', "-")).collect();
    let catalogue: Vec<&str> = catalogue::ALL.iter().map(|entry| entry.name).collect();
    assert_eq!(replayed, catalogue);
}

fn replay(name: &str) {
    let scenario = scenario(name);
    let event = Performance::new(&scenario, 0, Runner::Event, true);
    let again = Performance::new(&scenario, 0, Runner::Event, true);
    let turmoil = Performance::new(&scenario, 0, Runner::Turmoil, true);
    same(&event, &again, "the same runner twice");
    same(&event, &turmoil, "the two runners");
    for (expectation, outcome) in scenario.expectations.iter().zip(&event.outcomes) {
        let (line, text, found) = (expectation.line, &expectation.text, &outcome.found);
        assert!(outcome.met, "{name}.toml:{line}: {text}\nfound: {found}");
    }
    assert_eq!(
        event.report, turmoil.report,
        "the oracles judge one run twice"
    );
    assert!(event.report.holds(), "{}", event.report);
    insta::assert_snapshot!(name, event.trace);
}

fn scenario(name: &str) -> Scenario {
    let entry = catalogue::find(name).expect("REPLAYED is what the catalogue holds");
    Scenario::read(name, entry.text, None).unwrap_or_else(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

/// Compares traces line by line, for the first difference to be shown, and captures by their bytes.
fn same(one: &Performance, other: &Performance, who: &str) {
    let lines = one.trace.lines().zip(other.trace.lines());
    for (number, (one, other)) in lines.enumerate() {
        assert_eq!(
            one,
            other,
            "{who} differ in line {} of the trace",
            number + 1
        );
    }
    assert_eq!(one.trace, other.trace, "{who}: one trace is longer");
    assert!(
        one.records == other.records,
        "{who} differ in their records"
    );
    assert_eq!(one.captures.len(), other.captures.len());
    for ((point, one), (_, other)) in one.captures.iter().zip(&other.captures) {
        let bytes = |frames: &[(locum_engine::Instant, locum_sim::capture::Bytes)]| {
            let mut file = Vec::new();
            let frames = frames.iter().map(|(at, bytes)| (*at, &**bytes));
            pcap::write(&mut file, frames).expect("a Vec takes every byte");
            file
        };
        let (one, other) = (bytes(one), bytes(other));
        assert!(
            !one.is_empty() && one == other,
            "{who} differ in what passed {point}"
        );
    }
}
