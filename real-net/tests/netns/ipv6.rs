//! Over IPv6: two `locum`, and `locum` with keepalived, by group and from peer to peer.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::SOON;
use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::must;

pub(crate) const VIP: &str = "2001:db8::200";
/// RFC 9568 5.2.9 wants a link-local address first.
const LINK_LOCAL: &str = "fe80::200";
/// An address may be used once duplicate address detection is over: two seconds at most.
const UNIQUE: Duration = Duration::from_secs(3);

/// The node's own address; the link-local one comes from the kernel.
fn own(node: &str) -> String {
    format!("2001:db8::{}", if node == "A" { "11" } else { "12" })
}

pub(crate) fn lab() -> Lab {
    let lab = Lab::new(&["A", "B"]);
    address_nodes(&lab);
    lab
}

/// Gives A and B their own addresses.
pub(crate) fn address_nodes(lab: &Lab) {
    for node in ["A", "B"] {
        let (namespace, address) = (lab.namespace(node), own(node));
        must(&format!(
            "ip -n {namespace} addr add {address}/64 dev eth0 nodad"
        ));
    }
}

pub(crate) fn instance(node: &str, version: u8, more: &str) -> String {
    let priority = if node == "A" { 150 } else { 100 };
    format!(
        "vrrp_instance VI_6 {{
    state BACKUP
    interface eth0
    version {version}
    virtual_router_id 61
    priority {priority}
    advert_int 1
    {more}
    virtual_ipaddress {{
        {LINK_LOCAL}
        {VIP}/64
    }}
}}
"
    )
}

fn unicast(node: &str) -> String {
    let other = if node == "A" { "B" } else { "A" };
    let (ours, theirs) = (own(node), own(other));
    let more = format!("unicast_src_ip {ours}\n    unicast_peer {{\n        {theirs}\n    }}");
    instance(node, 3, &more)
}

/// Cable, return, orderly stop: with `master` on A and `backup` on B.
fn plays_along(master: Kind, backup: Kind, configuration: impl Fn(&str) -> String) {
    let mut lab = lab();
    lab.start("A", master, &configuration("A"));
    lab.start("B", backup, &configuration("B"));
    lab.await_holders(VIP, &["A"], SOON + UNIQUE);
    lab.await_holders(LINK_LOCAL, &["A"], SOON);
    lab.stays(VIP, &["A"], Duration::from_secs(3));

    lab.pull("A");
    lab.await_holders(VIP, &["B"], SOON);
    lab.plug("A");
    lab.await_holders(VIP, &["A"], SOON + UNIQUE);

    // An orderly stop hands over within the skew, 0.613 s, not within three seconds.
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.await_holders(VIP, &["B"], Duration::from_millis(2500));
    lab.daemon("A").await_end(SOON);
    lab.stays(LINK_LOCAL, &["B"], Duration::from_secs(1));
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn ipv6_between_two_locum() {
    plays_along(Kind::Locum, Kind::Locum, |node| instance(node, 3, ""));
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn ipv6_with_keepalived_as_backup() {
    plays_along(Kind::Locum, Kind::Keepalived, |node| instance(node, 3, ""));
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn ipv6_with_keepalived_as_master() {
    plays_along(Kind::Keepalived, Kind::Locum, |node| instance(node, 3, ""));
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn ipv6_unicast_with_keepalived_as_backup() {
    plays_along(Kind::Locum, Kind::Keepalived, unicast);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn ipv6_unicast_with_keepalived_as_master() {
    plays_along(Kind::Keepalived, Kind::Locum, unicast);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn version_2_over_ipv6_with_keepalived() {
    plays_along(Kind::Locum, Kind::Keepalived, |node| instance(node, 2, ""));
}

/// The kernel still looks for another owner of the interface's address, for some seconds; a duplicate
/// that it finds is no address, until there is another one.
#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn an_address_is_waited_for_until_it_is_unique() {
    let mut lab = lab();
    let here = lab.namespace("A");
    let set = |what: &str| {
        must(&format!(
            "ip netns exec {here} sysctl -qw net.ipv6.conf.eth0.{what}"
        ));
    };
    std::thread::sleep(UNIQUE);
    set("dad_transmits=4");
    must(&format!("ip -n {here} addr flush dev eth0 scope link"));
    must(&format!("ip -n {here} addr add fe80::a/64 dev eth0"));
    lab.start("A", Kind::Locum, &instance("A", 3, ""));
    let shown = || must(&format!("ip -n {here} -6 addr show dev eth0"));
    assert!(shown().contains("tentative"), "{}", shown());
    lab.await_holders(VIP, &["A"], SOON);
    assert!(!shown().contains("tentative"), "{}", shown());
    let log = lab.daemon("A").log();
    assert!(log.contains("-> fault"), "it had none at first: {log}");

    // B has it: A may not use it.
    must(&format!("ip -n {here} addr del fe80::a/64 dev eth0"));
    lab.await_holders(VIP, &[], SOON);
    let other = lab.namespace("B");
    must(&format!("ip -n {other} addr add fe80::a/64 dev eth0 nodad"));
    must(&format!("ip -n {here} addr add fe80::a/64 dev eth0"));
    lab.stays(VIP, &[], UNIQUE * 2);
    assert!(shown().contains("dadfailed"), "{}", shown());

    // Whoever forwards says so from the next announcement on.
    set("forwarding=1");
    let capture = lab.capture_of("ip6");
    must(&format!("ip -n {here} addr add fe80::b/64 dev eth0 nodad"));
    lab.await_holders(VIP, &["A"], SOON);
    std::thread::sleep(Duration::from_millis(300));
    let frames = capture.frames_v6([2, 0, 0, 0, 0, 0x11]);
    let announced = |f: &&Vec<u8>| f[20] == 58 && f[54] == 136 && f[38..54] == ALL_NODES;
    let flags: Vec<u8> = frames.iter().filter(announced).map(|f| f[58]).collect();
    assert!(
        !flags.is_empty() && flags.iter().all(|f| *f == 0xa0),
        "{flags:x?}"
    );
}

/// `ff02::1`
const ALL_NODES: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
