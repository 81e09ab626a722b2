//! Leased addresses on this host: refreshed while the engine says so.

use locum_engine::Effect;
use locum_engine::config::VirtualAddress;

use super::{FOR_EVER, KernelHost};

impl KernelHost {
    /// The daemon ends and lets go of nothing: what is to go now stays for good.
    pub(super) fn keep(&mut self, effect: &Effect) {
        if let Effect::RemoveAddress { address, .. } = effect {
            self.refresh(address.clone(), FOR_EVER);
        }
    }

    /// Whether that address is on its interface with our tag.
    pub(super) fn has_tag(&self, address: &VirtualAddress) -> bool {
        let device = self.devices.find(&self.links.name(address.interface));
        device.is_some_and(|(_, d)| d.tagged().any(|t| t == (address.address, address.prefix)))
    }
}
