//! Virtual MAC addresses over IPv6: the frames, the device, and keepalived as the other side.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::ipv6::{self, VIP};
use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::must;
use crate::{SOON, VIP as VIP_V4};

/// Of VRID 61 over IPv6 (RFC 9568 7.3).
const VIRTUAL: &str = "00:00:5e:00:02:3d";
const VIRTUAL_MAC: [u8; 6] = [0, 0, 0x5e, 0, 2, 0x3d];
const OWN_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x11];

fn configuration(node: &str, lines: &str) -> String {
    ipv6::instance(node, 3, &format!("use_vmac\n{lines}"))
}

/// Adverts over IPv6, and announcements: unsolicited neighbour advertisements to all nodes.
fn sorted(frames: &[Vec<u8>]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let next_header = |frame: &&Vec<u8>| frame[20];
    let adverts = frames.iter().filter(|f| next_header(f) == 112);
    let neighbour = |frame: &&Vec<u8>| next_header(frame) == 58 && frame[54] == 136;
    let announced = frames.iter().filter(neighbour);
    (adverts.cloned().collect(), announced.cloned().collect())
}

struct Seen {
    own: Vec<Vec<u8>>,
    from_device: Vec<Vec<u8>>,
    announced_v4: Vec<Vec<u8>>,
}

/// Everything that one node alone sends over IPv6.
fn frames(kind: Kind, lines: &str) -> Seen {
    let mut lab = Lab::new(&["A"]);
    let here = lab.namespace("A");
    // Duplicate address detection of eth0's own address is over.
    std::thread::sleep(Duration::from_secs(2));
    let capture = lab.capture_of("arp or ip6");
    lab.start("A", kind, &configuration("A", lines));
    lab.await_holders(VIP, &["A"], SOON);
    std::thread::sleep(Duration::from_millis(1500));
    let device = must(&format!("ip -n {here} -o addr show dev vrrp.61"));
    assert!(device.contains(VIP), "{device}");
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.daemon("A").await_end(SOON);
    std::thread::sleep(Duration::from_millis(500));
    let announced = capture.announcements(VIP_V4.parse().expect("it is one"));
    Seen {
        own: capture.frames_v6(OWN_MAC),
        from_device: capture.frames_v6(VIRTUAL_MAC),
        announced_v4: announced.into_iter().map(|f| f.bytes).take(5).collect(),
    }
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn ipv6_frames_from_a_virtual_mac_are_keepaliveds() {
    let (ours, theirs) = (frames(Kind::Locum, ""), frames(Kind::Keepalived, ""));
    let (our_adverts, our_announcements) = sorted(&ours.from_device);
    let (their_adverts, their_announcements) = sorted(&theirs.from_device);
    assert!(our_adverts.len() > 2, "{our_adverts:?}");
    assert_eq!(our_adverts[..2], their_adverts[..2]);
    assert_eq!(our_adverts.last(), their_adverts.last(), "the resignation");
    assert_eq!(our_announcements[..10], their_announcements[..10]);
    // A backup and one that has resigned send nothing from there, whatever the kernel would report.
    let frames = &ours.from_device;
    assert_eq!(frames.first(), our_adverts.first());
    assert_eq!(frames.last(), our_adverts.last());
    assert!(sorted(&ours.own).0.is_empty());
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn both_families_and_vmac_xmit_base_over_ipv6() {
    let lines = format!("vmac_xmit_base\n virtual_ipaddress_excluded {{\n {VIP_V4}/24\n }}");
    let (ours, theirs) = (
        frames(Kind::Locum, &lines),
        frames(Kind::Keepalived, &lines),
    );
    let (our_adverts, _) = sorted(&ours.own);
    let (their_adverts, _) = sorted(&theirs.own);
    assert!(our_adverts.len() > 2, "{our_adverts:?}");
    assert_eq!(our_adverts[..2], their_adverts[..2]);
    let (none, our_announcements) = sorted(&ours.from_device);
    assert!(none.is_empty());
    let (_, their_announcements) = sorted(&theirs.from_device);
    assert_eq!(our_announcements[..10], their_announcements[..10]);
    assert_eq!(ours.announced_v4.len(), 5);
    assert_eq!(ours.announced_v4, theirs.announced_v4);
}

/// Both with the same virtual MAC address; a client keeps its neighbour entry through it all.
fn plays_along(master: Kind, backup: Kind) {
    let mut lab = Lab::new(&["A", "B", "G"]);
    let client = lab.namespace("G");
    must(&format!(
        "ip -n {client} addr add 2001:db8::1/64 dev eth0 nodad"
    ));
    for node in ["A", "B"] {
        let here = lab.namespace(node);
        must(&format!(
            "ip netns exec {here} sysctl -qw net.ipv6.conf.all.forwarding=1"
        ));
    }
    lab.start("A", master, &configuration("A", ""));
    lab.start("B", backup, &configuration("B", ""));
    lab.await_holders(VIP, &["A"], SOON);
    lab.stays(VIP, &["A"], Duration::from_secs(4));
    let ping = format!("ip netns exec {client} ping -6 -c 1 -W 2 {VIP}");
    let reaches = || {
        must(&ping);
        let known = must(&format!("ip -n {client} neigh show {VIP}"));
        assert!(known.contains(VIRTUAL), "{known}");
    };
    reaches();
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.await_holders(VIP, &["B"], Duration::from_millis(2500));
    reaches();
    lab.daemon("A").await_end(SOON);
    lab.start("A", master, &configuration("A", ""));
    lab.await_holders(VIP, &["A"], SOON);
    lab.stays(VIP, &["A"], Duration::from_secs(2));
    reaches();
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn locum_is_master_and_keepalived_backup_at_one_mac_over_ipv6() {
    plays_along(Kind::Locum, Kind::Keepalived);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn keepalived_is_master_and_locum_backup_at_one_mac_over_ipv6() {
    plays_along(Kind::Keepalived, Kind::Locum);
}
