//! Clauses of the RFCs that are the kernel's to keep: with the daemon in place, it does.
//!
//! A routes between two networks and holds the virtual address in the first; B is a host there, and
//! lives from that address; G is reached in the second network only.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::{must, run};
use crate::{SOON, VIP, ipv6};

/// Of the virtual router 51.
const VIRTUAL: &str = "00:00:5e:00:01:33";
/// G, behind A.
const FAR: &str = "10.9.0.1";
/// The versions, for what is a clause of both RFCs.
const VERSIONS: [u8; 2] = [2, 3];

fn configuration(version: u8, lines: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{
    interface eth0
    version {version}
    virtual_router_id 51
    priority 150
    advert_int 1
    {lines}
    virtual_ipaddress {{
        {VIP}/24
    }}
}}
"
    )
}

fn inside(lab: &Lab, node: &str, command: &str) -> String {
    must(&format!("ip netns exec {} {command}", lab.namespace(node)))
}

/// Whether something on B gets an answer.
fn reaches(lab: &Lab, ping: &str) -> bool {
    let ping = format!("ip netns exec {} ping -c 1 -W 2 {ping}", lab.namespace("B"));
    run(&ping).status.success()
}

/// Calls `check` for each version, with A master.
fn with_each_version(lines: &str, check: impl Fn(&Lab)) {
    let mut lab = Lab::new(&["A", "B", "G"]);
    lab.add_network();
    let [a, b, g] = ["A", "B", "G"].map(|node| lab.namespace(node));
    must(&format!("ip -n {b} link del eth1"));
    must(&format!("ip -n {g} link del eth0"));
    must(&format!("ip -n {b} route add 10.9.0.0/24 via {VIP}"));
    must(&format!("ip -n {g} route add 192.168.0.0/24 via 10.9.0.11"));
    inside(&lab, "A", "sysctl -qw net.ipv4.ip_forward=1");
    inside(&lab, "A", "sysctl -qw net.ipv6.conf.all.forwarding=1");
    must(&format!("ip netns exec {a} nft add table inet seen"));
    let hook = "{ type filter hook forward priority 0 ; }";
    must(&format!(
        "ip netns exec {a} nft add chain inet seen f {hook}"
    ));
    must(&format!(
        "ip netns exec {a} nft add rule inet seen f counter"
    ));
    for version in VERSIONS {
        lab.start("A", Kind::Locum, &configuration(version, lines));
        lab.await_holders(VIP, &["A"], SOON);
        check(&lab);
        lab.daemon("A").signal(Signal::SIGTERM);
        lab.daemon("A").await_end(SOON);
    }
}

/// How many packets A has forwarded.
fn forwarded(lab: &Lab) -> u64 {
    let chain = inside(lab, "A", "nft list chain inet seen f");
    let mut words = chain.split_whitespace().skip_while(|w| *w != "packets");
    let count = words.nth(1).and_then(|count| count.parse().ok());
    count.unwrap_or_else(|| panic!("a counter in {chain}"))
}

fn neighbour(lab: &Lab, node: &str, address: &str) -> String {
    must(&format!(
        "ip -n {} neigh show {address}",
        lab.namespace(node)
    ))
}

#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn a_master_forwards_what_is_sent_to_the_virtual_mac_address() {
    with_each_version("use_vmac", |lab| {
        let before = forwarded(lab);
        assert!(reaches(lab, FAR));
        assert_eq!(forwarded(lab), before + 2, "there and back");
        let next = neighbour(lab, "B", VIP);
        assert!(next.contains(VIRTUAL), "{next}");
    });
}

#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn what_is_sent_to_the_groups_is_forwarded_by_nobody() {
    with_each_version("use_vmac", |lab| {
        assert!(reaches(lab, FAR), "A does forward");
        let before = forwarded(lab);
        reaches(lab, "-t 64 -I eth0 224.0.0.18");
        reaches(lab, "-6 -t 64 -I eth0 ff02::12");
        assert_eq!(forwarded(lab), before);
    });
}

#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn what_is_sent_to_the_addresses_is_not_forwarded() {
    for (lines, answers) in [("accept", true), ("no_accept", false)] {
        with_each_version(lines, |lab| {
            assert!(reaches(lab, FAR), "A does forward");
            let before = forwarded(lab);
            assert_eq!(reaches(lab, VIP), answers);
            assert_eq!(forwarded(lab), before);
        });
    }
}

/// Who wants A to answer for others asks the kernel for it, on the virtual router's device.
#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn proxy_arp_answers_with_the_virtual_mac_address() {
    with_each_version("use_vmac", |lab| {
        inside(lab, "A", "sysctl -qw net.ipv4.conf.vrrp/51.proxy_arp=1");
        let here = lab.namespace("B");
        must(&format!("ip -n {here} route replace 10.9.0.0/24 dev eth0"));
        must(&format!("ip -n {here} neigh flush dev eth0"));
        assert!(reaches(lab, FAR));
        let next = neighbour(lab, "B", FAR);
        assert!(next.contains(VIRTUAL), "{next}");
    });
}

#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn without_accept_neighbours_are_found_all_the_same() {
    let mut lab = ipv6::lab();
    lab.start("A", Kind::Locum, &ipv6::instance("A", 3, "no_accept"));
    lab.await_holders(ipv6::VIP, &["A"], SOON);
    assert!(
        !reaches(&lab, &format!("-6 {}", ipv6::VIP)),
        "it must not answer"
    );
    let found = neighbour(&lab, "B", ipv6::VIP);
    assert!(found.contains("lladdr 02:00:00:00:00:11"), "{found}");
}

/// G tells everybody that its address has moved to another card.
#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn unsolicited_neighbour_advertisements_are_taken_by_master_and_backup() {
    const OTHER: &str = "2001:db8::1";
    const MOVED: &str = "02:00:00:00:00:77";
    let mut lab = Lab::new(&["A", "B", "G"]);
    for (node, address) in [("A", "2001:db8::11"), ("B", "2001:db8::12"), ("G", OTHER)] {
        let here = lab.namespace(node);
        must(&format!(
            "ip -n {here} addr add {address}/64 dev eth0 nodad"
        ));
    }
    lab.start("A", Kind::Locum, &ipv6::instance("A", 3, ""));
    lab.start("B", Kind::Locum, &ipv6::instance("B", 3, ""));
    lab.await_holders(ipv6::VIP, &["A"], SOON);
    for node in ["A", "B"] {
        inside(&lab, node, &format!("ping -6 -c 1 -W 2 {OTHER}"));
        let known = neighbour(&lab, node, OTHER);
        assert!(known.contains("lladdr 02:00:00:00:00:01"), "{known}");
    }
    inside(&lab, "G", "sysctl -qw net.ipv6.conf.eth0.ndisc_notify=1");
    let there = lab.namespace("G");
    must(&format!("ip -n {there} link set eth0 address {MOVED}"));
    for node in ["A", "B"] {
        let start = Instant::now();
        while !neighbour(&lab, node, OTHER).contains(MOVED) {
            let known = neighbour(&lab, node, OTHER);
            assert!(start.elapsed() < Duration::from_secs(3), "{node}: {known}");
        }
    }
    lab.await_holders(ipv6::VIP, &["A"], Duration::from_secs(1));
}
