//! The group that adverts go to.

use core::net::IpAddr;

use super::{assert_says, instance_with, only_instance, said, usable};
use crate::conf::Severity::{Error, Warning};
use crate::conf::explain;

fn global(lines: &str, own: &str) -> String {
    format!("global_defs {{\n{lines}\n}}\n{}", instance_with(own))
}

fn group(text: &str) -> IpAddr {
    only_instance(text).group()
}

#[test]
fn the_own_group_goes_before_the_global_one() {
    let is = |text: &str, expected: &str| {
        assert_eq!(said(text), [""; 0]);
        assert_eq!(group(text).to_string(), expected);
    };
    is(&instance_with(""), "224.0.0.18");
    let line = "vrrp_mcast_group4 224.0.0.77\nvrrp_mcast_group6 ff12::77";
    is(&global(line, ""), "224.0.0.77");
    is(&global(line, "mcast_dst_ip 239.1.2.3"), "239.1.2.3");
    let text = explain(&usable(&global(line, "")));
    assert!(
        text.contains("Its adverts go to the group 224.0.0.77."),
        "{text}"
    );
    assert!(!explain(&usable(&instance_with(""))).contains("the group 224"));
}

#[test]
fn what_is_no_group_is_left_out() {
    for (line, part) in [
        (
            "vrrp_mcast_group4 192.0.2.1",
            "needs an IPv4 multicast address",
        ),
        (
            "vrrp_mcast_group4 ff02::77",
            "needs an IPv4 multicast address",
        ),
        (
            "vrrp_mcast_group6 224.0.0.77",
            "needs an IPv6 multicast address",
        ),
        ("vrrp_mcast_group6 ff05::77", "leaves the link"),
    ] {
        let text = global(line, "");
        let said = said(&text);
        assert!(said.len() == 1 && said[0].contains(part), "{said:?}");
        assert_eq!(group(&text).to_string(), "224.0.0.18");
    }
    assert_says(
        "mcast_dst_ip 192.0.2.1",
        Warning,
        "needs a multicast address",
    );
    assert_says("mcast_dst_ip", Error, "needs a value");
    assert_says("mcast_dst_ip ff02::77", Warning, "of another family");
    let peers = "unicast_peer {\n192.0.2.9\n}\nmcast_dst_ip 224.0.0.77";
    assert_says(peers, Warning, "adverts go to peers");
}
