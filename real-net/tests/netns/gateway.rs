//! Arbitration by a probe of the gateway: who can't reach it lets go, and returns by itself.

use std::time::Duration;

use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::run;
use crate::{SOON, VIP, founding};

const LOCUM: &str = env!("CARGO_BIN_EXE_locum");

/// The founding configuration with a check of the gateway by `command`, which stands for `locum`.
fn with_gateway(node: &str, command: &str) -> String {
    let check = format!(
        "\
vrrp_script gateway {{
    script \"{command} probe ping 192.168.0.1 --timeout 0.4\"
    interval 1
    timeout 1
    fall 3
    rise 2
}}
"
    );
    let tracked = "    track_script {\n        gateway\n    }\n    virtual_ipaddress {";
    let instance = founding(node).replace("    virtual_ipaddress {", tracked);
    format!(
        "{check}{}",
        instance.replace("    router_id", "    script_user root\n    router_id")
    )
}

/// One lost answer proves nothing, three in a row do; and it heals by itself.
fn arbitrates(kind: Kind, command: &str) -> Lab {
    let mut lab = Lab::new(&["A", "B", "G"]);
    lab.start("A", kind, &with_gateway("A", command));
    lab.start("B", kind, &with_gateway("B", command));
    lab.await_holders(VIP, &["A"], SOON);

    lab.cut("A", "G");
    std::thread::sleep(Duration::from_millis(1200));
    lab.heal();
    lab.stays(VIP, &["A"], Duration::from_secs(4));

    lab.cut("A", "G");
    lab.await_holders(VIP, &["B"], SOON);
    lab.stays(VIP, &["B"], Duration::from_secs(2));
    lab.heal();
    lab.await_holders(VIP, &["A"], SOON);
    lab.stays(VIP, &["A"], Duration::from_secs(2));
    lab
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn a_master_cut_off_from_the_gateway_lets_go_and_returns() {
    // That the probe runs in process shows by itself: the path that scripts get has no `locum`.
    let mut lab = arbitrates(Kind::Locum, "locum");
    let log = lab.daemon("A").log();
    assert!(log.contains("check gateway: failed"), "{log}");
    assert!(log.contains("no answer within 0.4 s"), "{log}");
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn the_same_probe_is_a_script_under_keepalived() {
    arbitrates(Kind::Keepalived, LOCUM);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn probes_tell_a_neighbour_from_nobody() {
    let lab = Lab::new(&["A", "B"]);
    let probe = |words: &str| {
        let namespace = lab.namespace("A");
        let output = run(&format!("ip netns exec {namespace} {LOCUM} probe {words}"));
        output.status.code()
    };
    let (neighbour, nobody) = ("192.168.0.12", "192.168.0.77");
    for kind in ["arp", "arp --interface eth0", "ping"] {
        assert_eq!(probe(&format!("{kind} {neighbour}")), Some(0), "{kind}");
        let asked = probe(&format!("{kind} {nobody} --timeout 0.3"));
        assert_eq!(asked, Some(1), "{kind}");
        let either = probe(&format!("{kind} {nobody} {neighbour}"));
        assert_eq!(either, Some(0), "{kind}: any of two");
        let both = probe(&format!(
            "{kind} {nobody} {neighbour} --quorum all --timeout 0.3"
        ));
        assert_eq!(both, Some(1), "{kind}: all of two");
    }
    lab.cut("A", "B");
    let cut = format!("arp {neighbour} --timeout 0.3");
    assert_eq!(probe(&cut), Some(1), "the cable is cut");
}
