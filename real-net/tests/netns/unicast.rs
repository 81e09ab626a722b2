//! From peer to peer, without the group: two `locum`, and `locum` with keepalived.

use std::net::Ipv4Addr;
use std::time::Duration;

use locum_engine::wire::ipv4;
use nix::sys::signal::Signal;

use crate::lab::{Lab, address};
use crate::process::Kind;
use crate::{SOON, VIP, founding};

/// The founding pair's configuration with the other node as the only peer.
fn unicast(node: &str) -> String {
    let other = if node == "A" { "B" } else { "A" };
    let (ours, theirs) = (address(node), address(other));
    let lines = format!("unicast_src_ip {ours}\n    unicast_peer {{\n        {theirs}\n    }}");
    founding(node).replace("advert_int 1", &format!("advert_int 1\n    {lines}"))
}

/// Cable, orderly stop, return; and not one packet to the group.
fn plays_along(master: Kind, backup: Kind) {
    let mut lab = Lab::new(&["A", "B"]);
    let capture = lab.capture();
    lab.start("A", master, &unicast("A"));
    lab.start("B", backup, &unicast("B"));
    lab.await_holders(VIP, &["A"], SOON);
    lab.stays(VIP, &["A"], Duration::from_secs(3));

    lab.pull("A");
    lab.await_holders(VIP, &["B"], SOON);
    lab.plug("A");
    lab.await_holders(VIP, &["A"], SOON);
    lab.stays(VIP, &["A"], Duration::from_secs(2));

    // An orderly stop hands over within the skew, 0.613 s, not within three seconds.
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.await_holders(VIP, &["B"], Duration::from_millis(2500));
    lab.daemon("A").await_end(SOON);

    let adverts = capture.adverts();
    assert!(adverts.len() > 10, "they spoke");
    for advert in &adverts {
        let view = ipv4::View::new(&advert.packet).expect("a sound packet");
        let nodes = ["A", "B"].map(|n| address(n).parse::<Ipv4Addr>().expect("it is one"));
        let to = if view.source() == nodes[0] {
            nodes[1]
        } else {
            nodes[0]
        };
        assert_eq!((view.destination(), view.ttl()), (to, 255));
    }
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn unicast_between_two_locum() {
    plays_along(Kind::Locum, Kind::Locum);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn unicast_with_keepalived_as_backup() {
    plays_along(Kind::Locum, Kind::Keepalived);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn unicast_with_keepalived_as_master() {
    plays_along(Kind::Keepalived, Kind::Locum);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn a_unicast_node_and_one_of_the_group_do_not_hear_each_other() {
    let mut lab = Lab::new(&["A", "B"]);
    lab.start("A", Kind::Locum, &unicast("A"));
    lab.await_holders(VIP, &["A"], SOON);
    lab.start("B", Kind::Locum, &founding("B"));
    lab.await_holders(VIP, &["A", "B"], SOON);
    let log = lab.daemon("B").log();
    assert!(log.contains("ignored: sent to us alone"), "{log}");
    // A hasn't joined the group: its kernel takes nothing for it.
    std::thread::sleep(Duration::from_secs(2));
    let log = lab.daemon("A").log();
    assert!(!log.contains("ignored"), "{log}");
}
