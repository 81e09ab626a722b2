//! The same configuration gives the same bytes: ours and keepalived's, from the IP header on.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::capture::{Advert, Capture, Frame};
use crate::lab::Lab;
use crate::process::Kind;
use crate::{SOON, VIP, founding};

/// VRRPv3, half a second, two addresses, one more that is not advertised.
const VERSION_3: &str = "\
vrrp_instance VI_2 {
    state BACKUP
    interface eth0
    version 3
    virtual_router_id 52
    priority 150
    advert_int 0.5
    virtual_ipaddress {
        192.168.0.200/24
        192.168.0.201
    }
    virtual_ipaddress_excluded {
        192.168.0.202/24
    }
}
";

const COMPARED: usize = 4;

struct Wire {
    adverts: Vec<Advert>,
    announcements: Vec<Frame>,
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn version_2_with_a_password_from_the_founding_configuration() {
    compare(&founding("A"));
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn version_3_with_several_addresses() {
    compare(VERSION_3);
}

fn compare(configuration: &str) {
    let ours = record(Kind::Locum, configuration);
    let theirs = record(Kind::Keepalived, configuration);
    for (number, (our, their)) in ours
        .adverts
        .iter()
        .zip(&theirs.adverts)
        .enumerate()
        .take(COMPARED)
    {
        assert_eq!(our.packet, their.packet, "advert {number}");
        let id = u16::try_from(number + 1).expect("a few");
        assert_eq!(our.packet[4..6], id.to_be_bytes(), "identification");
    }
    // The resignation: its number depends on when the daemon was stopped.
    let last = |wire: &Wire| wire.adverts.last().cloned().expect("adverts");
    let (our, their) = (last(&ours), last(&theirs));
    assert_eq!((our.priority, their.priority), (0, 0));
    assert_eq!(without_id(&our.packet), without_id(&their.packet));
    // The announcement: the whole frame, for both were sent by the same interface address.
    let first = |wire: &Wire| {
        wire.announcements
            .first()
            .cloned()
            .expect("announced")
            .bytes
    };
    assert_eq!(first(&ours), first(&theirs), "gratuitous ARP");
    // Five rounds at once, as `garp_master_repeat` has it.
    assert!(burst(&ours) == 5 && burst(&theirs) == 5, "burst");
}

/// One node alone, from its start to its end.
fn record(kind: Kind, configuration: &str) -> Wire {
    let mut lab = Lab::new(&["A"]);
    let capture = lab.capture();
    lab.start("A", kind, configuration);
    lab.await_holders(VIP, &["A"], SOON);
    await_adverts(&capture, COMPARED);
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.daemon("A").await_end(SOON);
    std::thread::sleep(Duration::from_millis(300));
    Wire {
        adverts: capture.adverts(),
        announcements: capture.announcements(VIP.parse::<Ipv4Addr>().expect("it is one")),
    }
}

fn await_adverts(capture: &Capture, count: usize) {
    let start = Instant::now();
    while capture.adverts().len() < count {
        assert!(start.elapsed() < SOON, "too few adverts");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Announcements within a tenth of a second of the first.
fn burst(wire: &Wire) -> usize {
    let first = wire.announcements[0].at;
    let within = |f: &&Frame| f.at - first < Duration::from_millis(100);
    wire.announcements.iter().filter(within).count()
}

/// The packet with identification and header checksum blanked.
fn without_id(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    packet[4..6].fill(0);
    packet[10..12].fill(0);
    packet
}
