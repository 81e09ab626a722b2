//! Several virtual routers of one number on an interface, told apart by their peers; beside keepalived.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::lab::{Lab, address};
use crate::process::Kind;
use crate::{SOON, VIP};

const OTHER: &str = "192.168.0.201";

fn instance(name: &str, priority: u8, from: &str, to: &str, virtual_address: &str) -> String {
    let (from, to) = (address(from), address(to));
    format!(
        "vrrp_instance {name} {{
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int 1
    unicast_src_ip {from}
    unicast_peer {{
        {to}
    }}
    virtual_ipaddress {{
        {virtual_address}/24
    }}
}}
"
    )
}

/// A has one virtual router with B and one with C, both of number 51, and is the backup of both; B stops and
/// returns, and the one with C isn't touched.
fn keeps_apart(kind: Kind) {
    let mut lab = Lab::new(&["A", "B", "C"]);
    let with_b = instance("WITH_B", 100, "A", "B", VIP);
    let with_c = instance("WITH_C", 100, "A", "C", OTHER);
    lab.start("B", Kind::Locum, &instance("VI_1", 200, "B", "A", VIP));
    lab.start("C", Kind::Locum, &instance("VI_1", 200, "C", "A", OTHER));
    lab.await_holders(VIP, &["B"], SOON);
    lab.await_holders(OTHER, &["C"], SOON);
    lab.start("A", kind, &format!("{with_b}{with_c}"));
    lab.stays(VIP, &["B"], Duration::from_secs(5));
    assert_eq!(lab.holders(OTHER), ["C"]);

    lab.daemon("B").signal(Signal::SIGTERM);
    lab.await_holders(VIP, &["A"], SOON);
    lab.daemon("B").await_end(SOON);
    lab.stays(OTHER, &["C"], Duration::from_secs(2));
    lab.start("B", Kind::Locum, &instance("VI_1", 200, "B", "A", VIP));
    lab.await_holders(VIP, &["B"], SOON);
    assert_eq!(lab.holders(OTHER), ["C"]);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn peers_tell_two_routers_of_one_number_apart() {
    keeps_apart(Kind::Locum);
}
#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn keepalived_keeps_them_apart_too() {
    keeps_apart(Kind::Keepalived);
}
