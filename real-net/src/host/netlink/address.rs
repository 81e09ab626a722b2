//! Addresses as requests: what the configuration says of one, in the kernel's words.
//!
//! Written as they are, without a message in between: thousands are asked for each second.

use std::net::{IpAddr, Ipv4Addr};

use locum_engine::config::{Broadcast, VirtualAddress};
use netlink_packet_route::address::AddressFlags;

// linux/if_addr.h
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_LABEL: u16 = 3;
const IFA_BROADCAST: u16 = 4;
const IFA_FLAGS: u16 = 8;

/// `struct rtattr`.
const HEADER: usize = 4;

/// Appends `struct ifaddrmsg` and the attributes that say what an address is: to add it or to
/// remove it.
pub(super) fn put_address(bytes: &mut Vec<u8>, index: u32, wanted: &VirtualAddress) {
    let family = match wanted.address {
        IpAddr::V4(_) => libc::AF_INET,
        IpAddr::V6(_) => libc::AF_INET6,
    };
    // The flags are an attribute.
    bytes.extend([family as u8, wanted.prefix, 0, wanted.scope]);
    bytes.extend(index.to_ne_bytes());
    put_ip(bytes, IFA_LOCAL, wanted.address);
    // On a point-to-point link this is the other end.
    let options = &wanted.options;
    put_ip(bytes, IFA_ADDRESS, options.peer.unwrap_or(wanted.address));
    if let IpAddr::V4(address) = wanted.address {
        if let Some(broadcast) = broadcast(address, wanted) {
            put_ip(bytes, IFA_BROADCAST, broadcast.into());
        }
        if let Some(label) = &wanted.label {
            let text = [label.as_bytes(), &[0]].concat();
            put(bytes, IFA_LABEL, &text);
        }
    }
    let flags = flags(wanted);
    if !flags.is_empty() {
        put(bytes, IFA_FLAGS, &flags.bits().to_ne_bytes());
    }
}

/// Appends an attribute, and what it takes until the next one may begin.
pub(super) fn put(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = HEADER + value.len();
    let short = u16::try_from(length).expect("a label is no longer than its file's line");
    bytes.extend(short.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

fn put_ip(bytes: &mut Vec<u8>, kind: u16, address: IpAddr) {
    match address {
        IpAddr::V4(address) => put(bytes, kind, &address.octets()),
        IpAddr::V6(address) => put(bytes, kind, &address.octets()),
    }
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
