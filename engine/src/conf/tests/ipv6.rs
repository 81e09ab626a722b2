//! Instances over IPv6, and those that hold addresses of both families.

use core::net::IpAddr;

use super::{assert_says, instance_with, only_instance, printed, said};
use crate::conf::Severity::{Note, Warning};
use crate::config::Version;
use crate::wire::Family;

/// An instance without an address of its own yet.
fn bare(lines: &str) -> String {
    format!("vrrp_instance VI_6 {{\ninterface eth0\nvirtual_router_id 6\n{lines}\n}}\n")
}

fn list(addresses: &[crate::config::VirtualAddress]) -> Vec<String> {
    let shown = addresses
        .iter()
        .map(|a| format!("{}/{}", a.address, a.prefix));
    shown.collect()
}

#[test]
fn the_first_address_decides_the_family_and_with_it_the_version() {
    let text = bare("virtual_ipaddress {\nfe80::6/64\n2001:db8::6/64\n}");
    let instance = only_instance(&text);
    assert_eq!(
        (instance.family, instance.version),
        (Family::V6, Version::V3)
    );
    assert_eq!(list(&instance.addresses), ["fe80::6/64", "2001:db8::6/64"]);
    assert_eq!(said(&text), [""; 0]);
    // A global version is about IPv4, as in keepalived.
    let global = format!("global_defs {{\nvrrp_version 2\n}}\n{text}");
    assert_eq!(only_instance(&global).version, Version::V3);
    let four = only_instance(&instance_with(""));
    assert_eq!((four.family, four.version), (Family::V4, Version::V2));
}

#[test]
fn what_stands_first_decides_be_it_a_source_a_peer_or_native_ipv6() {
    let six = "virtual_ipaddress {\nfe80::6/64\n}";
    for (lines, family) in [
        (format!("mcast_src_ip 192.0.2.1\n{six}"), Family::V4),
        (format!("{six}\nmcast_src_ip 192.0.2.1"), Family::V6),
        (format!("unicast_peer {{\n192.0.2.1\n}}\n{six}"), Family::V4),
        (format!("native_ipv6\n{six}"), Family::V6),
        ("native_ipv6\nno_virtual_ipaddress".to_owned(), Family::V6),
    ] {
        assert_eq!(only_instance(&bare(&lines)).family, family, "{lines}");
    }
}

#[test]
fn addresses_of_the_other_family_are_held_without_being_advertised() {
    let text = bare(
        "virtual_ipaddress {\nfe80::6/64\n192.0.2.6/24\n2001:db8::6/64\n}\n\
         virtual_ipaddress_excluded {\n192.0.2.7/24\n192.0.2.6/24\n}",
    );
    let instance = only_instance(&text);
    assert_eq!(list(&instance.addresses), ["fe80::6/64", "2001:db8::6/64"]);
    assert_eq!(list(&instance.excluded), ["192.0.2.7/24", "192.0.2.6/24"]);
    let [only] = &said(&text)[..] else {
        panic!("{}", printed(&text));
    };
    assert!(only.contains("192.0.2.6 can't be advertised"), "{only}");
}

#[test]
fn the_first_address_should_be_link_local() {
    let said = |lines: &str| said(&bare(lines));
    let global = "virtual_ipaddress {\n2001:db8::6/64\nfe80::6/64\n}";
    let [only] = &said(global)[..] else {
        panic!("{}", printed(&bare(global)));
    };
    assert!(only.starts_with("note 5:1 RFC 9568 wants"), "{only}");
    assert_eq!(
        said("virtual_ipaddress {\nfe80::6/64\n2001:db8::6/64\n}"),
        [""; 0]
    );
}

#[test]
fn sources_and_peers_of_the_other_family_are_left_out() {
    let text = bare(
        "virtual_ipaddress {\nfe80::6/64\n}\nunicast_src_ip 192.0.2.1\n\
         unicast_peer {\n2001:db8::2\n192.0.2.2\n}",
    );
    let instance = only_instance(&text);
    assert_eq!(instance.source, None);
    let peers = instance.unicast.expect("it is unicast").peers;
    let addresses: Vec<IpAddr> = peers.iter().map(|peer| peer.address).collect();
    assert_eq!(
        addresses,
        ["2001:db8::2".parse::<IpAddr>().expect("an address")]
    );
    assert_eq!(said(&text).len(), 2, "{}", printed(&text));
}

#[test]
fn what_is_odd_about_ipv6_is_said() {
    for (line, severity, part) in [
        ("2001:db8::6", Note, "held as a /128"),
        (
            "2001:db8::6/129",
            Warning,
            "`/129` is not a prefix length: /128 is used",
        ),
        ("2001:db8::6/64 brd +", Warning, "IPv6 has no broadcast"),
        ("2001:db8::6/64 label eth0:1", Note, "has no label"),
        ("2001:db8::6/64 -nodad", Note, "looked for another owner"),
        ("ff02::12/64", Warning, "no host can hold ff02::12"),
        ("::ffff:192.0.2.1/128", Warning, "no host can hold"),
    ] {
        let block = format!("virtual_ipaddress_excluded {{\n{line}\n}}");
        assert_says(&block, severity, part);
    }
    assert_says("native_ipv6", Warning, "an IPv4 one already");
    let v2 = bare("version 2\nvirtual_ipaddress {\nfe80::6/64\n}");
    assert_eq!(only_instance(&v2).version, Version::V2);
    assert!(said(&v2)[0].contains("in no standard"), "{}", printed(&v2));
}

#[test]
fn one_router_id_serves_each_family_once() {
    let six = "virtual_ipaddress {\nfe80::6/64\n}";
    let four = "vrrp_instance VI_4 {\ninterface eth0\nvirtual_router_id 6\nvirtual_ipaddress {\n192.0.2.6/24\n}\n}\n";
    let both = bare(six) + four;
    assert_eq!(said(&both), [""; 0]);
    let twice = bare(six) + &bare(six).replace("VI_6", "VI_7");
    assert!(said(&twice)[0].contains("share the virtual router id 6"));
}
