//! `virtual_routes`, `virtual_rules` and their static kin, in the words of `ip route` and `ip rule`.

use super::{assert_says, conf, instance_with, only_instance, printed, said, usable};
use crate::conf::Severity::{Error, Warning};
use crate::config::{
    Encap, Network, NextHop, Object, Placement, Route, RouteExtras, RouteKind, RouteMetric, Rule,
    RuleAction, StaticItem,
};
use crate::ids::{InstanceId, InterfaceId};

/// The routes and rules of an instance, in words.
fn shown(lines: &str) -> Vec<String> {
    let config = usable(&instance_with(lines));
    let objects = config.instances[0].objects.iter();
    objects.map(|o| o.display(&config).to_string()).collect()
}

fn route(line: &str) -> Route {
    let lines = format!("virtual_routes {{\n{line}\n}}");
    assert_eq!(said(&instance_with(&lines)), [""; 0], "{line}");
    match &only_instance(&instance_with(&lines)).objects[..] {
        [Object::Route(route)] => (**route).clone(),
        other => panic!("{line}: {other:?}"),
    }
}

fn rule(line: &str) -> Rule {
    let lines = format!("virtual_rules {{\n{line}\n}}");
    assert_eq!(said(&instance_with(&lines)), [""; 0], "{line}");
    match &only_instance(&instance_with(&lines)).objects[..] {
        [Object::Rule(rule)] => (**rule).clone(),
        other => panic!("{line}: {other:?}"),
    }
}

/// The one remark about a route or rule that is left out.
#[track_caller]
fn rejected(block: &str, line: &str, part: &str) {
    let lines = format!("{block} {{\n{line}\n}}");
    assert_says(&lines, Warning, part);
    assert_says(&lines, Warning, "left out");
    assert!(only_instance(&instance_with(&lines)).objects.is_empty());
}

#[test]
fn the_examples_of_the_manual() {
    let lines = "virtual_routes {
src 192.168.100.1 to 192.168.109.0/24 via 192.168.200.254 dev eth1
192.168.110.0/24 via 192.168.200.254 dev eth1
192.168.111.0/24 dev eth2 no_track
192.168.112.0/24 via 192.168.100.254
192.168.113.0/24 via 192.168.200.254 or 192.168.100.254 dev eth1
blackhole 192.168.114.0/24
0.0.0.0/0 gw 192.168.0.1 table 100
}
virtual_rules {
from 192.168.2.0/24 table 1 priority 10
to 192.168.2.0/24 table 1 priority 11 no_track
}";
    assert_eq!(said(&instance_with(lines)), [""; 0]);
    let expected = [
        "route 192.168.109.0/24 via 192.168.200.254 dev eth1",
        "route 192.168.110.0/24 via 192.168.200.254 dev eth1",
        "route 192.168.111.0/24 dev eth2",
        "route 192.168.112.0/24 via 192.168.100.254",
        "route 192.168.113.0/24 via 192.168.200.254 dev eth1 via 192.168.100.254 dev eth1",
        "blackhole route 192.168.114.0/24",
        "route default via 192.168.0.1 table 100",
        "rule 10: from 192.168.2.0/24 lookup 1",
        "rule 11: from all to 192.168.2.0/24 lookup 1",
    ];
    assert_eq!(shown(lines), expected);
    let objects = only_instance(&instance_with(lines)).objects;
    let tracked: Vec<_> = objects.iter().map(Object::is_tracked).collect();
    assert_eq!(tracked.iter().filter(|t| !**t).count(), 2);
    assert!(!tracked[2] && !tracked[8]);
}

#[test]
fn a_route_with_everything() {
    let read = route(
        "10.0.0.9/8 via 192.0.2.9 dev eth1 onlink table 0x1f4 tos 0x04 protocol bird scope link \
         priority 12 src 192.0.2.1 mtu lock 1000 rtt 102 advmss 101 features ecn",
    );
    let metric = |kind, value, locked| RouteMetric {
        kind,
        value,
        locked,
    };
    let expected = Route {
        kind: RouteKind::Unicast,
        destination: Network {
            address: [10, 0, 0, 0].into(),
            prefix: 8,
        },
        hops: vec![NextHop {
            gateway: Some([192, 0, 2, 9].into()),
            interface: Some(InterfaceId(1)),
            weight: 1,
            on_link: true,
        }],
        source: Some([192, 0, 2, 1].into()),
        table: 500,
        scope: Some(253),
        metric: Some(12),
        tos: 4,
        protocol: 12,
        metrics: vec![
            metric(2, 1000, true),
            metric(4, 816, false),
            metric(8, 101, false),
            metric(12, 1, false),
        ],
        extras: RouteExtras::default(),
        tracked: true,
    };
    assert_eq!(read, expected);
}

