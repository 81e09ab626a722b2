//! Devices of our making, one for each virtual MAC address, and the settings that go with them.
//!
//! What the kernel says of them comes later than what we do: that one was down before it was set up,
//! and the last words of one that we have removed, are known already.

use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use locum_engine::config::VirtualDevice;
use locum_engine::ids::InterfaceId;
use locum_engine::plan::Moves;
use tracing::error;

use super::netlink::{Change, Netlink};
use super::sysctl::Sysctls;
use crate::links::Links;

/// The devices that are there because of us.
#[derive(Debug)]
pub(super) struct Made {
    links: Rc<Links>,
    devices: Vec<VirtualDevice>,
    /// The indices of those that were made.
    ours: BTreeSet<u32>,
    /// Made and not yet reported as up.
    rising: BTreeSet<u32>,
    /// Removed, or about to be, and not yet reported as gone.
    buried: BTreeSet<u32>,
    /// To be removed when there is nothing better to do, with the names of the interfaces below: the
    /// kernel takes some fifty milliseconds for each.
    doomed: Vec<(u32, Arc<str>)>,
    /// Those that speak IPv6, by their names.
    speaking: BTreeSet<Arc<str>>,
    /// Those that could not be made, which was said.
    complained: BTreeSet<Arc<str>>,
    sysctls: Sysctls,
}

impl Made {
    pub(super) fn new(links: Rc<Links>) -> Self {
        Self {
            links,
            devices: Vec::new(),
            ours: BTreeSet::new(),
            rising: BTreeSet::new(),
            buried: BTreeSet::new(),
            doomed: Vec::new(),
            speaking: BTreeSet::new(),
            complained: BTreeSet::new(),
            sysctls: Sysctls::default(),
        }
    }

    /// Another configuration is in force; what it doesn't have is removed already.
    pub(super) fn reload(&mut self, moves: &Moves) {
        let moved = self.devices.iter().filter_map(|d| moves.device(d));
        self.devices = moved.collect();
    }

    /// Makes a device and sets it up. Its index; `None` if it is there and was merely down, with the
    /// interface below perhaps, or because of somebody.
    pub(super) fn create(
        &mut self,
        netlink: &mut Netlink,
        device: &VirtualDevice,
        present: Option<NonZeroU32>,
    ) -> io::Result<Option<u32>> {
        let no_device = || io::Error::from_raw_os_error(libc::ENODEV);
        let base = self.links.index(device.base).ok_or_else(no_device)?;
        let name = self.links.name(device.interface);
        // One of them may have this name.
        self.bury_doomed(netlink);
        if let Some(index) = present.filter(|index| self.ours.contains(&index.get())) {
            match netlink.raise_device(index.get()) {
                Ok(()) => return Ok(None),
                // Somebody has removed it, which we are about to hear.
                Err(e) if e.raw_os_error() == Some(libc::ENODEV) => {
                    _ = self.ours.remove(&index.get())
                }
                Err(e) => return Err(e),
            }
        }
        if let Some(index) = present {
            // What a crash left behind may be on another interface: it is made anew.
            self.buried.insert(index.get());
            bury(netlink, index.get())?;
        }
        netlink.create_device(&name, base.get(), device.mac)?;
        Sysctls::prepare_device(&name);
        self.speaking.remove(&name);
        let index = nix::net::if_::if_nametoindex(&*name)?;
        self.rising.insert(index);
        if !self.devices.contains(device) {
            self.devices.push(device.clone());
        }
        self.ours.insert(index);
        // Whoever comes after a crash learns how things were from the device: it says so first.
        let base = self.links.name(device.base);
        self.sysctls.remember_base(&base);
        netlink.mark_device(index, &self.sysctls.note(&base))?;
        self.sysctls.prepare_base(&base);
        netlink.raise_device(index)?;
        self.complained.remove(&name);
        Ok(Some(index))
    }

