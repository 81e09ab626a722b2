//! Virtual addresses.

use core::net::IpAddr;
use std::sync::Arc;

use crate::ids::InterfaceId;

/// One line of `virtual_ipaddress`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VirtualAddress {
    /// The address.
    pub address: IpAddr,
    /// Prefix length; 32 or 128 when the line has none.
    pub prefix: u8,
    /// `dev`; the instance's interface by default.
    pub interface: InterfaceId,
    /// `label` of an IPv4 address, such as `eth0:1`.
    pub label: Option<Arc<str>>,
    /// `scope` as the kernel's number: 0 global, 200 site, 253 link, 254 host.
    pub scope: u8,
    /// `brd`.
    pub broadcast: Broadcast,
}

/// `brd` of an IPv4 address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broadcast {
    /// None (also `brd -`).
    #[default]
    None,
    /// `brd +`: all host bits set.
    AllOnes,
    /// A literal address.
    Literal(core::net::Ipv4Addr),
}
