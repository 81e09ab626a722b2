//! The distance between announcements: globally, in groups, in instances; and `garp_extra_if`.

use core::time::Duration;

use super::{assert_says, instance_with, only_instance, said, usable};
use crate::conf::Severity::{Error, Note, Warning};
use crate::conf::explain;

/// The paces of a text: both gaps in milliseconds, and the interfaces.
fn paces(text: &str) -> Vec<(u128, u128, Vec<String>)> {
    let config = usable(text);
    let name = |id| config.interface_name(id).to_owned();
    let paces = config.pacing.iter().map(|pace| {
        let names = pace.interfaces.iter().map(|&id| name(id)).collect();
        (pace.garp.as_millis(), pace.gna.as_millis(), names)
    });
    paces.collect()
}

fn global(lines: &str) -> String {
    let held = "virtual_ipaddress_excluded {\n192.0.2.2/24 dev eth1\n}";
    format!("global_defs {{\n{lines}\n}}\n{}", instance_with(held))
}

#[test]
fn the_global_distance_is_each_interfaces_own() {
    assert_eq!(paces(&global("")), []);
    let text = global("vrrp_garp_interval 0.25\nvrrp_gna_interval .5");
    let [eth0, eth1] = ["eth0", "eth1"].map(|name| (250, 500, vec![name.to_owned()]));
    assert_eq!(paces(&text), [eth0, eth1]);
    assert_eq!(said(&text), [""; 0]);
    let zero = global("vrrp_garp_interval 0\nvrrp_gna_interval 0");
    assert_eq!((paces(&zero), said(&zero)), (vec![], vec![]));
}

#[test]
fn a_group_shares_one_distance() {
    let group = "garp_group {\ngarp_interval 0.1\ninterfaces {\neth1\neth0\n}\n}\n";
    let text = format!("{group}{}", global("vrrp_garp_interval 0.25"));
    let both = vec!["eth1".to_owned(), "eth0".to_owned()];
    assert_eq!(paces(&text), [(100, 0, both)]);
    assert_eq!(said(&text), [""; 0]);
    let text = text.replace("eth1\neth0", "eth1");
    let expected = [(100, "eth1"), (250, "eth0")];
    let expected = expected.map(|(gap, name)| (gap, 0, vec![name.to_owned()]));
    assert_eq!(paces(&text), expected);
}

#[test]
fn a_group_that_changes_nothing_says_so() {
    let says = |group: &str, part: &str| {
        let said = said(&format!("garp_group {{\n{group}\n}}\n{}", global("")));
        assert!(said.len() == 1 && said[0].contains(part), "{said:?}");
    };
    says("garp_interval 0.1", "has no interfaces");
    says("interface eth0", "sets no interval");
    says(
        "garp_interval 0.1\ninterface eth9",
        "no instance uses `eth9`",
    );
    says(
        "garp_interval 0.1\ninterface eth0\nspeed 3",
        "unknown keyword `speed`",
    );
    let twice = "garp_group {\ninterface eth0\ngarp_interval 0.1\n}\n".repeat(2);
    let text = format!("{twice}{}", global(""));
    assert_eq!(paces(&text), [(100, 0, vec!["eth0".to_owned()])]);
    assert_eq!(
        said(&text),
        ["warning 6:11 `eth0` is in a `garp_group` already: this one leaves it out"]
    );
}

#[test]
fn an_instance_may_ask_for_a_distance_too() {
    let text = instance_with("garp_interval 0.02\ngna_interval 0");
    assert_eq!(paces(&text), [(20, 0, vec!["eth0".to_owned()])]);
    assert_says("garp_interval 0.02", Note, "the whole interface");
    let said = said(&instance_with("garp_interval"));
    assert!(said.iter().any(|d| d.contains("needs a value")), "{said:?}");
    let second = instance_with("garp_interval 0.5").replace("VI_1", "VI_2");
    let second = second.replace("router_id 51", "router_id 52");
    let both = format!("{text}{}", second.replace("192.0.2.1", "192.0.2.9"));
    assert_eq!(paces(&both), [(500, 0, vec!["eth0".to_owned()])]);
}

#[test]
fn a_distance_is_a_number_of_seconds() {
    for (line, part) in [
        ("vrrp_garp_interval -1", "from 0 to 3600"),
        ("vrrp_gna_interval fast", "from 0 to 3600"),
        ("vrrp_garp_interval 5", "this is long"),
    ] {
        let said = said(&global(line));
        assert!(said.len() == 1 && said[0].contains(part), "{said:?}");
    }
}

#[test]
fn extra_announcements_are_for_addresses_elsewhere() {
    let extra = |line: &str| only_instance(&global(line)).garp.elsewhere;
    assert_eq!(
        extra("vrrp_garp_extra_if all 100"),
        Duration::from_secs(100)
    );
    assert_eq!(extra("vrrp_vmac_garp_intvl all 7"), Duration::from_secs(7));
    assert_eq!(extra("vrrp_garp_extra_if 100"), Duration::ZERO);
    let told = said(&global("vrrp_garp_extra_if 100"));
    assert!(
        told.len() == 1 && told[0].contains("virtual MAC only"),
        "{told:?}"
    );
    assert_says("garp_extra_if all 86401", Warning, "from 0 to 86400");
    assert_says("garp_extra_if all", Error, "needs a value");
    let own = only_instance(&instance_with("garp_extra_if all 100"));
    assert_eq!(own.garp.elsewhere, Duration::ZERO, "nothing is elsewhere");
    let off = instance_with("garp_extra_if 0");
    assert_eq!(said(&off), [""; 0]);
}

#[test]
fn the_explanation_does_the_sum() {
    let text = explain(&usable(&global(
        "vrrp_garp_interval 0.1\nvrrp_garp_extra_if all 60",
    )));
    // One address on each interface, five times: four gaps.
    for part in [
        "Its gratuitous ARPs out of eth0 are 0.1 s apart, so that its burst takes 0.4 s or more; its \
         gratuitous ARPs out of eth1 are 0.1 s apart",
        "those on other interfaces also each 60 s.",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let without = explain(&usable(&global("")));
    assert!(!without.contains("apart"), "{without}");
}
