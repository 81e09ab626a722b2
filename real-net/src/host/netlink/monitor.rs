//! The socket that hears what changes.
//!
//! Every request makes the kernel tell everybody, us included. With thousands of leased addresses
//! that would be thousands of messages a second to wake up for and to read, so a filter keeps them
//! away: an address that we have just added ourselves is no news.

use std::io;

use netlink_sys::SocketAddr;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::RcvBufForce;
use socket2::{SockFilter, SockRef};

use super::Netlink;
use super::lease::{IFA_PROTO, TAG};

/// In bytes; the kernel takes it for twice as much.
const MONITOR_BUFFER: usize = 2 << 20;

/// The groups of routes and rules.
const OBJECTS: [u32; 4] = [
    libc::RTNLGRP_IPV4_ROUTE,
    libc::RTNLGRP_IPV6_ROUTE,
    libc::RTNLGRP_IPV4_RULE,
    libc::RTNLGRP_IPV6_RULE,
];

/// Where in a message its type, its sender's port and the first attribute of an address are.
const TYPE_AT: u32 = 4;
const PORT_AT: u32 = 12;
const ATTRIBUTES_AT: u32 = 24;

impl Netlink {
    /// Subscribed to links, addresses and IPv6 forwarding, and to routes and rules if there are any of
    /// ours: a router may have very many others. Doesn't block.
    ///
    /// It hears nothing of the addresses that `requests` adds.
    pub(crate) fn monitor(objects: bool, requests: &Self) -> io::Result<Self> {
        let groups = libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR;
        let this = Self::open(groups.cast_unsigned())?;
        let mut ours = SocketAddr::new(0, 0);
        requests.socket.get_address(&mut ours)?;
        SockRef::from(&this.socket).attach_filter(&filter(ours.port_number()))?;
        // Room for what others do to thousands of addresses at once; without it everything is read anew.
        let _ = setsockopt(&this.socket, RcvBufForce, &MONITOR_BUFFER);
        this.socket.add_membership(libc::RTNLGRP_IPV6_NETCONF)?;
        if objects {
            this.follow_objects()?;
        }
        this.socket.set_non_blocking(true)?;
        Ok(this)
    }

    /// Subscribes to routes and rules, too.
    pub(crate) fn follow_objects(&self) -> io::Result<()> {
        let mut groups = OBJECTS.into_iter();
        groups.try_for_each(|group| self.socket.add_membership(group))
    }
}

/// Keeps away what tells of an address with our tag that was added, or whose lifetime began anew, at
/// the request of this port. Removals pass: with one address the kernel may remove others. Kernels
/// before 5.18 tell no tags, and everything passes.
fn filter(port: u32) -> [SockFilter; 12] {
    const LOAD_WORD: u16 = 0x20;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE_BEHIND: u16 = 0x50;
    const LOAD_IMMEDIATE: u16 = 0x00;
    const LOAD_X: u16 = 0x01;
    const TO_X: u16 = 0x07;
    const EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    // linux/filter.h: SKF_AD_OFF and SKF_AD_NLATTR, which looks for an attribute.
    const FIND_ATTRIBUTE: u32 = 0xffff_f000 + 12;
    const EVERYTHING: u32 = u32::MAX;
    // The filter reads as from a network, netlink writes as the machine does.
    let new_address = u16::from_be_bytes(libc::RTM_NEWADDR.to_ne_bytes());
    let port = u32::from_be_bytes(port.to_ne_bytes());
    let load = |code, at| SockFilter::new(code, 0, 0, at);
    // A comparison that fails jumps to the instruction before the last.
    let equal = |to_end, value| SockFilter::new(EQUAL, 0, to_end, value);
    [
        load(LOAD_HALF, TYPE_AT),
        equal(8, new_address.into()),
        load(LOAD_WORD, PORT_AT),
        equal(6, port),
        load(LOAD_X, IFA_PROTO.into()),
        load(LOAD_IMMEDIATE, ATTRIBUTES_AT),
        load(LOAD_WORD, FIND_ATTRIBUTE),
        load(TO_X, 0),
        // Without the attribute this is a byte of the type, which isn't the tag.
        load(LOAD_BYTE_BEHIND, 4),
        SockFilter::new(EQUAL, 1, 0, TAG.into()),
        SockFilter::new(RETURN, 0, 0, EVERYTHING),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}
