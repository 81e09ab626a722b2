//! A daemon's side of its host.

use locum_engine::ids::Priority;
use locum_engine::wire::ipv6::link_local;
use locum_engine::wire::{self, AdvertView, Family};
use locum_engine::{LinkState, config};

use super::*;
use crate::kernel::RECEIVE_BUFFER;
use crate::record::Remover;

fn link(host: HostId, up: bool) -> Delivery {
    Delivery::Link(LinkState {
        up,
        mac: mac(host),
        address: Some(IpAddr::V4(ip(host))),
        link_local: Some(link_local(mac(host))),
        forwards_ipv6: false,
    })
}

#[test]
fn an_advert_reaches_the_open_sockets_of_the_others() {
    let mut fabric = quiet();
    fabric.open(A);
    fabric.open(B);
    assert_eq!(fabric.poll(B), Some(link(B, true)));
    shout(&mut fabric, A);
    fabric.advance(Instant::from_nanos(99_999));
    assert!(!fabric.has_delivery(B));
    fabric.advance(Instant::from_nanos(100_000));
    let packets = heard(&mut fabric, B);
    let [packet] = &*packets else {
        panic!("one packet, not {packets:?}");
    };
    assert_eq!(
        (packet.source, packet.destination),
        (ip(A).into(), wire::GROUP_V4.into())
    );
    assert_eq!((packet.ttl, packet.protocol), (255, 112));
    let view = AdvertView::new(&packet.payload, config::Version::V2, Family::V4);
    assert_eq!(view.expect("an advert").priority(), Priority(100));
    assert_eq!(heard(&mut fabric, A), []);
    assert_eq!(heard(&mut fabric, G), []);
}

#[test]
fn a_unicast_advert_waits_for_arp() {
    let mut fabric = quiet();
    fabric.open(B);
    fabric.send(A, advert(A, ip(B), 100));
    pass(&mut fabric, 1);
    assert_eq!(heard(&mut fabric, B).len(), 1);
    assert_eq!(fabric.neighbour(A, ip(B)), Some(mac(B)));
    fabric.open(G);
    fabric.send(A, advert(A, ip(B), 100));
    pass(&mut fabric, 1);
    assert_eq!(heard(&mut fabric, B).len(), 1);
    assert_eq!(heard(&mut fabric, G).len(), 0);
}

#[test]
fn a_full_receive_buffer_drops_the_newest() {
    let mut fabric = quiet();
    fabric.open(B);
    for priority in 0..300_u16 {
        fabric.send(A, advert(A, wire::GROUP_V4, priority as u8));
    }
    pass(&mut fabric, 1);
    assert_eq!(fabric.dropped(B), 300 - RECEIVE_BUFFER as u64);
    let packets = heard(&mut fabric, B);
    assert_eq!(packets.len(), RECEIVE_BUFFER);
    let priorities = packets.iter().map(|p| p.payload[2]);
    assert!(priorities.eq((0..=255).collect::<Vec<u8>>()));
}

#[test]
fn changes_come_before_packets() {
    let mut fabric = quiet();
    fabric.open(B);
    shout(&mut fabric, A);
    pass(&mut fabric, 1);
    fabric.apply(&Fault::Pull(cable_of(B)));
    assert_eq!(fabric.poll(B), Some(link(B, true)));
    assert_eq!(fabric.poll(B), Some(link(B, false)));
    assert!(matches!(fabric.poll(B), Some(Delivery::Packet(_))));
    assert_eq!(fabric.poll(B), None);
}

#[test]
fn reopening_loses_what_waited() {
    let mut fabric = quiet();
    fabric.open(B);
    shout(&mut fabric, A);
    pass(&mut fabric, 1);
    fabric.close(B);
    assert_eq!(fabric.poll(B), None);
    fabric.open(B);
    assert_eq!(heard(&mut fabric, B), []);
}

#[test]
fn addresses_are_recorded_when_they_really_change() {
    let mut fabric = quiet();
    fabric.open(A);
    assert!(fabric.add_address(A, &vip(), None));
    assert!(fabric.add_address(A, &vip(), None));
    assert!(fabric.holders(VIP).eq([A]));
    assert!(fabric.addresses(A).filter(IpAddr::is_ipv4).eq([ip(A), VIP]));
    fabric.remove_address(A, VIP);
    fabric.remove_address(A, VIP);
    assert_eq!(fabric.holders(VIP).next(), None);
    let seen: Vec<_> = records(&mut fabric).into_iter().map(|r| r.what).collect();
    assert_eq!(
        seen,
        [
            Observed::AddressAdded {
                host: A,
                address: VIP.into()
            },
            Observed::AddressRemoved {
                host: A,
                address: VIP.into(),
                by: Remover::Daemon
            },
        ]
    );
    assert_eq!(fabric.poll(A), Some(link(A, true)));
    assert_eq!(fabric.poll(A), None);
}

