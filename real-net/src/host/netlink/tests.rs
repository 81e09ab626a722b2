//! Messages, there and back.

use std::time::Duration;

use locum_engine::Rare;
use locum_engine::config::{Broadcast, VirtualAddress};
use locum_engine::ids::InterfaceId;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressProtocol, CacheInfo};

use super::*;

fn wanted(broadcast: Broadcast) -> VirtualAddress {
    VirtualAddress {
        address: IpAddr::from([192, 168, 0, 200]),
        prefix: 24,
        interface: InterfaceId(0),
        label: None,
        scope: 0,
        broadcast,
        options: Rare::default(),
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

/// What a request says, read by the library that didn't write it.
fn read(batch: &Batch) -> (u16, AddressMessage) {
    let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(batch.bytes());
    let message = message.expect("whole, and of a known kind");
    assert_eq!(message.header.length as usize, batch.bytes().len());
    match message.payload {
        NetlinkPayload::InnerMessage(
            RouteNetlinkMessage::NewAddress(address) | RouteNetlinkMessage::DelAddress(address),
        ) => (message.header.flags, address),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refresh_says_all_of_an_address() {
    let mut batch = Batch::default();
    let address = VirtualAddress {
        label: Some("eth0:1".into()),
        scope: 253,
        ..wanted(Broadcast::AllOnes)
    };
    batch.refresh_address(7, &address, Duration::from_secs(5));
    let (flags, message) = read(&batch);
    assert_eq!(flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE);
    let header = &message.header;
    assert_eq!((header.index, header.prefix_len), (7, 24));
    assert_eq!(u8::from(header.scope), 253);
    assert_eq!(header.family, AddressFamily::Inet);
    let mut lifetime = CacheInfo::default();
    (lifetime.ifa_preferred, lifetime.ifa_valid) = (5, 5);
    assert_eq!(
        message.attributes,
        [
            AddressAttribute::Local(address.address),
            AddressAttribute::Address(address.address),
            AddressAttribute::Broadcast(Ipv4Addr::new(192, 168, 0, 255)),
            AddressAttribute::Label("eth0:1".to_owned()),
            AddressAttribute::Protocol(AddressProtocol::Other(lease::TAG)),
            AddressAttribute::CacheInfo(lifetime),
        ]
    );
}

#[test]
fn an_ipv6_address_is_added_for_ever_without_detection() {
    let address = VirtualAddress {
        address: IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]),
        prefix: 64,
        ..wanted(Broadcast::None)
    };
    let mut batch = Batch::default();
    batch.add_address(7, &address, None);
    let (flags, message) = read(&batch);
    assert_eq!(flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
    assert_eq!(message.header.family, AddressFamily::Inet6);
    assert_eq!(
        message.attributes,
        [
            AddressAttribute::Local(address.address),
            AddressAttribute::Address(address.address),
            AddressAttribute::Flags(AddressFlags::Nodad),
            AddressAttribute::Protocol(AddressProtocol::Other(lease::TAG)),
        ]
    );
}

#[test]
fn a_removal_reads_back() {
    let mut batch = Batch::default();
    batch.remove_address(7, &wanted(Broadcast::AllOnes));
    let expected = Change::AddressGone {
        index: 7,
        address: IpAddr::from([192, 168, 0, 200]),
    };
    assert_eq!(changes(batch.bytes()).collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_truncated_or_garbled_datagram_ends_the_walk() {
    let mut batch = Batch::default();
    batch.add_address(7, &wanted(Broadcast::None), None);
    let bytes = batch.bytes();
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
