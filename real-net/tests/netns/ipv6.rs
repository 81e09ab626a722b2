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
