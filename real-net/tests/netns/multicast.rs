//! A multicast group of one's own: `vrrp_mcast_group4` and `mcast_dst_ip`, also with keepalived.

use std::net::Ipv4Addr;
use std::time::Duration;

use locum_engine::wire::ipv4;
use nix::sys::signal::Signal;

use crate::lab::Lab;
use crate::process::Kind;
use crate::{SOON, VIP, founding};

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 77);

/// The founding configuration in another group: for all of node A's instances, for one of B's.
fn grouped(node: &str) -> String {
    let text = founding(node);
    match node {
        "A" => text.replace(
            "global_defs {",
            &format!("global_defs {{\n    vrrp_mcast_group4 {GROUP}"),
        ),
        _ => text.replace(
            "advert_int 1",
            &format!("advert_int 1\n    mcast_dst_ip {GROUP}"),
        ),
    }
}

/// One master, a takeover on an orderly stop, and not one packet to the usual group.
fn plays_along(master: Kind, backup: Kind) {
    let mut lab = Lab::new(&["A", "B"]);
    let capture = lab.capture();
    lab.start("A", master, &grouped("A"));
    lab.start("B", backup, &grouped("B"));
    lab.await_holders(VIP, &["A"], SOON);
    lab.stays(VIP, &["A"], Duration::from_secs(5));
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.await_holders(VIP, &["B"], Duration::from_millis(2500));
    lab.daemon("A").await_end(SOON);
    let adverts = capture.adverts();
    assert!(adverts.len() > 5, "they spoke");
    for advert in &adverts {
        let view = ipv4::View::new(&advert.packet).expect("a sound packet");
        assert_eq!((view.destination(), view.ttl()), (GROUP, 255));
    }
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn another_group_between_two_locum() {
    plays_along(Kind::Locum, Kind::Locum);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn another_group_with_keepalived_as_master() {
    plays_along(Kind::Keepalived, Kind::Locum);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn another_group_with_keepalived_as_backup() {
    plays_along(Kind::Locum, Kind::Keepalived);
}