#[test]
fn a_lease_that_nobody_renews_runs_out() {
    let mut fabric = quiet();
    fabric.open(A);
    let lease = Some(Duration::from_secs(3));
    fabric.add_address(A, &vip(), lease);
    fabric.advance(ms(2_000));
    fabric.add_address(A, &vip(), lease);
    fabric.advance(Instant::from_nanos(4_999_999_999));
    assert!(fabric.holders(VIP).eq([A]));
    fabric.advance(ms(9_000));
    assert_eq!(fabric.holders(VIP).next(), None);
    let [_, last] = &records(&mut fabric)[..] else {
        panic!("the address comes once and goes once");
    };
    assert_eq!(last.at, ms(5_000));
    let by = Remover::Lifetime;
    assert!(matches!(last.what, Observed::AddressRemoved { by: b, .. } if b == by));
    assert_eq!(fabric.poll(A), Some(link(A, true)));
    assert_eq!(fabric.poll(A), Some(Delivery::AddressRemoved(VIP.into())));
}

#[test]
fn a_lease_runs_on_the_hosts_own_clock() {
    let mut fabric = quiet();
    fabric.add_address(A, &vip(), Some(Duration::from_secs(3)));
    fabric.advance(ms(1_000));
    fabric.apply(&Fault::PauseVm(A));
    fabric.advance(ms(60_000));
    assert!(fabric.holders(VIP).eq([A]));
    fabric.apply(&Fault::ResumeVm(A));
    fabric.advance(ms(61_000));
    // Half of what is left runs twice as fast.
    fabric.apply(&Fault::Drift(A, 1_000_000));
    fabric.advance(Instant::from_nanos(61_499_999_999));
    assert!(fabric.holders(VIP).eq([A]));
    fabric.advance(ms(61_500));
    assert_eq!(fabric.holders(VIP).next(), None);
}

#[test]
fn a_foreigner_can_take_the_nics_own_address_and_the_daemon_cannot() {
    let mut fabric = quiet();
    fabric.open(A);
    fabric.remove_address(A, ip(A));
    assert!(fabric.addresses(A).filter(IpAddr::is_ipv4).eq([ip(A)]));
    fabric.apply(&Fault::RemoveAddress(A, ip(A).into()));
    assert_eq!(fabric.poll(A), Some(link(A, true)));
    assert_eq!(fabric.poll(A), Some(Delivery::AddressRemoved(ip(A).into())));
    let bare = LinkState {
        up: true,
        mac: mac(A),
        address: None,
        link_local: Some(link_local(mac(A))),
        forwards_ipv6: false,
    };
    assert_eq!(fabric.poll(A), Some(Delivery::Link(bare)));
}

#[test]
fn power_loss_takes_everything_but_the_specification() {
    let mut fabric = quiet();
    fabric.open(A);
    fabric.open(B);
    heard(&mut fabric, B);
    fabric.add_address(A, &vip(), None);
    fabric.apply(&Fault::PowerOff(A));
    let lost = Observed::AddressRemoved {
        host: A,
        address: VIP.into(),
        by: Remover::PowerLoss,
    };
    assert_eq!(fabric.holders(VIP).next(), None);
    assert_eq!(fabric.holders(ip(A)).next(), None);
    assert!(!fabric.has_carrier(A));
    assert!(fabric.has_carrier(B));
    assert_eq!(fabric.poll(A), None);
    let before = records(&mut fabric);
    shout(&mut fabric, A);
    assert!(!fabric.add_address(A, &vip(), None));
    assert_eq!(before.last().map(|record| &record.what), Some(&lost));
    assert_eq!(records(&mut fabric), []);
    pass(&mut fabric, 1);
    assert_eq!(heard(&mut fabric, B), []);
    fabric.apply(&Fault::PowerOn(A));
    fabric.open(A);
    assert_eq!(fabric.poll(A), Some(link(A, true)));
    assert!(fabric.addresses(A).filter(IpAddr::is_ipv4).eq([ip(A)]));
    shout(&mut fabric, A);
    pass(&mut fabric, 1);
    assert_eq!(heard(&mut fabric, B).len(), 1);
}

#[test]
fn power_loss_ends_a_pause_and_what_its_nic_kept() {
    let mut fabric = quiet();
    fabric.open(B);
    fabric.apply(&Fault::PauseVm(B));
    shout(&mut fabric, A);
    pass(&mut fabric, 1);
    apply(&mut fabric, [Fault::PowerOff(B), Fault::PowerOn(B)]);
    assert!(!fabric.is_paused(B));
    fabric.open(B);
    fabric.apply(&Fault::ResumeVm(B));
    assert_eq!(heard(&mut fabric, B), []);
    let before = fabric.local_now(B);
    pass(&mut fabric, 10);
    assert_eq!(fabric.local_now(B), before + Duration::from_millis(10));
}

