//! Hears the adverts that come from our own virtual MAC address.
//!
//! A router with `use_vmac` advertises from the virtual MAC address, which the macvlan device of
//! each of its peers has too. The kernel takes such a frame for one of the device's and hands it to
//! the device alone, so that the raw socket on the interface below doesn't hear it. A packet socket
//! on the device does: it joins no group, so that no IGMP report from a backup ever tells the
//! switches that the address is here (keepalived needs a firewall rule against that). What it hears of
//! the device's traffic, its filter says (`sieve`). IPv4 and IPv6 have sockets of their own.

use std::io;
use std::num::NonZeroU32;

use locum_engine::wire::{Family, ethernet};
use socket2::{Domain, Socket, Type};

use super::sieve;
use crate::sys::packet::link_address;

/// A packet socket on a device, which hears nothing yet, and then packets that begin with their IP
/// header. Needs `CAP_NET_RAW`.
pub(super) fn open(index: NonZeroU32, family: Family) -> io::Result<Socket> {
    // Protocol 0 until the filter is there: nothing may queue up before.
    let socket = Socket::new(Domain::PACKET, Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    socket.attach_filter(&sieve::NOTHING)?;
    let kind = match family {
        Family::V4 => ethernet::ETHERTYPE_IPV4,
        Family::V6 => ethernet::ETHERTYPE_IPV6,
    };
    socket.bind(&link_address(index.get(), kind))?;
    Ok(socket)
}
