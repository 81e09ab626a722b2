//! Arbitration by a probe of the gateway, in process: who can't reach it lets go.

use std::time::Duration;

use crate::lab::Lab;
use crate::process::Kind;
use crate::{SOON, VIP, founding};

/// The founding configuration with a check of the gateway. That the probe runs in process shows
/// by itself: no `locum` lies on the path that scripts get.
fn with_gateway(node: &str) -> String {
    let check = "\
vrrp_script gateway {
    script \"locum probe ping 192.168.0.1 --timeout 0.4\"
    interval 1
    timeout 1
    fall 3
    rise 2
}
";
    let tracked = "    track_script {\n        gateway\n    }\n    virtual_ipaddress {";
    let instance = founding(node).replace("    virtual_ipaddress {", tracked);
    format!("{check}{instance}")
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn a_master_cut_off_from_the_gateway_lets_go_and_returns() {
    let mut lab = Lab::new(&["A", "B", "G"]);
    lab.start("A", Kind::Locum, &with_gateway("A"));
    lab.start("B", Kind::Locum, &with_gateway("B"));
    lab.await_holders(VIP, &["A"], SOON);

    // One lost answer proves nothing.
    lab.cut("A", "G");
    std::thread::sleep(Duration::from_millis(1200));
    lab.heal();
    lab.stays(VIP, &["A"], Duration::from_secs(4));

    lab.cut("A", "G");
    lab.await_holders(VIP, &["B"], SOON);
    lab.stays(VIP, &["B"], Duration::from_secs(2));
    let log = lab.daemon("A").log();
    assert!(
        log.contains("3 in a row of 3") || log.contains("check gateway: failed"),
        "{log}"
    );
    lab.heal();
    lab.await_holders(VIP, &["A"], SOON);
    lab.stays(VIP, &["A"], Duration::from_secs(2));
}