#[test]
fn the_rarer_words_of_a_route_are_kept() {
    let v4 = route("10.0.0.0/8 via 192.0.2.9 realms 5/10 congctl lock bbr");
    let expected = RouteExtras {
        realms: Some((5, 10)),
        congestion: Some(("bbr".into(), true)),
        ..RouteExtras::default()
    };
    assert_eq!(v4.extras, expected);
    let to = route("10.0.0.0/8 via 192.0.2.9 realms 7").extras.realms;
    assert_eq!(to, Some((0, 7)));
    for (word, number) in [("low", 3), ("medium", 0), ("high", 1)] {
        let v6 = route(&format!("2001:db8:1::/48 via fe80::9 pref {word}"));
        assert_eq!(v6.extras.preference, Some(number), "{word}");
    }
    for (line, part) in [
        ("10.0.0.0/8 via 192.0.2.9 pref low", "only IPv6 routes"),
        ("2001:db8:1::/48 via fe80::9 realms 5", "only IPv4 routes"),
        (
            "10.0.0.0/8 via 192.0.2.9 realms cosmos",
            "a realm is a number",
        ),
        (
            "2001:db8:1::/48 via fe80::9 pref best",
            "`pref` has no value `best`",
        ),
    ] {
        let lines = format!("virtual_routes {{\n{line}\n}}");
        assert_says(&lines, Warning, part);
    }
}

#[test]
fn a_route_may_be_for_some_packets_or_for_some_time() {
    let read = route("default from 2001:db8:6::9/48 via fe80::9 dev eth0 expires 300");
    assert!(read.destination.address.is_ipv6());
    let from = Network {
        address: "2001:db8:6::".parse().expect("an address"),
        prefix: 48,
    };
    assert_eq!(
        (read.extras.from, read.extras.expires),
        (Some(from), Some(300))
    );
    assert!(!read.tracked, "nobody puts it back when its time is over");
    for (word, placement) in [
        ("add", Placement::Add),
        ("append", Placement::Append),
        ("prepend", Placement::Prepend),
        ("", Placement::Prepend),
    ] {
        let read = route(&format!("10.0.0.0/8 via 192.0.2.9 {word}"));
        assert_eq!(read.extras.placement, placement, "{word}");
    }
}

#[test]
fn packets_may_be_put_into_others() {
    let read =
        route("10.0.0.0/8 encap ip id 0x10 dst 192.0.2.9 src 192.0.2.1 tos 4 ttl 9 dev ipip0");
    let expected = Encap {
        destination: [192, 0, 2, 9].into(),
        source: Some([192, 0, 2, 1].into()),
        id: 16,
        hops: 9,
        class: 4,
        flags: 0,
    };
    assert_eq!(read.extras.encap, Some(expected));
    assert_eq!((read.source, read.hops.len()), (None, 1));
    // What follows the tunnel's words is the route's again.
    let read = route("10.0.0.0/8 encap ip6 dst 2001:db8::9 hoplimit 5 via 192.0.2.9 hoplimit 7");
    let encap = read.extras.encap.expect("it has one");
    assert_eq!((encap.hops, encap.destination.is_ipv6()), (5, true));
    assert_eq!((read.metrics.len(), read.metrics[0].value), (1, 7));
    for (line, part) in [
        (
            "10.0.0.0/8 encap mpls 100 via 192.0.2.9",
            "`encap mpls` is not supported",
        ),
        (
            "10.0.0.0/8 encap gre dst 192.0.2.9 dev x",
            "no encapsulation",
        ),
        ("10.0.0.0/8 encap ip id 5 dev x", "needs `dst ADDRESS`"),
        (
            "10.0.0.0/8 encap ip dst 2001:db8::9 dev x",
            "of the other family",
        ),
        (
            "10.0.0.0/8 encap ip dst 192.0.2.9 tos 256 dev x",
            "from 0 to 255",
        ),
        (
            "10.0.0.0/8 encap ip dst 192.0.2.9 nexthop dev x nexthop dev y",
            "one next hop",
        ),
        (
            "10.0.0.0/8 from 10.0.0.0/8 dev x",
            "only IPv6 routes have a `from`",
        ),
        ("2001:db8::/32 from 10.0.0.0/8 dev x", "another family"),
        ("10.0.0.0/8 dev x expires 5", "only IPv6 routes have a time"),
    ] {
        rejected("virtual_routes", line, part);
    }
}