    /// A device can't be made, which is tried again and again and said once.
    pub(super) fn complain(&mut self, device: &VirtualDevice, error: &io::Error) {
        let name = self.links.name(device.interface);
        if self.complained.insert(Arc::clone(&name)) {
            error!(interface = &*name, "can't make a device: {error}");
        }
    }

    /// Knows again what an earlier run has changed.
    pub(super) fn inherit(&mut self, note: &str) {
        self.sysctls.inherit(note);
    }

    /// Puts back what an earlier run has changed on interfaces other than these.
    pub(super) fn disinherit(&mut self, bases: &BTreeSet<Arc<str>>) {
        for name in self.sysctls.changed() {
            if !bases.contains(&*name) {
                self.sysctls.restore(&name);
            }
        }
    }

    /// Removes a device of an earlier run.
    pub(super) fn remove_other(&mut self, netlink: &mut Netlink, index: u32) {
        self.buried.insert(index);
        if let Err(e) = bury(netlink, index) {
            error!(index, "can't remove a device: {e}");
        }
    }

    /// Whether one of these devices speaks IPv6 from now on. Of other interfaces it is not our business.
    pub(super) fn speak_ipv6(&mut self, interface: InterfaceId, speak: bool) {
        if !self.devices.iter().any(|d| d.interface == interface) {
            return;
        }
        let name = self.links.name(interface);
        let changed = match speak {
            true => self.speaking.insert(Arc::clone(&name)),
            false => self.speaking.remove(&name),
        };
        if changed {
            Sysctls::speak_ipv6(&name, speak);
        }
    }

    /// Whether that is known already, or said of a device that we have removed.
    pub(super) fn is_stale(&mut self, change: &Change) -> bool {
        match *change {
            Change::Link { index, up, .. } => {
                if up {
                    self.rising.remove(&index);
                }
                self.rising.contains(&index) || self.buried.contains(&index)
            }
            Change::Address { index, .. } => self.buried.contains(&index),
            Change::LinkGone { index } => {
                self.rising.remove(&index);
                self.buried.remove(&index);
                self.ours.remove(&index);
                false
            }
            _ => false,
        }
    }

    /// The kernel has been asked anew: nothing that it says later is old.
    pub(super) fn caught_up(&mut self) {
        self.rising.clear();
        self.buried.clear();
    }

    /// A device goes, soon; that it isn't there is success. The index that it had.
    pub(super) fn remove(&mut self, device: &VirtualDevice) -> Option<u32> {
        self.devices.retain(|d| d != device);
        let index = self.links.index(device.interface).map(NonZeroU32::get);
        self.buried.extend(index);
        self.ours.retain(|ours| Some(*ours) != index);
        let base = self.links.name(device.base);
        self.doomed.extend(index.map(|index| (index, base)));
        index
    }

    /// Removes the devices that are to go, and puts the settings back of interfaces that have none any
    /// more.
    pub(super) fn bury_doomed(&mut self, netlink: &mut Netlink) {
        for (index, base) in std::mem::take(&mut self.doomed) {
            // The note is on the device: it goes last.
            let mut bases = self.devices.iter().map(|d| self.links.name(d.base));
            if !bases.any(|other| other == base) {
                self.sysctls.restore(&base);
            }
            if let Err(e) = bury(netlink, index) {
                error!(index, "can't remove a device: {e}");
            }
        }
    }

    /// Lets go of everything.
    pub(super) fn clear(&mut self, netlink: &mut Netlink) {
        while let Some(device) = self.devices.last().cloned() {
            self.remove(&device);
        }
        self.bury_doomed(netlink);
    }
}

fn bury(netlink: &mut Netlink, index: u32) -> io::Result<()> {
    match netlink.remove_device(index) {
        // Somebody was faster.
        Err(e) if e.raw_os_error() == Some(libc::ENODEV) => Ok(()),
        result => result,
    }
}
