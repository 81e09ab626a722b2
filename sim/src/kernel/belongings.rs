//! What a kernel has for its daemon besides addresses: devices with virtual MAC addresses, routes,
//! rules, and a filter.
//!
//! A device is a macvlan on the NIC: frames to its hardware address are taken, and questions about
//! an address on it are answered with that. What the kernel itself sends in the name of such an
//! address leaves by the NIC, whose connected route is the older one, with the NIC's hardware
//! address; recordings of a real one show the same. Routes and rules are there or not: nothing here
//! is sent beyond its segment, so they lead nowhere.

use core::net::IpAddr;

use locum_engine::config::ObjectId;
use locum_engine::ids::MacAddr;

use super::{Context, Delivery, Held, Kernel};
use crate::record::{Observed, Remover};

/// A route or a rule that no configuration knows.
pub(crate) const NOBODYS: ObjectId = ObjectId {
    owner: None,
    index: u16::MAX,
};

/// What a daemon has put up on a host.
#[derive(Clone, Debug, Default)]
pub(super) struct Belongings {
    /// The hardware addresses of the devices on this NIC.
    devices: Vec<MacAddr>,
    /// Routes and rules, oldest first.
    objects: Vec<ObjectId>,
    /// Addresses that answer nothing but questions about where they are.
    shut: Vec<IpAddr>,
}

impl Kernel {
    /// The hardware address of the NIC itself.
    pub(crate) const fn mac(&self) -> MacAddr {
        self.mac
    }

    /// Whether frames from and to a hardware address are this NIC's, or a device's on it.
    pub(crate) fn has_mac(&self, mac: MacAddr) -> bool {
        mac == self.mac || self.belongings.devices.contains(&mac)
    }

    /// The hardware address that an address of this host is at.
    pub(super) fn mac_of(&self, address: IpAddr) -> MacAddr {
        let held = self.addresses.iter().find(|held| held.address == address);
        held.map_or(self.mac, |held| held.on)
    }

    /// Makes a device; that it is there already is fine.
    pub(crate) fn create_device(&mut self, mac: MacAddr) {
        if !self.has_mac(mac) {
            self.belongings.devices.push(mac);
        }
    }

    /// A device goes, and with it what is on it.
    pub(crate) fn remove_device(&mut self, cx: &mut Context<'_>, mac: MacAddr) {
        if mac == self.mac {
            return;
        }
        let lost = |held: &&Held| held.on == mac;
        let lost: Vec<_> = self.addresses.iter().filter(lost).copied().collect();
        for held in lost {
            self.drop_address(cx, held.address, Remover::Daemon);
        }
        self.belongings.devices.retain(|device| *device != mac);
    }

    /// Puts up a route or a rule; that it is there already is fine.
    pub(crate) fn install(&mut self, cx: &mut Context<'_>, object: ObjectId) {
        if self.belongings.objects.contains(&object) {
            return;
        }
        self.belongings.objects.push(object);
        let host = self.owner;
        cx.record(Observed::ObjectAdded { host, object });
    }

    /// A route or a rule goes; the daemon is told unless it did this itself.
    pub(crate) fn uninstall(&mut self, cx: &mut Context<'_>, object: ObjectId, by: Remover) {
        let objects = &mut self.belongings.objects;
        let Some(at) = objects.iter().position(|there| *there == object) else {
            return;
        };
        objects.remove(at);
        let host = self.owner;
        cx.record(Observed::ObjectRemoved { host, object, by });
        if let Some(socket) = &mut self.socket
            && by != Remover::Daemon
        {
            socket.change(Delivery::ObjectRemoved(object));
        }
    }

    /// A daemon has another configuration, and its routes and rules other positions in it. What it
    /// knows no more stays as nobody's.
    pub(crate) fn move_objects(&mut self, moved: impl Fn(ObjectId) -> Option<ObjectId>) {
        let objects = self.belongings.objects.iter_mut();
        for object in objects.filter(|object| **object != NOBODYS) {
            *object = moved(*object).unwrap_or(NOBODYS);
        }
        if let Some(socket) = &mut self.socket {
            socket.move_objects(moved);
        }
    }

    /// What is addressed to these is dropped from now on.
    pub(crate) fn shut(&mut self, addresses: &[IpAddr]) {
        self.belongings.shut.extend(addresses);
    }

    /// One filter on them less.
    pub(crate) fn unshut(&mut self, addresses: &[IpAddr]) {
        let shut = &mut self.belongings.shut;
        for address in addresses {
            if let Some(at) = shut.iter().position(|known| known == address) {
                shut.remove(at);
            }
        }
    }

    pub(super) fn is_shut(&self, address: IpAddr) -> bool {
        self.belongings.shut.contains(&address)
    }

    /// The power fails.
    pub(super) fn lose_belongings(&mut self, cx: &mut Context<'_>) {
        for object in self.belongings.objects.clone() {
            self.uninstall(cx, object, Remover::PowerLoss);
        }
        self.belongings = Belongings::default();
    }
}
