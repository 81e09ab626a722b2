//! `use_ipvlan`: the same file works without such a device. keepalived isn't compared: the kernels that these
//! tests have run on have none, and it stays in fault there (2.2.7).

use nix::sys::signal::Signal;

use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::must;
use crate::{SOON, VIP, founding};

/// The addresses go on the interface, frames come from it, and a peer takes over.
#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn the_interface_itself_has_the_addresses() {
    let mut lab = Lab::new(&["A", "B"]);
    let capture = lab.capture();
    for node in ["A", "B"] {
        let file = founding(node).replace("advert_int 1", "advert_int 1\n    use_ipvlan");
        lab.start(node, Kind::Locum, &file);
    }
    lab.await_holders(VIP, &["A"], SOON);
    let log = lab.daemon("A").log();
    assert!(
        log.contains("the addresses go on the interface itself"),
        "{log}"
    );
    let here = lab.namespace("A");
    let address = must(&format!("ip -n {here} -o addr show dev eth0 to {VIP}"));
    assert!(address.contains(VIP), "{address}");
    let links = must(&format!("ip -n {here} -o link"));
    assert_eq!(links.lines().count(), 2, "lo and eth0: {links}");

    lab.daemon("A").signal(Signal::SIGTERM);
    lab.await_holders(VIP, &["B"], SOON);
    let frames = capture.advert_frames();
    let from_a = frames
        .iter()
        .any(|frame| frame[6..12] == [2, 0, 0, 0, 0, 0x11]);
    assert!(from_a, "adverts come from A's interface");
}
