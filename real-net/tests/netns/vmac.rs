//! Virtual MAC addresses: the device, its settings, the frames; with keepalived as the other side.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::must;
use crate::{SOON, VIP};

const VIRTUAL: &str = "00:00:5e:00:01:33";

fn configuration(priority: u8, lines: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{
    interface eth0
    use_vmac
    virtual_router_id 51
    priority {priority}
    advert_int 1
{lines}
    virtual_ipaddress {{
        {VIP}/24
    }}
}}
"
    )
}

/// Whole frames from the virtual MAC address, by one node alone: adverts without their number, and
/// announcements.
fn frames(kind: Kind, lines: &str) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let mut lab = Lab::new(&["A"]);
    let capture = lab.capture();
    lab.start("A", kind, &configuration(150, lines));
    lab.await_holders(VIP, &["A"], SOON);
    std::thread::sleep(Duration::from_millis(2500));
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.daemon("A").await_end(SOON);
    std::thread::sleep(Duration::from_millis(300));
    let adverts = capture.advert_frames();
    let announced = capture.announcements(VIP.parse().expect("it is one"));
    let announced = announced.into_iter().map(|frame| frame.bytes);
    (adverts, announced.take(5).collect())
}

fn same_frames(lines: &str, source: &str) {
    let (ours, our_garps) = frames(Kind::Locum, lines);
    let (theirs, their_garps) = frames(Kind::Keepalived, lines);
    assert_eq!(ours[..2], theirs[..2], "adverts");
    assert_eq!(our_garps, their_garps, "announcements");
    assert_eq!(our_garps.len(), 5);
    assert_eq!(mac(&ours[0][6..12]), source);
    assert_eq!(mac(&our_garps[0][6..12]), VIRTUAL);
}

fn mac(bytes: &[u8]) -> String {
    let octets: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    octets.join(":")
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn the_frames_are_keepaliveds() {
    same_frames("", VIRTUAL);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn with_vmac_xmit_base_too() {
    same_frames("    vmac_xmit_base", "02:00:00:00:00:11");
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn the_device_lives_as_long_as_the_daemon() {
    let mut lab = Lab::new(&["A"]);
    let here = lab.namespace("A");
    let sysctl = |name: &str| {
        let path = format!("/proc/sys/net/ipv4/conf/{name}");
        must(&format!("ip netns exec {here} cat {path}"))
    };
    lab.start("A", Kind::Locum, &configuration(150, ""));
    lab.await_holders(VIP, &["A"], SOON);
    let device = must(&format!("ip -n {here} -d link show vrrp.51"));
    assert!(device.contains(VIRTUAL), "{device}");
    assert!(device.contains("macvlan mode private"), "{device}");
    for (name, value) in [
        ("vrrp.51/arp_ignore", "1"),
        ("vrrp.51/accept_local", "1"),
        ("vrrp.51/rp_filter", "0"),
        ("vrrp.51/promote_secondaries", "1"),
        ("eth0/arp_ignore", "1"),
        ("eth0/arp_filter", "1"),
        ("eth0/arp_announce", "2"),
    ] {
        assert_eq!(sysctl(name).trim(), value, "{name}");
    }
    let holder = must(&format!("ip -n {here} -o addr show to {VIP}"));
    assert!(holder.contains("vrrp.51"), "{holder}");

    // Somebody removes it: it is made again, and the address is taken again.
    must(&format!("ip -n {here} link del vrrp.51"));
    lab.await_holders(VIP, &[], SOON);
    lab.await_holders(VIP, &["A"], SOON);

    lab.daemon("A").signal(Signal::SIGTERM);
    lab.daemon("A").await_end(SOON);
    let links = must(&format!("ip -n {here} link"));
    assert!(!links.contains("vrrp.51"), "{links}");
    assert_eq!(sysctl("eth0/arp_ignore").trim(), "0");
    assert_eq!(sysctl("eth0/arp_filter").trim(), "0");
    assert_eq!(sysctl("eth0/arp_announce").trim(), "0");
}

/// Both with the same virtual MAC address: each hears the other although the frames come from its
/// own address.
fn plays_along(master: Kind, backup: Kind) {
    let mut lab = Lab::new(&["A", "B"]);
    lab.start("A", master, &configuration(150, ""));
    lab.start("B", backup, &configuration(100, ""));
    lab.await_holders(VIP, &["A"], SOON);
    lab.stays(VIP, &["A"], Duration::from_secs(4));
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.await_holders(VIP, &["B"], Duration::from_millis(2500));
    lab.daemon("A").await_end(SOON);
    lab.start("A", master, &configuration(150, ""));
    lab.await_holders(VIP, &["A"], SOON);
    lab.stays(VIP, &["A"], Duration::from_secs(2));
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn locum_is_master_and_keepalived_backup_at_one_mac() {
    plays_along(Kind::Locum, Kind::Keepalived);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn keepalived_is_master_and_locum_backup_at_one_mac() {
    plays_along(Kind::Keepalived, Kind::Locum);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn a_client_keeps_its_neighbour_entry() {
    let mut lab = Lab::new(&["A", "B", "G"]);
    lab.start("A", Kind::Locum, &configuration(150, ""));
    lab.start("B", Kind::Locum, &configuration(100, ""));
    lab.await_holders(VIP, &["A"], SOON);
    let client = lab.namespace("G");
    let ping = format!("ip netns exec {client} ping -c 1 -W 2 {VIP}");
    must(&ping);
    let neighbour = || must(&format!("ip -n {client} neigh show {VIP}"));
    assert!(neighbour().contains(VIRTUAL), "{}", neighbour());
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.await_holders(VIP, &["B"], SOON);
    must(&ping);
    assert!(neighbour().contains(VIRTUAL), "{}", neighbour());
}

/// The interface below is another one while it has another name; with the cable the device goes and
/// comes back by itself, and isn't made anew.
#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn the_interface_below_is_renamed_and_loses_its_carrier() {
    let mut lab = Lab::new(&["A"]);
    let here = lab.namespace("A");
    lab.start("A", Kind::Locum, &configuration(150, ""));
    lab.await_holders(VIP, &["A"], SOON);
    let rename = |from: &str, to: &str| {
        must(&format!("ip -n {here} link set {from} down"));
        must(&format!("ip -n {here} link set {from} name {to}"));
        must(&format!("ip -n {here} link set {to} up"));
    };
    rename("eth0", "other0");
    lab.await_holders(VIP, &[], SOON);
    lab.stays(VIP, &[], Duration::from_millis(1500));
    rename("other0", "eth0");
    lab.await_holders(VIP, &["A"], SOON);
    lab.pull("A");
    lab.await_holders(VIP, &[], SOON);
    lab.stays(VIP, &[], Duration::from_millis(1500));
    lab.plug("A");
    lab.await_holders(VIP, &["A"], SOON);
    let log = lab.daemon("A").log();
    assert_eq!(log.matches("device made").count(), 1, "{log}");
}