/// Priorities, in order, of the unicast adverts that reach B.
fn priorities_heard(fabric: &mut Fabric) -> Vec<u8> {
    let packets = heard(fabric, B).into_iter();
    packets.map(|packet| packet.payload[2]).collect()
}

#[test]
fn the_newest_three_packets_wait_for_arp() {
    let mut fabric = quiet();
    fabric.open(B);
    for priority in 1..=5 {
        fabric.send(A, advert(A, ip(B), priority));
    }
    pass(&mut fabric, 1);
    assert_eq!(priorities_heard(&mut fabric), [3, 4, 5]);
}

#[test]
fn packets_that_waited_in_vain_are_lost() {
    let mut fabric = quiet();
    fabric.apply(&Fault::PowerOff(B));
    fabric.send(A, advert(A, ip(B), 1));
    pass(&mut fabric, 3_000);
    fabric.apply(&Fault::PowerOn(B));
    fabric.open(B);
    fabric.send(A, advert(A, ip(B), 2));
    pass(&mut fabric, 1);
    assert_eq!(priorities_heard(&mut fabric), [2]);
}

#[test]
fn a_paused_machine_handles_what_its_nic_kept() {
    let mut fabric = quiet();
    fabric.open(B);
    fabric.apply(&Fault::PauseVm(B));
    for _ in 0..300 {
        shout(&mut fabric, A);
    }
    pass(&mut fabric, 1);
    assert_eq!(heard(&mut fabric, B), []);
    let before = fabric.local_now(B);
    pass(&mut fabric, 1_000);
    assert_eq!(fabric.local_now(B), before);
    fabric.apply(&Fault::ResumeVm(B));
    assert_eq!(fabric.dropped(B), 0);
    assert_eq!(heard(&mut fabric, B).len(), 256);
}

#[test]
fn nothing_expires_while_the_machine_is_paused() {
    let mut fabric = quiet();
    fabric.apply(&Fault::PauseVm(A));
    fabric.add_address(A, &vip(), Some(Duration::ZERO));
    pass(&mut fabric, 1_000);
    assert!(fabric.holders(VIP).eq([A]));
    fabric.apply(&Fault::ResumeVm(A));
    pass(&mut fabric, 0);
    assert_eq!(fabric.holders(VIP).next(), None);
}

/// A renewal leaves one void event behind, which makes no others.
#[test]
fn renewals_do_not_pile_up() {
    let mut fabric = quiet();
    for _ in 0..10 {
        fabric.add_address(A, &vip(), Some(Duration::from_secs(10)));
        pass(&mut fabric, 100);
    }
    fabric.advance(ms(10_850));
    // The end of the last lease, and the client's first ping.
    assert_eq!(fabric.queue.len(), 2);
}

#[test]
fn fragments_reach_nobody() {
    let mut fabric = quiet();
    fabric.open(B);
    let mut fragment = advert(A, wire::GROUP_V4, 100);
    if let Transmit::Advert { packet, .. } = &mut fragment {
        // "More fragments", and the header checksum that goes with it.
        packet[6] |= 0x20;
        let old = u16::from_be_bytes([packet[10], packet[11]]);
        let (sum, carry) = (!old).overflowing_add(0x2000);
        packet[10..12].copy_from_slice(&(!(sum + u16::from(carry))).to_be_bytes());
    }
    fabric.send(A, fragment);
    pass(&mut fabric, 1);
    assert_eq!(heard(&mut fabric, B), []);
}

#[test]
fn forged_adverts_come_at_their_times_from_nobody() {
    let mut fabric = quiet();
    fabric.open(A);
    fabric.open(B);
    fabric.apply(&Fault::Forge(
        B,
        crate::fault::Forgery {
            source: ip(A).into(),
            vrid: Vrid::new(51).expect("51 is a VRID"),
            priority: Priority(250),
            password: Some(*b"wrong\0\0\0"),
            addresses: vec![VIP.into()],
            ttl: 254,
            count: 3,
            every: Duration::from_millis(100),
        },
    ));
    pass(&mut fabric, 250);
    let packets = heard(&mut fabric, B);
    assert_eq!(packets.len(), 3);
    assert_eq!((packets[0].source, packets[0].ttl), (ip(A).into(), 254));
    let view = AdvertView::new(&packets[0].payload, config::Version::V2, Family::V4);
    assert_eq!(view.expect("an advert").auth_data(), *b"wrong\0\0\0");
    // A's kernel drops what claims to come from itself.
    assert_eq!(heard(&mut fabric, A), []);
    pass(&mut fabric, 1_000);
    assert_eq!(heard(&mut fabric, B), []);
}
