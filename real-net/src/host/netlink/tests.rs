//! Messages, there and back.

use locum_engine::config::{AddressOptions, Broadcast, VirtualAddress};
use locum_engine::ids::InterfaceId;

use netlink_packet_route::address::AddressAttribute;

use super::*;

fn wanted(broadcast: Broadcast) -> VirtualAddress {
    VirtualAddress {
        address: IpAddr::from([192, 168, 0, 200]),
        prefix: 24,
        interface: InterfaceId(0),
        label: None,
        scope: 0,
        broadcast,
        options: AddressOptions::default(),
    }
}

fn datagram(message: RouteNetlinkMessage) -> Vec<u8> {
    let payload = NetlinkPayload::InnerMessage(message);
    let mut message = NetlinkMessage::new(NetlinkHeader::default(), payload);
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

#[test]
fn an_address_message_reads_back() {
    let message = address_message(7, &wanted(Broadcast::AllOnes));
    let broadcast = AddressAttribute::Broadcast(Ipv4Addr::new(192, 168, 0, 255));
    assert!(message.attributes.contains(&broadcast));
    let bytes = datagram(RouteNetlinkMessage::DelAddress(message));
    let expected = Change::AddressGone {
        index: 7,
        address: IpAddr::from([192, 168, 0, 200]),
    };
    assert_eq!(changes(&bytes).collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_truncated_or_garbled_datagram_ends_the_walk() {
    let message = address_message(7, &wanted(Broadcast::None));
    let bytes = datagram(RouteNetlinkMessage::NewAddress(message));
    for end in 0..bytes.len() {
        assert_eq!(changes(&bytes[..end]).count(), 0, "cut at {end}");
    }
    assert_eq!(changes(&[0xff; 64]).count(), 0);
    assert_eq!(changes(&[0; 64]).count(), 0);
}

#[test]
fn a_port_leaving_a_bridge_is_not_a_device_gone() {
    let mut message = LinkMessage::default();
    message.header.index = 3;
    message.header.interface_family = AddressFamily::Bridge;
    let bytes = datagram(RouteNetlinkMessage::DelLink(message.clone()));
    assert_eq!(changes(&bytes).count(), 0);
    message.header.interface_family = AddressFamily::Unspec;
    let bytes = datagram(RouteNetlinkMessage::DelLink(message));
    assert_eq!(changes(&bytes).count(), 1);
}

#[test]
fn the_kernel_lists_the_loopback() {
    let mut names = Vec::new();
    Netlink::dump(|change| {
        if let Change::Link { name, .. } = change {
            names.push(name);
        }
    })
    .expect("netlink answers without privileges");
    assert!(names.iter().any(|n| n == "lo"), "{names:?}");
}

#[test]
fn refusals_carry_their_errno() {
    let refused = acknowledgement(&(-libc::EEXIST).to_ne_bytes());
    let code = refused.expect_err("not zero").raw_os_error();
    assert_eq!(code, Some(libc::EEXIST));
    assert!(acknowledgement(&0_i32.to_ne_bytes()).is_ok());
    assert!(acknowledgement(&[]).is_err());
}
