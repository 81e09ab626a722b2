//! Interfaces that the daemon makes for itself: one for each virtual MAC address.

use crate::ids::{InterfaceId, MacAddr, Vrid};

/// An interface with a virtual MAC address on top of another one (Linux: a macvlan in private mode,
/// as keepalived makes it). It exists from the daemon's start to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualDevice {
    /// The interface itself; its name in the configuration's list.
    pub interface: InterfaceId,
    /// What it lies on.
    pub base: InterfaceId,
    /// Its hardware address, `00:00:5e:00:01:VRID` unless the configuration gives another.
    pub mac: MacAddr,
}

/// `use_vmac` of one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vmac {
    /// The instance's [`VirtualDevice`]: adverts leave through it, and the addresses are on it.
    pub device: InterfaceId,
    /// `vmac_xmit_base`: adverts leave through the instance's own interface, with its MAC address.
    pub xmit_base: bool,
}

/// The virtual MAC address of an IPv4 virtual router (RFC 9568 7.3).
pub const fn virtual_mac_v4(vrid: Vrid) -> MacAddr {
    MacAddr([0x00, 0x00, 0x5e, 0x00, 0x01, vrid.get()])
}

/// The virtual MAC address of an IPv6 virtual router (RFC 9568 7.3).
pub const fn virtual_mac_v6(vrid: Vrid) -> MacAddr {
    MacAddr([0x00, 0x00, 0x5e, 0x00, 0x02, vrid.get()])
}
