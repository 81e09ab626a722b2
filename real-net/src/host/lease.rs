//! Leased addresses on this host: refreshed while the engine says so; and what an earlier run has
//! left behind.

use std::time::Duration;

use locum_engine::Effect;
use locum_engine::config::{AddressOptions, Broadcast, Config, VirtualAddress};
use tracing::{info, warn};

use super::netlink::{Change, Netlink};
use super::{FOR_EVER, KernelHost};

impl KernelHost {
    /// Lets the lifetime of an address begin anew, if it is one that we have added: an address that
    /// was there before keeps the one it has.
    pub(super) fn refresh(&mut self, address: &VirtualAddress, lifetime: Duration) {
        if !self.leased.contains(address) {
            return;
        }
        let send = |n: &mut Netlink, index, a: &_| n.refresh_address(index, a, lifetime);
        match self.request(address, send) {
            Ok(()) => {}
            // Its interface is gone, which is reported by itself.
            Err(e) if e.raw_os_error() == Some(libc::ENODEV) => {}
            Err(e) => warn!(address = %address.address, "can't refresh an address: {e}"),
        }
    }

    /// The daemon ends and lets go of nothing: what is to go now stays for good.
    pub(super) fn keep(&mut self, effect: &Effect) {
        if let Effect::RemoveAddress { address, .. } = effect {
            self.refresh(address, FOR_EVER);
        }
    }

    /// Whether that address is on its interface with our tag.
    pub(super) fn has_tag(&self, address: &VirtualAddress) -> bool {
        let device = self.devices.find(&self.links.name(address.interface));
        device.is_some_and(|(_, d)| d.tagged().any(|t| t == (address.address, address.prefix)))
    }

    /// Removes addresses of an earlier run that the configuration knows no more: only with our tag,
    /// only on interfaces that are used. Those it knows are the engine's to remove or to keep.
    pub(super) fn remove_leftovers(&mut self, config: &Config) {
        let of_instances = config.instances.iter().flat_map(|i| i.held_addresses());
        let known: Vec<_> = of_instances
            .chain(config.statics.addresses.iter())
            .collect();
        for interface in self.links.ids() {
            let Some((index, device)) = self.devices.find(&self.links.name(interface)) else {
                continue;
            };
            self.links.set(interface, Some(index));
            let leftovers = device.tagged().filter(|(address, prefix)| {
                let same = |k: &&&VirtualAddress| {
                    (k.interface, k.address, k.prefix) == (interface, *address, *prefix)
                };
                !known.iter().any(|k| same(&k))
            });
            for (address, prefix) in leftovers.collect::<Vec<_>>() {
                let interface_name = self.links.name(interface);
                info!(%address, interface = &*interface_name, "left behind by an earlier run: removed");
                self.remove(&VirtualAddress {
                    address,
                    prefix,
                    interface,
                    label: None,
                    scope: 0,
                    broadcast: Broadcast::None,
                    options: AddressOptions::default(),
                });
                let index = index.get();
                self.devices.apply(Change::AddressGone { index, address });
            }
        }
    }
}