#[test]
fn words_for_labels_cost_nothing() {
    for words in ["as to 100", "as 100", "ttl-propagate disabled"] {
        let lines = format!("virtual_routes {{\n10.0.0.0/8 {words} via 192.0.2.9\n}}");
        assert_says(&lines, Warning, "it has no effect");
        assert_eq!(shown(&lines), ["route 10.0.0.0/8 via 192.0.2.9"], "{words}");
    }
}

#[test]
fn several_next_hops_have_weights() {
    let read = route(
        "192.168.100.0/24 table 6909 nexthop via 192.168.101.1 dev wlan0 onlink weight 1 \
         nexthop via 192.168.101.2 dev wlan0 weight 2",
    );
    let weights: Vec<_> = read
        .hops
        .iter()
        .map(|hop| (hop.weight, hop.on_link))
        .collect();
    assert_eq!(weights, [(1, true), (2, false)]);
}

#[test]
fn default_is_of_the_gateways_family() {
    let read = route("default via fe80::1 dev eth0");
    assert!(read.destination.address.is_ipv6());
    assert_eq!(read.destination.prefix, 0);
    assert!(route("default via 192.0.2.9").destination.address.is_ipv4());
}

#[test]
fn a_rule_with_everything() {
    let read = rule(
        "from 192.168.28.0/24 to 192.168.29.0/26 table 17 iif p33p1 oif wlan0 tos 22 \
         fwmark 24/12 preference 39 uidrange 10000-19999 ip_proto UDP sport 10-20 dport 53",
    );
    assert_eq!(read.action, RuleAction::Table(17));
    assert_eq!(
        (read.priority, read.tos, read.mark),
        (39, 22, Some((24, 12)))
    );
    assert_eq!(read.input.as_deref(), Some("p33p1"));
    assert_eq!(read.output.as_deref(), Some("wlan0"));
    assert_eq!(read.users, Some((10000, 19999)));
    assert_eq!(read.ip_protocol, Some(17));
    assert_eq!(read.source_ports, Some((10, 20)));
    assert_eq!(read.destination_ports, Some((53, 53)));
    assert!(!read.ipv6);
    let read = rule("from 10.0.0.0/8 realms 5/0x17 tunnel-id 7 table 5 priority 6");
    assert_eq!((read.realms, read.tunnel), (Some((5, 23)), Some(7)));
    assert_eq!(rule("realms 5 table 5 priority 6").realms, Some((0, 5)));
    assert!(rule("to 1:2::/112 lookup main priority 5").ipv6);
    assert_eq!(rule("l3mdev priority 1000").action, RuleAction::Table(0));
    assert_eq!(
        rule("from all goto 40 priority 39").action,
        RuleAction::Goto(40)
    );
}

#[test]
fn a_rule_without_a_priority_gets_keepaliveds() {
    let lines = "virtual_rules {\nfrom 10.1.0.0/16 table 100\nto 10.2.0.0/16 lookup 100\n}";
    let expected = [
        "rule 16384: from 10.1.0.0/16 lookup 100",
        "rule 16383: from all to 10.2.0.0/16 lookup 100",
    ];
    assert_eq!(shown(lines), expected);
    assert_eq!(
        said(&instance_with(lines))[0],
        "warning 7:1 a rule without a priority gets 16384"
    );
}

