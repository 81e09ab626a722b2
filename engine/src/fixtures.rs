//! What is there for as long as the daemon runs: devices with virtual MAC addresses, and addresses,
//! routes and rules that belong to no instance.
//!
//! What somebody removes is put back, at most once a second; what the kernel refuses is tried again
//! after ten. Instances of a `track_group` are in fault for as long as it is missing.

mod reload;

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::config::{Config, Object, ObjectId, StaticItem};
use crate::event::Event;
use crate::ids::{InstanceId, InterfaceId};
use crate::output::{Effect, Output};
use crate::router::Missing;
use crate::time::Instant;

/// A device that is gone or down is made again at most this often.
const DEVICE_PAUSE: Duration = Duration::from_secs(1);

/// The state of all of them. Nothing happens before the start and after the stop.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Fixtures {
    running: bool,
    addresses: Missing,
    objects: Missing,
    /// Devices to be made again, and when.
    devices: BTreeMap<InterfaceId, Instant>,
}

impl Fixtures {
    /// Devices first: addresses and routes may be on them.
    pub(crate) fn start(&mut self, config: &Config, out: &mut VecDeque<Output>) {
        self.running = true;
        for device in &config.devices {
            let device = device.clone();
            out.push_back(Output::Effect(Effect::CreateDevice { device }));
        }
        self.install(config, out);
    }

    /// The other way round.
    pub(crate) fn stop(&mut self, config: &Config, out: &mut VecDeque<Output>) {
        if !core::mem::take(&mut self.running) {
            return;
        }
        *self = Self::default();
        for (index, object) in (0_u16..).zip(&config.statics.objects).rev_all() {
            let id = ObjectId { owner: None, index };
            let object = object.clone();
            out.push_back(Output::Effect(Effect::Uninstall { id, object }));
        }
        for (index, address) in (0_u16..).zip(&config.statics.addresses).rev_all() {
            let address = address.clone();
            out.push_back(Output::Effect(Effect::RemoveStaticAddress {
                index,
                address,
            }));
        }
        for device in config.devices.iter().rev() {
            let device = device.clone();
            out.push_back(Output::Effect(Effect::RemoveDevice { device }));
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let device = self.devices.values().copied().min();
        [self.addresses.deadline(), self.objects.deadline(), device]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due. True when something that was missing has been put up again.
    pub(crate) fn timeout(
        &mut self,
        config: &Config,
        now: Instant,
        out: &mut VecDeque<Output>,
    ) -> bool {
        let mut changed = false;
        for index in self.addresses.due(now) {
            self.add_address(config, index, out);
            out.push_back(Output::Event(Event::StaticAddressPutBack { index }));
            changed = true;
        }
        for index in self.objects.due(now) {
            let id = ObjectId { owner: None, index };
            let object = config.object(id).clone();
            out.push_back(Output::Effect(Effect::Install { id, object }));
            out.push_back(Output::Event(Event::ObjectPutBack { object: id }));
            changed = true;
        }
        for device in &config.devices {
            if let Some(at) = self.devices.get_mut(&device.interface)
                && *at <= now
            {
                *at = now + DEVICE_PAUSE;
                let device = device.clone();
                out.push_back(Output::Effect(Effect::CreateDevice { device }));
            }
        }
        changed
    }

    /// A link changed. One of our devices that is down is made again; the kernel drops the routes
    /// of a link that goes down without a word, so they are put up again when one comes back, and so
    /// are the addresses on it.
    pub(crate) fn link(
        &mut self,
        config: &Config,
        interface: InterfaceId,
        up: bool,
        now: Instant,
        out: &mut VecDeque<Output>,
    ) {
        if !self.running {
            return;
        }
        if config.device(interface).is_some() {
            if up {
                self.devices.remove(&interface);
            } else {
                self.devices.entry(interface).or_insert(now);
            }
        }
        if up {
            let statics = &config.statics;
            for (index, _) in (0_u16..)
                .zip(&statics.addresses)
                .filter(|(_, address)| address.interface == interface)
            {
                self.addresses.forget(index);
                self.add_address(config, index, out);
            }
            self.objects = Missing::default();
            Self::install_objects(config, out);
        }
    }

    /// An address is gone. True when it is one of these.
    pub(crate) fn address_removed(
        &mut self,
        config: &Config,
        interface: InterfaceId,
        address: core::net::IpAddr,
        now: Instant,
    ) -> bool {
        let list = &config.statics.addresses;
        let place = list
            .iter()
            .position(|a| a.interface == interface && a.address == address && !a.options.untracked);
        let place = place.and_then(|place| u16::try_from(place).ok());
        match place.filter(|_| self.running) {
            Some(place) => self.addresses.removed(place, now),
            None => return false,
        }
        true
    }

    pub(crate) fn address_refused(&mut self, index: u16, now: Instant) {
        if self.running {
            self.addresses.refused(index, now);
        }
    }

    pub(crate) fn object_removed(&mut self, config: &Config, index: u16, now: Instant) {
        let object = config.statics.objects.get(usize::from(index));
        if self.running && object.is_some_and(Object::is_tracked) {
            self.objects.removed(index, now);
        }
    }

    pub(crate) fn object_refused(&mut self, index: u16, now: Instant) {
        if self.running {
            self.objects.refused(index, now);
        }
    }

    /// Something missing that this instance depends on.
    pub(crate) fn missing_for(&self, config: &Config, instance: InstanceId) -> Option<StaticItem> {
        let tracked = config.statics.tracked.iter();
        let mut lost = tracked.filter(|track| match track.what {
            StaticItem::Address(index) => self.addresses.has(index),
            StaticItem::Object(index) => self.objects.has(index),
        });
        lost.find(|track| track.instances.contains(&instance))
            .map(|track| track.what)
    }

    fn install(&self, config: &Config, out: &mut VecDeque<Output>) {
        for (index, _) in (0_u16..).zip(&config.statics.addresses) {
            self.add_address(config, index, out);
        }
        Self::install_objects(config, out);
    }

    fn install_objects(config: &Config, out: &mut VecDeque<Output>) {
        for (index, object) in (0_u16..).zip(&config.statics.objects) {
            let id = ObjectId { owner: None, index };
            let object = object.clone();
            out.push_back(Output::Effect(Effect::Install { id, object }));
        }
    }

    fn add_address(&self, config: &Config, index: u16, out: &mut VecDeque<Output>) {
        let address = config.statics.addresses[usize::from(index)].clone();
        out.push_back(Output::Effect(Effect::AddStaticAddress { index, address }));
    }
}

/// Numbered items, the last first.
trait Backwards: Iterator + Sized {
    fn rev_all(self) -> impl Iterator<Item = Self::Item> {
        let all: Vec<_> = self.collect();
        all.into_iter().rev()
    }
}

impl<I: Iterator> Backwards for I {}
