//! The words behind an address reach the kernel: the same as keepalived's, side by side.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::SOON;
use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::must;

const LAST: &str = "2001:db8::b";

/// An owner of addresses of every kind; `lease` is a line that only locum knows.
fn configuration(lease: &str) -> String {
    format!(
        "\
vrrp_instance VI_1 {{
    interface eth0
    virtual_router_id 51
    priority 255
    {lease}
    virtual_ipaddress {{
        192.168.0.200/24 label eth0:1
        192.168.0.201/24 noprefixroute
        192.168.0.202 peer 192.168.0.203
        10.5.0.1/24 scope link brd +
        10.5.1.1/24 preferred_lft 0
        10.5.2.1/24 home mngtmpaddr no_track
    }}
    virtual_ipaddress_excluded {{
        2001:db8::1/64
        2001:db8::2/128
        2001:db8::3/128 preferred_lft forever
        2001:db8::4/64 preferred_lft 0
        2001:db8::5/64 preferred_lft 1000
        2001:db8::6/64 home
        2001:db8::7/64 -nodad
        2001:db8::8/64 mngtmpaddr
        2001:db8::9/64 noprefixroute
        2001:db8::a peer 2001:db8:1::1
        {LAST}/64
    }}
}}
"
    )
}

/// What `ip -d` says of each address that isn't the node's own: address to flags. Our tag and the
/// number of seconds left are left out, and whether an address is the second of its network.
fn shown(lab: &Lab, node: &str) -> BTreeMap<String, String> {
    let namespace = lab.namespace(node);
    let all = must(&format!("ip -n {namespace} -d addr show dev eth0"));
    let mut found = BTreeMap::new();
    let mut lines = all.lines().skip_while(|line| !line.contains("inet"));
    while let (Some(line), Some(lifetimes)) = (lines.next(), lines.next()) {
        let mut words = line.split_whitespace().skip(1);
        let address = words.next().expect("an address").to_owned();
        if address.starts_with("192.168.0.1") || address.starts_with("fe80") {
            continue;
        }
        let mut text = String::new();
        while let Some(word) = words.next() {
            match word {
                "proto" => _ = words.next(),
                "secondary" | "dynamic" => {}
                word => text += &format!("{word} "),
            }
        }
        let preferred = lifetimes.split_whitespace().last().expect("a time");
        text += match preferred {
            "forever" | "0sec" => preferred,
            _ => "some time",
        };
        found.insert(address, text);
    }
    found
}

#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn the_kernel_has_the_addresses_as_keepalived_puts_them() {
    let mut lab = Lab::new(&["A", "B"]);
    // Neither is to know of the other: they hold the same addresses.
    lab.cut("A", "B");
    lab.start("A", Kind::Keepalived, &configuration(""));
    lab.start("B", Kind::Locum, &configuration("address_lease off"));
    lab.await_holders(LAST, &["A", "B"], SOON);
    // One of them waits for the kernel to look for others.
    let start = std::time::Instant::now();
    while shown(&lab, "A") != shown(&lab, "B") && start.elapsed() < SOON {
        std::thread::sleep(Duration::from_millis(100));
    }
    let (theirs, ours) = (shown(&lab, "A"), shown(&lab, "B"));
    assert_eq!(theirs.len(), 17, "{theirs:#?}");
    assert_eq!(ours, theirs);
}

/// With a lease the same, but for what is due to the lease itself.
#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn a_lease_leaves_alone_what_was_said_of_an_address() {
    let mut lab = Lab::new(&["A"]);
    lab.start("A", Kind::Locum, &configuration("address_lease 5"));
    lab.await_holders(LAST, &["A"], SOON);
    for _ in 0..2 {
        let shown = shown(&lab, "A");
        let of = |address: &str| &*shown[address];
        assert_eq!(of("2001:db8::2/128"), "scope global nodad deprecated 0sec");
        assert_eq!(of("2001:db8::3/128"), "scope global nodad some time");
        assert_eq!(
            of("2001:db8::9/64"),
            "scope global nodad noprefixroute some time"
        );
        // Refreshed twice meanwhile.
        std::thread::sleep(Duration::from_secs(4));
    }
    // What isn't watched stays away, although its neighbours are refreshed.
    let namespace = lab.namespace("A");
    must(&format!("ip -n {namespace} addr del 10.5.2.1/24 dev eth0"));
    must(&format!("ip -n {namespace} addr del 10.5.1.1/24 dev eth0"));
    lab.await_holders("10.5.1.1", &["A"], SOON);
    lab.stays("10.5.2.1", &[], Duration::from_secs(3));
}
