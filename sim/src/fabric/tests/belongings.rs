//! Devices with virtual MAC addresses, routes and the filter of `no_accept`, as a kernel has them.

use locum_engine::config::ObjectId;

use super::*;
use crate::record::Remover;

const VMAC: MacAddr = MacAddr([0, 0, 0x5e, 0, 1, 51]);

/// The announcement of a host whose address is on a device.
fn from_the_device() -> Transmit {
    Transmit::GratuitousArp {
        instance: InstanceId(0),
        interface: InterfaceId(1),
        address: VIP,
        mac: VMAC,
        frame: wire_arp::gratuitous(VMAC, VIP),
    }
}

/// A and B have the device, A the address on it.
fn virtual_mac() -> Fabric {
    let mut fabric = busy();
    for host in [A, B] {
        fabric.create_device(host, VMAC);
    }
    fabric.add_address_on(A, VMAC, &vip(), None);
    fabric.advance(ms(1_000));
    fabric
}

#[test]
fn questions_are_answered_with_the_virtual_mac() {
    let mut fabric = virtual_mac();
    assert_eq!(fabric.neighbour(C, VIP), Some(VMAC));
    let served = Observed::ServedBy {
        client: C,
        server: A,
    };
    assert!(records(&mut fabric).iter().any(|r| r.what == served));
}

/// The entry that the client has is good at once. It isn't kept for ever: as in the recording of
/// `use_vmac`, a new master that doesn't know the client asks for it by the NIC, in the name of the
/// virtual address, and the client believes that.
#[test]
fn a_client_is_served_as_soon_as_the_switch_has_seen_the_move() {
    let mut fabric = virtual_mac();
    let asked = fabric.now();
    fabric.remove_address(A, VIP);
    fabric.add_address_on(B, VMAC, &vip(), None);
    fabric.send_from(B, VMAC, from_the_device());
    pass(&mut fabric, 30);
    assert_eq!(fabric.neighbour(C, VIP), Some(mac(B)));
    let served = Observed::ServedBy {
        client: C,
        server: B,
    };
    let seen = records(&mut fabric);
    let at = seen.iter().find(|r| r.what == served).map(|r| r.at);
    assert!(at.is_some_and(|at| at <= asked + Duration::from_millis(20)));
}

#[test]
fn frames_to_a_device_that_is_gone_are_lost_and_nothing_leaves_it() {
    let mut fabric = virtual_mac();
    let _ = records(&mut fabric);
    fabric.remove_device(A, VMAC);
    fabric.add_address_on(A, VMAC, &vip(), None);
    fabric.send_from(A, VMAC, from_the_device());
    let seen = records(&mut fabric);
    let went = |what: &Observed| matches!(what, Observed::AddressRemoved { host: A, .. });
    assert_eq!(seen.iter().filter(|r| went(&r.what)).count(), 1);
    let came = |what: &Observed| matches!(what, Observed::AddressAdded { .. });
    assert!(!seen.iter().any(|r| came(&r.what)));
    let said = |what: &Observed| matches!(what, Observed::Announcement { .. });
    assert!(!seen.iter().any(|r| said(&r.what)));
}

#[test]
fn an_address_that_is_shut_answers_arp_only() {
    let mut fabric = busy();
    fabric.shut(A, &[VIP.into()]);
    fabric.add_address(A, &vip(), None);
    fabric.advance(ms(1_000));
    assert_eq!(fabric.neighbour(C, VIP), Some(mac(A)));
    let served = |r: &Record| matches!(r.what, Observed::ServedBy { .. });
    assert!(!records(&mut fabric).iter().any(served));
    fabric.unshut(A, &[VIP.into()]);
    pass(&mut fabric, 20);
    assert!(records(&mut fabric).iter().any(served));
}

#[test]
fn the_daemon_is_told_of_a_route_that_somebody_removed() {
    let mut fabric = quiet();
    fabric.open(A);
    while fabric.poll(A).is_some() {}
    let object = ObjectId {
        owner: Some(InstanceId(0)),
        index: 0,
    };
    fabric.install(A, object);
    fabric.apply(&Fault::RemoveObject(A, object));
    assert_eq!(fabric.poll(A), Some(Delivery::ObjectRemoved(object)));
    fabric.install(A, object);
    fabric.uninstall(A, object);
    assert_eq!(fabric.poll(A), None, "its own doing");
    fabric.install(A, object);
    fabric.apply(&Fault::PowerOff(A));
    let seen = records(&mut fabric);
    let gone = |by| Observed::ObjectRemoved {
        host: A,
        object,
        by,
    };
    for by in [Remover::Foreigner, Remover::Daemon, Remover::PowerLoss] {
        assert_eq!(seen.iter().filter(|r| r.what == gone(by)).count(), 1);
    }
}
