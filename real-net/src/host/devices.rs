//! The table of network devices, as netlink tells it: plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

use locum_engine::LinkState;
use locum_engine::ids::MacAddr;

use super::netlink::{Change, Netlink};

/// All devices by their index.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    devices: BTreeMap<u32, Device>,
}

/// One device.
#[derive(Debug, Default)]
pub(crate) struct Device {
    name: String,
    up: bool,
    mac: MacAddr,
    /// Over IPv6.
    forwards: bool,
    /// In the kernel's order: the primary ones first.
    addresses: Vec<Address>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Address {
    address: IpAddr,
    secondary: bool,
    usable: bool,
    /// The prefix length, if it is one of ours.
    tagged: Option<u8>,
}

impl Devices {
    /// Asks the kernel for everything.
    pub(crate) fn read() -> io::Result<Self> {
        let mut devices = Self::default();
        Netlink::dump(|change| devices.apply(change))?;
        Ok(devices)
    }

    /// The device of that name, and its index.
    pub(crate) fn find(&self, name: &str) -> Option<(NonZeroU32, &Device)> {
        let (index, device) = self.devices.iter().find(|(_, d)| d.name == name)?;
        Some((NonZeroU32::new(*index)?, device))
    }

    /// Brings the table up to date.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Link {
                index,
                name,
                up,
                mac,
                forwards,
            } => {
                let device = self.devices.entry(index).or_default();
                (device.name, device.up, device.mac) = (name, up, mac);
                device.forwards = forwards.unwrap_or(device.forwards);
            }
            Change::Forwarding { index, forwards } => {
                if let Some(device) = self.devices.get_mut(&index) {
                    device.forwards = forwards;
                }
            }
            Change::RouteGone(_) | Change::RuleGone(_) => {}
            Change::LinkGone { index } => {
                self.devices.remove(&index);
            }
            Change::Address {
                index,
                address,
                secondary,
                usable,
                tagged,
            } => {
                let device = self.devices.entry(index).or_default();
                device.add(Address {
                    address,
                    secondary,
                    usable,
                    tagged,
                });
            }
            Change::AddressGone { index, address } => {
                if let Some(device) = self.devices.get_mut(&index) {
                    device.addresses.retain(|a| a.address != address);
                }
            }
        }
    }

    /// Whether some device has that address, and may use it.
    pub(crate) fn hold(&self, address: IpAddr) -> bool {
        let mut all = self.devices.values().flat_map(|d| &d.addresses);
        all.any(|a| a.address == address && a.usable)
    }

    /// Whether that is an address as the table has it already.
    pub(crate) fn knows(&self, change: &Change) -> bool {
        let Change::Address {
            index,
            address,
            secondary,
            usable,
            tagged,
        } = *change
        else {
            return false;
        };
        let new = Address {
            address,
            secondary,
            usable,
            tagged,
        };
        let device = self.devices.get(&index);
        device.is_some_and(|d| d.addresses.contains(&new))
    }

    /// Addresses that are here and not in `now`, with the index of their device.
    pub(crate) fn missing_in(&self, now: &Self) -> BTreeSet<(u32, IpAddr)> {
        let pairs = |devices: &Self| -> BTreeSet<(u32, IpAddr)> {
            let each = devices.devices.iter();
            each.flat_map(|(index, d)| d.addresses.iter().map(|a| (*index, a.address)))
                .collect()
        };
        let (before, now) = (pairs(self), pairs(now));
        before.difference(&now).copied().collect()
    }

    /// Whether a device has that address.
    pub(crate) fn has(&self, index: u32, address: IpAddr) -> bool {
        let device = self.devices.get(&index);
        device.is_some_and(|d| d.addresses.iter().any(|a| a.address == address))
    }
}

impl Device {
    /// What the engine wants to know: the source of adverts is the first address that isn't a
    /// virtual one, a primary one if there is any.
    pub(crate) fn state(&self, virtual_addresses: &BTreeSet<IpAddr>) -> LinkState {
        let own = |a: &&Address| !virtual_addresses.contains(&a.address);
        let v4 = || {
            let own = self.addresses.iter().filter(own);
            own.filter(|a| a.address.is_ipv4())
        };
        let first = v4().find(|a| !a.secondary).or_else(|| v4().next());
        LinkState {
            up: self.up,
            mac: self.mac,
            address: first.map(|a| a.address),
            link_local: self.link_local(virtual_addresses),
            forwards_ipv6: self.forwards,
        }
    }