#[test]
fn what_is_not_understood_costs_the_line() {
    let routes = [
        (
            "10.0.0.0/8 via 192.0.2.9 vrf blue",
            "`vrf` is not supported",
        ),
        (
            "10.0.0.0/8 via 192.0.2.9 ttl-propagate maybe",
            "no value `maybe`",
        ),
        (
            "10.0.0.0/8 via 192.0.2.9 bogus 5",
            "`bogus` is not understood",
        ),
        (
            "10.0.0.0/33 via 192.0.2.9",
            "`10.0.0.0/33` is not a network",
        ),
        ("10.0.0.0/8 via 192.0.2", "`192.0.2` is not an address"),
        ("10.0.0.0/8", "no way out"),
        ("via 192.0.2.9", "leads nowhere"),
        ("blackhole 10.0.0.0/8 dev eth0", "has no way out"),
        ("2001:db8::/32 via 192.0.2.9", "another family"),
        ("10.0.0.0/8 dev eth0 table small", "no value `small`"),
        ("10.0.0.0/8 dev eth0 metric -1", "whole number"),
        ("10.0.0.0/8 dev eth0 features sack", "`features` needs one"),
    ];
    for (line, part) in routes {
        rejected("virtual_routes", line, part);
    }
    let rules = [
        ("from 10.0.0.0/8", "does nothing"),
        ("from 10.0.0.0/8 table small", "no value `small`"),
        ("bogus table 5", "`bogus` is not understood"),
        (
            "from 10.0.0.0/8 to 2001:db8::/32 table 5 priority 3",
            "different families",
        ),
        ("fwmark x table 5", "`fwmark` is a number"),
        (
            "tunnel-id 5000000000 table 5",
            "`tunnel-id` is a whole number",
        ),
        (
            "from 10.0.0.0/8 realms cosmos table 5",
            "a realm is a number",
        ),
        (
            "from 2001:db8::/32 realms 5 table 5",
            "only IPv4 rules have realms",
        ),
        (
            "from 10.0.0.0/8 nat 192.0.2.1 table 5",
            "`nat` is not supported",
        ),
        ("from all goto 40 priority 40", "a later rule"),
    ];
    for (line, part) in rules {
        rejected("virtual_rules", line, part);
    }
    assert_says(
        "virtual_routes {\n10.0.0.0/8 via\n}",
        Error,
        "`via` needs a value",
    );
}

#[test]
fn a_forgotten_brace_is_found_behind_a_route() {
    let text = "vrrp_instance a {\ninterface eth0\nvirtual_router_id 51\nvirtual_routes {\n\
                10.0.0.0/8 dev eth0\nvirtual_ipaddress {\n192.0.2.1/24 }\n}\n";
    assert!(
        printed(text).contains("virtual_routes"),
        "{}",
        printed(text)
    );
    let config = conf(text).config.expect("it can be used");
    assert_eq!(config.instances[0].objects.len(), 1);
    assert_eq!(config.instances[0].addresses.len(), 1);
}

#[test]
fn static_things_and_who_depends_on_them() {
    let text = format!(
        "track_group G {{\ngroup {{\nVI_1\nnobody\n}}\n}}
static_ipaddress {{\n192.0.2.200/24 dev eth3 track_group G\n192.0.2.201/24\n}}
static_routes {{\n10.1.0.0/16 via 192.0.2.9\n10.2.0.0/16 dev eth4 track_group G\n}}
static_rules {{\nfrom 10.1.0.0/16 table 5 priority 7 track_group H\n}}\n{}",
        instance_with("")
    );
    let config = usable(&text);
    let statics = &config.statics;
    let names = statics.addresses.iter();
    let names: Vec<_> = names.map(|a| config.interface_name(a.interface)).collect();
    assert_eq!(names, ["eth3", "eth0"]);
    assert_eq!(statics.objects.len(), 3);
    let tracked: Vec<_> = statics.tracked.iter().map(|t| t.what).collect();
    assert_eq!(tracked, [StaticItem::Address(0), StaticItem::Object(1)]);
    assert_eq!(statics.tracked[0].instances, [InstanceId(0)]);
    let said = said(&text).join("\n");
    assert!(said.contains("there is no instance `nobody`"), "{said}");
    assert!(said.contains("there is no `track_group H`"), "{said}");
    assert!(
        said.contains("without `dev` a static address goes on eth0"),
        "{said}"
    );
    let with = text.replace(
        "track_group G {",
        "global_defs {\ndefault_interface eth9\n}\ntrack_group G {",
    );
    let config = usable(&with);
    let second = &config.statics.addresses[1];
    assert_eq!(config.interface_name(second.interface), "eth9");
}
