//! Addresses that adverts are sent from: whether this host has them, for `track_src_ip`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use locum_engine::config::Config;
use locum_engine::driver::HostChange;
use tracing::warn;

use super::KernelHost;
use super::devices::Devices;

/// What the engine was told of each, once it was.
pub(super) type Sources = BTreeMap<IpAddr, Option<bool>>;

impl KernelHost {
    /// Watches those of a configuration; what is known of the old one's goes along.
    pub(super) fn watch_sources(&mut self, config: &Config) {
        let told = std::mem::take(&mut self.sources);
        let known = |address: &IpAddr| told.get(address).copied().flatten();
        let wanted = config.watched_sources().into_iter();
        self.sources = wanted.map(|address| (address, known(&address))).collect();
        self.report_sources();
    }

    /// Tells of those that have come or gone.
    pub(super) fn report_sources(&mut self) {
        // The table isn't told of addresses that we have added: of those the kernel is asked.
        let ours = self
            .sources
            .keys()
            .any(|a| self.virtual_addresses.contains(a));
        let now = ours.then(Devices::read).transpose();
        let now = now.unwrap_or_else(|e| {
            warn!("can't ask for the addresses that adverts come from: {e}");
            None
        });
        let devices = now.as_ref().unwrap_or(&self.devices);
        for (address, told) in &mut self.sources {
            let present = devices.hold(*address);
            if told.replace(present) != Some(present) {
                let change = HostChange::Source(*address, present);
                self.changes.push_back(change);
            }
        }
    }
}
