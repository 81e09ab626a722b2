//! Devices, routes, rules and filters: what the engine wants on the host besides addresses.
//!
//! Not the decision when, which is the engine's. What is up because of us is remembered, so that a
//! notification that it is gone can be told from one about somebody else's, and so that nothing
//! stays behind a panic.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::num::NonZeroU32;
use std::rc::Rc;

use locum_engine::config::{Config, Object, ObjectId, VirtualDevice};
use locum_engine::ids::InterfaceId;
use tracing::{debug, error};

use super::filter::Filter;
use super::netlink::{Netlink, RouteKey, RuleKey};
use super::sysctl::Sysctls;
use crate::links::Links;

/// What is there because of us.
#[derive(Debug)]
pub(super) struct Belongings {
    links: Rc<Links>,
    installed: BTreeMap<ObjectId, Object>,
    devices: Vec<VirtualDevice>,
    /// Devices that were made and not yet reported as up.
    rising: BTreeSet<u32>,
    sysctls: Sysctls,
    pub(super) filter: Filter,
}

impl Belongings {
    pub(super) fn new(config: &Config, links: Rc<Links>) -> Self {
        Self {
            links,
            installed: BTreeMap::new(),
            devices: Vec::new(),
            rising: BTreeSet::new(),
            sysctls: Sysctls::default(),
            filter: Filter::new(config.instances.iter().any(|i| i.refuses_access())),
        }
    }

    /// Adds a route or a rule; that it is there already is success.
    pub(super) fn install(
        &mut self,
        netlink: &mut Netlink,
        id: ObjectId,
        object: Object,
    ) -> io::Result<()> {
        let result = self.send(netlink, &object, true);
        self.installed.insert(id, object);
        match result {
            Err(e) if e.raw_os_error() == Some(libc::EEXIST) => Ok(()),
            result => result,
        }
    }

    /// Removes a route or a rule; that it isn't there is success.
    pub(super) fn uninstall(&mut self, netlink: &mut Netlink, id: ObjectId, object: &Object) {
        self.installed.remove(&id);
        let gone = [libc::ESRCH, libc::ENOENT, libc::ENODEV, libc::ENETUNREACH];
        match self.send(netlink, object, false) {
            Ok(()) => debug!(?id, "removed"),
            Err(e) if e.raw_os_error().is_some_and(|code| gone.contains(&code)) => {}
            Err(e) => error!("can't remove {object:?}: {e}"),
        }
    }

    /// Installs everything again that should be there: notifications were lost.
    pub(super) fn renew(&mut self, netlink: &mut Netlink) {
        for object in self.installed.values() {
            if let Err(e) = self.send(netlink, object, true) {
                debug!("not renewed: {object:?}: {e}");
            }
        }
    }

    fn send(&self, netlink: &mut Netlink, object: &Object, add: bool) -> io::Result<()> {
        let route = match object {
            Object::Rule(rule) => return netlink.rule(rule, add),
            Object::Route(route) => route,
        };
        let index = |id| self.links.index(id).map(NonZeroU32::get);
        let absent = |id: &InterfaceId| index(*id).is_none();
        if route
            .hops
            .iter()
            .filter_map(|hop| hop.interface)
            .any(|id| absent(&id))
        {
            return Err(io::Error::from_raw_os_error(libc::ENODEV));
        }
        netlink.route(route, |hop| hop.interface.and_then(index), add)
    }

    /// Which of our routes that is.
    pub(super) fn route(&self, key: &RouteKey) -> Option<ObjectId> {
        self.find(|object| matches!(object, Object::Route(route) if RouteKey::of(route) == *key))
    }

    /// Which of our rules that is.
    pub(super) fn rule(&self, key: &RuleKey) -> Option<ObjectId> {
        self.find(|object| matches!(object, Object::Rule(rule) if RuleKey::of(rule) == *key))
    }

    fn find(&self, is: impl Fn(&Object) -> bool) -> Option<ObjectId> {
        let mut found = self.installed.iter().filter(|(_, object)| is(object));
        found.next().map(|(id, _)| *id)
    }

    /// Makes a device and sets it up. Its index.
    pub(super) fn create(
        &mut self,
        netlink: &mut Netlink,
        device: &VirtualDevice,
        present: Option<NonZeroU32>,
    ) -> io::Result<u32> {
        let no_device = || io::Error::from_raw_os_error(libc::ENODEV);
        let base = self.links.index(device.base).ok_or_else(no_device)?;
        let name = self.links.name(device.interface).to_owned();
        if let Some(index) = present {
            // What a crash left behind may be on another interface: it is made anew.
            netlink.remove_device(index.get())?;
        }
        netlink.create_device(&name, base.get(), device.mac)?;
        self.sysctls.prepare_device(&name);
        self.sysctls.prepare_base(&self.links.name(device.base));
        let index = nix::net::if_::if_nametoindex(&*name)?;
        self.rising.insert(index);
        if !self.devices.contains(device) {
            self.devices.push(device.clone());
        }
        netlink.raise_device(index)?;
        Ok(index)
    }

    /// Whether "down" is the news of a device that we have just set up.
    pub(super) fn is_rising(&mut self, index: u32, up: bool) -> bool {
        if up {
            self.rising.remove(&index);
        }
        self.rising.contains(&index)
    }

    /// Removes a device; that it isn't there is success.
    pub(super) fn remove(&mut self, netlink: &mut Netlink, device: &VirtualDevice) {
        self.devices.retain(|d| d != device);
        if let Some(index) = self.links.index(device.interface)
            && let Err(e) = netlink.remove_device(index.get())
            && e.raw_os_error() != Some(libc::ENODEV)
        {
            let name = self.links.name(device.interface);
            error!(interface = &*name, "can't remove a device: {e}");
        }
        if self.devices.is_empty() {
            self.sysctls.restore();
        }
    }

    /// The daemon ends, and everything stays as it is.
    pub(super) fn leave(&mut self) {
        self.filter.leave();
    }

    /// Lets go of everything.
    pub(super) fn clear(&mut self, netlink: &mut Netlink) {
        for (id, object) in std::mem::take(&mut self.installed).into_iter().rev() {
            self.uninstall(netlink, id, &object);
        }
        for device in std::mem::take(&mut self.devices) {
            self.remove(netlink, &device);
        }
    }
}
