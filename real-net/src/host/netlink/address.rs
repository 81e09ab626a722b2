//! Addresses as messages: what the configuration says of one, in the kernel's words.

use std::net::{IpAddr, Ipv4Addr};

use locum_engine::config::{Broadcast, VirtualAddress};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};

/// What an address is in a request to add it or to remove it.
pub(super) fn address_message(index: u32, wanted: &VirtualAddress) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = index;
    message.header.prefix_len = wanted.prefix;
    message.header.scope = wanted.scope.into();
    let attributes = &mut message.attributes;
    attributes.push(AddressAttribute::Local(wanted.address));
    // On a point-to-point link this is the other end.
    let options = &wanted.options;
    attributes.push(AddressAttribute::Address(
        options.peer.unwrap_or(wanted.address),
    ));
    match wanted.address {
        IpAddr::V4(address) => {
            message.header.family = AddressFamily::Inet;
            if let Some(broadcast) = broadcast(address, wanted) {
                attributes.push(AddressAttribute::Broadcast(broadcast));
            }
            if let Some(label) = &wanted.label {
                attributes.push(AddressAttribute::Label(label.to_string()));
            }
        }
        IpAddr::V6(_) => message.header.family = AddressFamily::Inet6,
    }
    let flags = flags(wanted);
    if !flags.is_empty() {
        attributes.push(AddressAttribute::Flags(flags));
    }
    message
}

/// An address that moves between hosts can't wait for duplicate address detection, unless it is told.
fn flags(wanted: &VirtualAddress) -> AddressFlags {
    let options = &wanted.options;
    let ipv6 = wanted.address.is_ipv6();
    let mut flags = AddressFlags::empty();
    flags.set(AddressFlags::Nodad, ipv6 && !options.detects_duplicates);
    flags.set(AddressFlags::Homeaddress, options.home);
    flags.set(AddressFlags::Managetempaddr, options.makes_temporary);
    flags.set(AddressFlags::Noprefixroute, options.no_prefix_route);
    flags
}

fn broadcast(address: Ipv4Addr, wanted: &VirtualAddress) -> Option<Ipv4Addr> {
    match wanted.broadcast {
        Broadcast::None => None,
        Broadcast::Literal(literal) => Some(literal),
        Broadcast::AllOnes => {
            let host_bits = u32::MAX.checked_shr(wanted.prefix.into()).unwrap_or(0);
            Some(Ipv4Addr::from_bits(address.to_bits() | host_bits))
        }
    }
}
