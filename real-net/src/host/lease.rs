//! Leased addresses on this host: refreshed while the engine says so.

use std::time::Duration;

use locum_engine::Effect;
use locum_engine::config::VirtualAddress;
use tracing::warn;

use super::netlink::Netlink;
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
}
