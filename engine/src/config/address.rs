//! Virtual addresses.

use core::net::IpAddr;
use std::sync::Arc;

use crate::ids::InterfaceId;
use crate::rare::{Blank, Rare};

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
    /// What is rarely said.
    pub options: Rare<AddressOptions>,
}

/// The rarer words behind an address. The default is that none of them is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressOptions {
    /// `peer`, of the same family: the other end of a point-to-point link. The prefix length is a
    /// host's then.
    pub peer: Option<IpAddr>,
    /// `-nodad`, over IPv6: the kernel looks for another owner first, and the address can't be used
    /// until it has found none.
    pub detects_duplicates: bool,
    /// `home`, over IPv6: a home address of Mobile IPv6.
    pub home: bool,
    /// `mngtmpaddr`, over IPv6, with a /64: temporary addresses are made from it.
    pub makes_temporary: bool,
    /// `noprefixroute`: the kernel adds no route to its network.
    pub no_prefix_route: bool,
    /// `no_track`: what somebody removes stays removed.
    pub untracked: bool,
    /// `preferred_lft`, over IPv6.
    pub preferred: Preferred,
}

impl Blank for AddressOptions {
    fn blank() -> &'static Self {
        static BLANK: AddressOptions = AddressOptions {
            peer: None,
            detects_duplicates: false,
            home: false,
            makes_temporary: false,
            no_prefix_route: false,
            untracked: false,
            preferred: Preferred::Usual,
        };
        &BLANK
    }
}

/// How long the kernel may choose an IPv6 address as the source of new connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Preferred {
    /// A /128 never, others always.
    #[default]
    Usual,
    /// For so many seconds; 0 is never.
    Seconds(u32),
    /// Always.
    Always,
}

impl VirtualAddress {
    /// For how many seconds the address may be chosen as a source; `None` for as long as it is there.
    /// IPv4 addresses have no such time.
    pub fn preferred(&self) -> Option<u32> {
        match (self.address, self.options.preferred) {
            (IpAddr::V4(_), _) | (IpAddr::V6(_), Preferred::Always) => None,
            (IpAddr::V6(_), Preferred::Seconds(seconds)) => Some(seconds),
            (IpAddr::V6(_), Preferred::Usual) => (self.prefix == 128).then_some(0),
        }
    }
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
