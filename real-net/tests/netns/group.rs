//! `vrrp_sync_group`: gateways with a foot in each of two networks, `locum` and keepalived mixed.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::SOON;
use crate::lab::Lab;
use crate::process::Kind;

/// The addresses of both arms.
const ARMS: [&str; 2] = ["192.168.0.200", "10.9.0.200"];

/// Three adverts and B's skew, (256 - 100) / 256 s, with time for a busy machine. Much less than two
/// master-down times: an arm that waits for the other one to be elected first would be late.
const MASTER_DOWN: Duration = Duration::from_millis(5500);
/// B's skew, with time for a busy machine: less than one advert interval and the skew.
const HANDED_OVER: Duration = Duration::from_millis(1500);
/// From the first arm to the second: members of a group move together.
const TOGETHER: Duration = Duration::from_millis(300);

fn gateway(priority: u8) -> String {
    let arm = |name: &str, interface: &str, vrid: u8, address: &str| {
        format!(
            "\
vrrp_instance {name} {{
    interface {interface}
    virtual_router_id {vrid}
    priority {priority}
    advert_int 1
    virtual_ipaddress {{
        {address}/24
    }}
}}
"
        )
    };
    let lan = arm("LAN", "eth0", 51, ARMS[0]);
    let wan = arm("WAN", "eth1", 52, ARMS[1]);
    format!(
        "vrrp_sync_group GATEWAY {{\n    group {{\n        LAN\n        WAN\n    }}\n}}\n{lan}{wan}"
    )
}

/// Both arms come to `node` within `limit`, and together.
fn both_move(lab: &Lab, node: &str, limit: Duration) {
    let start = Instant::now();
    let at = |arm: &str| lab.holders(arm) == [node];
    while !ARMS.iter().any(|arm| at(arm)) {
        let late = start.elapsed() > limit;
        assert!(!late, "after {:?} {node} has neither arm", start.elapsed());
        std::thread::sleep(Duration::from_millis(10));
    }
    for arm in ARMS {
        lab.await_holders(arm, &[node], TOGETHER);
    }
}

/// For `span` the arms are with the same node: nobody routes half of the way.
fn both_stay(lab: &Lab, node: &str, span: Duration) {
    let start = Instant::now();
    while start.elapsed() < span {
        for arm in ARMS {
            assert_eq!(lab.holders(arm), [node], "who holds {arm}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// One cable, its return and an orderly stop, with `master` on A and `backup` on B.
fn moves_as_one(master: Kind, backup: Kind) {
    let mut lab = Lab::new(&["A", "B"]);
    lab.add_network();
    lab.start("A", master, &gateway(150));
    lab.start("B", backup, &gateway(100));
    both_move(&lab, "A", SOON);
    both_stay(&lab, "A", Duration::from_secs(2));

    lab.pull("A");
    both_move(&lab, "B", MASTER_DOWN);
    both_stay(&lab, "B", Duration::from_secs(2));

    lab.plug("A");
    both_move(&lab, "A", MASTER_DOWN);
    both_stay(&lab, "A", Duration::from_secs(2));

    lab.daemon("A").signal(Signal::SIGTERM);
    both_move(&lab, "B", HANDED_OVER);
    lab.daemon("A").await_end(SOON);
    both_stay(&lab, "B", Duration::from_secs(1));
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn a_group_of_locum_before_one_of_keepalived_moves_as_one() {
    moves_as_one(Kind::Locum, Kind::Keepalived);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn a_group_of_keepalived_before_one_of_locum_moves_as_one() {
    moves_as_one(Kind::Keepalived, Kind::Locum);
}