    /// The first one that may be used: duplicate address detection has found no other owner.
    fn link_local(&self, virtual_addresses: &BTreeSet<IpAddr>) -> Option<Ipv6Addr> {
        self.addresses.iter().find_map(|a| match a.address {
            IpAddr::V6(v6) if v6.is_unicast_link_local() && a.usable => {
                (!virtual_addresses.contains(&a.address)).then_some(v6)
            }
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        })
    }

    /// Addresses with our tag, and their prefix lengths.
    pub(crate) fn tagged(&self) -> impl Iterator<Item = (IpAddr, u8)> {
        let ours = self.addresses.iter();
        ours.filter_map(|a| a.tagged.map(|prefix| (a.address, prefix)))
    }

    fn add(&mut self, new: Address) {
        match self.addresses.iter_mut().find(|a| a.address == new.address) {
            Some(known) => *known = new,
            None => self.addresses.push(new),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 168, 0, last])
    }

    fn address(last: u8, secondary: bool) -> Change {
        Change::Address {
            index: 2,
            address: ip(last),
            secondary,
            usable: true,
            tagged: None,
        }
    }

    fn with(changes: Vec<Change>) -> Devices {
        let mut devices = Devices::default();
        devices.apply(Change::Link {
            index: 2,
            name: "eth0".to_owned(),
            up: true,
            mac: MacAddr([2, 0, 0, 0, 0, 1]),
            forwards: None,
        });
        for change in changes {
            devices.apply(change);
        }
        devices
    }

    fn source(devices: &Devices) -> Option<IpAddr> {
        let (_, device) = devices.find("eth0").expect("it was added");
        device.state(&BTreeSet::from([ip(200)])).address
    }

    #[test]
    fn a_virtual_address_is_never_the_source() {
        assert_eq!(source(&with(vec![address(200, false)])), None);
        let both = with(vec![address(200, false), address(11, false)]);
        assert_eq!(source(&both), Some(ip(11)));
    }

    #[test]
    fn a_primary_address_goes_before_a_secondary_one() {
        let devices = with(vec![address(12, true), address(11, false)]);
        assert_eq!(source(&devices), Some(ip(11)));
        assert_eq!(source(&with(vec![address(12, true)])), Some(ip(12)));
    }

    #[test]
    fn a_link_local_address_counts_once_it_is_unique() {
        let seen = |address: &str, usable| Change::Address {
            index: 2,
            address: address.parse().expect("an address"),
            secondary: false,
            usable,
            tagged: None,
        };
        let source = |changes| {
            let devices = with(changes);
            let (_, device) = devices.find("eth0").expect("it was added");
            let own = BTreeSet::from(["fe80::200".parse().expect("an address")]);
            device.state(&own).link_local.map(|a| a.to_string())
        };
        assert_eq!(source(vec![seen("fe80::1", false)]), None, "tentative");
        let settled = vec![seen("fe80::1", false), seen("fe80::1", true)];
        assert_eq!(source(settled), Some("fe80::1".to_owned()));
        assert_eq!(source(vec![seen("2001:db8::1", true)]), None);
        assert_eq!(source(vec![seen("fe80::200", true)]), None, "a virtual one");
    }

    #[test]
    fn forwarding_is_kept_when_a_message_says_nothing_of_it() {
        let forwards = |devices: &Devices| {
            let (_, device) = devices.find("eth0").expect("it was added");
            device.state(&BTreeSet::new()).forwards_ipv6
        };
        let mut devices = with(vec![]);
        assert!(!forwards(&devices));
        devices.apply(Change::Forwarding {
            index: 2,
            forwards: true,
        });
        devices.apply(Change::Link {
            index: 2,
            name: "eth0".to_owned(),
            up: true,
            mac: MacAddr::default(),
            forwards: None,
        });
        assert!(forwards(&devices));
    }

    #[test]
    fn lost_addresses_are_found_by_comparison() {
        let before = with(vec![address(11, false), address(200, true)]);
        let after = with(vec![address(11, false)]);
        assert_eq!(before.missing_in(&after), BTreeSet::from([(2, ip(200))]));
        assert!(after.missing_in(&before).is_empty());
    }

    #[test]
    fn a_device_that_is_gone_is_not_found() {
        let devices = with(vec![Change::LinkGone { index: 2 }]);
        assert!(devices.find("eth0").is_none());
    }
}
